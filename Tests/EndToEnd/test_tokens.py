"""Who may follow what: every place a token may stand, every way it is refused, and how it ends."""

import base64
import json
import time
import urllib.parse

import jwt
import pytest
from support.client import SUBPROTOCOL, Socket, job_path
from support.tokens import SECRET, token
from support.waiting import eventually
from websockets.exceptions import ConnectionClosed, InvalidStatus


@pytest.mark.parametrize("where", ["header", "subprotocol", "query", "message"])
def test_a_token_is_found_wherever_it_may_stand(server, follow, job, where, deflate):
    socket = follow(server, job, where=where, deflate=deflate)
    assert socket.expect("connected")["job_id"] == job
    assert socket.subprotocol == SUBPROTOCOL


def test_without_a_subprotocol_asked_none_is_answered(server, follow, job):
    socket = follow(server, job, subprotocols=())
    assert socket.expect("connected")["job_id"] == job and socket.subprotocol is None


def test_the_first_place_with_a_token_decides(server, job):
    bad, good = token(secret="x" * 40), token()
    path = job_path(job, token=good)
    with Socket(server, path, token=bad, where="header") as socket:
        assert socket.closed()[0] == 4401
    with Socket(server, path, token=bad, where="subprotocol") as socket:
        assert socket.closed()[0] == 4401
    with Socket(server, job_path(job, token=bad), token=good, where="header") as socket:
        socket.expect("connected")


