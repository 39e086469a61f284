"""`jobwire doctor` and `jobwire simulate` against real servers in good and in bad states."""

import json
import signal
import subprocess

import pytest
import redis as redis_py
from support.ports import own_port
from support.server import BINARY, clean_environment
from support.waiting import eventually


def examine(url, **settings):
    """-> (the exit code, all findings)."""
    ended = subprocess.run(
        [BINARY, "doctor", "--json"], env=clean_environment({"redis_url": url, **settings}), text=True,
        capture_output=True, timeout=30)
    told = json.loads(ended.stdout)
    levels = [each["level"] for each in told["findings"]]
    assert (told["errors"], told["warnings"]) == (levels.count("error"), levels.count("warning"))
    assert ended.returncode == (1 if "error" in levels else 0), ended
    assert all(each["means"] or each["level"] == "ok" for each in told["findings"])
    return ended.returncode, told["findings"]


def doctor(url, code=0, **settings):
    """-> {name: finding}, where no name is twice but that of the subscriptions."""
    found, findings = examine(url, **settings)
    assert found == code, findings
    return {each["name"]: each for each in findings}


def bad(findings):
    return {name: each["level"] for name, each in findings.items() if each["level"] != "ok"}


def user(server, *rules):
    """A user with just these rights beside what every connection needs -> its URL."""
    server.client.execute_command("ACL", "SETUSER", "ann", "reset", "on", ">pw", "+ping", "+auth", *rules)
    return f"redis://ann:pw@127.0.0.1:{server.port}"


def test_a_good_redis_is_good(make_redis):
    server = make_redis(options=["--appendonly", "yes"])
    findings = doctor(server.url)
    assert bad(findings) == {}
    assert set(findings) == {
        "connection", "version", "role", "cluster", "output buffer", "memory", "persistence", "clients", "scripts",
        "publish", "fleet", "latency", "subscribe"}
    assert server.client.keys("*") == [], "nothing is left behind"
    told = subprocess.run(
        [BINARY, "doctor"], env=clean_environment({"redis_url": server.url}), text=True, capture_output=True)
    assert told.returncode == 0 and told.stdout.endswith("\nAll is well.\n")


def test_by_tls_and_by_socket(make_redis, certificates):
    server = make_redis(options=["--appendonly", "yes"])
    tls = f"rediss://127.0.0.1:{server.tls_port}"
    assert bad(doctor(tls, redis_ca=certificates.authority)) == {}
    assert bad(doctor(server.unix_url)) == {}
    assert bad(doctor(tls, code=1)) == {"connection": "error"}, "whom nobody trusts"
    assert bad(doctor(f"redis://127.0.0.1:{server.tls_port}", code=1)) == {"connection": "error"}


def test_no_redis_and_a_wrong_password(make_redis):
    nowhere = doctor(f"redis://127.0.0.1:{own_port()}", code=1)
    assert list(nowhere) == ["connection"] and nowhere["connection"]["level"] == "error"
    server = make_redis(password="sesame")
    for secret in ["", ":wrong-one@"]:
        findings = doctor(f"redis://{secret}127.0.0.1:{server.port}", code=1)
        assert bad(findings) == {"connection": "error"}
        assert "wrong-one" not in str(findings)
    assert bad(doctor(server.url)) == {"persistence": "warning"}


def test_a_replica_is_no_place_to_write(make_redis):
    primary = make_redis(options=["--appendonly", "yes", "--repl-diskless-sync-delay", 0])
    replica = make_redis(options=["--appendonly", "yes", "--replicaof", "127.0.0.1", primary.port])
    eventually(lambda: replica.client.info("replication")["master_link_status"] == "up")
    findings = doctor(replica.url, code=1)
    assert bad(findings) == {"role": "error", "scripts": "error", "fleet": "warning"}
    assert f"127.0.0.1:{primary.port}" in findings["role"]["mend"][0]
    assert "READONLY" in findings["scripts"]["found"]
    assert "1 replicas" in doctor(primary.url)["role"]["found"]
    primary.stop()
    eventually(lambda: replica.client.info("replication")["master_link_status"] == "down")
    assert "no connection" in doctor(replica.url, code=1)["role"]["found"]


