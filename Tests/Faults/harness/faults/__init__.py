"""The faults by name. Random plans draw them (plan.py); each is a coroutine that does its harm to a World."""

from . import bridges, connections, data, moves, outages, starts  # noqa: F401
from .registry import ALL, FaultSkipped  # noqa: F401
