"""How a client gets in without a token in its hand: one-use tickets over two real bridges, and cookies."""

import concurrent.futures
import http.cookies
import itertools
import time

import pytest
from support.client import Socket, job_path
from support.tokens import SECRET, token
from support.waiting import eventually
from websockets.exceptions import ConnectionClosed


@pytest.fixture
def bridges(make_redis, serve):
    """Two bridges of one Redis."""
    redis = make_redis()
    return redis, [serve(redis.url, token_cookie="jw") for _ in range(2)]


def ticket(server, given):
    answer = server.get("/api/v1/tickets", token=given, method="POST")
    assert answer.status == 200, answer
    assert 1 <= answer.json["expires_in"] <= 30
    return answer.json["ticket"]


def test_a_ticket_of_one_bridge_opens_a_socket_of_the_other_once(bridges, job):
    redis, (one, two) = bridges
    given = ticket(one, token(jobs=[job]))
    with Socket(two, job_path(job, ticket=given)) as socket:
        socket.joined()
        redis.publish(job, "log", log_line="heard")
        assert socket.event()["data"]["log_line"] == "heard"
        for server in (one, two):
            with Socket(server, job_path(job, ticket=given)) as again:
                assert again.closed() == (4401, "the ticket was used before")
    with Socket(one, job_path("another-job", ticket=ticket(two, token(jobs=[job])))) as socket:
        assert socket.closed()[0] == 4403


def test_of_many_sockets_at_two_bridges_one_gets_in(bridges, job):
    _, servers = bridges
    for _ in range(5):
        path = job_path(job, ticket=ticket(servers[0], token(jobs=[job])))

        def come(server):
            with Socket(server, path) as socket:
                try:
                    return socket.next()["type"]
                except ConnectionClosed as end:
                    return end.rcvd.reason

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            ends = list(pool.map(come, servers * 4))
        assert sorted(ends) == ["connected"] + ["the ticket was used before"] * 7


def test_a_ticket_outlives_the_bridge_that_gave_it_but_not_its_time(make_redis, serve, job):
    redis = make_redis()
    one, two = serve(redis.url), serve(redis.url)
    given = ticket(one, token(jobs=[job]))
    assert one.stop() == 0
    assert two.get(f"/api/v1/jobs/{job}?ticket={given}").status == 200
    short = two.get("/api/v1/tickets", token=token(jobs=[job], lives=2), method="POST").json
    assert short["expires_in"] <= 2
    time.sleep(2.1)  # the time of a ticket is what is tested
    late = two.get(f"/api/v1/jobs/{job}?ticket={short['ticket']}")
    assert late.status == 401 and late.json["error"]["code"] == "ticket_expired"


def test_without_redis_no_ticket_is_given_or_taken(bridges, job):
    redis, (one, two) = bridges
    given = ticket(one, token(jobs=[job]))
    redis.stop()
    eventually(lambda: not two.is_ready())
    for answer in [
        two.get(f"/api/v1/jobs/{job}?ticket={given}"),
        two.get("/api/v1/tickets", token=token(), method="POST"),
    ]:
        assert answer.status == 503 and answer.json["error"]["code"] == "ticket_unavailable"
        assert answer.headers["Retry-After"]
    with Socket(two, job_path(job, ticket=given)) as socket:
        assert socket.closed()[0] == 1013


def test_no_log_metric_or_key_has_a_ticket(make_redis, serve, job):
    redis = make_redis()
    server = serve(redis.url, log_level="trace")
    given = [ticket(server, token(jobs=[job])) for _ in range(3)]
    dump = b"".join(key + redis.client.dump(key) for key in redis.client.scan_iter("*"))
    server.get(f"/api/v1/jobs/{job}?ticket={given[0]}")
    server.get(f"/nowhere?ticket={given[1]}")
    with Socket(server, job_path(job, ticket=given[2])) as socket:
        socket.joined()
    with Socket(server, job_path(job, ticket=given[2])) as socket:
        socket.closed()
    metrics = server.get("/metrics").text
    server.stop()
    for each in given:
        assert each not in server.log and each not in metrics and each.encode() not in dump


