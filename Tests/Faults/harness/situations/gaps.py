"""Gaps that say nothing, and gaps that cost too much."""

import asyncio

from ..events import GAP, channel_of
from ..faults.moves import fail_over
from ..faults.outages import restart
from ..followers import ask
from ..keeping import keep
from .registry import situation

#: What a followed job may cost at a gap: its state and the entries since.
BYTES_OF_A_JOB_MAX = 4096


@situation(11, gaps_max=1, loses=True, bridges=2, persists=True, jobs=["j0", "j1", "quiet"])
async def gaps_of_a_restart(world):
    """Redis is restarted with its data, beside a job in which nothing happens any more."""
    await _fall_quiet(world)
    await restart(world, 0.2, is_data=False)
    await asyncio.sleep(3)


@situation(11, gaps_max=1, loses=True, bridges=2, has_replica=True, jobs=["j0", "j1", "quiet"])
async def gaps_of_a_failover(world):
    """Failover to a replica that is behind, beside a job in which nothing happens any more."""
    await _fall_quiet(world)
    await fail_over(world, is_split=False)
    await asyncio.sleep(3)


async def _fall_quiet(world):
    await world.start_burst(3, job="quiet")
    for publisher in world.publishers:
        publisher.jobs = ["j0", "j1"]
    await asyncio.sleep(1)


@situation(11, gaps_max=2, loses=True, bridges=1)
async def look_at_finished(world):
    """Clients look at a job that is over, twice, each time after the only bridge has opened a new era."""
    client = world.redis_client()
    for text in ('{"type":"log","data":{"log_line":"the same"}}', '{"type":"complete","data":{"log_line":"the same"}}'):
        await client.publish(channel_of("over"), text)
    await asyncio.sleep(1)
    for _ in range(2):
        world.bridges[0].proxy.cut()
        await world.settled(world.bridges[0])
        await asyncio.sleep(0.5)
        await ask(world.bridges[0], "over", "history=all")
        await asyncio.sleep(0.3)
    (kept,) = await keep(client, ["over"])
    gaps = [seq for seq, what in kept.entries if what == GAP]
    if gaps:
        world.wrong("gaps", f"a job that is over has gaps at {gaps}, since somebody looked at it")


@situation(11, bridges=0, starts_quiet=True)
async def start_over_a_slow_link(world):
    """A bridge starts 60 ms away from Redis; clients come at once, and the jobs begin when it is ready."""
    bridge = await world.add_bridge()
    bridge.proxy.latency = 0.06
    await bridge.readiness.becomes(200, 20, 0.0)
    while not world.watchers[bridge.name].spells:
        await asyncio.sleep(0.02)
    world.publishing.set()
    await asyncio.sleep(4)


@situation(12, gaps_max=1, loses=True, bridges=2, starts_quiet=True, jobs=[f"j{n}" for n in range(40)])
async def one_gap_costs_little(world):
    """Forty followed jobs of 200 events each; both bridges lose their connections, and one comes back later."""
    for job in world.jobs:
        await world.start_burst(200, job=job, padding=300)
    await asyncio.sleep(1)
    before = {bridge: bridge.proxy.reply_bytes["touch"] for bridge in world.bridges}
    later = world.bridges[1].proxy
    later.network.clear()
    for bridge in world.bridges:
        bridge.proxy.cut()
    await asyncio.sleep(1)
    later.network.set()
    await asyncio.sleep(3)
    for bridge in world.bridges:
        cost = (bridge.proxy.reply_bytes["touch"] - before[bridge]) / len(world.jobs)
        world.story.tell(bridge.name, f"the gap has cost {cost:.0f} bytes of answers for each job")
        if cost > BYTES_OF_A_JOB_MAX:
            world.wrong("cost", f"one gap cost {bridge.name} {cost:.0f} bytes of answers for each followed job")
