"""The ledger: at the end of a run, is what clients saw what was recorded, and that what was published?

Each check stands for a sentence of the guarantee; `violations` collects what broke it, with the events.
"""

import collections

from .events import GAP, EventID
from .followers import RESET


class Ledger:
    def __init__(self, world, oracle, final, copies):
        self.world, self.oracle, self.final, self.copies = world, oracle, final, copies
        self.violations = []
        self.views = [view for follower in world.followers for view in follower.views.values()]
        self.recorded = set()
        self.gaps_seen = 0

    def wrong(self, rule, what):
        self.violations.append(f"[{rule}] {what}")

    def check(self):
        for follower in self.world.followers:
            for fault in follower.faults:
                self.wrong("closed", fault)
        for view in self.views:
            for fault in view.faults:
                self.wrong("contiguous", fault)
        for crash in self.world.crashes:
            self.wrong("alive", crash)
        for fault in self.world.witness.faults:
            self.wrong("witness", fault)
        self.one_name_one_event()
        for kept in self.final + [kept for copy in self.copies for kept in copy]:
            self.kept_is_whole(kept)
            items = [(kept.epoch_of(seq), seq, what) for seq, what in kept.entries]
            self.history(f"stream of {kept.job}", kept.job, items)
        for view in self.views:
            self.history(f"{view.client} {view.job}", view.job, [item[1:] for item in view.items])
        self.owed_is_recorded()
        self.durable_is_recorded()
        self.no_needless_gap()
        self.identical_lines()
        for told in self.world.unsettled:
            self.wrong("arrives", told)
        return self.violations

    def claims(self):
        """Whoever said that (job, epoch, seq) is this event."""
        for job, epoch, seq, what in self.world.witness.journal:
            yield "journal", job, epoch, seq, what
        for kept in self.final + [kept for copy in self.copies for kept in copy]:
            for seq, what in kept.entries:
                for epoch in {kept.epoch, kept.epoch_of(seq)}:
                    yield "stream", kept.job, epoch, seq, what
        for view in self.views:
            for _, epoch, seq, what in view.items:
                if what == GAP or not str(what).startswith((GAP, RESET)):
                    yield view.client, view.job, epoch, seq, what

    def one_name_one_event(self):
        named = {}
        for who, job, epoch, seq, what in self.claims():
            if isinstance(what, EventID):
                self.recorded.add(what)
                if what not in self.world.publications:
                    self.wrong("published", f"{who}: {what} at {epoch}:{seq} was never published")
            elif what not in (GAP, "same"):
                self.wrong("published", f"{who}: {epoch}:{seq} of {job} is {what}")
            first_who, first = named.setdefault((job, epoch, seq), (who, what))
            if first != what:
                self.wrong("one name", f"{job} {epoch}:{seq} is {first} ({first_who}) and {what} ({who})")

    def kept_is_whole(self, kept):
        """Without holes, and up to the state's seq."""
        seqs = [seq for seq, _ in kept.entries]
        if seqs and seqs != list(range(seqs[0], seqs[0] + len(seqs))):
            self.wrong("contiguous", f"the stream of {kept.job} has holes")
        if kept.epoch and seqs and seqs[-1] != kept.seq:
            self.wrong("contiguous", f"the stream of {kept.job} ends at {seqs[-1]}, its state at {kept.seq}")

    def history(self, label, job, items):
        """Nothing twice, plain events in Redis' order, and whatever is missing lies at a gap."""
        seen, last_order, last_number, epoch = {}, None, {}, None
        gaps = 0  # how many gaps came so far
        for item_epoch, seq, what in items:
            if what == RESET:
                seen, last_order, gaps = {}, None, gaps + 1
                epoch = item_epoch
                continue
            if not isinstance(what, EventID):
                gaps += what != "same"
                if what == GAP and item_epoch != epoch:
                    seen = {event: at for event, at in seen.items() if at < seq}
                    last_order = None
                epoch = item_epoch
                continue
            if what in seen:
                self.wrong("twice", f"{label}: {what} at {seen[what]} and {seq}")
            seen[what] = seq
            publication = self.world.publications.get(what)
            if publication is None:
                continue
            order = self.world.witness.order.get(what)
            if order and not publication.is_durable:
                if last_order and order[0] == last_order[0] and order[1] < last_order[1]:
                    self.wrong("order", f"{label}: {what} at {seq} is not in Redis' order")
                last_order = order
            self._missing_before(label, job, what, seq, gaps, last_number)
            last_number[what.publisher] = (what.n, seq, gaps)

    def _missing_before(self, label, job, event, seq, gaps, last_number):
        if event.publisher not in last_number:
            return
        number, last_seq, gaps_then = last_number[event.publisher]
        if gaps > gaps_then:
            return
        missing = [n for n in range(number + 1, event.n)
                   if self.world.publications[EventID(job, event.publisher, n)].answered]  # fmt: skip
        if missing:
            self.wrong("missing", f"{label}: {event.publisher}#{missing} between seq {last_seq} and {seq}, without a gap")

    def owed_is_recorded(self):
        # Where nothing is kept in Redis, what was trimmed before a client saw it is known to nobody.
        if self.world.plan.history == "memory" and self.world.plan.events_max < 1000:
            return
        for event, why in self.oracle.owed().items():
            if event not in self.recorded:
                self.wrong("owed", f"{event} was heard by {why} and is nowhere")

    def durable_is_recorded(self):
        for event, publication in self.world.publications.items():
            if not publication.is_durable or publication.answered is None or event in self.recorded:
                continue
            if not any(is_data and until >= publication.sent and (jobs is None or event.job in jobs)
                       for _, until, jobs, is_data in self.oracle.losses):  # fmt: skip
                self.wrong("durable", f"{event} was acknowledged at {publication.answered:.3f} s and is nowhere")

    def _gaps_told(self):
        for kept in self.final:
            yield from (f"stream of {kept.job} at {seq}" for seq, what in kept.entries if what == GAP)
        for view in self.views:
            for at, epoch, seq, what in view.items:
                if what in (GAP, RESET):
                    yield f"{view.client} {view.job} {what} at {epoch}:{seq}, {at:.3f} s"

    def no_needless_gap(self):
        told = list(self._gaps_told())
        self.gaps_seen = len(told)
        if [name for _, name in self.world.plan.faults] == ["lone-restart"]:
            for kept in self.final:
                gaps = [seq for seq, what in kept.entries if what == GAP]
                if len(gaps) > 1:
                    self.wrong("needless gap", f"{kept.job} has gaps at {gaps}, for one restart")
                if not gaps and len(kept.entries) == kept.seq:
                    self.wrong("untold gap", f"{kept.job} has none, though its bridge was away")
        if self.oracle.losses or self.oracle.holes(self.world.ready_at):
            return
        for each in told[:5]:
            self.wrong("needless gap", f"{each}, though a bridge was aligned and at work all the time")

    def identical_lines(self):
        """They carry no number, so their count must be right."""
        if not self.world.are_same_lines_known:
            return
        for job, published in self.world.same_lines.items():
            views = [view for view in self.views if view.job == job]
            kept = next((kept for kept in self.final if kept.job == job), None)
            seq = kept.seq if kept else max((view.seq for view in views), default=0)
            if seq > published and not self.gaps_seen:
                self.wrong("same lines", f"{seq} recorded, {published} published in {job}")
            if seq != published and not self.oracle.losses and not self.oracle.holes(self.world.ready_at):
                self.wrong("same lines", f"{seq} recorded, {published} published in {job}, and nothing excuses it")

    def figures(self):
        durable = sum(publication.is_durable for publication in self.world.publications.values())
        return {
            "plain": len(self.world.publications) - durable, "durable": durable, "recorded": len(self.recorded),
            "owed": len(self.oracle.owed()), "gaps": self.gaps_seen, "seen": sum(len(view.items) for view in self.views),
            "reconnects": sum(max(0, follower.connections - 1) for follower in self.world.followers),
        }  # fmt: skip

    def summary(self):
        return ("{plain} plain + {durable} durable published, {recorded} recorded, {owed} owed, {gaps} gaps told, "
                "{seen} seen by clients over {reconnects} reconnects").format(**self.figures())  # fmt: skip
