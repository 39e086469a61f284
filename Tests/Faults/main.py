"""tools/faults [--runs N] [--at-once 1|2] [--seed S] [--bridges 1|2|3] [--history redis|memory] [--fault NAME]
             [--situation NAME] [--canary NAME] [--keep] [--story]

Runs Jobwire under faults and checks what clients saw against what was published. Each run has its
own Redis, bridges, publishers and clients; a seed that failed is run again with --seed S. Exit code 1
where a run found a violation. In the end a table says by fault how often it was injected and what was
checked in its runs. `--fault list` lists the faults; --canary expects to be caught.

--situation runs one of the situations of real weather, or each of them (`all`; `list` lists them), N times,
and ends with a table of how long events stood still in it.
"""

import argparse
import asyncio
import collections
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

from harness import canaries, faults, situations, tables  # noqa: E402
from harness.bridge import binary  # noqa: E402
from harness.plan import make_plan  # noqa: E402
from harness.run import run  # noqa: E402
from harness.world import World  # noqa: E402

RUN_SECONDS_MAX = 150
TOLD_OF_A_RULE_MAX = 3


def run_plan(plan):
    """-> (violations, summary, world)"""

    async def bounded():
        world = World(plan)
        try:
            async with asyncio.timeout(RUN_SECONDS_MAX):
                violations, summary = await run(world)
        except TimeoutError:
            violations, summary = [f"[bound] the run did not end within {RUN_SECONDS_MAX} s"], "unfinished"
        except Exception:  # the harness' own fault ends its run, not the campaign
            violations, summary = [f"[harness] {traceback.format_exc()}"], "unfinished"
        return violations, summary, world

    return asyncio.run(bounded())


def some_of_each_rule(violations):
    told, counts = [], collections.Counter()
    for each in violations:
        rule = each.partition("]")[0]
        counts[rule] += 1
        if counts[rule] <= TOLD_OF_A_RULE_MAX:
            told.append(each)
    return told


def main(arguments):
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("--runs", type=int, default=1)
    options.add_argument("--seed", type=int)
    options.add_argument("--bridges", type=int, choices=[1, 2, 3])
    options.add_argument("--history", choices=["redis", "memory"], default="redis")
    options.add_argument("--fault", choices=[*faults.ALL, "list"])
    options.add_argument("--situation", choices=[*situations.ALL, "all", "list"])
    options.add_argument("--at-once", type=int, default=1)
    options.add_argument("--canary", choices=canaries.ALL)
    options.add_argument("--keep", action="store_true")
    options.add_argument("--story", action="store_true")
    chosen = options.parse_args(arguments)
    if chosen.fault == "list":
        for each in faults.ALL.values():
            print(f"{each.name:20} {each.tells} ({', '.join(each.histories)})")
        return 0
    if chosen.situation == "list":
        for each in sorted(situations.ALL.values(), key=lambda each: each.number):
            print(f"{each.number:2} {each.name:30} {each.tells}")
        return 0
    if not binary().exists():
        sys.exit(f"{binary()} is missing: swift build -c release --static-swift-stdlib --product jobwire")
    first = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(1, 1 << 30)
    names = list(situations.ALL) if chosen.situation == "all" else [chosen.situation]
    runs = [(name, seed) for name in names for seed in range(first, first + chosen.runs)]
    began = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(chosen.at_once) as pool:
        outcomes = []
        for outcome in pool.map(functools.partial(run_one, chosen), runs):
            print(outcome.told, flush=True)
            outcomes.append(outcome)
    failed = [outcome for outcome in outcomes if outcome.violations]
    print(tables.of_situations(outcomes) if chosen.situation else tables.of_faults(outcomes))
    print(tables.of_causes(outcomes))
    print(f"faults: {len(runs) - len(failed)} held, {len(failed)} violated in {time.monotonic() - began:.0f} s"
          + (f", seeds {sorted({outcome.seed for outcome in failed})}" if failed else ""))  # fmt: skip
    if chosen.canary:
        return 1 if len(failed) < len(runs) else 0
    return 1 if failed else 0


@dataclasses.dataclass
class Outcome:
    seed: int
    situation: str | None
    told: str
    violations: int
    injected: dict
    skipped: dict
    figures: dict
    causes: dict


def run_one(chosen, named):
    """One run, in a process of its own."""
    logging.disable()  # asyncio's own words about connections that faults have ended
    name, seed = named
    if name:
        plan = situations.make_plan(seed, name)
    else:
        plan = make_plan(seed, chosen.history, chosen.bridges, chosen.fault)
    if chosen.canary:
        plan = canaries.plan_of(seed, chosen.canary)
    began = time.monotonic()
    violations, summary, world = run_plan(plan)
    verdict = "ok" if not violations else f"VIOLATED {len(violations)}"
    told = [f"{verdict:12} {plan} {time.monotonic() - began:.1f} s: {summary}"]
    if violations or chosen.story:
        told += [f"    {each}" for each in some_of_each_rule(violations)] + [world.story.text()]
    if (violations or chosen.story) and chosen.keep:
        told.append(f"    kept: {world.folder}")
    else:
        world.forget()
    return Outcome(
        seed, name, "\n".join(told), len(violations), world.injected, world.skipped, world.figures, world.causes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
