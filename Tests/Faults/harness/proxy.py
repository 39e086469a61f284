"""What lies between one bridge and Redis: sees all that the bridge hears, and can hurt it.

It knows the connections apart by their first commands: `subscription` asks SUBSCRIBE, `commands`
EVAL and PUBLISH. It keeps what the oracle needs (oracle.py): each life of the bridge, each unbroken
subscription in it, when that was aligned, and which events it was given.

Invariant: without a fault asked for, bytes pass unchanged and in order, both ways.
"""

import asyncio
import dataclasses
import json
import socket

from .events import EventID, identity
from .resp import RespReader, words

SENDING_OPERATIONS = {"record", "where", "open", "touch", "durable"}
REDIS_ENDED = "Redis ended it"


@dataclasses.dataclass
class Hearing:
    """One unbroken subscription of one life. `since` the place in `heard` that alignment reaches back to."""

    bridge: str
    life: int
    began: float
    ended: float | None = None
    why: str = ""
    heard: list = dataclasses.field(default_factory=list)  # (time, identity)
    #: (first place in heard, time aligned, time of the MARK that ended it or None, place there)
    spans: list = dataclasses.field(default_factory=list)
    asked: dict = dataclasses.field(default_factory=dict)  # own tokens that came back -> place in heard


class Link:
    """One connection of the bridge and its counterpart at Redis."""

    def __init__(self, reader, writer, upstream_reader, upstream_writer, life):
        self.reader, self.writer, self.life = reader, writer, life
        self.upstream_reader, self.upstream_writer = upstream_reader, upstream_writer
        self.address = "{}:{}".format(*upstream_writer.get_extra_info("sockname")[:2])
        self.role = "unknown"
        self.pending = []  # operations asked and not yet answered
        self.hearing = None
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.is_closed = False

    def close(self):
        self.is_closed = True
        for writer in (self.writer, self.upstream_writer):
            if not writer.transport.is_closing():
                writer.transport.abort()


