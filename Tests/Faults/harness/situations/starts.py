"""Bridges that start together, are replaced, or count other channels than those that are there."""

import asyncio

import redis.asyncio

from ..faults.outages import restart
from ..faults.starts import roll_by_readiness
from .expectations import expect_flow, expect_opening
from .registry import situation

#: Of a bridge: its subscription, its commands, and the two by which bridges talk to each other.
CONNECTIONS = 4
START = {"bridges": 0, "starts_quiet": True, "clients_wait": True}


async def _first_is_ready(world):
    """Workers publish from then on."""
    while not any(bridge.readiness.status == 200 for bridge in world.bridges):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)  # clients come
    world.publishing.set()


@situation(1, **START)
async def start_together(world):
    """Two or three bridges start in the same instant; clients and workers come once one says that it is ready."""
    for _ in range(world.random.choice([2, 3])):
        await world.add_bridge(is_cut_off=True)
    while any(bridge.proxy.waiting < CONNECTIONS for bridge in world.bridges):
        await asyncio.sleep(0.001)
    for bridge in world.bridges:
        bridge.proxy.network.set()
    await _first_is_ready(world)
    await expect_opening(world)
    await asyncio.sleep(3.5)


@situation(1, **START)
async def start_beside_a_listener(world):
    """One bridge starts while somebody else is subscribed to the control channel."""
    info = await world.redis_client().info("server")
    names = ["jobwire:{p}:control:0", "jobwire:{p}:control:0:" + info["run_id"][:8]]
    await _start_beside(world, lambda listener: listener.subscribe(*names))


@situation(1, **START)
async def start_beside_a_monitor(world):
    """One bridge starts while somebody else is subscribed to every channel there is."""
    await _start_beside(world, lambda listener: listener.psubscribe("*"))


async def _start_beside(world, subscribe):
    async with redis.asyncio.Redis(port=world.redis.port) as client, client.pubsub() as listener:
        await subscribe(listener)
        await listener.get_message(timeout=1)
        await world.add_bridge()
        await _first_is_ready(world)
        await expect_opening(world)
        await asyncio.sleep(3.5)


@situation(2, bridges=2)
async def roll_by_readyz(world):
    """A rolling restart of two bridges, twice, that goes by /readyz alone."""
    for _ in range(2):
        await asyncio.sleep(0.5)
        await roll_by_readiness(world)
    await asyncio.sleep(0.5)


@situation(3, gaps_max=1, loses=True, bridges=1, jobs=["j0", "j1", "n0"])
async def other_patterns(world):
    """A deploy adds a pattern: the new bridge comes beside the old one, which leaves some seconds later."""
    await asyncio.sleep(0.5)
    old, new = world.bridges[0], await world.add_bridge(patterns="job:*:updates,news:*:updates")
    await asyncio.sleep(3)
    notices = world.watchers[new.name].notices
    if new.readiness.status != 200 and (not notices or notices[-1][1] != "redis_lost"):
        world.wrong("told", f"{new.name} is not ready, and its clients are not told")
    since = world.story.now()
    await old.leave()
    await expect_flow(world, new, since, 1.0)
    await asyncio.sleep(2)


@situation(13, gaps_max=1, loses=True, bridges=0, starts_quiet=True)
async def fresh_redis(world):
    """Redis starts anew and empty, and at once workers publish to jobs without events that clients follow already."""
    first, later = await world.add_bridge(is_watched=False), await world.add_bridge()
    for bridge in (first, later):
        await world.settled(bridge)
    await asyncio.sleep(0.5)
    world.publishing.set()
    # Clients are where the era will not be opened.
    later.proxy.hold_all()
    await restart(world, 1.0, is_data=True)
    await asyncio.sleep(2)
    later.proxy.release()
    await asyncio.sleep(4)
