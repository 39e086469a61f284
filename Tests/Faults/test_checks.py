"""The checks themselves, each on a run of a few events made up for it: what it finds, and what it forgives."""

import pathlib
import sys
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness.events import GAP, EventID, Publication  # noqa: E402
from harness.followers import RESET  # noqa: E402
from harness.gaps import Gaps  # noqa: E402
from harness.hearing import CLOSED_BY_BRIDGE, CUT, Hearing  # noqa: E402
from harness.keeping import Kept  # noqa: E402
from harness.load import Load  # noqa: E402
from harness.oracle import Loss, Oracle  # noqa: E402
from harness.proxy import DEAF, PAUSED, Disturbance, RedisProxy  # noqa: E402
from harness.stalls import BridgeStalls  # noqa: E402
from harness.windows import common, joined, without  # noqa: E402

OVER = 20.0


class Clock:
    """A story whose time is set by hand."""

    def __init__(self):
        self.at, self.strikes = 0.0, []

    def now(self):
        return self.at

    def tell(self, *_):
        pass


class Run:
    """A run of one job, j0, of one publisher; bridges and clients as the tests put them in."""

    def __init__(self):
        self.clock = self.story = Clock()
        self.publications, self.bridges, self.losses, self.imposed, self.outages = {}, [], [], [], []
        self.witness = SimpleNamespace(journal=[])
        self.load = Load(self.clock, list)

    def bridge(self, name="bridge1"):
        proxy = RedisProxy(name, self.clock, None, "redis")
        bridge = SimpleNamespace(name=name, proxy=proxy, hears=lambda job: True, reply_seconds=2.0)
        self.bridges.append(bridge)
        return bridge

    def subscribes(self, bridge, at, aligned=None):
        """A new subscription, aligned by the bridge's own mark."""
        self.clock.at = at
        hearing = Hearing(bridge.name, 1, {"me", f"t{at}"}, self.clock, False)
        bridge.proxy.hearings.append(hearing)
        hearing.hear(["psubscribe", "job:*:updates", 1])
        if aligned is not None:
            self.says(hearing, at, f"WHERE t{at} me patterns - 0")
            self.says(hearing, aligned, f"MARK t{at} me patterns")
        return hearing

    def says(self, hearing, at, told):
        self.clock.at = at
        hearing.hear(["message", "jobwire:{p}:control:0", told])

    def publishes(self, at, *hearings, answered=None):
        event = EventID("j0", "p0", len(self.publications) + 1)
        self.publications[event] = Publication(event, False, at, at if answered is None else answered, 1)
        for hearing in hearings:
            hearing.heard.append((at, event))
        return event

    def ends(self, hearing, at, why):
        self.clock.at = at
        hearing.end(why)

    def was_cut(self):
        """A bridge hears an event at 5.0 s, and nothing from 5.2 to 5.4 s -> the event."""
        bridge = self.bridge()
        hearing = self.subscribes(bridge, 0.0, aligned=0.1)
        before = self.publishes(5.0, hearing)
        self.ends(hearing, 5.2, CUT)
        self.subscribes(bridge, 5.4, aligned=5.5)
        return before

    def oracle(self):
        return Oracle([b.proxy for b in self.bridges], self.losses, [], self.outages, self.load, OVER)

    # What Gaps and BridgeStalls ask of a world

    def known_since(self, job):
        return 0.0

    def logs(self):
        return []

    def gap(self, items, journal=()):
        """The gaps of a stream of j0 with these entries; the last of them is recorded when the journal says."""
        self.witness.journal = [(at, "j0", "e", seq, GAP) for at, seq in journal]
        kept = Kept("j0", "e", len(items), [], list(enumerate(items, 1)))
        return Gaps(self, self.oracle(), [kept], []).found

    def stalls(self, bridge, had, statuses=((0.0, 200),), notices=()):
        """`had` [(time, event)], `statuses` [(from, status)] of /readyz."""
        times = [tenth / 10 for tenth in range(int(OVER * 10))]
        samples = [(at, at, [status for since, status in statuses if since <= at][-1]) for at in times]
        bridge.readiness = SimpleNamespace(
            samples=samples,
            windows=lambda: [(a[0], b[0]) for a, b in zip(samples, samples[1:]) if a[2] == b[2] == 200])
        view = SimpleNamespace(job="j0", items=[(at, "e", n, event) for n, (at, event) in enumerate(had, 1)])
        watcher = SimpleNamespace(views={"j0": view}, spells=[[0.0, None]], notices=list(notices))
        return BridgeStalls(bridge, watcher, self, self.oracle())


