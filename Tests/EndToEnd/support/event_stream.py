"""A reader of `text/event-stream` after the WHATWG's rules, on nothing but a socket's file."""

import http.client
import json

from .waiting import PATIENCE_SECONDS


class EventStream:
    """Messages are dicts; `last_id` is what a browser would send back."""

    def __init__(self, server, job, token=None, last_id=None, query="", headers=(), timeout=PATIENCE_SECONDS):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
        named = {"Accept": "text/event-stream", **dict(headers)}
        if token:
            named["Authorization"] = f"Bearer {token}"
        if last_id:
            named["Last-Event-ID"] = last_id
        self.connection.request("GET", f"/api/v1/jobs/{job}/events{query}", headers=named)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status
        self.last_id = last_id or ""
        self.comments = 0

    def __iter__(self):
        return self

    def __next__(self):
        """The next message; its end is told only by an empty line."""
        data = []
        while True:
            raw = self.answer.readline()
            if not raw:
                raise StopIteration
            line = raw.decode().rstrip("\r\n")
            if not line:
                if data:
                    return json.loads("\n".join(data))
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not name:
                self.comments += 1
            elif name == "data":
                data.append(value)
            elif name == "id":
                self.last_id = value
            else:
                raise AssertionError(f"a field that nobody asked for: {line!r}")

    def until(self, kind):
        """All messages up to and with the first of this type."""
        messages = []
        for message in self:
            messages.append(message)
            if message["type"] == kind:
                return messages
        raise AssertionError(f"ended without {kind}: {messages}")

    def close(self):
        self.answer.close()
        self.connection.close()
