"""The servers that are measured: how each is made ready, started and reached.

A peer that cannot be had here says why (`Absent`); the report repeats it.
"""

import glob
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Callable

from . import machine, token

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCES = os.path.join(REPOSITORY, "benchmarks", "peers")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "jobwire-bench")
SECRET = "a secret of the benchmark, 32 bytes or more"
PYTHON = os.path.join(CACHE, "venv", "bin", "python")
PYPI = ["socketify", "hiredis", "redis", "fastapi", "uvicorn", "uvloop", "httptools", "websockets"]


class Absent(Exception):
    """This peer cannot be had on this machine."""


@dataclass
class Peer:
    name: str
    note: str
    prepare: Callable[[], str]  # makes it ready, returns its version
    command: Callable[[int, int, str], tuple]  # port, Redis port, directory → argv, environment
    path: str = "/api/v1/ws/jobs/%u/updates"
    headers: str = ""
    hello: str = ""
    publish_path: str = ""  # empty: PUBLISH to Redis
    ready_path: str = ""  # empty: ready when it accepts
    idle_max: int = 15000
    skips: tuple = ()  # cases that would say nothing new about it
    keeps_history: bool = False  # what was published before somebody connects is sent to him


def compile_c(name, sources, *libraries):
    os.makedirs(CACHE, exist_ok=True)
    binary = os.path.join(CACHE, name)
    argv = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", binary, *sorted(glob.glob(sources)), *libraries]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise Absent(f"it does not compile: {done.stderr.strip()[:300]}")
    return binary


def needs(program):
    if not shutil.which(program) and not os.path.exists(f"/usr/sbin/{program}"):
        raise Absent(f"{program} is not installed")


def filled(template, directory, **values):
    with open(os.path.join(SOURCES, template)) as file:
        text = file.read()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    path = os.path.join(directory, os.path.basename(template))
    with open(path, "w") as file:
        file.write(text)
    return path


# Jobwire


def jobwire_binary():
    return os.environ.get("BENCH_JOBWIRE", os.path.join(REPOSITORY, ".build", "release", "jobwire"))


def prepare_jobwire():
    if not os.path.exists(jobwire_binary()):
        raise Absent("it is not built: swift build -c release --static-swift-stdlib")
    if "BENCH_JOBWIRE" in os.environ:
        return "a binary named by BENCH_JOBWIRE"
    return "built from the commit above, or from what was there when it was last built"


def jobwire(history):
    def command(port, redis_port, directory):
        return [jobwire_binary(), "serve"], {
            "JOBWIRE_LISTEN": f"127.0.0.1:{port}",
            "JOBWIRE_REDIS_URL": f"redis://127.0.0.1:{redis_port}",
            "JOBWIRE_TOKEN_SECRET": SECRET,
            "JOBWIRE_LOOPS": "1",
            "JOBWIRE_HISTORY": history,
        }

    return command


# Python's


def prepare_venv():
    if not os.path.exists(PYTHON):
        os.makedirs(CACHE, exist_ok=True)
        subprocess.run(["python3", "-m", "venv", os.path.join(CACHE, "venv")], check=True, capture_output=True)
    wanted = "import importlib.metadata as m, sys; [m.version(n) for n in sys.argv[1:]]"
    if subprocess.run([PYTHON, "-c", wanted, *PYPI], capture_output=True).returncode:
        done = subprocess.run([PYTHON, "-m", "pip", "install", "-q", *PYPI], capture_output=True, text=True)
        if done.returncode:
            raise Absent(f"pip cannot install it: {done.stderr.strip()[-300:]}")


def pypi_versions(*names):
    code = "import importlib.metadata as m, sys; print(', '.join(n + ' ' + m.version(n) for n in sys.argv[1:]))"
    return machine.output(PYTHON, "-c", code, *names)


def libuv_environment():
    """socketify needs libuv; where the system has none, Debian's package is unpacked in the cache."""
    directory = os.path.join(CACHE, "libuv")
    if machine.output("sh", "-c", "/sbin/ldconfig -p | grep libuv.so.1"):
        return {}
    if not glob.glob(f"{directory}/usr/lib/*/libuv.so.1"):
        os.makedirs(directory, exist_ok=True)
        script = 'cd "$1" && apt-get download -q libuv1 && dpkg -x libuv1_*.deb .'
        if subprocess.run(["sh", "-c", script, "sh", directory], capture_output=True).returncode:
            raise Absent("libuv1 is neither installed nor to be downloaded")
    return {"LD_LIBRARY_PATH": os.path.dirname(glob.glob(f"{directory}/usr/lib/*/libuv.so.1")[0])}


