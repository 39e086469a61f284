"""Slow, broken and hostile clients, by raw sockets: each gets its answer, and nobody else is delayed."""

import base64
import os
import re
import select
import socket as sockets
import time

import pytest
from support.client import Socket, job_path
from support.proxy import Proxy
from support.tokens import token
from support.waiting import PATIENCE_SECONDS, eventually
from websockets.exceptions import ConnectionClosed


def raw(server, payload=b"", receive_buffer=None):
    """A TCP connection that has sent `payload`."""
    plain = sockets.socket()
    if receive_buffer:
        plain.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, receive_buffer)
    plain.settimeout(PATIENCE_SECONDS)
    plain.connect(("127.0.0.1", server.port))
    plain.sendall(payload)
    return plain


def read_all(plain):
    """What comes until the server closes."""
    received = b""
    try:
        while chunk := plain.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass
    plain.close()
    return received


def upgraded(server, path, receive_buffer=None):
    """A WebSocket by hand, for frames that no honest client sends -> (socket, bytes behind the head)."""
    key = base64.b64encode(os.urandom(16)).decode()
    plain = raw(
        server,
        f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        f"Authorization: Bearer {token()}\r\n\r\n".encode(),
        receive_buffer)
    received = b""
    while b"\r\n\r\n" not in received:
        received += plain.recv(1)
    assert b" 101 " in received.split(b"\r\n")[0]
    return plain


def close_code(plain):
    """Reads frames until a close frame -> its code."""
    buffer = b""
    while True:
        while len(buffer) >= 2:
            length, at = buffer[1] & 0x7F, 2
            if length == 126:
                length, at = int.from_bytes(buffer[2:4]), 4
            elif length == 127:
                length, at = int.from_bytes(buffer[2:10]), 10
            if len(buffer) < at + length:
                break
            if buffer[0] == 0x88:
                plain.close()
                return int.from_bytes(buffer[at : at + 2])
            buffer = buffer[at + length :]
        chunk = plain.recv(65_536)
        assert chunk, "closed without a close frame"
        buffer += chunk


def masked(first_byte, payload, length=None):
    length = len(payload) if length is None else length
    if length < 126:
        head = bytes([first_byte, 0x80 | length])
    elif length < 65_536:
        head = bytes([first_byte, 0xFE]) + length.to_bytes(2)
    else:
        head = bytes([first_byte, 0xFF]) + length.to_bytes(8)
    return head + bytes(4) + payload


FRAMES = {
    "an unmasked frame": (bytes([0x81, 2]) + b"{}", 1002),
    "a reserved bit": (masked(0xC1, b"{}"), 1002),
    "an unknown opcode": (masked(0x83, b"{}"), 1002),
    "a ping of 126 bytes": (masked(0x89, bytes(126)), 1002),
    "a fragmented ping": (masked(0x09, b""), 1002),
    "a continuation of nothing": (masked(0x80, b"{}"), 1002),
    "a length not written shortest": (bytes([0x81, 0xFE, 0, 2]) + bytes(4) + b"{}", 1002),
    "a close with one byte": (masked(0x88, b"\x03"), 1002),
    "a close with code 1005": (masked(0x88, (1005).to_bytes(2)), 1002),
    "text that is not UTF-8": (masked(0x81, b'{"type":"\xff"}'), 1007),
    "half a character at the end": (masked(0x81, b'"\xc3'), 1007),
    "a frame that promises 2^62 bytes": (masked(0x81, b"", length=2**62), 1009),
    "a frame above the limit": (masked(0x81, b"", length=65_537), 1009),
    "fragments above the limit together": (masked(0x01, b" " * 40_000) + masked(0x80, b" " * 40_000), 1009),
}


@pytest.mark.parametrize("what", FRAMES)
def test_a_broken_frame_is_answered_with_its_code(server, what):
    frame, code = FRAMES[what]
    plain = upgraded(server, "/api/v1/ws")
    plain.sendall(frame)
    assert close_code(plain) == code


def test_bad_text_is_noticed_before_its_frame_ends(server):
    plain = upgraded(server, "/api/v1/ws")
    plain.sendall(masked(0x81, b"\xff" * 10, length=60_000))
    assert close_code(plain) == 1007


