"""What lies between one bridge and Redis: sees all that the bridge asks and hears, and can hurt it.

It knows the connections apart by their first commands: `subscription` asks PSUBSCRIBE, `commands` loads
or calls the script; what bridges tell each other (`fleet`) goes over connections of its own. It keeps what the
oracle needs: each life of the bridge, its subscriptions (hearing.py), and what disturbed it.

Invariant: without a fault asked for, bytes pass unchanged and in order, both ways.
"""

import asyncio
import collections
import contextlib
import dataclasses
import re
import socket

from .hearing import CLOSED_BY_BRIDGE, CUT, REDIS_ENDED, Hearing
from .resp import RespReader, words

SENDING_OPERATIONS = {"record", "answer", "where", "open", "pulse", "touch", "look", "durable"}

#: HOLE and ERA as the script says them, and whatever error Redis makes of it.
REFUSAL = re.compile(rb"(?:-|\*\d+\r\n\$\d+\r\n(?=HOLE|ERA))([A-Z]+)")
KILLED = "kill -9"

# What disturbs a bridge.
PAUSED = "SIGSTOP"
DEAF = "its subscription stood still"
MUTE = "its commands stood still"
CUT_OFF = "the network stood still"
LATE = "replies came late"
LAG = "the harness got no processor"


@dataclasses.dataclass
class Disturbance:
    """When a bridge could not do its work, and why."""

    kind: str
    since: float
    until: float | None = None


class Link:
    """One connection of the bridge and its counterpart at Redis."""

    def __init__(self, reader, writer, upstream_reader, upstream_writer, life):
        self.reader, self.writer, self.life = reader, writer, life
        self.upstream_reader, self.upstream_writer = upstream_reader, upstream_writer
        self.address = "{}:{}".format(*upstream_writer.get_extra_info("sockname")[:2])
        self.port = upstream_writer.get_extra_info("peername")[1]
        self.role = "unknown"
        self.asked = asyncio.Queue()  # what the bridge has sent and may pass on; at its end b""
        self.pending = collections.deque()  # operations asked and not yet answered
        self.hearing = None
        self.asks, self.answers = asyncio.Event(), asyncio.Event()
        self.flow(True)
        self.is_closed = False
        #: When a fault held it last, or holds it.
        self.held_at = None

    def flow(self, flows):
        for way in (self.asks, self.answers):
            way.set() if flows else way.clear()

    def close(self):
        self.is_closed = True
        self.flow(True)
        for writer in (self.writer, self.upstream_writer):
            if not writer.transport.is_closing():
                writer.transport.abort()


