"""Jobs over HTTP as somebody else's code sees it: the description, streams, posts, the list."""

import json
import pathlib
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from support.event_stream import EventStream
from support.tokens import token

ALL = {"scope": "jobs:read jobs:publish"}


@pytest.fixture
def stream():
    opened = []

    def open_stream(server, job, **options):
        options.setdefault("token", token())
        opened.append(EventStream(server, job, **options))
        return opened[-1]

    yield open_stream
    for each in opened:
        each.close()


def post(server, job, body, key=None, status=200, **claims):
    headers = {"Authorization": f"Bearer {token(**(claims or ALL))}"} | ({"Idempotency-Key": key} if key else {})
    request = urllib.request.Request(
        server.url(f"/api/v1/jobs/{job}/events"), method="POST", data=json.dumps(body).encode(), headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    with answer:
        assert answer.status == status
        return json.loads(answer.read())


def test_a_stream_has_what_a_page_has(server, redis, stream, job):
    for n in range(20):
        redis.publish(job, "log", log_line=f"line {n}")
    listening = stream(server, job)
    assert listening.status == 200
    heard = [m for m in listening.until("live") if "seq" in m]
    while not heard or heard[-1]["seq"] < 20:
        heard.append(next(listening))
    page = server.get(f"/api/v1/jobs/{job}/events", token=token()).json
    assert page["events"] == heard and page["next"] == listening.last_id
    log = server.get(f"/api/v1/jobs/{job}/log", token=token())
    assert log.text.splitlines() == [f"line {n}" for n in range(20)]


def test_who_comes_back_with_its_last_id_misses_nothing_and_sees_nothing_twice(
    serve, redis, stream, job
):
    server = serve(history_events_max=100_000)
    count = 3_000
    worker = threading.Thread(
        target=lambda: [redis.publish(job, "log", log_line=str(n)) for n in range(count)])
    worker.start()
    seen, last_id, visits = [], None, 0
    while len(seen) < count:
        listening = stream(server, job, last_id=last_id)
        visits += 1
        taken = 0
        for message in listening:
            if "seq" in message:
                seen.append(message["seq"])
                taken += 1
            assert message["type"] != "gap"
            if taken == 200 or len(seen) == count:
                break
        last_id = listening.last_id
        listening.close()
    worker.join()
    assert seen == list(range(1, count + 1)) and visits >= 15


def test_a_stream_takes_its_token_from_the_query_as_a_browser_must(server, stream, job):
    assert stream(server, job, token=None, query=f"?token={token()}").until("live")
    assert stream(server, job, token=None).status == 401
    assert stream(server, job, token=token(jobs=["other"])).status == 403


def test_a_worker_without_redis_posts_and_followers_hear(server, follow, stream, job):
    socket, listening = follow(server, job), stream(server, job)
    socket.joined()
    listening.until("live")
    one = post(server, job, {"type": "progress", "data": {"progress": 40}})
    two = post(server, job, [{"type": "log", "data": {"log_line": "ä"}}, {"type": "complete"}])
    assert one["seqs"] == [1] and two["seqs"] == [2, 3] and one["epoch"] == two["epoch"]
    for hear in (socket.event, lambda: next(m for m in listening if "seq" in m)):
        assert [hear()["type"] for _ in range(3)] == ["progress", "log", "complete"]
    assert server.get(f"/api/v1/jobs/{job}", token=token()).json["status"] == "completed"


def test_who_posts_again_with_the_same_key_is_told_the_first_numbers(serve, redis, job):
    """Whichever of two bridges it comes to."""
    key = {"key_prefix": "again"}
    first, second = serve(redis.url, **key), serve(redis.url, **key)
    events = [{"type": "log", "data": {"log_line": "once"}}, {"type": "complete"}]
    told = [post(server, job, events, key="build-7_a") for server in (first, second, first)]
    assert told[0]["seqs"] == [1, 2] and told == [told[0]] * 3
    assert post(second, job, events, key="build-7_b")["seqs"] == [3, 4]
    refusal = post(second, job, events[:1], key="build-7_a", status=409)
    assert refusal["error"]["code"] == "idempotency_key_reused"
    assert first.get(f"/api/v1/jobs/{job}/log", token=token()).text == "once\nonce\n"


def test_the_list_finds_a_job_by_its_words(server, redis, follow, job):
    socket = follow(server, job)
    redis.publish(job, "status", status="paused", queue=f"q-{job}", owner="ann")
    socket.event()
    ask = lambda query, **claims: [  # noqa: E731
        row["job_id"]
        for row in server.get(f"/api/v1/jobs?{query}", token=token(**claims)).json["jobs"]]
    assert ask(f"queue=q-{job}") == [job]
    assert ask(f"queue=q-{job}&status=paused&owner=ann&q={job}") == [job]
    assert ask(f"queue=q-{job}&status=running") == []
    assert ask(f"queue=q-{job}", jobs=["other-*"]) == []


def test_a_long_poll_answers_with_the_next_event(server, redis, job):
    answers = []
    ask = threading.Thread(
        target=lambda: answers.append(
            server.get(f"/api/v1/jobs/{job}/events?wait=9", token=token()).json))
    ask.start()
    while ask.is_alive():
        redis.publish(job, "log", log_line="x")
        ask.join(0.05)
    assert answers[0]["events"][0]["seq"] == 1


def test_the_description_holds_against_schemathesis(serve, redis, make_folder):
    """Hundreds of requests, right and wrong ones, made from openapi.json and judged by it.

    A queue's events are left out: they are a stream without an end, and nothing else.
    """
    server, folder = serve(token_cookie="jw"), make_folder()
    paths = server.get("/openapi.json").json["paths"].values()
    count = sum(method in ("get", "post", "delete") for path in paths for method in path)
    redis.publish("seen", "log", log_line="x")
    (folder / "schemathesis.toml").write_text('[parameters]\n"query.wait" = 0\n')
    judged = subprocess.run(
        [
            pathlib.Path(sys.executable).with_name("schemathesis"),
            "--config-file", folder / "schemathesis.toml", "run", server.url("/openapi.json"),
            "--header", f"Authorization: Bearer {token(**ALL)}", "--checks", "all", "--phases",
            "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1", "--no-color",
            "--continue-on-failure", "--exclude-path", "/api/v1/queues/{name}/events",
        ],
        cwd=folder, capture_output=True, text=True, timeout=100)  # fmt: skip
    assert judged.returncode == 0, judged.stdout
    # It never counts the address that it read the description from.
    assert f"{count - 2} selected / {count - 1} total" in judged.stdout
    assert server.process.poll() is None
