"""`jobwire doctor` and `jobwire simulate` against real servers in good and in bad states."""

import json
import re
import signal
import subprocess

import pytest
import redis as redis_py
import yaml
from support.ports import own_port
from support.server import BINARY, ROOT, clean_environment
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
    """A user with just these rights -> its URL."""
    server.client.execute_command("ACL", "SETUSER", "ann", "reset", "on", ">pw", "resetchannels", *rules)
    return f"redis://ann:pw@127.0.0.1:{server.port}"


def asked(findings):
    """The ACL rules that the doctor asks for, each once."""
    words = [line.split(" ") for each in findings for line in each["mend"]]
    rules = [rule for line in words if line[:3] == ["ACL", "SETUSER", "ann"] for rule in line[3:]]
    return list(dict.fromkeys(rules))


def documented_rules():
    """The smallest set, as docs/history.md has it."""
    text = (ROOT / "docs/history.md").read_text()
    command = re.search(r"^ACL SETUSER jobwire on >PASSWORD resetchannels ((?:[~&+]\S+\s+)+)```$", text, re.M)
    return command[1].split()


def assert_records(server, serve, follow, url):
    """A bridge with this user records and delivers, and tries nothing that it may not do without harm."""
    server.client.acl_log_reset()
    bridge = serve(url)
    socket = follow(bridge, "j1")
    socket.joined()
    server.publish("j1", "log", log_line="one")
    assert socket.event()["data"]["log_line"] == "one"
    assert server.client.xlen("jobwire:{p}:job:j1:events") == 1
    refused = {(entry["reason"], entry["object"].split("|")[0]) for entry in server.client.acl_log()}
    assert refused <= {("command", "script")}, "SCRIPT LOAD only spares the first call its text"


def test_a_good_redis_is_good(make_redis):
    server = make_redis(options=["--appendonly", "yes"])
    findings = doctor(server.url)
    assert bad(findings) == {}
    assert set(findings) == {
        "connection", "version", "role", "cluster", "output buffer", "memory", "persistence", "clients",
        "recording", "patterns", "fleet", "latency", "subscribe"}
    assert server.client.keys("*") == [], "nothing is left behind"
    told = subprocess.run(
        [BINARY, "doctor"], env=clean_environment({"redis_url": server.url}), text=True, capture_output=True)
    assert told.returncode == 0 and told.stdout.endswith("\nAll is well.\n")


def test_the_redis_of_the_compose_file_is_good_and_keeps_what_it_has(make_redis):
    redis = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["redis"]
    program, *options = redis["command"]
    assert (program, redis["volumes"]) == ("redis-server", ["redis-data:/data"])
    server = make_redis(options=options)
    assert bad(doctor(server.url)) == {}
    server.client.set("kept", 1)
    server.stop()
    server.start()
    assert server.client.get("kept") == b"1"


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
    assert bad(findings) == {"role": "error", "recording": "error", "fleet": "warning"}
    assert f"127.0.0.1:{primary.port}" in findings["role"]["mend"][0]
    assert "READONLY" in findings["recording"]["found"]
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
    assert bad(findings) == {"memory": "warning", "recording": "error", "fleet": "warning"}
    assert "OOM" in findings["recording"]["found"]


def test_a_node_of_a_cluster(make_redis):
    server = make_redis(options=["--appendonly", "yes", "--cluster-enabled", "yes", "--cluster-port", own_port()])
    assert doctor(server.url, code=1)["cluster"]["level"] == "error"


def grant_all_that_is_asked(server):
    """From a user who may do nothing, step by step until all is well -> its URL."""
    url = user(server)
    granted = []
    while True:
        _, findings = examine(url)
        rules = asked(findings)
        if not rules:
            break
        assert not set(rules) & set(granted), "what was granted is asked for again"
        server.client.execute_command("ACL", "SETUSER", "ann", *rules)
        granted += rules
    assert [each for each in findings if each["level"] != "ok"] == []
    return url


def test_a_user_with_just_the_rights_that_the_doctor_asks_for_records(make_redis, serve, follow):
    server = make_redis(options=["--appendonly", "yes"])
    url = grant_all_that_is_asked(server)
    assert server.client.keys("*") == []
    assert_records(server, serve, follow, url)


