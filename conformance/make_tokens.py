#!/usr/bin/env python3
"""Writes tokens.json: tokens made by PyJWT, which we did not write, and attacks made by hand.

    python3 -m venv venv && venv/bin/pip install pyjwt && venv/bin/python conformance/make_tokens.py

Each vector is either granted (what the token lets its bearer do) or refused (the fault's name).
The secret is for these vectors only.
"""

import base64
import hashlib
import hmac
import json
import pathlib

import jwt

SECRET = "conformance-secret-0123456789abcdef"
NOW = 1_800_000_000
LEEWAY = 30
vectors = []


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header, claims, digest=hashlib.sha256, secret=SECRET):
    """Signs any bytes or text as header and claims, right or wrong."""
    parts = [part if isinstance(part, bytes) else part.encode() for part in (header, claims)]
    text = ".".join(b64(part) for part in parts)
    return text + "." + b64(hmac.new(secret.encode(), text.encode(), digest).digest())


def made(claims, **options):
    return jwt.encode(claims, options.pop("secret", SECRET), options.pop("algorithm", "HS256"), **options)


def granted(name, token, **grant):
    vectors.append({"name": name, "token": token, "granted": grant})


def refused(name, token, fault):
    vectors.append({"name": name, "token": token, "refused": fault})


HS256 = '{"alg":"HS256","typ":"JWT"}'
EXP = NOW + 600
GOOD = json.dumps({"sub": "u1", "exp": EXP})
ok = made({"sub": "u1", "exp": EXP})
head, body, mark = ok.split(".")

# What is granted, minted by PyJWT.
granted("a subject and nothing else", ok, sub="u1", exp=EXP)
granted("jobs by id, by prefix and by number", made({"exp": EXP, "jobs": ["a", "b-*", 42, -7]}),
        exp=EXP, follows=["a", "b-", "b-1", "42", "-7"], not_follows=["A", "aa", "b", "xb-1", "4", "420", ""])
granted("a number of any size is the text it is written with",
        signed(HS256, '{"exp":%d,"jobs":[123456789012345678901234567890]}' % EXP),
        exp=EXP, follows=["123456789012345678901234567890"], not_follows=["1.2345678901234568e+29"])
granted("a lone star is every job", made({"exp": EXP, "jobs": ["*"]}), exp=EXP, follows=["a", "b/c"])
granted("no job at all", made({"exp": EXP, "jobs": []}), exp=EXP, not_follows=["a", "*", ""])
granted("scope jobs:read follows every job and publishes none", made({"exp": EXP, "scope": "email jobs:read"}),
        exp=EXP, scope=["jobs:read"], follows=["a"])
granted("scope admin may all", made({"exp": EXP, "scope": "admin"}), exp=EXP, scope=["admin"], follows=["a"],
        queues=["q"], feeds=["f"])
granted("scope words are whole words", made({"exp": EXP, "scope": "jobs:reader xadmin Admin jobs:publish,admin"}),
        exp=EXP, scope=[], not_follows=["a"])
granted("scopes together", made({"exp": EXP, "scope": " jobs:publish  jobs:read "}), exp=EXP,
        scope=["jobs:read", "jobs:publish"], follows=["a"])
granted("scopes as an array", made({"exp": EXP, "scope": ["jobs:publish", "jobs:read email"]}), exp=EXP,
        scope=["jobs:read", "jobs:publish"], follows=["a"])
granted("a token id and an issuer", made({"exp": EXP, "jti": "t1", "iss": "x"}), exp=EXP)
granted("queues and feeds", made({"exp": EXP, "queues": ["q1"], "feeds": ["ops-*"]}), exp=EXP,
        queues=["q1"], not_queues=["q", "q11"], feeds=["ops-", "ops-1"], not_feeds=["ops", "q1"], not_follows=["q1"])
granted("names are bytes: a Kelvin sign is no K", made({"exp": EXP, "jobs": ["\u212a", "\u037e*", "cafe\u0301"]}), exp=EXP,
        follows=["\u212a", "\u037e1", "cafe\u0301"], not_follows=["K", ";1", "caf\u00e9"])
