"""More than a client that does not read can be sent: progress and log lines, and now and then a step."""

import json
import random

_dice = random.Random(1)
FILLER = "".join(_dice.choice("0123456789abcdef") for _ in range(10_000))
SETTINGS = {"outbox_bytes_max": 262_144, "event_bytes_max": 65_536, "write_timeout": "30s",
            "history_events_max": 100_000, "history_bytes_max": "256MiB"}  # fmt: skip


def flood(redis, job, count=4_000, kinds=("progress", "log")):
    """-> the numbers of the steps."""
    steps = [number for number in range(1, count + 1) if number % 100 == 0]
    for at in range(1, count + 1, 100):
        pipe = redis.client.pipeline(transaction=False)
        for number in range(at, at + 100):
            kind = "step" if number % 100 == 0 else kinds[number % len(kinds)]
            data = {"progress": {"progress": 1, "message": FILLER}, "log": {"log_line": FILLER},
                    "step": {"step_name": str(number)}}[kind]  # fmt: skip
            pipe.publish(f"job:{job}:updates", json.dumps({"type": kind, "data": data}))
        pipe.execute()
    return steps
