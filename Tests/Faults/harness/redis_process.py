"""A real redis-server of the run's own: killed, started again on its port, with or without its data."""

import asyncio
import pathlib
import socket
import subprocess

import redis.asyncio


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisProcess:
    def __init__(self, folder, name="redis", replica_of=None, persists=False):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.name, self.port, self.persists = name, free_port(), persists
        self.replica_of = replica_of
        self.process = None
        self.client = None

    async def start(self):
        options = [
            "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "",
            "--appendonly", "yes" if self.persists else "no", "--appendfsync", "always",
            "--logfile", "redis.log", "--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0",
        ]  # fmt: skip
        if self.replica_of:
            options += ["--replicaof", "127.0.0.1", str(self.replica_of)]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        self.client = redis.asyncio.Redis(port=self.port, decode_responses=True, socket_timeout=10)
        for _ in range(1000):
            try:
                if await self.client.ping():
                    return
            except redis.RedisError:
                pass
            await asyncio.sleep(0.01)
        raise RuntimeError(f"{self.name} does not answer")

    async def kill(self):
        """At once, as a crash would: nobody is told."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.client:
            await self.client.aclose()
