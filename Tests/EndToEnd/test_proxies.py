"""Real proxies in front: Jobwire knows its clients by what haproxy and nginx say, and by nobody else's word."""

import pathlib
import ssl
import urllib.error
import urllib.request

import pytest
from support.balancer import Balancer
from support.client import Socket, job_path
from support.ports import own_port
from support.tokens import token
from support.waiting import eventually


@pytest.fixture
def balance(make_folder, certificates):
    started = []

    def start(program, file, replacing):
        started.append(Balancer(program, file, make_folder(), replacing, own_port()))
        return started[-1]

    yield start
    for each in started:
        each.stop()


class Behind:
    """A server as clients see it: at the balancer's port."""

    def __init__(self, port, scheme):
        self.port, self.scheme = port, scheme


@pytest.fixture
def combined(make_folder, certificates):
    path = make_folder() / "both.pem"
    path.write_text(pathlib.Path(certificates.certificate).read_text() + pathlib.Path(certificates.key).read_text())
    return path


def connect(behind, job, source, authority=None, headers=()):
    """From another address of this machine; haproxy and nginx tell it on."""
    context = ssl.create_default_context(cafile=authority) if authority else None
    return Socket(behind, job_path(job), token=token(), context=context, headers=headers, source_address=(source, 0))


def each_client_has_its_own_limit(behind, server, job, authority=None):
    """Where one connection is allowed for each address."""
    first = connect(behind, job, "127.0.0.2", authority)
    first.expect("connected")
    spoofed = connect(behind, job, "127.0.0.2", authority, {"X-Forwarded-For": "192.0.2.77"})
    assert spoofed.closed()[0] == 4429
    other = connect(behind, job, "127.0.0.3", authority)
    other.expect("connected")
    eventually(lambda: any(" closed " in line and "peer=127.0.0.2" in line for line in server.lines))
    assert "192.0.2.77" not in server.log
    for each in (first, spoofed, other):
        each.close()


def test_haproxy_introduces_its_clients(serve, balance, combined, certificates, job):
    for words in ("send-proxy-v2-ssl", "send-proxy-v2", "send-proxy"):
        server = serve(connections_per_address_max=1, trusted_proxies="127.0.0.1", proxy_protocol="on", wait=False)
        listening = own_port()
        proxy = balance("haproxy", "haproxy.cfg", {
            "127.0.0.1:8443": f"127.0.0.1:{listening}", "127.0.0.1:8444": f"127.0.0.1:{own_port()}",
            "127.0.0.1:8080": f"127.0.0.1:{server.port}", "/etc/haproxy/jobwire.pem": combined,
            "send-proxy-v2-ssl check": words + " check", "inter 2s": "inter 20ms",
        })  # fmt: skip
        behind = Behind(listening, "https")
        proxy.wait(lambda: opens(behind, certificates.authority))
        each_client_has_its_own_limit(behind, server, job, certificates.authority)
        # The balancer's own checks are introduced as its own, and are no clients.
        assert "proxy_header_refused" not in server.log


def opens(behind, authority=None):
    try:
        with connect(behind, "probe", "127.0.0.9", authority) as socket:
            return socket.next()["type"] == "connected"
    except Exception:  # whatever a balancer does before its server is there
        return False


def test_haproxy_introduces_its_clients_before_their_tls(serve, balance, certificates, job):
    server = serve(
        connections_per_address_max=1, trusted_proxies="127.0.0.1", proxy_protocol="on", wait=False,
        tls_certificate=certificates.certificate, tls_key=certificates.key)  # fmt: skip
    listening = own_port()
    proxy = balance("haproxy", "haproxy.cfg", {
        "127.0.0.1:8443 ssl crt /etc/haproxy/jobwire.pem": f"127.0.0.1:{listening}",
        "127.0.0.1:8444 ssl crt /etc/haproxy/jobwire.pem": f"127.0.0.1:{own_port()}",
        "127.0.0.1:8080": f"127.0.0.1:{server.port}", "send-proxy-v2-ssl": "send-proxy-v2",
    })  # fmt: skip
    behind = Behind(listening, "https")
    proxy.wait(lambda: opens(behind, certificates.authority))
    each_client_has_its_own_limit(behind, server, job, certificates.authority)


def test_haproxy_forwards_its_clients_names(serve, balance, combined, certificates, job):
    server = serve(connections_per_address_max=1, trusted_proxies="127.0.0.1")
    listening = own_port()
    proxy = balance("haproxy", "haproxy.cfg", {
        "127.0.0.1:8443": f"127.0.0.1:{own_port()}", "127.0.0.1:8444": f"127.0.0.1:{listening}",
        "127.0.0.1:8080": f"127.0.0.1:{server.port}", "/etc/haproxy/jobwire.pem": combined,
    })  # fmt: skip
    behind = Behind(listening, "https")
    proxy.wait(lambda: opens(behind, certificates.authority))
    each_client_has_its_own_limit(behind, server, job, certificates.authority)


def test_nginx_over_a_unix_socket_forwards_its_clients_names(serve, balance, make_folder, job):
    path = make_folder() / "http.sock"
    server = serve(
        connections_per_address_max=1, trusted_proxies="unix", listen=f"unix:{path}", token_cookie="jw", wait=False)
    listening = own_port()
    proxy = balance("nginx", "nginx.conf", {
        "127.0.0.1:8081": f"127.0.0.1:{listening}", "/run/jobwire/http.sock": path,
    })  # fmt: skip
    behind = Behind(listening, "http")
    proxy.wait(lambda: opens(behind))
    each_client_has_its_own_limit(behind, server, job)
    # The page's own origin has the port that the browser came by, so Host must have it too.
    assert signs_in(behind, f"http://127.0.0.1:{listening}") == 200
    assert signs_in(behind, "http://127.0.0.1") == 403
    assert not server.stop() and not path.exists()


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
    first = connect(server, job, "127.0.0.2", headers={"X-Forwarded-For": "192.0.2.1"})
    first.expect("connected")
    again = connect(server, job, "127.0.0.2", headers={"X-Forwarded-For": "192.0.2.2", "X-Forwarded-Proto": "https"})
    assert again.closed()[0] == 4429
    for each in (first, again):
        each.close()