class RedisProxy:
    def __init__(self, name, story, target, history):
        self.name, self.story, self.target, self.history = name, story, target, history
        self.links, self.hearings, self.disturbances = [], [], []
        self.life, self.life_ends = 0, {}
        self.kills = []  # times of kill -9
        self.commands_at = None  # when this life had its first command connection
        self.own = set()  # the words that this life has sent to scripts: its tokens and name are among them
        self.asks = []  # when it asked where it is
        self.on_reply = None  # (operation, coroutine function(link) -> True to swallow the reply)
        self.canary = None  # "deaf", "echo" or "shuffle": done to the tenth worker message
        self.held = b""
        self.reply_delay = 0.0
        #: Seconds that each way takes longer.
        self.latency = 0.0
        self.network = asyncio.Event()
        self.network.set()
        self.waiting = 0  # new connections that wait for it
        self.counts = collections.Counter()
        self.reply_bytes = collections.Counter()
        self.refused = collections.Counter()  # answers of scripts that changed nothing, by their first word

    async def start(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    def stop(self):
        self.server.close()
        for link in self.of_role(None):
            link.close()

    # Lives and disturbances, as the bridge's process and the faults tell them

    def new_life(self):
        self.life += 1
        self.own, self.commands_at = set(), None
        self.calm(PAUSED, LATE)

    def end_life(self, why):
        self.life_ends.setdefault(self.life, self.story.now())
        if why == KILLED:
            self.kills.append(self.story.now())
        for link in self.links:
            self._end_hearing(link, why)

    def disturb(self, kind, since=None, until=None):
        self.disturbances.append(Disturbance(kind, self.story.now() if since is None else since, until))

    def calm(self, *kinds):
        """What was disturbed so, or in whatever way, is not any more."""
        for disturbance in self.disturbances:
            if disturbance.until is None and (not kinds or disturbance.kind in kinds):
                disturbance.until = self.story.now()

    # Faults

    def of_role(self, role):
        return [link for link in self.links if role in (None, link.role) and not link.is_closed]

    def cut(self, role=None):
        self.story.strike(self.name, f"{role or 'every'} connection is cut")
        for link in self.of_role(role):
            self._end_hearing(link, CUT)
            link.close()

    def hold(self, role):
        """From now on nothing passes on this connection, either way; nobody is told, and a new one is free."""
        self.story.strike(self.name, f"its {role} connection goes silent")
        for link in self.of_role(role):
            link.flow(False)
            link.held_at = self.story.now()
        self.disturb(DEAF if role == "subscription" else MUTE)

    def hold_all(self):
        """The network stands still: nothing passes on any connection, and no new one comes to be."""
        self.story.strike(self.name, "its network stands still")
        self.network.clear()
        self.disturb(CUT_OFF)

    def release(self):
        self.network.set()
        for link in self.links:
            if not link.answers.is_set():
                link.held_at = self.story.now()
            link.flow(True)
        self.story.tell(self.name, "everything flows again")
        self.calm(DEAF, MUTE, CUT_OFF)

    # Passing on

    async def _accept(self, reader, writer):
        life = self.life
        try:
            self.waiting += 1
            await self.network.wait()
            self.waiting -= 1
            raw = socket.create_connection(("127.0.0.1", self.target()), timeout=2)
            raw.setblocking(False)
            upstream = await asyncio.open_connection(sock=raw, limit=1 << 16)
        except OSError:
            writer.transport.abort()
            return
        link = Link(reader, writer, *upstream, life)
        self.links.append(link)
        try:
            await asyncio.gather(self._listening(link), self._asking(link), self._answering(link))
        except (OSError, asyncio.CancelledError):
            pass  # cancelled with the run: asyncio would print it for each connection
        finally:
            self._end_hearing(link, CLOSED_BY_BRIDGE)
            link.close()
            self.links.remove(link)
            if link.role not in ("unknown", "fleet"):
                self.story.tell(self.name, f"{link.role} connection ended")

    async def _listening(self, link):
        """What the bridge says is known at once, also where it does not pass: above all that it has left."""
        with contextlib.suppress(OSError):
            while chunk := await link.reader.read(65_536):
                link.asked.put_nowait(chunk)
        self._end_hearing(link, CLOSED_BY_BRIDGE)
        link.asked.put_nowait(b"")

    async def _asking(self, link):
        parser = RespReader()
        while chunk := await link.asked.get():
            await link.asks.wait()
            await self.network.wait()
            if self.latency:
                await asyncio.sleep(self.latency)
            for _, value in parser.feed(chunk):
                self._hear_command(link, value)
            if link.upstream_writer.transport.is_closing():
                return
            link.upstream_writer.write(chunk)
            await link.upstream_writer.drain()
        # Redis is told when the network lets it be.
        await link.asks.wait()
        await self.network.wait()
        link.close()

    def _hear_command(self, link, value):
        asked = words(value) if isinstance(value, list) else []
        name = str(asked[0]).upper() if asked else ""
        if name in ("PSUBSCRIBE", "SUBSCRIBE"):
            return self._hear_subscribe(link, name)
        operation = name
        if name in ("EVAL", "EVALSHA"):
            first = 3 + int(asked[2])
            operation = asked[first] if len(asked) > first and asked[first] in SENDING_OPERATIONS else name
            if operation in ("where", "open"):
                self.own.update(asked[first + 1 :])
            if operation == "where":
                self.asks.append(self.story.now())
            self.counts[operation] += 1
        is_probe = name == "PUBLISH" and ":fleet:" not in asked[1]
        if link.role == "unknown" and (is_probe or name in ("EVAL", "EVALSHA", "SCRIPT")):
            link.role = "commands"
            self.commands_at = self.commands_at or self.story.now()
        link.pending.append(operation)

    def _hear_subscribe(self, link, name):
        # Fleet subscribes to no pattern; a bridge's subscription begins with one.
        if link.role == "unknown":
            link.role = "subscription" if name == "PSUBSCRIBE" else "fleet"
        if link.role == "subscription" and link.hearing is None:
            link.hearing = Hearing(self.name, link.life, self.own, self.story, self.history == "memory")
            self.hearings.append(link.hearing)

    async def _answering(self, link):
        parser = RespReader()
        while chunk := await link.upstream_reader.read(65_536):
            if self.latency:
                await asyncio.sleep(self.latency)
            for raw, value in parser.feed(chunk):
                await link.answers.wait()
                await self.network.wait()
                if link.is_closed or link.writer.transport.is_closing():
                    return link.close()
                if await self._passes(link, raw, value):
                    link.writer.write(self._sung(raw) if self.canary else raw)
            await link.writer.drain()
        # Redis has ended it: the bridge still gets all that lies before the end.
        if link.writer.can_write_eof() and not link.is_closed:
            self._end_hearing(link, REDIS_ENDED)
            link.writer.write_eof()
            await asyncio.sleep(0.5)
        link.close()

    def _sung(self, raw):
        """A canary's worker message: not handed on, handed on twice, or after the next one of its job."""
        if self.held:
            if raw.split(b"\r\n")[:7] == self.held.split(b"\r\n")[:7]:
                raw, self.held, self.canary = raw + self.held, b"", None
        elif b"pmessage" in raw[:20] and b'"n": 10,' in raw:
            self.story.tell(self.name, f"CANARY: {self.canary}")
            song, self.canary = self.canary, None
            if song == "shuffle":
                self.held, self.canary, raw = raw, song, b""
            else:
                raw = {"deaf": b"", "echo": raw * 2}[song]
        return raw

    async def _passes(self, link, raw, value):
        if link.role == "subscription":
            link.hearing.hear(words(value) if isinstance(value, list) else [])
            return True
        operation = link.pending.popleft() if link.pending else None
        self.reply_bytes[operation] += len(raw)
        if operation in SENDING_OPERATIONS and raw[:1] in b"-*" and (told := REFUSAL.match(raw)):
            self.refused[told[1].decode()] += 1
        if self.reply_delay and link.role == "commands":
            await asyncio.sleep(self.reply_delay)
        if self.on_reply and operation == self.on_reply[0]:
            _, act = self.on_reply
            self.on_reply = None
            return not await act(link)
        return True

    @property
    def connected_at(self):
        """When this life first had both its connections."""
        confirmed = [h.confirmed for h in self.hearings if h.life == self.life and h.confirmed]
        return max(confirmed[0], self.commands_at) if confirmed and self.commands_at else None

    def is_aligned(self, since=0.0):
        """Whether it knows its place at the Redis that is there now, and was told so since then."""
        now = [link.hearing for link in self.links if link.hearing and link.port == self.target()]
        return any(hearing.is_aligned and hearing.placed_at >= since for hearing in now)

    def _end_hearing(self, link, why):
        if link.hearing:
            link.hearing.held_at = link.held_at
            link.hearing.end(why)
