"""Another Redis becomes the primary, by a failover, in place, or there and back."""

import asyncio

from ..keeping import keep
from ..redis_process import RedisProcess, Sentinel
from ..replication import Replication
from .registry import FaultSkipped, only_redis, redis_fault, some_time

REPLICA_SECONDS_MAX = 10


async def is_linked(replica):
    """Waits until the replica has what its primary has."""
    for _ in range(REPLICA_SECONDS_MAX * 100):
        if (await replica.client.info("replication")).get("master_link_status") == "up":
            return
        await asyncio.sleep(0.01)
    raise FaultSkipped(f"{replica.name} does not reach its primary")


async def add_replica(world):
    """It keeps what its primary keeps, behind a pipe that can be stopped."""
    world.replication = Replication(world.redis.port)
    await world.replication.start()
    world.replica = RedisProcess(world.folder, "replica", world.replication.port, world.redis.persists)
    await world.replica.start()
    await is_linked(world.replica)


async def point_to(world, redis):
    """Publishers, clients of the harness and new connections of bridges go there from now on."""
    world.redis = redis
    redis.replica_of = None  # also when it is started again
    world.witnesses_move()
    for publisher in world.publishers:
        await publisher.move()


async def demote_in_place(world):
    """The primary becomes a replica of its replica; no connection is closed by it."""
    before = world.story.now()
    old, new = world.redis, world.replica
    world.copies.append(await keep(old.client, world.all_jobs))
    await new.client.execute_command("REPLICAOF", "NO", "ONE")
    await old.client.execute_command("REPLICAOF", "127.0.0.1", str(new.port))
    world.story.strike("redis", "the primary is a replica of its replica now")
    world.replica, world.old_primary = None, old
    world.replication.close()
    await point_to(world, new)
    world.lost(before, "the primary was demoted", is_data=True, moves=True)


async def there_and_back(world):
    """A → B → A: B is the primary for a moment in which nobody calls it, and lacks what A announced last."""
    before = world.story.now()
    one, other = world.redis, world.replica
    world.copies.append(await keep(one.client, world.all_jobs))
    world.story.strike("redis", "its replica is primary, and nobody calls it")
    await other.client.execute_command("REPLICAOF", "NO", "ONE")
    await one.client.execute_command("REPLICAOF", "127.0.0.1", str(other.port))
    await is_linked(one)
    await one.client.execute_command("REPLICAOF", "NO", "ONE")
    await other.client.execute_command("REPLICAOF", "127.0.0.1", str(one.port))
    world.replication.close()
    world.lost(before, "another was the primary for a while", is_data=True, moves=True)
    world.story.strike("redis", "it is the primary again")


# Drawn by random plans


@redis_fault(needs="replica")
async def failover(world):
    """Failover to a replica that is behind; the old primary is dead."""
    await fail_over(world, is_split=False)


@redis_fault(needs="replica", **only_redis)
async def failover_split(world):
    """Failover while the old primary lives on and the subscriptions stay with it."""
    await fail_over(world, is_split=True)


@redis_fault(needs="replica")
async def failover_sentinel(world):
    """A Sentinel fails over to a replica that is behind; bridges are led to whom it names."""
    # Jobwire has one URL: what follows the Sentinel is the proxy in front, as HAProxy or DNS would.
    sentinel = Sentinel(world.folder)
    await sentinel.start(world.redis, world.replica)
    try:
        await fail_over(world, is_split=False, sentinel=sentinel)
    finally:
        await sentinel.kill()


@redis_fault(needs="replica", **only_redis)
async def demotion(world):
    """The primary is made a replica of its replica with REPLICAOF."""
    burst = world.start_burst(40)
    await demote_in_place(world)
    await burst


@redis_fault(needs="replica", **only_redis)
async def failback(world):
    """Failover to a replica that is behind and back, without a call at the replica."""
    world.replication.flowing.clear()
    await world.start_burst(40)
    for bridge in world.bridges:
        bridge.proxy.hold_all()
    try:
        await there_and_back(world)
    finally:
        for bridge in world.bridges:
            bridge.proxy.release()
    await world.start_burst(40)


async def fail_over(world, is_split, sentinel=None):
    before = world.story.now()
    world.replication.flowing.clear()
    world.story.strike("redis", "the replica falls behind")
    for _ in range(world.random.randint(1, 3)):
        await world.start_burst(40)
        await some_time(world, 0, 0.3)
    old, new = world.redis, world.replica
    world.copies.append(await keep(old.client, world.all_jobs))
    if not is_split:
        await old.kill()
    if sentinel:
        await sentinel.names(new.port)
    else:
        await some_time(world, 0, 0.5)
        await new.client.execute_command("REPLICAOF", "NO", "ONE")
    world.old_primary, world.replica = old, None
    world.replication.close()
    await point_to(world, new)
    for bridge in world.bridges:
        bridge.proxy.cut("commands")
    world.story.strike("redis", f"the replica is primary now{', the old one lives on' if is_split else ''}")
    world.lost(before, "another became the primary", is_data=True, moves=True)
    await world.start_burst()
