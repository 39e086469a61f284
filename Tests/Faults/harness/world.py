"""One run: Redis, bridges behind their proxies, publishers, clients, what is done to them, and in the end the ledger."""

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
from .faults import FaultSkipped
from .faults.moves import is_linked
from .followers import Follower
from .keeping import keep
from .ledger import Ledger
from .load import Load
from .oracle import SETTLE_SECONDS, Loss, Oracle
from .proxy import LAG, RedisProxy
from .publishers import Publisher
from .pulse import Pulse
from .readiness import Readiness
from .redis_process import RedisProcess
from .replication import Replication
from .settling import behind
from .story import Story
from .witness import Witness

READY_SECONDS_MAX = 30
#: While the harness itself gets no processor the proxies pass nothing on, and bridges rightly lose patience.
LAG_SECONDS_MAX = 0.5


class World:
    def __init__(self, plan):
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.story = Story()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="jw-faults-"))
        self.jobs = list(plan.jobs)  # of numbered events
        self.same_jobs = ["same"] if any(name == "identical-lines" for _, name in plan.faults) else []
        self.bridges, self.publishers, self.followers, self.watchers = [], [], [], {}
        self.publications, self.same_lines = {}, {}
        self.are_same_lines_known = True
        self.losses, self.copies, self.restarts, self.imposed = [], [], [], []
        self.wrongs = []  # (rule, what) that a situation itself has found
        self.crashes, self.unsettled = [], []
        self.figures, self.causes = {}, collections.Counter()
        self.injected, self.skipped = collections.Counter(), collections.Counter()
        self.publishing = asyncio.Event()
        self.is_populated = self.is_settling = self.is_over = False
        self.redis = self.replica = self.replication = self.old_primary = None
        self.ready_at = 0.0
        self.tasks = []
        self.redis_lock = asyncio.Lock()

    @property
    def all_jobs(self):
        return self.jobs + self.same_jobs

    # What faults and situations ask for

    def redis_client(self):
        return self.redis.client

    def alive(self):
        return [bridge for bridge in self.bridges if bridge.is_alive and not bridge.is_paused]

    def pick_bridge(self):
        alive = self.alive()
        if not alive:
            raise FaultSkipped("no bridge is alive")
        return self.random.choice(alive)

    def lost(self, since, why, jobs=None, is_data=True, moves=False):
        """Since then, and up to now, Redis was made to forget."""
        self.losses.append(Loss(since, self.story.now(), jobs, is_data, why, moves))

    def imposes(self, since):
        """Since then, and up to now, no bridge could record."""
        self.imposed.append((since, self.story.now()))

    def seconds(self, since, until):
        """How long that was, less what the machine held back."""
        return self.load.counted([(0.0, until)], until).between(since, until)

    def wrong(self, rule, what):
        self.wrongs.append((rule, what))

    def start_burst(self, count=120, job=None, padding=None):
        publisher = self.random.choice([p for p in self.publishers if not p.is_durable])
        job = job or self.random.choice(self.jobs)

        async def burst():
            async with publisher.lock:
                await publisher.send(job, count, padding)

        return self.task(burst())

    async def publish_same(self, count):
        publisher = self.random.choice([p for p in self.publishers if not p.is_durable])
        async with publisher.lock:
            for _ in range(0, count, 500):
                published = await publisher.send_same("same", 500)
                self.same_lines["same"] = self.same_lines.get("same", 0) + published

    async def add_bridge(self, is_cut_off=False, is_watched=True, **settings):
        """`is_cut_off`: its connections wait for `proxy.network`; `is_watched`: a client stays there."""
        name = f"bridge{len(self.bridges) + 1}"
        proxy = RedisProxy(name, self.story, lambda: self.redis.port, self.plan.history)
        await proxy.start()
        bridge = Bridge(name, self.folder, proxy, self.story, {
            "history": self.plan.history, "loops": 1, "drain_grace": "100ms", "write_timeout": "2s",
            "history_events_max": self.plan.events_max, "replay_events_max": 20_000, "log_level": "info",
            "redis_ping_interval": "1s", "redis_reply_timeout": "2s", "redis_connect_timeout": "2s",
            "patterns": "job:*:updates",
        } | self.plan.settings | settings)  # fmt: skip
        if is_cut_off:
            proxy.network.clear()
        bridge.readiness = Readiness(bridge, self.story)
        self.bridges.append(bridge)
        bridge.start()
        self.task(bridge.readiness.run())
        if is_watched:
            self._watch(bridge)
        return bridge

    def _watch(self, bridge):
        heard = [job for job in self.all_jobs if bridge.hears(job)]
        canary = self.plan.canary
        ears = canary.watcher() if canary and canary.watcher and bridge is self.bridges[0] else None
        name = f"at-{bridge.name}"
        watcher = Follower(name, heard, self, self.random_of(name), ears=ears, home=bridge)
        self.watchers[bridge.name] = watcher
        self.followers.append(watcher)
        if self.is_populated:
            self.task(watcher.run())

    async def settled(self, bridge):
        """The bridge serves, and is aligned where that is to be."""
        for _ in range(READY_SECONDS_MAX * 50):
            if not bridge.is_alive:
                return False
            if (self.plan.history == "memory" or bridge.proxy.is_aligned()) and bridge.readiness.status == 200:
                return True
            await asyncio.sleep(0.02)
        self.unsettled.append(f"{bridge.name} is not ready and aligned after {READY_SECONDS_MAX} s")
        return False

    def witnesses_move(self):
        """What asks Redis itself, to the one that is primary now."""
        for task in self.witness_tasks:
            task.cancel()
        self.witness_tasks = [self.task(self.witness.run())]
        if not self.plan.canary:
            self.witness_tasks.append(self.task(self.pulse.run()))

    def task(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.append(task)
        return task

    def random_of(self, name):
        return random.Random(f"{self.plan.seed} {name}")

    # What the ledger asks for

    def known_since(self, job):
        """When anybody was first interested in the job: asked for it, or published in it."""
        asked = [f.views[job].asked_at for f in self.followers if job in f.views and f.views[job].asked_at]
        sent = [publication.sent for event, publication in self.publications.items() if event.job == job]
        return min(asked + sent[:1], default=0.0)

    def logs(self):
        return [bridge.log_path.read_text(errors="replace") for bridge in self.bridges if bridge.log_path.exists()]

    # The run

    async def run(self):
        """-> (violations, summary)"""
        try:
            await self._begin()
            if self.plan.situation:
                await self.plan.situation.run(self)
            else:
                injected = [self._inject(at, name) for at, name in self.plan.faults]
                await asyncio.gather(*injected, asyncio.sleep(self.plan.seconds))
                if self.plan.canary and self.plan.canary.act:
                    await self.plan.canary.act(self)
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
            await is_linked(self.replica)
        self.load = Load(self.story, self._pids)
        if not plan.canary:  # it is to be caught on any machine: nothing is credited to it
            self.task(self.load.run())
        self.task(self._watch_lag())
        self.witness = Witness(self.story, lambda: self.redis.port)
        self.pulse = Pulse(self.story, lambda: self.redis.port)
        self.witness_tasks = []
        self.witnesses_move()
        for _ in range(plan.bridges):
            await self.add_bridge()
        for bridge in self.bridges:
            if not await self.settled(bridge):
                raise RuntimeError(f"{bridge.name} did not begin:\n{bridge.log_path.read_text()[-2000:]}")
        self.ready_at = self.story.now()
        # Nobody has followed or published before: what is told from here on has its cause here.
        if not plan.starts_quiet:
            self.publishing.set()
        self._populate()

    def _populate(self):
        plan = self.plan
        for number in range(plan.plain):
            self.publishers.append(Publisher(f"p{number}", self.jobs, self, self.random_of(f"p{number}")))
        for number in range(plan.durable):
            self.publishers.append(
                Publisher(f"d{number}", self.jobs, self, self.random_of(f"d{number}"), is_durable=True))
        for job in self.all_jobs if plan.followers else []:
            self.followers.append(Follower(f"steady-{job}", [job], self, self.random_of(job)))
        for number in range(plan.followers):
            jobs = self.jobs if number % 3 == 2 else [self.random.choice(self.jobs)]
            ears = plan.canary.ears() if number == 0 and plan.canary and plan.canary.ears else None
            name = f"client{number}"
            self.followers.append(Follower(name, jobs, self, self.random_of(name), is_slow=number % 4 == 3, ears=ears))
        if plan.canary:
            self.bridges[0].proxy.canary = plan.canary.proxy
        self.is_populated = True
        for each in self.publishers + self.followers:
            self.task(each.run())

    def _pids(self):
        """Of what lies on a way from publisher to client, besides the harness itself."""
        running = [bridge.process for bridge in self.bridges if bridge.is_alive]
        return [process.pid for process in [*running, self.redis.process] if process]

    async def _watch_lag(self):
        while True:
            before = self.story.now()
            await asyncio.sleep(0.1)
            if self.story.now() - before > LAG_SECONDS_MAX:
                self.story.tell("harness", f"got no processor for {self.story.now() - before:.1f} s")
                for bridge in self.bridges:
                    bridge.proxy.disturb(LAG, before, self.story.now())

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
            if not bridge.is_alive and not bridge.is_gone:
                bridge.start()
        for bridge in self.bridges:
            if not bridge.is_gone:
                await self.settled(bridge)
        self.publishing.set()
        self.is_settling = True
        await asyncio.gather(*(publisher.finish() for publisher in self.publishers))
        self.story.tell("harness", "the last events are published")
        begun = self.story.now()
        while told := await behind(self):
            if self.story.now() - begun > self.plan.settle_seconds:
                self.unsettled += told
                break
            await asyncio.sleep(0.1)
        for bridge in self.bridges:
            if not bridge.is_alive and not bridge.is_gone:
                self.crashes.append(f"{bridge.name} died by itself: {bridge.log_path.read_text()[-1500:]}")

    async def kept(self):
        if self.plan.history == "memory":
            return []
        return await keep(self.redis_client(), self.all_jobs)

    async def _judge(self):
        final = await self.kept()
        # What is settled stays: the last events have had all the time they need.
        over = self.story.now() + (0 if self.unsettled else SETTLE_SECONDS)
        if self.plan.history == "memory":
            for bridge in self.bridges:
                for at in bridge.proxy.life_ends.values():
                    self.losses.append(Loss(at - 0.001, at, None, True, "the bridge that kept it ended"))
        oracle = Oracle([bridge.proxy for bridge in self.bridges], self.losses, self.restarts,
                        self.pulse.windows(over), self.load, over)  # fmt: skip
        ledger = Ledger(self, oracle, final, self.copies)
        violations = ledger.check()
        self.figures, self.causes = ledger.figures(), ledger.gaps.causes()
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
        for each in (self.replica, self.old_primary, self.redis):
            if each:
                await each.kill()

    def forget(self):
        shutil.rmtree(self.folder, ignore_errors=True)
