"""Listens at Redis itself, past all proxies: the order of worker messages, and what was recorded.

Its own subscription may break like any other; `connection` says which events were heard in one go.
It never listens where bridges count who hears them.
"""

import asyncio
import json

import redis.asyncio

from .events import GAP, WORKER_CHANNELS, identity, identity_of_rest


class Witness:
    def __init__(self, story, target):
        self.story, self.target = story, target
        self.order = {}  # identity -> (connection, place)
        self.journal = []  # (time, job, epoch, seq, identity)
        self.faults = []
        self.connection = 0
        self.heard_total = 0

    async def run(self):
        while True:
            client = redis.asyncio.Redis(port=self.target(), socket_timeout=None)
            try:
                await self._listen(client)
            except (redis.RedisError, OSError):
                await asyncio.sleep(0.02)
            except ValueError as strange:
                self.faults.append(f"could not read what was announced: {strange}")
                await asyncio.sleep(0.02)
            finally:
                await client.aclose()

    async def _listen(self, client):
        pubsub = client.pubsub()
        await pubsub.psubscribe(*(f"{channel}*:updates" for channel in WORKER_CHANNELS), "*:stamped:*")
        self.connection += 1
        place = 0
        async for message in pubsub.listen():
            if message["type"] != "pmessage":
                continue
            channel, data = message["channel"].decode(), message["data"]
            if ":stamped:" in channel:
                self._read_stamped(data)
                continue
            self.heard_total += 1
            place += 1
            try:
                event = identity(channel.split(":")[1], json.loads(data))
            except ValueError:
                continue
            self.order.setdefault(event, (self.connection, place))

    def _read_stamped(self, data):
        at = data.find(b"\n") + 1
        while 0 < at < len(data):
            line_end = data.find(b"\n", at)
            stem, epoch, seq, kind, length, *before = data[at:line_end].decode().split(" ")
            begin = line_end + 1 + sum(map(int, before))  # the queue and the owner
            at = begin + int(length)
            text = data[begin:at].decode("utf-8", "replace")
            job = stem.removeprefix("job:")
            known = GAP if kind == "gap" else identity_of_rest(job, text)
            self.journal.append((self.story.now(), job, epoch, int(seq), known))
