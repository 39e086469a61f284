"""Asks one bridge's `/readyz` ten times a second, on a connection that stays: what a load balancer would see.

Invariant: `samples` (asked, answered, status or None where nobody answered) lie in order.
"""

import asyncio

PAUSE_SECONDS = 0.1
ANSWER_SECONDS_MAX = 1.0
READY = 200


class Readiness:
    def __init__(self, bridge, story):
        self.bridge, self.story = bridge, story
        self.samples = []

    async def run(self):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.bridge.port)
            except OSError:
                self._note(self.story.now(), None)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            try:
                await self._ask_on(reader, writer)
            except (OSError, TimeoutError, EOFError, ValueError, IndexError):
                self._note(self.story.now(), None)
                await asyncio.sleep(PAUSE_SECONDS / 4)
            finally:
                writer.transport.abort()

    async def _ask_on(self, reader, writer):
        while True:
            asked = self.story.now()
            writer.write(b"GET /readyz HTTP/1.1\r\nhost: faults\r\n\r\n")
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = head.partition("content-length:")[2].split("\r\n")[0]
                await reader.readexactly(int(length))
            self._note(asked, int(head.split()[1]))
            await asyncio.sleep(PAUSE_SECONDS)

    def _note(self, asked, status):
        if not self.samples or self.samples[-1][2] != status:
            self.story.tell(self.bridge.name, f"/readyz {status}")
        self.samples.append((asked, self.story.now(), status))

    @property
    def status(self):
        return self.samples[-1][2] if self.samples else None

    async def becomes(self, status, within, since=None):
        """-> whether a question asked from now on (or `since`) was answered so in that time."""
        begin = self.story.now() if since is None else since
        while self.story.now() < begin + within:
            if self.samples and self.samples[-1][0] >= begin and self.samples[-1][2] == status:
                return True
            await asyncio.sleep(0.01)
        return False

    def windows(self):
        """When it said 200: from one answer to the next that is the same."""
        return [
            (one[1], other[1]) for one, other in zip(self.samples, self.samples[1:])
            if one[2] == other[2] == READY
        ]  # fmt: skip
