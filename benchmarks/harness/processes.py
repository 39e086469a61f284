"""Processes that a measurement needs: each pinned to a core, each ended by the one that started it.

Invariant: every child started here is in `living` until it has been waited for, and dies with us even
when we are killed.
"""

import ctypes
import os
import re
import resource
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

living: list["Child"] = []
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Failed(Exception):
    """A process did not do what it was started for."""


class Child:
    def __init__(self, name, argv, core, directory, env=None):
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("JOBWIRE_")}
        self.name, self.log = name, os.path.join(directory, f"{name}.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), *argv],
                cwd=directory,
                env={**inherited, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        living.append(self)

    @property
    def pid(self):
        return self.process.pid  # taskset becomes the program: the pid stays

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self in living:
            living.remove(self)

    def tail(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-600:].strip()

    def wait_until(self, ready, seconds=15):
        deadline = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended with {self.process.returncode}: {self.tail()}")
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} is not ready after {seconds} s: {self.tail()}")
            time.sleep(0.02)


def stop_all():
    for child in reversed(list(living)):
        child.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def answers(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as response:
            return response.status == 200
    except (OSError, urllib.error.URLError):
        return False


def start_redis(core, directory):
    port = free_port()
    argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    argv += ["--maxclients", "19000", "--tcp-backlog", "4096", "--dir", directory]
    redis = Child("redis", argv, core, directory)
    redis.wait_until(lambda: accepts(port))
    return redis, port


def redis_calls(port, *commands):
    """How often these were run, by scripts too."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection, connection.makefile("rb") as answer:
        connection.sendall(b"INFO commandstats\r\n")
        text = answer.read(int(answer.readline()[1:])).decode()
    found = re.findall(r"^cmdstat_(\w+):calls=(\d+)", text, re.MULTILINE)
    return sum(int(calls) for name, calls in found if name in commands)


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
