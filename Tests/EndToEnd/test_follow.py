"""One job, one socket: who comes late or comes back misses nothing, and is told what can't be had."""

import pytest
from support.client import events_of, snapshot_of


def numbers(messages):
    return [event["seq"] for event in events_of(messages)]


def fill(redis, follow, server, job, count):
    """Publishes `count` log lines and returns once the server has numbered them -> the epoch."""
    socket = follow(server, job)
    socket.joined()
    for n in range(1, count + 1):
        redis.publish(job, "log", log_line=f"line {n}\n")
    epoch = socket.expect("live")["data"]["epoch"]
    for n in range(1, count + 1):
        assert socket.event()["seq"] == n
    return epoch


def test_the_first_message_greets_and_tells_an_unknown_job(server, follow, job, deflate):
    socket = follow(server, job, deflate=deflate)
    greeting = socket.expect("connected")
    assert socket.subprotocol == "jobwire.v1.json"
    assert greeting["job_id"] == job and "seq" not in greeting
    data = greeting["data"]
    assert data["heartbeat_seconds"] > 0 and data["server"] and data["expires_at"]
    assert data["epoch"] is None and data["seq"] == 0
    assert snapshot_of(greeting)["status"] == "unknown"
    assert snapshot_of(greeting)["job_id"] == job
    assert data["replay"]["count"] == 0 and data["replay"]["complete"] is True
    assert socket.expect("live")["job_id"] == job


def test_events_arrive_as_they_happen_numbered_from_one(server, redis, follow, job, deflate):
    socket = follow(server, job, deflate=deflate)
    socket.joined()
    redis.publish(job, "status", status="running")
    assert socket.expect("live")["data"]["epoch"], "a new epoch is told before its first event"
    event = socket.next()
    assert event == {
        "seq": 1, "job_id": job, "type": "status", "data": {"status": "running"},
        "timestamp": "2025-01-06T12:00:00.000Z",
    }  # fmt: skip
    for n in range(2, 50):
        redis.publish(job, "log", log_line="x" * n * 20)
        event = socket.next()
        assert (event["seq"], event["data"]["log_line"]) == (n, "x" * n * 20)


def test_who_comes_late_gets_all_lines_and_then_live(server, redis, follow, job, deflate):
    epoch = fill(redis, follow, server, job, 1_000)
    late = follow(server, job, deflate=deflate)
    messages = late.joined()
    assert numbers(messages) == list(range(1, 1_001))
    greeting, live = messages[0]["data"], messages[-1]["data"]
    assert greeting["replay"] == {"from": 1, "to": 1_000, "count": 1_000, "complete": True}
    assert (greeting["epoch"], greeting["seq"]) == (epoch, 1_000)
    assert (live["epoch"], live["seq"]) == (epoch, 1_000)
    assert snapshot_of(messages[0])["log_lines"] == 1_000
    redis.publish(job, "log", log_line="live")
    assert late.next()["seq"] == 1_001


def test_live_and_replay_are_the_same_to_the_byte(server, redis, follow, job, deflate):
    live = follow(server, job, deflate=deflate)
    live.joined()
    redis.publish_raw(job, '{"type": "progress",  "data":{"progress":4.50e1,"x":"\\u00e9"}}')
    live.expect("live")
    live.next()
    late = follow(server, job, deflate=not deflate)
    late.expect("connected")
    late.next()
    assert late.raw == live.raw


def test_who_comes_back_with_a_cursor_gets_just_what_came_later(server, redis, follow, job):
    epoch = fill(redis, follow, server, job, 20)
    for after, first in [(f"{epoch}:0", 1), (f"{epoch}:13", 14), (13, 14), (f"{epoch}:20", 21)]:
        messages = follow(server, job, query={"after": after}).joined()
        assert numbers(messages) == list(range(first, 21)), after
        assert not [m for m in messages if m["type"] == "gap"]


@pytest.mark.parametrize("cursor", ["{epoch}:21", "21", "abcdefgh:3"])
def test_a_cursor_of_another_numbering_is_told_and_all_is_sent(server, redis, follow, job, cursor):
    epoch = fill(redis, follow, server, job, 5)
    messages = follow(server, job, query={"after": cursor.format(epoch=epoch)}).joined()
    assert [m["type"] for m in messages[:2]] == ["connected", "gap"]
    gap = messages[1]
    assert gap["job_id"] == job
    assert (gap["data"]["reason"], gap["data"]["epoch"]) == ("epoch_changed", epoch)
    assert numbers(messages) == [1, 2, 3, 4, 5]


