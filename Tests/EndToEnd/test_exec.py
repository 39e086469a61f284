"""`jobwire exec JOB -- COMMAND`: a command as a job, whatever becomes of it and of Redis meanwhile."""

import os
import pathlib
import pty
import signal
import subprocess
import sys
import time

import pytest
from support.client import events_of
from support.command import jobwire
from support.ports import own_port
from support.server import BINARY, clean_environment
from support.tokens import token
from support.waiting import eventually


def execute(job, *command, redis_url, within=60, **options):
    """Runs it to its end -> the ended process, with what it printed."""
    return subprocess.run(
        [BINARY, "exec", job, "--", *command], env=clean_environment({"redis_url": redis_url}), text=True, errors="replace",
        capture_output=True, timeout=within, **({"stdin": subprocess.DEVNULL} | options))


def sh(job, script, **options):
    return execute(job, "sh", "-c", script, **options)


def snapshot(server, job):
    return server.get(f"/api/v1/jobs/{job}", token=token()).json


def lines_of(events):
    """-> [(stream, line)]"""
    return [
        (event["data"]["stream"], line)
        for event in events if event["type"] == "log"
        for line in event["data"].get("lines") or [event["data"]["log_line"]]]


@pytest.fixture
def begin(start, redis):
    """Starts a script as a job, and goes on meanwhile."""

    def begin(job, script, redis_url=redis.url, **options):
        return start("exec", job, "--", "sh", "-c", script, redis_url=redis_url, options=options)

    return begin


# What followers see

def test_a_command_is_a_job_from_its_start_to_its_end(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    ended = sh(job, "echo one; echo two >&2; printf three", redis_url=redis.url)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "one\nthree", "two\n")
    events = events_of(socket.until("complete"))
    assert (events[0]["type"], events[0]["data"]) == ("status", {"status": "running"})
    assert sorted(lines_of(events)) == [("stderr", "two"), ("stdout", "one"), ("stdout", "three")]
    end = events[-1]["data"]
    assert end["status"] == "completed" and end["result"].keys() == {"exit_code", "duration_ms"}
    assert end["result"]["exit_code"] == 0 and 0 <= end["result"]["duration_ms"] < 60_000


def test_lines_are_told_as_they_come(server, redis, follow, job, begin):
    socket = follow(server, job)
    socket.joined()
    process = begin(job, "echo first; read line; echo $line", stdin=subprocess.PIPE)
    assert lines_of(socket.until("log"))[-1] == ("stdout", "first")
    assert process.stdout.readline() == "first\n"
    process.stdin.write("second\n")
    process.stdin.flush()
    assert lines_of(socket.until("complete")) == [("stdout", "second")]


