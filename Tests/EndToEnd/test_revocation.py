"""Tokens that are revoked: on real bridges that share one Redis, through restarts of each of them."""

import base64
import http.client
import json
import re
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.client import Socket, job_path
from support.event_stream import EventStream
from support.tokens import token
from support.waiting import eventually

ADMIN = {"sub": "the-operator", "scope": "admin"}


def revoke(server, status=200, **body):
    """-> the answer's JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(
        "POST", "/api/v1/revocations", json.dumps(body),
        {"Authorization": f"Bearer {token(**ADMIN)}", "Content-Type": "application/json"})
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    assert answer.status == status, told
    return told


def revoke_connection(asked, owner):
    """The first of its connections that has a token -> the answer's JSON. Ids are told by a list that is not built yet."""
    for serial in range(1, 1_000):
        connection = http.client.HTTPConnection("127.0.0.1", asked.port, timeout=10)
        connection.request(
            "POST", "/api/v1/revocations", json.dumps({"connection": f"{node(owner)}-{serial}"}),
            {"Authorization": f"Bearer {token(**ADMIN)}"})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        connection.close()
        if answer.status == 200:
            return told
        assert answer.status == 404, told
    raise AssertionError("none has")


def listed(server):
    return server.get("/api/v1/revocations?limit=1000", token=token(**ADMIN)).json["revocations"]


def refused(server, bad):
    answer = server.get("/api/v1/jobs", token=bad)
    return answer.status == 401 and answer.json["error"]["code"] == "token_revoked"


def node(server):
    return re.search(r" listening .*node=(\S+)", server.log)[1]


@pytest.fixture
def own_redis(make_redis):
    return make_redis()


@pytest.fixture
def bridges(serve, own_redis):
    return [serve(own_redis.url) for _ in range(2)]


class Crowd:
    """Whoever is connected with one token: sockets, streams and polls, some for each loop of each bridge."""

    def __init__(self, bridges, job, bad):
        self.sockets = [Socket(each, path, token=bad) for each in bridges * 3
                        for path in [job_path(job), "/api/v1/ws"]]  # fmt: skip
        self.streams = [EventStream(each, job, token=bad) for each in bridges * 3]
        self.polls = []
        for each in bridges * 3:
            poll = http.client.HTTPConnection("127.0.0.1", each.port, timeout=10)
            poll.request("GET", f"/api/v1/jobs/{job}/events?wait=30", headers={"Authorization": f"Bearer {bad}"})
            self.polls.append(poll)
        for socket in self.sockets:
            socket.expect("connected")
        for stream in self.streams:
            assert stream.until("connected")

    def ends(self):
        """Returns when all have been told why."""
        for socket in self.sockets:
            code, reason = socket.closed()
            assert code == 4401 and "revoked" in reason
            socket.close()
        for stream in self.streams:
            last = list(stream)[-1]
            assert last["type"] == "notice" and last["data"]["code"] == "token_revoked"
            stream.close()
        for poll in self.polls:
            answer = poll.getresponse()
            assert answer.status == 401 and json.loads(answer.read())["error"]["code"] == "token_revoked"
            poll.close()


@pytest.mark.parametrize("way", [
    ({"jti": "t-1"}, {"jti": "t-1"}), ({"jti": "t-1", "iss": "i"}, {"jti": "t-1", "iss": "i"}),
    ({"sub": "ann", "iat": 1}, {"sub": "ann"}), ({"sub": "ann"}, {"sub": "ann"}),
])  # fmt: skip
def test_it_counts_within_a_second_on_every_loop_of_every_bridge(bridges, follow, job, way, record_property):
    claims, body = way
    bad, others = token(**claims), [follow(each, job, token=token(sub="bob", jti="t-2")) for each in bridges * 3]
    crowd = Crowd(bridges, job, bad)
    start = time.monotonic()
    revoke(bridges[0], **body)
    crowd.ends()
    took = time.monotonic() - start
    record_property("seconds", took)
    print(f"revoked everywhere within {took * 1000:.0f} ms")
    assert took < 1
    assert all(refused(each, bad) for each in bridges * 5)
    for other in others:
        other.send({"type": "ping"})
        other.until("pong")
    for each in bridges:
        assert each.metric("jobwire_auth_refusals_total", reason="revoked") > 0
        eventually(lambda each=each: each.metric("jobwire_revocations") == 1)
        assert bad not in each.log


def test_a_connection_of_another_bridge_is_ended_with_its_token(bridges, job):
    asked, other = bridges
    bad, good = token(sub="eve"), token(sub="eve", nonce=5)
    with Socket(other, job_path(job), token=bad) as socket:
        socket.expect("connected")
        body = revoke_connection(asked, other)
        assert body["jti"].startswith("sha256:"), "it has no jti"
        assert socket.closed()[0] == 4401
    assert all(refused(each, bad) for each in bridges * 3)
    assert all(each.get("/api/v1/jobs", token=good).status == 200 for each in bridges * 3)
    revoke(asked, 404, connection=f"{node(other)}-999999")
    revoke(asked, 404, connection=f"{node(asked)}-999999")
    # Nobody of that name, but somebody hears the question.
    revoke(asked, 503, connection="abcdefgh-1")


