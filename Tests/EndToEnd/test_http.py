"""What plain HTTP gives: health, metrics, a snapshot, the page."""

import json
import re
import shutil
import subprocess

import pytest
from support.client import snapshot_of
from support.server import ROOT
from support.tokens import token
from support.vectors import vectors


@pytest.mark.parametrize("path", ["/healthz", "/health", "/readyz"])
def test_health_is_told_without_a_token(server, path):
    answer = server.get(path)
    assert answer.status == 200 and answer.body


def test_head_gives_the_head_of_get(server):
    get, head = server.get("/healthz"), server.get("/healthz", method="HEAD")
    assert head.status == 200 and head.body == b""
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_a_path_that_is_not_there_is_404_in_json(server):
    answer = server.get("/api/v1/nowhere")
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json["error"]["code"] and answer.json["error"]["message"]


def test_a_method_that_is_not_there_is_405(server):
    answer = server.get("/healthz", method="DELETE")
    assert answer.status == 405 and "GET" in answer.headers["Allow"]


def test_a_socket_path_without_an_upgrade_says_so(server):
    answer = server.get("/api/v1/ws", token=token())
    assert answer.status in (400, 426)


def test_the_snapshot_of_a_job_not_heard_of_is_unknown(server, job):
    answer = server.get(f"/api/v1/jobs/{job}", token=token())
    assert answer.status == 200
    empty = vectors("snapshots")["cases"][0]
    assert empty["name"] == "a job not heard of"
    assert answer.json == {"job_id": job, "watchers": 0} | empty["snapshot"]


def test_the_snapshot_is_the_one_followers_are_told(server, redis, follow, job):
    socket = follow(server, job)
    socket.joined()
    redis.publish(job, "progress", progress=45, current_step="synthesis")
    socket.event()
    told = snapshot_of(follow(server, job).expect("connected"))
    asked = server.get(f"/api/v1/jobs/{job}", token=token()).json
    assert told | {"watchers": 0} == asked | {"watchers": 0}
    assert (asked["progress"], asked["current_step"]) == (45, "synthesis")


def test_the_answer_is_not_kept_by_caches(server, job):
    assert "no-" in server.get(f"/api/v1/jobs/{job}", token=token()).headers["Cache-Control"]


def test_a_bad_job_id_is_400(server):
    answer = server.get("/api/v1/jobs/a%20b", token=token())
    assert answer.status == 400 and answer.json["error"]["code"]


# Metrics

def test_metrics_are_as_prometheus_wants_them(server, follow, redis, job):
    socket = follow(server, job)
    socket.joined()
    redis.publish(job, "log", log_line="x")
    socket.event()
    answer = server.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    promtool = shutil.which("promtool")
    assert promtool, "Debian's package prometheus has it"
    judged = subprocess.run(
        [promtool, "check", "metrics"], input=answer.body, capture_output=True)
    assert judged.returncode == 0, judged.stderr + judged.stdout


def test_metrics_count_what_happens(server, redis, follow, job):
    names = (
        "jobwire_connections_total", "jobwire_events_heard_total", "jobwire_messages_sent_total",
        "jobwire_messages_received_total", "jobwire_sent_bytes_total",
        "jobwire_publish_to_write_seconds_count", "jobwire_replayed_events_total",
    )  # fmt: skip
    before = {name: server.metric(name) for name in names}
    subscriptions = server.metric("jobwire_subscriptions")
    socket = follow(server, job)
    socket.joined()
    for n in range(10):
        redis.publish(job, "log", log_line="x")
        socket.event()
    socket.send({"type": "ping"})
    socket.until("pong")
    follow(server, job).joined()
    grown = {name: server.metric(name) - before[name] for name in names}
    assert server.metric("jobwire_subscriptions") >= subscriptions + 2
    assert grown["jobwire_connections_total"] >= 2
    assert grown["jobwire_events_heard_total"] == 10
    assert grown["jobwire_messages_sent_total"] >= 10 + 10 + 5
    assert grown["jobwire_messages_received_total"] >= 1
    assert grown["jobwire_sent_bytes_total"] > 1_000
    assert grown["jobwire_publish_to_write_seconds_count"] >= 10
    assert grown["jobwire_replayed_events_total"] >= 10


def test_no_metric_names_a_job_or_a_person(server, follow, job):
    follow(server, job, token=token(sub="somebody")).joined()
    metrics = server.get("/metrics").text
    assert job not in re.findall(r'"([^"]*)"', metrics) and "somebody" not in metrics


# Logs

def test_json_logs_are_json_line_by_line(serve, follow, job):
    server = serve(log_format="json", log_level="trace")
    follow(server, job).joined()
    assert server.stop() == 0
    rows = [json.loads(line) for line in server.lines]
    assert len(rows) > 3 and all(isinstance(row, dict) for row in rows)


# The page

@pytest.mark.parametrize(
    ("path", "content", "name"),
    [
        ("/", "text/html", "index.html"),
        ("/assets/page.css", "text/css", "page.css"),
        ("/assets/page.js", "text/javascript", "page.js"),
        ("/assets/access.js", "text/javascript", "access.js"),
    ],
)
def test_the_page_is_served_as_it_lies_in_the_sources(server, path, content, name):
    answer = server.get(path)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith(content)
    assert answer.body == (ROOT / "Sources/Server/Page" / name).read_bytes()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_may_run_nothing_that_is_not_in_its_files(server):
    policy = server.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    page = server.get("/").text
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|\son\w+=|<style", page)
