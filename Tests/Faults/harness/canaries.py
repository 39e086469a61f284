"""Faults of the harness's own making: each must be found by the ledger, or the ledger proves nothing.

Most are an ear put between a client's socket and its view: it hears a message and says what the view is
told. An ear begins with the tenth event.
"""

import asyncio
import dataclasses
import time

from . import script
from .plan import make_plan

FROM = 10
#: Who is silenced stays behind for ever.
SETTLE_SECONDS_MAX = 3.0


def _after(act):
    """Does `act` to one event, the tenth; everything else passes."""

    def make():
        state = {"events": 0}

        def ear(message):
            if "seq" in message:
                state["events"] += 1
                if state["events"] >= FROM:
                    return act(message, state)
            return [message]

        return ear

    return make


def _drop(message, state):
    return [] if state["events"] == FROM else [message]


def _double(message, state):
    return [message, message] if state["events"] == FROM else [message]


def _swap(message, state):
    if state["events"] == FROM:
        state["held"] = message
        return []
    held = state.pop("held", None)
    return [message, held] if held else [message]


def _another(message, state):
    """The right number, the wrong event."""
    if state["events"] == FROM and message.get("data", {}).get("n"):
        message["data"]["n"] += 1
    return [message]


def _silence(message, state):
    return []


def _hush():
    """No gap is ever told."""
    return lambda message: [] if message.get("type") == "gap" else [message]


def _held_for(seconds, first=()):
    """Everything from the tenth event on comes so much later; `first` comes before it."""

    def act(message, state):
        if state["events"] == FROM:
            state["held"], state["until"] = list(first), time.monotonic() + seconds
        if state.get("held") is None:
            return [message]
        state["held"].append(message)
        if time.monotonic() < state["until"]:
            told = state["held"][: len(first)] if state["events"] == FROM else []
            state["held"] = state["held"][len(told) :]
            return told
        held, state["held"] = state["held"], None
        return held

    return _after(act)


async def _open_over(world):
    """Somebody opens an era though a bridge is whole and aligned."""
    await asyncio.sleep(1)
    patterns = next(h.patterns for h in world.bridges[0].proxy.hearings if h.patterns)
    world.story.tell("harness", "CANARY: an era is opened over whoever works")
    while not await script.open_over(world.redis_client(), world.plan.events_max, patterns):
        pass  # something was recorded meanwhile
    await asyncio.sleep(4)


BACK = {"type": "notice", "data": {"level": "info", "code": "redis_back"}}


@dataclasses.dataclass
class Canary:
    #: The rule that it breaks.
    rule: str
    #: An ear of a client, or of the one that stays at the first bridge; or what the proxy does to a worker message.
    ears: object = None
    watcher: object = None
    proxy: str | None = None
    act: object = None
    #: A fault under which it must sing; most need none.
    fault: str | None = None
    history: str = "memory"
    seconds: float = 2.0


ALL = {
    "drop": Canary("contiguous", ears=_after(_drop)),
    "double": Canary("contiguous", ears=_after(_double)),
    "swap": Canary("contiguous", ears=_after(_swap)),
    "another": Canary("one name", ears=_after(_another)),
    "silence": Canary("arrives", ears=_after(_silence)),
    "hush": Canary("contiguous", ears=_hush, fault="cut-subscription"),
    "deaf": Canary("missing", proxy="deaf"),
    "echo": Canary("twice", proxy="echo"),
    "shuffle": Canary("order", proxy="shuffle"),
    "late": Canary("stall", watcher=_held_for(1.2)),
    "unready": Canary("readyz", watcher=_held_for(3.2), seconds=4.5),
    "early-back": Canary("back", watcher=_held_for(1.2, [BACK])),
    "era": Canary("needless gap", act=_open_over, history="redis"),
}


def plan_of(seed, name):
    canary = ALL[name]
    plan = make_plan(seed, canary.history, 1, canary.fault)
    plan.events_max = 20_000  # nothing is trimmed: what is missing is the canary's
    plan.jobs = ["j0"]  # so that it has its ten events soon
    plan.canary, plan.seconds, plan.settle_seconds = canary, canary.seconds, SETTLE_SECONDS_MAX
    if not canary.fault:
        plan.faults, plan.has_replica, plan.persists = [], False, False
    return plan
