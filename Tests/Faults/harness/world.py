"""What a run is made of: Redis, bridges behind their proxies, publishers, clients; and what faults may ask of it.

What happens in it, from its begin to the ledger, is run.py.
"""

import asyncio
import collections
import pathlib
import random
import shutil
import tempfile

from .bridge import Bridge
from .faults import FaultSkipped
from .followers import Follower
from .keeping import keep
from .load import Load
from .oracle import Loss
from .proxy import RedisProxy
from .pulse import Pulse
from .readiness import Readiness
from .story import Story
from .witness import Witness

READY_SECONDS_MAX = 30


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
        self.tasks, self.witness_tasks = [], []
        self.load = Load(self.story, self._pids)
        self.witness = Witness(self.story, lambda: self.redis.port)
        self.pulse = Pulse(self.story, lambda: self.redis.port)
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
        job = job or self.random.choice(publisher.jobs)

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
        """The bridge serves, and is aligned where that is to be, in an era of the Redis that is there now."""
        since = max((loss.since for loss in self.losses if not loss.jobs), default=0.0)
        for _ in range(READY_SECONDS_MAX * 50):
            if not bridge.is_alive:
                return False
            is_aligned = self.plan.history == "memory" or bridge.proxy.is_aligned(since)
            if is_aligned and bridge.readiness.status == 200:
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

    def _pids(self):
        """Of what lies on a way from publisher to client, besides the harness itself."""
        running = [bridge.process for bridge in self.bridges if bridge.is_alive]
        return [process.pid for process in [*running, self.redis.process] if process]

    def random_of(self, name):
        return random.Random(f"{self.plan.seed} {name}")

    # What the ledger asks for

    def known_since(self, job):
        """When anybody was first interested in the job: asked for it, or published in it."""
        asked = [f.views[job].asked_at for f in self.followers if job in f.views and f.views[job].asked_at]
        first = next((publication.sent for event, publication in self.publications.items() if event.job == job), None)
        return min(asked if first is None else [*asked, first], default=0.0)

    def logs(self):
        return [bridge.log_path.read_text(errors="replace") for bridge in self.bridges if bridge.log_path.exists()]

    async def kept(self):
        if self.plan.history == "memory":
            return []
        return await keep(self.redis_client(), self.all_jobs)

    def forget(self):
        shutil.rmtree(self.folder, ignore_errors=True)
