"""From what the proxies saw the bridges hear: what must have been recorded, and when nobody could.

A plain event is owed if some bridge was given it while it knew its place, and then lived for SETTLE_SECONDS
undisturbed, on a Redis that kept its data. That its subscription broke afterwards excuses nothing: what it had heard
goes out first, under the old names. It is a lower bound: what is missing besides must lie at a gap.
"""

import dataclasses

from .hearing import CLOSED_BY_BRIDGE, CUT
from .proxy import CUT_OFF, DEAF, LAG, PAUSED
from .windows import joined, without

#: A bridge that is no sender waits 300 to 450 ms for the sender; a broken connection is back in less.
SETTLE_SECONDS = 1.0
#: A killed Redis ends the era: what was on its way to be recorded is lost behind a gap, though its data is kept. And
#: what a cut connection held last may not have been read from it.
WAY_SECONDS = 0.25
#: A shorter stall of a living bridge lets nobody open a new era over it (T_open is 3 s, AT takes up to 0.5 s more).
STALL_SECONDS_MAX = 2.0
#: Who asked so long before a stall had its answer before.
ASKED_SECONDS = 0.5
#: In these a bridge neither hears who asks nor can it answer; with its commands alone it is back in time.
STALLS = {PAUSED, DEAF, CUT_OFF, LAG}
#: The clocks of what is compared: all are read by one thread, one after the other.
EDGE_SECONDS = 0.05


@dataclasses.dataclass
class Loss:
    """Redis was made to forget: `jobs` None is all of them; without `is_data` only where recording stands."""

    since: float
    until: float
    jobs: list | None
    is_data: bool
    why: str
    #: Another server answers from then on, or the same one begun anew.
    moves: bool = False
    #: Up to when no era was open any more: the first MARK after it.
    felt_until: float = 0.0

    def harms(self, job):
        return self.jobs is None or job in self.jobs


@dataclasses.dataclass
class Hole:
    """No bridge knew its place and was at work."""

    since: float
    until: float
    why: str


