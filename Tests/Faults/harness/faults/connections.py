"""Connections between bridges and Redis are cut, held and slowed down."""

from ..proxy import LATE
from .registry import fault, only_redis, redis_fault, some_time


@fault()
async def cut_subscription(world):
    """CLIENT KILL of one bridge's subscription in a burst."""
    await _client_kill(world, "subscription")


@fault()
async def cut_commands(world):
    """CLIENT KILL of one bridge's command connection in a burst."""
    await _client_kill(world, "commands")


async def _client_kill(world, role):
    bridge = world.pick_bridge()
    burst = world.start_burst()
    await some_time(world, 0, 0.05)
    for link in bridge.proxy.of_role(role):
        world.story.strike(bridge.name, f"CLIENT KILL of its {role}")
        await world.redis_client().execute_command("CLIENT", "KILL", "ADDR", link.address)
    await burst


@fault()
async def cut_both(world):
    """Both connections of all bridges end at once."""
    burst = world.start_burst()
    await some_time(world, 0, 0.05)
    for bridge in world.bridges:
        bridge.proxy.cut()
    await burst


@fault()
async def hold_subscription(world):
    """One bridge's subscription goes silent without closing."""
    await _hold(world, "subscription")


@fault(**only_redis)
async def hold_commands(world):
    """One bridge's command connection goes silent without closing."""
    await _hold(world, "commands")


async def _hold(world, role):
    bridge = world.pick_bridge()
    burst = world.start_burst()
    bridge.proxy.hold(role)
    await some_time(world, 0.2, world.random.choice([0.8, 4]))
    bridge.proxy.release()
    await burst


@redis_fault(**only_redis)
async def hold_network(world):
    """The network between all bridges and Redis stands still, and nobody closes a connection."""
    burst = world.start_burst()
    for bridge in world.bridges:
        bridge.proxy.hold_all()
    await some_time(world, 0.5, 5)
    for bridge in world.bridges:
        bridge.proxy.release()
    await burst


@fault(bridges=range(2, 4), **only_redis)
async def two_senders(world):
    """Replies come so late that more than one bridge sends."""
    bridges = world.alive()
    for bridge in bridges:
        bridge.proxy.reply_delay = world.random.uniform(0.1, 0.8)
        bridge.proxy.disturb(LATE)
    for _ in range(3):
        await world.start_burst(60)
        await some_time(world, 0.1, 0.5)
    for bridge in bridges:
        bridge.proxy.reply_delay = 0
        bridge.proxy.calm(LATE)


@redis_fault()
async def tiny_output_limit(world):
    """A tiny client-output-buffer-limit pubsub closes subscriptions in a burst."""
    client = world.redis_client()
    await client.config_set("client-output-buffer-limit", "pubsub 20000 10000 1")
    world.story.strike("redis", "output limit is tiny")
    for _ in range(2):
        await world.start_burst(200, padding=600)
        await some_time(world, 0.1, 0.5)
    await client.config_set("client-output-buffer-limit", "pubsub 33554432 8388608 60")
    world.story.strike("redis", "output limit is large again")
