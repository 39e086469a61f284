"""What many runs came to, as tables for people."""

import collections
import statistics

from . import situations


def of_faults(outcomes):
    """By fault: how often it was injected, in how many runs, and what those runs checked together."""
    names = ["plain", "durable", "recorded", "owed", "seen", "gaps", "reconnects"]
    lines = ["", f"{'fault':20} injected  not done  runs  violated  " + "".join(f"{name:>11}" for name in names) + "  stalled"]
    for name in sorted({name for each in outcomes for name in [*each.injected, *each.skipped]}):
        runs = [each for each in outcomes if name in each.injected or name in each.skipped]
        sums = "".join(f"{sum(each.figures.get(figure, 0) for each in runs):>11}" for figure in names)
        lines.append(f"{name:20} {sum(each.injected[name] for each in runs):>8}  {sum(each.skipped[name] for each in runs):>8}"
                     f"  {len(runs):>4}  {sum(each.violations > 0 for each in runs):>8}  {sums}  {_most(runs, 'beyond')}")  # fmt: skip
    return "\n".join(lines)


def of_situations(outcomes):
    """By situation, as docs/history.md has it: what was seen in all runs together. Times are p50 / longest, in seconds."""
    lines = ["", "| situation | runs | violated | events stood still | beyond the fault itself | oldest at `/readyz` 200 "
                 "| first event after Redis is back | lost, at most | gaps |", "| --- |" + " ---: |" * 8]  # fmt: skip
    for name in dict.fromkeys(each.situation for each in outcomes):
        runs = [each for each in outcomes if each.situation == name]
        times = " | ".join(_most(runs, figure) for figure in ("longest", "beyond", "oldest", "first"))
        lost, gaps = (max((each.figures.get(figure, 0) for each in runs), default=0) for figure in ("lost", "gaps_of_a_job"))
        violated = sum(each.violations > 0 for each in runs)
        lines.append(f"| {situations.ALL[name].tells} (`{name}`) | {len(runs)} | {violated} | {times} | {lost} | {gaps} |")
    return "\n".join(lines)


def of_causes(outcomes):
    causes = sum((collections.Counter(each.causes) for each in outcomes), collections.Counter())
    return "".join(f"\ngaps, because {cause}: {count}" for cause, count in causes.most_common()) + "\n"


def _most(runs, figure):
    values = [each.figures[figure] for each in runs if figure in each.figures]
    if not values or max(values) == 0:
        return "–"
    return f"{statistics.median(values):.2f} / {max(values):.2f}"
