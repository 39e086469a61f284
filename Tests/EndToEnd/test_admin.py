"""What operators can do over several bridges: broadcast, see who is connected, disconnect, read statistics.

Two real bridges share one Redis; which one is asked makes no difference.
"""

import itertools
import json
import pathlib
import signal
import subprocess
import sys
import urllib.parse

import pytest
from support.client import MESSAGEPACK
from support.event_stream import EventStream
from support.tokens import token
from support.waiting import eventually

ADMIN = {"sub": "operator", "scope": "admin"}
_prefixes = itertools.count(1)


def ask(server, path, method="GET", body=None, **claims):
    return server.get(
        "/api/v1/" + path, method=method, token=token(**(claims or ADMIN)), body=body)


def broadcast(server, message, **about):
    answer = ask(server, "broadcast", "POST", {"message": message, **about})
    assert answer.status == 200, answer.text
    return answer.json


def listed(server, **query):
    answer = ask(server, "connections?" + urllib.parse.urlencode(query))
    assert answer.status == 200, answer.text
    return answer.json


def node_of(server):
    return ask(server, "stats").json["node"]


@pytest.fixture
def bridges(serve):
    """Two that know of each other."""
    prefix = f"admin-{next(_prefixes)}"
    pair = [serve(key_prefix=prefix, log_format="json") for _ in range(2)]
    eventually(
        lambda: all(len(ask(each, "stats").json["nodes"]) == 2 for each in pair),
        what="two bridges in the statistics of each")
    return pair


@pytest.fixture
def stream():
    opened = []

    def open_stream(server, job, **options):
        opened.append(EventStream(server, job, token=token(), **options))
        return opened[-1]

    yield open_stream
    for each in opened:
        each.close()


def test_a_broadcast_reaches_the_followers_of_every_bridge_once(bridges, follow, stream, job):
    one, other = bridges
    everywhere = [follow(one, job), follow(other, job)]
    everywhere.append(follow(other, job, subprotocols=[MESSAGEPACK]))
    for socket in everywhere:
        socket.joined()
    events = stream(other, job)
    events.until("live")
    elsewhere = follow(other, job + "-x")
    elsewhere.joined()

    assert broadcast(one, "to the job", job_id=job, level="warning", code="half_time") == {
        "reached": 1, "bridges": 1}  # fmt: skip
    assert broadcast(other, "to all") == {"reached": 4, "bridges": 1}
    wanted = [
        {"type": "notice", "job_id": job, "data": {"level": "warning", "code": "half_time", "message": "to the job"}},
        {"type": "notice", "data": {"level": "info", "code": "broadcast", "message": "to all"}},
    ]
    for socket in everywhere:
        assert [socket.next(), socket.next()] == wanted
    assert [next(events), next(events)] == wanted
    assert elsewhere.next() == wanted[1]


def test_a_broadcast_is_about_a_queue_or_a_feed_too(serve, follow):
    prefix = f"admin-{next(_prefixes)}"
    one, other = [serve(key_prefix=prefix, feeds="feed:*:updates") for _ in range(2)]
    eventually(lambda: len(ask(one, "stats").json["nodes"]) == 2, what="two bridges")
    rights = token(queues=["gpu"], feeds=["news"])
    queue = follow(other, path="/api/v1/ws/queues/gpu", token=rights)
    queue.until("connected")
    feed = follow(other, path="/api/v1/ws/feeds/news", token=rights)
    feed.joined()
    broadcast(one, "to the queue", queue="gpu")
    broadcast(one, "to the feed", feed="news")
    broadcast(one, "to a job of that name", job_id="news")
    broadcast(one, "to all")
    assert [queue.next()["queue"], queue.next()["data"]["message"]] == ["gpu", "to all"]
    assert [feed.next()["feed"], feed.next()["data"]["message"]] == ["news", "to all"]


