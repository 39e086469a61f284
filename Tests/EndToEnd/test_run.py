"""`jobwire run`, as a user types it: what it brings along, how it ends, and whether the lines it prints work."""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request

import pytest
import redis as redis_py
from support.command import jobwire
from support.ports import own_port
from support.server import BINARY, clean_environment
from support.waiting import eventually


def running(start, folder, *arguments, **options):
    """`jobwire run` with nothing configured but a port that no other test has -> (process, what it printed)."""
    port = own_port()
    process = start("run", f"--data-dir={folder}", f"--listen=127.0.0.1:{port}", *arguments, options=options)
    return process, banner(process)


def banner(process):
    told = ""
    while "Ctrl-C" not in told:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        told += line
    return told


def address(told):
    url = re.search(r"http://127\.0\.0\.1:\d+\S*#\S+", told)[0]
    fragment = dict(pair.split("=", 1) for pair in url.split("#")[1].split("&"))
    return url.split("/#")[0].split("/?")[0], fragment


def descendants(pid):
    found = []
    for child in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for text in child.read_text().split():
            found += [int(text), *descendants(int(text))]
    return found


def is_alive(pid):
    try:
        return "\nState:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_run_brings_everything_along(start, make_folder):
    process, told = running(start, make_folder())
    base, fragment = address(told)
    def is_ready():
        try:
            with urllib.request.urlopen(f"{base}/readyz", timeout=10) as answer:
                return answer.status == 200
        except urllib.error.HTTPError as refusal:
            assert refusal.code == 503
            return False

    eventually(is_ready)
    port = re.search(r"redis://127\.0\.0\.1:(\d+)|-p (\d+)", told)
    assert port, told
    assert redis_py.Redis(port=int(port[1] or port[2])).ping(), "workers reach its Redis"

    def demo_moves():
        with urllib.request.urlopen(urllib.request.Request(
            f"{base}/api/v1/jobs/{fragment['job']}",
            headers={"Authorization": f"Bearer {fragment['token']}"}), timeout=10) as answer:
            return json.load(answer)["status"] != "unknown"

    eventually(demo_moves, within=20)
    children = descendants(process.pid)
    assert children, "its Redis is a child"
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert not any(is_alive(pid) for pid in children)


def test_its_redis_ends_even_when_run_is_killed(start, make_folder):
    process, _ = running(start, make_folder(), "--no-demo")
    children = descendants(process.pid)
    assert children
    process.kill()
    process.wait(10)
    eventually(lambda: not any(is_alive(pid) for pid in children))


def test_run_listens_on_loopback_only(start, make_folder):
    process, told = running(start, make_folder(), "--no-demo")
    port = int(re.search(r"http://127\.0\.0\.1:(\d+)", told)[1])
    listening = {
        row.split()[1].split(":")[0]
        for row in pathlib.Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]
        if row.split()[3] == "0A" and int(row.split()[1].split(":")[1], 16) == port
    }
    assert listening == {"0100007F"}
    refusal = jobwire(
        "run", f"--data-dir={make_folder()}", f"--listen=0.0.0.0:{own_port()}", code=2)
    assert "loopback" in refusal


def test_two_runs_live_side_by_side_and_the_verbs_find_one(start, make_folder):
    folder = make_folder()
    running(start, folder, "--no-demo")
    running(start, folder, "--no-demo")
    told = jobwire("publish", "build-7", "--type=complete", f"--data-dir={folder}")
    assert "1 subscriber" in told
    secret = os.stat(folder / "token-secret")
    assert secret.st_mode & 0o777 == 0o600
    output = jobwire("tail", "build-7", "--json", f"--data-dir={folder}")
    assert json.loads(output)["type"] == "complete"


# A second run, with what the first one left