class Oracle:
    def __init__(self, proxies, losses, restarts, outages, load, over):
        """`restarts` and `outages` (from, to) of Redis; `load` says what the machine held back."""
        self.proxies, self.losses, self.restarts, self.over = proxies, losses, restarts, over
        self.outages, self.load = joined(outages), load
        self.all_holes = self._holes()
        marks = sorted(at for proxy in proxies for hearing in proxy.hearings for at, _ in hearing.marks)
        for loss in losses:
            later = [at for at in marks if at >= loss.until]
            loss.felt_until = loss.until if loss.jobs else min(later, default=over)

    def counted(self, windows):
        return self.load.counted(windows, self.over)

    def spans(self):
        for proxy in self.proxies:
            for hearing in proxy.hearings:
                for span in hearing.spans:
                    yield proxy, hearing, span

    # What is owed

    def owed(self):
        """-> {event: the bridge and time that make it owed}."""
        owed, first = {}, self._first_heard()
        undisturbed = {proxy: self._undisturbed(proxy) for proxy in self.proxies}
        for proxy, hearing, span in self.spans():
            told_from, told_until = self._counts_from(proxy, hearing), self._told_until(hearing, span)
            for heard, event in hearing.heard[span.first : span.last]:
                if event in owed or not told_from <= heard <= told_until or isinstance(event, str):
                    continue
                if self._was_on_its_way(first[event]):
                    continue
                until = min(self._worked_until(proxy, hearing, span), self._lost_after(event.job, first[event]))
                if undisturbed[proxy].between(heard, until) >= SETTLE_SECONDS:
                    owed[event] = f"{proxy.name} at {heard:.3f} s"
        return owed

    def _first_heard(self):
        """When any bridge heard each event: where one heard it late, it may be recorded, and lost, long since."""
        first = {}
        for proxy in self.proxies:
            for hearing in proxy.hearings:
                for heard, event in hearing.heard:
                    first[event] = min(heard, first.get(event, heard))
        return first

    def _counts_from(self, proxy, hearing):
        """Beside an older subscription that is only silent a new one does not count before that is closed."""
        older = (each for each in proxy.hearings if each.life == hearing.life and each.began < hearing.began)
        return max((self.over if each.ended is None else each.ended for each in older), default=0.0)

    def _undisturbed(self, proxy):
        disturbed = [(each.since, self._end(each)) for each in proxy.disturbances]
        return self.counted(without([(0.0, self.over)], joined(disturbed + self.outages)))

    def _end(self, disturbance):
        return self.over if disturbance.until is None else disturbance.until

    def _told_until(self, hearing, span):
        """Up to when it surely read what it was given."""
        ended = min(hearing.ended or self.over, span.marked or self.over)
        return ended - WAY_SECONDS if hearing.why == CUT and not span.marked else ended

    def _worked_until(self, proxy, hearing, span):
        """Up to when the bridge was to bring to Redis what it had heard in this span."""
        if span.marked is not None:
            return span.marked
        life = proxy.life_ends.get(hearing.life, self.over)
        if hearing.ended is None or hearing.ended >= life:
            return life
        # It goes on with its tail, until somebody else opens a new era.
        marks = [at for other in self.proxies for heard in other.hearings for at, is_own in heard.marks
                 if other is not proxy and is_own and at > hearing.ended]  # fmt: skip
        lost = [loss.since for loss in self.losses if loss.felt_until >= hearing.ended - WAY_SECONDS]
        return min([life, *marks, *lost])

    def _lost_after(self, job, heard):
        times = [loss.since for loss in self.losses if loss.is_data and loss.until >= heard and loss.harms(job)]
        return min(times, default=self.over)

    def _was_on_its_way(self, heard):
        return any(since - WAY_SECONDS <= heard <= until for since, until in self.restarts)

    # Where a new era may begin

    def holes(self, begin):
        return [Hole(max(begin, hole.since), hole.until, hole.why) for hole in self.all_holes if hole.until > begin]

    def _holes(self):
        covered = sorted(self._covered())
        holes, at, why = [], 0.0, "no bridge had found its place yet"
        for since, end, ends_by in covered:
            if since > at:
                holes.append(Hole(at, since, why))
            if end > at:
                at, why = end, ends_by
        return holes + ([Hole(at, self.over, why)] if at < self.over else [])

    def _covered(self):
        """(from, to, why it ended) of bridges that knew their place and were at work."""
        for proxy, hearing, span in self.spans():
            since, end = span.aligned, min(hearing.ended or self.over, span.marked or self.over)
            why = span.why if span.marked and span.marked == end else hearing.why
            for disturbance in proxy.disturbances:
                paused, resumed = disturbance.since, self._end(disturbance)
                if not (self._lets_others_open(proxy, disturbance) and paused < end and resumed > since):
                    continue
                if paused > since:
                    yield since, paused, f"{proxy.name}: {disturbance.kind}"
                since = max(since, resumed)
            if end > since:
                yield since, end, f"{proxy.name}: {why}"

    def _lets_others_open(self, proxy, disturbance):
        """A stall long enough to be given up: by itself on the same subscription, or by others that asked meanwhile."""
        paused, resumed = disturbance.since, self._end(disturbance)
        if disturbance.kind not in STALLS or resumed - paused <= STALL_SECONDS_MAX:
            return False
        if disturbance.kind in (DEAF, LAG):
            return True
        return any(paused - ASKED_SECONDS <= asked <= resumed
                   for other in self.proxies if other is not proxy for asked in other.asks)  # fmt: skip

    # What a bridge may not do

    def needless_ends(self):
        """Subscriptions that a bridge closed itself though they were whole, and it had no other."""
        for proxy in self.proxies:
            for hearing in proxy.hearings:
                if hearing.why != CLOSED_BY_BRIDGE or not hearing.spans or self._may_close(proxy, hearing):
                    continue
                yield f"{proxy.name} closed its subscription itself at {hearing.ended:.3f} s, which was whole"

    def _may_close(self, proxy, hearing):
        """Another has found its place, or it is from before another server came, or a fault held it and another stands."""
        others = [other for other in proxy.hearings if other is not hearing and other.began > hearing.began]
        if any(span.aligned <= hearing.ended for other in others for span in other.spans):
            return True
        if any(loss.moves and hearing.began <= loss.until and hearing.ended >= loss.since for loss in self.losses):
            return True
        if any(each.kind == LAG and each.since <= hearing.ended <= self._end(each) + 1 for each in proxy.disturbances):
            return True
        return hearing.held_at is not None and any(
            other.confirmed and other.confirmed <= hearing.ended for other in others)
