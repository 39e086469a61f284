"""Two tenants on one server: whatever one asks for, by whatever road, nothing of the other's ever comes.

All that tenant B has carries a mark. Tenant A asks for it by every route of /openapi.json, every message,
every socket and alias and many spellings of a name, with every kind of right that A has to things of
its own, while both are published to. A route that has no line in ROUTES fails, so that none is forgotten.
"""

import contextlib
import http.client
import itertools
import json
import re
import threading
import time
import urllib.parse

import pytest
from support.client import MESSAGEPACK, SUBPROTOCOL
from support.tokens import token
from support.waiting import PATIENCE_SECONDS, eventually
from websockets.exceptions import ConnectionClosed

MARK = "B-SECRET"
WAIT = 0.1

# A's own things, by each kind of right, and none to B's. `a-*` is a prefix, so that prefix tricks have a mark.
TOKENS = {
    "claims": dict(sub="alice", jobs=["a-*", "b"], queues=["qa"], feeds=["fa"]),
    "owner": dict(sub="alice", scope=""),
    "queue": dict(sub="carol", scope="", queues=["qa"]),
    "nobody": dict(sub="", scope="jobs:publish", jobs=["a-*"]),
    "feeds": dict(sub="alice", scope="", feeds=["*"], jobs=[]),
}

# What one makes of B's job in a path. None of these is a name that A may see.
SPELLINGS = [
    "{}", "%62-1", "B-1", "{}*", "b-*", "*", "%2A", "a-*", "a-1%2F..%2F{}", "a-1/../{}", "../jobs/{}", "./{}", "{}.",
    "{}..", "{}/", "{}%2F", "/{}", "%2e%2e%2F{}", "{}%00", "%00{}", "{}%20", "{};", "{}%3F", "{}%23", "{},a-1", "a-1,{}",
    "a-1%2C{}", "{}%0A", "b%E2%80%901", "%EF%BD%82-1", "%D0%B0-1", "b-%EF%BC%91", "b-%C2%B9", "%25{}", "{}%", "%zz", "{}:0",
    "{}@a-1", "[{}]", "{{{}}}", "b\\-1", "%5B{}%5D", "a-%2A", "job:{}", "job:{}:updates", "b", "b-", "b-01", "",
]  # fmt: skip

JOBS = ["/api/v1/jobs/{}", "/api/v1/jobs/{}/events", "/api/v1/jobs/{}/log"]


