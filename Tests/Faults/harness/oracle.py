"""What must have been recorded, from what the proxies saw the bridges hear: guarantee 2 in numbers.

A plain event is owed if some bridge was given it within an aligned span, and then had SETTLE_SECONDS of
undisturbed life before the span or Redis' data ended. It is a lower bound: what it does not say to be
owed may be there all the same, and what is missing must lie at a gap anyway.
"""

from .proxy import REDIS_ENDED

SETTLE_SECONDS = 2.0
#: A killed Redis ends the era: what was on its way to be recorded is lost behind a gap, though its data is kept.
WAY_SECONDS = 0.25
#: A shorter stall of a living bridge lets nobody open a new era over it (T_open is 3 s).
STALL_SECONDS_MAX = 2.0


def undisturbed(begin, end, disturbances):
    for since, until in disturbances:
        until = end if until is None else until
        end_of, begin_of = min(until, end), max(since, begin)
        if end_of > begin_of:
            end -= end_of - begin_of
    return end - begin


class Oracle:
    def __init__(self, proxies, losses, restarts, over):
        """`losses`: (from, to, jobs or None for all, whether data went with it) of the run's faults; `restarts`: (from, to)."""
        self.proxies, self.losses, self.restarts, self.over = proxies, losses, restarts, over

    def spans(self):
        """(proxy, hearing, [first place, aligned at, ended at or None, place])"""
        for proxy in self.proxies:
            for hearing in proxy.hearings:
                for span in hearing.spans:
                    yield proxy, hearing, span

    def _lost_after(self, job, heard):
        times = [since for since, until, jobs, is_data in self.losses
                 if is_data and until >= heard and (jobs is None or job in jobs)]  # fmt: skip
        return min(times, default=self.over)

    def owed(self):
        """-> {event: the bridge and time that make it owed}."""
        owed = {}
        for proxy, hearing, (first, _, marked, last) in self.spans():
            ended = min(hearing.ended or self.over, marked or self.over)
            told_until = ended
            if self._sends_its_tail(hearing, marked):
                ended = proxy.life_ends.get(hearing.life, self.over)
            for heard, event in hearing.heard[first:last]:
                if event in owed or heard > told_until or isinstance(event, str) or self._was_on_its_way(heard):
                    continue
                until = min(ended, self._lost_after(event.job, heard))
                if undisturbed(heard, until, proxy.disturbances) >= SETTLE_SECONDS:
                    owed[event] = f"{proxy.name} at {heard:.3f} s"
        return owed

    def _was_on_its_way(self, heard):
        return any(since - WAY_SECONDS <= heard <= until for since, until in self.restarts)

    def _sends_its_tail(self, hearing, marked):
        """A lone bridge whose subscription Redis ended records what it had heard before it asks again."""
        return len(self.proxies) == 1 and hearing.why == REDIS_ENDED and not marked

    def holes(self, begin):
        """When, from `begin` on, no aligned bridge was at work: only there may a new era begin."""
        covered = []
        for proxy, hearing, (_, aligned, _, _) in self.spans():
            since, end = aligned, hearing.ended or self.over
            for paused, resumed in proxy.disturbances:
                resumed = self.over if resumed is None else resumed
                if resumed - paused > STALL_SECONDS_MAX and paused < end and resumed > since:
                    if paused > since:
                        covered.append((since, paused))
                    since = resumed
            if end > since:
                covered.append((since, end))
        holes, at = [], begin
        for since, end in sorted(covered):
            if since > at:
                holes.append((at, since))
            at = max(at, end)
        return holes + ([(at, self.over)] if at < self.over else [])
