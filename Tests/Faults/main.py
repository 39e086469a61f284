"""tools/faults [--runs N] [--seed S] [--bridges 1|2|3] [--history redis|memory] [--fault NAME]
             [--canary NAME] [--keep] [--story]

Runs Jobwire under faults and checks what clients saw against what was published. Each run has its
own Redis, bridges, publishers and clients; a seed that failed is run again with --seed S. Exit code 1
where a run found a violation. `--fault list` lists the faults; --canary expects to be caught.
"""

import argparse
import asyncio
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
    logging.disable()  # asyncio's own words about connections that faults have ended
    failed = []
    for seed in range(first, first + chosen.runs):
        plan = make_plan(seed, chosen.history, chosen.bridges, chosen.fault)
        if chosen.canary:
            canaries.put_into(plan, chosen.canary)
        began = time.monotonic()
        violations, summary, world = run_plan(plan)
        took = time.monotonic() - began
        verdict = "ok" if not violations else f"VIOLATED {len(violations)}"
        print(f"{verdict:12} {plan} {took:.1f} s: {summary}", flush=True)
        if violations or chosen.story:
            for each in violations[:12]:
                print(f"    {each}")
            print(world.story.text(), flush=True)
        if violations:
            failed.append(seed)
        if (violations or chosen.story) and chosen.keep:
            print(f"    kept: {world.folder}")
        else:
            world.forget()
    print(f"faults: {chosen.runs - len(failed)} held, {len(failed)} violated" + (f", seeds {failed}" if failed else ""))
    if chosen.canary:
        return 1 if len(failed) < chosen.runs else 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
