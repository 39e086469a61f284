"""What is measured: the arguments of the load generator for each case."""

import json
import subprocess
from dataclasses import dataclass

from . import processes


#: What a run counts of events that did not come as they should have.
WRONG = ("lost", "out_of_order", "doubled", "seq_breaks")


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    mode: str
    arguments: dict
    once: bool = False  # memory does not vary from round to round

    def fits(self, peer):
        return self.name not in peer.skips and (self.mode != "replay" or peer.keeps_history)

    def command(self, binary, seconds, peer):
        arguments = dict(self.arguments)
        if self.mode == "idle":
            steps = [int(step) for step in arguments["steps"].split(",")]
            fitting = [step for step in steps if step <= peer.idle_max]
            if peer.idle_max < steps[-1]:
                fitting.append(peer.idle_max)
            arguments["steps"] = ",".join(map(str, fitting))
        else:
            arguments |= {"seconds": seconds, "warmup": min(1.0, seconds / 3)}
        return [binary, self.mode, *(text for name, value in arguments.items() for text in (f"--{name}", str(value)))]


def fanout(jobs, followers, window):
    return {"jobs": jobs, "followers": followers, "window": window, "rest": 50, "event-bytes": 200}


ALL = [
    Case("A", "one job, 1000 followers, flat out, 32 messages under way", "fanout", fanout(1, 1000, 32)),
    Case("A256", "one job, 1000 followers, flat out, 256 messages under way", "fanout", fanout(1, 1000, 256)),
    Case("B", "1000 jobs, one follower each, flat out, one message of each under way", "fanout", fanout(1000, 1, 1000)),
    Case("C", "idle connections, a job each: private memory of the server per connection", "idle",
         {"jobs": 15001, "steps": "2000,10000,15000"}, once=True),
    Case("C100", "idle connections, 100 jobs in all: what of it is the connection's, not the job's", "idle",
         {"jobs": 100, "steps": "15000"}, once=True),
    Case("D", "100 jobs, one follower each, 1000 messages a second: from publish to receive", "latency",
         {"jobs": 100, "rate": 1000, "event-bytes": 200}),
    Case("E", "10 followed jobs with 100 events each: connect, be sent them all, go; 64 at a time", "replay",
         {"jobs": 10, "replayed": 100, "connections": 15000, "followed": "yes", "event-bytes": 200}),
    Case("E10k", "a job with 100 events that nobody follows: 10,000 connect, 64 at a time, and stay", "replay",
         {"jobs": 1, "replayed": 100, "connections": 10000, "followed": "no", "event-bytes": 200}),
]


def measure(case, peer, headers, binary, seconds, cores, directory):
    """One round: a fresh Redis, a fresh server, one run of the generator. Returns what it printed."""
    server_core, load_core, redis_core = cores
    redis = server = None
    try:
        redis, redis_port = processes.start_redis(redis_core, directory)
        port = processes.free_port()
        argv, environment = peer.command(port, redis_port, directory)
        server = processes.Child(peer.name, argv, server_core, directory, environment)
        server.wait_until(
            lambda: processes.answers(port, peer.ready_path) if peer.ready_path else processes.accepts(port)
        )
        command = ["taskset", "-c", str(load_core), *case.command(binary, seconds, peer)]
        command += ["--port", str(port), "--path", peer.path, "--headers", headers, "--hello", peer.hello]
        command += ["--server-pid", str(server.pid), "--server-core", str(server_core)]
        if peer.publish_path:
            command += ["--publish-path", peer.publish_path]
        else:
            command += ["--redis-port", str(redis_port), "--redis-pid", str(redis.pid)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 90,
                              preexec_fn=processes.die_with_parent)
        if done.returncode:
            raise processes.Failed(f"{done.stderr.strip()[-400:]} {server.tail()[-200:]}".strip())
        return json.loads(done.stdout) | {"redis_history_reads": processes.redis_calls(redis_port, "xrange", "xrevrange")}
    except subprocess.TimeoutExpired:
        raise processes.Failed("the load generator did not finish") from None
    finally:
        for child in (server, redis):
            if child:
                child.stop()