def test_every_bridge_lists_the_connections_of_all(bridges, follow, stream, job):
    one, other = bridges
    sockets = [follow(each, job, token=token(sub=f"s{n % 3}")) for n in range(6) for each in bridges]
    for socket in sockets:
        socket.joined()
    stream(other, job).until("live")
    for asked in bridges:
        found = listed(asked)
        assert sorted(found["nodes"]) == sorted([node_of(one), node_of(other)])
        assert found["silent"] == [] and found["next"] is None and found["fault"] is None
        rows = found["connections"]
        assert len(rows) == 13 and len({row["id"] for row in rows}) == 13
        assert {row["node"] for row in rows} == set(found["nodes"])
        assert all(row["subscriptions"]["jobs"] == [job] for row in rows)
        assert len(listed(asked, subject="s1")["connections"]) == 4
        assert len(listed(asked, node=node_of(other))["connections"]) == 7
        assert len(listed(asked, job_id=job)["connections"]) == 13
        assert listed(asked, job_id=job + "x")["connections"] == []
        for limit in (1, 4, 12, 13):
            ids, cursor = [], {}
            while cursor is not None:
                page = listed(asked, limit=limit, **cursor)
                assert len(page["connections"]) <= limit
                ids += [row["id"] for row in page["connections"]]
                cursor = page["next"] and {"cursor": page["next"]}
            assert sorted(ids) == sorted(row["id"] for row in rows)


def test_a_bridge_that_does_not_answer_is_named(bridges, follow, job):
    one, other = bridges
    follow(one, job).joined()
    name = node_of(other)
    other.signal(signal.SIGSTOP)
    try:
        found = listed(one)
        assert found["silent"] == [name] and found["nodes"] == [node_of(one)]
        assert len(found["connections"]) == 1
        answer = ask(one, f"connections/{name}-1", "DELETE")
        assert answer.status == 503 and answer.json["error"]["code"] == "no_answer"
    finally:
        other.signal(signal.SIGCONT)
    eventually(lambda: not listed(one)["silent"], what="its answer")


def test_a_connection_is_closed_by_any_bridge_and_may_come_again(bridges, follow, stream, job):
    one, other = bridges
    socket, events = follow(other, job), stream(other, job)
    socket.joined()
    events.until("live")
    rows = {row["kind"]: row["id"] for row in listed(one)["connections"]}
    for kind in ("websocket", "sse"):
        assert ask(one, f"connections/{rows[kind]}", "DELETE").status == 204
    assert socket.closed() == (1012, "disconnected by an operator, come back with jitter")
    assert list(events) == []
    eventually(lambda: listed(one)["connections"] == [], what="nobody connected")
    for gone in (rows["websocket"], "zzzzzzzz-1", "nonsense"):
        assert ask(one, f"connections/{gone}", "DELETE").status == 404
    follow(other, job).joined()


def test_statistics_tell_of_every_bridge(bridges, redis, follow, job):
    one, other = bridges
    socket = follow(other, job)
    socket.joined()
    redis.publish(job, "log", log_line="x")
    socket.event()

    def states():
        told = ask(one, "stats").json
        return {each["node"]: each["state"] for each in told["nodes"]}

    eventually(
        lambda: states()[node_of(other)]["connections"]["websocket"] == 1,
        what="the other's socket in its state")
    assert states()[node_of(one)]["connections"]["websocket"] == 0
    for state in states().values():
        assert state["ready"] and state["updates"] == "flow"
        assert state["history"]["kind"] == "redis" and state["uptime_seconds"] >= 0
    assert states()[node_of(other)]["metrics"]["jobwire_messages_sent_total"] >= 3
    assert ask(one, "stats").json["fault"] is None


def test_without_redis_a_bridge_answers_for_itself_and_says_so(serve, make_redis, follow, job):
    redis = make_redis()
    server = serve(redis.url)
    socket = follow(server, job)
    socket.joined()
    redis.stop()
    socket.until("notice")
    found = eventually(lambda: (page := listed(server))["fault"] and page, what="a fault")
    assert found["fault"] == "redis_unavailable" and len(found["connections"]) == 1
    stats = ask(server, "stats").json
    assert stats["fault"] == "redis_unavailable" and not stats["nodes"][0]["state"]["ready"]
    answer = ask(server, "broadcast", "POST", {"message": "x"})
    assert answer.status == 503 and answer.json["error"]["code"] == "redis_unavailable"
    assert socket.next()["data"]["message"] == "x"
    assert ask(server, f"connections/{found['connections'][0]['id']}", "DELETE").status == 204
    assert socket.closed()[0] == 1012


@pytest.mark.parametrize(
    "scope", ["", "jobs:read", "administrator", "Admin", "admin:read", "jobs:admin", "аdmin", "admin,jobs:read"])  # fmt: skip
