"""`jobwire verify` on histories that bridges have recorded, whole and deliberately damaged."""

import json
import signal
import subprocess

import pytest
from support.server import BINARY, clean_environment
from support.tokens import token
from support.waiting import eventually

STATE, EVENTS, JOBS = "jobwire:{p}:job:j1:state", "jobwire:{p}:job:j1:events", "jobwire:{p}:jobs"


def verify(redis, *words):
    """-> (the exit code, {job: [what was found]} of what is not well)."""
    ended = subprocess.run(
        [BINARY, "verify", "--json", *words], env=clean_environment({"redis_url": redis.url}), text=True,
        capture_output=True, timeout=30)
    found = {}
    for each in json.loads(ended.stdout)["findings"]:
        if each["level"] != "ok":
            assert each["means"]
            found.setdefault(each["name"], []).append(each["found"])
    assert ended.returncode == (1 if found else 0), ended
    return ended.returncode, found


@pytest.fixture
def recorded(make_redis, serve):
    """A Redis in which a bridge has recorded ten events of j1 and two of j2, and is gone."""
    redis = make_redis()
    server = serve(redis.url)
    for number in range(1, 11):
        redis.publish("j1", "log", log_line=str(number))
    for number in range(1, 3):
        redis.publish("j2", "log", log_line=str(number))
    eventually(lambda: redis.client.xlen("jobwire:{p}:job:j2:events") == 2, what="all recorded")
    server.stop()
    return redis


def test_what_bridges_recorded_is_whole(recorded, serve):
    assert verify(recorded) == (0, {})
    assert verify(recorded, "j1", "nobody") == (0, {})
    # A second bridge comes after a break: the gap it records is told and is no fault.
    second = serve(recorded.url)
    recorded.publish("j1", "log", log_line="after the break")
    eventually(lambda: recorded.client.xlen(EVENTS) == 12, what="recorded behind a gap")
    told = subprocess.run(
        [BINARY, "verify", "j1"], env=clean_environment({"redis_url": recorded.url}), text=True, capture_output=True)
    assert told.returncode == 0 and "gaps told at 11" in told.stdout and "1 job looked at: whole." in told.stdout
    log = second.get("/api/v1/jobs/j1/log", token=token()).text
    assert "10\n[events may be missing here: unrecorded]\nafter the break\n" in log, "how many nobody knows"


@pytest.mark.parametrize("damage, found", [
    (lambda r: r.xdel(EVENTS, "5-0", "6-0", "8-0"), "missing in the middle: 5…6, 8…8"),
    (lambda r: r.xdel(EVENTS, "10-0"), "the state is at 10, the events end at 9"),
    (lambda r: r.xdel(EVENTS, "1-0"), "the events begin at 2, the state says 1"),
    (lambda r: r.xadd(EVENTS, {"a": "b"}, id="99-1"), "entries of somebody else: 99-1"),
    (lambda r: r.xadd(EVENTS, {"event": '"x":1}'}, id="11-0"), "the state is at 10, the events end at 11"),
    (lambda r: r.hset(STATE, "seq", 4), "the state is at 4, the events end at 10"),
    (lambda r: r.hset(STATE, "bytes", 4), "the state says 4"),
    (lambda r: r.hset(STATE, "seq", "many"), "a state without numbers"),
    (lambda r: r.delete(STATE), "events without a state"),
    (lambda r: (r.delete(STATE), r.delete(EVENTS)), "is listed and has no state"),
    (lambda r: (r.delete(STATE), r.set(STATE, "x")), "state is a string"),
    (lambda r: (r.delete(EVENTS), r.lpush(EVENTS, "x")), "events are a list"),
    (lambda r: r.zrem(JOBS, "j1"), "is not in the list of jobs"),
])  # fmt: skip
def test_each_damage_is_found_and_nothing_else(recorded, damage, found):
    damage(recorded.client)
    for words in [(), ("j1",)]:
        _, differences = verify(recorded, *words)
        assert list(differences) == ["j1"]
        assert any(found in each for each in differences["j1"]), differences
    assert verify(recorded, "j2") == (0, {})


def test_expired_events_are_no_fault(recorded):
    recorded.client.delete(EVENTS)
    assert verify(recorded) == (0, {})


def test_a_redis_that_is_away_is_told(recorded):
    recorded.stop()
    ended = subprocess.run(
        [BINARY, "verify"], env=clean_environment({"redis_url": recorded.url}), text=True, capture_output=True)
    assert ended.returncode == 4 and "can't reach Redis" in ended.stderr


# Looking on: heard, recorded and delivered.


