"""`jobwire verify` on histories that bridges have recorded, whole and deliberately damaged."""

import json
import subprocess

import pytest
from support.server import BINARY, clean_environment
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
    serve(recorded.url)
    recorded.publish("j1", "log", log_line="after the break")
    eventually(lambda: recorded.client.xlen(EVENTS) == 12, what="recorded behind a gap")
    told = subprocess.run(
        [BINARY, "verify", "j1"], env=clean_environment({"redis_url": recorded.url}), text=True, capture_output=True)
    assert told.returncode == 0 and "gaps told at 11" in told.stdout and "1 job looked at: whole." in told.stdout


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
