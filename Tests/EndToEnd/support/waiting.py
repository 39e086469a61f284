"""Waiting for something to become true, by deadline: the one place where these tests poll."""

import socket
import time

DEADLINE_SECONDS = 10


def eventually(ask, within=DEADLINE_SECONDS, what=None):
    """The first true answer of `ask`; fails with `what` when there is none in time."""
    deadline = time.monotonic() + within
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or ask}; last answer {answer!r}")
        time.sleep(0.01)


def free_port():
    """A port of the kernel's choice, for servers that want to be told one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
