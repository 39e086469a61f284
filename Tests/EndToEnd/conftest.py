"""What every end-to-end test can ask for: a Redis, a server, a job id of its own, tokens.

Real processes only: redis-server, `jobwire serve` from .build/release, and clients that share no code
with it. A test that changes the server or its Redis starts its own with `serve` or `make_redis`.
"""

import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support.certificates import Certificates  # noqa: E402
from support.client import Socket, job_path  # noqa: E402
from support.redis_server import RedisServer  # noqa: E402
from support.server import BINARY, Jobwire, clean_environment  # noqa: E402
from support.tokens import token  # noqa: E402


@pytest.fixture(scope="session")
def slow():
    """True where the tests run at full size (./test --slow)."""
    return bool(os.environ.get("JOBWIRE_TEST_SLOW"))


@pytest.fixture(scope="session")
def make_folder():
    """Short paths: a Unix socket's may not be longer than 107 bytes."""
    folders = []

    def make():
        folders.append(tempfile.mkdtemp(prefix="jw-"))
        return pathlib.Path(folders[-1])

    yield make
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def certificates(make_folder):
    return Certificates(make_folder())


@pytest.fixture(scope="session")
def redis(make_folder, certificates):
    server = RedisServer(make_folder(), certificates)
    yield server
    server.stop()


@pytest.fixture
def make_redis(make_folder, certificates):
    servers = []

    def make(**options):
        servers.append(RedisServer(make_folder(), certificates, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(redis):
    """The server most tests share; each has a job of its own in it."""
    shared = Jobwire(redis.url)
    yield shared
    assert shared.process.poll() is None, f"the shared server died:\n{shared.log[-4000:]}"
    assert shared.stop() == 0


@pytest.fixture
def serve(redis):
    """Starts a server with settings of the test's own; ended with the test."""
    started = []

    def start(redis_url=None, **settings):
        # Bridges with other settings share no history with the shared server.
        settings.setdefault("key_prefix", "jobwire" if redis_url else f"own-{next(_numbers)}")
        started.append(Jobwire(redis_url or redis.url, **settings))
        return started[-1]

    yield start
    for each in started:
        each.stop()


_numbers = itertools.count(1)


@pytest.fixture
def job():
    return f"job-{next(_numbers)}"


@pytest.fixture
def follow():
    """Opens sockets and closes them with the test: follow(server, job, after=…, where=…)."""
    open_sockets = []

    def open_socket(server, job=None, *, path=None, query=None, **options):
        options.setdefault("token", token())
        address = path or (job_path(job, **(query or {})) if job else "/api/v1/ws")
        open_sockets.append(Socket(server, address, **options))
        return open_sockets[-1]

    yield open_socket
    for each in open_sockets:
        each.close()


@pytest.fixture(params=["plain", "deflate"])
def deflate(request):
    """Runs the test twice: without and with compression."""
    return request.param == "deflate"


@pytest.fixture
def start():
    """Starts a verb that goes on; ended with the test."""
    started = []

    def begin(*arguments, options=None, **settings):
        """`options` are Popen's: where it begins, what it reads."""
        started.append(subprocess.Popen(
            [BINARY, *map(str, arguments)], env=clean_environment(settings), text=True,
            **({"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | (options or {}))))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        if process.stdin and process.stdin.closed:
            process.stdin = None  # the test has ended what it said
        process.communicate()
