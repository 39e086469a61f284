"""How long events stood still at a bridge, and whether `/readyz` and `redis_back` told the truth meanwhile.

For each bridge a steady client follows every job (followers.py). An event stands still from when Redis had answered its
publisher until that client has it, or a gap in its place. Not counted is what nobody can help: the time that Redis
ran no script (pulse.py), that a fault took from this very bridge, and what the machine held back (load.py).
"""

import bisect
import dataclasses

from .events import GAP, EventID
from .followers import RESET
from .proxy import CUT_OFF, DEAF, LAG, LATE, MUTE, PAUSED
from .windows import Meter, common, joined, without

#: Beyond what the fault itself imposes.
STALL_SECONDS_MAX = 0.5
#: So old may the oldest event be that waits while `/readyz` says 200, whatever the cause.
READY_SECONDS_MAX = 2.5
#: What becomes ready says so, and in the same moment tells clients what they have missed.
TOLD_SECONDS = 0.2
#: A bridge waits so long for another that was the sender before it records itself.
TAKEOVER_SECONDS = 0.5
#: A silent command connection is found after the reply timeout, and then a new one is made in this time.
RECONNECT_SECONDS = 0.5
#: So long after `redis_back` its word is looked at.
BACK_SECONDS = 3.0


@dataclasses.dataclass
class Stall:
    bridge: str
    event: EventID
    since: float
    until: float
    seconds: float

    def __str__(self):
        when = f"from {self.since:.3f} to {self.until:.3f} s"
        return f"{self.event} stood still at {self.bridge} for {self.seconds:.2f} s, {when}"


