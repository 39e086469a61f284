"""Real proxies in front: Jobwire knows its clients by what haproxy and nginx say, and by nobody else's word.

The files of deploy/proxies run as they are; only ports, paths and waiting times are the tests' own.
"""

import contextlib
import http.client
import os
import pathlib
import re
import shutil
import socket
import ssl
import urllib.error
import urllib.request

import pytest
from support.balancer import Balancer
from support.client import Socket, job_path
from support.ports import own_port
from support.tokens import token
from support.waiting import eventually

HAPROXY, HAPROXY_BY_HEADER, NGINX = "haproxy.cfg", "haproxy-proxy-protocol.cfg", "nginx.conf"
every_file = pytest.mark.parametrize("file", [HAPROXY, HAPROXY_BY_HEADER, NGINX])
#: What each file says that its bridges need.
SETTINGS = {
    HAPROXY: {"trusted_proxies": "127.0.0.1"},
    HAPROXY_BY_HEADER: {"trusted_proxies": "127.0.0.1", "proxy_protocol": "on"},
    NGINX: {"trusted_proxies": "unix", "umask": 0o007},
}
#: The line of the second bridge.
SECOND = {
    HAPROXY: "    server two 127.0.0.1:8082\n", HAPROXY_BY_HEADER: "    server two 127.0.0.1:8082\n",
    NGINX: "        server unix:/run/jobwire/two.sock max_fails=1 fail_timeout=1s;\n",
}  # fmt: skip
THROUGH_TLS = {
    "mode http": "mode tcp", "8444 ssl crt /etc/haproxy/jobwire.pem": "8444",
    "    http-request return": "    # http-request return", "default-server": "default-server check-ssl verify none",
}  # fmt: skip


class Behind:
    """Bridges as clients see them: at the balancer's port."""

    def __init__(self, port, bridges, authority, balancer=None):
        self.port, self.bridges, self.authority, self.balancer = port, bridges, authority, balancer
        self.scheme = "https" if authority else "http"

    @property
    def context(self):
        return ssl.create_default_context(cafile=self.authority) if self.authority else None

    def knows_as_away(self, number):
        """Whether the balancer has noticed that this bridge is not ready; nginx asks whenever somebody comes."""
        if self.balancer.program == "nginx":
            return "updates_stand_still" in self.bridges[number].log
        return f"bridges/{('one', 'two')[number]} is DOWN" in self.balancer.log

    def http(self, source=None):
        """A connection of its own, which is kept."""
        if self.authority:
            return http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=30, source_address=source, context=self.context
            )
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=source)

    def raw(self, text):
        """-> all that is answered to these bytes, until the end of the connection."""
        with self.opened(text) as stream:
            return b"".join(iter(lambda: stream.recv(65_536), b"")).decode(errors="replace")

    def opened(self, text):
        """A connection on which this has been said. Without a library, whose threads might lose an answer over TLS."""
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        if self.authority:
            stream = self.context.wrap_socket(stream, server_hostname="127.0.0.1")
        stream.sendall(text.encode())
        return stream