def prepare_socketify():
    prepare_venv()
    environment = {**os.environ, **libuv_environment()}
    done = subprocess.run([PYTHON, "-c", "import socketify"], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise Absent(f"it cannot be imported: {done.stderr.strip()[-200:]}")
    return pypi_versions("socketify", "hiredis")


def prepare_fastapi():
    prepare_venv()
    return pypi_versions("fastapi", "uvicorn", "uvloop", "websockets", "redis")


def fastapi_command(port, redis_port, directory):
    argv = [PYTHON, "-m", "uvicorn", "--app-dir", os.path.join(SOURCES, "fastapi"), "app:app"]
    argv += ["--port", str(port), "--log-level", "warning", "--backlog", "4096"]
    return argv, {"REDIS_PORT": str(redis_port), "PYTHONDONTWRITEBYTECODE": "1"}


# Others


def prepare_node():
    needs("node")
    if not os.path.exists("/usr/share/nodejs/ws/package.json"):
        raise Absent("Debian's node-ws is not installed")
    with open("/usr/share/nodejs/ws/package.json") as file:
        return f"ws {json.load(file)['version']}, node {machine.output('node', '--version')}"


def nchan_module():
    found = glob.glob("/usr/lib/nginx/modules/ngx_nchan_module.so")
    if not found:
        raise Absent("Debian's libnginx-mod-nchan is not installed")
    return found[0]


def prepare_nchan():
    needs("nginx")
    nchan_module()
    return f"nchan {machine.package('libnginx-mod-nchan')}, nginx {machine.package('nginx')}"


def nchan_command(port, redis_port, directory):
    path = filled("nchan/nginx.conf", directory, PORT=port, MODULE=nchan_module())
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-p", directory, "-c", path, "-e", "stderr"], {}


def prepare_webdis():
    needs("webdis")
    return f"webdis {machine.package('webdis')}"


def prepare_limit():
    compile_c("c-limit", os.path.join(SOURCES, "c-limit", "*.c"), "-lcrypto")
    return "benchmarks/peers/c-limit"


ALL = [
    Peer("jobwire", "tokens checked, numbered, history in memory", prepare_jobwire, jobwire("memory"),
         headers="Authorization: Bearer {token}\r\n", ready_path="/readyz", keeps_history=True),
    Peer("jobwire-redis", "the same with history=redis: recorded in Redis, for all bridges", prepare_jobwire, jobwire("redis"),
         headers="Authorization: Bearer {token}\r\n", ready_path="/readyz", keeps_history=True),
    Peer("jobwire-off", "the same with history=off: relayed and numbered, not kept", prepare_jobwire, jobwire("off"),
         headers="Authorization: Bearer {token}\r\n", ready_path="/readyz"),
    Peer("c-limit", "the least that can be done in C: no tokens, numbers, history, limits or pings", prepare_limit,
         lambda port, redis_port, directory: ([os.path.join(CACHE, "c-limit"), str(port), str(redis_port)], {})),
    Peer("socketify", "uWebSockets from Python, hiredis' parser", prepare_socketify,
         lambda port, redis_port, directory: (
             [PYTHON, os.path.join(SOURCES, "socketify", "server.py"), str(port), str(redis_port)],
             libuv_environment())),
    Peer("node-ws", "Node with ws, no deflate", prepare_node,
         lambda port, redis_port, directory: (
             ["node", os.path.join(SOURCES, "node-ws", "server.js"), str(port), str(redis_port)],
             {"NODE_PATH": "/usr/share/nodejs"})),
    Peer("nchan", "nginx; events by HTTP POST, no Redis on the way", prepare_nchan, nchan_command,
         publish_path="/publish/%u"),
    Peer("webdis", "a Redis connection for each socket: Redis does the fan-out", prepare_webdis,
         lambda port, redis_port, directory: (
             ["webdis", filled("webdis/webdis.json", directory, PORT=port, REDIS_PORT=redis_port)], {}),
         path="/.json", headers="Origin: http://127.0.0.1\r\n", hello='["SUBSCRIBE","job:%u:updates"]', idle_max=9000, skips=("A256",)),
    Peer("fastapi", "FastAPI and redis.asyncio, a Redis subscription for each job", prepare_fastapi, fastapi_command,
         idle_max=9000, skips=("A256",)),
]


def with_token(headers):
    return headers.replace("{token}", token.mint(SECRET, "jobs:read", 3600))
