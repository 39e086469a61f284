"""Redis, the network or one connection stands still, and nobody closes anything."""

import asyncio

from ..faults.outages import be_busy, stand_still
from .expectations import expect_flow, expect_told
from .registry import PATIENT, situation


@situation(5, bridges=2, publish_timeout=60, settings=PATIENT)
async def redis_stands_still(world):
    """Redis is stopped for 12 s and goes on."""
    await asyncio.sleep(1)
    await stand_still(world, 12)
    await _flow_again(world)


@situation(5, bridges=2)
async def network_stands_still(world):
    """Nothing passes between the bridges and Redis for 12 s, while workers publish."""
    await asyncio.sleep(1)
    for bridge in world.bridges:
        bridge.proxy.hold_all()
    await asyncio.sleep(12)
    for bridge in world.bridges:
        bridge.proxy.release()
    await _flow_again(world)


async def _flow_again(world):
    since = world.story.now()
    for bridge in world.bridges:
        await expect_flow(world, bridge, since, 0.5)
    await asyncio.sleep(3)


@situation(7, bridges=1, settings=PATIENT)
async def join_beside_silent_commands(world):
    """A bridge joins while the command connection of the only other one has gone silent."""
    await asyncio.sleep(1)
    bridge, since = world.bridges[0], world.story.now()
    bridge.proxy.hold("commands")
    await asyncio.sleep(0.2)
    await world.add_bridge()
    await asyncio.sleep(8)
    expect_told(world, bridge, since)
    bridge.proxy.release()
    await asyncio.sleep(1)


@situation(7, bridges=1, settings=PATIENT, publish_timeout=60)
async def join_while_redis_stands_still(world):
    """A bridge joins, and Redis runs nothing for 4 s once it has told that it asks where it is."""
    await asyncio.sleep(1)
    # So that nothing is on its way, and the answer does not overtake what stops Redis.
    world.publishing.clear()
    await asyncio.sleep(0.3)
    world.bridges[0].proxy.latency = 0.03
    asked = asyncio.get_running_loop().create_future()

    async def strike(_):
        asked.set_result(world.task(stand_still(world, 4)))
        return False

    joining = await world.add_bridge()
    joining.proxy.on_reply = ("where", strike)
    standstill = await asyncio.wait_for(asked, 10)
    world.publishing.set()
    await standstill
    world.bridges[0].proxy.latency = 0
    await asyncio.sleep(5)


@situation(10, bridges=2, publish_timeout=60)
async def busy_script(world):
    """A script runs for 9 s: to everything else Redis says BUSY."""
    await asyncio.sleep(1)
    await be_busy(world, 9000)
    await _flow_again(world)
