"""A real Celery worker: its task publishes with redis-py, as the users' workers do; or nobody publishes
anything, and what Celery tells by itself is followed (celery-results, celery-events)."""

import base64
import json
import os
import signal
import subprocess
import sys

import pytest
import redis as redis_py
from celery import Celery
from support.client import events_of, snapshot_of
from support.waiting import eventually

APP = '''
import json
import os
import time

import redis
from celery import Celery

app = Celery("build", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.task_track_started = True
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


@app.task(bind=True, max_retries=1)
def quiet(self, steps, fails=0):
    for n in range(1, steps + 1):
        self.update_state(state="PROGRESS", meta={"current": n, "total": steps, "status": f"step {n}"})
    if self.request.retries < fails:
        try:
            raise ValueError("no luck")
        except ValueError as why:
            raise self.retry(exc=why, countdown=0)
    return {"status": "of its own", "steps": steps}


@app.task
def sleeps():
    time.sleep(60)
'''


@pytest.fixture(scope="module")
def celery(redis, make_folder):
    """A prefork worker with two children -> an application that sends tasks to it."""
    folder = make_folder()
    (folder / "build.py").write_text(APP)
    broker = f"redis://127.0.0.1:{redis.port}/1"
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "build", "worker", "-E", "--concurrency=2", "--loglevel=INFO"],
        cwd=folder, env=os.environ | {"BROKER": broker}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in worker.stdout:
        if "ready." in line:
            break
    assert worker.poll() is None, "the Celery worker died"
    yield Celery("build", broker=broker)
    os.killpg(worker.pid, signal.SIGTERM)
    worker.communicate(timeout=30)


def start(celery, job, task="build", **arguments):
    celery.send_task(f"build.{task}", kwargs=arguments, task_id=job)


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


# What Celery tells by itself

RESULTS, EVENTS = "celery-task-meta-*", "/*.celeryev/task.*"


@pytest.fixture
def overheard(redis):
    """overheard(job) -> what Celery has published about it, unpacked by other means than ours."""
    with redis_py.Redis(port=redis.port) as client, client.pubsub() as listener:
        listener.psubscribe(RESULTS, EVENTS)
        for _ in (RESULTS, EVENTS):
            assert listener.get_message(timeout=5)["type"] == "psubscribe"

        def read(job):
            told = []
            while message := listener.get_message(timeout=1):
                said = json.loads(message["data"])
                if "body" in said:
                    said = json.loads(base64.b64decode(said["body"]))
                told += [each for each in (said if isinstance(said, list) else [said])
                         if job in (each.get("uuid"), each.get("task_id"))]
            return told

        yield read


def without(event, *names):
    return {name: value for name, value in event.items() if name not in ("seq", "job_id", *names)}


def last_told(server, follow, job):
    return snapshot_of(follow(server, job).expect("connected"))


@pytest.mark.parametrize("history", ["memory", "redis"])
def test_a_task_is_followed_by_its_results_alone(serve, celery, follow, job, overheard, history):
    settings = {"celery_results": "true", "history": history, "key_prefix": f"{job}-{history}"}
    server, name = serve(**settings), f"{job}-{history}"
    socket = follow(server, name)
    socket.joined()
    start(celery, name, "quiet", steps=3)
    events = events_of(socket.until("complete", within=30))
    assert [event["type"] for event in events] == ["status", "progress", "progress", "progress", "complete"]
    assert [without(event, "type", "timestamp") for event in events] == [
        each for each in overheard(name) if "task_id" in each]
    told = last_told(server, follow, name)
    assert (told["status"], told["progress"], told["message"]) == ("completed", 100, "step 3")
    assert told["result"] == {"status": "of its own", "steps": 3}
    assert told["finished_at"][:23] == events[-1]["date_done"][:23] and told["error"] is None
    if history == "redis":
        again = last_told(serve(**settings), follow, name)
        assert without(again, "watchers") == without(told, "watchers")


def test_a_result_that_is_an_exception_is_a_failure_with_its_words(serve, celery, follow, job):
    server = serve(celery_results="true")
    socket = follow(server, job)
    socket.joined()
    start(celery, job, "quiet", steps=2, fails=2)
    error = socket.until("error", within=60)[-1]
    assert error["status"] == "FAILURE" and "ValueError: no luck" in error["traceback"]
    told = last_told(server, follow, job)
    assert (told["status"], told["error"], told["result"]) == ("failed", "ValueError: no luck", None)


@pytest.mark.parametrize("source", ["celery_results", "celery_events"])
def test_a_task_that_is_stopped_is_cancelled(serve, celery, follow, job, source):
    server, name = serve(**{source: "true"}), f"{job}-{source}"
    follow(server, name).joined()
    start(celery, name, "sleeps")
    eventually(lambda: last_told(server, follow, name)["status"] == "running", within=30)
    celery.control.revoke(name, terminate=True)
    eventually(lambda: last_told(server, follow, name)["status"] == "cancelled", within=30)
    assert last_told(server, follow, name)["finished_at"]


@pytest.mark.parametrize("history", ["memory", "redis"])
def test_a_task_is_followed_by_its_events_alone(serve, celery, follow, job, overheard, history):
    server, name = serve(celery_events="true", history=history), f"{job}-events-{history}"
    socket = follow(server, name)
    socket.joined()
    start(celery, name, "quiet", steps=1, fails=1)
    # Two processes tell of a retry, in whatever order.
    events = [socket.event(within=60) for _ in range(6)]
    assert sorted(event["type"] for event in events) == sorted([
        "task-received", "task-started", "task-received", "task-retried", "task-started", "task-succeeded"])
    assert [without(event) for event in events] == [each for each in overheard(name) if "uuid" in each]
    told = last_told(server, follow, name)
    assert (told["status"], told["progress"], told["attempt"]) == ("completed", 100, 2)
    assert told["error"] is None and told["result"] is None and told["parent"] is None


def test_both_together_tell_of_one_job(serve, celery, follow, job):
    server = serve(celery_results="true", celery_events="true")
    socket = follow(server, job)
    socket.joined()
    start(celery, job, "quiet", steps=2)
    events = events_of(socket.until("task-succeeded", within=30))
    types = {event["type"] for event in events}
    assert types == {"task-received", "task-started", "status", "progress", "complete", "task-succeeded"}
    told = last_told(server, follow, job)
    assert (told["status"], told["result"]["steps"], told["attempt"]) == ("completed", 2, 1)


def test_a_worker_that_is_not_followed_is_nobodys_news(serve, celery, follow, job, overheard):
    server = serve()
    start(celery, job, "quiet", steps=1)
    eventually(lambda: any(each.get("status") == "SUCCESS" for each in overheard(job)), within=30)
    assert last_told(server, follow, job)["status"] == "unknown"
