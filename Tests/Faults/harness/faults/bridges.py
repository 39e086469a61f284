"""Bridges are killed, stopped, joined and restarted."""

import asyncio

from .registry import fault, only_redis, some_time


@fault()
async def kill_bridge(world):
    """kill -9 of a bridge in a burst; it comes back."""
    bridge = world.pick_bridge()
    burst = world.start_burst()
    await some_time(world, 0, 0.2)
    bridge.kill()
    await some_time(world, 0.1, 2)
    bridge.start()
    await burst


@fault(**only_redis)
async def kill_sender(world):
    """kill -9 of the sender between script sent and reply."""
    await _at_a_record_reply(world, kills=True)


@fault(**only_redis)
async def lost_reply(world):
    """The reply of a record script is lost and its connection with it."""
    await _at_a_record_reply(world, kills=False)


async def _at_a_record_reply(world, kills):
    struck = asyncio.get_running_loop().create_future()

    def strike(bridge):
        async def act(link):
            if struck.done() or not bridge.is_alive:
                return False
            world.story.strike(bridge.name, "the reply of record is lost")
            if kills:
                bridge.kill()
            link.close()
            struck.set_result(bridge)
            return True

        return act

    burst = world.start_burst()
    for bridge in world.alive():
        bridge.proxy.on_reply = ("record", strike(bridge))
    try:
        bridge = await asyncio.wait_for(struck, 3)
        if kills:
            await some_time(world, 0.1, 2)
            bridge.start()
    except TimeoutError:
        world.story.tell("harness", "no record was sent")
    finally:
        for bridge in world.bridges:
            bridge.proxy.on_reply = None
    await burst


@fault()
async def pause(world):
    """SIGSTOP for long, then SIGCONT."""
    bridge = world.pick_bridge()
    burst = world.start_burst()
    bridge.pause()
    await some_time(world, 0.3, world.random.choice([1, 5]))
    bridge.resume()
    await burst


@fault(bridges=range(1, 3), **only_redis)
async def join(world):
    """A bridge joins in a burst."""
    burst = world.start_burst()
    await world.add_bridge()
    await burst


@fault(bridges=range(1, 2))
async def lone_restart(world):
    """The lone bridge is restarted."""
    bridge = world.pick_bridge()
    await bridge.terminate()
    await some_time(world, 0, 1)
    bridge.start()
    await world.settled(bridge)


@fault(bridges=range(2, 4), **only_redis)
async def rolling_restart(world):
    """A rolling restart of all bridges, each when the one before is aligned: no gap at all."""
    for bridge in list(world.alive()):
        burst = world.start_burst(30)
        await bridge.terminate()
        bridge.start()
        await world.settled(bridge)
        await burst


