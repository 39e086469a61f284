"""What one seed means: how many of each, which faults, and when. The same seed gives the same plan."""

import dataclasses
import random

from . import faults


@dataclasses.dataclass
class Plan:
    seed: int
    history: str = "redis"
    bridges: int = 1
    faults: list = dataclasses.field(default_factory=list)  # [(seconds, name)]
    seconds: float = 0.0
    jobs: list = dataclasses.field(default_factory=lambda: ["j0", "j1"])
    plain: int = 1
    durable: int = 0
    #: Besides those that stay at each bridge.
    followers: int = 0
    events_max: int = 20_000
    persists: bool = False
    has_replica: bool = False
    #: In the place of faults: one of `situations.ALL`.
    situation: object = None
    #: Of all bridges, besides what each run sets.
    settings: dict = dataclasses.field(default_factory=dict)
    #: Seconds between two events of one publisher, on average; and how long it waits for Redis.
    pause: float = 0.01
    publish_timeout: float = 4.0
    #: Nobody publishes until the situation says so.
    starts_quiet: bool = False
    #: Clients that stay at a bridge come when its /readyz says 200, as a load balancer would let them.
    clients_wait: bool = False
    #: How long clients and the last events may take in the end.
    settle_seconds: float = 25.0
    canary: object = None

    def __str__(self):
        told = " ".join(f"{name}@{at:.1f}" for at, name in self.faults)
        what = f"situation={self.situation.name}" if self.situation else f"history={self.history}"
        return f"seed={self.seed} {what} bridges={self.bridges} events-max={self.events_max} {told}"


def make_plan(seed, history="redis", bridges=None, only=None):
    dice = random.Random(f"{seed}")
    count = bridges or (1 if history == "memory" else dice.choice([1, 2, 2, 2, 3]))
    fitting = [f for f in faults.ALL.values() if history in f.histories and count in f.bridges]
    chosen = [faults.ALL[only]] if only else dice.sample(fitting, dice.choice([1, 1, 2, 3]))
    # There is one replica to fail over to.
    failovers = [f for f in chosen if f.needs == "replica"]
    chosen = [f for f in chosen if f not in failovers[1:]]
    if only and count not in chosen[0].bridges:
        count = chosen[0].bridges[-1] if count > chosen[0].bridges[-1] else chosen[0].bridges[0]
    # Where the witness is cut off too, only what is kept can tell what was recorded: then all is kept.
    blinds = {"tiny-output-limit", "restart-persistent", "restart-empty"}
    is_witness_safe = not any(f.name in blinds or f.needs == "replica" for f in chosen)
    times = sorted(round(dice.uniform(0.3, 2.5), 2) for _ in chosen)
    return Plan(
        seed=seed, history=history, bridges=count, faults=list(zip(times, [f.name for f in chosen])),
        seconds=dice.uniform(3, 5), jobs=[f"j{n}" for n in range(dice.randint(2, 4))], plain=dice.randint(1, 3),
        durable=0 if history == "memory" else dice.choice([0, 1, 1]),
        followers=dice.randint(2, 6), events_max=dice.choice([20_000, 60]) if is_witness_safe else 20_000,
        persists=any(f.needs == "persistence" for f in chosen), has_replica=any(f.needs == "replica" for f in chosen),
    )  # fmt: skip
