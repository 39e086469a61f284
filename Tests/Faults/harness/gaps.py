"""Every gap that was told, and its cause: a gap without one says that events are missing where none can be.

A gap entry has a cause if, between the entry before it (or the first that anybody knew of the job) and itself,
there was a moment at which no bridge knew its place and was at work, or Redis was made to forget.
"""

import collections
import dataclasses

from .events import GAP, EventID
from .followers import RESET
from .hearing import OPENED_OVER
from .oracle import EDGE_SECONDS


@dataclasses.dataclass
class Gap:
    job: str
    #: As it is told in words: which stream or client, which number.
    where: str
    since: float
    until: float
    cause: str | None = None
    #: The entry before it is a gap, and nothing was ever between them.
    is_second: bool = False
    #: All of the job's events are to be forgotten: only lost data can bring that about.
    is_reset: bool = False


class Gaps:
    def __init__(self, world, oracle, streams, views):
        """`streams` all that was kept at some time, `views` of all clients."""
        self.world, self.oracle, self.streams, self.views = world, oracle, streams, views
        self.told_at = {}  # (job, epoch, seq) of a gap entry -> when it was announced, or first heard
        for at, job, epoch, seq, what in world.witness.journal:
            if what == GAP:
                self.told_at.setdefault((job, epoch, seq), at)
        for view in views:
            for at, epoch, seq, what in view.items:
                if what == GAP:
                    self.told_at.setdefault((view.job, epoch, seq), at)
        self.forks = {}  # (job, new epoch, its first seq) -> the epoch that it grew out of
        self.found = list(self._entries()) + list(self._resets())
        for gap in self.found:
            gap.cause = self._cause(gap)

    def causes(self):
        """-> how many gaps each cause has, in words without numbers."""
        return collections.Counter(gap.cause or "NONE" for gap in self.found)

    # Gap entries

    def _entries(self):
        """Of every numbering of a job, told by streams where they are kept, else by the journal or clients."""
        numberings = collections.defaultdict(dict)  # (job, epoch) -> seq -> what
        for view in self.views:
            for _, epoch, seq, what in view.items:
                self._add(numberings, view.job, epoch, seq, what)
        for _, job, epoch, seq, what in self.world.witness.journal:
            self._add(numberings, job, epoch, seq, what)
        for kept in self.streams:
            for seq, what in kept.entries:
                self._add(numberings, kept.job, kept.epoch_of(seq), seq, what)
        before = self._forked_from(numberings)
        for (job, epoch), entries in numberings.items():
            for seq, what in entries.items():
                if what == GAP:
                    yield self._entry(job, epoch, seq, entries.get(seq - 1) or before.get((job, epoch, seq)))

    @staticmethod
    def _add(numberings, job, epoch, seq, what):
        if what == GAP or not str(what).startswith((GAP, RESET)):
            numberings[job, epoch].setdefault(seq, what)

    def _forked_from(self, numberings):
        """(job, new epoch, its first seq) -> the last entry of the old numbering that holds, where a stream or a view shows it."""
        before = {}
        for view in self.views:
            old = None
            for _, epoch, seq, what in view.items:
                if what == GAP and old not in (None, epoch):
                    before[view.job, epoch, seq] = numberings[view.job, old].get(seq - 1)
                    self.forks[view.job, epoch, seq] = old
                old = epoch
        for kept in self.streams:
            epochs = [*kept.forks, (kept.epoch, kept.seq)]
            for (old, upto), (new, _) in zip(epochs, epochs[1:]):
                # What the old numbering had beyond was told and is lost: then something lay between. A gap there
                # is this very one, told once more under the new name.
                beyond = numberings[kept.job, old].get(upto + 1)
                lost = beyond if isinstance(beyond, EventID) else None
                before[kept.job, new, upto + 1] = lost or numberings[kept.job, old].get(upto)
                self.forks[kept.job, new, upto + 1] = old
        return before

    def _entry(self, job, epoch, seq, previous):
        until = self.told_at.get((job, epoch, seq), self.oracle.over)
        is_second = previous == GAP
        since = self.world.known_since(job)
        if isinstance(previous, EventID) and previous in self.world.publications:
            since = max(since, self.world.publications[previous].sent)
        # What was told before under another name has had its cause.
        since = max(since, self.told_at.get((job, self.forks.get((job, epoch, seq)), seq), 0.0))
        return Gap(job, f"{job} at {epoch}:{seq}, {until:.3f} s", min(since, until), until, is_second=is_second)

    # Numberings that clients were told to forget

    def _resets(self):
        for view in self.views:
            since = view.live_at or 0.0
            for at, epoch, _, what in view.items:
                if what == RESET:
                    what_for = f"{view.client} was told to forget {view.job}, {at:.3f} s"
                    yield Gap(view.job, what_for, since, at, is_reset=True)
                elif str(what).startswith(GAP + " told"):
                    yield Gap(view.job, f"{view.client} was told of a gap of {view.job}, {at:.3f} s", since, at)
                # Not when it was heard: a slow client hears late.
                if what in self.world.publications:
                    since = self.world.publications[what].sent

    # Causes

    def _cause(self, gap):
        since, until = gap.since - EDGE_SECONDS, gap.until + EDGE_SECONDS
        for loss in self.oracle.losses:
            is_enough = loss.is_data or not gap.is_reset
            ended = loss.until if gap.is_reset else loss.felt_until
            if is_enough and loss.harms(gap.job) and loss.since <= until and ended >= since:
                return loss.why
        for hole in [] if gap.is_reset else self.oracle.all_holes:
            if hole.since <= until and hole.until >= since and not hole.why.endswith(OPENED_OVER):
                return hole.why.partition(": ")[2] or hole.why
        if any("record_queue_full" in log for log in self.world.logs()):
            return "the queue was full"
        return None