class City:
    """A server, two tenants, and something going on in both."""

    def __init__(self, server, redis):
        self.server, self.redis = server, redis
        self.numbers = itertools.count(1)
        self.stopped = threading.Event()
        for tenant in "ab":
            self.tell(tenant, first=True)
        probe = server.get("/api/v1/jobs/b-1", token())
        eventually(lambda: MARK in server.get("/api/v1/jobs/b-1", token()).text, what=probe.text)
        self.thread = threading.Thread(target=self.live, daemon=True)
        self.thread.start()

    def tell(self, tenant, first=False):
        mark = f"{MARK}-{next(self.numbers)}" if tenant == "b" else "fine"
        owner = {"a": "alice", "b": "bob"}[tenant]
        common = dict(queue=f"q{tenant}", owner=owner)
        self.redis.publish(f"{tenant}-1", "status", status="running", message=mark, **common)
        self.redis.publish(f"{tenant}-1", "log", log_line=mark)
        self.redis.publish(f"{tenant}-1", "complete", status="completed", result={"x": mark})
        late = next(self.numbers) % 500
        self.redis.publish(f"{tenant}-late-{late}", "log", log_line=mark)
        self.redis.publish(f"{tenant}-later-{late}", "status", status="queued", message=mark, **common)
        # Not by its name: to whom it belongs its state alone says, and not from the first event on.
        nameless = f"{owner}s"
        if first:
            self.redis.publish(nameless, "log", log_line=mark)
        self.redis.publish(nameless, "status", status="running", message=mark, **common)
        self.redis.publish_raw(f"f{tenant}", json.dumps({"type": "x", "data": mark}), channel="feed:{}:updates")

    def live(self):
        while not self.stopped.wait(0.02):
            for tenant in "ba":
                self.tell(tenant)

    def ask(self, path, token, method="GET", headers=(), body=None, timeout=10, until=b""):
        """As it stands: nothing tidies the path; a stream is read `until` then. -> (status, headers, body)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=timeout)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            if token:
                connection.putheader("Authorization", f"Bearer {token}")
            for name, value in dict(headers).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            raw = connection.sock
            answer = connection.getresponse()
            named = sorted((name.lower(), value) for name, value in answer.getheaders())
            if answer.headers.get("content-type") == "text/event-stream":
                return answer.status, named, self.some(answer, raw, until)
            return answer.status, named, answer.read()
        finally:
            connection.close()

    @staticmethod
    def some(answer, raw, until, seconds=0.3):
        """What a stream says up to what must come, and in a while from then on."""
        body = b""
        raw.settimeout(PATIENCE_SECONDS)
        while until not in body and (line := answer.readline()):
            body += line
        raw.settimeout(0.2)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                body += answer.readline()
        except TimeoutError:
            pass
        return body


@pytest.fixture(scope="module")
def city(make_folder, certificates):
    from support.redis_server import RedisServer
    from support.server import Jobwire

    redis = RedisServer(make_folder(), certificates)
    server = Jobwire(
        redis.url, owner_wait=f"{int(WAIT * 1000)}ms", connections_per_address_max=10_000,
        aliases="/ws=jobs, /ws/b=queue:qb, /ws/fb=feed:fb, /ws/all=queue:*, /ws/admin=queue:qb@admin",
    )  # fmt: skip
    made = City(server, redis)
    yield made
    made.stopped.set()
    made.thread.join()
    assert server.stop() == 0
    redis.stop()


@pytest.fixture(params=sorted(TOKENS))
def alice(request):
    return token(**({"jobs": None} | TOKENS[request.param]))


def check(what, *where):
    text = what if isinstance(what, str) else repr(what)
    assert MARK not in text, where
    return what


# Every route.

def spelled(path, name):
    return [path.replace("{id}", s.format("b-1")).replace("{name}", s.format(name)) for s in SPELLINGS]


def foreign(city, alice, path, method):
    """What is B's: refused, or there is nothing, whatever the spelling."""
    name = "fb" if "feeds" in path else "qb"
    for each in spelled(path, name):
        for headers in ({}, {"Accept": "text/event-stream"}, {"If-None-Match": "*"}):
            status, _, body = check(city.ask(each, alice, method, headers, b"{}" if method == "POST" else None), each)
            assert status in (400, 403, 404, 405, 401) or is_own(each), (each, status, body)


def is_own(path):
    """A view of all, or a spelling that makes it a name that A's claims cover."""
    name = urllib.parse.unquote(path.split("/")[4])
    return path.startswith("/api/v1/queues/") and name == "*" or name.startswith("a-") or name == "b"


def a_list(city, alice, path, method):
    for query in ("", "?limit=200", "?queue=qb", "?owner=bob", "?q=b-1", "?status=completed", "?queue=qb&owner=bob"):
        status, _, body = check(city.ask(path + query, alice, method), query)
        assert status == 200
        for job in json.loads(body)["jobs"]:
            assert job["owner"] != "bob" and job["queue"] != "qb" and not job["job_id"].startswith("b-"), job


def open_to_all(city, alice, path, method):
    check(city.ask(path, alice, method), path)


def for_admins(city, alice, path, method):
    status, _, _ = check(city.ask(path.replace("{id}", "b-1"), alice, method, body=b'{"job_id":"b-1"}'), path)
    assert status in (400, 401, 403, 404, 405), status


def of_one_self(city, alice, path, method):
    check(city.ask(path, alice, method, body=b"{}"), path)