def test_a_command_that_fails_fails_the_job(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    assert sh(job, "sleep 0.05; exit 7", redis_url=redis.url).returncode == 7
    data = socket.until("error")[-1]["data"]
    assert data["error_message"] == "exit code 7" and data["result"]["exit_code"] == 7
    assert data["result"]["duration_ms"] >= 50
    seen = snapshot(server, job)
    assert (seen["status"], seen["error"], seen["result"]["exit_code"]) == ("failed", "exit code 7", 7)


def test_a_job_run_again_is_started_over(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    assert sh(job, "exit 1", redis_url=redis.url).returncode == 1
    socket.until("error")
    assert sh(job, "exit 0", redis_url=redis.url).returncode == 0
    begun, *_, ended = events_of(socket.until("complete"))
    assert (begun["data"], ended["data"]["status"]) == ({"status": "running", "attempt": 2}, "completed")
    seen = snapshot(server, job)
    assert (seen["status"], seen["attempt"], seen.get("error")) == ("completed", 2, None)


def test_lines_are_bounded_and_all_of_many_arrive(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    ended = sh(
        job, "seq 1 60000; head -c 40000 /dev/zero | tr '\\0' x; echo; printf '\\377\\000\\n'", redis_url=redis.url)
    assert ended.returncode == 0 and len(ended.stdout) > 300_000
    lines = [line for _, line in lines_of(socket.until("complete"))]
    assert lines[:60_000] == [str(n) for n in range(1, 60_001)]
    assert [len(line) for line in lines[60_000:-1]] == [16_384, 16_384, 40_000 - 2 * 16_384]


# How it ends

@pytest.mark.parametrize("command, code, said", [
    (["sh", "-c", "kill -TERM $$"], 143, ""),
    (["sh", "-c", "kill -KILL $$"], 137, ""),
    (["jobwire-no-such-command"], 127, "No such file or directory"),
    (["/etc/passwd"], 126, "Permission denied"),
    (["/"], 126, "Permission denied"),
])  # fmt: skip
def test_its_exit_code_is_that_of_a_shell(server, redis, follow, job, command, code, said):
    socket = follow(server, job)
    socket.joined()
    ended = execute(job, *command, redis_url=redis.url)
    assert ended.returncode == code and said in ended.stderr
    data = socket.until("error")[-1]["data"]
    assert data["result"]["exit_code"] == code
    assert data["result"].get("signal") == {143: "SIGTERM", 137: "SIGKILL"}.get(code)


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT"])
def test_a_signal_is_handed_on(server, redis, follow, job, begin, name):
    socket = follow(server, job)
    socket.joined()
    process = begin(job, f"trap 'echo got; exit 9' {name}; echo ready; while :; do sleep 0.05; done")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(getattr(signal, "SIG" + name))
    assert process.wait(20) == 9
    assert ("stdout", "got") in lines_of(socket.until("error"))


def test_a_signal_that_the_command_takes_is_told(server, redis, follow, job, begin):
    socket = follow(server, job)
    socket.joined()
    process = begin(job, "echo ready; exec sleep 60")
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.wait(20) == 143
    assert socket.until("error")[-1]["data"]["result"]["signal"] == "SIGTERM"


#: Says each Ctrl-C that it gets, until it is told to end.
COUNTS = """
import signal, sys
wanted = {signal.SIGINT, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
print("ready", flush=True)
got = 0
while signal.sigwait(wanted) == signal.SIGINT:
    got += 1
    print("interrupted", flush=True)
print("got", got, sys.stdin.isatty(), flush=True)
"""


def test_ctrl_c_reaches_the_command_once(redis, job):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(BINARY, [str(BINARY), "exec", job, "--", sys.executable, "-c", COUNTS],
                  clean_environment({"redis_url": redis.url}))
    told = b""
    while b"ready" not in told:
        told += os.read(terminal, 1_000)
    os.write(terminal, b"\x03")
    while b"interrupted" not in told:
        told += os.read(terminal, 1_000)
    # What is handed on of both comes in this order.
    os.kill(pid, signal.SIGTERM)
    while b"got" not in told or not told.endswith(b"\n"):
        told += os.read(terminal, 1_000)
    assert b"got 1 True" in told, "the terminal tells the command itself, and nobody a second time"
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)


def test_the_command_does_not_outlive_us(begin, job):
    process = begin(job, "echo $$; exec sleep 60")
    child = int(process.stdout.readline())
    process.kill()
    process.wait(10)
    eventually(lambda: not pathlib.Path(f"/proc/{child}").exists() or "\nState:\tZ" in
               pathlib.Path(f"/proc/{child}/status").read_text())


def test_what_it_leaves_behind_does_not_keep_it(redis, job):
    began = time.monotonic()
    ended = sh(job, "sleep 50 & echo done", redis_url=redis.url)
    assert (ended.returncode, ended.stdout) == (0, "done\n") and time.monotonic() - began < 30


def test_when_nobody_reads_on_the_command_learns_of_it(redis, job):
    line = f"'{BINARY}' exec {job} -- yes | head -n 1; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", line], env=clean_environment({"redis_url": redis.url}), text=True, capture_output=True, timeout=60)
    assert ended.stdout == "y\n141\n"


def test_a_slow_reader_gets_all_of_it(redis, job):
    # More than the pipe before it holds and one piece, less than with the pipe behind us: it has ended long before.
    line = f"'{BINARY}' exec {job} -- seq 25000 | (sleep 1.5; tail -n 1)"
    ended = subprocess.run(
        ["bash", "-c", line], env=clean_environment({"redis_url": redis.url}), text=True, capture_output=True, timeout=60)
    assert ended.stdout == "25000\n"


# While Redis is away

ASKS = "seq 1 1000; echo first; read line; seq 1 10; echo second; read line; echo $line; exit 4"


def said_until(process, line):
    while (said := process.stdout.readline()) != line + "\n":
        assert said, process.stderr.read()


