"""The numbered events that publishers send, and how they are known again wherever they turn up."""

import dataclasses
import json


@dataclasses.dataclass(frozen=True, order=True)
class EventID:
    """Invariant: no two publishes of a run share one; of a publisher and job, n rises by one."""

    job: str
    publisher: str
    n: int

    def __str__(self):
        return f"{self.publisher}/{self.job}#{self.n}"


@dataclasses.dataclass
class Publication:
    id: EventID
    is_durable: bool
    sent: float
    #: When Redis answered; None while unknown (the connection broke: it may have been published).
    answered: float | None = None
    receivers: int = 0


#: What channels of workers begin with. A job's id stands second; those of the jobs n0, n1… are `news`.
WORKER_CHANNELS = ("job:", "news:")


def channel_of(job):
    return f"{'news' if job.startswith('n') else 'job'}:{job}:updates"


def pattern_of(job):
    return channel_of(job).replace(f":{job}:", ":*:")


GAP = "gap"
TYPES = ["log", "progress", "note"]


def body(event, padding=0, same=False):
    """The event's text. `same`: one of many identical lines, which carry no number."""
    if same:
        return json.dumps({"type": "log", "data": {"log_line": "the same", "publisher": event.publisher}})
    data = {"publisher": event.publisher, "n": event.n, "for": event.job}
    kind = TYPES[event.n % 3]
    data |= {"log_line": "x" * padding + "\n"} if kind == "log" else {"progress": event.n % 100}
    if kind == "note":
        data["text"] = "y" * padding
    return json.dumps({"type": kind, "data": data, "timestamp": "2025-01-06T12:00:00.000Z"})


def identity(job, message):
    """-> EventID, "same" for what carries no number, or what it is instead, which matches nothing."""
    data = message.get("data") or {}
    if data.get("log_line") == "the same" or message.get("type") == "oversized":
        return "same"
    try:
        if data["for"] != job:
            return f"an event of {data['for']}"
        return EventID(job, data["publisher"], data["n"])
    except (KeyError, TypeError):
        return f"strange: {json.dumps(message)[:80]}"


def identity_of_rest(job, rest):
    """Of a recorded text: all that follows `{"seq":N,"job_id":"…",`."""
    try:
        return identity(job, json.loads("{" + rest))
    except ValueError:
        return f"unreadable: {rest[:80]}"