ROUTES = {
    ("get", "/api/v1/jobs"): a_list,
    ("get", "/api/v1/jobs/{id}"): foreign,
    ("get", "/api/v1/jobs/{id}/events"): foreign,
    ("post", "/api/v1/jobs/{id}/events"): foreign,
    ("get", "/api/v1/jobs/{id}/log"): foreign,
    ("get", "/api/v1/feeds/{name}/events"): None,  # a token of the table has all feeds; below
    ("get", "/api/v1/queues/{name}/events"): foreign,
    ("get", "/healthz"): open_to_all,
    ("get", "/readyz"): open_to_all,
    ("get", "/metrics"): open_to_all,
    ("get", "/openapi.json"): open_to_all,
    ("post", "/api/v1/tickets"): of_one_self,
    ("post", "/api/v1/session"): of_one_self,
    ("delete", "/api/v1/session"): of_one_self,
    ("get", "/api/v1/revocations"): for_admins,
    ("post", "/api/v1/revocations"): for_admins,
    ("get", "/api/v1/revocations"): for_admins,
    ("post", "/api/v1/broadcast"): for_admins,
    ("get", "/api/v1/connections"): for_admins,
    ("delete", "/api/v1/connections/{id}"): for_admins,
    ("get", "/api/v1/stats"): for_admins,
}


def routes(server):
    paths = json.loads(server.get("/openapi.json").text)["paths"]
    return {(method, path) for path, methods in paths.items() for method in methods if method != "parameters"}


def test_every_route_is_in_the_table(city):
    assert routes(city.server) <= set(ROUTES), "a new route needs a line in ROUTES, and what it must not tell"


def test_no_route_tells_of_the_other_tenant(city, alice):
    for method, path in sorted(routes(city.server)):
        if ROUTES[method, path]:
            ROUTES[method, path](city, alice, path, method.upper())


def test_feeds_are_of_those_who_have_them(city):
    for rights in (dict(feeds=["fa"]), dict(feeds=["f"]), dict(feeds=[]), {}, dict(scope="jobs:read")):
        mine = token(sub="alice", jobs=[], **rights)
        foreign(city, mine, "/api/v1/feeds/{name}/events", "GET")


def test_publishing_is_for_claims_alone(city):
    """The owner may look, not write; a claim of other jobs is none of this one."""
    event = b'{"type":"log","data":{"log_line":"forged"}}'
    for rights in (dict(sub="bob", scope=""), dict(sub="bob", jobs=[]), dict(scope="jobs:publish", jobs=["a-*", "b"])):
        mine = token(**({"jobs": None} | rights))
        status, _, body = city.ask("/api/v1/jobs/b-1/events", mine, "POST", body=event)
        never = city.ask("/api/v1/jobs/b-never/events", mine, "POST", body=event)
        assert (status, body) == (403, never[2]) and never[0] == 403
    assert b"forged" not in city.ask("/api/v1/jobs/b-1/log", token(jobs=["b-1"]))[2]


# A refusal tells nothing: a job of B's and one that never was.

REQUESTS = [
    (method, path, headers)
    for path in [*JOBS, *(f"{JOBS[1]}?{query}" for query in (
        "after=0", "after=99999", "before=5", "wait=1", "limit=1", "types=log", "after=aaaaaaaaaaaa:1"))]
    for method, headers in [
        ("GET", {}), ("HEAD", {}), ("GET", {"If-None-Match": "*"}), ("GET", {"Accept": "text/event-stream"}),
        ("GET", {"Accept": "text/event-stream", "Last-Event-ID": "1"}), ("POST", {}), ("DELETE", {}), ("OPTIONS", {})]
]  # fmt: skip


def test_a_refusal_over_http_does_not_tell_whether_there_is_such_a_job(city, alice):
    for method, path, headers in REQUESTS:
        body = b'{"type":"log"}' if method == "POST" else None
        theirs, never = (city.ask(path.format(job), alice, method, headers, body) for job in ("b-1", "b-0"))
        assert check(theirs, path) == never, (method, path, headers)


def frames(follow, city, alice, path, first=None, until=None):
    """Everything that a socket says, to its end."""
    socket = follow(city.server, path=path, token=alice)
    heard = []
    try:
        if first:
            heard.append(socket.connection.recv(timeout=5))
            socket.send(first)
        while True:
            heard.append(socket.connection.recv(timeout=5))
            if until and until in heard[-1]:
                return heard
    except ConnectionClosed as end:
        return [*heard, (end.rcvd.code, end.rcvd.reason)]


