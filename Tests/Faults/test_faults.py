"""The short form of tools/faults: a few seeds of each kind hold, and each canary is caught."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import canaries  # noqa: E402
from harness.plan import make_plan  # noqa: E402
from main import run_plan  # noqa: E402

SLOW = bool(os.environ.get("JOBWIRE_TEST_SLOW"))
SEEDS = {"redis": range(1, 61 if SLOW else 5), "memory": range(1, 21 if SLOW else 4)}
RUNS = [(history, seed) for history, seeds in SEEDS.items() for seed in seeds]


def judge(plan):
    violations, summary, world = run_plan(plan)
    told = "\n".join([str(plan), summary, *violations[:12], world.story.text(60)])
    world.forget()
    return violations, told


@pytest.mark.parametrize("history, seed", RUNS, ids=[f"{history}-{seed}" for history, seed in RUNS])
def test_what_clients_saw_is_what_was_recorded_and_that_what_was_published(history, seed):
    violations, told = judge(make_plan(seed, history))
    assert not violations, told


@pytest.mark.parametrize("canary", canaries.NAMES)
def test_an_event_that_is_tampered_with_is_caught(canary):
    plan = make_plan(5, "memory", 1, canaries.FAULTS[canary])
    canaries.put_into(plan, canary)
    violations, told = judge(plan)
    assert violations, told