def snapshot(told, job):
    base, fragment = address(told)
    question = urllib.request.Request(
        f"{base}/api/v1/jobs/{job}", headers={"Authorization": f"Bearer {fragment['token']}"})
    try:
        with urllib.request.urlopen(question, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        assert refusal.code in (404, 503), refusal
        return {}


def test_a_second_run_tells_its_demo_from_the_beginning(start, make_folder):
    folder = make_folder()
    process, told = running(start, folder, "--no-demo")
    for kind, data in [("status", {"status": "running", "attempt": 11}), ("complete", {"progress": 100})]:
        jobwire("publish", "demo-build", f"--type={kind}", f"--data={json.dumps(data)}", f"--data-dir={folder}")
    eventually(lambda: snapshot(told, "demo-build").get("status") == "completed")
    process.terminate()
    assert process.wait(20) == 0
    _, told = running(start, folder)
    again = eventually(
        lambda: (seen := snapshot(told, "demo-build")).get("attempt", 0) >= 12 and seen,
        what="the twelfth attempt has begun")
    assert again["status"] in ("queued", "running") and (again.get("progress") or 0) < 100


def test_the_demo_is_told_from_its_first_event(start, make_folder):
    _, told = running(start, make_folder())
    base, fragment = address(told)
    for job in ("demo-build", "demo-training", "demo-flaky", "demo-queued"):
        eventually(lambda job=job: snapshot(told, job).get("log_lines"), what=f"{job} has begun")
        question = urllib.request.Request(
            f"{base}/api/v1/jobs/{job}/events?limit=1", headers={"Authorization": f"Bearer {fragment['token']}"})
        with urllib.request.urlopen(question, timeout=10) as answer:
            first = json.load(answer)["events"][0]
        assert first["type"] == "status" and first["data"]["attempt"] == 1, first


def test_simulated_jobs_go_on_with_their_next_attempt(start, server, redis, follow):
    socket = follow(server, "again-build-1")
    socket.joined()
    redis.publish("again-build-1", "status", status="running", attempt=7)
    redis.publish("again-build-1", "complete")
    socket.until("complete")
    start("simulate", "--kinds=build", "--prefix=again", redis_url=redis.url)
    assert socket.until("status")[-1]["data"]["attempt"] == 8


# Its end

def hang_up_by_signal(start, folder):
    process, _ = running(start, folder, "--no-demo")
    children = descendants(process.pid)
    process.send_signal(signal.SIGHUP)
    return process, children


def hang_up_by_closing_the_terminal(start, folder):
    terminal, inner = pty.openpty()
    # Its own session, whose terminal is the one it reads from.
    process, _ = running(
        start, folder, "--no-demo", stdin=inner, start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)))
    os.close(inner)
    children = descendants(process.pid)
    os.close(terminal)
    return process, children


@pytest.mark.parametrize("hang_up", [hang_up_by_signal, hang_up_by_closing_the_terminal])
def test_run_and_its_redis_end_with_the_terminal(start, make_folder, hang_up):
    process, children = hang_up(start, make_folder())
    assert children, "its Redis is a child"
    assert process.wait(20) == 0
    assert not any(is_alive(pid) for pid in children)


def test_under_nohup_it_outlives_the_terminal(start, make_folder):
    process, _ = running(
        start, make_folder(), "--no-demo", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    told = ""
    while "nothing_to_reload" not in told:
        told = process.stderr.readline()
        assert told, "it ended"
    assert process.poll() is None and descendants(process.pid)
    process.terminate()
    assert process.wait(20) == 0


# The lines it prints

def pasted(told, head):
    """The lines that stand behind a word of the banner, as one would copy them."""
    lines, found = told.splitlines(), []
    for line in lines[next(n for n, line in enumerate(lines) if line.startswith(head)):]:
        if not line.startswith((head, " ")):
            break
        found.append(line[10:])
    return "\n".join(found).replace("\\\n", "").splitlines()


def in_shell(line, folder):
    """With nothing of Jobwire on the PATH, where it was started, in another terminal."""
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=folder, env=clean_environment({}) | {"HOME": str(folder)}, text=True,
        capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    assert ended.returncode == 0, (line, ended)
    return ended.stdout


@pytest.mark.parametrize("flags", [[], ["--data-dir=what's here"], ["--data-dir", "d", "--patterns=w:*:$x"]])
def test_what_its_banner_says_works_where_it_was_started(make_folder, flags, monkeypatch):
    folder = make_folder()
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    shutil.copy(BINARY, folder / "job wire")
    (folder / "Makefile").write_text("all:\n\t@echo made\n")
    with subprocess.Popen(
        ["./job wire", "run", "--no-demo", f"--listen=127.0.0.1:{own_port()}", *flags], cwd=folder, text=True, stdin=subprocess.DEVNULL,
        env=clean_environment({}) | {"HOME": str(folder)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:
        try:
            told = banner(process)
            publish, (follow,), (state,) = pasted(told, "Publish"), pasted(told, "Follow"), pasted(told, "State")
            # What is published before the bridge listens nobody hears.
            eventually(lambda: "1 subscriber" in in_shell(publish[0], folder))
            for line in publish:
                in_shell(line, folder)
            eventually(lambda: snapshot(told, "my-job").get("log_lines"))
            assert '"my-job"' in in_shell(state, folder)
            in_shell(publish[0].replace("--type=progress", "--type=complete"), folder)
            assert "made" in in_shell(follow, folder)
        finally:
            process.terminate()
            process.communicate(timeout=20)
