"""`jobwire serve` as a process of the run, always reached by its Redis proxy."""

import asyncio
import os
import pathlib
import signal
import subprocess

from .events import pattern_of
from .proxy import KILLED, PAUSED
from .redis_process import free_port

ROOT = pathlib.Path(__file__).resolve().parents[3]
SECRET = "a-secret-of-the-fault-harness-of-more-than-32-bytes"


def binary():
    return pathlib.Path(os.environ.get("JOBWIRE_BINARY") or ROOT / ".build/release/jobwire")


class Bridge:
    """Keeps its port and its proxy over restarts; each start is a new life (see proxy.py)."""

    def __init__(self, name, folder, proxy, story, settings):
        self.name, self.proxy, self.story, self.settings = name, proxy, story, settings
        self.port = free_port()
        self.log_path = pathlib.Path(folder) / f"{name}.log"
        #: Set by the world: what its /readyz says.
        self.readiness = None
        self.process = None
        self.is_meant_to_live = False
        self.is_paused = False
        #: It has left for good.
        self.is_gone = False

    def start(self):
        if self.is_alive:
            return
        kept = {name: value for name, value in os.environ.items() if not name.startswith("JOBWIRE_")}
        named = {f"JOBWIRE_{name.upper()}": str(value) for name, value in self.settings.items()}
        named |= {
            "JOBWIRE_LISTEN": f"127.0.0.1:{self.port}", "JOBWIRE_TOKEN_SECRET": SECRET,
            "JOBWIRE_REDIS_URL": f"redis://127.0.0.1:{self.proxy.port}",
        }  # fmt: skip
        self.proxy.new_life()
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [binary(), "serve"], env=kept | named, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.is_meant_to_live = True
        self.story.tell(self.name, f"started, pid {self.process.pid}")

    @property
    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    @property
    def reply_seconds(self):
        return float(self.settings["redis_reply_timeout"].rstrip("s"))

    def kill(self):
        self.is_meant_to_live = False
        self.story.strike(self.name, KILLED)
        self.proxy.end_life(KILLED)
        self.process.kill()
        self.process.wait()
        self.is_paused = False

    async def terminate(self):
        """Politely; -> once it has ended."""
        self.is_meant_to_live = False
        self.story.strike(self.name, "SIGTERM")
        self.proxy.end_life("SIGTERM")
        self.process.terminate()
        for _ in range(1000):
            if self.process.poll() is not None:
                return
            await asyncio.sleep(0.01)
        raise RuntimeError(f"{self.name} does not end on SIGTERM")

    async def leave(self):
        """Politely and for good."""
        self.is_gone = True
        await self.terminate()

    def pause(self):
        self.is_paused = True
        self.story.strike(self.name, "SIGSTOP")
        self.proxy.disturb(PAUSED)
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        if self.is_paused and self.is_alive:
            self.process.send_signal(signal.SIGCONT)
            self.proxy.calm(PAUSED)
            self.story.tell(self.name, "SIGCONT")
        self.is_paused = False

    def hears(self, job):
        """Whether the channel of this job's workers is among its patterns."""
        return pattern_of(job) in self.settings["patterns"].split(",")
