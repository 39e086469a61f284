"""What happened in a run, in order: printed only where the ledger found something wrong."""

import time


class Story:
    def __init__(self):
        self.begun = time.monotonic()
        self.lines = []
        #: When something was harmed: up to the next of these a bridge must keep what it has just said.
        self.strikes = []

    def now(self):
        """Seconds since the run began: the one clock of a run."""
        return time.monotonic() - self.begun

    def tell(self, who, what):
        self.lines.append((self.now(), who, what))

    def strike(self, who, what):
        self.strikes.append(self.now())
        self.tell(who, what)

    def text(self, lines_max=120, only=None):
        chosen = [line for line in self.lines if only is None or only(line)]
        left = len(chosen) - lines_max
        head = [f"  … {left} lines before"] if left > 0 else []
        return "\n".join(head + [f"  {at:7.3f} {who:10} {what}" for at, who, what in chosen[-lines_max:]])