@pytest.fixture
def look_on():
    """Starts `jobwire verify --for`; -> the process, when it hears the workers of `redis`."""
    started = []

    def start(redis, server, *words, time="2s", **settings):
        def subscribers():
            return len(redis.client.client_list(_type="pubsub"))

        before = subscribers()
        settings = {"redis_url": redis.url, "token_secret": server.settings["token_secret"],
                    "listen": server.settings["listen"], **settings}  # fmt: skip
        started.append(subprocess.Popen(
            [BINARY, "verify", f"--for={time}", "--json", *words], env=clean_environment(settings), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        eventually(lambda: subscribers() > before or started[-1].poll() is not None)
        return started[-1]

    yield start
    for each in started:
        if each.poll() is None:
            each.kill()


def told(process):
    """-> (the exit code, {name: what was found})."""
    out, errors = process.communicate(timeout=40)
    assert out, errors
    return process.returncode, {each["name"]: each["found"] for each in json.loads(out)["findings"]}


def publish_some(redis, jobs=("j1", "j2"), count=50):
    for number in range(count):
        for job in jobs:
            # Each third event leaves its time to the bridge, some are the same.
            redis.publish_raw(job, json.dumps({"type": "log", "data": {"n": number // 5}} | (
                {} if number % 3 else {"timestamp": "2025-01-06T12:00:00.000Z"})))


@pytest.mark.parametrize("words", [(), ("j1", "j2")])
@pytest.mark.parametrize("history", ["redis", "memory"])
def test_all_that_is_heard_is_recorded_and_delivered(make_redis, serve, look_on, words, history):
    redis = make_redis()
    server = serve(redis.url, history=history)
    redis.publish("j1", "log", log_line="before")
    looking = look_on(redis, server, *words, history=history)
    publish_some(redis)
    for text in ["no json", "[1,NaN]", '{"seq":7,"job_id":"x"}', "x" * 2_000_000]:
        redis.publish_raw("j2", text)
    redis.client.publish("feed:ops:updates", "{}")
    code, found = told(looking)
    middle = "104 recorded" if history == "redis" else "not recorded in Redis"
    assert (code, found["all"]) == (0, f"104 heard, {middle}, 104 delivered"), found
    assert set(found) == {"all", *words}


def test_a_bridge_that_stands_still_is_a_difference(make_redis, serve, look_on):
    redis = make_redis()
    server = serve(redis.url)
    looking = look_on(redis, server, time="1s")
    server.signal(signal.SIGSTOP)
    publish_some(redis, count=3)
    code, found = told(looking)
    assert code == 1 and found["all"] == "6 heard, 0 recorded, 0 delivered"
    assert "of the events heard, number 1 and 2 behind it was not recorded" in found["j1"]


def test_a_bridge_on_another_redis_is_a_difference(make_redis, serve, look_on):
    redis, other = make_redis(), make_redis()
    server = serve(other.url)
    looking = look_on(redis, server, "j1", time="1s")
    publish_some(redis, count=2)
    code, found = told(looking)
    assert code == 1 and "2 heard, 0 recorded, 0 delivered" in found["j1"]


@pytest.mark.parametrize("damage, says", [
    (lambda r: r.xtrim(EVENTS, maxlen=0), "was not recorded"),
    (lambda r: (r.delete(EVENTS), [r.xadd(EVENTS, {"event": '"x":1}'}, id=f"{n}-0") for n in range(1, 6)]),
     "was not recorded"),
    (lambda r: r.xadd(EVENTS, {"event": '"x":1}'}, id="6-0"), "6 is recorded and was not delivered"),
])  # fmt: skip
def test_a_history_that_differs_from_what_was_heard_is_found(make_redis, serve, look_on, damage, says):
    redis = make_redis()
    server = serve(redis.url)
    looking = look_on(redis, server, "j1", time="2s")
    publish_some(redis, jobs=["j1"], count=5)
    eventually(lambda: redis.client.xlen(EVENTS) == 5, what="all recorded")
    damage(redis.client)
    code, found = told(looking)
    assert code == 1 and says in found["j1"], found


def test_nothing_published_is_no_proof(make_redis, serve, look_on):
    redis = make_redis()
    assert told(look_on(redis, serve(redis.url), time="1s")) == (1, {"all": "0 heard, 0 recorded, 0 delivered"})


def test_no_bridge_to_look_at_is_told(make_redis, serve, look_on):
    redis = make_redis()
    server = serve(redis.url)
    server.stop()
    looking = look_on(redis, server)
    _, errors = looking.communicate(timeout=20)
    assert looking.returncode == 4 and server.settings["listen"] in errors
