"""Asks Redis itself, past all proxies, a script that writes: whether any bridge could record just now.

What it finds is what a fault imposes, whatever the fault was meant to do: no bridge can do better than a
Redis that is down, silent or refuses scripts.
"""

import asyncio
import dataclasses

import redis
import redis.asyncio

KEY = "faults:pulse"
PAUSE_SECONDS = 0.03
#: An answer that takes longer is an outage; a shorter one is the machine's own pace.
SLOW_SECONDS = 0.1


@dataclasses.dataclass
class Outage:
    since: float
    until: float | None
    #: "silent", "refuses …" or "down"
    kind: str


class Pulse:
    def __init__(self, story, target):
        self.story, self.target = story, target
        self.outages = []
        #: When a Redis that was down ran a script again.
        self.returns = []
        self._good = 0.0

    async def run(self):
        self._good = self.story.now()
        while True:
            client = redis.asyncio.Redis(port=self.target(), socket_timeout=None, retry=None, decode_responses=True)
            try:
                await self._ask_on(client)
            except (redis.RedisError, OSError):
                self._begin("down")
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                await client.aclose()

    async def _ask_on(self, client):
        while True:
            asked = self.story.now()
            try:
                await client.eval("return redis.call('INCR', KEYS[1])", 1, KEY)
                self._end(asked)
            except redis.ConnectionError:
                raise
            except redis.RedisError as refusal:
                if "LOADING" in str(refusal) or "MASTERDOWN" in str(refusal):
                    self._begin("down")
                else:
                    self._begin("refuses " + str(refusal)[:40])
            await asyncio.sleep(PAUSE_SECONDS)

    @property
    def _open(self):
        return self.outages[-1] if self.outages and self.outages[-1].until is None else None

    def _begin(self, kind):
        if not self._open:
            self.outages.append(Outage(self._good, None, kind))
        elif kind == "down":
            self._open.kind = kind  # a restart shows as a refusal or a silence before

    def _end(self, asked):
        now = self.story.now()
        if self._open:
            if self._open.kind == "down":
                self.returns.append(now)
            self.story.tell("pulse", f"Redis {self._open.kind} from {self._open.since:.3f} s to now")
            self._open.until = now
        elif now - asked > SLOW_SECONDS:
            self.outages.append(Outage(asked, now, "silent"))
            self.story.tell("pulse", f"Redis silent from {asked:.3f} s to now")
        self._good = now

    def windows(self, over):
        return [(each.since, over if each.until is None else each.until) for each in self.outages]
