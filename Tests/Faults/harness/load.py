"""What the machine and the harness themselves hold back: it is credited wherever a time has a limit.

A way from publisher to client leads some ten times through the one thread of the harness (publisher, proxies, client),
a bridge or Redis. Each can be late by what it waits for a processor, which the kernel counts for each thread
(schedstat), and the harness by what it computes. Where one of them did little else for a whole slice of time nothing
can be said of that slice. Otherwise each of the ten is late by a part of a slice at most. So no limit depends on
how busy the machine is, and none is widened much on one that is not.
"""

import asyncio
import os
import time

from .windows import Counted

SLICE_SECONDS = 0.05
#: Of a slice: who waits or computes for so much of it is stuck in it.
STUCK_SHARE = 0.75
#: What ten stations can be late by where none is stuck.
PACE_SECONDS_MAX = 0.25


def _waited(pid):
    """-> how long its threads were ready to run and did not, in seconds."""
    total = 0.0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as told:
                total += int(told.read().split()[1]) / 1e9
    except (OSError, IndexError):
        pass  # it has just ended
    return total


class Load:
    """Invariant: `slices` (from, to, whether somebody was stuck, seconds held back otherwise) touch, in order."""

    def __init__(self, story, pids):
        self.story, self.pids = story, pids
        self.slices = []
        self._known = {}

    async def run(self):
        since, computed = self.story.now(), time.thread_time()
        self._take_waited()
        while True:
            await asyncio.sleep(SLICE_SECONDS)
            until, now_computed = self.story.now(), time.thread_time()
            waited = self._take_waited()
            own = waited.pop(os.getpid(), 0.0) + now_computed - computed
            worst = max(own, until - since - SLICE_SECONDS, *waited.values(), 0.0)
            is_stuck = worst >= STUCK_SHARE * SLICE_SECONDS
            self.slices.append((since, until, is_stuck, 0.0 if is_stuck else own + sum(waited.values())))
            since, computed = until, now_computed

    def _take_waited(self):
        """-> {process: what it has waited since this was asked last}"""
        known = {pid: _waited(pid) for pid in [os.getpid(), *self.pids()]}
        waited = {pid: max(0.0, total - self._known.get(pid, total)) for pid, total in known.items()}
        self._known = known
        return waited

    def counted(self, windows, over):
        """How much of the time in `windows` counts; they end with `over`."""
        begin = self.slices[0][0] if self.slices else 0.0
        end = self.slices[-1][1] if self.slices else 0.0
        head = [(0.0, begin, False, 0.0)] if begin > 0 else []
        tail = [(end, over, False, 0.0)] if over > end else []
        return Counted(windows, head + self.slices + tail, PACE_SECONDS_MAX)