def test_history_chooses_how_much_is_replayed(server, redis, follow, job):
    fill(redis, follow, server, job, 10)
    for history, expected in [("all", range(1, 11)), ("none", []), ("0", []), ("3", [8, 9, 10]), ("99", range(1, 11))]:
        messages = follow(server, job, query={"history": history}).joined()
        assert numbers(messages) == list(expected), history


def test_after_beats_history(server, redis, follow, job):
    fill(redis, follow, server, job, 10)
    assert numbers(follow(server, job, query={"after": 7, "history": "none"}).joined()) == [8, 9, 10]


def test_types_choose_what_is_sent_and_history_counts_after_them(server, redis, follow, job):
    watcher = follow(server, job)
    watcher.joined()
    for n in range(1, 7):
        redis.publish(job, "log", log_line=str(n))
        redis.publish(job, "progress", progress=n)
    while watcher.event()["seq"] < 12:
        pass
    only = follow(server, job, query={"types": "progress,complete", "history": "2"})
    assert numbers(only.joined()) == [10, 12]
    redis.publish(job, "log", log_line="not this")
    redis.publish(job, "complete", status="completed")
    event = only.event()
    assert (event["seq"], event["type"]) == (14, "complete")


def test_the_final_state_is_told_again_to_whoever_comes(server, redis, follow, job):
    watcher = follow(server, job)
    watcher.joined()
    redis.publish(job, "progress", progress=50)
    redis.publish(job, "complete", status="completed", result={"url": "/r/1"})
    assert [watcher.event()["seq"], watcher.event()["seq"]] == [1, 2]
    redis.publish(job, "log", log_line="finishing closes nothing")
    assert watcher.event()["seq"] == 3
    told = snapshot_of(follow(server, job, query={"history": "none"}).expect("connected"))
    assert (told["status"], told["progress"], told["result"]) == ("completed", 100, {"url": "/r/1"})
    assert told["finished_at"]


def test_watchers_are_counted(server, follow, job):
    first = follow(server, job)
    first.joined()
    assert snapshot_of(follow(server, job).expect("connected"))["watchers"] >= 1


def test_a_bounded_replay_says_what_it_left_out(serve, redis, follow, job):
    small = serve(replay_events_max=5)
    fill(redis, follow, small, job, 12)
    messages = follow(small, job).joined()
    gap = messages[1]
    assert gap["type"] == "gap"
    assert [gap["data"][name] for name in ("reason", "from", "to")] == ["replay_limit", 1, 7]
    assert numbers(messages) == [8, 9, 10, 11, 12]
    assert messages[0]["data"]["replay"]["complete"] is False


def test_what_is_no_longer_kept_is_told(serve, redis, follow, job):
    short = serve(history_events_max=5)
    epoch = fill(redis, follow, short, job, 12)
    messages = follow(short, job, query={"after": f"{epoch}:2"}).joined()
    gap = messages[1]
    assert gap["type"] == "gap"
    assert [gap["data"][name] for name in ("reason", "from", "to")] == ["trimmed", 3, 7]
    assert numbers(messages) == [8, 9, 10, 11, 12]


def test_many_come_in_the_middle_of_a_burst_and_nobody_misses_or_repeats(server, redis, follow, job):
    """The place where most bridges lose events: between reading history and going live."""
    count = 2_000
    sockets = []
    with redis.client.pipeline(transaction=False) as burst:
        for n in range(1, count + 1):
            burst.publish(f"job:{job}:updates", f'{{"type":"log","data":{{"log_line":"{n}"}}}}')
            if n % 200 == 0:
                sockets.append(follow(server, job))
                burst.execute()
    for socket in sockets:
        seen = 0
        while seen < count:
            message = socket.next()
            if "seq" in message:
                seen += 1
                assert (message["seq"], message["data"]["log_line"]) == (seen, str(seen))
            else:
                # What the ring no longer keeps or the replay leaves out is told, exactly.
                assert message["type"] != "gap" or message["data"]["from"] == seen + 1
                if message["type"] == "gap":
                    seen = message["data"]["to"]


@pytest.mark.parametrize("query", [{"after": "x:y"}, {"after": "-1"}, {"after": ""}, {"history": "some"}, {"history": "-1"}])
def test_a_malformed_question_is_4400(server, follow, job, query):
    code, reason = follow(server, job, query=query).closed()
    assert code == 4400 and reason


def test_a_worker_can_forge_no_control_message(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    redis.publish_raw(job, '{"type":"gap","data":{"reason":"trimmed"},"seq":99,"job_id":"other"}')
    event = socket.event()
    assert (event["seq"], event["job_id"]) == (1, job)
    assert (event["worker_seq"], event["worker_job_id"]) == (99, "other")
