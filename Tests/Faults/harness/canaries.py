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


EARS = {
    "drop": _after(_drop), "double": _after(_double), "swap": _after(_swap),
    "another": _after(_another), "silence": _after(_silence),
}  # fmt: skip
#: Done by the proxy instead: a worker message never reaches the bridge.
NAMES = [*EARS, "deaf"]


def put_into(plan, name):
    if name == "deaf":
        plan.deaf = 1
    else:
        plan.canary_ears = EARS[name]
