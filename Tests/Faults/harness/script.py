"""The record script as an SDK calls it: the one place of the harness that knows its arguments."""

import hashlib
import secrets
import time

import redis

from .bridge import ROOT

SOURCE = (ROOT / "Sources/Feed/Lua/record.lua").read_text()
SHA = hashlib.sha1(SOURCE.encode()).hexdigest()
INGEST = "jobwire:{p}:ingest"
#: Bytes kept of a job, and seconds that a state, a stream and an ended job's stream live.
LIMITS = [str(1 << 20), "2592000", "86400", "86400"]


def head(operation, events_max):
    """What every call begins with."""
    token, database, now = "d" + secrets.token_hex(5), "0", str(int(time.time() * 1000))
    return [operation, token, database, now, str(events_max), *LIMITS]


async def call(client, arguments):
    try:
        return await client.evalsha(SHA, 1, INGEST, *arguments)
    except redis.exceptions.NoScriptError:
        return await client.eval(SOURCE, 1, INGEST, *arguments)


async def publish_durably(client, events_max, producer, number, job, text):
    """One event, of this number of the producer."""
    at = str(int(time.time() * 1000))
    event = [f"job:{job}", text, at, "0", "", "u", "0"]
    return await call(client, [*head("durable", events_max), producer, str(number), "1", *event])


async def open_over(client, events_max, patterns):
    """Opens an era over whoever works in the present one, as no bridge would. -> whether it did."""
    era, last = await client.hmget(INGEST, "era", "last")
    name = "x" + secrets.token_hex(5)
    return await call(client, [*head("open", events_max), name, "rogue", patterns, era, last, "0", "-1"]) == "YES"