@pytest.fixture
def run():
    return Run()


def test_windows_are_joined_and_cut():
    assert joined([(3, 4), (0, 1), (1, 2), (5, 5)]) == [(0, 2), (3, 4)]
    assert common([(0, 2), (3, 6)], [(1, 4), (5, 9)]) == [(1, 2), (3, 4), (5, 6)]
    assert without([(0, 6)], [(1, 2), (3, 4), (6, 9)]) == [(0, 1), (2, 3), (4, 6)]


# Who knows its place


def test_a_bridge_knows_its_place_until_somebody_else_opens_an_era(run):
    hearing = run.subscribes(run.bridge(), 0.0, aligned=0.1)
    assert hearing.is_aligned
    run.says(hearing, 2.0, "MARK other you patterns")
    assert not hearing.is_aligned
    run.says(hearing, 2.1, "AT mother patterns other 0 0")
    assert [(span.aligned, span.marked) for span in hearing.spans] == [(0.1, 2.0), (2.1, None)]


def test_an_answer_to_a_bridge_of_other_patterns_is_not_its_own(run):
    hearing = run.subscribes(run.bridge(), 0.0)
    run.says(hearing, 0.0, "WHERE t0.0 me patterns era 5")
    run.says(hearing, 0.1, "AT t0.0 others era 5 5")
    assert not hearing.is_aligned
    run.says(hearing, 0.2, "AT t0.0 patterns era 5 5 and more")
    assert hearing.is_aligned


# What is owed


def test_what_an_aligned_bridge_heard_is_owed_once_it_had_time_for_it(run):
    bridge = run.bridge()
    hearing = run.subscribes(bridge, 0.0, aligned=0.1)
    early, late = run.publishes(5.0, hearing), run.publishes(6.5, hearing)
    bridge.proxy.life_ends[1] = 7.0
    assert set(run.oracle().owed()) == {early}
    bridge.proxy.life_ends[1] = 8.0
    assert set(run.oracle().owed()) == {early, late}


def test_that_its_subscription_is_cut_afterwards_excuses_nothing_but_that_another_opens_an_era(run):
    bridge, other = run.bridge(), run.bridge("bridge2")
    hearing = run.subscribes(bridge, 0.0, aligned=0.1)
    event = run.publishes(5.0, hearing)
    run.ends(hearing, 5.5, CUT)
    assert set(run.oracle().owed()) == {event}
    run.subscribes(other, 5.6, aligned=5.7)
    assert not run.oracle().owed()


def test_the_time_of_an_outage_does_not_count_to_record_in(run):
    bridge = run.bridge()
    hearing = run.subscribes(bridge, 0.0, aligned=0.1)
    run.publishes(5.0, hearing)
    bridge.proxy.life_ends[1] = 6.5
    run.outages = [(5.1, 6.0)]
    assert not run.oracle().owed()


def test_what_others_recorded_long_since_is_not_owed_by_who_hears_it_late(run):
    early, late = (run.subscribes(run.bridge(name), 0.0, aligned=0.1) for name in ("bridge1", "bridge2"))
    event = run.publishes(5.0, early)
    late.heard.append((7.0, event))
    run.losses = [Loss(5.5, 5.6, None, True, "FLUSHDB")]
    assert not run.oracle().owed()


