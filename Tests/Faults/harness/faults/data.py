"""What Redis keeps is deleted or spoilt, and what workers and clients send is odd."""

import asyncio

from ..events import EventID, body
from ..followers import ODD_QUESTIONS, ask
from ..keeping import keep, root_of
from .registry import fault, only_redis, redis_fault, some_time


async def _harm(world, what, lua, jobs=None, is_data=True):
    """Everything kept is read in the instant before."""
    before = world.story.now()
    world.copies.append(await keep(world.redis_client(), world.all_jobs, lua))
    world.lost(before, what.split(" of ")[0], jobs, is_data)
    world.story.strike("redis", what)


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
    world.lost(before, f"SET {key}", [job])
    world.story.strike("redis", f"DEL {key} of {job}")
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
    world.lost(before, "SET ingest", is_data=False)
    world.imposes(before)
    world.story.strike("redis", "DEL ingest")
    await burst


@redis_fault(**only_redis)
async def foreign_stream(world):
    """Somebody else writes into a job's stream, with numbers of his own."""
    job = world.random.choice(world.jobs)
    burst = world.start_burst(job=job)
    await some_time(world, 0, 0.1)
    number = world.random.choice([1 << 40, (1 << 64) - 1])
    entry = f"redis.call('XADD', KEYS[1] .. 'job:{job}:events', '{number}-0', 'event', 'x')"
    await _harm(world, f"XADD of {number} to {job}", entry, [job])
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
    world.story.strike("redis", "SCRIPT FLUSH")
    await burst


