"""The verbs of `jobwire`, as a user types them."""

import json
import re
import subprocess
import time

import jwt
import pytest
from support.client import events_of
from support.command import jobwire
from support.ports import own_port
from support.server import BINARY, clean_environment
from support.tokens import SECRET, token
from support.waiting import eventually


# Help

def test_help_names_every_verb():
    told = jobwire("--help")
    for verb in ("run", "serve", "exec", "publish", "tail", "token", "check", "doctor", "simulate", "settings"):
        assert re.search(rf"^ +(jobwire )?{verb}\b", told, re.MULTILINE), verb
        page = jobwire(verb, "--help")
        assert "jobwire " + verb in page and len(page.splitlines()) > 5


def test_a_misspelt_verb_or_flag_is_an_error_with_the_nearest_one():
    assert "publish" in jobwire("publsh", "x", code=2)
    assert "--jobs" in jobwire("token", "--job=a", token_secret=SECRET, code=2)


# token

def test_a_token_made_here_is_good_everywhere(server, follow, job):
    made = jobwire("token", f"--jobs={job},b-*", "--sub=u1", "--ttl=1h", token_secret=SECRET).strip()
    claims = jwt.decode(made, SECRET, algorithms=["HS256"])
    assert (claims["jobs"], claims["sub"]) == ([job, "b-*"], "u1")
    assert abs(claims["exp"] - time.time() - 3_600) < 60
    assert follow(server, job, token=made).expect("connected")
    assert follow(server, "other", token=made).closed()[0] == 4403


def test_inspecting_says_what_is_in_a_token_and_why_it_is_refused():
    good = jobwire("token", "inspect", stdin=token(jobs=["a"]), token_secret=SECRET)
    assert '"jobs"' in good and "let it in" in good
    for bad, word in [
        (token(lives=-100), "expired"),
        (token(secret="x" * 40), "signature"),
        (token(lives=None), "exp"),
        ("abc", "malformed"),
    ]:
        said = jobwire("token", "inspect", stdin=bad, token_secret=SECRET, token_leeway="0s", code=3)
        assert word in said.lower(), said


def test_no_verb_prints_the_secret():
    for arguments in (["settings"], ["check"], ["token", "inspect", "x.y.z"]):
        ended = subprocess.run(
            [BINARY, *arguments], env=clean_environment({"token_secret": SECRET}), text=True,
            capture_output=True, timeout=30)
        assert SECRET not in ended.stdout + ended.stderr


# check and settings

def test_check_finds_all_problems_at_once(redis):
    assert "good" in jobwire("check", token_secret=SECRET, redis_url=redis.url)
    assert jobwire("check", "--connect", token_secret=SECRET, redis_url=redis.url)
    said = jobwire("check", token_secret="short", patterns="no-star", code=1)
    assert "token-secret" in said and "patterns" in said
    assert jobwire("check", "--connect", token_secret=SECRET, redis_url=f"redis://127.0.0.1:{own_port()}", code=1)


def test_settings_say_where_a_value_comes_from(make_folder):
    file = make_folder() / "jobwire.conf"
    file.write_text("loops = 3\nping-interval = 7s\n")
    told = jobwire("settings", "--changed", "--loops=2", config=file, token_secret=SECRET)
    rows = {row.split(" = ")[0].strip(): row for row in told.splitlines() if " = " in row}
    assert "= 2" in rows["loops"] and "--loops" in rows["loops"], "a flag wins over the file"
    assert "7s" in rows["ping-interval"] and str(file) in rows["ping-interval"]
    assert "(hidden)" in rows["token-secret"]
    assert set(rows) == {"loops", "ping-interval", "token-secret"}


# publish