def alike(heard, job):
    """Without the name that was asked for, and when the token ends."""
    return [re.sub(r'"expires_at":"[^"]*"', "", each.replace(job, "JOB")) if isinstance(each, str) else each for each in heard]


def test_a_refusal_over_a_socket_does_not_tell_either(city, follow, alice):
    for query in ("", "?after=0", "?history=none", "?after=99999", "?types=log", "?after=x"):
        theirs, never = (
            alike(frames(follow, city, alice, f"/api/v1/ws/jobs/{job}/updates{query}"), job) for job in ("b-1", "b-0"))
        assert check(theirs) == never and theirs[-1][0] in (4403, 4400), (query, theirs)
        assert len(theirs) == 1
    for data in ({"job_id": "JOB"}, {"jobs": ["JOB"]}, {"jobs": [{"id": "JOB", "after": "0"}]}, {"job_id": "JOB", "after": "1"}):
        theirs, never = (
            alike(frames(follow, city, alice, "/api/v1/ws", json.dumps(
                {"type": "subscribe", "id": 1, "data": data}).replace("JOB", job), "rejected"), job)
            for job in ("b-1", "b-0"))  # fmt: skip
        assert check(theirs) == never and '"forbidden"' in theirs[-1], theirs


def test_a_refusal_takes_as_long_whether_there_is_such_a_job_or_not(city):
    mine = token(sub="alice", jobs=[])
    city.redis.publish("b-huge", "complete", status="completed", owner="bob", result="x" * 900_000)
    eventually(lambda: len(city.ask("/api/v1/jobs/b-huge", token())[2]) > 900_000)
    best = {"b-huge": 9.0, "b-never": 9.0}
    for path in JOBS:
        for _ in range(40):
            for job in best:
                began = time.perf_counter()
                assert city.ask(path.format(job), mine)[0] == 403
                best[job] = min(best[job], time.perf_counter() - began)
    assert best["b-huge"] < 2 * best["b-never"] and best["b-never"] < 2 * best["b-huge"], best


# Every socket and message.

SOCKETS = [
    "/api/v1/ws/jobs/{}/updates", "/api/v1/ws/feeds/{}", "/api/v1/ws/queues/{}", "/ws/b", "/ws/fb", "/ws/admin", "/ws/{}",
]  # fmt: skip


def hear(socket, seconds=0.3, until=lambda heard: True):
    """-> what comes up to what must come and in a while from then on, and the code it ended with. Then it is
    dropped, whatever still comes."""
    heard, code = hear_on(socket, seconds, until)
    with contextlib.suppress(OSError):  # it has ended
        socket.connection.socket.shutdown(2)
    return heard, code


def hear_on(socket, seconds, until):
    heard = []
    try:
        while not until(heard):
            heard.append(socket.next(PATIENCE_SECONDS))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            heard.append(socket.next(max(0.01, end - time.monotonic())))
    except TimeoutError:
        return heard, None
    except ConnectionClosed as closed:
        return heard, closed.rcvd and closed.rcvd.code
    return heard, None


@pytest.mark.parametrize("path", SOCKETS)
def test_no_socket_hears_the_other_tenant(city, follow, path):
    mine = token(**TOKENS["claims"])
    name = "fb" if "feeds" in path else "qb" if "queues" in path else "b-1"
    for spelling in SPELLINGS if "{}" in path else [""]:
        address = path.replace("{}", spelling.format(name))
        if any(ord(letter) < 33 or letter in "\\[]{}" for letter in address):
            continue  # no client of ours sends it; HTTP's tests do
        try:
            socket = follow(city.server, path=address, token=mine)
        except Exception as refused:  # a path that is no socket's
            check(str(refused))
            continue
        heard, _ = hear(socket, 0.15)
        check(heard, address)
        for message in heard:
            assert not str(message.get("job_id", "")).startswith(("b-", "bob")), message


