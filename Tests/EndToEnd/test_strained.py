"""Recording under strain: a Redis that takes nothing more, jobs without end, and nobody left in silence."""

import time

import pytest
from support.proxy import Proxy
from support.tokens import token
from support.waiting import eventually

MANY = """
for number = tonumber(ARGV[2]), tonumber(ARGV[3]) do
    redis.call('PUBLISH', ARGV[1], '{"type":"log","data":{"log_line":"' .. number .. '"}}')
end
"""


@pytest.fixture
def strained(make_redis, serve):
    """-> (Redis, a bridge, the proxy between the two); the proxy holds up all but the subscription."""
    proxies = []

    def start(**settings):
        redis = make_redis()
        proxies.append(Proxy(redis.port, sparing=b"PSUBSCRIBE"))
        settings = {"redis_reply_timeout": "1s", "redis_ping_interval": "500ms", **settings}
        server = serve(f"redis://127.0.0.1:{proxies[-1].port}", **settings)
        # Ready is who hears; what is heard before this bridge has its place among others lies in a gap.
        eventually(lambda: any(line.endswith(" info recording") for line in server.lines), what="it records")
        return redis, server, proxies[-1]

    yield start
    for each in proxies:
        each.close()


def memory(server):
    return server.metric("process_resident_memory_bytes")


def test_what_no_longer_fits_the_queue_is_let_go_and_told(strained, follow):
    redis, server, proxy = strained(record_queue_bytes_max="1MiB")
    socket = follow(server, "j1")
    socket.joined()
    redis.publish("j1", "log", log_line="before")
    assert socket.event()["seq"] == 1
    before = memory(server)
    proxy.stall()
    for number in range(6_000):
        redis.publish("j1", "log", log_line=f"{number} " + "x" * 10_000)
    eventually(lambda: "record_queue_full" in server.log, what="it says that its queue is full")
    eventually(lambda: server.metric("jobwire_events_heard_total") == 6_001, what="all is heard")
    assert memory(server) - before < 30 << 20, "60 MB came, 1 MiB may wait"
    proxy.flow()
    messages = []
    deadline = time.monotonic() + 30
    while not messages or messages[-1]["data"].get("log_line") != "after":
        try:
            messages.append(socket.next(within=0.5))
        except TimeoutError:  # at first it may find no room either
            assert time.monotonic() < deadline
            redis.publish("j1", "log", log_line="after")
    assert [m["data"]["reason"] for m in messages if m["type"] == "gap"] == ["unrecorded"]
    # Numbers have no hole but the gap's own, and what came is in order.
    came, due = [], 2
    for message in messages:
        if message["type"] == "gap":
            assert message["data"]["from"] == due
            due = message["data"]["to"] + 1
        elif "seq" in message:
            assert message["seq"] == due
            due += 1
            came.append(message["data"]["log_line"].split()[0])
    numbers = [int(each) for each in came[:-1]]
    assert numbers == sorted(set(numbers)) and len(numbers) < 6_000


def test_who_waits_is_told_when_only_recording_stands_still(strained, follow):
    redis, server, proxy = strained()
    socket = follow(server, "j1")
    socket.joined()
    proxy.stall()
    redis.publish("j1", "log", log_line="waits")
    lost = socket.until("notice", within=15)[-1]
    assert lost["data"]["code"] == "redis_lost"
    assert server.get("/readyz").status == 503 and "updates_stand_still why=no_answer" in server.log
    late = follow(server, path="/api/v1/ws")
    assert late.until("notice")[-1]["data"]["code"] == "redis_lost", "who comes meanwhile is told, too"
    proxy.flow()
    messages = []
    while {"notice", "log"} - {each["type"] for each in messages}:
        messages.append(socket.next(within=15))
    assert [m["data"]["code"] for m in messages if m["type"] == "notice"] == ["redis_back"]
    assert [(m["seq"], m["data"]["log_line"]) for m in messages if "seq" in m] == [(1, "waits")]
    assert not [m for m in messages if m["type"] == "gap"], "it was heard, and only came late"
    eventually(lambda: server.get("/readyz").status == 200)


def test_a_job_with_very_many_events_costs_no_more_than_what_is_kept(make_redis, serve, follow, slow):
    count, kept = 1_000_000 if slow else 100_000, 1_000
    redis = make_redis()
    server = serve(redis.url, history_events_max=kept)
    before = memory(server)
    for first in range(1, count, 5_000):
        last = first + 4_999
        redis.client.eval(MANY, 0, "job:big:updates", first, last)
        eventually(lambda: int(redis.client.hget("jobwire:{p}:job:big:state", "seq") or 0) == last, what="recorded")
    assert kept <= redis.client.xlen("jobwire:{p}:job:big:events") <= kept + kept // 8 + 1
    page = server.get("/api/v1/jobs/big/events?limit=1000", token=token()).json
    assert len([e for e in page["events"] if "seq" in e]) <= 1_000
    latest = [m["seq"] for m in follow(server, "big", query={"history": 1_000_000_000}).joined() if "seq" in m]
    assert kept <= len(latest) and latest == list(range(latest[0], count + 1))
    messages = follow(server, "big", query={"after": 0}).joined()
    gap = next(m["data"] for m in messages if m["type"] == "gap")
    seqs = [m["seq"] for m in messages if "seq" in m]
    assert gap["reason"] == "trimmed" and seqs == list(range(gap["to"] + 1, count + 1))
    assert messages[-2]["data"]["log_line"] == str(count)
    assert server.get("/api/v1/jobs/big", token=token()).json["log_lines"] == count
    assert memory(server) - before < 60 << 20