@pytest.fixture
def run_behind(serve, make_folder, certificates):
    """run_behind(file) -> two bridges behind what `file` of deploy/proxies describes; with `count=1` the first
    alone. `redis_urls` are their own, `replacing` changes the file."""
    balancers = []

    def start(file, count=2, redis_urls=(None, None), replacing=(), **settings):
        listening = own_port()
        settings = SETTINGS[file] | settings
        if file == NGINX:
            folder = shared_folder(make_folder())
            places = [folder / f"{name}.sock" for name in ("one", "two")]
            bridges = [
                serve(redis_urls[n], wait=False, listen=f"unix:{places[n]}", ping_interval=f"{30 + n}s", **settings)
                for n in range(count)]  # fmt: skip
            ours = {"127.0.0.1:8081": f"127.0.0.1:{listening}"}
            ours |= {f"/run/jobwire/{each.name}": each for each in places[:count]}
        else:
            both = make_folder() / "jobwire.pem"
            both.write_text(
                "".join(pathlib.Path(each).read_text() for each in (certificates.certificate, certificates.key))
            )
            # A bridge that awaits a PROXY header, or TLS, can't be asked past the balancer.
            bridges = [serve(redis_urls[n], wait=False, ping_interval=f"{30 + n}s", **settings) for n in range(count)]
            public = "127.0.0.1:8443" if file == HAPROXY else "127.0.0.1:8444"
            ours = {"inter 2s fastinter 500ms": "inter 500ms fastinter 20ms", public: f"127.0.0.1:{listening}"}
            ours |= {f"127.0.0.1:{8080 + 2 * n}": f"127.0.0.1:{each.port}" for n, each in enumerate(bridges)}
            if "tls_certificate" not in settings:
                ours |= {"/etc/haproxy/jobwire.pem": both}
        if count == 1:
            ours |= {SECOND[file]: ""}
        program = "nginx" if file == NGINX else "haproxy"
        balancers.append(Balancer(program, file, make_folder(), dict(replacing) | ours, listening))
        behind = Behind(listening, bridges, None if file == NGINX else certificates.authority, balancers[-1])
        balancers[-1].wait(lambda: reached(behind) is not None)
        return behind

    yield start
    for each in balancers:
        each.stop()


def shared_folder(outer):
    """Made as nginx.conf says: whoever is of nginx' group gets in, and sockets in it are of that group."""
    outer.chmod(0o711)
    folder = outer / "run"
    folder.mkdir()
    if os.geteuid() == 0:  # else nginx runs as who we are
        shutil.chown(folder, group="www-data")
    folder.chmod(0o2750)
    return folder


def connect(behind, job, source, headers=()):
    """From another address of this machine; haproxy and nginx tell it on."""
    return Socket(
        behind, job_path(job), token=token(), context=behind.context, headers=headers, source_address=(source, 0)
    )


ANSWERED = re.compile(rb'"heartbeat_seconds":(\d+)|redis_lost|^HTTP/1.1 [2-5]')


def knock():
    """A WebSocket's first words."""
    return (
        f"GET {job_path('probe')} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Authorization: Bearer {token()}\r\n\r\n"
    )


def who_answers(stream):
    """The bridge, 0 or 1, by its ping-interval; None where none lets us in, or one that awaits its Redis."""
    answer = b""
    while not ANSWERED.search(answer) and (part := stream.recv(65_536)):
        answer += part
    found = ANSWERED.search(answer)
    return int(found[1]) - 30 if found and found[1] else None


def reached(behind):
    """The bridge that a new client gets to; None where there is none."""
    try:
        with behind.opened(knock()) as stream:
            return who_answers(stream)
    except OSError:  # whatever a balancer does before its bridges are there
        return None


