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


class Sentinel:
    """A real one, alone: it watches the primary and, when that is dead, makes the replica primary."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "sentinel"
        self.folder.mkdir(exist_ok=True)
        self.port = free_port()

    async def start(self, primary, replica):
        """-> once it knows both."""
        settings = self.folder / "sentinel.conf"
        settings.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\nlogfile sentinel.log\n"
            f"sentinel monitor jobwire 127.0.0.1 {primary.port} 1\n"
            "sentinel down-after-milliseconds jobwire 300\nsentinel failover-timeout jobwire 5000\n")
        self.process = subprocess.Popen(["redis-server", settings, "--sentinel"], stdout=subprocess.DEVNULL)
        self.client = redis.asyncio.Redis(port=self.port, decode_responses=True, socket_timeout=5)
        for _ in range(1000):
            try:
                known = await self.client.execute_command("SENTINEL", "REPLICAS", "jobwire")
                if any(str(replica.port) in str(each) for each in known):
                    return
            except redis.RedisError:
                pass
            await asyncio.sleep(0.02)
        raise RuntimeError("the Sentinel does not find the replica")

    async def names(self, port):
        """-> once it says that this one is the primary, and that one agrees."""
        for _ in range(1500):
            address = await self.client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "jobwire")
            if address and int(address[1]) == port:
                return
            await asyncio.sleep(0.02)
        raise RuntimeError("the Sentinel does not fail over")

    async def kill(self):
        self.process.kill()
        self.process.wait()
        await self.client.aclose()


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
