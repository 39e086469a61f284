"""The vectors of conformance/, through the whole server: from Redis to the socket."""

import re
import urllib.parse

import pytest
from support.client import Socket
from support.server import ROOT, Jobwire
from support.tokens import token
from support.vectors import member, named, vectors

EVENTS = vectors("events")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture(scope="module")
def limited(redis):
    """Events above 1024 bytes are oversized here, for the cases about that limit."""
    server = Jobwire(redis.url, event_bytes_max=1024, key_prefix="limited")
    yield server
    server.stop()


@pytest.mark.parametrize("case", **named(EVENTS["cases"]))
def test_event(server, limited, redis, follow, job, case):
    chosen = limited if "event_bytes_max" in case else server
    socket = follow(chosen, job)
    socket.joined()
    redis.publish_raw(job, member(case, "payload"))
    socket.event()
    expected = member(case, "event")
    start = f'{{"seq":{EVENTS["seq"]},"job_id":"{EVENTS["job"]}"'
    assert expected.startswith(start)
    expected = f'{{"seq":1,"job_id":"{job}"' + expected[len(start) :]
    received = socket.raw
    if EVENTS["heard_at"] in expected:  # the server's own clock: any instant of the right form
        received = TIME.sub(EVENTS["heard_at"], received)
    assert received == expected


@pytest.mark.parametrize("case", **named(vectors("snapshots")["cases"]))
def test_snapshot(server, redis, follow, job, case):
    socket = follow(server, job)
    socket.joined()
    for payload in case["events"]:
        redis.publish_raw(job, payload)
        socket.event()
    answer = server.get(f"/api/v1/jobs/{job}", token=token())
    assert answer.status == 200
    folded = answer.json
    for name, value in case["snapshot"].items():
        if isinstance(value, str) and TIME.fullmatch(value) and not any(value[:19] in e for e in case["events"]):
            assert TIME.fullmatch(folded[name]), name  # when it was heard
        else:
            assert folded[name] == value, name


@pytest.mark.parametrize("case", **named(vectors("client-messages")["cases"]))
def test_client_message(server, follow, case):
    socket = follow(server, token=token(jobs=vectors("client-messages")["token_jobs"]))
    socket.expect("connected")
    for message in case.get("after", []):
        socket.send(message)
        socket.until("live")
    socket.send(case["message"])
    replies = case["reply"] if isinstance(case["reply"], list) else [case["reply"]]
    for expected in replies:
        received = socket.next()
        while received["type"] == "live":  # that of the job before
            received = socket.next()
        code = expected.pop("code", None) if isinstance(expected, dict) else None
        assert {name: received.get(name) for name in expected} == expected
        if code:
            assert received["data"]["code"] == code
            assert received["data"]["message"]


@pytest.mark.parametrize("kind", ["good", "bad"])
def test_job_ids_in_a_path(server, kind):
    for case in vectors("job-ids")[kind]:
        text = member(case, "id")
        encoded = case.get("encoded", text)
        assert urllib.parse.unquote(encoded) == text
        if not text:
            continue  # no segment at all: another path
        with Socket(server, f"/api/v1/ws/jobs/{encoded}/updates", token=token()) as socket:
            if kind == "good":
                assert socket.expect("connected")["job_id"] == text
            else:
                code, reason = socket.closed()
                assert (code, bool(reason)) == (4400, True), text


@pytest.mark.parametrize("kind", ["good", "bad"])
def test_cursors_in_a_query(server, follow, job, kind):
    for case in vectors("cursors")[kind]:
        socket = follow(server, job, query={"after": case["text"]})
        if kind == "good":
            assert socket.expect("connected")["job_id"] == job
        else:
            assert socket.closed()[0] == 4400, case["text"]
        socket.close()


def test_close_codes_are_those_of_the_contract():
    rows = {row["code"]: row["retry"] for row in vectors("close-codes")["codes"]}
    final = {code for code, retry in rows.items() if not retry}
    assert final == {code for code in rows if code >= 4400} - {4408, 4429}


def test_every_vector_file_is_explained():
    readme = (ROOT / "conformance/README.md").read_text()
    for path in (ROOT / "conformance").glob("*.json"):
        assert f"`{path.name}`" in readme
