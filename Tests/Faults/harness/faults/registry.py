"""`@fault(...)` names a coroutine that does its harm to a World and undoes what must not last.

It says where it can be used. What makes Redis forget says so with `world.lost`, so that the oracle does not owe
what Redis no longer has; what holds a bridge back is noted by its proxy.
"""

import asyncio
import dataclasses
import functools

ALL = {}


class FaultSkipped(Exception):
    """There was nothing to hurt."""


@dataclasses.dataclass
class Fault:
    name: str
    run: object
    bridges: range
    histories: tuple
    needs: str
    #: Such faults come one after the other; others also in the middle of one.
    harms_redis: bool

    @property
    def tells(self):
        return self.run.__doc__.split("\n")[0]


def fault(bridges=range(1, 4), histories=("redis", "memory"), needs="", harms_redis=False):
    def register(function):
        name = function.__name__.replace("_", "-")
        ALL[name] = Fault(name, function, bridges, histories, needs, harms_redis)
        return function

    return register


redis_fault = functools.partial(fault, harms_redis=True)
only_redis = {"histories": ("redis",)}


async def some_time(world, low, high):
    await asyncio.sleep(world.random.uniform(low, high))