def answer(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def test_without_redis_the_command_runs_all_the_same(job):
    nowhere = f"redis://127.0.0.1:{own_port()}"
    began = time.monotonic()
    ended = sh(job, "seq 1 300000; exit 3", redis_url=nowhere)
    assert ended.returncode == 3 and ended.stdout.endswith("\n300000\n")
    assert time.monotonic() - began < 30
    first, last = ended.stderr.splitlines()
    assert "Redis is away" in first and "300000 lines and the job's end were not published" in last


def test_what_is_said_while_redis_is_away_is_published_when_it_is_back(make_redis, serve, follow, job, begin):
    redis = make_redis()
    server = serve(redis.url)
    socket = follow(server, job)
    socket.joined()
    redis.hide()
    process = begin(job, ASKS, redis_url=redis.unix_url, stdin=subprocess.PIPE)
    said_until(process, "first")
    assert "Redis is away" in process.stderr.readline()
    redis.show()
    begun, *events = events_of(socket.until("log"))
    while ("stdout", "first") not in lines_of(events):
        events += events_of(socket.until("log"))
    assert begun["data"] == {"status": "running"} and len(lines_of(events)) == 1_001
    redis.hide()
    answer(process, "go on")
    said_until(process, "second")
    redis.show()
    assert lines_of(socket.until("log"))[0][1] == "1"
    answer(process, "end")
    assert process.wait(20) == 4
    # Said as well while it was away, and again: once is enough for the user.
    assert process.stderr.read() == ""
    assert lines_of(socket.until("error"))[-1] == ("stdout", "end")


def test_too_many_lines_are_told_as_missing_and_the_latest_come(make_redis, serve, follow, job, begin):
    redis = make_redis()
    server = serve(redis.url, outbox_bytes_max="64MiB", history_bytes_max="64MiB")
    socket = follow(server, job)
    socket.joined()
    redis.hide()
    process = begin(
        job, "seq -f %0100.0f 1 200000; echo said >&2; read line", redis_url=redis.unix_url,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert "said\n" in [process.stderr.readline(), process.stderr.readline()]
    redis.show()
    events = events_of(socket.until("log"))
    answer(process, "end")
    assert process.wait(60) == 0
    events += events_of(socket.until("complete"))
    lines = [line for stream, line in lines_of(events) if stream == "stdout"]
    missing = [event for event in events if event["data"].get("level") == "warning"]
    assert len(missing) == 1
    count = int(missing[0]["data"]["log_line"].removeprefix("[").split(" ")[0])
    assert count + len(lines) == 200_000 and 20_000 < len(lines) < 100_000
    assert [int(line) for line in lines] == list(range(count + 1, 200_001))


def test_a_redis_that_begins_to_hang_holds_nobody_up_for_long(make_redis, job, start):
    redis = make_redis()
    process = start(
        "exec", job, "--", "sh", "-c", "echo ready; read line; seq 1 1000000; exit 5", redis_url=redis.url,
        redis_reply_timeout="90s", redis_ping_interval="90s", options={"stdin": subprocess.PIPE})
    said_until(process, "ready")
    # Its start has been published: it is connected.
    eventually(lambda: redis.client.info("commandstats").get("cmdstat_publish"))
    redis.process.send_signal(signal.SIGSTOP)
    try:
        answer(process, "go on")
        began = time.monotonic()
        said_until(process, "1000000")
        assert process.wait(60) == 5 and time.monotonic() - began < 60
    finally:
        redis.process.send_signal(signal.SIGCONT)


def test_a_redis_that_hangs_from_the_beginning_holds_nobody_up(make_redis, job):
    redis = make_redis()
    redis.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        ended = sh(job, "seq 1 1000000 | tail -n 1; exit 5", redis_url=redis.url)
        assert (ended.returncode, ended.stdout) == (5, "1000000\n")
        assert time.monotonic() - began < 30
    finally:
        redis.process.send_signal(signal.SIGCONT)


def test_a_redis_that_refuses_changes_nothing(make_redis, job):
    redis = make_redis()
    redis.client.execute_command("ACL", "SETUSER", "mute", "on", ">word", "~*", "+@all", "resetchannels")
    ended = sh(job, "echo one; exit 6", redis_url=f"redis://mute:word@127.0.0.1:{redis.port}")
    assert (ended.returncode, ended.stdout) == (6, "one\n")
    assert "NOPERM" in ended.stderr and ended.stderr.count("goes on") == 1


# As a user types it

def test_what_is_wrong_is_said_before_anything_runs(job, make_folder):
    trace = make_folder() / "ran"
    for arguments in (["a b", "--", "touch", trace], [job], [job, "--"], [job, "--redis-url=http://x", "--", "touch", trace]):
        assert jobwire("exec", *arguments, code=2)
    assert not trace.exists()


def test_the_arguments_behind_the_dashes_are_the_commands_own(redis, job):
    ended = execute(job, "printf", "%s|", "--help", "--", "--lines", "-x", "a b", redis_url=redis.url)
    assert ended.stdout == "--help|--|--lines|-x|a b|"


def test_it_finds_a_run_by_itself(start, make_folder):
    folder = make_folder()
    process = start("run", f"--data-dir={folder}", f"--listen=127.0.0.1:{own_port()}", "--no-demo")
    while "Ctrl-C" not in process.stdout.readline():
        pass
    jobwire("exec", "built", f"--data-dir={folder}", "--", "true")
    told = eventually(lambda: jobwire("tail", "built", "--json", f"--data-dir={folder}"))
    assert '"completed"' in told
