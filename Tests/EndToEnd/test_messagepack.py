"""The subprotocol jobwire.v1.msgpack, against PyPI's msgpack: the same messages, in binary frames."""

import json
import random

import msgpack
import pytest
from support.client import MESSAGEPACK, SUBPROTOCOL
from support.flood import SETTINGS, flood
from support.tokens import token
from support.vectors import member, named, vectors

EVENTS = vectors("events")["cases"]
CLIENT_MESSAGES = vectors("client-messages")
VECTORS = vectors("messagepack")


@pytest.fixture
def speak(follow, deflate):
    """follow(…) in MessagePack, without and with compression."""

    def open_socket(*arguments, **options):
        return follow(*arguments, subprotocols=[MESSAGEPACK], deflate=deflate, **options)

    return open_socket


def packed(text):
    """What another reader and another writer make of a JSON text."""

    def number(digits):
        value = int(digits)
        return value if -(2**63) <= value < 2**64 else float(value)

    def whole(value):  # half a surrogate, which UTF-8 has no bytes for
        if isinstance(value, str):
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if isinstance(value, list):
            return [whole(each) for each in value]
        if isinstance(value, dict):
            return {whole(name): whole(each) for name, each in value.items()}
        return value

    return msgpack.packb(whole(json.loads(text, parse_int=number)))


def generated(source, depth=0):
    kinds = ["int", "float", "str", "const"] + (["list", "dict"] * 2 if depth < 5 else [])
    kind = source.choice(kinds)
    if kind == "int":
        return source.choice([1, -1]) * source.randrange(2 ** source.randrange(1, 70))
    if kind == "float":
        return source.choice([source.random(), source.uniform(-1, 1) * 10 ** source.randrange(-300, 300), 2.0])
    if kind == "str":
        alphabet = source.choice(["ab", 'a"\\\n\t\x00/', "aé日😀"])
        return "".join(source.choice(alphabet) for _ in range(source.choice([0, 3, 31, 32, 255, 256, 700])))
    if kind == "const":
        return source.choice([None, True, False])
    count = source.choice([0, 1, 3, 15, 16, 20])
    if kind == "list":
        return [generated(source, depth + 2) for _ in range(count)]
    return {f"k{n}{source.choice(['', 'é', chr(10)])}": generated(source, depth + 2) for n in range(count)}


def test_the_protocol_is_chosen_by_the_client_in_its_order(server, follow, job):
    assert follow(server, job, subprotocols=[MESSAGEPACK]).subprotocol == MESSAGEPACK
    assert follow(server, job, subprotocols=["x", MESSAGEPACK, SUBPROTOCOL]).subprotocol == MESSAGEPACK
    assert follow(server, job, subprotocols=[SUBPROTOCOL, MESSAGEPACK]).subprotocol == SUBPROTOCOL
    socket = follow(server, job, where="subprotocol", subprotocols=[MESSAGEPACK])
    assert socket.expect("connected")["job_id"] == job


def test_control_messages_are_those_of_json(server, redis, follow, speak, job):
    redis.publish(job, "progress", progress=40, current_step="x")
    texts, packs = follow(server, job), speak(server, job)
    for plain, other in zip(texts.joined(), packs.joined(), strict=True):
        for message in (plain, other):
            message["data"].pop("watchers", None)
            message["data"].pop("expires_at", None)
        assert other == plain
    many = speak(server)
    many.expect("connected")
    many.send({"type": "ping", "id": 7})
    assert many.expect("pong") == {"type": "pong", "id": 7, "data": {}}
    many.send({"type": "subscribe", "id": 1.5, "data": {"jobs": [job]}})
    assert many.joined()[0]["id"] == 1.5
    many.send({"type": "unsubscribe", "id": None, "data": {"job_id": job}})
    assert many.expect("unsubscribed")["data"] == {"reason": "asked"}


@pytest.mark.parametrize("case", **named([case for case in EVENTS if "event_bytes_max" not in case]))
def test_every_event_of_the_vectors(server, redis, follow, speak, job, case):
    texts, packs = follow(server, job), speak(server, job)
    texts.joined(), packs.joined()
    redis.publish_raw(job, member(case, "payload"))
    event = texts.event()
    other = packs.event()
    if event["type"] == "binary" and isinstance(member(case, "payload"), bytes):
        assert other == event | {"data": member(case, "payload").removeprefix(b"\xef\xbb\xbf")}
    elif len(texts.raw) == len(json.dumps(event)) or packed(texts.raw) == packs.raw:
        assert packed(texts.raw) == packs.raw
    else:  # a name that stands twice stands twice here too; every reader takes the last
        assert other == json.loads(texts.raw)


def test_generated_events_to_the_byte(server, redis, follow, speak, job, slow):
    """Live, in a batch, and again as a replay."""
    source = random.Random(7)
    events = [{"type": "x", "data": generated(source)} for _ in range(20_000 if slow else 1_500)]
    texts, packs = follow(server, job), speak(server, job)
    texts.joined(), packs.joined()
    expected = []
    for at in range(0, len(events), 50):
        pipe = redis.client.pipeline(transaction=False)
        for event in events[at : at + 50]:
            pipe.publish(f"job:{job}:updates", json.dumps(event, ensure_ascii=source.random() < 0.5))
        pipe.execute()
        for event in events[at : at + 50]:
            assert texts.event()["data"] == event["data"]
            expected.append(packed(texts.raw))
            packs.event()
            assert packs.raw == expected[-1]
    late = speak(server, job, query={"history": 100})
    while late.next().get("seq") != len(events):
        if "seq" in msgpack.unpackb(late.raw):
            assert late.raw == expected[msgpack.unpackb(late.raw)["seq"] - 1]
    assert late.raw == expected[-1]


