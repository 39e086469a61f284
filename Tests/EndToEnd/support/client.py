"""A follower built on PyPI's `websockets`, which shares no code with the server."""

import contextlib
import json
import time
import urllib.parse

import msgpack
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .waiting import PATIENCE_SECONDS

SUBPROTOCOL = "jobwire.v1.json"
MESSAGEPACK = "jobwire.v1.msgpack"


def job_path(job, **query):
    path = f"/api/v1/ws/jobs/{urllib.parse.quote(job, safe='')}/updates"
    return path + ("?" + urllib.parse.urlencode(query) if query else "")


class Socket:
    """One connection. Messages are dicts; `raw` of the last one is its text, or its MessagePack."""

    def __init__(
        self, server, path, token=None, where="header", deflate=False, subprotocols=(SUBPROTOCOL,),
        headers=(), context=None, port=None, **options,
    ):  # fmt: skip
        headers = dict(headers)
        subprotocols = list(subprotocols)
        if token and where == "header":
            headers["Authorization"] = f"Bearer {token}"
        elif token and where == "subprotocol":
            subprotocols.append(f"bearer.{token}")
        elif token and where == "query":
            path += ("&" if "?" in path else "?") + urllib.parse.urlencode({"token": token})
        scheme = "wss" if server.scheme == "https" else "ws"
        self._open = contextlib.ExitStack()
        self.connection = self._connect(
            f"{scheme}://127.0.0.1:{port or server.port}{path}", additional_headers=headers,
            subprotocols=subprotocols or None, compression="deflate" if deflate else None,
            ssl=context, proxy=None, ping_interval=None, close_timeout=5, max_size=None, **options,
        )  # fmt: skip
        self.raw = None
        if token and where == "message":
            self.send({"type": "auth", "data": {"token": token}})

    def _connect(self, url, ssl, **options):
        """Over TLS the library's threads lose an answer now and then, with its own server too (4 of
        1,500 connections), so there it may try again; without TLS never."""
        for tries_left in [2, 1, 0] if ssl else [0]:
            wait = 2 if tries_left else PATIENCE_SECONDS
            try:
                return self._open.enter_context(connect(url, ssl=ssl, open_timeout=wait, **options))
            except TimeoutError:
                if not tries_left:
                    raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._open.close()

    @property
    def subprotocol(self):
        return self.connection.subprotocol

    def send(self, message):
        if isinstance(message, (str, bytes)):
            return self.connection.send(message)
        self.connection.send(msgpack.packb(message) if self.subprotocol == MESSAGEPACK else json.dumps(message))

    def next(self, within=PATIENCE_SECONDS):
        self.raw = self.connection.recv(timeout=within)
        assert isinstance(self.raw, bytes) == (self.subprotocol == MESSAGEPACK)
        return msgpack.unpackb(self.raw) if isinstance(self.raw, bytes) else json.loads(self.raw)

    def until(self, type, within=PATIENCE_SECONDS):
        """-> (all messages up to and with the first of `type`)."""
        deadline = time.monotonic() + within
        messages = []
        while not messages or messages[-1]["type"] != type:
            messages.append(self.next(max(0, deadline - time.monotonic())))
        return messages

    def expect(self, type, within=PATIENCE_SECONDS):
        """The next message, which must be of `type`."""
        message = self.next(within)
        assert message["type"] == type, message
        return message

    def event(self, within=PATIENCE_SECONDS):
        """The next event; controls before it are passed over."""
        while True:
            message = self.next(within)
            if "seq" in message:
                return message

    def joined(self):
        """Everything up to `live`: what a client knows when it is up to date."""
        return self.until("live")

    def closed(self, within=PATIENCE_SECONDS):
        """Reads to the end -> (code, reason)."""
        deadline = time.monotonic() + within
        try:
            while True:
                self.connection.recv(timeout=max(0, deadline - time.monotonic()))
        except ConnectionClosed as end:
            assert end.rcvd is not None, "the connection broke without a close frame"
            return end.rcvd.code, end.rcvd.reason


def events_of(messages):
    return [message for message in messages if "seq" in message]


def snapshot_of(message):
    """What `connected` or `subscribed` tell of the job, without what they tell of the subscription."""
    about_subscription = ("server", "heartbeat_seconds", "expires_at", "epoch", "seq", "replay")
    return {name: value for name, value in message["data"].items() if name not in about_subscription}
