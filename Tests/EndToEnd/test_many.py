"""The many-socket: jobs come and go by message."""

from support.client import events_of, snapshot_of
from support.tokens import token


def many(follow, server, **options):
    socket = follow(server, **options)
    greeting = socket.expect("connected")
    assert "job_id" not in greeting and greeting["data"]["heartbeat_seconds"]
    return socket


def subscribe(socket, **data):
    socket.send({"type": "subscribe", "id": "s", "data": data})


def test_a_job_is_joined_as_on_its_own_socket(server, redis, follow, job, deflate):
    socket = many(follow, server, deflate=deflate)
    subscribe(socket, job_id=job)
    answer = socket.expect("subscribed")
    assert (answer["job_id"], answer["id"]) == (job, "s")
    assert snapshot_of(answer)["status"] == "unknown"
    assert answer["data"]["replay"]["count"] == 0
    assert socket.expect("live")["job_id"] == job
    redis.publish(job, "status", status="running")
    assert socket.event()["job_id"] == job


def test_hundreds_resume_in_one_message(server, redis, follow, job):
    socket = many(follow, server)
    jobs = [f"{job}-{n}" for n in range(300)]
    for each in jobs[:3]:
        redis.publish(each, "log", log_line="one")
        redis.publish(each, "log", log_line="two")
    probe = follow(server, jobs[2], query={"after": 0})
    while probe.event()["seq"] < 2:
        pass
    subscribe(socket, jobs=[{"id": each, "after": "1"} for each in jobs[:3]] + jobs[3:])
    messages, live = [], 0
    while live < len(jobs):
        messages.append(socket.next())
        live += messages[-1]["type"] == "live"
    answered = [m["job_id"] for m in messages if m["type"] == "subscribed"]
    assert sorted(answered) == sorted(jobs)
    resumed = sorted((event["job_id"], event["seq"]) for event in events_of(messages))
    assert resumed == [(each, 2) for each in jobs[:3]]


def test_subscribing_again_replays_and_events_still_come_once(server, redis, follow, job):
    socket = many(follow, server)
    subscribe(socket, job_id=job)
    socket.joined()
    redis.publish(job, "log", log_line="one")
    assert socket.event()["seq"] == 1
    subscribe(socket, job_id=job)
    assert [e["seq"] for e in events_of(socket.joined())] == [1]
    redis.publish(job, "log", log_line="two")
    redis.publish(job, "log", log_line="three")
    assert [socket.event()["seq"], socket.event()["seq"]] == [2, 3]


def test_what_was_left_is_heard_no_more(server, redis, follow, job):
    socket = many(follow, server)
    subscribe(socket, jobs=[job, f"{job}-b"])
    socket.joined(), socket.joined()
    socket.send({"type": "unsubscribe", "id": 9, "data": {"job_id": job}})
    left = socket.expect("unsubscribed")
    assert (left["job_id"], left["id"]) == (job, 9)
    redis.publish(job, "log", log_line="unheard")
    redis.publish(f"{job}-b", "log", log_line="heard")
    assert socket.event()["job_id"] == f"{job}-b"


def test_types_hold_for_one_subscription(server, redis, follow, job):
    socket = many(follow, server)
    subscribe(socket, job_id=job, types=["complete"])
    socket.joined()
    subscribe(socket, job_id=f"{job}-b")
    socket.joined()
    for each in (job, f"{job}-b"):
        redis.publish(each, "log", log_line="x")
        redis.publish(each, "complete")
    heard = [(e["job_id"], e["type"]) for e in (socket.event(), socket.event(), socket.event())]
    assert heard == [(job, "complete"), (f"{job}-b", "log"), (f"{job}-b", "complete")]


def test_a_batch_gets_one_answer_for_each_job(server, follow):
    socket = many(follow, server, token=token(jobs=["mine-*"]))
    subscribe(socket, jobs=["mine-1", "yours-1", "mine-2"])
    answers = {}
    while len(answers) < 3:
        message = socket.next()
        if message["type"] != "live":
            answers[message.get("job_id")] = (message["type"], message["data"].get("code"))
    assert answers["mine-1"][0] == answers["mine-2"][0] == "subscribed"
    assert answers["yours-1"] == ("rejected", "forbidden")


def test_a_subscription_too_many_is_rejected_and_the_others_stay(serve, redis, follow, job):
    server = serve(subscriptions_per_connection_max=2)
    socket = many(follow, server)
    for n in range(2):
        subscribe(socket, job_id=f"{job}-{n}")
        socket.joined()
    subscribe(socket, job_id=f"{job}-2")
    assert socket.expect("rejected")["data"]["code"] == "too_many_subscriptions"
    subscribe(socket, job_id=f"{job}-1")
    socket.joined()  # replacing one is not one more
    redis.publish(f"{job}-0", "log", log_line="x")
    assert socket.event()["job_id"] == f"{job}-0"


def test_a_bad_message_harms_nobody(server, redis, follow, job):
    socket = many(follow, server)
    subscribe(socket, job_id=job)
    socket.joined()
    for bad in ["", "{", "null", '{"type":7}', '{"type":"subscribe","data":7}', '{"a":' * 200]:
        socket.send(bad)
        assert socket.expect("rejected")["data"]["code"], bad
    redis.publish(job, "log", log_line="still here")
    assert socket.event()["data"] == {"log_line": "still here"}


def test_a_binary_message_is_rejected(server, follow):
    socket = many(follow, server)
    socket.send(b'{"type":"ping"}')
    assert socket.expect("rejected")["data"]["code"]


def test_there_is_no_order_across_jobs_but_one_within_each(server, redis, follow, job):
    socket = many(follow, server)
    jobs = [f"{job}-{n}" for n in range(20)]
    subscribe(socket, jobs=jobs)
    for _ in jobs:
        socket.joined()
    for n in range(50):
        for each in jobs:
            redis.publish(each, "progress", progress=n)
    seen = dict.fromkeys(jobs, 0)
    while sum(seen.values()) < 1_000:
        event = socket.event()
        seen[event["job_id"]] += 1
        assert event["seq"] == seen[event["job_id"]]
