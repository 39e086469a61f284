"""The rights hook: what neither claims nor owner decide the application is asked, and without its yes
nobody sees anything, however it fails."""

import threading
import time

import pytest
from support.hook import Hook
from support.ports import own_port
from support.tokens import token
from support.waiting import eventually


@pytest.fixture
def make_hook():
    hooks = []

    def make(**options):
        hooks.append(Hook(**options))
        return hooks[-1]

    yield make
    for hook in hooks:
        hook.die()


@pytest.fixture
def hook(make_hook):
    return make_hook()


def yes_for(**wanted):
    """Yes where all of these are in the question, else no."""
    return lambda question: (204 if wanted.items() <= question.items() else 403, {}, b"")


def asks(server, **labels):
    return server.metric("jobwire_rights_hook_asks_total", **labels)


def test_what_claims_and_owner_do_not_decide_is_asked(serve, redis, follow, hook, job):
    server = serve(rights_hook=hook.url)
    mine = token(sub="u1", jobs=[f"{job}-claimed"], iss="them")
    redis.publish(f"{job}-owned", "status", status="running", owner="u1")
    for known in ("claimed", "owned"):
        assert follow(server, f"{job}-{known}", token=mine).next()["type"] == "connected"
    assert not hook.questions
    hook.answer = yes_for(job_id=f"{job}-hooked")
    socket = follow(server, f"{job}-hooked", token=mine)
    assert socket.next()["type"] == "connected"
    assert hook.questions == [{"job_id": f"{job}-hooked", "sub": "u1", "iss": "them", "token": mine}]
    path, headers = hook.requests[0]
    assert path == "/may?see=1" and headers["Content-Type"] == "application/json"
    redis.publish(f"{job}-hooked", "log", log_line="x")
    assert socket.event()["job_id"] == f"{job}-hooked"
    assert follow(server, f"{job}-other", token=mine).closed() == (4403, "the token does not cover this job")
    assert asks(server, result="allowed") == 1 and asks(server, result="refused") == 1
    assert server.metric("jobwire_rights_hook_seconds_count") == 2
    assert mine not in server.log


def test_every_way_to_ask_asks_it(serve, redis, follow, hook, job):
    server = serve(rights_hook=hook.url, rights_hook_cache="0s", feeds="feed:*:updates")
    mine = token(sub="u1", jobs=[])
    redis.publish(job, "log", log_line="it")
    hook.answer = yes_for(job_id=job)
    for path in (f"jobs/{job}", f"jobs/{job}/events", f"jobs/{job}/log", f"jobs/{job}/events?wait=1"):
        assert server.get(f"/api/v1/{path}", mine).status == 200, path
    for path in (f"jobs/{job}x", f"jobs/{job}x/events", f"jobs/{job}x/log", "feeds/f/events", "queues/q/events"):
        assert server.get(f"/api/v1/{path}", mine).status == 403, path
    hook.answer = yes_for(feed="f")
    assert server.get("/api/v1/feeds/f/events", mine).status == 200
    assert follow(server, path="/api/v1/ws/feeds/f", token=mine).next()["feed"] == "f"
    hook.answer = yes_for(queue="q")
    assert follow(server, path="/api/v1/ws/queues/q", token=mine).next()["queue"] == "q"
    socket = follow(server, token=mine)
    socket.expect("connected")
    socket.send({"type": "subscribe", "id": 1, "data": {"jobs": [job, f"{job}x"]}})
    assert [socket.expect("rejected")["data"]["code"] for _ in range(2)] == ["forbidden"] * 2
    socket.send({"type": "subscribe", "id": 2, "data": {"queue": "q"}})
    assert socket.expect("subscribed")["id"] == 2
    hook.answer = yes_for(job_id=job)
    socket.send({"type": "subscribe", "id": 3, "data": {"job_id": job}})
    assert socket.until("subscribed")[-1]["id"] == 3
    # To publish is decided by claims and scope alone.
    asked = len(hook.questions)
    assert server.get(f"/api/v1/jobs/{job}/events", mine, method="POST").status == 403
    assert len(hook.questions) == asked


@pytest.mark.parametrize("failure", ["500", "302", "hang", "garbage", "endless", "dead", "short", "429"])
def test_without_a_clear_yes_nobody_is_let_in(serve, redis, follow, make_hook, job, failure):
    elsewhere, hook = make_hook(), make_hook()
    server = serve(rights_hook=hook.url, rights_hook_timeout="1s")
    hook.answer = {
        "500": lambda _: (500, {}, b""), "429": lambda _: (429, {}, b""),
        "302": lambda _: (302, {"Location": elsewhere.url}, b""),
        "hang": lambda _: None, "garbage": lambda _: b"\x00\xff yes\r\n\r\n",
        "endless": lambda _: (200, {}, ...), "dead": lambda _: (204, {}, b""),
        "short": lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nyes",
    }[failure]  # fmt: skip
    if failure == "dead":
        hook.die()
    mine = token(sub="u1", jobs=[])
    code, reason = follow(server, job, token=mine).closed()
    assert (code, "come again" in reason) == (1013, True), (code, reason)
    answer = server.get(f"/api/v1/jobs/{job}", mine)
    assert answer.status == 503 and answer.json["error"]["code"] == "rights_unavailable"
    stream = server.get(f"/api/v1/jobs/{job}/events", mine, headers={"Accept": "text/event-stream"})
    assert stream.status == 503 and stream.body == answer.body
    socket = follow(server, token=mine)
    socket.expect("connected")
    socket.send({"type": "subscribe", "id": 1, "data": {"job_id": job}})
    rejected = socket.expect("rejected")
    assert rejected["data"]["code"] == "rights_unavailable" and rejected["job_id"] == job
    assert asks(server, result="failed") >= 4 and asks(server, result="allowed") == 0
    assert "rights_hook_failed" in server.log and mine not in server.log
    assert not elsewhere.questions, "the token is carried nowhere else"
    # It comes back: nothing of the failure is remembered.
    if failure != "dead":
        hook.answer = lambda _: (200, {}, b"{}")
        assert follow(server, job, token=mine).next()["type"] == "connected"


