"""Workers: plain PUBLISH and durable ones through the record script, every event numbered.

A plain publisher whose connection breaks goes on with the next number: whether the last one was
published nobody knows. A durable one sends the same number again until it is acknowledged.
"""

import asyncio
import time

import redis
import redis.asyncio

from . import script
from .events import EventID, Publication, body, channel_of

TRY_SECONDS_MAX = 20
#: What Redis says while it cannot write; anything else is somebody's fault.
PASSING = (redis.exceptions.OutOfMemoryError, redis.exceptions.ReadOnlyError)
PASSING_WORDS = ("BUSY", "MISCONF", "MASTERDOWN", "NOREPLICAS")


class Publisher:
    def __init__(self, name, jobs, world, random, is_durable=False):
        self.name, self.jobs, self.world, self.random = name, jobs, world, random
        self.is_durable = is_durable
        self.numbers = dict.fromkeys(jobs, 0)
        self.client = None
        self.pause = world.plan.pause
        self.lock = asyncio.Lock()
        self.same = 0

    def connect(self):
        self.client = redis.asyncio.Redis(
            port=self.world.redis.port, socket_timeout=self.world.plan.publish_timeout, retry=None,
            decode_responses=True)

    async def run(self):
        while not self.world.is_settling:
            await self.world.publishing.wait()
            async with self.lock:
                await self.send(self.random.choice(self.jobs))
            await asyncio.sleep(self.pause * self.random.uniform(0, 2))

    def _next(self, job):
        self.numbers[job] += 1
        publication = Publication(
            EventID(job, self.name, self.numbers[job]), self.is_durable, self.world.story.now())
        self.world.publications[publication.id] = publication
        return publication

    async def send(self, job, count=1, padding=None):
        """One event, or a burst in one write."""
        if self.is_durable:
            for _ in range(count):
                await self._send_durable(job)
            return
        padding = self.random.choice([0, 0, 20, 500]) if padding is None else padding
        sent = [self._next(job) for _ in range(count)]
        try:
            if self.client is None:
                self.connect()
            pipeline = self.client.pipeline(transaction=False)
            for each in sent:
                pipeline.publish(channel_of(job), body(each.id, padding))
            answers = await pipeline.execute(raise_on_error=False)
            for each, receivers in zip(sent, answers):
                if isinstance(receivers, int):
                    each.answered, each.receivers = self.world.story.now(), receivers
        except (redis.RedisError, OSError, TimeoutError):
            await self._lost()

    async def send_same(self, job, count):
        """Identical lines, which only their count can prove. -> how many were surely published."""
        event = EventID(job, self.name, 0)
        if self.client is None:
            self.connect()
        pipeline = self.client.pipeline(transaction=False)
        for _ in range(count):
            pipeline.publish(channel_of(job), body(event, same=True))
        try:
            answers = await pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError, TimeoutError):
            self.world.are_same_lines_known = False
            return await self._lost() or 0
        return sum(isinstance(each, int) for each in answers)

    async def _lost(self):
        client, self.client = self.client, None
        if client:
            await client.aclose()
        await asyncio.sleep(0.05)

    async def move(self):
        """To the Redis that is primary now."""
        async with self.lock:
            await self._lost()

    async def _send_durable(self, job):
        publication = self._next(job)
        text = body(publication.id, self.random.choice([0, 200])).lstrip("{")
        until = time.monotonic() + TRY_SECONDS_MAX
        while time.monotonic() < until:
            try:
                if self.client is None:
                    self.connect()
                await script.publish_durably(
                    self.client, self.world.plan.events_max, self.name, publication.id.n, job, text)
                publication.answered = self.world.story.now()
                return
            except redis.ResponseError as refusal:
                if "WRONGTYPE" in str(refusal):  # said to the worker: its event is not taken
                    return
                if not isinstance(refusal, PASSING) and not any(word in str(refusal) for word in PASSING_WORDS):
                    self.world.unsettled.append(f"{publication.id} is refused: {refusal}")
                    return
                if isinstance(refusal, redis.exceptions.ReadOnlyError):
                    await self._lost()  # perhaps another is the primary now
                await asyncio.sleep(0.1)
            except (redis.RedisError, OSError, TimeoutError):
                await self._lost()

    async def finish(self):
        """A last event in each job: after it nothing of this publisher can be missing at the end."""
        async with self.lock:
            for job in self.jobs:
                for _ in range(50):
                    await self.send(job)
                    if self.world.publications[EventID(job, self.name, self.numbers[job])].answered:
                        break
