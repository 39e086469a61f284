"""The faults, each a coroutine that does its harm to a World and undoes what must not last.

`@fault(...)` says where it can be used. What harms data itself says so with `world.lost`, so that the
oracle does not owe what Redis no longer has.
"""

import asyncio
import dataclasses
import functools

from .events import EventID, body
from .followers import ODD_QUESTIONS, ask
from .keeping import keep, root_of
from .redis_process import Sentinel

ALL = {}


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


# Bridges


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
            world.story.tell(bridge.name, "the reply of record is lost")
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


# Connections


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
        world.story.tell(bridge.name, f"CLIENT KILL of its {role}")
        await world.redis_client().execute_command("CLIENT", "KILL", "ADDR", link.address)
    await burst


@fault()
async def cut_both(world):
    """Both connections of all bridges end at once."""
    burst = world.start_burst()
    await some_time(world, 0, 0.05)
    world.story.tell("harness", "all connections cut")
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
    world.story.tell(bridge.name, f"its {role} connection goes silent")
    bridge.proxy.hold(role)
    await some_time(world, 0.2, world.random.choice([0.8, 4]))
    bridge.proxy.release()
    world.story.tell(bridge.name, f"its {role} connection flows again")
    await burst


@fault(bridges=range(2, 4), **only_redis)
async def two_senders(world):
    """Replies come so late that more than one bridge sends."""
    bridges = world.alive()
    for bridge in bridges:
        bridge.proxy.reply_delay = world.random.uniform(0.1, 0.8)
        bridge.proxy.disturb()
    for _ in range(3):
        await world.start_burst(60)
        await some_time(world, 0.1, 0.5)
    for bridge in bridges:
        bridge.proxy.reply_delay = 0
        bridge.proxy.calm()


# Redis


@redis_fault()
async def tiny_output_limit(world):
    """A tiny client-output-buffer-limit pubsub closes subscriptions in a burst."""
    client = world.redis_client()
    await client.config_set("client-output-buffer-limit", "pubsub 20000 10000 1")
    world.story.tell("redis", "output limit is tiny")
    for _ in range(2):
        await world.start_burst(200, padding=600)
        await some_time(world, 0.1, 0.5)
    await client.config_set("client-output-buffer-limit", "pubsub 33554432 8388608 60")


async def _harm(world, what, lua, jobs=None, is_data=True):
    """Everything kept is read in the instant before."""
    before = world.story.now()
    world.copies.append(await keep(world.redis_client(), world.all_jobs, lua))
    world.lost(before, world.story.now(), jobs, is_data)
    world.story.tell("redis", what)


@redis_fault(**only_redis)
async def flushdb(world):
    """FLUSHDB."""
    burst = world.start_burst()
    await some_time(world, 0, 0.1)
    await _harm(world, "FLUSHDB", "redis.call('FLUSHDB')")
    await burst


@redis_fault(**only_redis)
async def delete_state(world):
    """Only the state key of a job is deleted."""
    job = world.random.choice(world.jobs)
    burst = world.start_burst(job=job)
    await some_time(world, 0, 0.1)
    await _harm(world, f"DEL state of {job}", f"redis.call('DEL', KEYS[1] .. 'job:{job}:state')", [job])
    await burst


@redis_fault(**only_redis)
async def delete_events(world):
    """Only the stream of a job is deleted."""
    job = world.random.choice(world.jobs)
    burst = world.start_burst(job=job)
    await _harm(world, f"DEL events of {job}", f"redis.call('DEL', KEYS[1] .. 'job:{job}:events')", [job])
    await burst


@redis_fault(**only_redis)
async def delete_ingest(world):
    """Only the key with the era is deleted."""
    burst = world.start_burst()
    await _harm(world, "DEL ingest", "redis.call('DEL', KEYS[1] .. 'ingest')", is_data=False)
    await burst


@redis_fault(**only_redis)
async def wrong_type_state(world):
    """Where a job's state should be is a string."""
    await _wrong_type(world, "state")


@redis_fault(**only_redis)
async def wrong_type_events(world):
    """Where a job's stream should be is a string."""
    await _wrong_type(world, "events")


async def _wrong_type(world, key):
    job = world.random.choice(world.jobs)
    name = f"KEYS[1] .. 'job:{job}:{key}'"
    before = world.story.now()
    await _harm(world, f"SET {key} of {job}", f"redis.call('SET', {name}, 'x')", [job])
    await world.start_burst(job=job)
    await some_time(world, 0.2, 1)
    await world.redis_client().delete(f"{await root_of(world.redis_client())}job:{job}:{key}")
    world.lost(before, world.story.now(), [job], True)
    world.story.tell("redis", f"DEL {key} of {job}")
    await world.start_burst(job=job)


@redis_fault(**only_redis)
async def wrong_type_ingest(world):
    """Where the era should be is a string."""
    burst = world.start_burst()
    before = world.story.now()
    root = await root_of(world.redis_client())
    await _harm(world, "SET ingest", "redis.call('SET', KEYS[1] .. 'ingest', 'x')", is_data=False)
    await some_time(world, 0.2, 1)
    await world.redis_client().delete(f"{root}ingest")
    world.lost(before, world.story.now(), None, False)
    for bridge in world.bridges:
        bridge.proxy.disturbances.append([before, world.story.now()])
    world.story.tell("redis", "DEL ingest")
    await burst


