"""What README.md and docs/celery.md tell a reader to paste, pasted: only addresses are the tests' own."""

import os
import re
import signal
import subprocess
import sys

import pytest
from support.server import ROOT
from support.tokens import SECRET, token
from support.waiting import eventually

ADDRESSES = {"redis://127.0.0.1:6379": "redis", "report-7": "job"}


def pasted(document, language, **replaced):
    """The blocks of this language, each with the address of our Redis, and a job's name, in the place of its own."""
    text = (ROOT / document).read_text()
    for before, after in ADDRESSES.items():
        text = text.replace(before, replaced.get(after, before))
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)


def run(code, folder, **environment):
    """-> what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def follow_all(server, follow, bearer):
    socket = follow(server, path="/api/v1/ws/queues/*", token=bearer, where="subprotocol")
    socket.expect("connected")
    return socket


def test_with_one_token_a_user_follows_their_jobs_as_the_readme_says(server, redis, follow, make_folder, job):
    worker, issuer = pasted("README.md", "python", redis=redis.url, job=job)
    (page,) = pasted("README.md", "js")
    assert "/api/v1/ws/queues/*" in page and "`bearer.${token}`" in page
    folder = make_folder()
    ann = follow_all(server, follow, run(f"{issuer}\nprint(token)", folder, JOBWIRE_TOKEN_SECRET=SECRET))
    bob = follow_all(server, follow, token(jobs=[], sub="bob"))
    run(worker, folder)
    told = [ann.event(), ann.event()]
    assert [(each["job_id"], each["type"]) for each in told] == [(job, "status"), (job, "progress")]
    assert told[0]["data"] == {"status": "queued", "owner": "ann"}
    bob.send({"type": "ping"})
    bob.expect("pong")


@pytest.fixture
def application(redis, make_folder):
    """The two files of docs/celery.md and a worker that runs the first -> how to run the second."""
    folder = make_folder()
    app, starting = pasted("docs/celery.md", "python", redis=f"{redis.url}/5")
    (folder / "app.py").write_text(app)
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "app", "worker", "-E", "--concurrency=1", "--loglevel=INFO"],
        cwd=folder, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert any("ready." in line for line in worker.stdout), "the Celery worker died"
        yield lambda: run(starting, folder)
    finally:
        os.killpg(worker.pid, signal.SIGTERM)
        worker.communicate(timeout=30)


#: What a dashboard sees by which switches: types of events, and what the snapshot has at the end.
RESULTS = {"progress", "complete"}
EVENTS = {"task-sent", "task-received", "task-started", "task-succeeded"}
OWNED = {"status"}
SEEN = {
    "neither": ({}, OWNED, ("queued", None, None, None)),
    "results": ({"celery_results": "true"}, OWNED | RESULTS, ("completed", {"parts": 3}, "celery", 1)),
    "events": ({"celery_events": "true"}, OWNED | EVENTS, ("completed", None, "celery", 1)),
    "both": (
        {"celery_results": "true", "celery_events": "true"},
        OWNED | RESULTS | EVENTS,
        ("completed", {"parts": 3}, "celery", 1),
    ),
}


def test_each_celery_switch_shows_a_user_what_the_document_says(serve, follow, application):
    bridges = {name: serve(**settings) for name, (settings, _, _) in SEEN.items()}
    bearers = {who: token(jobs=None, scope="", sub=who) for who in ("ann", "bob")}
    sockets = {name: follow_all(bridge, follow, bearers["ann"]) for name, bridge in bridges.items()}
    others = [follow_all(bridge, follow, bearers["bob"]) for bridge in bridges.values()]
    job = application()
    for name, (_, types, end) in SEEN.items():
        found = []
        while {each["type"] for each in found} != types:
            found.append(sockets[name].event(within=30))

        def state(bridge=bridges[name]):
            told = bridge.get(f"/api/v1/jobs/{job}", bearers["ann"]).json
            assert told["owner"] == "ann"
            return tuple(told[member] for member in ("status", "result", "queue", "attempt"))

        eventually(lambda end=end, state=state: state() == end, what=f"{name}: {end}")
    for each in others:
        each.send({"type": "ping"})
        each.expect("pong")