# The places, in their order

PLACES = ["header", "subprotocol", "ticket", "query", "cookie"]


def socket_with(server, path, *brought):
    """A socket with credentials in some of the places: (place, token or ticket)."""
    brought = dict(brought)
    query = {name: brought[place] for place, name in [("ticket", "ticket"), ("query", "token")] if place in brought}
    headers = {"Origin": server.url("")}
    protocols = ["jobwire.v1.json"]
    if "header" in brought:
        headers["Authorization"] = f"Bearer {brought['header']}"
    if "cookie" in brought:
        headers["Cookie"] = f"jw={brought['cookie']}"
    if "subprotocol" in brought:
        protocols.append(f"bearer.{brought['subprotocol']}")
    return Socket(server, job_path(path, **query), headers=headers, subprotocols=protocols)


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(PLACES, 2)))
def test_of_two_places_the_first_decides(bridges, job, first, second):
    _, (server, _) = bridges
    good = lambda place: ticket(server, token(jobs=[job])) if place == "ticket" else token(jobs=[job])  # noqa: E731
    bad = token(jobs=[job], secret=SECRET + "-another")
    with socket_with(server, job, (first, good(first)), (second, bad)) as socket:
        assert socket.next()["type"] == "connected"
    with socket_with(server, job, (first, bad), (second, good(second))) as socket:
        assert socket.closed()[0] == 4401


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("state", ["good", "bad", "empty"])
def test_each_place_alone(bridges, job, place, state):
    _, (server, _) = bridges
    given = {"good": token(jobs=[job]), "bad": token(secret=SECRET + "-another"), "empty": ""}[state]
    if place == "ticket" and state == "good":
        given = ticket(server, given)
    if place == "header" and state == "empty":
        given = "x"  # the library can't send a header that ends with a space
    with socket_with(server, job, (place, given)) as socket:
        if state == "good":
            assert socket.next()["type"] == "connected"
        else:
            assert socket.closed()[0] == 4401


# Cookies

def test_a_cookie_from_the_session_is_what_a_browser_would_keep(serve, job):
    server = serve(token_cookie="__Host-jw")
    given = token(jobs=[job], lives=120)
    answer = server.get("/api/v1/session", token=given, method="POST")
    cookie = http.cookies.SimpleCookie(answer.headers["Set-Cookie"])["__Host-jw"]
    assert cookie.value == given and cookie["path"] == "/" and cookie["samesite"] == "Strict"
    assert cookie["httponly"] and cookie["secure"] and 110 <= int(cookie["max-age"]) <= 120
    assert not cookie["domain"]
    with_cookie = {"Cookie": f"other=1; __Host-jw={given}"}
    assert server.get(f"/api/v1/jobs/{job}", headers=with_cookie).status == 200
    assert server.get("/api/v1/tickets", method="POST", headers=with_cookie).status == 403
    own = with_cookie | {"Origin": server.url("")}
    assert server.get("/api/v1/tickets", method="POST", headers=own).status == 200
    gone = server.get("/api/v1/session", method="DELETE", headers=own)
    assert gone.status == 204 and "Max-Age=0" in gone.headers["Set-Cookie"]


def test_behind_a_trusted_proxy_with_https_the_cookie_is_secure(serve):
    server = serve(token_cookie="jw", trusted_proxies="127.0.0.1")
    for scheme, is_secure in [("https", True), ("http", False)]:
        answer = server.get(
            "/api/v1/session", token=token(), method="POST", headers={"X-Forwarded-Proto": scheme, "X-Forwarded-For": "192.0.2.1"})
        assert ("Secure" in answer.headers["Set-Cookie"]) == is_secure
    host = f"127.0.0.1:{server.port}"
    for origin, status in [(f"https://{host}", 200), (f"http://{host}", 403)]:
        answer = server.get("/api/v1/jobs/a", headers={
            "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1", "Cookie": f"jw={token()}", "Origin": origin})
        assert answer.status == status
