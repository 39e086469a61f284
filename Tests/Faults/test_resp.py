"""The proxy's reader, cut at every place."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness.resp import RespReader  # noqa: E402

STREAM = b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$4\r\nx\r\ny\r\n:7\r\n+OK\r\n-ERR no\r\n$-1\r\n*0\r\n*2\r\n*1\r\n:1\r\n$0\r\n\r\n"
VALUES = [[b"message", b"a", b"x\r\ny"], 7, b"OK", b"-ERR no", None, [], [[1], b""]]


def test_messages_are_whole_and_their_bytes_join_wherever_the_stream_is_cut():
    for cut in range(len(STREAM) + 1):
        reader = RespReader()
        messages = reader.feed(STREAM[:cut]) + reader.feed(STREAM[cut:])
        assert [value for _, value in messages] == VALUES, cut
        assert b"".join(raw for raw, _ in messages) == STREAM, cut
