"""Each system that had sockets of its own, moved to Jobwire with the configuration file shipped for it.

Workers publish what they published before, clients connect where they connected before (with a token) and
say what they said. Each message must arrive as it was published, to the byte, behind its number.
"""

import dataclasses
import json
import re

import pytest
from support.client import events_of, snapshot_of
from support.server import ROOT
from support.tokens import token

EXAMPLES = ROOT / "deploy/examples"


@dataclasses.dataclass
class System:
    """What is published (channel, message), and what of it who connects where must see."""

    name: str
    published: list
    #: (path, claims, what the client says or None, channels whose messages it sees, what the snapshot says)
    clients: list


def said(event, **data):
    return {"event": event, "data": data}


def typed(type, **members):
    return {"type": type, **members}


CHAIN = System(
    "chain-dashboard",
    [
        ("feed:dashboard:updates", message)
        for message in [
            typed("training_update", metrics={
                "step": 100, "epoch": 1, "loss": 0.234, "accuracy": 0.892, "timestamp": 1703456789}),
            typed("node_update", node={"id": "node_1", "status": "training", "gpu_usage": 87.5}),
            typed("blockchain_update", blockNumber=12345679, contribution={"node": "node_1", "score": 3},
                  transaction={"hash": "0xab12"}),
        ]
    ],
    [("/ws", {"feeds": ["dashboard"]}, None, ["feed:dashboard:updates"], {"status": "running"})],
)

AUDIENCES = {
    "fl_status_update": ["dashboard", "clients", "admin", "general"],
    "training_progress": ["dashboard", "admin"],
    "model_aggregation": ["dashboard", "clients", "admin"],
    "device_status": ["dashboard", "admin"],
    "error_notification": ["admin"],
}
LEARNING = System(
    "federated-learning",
    [
        (f"feed:{audience}:updates", message)
        for message in [
            said("fl_status_update", status="training", current_round=5, registered_devices=8),
            said("training_progress", round=5, status="training", global_accuracy=87.5, participants=8),
            said("model_aggregation", round=5, status="completed"),
            said("device_status", device_id="edge-1", status="offline"),
            said("error_notification", error="edge-1 is lost", severity="high"),
        ]
        for audience in AUDIENCES[message["event"]]
    ],
    [
        ("/ws/dashboard", {"feeds": ["dashboard"]}, None, ["feed:dashboard:updates"], {"status": "training"}),
        ("/api/ws/dashboard", {"feeds": ["dashboard"]}, None, ["feed:dashboard:updates"], {"status": "training"}),
        ("/ws/clients", {"feeds": ["clients"]}, None, ["feed:clients:updates"], {"status": "training"}),
        ("/ws/admin", {"scope": "admin"}, None, ["feed:admin:updates"], {"status": "training"}),
        ("/ws", {"feeds": ["general"]}, None, ["feed:general:updates"], {"status": "training"}),
    ],
)


def training(job, kind, steps, at=1761628091023):
    created = {"id": job, "kind": kind, "datasetId": "ds-1756228272315", "agentId": None, "status": "queued",
               "progress": 0, "createdAt": at, "updatedAt": at}
    yield typed("job_created", job=created, timestamp=at)
    for n, (progress, message) in enumerate(steps):
        yield typed("training_update", jobId=job, status="running", progress=progress, message=message,
                    timestamp=at + 1000 * (n + 1))
    yield typed("training_update", jobId=job, status="succeeded", progress=100,
                timestamp=at + 1000 * (len(steps) + 1))


TRAINING = System(
    "training-dashboard",
    [
        ("training:updates", message)
        for message in [
            *training("job-1761628091023", "nlu-train", [
                (20, "Preprocessing data..."), (30, "Training intent classifier..."),
                (50, "Training entity extractor..."), (70, "Validating model..."), (95, "Saving model...")]),
            typed("dataset_update", datasetId="ds-1756228272315", action="updated", timestamp=1761628098023),
            *training("job-1761628099000", "fine-tune", [(10, None), (95, None)], at=1761628099000),
        ]
    ],
    [("/ws/training", {"feeds": ["training"]}, None, ["training:updates"],
      {"status": "succeeded", "progress": 100})],
)

BUILD = System(
    "build-service",
    [
        ("job:123:updates", {"type": type, "data": data, "timestamp": f"2025-01-06T12:00:{n:02}Z"})
        for n, (type, data) in enumerate([
            ("status", {"status": "running"}),
            ("progress", {"progress": 45, "current_step": "synthesis",
                          "completed_steps": ["initialization", "verilog_copy"]}),
            ("log", {"log_line": "Running synthesis...\n"}),
            ("step", {"step_name": "synthesis", "step_label": "Synthesis"}),
            ("complete", {"status": "completed", "message": "Build completed successfully"}),
        ])
    ] + [
        ("job:124:updates", {"type": "error", "data": {"error_message": "Build failed: Synthesis error"},
                             "timestamp": "2025-01-06T12:05:00Z"})
    ],
    [
        ("/api/v1/ws/jobs/123/updates", {"jobs": [123]}, None, ["job:123:updates"],
         {"job_id": "123", "status": "completed", "progress": 100, "current_step": "synthesis",
          "completed_steps": ["initialization", "verilog_copy"], "log_lines": 1,
          "message": "Build completed successfully"}),
        ("/api/v1/ws/jobs/124/updates", {"jobs": ["*"]}, None, ["job:124:updates"],
         {"status": "failed", "error": "Build failed: Synthesis error"}),
    ],
)  # fmt: skip

