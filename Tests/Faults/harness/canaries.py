"""Faults of the harness's own making: each must be found by the ledger, or the ledger proves nothing.

A canary is an ear put between a client's socket and its view: it hears a message and says what the
view is told. It begins with the tenth event.
"""

FROM = 10


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


EARS = {
    "drop": _after(_drop), "double": _after(_double), "swap": _after(_swap),
    "another": _after(_another), "silence": _after(_silence),
    "hush": _hush,
}  # fmt: skip
#: Done by the proxy instead: to a worker message on its way to the bridge.
PROXIES = ["deaf", "echo", "shuffle"]
NAMES = [*EARS, *PROXIES]


#: A fault under which the canary must sing: most need none, so one that does no harm by itself.
FAULTS = dict.fromkeys(NAMES, "slow-commands") | {"hush": "cut-subscription"}


def put_into(plan, name):
    plan.events_max = 20_000  # nothing is trimmed: what is missing is the canary's
    if name in PROXIES:
        plan.canary_proxy = name
    else:
        plan.canary_ears = EARS[name]
