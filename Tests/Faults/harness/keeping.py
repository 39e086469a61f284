"""What Redis keeps of a job, read as it stands."""

import dataclasses

import redis

from .events import GAP, identity_of_rest

READ = """
local kept = {}
for _, job in ipairs(ARGV) do
    local stem = KEYS[1] .. 'job:' .. job
    local state = redis.pcall('HMGET', stem .. ':state', 'epoch', 'seq', 'forks')
    local entries = redis.pcall('XRANGE', stem .. ':events', '-', '+')
    kept[#kept + 1] = { state.err and {} or state, entries.err and {} or entries }
end
"""


@dataclasses.dataclass
class Kept:
    job: str
    epoch: str | None
    seq: int
    forks: list  # [(epoch, seq up to which it holds)]
    entries: list  # [(seq, identity)]

    def epoch_of(self, seq):
        return next((epoch for epoch, upto in self.forks if seq <= upto), self.epoch)


async def root_of(client):
    """The prefix of Jobwire's keys, found by its `ingest`; the default before there is one."""
    async for key in client.scan_iter("*:ingest"):
        return key.removesuffix("ingest")
    return "jobwire:{p}:"


async def keep(client, jobs, then=""):
    """Everything kept of the jobs and then, in the same instant, what `then` does to Redis (Lua)."""
    root = await root_of(client)
    try:
        answers = await client.eval(READ + then + "\nreturn kept", 1, root, *jobs)
    except redis.RedisError:
        return []
    found = []
    for job, (state, entries) in zip(jobs, answers):
        epoch, seq, forks = (list(state) + [None] * 3)[:3]
        forks = [(each.rsplit(":", 1)[0], int(each.rsplit(":", 1)[1])) for each in (forks or "").split()]
        read = []
        for stream_id, fields in entries:
            kind, text = fields[0], fields[1]
            read.append((int(stream_id.split("-")[0]), GAP if kind == "gap" else identity_of_rest(job, text)))
        found.append(Kept(job, epoch, int(seq or 0), forks, read))
    return found
