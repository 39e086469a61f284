"""What was seen to go wrong in real weather, each by name: `tools/faults --situation NAME`."""

from . import gaps, refusals, returns, standstills, starts  # noqa: F401
from .registry import ALL, make_plan  # noqa: F401
