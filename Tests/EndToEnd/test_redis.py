"""Redis goes and comes back, and is reached in every way a URL can say."""

import urllib.parse

import pytest

from support.client import snapshot_of
from support.tokens import token
from support.waiting import eventually


def test_clients_are_told_when_redis_is_lost_and_when_it_is_back(make_redis, serve, follow, job):
    redis = make_redis()
    server = serve(redis.url, history="memory")
    socket = follow(server, job)
    socket.joined()
    redis.publish(job, "log", log_line="before")
    assert socket.event()["seq"] == 1

    redis.stop()
    lost = socket.until("notice")[-1]
    assert lost["data"]["level"] in ("warning", "error")
    assert lost["data"]["code"] == "redis_lost" and lost["data"]["message"]
    eventually(lambda: server.get("/readyz").status == 503, what="not ready without Redis")
    assert server.get("/healthz").status == 200, "alive all the same"
    assert [m["seq"] for m in follow(server, job).joined() if "seq" in m] == [1], "history is still served"

    redis.start()
    messages = socket.until("notice", within=20)
    assert messages[-1]["data"]["code"] == "redis_back"
    eventually(lambda: server.get("/readyz").status == 200, what="ready again")
    # What was published meanwhile was heard by nobody, and that is said, once, before what follows.
    redis.publish(job, "log", log_line="after")
    while "seq" not in messages[-1]:
        messages.append(socket.next())
    gaps = [m["data"] for m in messages if m["type"] == "gap"]
    assert [gap["reason"] for gap in gaps] == ["unrecorded"]
    assert messages[-1]["data"]["log_line"] == "after"
    # Whoever comes later is told too.
    late = follow(server, job).joined()
    assert [m["data"]["reason"] for m in late if m["type"] == "gap"] == ["unrecorded"]
    assert [m["data"]["log_line"] for m in late if "seq" in m] == ["before", "after"]
    assert server.metric("jobwire_redis_reconnects_total") >= 1


def test_a_subscription_that_redis_cut_is_made_again(make_redis, serve, follow, job):
    redis = make_redis()
    server = serve(redis.url)
    socket = follow(server, job)
    socket.joined()
    redis.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    while socket.until("notice", within=20)[-1]["data"]["code"] != "redis_back":
        pass
    eventually(server.is_ready)
    redis.publish(job, "log", log_line="on")
    assert socket.event()["data"]["log_line"] == "on"


def test_a_server_that_starts_before_its_redis_waits_for_it(make_redis, serve, follow, job):
    redis = make_redis()
    redis.stop()
    server = serve(redis.url, wait=False)
    eventually(lambda: answers(server), what="it listens")
    assert server.get("/readyz").status == 503
    redis.start()
    eventually(server.is_ready, within=20)
    socket = follow(server, job)
    socket.joined()
    redis.publish(job, "log", log_line="on")
    assert socket.event()["seq"] == 1


def answers(server):
    try:
        return server.get("/healthz").status == 200
    except OSError:
        return False