def test_an_event_is_published_and_followed(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    told = jobwire("publish", job, "--type=progress", '--data={"progress":40}', redis_url=redis.url)
    assert "1 subscriber" in told
    event = socket.event()
    assert (event["type"], event["data"]) == ("progress", {"progress": 40})
    jobwire("publish", job, '{"event":"job-completed"}', redis_url=redis.url)
    assert socket.event()["type"] == "job-completed"


def test_lines_of_stdin_become_log_events(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    lines = [f"line {n} \u00e9" for n in range(1_000)]
    jobwire("publish", job, "--lines", stdin="\n".join(lines) + "\n", redis_url=redis.url)
    heard = []
    while len(heard) < len(lines):
        data = socket.event()["data"]
        heard += data["lines"] if "lines" in data else [data["log_line"]]
    assert [line.rstrip("\n") for line in heard] == lines


@pytest.mark.parametrize("then", ["completed", "failed"])
def test_lines_end_the_job_where_that_is_said(server, redis, follow, job, then):
    socket = follow(server, job)
    socket.joined()
    jobwire("publish", job, "--lines", f"--then={then}", stdin="one\ntwo", redis_url=redis.url)
    *_, line, end = events_of(socket.until("complete"))
    assert (line["data"]["lines"], end["data"]) == (["two"], {"status": then})
    seen = server.get(f"/api/v1/jobs/{job}", token=token()).json
    assert (seen["status"], seen["log_lines"], seen["finished_at"] is None) == (then, 2, False)


def test_lines_end_no_job_by_themselves(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    jobwire("publish", job, "--lines", stdin="one\n", redis_url=redis.url)
    jobwire("publish", job, "--type=x", redis_url=redis.url)
    assert [event["type"] for event in events_of(socket.until("x"))] == ["log", "x"]


def test_the_end_is_told_when_redis_is_back(make_redis, serve, follow, start, job):
    redis = make_redis()
    server = serve(redis.url)
    socket = follow(server, job)
    socket.joined()
    process = start(
        "publish", job, "--lines", "--then=completed", redis_url=redis.unix_url, options={"stdin": subprocess.PIPE})
    process.stdin.write("one\n")
    process.stdin.flush()
    socket.until("log")
    redis.hide()
    process.stdin.close()
    redis.show()
    assert socket.until("complete")[-1]["data"] == {"status": "completed"}
    assert process.wait(30) == 0


def test_a_slip_is_told_before_anything_is_published(redis, job):
    assert "JSON" in jobwire("publish", job, '{"type":', redis_url=redis.url, code=2)
    assert jobwire("publish", "a b", "--type=x", redis_url=redis.url, code=2)
    assert jobwire("publish", job, redis_url=redis.url, code=2)
    assert "--lines" in jobwire("publish", job, "--type=x", "--then=completed", redis_url=redis.url, code=2)
    assert "completed" in jobwire("publish", job, "--lines", "--then=done", redis_url=redis.url, code=2)


def test_without_a_redis_publishing_says_so(job):
    nowhere = f"redis://127.0.0.1:{own_port()}"
    assert "127.0.0.1" in jobwire("publish", job, "--type=x", redis_url=nowhere, code=4)


# tail

def tail(start, server, job, *arguments, **settings):
    path = f"--url={server.url('')}"
    return start("tail", job, path, *arguments, **{"token_secret": SECRET, **settings})


def test_tail_prints_each_event_as_json_and_ends_with_the_job(start, server, redis, follow, job):
    follower = tail(start, server, job, "--json")
    eventually(lambda: follow(server, job).expect("connected")["data"]["watchers"] >= 2)
    redis.publish(job, "log", log_line="one\n")
    redis.publish(job, "progress", progress=50)
    redis.publish(job, "complete", status="completed")
    output, errors = follower.communicate(timeout=20)
    assert follower.returncode == 0, errors
    events = [json.loads(line) for line in output.splitlines()]
    assert [(e["seq"], e["type"]) for e in events] == [(1, "log"), (2, "progress"), (3, "complete")]


def test_tail_of_a_failed_job_fails(start, server, redis, follow, job):
    watcher = follow(server, job)
    watcher.joined()
    redis.publish(job, "log", log_line="compiling\n")
    redis.publish(job, "error", error_message="no disk left")
    watcher.until("error")
    follower = tail(start, server, job)
    output, errors = follower.communicate(timeout=20)
    assert follower.returncode == 1
    assert "compiling" in output and "no disk left" in output + errors


def watchers(server, job):
    return server.get(f"/api/v1/jobs/{job}", token=token()).json["watchers"]


def test_tail_comes_back_by_itself_and_repeats_nothing(start, serve, redis, follow, job):
    server = serve()
    watcher = follow(server, job)
    watcher.joined()
    follower = tail(start, server, job, "--json")
    # A probe that stayed would be taken for the follower.
    eventually(lambda: watchers(server, job) == 2)
    redis.publish(job, "log", log_line="one")
    first = follower.stdout.readline()
    server.stop()
    again = serve(listen=f"127.0.0.1:{server.port}", wait=False)
    again.port = server.port
    eventually(again.is_ready)
    eventually(lambda: watchers(again, job) == 1, within=30)
    redis.publish(job, "complete")
    output, _ = follower.communicate(timeout=30)
    assert [json.loads(line)["type"] for line in (first + output).splitlines()] == ["log", "complete"]


def test_tail_with_a_token_of_another_job_is_refused(start, server, job, make_folder):
    file = make_folder() / "token"
    file.write_text(token(jobs=["other"]) + "\n")
    follower = tail(start, server, job, f"--token-file={file}", token_secret="")
    _, errors = follower.communicate(timeout=20)
    assert follower.returncode == 3 and errors


def test_what_a_worker_logs_can_not_touch_the_terminal(start, server, redis, follow, job):
    watcher = follow(server, job)
    watcher.joined()
    redis.publish(job, "log", log_line="\x1b]0;title\x07\x1b[2Jclean\x1b[31m red\x08\n")
    redis.publish(job, "complete")
    watcher.until("complete")
    output, _ = tail(start, server, job).communicate(timeout=20)
    assert "clean red" in output and "\x1b" not in output and "\x08" not in output
