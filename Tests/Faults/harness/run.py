"""One run from its begin to the ledger: all are settled, what the plan says happens, all heal, and all is judged."""

import asyncio
import contextlib

import redis

from . import faults
from .faults import FaultSkipped
from .faults.moves import add_replica
from .followers import Follower
from .ledger import Ledger
from .oracle import SETTLE_SECONDS, Loss, Oracle
from .proxy import LAG
from .publishers import Publisher
from .redis_process import RedisProcess
from .settling import behind

#: While the harness itself gets no processor the proxies pass nothing on, and bridges rightly lose patience.
LAG_SECONDS_MAX = 0.5


async def run(world):
    """-> (violations, summary)"""
    try:
        await _begin(world)
        if world.plan.situation:
            await world.plan.situation.run(world)
        else:
            injected = [_inject(world, at, name) for at, name in world.plan.faults]
            await asyncio.gather(*injected, asyncio.sleep(world.plan.seconds))
            if world.plan.canary and world.plan.canary.act:
                await world.plan.canary.act(world)
        await _heal(world)
        return await _judge(world)
    finally:
        await _end(world)


async def _begin(world):
    plan = world.plan
    world.redis = RedisProcess(world.folder, persists=plan.persists)
    await world.redis.start()
    if plan.has_replica:
        await add_replica(world)
    if not plan.canary:  # it is to be caught on any machine: nothing is credited to it
        world.task(world.load.run())
    world.task(_watch_lag(world))
    world.witnesses_move()
    for _ in range(plan.bridges):
        await world.add_bridge()
    for bridge in world.bridges:
        if not await world.settled(bridge):
            raise RuntimeError(f"{bridge.name} did not begin:\n{bridge.log_path.read_text()[-2000:]}")
    world.ready_at = world.story.now()
    # Nobody has followed or published before: what is told from here on has its cause here.
    if not plan.starts_quiet:
        world.publishing.set()
    _populate(world)


def _populate(world):
    plan = world.plan
    for number in range(plan.plain):
        world.publishers.append(Publisher(f"p{number}", world.jobs, world, world.random_of(f"p{number}")))
    for number in range(plan.durable):
        world.publishers.append(
            Publisher(f"d{number}", world.jobs, world, world.random_of(f"d{number}"), is_durable=True))
    for job in world.all_jobs if plan.followers else []:
        world.followers.append(Follower(f"steady-{job}", [job], world, world.random_of(job)))
    for number in range(plan.followers):
        jobs = world.jobs if number % 3 == 2 else [world.random.choice(world.jobs)]
        ears = plan.canary.ears() if number == 0 and plan.canary and plan.canary.ears else None
        name = f"client{number}"
        world.followers.append(Follower(name, jobs, world, world.random_of(name), is_slow=number % 4 == 3, ears=ears))
    if plan.canary:
        world.bridges[0].proxy.canary = plan.canary.proxy
    world.is_populated = True
    for each in world.publishers + world.followers:
        world.task(each.run())


async def _watch_lag(world):
    while True:
        before = world.story.now()
        await asyncio.sleep(0.1)
        if world.story.now() - before > LAG_SECONDS_MAX:
            world.story.tell("harness", f"got no processor for {world.story.now() - before:.1f} s")
            for bridge in world.bridges:
                bridge.proxy.disturb(LAG, before, world.story.now())


async def _inject(world, at, name):
    await asyncio.sleep(at)
    fault = faults.ALL[name]
    async with world.redis_lock if fault.harms_redis else contextlib.nullcontext():
        world.story.tell("fault", f"{name}: {fault.tells}")
        try:
            await fault.run(world)
            world.injected[name] += 1
        except (redis.RedisError, OSError, FaultSkipped) as reason:
            world.skipped[name] += 1
            world.story.tell("fault", f"{name} not done to its end: {reason!r}")


async def _heal(world):
    """All bridges live and are settled; then every publisher's last event reaches every client."""
    world.story.tell("harness", "healing")
    for bridge in world.bridges:
        if bridge.is_meant_to_live and not bridge.is_alive:
            world.crashes.append(f"{bridge.name} died by itself: {bridge.log_path.read_text()[-1500:]}")
        bridge.resume()
        bridge.proxy.release()
        bridge.proxy.latency = bridge.proxy.reply_delay = 0.0
        if not bridge.is_alive and not bridge.is_gone:
            bridge.start()
    for bridge in world.bridges:
        if not bridge.is_gone:
            await world.settled(bridge)
    world.publishing.set()
    world.is_settling = True
    await asyncio.gather(*(publisher.finish() for publisher in world.publishers))
    world.story.tell("harness", "the last events are published")
    begun = world.story.now()
    while told := await behind(world):
        if world.story.now() - begun > world.plan.settle_seconds:
            world.unsettled += told
            break
        await asyncio.sleep(0.1)
    for bridge in world.bridges:
        if not bridge.is_alive and not bridge.is_gone:
            world.crashes.append(f"{bridge.name} died by itself: {bridge.log_path.read_text()[-1500:]}")


async def _judge(world):
    final = await world.kept()
    # What is settled stays: the last events have had all the time they need.
    over = world.story.now() + (0 if world.unsettled else SETTLE_SECONDS)
    if world.plan.history == "memory":
        for bridge in world.bridges:
            for at in bridge.proxy.life_ends.values():
                world.losses.append(Loss(at - 0.001, at, None, True, "the bridge that kept it ended"))
    oracle = Oracle([bridge.proxy for bridge in world.bridges], world.losses, world.restarts,
                    world.pulse.windows(over), world.load, over)  # fmt: skip
    ledger = Ledger(world, oracle, final, world.copies)
    violations = ledger.check()
    world.figures, world.causes = ledger.figures(), ledger.gaps.causes()
    return violations, ledger.summary()


async def _end(world):
    world.is_settling = world.is_over = True
    for task in world.tasks:
        task.cancel()
    await asyncio.gather(*world.tasks, return_exceptions=True)
    for bridge in world.bridges:
        if bridge.process and bridge.is_alive:
            bridge.process.kill()
            bridge.process.wait()
        bridge.proxy.stop()
    for publisher in world.publishers:
        if publisher.client:
            await publisher.client.aclose()
    if world.replication:
        world.replication.close()
    for each in (world.replica, world.old_primary, world.redis):
        if each:
            await each.kill()