def where_many_get(behind):
    """The bridges of sixteen clients at a time: each bridge that may have clients has some of them."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(behind.opened(knock())) for _ in range(16)]
        return {who_answers(each) for each in clients}


# Who the client is


#: For each address; checks of the balancer count for its own.
LIMIT = 4


def each_client_has_its_own_limit(behind, job):
    (server,) = behind.bridges
    opened = [connect(behind, job, "127.0.0.2") for _ in range(LIMIT)]
    for each in opened:
        each.expect("connected")
    spoofed = connect(behind, job, "127.0.0.2", {"X-Forwarded-For": "192.0.2.77"})
    assert spoofed.closed()[0] == 4429
    other = connect(behind, job, "127.0.0.3")
    other.expect("connected")
    eventually(lambda: any(" closed " in line and "peer=127.0.0.2" in line for line in server.lines))
    assert "192.0.2.77" not in server.log
    for each in (*opened, spoofed, other):
        each.close()


@every_file
def test_each_client_is_known_by_its_own_address(run_behind, job, file):
    behind = run_behind(file, count=1, connections_per_address_max=LIMIT)
    each_client_has_its_own_limit(behind, job)
    # The balancer's own checks are introduced as its own, and are no clients.
    assert "proxy_header_refused" not in behind.bridges[0].log


@pytest.mark.parametrize("words", ["send-proxy-v2-ssl", "send-proxy"])
def test_haproxy_introduces_its_clients_in_each_way_it_can(run_behind, job, words):
    behind = run_behind(
        HAPROXY_BY_HEADER, count=1, connections_per_address_max=LIMIT,
        replacing={"default-server send-proxy-v2 ": f"default-server {words} "})  # fmt: skip
    each_client_has_its_own_limit(behind, job)
    assert "proxy_header_refused" not in behind.bridges[0].log


def test_haproxy_introduces_its_clients_before_their_tls(run_behind, certificates, job):
    behind = run_behind(
        HAPROXY_BY_HEADER, count=1, connections_per_address_max=LIMIT, replacing=THROUGH_TLS,
        tls_certificate=certificates.certificate, tls_key=certificates.key)  # fmt: skip
    each_client_has_its_own_limit(behind, job)


@every_file
def test_a_request_is_never_taken_for_that_of_another_client(run_behind, file):
    """Also where the balancer sends requests of several clients over connections that it keeps."""
    behind = run_behind(file, count=1)
    (server,) = behind.bridges
    sources = ["127.0.0.2", "127.0.0.3"] * 3
    kept = {source: behind.http((source, 0)) for source in set(sources)}
    for source in sources:
        kept[source].request("GET", "/api/v1/stats", headers={"Authorization": f"Bearer {token(sub=source)}"})
        answer = kept[source].getresponse()
        answer.read()
        assert answer.status == 403
    audited = eventually(lambda: len(rows := [each for each in server.lines if " audit " in each]) == 6 and rows)
    for source, line in zip(sources, audited, strict=True):
        assert f"peer={source}" in line and f"sub={source}" in line
    for each in kept.values():
        each.close()


def test_behind_nginx_a_page_is_ours_by_the_port_that_the_browser_came_by(run_behind):
    behind = run_behind(NGINX, count=1, token_cookie="jw")
    assert signs_in(behind, f"http://127.0.0.1:{behind.port}") == 200
    assert signs_in(behind, "http://127.0.0.1") == 403
    (server,) = behind.bridges
    path = pathlib.Path(server.settings["listen"].removeprefix("unix:"))
    assert path.exists() and not server.stop() and not path.exists()


def signs_in(behind, origin):
    request = urllib.request.Request(
        f"http://127.0.0.1:{behind.port}/api/v1/session", method="POST",
        headers={"Authorization": f"Bearer {token()}", "Origin": origin})  # fmt: skip
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_nobody_else_may_name_a_client(serve, job):
    server = serve(connections_per_address_max=1, trusted_proxies="10.0.0.0/8", proxy_protocol="on")
    direct = Behind(server.port, [server], None)
    first = connect(direct, job, "127.0.0.2", headers={"X-Forwarded-For": "192.0.2.1"})
    first.expect("connected")
    again = connect(direct, job, "127.0.0.2", headers={"X-Forwarded-For": "192.0.2.2", "X-Forwarded-Proto": "https"})
    assert again.closed()[0] == 4429
    for each in (first, again):
        each.close()


# What strangers may ask

OPERATORS_PATHS = ["/metrics", "/readyz"]


@every_file
def test_the_proxies_keep_what_is_for_operators_inside(run_behind, file):
    behind = run_behind(file)

    def answer(target, method="GET", more=""):
        return behind.raw(f"{method} {target} HTTP/1.1\r\nHost: jobs.example.com\r\nConnection: close\r\n\r\n{more}")

    for path in OPERATORS_PATHS:
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            assert " 404 " in answer(path, method).partition("\n")[0]
        word, spelled = path[1:], "".join(f"%{byte:02X}" for byte in path[1:].encode())
        for target in [
            f"{path}?a=1", f"{path}/", f"/{path}", f"/{spelled}", f"/x/..{path}", f"/.{path}", f"/%2e{path}",
            f"/x/%2e%2e{path}", f"{path}/.", f"{path}%2F", f"{path};a", f"{path}%00", f"{path}#a", f"http://jobs.example.com{path}",
            f"https://jobs.example.com/{path}?a", word, f"/{word.upper()}", "/is-ready", "/is-ready?a",
        ]:  # fmt: skip
            assert tells_nothing(answer(target)), target
        # A second request on the same connection.
        first = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        second = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        both = behind.raw(first + second)
        assert " 200 " in both and " 404 " in both and tells_nothing(both)


def tells_nothing(answer):
    assert answer.startswith("HTTP/1.1 "), answer
    return "jobwire_" not in answer and "updates" not in answer.partition("\r\n\r\n")[2]


@every_file
def test_the_proxies_let_all_else_through(run_behind, file):
    behind = run_behind(file)
    connection = behind.http()
    for method, path, status in [
        ("GET", "/", 200), ("GET", "/healthz", 200), ("GET", "/openapi.json", 200), ("GET", "/api/v1/jobs", 200),
        ("GET", "/api/v1/jobs/metrics", 200), ("GET", "/api/v1/jobs/a%2Fb", 400), ("GET", "/nowhere", 404),
        ("POST", "/api/v1/jobs/j1/events", 200),
    ]:  # fmt: skip
        body = '{"type":"status","data":{"status":"queued"}}' if method == "POST" else None
        connection.request(method, path, body, {"Authorization": f"Bearer {token(scope='jobs:read jobs:publish')}"})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("X-Content-Type-Options")) == (status, "nosniff"), (path, answer.read())
        answer.read()
    connection.close()


# Two bridges


@every_file
def test_a_bridge_that_is_not_ready_gets_no_new_clients(run_behind, make_redis, follow, job, file):
    stores = [make_redis(), make_redis()]
    behind = run_behind(file, redis_urls=[each.url for each in stores])
    eventually(lambda: where_many_get(behind) == {0, 1}, what="both bridges have clients")
    for number, store in enumerate(stores):
        stays = eventually(lambda n=number: who_reaches(behind, follow, job, n))
        store.stop()
        assert stays.next()["data"]["code"] == "redis_lost"
        eventually(lambda n=number: behind.knows_as_away(n), what="the balancer has noticed")
        assert where_many_get(behind) == {1 - number}
        store.start()
        eventually(lambda: where_many_get(behind) == {0, 1}, what="it has new clients again")
        assert stays.until("notice")[-1]["data"]["code"] == "redis_back"


def who_reaches(behind, follow, job, number):
    """A socket that is up to date, if it got to this bridge."""
    came = follow(behind, job, context=behind.context)
    mine = came.joined()[0]["data"]["heartbeat_seconds"] - 30 == number
    if not mine:
        came.close()
    return mine and came


@every_file
def test_when_a_bridge_has_died_clients_get_to_the_other_at_once(run_behind, file):
    behind = run_behind(file)
    eventually(lambda: where_many_get(behind) == {0, 1}, what="both bridges have clients")
    behind.bridges[0].process.kill()
    behind.bridges[0].ended()
    assert where_many_get(behind) == {1}, "also those who come before it is noticed"


@every_file
def test_while_no_bridge_is_ready_the_proxy_answers_503(run_behind, make_redis, file):
    store = make_redis()
    behind = run_behind(file, redis_urls=[store.url] * 2)
    store.stop()
    request = "GET /api/v1/jobs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    eventually(lambda: behind.raw(request).startswith("HTTP/1.1 503 "))
    store.start()
    eventually(lambda: reached(behind) is not None)
