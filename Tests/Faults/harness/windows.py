"""Stretches of time as sorted (from, to) that do not touch, and how much of a stretch counts. Pure."""

import bisect


def joined(windows):
    """The same time, sorted, each moment in one window."""
    found = []
    for since, until in sorted(window for window in windows if window[1] > window[0]):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found


def common(one, other):
    """What lies in both; each is joined already."""
    found, place = [], 0
    for since, until in one:
        while place < len(other) and other[place][1] <= since:
            place += 1
        at = place
        while at < len(other) and other[at][0] < until:
            found.append((max(since, other[at][0]), min(until, other[at][1])))
            at += 1
    return found


def without(one, other):
    """What lies in the first and not in the other."""
    found = []
    for since, until in one:
        for begin, end in other:
            if end <= since or begin >= until:
                continue
            if begin > since:
                found.append((since, begin))
            since = max(since, end)
        if until > since:
            found.append((since, until))
    return found


class Meter:
    """How much of any stretch counts. `pieces` are (from, to, seconds that count), sorted, none over another."""

    def __init__(self, pieces):
        self.pieces = pieces
        self.starts = [since for since, _, _ in pieces]
        self.before = [0.0]
        for _, _, seconds in pieces:
            self.before.append(self.before[-1] + seconds)

    def upto(self, at):
        place = bisect.bisect_right(self.starts, at) - 1
        if place < 0:
            return 0.0
        since, until, seconds = self.pieces[place]
        return self.before[place] + seconds * min(1.0, (at - since) / (until - since))

    def between(self, since, until):
        return max(0.0, self.upto(until) - self.upto(since))


class Counted:
    """How much of any stretch counts that lies in `windows`, of which the machine held something back.

    `slices` are (from, to, whether nothing could go on in it, seconds held back otherwise), see load.py. What was held
    back a little at a time delays one way by `pace_max` at most, however long the stretch.
    """

    def __init__(self, windows, slices, pace_max):
        self.pace_max = pace_max
        time, paces, place = [], [], 0
        for since, until, is_stuck, held in slices:
            while place < len(windows) and windows[place][1] <= since:
                place += 1
            at = place
            while at < len(windows) and windows[at][0] < until:
                begin, end = max(since, windows[at][0]), min(until, windows[at][1])
                time.append((begin, end, 0.0 if is_stuck else end - begin))
                paces.append((begin, end, held * (end - begin) / (until - since)))
                at += 1
        self.time, self.paces = Meter(time), Meter(paces)

    def between(self, since, until):
        held = min(self.pace_max, self.paces.between(since, until))
        return max(0.0, self.time.between(since, until) - held)
