"""What a situation waits for, and says where it did not come in time. Times are credited as everywhere (load.py)."""

import asyncio

from ..events import EventID

#: Recording stands still, and so soon everybody is told.
TOLD_SECONDS_MAX = 2.5
#: No bridge knew its place, and so soon an era is open.
OPEN_SECONDS_MAX = 0.2
WAIT_SECONDS_MAX = 15


def expect_told(world, bridge, since, within=TOLD_SECONDS_MAX):
    """That /readyz said 503 and clients heard `redis_lost` in that time."""
    refused = next((at for at, _, status in bridge.readiness.samples if at >= since and status == 503), None)
    notices = world.watchers[bridge.name].notices
    noticed = next((at for at, code in notices if at >= since and code == "redis_lost"), None)
    for what, at in (("/readyz 503", refused), ("redis_lost", noticed)):
        if at is None or world.seconds(since, at) > within:
            when = "never" if at is None else f"{at - since:.2f} s after"
            world.wrong("told", f"{bridge.name} said {what} {when} {since:.3f} s, when recording came to stand")


async def expect_back(world, bridge, since, within):
    """That /readyz says 200 and clients hear `redis_back` in that time."""
    end = since + WAIT_SECONDS_MAX
    while world.story.now() < end:
        is_ready = bridge.readiness.samples[-1][0] >= since and bridge.readiness.status == 200
        notices = world.watchers[bridge.name].notices
        if is_ready and (not notices or notices[-1][1] == "redis_back"):
            break
        await asyncio.sleep(0.02)
    if world.seconds(since, world.story.now()) > within + 0.1:  # the sampler's own pause
        world.wrong("told", f"{bridge.name} was not ready and back {within} s after {since:.3f} s")


async def expect_flow(world, bridge, since, within, sent_from=None):
    """That the client at this bridge has, in that time, an event that was published from then on."""
    sent_from = since if sent_from is None else sent_from
    end = since + WAIT_SECONDS_MAX
    while world.story.now() < end and not _has_flowed(world, bridge, sent_from):
        await asyncio.sleep(0.01)
    seconds = world.seconds(since, world.story.now())
    if seconds > within:
        told = f"{bridge.name} had nothing new for {seconds:.2f} s from {since:.3f} s on, not for {within} s"
        world.wrong("flow", told)


def _has_flowed(world, bridge, since):
    views = world.watchers[bridge.name].views.values()
    items = (item[3] for view in views for item in view.items[-50:] if item[0] >= since)
    return any(isinstance(what, EventID) and world.publications[what].sent >= since
               for what in items if what in world.publications)  # fmt: skip


async def expect_opening(world):
    """That an era opens at once where the first bridge has both its connections."""
    end = world.story.now() + WAIT_SECONDS_MAX
    while world.story.now() < end:
        marks = [at for bridge in world.bridges for hearing in bridge.proxy.hearings for at, _ in hearing.marks]
        ready = [bridge.proxy.connected_at for bridge in world.bridges if bridge.proxy.connected_at]
        if marks and ready:
            seconds = world.seconds(min(ready), min(marks))
            if seconds > OPEN_SECONDS_MAX:
                world.wrong("opens", f"{seconds:.2f} s passed from the first bridge's connections to the first era")
            return
        await asyncio.sleep(0.01)
    world.wrong("opens", "no era was opened")
