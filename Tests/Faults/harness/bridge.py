"""`jobwire serve` as a process of the run, always reached by its Redis proxy."""

import asyncio
import os
import pathlib
import signal
import subprocess

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
        self.process = None
        self.is_meant_to_live = False
        self.is_paused = False

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

    def kill(self):
        self.is_meant_to_live = False
        self.proxy.end_life("kill -9")
        self.process.kill()
        self.process.wait()
        self.is_paused = False
        self.story.tell(self.name, "kill -9")

    async def terminate(self):
        """Politely; -> once it has ended."""
        self.is_meant_to_live = False
        self.proxy.end_life("SIGTERM")
        self.process.terminate()
        self.story.tell(self.name, "SIGTERM")
        for _ in range(1000):
            if self.process.poll() is not None:
                return
            await asyncio.sleep(0.01)
        raise RuntimeError(f"{self.name} does not end on SIGTERM")

    def pause(self):
        self.is_paused = True
        self.proxy.disturb()
        self.process.send_signal(signal.SIGSTOP)
        self.story.tell(self.name, "SIGSTOP")

    def resume(self):
        if self.is_paused and self.is_alive:
            self.process.send_signal(signal.SIGCONT)
            self.proxy.calm()
            self.story.tell(self.name, "SIGCONT")
        self.is_paused = False

    async def get(self, path):
        """-> the status, or None where nobody answers in time."""
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
                head = await reader.readline()
                writer.close()
                return int(head.split()[1]) if head else None
        except (OSError, TimeoutError):
            return None