class RedisProxy:
    def __init__(self, name, story, target, history):
        self.name, self.story, self.target, self.history = name, story, target, history
        self.links = []
        self.hearings = []
        self.life = 0
        self.life_ends = {}
        self.tokens = set()  # what this life asked WHERE with
        self.disturbances = []  # [from, to or None]: when the bridge could not do its work
        self.on_reply = None  # (operation, coroutine function(link) -> True to swallow the reply)
        self.canary = None  # "deaf", "echo" or "shuffle": done to the tenth worker message
        self.held = b""
        self.reply_delay = 0.0
        self.counts = {}

    async def start(self):
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    def stop(self):
        self.server.close()
        self.cut()

    # Lives and disturbances, as the bridge's process and the faults tell them

    def new_life(self):
        self.life += 1
        self.tokens = set()
        self.calm()

    def end_life(self, why):
        self.life_ends.setdefault(self.life, self.story.now())
        for link in self.links:
            self._end_hearing(link, why)

    def disturb(self):
        self.disturbances.append([self.story.now(), None])

    def calm(self):
        for disturbance in self.disturbances:
            if disturbance[1] is None:
                disturbance[1] = self.story.now()

    # Faults

    def of_role(self, role):
        return [link for link in self.links if role in (None, link.role) and not link.is_closed]

    def cut(self, role=None):
        for link in self.of_role(role):
            self._end_hearing(link, "cut")
            link.close()

    def hold(self, role):
        """From now on nothing reaches the bridge on this connection; nobody is told."""
        for link in self.of_role(role):
            link.flowing.clear()
        self.disturb()

    def release(self):
        for link in self.links:
            link.flowing.set()
        self.calm()

    # Passing on

    async def _accept(self, reader, writer):
        life = self.life
        try:
            raw = socket.create_connection(("127.0.0.1", self.target()), timeout=2)
            raw.setblocking(False)
            upstream = await asyncio.open_connection(sock=raw, limit=1 << 16)
        except OSError:
            writer.transport.abort()
            return
        link = Link(reader, writer, *upstream, life)
        self.links.append(link)
        try:
            await asyncio.gather(self._asking(link), self._answering(link))
        except (OSError, asyncio.CancelledError):
            pass  # cancelled with the run: asyncio would print it for each connection
        finally:
            self._end_hearing(link, "connection ended")
            link.close()
            self.links.remove(link)
            if link.role != "unknown":
                self.story.tell(self.name, f"{link.role} connection ended")

    async def _asking(self, link):
        parser = RespReader()
        while chunk := await link.reader.read(65_536):
            for _, value in parser.feed(chunk):
                self._hear_command(link, value)
            if link.upstream_writer.transport.is_closing():
                return
            link.upstream_writer.write(chunk)
            await link.upstream_writer.drain()
        link.close()

    def _hear_command(self, link, value):
        asked = words(value) if isinstance(value, list) else []
        name = str(asked[0]).upper() if asked else ""
        operation = name
        if name in ("PSUBSCRIBE", "SUBSCRIBE"):
            link.role = "subscription"
            if link.hearing is None:
                link.hearing = Hearing(self.name, link.life, self.story.now())
                self.hearings.append(link.hearing)
            return
        if name in ("EVAL", "EVALSHA"):
            after = 3 + int(asked[2])
            operation = asked[after] if len(asked) > after and asked[after] in SENDING_OPERATIONS else name
            if operation in ("where", "open"):
                self.tokens.add(asked[after + 10])
            self.counts[operation] = self.counts.get(operation, 0) + 1
            link.role = "commands"
        elif name in ("PUBLISH", "SCRIPT") and link.role == "unknown":
            link.role = "commands"
        link.pending.append(operation)

    async def _answering(self, link):
        parser = RespReader()
        while chunk := await link.upstream_reader.read(65_536):
            for raw, value in parser.feed(chunk):
                await link.flowing.wait()
                if link.is_closed or link.writer.transport.is_closing():
                    return link.close()
                if await self._passes(link, value):
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

    async def _passes(self, link, value):
        if link.role == "subscription":
            push = words(value) if isinstance(value, list) else []
            return self._hear_push(link.hearing, push)
        operation = link.pending.pop(0) if link.pending else None
        if self.reply_delay and link.role == "commands":
            await asyncio.sleep(self.reply_delay)
        if self.on_reply and operation == self.on_reply[0]:
            _, act = self.on_reply
            self.on_reply = None
            return not await act(link)
        return True

    # What the subscription hears

    def _hear_push(self, hearing, push):
        now = self.story.now()
        if not push:
            return True
        if push[0] == "psubscribe" and self.history == "memory" and not hearing.spans:
            hearing.spans.append([0, now, None, None])
        if push[0] == "pmessage" and push[2].startswith("job:"):
            hearing.heard.append((now, self._identity(push)))
        elif push[0] == "message" and ":control:" in push[1]:
            self._hear_control(hearing, str(push[2]).split(" "), now)
        return True

    @staticmethod
    def _identity(push):
        job = push[2].split(":")[1]
        try:
            return identity(job, json.loads(push[3]))
        except ValueError:
            return EventID(job, "unreadable", 0)

    def _hear_control(self, hearing, told, now):
        verb, token = told[0], told[1] if len(told) > 1 else ""
        if verb not in ("WHERE", "AT", "MARK"):
            return
        self.story.tell(self.name, "hears " + " ".join(told))
        here = len(hearing.heard)
        aligned = bool(hearing.spans) and hearing.spans[-1][2] is None
        if verb == "WHERE" and token in self.tokens:
            hearing.asked.setdefault(token, here)
        elif verb == "AT" and token in hearing.asked:
            if not aligned:
                hearing.spans.append([hearing.asked[token], now, None, None])
            hearing.asked.clear()
        elif verb == "MARK":
            if token in hearing.asked:
                if not aligned:
                    hearing.spans.append([hearing.asked[token], now, None, None])
                hearing.asked.clear()
            else:
                if aligned:
                    hearing.spans[-1][2:] = [now, here]
                hearing.asked = {"m" + token: here}
                self.tokens.add("m" + token)

    def is_aligned(self):
        open_hearings = [h for h in self.hearings if h.ended is None]
        return any(h.spans and h.spans[-1][2] is None for h in open_hearings)

    def _end_hearing(self, link, why):
        if link.hearing and link.hearing.ended is None:
            link.hearing.ended, link.hearing.why = self.story.now(), why
