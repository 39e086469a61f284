"""RESP, cut into whole messages: what the proxy needs to hold back, drop or understand one of them."""


class RespReader:
    """feed(bytes) -> [(raw, value)] for each message that is now whole. Invariant: raws join to the input."""

    def __init__(self):
        self.buffer = b""

    def feed(self, chunk):
        self.buffer += chunk
        messages, start = [], 0
        while start < len(self.buffer):
            value, end = self._value(start)
            if end is None:
                break
            messages.append((self.buffer[start:end], value))
            start = end
        self.buffer = self.buffer[start:]
        return messages

    def _value(self, at):
        """-> (value, where it ends), or (None, None) while more must come."""
        line_end = self.buffer.find(b"\r\n", at)
        if line_end < 0:
            return None, None
        kind, rest, after = self.buffer[at : at + 1], self.buffer[at + 1 : line_end], line_end + 2
        if kind == b"$":
            if rest == b"-1":
                return None, after
            end = after + int(rest)
            return (self.buffer[after:end], end + 2) if len(self.buffer) >= end + 2 else (None, None)
        if kind in b"*>~%":
            count = int(rest) * (2 if kind == b"%" else 1)
            values = []
            for _ in range(count):
                value, after = self._value(after)
                if after is None:
                    return None, None
                values.append(value)
            return values, after
        return (int(rest) if kind == b":" else (kind + rest if kind == b"-" else rest)), after


def words(values):
    """A command's or a push's parts as text, for looking at."""
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values]