SYSTEMS = [CHAIN, LEARNING, TRAINING, BUILD]


@pytest.fixture
def move(serve, make_redis):
    """-> (a server with the system's file, its Redis): only addresses and the secret are the test's own."""

    def start(system, redis=None):
        redis = redis or make_redis()
        return serve(redis.url, config=EXAMPLES / f"{system.name}.conf", history=""), redis

    return start


@pytest.fixture
def connect(follow):
    """As the system's own pages do: a token in the query, no subprotocol."""

    def open_socket(server, path, claims, query=""):
        jobs = claims.get("jobs", [])
        bearer = token(jobs=jobs, **{name: value for name, value in claims.items() if name != "jobs"})
        return follow(server, path=path + query, token=bearer, where="query", subprotocols=())

    return open_socket


def text(message):
    return json.dumps(message, ensure_ascii=False)


def publish(redis, published):
    for channel, message in published:
        assert redis.client.publish(channel, text(message)) >= 1


def check_is(raw, message):
    """It is the worker's own object, to the byte, between what Jobwire adds."""
    inner = text(message)[1:-1]
    added_type = "" if "type" in message else f',"type":{json.dumps(message["event"])}'
    start = r'\{"seq":\d+,"(?:job_id|feed)":"[^"]+"' + re.escape(added_type) + ","
    end = "" if "timestamp" in message else r',"timestamp":"[0-9TZ:.-]+"'
    assert re.fullmatch(start + re.escape(inner) + end + r"\}", raw), (raw, inner)


def hear(socket, messages):
    """The next events are these, and nothing is missing between them."""
    numbers = []
    for message in messages:
        event = socket.event()
        check_is(socket.raw, message)
        numbers.append(event["seq"])
    return numbers


def cases():
    for system in SYSTEMS:
        for client in system.clients:
            yield pytest.param(system, client, id=f"{system.name}:{client[0]}")


@pytest.mark.parametrize("system, client", cases())
def test_the_clients_of_a_moved_system_see_what_its_workers_publish(move, connect, system, client):
    path, claims, says, channels, snapshot = client
    server, redis = move(system)
    messages = [message for channel, message in system.published if channel in channels]
    socket = connect(server, path, claims)
    assert socket.expect("connected")["data"]["status"] == "unknown"
    publish(redis, system.published)
    assert hear(socket, messages) == list(range(1, len(messages) + 1))
    # Who comes late: the snapshot is right, and the history is what the others saw.
    late = connect(server, path, claims)
    connected = late.expect("connected")
    assert snapshot.items() <= snapshot_of(connected).items()
    assert hear(late, messages) == list(range(1, len(messages) + 1))
    # Only the latest, as with `recent_events`.
    newest = connect(server, path, claims, "?history=1")
    assert hear(newest, messages[-1:]) == [len(messages)]
    # Who was away for a while.
    late.close()
    publish(redis, system.published)
    cursor = f"{connected['data']['epoch']}:{len(messages)}"
    back = connect(server, path, claims, f"?after={cursor}")
    assert hear(back, messages) == list(range(len(messages) + 1, 2 * len(messages) + 1))
    socket.send({"type": "ping"})
    assert socket.until("pong")


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_a_moved_system_survives_the_restart_of_its_server(move, connect, system):
    path, claims, _, channels, _ = system.clients[0]
    server, redis = move(system)
    messages = [message for channel, message in system.published if channel in channels]
    socket = connect(server, path, claims)
    epoch_before = socket.joined()[0]["data"]["epoch"]
    assert epoch_before is None
    publish(redis, system.published)
    hear(socket, messages)
    assert server.stop() == 0
    again, _ = move(system, redis)
    connected = connect(again, path, claims).joined()
    assert [event["seq"] for event in events_of(connected)][: len(messages)] == list(range(1, len(messages) + 1))


@pytest.mark.parametrize("system, client", cases())
def test_nobody_without_the_right_hears_a_moved_system(move, connect, system, client):
    path = client[0]
    server, _ = move(system)
    for claims in [{"feeds": ["other"], "jobs": ["other"]}, {"scope": "jobs:publish"}]:
        code, _ = connect(server, path, claims).closed()
        assert code == 4403
    code, _ = connect(server, path, {"feeds": ["*"], "lives": -60}).closed()
    assert code == 4401


def test_every_shipped_file_is_tested():
    assert {path.stem for path in EXAMPLES.iterdir()} == {system.name for system in SYSTEMS}