def test_beside_an_older_subscription_a_new_one_does_not_count(run):
    bridge = run.bridge()
    older = run.subscribes(bridge, 0.0, aligned=0.1)
    newer = run.subscribes(bridge, 4.0, aligned=4.1)
    early, late = run.publishes(5.0, newer), run.publishes(7.0, newer)
    run.ends(older, 6.0, CLOSED_BY_BRIDGE)
    assert set(run.oracle().owed()) == {late} and early not in run.oracle().owed()


# Gaps


def test_a_gap_while_a_bridge_was_whole_and_aligned_has_no_cause(run):
    hearing = run.subscribes(run.bridge(), 0.0, aligned=0.1)
    before, after = run.publishes(5.0, hearing), run.publishes(6.0, hearing)
    (gap,) = run.gap([before, GAP, after], journal=[(5.9, 2)])
    assert gap.cause is None and not gap.is_second


def test_a_gap_has_a_cause_where_no_bridge_heard_or_redis_forgot(run):
    before = run.was_cut()
    assert [gap.cause for gap in run.gap([before, GAP], journal=[(5.6, 2)])] == [CUT]
    assert [gap.cause for gap in run.gap([run.publishes(5.7), GAP], journal=[(6.0, 2)])] == [None]
    run.losses = [Loss(5.8, 5.9, None, True, "FLUSHDB")]
    assert [gap.cause for gap in run.gap([run.publishes(5.7), GAP], journal=[(6.0, 2)])] == ["FLUSHDB"]


def test_an_era_opened_over_a_whole_bridge_is_no_cause(run):
    hearing = run.subscribes(run.bridge(), 0.0, aligned=0.1)
    before = run.publishes(5.0, hearing)
    run.says(hearing, 5.5, "MARK other rogue patterns")
    assert [gap.cause for gap in run.gap([before, GAP], journal=[(5.6, 2)])] == [None]


def test_two_gaps_in_a_row_are_found(run):
    run.subscribes(run.bridge(), 0.0, aligned=0.1)
    assert [gap.is_second for gap in run.gap([GAP, GAP])] == [False, True]


def test_a_gap_that_is_told_once_more_under_a_new_name_needs_a_cause_of_its_own_and_is_none_behind_another(run):
    before = run.was_cut()
    items = [(5.1, "e", 1, before), (5.6, "e", 2, GAP), (8.0, "e2", 2, GAP)]
    view = SimpleNamespace(client="c", job="j0", live_at=1.0, items=items)
    gaps = Gaps(run, run.oracle(), [], [view]).found
    assert [gap.is_second for gap in gaps] == [False, False]
    assert [(gap.since, gap.cause) for gap in gaps] == [(5.0, CUT), (5.6, None)]


def test_a_pause_is_a_cause_only_where_somebody_asked_meanwhile(run):
    bridge, other = run.bridge(), run.bridge("bridge2")
    hearing = run.subscribes(bridge, 0.0, aligned=0.1)
    bridge.proxy.disturbances = [Disturbance(PAUSED, 5.0, 9.0)]
    before = run.publishes(4.0, hearing)
    assert [gap.cause for gap in run.gap([before, GAP], journal=[(9.5, 2)])] == [None]
    other.proxy.asks = [6.0]
    assert [gap.cause for gap in run.gap([before, GAP], journal=[(9.5, 2)])] == [PAUSED]


def test_only_lost_data_lets_a_client_be_told_to_forget(run):
    run.losses = [Loss(5.0, 5.1, None, False, "DEL ingest")]
    view = SimpleNamespace(client="c", job="j0", live_at=1.0, items=[(6.0, "new", 0, RESET)])
    assert [gap.cause for gap in Gaps(run, run.oracle(), [], [view]).found] == [None]
    run.losses = [Loss(5.0, 5.1, ["j0"], True, "DEL state")]
    assert [gap.cause for gap in Gaps(run, run.oracle(), [], [view]).found] == ["DEL state"]


