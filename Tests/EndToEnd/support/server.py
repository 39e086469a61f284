"""`jobwire serve` as a process: started with settings, asked over HTTP, watched by its log."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request

from .ports import own_port
from .tokens import SECRET
from .waiting import PATIENCE_SECONDS, eventually

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = ROOT / ".build/release/jobwire"


def clean_environment(settings):
    """The environment without whatever JOBWIRE_* the developer has set, and with `settings`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JOBWIRE_")}
    named = {f"JOBWIRE_{name.upper()}": str(value) for name, value in settings.items()}
    return kept | {name: value for name, value in named.items() if value != ""}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Jobwire:
    """Settings by their names without JOBWIRE_, in small letters: `ping_interval="200ms"`."""

    def __init__(self, redis_url, wait=True, umask=-1, **settings):
        assert BINARY.exists(), f"{BINARY} is missing: swift build -c release --static-swift-stdlib"
        self.port = own_port()
        self.scheme = "https" if "tls_certificate" in settings else "http"
        self.settings = {
            "listen": f"127.0.0.1:{self.port}", "redis_url": redis_url, "token_secret": SECRET,
            "history": "redis", "loops": 2, "token_leeway": "0s", "log_level": "debug", **settings,
        }  # fmt: skip
        self.lines = []
        self.process = subprocess.Popen(
            [BINARY, "serve"], env=clean_environment(self.settings), text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, umask=umask)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if wait:
            try:
                eventually(self.is_ready, what="ready")
            except AssertionError as never:
                self.process.kill()  # nobody holds it yet who would stop it
                self.ended()
                raise AssertionError(f"{never}; it said:\n{self.log}") from None

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def log(self):
        return "\n".join(self.lines)

    # HTTP

    def url(self, path, scheme=None):
        return f"{scheme or self.scheme}://127.0.0.1:{self.port}{path}"

    def get(self, path, token=None, method="GET", headers=(), context=None, body=None):
        """`body` is sent as JSON."""
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url(path), sent, method=method, headers=dict(headers))
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
            with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, refusal.headers, refusal.read())

    def is_ready(self):
        assert self.process.poll() is None, f"jobwire ended:\n{self.log}"
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def metric(self, name, **labels):
        """The sum of all samples of `name` that carry these labels; 0 where there is none."""
        total = 0.0
        for line in self.get("/metrics").text.splitlines():
            sample = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if not sample or sample[1] != name:
                continue
            found = dict(re.findall(r'(\w+)="([^"]*)"', sample[2] or ""))
            if all(found.get(label) == value for label, value in labels.items()):
                total += float(sample[3])
        return total

    # Its end

    def signal(self, number):
        self.process.send_signal(number)

    def ended(self, within=15):
        """-> the exit code, with the whole log read."""
        code = self.process.wait(within)
        self.reader.join(5)
        return code

    def stop(self):
        """Ends it politely; it must manage that, and quickly, whatever the test did to it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.ended()
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
