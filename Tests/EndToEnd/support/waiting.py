"""Waiting for something to become true, by deadline: the one place where these tests poll.

Patience turns a hang into a failure and is no part of what is tested: far more than anything takes, also where the
machine has other things to do.
"""

import time

PATIENCE_SECONDS = 60


def eventually(ask, within=PATIENCE_SECONDS, what=None):
    """The first true answer of `ask`; fails with `what` when there is none in time."""
    deadline = time.monotonic() + within
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or ask}; last answer {answer!r}")
        time.sleep(0.01)
