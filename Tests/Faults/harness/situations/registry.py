"""`@situation(...)` names a coroutine that brings a World of its own into one situation, without any other fault.

Besides what always holds the ledger then asks what this situation may cost: so many gaps in each job, and
whether anything may be lost at them.
"""

import dataclasses

from ..plan import Plan

ALL = {}

#: What `jobwire serve` does where nothing is set: patient connections.
PATIENT = {"redis_ping_interval": "5s", "redis_reply_timeout": "5s", "redis_connect_timeout": "5s"}


@dataclasses.dataclass
class Situation:
    name: str
    #: Its number in issue 9.
    number: int
    run: object
    gaps_max: int
    #: Whether what nobody could hear may be lost, at a gap.
    loses: bool
    #: Whether all is recorded that a bridge heard on a subscription that stands, aligned or not.
    keeps_all_heard: bool
    plan: dict

    @property
    def tells(self):
        return self.run.__doc__.split("\n")[0]


def situation(number, gaps_max=0, loses=False, keeps_all_heard=False, **plan):
    def register(function):
        name = function.__name__.replace("_", "-")
        ALL[name] = Situation(name, number, function, gaps_max, loses, keeps_all_heard, plan)
        return function

    return register


def make_plan(seed, name):
    return Plan(seed, situation=ALL[name], **ALL[name].plan)
