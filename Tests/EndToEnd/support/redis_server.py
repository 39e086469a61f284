"""A real redis-server of the tests' own, in a folder of its own, reachable by TCP, Unix socket and TLS."""

import json
import os
import subprocess

import redis

from .ports import own_port
from .waiting import eventually


class RedisServer:
    def __init__(self, folder, certificates=None, password=None, options=(), program="redis-server"):
        """`options` are more of redis-server's own, such as `--replicaof`."""
        self.program = program
        self.folder = folder
        self.port = own_port()
        self.socket_path = str(folder / "redis.sock")
        self.password = password
        self.options = [
            "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", self.socket_path,
            "--dir", str(folder), "--save", "", "--appendonly", "no", "--logfile", "redis.log",
        ]  # fmt: skip
        if certificates:
            self.tls_port = own_port()
            self.options += [
                "--tls-port", str(self.tls_port), "--tls-auth-clients", "optional",
                "--tls-cert-file", certificates.certificate, "--tls-key-file", certificates.key,
                "--tls-ca-cert-file", certificates.authority,
            ]  # fmt: skip
        if password:
            self.options += ["--requirepass", password]
        self.options += map(str, options)
        self.process = None
        self.start()

    @property
    def url(self):
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}"

    @property
    def unix_url(self):
        return f"unix://{self.socket_path}"

    def start(self):
        self.process = subprocess.Popen([self.program, *self.options], stdout=subprocess.DEVNULL)
        self.client = redis.Redis(port=self.port, password=self.password)
        eventually(self.answers, what="redis-server answers")

    def answers(self):
        try:
            return self.client.ping()
        except redis.ConnectionError:
            return False

    def hide(self):
        """Away for those who come by its Unix socket, until `show`, and there for all others."""
        os.rename(self.socket_path, self.socket_path + ".hidden")
        for client in self.client.client_list():
            if self.socket_path in client["addr"]:
                self.client.client_kill_filter(_id=client["id"])

    def show(self):
        os.rename(self.socket_path + ".hidden", self.socket_path)

    def stop(self):
        """At once, as a crash would: nobody is told."""
        self.client.close()
        self.process.kill()
        self.process.wait()

    def publish_raw(self, job, payload, channel="job:{}:updates"):
        """-> how many heard it."""
        return self.client.publish(channel.format(job), payload)

    def publish(self, job, type, timestamp="2025-01-06T12:00:00.000Z", **data):
        event = {"type": type, "data": data, "timestamp": timestamp}
        return self.publish_raw(job, json.dumps(event))
