"""The ledger: at the end of a run, is what clients saw what was recorded, and that what was published?

Each check stands for a sentence of the guarantee; `violations` collects what broke it, with the events.
"""

from .events import GAP, EventID
from .followers import RESET
from .gaps import Gaps
from .histories import faults_of_history, faults_of_stream
from .proxy import CUT_OFF, DEAF, LAG, LATE, MUTE, PAUSED
from .stalls import BridgeStalls

#: Redis is back, and so long after clients have the first event.
RETURN_SECONDS_MAX = 0.5
#: Of one kind, in a run: a refused call is sent again some five times a second, a few batches each.
REFUSED_MAX = 1000


class Ledger:
    def __init__(self, world, oracle, final, copies):
        self.world, self.oracle, self.final, self.copies = world, oracle, final, copies
        self.violations = []
        self.views = [view for follower in world.followers for view in follower.views.values()]
        self.recorded = set()
        streams = final + [kept for copy in copies for kept in copy]
        self.gaps = Gaps(world, oracle, streams, self.views)
        self.stalls = [BridgeStalls(bridge, world.watchers[bridge.name], world, oracle)
                       for bridge in world.bridges if bridge.name in world.watchers]  # fmt: skip
        self.longest, self.beyond, self.oldest, self.first = 0.0, 0.0, 0.0, 0.0

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
        for rule, told in self._faults_of_histories():
            self.wrong(rule, told)
        self.owed_is_recorded()
        self.durable_is_recorded()
        self.gaps_have_causes()
        self.subscriptions_are_kept()
        self.events_flow()
        self.nobody_storms()
        self.first_events_come_back()
        self.identical_lines()
        self.expected_of_the_situation()
        for told in self.world.unsettled:
            self.wrong("arrives", told)
        for rule, told in self.world.wrongs:
            self.wrong(rule, told)
        return self.violations

    def _faults_of_histories(self):
        for kept in self.final + [kept for copy in self.copies for kept in copy]:
            yield from faults_of_stream(kept)
            items = [(kept.epoch_of(seq), seq, what) for seq, what in kept.entries]
            yield from faults_of_history(self.world, f"stream of {kept.job}", items)
        for view in self.views:
            items = [item[1:] for item in view.items]
            yield from faults_of_history(self.world, f"{view.client} {view.job}", items, view.live_at)

    def claims(self):
        """Whoever said that (job, epoch, seq) is this event."""
        for _, job, epoch, seq, what in self.world.witness.journal:
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
            if not any(loss.is_data and loss.until >= publication.sent and loss.harms(event.job)
                       for loss in self.oracle.losses):  # fmt: skip
                self.wrong("durable", f"{event} was acknowledged at {publication.answered:.3f} s and is nowhere")

    def gaps_have_causes(self):
        for gap in self.gaps.found:
            if gap.is_second:
                self.wrong("two gaps", f"{gap.where}, comes right behind another")
            if gap.cause is None:
                whole = "a bridge was whole and aligned" if not gap.is_reset else "Redis has lost none of it"
                self.wrong("needless gap", f"{gap.where}, and {whole} all the time since {gap.since:.3f} s")
        if [name for _, name in self.world.plan.faults] == ["lone-restart"]:
            for kept in self.final:
                if not any(what == GAP for _, what in kept.entries) and len(kept.entries) == kept.seq:
                    self.wrong("untold gap", f"{kept.job} has none, though its bridge was away")

    def subscriptions_are_kept(self):
        for told in self.oracle.needless_ends():
            self.wrong("healthy", told)

    def events_flow(self):
        """None stands still without a cause, and neither /readyz nor a notice says that they flow while they do not."""
        for each in self.stalls:
            longest, beyond = each.longest()
            self.longest, self.beyond = max(self.longest, longest), max(self.beyond, beyond)
            for stall in each.stalls():
                self.wrong("stall", f"{stall}, beyond what was imposed, while /readyz said 200")
            oldest, lies = each.lies()
            self.oldest = max(self.oldest, oldest)
            for told in lies:
                self.wrong("readyz", told)
            for told in each.false_returns():
                self.wrong("back", told)

    def nobody_storms(self):
        """What is refused is asked again after a pause."""
        for proxy in self.oracle.proxies:
            for word, count in proxy.refused.items():
                if count > REFUSED_MAX:
                    self.wrong("storm", f"{proxy.name} was answered {word} {count} times")

    def first_events_come_back(self):
        """Where nothing but Redis itself was harmed: its first events come at once."""
        for returned in self.world.pulse.returns:
            for each in self.stalls:
                first = None if self._is_disturbed(each.bridge, returned) else each.first_after(returned)
                self.first = max(self.first, first or 0.0)
                if first and first > RETURN_SECONDS_MAX:
                    at = f"{first:.2f} s after Redis was back, {returned:.3f} s"
                    self.wrong("return", f"the first event came to {each.bridge.name} {at}")

    def _is_disturbed(self, bridge, returned):
        harmed = [(each.since, each.until or self.oracle.over) for other in self.world.bridges
                  for each in other.proxy.disturbances if each.kind in (PAUSED, DEAF, MUTE, CUT_OFF, LATE, LAG)]  # fmt: skip
        harmed += [(at, at + 1) for other in self.world.bridges for at in other.proxy.life_ends.values()]
        is_struck = any(returned < at <= returned + 2 * RETURN_SECONDS_MAX for at in self.world.story.strikes)
        return is_struck or any(since <= returned + 1 and until >= returned - 1 for since, until in harmed)

    def expected_of_the_situation(self):
        situation = self.world.plan.situation
        if not situation:
            return
        for kept in self.final:
            gaps = [seq for seq, what in kept.entries if what == GAP]
            if len(gaps) > situation.gaps_max:
                self.wrong("gaps", f"{kept.job} has gaps at {gaps}, for which {situation.gaps_max} would do")
        if situation.keeps_all_heard:
            for event in self._heard():
                if event not in self.recorded:
                    self.wrong("deaf", f"{event} was heard on a subscription that stood, and is nowhere")
                    break
        if not situation.loses:
            lost = self.lost()
            for event in lost[:3]:
                self.wrong("lost", f"{event} is nowhere, and so are {len(lost) - 1} more")

    def _heard(self):
        for proxy in self.oracle.proxies:
            for hearing in proxy.hearings:
                yield from (event for at, event in hearing.heard if hearing.confirmed and at >= hearing.confirmed)

    def lost(self):
        return [event for event, publication in self.world.publications.items()
                if publication.answered and event not in self.recorded]  # fmt: skip

    def identical_lines(self):
        """They carry no number, so their count must be right."""
        if not self.world.are_same_lines_known:
            return
        for job, published in self.world.same_lines.items():
            views = [view for view in self.views if view.job == job]
            kept = next((kept for kept in self.final if kept.job == job), None)
            seq = kept.seq if kept else max((view.seq for view in views), default=0)
            if seq > published and not self.gaps.found:
                self.wrong("same lines", f"{seq} recorded, {published} published in {job}")
            if seq != published and not self.oracle.losses and not self.oracle.holes(self.world.ready_at):
                self.wrong("same lines", f"{seq} recorded, {published} published in {job}, and nothing excuses it")

    def figures(self):
        durable = sum(publication.is_durable for publication in self.world.publications.values())
        return {
            "plain": len(self.world.publications) - durable, "durable": durable, "recorded": len(self.recorded),
            "owed": len(self.oracle.owed()), "gaps": len(self.gaps.found),
            "seen": sum(len(view.items) for view in self.views),
            "reconnects": sum(max(0, follower.connections - 1) for follower in self.world.followers),
            "lost": len(self.lost()), "longest": self.longest, "beyond": self.beyond, "oldest": self.oldest,
            "first": self.first,
            "gaps_of_a_job": max((sum(what == GAP for _, what in kept.entries) for kept in self.final), default=0),
        }  # fmt: skip

    def summary(self):
        told = ("{plain} plain + {durable} durable published, {recorded} recorded, {owed} owed, {lost} lost, "
                "{gaps} gaps told, {seen} seen by clients over {reconnects} reconnects; stood still {longest:.2f} s "
                "at most, {beyond:.2f} s beyond what was imposed and at /readyz 200, {oldest:.2f} s old at /readyz 200"
                ).format(**self.figures())  # fmt: skip
        causes = ", ".join(f"{cause}: {count}" for cause, count in self.gaps.causes().most_common())
        return told + (f"; gaps by cause: {causes}" if causes else "")
