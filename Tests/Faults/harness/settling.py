"""When a run is over: every client has all there is, and every publisher's last event is somewhere."""


async def behind(world):
    """Which client has not yet what, in words."""
    final = await world.kept()
    told = list(_clients_behind(world, {kept.job: (kept.epoch, kept.seq) for kept in final}))
    if told:
        return told
    recorded = {item for kept in final for _, item in kept.entries}
    recorded |= {item[3] for follower in world.followers for view in follower.views.values() for item in view.items}
    lasts = (event for publisher in world.publishers for event in _lasts(world, publisher))
    return [f"{event}, the last one, is nowhere" for event in lasts if event not in recorded]


def _clients_behind(world, ends):
    for follower in world.followers:
        if follower.home and follower.home.is_gone:
            continue
        for job, view in follower.views.items():
            end = ends.get(job)
            if world.plan.history == "memory":
                views = (v for f in world.followers for v in f.views.values() if v.job == job)
                end = max(((v.epoch, v.seq) for v in views), key=lambda each: each[1])
            if end and (view.epoch, view.seq) != end:
                at = f"{view.epoch}:{view.seq} of {job}, not at {end[0]}:{end[1]} (on {follower.at})"
                yield f"{follower.name} is at {at}"


def _lasts(world, publisher):
    for event, publication in world.publications.items():
        is_last = event.publisher == publisher.name and publisher.numbers[event.job] == event.n
        if is_last and publication.answered:
            yield event