def test_a_hook_that_hangs_holds_up_nobody_else_and_no_end(serve, redis, follow, hook, job):
    server = serve(rights_hook=hook.url, rights_hook_timeout="30s", drain_grace="1s")
    hook.answer = lambda _: None
    waiting = [follow(server, f"{job}-{n}", token=token(sub="u1", jobs=[])) for n in range(20)]
    eventually(lambda: len(hook.questions) == 20)
    socket = follow(server, job)
    socket.joined()
    began = time.monotonic()
    for n in range(50):
        redis.publish(job, "log", log_line=str(n))
        assert socket.event()["seq"] == n + 1
    assert time.monotonic() - began < 15, "a question that hangs takes twice as long"
    began = time.monotonic()
    server.signal(15)
    for each in waiting:
        assert each.closed()[0] == 1012
    assert server.ended() == 0 and time.monotonic() - began < 15


def test_an_answer_is_remembered_for_its_time(serve, follow, hook, job):
    server = serve(rights_hook=hook.url, rights_hook_cache="3s")
    mine, other = token(sub="u1", jobs=[]), token(sub="u2", jobs=[])

    def status(name=job, token=mine):
        return server.get(f"/api/v1/jobs/{name}", token).status

    assert [status() for _ in range(5)] == [200] * 5
    assert len(hook.questions) == 1
    hook.answer = lambda _: (403, {"Cache-Control": "max-age=1"}, b"")
    assert status(token=other) == 403 and status(f"{job}x") == 403
    assert len(hook.questions) == 3, "by token and by job"
    eventually(lambda: status() == 403)
    assert server.metric("jobwire_rights_hook_cache_hits_total") >= 4
    hook.answer = lambda _: (200, {"Cache-Control": "private, no-store"}, b"")
    eventually(lambda: status() == 200)
    count = len(hook.questions)
    assert [status() for _ in range(3)] == [200] * 3
    assert len(hook.questions) == count + 3


def test_the_same_question_is_asked_once_for_all_and_over_few_connections(serve, follow, hook, job):
    server = serve(
        rights_hook=hook.url, rights_hook_timeout="60s", rights_hook_at_once_max=4, rights_hook_cache="0s", loops=2)
    mine, gate = token(sub="u1", jobs=[]), threading.Event()

    def slow(_):
        gate.wait(60)
        return 204, {}, b""

    hook.answer = slow
    same = [follow(server, job, token=mine) for _ in range(10)]
    others = [follow(server, f"{job}-{n}", token=mine) for n in range(20)]
    eventually(lambda: len(hook.questions) == 4)
    time.sleep(0.1)  # none more comes
    assert len(hook.questions) == 4
    gate.set()
    for each in same + others:
        assert each.next()["type"] == "connected"
    assert len(hook.questions) == 21
    assert hook.connections <= 4


def test_a_fresh_token_is_asked_about_anew(serve, redis, follow, hook, job):
    server = serve(rights_hook=hook.url)
    old, new = token(sub="u1", jobs=[]), token(sub="u1", jobs=[], n=2)
    hook.answer = lambda question: (204 if question["token"] == old else 403, {}, b"")
    one = follow(server, job, token=old)
    one.joined()
    many = follow(server, token=old)
    many.expect("connected")
    many.send({"type": "subscribe", "data": {"job_id": job}})
    many.joined()
    for socket in (one, many):
        socket.send({"type": "auth", "data": {"token": new}})
    lost = many.until("unsubscribed")[-1]
    assert lost["job_id"] == job and lost["data"]["reason"] == "right_lost"
    assert one.closed()[0] == 4403


def test_https_is_checked_and_http_is_for_this_machine(serve, make_redis, follow, make_hook, certificates, job):
    hook = make_hook(certificates=certificates)
    mine = token(sub="u1", jobs=[])
    assert follow(serve(rights_hook=hook.url), job, token=mine).closed()[0] == 1013
    assert not hook.questions
    server = serve(rights_hook=hook.url, rights_hook_ca=certificates.authority)
    assert follow(server, job, token=mine).next()["type"] == "connected"
    refused = serve(rights_hook=f"http://192.0.2.1:{own_port()}/", wait=False)
    assert refused.ended() != 0 and "rights-hook" in refused.log


def test_nobody_waits_for_an_owner_where_there_is_a_hook(serve, redis, follow, hook, job):
    server = serve(rights_hook=hook.url, owner_wait="30s")
    hook.answer = lambda _: (403, {}, b"")
    began = time.monotonic()
    assert follow(server, job, token=token(sub="u1", scope="", jobs=None)).closed()[0] == 4403
    assert time.monotonic() - began < 5