granted("a unicode subject", made({"sub": "jos\u00e9 \U0001f600", "exp": EXP}), sub="jos\u00e9 \U0001f600", exp=EXP)
granted("an empty subject names nobody", signed(HS256, json.dumps({"sub": "", "exp": EXP})), exp=EXP)
granted("claims nobody knows", made({"sub": "u1", "exp": EXP, "iss": "x", "aud": "y", "data": {"jobs": ["z"], "exp": 1}}),
        sub="u1", exp=EXP, not_follows=["z"])
granted("a key id and another typ", made({"sub": "u1", "exp": EXP}, headers={"kid": "k1", "typ": "at+jwt"}), sub="u1", exp=EXP)
granted("expired within the leeway", made({"exp": NOW - LEEWAY + 1}), exp=NOW - LEEWAY + 1)
granted("nbf and iat within the leeway", made({"exp": EXP, "nbf": NOW + LEEWAY, "iat": NOW + LEEWAY}), exp=EXP)
granted("an expiry at the end of time", signed(HS256, '{"exp":9223372036854775807}'), exp=9223372036854775807)
granted("escaped names of claims", signed(HS256, '{"\\u0065xp":%d,"j\\u006fbs":["\\u0061"]}' % EXP), exp=EXP, follows=["a"])
granted("white space around the parts", signed(' {"alg" : "HS256"}\n', ' {"exp" : %d}\n' % EXP), exp=EXP)

# Times.
refused("expired", made({"exp": NOW - LEEWAY}), "expired")
refused("expired long ago", signed(HS256, '{"exp":-1}'), "expired")
refused("expired before time began", signed(HS256, '{"exp":-9223372036854775808}'), "expired")
refused("no expiry", made({"sub": "u1"}), "no_expiry")
refused("not valid yet", made({"exp": EXP, "nbf": NOW + LEEWAY + 1}), "not_yet_valid")
refused("issued in the future", made({"exp": EXP, "iat": NOW + LEEWAY + 1}), "not_yet_valid")
for text, seconds in [("%d.0" % EXP, EXP), ("%d.5" % EXP, EXP), ("1e10", 10**10), ("9007199254740991.0", 2**53 - 1)]:
    granted(f"exp is {text}", signed(HS256, '{"exp":%s}' % text), exp=seconds)
granted("nbf and iat with fractions", signed(HS256, '{"exp":%d,"nbf":%d.25,"iat":1.5}' % (EXP, NOW + LEEWAY)), exp=EXP)
refused("expired, with a fraction", signed(HS256, '{"exp":%d.75}' % (NOW - LEEWAY)), "expired")
refused("not valid yet, with a fraction", signed(HS256, '{"exp":%d,"nbf":%d.0}' % (EXP, NOW + LEEWAY + 1)), "not_yet_valid")
for text in ['"%d"' % EXP, "null", "true", "[%d]" % EXP, "{}",
             "9223372036854775808", "-9223372036854775809", "9007199254740992.0",
             "1" + "0" * 400, "1e999"]:
    for claim in ["exp", "nbf", "iat"]:
        others = "" if claim == "exp" else ',"exp":%d' % EXP
        refused(f"{claim} is {text[:24]}", signed(HS256, '{"%s":%s%s}' % (claim, text, others)), "bad_time")

# Algorithms.
refused("unsigned", jwt.encode({"sub": "u1", "exp": EXP}, "", "none"), "algorithm_not_allowed")
for name in ["none", "None", "NONE", "nOnE", "hs256", "HS256 ", " HS256", "HS256\\u0000", "HS384", "RS256", "ES256", "EdDSA", "\\u212aS256", ""]:
    header = '{"alg":"%s"}' % name
    refused(f"alg {name!r}, rightly signed", signed(header, GOOD), "algorithm_not_allowed")
    refused(f"alg {name!r}, unsigned", ".".join([b64(header.encode()), body, ""]), "algorithm_not_allowed")
refused("HS512 by PyJWT", made({"exp": EXP}, algorithm="HS512"), "algorithm_not_allowed")
refused("no alg", signed("{}", GOOD), "algorithm_not_allowed")
for value in ["null", "1", '["HS256"]', '{"HS256":1}', "true"]:
    refused(f"alg is {value}", signed('{"alg":%s}' % value, GOOD), "algorithm_not_allowed")
