"""A server's life: how it starts, what it refuses to start with, how it reloads and how it ends."""

import signal
import socket as sockets
import ssl
import subprocess
import time

import pytest
from support.certificates import Certificates
from support.client import Socket, job_path
from support.proxy import Proxy
from support.server import BINARY, clean_environment
from support.tokens import SECRET, token
from support.waiting import eventually


def refused(*arguments, **settings):
    """-> what `jobwire serve` says when it will not start; its exit code must say so too."""
    ended = subprocess.run(
        [BINARY, "serve", *arguments], env=clean_environment(settings), capture_output=True,
        text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert ended.returncode not in (0, 124) and ended.returncode > 0, ended
    return ended.stderr + ended.stdout


def test_without_a_secret_it_refuses_to_start():
    assert "token-secret" in refused().lower().replace("_", "-")


def test_with_a_short_secret_it_refuses_and_does_not_tell_it():
    said = refused(token_secret="tooshort")
    assert "32" in said and "tooshort" not in said


def test_an_unknown_name_is_refused_with_the_nearest_one():
    assert "--listen" in refused("--lisen=127.0.0.1:0", token_secret=SECRET)
    assert "JOBWIRE_REDIS_URL" in refused(redis_ulr="redis://x", token_secret=SECRET)


def test_patterns_that_overlap_are_refused():
    assert "patterns" in refused(token_secret=SECRET, patterns="job:*:updates,job:*")


def test_a_port_that_is_taken_is_named():
    with sockets.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in refused(token_secret=SECRET, listen=f"127.0.0.1:{port}")


def test_secrets_may_come_from_files(serve, follow, job, make_folder):
    path = make_folder() / "secret"
    path.write_text(SECRET + "\n")
    server = serve(token_secret="", token_secret_file=path)
    assert follow(server, job).expect("connected")


def test_on_sigterm_it_says_so_and_leaves_in_peace(serve, redis, follow, job):
    server = serve(drain_grace="3s")
    sockets_open = [follow(server, f"{job}-{n}") for n in range(50)]
    for socket in sockets_open:
        socket.joined()
    server.signal(signal.SIGTERM)
    for socket in sockets_open:
        code, _ = socket.closed()
        assert code == 1012
    assert server.ended() == 0
    with pytest.raises(OSError):
        server.get("/healthz")


def test_while_it_drains_it_is_not_ready_and_lets_nobody_in(serve, follow, job):
    server = serve(drain_grace="5s")
    keep_alive = sockets.create_connection(("127.0.0.1", server.port))
    stays = [follow(server, f"{job}-{n}") for n in range(200)]
    for socket in stays:
        socket.joined()
    server.signal(signal.SIGTERM)
    keep_alive.settimeout(10)
    deadline, answer = time.monotonic() + 4, b" 200 "
    try:
        while b" 200 " in answer.split(b"\r\n")[0]:  # the signal may be seen after a request
            assert time.monotonic() < deadline
            keep_alive.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = keep_alive.recv(4_096)
    except OSError:
        pass  # closed already: not ready either
    for socket in stays:
        assert socket.closed()[0] == 1012
    assert server.ended() == 0


def test_a_client_that_does_not_answer_does_not_hold_it_back(serve, job):
    server = serve(drain_grace="1s")
    proxy = Proxy(server.port)
    deaf = Socket(server, job_path(job), token=token(), port=proxy.port)
    deaf.joined()
    proxy.stall()
    began = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.ended() == 0
    assert time.monotonic() - began < 8
    proxy.close()


def test_sigint_ends_it_as_well(serve):
    server = serve()
    server.signal(signal.SIGINT)
    assert server.ended() == 0


# TLS on the listener

def trust(certificates):
    return ssl.create_default_context(cafile=certificates.authority)


def served_name(server, certificates):
    with sockets.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
        with trust(certificates).wrap_socket(plain, server_hostname="127.0.0.1") as secure:
            return dict(pair[0] for pair in secure.getpeercert()["subject"])["commonName"]


@pytest.fixture
def own_certificates(make_folder):
    return Certificates(make_folder())


def start_tls(serve, certificates):
    server = serve(wait=False, tls_certificate=certificates.certificate, tls_key=certificates.key)

    def ready():
        try:
            return server.get("/readyz", context=trust(certificates)).status == 200
        except OSError:
            return False

    eventually(ready, what="ready by TLS")
    return server


def test_it_serves_by_tls(serve, redis, follow, job, own_certificates, deflate):
    server = start_tls(serve, own_certificates)
    socket = follow(server, job, context=trust(own_certificates), deflate=deflate)
    socket.joined()
    for n in range(1, 101):
        redis.publish(job, "log", log_line="x" * n * 100)
        assert socket.event()["seq"] == n


def test_a_large_replay_goes_through_tls_whole(serve, redis, follow, job, own_certificates):
    server = start_tls(serve, own_certificates)
    live = follow(server, job, context=trust(own_certificates))
    live.joined()
    for n in range(1, 201):
        redis.publish(job, "log", log_line=f"{n} " + "x" * 4_000)
    while live.event()["seq"] < 200:
        pass
    late = follow(server, job, context=trust(own_certificates))
    assert [m["seq"] for m in late.joined() if "seq" in m] == list(range(1, 201))


def offer(port, *arguments):
    """-> what openssl says that was agreed upon, or nothing"""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-brief", *arguments]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    return told.stderr if "CONNECTION ESTABLISHED" in told.stderr else ""


def test_it_agrees_upon_what_is_modern_and_cheap_only(serve, make_folder):
    server = start_tls(serve, Certificates(make_folder(), key=["rsa:2048"]))
    assert "X25519" in offer(server.port)
    assert "ECDHE-RSA-AES128-GCM-SHA256" in offer(server.port, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
    for refused in (
        ["-groups", "ffdhe8192"], ["-groups", "ffdhe2048"], ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"],
        ["-tls1_2", "-cipher", "AES128-GCM-SHA256"], ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"],
        ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"],
    ):  # fmt: skip
        assert not offer(server.port, *refused), refused


def test_plain_words_to_a_tls_port_harm_nobody(serve, own_certificates, follow, job):
    server = start_tls(serve, own_certificates)
    with sockets.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " not in plain.recv(4_096)
    assert follow(server, job, context=trust(own_certificates)).expect("connected")


def test_sighup_takes_the_renewed_certificate_and_keeps_the_sockets(
    serve, redis, follow, job, own_certificates
):
    server = start_tls(serve, own_certificates)
    socket = follow(server, job, context=trust(own_certificates))
    socket.joined()
    assert served_name(server, own_certificates) == "first"
    own_certificates.renew("second")
    server.signal(signal.SIGHUP)
    eventually(lambda: served_name(server, own_certificates) == "second")
    redis.publish(job, "log", log_line="still")
    assert socket.event()["seq"] == 1


def test_a_broken_certificate_is_told_and_the_old_one_stays(serve, own_certificates):
    server = start_tls(serve, own_certificates)
    with open(own_certificates.certificate, "w") as file:
        file.write("not a certificate")
    said_before = len(server.lines)
    server.signal(signal.SIGHUP)
    eventually(lambda: any("certificate" in line.lower() for line in server.lines[said_before:]))
    assert served_name(server, own_certificates) == "first"