def test_types_and_gaps_are_told_in_messagepack(server, redis, speak, job):
    socket = speak(server, job, query={"types": "log"})
    socket.joined()
    for n in range(200):
        redis.publish(job, "progress", progress=n % 100)
    redis.publish(job, "log", log_line="end")
    messages = socket.until("log")
    assert messages[-1]["data"]["log_line"] == "end"
    assert {message["type"] for message in messages[:-1]} == {"live"}
    gone = speak(server, job, query={"after": "otherepoch:5"})
    assert "epoch_changed" in [message["data"].get("reason") for message in gone.joined()]


def test_one_event_reaches_followers_in_all_four_forms(server, redis, follow, job):
    sockets = [
        follow(server, job, subprotocols=[protocol], deflate=deflate)
        for protocol in (SUBPROTOCOL, MESSAGEPACK) for deflate in (False, True) for _ in range(2)
    ]
    for socket in sockets:
        socket.joined()
    for n in range(100):
        redis.publish(job, "log", log_line="the same words again and again " * (n % 20))
    for n in range(1, 101):
        heard = [socket.event() for socket in sockets]
        assert heard[0]["seq"] == n
        assert all(event == heard[0] for event in heard)


@pytest.mark.parametrize("case", **named(CLIENT_MESSAGES["cases"]))
def test_every_client_message_of_the_vectors(server, speak, case):
    def said(message):
        if not isinstance(message, str):
            return msgpack.packb(message)
        try:
            return msgpack.packb(json.loads(message))
        except ValueError:
            return message.encode()  # no JSON, and no MessagePack either

    socket = speak(server, token=token(jobs=CLIENT_MESSAGES["token_jobs"]))
    socket.expect("connected")
    for message in case.get("after", []):
        socket.send(said(message))
        socket.until("live")
    socket.send(said(case["message"]))
    for expected in case["reply"] if isinstance(case["reply"], list) else [case["reply"]]:
        received = socket.next()
        while received["type"] == "live":
            received = socket.next()
        code = expected.get("code")
        for name, value in expected.items():
            if name != "code":
                assert received.get(name) == value
        if code:
            assert received["data"]["code"] == code


def test_what_is_no_messagepack_is_rejected_by_name_and_harms_nothing(serve, redis, speak):
    server = serve(messages_per_second_max=100_000, messages_burst_max=100_000)
    socket = speak(server)
    socket.expect("connected")
    for case in VECTORS["refused"]:
        socket.send(bytes.fromhex(member(case, "hex")))
        rejected = socket.expect("rejected")["data"]
        assert rejected["code"] == "bad_message"
        assert case["rule"] in rejected["message"], case["name"]
    source = random.Random(3)
    for _ in range(500):
        socket.send(source.randbytes(source.randrange(0, 60)))
        assert socket.expect("rejected")["data"]["message"]
    socket.send({"type": "ping"})
    assert socket.expect("pong")


def test_each_socket_keeps_to_its_own_frames(server, follow, speak):
    packs = speak(server)
    packs.expect("connected")
    packs.send('{"type":"ping"}')
    assert packs.expect("rejected")["data"]["code"] == "text_not_spoken"
    packs.send({"type": "ping"})
    assert packs.expect("pong")
    texts = follow(server)
    texts.expect("connected")
    texts.send(msgpack.packb({"type": "ping"}))
    assert texts.expect("rejected")["data"]["code"] == "binary_not_spoken"
    texts.send({"type": "ping"})
    assert texts.expect("pong")


def test_a_first_token_may_come_in_messagepack(server, speak):
    socket = speak(server, where="message")
    assert socket.expect("connected")
    silent = speak(server, token=None)
    silent.send({"type": "ping"})
    assert silent.closed()[0] == 4401


def test_a_message_too_long_closes_the_socket(serve, redis, speak):
    server = serve(message_bytes_max=2_048)
    socket = speak(server)
    socket.expect("connected")
    socket.send(msgpack.packb("x" * 2_045))  # three bytes of head
    assert socket.expect("rejected")["data"]["code"] == "bad_message"
    socket.send(msgpack.packb("x" * 2_046))
    assert socket.closed()[0] == 1009


def test_a_slow_client_is_spared_what_matters_less_and_told(serve, redis, speak, follow, job):
    server = serve(**SETTINGS)
    slow, brisk = speak(server, job), follow(server, job, query={"types": "step"})
    slow.expect("connected")
    steps = flood(redis, job)
    while brisk.event()["seq"] < steps[-1]:
        pass
    due, seen, reasons = 1, [], set()
    while due <= steps[-1]:
        message = slow.next()
        if message["type"] == "gap":
            assert message["data"]["from"] == due
            due = message["data"]["to"] + 1
            reasons.add(message["data"]["reason"])
        elif "seq" in message:
            assert message["seq"] == due
            seen.append(due)
            due += 1
    assert len(seen) < steps[-1] and set(steps) <= set(seen)
    assert reasons and reasons <= {"conflated", "slow_consumer"}
    redis.publish(job, "log", log_line="again")
    assert slow.event()["data"] == {"log_line": "again"}