def hears(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    redis.publish(job, "log", log_line="on")
    assert socket.event()["seq"] == 1


def test_by_a_unix_socket(redis, serve, follow, job):
    hears(serve(redis.unix_url), redis, follow, job)


def test_by_tls(redis, serve, follow, job, certificates):
    url = f"rediss://127.0.0.1:{redis.tls_port}"
    hears(serve(url, redis_ca=certificates.authority), redis, follow, job)


def test_by_tls_with_a_certificate_of_our_own(redis, serve, follow, job, certificates):
    hears(serve(
        f"rediss://localhost:{redis.tls_port}", redis_ca=certificates.authority,
        redis_certificate=certificates.certificate, redis_key=certificates.key,
    ), redis, follow, job)  # fmt: skip


def test_not_by_tls_to_somebody_unknown(redis, serve):
    server = serve(f"rediss://127.0.0.1:{redis.tls_port}", wait=False)
    eventually(lambda: answers(server))
    eventually(lambda: "certificate" in server.log.lower(), what="the log names the reason")
    assert server.get("/readyz").status == 503


def test_with_a_password_and_without_telling_it(make_redis, serve, follow, job):
    password = "p@ss:w/rd-that-stays-secret"
    redis = make_redis(password=password)
    url = f"redis://:{urllib.parse.quote(password, safe='')}@127.0.0.1:{redis.port}"
    server = serve(url, log_level="trace")
    hears(server, redis, follow, job)
    server.stop()
    for spelling in (password, urllib.parse.quote(password, safe="")):
        assert spelling not in server.log


def test_a_wrong_password_is_named(make_redis, serve):
    redis = make_redis(password="right")
    server = serve(f"redis://:wrong@127.0.0.1:{redis.port}", wait=False)
    eventually(lambda: "WRONGPASS" in server.log or "password" in server.log.lower())
    assert server.get("/readyz").status == 503


@pytest.mark.parametrize("channels", [["&*"], ["&job:*:updates", "&feed:*:updates"]])
def test_a_bridge_that_may_only_subscribe_is_ready_too(make_redis, serve, follow, job, channels):
    redis = make_redis()
    redis.client.execute_command(
        "ACL", "SETUSER", "bridge", "on", ">secret", "resetchannels", *channels,
        "-@all", "+psubscribe", "+subscribe", "+ping")  # fmt: skip
    hears(serve(f"redis://bridge:secret@127.0.0.1:{redis.port}", history="memory"), redis, follow, job)


def test_patterns_choose_the_channels(redis, serve, follow, job):
    server = serve(patterns="job:*:updates,build/*/events", key_prefix="other")
    socket = follow(server, job)
    socket.joined()
    redis.publish_raw(job, '{"type":"a"}', channel="build/{}/events")
    redis.publish_raw(job, '{"type":"no"}', channel="other:{}:updates")
    redis.publish_raw(job, '{"type":"b"}')
    assert [socket.event()["type"], socket.event()["type"]] == ["a", "b"]


@pytest.mark.parametrize("history", ["memory", "redis"])
def test_a_message_may_say_itself_whose_it_is(redis, serve, follow, job, history):
    server, other = [serve(patterns="job-progress#jobId|data.jobId", history=history,
                           key_prefix=f"named-{history}") for _ in range(2)]  # fmt: skip
    socket, others = follow(server, job), follow(other, job)
    socket.joined()
    others.joined()

    def says(text):
        redis.publish_raw(job, text, channel="job-progress")

    says(f'{{"event":"job-progress","data":{{"jobId":"{job}","progress":45,"status":"active"}}}}')
    for nobodys in ['{"event":"job-progress","data":{"progress":99}}', '{"jobId":"pay load"}', "no json", "[]"]:
        says(nobodys)
    says(f'[{{"jobId":"{job}","progress":75}},{{"jobId":"other"}}]')
    says(f'{{"event":"job-completed","data":{{"jobId":"{job}","result":[1],"processingTime":45000}}}}')
    events = [socket.event(), socket.event(), socket.event()]
    assert [(event["seq"], event["type"]) for event in events] == [
        (1, "job-progress"), (2, "message"), (3, "job-completed")]
    assert events[0]["data"] == {"jobId": job, "progress": 45, "status": "active"}
    if history == "redis":  # recorded once, though both have counted and unpacked it
        assert [others.event(), others.event(), others.event()] == events
        assert follow(other, "other").expect("connected")["data"]["seq"] == 1
    told = snapshot_of(follow(server, job).expect("connected"))
    assert (told["status"], told["progress"], told["result"]) == ("completed", 100, [1])
    assert server.metric("jobwire_dropped_total", reason="nameless") == 4
    assert "nameless_event" in server.log and "pay load" not in server.log


def test_a_channel_with_a_bad_job_id_is_counted_and_harms_nothing(server, redis, follow, job):
    before = server.metric("jobwire_dropped_total", reason="bad_job_id")
    redis.publish_raw("a b", '{"type":"x"}')
    redis.publish_raw("", '{"type":"x"}')
    eventually(lambda: server.metric("jobwire_dropped_total", reason="bad_job_id") == before + 2)
    hears(server, redis, follow, job)


def test_the_channel_decides_which_job_it_is_never_the_body(server, redis, follow, job):
    socket = follow(server, job, token=token(jobs=[job]))
    socket.joined()
    redis.publish_raw(f"{job}-other", f'{{"type":"log","job_id":"{job}","jobId":"{job}"}}')
    redis.publish(job, "log", log_line="own")
    assert socket.event()["data"] == {"log_line": "own"}
