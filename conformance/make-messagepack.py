#!/usr/bin/env python3
"""Makes messagepack.json with PyPI's msgpack: what messages are in MessagePack, and what is refused.

Run again, it writes the same file.
"""
import json
import pathlib
import re

import msgpack

NUMBERS = [
    0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1, -1, -32, -33, -128,
    -129, -32768, -32769, -(2**31), -(2**31) - 1, -(2**63), 0.5, -0.0, 1e300, 5e-324, 1.0, 1e3,
]


def pack(value):
    return msgpack.packb(value, strict_types=True).hex()


def text(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encoded():
    yield "null and the truths", "[null,false,true]", pack([None, False, True])
    for number in NUMBERS:
        yield f"the number {number!r}", repr(number), pack(number)
    for spelled, value in [
        ("-0", 0), ("18446744073709551616", 2.0**64), ("-9223372036854775809", -(2.0**63)), ("1e999", float("inf")),
        ("-1e999", float("-inf")), ("1E+2", 100.0), ("1e-999", 0.0), ("0.1000000000000000055511151231257827", 0.1),
    ]:
        yield f"the number {spelled}", spelled, pack(value)
    for length in [0, 1, 31, 32, 255, 256, 65535, 65536]:
        yield f"a string of {length} bytes", text("x" * length), pack("x" * length)
        yield f"a string of {length} bytes, two each", text("é" * (length // 2)), pack("é" * (length // 2))
    for count in [0, 1, 15, 16, 17, 65535, 65536]:
        yield f"an array of {count}", text([1] * count), pack([1] * count)
    for count in [0, 1, 15, 16, 17, 300]:
        value = {f"k{n}": n for n in range(count)}
        yield f"an object of {count}", text(value), pack(value)
    escapes = '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e9\\ud83d\\ude00"'
    yield "every escape", escapes, pack(json.loads(escapes))
    yield "half a surrogate", '"\\ud83d!"', pack("\ufffd!")
    yield "escapes in a name", '{"\\u0061":{"\\n":1}}', pack({"a": {"\n": 1}})
    yield "space wherever it may be", ' { "a" : [ 1 ,\t2 ] ,\r\n"b" : { } } ', pack({"a": [1, 2], "b": {}})
    yield "a name twice", '{"a":1,"a":2}', "82a16101a16102"
    value = []
    for n in range(150):
        value = [value] if n % 2 else {"a": value}
    yield "150 levels", text(value), pack(value)
    wide = [{str(n): list(range(n)) for n in range(20)} for _ in range(20)]
    yield "wide containers in wide containers", text(wide), pack(wide)
    head = {"seq": 1, "job_id": "j", "type": "binary"}
    tail = {"timestamp": "t"}
    yield (
        "an event that was not UTF-8",
        text(head | {"data": {"base64": "/wD+"}} | tail), pack(head | {"data": b"\xff\x00\xfe"} | tail))
    big = b"\xff\x00\xfe" * 30_000
    yield (
        "a large event that was not UTF-8",
        text(head | {"data": {"base64": "/wD+" * 30_000}} | tail), pack(head | {"data": big} | tail))
    for name, event in {
        "base64 that is none": head | {"data": {"base64": "/wD"}},
        "base64 with a rest": head | {"data": {"base64": "/x=="}},
        "base64 of a number": head | {"data": {"base64": 1}},
        "base64 and more": head | {"data": {"base64": "/wD+", "a": 1}},
        "another name": head | {"data": {"base65": "/wD+"}},
        "another type": head | {"type": "image", "data": {"base64": "/wD+"}},
        "a deeper one": {"a": head | {"data": {"base64": "/wD+"}}},
    }.items():
        yield f"no binary event: {name}", text(event), pack(event)


def messages():
    for value in [
        {"type": "ping", "id": 7}, {"type": "subscribe", "data": {"jobs": ["a", {"id": 2, "after": "x:1"}]}}, [], {},
        [None, True, False], *NUMBERS, "", "x" * 40, "x" * 300, "x" * 70_000, [1] * 20, [1] * 70_000,
        {str(n): n for n in range(20)}, 'quoted " and \\ and \n and é and 😀 and \0',
    ]:
        yield text(value)[:40], pack(value), text(value)
    for name, data, value in [
        ("an integer longer than it need be", "cf0000000000000007", 7), ("a negative one", "d3ffffffffffffffff", -1),
        ("a text with a longer head", "db0000000161", "a"), ("an array with a longer head", "dd0000000101", [1]),
        ("an object with a longer head", "df00000001a16101", {"a": 1}), ("a float32", "ca3fc00000", 1.5),
    ]:
        yield name, data, text(value)


def refused():
    yield "nothing at all", "", "endedEarly"
    yield "two messages", "8080", "trailingBytes"
    yield "the reserved byte", "81a161c1", "reservedByte"
    for head in ["c40100", "c5000100", "c60000000100"]:
        yield f"bytes: {head}", head, "binary"
    for head in ["d401ff", "d501ffff", "d6ff00000000", "d7ff0000000000000000", "d8" + "01" * 17, "c70101ff", "c8000101ff", "c90000000101ff"]:
        yield f"an extension: {head[:4]}", head, "extensionType"
    for key in ["01", "c0", "80", "90", "c40161", "cb3ff0000000000000", "d401ff"]:
        yield f"a name that is no text: {key[:4]}", "81" + key + "01", "keyNotString"
    yield "a name twice", "82a16101a16102", "duplicateKey"
    yield "a name twice, differently said", "82a16101d9016102", "duplicateKey"
    yield "a text that is not UTF-8", "a2c328", "notUTF8"
    yield "a name that is not UTF-8", "81a1ff01", "notUTF8"
    yield "half a surrogate", "a3eda080", "notUTF8"
    yield "no number", "cb7ff8000000000000", "notFinite"
    yield "infinity", "ca7f800000", "notFinite"
    yield "129 levels", "91" * 129 + "90", "nestedTooDeep"
    yield "a million levels", "91" * 60_000, "nestedTooDeep"
    for head in ["dbffffffff", "ddffffffff", "dfffffffff", "df80000000", "dcffff", "deffff", "daffff", "d9ff", "9f", "8f", "bf"]:
        yield f"a length that is a lie: {head}", head + "00", "endedEarly"
    for text in [pack({"type": "subscribe", "data": {"jobs": ["a" * 40, 1 << 40, -1 << 40, 1.5, {"b": [None] * 20}]}})]:
        data = bytes.fromhex(text)
        for cut in range(1, len(data)):
            yield f"cut after {cut}", data[:cut].hex(), "endedEarly"


def part(name, value):
    """What repeats itself is said by its parts, as the README tells."""
    parts, done = [], 0
    for run in re.finditer(r"(.{1,10}?)\1{60,}", value):
        parts += [[value[done : run.start()], 1], [run[1], len(run[0]) // len(run[1])]]
        done = run.end()
    if not parts:
        return {name: value}
    parts.append([value[done:], 1])
    return {f"{name}_parts": [each for each in parts if each[0]]}


def main():
    rows = {
        "encoded": [{"name": n, **part("json", j), **part("hex", h)} for n, j, h in encoded()],
        "messages": [{"name": n, **part("hex", h), **part("json", j)} for n, h, j in messages()],
        "refused": [{"name": n, **part("hex", h), "rule": r} for n, h, r in refused()],
    }
    path = pathlib.Path(__file__).with_name("messagepack.json")
    lines = ",\n".join(
        f'"{kind}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]" for kind, cases in rows.items())
    path.write_text("{\n" + lines + "\n}\n")
    print({kind: len(cases) for kind, cases in rows.items()})


if __name__ == "__main__":
    main()