def test_a_message_of_just_the_limit_is_read(server, follow):
    socket = follow(server)
    socket.expect("connected")
    body = '{"type":"ping","id":"%s"}'
    socket.send(body % ("x" * (65_536 - len(body) + 2)))
    assert socket.next()["type"] in ("pong", "rejected")
    socket.send(body % ("x" * (65_536 - len(body) + 3)))
    assert socket.closed()[0] == 1009


def test_a_small_message_that_inflates_beyond_the_limit_is_1009(server, follow):
    socket = follow(server, deflate=True)
    socket.expect("connected")
    socket.send('{"type":"ping","id":"' + "x" * 10_000_000 + '"}')
    assert socket.closed()[0] == 1009


HEADS = {
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    "a space in the path": (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "HTTP/3.0": (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    "a length and chunks": (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "a length with a sign": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400),
    "a space before the colon": (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "a folded header": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400),
    "a bare carriage return": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400),
    "a null byte": (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n", 400),
    "a line too long": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a head too long": (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    "headers too many": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
}  # fmt: skip


@pytest.mark.parametrize("what", HEADS)
def test_a_broken_head_is_refused_and_the_connection_ends(server, what):
    head, status = HEADS[what]
    answer = read_all(raw(server, head + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert int(answer.split(b" ")[1]) == status
    assert answer.count(b"HTTP/1.1 ") == 1, "what follows a broken head is not believed"


def test_requests_sent_together_are_answered_in_order(server):
    ask = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = read_all(raw(server, ask * 20 + last))
    assert answer.count(b"HTTP/1.1 200 ") == 20 and answer.count(b"HTTP/1.1 404 ") == 1
    assert answer.rindex(b" 404 ") > answer.rindex(b" 200 ")


def test_a_wrong_websocket_version_is_426(server):
    answer = read_all(raw(
        server, b"GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"))  # fmt: skip
    assert b" 426 " in answer.split(b"\r\n")[0] and b"sec-websocket-version: 13" in answer.lower()


def test_a_slow_head_is_cut_off(serve):
    server = serve(handshake_timeout="500ms")
    silent, dripping = raw(server), raw(server, b"GET / HTTP/1.1\r\nHost")
    began = time.monotonic()
    while True:  # a byte now and then buys no more time
        readable, _, _ = select.select([dripping], [], [], 0.1)
        if readable:
            break
        dripping.sendall(b"x")
        assert time.monotonic() - began < 5
    assert time.monotonic() - began >= 0.3
    for plain in (silent, dripping):
        answer = read_all(plain)
        assert answer == b"" or b" 408 " in answer.split(b"\r\n")[0]
    assert server.get("/healthz").status == 200


def test_thousands_that_say_nothing_disturb_nobody(serve, redis, follow, job, slow):
    import resource

    count = 10_000 if slow else 500
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 1_000), hard))
    server = serve(handshake_timeout="300s", connections_max=20_000, connections_per_address_max=20_000)
    silent = [raw(server) for _ in range(count)]
    eventually(lambda: server.metric("jobwire_connections") > count, what="all are in")
    watcher = follow(server, job)
    watcher.joined()
    spent = server.metric("process_cpu_seconds_total")
    for n in range(100):
        redis.publish(job, "progress", progress=n)
        watcher.event()
    assert server.metric("process_cpu_seconds_total") - spent < 1, "100 updates, one after the other"
    assert server.get("/healthz").status == 200
    for plain in silent:
        plain.close()


def test_connections_have_a_limit_in_all_and_for_each_address(serve, follow, job):
    for setting in ("connections_max", "connections_per_address_max"):
        server = serve(**{setting: 5})
        first = [follow(server, f"{job}-{n}") for n in range(4)]
        for socket in first:
            socket.expect("connected")
        refused = 0
        for _ in range(5):
            try:
                follow(server, job).expect("connected")  # the fifth fits
            except ConnectionClosed as end:
                refused += end.rcvd.code in (4429, 1013)
            except Exception:  # refused before or during the handshake
                refused += 1
        assert refused >= 4, setting
        for socket in first:
            socket.send({"type": "ping"})
            socket.until("pong")


def test_one_that_talks_too_much_is_4429(serve, follow):
    server = serve(messages_per_second_max=10, messages_burst_max=20)
    socket = follow(server)
    socket.expect("connected")
    for _ in range(20):
        socket.send({"type": "ping"})
        socket.expect("pong")
    try:
        for _ in range(100):
            socket.send({"type": "ping"})
    except Exception:
        pass  # closed while we were still talking
    assert socket.closed()[0] == 4429


def test_one_that_does_not_read_is_4408_and_delays_nobody(serve, redis, follow, job):
    server = serve(outbox_bytes_max=1_048_576, write_timeout="1s")
    lazy = upgraded(server, job_path(job), receive_buffer=4_096)
    reader = follow(server, job)
    reader.joined()
    for n in range(1, 601):
        redis.publish(job, "status", status="running", padding="x" * 30_000)
        assert reader.event()["seq"] == n
    eventually(lambda: server.metric("jobwire_closes_total", code="4408") >= 1, what=server.log[-500:])
    lazy.close()


def test_the_reason_of_4408_is_the_cursor_to_come_back_with(serve, redis, follow, job):
    server = serve(outbox_bytes_max=65_536, event_bytes_max=32_768, write_timeout="1s")
    lazy = upgraded(server, job_path(job), receive_buffer=4_096)
    reader = follow(server, job)
    reader.joined()
    for n in range(1, 401):
        redis.publish(job, "status", status="running", padding="x" * 30_000)
        reader.event()
    eventually(lambda: server.metric("jobwire_closes_total", code="4408") >= 1)
    received = read_all(lazy)
    at = received.rfind(b"\x88")
    if at >= 0 and received[at + 2 : at + 4] == (4408).to_bytes(2):
        cursor = re.search(r"\w+:\d+", received[at + 4 :].decode())[0]
        resumed = follow(server, job, query={"after": cursor}).joined()
        first = next(m for m in resumed if "seq" in m or m["type"] == "gap")
        assert first.get("seq") == int(cursor.split(":")[1]) + 1 or first["type"] == "gap"


def test_a_peer_that_fell_silent_is_found_out(serve, job):
    server = serve(ping_interval="1s")
    proxy = Proxy(server.port)
    socket = Socket(server, job_path(job), token=token(), port=proxy.port)
    socket.joined()
    with pytest.raises(TimeoutError):
        socket.next(within=3)  # it answers pings, so it stays
    assert server.metric("jobwire_subscriptions") == 1
    proxy.stall()
    eventually(lambda: server.metric("jobwire_subscriptions") == 0)
    proxy.close()


def test_a_worker_that_publishes_ten_megabytes_is_told_to_all(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    redis.publish_raw(job, b'{"type":"log","data":{"log_line":"' + b"x" * 10_000_000 + b'"}}')
    event = socket.event()
    assert (event["type"], event["data"]) == ("oversized", {"bytes": 10_000_037})
    redis.publish(job, "log", log_line="after")
    assert socket.event()["seq"] == 2
    assert server.metric("jobwire_event_oddities_total", oddity="oversized") >= 1


def test_a_body_costs_as_much_as_it_is_long(serve):
    """Eight times the body is eight times the work, not sixty-four times."""
    server = serve(http_body_bytes_max=64 << 20, handshake_timeout="120s")

    def work():
        with open(f"/proc/{server.process.pid}/stat") as file:
            return sum(int(ticks) for ticks in file.read().rpartition(")")[2].split()[11:13])

    def cost(size):
        before = work()
        head = f"POST {job_path('j1').partition('/ws')[0]}/jobs/j1/events HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n"
        plain = raw(server, f"{head}Authorization: Bearer {token(scope='jobs:publish')}\r\nConnection: close\r\n\r\n".encode())
        for _ in range(size // 16_384):
            plain.sendall(b" " * 16_384)
        assert b" 400 " in read_all(plain).split(b"\r\n")[0]
        return work() - before

    short, long = cost(8 << 20), cost(64 << 20)
    assert long <= 24 * max(short, 3), (short, long)