def test_only_the_word_admin_is_the_scope(server, scope):
    for method, path, code in [
        ("POST", "broadcast", "may_not_broadcast"),
        ("GET", "connections", "may_not_list_connections"),
        ("DELETE", "connections/abcdefgh-1", "may_not_disconnect"),
        ("GET", "stats", "may_not_read_stats"),
        ("POST", "revocations", "may_not_revoke"),
        ("GET", "revocations", "may_not_list_revocations"),
    ]:
        answer = ask(server, path, method, scope=scope)
        assert (answer.status, answer.json["error"]["code"]) == (403, code)


def test_whoever_writes_in_redis_can_neither_crash_a_bridge_nor_forge_its_words(bridges, redis, follow, job):
    one, other = bridges
    socket = follow(one, job)
    socket.joined()
    prefix, stranger, name = one.settings["key_prefix"], "zzzzzzzz", node_of(one)
    channel = f"{prefix}:fleet:control:0"
    assert redis.client.pubsub_numsub(channel)[0][1] == 2
    for kind in ("broadcast", "connections", "disconnect", "connection", "nonsense"):
        for data in (None, 1, -1, 1e99, "x", [], {}, {"message": "x", "code": "redis_lost"}, {"message": ["x"]},
                     {"from": "9.9", "limit": 10**30}, {"from": "999999999.999999999", "limit": 200}, 2**70):
            for role in ({}, {"ask": 7}, {"answer": 7}):
                message = {"from": stranger, "to": name, "kind": kind, "data": data, **role}
                redis.client.publish(channel, json.dumps(message))
    redis.client.sadd(f"{prefix}:fleet:nodes", stranger)
    redis.client.set(f"{prefix}:fleet:node:{stranger}", "no JSON", ex=60)
    broadcast(other, "end")
    assert socket.next()["data"]["message"] == "end"
    found = listed(one)
    assert len(found["connections"]) == 1 and found["silent"] == [stranger]
    states = {each["node"]: each["state"] for each in ask(one, "stats").json["nodes"]}
    assert len(states) == 3 and states[stranger] is None


def test_the_description_holds_against_schemathesis_with_the_scope(serve, make_folder):
    server = serve()
    judged = subprocess.run(
        [
            pathlib.Path(sys.executable).with_name("schemathesis"), "run", server.url("/openapi.json"),
            "--header", f"Authorization: Bearer {token(**ADMIN)}", "--checks", "all", "--phases",
            "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1", "--no-color",
            "--continue-on-failure", "--include-path-regex", "broadcast|connections|stats",
        ],
        cwd=make_folder(), capture_output=True, text=True, timeout=100)  # fmt: skip
    assert judged.returncode == 0, judged.stdout
    assert "Selected: 4/" in judged.stdout or "4 selected" in judged.stdout


def test_each_attempt_leaves_one_line_with_who_what_and_how_it_ended(bridges):
    one, other = bridges
    evil = "x\u202e\u2028{\"event\":\"audit\"}"
    before = len([line for line in one.lines if '"audit"' in line])
    claims = {"sub": evil, "iss": "me", "jti": "t-1", "scope": "admin"}
    attempts = [
        ("GET", "connections?subject=%0Ax", None, 200, "list_connections", "done", "subject:\nx"),
        ("POST", "broadcast", {"message": "secret-text", "queue": "q"}, 200, "broadcast", "done", "queue:q"),
        ("DELETE", f"connections/{node_of(other)}-99", None, 404, "disconnect", "no_such_connection", None),
        ("GET", "stats", None, 200, "read_stats", "done", ""),
    ]
    for method, path, body, status, *_ in attempts:
        assert ask(one, path, method, body, **claims).status == status
    refused = one.get("/api/v1/stats", token="nonsense")
    assert refused.status == 401
    rows = eventually(
        lambda: len(rows := [json.loads(line) for line in one.lines if '"audit"' in line][before:]) == 5 and rows,
        what="five lines")
    for row, (*_, action, outcome, target) in zip(rows, attempts):
        assert (row["event"], row["level"]) == ("audit", "info")
        assert (row["action"], row["outcome"]) == (action, outcome)
        assert (row["sub"], row["iss"], row["jti"]) == (evil, "me", "t-1")
        assert row["peer"].startswith("127.0.0.1:")
        assert target is None or row["target"] == target
    assert (rows[4]["outcome"], rows[4]["sub"]) == ("token_malformed", "")
    assert "secret-text" not in one.log and "\u202e" not in one.log and "\u2028" not in one.log
