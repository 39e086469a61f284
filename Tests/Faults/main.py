"""tools/faults [--runs N] [--at-once 1|2] [--seed S] [--bridges 1|2|3] [--history redis|memory] [--fault NAME]
             [--canary NAME] [--keep] [--story]

Runs Jobwire under faults and checks what clients saw against what was published. Each run has its
own Redis, bridges, publishers and clients; a seed that failed is run again with --seed S. Exit code 1
where a run found a violation. In the end a table says by fault how often it was injected and what was
checked in its runs. `--fault list` lists the faults; --canary expects to be caught.
"""

import argparse
import asyncio
import concurrent.futures
import dataclasses
import functools
import logging
import pathlib
import random
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import canaries, faults  # noqa: E402
from harness.bridge import binary  # noqa: E402
from harness.plan import make_plan  # noqa: E402
from harness.world import World  # noqa: E402

RUN_SECONDS_MAX = 150


def run_plan(plan):
    """-> (violations, summary, world)"""

    async def bounded():
        world = World(plan)
        try:
            async with asyncio.timeout(RUN_SECONDS_MAX):
                violations, summary = await world.run()
        except TimeoutError:
            violations, summary = [f"[bound] the run did not end within {RUN_SECONDS_MAX} s"], "unfinished"
        except Exception:  # the harness' own fault ends its run, not the campaign
            violations, summary = [f"[harness] {traceback.format_exc()}"], "unfinished"
        return violations, summary, world

    return asyncio.run(bounded())


def main(arguments):
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("--runs", type=int, default=1)
    options.add_argument("--seed", type=int)
    options.add_argument("--bridges", type=int, choices=[1, 2, 3])
    options.add_argument("--history", choices=["redis", "memory"], default="redis")
    options.add_argument("--fault", choices=[*faults.ALL, "list"])
    options.add_argument("--at-once", type=int, default=1)
    options.add_argument("--canary", choices=canaries.NAMES)
    options.add_argument("--keep", action="store_true")
    options.add_argument("--story", action="store_true")
    chosen = options.parse_args(arguments)
    if chosen.fault == "list":
        for each in faults.ALL.values():
            print(f"{each.name:20} {each.tells} ({', '.join(each.histories)})")
        return 0
    if not binary().exists():
        sys.exit(f"{binary()} is missing: swift build -c release --static-swift-stdlib --product jobwire")
    first = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(1, 1 << 30)
    seeds = range(first, first + chosen.runs)
    began = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(chosen.at_once) as pool:
        outcomes = []
        for outcome in pool.map(functools.partial(run_seed, chosen), seeds):
            print(outcome.told, flush=True)
            outcomes.append(outcome)
    failed = [outcome.seed for outcome in outcomes if outcome.violations]
    print(table(outcomes))
    print(f"faults: {chosen.runs - len(failed)} held, {len(failed)} violated in {time.monotonic() - began:.0f} s"
          + (f", seeds {failed}" if failed else ""))  # fmt: skip
    if chosen.canary:
        return 1 if len(failed) < chosen.runs else 0
    return 1 if failed else 0


@dataclasses.dataclass
class Outcome:
    seed: int
    told: str
    violations: int
    injected: dict
    skipped: dict
    figures: dict


def run_seed(chosen, seed):
    """One run, in a process of its own."""
    logging.disable()  # asyncio's own words about connections that faults have ended
    plan = make_plan(seed, chosen.history, chosen.bridges, chosen.fault)
    if chosen.canary:
        canaries.put_into(plan, chosen.canary)
    began = time.monotonic()
    violations, summary, world = run_plan(plan)
    verdict = "ok" if not violations else f"VIOLATED {len(violations)}"
    told = [f"{verdict:12} {plan} {time.monotonic() - began:.1f} s: {summary}"]
    if violations or chosen.story:
        told += [f"    {each}" for each in violations[:12]] + [world.story.text()]
    if (violations or chosen.story) and chosen.keep:
        told.append(f"    kept: {world.folder}")
    else:
        world.forget()
    return Outcome(seed, "\n".join(told), len(violations), world.injected, world.skipped, world.figures)


def table(outcomes):
    """By fault: how often it was injected, in how many runs, and what those runs checked together."""
    names = ["plain", "durable", "recorded", "owed", "seen", "gaps", "reconnects"]
    lines = ["", f"{'fault':20} injected  not done  runs  violated  " + "".join(f"{name:>11}" for name in names)]
    for name in sorted({name for each in outcomes for name in [*each.injected, *each.skipped]}):
        runs = [each for each in outcomes if name in each.injected or name in each.skipped]
        sums = "".join(f"{sum(each.figures.get(figure, 0) for each in runs):>11}" for figure in names)
        lines.append(f"{name:20} {sum(each.injected[name] for each in runs):>8}  {sum(each.skipped[name] for each in runs):>8}"
                     f"  {len(runs):>4}  {sum(each.violations > 0 for each in runs):>8}  {sums}")  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