def test_a_bridge_may_close_its_subscription_only_where_another_has_found_its_place_or_a_fault_held_it(run):
    bridge = run.bridge()
    hearing = run.subscribes(bridge, 0.0, aligned=0.1)
    run.ends(hearing, 6.0, CLOSED_BY_BRIDGE)
    assert list(run.oracle().needless_ends())
    run.subscribes(bridge, 5.0)
    assert list(run.oracle().needless_ends())
    hearing.held_at = 4.0
    assert not list(run.oracle().needless_ends())
    hearing.held_at = None
    run.subscribes(bridge, 5.5, aligned=5.9)
    assert not list(run.oracle().needless_ends())


# Stalls


def test_an_event_that_stands_still_while_readyz_says_200_is_found(run):
    bridge, event = run.bridge(), run.publishes(5.0)
    (stall,) = run.stalls(bridge, [(5.8, event)]).stalls()
    assert stall.event == event and 0.7 < stall.seconds < 0.9
    assert not run.stalls(bridge, [(5.4, event)]).stalls()
    assert not run.stalls(bridge, [(5.8, event)], statuses=[(0.0, 200), (5.3, 503)]).stalls()


def test_what_redis_or_a_fault_imposes_and_the_machine_holds_back_is_no_stall(run):
    bridge, event = run.bridge(), run.publishes(5.0)
    run.outages = [(4.9, 6.0)]
    assert not run.stalls(bridge, [(6.3, event)]).stalls()
    assert run.stalls(bridge, [(6.7, event)]).stalls()
    run.outages, bridge.proxy.disturbances = [], [Disturbance(DEAF, 4.9, 6.0)]
    assert not run.stalls(bridge, [(6.3, event)]).stalls()
    bridge.proxy.disturbances = []
    run.load.slices = [(5.0, 6.0, True, 0.0)]
    assert not run.stalls(bridge, [(6.3, event)]).stalls()
    run.load.slices = [(5.0, 6.0, False, 0.9)]
    assert run.stalls(bridge, [(6.3, event)]).stalls(), "a little at a time is not credited for ever"


def test_a_gap_in_the_place_of_an_event_ends_its_stall(run):
    bridge = run.bridge()
    run.publishes(5.0)
    assert not run.stalls(bridge, [(5.3, GAP)]).stalls()
    assert run.stalls(bridge, [(5.9, GAP)]).stalls()


def test_readyz_200_while_an_event_waits_for_longer_than_its_limit_is_found_whatever_was_imposed(run):
    bridge, event = run.bridge(), run.publishes(5.0)
    run.outages = [(4.9, 9.0)]
    assert run.stalls(bridge, [(9.1, event)]).lies()[1]
    assert not run.stalls(bridge, [(9.1, event)], statuses=[(0.0, 200), (7.4, 503), (9.2, 200)]).lies()[1]
    bridge.proxy.disturbances = [Disturbance(PAUSED, 5.0, 9.0)]
    assert not run.stalls(bridge, [(9.1, event)]).lies()[1]


def test_redis_back_before_events_flow_is_found(run):
    bridge, event = run.bridge(), run.publishes(5.0)
    back = [(4.9, "redis_back")]
    assert run.stalls(bridge, [(6.0, event)], notices=back).false_returns()
    assert run.stalls(bridge, [(5.1, GAP)], notices=back).false_returns(), "it was lost after that word"
    assert not run.stalls(bridge, [(5.2, event)], notices=back).false_returns()
    assert not run.stalls(bridge, [(6.0, event)], notices=[*back, (5.3, "redis_lost")]).false_returns()
    run.clock.strikes = [5.2]
    assert not run.stalls(bridge, [(6.0, event)], notices=back).false_returns()


def test_the_first_event_after_redis_is_back_is_measured_from_there(run):
    bridge = run.bridge()
    run.publishes(5.1)
    event = run.publishes(5.6)
    assert run.stalls(bridge, [(7.0, event)]).first_after(5.0) == pytest.approx(1.9)