class BridgeStalls:
    """What one bridge's steady client had, and when."""

    def __init__(self, bridge, watcher, world, oracle):
        self.bridge, self.watcher, self.world, self.oracle = bridge, watcher, world, oracle
        self.over = oracle.over
        self.spells = joined([(since, self.over if until is None else until) for since, until in watcher.spells])
        self.waits = sorted(self._waits(), key=lambda wait: wait[1])  # (event, answered, had)

    def _waits(self):
        had, gaps = {}, {}
        for job, view in self.watcher.views.items():
            gaps[job] = []
            for at, _, _, what in view.items:
                if isinstance(what, EventID):
                    had.setdefault(what, at)
                elif what == RESET or str(what).startswith(GAP):
                    gaps[job].append(at)
        for event, publication in self.world.publications.items():
            if publication.answered is None or not self.bridge.hears(event.job):
                continue
            until = had.get(event)
            if until is None and self._is_harmed(event.job, publication.answered):
                continue
            if until is None:
                place = bisect.bisect_left(gaps[event.job], publication.sent)
                until = gaps[event.job][place] if place < len(gaps[event.job]) else self.over
            if until > publication.answered:
                yield event, publication.answered, until

    def _is_harmed(self, job, at):
        """What of this job alone was spoilt then can't be told before it is whole again, and has its next event."""
        return any(loss.jobs and loss.harms(job) and loss.since <= at <= loss.until for loss in self.oracle.losses)

    # What nobody can help

    def _imposed(self):
        for disturbance in self.bridge.proxy.disturbances:
            since, until = disturbance.since, self._end(disturbance)
            if disturbance.kind == MUTE:
                until = min(until, since + self.bridge.reply_seconds + RECONNECT_SECONDS)
            yield since, until
        for other in self.world.bridges:
            if other is not self.bridge:
                yield from ((at, at + TAKEOVER_SECONDS) for at in other.proxy.kills)
                yield from self._imposed_by(other)
        yield from self.oracle.outages
        yield from self.world.imposed

    def _imposed_by(self, other):
        for disturbance in other.proxy.disturbances:
            if disturbance.kind == LATE:
                yield disturbance.since, self._end(disturbance)
            elif disturbance.kind in (PAUSED, MUTE, CUT_OFF, LAG, DEAF):
                yield disturbance.since, disturbance.since + TAKEOVER_SECONDS

    def _end(self, disturbance):
        return self.over if disturbance.until is None else disturbance.until

    # The checks

    def _meter(self, is_ready):
        windows = without(self.spells, joined(self._imposed()))
        if is_ready:
            windows = common(windows, joined(self.bridge.readiness.windows()))
        return self.oracle.counted(windows)

    def longest(self):
        """-> the longest that any event stood still whatever the cause; and beyond that, while `/readyz` said 200."""
        seen = Meter([(since, until, until - since) for since, until in self.spells])
        beyond = self._meter(is_ready=True)
        return (max((seen.between(since, until) for _, since, until in self.waits), default=0.0),
                max((beyond.between(since, until) for _, since, until in self.waits), default=0.0))  # fmt: skip

    def stalls(self):
        """The worst of each job that stood still for too long while `/readyz` said 200."""
        meter, worst = self._meter(is_ready=True), {}
        for event, since, until in self.waits:
            seconds = meter.between(since, until)
            if seconds > max(STALL_SECONDS_MAX, worst[event.job].seconds if event.job in worst else 0):
                worst[event.job] = Stall(self.bridge.name, event, since, until, seconds)
        return list(worst.values())

    def lies(self):
        """-> (how old the oldest event was that waited while `/readyz` said 200; what breaks the limit, in words)"""
        disturbed = (each for each in self.bridge.proxy.disturbances if each.kind in (PAUSED, LAG))
        asleep = ((each.since, self._end(each)) for each in disturbed)
        meter = self.oracle.counted(without(self.spells, joined(asleep)))
        oldest, wrong = 0.0, []
        long = [wait for wait in self.waits if wait[2] - wait[1] > STALL_SECONDS_MAX]
        for asked, answered, status in self.bridge.readiness.samples:
            if status != 200:
                continue
            for event, since, until in long:
                if since >= asked or until <= answered + TOLD_SECONDS or not self._watched(since, answered):
                    continue
                age = meter.between(since, asked)
                oldest = max(oldest, age)
                if age > READY_SECONDS_MAX and not wrong:
                    wrong.append(f"{self.bridge.name} says 200 at {asked:.3f} s, and {event} waits since {since:.3f} s")
                break  # the others are younger
        return oldest, wrong

    def _watched(self, since, until):
        return any(begin <= since and end >= until for begin, end in self.spells)

    def false_returns(self):
        """What was published after `redis_back` and came late, or never."""
        meter, wrong = self._meter(is_ready=False), []
        recorded = {what for view in self.watcher.views.values() for _, _, _, what in view.items}
        for told, code in self.watcher.notices:
            if code != "redis_back":
                continue
            horizon = min([told + BACK_SECONDS, *(at for at in self._ends_of_back() if at > told)])
            for event, answered, until in self.waits:
                sent = self.world.publications[event].sent
                if not told < sent < horizon - STALL_SECONDS_MAX or not self._watched(told, answered):
                    continue
                late = meter.between(answered, min(until, horizon))
                if late > STALL_SECONDS_MAX or (event not in recorded and until < horizon):
                    how = f"came {late:.2f} s late" if event in recorded else "never came"
                    what = f"{event}, sent {sent:.3f} s, {how}"
                    wrong.append(f"{self.bridge.name} told redis_back at {told:.3f} s, and {what}")
                    break
        return wrong

    def _ends_of_back(self):
        """Where its word ends: something was harmed again, or it said so itself."""
        lost = [at for at, code in self.watcher.notices if code == "redis_lost"]
        return lost + self.world.story.strikes + [until for _, until in self.spells if until < self.over]

    def first_after(self, returned):
        """-> how long the first event took that was published when Redis ran scripts again; None: not watched."""
        after = [(answered, until) for event, answered, until in self.waits if answered >= returned]
        had = min((at for view in self.watcher.views.values() for at, _, _, what in view.items
                   if isinstance(what, EventID) and what in self.world.publications
                   and self.world.publications[what].sent >= returned), default=None)  # fmt: skip
        if not after or not self._watched(returned, after[0][0]):
            return None
        end = self.over if had is None else had
        return self.oracle.counted(self.spells).between(after[0][0], end)