def messages():
    """Every client message, about what is B's."""
    for job in ["b-1", "bobs", "b-0", "b-1*", "b-*", "B-1", "b-1 ", "a-1/../b-1", "b‐1", "ｂ-1", "b-1\u0000", 1, None, ["b-1"]]:
        for data in ({"job_id": job}, {"jobs": [job]}, {"jobs": ["a-1", {"id": job, "after": "0"}]}, {"jobId": job}):
            yield {"type": "subscribe", "data": data}
            yield {"type": "unsubscribe", "data": data}
        yield {"event": "subscribe-to-job", "data": {"jobId": job}}
        yield {"event": "unsubscribe-from-job", "data": {"jobId": job}}
    for queue in ["qb", "*", "q*", "QB", "qb ", "ｑb", "qb\u0301", ""]:
        yield {"type": "subscribe", "data": {"queue": queue}}
        yield {"event": "subscribe-to-queue", "data": {"queueName": queue}}
        yield {"type": "unsubscribe", "data": {"queue": queue}}
    for feed in ["fb", "f*", "*", "FB"]:
        yield {"type": "subscribe", "data": {"feed": feed}}
        yield {"type": "unsubscribe", "data": {"feed": feed}}
    yield {"type": "subscribe", "data": {"job_id": "b-1", "queue": "qb", "feed": "fb"}}
    yield {"type": "auth", "data": {"token": token(sub="bob")}}
    yield {"type": "ping"}


@pytest.mark.parametrize("language", [SUBPROTOCOL, MESSAGEPACK])
@pytest.mark.parametrize("kind", ["claims", "owner", "queue"])
def test_no_message_brings_the_other_tenant(city, follow, kind, language):
    mine = token(**({"jobs": None} | TOKENS[kind]))
    socket = follow(city.server, token=mine, subprotocols=[language])
    socket.expect("connected")
    every = list(messages())
    for message in every:
        socket.send(message)
    heard, code = hear(socket, 3, until=lambda heard: heard and heard[-1]["type"] == "pong")
    assert code is None and check(heard)
    assert sum(message["type"] == "rejected" for message in heard) > len(every) / 2
    for message in heard:
        if message["type"] in ("subscribed", "live", "gap") or "seq" in message:
            assert str(message.get("job_id", "a-")).startswith(("a-", "alices")), message
            assert message.get("queue", "*") == "*" and "feed" not in message, message


@pytest.mark.parametrize("kind,own", [
    ("claims", {"a-1", "alices"}), ("owner", {"a-1", "alices"}), ("queue", {"a-1", "alices"}), ("feeds", {"a-1", "alices"}),
])  # fmt: skip
def test_the_view_of_all_has_all_of_one_tenant_and_none_of_the_other(city, follow, kind, own):
    mine = token(**({"jobs": None} | TOKENS[kind]))
    for path in ("/ws/all", "/api/v1/ws/queues/%2A", "/api/v1/ws/queues/*"):
        socket = follow(city.server, path=path, token=mine)
        heard, code = hear(socket, 1, until=lambda heard: own <= seen_in(heard))
        assert code is None and check(heard)
        seen = seen_in(heard)
        assert own <= seen and all(job.startswith(("a-", "alices")) for job in seen), seen
        for job in heard[0]["data"]["jobs"]:
            assert job["owner"] in ("alice", None) and job["job_id"].startswith(("a-", "alices")), job
    status, _, body = city.ask("/api/v1/queues/*/events", mine, headers={"Accept": "text/event-stream"}, until=b"a-1")
    assert status == 200 and b"a-1" in check(body)


def seen_in(heard):
    return {message["job_id"] for message in heard if "seq" in message}


def test_the_mark_would_be_seen(city, follow):
    """What looks for it finds it where it is: B sees its own things by each kind of right."""
    for rights in (dict(sub="bob", scope=""), dict(jobs=["b-1"]), dict(queues=["qb"], scope="")):
        mine = token(**({"jobs": None, "sub": "x"} | rights))
        for path in JOBS:
            assert MARK.encode() in city.ask(path.format("b-1"), mine)[2], (rights, path)
        for path in ("/api/v1/ws/jobs/b-1/updates", "/ws/all"):
            heard, _ = hear(follow(city.server, path=path, token=mine), until=lambda heard: MARK in repr(heard))
            assert MARK in repr(heard)
        assert MARK.encode() in city.ask("/api/v1/jobs", mine)[2]