def test_it_outlives_the_bridges(serve, own_redis, bridges):
    bad = token(sub="ann", jti="t-1")
    revoke(bridges[0], jti="t-1")
    for each in bridges:
        eventually(lambda each=each: refused(each, bad))
        each.stop()
    again = serve(own_redis.url)
    assert refused(again, bad)
    assert [each["jti"] for each in listed(again)] == ["t-1"]


def test_it_outlives_a_redis_that_keeps_nothing(serve, own_redis, bridges, follow, job):
    bad = token(sub="ann", jti="t-1")
    revoke(bridges[0], jti="t-1")
    for each in bridges:
        eventually(lambda each=each: refused(each, bad))
    own_redis.stop()
    assert all(refused(each, bad) for each in bridges)
    # While it is away each bridge goes on with what it knows, and says what it can't do.
    held, token_2 = follow(bridges[0], token=token(jti="t-2")), token(jti="t-2")
    held.expect("connected")
    answer = revoke(bridges[0], 503, jti="t-2")
    assert answer["error"]["code"] == "redis_unavailable" and "this bridge only" in answer["error"]["message"]
    held_code, _ = held.closed()
    assert held_code == 4401 and refused(bridges[0], token_2)
    assert not refused(bridges[1], token_2)
    own_redis.start()
    start = time.monotonic()
    eventually(lambda: refused(bridges[1], token_2), what="told to the other bridge")
    print(f"the other bridge knew {time.monotonic() - start:.2f} s after Redis was back")
    again = serve(own_redis.url)
    eventually(lambda: refused(again, bad) and refused(again, token_2))


def test_a_bridge_that_heard_nothing_finds_it_within_a_second(own_redis, bridges, follow, job):
    socket = follow(bridges[1], job, token=token(jti="t-1"))
    socket.expect("connected")
    # As a bridge that may not publish, or whose message was lost.
    own_redis.client.zadd("jobwire:fleet:revoked", {'{"jti":"t-1"}': int(time.time()) + 600})
    start = time.monotonic()
    assert socket.closed()[0] == 4401
    assert time.monotonic() - start < 1


def test_forged_announcements_revoke_nobody(own_redis, bridges, follow, job):
    socket = follow(bridges[0], job, token=token(jti="t-1", sub="ann"))
    socket.expect("connected")
    for data in [{"jti": "t-1"}, {"sub": "ann", "iat": 1 << 50}, [], None, "x" * 70_000]:
        own_redis.client.publish(
            "jobwire:fleet:control:0", json.dumps({"from": "abcdefgh", "kind": "revoked", "data": data}))
    own_redis.client.publish("jobwire:fleet:control:0", "[" * 60_000)
    own_redis.client.publish("jobwire:fleet:control:0", b"\xff\x00")
    # Behind these.
    revoke(bridges[1], jti="t-2")
    eventually(lambda: refused(bridges[0], token(jti="t-2")))
    socket.send({"type": "ping"})
    socket.until("pong")
    assert [each["jti"] for each in listed(bridges[0])] == ["t-2"]


def test_another_signature_of_the_same_token_does_not_help(serve, make_folder, job):
    """Of an ECDSA signature whoever has it makes another that is right as well."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = make_folder() / "key.pem"
    pem.write_bytes(key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))  # fmt: skip
    server = serve(token_keys=pem)
    bad = jwt.encode({"sub": "eve", "scope": "jobs:read", "exp": int(time.time()) + 600}, key, algorithm="ES256")
    signed, _, signature = bad.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    twin = f"{signed}.{base64.urlsafe_b64encode(other).rstrip(b'=').decode()}"
    assert server.get("/api/v1/jobs", token=twin).status == 200, "it is right, until it is revoked"
    with Socket(server, job_path(job), token=bad) as socket:
        socket.expect("connected")
        revoke_connection(server, server)
        assert socket.closed()[0] == 4401
    assert refused(server, bad) and refused(server, twin)


def test_it_is_forgotten_when_its_time_is_over_and_not_before(own_redis, bridges):
    bad = token(jti="t-1")
    revoke(bridges[0], jti="t-1", expires_at=int(time.time()) + 600)
    score = own_redis.client.zscore("jobwire:fleet:revoked", '{"jti":"t-1"}')
    assert abs(score - time.time() - 600) < 5
    # What ended long ago is swept by the next one.
    own_redis.client.zadd("jobwire:fleet:revoked", {'{"jti":"old"}': int(time.time()) - 600})
    revoke(bridges[1], jti="t-2")
    assert own_redis.client.zcard("jobwire:fleet:revoked") == 2
    assert refused(bridges[0], bad)
    assert {each["jti"] for each in listed(bridges[0])} >= {"t-1"}
