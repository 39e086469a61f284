"""Redis comes back, or another one is in its place."""

import asyncio

from ..faults.moves import add_replica, demote_in_place, there_and_back
from ..faults.outages import restart
from .expectations import expect_flow
from .registry import situation

#: A bridge is told so soon that its primary is none any more, and then it is led to the new one.
DEMOTED_SECONDS_MAX = 1.0


@situation(8, gaps_max=1, loses=True, bridges=2, persists=True)
async def redis_restarts(world):
    """Redis is away for 3 s and comes back with its data."""
    await asyncio.sleep(1)
    await restart(world, 3, is_data=False)
    await asyncio.sleep(4)


@situation(8, gaps_max=2, loses=True, bridges=2, persists=True)
async def redis_restarts_twice(world):
    """Redis is away for 3 s, comes back, and goes again for 2 s."""
    await asyncio.sleep(1)
    await restart(world, 3, is_data=False)
    await asyncio.sleep(1.2)
    await restart(world, 2, is_data=False)
    await asyncio.sleep(4)


@situation(4, gaps_max=1, loses=True, bridges=2, has_replica=True)
async def demoted_in_place(world):
    """The primary becomes a replica of its replica; every connection to it stays open."""
    await asyncio.sleep(1)
    since = world.story.now()
    await demote_in_place(world)
    for bridge in world.bridges:
        await expect_flow(world, bridge, since, 2 * DEMOTED_SECONDS_MAX, sent_from=world.story.now())
        _expect_lost_or_flow(world, bridge, since)
    await asyncio.sleep(2)


def _expect_lost_or_flow(world, bridge, since):
    told = [at for at, code in world.watchers[bridge.name].notices if code == "redis_lost" and at >= since]
    if not told or world.seconds(since, told[0]) > DEMOTED_SECONDS_MAX:
        world.wrong("told", f"{bridge.name} told no redis_lost within {DEMOTED_SECONDS_MAX} s of {since:.3f} s")


@situation(16, gaps_max=1, loses=True, bridges=2, has_replica=True)
async def there_and_back_again(world):
    """Failover to a replica that lacks the latest, and back before anybody has called it: the server is the same."""
    await asyncio.sleep(1)
    world.replication.flowing.clear()
    await asyncio.sleep(0.4)
    for bridge in world.bridges:
        bridge.proxy.hold_all()
    await there_and_back(world)
    since = world.story.now()
    for bridge in world.bridges:
        bridge.proxy.release()
    for bridge in world.bridges:
        await expect_flow(world, bridge, since, 2.0)
    await asyncio.sleep(3)


@situation(16, bridges=2)
async def first_replica(world):
    """The first replica comes to a Redis that is at work."""
    await asyncio.sleep(1)
    await add_replica(world)
    await asyncio.sleep(2)
