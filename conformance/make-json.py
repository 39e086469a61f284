#!/usr/bin/env python3
"""Makes json.json: texts, and what Python's json module (made strict) says of them.

Seeded: run again, it writes the same file. `invalid_hex` has those that are not UTF-8.
"""
import json
import random
import pathlib

SEEDS = [
    '{"type":"progress","data":{"progress":45.5e-1,"ok":true},"timestamp":null}',
    '[1,-0,0.0,1e9,-1.25E+3,"a\\u00e9\\n\\"\\\\","\\ud83d\\ude00",{}]',
    ' {"ä":"日本","𝄞":[[],[[]],{"a":{"b":[]}}]} ',
    '"\\/\\b\\f\\n\\r\\t\\u0000"',
    '{"a":false,"a":true, "b" : [ null , 12345678901234567890 ] }',
    '\t-12.5\r\n',
]
ALPHABET = [bytes([c]) for c in b'{}[]:,"\\/+-.0123eEtfnu \n\t\x00\x1f\x7f\x80\xbf\xc0\xed\xf4\xff'] + [
    b'true', b'false', b'null', b'NaN', b'Infinity', b'\\u', b'\\ud800', b'\xc3\xa9', b'\xed\xa0\x80',
    b'\xf4\x90\x80\x80', b'\xe0\x80\x80', b'00', b'1.', b'.5', b'""', b'{}', b'[]',
]


def refuse(constant):
    raise ValueError(constant)


def is_valid(text):
    try:
        json.loads(text.decode('utf-8'), parse_constant=refuse)
        return True
    except ValueError:
        return False


def mutated(random_source):
    text = random_source.choice(SEEDS).encode()
    for _ in range(random_source.randint(0, 2)):
        at = random_source.randrange(len(text) + 1)
        text = random_source.choice([
            text[:at] + random_source.choice(ALPHABET) + text[at:],
            text[:at] + text[at + 1:],
            text[:at] + random_source.choice(ALPHABET) + text[at + 1:],
            text[:at],
        ])
    return text


def main():
    source = random.Random(8259)
    texts = sorted({mutated(source) for _ in range(1500)})
    answer = {'valid': [], 'invalid': [], 'invalid_hex': []}
    for text in texts:
        try:
            answer['valid' if is_valid(text) else 'invalid'].append(text.decode('utf-8'))
        except UnicodeDecodeError:
            answer['invalid_hex'].append(text.hex())
    path = pathlib.Path(__file__).with_name('json.json')
    path.write_text(json.dumps(answer, indent=0, ensure_ascii=True) + '\n')
    print({name: len(rows) for name, rows in answer.items()})


main()
