"""Each system that had sockets of its own, moved to Jobwire with the configuration file shipped for it.

Workers publish what they published before, clients connect where they connected before (with a token) and
say what they said. Each message must arrive as it was published, to the byte, behind its number.
"""

import dataclasses
import json
import re

import pytest
from support.server import ROOT
from support.tokens import token

EXAMPLES = ROOT / "deploy/examples"


@dataclasses.dataclass
class Client:
    path: str
    claims: dict
    #: The channel it sees; with `job`, of that only what is of this job, which it says that it wants.
    channel: str
    #: What its snapshot says once all is published.
    snapshot: dict
    job: str | None = None

    def sees(self, channel, message):
        return channel == self.channel and (not self.job or message["data"]["jobId"] == self.job)


@dataclasses.dataclass
class System:
    name: str
    #: (channel, message), in order.
    published: list
    clients: list

    def seen_by(self, client):
        return [message for channel, message in self.published if client.sees(channel, message)]


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
    [Client("/ws", {"feeds": ["dashboard"]}, "feed:dashboard:updates", {"status": "running"})],
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
        Client("/ws/dashboard", {"feeds": ["dashboard"]}, "feed:dashboard:updates", {"status": "training"}),
        Client("/api/ws/dashboard", {"feeds": ["dashboard"]}, "feed:dashboard:updates", {"status": "training"}),
        Client("/ws/clients", {"feeds": ["clients"]}, "feed:clients:updates", {"status": "training"}),
        Client("/ws/admin", {"scope": "admin"}, "feed:admin:updates", {"status": "training"}),
        Client("/ws", {"feeds": ["general"]}, "feed:general:updates", {"status": "training"}),
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
    [Client("/ws/training", {"feeds": ["training"]}, "training:updates", {"status": "succeeded", "progress": 100})],
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
        Client("/api/v1/ws/jobs/123/updates", {"jobs": [123]}, "job:123:updates",
         {"job_id": "123", "status": "completed", "progress": 100, "current_step": "synthesis",
          "completed_steps": ["initialization", "verilog_copy"], "log_lines": 1,
          "message": "Build completed successfully"}),
        Client("/api/v1/ws/jobs/124/updates", {"jobs": ["*"]}, "job:124:updates",
         {"status": "failed", "error": "Build failed: Synthesis error"}),
    ],
)  # fmt: skip

WALLETS = System(
    "wallet-analysis",
    [
        ("job-events", message)
        for message in [
            said("job-progress", jobId="similarity-ABC123", progress=45, status="active"),
            said("job-progress", jobId="similarity-XYZ", progress=10, status="active"),
            said("job-progress", jobId="similarity-ABC123", progress=75, status="active", data={"wallets": 3}),
            said("job-failed", jobId="similarity-XYZ", error="no data", failedReason="30 minutes are over"),
            said("job-completed", jobId="similarity-ABC123", result={"pairs": [0.8, 0.9]}, processingTime=45000),
        ]
    ],
    [
        Client("/job-progress", {"jobs": ["similarity-ABC123"]}, "job-events",
               {"status": "completed", "progress": 100, "result": {"pairs": [0.8, 0.9]}}, "similarity-ABC123"),
        Client("/job-progress", {"jobs": ["similarity-*"]}, "job-events",
               {"status": "failed", "error": "no data"}, "similarity-XYZ"),
    ],
)  # fmt: skip

SYSTEMS = [CHAIN, LEARNING, TRAINING, WALLETS, BUILD]


@pytest.fixture
def move(serve, make_redis):
    """-> (a server with the system's file, its Redis): only addresses and the secret are the test's own."""

    def start(system, redis=None):
        redis = redis or make_redis()
        return serve(redis.url, config=EXAMPLES / f"{system.name}.conf", history=""), redis

    return start


@pytest.fixture
def connect(follow):
    """As the system's own pages do: a token in the query, no subprotocol -> the socket."""

    def open_socket(server, client, claims=None, **wish):
        claims = {"jobs": [], **(claims or client.claims)}
        query = "" if client.job else "?" + "&".join(f"{name}={value}" for name, value in wish.items())
        socket = follow(
            server, path=client.path + query, token=token(**claims), where="query", subprotocols=())
        if client.job:
            socket.send({"event": "subscribe-to-job", "data": {"jobId": client.job, **wish}})
        return socket

    return open_socket


def state(socket, client):
    """What the client is told at its beginning."""
    connected = socket.expect("connected")
    return (socket.expect("subscribed") if client.job else connected)["data"]


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


CASES = [
    pytest.param(system, client, id=f"{system.name}:{client.job or client.path}")
    for system in SYSTEMS
    for client in system.clients
]


@pytest.mark.parametrize("system, client", CASES)
def test_the_clients_of_a_moved_system_see_what_its_workers_publish(move, connect, system, client):
    server, redis = move(system)
    messages = system.seen_by(client)
    count = len(messages)
    socket = connect(server, client)
    assert state(socket, client)["status"] == "unknown"
    publish(redis, system.published)
    assert hear(socket, messages) == list(range(1, count + 1))
    # Who comes late: the snapshot is right, and the history is what the others saw.
    late = connect(server, client)
    told = state(late, client)
    assert client.snapshot.items() <= told.items()
    assert hear(late, messages) == list(range(1, count + 1))
    # Only the latest, as with `recent_events`.
    newest = connect(server, client, history=1)
    assert hear(newest, messages[-1:]) == [count]
    # Who was away for a while.
    late.close()
    publish(redis, system.published)
    back = connect(server, client, after=f"{told['epoch']}:{count}")
    assert hear(back, messages) == list(range(count + 1, 2 * count + 1))
    socket.send({"type": "ping"})
    assert socket.until("pong")


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_a_moved_system_keeps_its_history_over_a_restart(move, connect, system):
    client = system.clients[0]
    messages = system.seen_by(client)
    server, redis = move(system)
    socket = connect(server, client)
    socket.joined()
    publish(redis, system.published)
    hear(socket, messages)
    epoch = state(connect(server, client), client)["epoch"]
    assert epoch and server.stop() == 0
    again, _ = move(system, redis)
    socket = connect(again, client)
    assert state(socket, client)["epoch"] == epoch
    assert hear(socket, messages) == list(range(1, len(messages) + 1))


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_two_servers_of_a_moved_system_tell_the_same(move, connect, system):
    client = system.clients[0]
    messages = system.seen_by(client)
    one, redis = move(system)
    two, _ = move(system, redis)
    sockets = [connect(server, client) for server in (one, two)]
    for socket in sockets:
        socket.joined()
    publish(redis, system.published)
    for message in messages:
        seen = [(socket.event(), socket.raw) for socket in sockets]
        assert seen[0] == seen[1]
        check_is(seen[0][1], message)


@pytest.mark.parametrize("system, client", CASES)
def test_nobody_without_the_right_hears_a_moved_system(move, connect, system, client):
    server, _ = move(system)
    for claims in [{"feeds": ["other"], "jobs": ["other"]}, {"scope": "jobs:publish"}]:
        socket = connect(server, client, claims)
        if client.job:
            assert socket.until("rejected")[-1]["data"]["code"] == "forbidden"
        else:
            assert socket.closed()[0] == 4403
    silent = dataclasses.replace(client, job=None)
    assert connect(server, silent, {"feeds": ["*"], "lives": -60}).closed()[0] == 4401


def test_every_shipped_file_is_tested():
    assert {path.stem for path in EXAMPLES.iterdir()} == {system.name for system in SYSTEMS}