def unsigned(header, **claims):
    """A token by hand, for what no honest library makes."""
    parts = [header, {"sub": "u1", "scope": "jobs:read", "exp": int(time.time()) + 600} | claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join(encoded).decode()


REFUSED = {
    "another secret": lambda: token(secret="another-secret-of-more-than-32-bytes!!"),
    "expired": lambda: token(lives=-1),
    "not yet valid": lambda: token(nbf=int(time.time()) + 600),
    "without an end": lambda: token(lives=None),
    "alg none": lambda: unsigned({"alg": "none", "typ": "JWT"}) + ".",
    "alg NONE with a signature": lambda: unsigned({"alg": "nOnE"}) + ".AAAA",
    "HS512, which is not allowed": lambda: token(algorithm="HS512"),
    "a critical header": lambda: jwt.encode(
        {"sub": "u", "exp": time.time() + 60}, SECRET, headers={"crit": ["b64"], "b64": True}),
    "two parts": lambda: unsigned({"alg": "HS256"}),
    "a word": lambda: "word",
    "a changed claim": lambda: ".".join([
        (parts := token(jobs=["a"]).split("."))[0], token(jobs=["*"]).split(".")[1], parts[2]]),
    "of 20 kB": lambda: token(padding="x" * 20_000),
}  # fmt: skip


@pytest.mark.parametrize("how", REFUSED)
def test_a_bad_token_is_4401_and_told_why(server, follow, job, how):
    bad = REFUSED[how]()
    where = "query" if len(bad) < 4_000 else "message"
    code, reason = follow(server, job, token=bad, where=where).closed()
    assert code == 4401 and reason and bad[:40] not in reason


@pytest.mark.parametrize("path", [job_path("x"), "/api/v1/ws"])
def test_no_token_at_all_is_4401_after_the_auth_timeout(serve, path):
    server = serve(auth_timeout="300ms")
    with Socket(server, path) as socket:
        assert socket.closed()[0] == 4401


def test_nothing_is_told_before_the_first_message_authenticates(serve, redis, job):
    server = serve(auth_timeout="5s")
    with Socket(server, job_path(job)) as socket:
        redis.publish(job, "log", log_line="secret")
        with pytest.raises(TimeoutError):
            socket.next(within=0.3)
        socket.send({"type": "subscribe", "data": {"job_id": job}})
        assert socket.closed()[0] == 4401


def test_a_job_not_granted_is_4403(server, follow):
    granted = token(jobs=["a-*", "b", 7])
    for job in ["a-1", "a-", "b", "7"]:
        assert follow(server, job, token=granted).expect("connected")["job_id"] == job
    for job in ["a", "b1", "B", "77", "c"]:
        code, reason = follow(server, job, token=granted).closed()
        assert code == 4403 and reason, job


def test_a_token_without_rights_follows_nothing(server, follow, job):
    assert follow(server, job, token=token(jobs=[])).closed()[0] == 4403


def test_the_scope_reads_all_jobs_and_only_as_a_whole_word(server, follow, job):
    assert follow(server, job, token=token(jobs=[], scope="x jobs:read y")).expect("connected")
    assert follow(server, job, token=token(jobs=[], scope="jobs:reader")).closed()[0] == 4403


def test_leeway_forgives_clocks_that_differ(serve, follow, job):
    server = serve(token_leeway="60s")
    assert follow(server, job, token=token(lives=-20)).expect("connected")
    assert follow(server, job, token=token(lives=-90)).closed()[0] == 4401


def test_a_token_that_ends_closes_its_socket(server, follow, job):
    socket = follow(server, job, token=token(lives=2))
    socket.joined()
    began = time.monotonic()
    assert socket.closed(within=8)[0] == 4401
    assert time.monotonic() - began < 4


def test_its_end_is_told_before_and_a_fresh_one_keeps_the_socket(server, redis, follow, job):
    socket = follow(server, job, token=token(lives=3))
    expires = socket.expect("connected")["data"]["expires_at"]
    assert socket.until("token_expiring", within=8)[-1]["data"]["expires_at"] == expires
    socket.send({"type": "auth", "id": "a", "data": {"token": token(lives=600)}})
    answer = socket.until("authenticated")[-1]
    assert answer["id"] == "a" and answer["data"]["expires_at"] > expires
    with pytest.raises(TimeoutError):
        socket.next(within=3.5)  # past the end of the first token
    redis.publish(job, "log", log_line="on")
    assert socket.event()["seq"] == 1


def test_a_fresh_token_of_somebody_else_is_rejected_and_the_old_one_stands(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    for other in [token(sub="u2"), "x.y.z", token(lives=-5)]:
        socket.send({"type": "auth", "data": {"token": other}})
        assert socket.expect("rejected")["data"]["code"]
    redis.publish(job, "log", log_line="on")
    assert socket.event()["seq"] == 1


def test_rights_that_are_gone_end_their_subscriptions(server, redis, follow, job):
    socket = follow(server, token=token(jobs=[f"{job}-*"]))
    socket.expect("connected")
    socket.send({"type": "subscribe", "data": {"jobs": [f"{job}-1", f"{job}-2"]}})
    socket.joined(), socket.joined()
    socket.send({"type": "auth", "data": {"token": token(jobs=[f"{job}-2"])}})
    told = {m["type"]: m for m in (socket.next(), socket.next())}
    assert told["unsubscribed"]["job_id"] == f"{job}-1" and "authenticated" in told
    redis.publish(f"{job}-1", "log", log_line="not for you")
    redis.publish(f"{job}-2", "log", log_line="for you")
    assert socket.event()["job_id"] == f"{job}-2"


def test_http_says_401_and_403(server):
    assert server.get("/api/v1/jobs/a").status == 401
    assert server.get("/api/v1/jobs/a", token="x.y.z").status == 401
    refused = server.get("/api/v1/jobs/a", token=token(jobs=["b"]))
    assert refused.status == 403
    assert refused.json["error"]["code"] and refused.json["error"]["message"]
    assert server.get("/api/v1/jobs/b", token=token(jobs=["b"])).status == 200


def test_a_token_may_stand_in_a_query_of_http_too(server):
    assert server.get(f"/api/v1/jobs/b?token={token(jobs=['b'])}").status == 200


# Origins

PAGE = "https://app.example.com"


def test_without_a_setting_any_origin_may_come_with_a_token(server, follow, job):
    assert follow(server, job, headers={"Origin": PAGE}).expect("connected")


def test_with_a_list_only_those_origins_may(serve, follow, job):
    server = serve(allowed_origins=f"{PAGE},http://localhost:3000")
    for origin in [PAGE, "http://localhost:3000"]:
        assert follow(server, job, headers={"Origin": origin}).expect("connected")
    for origin in ["https://evil.example.com", "http://app.example.com", PAGE + ".evil.com", "null"]:
        try:
            assert follow(server, job, headers={"Origin": origin}).closed()[0] == 4403, origin
        except InvalidStatus as refusal:
            assert refusal.response.status_code == 403
    assert follow(server, job).expect("connected"), "a client that is no browser has no origin"


# Secrecy

def test_no_log_line_carries_a_token(serve, follow, job):
    server = serve(log_level="trace")
    secret_sub = "subject-that-stays-secret"
    tokens = {
        where: token(sub=f"{secret_sub}-{where}", lives=600)
        for where in ("header", "subprotocol", "query", "message")
    }
    for where, each in tokens.items():
        follow(server, job, token=each, where=where).joined()
        follow(server, job, token=each + "x", where=where).closed()
        server.get(f"/api/v1/jobs/a?token={urllib.parse.quote(each)}", token=each)
        server.get(f"/nowhere?token={urllib.parse.quote(each)}")
    metrics = server.get("/metrics").text
    server.stop()
    eventually(lambda: not server.reader.is_alive())
    assert len(server.lines) > 10
    for each in tokens.values():
        head, claims, signature = each.split(".")
        for piece in (claims, signature):
            assert piece not in server.log and piece not in metrics
    assert SECRET not in server.log and "?token" not in server.log


def test_a_socket_that_was_refused_can_not_be_used(server, follow, job):
    socket = follow(server, job, token="word")
    with pytest.raises(ConnectionClosed):
        while True:
            socket.send({"type": "ping"})
            socket.next()
