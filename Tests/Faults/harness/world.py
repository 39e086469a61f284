"""One run: Redis, bridges behind their proxies, publishers, clients, faults, and in the end the ledger."""

import asyncio
import collections
import contextlib
import pathlib
import random
import shutil
import tempfile

import redis

from . import faults
from .bridge import Bridge
from .followers import Follower
from .keeping import keep
from .ledger import Ledger
from .oracle import SETTLE_SECONDS, Oracle
from .proxy import RedisProxy
from .publishers import Publisher
from .redis_process import RedisProcess
from .story import Story
from .witness import Witness

READY_SECONDS_MAX = 30
SETTLE_SECONDS_MAX = 25
#: While the harness itself gets no processor the proxies pass nothing on, and bridges rightly lose patience.
LAG_SECONDS_MAX = 0.5


class FaultSkipped(Exception):
    """There was nothing to hurt."""


class Replication:
    """A pipe between primary and replica that can be stopped."""

    def __init__(self, target):
        self.target = target
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.writers = []

    async def start(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def _accept(self, reader, writer):
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self.writers += [writer, there_writer]
            await asyncio.gather(self._pump(reader, there_writer, False), self._pump(there_reader, writer, True))
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async def _pump(self, reader, writer, is_held):
        while chunk := await reader.read(65_536):
            if is_held:
                await self.flowing.wait()
            if writer.transport.is_closing():
                return
            writer.write(chunk)
            await writer.drain()
        writer.close()

    def close(self):
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        self.flowing.set()


class World:
    def __init__(self, plan):
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.story = Story()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="jw-faults-"))
        self.jobs = list(plan.jobs)  # of numbered events
        self.same_jobs = ["same"] if any(name == "identical-lines" for _, name in plan.faults) else []
        self.bridges, self.publishers, self.followers = [], [], []
        self.publications, self.same_lines = {}, {}
        self.are_same_lines_known = True
        self.losses, self.copies, self.restarts = [], [], []
        self.crashes, self.unsettled = [], []
        self.figures = {}
        self.injected, self.skipped = collections.Counter(), collections.Counter()
        self.is_settling = self.is_over = False
        self.replica = self.replication = self.old_primary = None
        self.ready_at = 0.0
        self.tasks = []
        self.script_limits = [str(plan.events_max), str(1 << 20), "2592000", "86400", "86400"]
        self.redis_lock = asyncio.Lock()

    @property
    def all_jobs(self):
        return self.jobs + self.same_jobs

    # What faults ask for

    def redis_client(self):
        return self.redis.client

    def alive(self):
        return [bridge for bridge in self.bridges if bridge.is_alive and not bridge.is_paused]

    def pick_bridge(self):
        alive = self.alive()
        if not alive:
            raise FaultSkipped("no bridge is alive")
        return self.random.choice(alive)

    def lost(self, since, until, jobs, is_data):
        self.losses.append((since, until, jobs, is_data))

    def start_burst(self, count=120, job=None, padding=None):
        publisher = self.random.choice([p for p in self.publishers if not p.is_durable])
        job = job or self.random.choice(self.jobs)

        async def burst():
            async with publisher.lock:
                await publisher.send(job, count, padding)

        return self._task(burst())

    async def publish_same(self, count):
        publisher = self.random.choice([p for p in self.publishers if not p.is_durable])
        async with publisher.lock:
            for _ in range(0, count, 500):
                published = await publisher.send_same("same", 500)
                self.same_lines["same"] = self.same_lines.get("same", 0) + published

    async def add_bridge(self):
        name = f"bridge{len(self.bridges) + 1}"
        proxy = RedisProxy(name, self.story, lambda: self.redis.port, self.plan.history)
        await proxy.start()
        bridge = Bridge(name, self.folder, proxy, self.story, {
            "history": self.plan.history, "loops": 1, "drain_grace": "100ms", "write_timeout": "2s",
            "history_events_max": self.plan.events_max, "replay_events_max": 20_000, "log_level": "info",
            "redis_ping_interval": "1s", "redis_reply_timeout": "2s", "redis_connect_timeout": "2s",
        })  # fmt: skip
        self.bridges.append(bridge)
        bridge.start()
        return bridge

    async def settled(self, bridge):
        """The bridge serves, and is aligned where that is to be."""
        for _ in range(READY_SECONDS_MAX * 50):
            if not bridge.is_alive:
                return False
            if (self.plan.history == "memory" or bridge.proxy.is_aligned()) and await bridge.get("/readyz") == 200:
                return True
            await asyncio.sleep(0.02)
        self.unsettled.append(f"{bridge.name} is not ready and aligned after {READY_SECONDS_MAX} s")
        return False

    def witness_moves(self):
        self.witness_task.cancel()
        self.witness_task = self._task(self.witness.run())

    def _task(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.append(task)
        return task

    async def _watch_lag(self):
        while True:
            before = self.story.now()
            await asyncio.sleep(0.1)
            if self.story.now() - before > LAG_SECONDS_MAX:
                self.story.tell("harness", f"got no processor for {self.story.now() - before:.1f} s")
                for bridge in self.bridges:
                    bridge.proxy.disturbances.append([before, self.story.now()])

    # The run

    async def run(self):
        """-> (violations, summary)"""
        try:
            await self._begin()
            await asyncio.gather(*(self._inject(at, name) for at, name in self.plan.faults), asyncio.sleep(self.plan.seconds))
            await self._heal()
            return await self._judge()
        finally:
            await self._end()

    async def _begin(self):
        plan = self.plan
        self.redis = RedisProcess(self.folder, persists=plan.persists)
        await self.redis.start()
        if plan.has_replica:
            self.replication = Replication(self.redis.port)
            await self.replication.start()
            self.replica = RedisProcess(self.folder, "replica", self.replication.port)
            await self.replica.start()
            while (await self.replica.client.info("replication"))["master_link_status"] != "up":
                await asyncio.sleep(0.02)
        self._task(self._watch_lag())
        self.witness = Witness(self.story, lambda: self.redis.port)
        self.witness_task = self._task(self.witness.run())
        for _ in range(plan.bridges):
            await self.add_bridge()
        for bridge in self.bridges:
            if not await self.settled(bridge):
                raise RuntimeError(f"{bridge.name} did not begin:\n{bridge.log_path.read_text()[-2000:]}")
        self.ready_at = self.story.now()
        for number in range(plan.plain):
            self.publishers.append(Publisher(f"p{number}", self.jobs, self, self._random()))
        for number in range(plan.durable):
            self.publishers.append(Publisher(f"d{number}", self.jobs, self, self._random(), is_durable=True))
        for job in self.all_jobs:
            self.followers.append(Follower(f"steady-{job}", [job], self, self._random()))
        for number in range(plan.followers):
            jobs = self.jobs if number % 3 == 2 else [self.random.choice(self.jobs)]
            ears = plan.canary_ears() if number == 0 and plan.canary_ears else None
            self.followers.append(
                Follower(f"client{number}", jobs, self, self._random(), is_slow=number % 4 == 3, ears=ears))
        self.bridges[0].proxy.canary = plan.canary_proxy
        for each in self.publishers + self.followers:
            self._task(each.run())

    def _random(self):
        return random.Random(self.random.getrandbits(64))

    async def _inject(self, at, name):
        await asyncio.sleep(at)
        fault = faults.ALL[name]
        async with self.redis_lock if fault.harms_redis else contextlib.nullcontext():
            self.story.tell("fault", f"{name}: {fault.tells}")
            try:
                await fault.run(self)
                self.injected[name] += 1
            except (redis.RedisError, OSError, FaultSkipped) as reason:
                self.skipped[name] += 1
                self.story.tell("fault", f"{name} not done to its end: {reason!r}")

    async def _heal(self):
        """All bridges live and are settled; then every publisher's last event reaches every client."""
        self.story.tell("harness", "healing")
        for bridge in self.bridges:
            if bridge.is_meant_to_live and not bridge.is_alive:
                self.crashes.append(f"{bridge.name} died by itself: {bridge.log_path.read_text()[-1500:]}")
            bridge.resume()
            bridge.proxy.release()
            if not bridge.is_alive:
                bridge.start()
        for bridge in self.bridges:
            await self.settled(bridge)
        self.is_settling = True
        await asyncio.gather(*(publisher.finish() for publisher in self.publishers))
        self.story.tell("harness", "the last events are published")
        waited = 0
        while told := await self._behind():
            if waited > SETTLE_SECONDS_MAX:
                self.unsettled += told
                break
            await asyncio.sleep(0.1)
            waited += 0.1
        for bridge in self.bridges:
            if not bridge.is_alive:
                self.crashes.append(f"{bridge.name} died by itself: {bridge.log_path.read_text()[-1500:]}")

    async def _behind(self):
        """Which client has not yet what, in words."""
        told = []
        final = await self._kept()
        ends = {kept.job: (kept.epoch, kept.seq) for kept in final}
        for follower in self.followers:
            for job, view in follower.views.items():
                end = ends.get(job)
                if self.plan.history == "memory":
                    end = max(((v.epoch, v.seq) for f in self.followers for v in f.views.values() if v.job == job), key=lambda e: e[1])
                if end and (view.epoch, view.seq) != end:
                    told.append(f"{follower.name} is at {view.epoch}:{view.seq} of {job}, not at {end[0]}:{end[1]} (on {follower.at})")
        if told:
            return told
        recorded = {item for kept in final for _, item in kept.entries}
        recorded |= {item[3] for f in self.followers for v in f.views.values() for item in v.items}
        for publisher in self.publishers:
            for job, n in publisher.numbers.items():
                event = next((e for e in self._last_of(publisher, job, n)), None)
                if event and event not in recorded:
                    told.append(f"{event}, the last one, is nowhere")
        return told

    def _last_of(self, publisher, job, n):
        for event, publication in self.publications.items():
            if event.publisher == publisher.name and event.job == job and event.n == n and publication.answered:
                yield event

    async def _kept(self):
        if self.plan.history == "memory":
            return []
        return await keep(self.redis_client(), self.all_jobs)

    async def _judge(self):
        final = await self._kept()
        # What is settled stays: the last events have had all the time they need.
        over = self.story.now() + (0 if self.unsettled else SETTLE_SECONDS)
        if self.plan.history == "memory":
            for bridge in self.bridges:
                for hearing in bridge.proxy.hearings:
                    if hearing.why in ("kill -9", "SIGTERM"):
                        self.losses.append((hearing.ended - 0.001, hearing.ended, None, True))
        oracle = Oracle([bridge.proxy for bridge in self.bridges], self.losses, self.restarts, over)
        ledger = Ledger(self, oracle, final, self.copies)
        violations = ledger.check()
        self.figures = ledger.figures()
        return violations, ledger.summary()

    async def _end(self):
        self.is_settling = self.is_over = True
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for bridge in self.bridges:
            if bridge.process and bridge.is_alive:
                bridge.process.kill()
                bridge.process.wait()
            bridge.proxy.stop()
        for publisher in self.publishers:
            if publisher.client:
                await publisher.client.aclose()
        if self.replication:
            self.replication.close()
        for each in (self.replica, self.old_primary, getattr(self, "redis", None)):
            if each:
                await each.kill()

    def forget(self):
        shutil.rmtree(self.folder, ignore_errors=True)