@redis_fault(**only_redis)
async def foreign_stream(world):
    """Somebody else writes into a job's stream, with numbers of his own."""
    job = world.random.choice(world.jobs)
    burst = world.start_burst(job=job)
    await some_time(world, 0, 0.1)
    number = world.random.choice([1 << 40, (1 << 64) - 1])
    await _harm(world, f"XADD {number} to {job}", f"redis.call('XADD', KEYS[1] .. 'job:{job}:events', '{number}-0', 'event', 'x')", [job])
    await burst
    await world.start_burst(job=job)


@redis_fault()
async def large_event(world):
    """An event of 900 kB and one of 5 MB, of which only its size is told, among others."""
    job = world.random.choice(world.jobs)
    await world.start_burst(20, job=job)
    await world.start_burst(1, job=job, padding=900_000)
    large = body(EventID(job, "nobody", 0), same=True)[:-1] + ', "padding": "' + "z" * 5_000_000 + '"}'
    await world.redis_client().publish(f"job:{job}:updates", large)
    await world.start_burst(20, job=job)


@fault()
async def odd_questions(world):
    """Clients come with cursors of another epoch, from the future and of no form, and ask for 10^9 events."""
    burst = world.start_burst()
    for bridge in world.alive():
        for question, answers in ODD_QUESTIONS.items():
            told = await ask(bridge, world.random.choice(world.jobs), question)
            for _ in range(20):
                if told != "gone":
                    break
                await asyncio.sleep(0.1)  # another fault may be restarting it
                told = await ask(bridge, world.random.choice(world.jobs), question)
            if told not in [*answers, "gone"]:
                world.unsettled.append(f"{bridge.name} answers {question} with {told}")
    await burst


@redis_fault()
async def identical_lines(world):
    """10,000 identical log lines."""
    await world.publish_same(10_000)


@redis_fault(**only_redis)
async def script_flush(world):
    """Redis forgets the script."""
    burst = world.start_burst()
    await world.redis_client().script_flush()
    world.story.tell("redis", "SCRIPT FLUSH")
    await burst


@redis_fault(needs="persistence")
async def restart_persistent(world):
    """Redis is killed and started again with its data."""
    await _restart_redis(world, is_data=False)


@redis_fault()
async def restart_empty(world):
    """Redis is killed and started again without its data."""
    await _restart_redis(world, is_data=not world.redis.persists)


async def _restart_redis(world, is_data):
    burst = world.start_burst()
    await some_time(world, 0, 0.1)
    before = world.story.now()
    world.copies.append(await keep(world.redis_client(), world.all_jobs))
    await world.redis.kill()
    world.story.tell("redis", f"killed, {'without' if is_data else 'with'} persistence")
    await some_time(world, 0, 1.5)
    await world.redis.start()
    world.lost(before, world.story.now(), None, is_data)
    world.restarts.append((before, world.story.now()))
    world.story.tell("redis", "started again")
    await burst


@redis_fault(needs="replica")
async def failover(world):
    """Failover to a replica that is behind; the old primary is dead."""
    await _fail_over(world, is_split=False)


@redis_fault(needs="replica", **only_redis)
async def failover_split(world):
    """Failover while the old primary lives on and the subscriptions stay with it."""
    await _fail_over(world, is_split=True)


@redis_fault(needs="replica")
async def failover_sentinel(world):
    """A Sentinel fails over to a replica that is behind; bridges are led to whom it names."""
    # Jobwire has one URL: what follows the Sentinel is the proxy in front, as HAProxy or DNS would.
    sentinel = Sentinel(world.folder)
    await sentinel.start(world.redis, world.replica)
    try:
        await _fail_over(world, is_split=False, sentinel=sentinel)
    finally:
        await sentinel.kill()


async def _fail_over(world, is_split, sentinel=None):
    before = world.story.now()
    world.replication.flowing.clear()
    world.story.tell("redis", "the replica falls behind")
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
    world.redis, world.replica = new, None
    new.replica_of = None  # also when it is started again
    world.old_primary = old
    world.replication.close()
    for bridge in world.bridges:
        bridge.proxy.cut("commands")
    world.story.tell("redis", f"the replica is primary now{', the old one lives on' if is_split else ''}")
    for publisher in world.publishers:
        await publisher.move()
    world.witness_moves()
    world.lost(before, world.story.now(), None, True)
    await world.start_burst()


@redis_fault(**only_redis)
async def maxmemory(world):
    """maxmemory is reached in the middle of a batch."""
    client = world.redis_client()
    used = int((await client.info("memory"))["used_memory"])
    burst = world.start_burst(200)
    await client.config_set("maxmemory", used + world.random.choice([0, 20_000, 200_000]))
    world.story.tell("redis", "maxmemory")
    before = world.story.now()
    await some_time(world, 0.2, 1.5)
    await client.config_set("maxmemory", 0)
    for bridge in world.bridges:
        bridge.proxy.disturbances.append([before, world.story.now()])
    world.story.tell("redis", "maxmemory is over")
    await burst


@redis_fault()
async def slow_commands(world):
    """Redis is full of slow commands."""
    client = world.redis_client()
    for _ in range(world.random.randint(1, 3)):
        burst = world.start_burst(40)
        milliseconds = world.random.randint(100, 1200)
        world.story.tell("redis", f"busy for {milliseconds} ms")
        if world.random.random() < 0.5:
            await client.execute_command("DEBUG", "SLEEP", milliseconds / 1000)
        else:
            loop = "local s=redis.call('TIME') repeat local t=redis.call('TIME') until (t[1]-s[1])*1000+(t[2]-s[2])/1000 > tonumber(ARGV[1])"
            await client.eval(loop, 0, milliseconds)
        await burst
