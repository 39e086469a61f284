"""Bridges that start together, and deploys that go by what /readyz says."""

from .registry import fault, only_redis, some_time

READY_SECONDS_MAX = 20


async def roll_by_readiness(world):
    """Each bridge is restarted as soon as the one before says that it is ready, and by nothing else."""
    for bridge in list(world.alive()):
        await bridge.terminate()
        since = world.story.now()
        bridge.start()
        if not await bridge.readiness.becomes(200, READY_SECONDS_MAX, since):
            world.unsettled.append(f"{bridge.name} is not ready {READY_SECONDS_MAX} s after its start")


@fault(bridges=range(2, 4), **only_redis)
async def roll_by_readyz(world):
    """A rolling restart of all bridges that goes by /readyz alone."""
    burst = world.start_burst(30)
    await roll_by_readiness(world)
    await burst


@fault(bridges=range(2, 4), **only_redis)
async def restart_together(world):
    """All bridges are killed and start again in the same instant."""
    burst = world.start_burst(30)
    bridges = world.alive()
    for bridge in bridges:
        bridge.kill()
    await some_time(world, 0, 0.5)
    for bridge in bridges:
        bridge.start()
    await burst


@fault(bridges=range(1, 3), **only_redis)
async def join_beside_silence(world):
    """A bridge joins while the commands of another stand still."""
    bridge = world.pick_bridge()
    burst = world.start_burst(40)
    bridge.proxy.hold("commands")
    await some_time(world, 0, 0.3)
    await world.add_bridge()
    await some_time(world, 0.5, 4)
    bridge.proxy.release()
    await burst
