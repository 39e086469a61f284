"""Clients: they follow jobs, leave, and come back to any bridge with their cursors; some are slow.

A View is what one client knows of one job, kept by the rules of the protocol alone. It finds what is
wrong with the order by itself; whether the events are the right ones is for the ledger.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import time
import urllib.parse

import websockets.asyncio.client as ws
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from .bridge import SECRET
from .events import GAP, identity

RESET = "reset"
RANGE_REASONS = {"trimmed", "replay_limit", "slow_consumer", "conflated"}
CLOSES_ALLOWED = {1000, 1001, 1006, 1012, 1013, 4408}


def token():
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    text = part({"alg": "HS256"}) + b"." + part({"sub": "f", "scope": "jobs:read", "exp": int(time.time()) + 3600})
    mark = base64.urlsafe_b64encode(hmac.digest(SECRET.encode(), text, hashlib.sha256)).rstrip(b"=")
    return (text + b"." + mark).decode()


#: What is asked, and what may be the answer: the first message that says something, or how it was closed.
ODD_QUESTIONS = {
    "after=garbage": ["closed 4400"], "after=" + "x" * 300 + ":1": ["closed 4400"], "history=-1": ["closed 4400"],
    "after=otherepoch:5": ["gap epoch_changed", "live"],
    "history=1000000000": ["event", "gap trimmed", "gap unrecorded", "live"],
}  # fmt: skip


async def ask(bridge, job, question):
    """-> in words what a client is told who follows the job with this question."""
    try:
        async with asyncio.timeout(10), ws.connect(
            f"ws://127.0.0.1:{bridge.port}/api/v1/ws/jobs/{job}/updates?{question}", compression=None, proxy=None,
            max_size=None, additional_headers={"Authorization": f"Bearer {token()}"}, subprotocols=["jobwire.v1.json"],
        ) as socket:  # fmt: skip
            while True:
                message = json.loads(await socket.recv())
                told = message["type"] if "seq" not in message else "event"
                if told in ("event", "gap", "live"):
                    socket.transport.abort()  # it may be sent much more, which nobody reads
                    return f"gap {message['data']['reason']}" if told == "gap" else told
    except ConnectionClosed as end:
        code = end.rcvd.code if end.rcvd else 1006
        return f"closed {code}" if code not in CLOSES_ALLOWED else "gone"
    except TimeoutError:
        return "silence"
    except (OSError, InvalidHandshake, EOFError):
        return "gone"


class View:
    """Invariant: every seq up to `seq` of `epoch` was seen or lies in `gaps`, or `faults` says where not."""

    def __init__(self, client, job, story):
        self.client, self.job, self.story = client, job, story
        self.epoch, self.seq = None, 0
        self.gaps = []
        #: When it was first asked for, and when its replay was first over: what comes from then on is owed to it.
        self.asked_at, self.live_at = None, None
        self.items = []  # (time, epoch, seq, identity or GAP), or RESET with the new epoch
        self.faults = []

    @property
    def cursor(self):
        return f"{self.epoch}:{self.seq}" if self.epoch else None

    def wrong(self, what):
        self.faults.append(f"{self.client} {self.job}: {what} (at {self.epoch}:{self.seq}, {self.story.now():.3f} s)")

    def covered(self, first, last):
        return all(any(low <= seq <= high for low, high in self.gaps) for seq in range(first, last + 1))

    def hear(self, message, where):
        if "seq" in message:
            return self._event(message)
        data, kind = message.get("data") or {}, message.get("type")
        if kind in ("connected", "subscribed"):
            self.gaps = []
            if data.get("epoch") and self.epoch is None:
                self.epoch, self.seq = data["epoch"], 0
        elif kind == "live":
            self.live_at = self.live_at or self.story.now()
            if data.get("epoch") != self.epoch:
                self.story.tell(self.client, f"{self.job} live {data.get('epoch')}:{data.get('seq')} by {where}")
            self._live(data)
        elif kind == "gap":
            self._gap(data)
            numbers = f"{data.get('from')}..{data.get('to')} of {data.get('epoch')}"
            self.story.tell(self.client, f"{self.job} gap {data.get('reason')} {numbers} by {where}")

    def _event(self, message):
        seq = message["seq"]
        if not self.epoch:
            self.wrong(f"event {seq} before its epoch was told")
        if seq <= self.seq:
            self.wrong(f"event {seq} is a duplicate or out of order: {identity(self.job, message)}")
        elif not self.covered(self.seq + 1, seq - 1):
            self.wrong(f"event {seq} ({identity(self.job, message)}) came without those before it and without a gap")
        self.seq = max(seq, self.seq)
        self.items.append((self.story.now(), self.epoch, seq, identity(self.job, message)))

    def _live(self, data):
        epoch, seq = data.get("epoch"), data.get("seq") or 0
        if epoch is None:
            return
        if self.epoch is None:
            self.epoch, self.seq = epoch, 0
        elif epoch != self.epoch:
            # A fork: what was numbered up to here holds in both, and its gap entry is still to come.
            self.epoch, self.seq = epoch, min(seq, self.seq)
        if seq > self.seq and not self.covered(self.seq + 1, seq):
            self.wrong(f"live at {seq}, but what lies before it did not come")

    def _gap(self, data):
        reason, low, high, epoch = (data.get(name) for name in ("reason", "from", "to", "epoch"))
        if reason == "epoch_changed":
            self.epoch, self.seq, self.gaps = epoch, 0, []
            self.items.append((self.story.now(), epoch, 0, RESET))
        elif reason == "unrecorded" and low is None:
            # Told to who followed before there was a numbering; it has no place in it.
            self.items.append((self.story.now(), self.epoch, self.seq, f"{GAP} told"))
        elif reason == "unrecorded" and low == high:
            if epoch != self.epoch:
                if low > self.seq + 1 and not self.covered(self.seq + 1, low - 1):
                    self.wrong(f"gap entry {epoch}:{low} came without those before it")
                self.gaps = []
            elif low <= self.seq:
                self.wrong(f"gap entry {low} is a duplicate or out of order")
            elif not self.covered(self.seq + 1, low - 1):
                self.wrong(f"gap entry {low} came without those before it")
            self.epoch, self.seq = epoch, low
            self.items.append((self.story.now(), epoch, low, GAP))
        elif reason in RANGE_REASONS:
            if low is None or high is None or not 0 < low <= high:
                return self.wrong(f"gap {reason} from {low} to {high}")
            self.gaps.append((low, high))
            self.items.append((self.story.now(), epoch, high, f"{GAP} {reason} {low}"))
        else:
            self.wrong(f"a gap of no known kind: {data}")


class Follower:
    """One client, on one socket for one job, or on one socket for all of `jobs`.

    It wanders between the bridges; one with a `home` stays there and comes back at once: what it has is
    what that bridge has delivered.
    """

    def __init__(self, name, jobs, world, random, is_slow=False, ears=None, home=None):
        self.name, self.world, self.random, self.is_slow, self.home = name, world, random, is_slow, home
        self.views = {job: View(name, job, world.story) for job in jobs}
        self.ears = ears or (lambda message: [message])
        self.faults = []
        self.notices = []  # (time, code)
        #: [from, to or None]: connected, and all of its jobs live.
        self.spells = []
        self.at = None
        self.connections = 0

    async def run(self):
        while not self.world.is_over:
            bridges = [self.home] if self.home else self.world.bridges
            bridges = [bridge for bridge in bridges if bridge.is_alive and not self._waits_for(bridge)]
            if not bridges:
                await asyncio.sleep(0.05)
                continue
            bridge = self.random.choice(bridges)
            try:
                await self._follow(bridge)
            except ConnectionClosed as end:
                code = end.rcvd.code if end.rcvd else 1006
                if code not in CLOSES_ALLOWED:
                    self.faults.append(f"{self.name}: {bridge.name} closed with {code} {end.rcvd.reason}")
            except (OSError, TimeoutError, InvalidHandshake, EOFError):
                pass
            self.at = None
            if self.spells and self.spells[-1][1] is None:
                self.spells[-1][1] = self.world.story.now()
            await asyncio.sleep(0.02 if self.home else self.random.uniform(0.01, 0.15))

    def _waits_for(self, bridge):
        return self.world.plan.clients_wait and bridge.readiness.status != 200

    def _path(self):
        if len(self.views) > 1:
            return "/api/v1/ws"
        (job, view), = self.views.items()
        query = "?" + urllib.parse.urlencode({"after": view.cursor}) if view.cursor else ""
        return f"/api/v1/ws/jobs/{job}/updates{query}"

    async def _follow(self, bridge):
        for view in self.views.values():
            view.asked_at = view.asked_at or self.world.story.now()
            if not view.cursor:
                view.live_at = None  # who comes without a cursor has not been here before
        async with ws.connect(
            f"ws://127.0.0.1:{bridge.port}{self._path()}", compression=None, open_timeout=2, close_timeout=0.5,
            additional_headers={"Authorization": f"Bearer {token()}"}, subprotocols=["jobwire.v1.json"],
            ping_interval=None, proxy=None, max_size=None, max_queue=4 if self.is_slow else 64,
        ) as socket:  # fmt: skip
            self.at, self.connections = bridge.name, self.connections + 1
            self.awaited = set(self.views)
            if len(self.views) > 1:
                wanted = [{"id": job} | ({"after": v.cursor} if v.cursor else {}) for job, v in self.views.items()]
                await socket.send(json.dumps({"type": "subscribe", "data": {"jobs": wanted}}))
            stays = time.monotonic() + self.random.expovariate(1 / 2.0)
            while not self.world.is_over:
                if not self.home and time.monotonic() > stays and not self.world.is_settling:
                    if self.random.random() < 0.5:
                        socket.transport.abort()
                    return
                try:
                    async with asyncio.timeout(0.1):
                        text = await socket.recv()
                except TimeoutError:
                    continue
                for message in self.ears(json.loads(text)):
                    self._hear(message, bridge)
                if self.is_slow and not self.world.is_settling:
                    await asyncio.sleep(self.random.choice([0, 0, 0.02, 0.3]))

    def _hear(self, message, bridge):
        kind, job = message.get("type"), message.get("job_id")
        if kind == "rejected":
            self.faults.append(f"{self.name}: rejected {message['data']}")
        if kind == "notice":
            code = message["data"].get("code")
            self.notices.append((self.world.story.now(), code))
            if self.home:
                self.world.story.tell(self.name, f"notice {code}")
        view = self.views.get(job)
        if not view:
            return
        view.hear(message, bridge.name)
        if kind == "live" and job in self.awaited:
            self.awaited.discard(job)
            if not self.awaited:
                self.spells.append([self.world.story.now(), None])