@pytest.mark.parametrize(
    ("name", "options", "level"),
    [
        ("output buffer", ["--client-output-buffer-limit", "pubsub 1mb 512kb 10"], "warning"),
        ("output buffer", ["--client-output-buffer-limit", "pubsub 64kb 0 0"], "error"),
        ("memory", ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"], "error"),
        ("memory", ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"], "error"),
        ("persistence", ["--appendonly", "no"], "warning"),
    ],
)
def test_each_complaint_ends_when_its_own_mend_is_done(make_redis, name, options, level):
    server = make_redis(options=["--appendonly", "yes", *options])
    findings = doctor(server.url, code=1 if level == "error" else 0)
    assert bad(findings) == {name: level}
    words = findings[name]["mend"][0].split(" ", 3)
    assert words[:2] == ["CONFIG", "SET"]
    server.client.config_set(words[2], words[3].strip('"'))
    assert bad(doctor(server.url)) == {}


def test_memory_that_is_full(make_redis):
    server = make_redis(options=["--appendonly", "yes", "--maxmemory", "1mb"])
    findings = doctor(server.url, code=1)
    assert bad(findings) == {"memory": "warning", "scripts": "error", "fleet": "warning"}
    assert "OOM" in findings["scripts"]["found"]


def test_a_node_of_a_cluster(make_redis):
    server = make_redis(options=["--appendonly", "yes", "--cluster-enabled", "yes", "--cluster-port", own_port()])
    assert doctor(server.url, code=1)["cluster"]["level"] == "error"


def test_a_user_who_may_do_nothing_is_told_each_right_that_is_missing(make_redis):
    server = make_redis(options=["--appendonly", "yes"])
    url = user(server)
    code, findings = examine(url)
    assert code == 1
    assert {each["name"] for each in findings if each["level"] == "ok"} == {"connection", "latency"}
    assert "needs +config|get" in next(each["found"] for each in findings if each["name"] == "output buffer")
    assert [each["level"] for each in findings if each["name"] == "subscribe"] == [
        "error", "error", "warning", "warning"]
    for each in findings:
        for line in each["mend"]:
            server.client.execute_command(*line.split(" "))
    assert bad(doctor(url)) == {}, "all is well once all was mended"


def test_a_user_without_one_right(make_redis):
    server = make_redis(options=["--appendonly", "yes"])
    everything = ["+@all", "~*", "&*"]
    for missing, expected in [
        (["-info"], {"version", "role", "cluster", "memory", "persistence", "clients"}),
        (["-config"], {"output buffer", "persistence"}),
        (["-publish"], {"publish", "fleet"}),
        (["-eval"], {"scripts", "fleet"}),
        (["-xadd"], {"scripts"}),
        (["-zscan"], {"fleet"}),
        (["resetkeys", "~other:*"], {"scripts", "fleet"}),
        (["-psubscribe"], {"subscribe"}),
    ]:
        _, findings = examine(user(server, *everything, *missing))
        assert {each["name"] for each in findings if each["level"] != "ok"} == expected, missing
    url = user(server, *everything, "resetchannels", "&job:*:updates", "&feed:*:updates", "&jobwire:*")
    _, findings = examine(url, patterns="job:*:updates,other:*")
    worst = [each for each in findings if each["level"] != "ok"]
    assert [each["mend"] for each in worst] == [["ACL SETUSER ann +psubscribe &other:*"]]


# simulate

def simulate(url, *arguments, code=0):
    ended = subprocess.run(
        [BINARY, "simulate", *arguments], env=clean_environment({"redis_url": url}), text=True,
        capture_output=True, timeout=60)
    assert ended.returncode == code, ended
    return ended.stdout


def heard_during(redis, *arguments):
    """What a subscriber heard while the simulation ran: [(job, event)], and what it printed."""
    with redis_py.Redis(port=redis.port) as client, client.pubsub() as listener:
        listener.psubscribe("job:*:updates")
        assert listener.get_message(timeout=5)["type"] == "psubscribe"
        told = simulate(redis.url, *arguments)
        heard = []
        while message := listener.get_message(timeout=0.5):
            heard.append((message["channel"].decode().split(":")[1], json.loads(message["data"])))
    return heard, told


def test_jobs_are_published_as_many_and_as_fast_as_asked(make_redis):
    redis = make_redis()
    heard, told = heard_during(redis, "--jobs=20", "--rate=1000", "--for=3s", "--seed=4", "--prefix=x")
    assert 1_500 < len(heard) < 6_000
    assert f"{len(heard)} events published" in told and "heard by 1 subscriber" in told
    jobs = {job for job, _ in heard}
    assert len(jobs) == 20 and {"x-build-1", "x-huge-2", "x-silent-3"} <= jobs
    types = {event["type"] for _, event in heard}
    assert {"status", "progress", "log", "step", "complete", "error", "metrics"} <= types


def test_the_same_seed_tells_the_same_story(make_redis):
    redis = make_redis()
    stories = [heard_during(redis, "--rate=300", "--for=1s", f"--seed={seed}")[0] for seed in (1, 1, 2)]
    shared = min(map(len, stories))
    assert shared > 100
    assert stories[0][:shared] == stories[1][:shared] != stories[2][:shared]


def test_only_the_kinds_asked_for(make_redis):
    redis = make_redis()
    heard, _ = heard_during(redis, "--kinds=failing,queued", "--jobs=3", "--rate=200", "--for=1s")
    assert {job for job, _ in heard} == {"sim-failing-1", "sim-queued-1", "sim-failing-2"}


def test_a_front_end_sees_them(server, redis, follow):
    with subprocess.Popen(
        [BINARY, "simulate", "--kinds=build", "--prefix=seen", "--rate=50"], stdout=subprocess.PIPE, text=True,
        env=clean_environment({"redis_url": redis.url}),
    ) as process:
        assert "seen-build-1" in process.stdout.readline()
        socket = follow(server, "seen-build-1")
        assert socket.until("complete", within=30)
        process.send_signal(signal.SIGINT)
        assert "events published" in process.stdout.read()
        assert process.wait(10) == 130


def test_without_a_redis_it_says_so():
    simulate(f"redis://127.0.0.1:{own_port()}", code=4)