def test_the_rights_of_the_documentation_are_enough_and_none_is_too_many(make_redis, serve, follow):
    server = make_redis(options=["--appendonly", "yes"])
    rules = documented_rules()
    url = user(server, *rules)
    assert bad(doctor(url)) == {}
    assert_records(server, serve, follow, url)
    for missing in rules:
        user(server, *(rule for rule in rules if rule != missing))
        _, findings = examine(url)
        # Where it has a part of what the documentation gives whole, it asks for the parts.
        assert any(rule.startswith(missing.removesuffix("*")) for rule in asked(findings)), missing


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (["&job:*:updates"], ["&jobwire:{p}:*", "&jobwire:fleet:*", "&feed:*:updates"]),
        (["&job:*", "&feed:*:updates", "&jobwire:*"], ["&job:*:updates"]),
        (["&*:updates", "&job:*:updates", "&feed:*:updates", "&jobwire:fleet:*"], ["&jobwire:{p}:*"]),
        # All but one of the very channels, which end with the reign.
        (["&job:*:updates", "&feed:*:updates", "&jobwire:fleet:*",
          *(f"&jobwire:{{p}}:{part}" for part in ["stamped:*", "control:*", "doctor", "rehearsal:*"])],
         ["&jobwire:{p}:*"]),
        (["allchannels", "resetkeys", "~jobwire:fleet:*"], ["~jobwire:{p}:*"]),
        (["allchannels", "resetkeys", "~jobwire:{p}:*"], ["~jobwire:fleet:*"]),
        (["allchannels", "-xrevrange"], ["+xrevrange"]),
        (["allchannels", "-hexists", "-zrevrangebyscore"], ["+hexists", "+zrevrangebyscore"]),
        (["allchannels", "-publish"], ["+publish"]),
        (["allchannels", "-eval"], ["+eval"]),
        (["allchannels", "-evalsha"], ["+evalsha"]),
        (["allchannels", "-zscan"], ["+zscan"]),
        (["allchannels", "-unsubscribe", "-time"], ["+unsubscribe", "+time"]),
        (["allchannels", "-info"], ["+info"]),
        (["allchannels", "-config"], ["+config|get"]),
        (["allchannels", "-ping"], ["+ping"]),
        (["allchannels", "-subscribe"], ["+subscribe"]),
        (["allchannels", "-psubscribe"], ["+psubscribe"]),
    ],
)  # fmt: skip
def test_what_a_user_lacks_is_named_and_nothing_else(make_redis, rules, expected):
    server = make_redis(options=["--appendonly", "yes"])
    url = user(server, "+@all", "allkeys", *rules)
    _, findings = examine(url)
    assert sorted(asked(findings)) == sorted(expected)
    assert server.client.keys("*") == []
    server.client.execute_command("ACL", "SETUSER", "ann", *expected)
    assert bad(doctor(url)) == {}


def test_a_new_pattern_needs_a_right_of_its_own(make_redis):
    server = make_redis(options=["--appendonly", "yes"])
    _, findings = examine(user(server, *documented_rules()), patterns="job:*:updates,other:*")
    worst = [each for each in findings if each["level"] != "ok"]
    assert [each["mend"] for each in worst] == [["ACL SETUSER ann &other:*"]]


def test_without_history_in_redis_a_user_who_may_only_subscribe_will_do(make_redis):
    server = make_redis(options=["--appendonly", "yes"])
    url = user(
        server, "+ping", "+info", "+config|get", "+psubscribe", "+subscribe", "allchannels")
    assert bad(doctor(url, history="memory")) == {"fleet": "warning"}


@pytest.mark.parametrize(
    ("command", "operation"),
    [
        ("PUBLISH", "where"), ("TIME", "open"), ("XADD", "record"), ("HGET", "durable"), ("XREVRANGE", "follow"),
        ("HEXISTS", "list"), ("ZRANGEBYSCORE", "alive"),
    ],
)  # fmt: skip
def test_every_operation_of_the_script_is_played(make_redis, command, operation):
    """A Redis that lacks a command, as some providers' do: no rule is missing, and recording fails all the same."""
    server = make_redis(options=["--appendonly", "yes", "--rename-command", command, "GONE"])
    findings = doctor(server.url, code=1)
    assert findings["recording"]["level"] == "error"
    assert findings["recording"]["found"].startswith(f"{operation}: ")
    assert server.client.keys("*") == []


def test_bridges_with_other_patterns_are_told_and_the_way_to_change_them(make_redis, serve):
    server = make_redis(options=["--appendonly", "yes"])
    bridge = serve(server.url)
    ingest = "jobwire:{p}:ingest"
    eventually(lambda: server.client.hget(ingest, "era"), what="an era is open")
    assert bad(doctor(server.url)) == {}
    findings = doctor(server.url, patterns="job:*:updates,render:*")
    assert bad(findings) == {"patterns": "warning"}
    mend = " ".join(findings["patterns"]["mend"])
    assert "stop the bridges with the old patterns first" in mend and "key-prefix" in mend
    assert bad(doctor(server.url, patterns="job:*:updates,render:*", key_prefix="other")) == {}
    # It is the field that tells.
    server.client.hset(ingest, "patterns", "somebodyelse")
    assert bad(doctor(server.url)) == {"patterns": "warning"}
    assert "strange_message" not in bridge.log, "the doctor says nothing to bridges that work"
    bridge.stop()
    assert bad(doctor(server.url)) == {}, "nobody is at work any more"


def test_it_tries_the_very_channels_of_the_reign(make_redis):
    server = make_redis(options=["--appendonly", "yes"])
    _, findings = examine(f"{server.url}/3")
    reign = server.client.info("server")["run_id"][:8]
    tried = {each["found"] for each in findings if each["name"] == "subscribe"}
    assert tried == {
        "job:*:updates", "feed:*:updates", "jobwire:fleet:control:3",
        *(f"jobwire:{{p}}:{name}" for name in [f"stamped:3:{reign}", f"control:3:{reign}", f"present:3:{reign}:tried"])}


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
