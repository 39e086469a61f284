"""Redis hears and publishes, and does not run what a bridge asks."""

import asyncio

from ..faults.outages import disk_error, full, without_replicas
from .expectations import expect_back, expect_flow, expect_told
from .registry import PATIENT, situation

REFUSED_SECONDS = 8
#: After a refusal a bridge tries again so soon, and then has half a second like everybody.
AGAIN_SECONDS_MAX = 0.7


async def _refused_tail(world, refusal):
    bridge = world.bridges[0]
    await asyncio.sleep(1)
    async with refusal(world):
        await asyncio.sleep(0.5)
        bridge.proxy.cut("subscription")
        await asyncio.sleep(4)
    await expect_flow(world, bridge, world.story.now(), AGAIN_SECONDS_MAX)
    await asyncio.sleep(2)


@situation(6, gaps_max=1, loses=True, keeps_all_heard=True, bridges=1)
async def full_and_cut(world):
    """Redis is full, and the subscription of the only bridge is cut; it subscribes again while Redis is still full."""
    await _refused_tail(world, full)


@situation(6, gaps_max=1, loses=True, keeps_all_heard=True, bridges=1)
async def no_replicas_and_cut(world):
    """The same while Redis misses its replicas."""
    await _refused_tail(world, without_replicas)


async def _refused(world, refusal):
    await asyncio.sleep(1)
    async with refusal(world):
        since = world.story.now()
        await asyncio.sleep(REFUSED_SECONDS)
    again = world.story.now()
    for bridge in world.bridges:
        expect_told(world, bridge, since)
        await expect_flow(world, bridge, again, AGAIN_SECONDS_MAX)
        await expect_back(world, bridge, again, AGAIN_SECONDS_MAX)
    await asyncio.sleep(1)


@situation(9, bridges=2)
async def redis_is_full(world):
    """Redis is full for 8 s."""
    await _refused(world, full)


@situation(9, bridges=2)
async def redis_misses_replicas(world):
    """Redis wants a replica before it writes, and has none for 8 s."""
    await _refused(world, without_replicas)


@situation(9, bridges=2)
async def disk_fails(world):
    """Redis could not write a snapshot, and refuses for 8 s to change anything."""
    await _refused(world, disk_error)


@situation(9, bridges=1, settings=PATIENT)
async def commands_stand_still(world):
    """The command connection of the only bridge goes silent; a new one would not."""
    bridge = world.bridges[0]
    await asyncio.sleep(1)
    since = world.story.now()
    bridge.proxy.hold("commands")
    await asyncio.sleep(REFUSED_SECONDS)
    expect_told(world, bridge, since)
    bridge.proxy.release()
    await asyncio.sleep(1)