refused("crit", signed('{"alg":"HS256","crit":["exp"],"exp":1}', GOOD), "critical_header")
refused("empty crit", signed('{"alg":"HS256","crit":[]}', GOOD), "critical_header")
refused("escaped crit", signed('{"alg":"HS256","\\u0063rit":null}', GOOD), "critical_header")

# Other members of the header: those that name keys are not looked at, those that change the meaning refuse.
for typ in ["jwt", "AT+JWT", "application/at+jwt"]:
    granted(f"typ {typ}", made({"sub": "u1", "exp": EXP}, headers={"typ": typ}), sub="u1", exp=EXP)
for typ in ['"JWE"', '"secevent+jwt"', '"logout+jwt"', '"dpop+jwt"', '"JWT "', '""', "1", "null", '["JWT"]']:
    refused(f"typ is {typ}", signed('{"alg":"HS256","typ":%s}' % typ, GOOD), "wrong_type")
for kid in ["../../../../dev/null", "' OR 1=1 --", "|/bin/true", "k" * 2000, "", "\u0000", "http://127.0.0.1/key"]:
    granted(f"kid {kid[:20]!r} is a name and nothing else", made({"sub": "u1", "exp": EXP}, headers={"kid": kid}),
            sub="u1", exp=EXP)
    refused(f"kid {kid[:20]!r} with an empty secret", signed(json.dumps({"alg": "HS256", "kid": kid}), GOOD, secret=""),
            "bad_signature")
for kid in ["1", "null", '["k"]', "{}"]:
    refused(f"kid is {kid}", signed('{"alg":"HS256","kid":%s}' % kid, GOOD), "malformed")
OWN = {"kty": "oct", "k": b64(b"x" * 40), "alg": "HS256"}
for name, value in {"jwk": OWN, "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/cert", "x5c": ["MIIB"]}.items():
    header = json.dumps({"alg": "HS256", name: value})
    granted(f"{name} in the header is not looked at", signed(header, GOOD), sub="u1", exp=EXP)
    refused(f"{name} in the header brings no key", signed(header, GOOD, secret="x" * 40), "bad_signature")

# Signatures.
refused("another secret", made({"sub": "u1", "exp": EXP}, secret=SECRET + "x"), "bad_signature")
refused("no signature", f"{head}.{body}.", "bad_signature")
refused("a shorter signature", signed(HS256, GOOD)[:-4], "bad_signature")
refused("a longer signature", f"{head}.{body}." + b64(base64.urlsafe_b64decode(mark + "=") + b"\0"), "bad_signature")
refused("another digest under HS256", signed(HS256, GOOD, hashlib.sha512), "bad_signature")
refused("claims of another token", f"{head}." + b64(GOOD.replace("u1", "u2").encode()) + f".{mark}", "bad_signature")
refused("header of another token", b64(b'{"alg":"HS256"}') + f".{body}.{mark}", "bad_signature")
refused("a NUL inside the claims", f"{head}.\0{body}.{mark}", "bad_signature")
for byte in range(0, 32, 5):
    raw = bytearray(base64.urlsafe_b64decode(mark + "="))
    raw[byte] ^= 1
    refused(f"byte {byte} of the signature changed", f"{head}.{body}." + b64(bytes(raw)), "bad_signature")

