"""A real Celery worker whose task publishes with redis-py, as the users' workers do."""

import os
import signal
import subprocess
import sys

import pytest
from celery import Celery
from support.client import events_of, snapshot_of

APP = '''
import json
import os

import redis
from celery import Celery

app = Celery("build", broker=os.environ["BROKER"])
publisher = redis.Redis.from_url(os.environ["BROKER"])


def publish(task, type, **data):
    publisher.publish(f"job:{task.request.id}:updates", json.dumps({"type": type, "data": data}))


@app.task(bind=True, max_retries=1)
def build(self, lines, fails=0):
    attempt = self.request.retries + 1
    publish(self, "status", status="running", attempt=attempt)
    for n in range(1, lines + 1):
        publish(self, "log", log_line=f"line {n}\\n")
        publish(self, "progress", progress=100 * n // lines, current_step=f"step {n}", attempt=attempt)
    if attempt <= fails:
        publish(self, "error", error_message="no luck", final=False, attempt=attempt)
        raise self.retry(countdown=0)
    publish(self, "complete", status="completed", result={"lines": lines}, attempt=attempt)
'''


@pytest.fixture(scope="module")
def celery(redis, make_folder):
    """A prefork worker with two children -> an application that sends tasks to it."""
    folder = make_folder()
    (folder / "build.py").write_text(APP)
    broker = f"redis://127.0.0.1:{redis.port}/1"
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "build", "worker", "--concurrency=2", "--loglevel=INFO"],
        cwd=folder, env=os.environ | {"BROKER": broker}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in worker.stdout:
        if "ready." in line:
            break
    assert worker.poll() is None, "the Celery worker died"
    yield Celery("build", broker=broker)
    os.killpg(worker.pid, signal.SIGTERM)
    worker.communicate(timeout=30)


def start(celery, job, **arguments):
    celery.send_task("build.build", kwargs=arguments, task_id=job)


def test_a_follower_sees_a_task_from_its_start_to_its_end(server, celery, follow, job, deflate):
    socket = follow(server, job, deflate=deflate)
    socket.joined()
    start(celery, job, lines=50)
    events = events_of(socket.until("complete", within=30))
    assert [event["seq"] for event in events] == list(range(1, 103))
    logs = [event["data"]["log_line"] for event in events if event["type"] == "log"]
    assert logs == [f"line {n}\n" for n in range(1, 51)]


def test_who_comes_after_the_end_sees_it_all(server, celery, follow, job):
    watcher = follow(server, job)
    watcher.joined()
    start(celery, job, lines=20)
    watcher.until("complete", within=30)
    messages = follow(server, job).joined()
    assert len(events_of(messages)) == 42
    told = snapshot_of(messages[0])
    assert (told["status"], told["progress"], told["log_lines"]) == ("completed", 100, 20)
    assert told["result"] == {"lines": 20}


def test_a_retry_is_a_second_attempt_that_begins_at_zero(server, celery, follow, job):
    socket = follow(server, job)
    socket.joined()
    start(celery, job, lines=4, fails=1)
    events = events_of(socket.until("complete", within=60))
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    told = snapshot_of(follow(server, job).expect("connected"))
    assert (told["status"], told["attempt"], told["progress"]) == ("completed", 2, 100)
