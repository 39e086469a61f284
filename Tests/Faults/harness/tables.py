"""What many runs came to, as tables for people."""

import collections
import statistics

from . import situations

SUMS = ["plain", "durable", "recorded", "owed", "seen", "gaps", "reconnects"]
#: Of a situation, as docs/history.md has them: p50 / longest of all runs, in seconds.
TIMES = {
    "longest": "events stood still", "beyond": "beyond what the fault imposes, at `/readyz` 200",
    "oldest": "oldest at `/readyz` 200", "first": "first event after Redis is back",
}  # fmt: skip
MOSTS = {"lost": "lost, at most", "gaps_of_a_job": "gaps, at most"}


def of_faults(outcomes):
    """By fault: how often it was injected, in how many runs, and what those runs checked together."""
    head = "".join(f"{name:>11}" for name in SUMS)
    lines = ["", f"{'fault':20} injected  not done  runs  violated  {head}  stalled"]
    for name in sorted({name for each in outcomes for name in [*each.injected, *each.skipped]}):
        runs = [each for each in outcomes if name in each.injected or name in each.skipped]
        injected, skipped = (sum(getattr(each, what)[name] for each in runs) for what in ("injected", "skipped"))
        violated = sum(each.violations > 0 for each in runs)
        sums = "".join(f"{sum(each.figures.get(figure, 0) for each in runs):>11}" for figure in SUMS)
        counts = f"{injected:>8}  {skipped:>8}  {len(runs):>4}  {violated:>8}"
        lines.append(f"{name:20} {counts}  {sums}  {_times(runs, 'beyond')}")
    return "\n".join(lines)


def of_situations(outcomes):
    heads = ["situation", "runs", "violated", *TIMES.values(), *MOSTS.values()]
    lines = ["", f"| {' | '.join(heads)} |", "| --- |" + " ---: |" * (len(heads) - 1)]
    for name in dict.fromkeys(each.situation for each in outcomes):
        runs = [each for each in outcomes if each.situation == name]
        cells = [f"{situations.ALL[name].tells} (`{name}`)", len(runs), sum(each.violations > 0 for each in runs)]
        cells += [_times(runs, figure) for figure in TIMES]
        cells += [max(each.figures.get(figure, 0) for each in runs) for figure in MOSTS]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def of_causes(outcomes):
    causes = sum((collections.Counter(each.causes) for each in outcomes), collections.Counter())
    return "".join(f"\ngaps, because {cause}: {count}" for cause, count in causes.most_common()) + "\n"


def _times(runs, figure):
    values = [each.figures[figure] for each in runs if figure in each.figures]
    if not values or max(values) == 0:
        return "–"
    return f"{statistics.median(values):.2f} / {max(values):.2f}"