# Shapes.
refused("empty", "", "missing")
for name, token in {
    "one part": head, "two parts": f"{head}.{body}", "four parts": f"{ok}.{mark}", "a dot behind": ok + ".",
    "a dot before": "." + ok, "dots only": "..", "padded": ok + "=", "padded header": f"{head}=.{body}.{mark}",
    "standard alphabet": f"{head}.{body}.{mark[:-1]}+", "a space behind": ok + " ", "a newline behind": ok + "\n",
    "a NUL behind": ok + "\0", "a NUL inside": f"{head[:5]}\0{head[5:]}.{body}.{mark}", "a full-width dot": f"{head}\uff0e{body}\uff0e{mark}",
    "Bearer before": "Bearer " + ok, "quotes around": f'"{ok}"', "not base64url": "a!b.c.d", "a length no bytes have": f"{head}.{body}.{mark}AA",
    "header is text": f"{b64(b'hello')}.{body}.{mark}", "header is an array": signed('["HS256"]', GOOD),
    "header is null": signed("null", GOOD), "header is empty": signed("", GOOD), "header goes on": signed(HS256 + "x", GOOD),
    "header is not UTF-8": signed(b'{"alg":"HS256","x":"\xff"}', GOOD), "claims are text": signed(HS256, "hello"),
    "claims are an array": signed(HS256, "[]"), "claims are empty": signed(HS256, ""), "claims go on": signed(HS256, GOOD + GOOD),
    "claims are not UTF-8": signed(HS256, b'{"sub":"\xff","exp":%d}' % EXP), "claims hold a NUL": signed(HS256, GOOD + "\0"),
    "claims have a BOM": signed(HS256, "\ufeff" + GOOD), "claims hold NaN": signed(HS256, '{"exp":NaN}'),
    "claims nest too deep": signed(HS256, '{"exp":%d,"x":%s}' % (EXP, "[" * 200 + "]" * 200)),
    "too many header members": signed('{"alg":"HS256",%s}' % ",".join('"%d":0' % i for i in range(128)), GOOD),
    "too many claims": signed(HS256, '{"exp":%d,%s}' % (EXP, ",".join('"%d":0' % i for i in range(128)))),
}.items():
    refused(name, token, "malformed")
# The last letter of 32 bytes has two bits to spare: three more spellings of one signature.
alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
for step in (1, 2, 3):
    refused(f"spare bits {step}", ok[:-1] + alphabet[alphabet.index(ok[-1]) + step], "malformed")
refused("as long as is looked at, and one more", "a" * 8_193, "too_long")

# Members twice.
refused("alg twice", signed('{"alg":"none","alg":"HS256"}', GOOD), "duplicate_member")
refused("alg twice, once escaped", signed('{"alg":"HS256","\\u0061lg":"none"}', GOOD), "duplicate_member")
refused("exp twice", signed(HS256, '{"exp":1,"exp":%d}' % EXP), "duplicate_member")
refused("jobs twice, once escaped", signed(HS256, '{"exp":%d,"jobs":["a"],"job\\u0073":["*"]}' % EXP), "duplicate_member")

# Claims of the wrong kind.
for value in ["1", "null", '["u1"]', '{"a":1}', '"a\\u0000b"', '"a\\nb"', '"\\ud800"', '"\\u009b"']:
    refused(f"sub is {value}", signed(HS256, '{"exp":%d,"sub":%s}' % (EXP, value)), "bad_subject")
for value in ["1", "null", '["admin",1]', '[["admin"]]', '{"admin":1}', '"jobs:read\\u0000"']:
    refused(f"scope is {value}", signed(HS256, '{"exp":%d,"scope":%s}' % (EXP, value)), "bad_scope")
for value in ["1", "null", '["t"]', '"a\\nb"']:
    refused(f"jti is {value}", signed(HS256, '{"exp":%d,"jti":%s}' % (EXP, value)), "bad_token_id")
    refused(f"iss is {value}", signed(HS256, '{"exp":%d,"iss":%s}' % (EXP, value)), "wrong_issuer")
for claim in ["jobs", "queues", "feeds"]:
    for value in ['"a"', "1", "null", "{}", "[null]", "[true]", "[1.5]", "[1e3]", '[["a"]]', '[{"a":1}]', '["a*b"]',
                  '["**"]', '["*a"]', '["a\\u0000"]', '["\\udfff*"]']:
        refused(f"{claim} is {value}", signed(HS256, '{"exp":%d,"%s":%s}' % (EXP, claim, value)), "bad_names")

names = [vector["name"] for vector in vectors]
assert len(set(names)) == len(names), "every vector has a name of its own"
with open(pathlib.Path(__file__).with_name("tokens.json"), "w") as file:
    about = "Tokens by PyJWT and attacks by hand, written by make_tokens.py. See README.md."
    head = {"about": about, "secret": SECRET, "now": NOW, "leeway": LEEWAY, "token_bytes_max": 8192}
    file.write(json.dumps(head)[:-1] + ',\n"cases": [\n')
    file.write(",\n".join(json.dumps(vector) for vector in vectors) + "\n]}\n")
print(len(vectors), "vectors")
