"""What one subscription of a bridge was given, and when the bridge knew its place by it: the proxy's own reading.

A bridge is aligned from the AT that answers its token, or from its own MARK, until somebody else's MARK
or the end of the subscription (the design's recording.md); its place then reaches back to its token.

Invariant: without a fault the spans of a hearing are those of the bridge's recorder.
"""

import dataclasses
import json

from .events import WORKER_CHANNELS, EventID, identity

# Why a subscription has ended.
REDIS_ENDED = "Redis ended its subscription"
CUT = "its subscription was cut"
CLOSED_BY_BRIDGE = "it closed its subscription itself"
# Or only a span of it. The first is nobody's right.
OPENED_OVER = "an era was opened over it"
OF_OTHER_PATTERNS = "a bridge of other patterns opened an era"


@dataclasses.dataclass
class Span:
    """From which place in `heard` on it knows its place, when it knew that, and the MARK that ended it."""

    first: int
    aligned: float
    marked: float | None = None
    last: int | None = None
    why: str = ""


class Hearing:
    """One unbroken subscription of one life. `own` are the words that this life has sent to scripts."""

    def __init__(self, bridge, life, own, story, keeps_alone):
        self.bridge, self.life, self.own, self.story = bridge, life, own, story
        #: With history=memory nobody else is to agree: it is aligned once it is subscribed.
        self.keeps_alone = keeps_alone
        self.began = story.now()
        self.confirmed = None
        self.ended, self.why = None, ""
        #: When a fault held its connection last, or holds it.
        self.held_at = None
        self.heard = []  # (time, identity)
        self.spans = []
        self.placed_at = 0.0  # when it heard last where it is
        self.asked = {}  # own tokens that came back -> place in heard
        #: The hash of its patterns; None while it has not asked.
        self.patterns = None
        self.marks = []  # (time, whether it was its own)

    @property
    def is_aligned(self):
        return self.ended is None and bool(self.spans) and self.spans[-1].marked is None

    def end(self, why):
        if self.ended is None:
            self.ended, self.why = self.story.now(), why

    def hear(self, push):
        """A push, as words."""
        now = self.story.now()
        if not push or self.ended is not None:
            return
        if push[0] == "psubscribe":
            self.confirmed = now
            if self.keeps_alone and not self.spans:
                self.spans.append(Span(0, now))
        elif push[0] == "pmessage" and push[2].startswith(WORKER_CHANNELS):
            self.heard.append((now, self._identity(push)))
        elif push[0] == "message" and ":control:" in push[1]:
            self._hear_control(str(push[2]).split(" "), now)

    @staticmethod
    def _identity(push):
        job = push[2].split(":")[1]
        try:
            return identity(job, json.loads(push[3]))
        except ValueError:
            return EventID(job, "unreadable", 0)

    def _hear_control(self, told, now):
        verb = told[0]
        if verb not in ("WHERE", "AT", "MARK") or len(told) < 3:
            return
        self.story.tell(self.bridge, "hears " + " ".join(told))
        {"WHERE": self._where, "AT": self._at, "MARK": self._mark}[verb](told, now)

    def _where(self, told, now):
        token = told[1]
        if token in self.own:
            self.asked.setdefault(token, len(self.heard))
            self.patterns = told[3] if len(told) > 3 else None

    def _at(self, told, now):
        token, patterns = told[1], told[2]
        if token in self.asked and self.patterns in (patterns, None):
            self._align(self.asked[token], now)

    def _mark(self, told, now):
        token, by, patterns = told[1], told[2], told[3] if len(told) > 3 else None
        self.marks.append((now, by in self.own))
        if by in self.own:
            self._align(self.asked.get(token, min(self.asked.values(), default=len(self.heard))), now)
            return
        if self.spans and self.spans[-1].marked is None:
            span = self.spans[-1]
            span.marked, span.last = now, len(self.heard)
            span.why = OPENED_OVER if self.patterns in (patterns, None) else OF_OTHER_PATTERNS
        self.asked = {}
        if self.patterns in (patterns, None):
            self.asked["m" + token] = len(self.heard)
            self.own.add("m" + token)

    def _align(self, first, now):
        if not self.is_aligned:
            self.spans.append(Span(first, now))
        self.placed_at, self.asked = now, {}
