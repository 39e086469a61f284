"""The short form of tools/faults: a few seeds and the cheapest situations hold, and each canary is caught."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import canaries, situations  # noqa: E402
from harness.plan import make_plan  # noqa: E402
from main import run_plan, some_of_each_rule  # noqa: E402

SLOW = bool(os.environ.get("JOBWIRE_TEST_SLOW"))
SEEDS = {"redis": range(1, 61 if SLOW else 4), "memory": range(1, 21 if SLOW else 3)}
RUNS = [(history, seed) for history, seeds in SEEDS.items() for seed in seeds]
CHEAP = ["start-together", "roll-by-readyz", "start-over-a-slow-link", "look-at-finished", "gaps-of-a-restart",
         "first-replica"]


def judge(plan):
    violations, summary, world = run_plan(plan)
    told = "\n".join([str(plan), summary, *some_of_each_rule(violations), world.story.text(60)])
    world.forget()
    return violations, told


@pytest.mark.parametrize("history, seed", RUNS, ids=[f"{history}-{seed}" for history, seed in RUNS])
def test_what_clients_saw_is_what_was_recorded_and_that_what_was_published(history, seed):
    violations, told = judge(make_plan(seed, history))
    assert not violations, told


@pytest.mark.parametrize("name", situations.ALL if SLOW else CHEAP)
def test_a_situation_costs_no_more_than_it_must(name):
    violations, told = judge(situations.make_plan(1, name))
    assert not violations, told


@pytest.mark.parametrize("name", canaries.ALL)
def test_what_is_tampered_with_is_caught(name):
    violations, told = judge(canaries.plan_of(5, name))
    assert any(each.startswith(f"[{canaries.ALL[name].rule}]") for each in violations), told
