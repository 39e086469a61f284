"""Redis is away, stands still, is busy, or refuses what a bridge asks."""

import asyncio
import contextlib
import signal

import redis

from ..keeping import keep
from .registry import only_redis, redis_fault, some_time

BUSY = """
local began = redis.call('TIME')
repeat local now = redis.call('TIME')
until (now[1] - began[1]) * 1000 + (now[2] - began[2]) / 1000 > tonumber(ARGV[1])
"""


async def restart(world, seconds, is_data):
    """Redis is killed, and started again so long after; `is_data`: what it kept is lost."""
    before = world.story.now()
    world.copies.append(await keep(world.redis_client(), world.all_jobs))
    await world.redis.kill()
    world.story.strike("redis", f"killed, {'without' if is_data else 'with'} persistence")
    await asyncio.sleep(seconds)
    await world.redis.start()
    world.lost(before, "Redis was restarted", is_data=is_data, moves=True)
    world.restarts.append((before, world.story.now()))
    world.story.tell("redis", "started again")


async def stand_still(world, seconds):
    """SIGSTOP of Redis, and SIGCONT."""
    world.story.strike("redis", "SIGSTOP")
    world.redis.process.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        world.redis.process.send_signal(signal.SIGCONT)
    world.story.tell("redis", "SIGCONT")


async def be_busy(world, milliseconds):
    world.story.strike("redis", f"a script of {milliseconds} ms")
    await world.redis_client().eval(BUSY, 0, milliseconds)


@contextlib.asynccontextmanager
async def full(world, bytes_left=None):
    """maxmemory is reached: what writes is refused, PUBLISH is not."""
    used = int((await world.redis_client().info("memory"))["used_memory"])
    # At the brink each buffer that is freed lets some calls in; a full Redis is beyond it.
    limit = used // 2 if bytes_left is None else used + bytes_left
    async with _configured(world, "maxmemory", limit, 0):
        yield


@contextlib.asynccontextmanager
async def without_replicas(world):
    """min-replicas-to-write, and there is none: what writes is refused, PUBLISH is not."""
    async with _configured(world, "min-replicas-to-write", 1, 0):
        yield


@contextlib.asynccontextmanager
async def disk_error(world):
    """A snapshot could not be written: what writes is refused, and a PING; PUBLISH is not."""
    client = world.redis_client()
    await client.config_set("save", "3600 100000000")
    in_the_way = world.redis.folder / "dump.rdb"
    in_the_way.mkdir()
    world.story.strike("redis", "its disk fails")
    with contextlib.suppress(redis.RedisError):
        await client.bgsave()
    while (await client.info("persistence"))["rdb_last_bgsave_status"] == "ok":
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        await client.config_set("save", "")
        in_the_way.rmdir()
        world.story.tell("redis", "its disk is whole again")


@contextlib.asynccontextmanager
async def _configured(world, name, value, after):
    client = world.redis_client()
    await client.config_set(name, value)
    world.story.strike("redis", f"{name} {value}")
    try:
        yield
    finally:
        await client.config_set(name, after)
        world.story.tell("redis", f"{name} {after}")


# Drawn by random plans


@redis_fault(needs="persistence")
async def restart_persistent(world):
    """Redis is killed and started again with its data."""
    await _restart_in_a_burst(world, is_data=False)


@redis_fault()
async def restart_empty(world):
    """Redis is killed and started again without its data."""
    await _restart_in_a_burst(world, is_data=not world.redis.persists)


async def _restart_in_a_burst(world, is_data):
    burst = world.start_burst()
    await some_time(world, 0, 0.1)
    await restart(world, world.random.uniform(0, 1.5), is_data)
    if world.random.random() < 0.3:  # and goes again, before all have come back
        await some_time(world, 0, 1)
        await restart(world, world.random.uniform(0, 1.5), is_data)
    await burst


@redis_fault(**only_redis)
async def stop_redis(world):
    """SIGSTOP of Redis in a burst, then SIGCONT: it runs nothing, and nobody closes a connection."""
    burst = world.start_burst()
    await some_time(world, 0, 0.1)
    await stand_still(world, world.random.uniform(0.3, world.random.choice([1, 5])))
    await burst


@redis_fault(**only_redis)
async def busy_script(world):
    """A script runs for so long that Redis answers BUSY."""
    client = world.redis_client()
    await client.config_set("busy-reply-threshold", 200)
    burst = world.start_burst(40)
    await be_busy(world, world.random.randint(300, 3000))
    await client.config_set("busy-reply-threshold", 5000)
    await burst


@redis_fault()
async def slow_commands(world):
    """Redis is full of slow commands."""
    client = world.redis_client()
    for _ in range(world.random.randint(1, 3)):
        burst = world.start_burst(40)
        milliseconds = world.random.randint(100, 1200)
        if world.random.random() < 0.5:
            world.story.strike("redis", f"sleeps for {milliseconds} ms")
            await client.execute_command("DEBUG", "SLEEP", milliseconds / 1000)
        else:
            await be_busy(world, milliseconds)
        await burst


@redis_fault(**only_redis)
async def maxmemory(world):
    """maxmemory is reached in the middle of a batch."""
    burst = world.start_burst(200)
    async with full(world, world.random.choice([None, 20_000, 200_000])):
        await some_time(world, 0.2, 1.5)
    await burst


@redis_fault(**only_redis)
async def refused_tail(world):
    """Redis refuses scripts, and meanwhile a bridge's subscription is cut."""
    bridge = world.pick_bridge()
    async with world.random.choice([full, without_replicas])(world):
        burst = world.start_burst(40)
        await some_time(world, 0.1, 1)
        bridge.proxy.cut("subscription")
        await some_time(world, 0.1, 2.5)
    await burst
