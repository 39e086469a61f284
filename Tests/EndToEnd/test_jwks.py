"""Tokens of an issuer whose keys come from an address that rotates, hangs, lies and dies."""

import base64
import hashlib
import hmac
import json
import signal
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import serialization
from support.jwks import Key, KeyServer
from support.server import BINARY, clean_environment
from support.tokens import SECRET, token
from support.waiting import eventually

UNKNOWN, AWAITED = "token_unknown_key", "token_keys_awaited"


@pytest.fixture
def command(redis):
    """Runs the program with settings of the test's own: command(verb, …, jwks=…) -> CompletedProcess."""

    def run(*arguments, stdin="", **settings):
        environment = clean_environment({"redis_url": redis.url, "listen": "127.0.0.1:0", **settings})
        return subprocess.run([BINARY, *arguments], input=stdin, env=environment, capture_output=True, text=True, timeout=30)

    return run


@pytest.fixture
def key_server():
    servers = []

    def start(*keys, **options):
        servers.append(KeyServer(*keys, **options))
        return servers[-1]

    yield start
    for each in servers:
        each.die()


def asked(server, token):
    """-> the status, and why not."""
    answer = server.get("/api/v1/jobs/a", token=token)
    return answer.status, "" if answer.status == 200 else answer.json["error"]["code"]


def with_keys(serve, source, **settings):
    """A server that has read its first keys."""
    server = serve(jwks=source.url, token_secret="", **settings)
    eventually(lambda: server.get("/readyz").status == 200)
    return server


def read_again(server, count):
    eventually(lambda: server.metric("jobwire_jwks_refreshes_total", result="changed") >= count)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_of_the_set_is_let_in_and_others_are_not(serve, follow, key_server, job, algorithm):
    key, stranger = Key("k1", algorithm), Key("k1", algorithm)
    server = with_keys(serve, key_server(key))
    assert follow(server, job, token=key.token()).expect("connected")["job_id"] == job
    assert follow(server, job, token=stranger.token()).closed()[0] == 4401
    assert asked(server, stranger.token()) == (401, "token_bad_signature")
    assert asked(server, token()) == (401, "token_algorithm_not_allowed"), "no secret is configured"


def test_the_keys_rotate_and_a_new_kid_is_fetched_at_once_and_then_at_most_once_a_minute(serve, key_server):
    old, new = Key("old"), Key("new")
    source = key_server(old)
    server = with_keys(serve, source, loops=1)  # each loop asks for itself; the source is asked once all the same
    assert asked(server, old.token())[0] == 200
    source.keys(new)
    before = source.asked
    assert asked(server, new.token()) == (503, AWAITED), "it may be a new one: come again"
    eventually(lambda: asked(server, new.token())[0] == 200)
    assert source.asked == before + 1
    assert asked(server, old.token()) == (401, UNKNOWN), "what was remembered of it is forgotten"
    for number in range(50):
        assert asked(server, Key(f"guess-{number}").token()) == (401, UNKNOWN)
    assert source.asked == before + 1, "a stranger can't make us ask"


def test_all_loops_together_ask_once(serve, key_server):
    source = key_server(Key("k"))
    server = with_keys(serve, source, loops=4)
    before, stranger = source.asked, Key("stranger").token()
    assert {asked(server, stranger)[1] for _ in range(40)} <= {AWAITED, UNKNOWN}
    eventually(lambda: source.asked == before + 1)
    assert {asked(server, stranger)[1] for _ in range(40)} <= {AWAITED, UNKNOWN} and source.asked == before + 1


def test_a_socket_with_a_new_key_is_told_to_come_again(serve, follow, key_server, job):
    old, new = Key("old"), Key("new")
    source = key_server(old)
    server = with_keys(serve, source)
    source.keys(old, new)
    assert follow(server, job, token=new.token()).closed()[0] == 1013
    eventually(lambda: asked(server, new.token())[0] == 200)
    assert follow(server, job, token=new.token()).expect("connected")


def test_sets_are_read_again_in_the_background(serve, key_server):
    old, new = Key("old"), Key("new")
    source = key_server(old)
    server = with_keys(serve, source, jwks_refresh="200ms")
    source.keys(new)
    read_again(server, 2)
    eventually(lambda: asked(server, new.token())[0] == 200)
    assert asked(server, old.token())[1] in (AWAITED, UNKNOWN)
    eventually(lambda: server.metric("jobwire_jwks_refreshes_total", result="unchanged") >= 2)


def test_cache_control_stretches_the_interval(serve, key_server):
    source = key_server(Key("k"))
    source.answer = lambda path: (200, {"Cache-Control": "public, max-age=3600"}, source.body)
    server = with_keys(serve, source, jwks_refresh="300ms")
    count = source.asked
    eventually(lambda: source.asked > count, 10)  # ten times as long, and no longer
    assert source.asked == count + 1 and server.metric("jobwire_jwks_age_seconds") < 30


BAD = {
    "404": lambda body: (404, {}, b"no"),
    "500": lambda body: (500, {}, body),
    "not JSON": lambda body: (200, {}, b"<html>"),
    "no keys": lambda body: (200, {}, b'{"keys":[]}'),
    "keys of no use": lambda body: (200, {}, b'{"keys":[{"kty":"oct","k":"' + b"A" * 43 + b'"}]}'),
    "too large": lambda body: (200, {}, body + b" " * 300_000),
    "too large without saying so": lambda body: (200, {"Content-Length": "300000"}, body + b" " * 300_000),
    "cut short": lambda body: (200, {"Content-Length": str(len(body) + 1)}, body),
    "redirected to http": lambda body: (302, {"Location": "http://127.0.0.1:1/"}, b""),
    "redirected to a file": lambda body: (302, {"Location": "file:///etc/passwd"}, b""),
    "hangs": lambda body: None,
}  # fmt: skip


@pytest.mark.parametrize("how", BAD)
def test_a_source_that_fails_takes_no_key_away(serve, key_server, how):
    key = Key("k")
    source = key_server(key)
    server = with_keys(serve, source, jwks_refresh="100ms", jwks_timeout="200ms")
    source.answer = lambda path: BAD[how](source.body)
    failed = server.metric("jobwire_jwks_refreshes_total", result="failed")
    eventually(lambda: server.metric("jobwire_jwks_refreshes_total", result="failed") >= failed + 2)
    assert asked(server, key.token(sub="somebody new"))[0] == 200
    assert server.get("/readyz").status == 200
    assert "keys_not_read" in server.log
    source.answer = lambda path: (200, {}, source.body)
    other = Key("other")
    source.keys(other)
    eventually(lambda: asked(server, other.token())[0] == 200, 20)


def test_a_source_that_dies_and_comes_back(serve, key_server):
    key, new = Key("k"), Key("new")
    source = key_server(key)
    server = with_keys(serve, source, jwks_refresh="100ms")
    source.die()
    eventually(lambda: server.metric("jobwire_jwks_refreshes_total", result="failed") >= 2)
    assert asked(server, key.token())[0] == 200
    key_server(new, port=source.port)
    eventually(lambda: asked(server, new.token())[0] == 200, 20)


def test_without_its_first_keys_a_server_runs_and_is_not_ready(serve, key_server):
    key = Key("k")
    source = key_server(key)
    source.answer = lambda path: (500, {}, b"")
    server = serve(wait=False, jwks=source.url, loops=3)  # and a secret, whose tokens have no such wait
    eventually(lambda: "keys_not_read" in server.log)
    eventually(lambda: "redis_ready" in server.log)
    assert server.get("/healthz").status == 200
    ready = server.get("/readyz")
    assert ready.status == 503 and ready.json["keys"] is False
    assert asked(server, key.token()) == (503, AWAITED)
    assert asked(server, token())[0] == 200
    source.answer = lambda path: (200, {}, source.body)
    eventually(lambda: server.get("/readyz").status == 200, 20)
    for _ in range(12):  # every loop has them
        assert asked(server, key.token())[0] == 200


def test_a_set_with_bad_keys_serves_with_the_good_ones(serve, key_server):
    good = Key("good")
    weak = {"kty": "RSA", "kid": "weak", "n": "AQAB", "e": "AQAB"}
    server = with_keys(serve, key_server(weak, {"kty": "EC", "crv": "P-521"}, 7, good))
    assert asked(server, good.token())[0] == 200
    lines = [line for line in server.lines if "key_not_used" in line]
    assert len(lines) == 3 and any("rsa_too_short" in line for line in lines), lines


def test_a_public_key_is_no_secret(serve, key_server):
    key = Key("k", "RS256")
    server = with_keys(serve, key_server(key))
    pem = key.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    parts = [{"alg": "HS256", "kid": "k"}, {"sub": "u1", "scope": "admin", "exp": int(time.time()) + 600}]
    text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    for secret in (pem, pem.strip(), json.dumps(key.jwk).encode(), b""):
        forged = text + b"." + base64.urlsafe_b64encode(hmac.new(secret, text, hashlib.sha256).digest()).rstrip(b"=")
        assert asked(server, forged.decode()) == (401, "token_algorithm_not_allowed")


def test_addresses_in_a_token_are_not_asked(serve, key_server):
    key, own = Key("k"), Key("k")
    source, evil = key_server(key), key_server(own)
    server = with_keys(serve, source)
    for headers in [{"jku": evil.url}, {"x5u": evil.url}, {"jwk": own.jwk}]:
        assert asked(server, own.token(headers=headers)) == (401, "token_bad_signature")
    assert evil.asked == 0


def test_keys_come_by_tls_from_whom_the_authority_vouches_for_only(serve, key_server, certificates):
    key = Key("k")
    source = key_server(key, certificates=certificates)
    trusting = with_keys(serve, source, jwks_ca=certificates.authority)
    assert asked(trusting, key.token())[0] == 200
    wary = serve(wait=False, jwks=source.url)
    eventually(lambda: "keys_not_read" in wary.log)
    assert asked(wary, key.token()) == (503, AWAITED)


def test_a_redirect_is_followed_to_tls_only(serve, key_server, certificates):
    key = Key("k")
    target, source = key_server(key, certificates=certificates), key_server()
    source.answer = lambda path: (302, {"Location": target.url}, b"")
    server = with_keys(serve, source, jwks_ca=certificates.authority)
    assert asked(server, key.token())[0] == 200
    loop = key_server(certificates=certificates)
    loop.answer = lambda path: (302, {"Location": loop.url}, b"")
    lost = serve(wait=False, jwks=loop.url, jwks_ca=certificates.authority)
    eventually(lambda: "keys_not_read" in lost.log)
    assert loop.asked <= 8


def test_keys_in_pem_files(serve, make_folder):
    folder, keys = make_folder(), [Key("a", "RS256"), Key("b", "ES256"), Key("c", "EdDSA")]
    for key in keys:
        (folder / f"{key.kid}.pem").write_bytes(key.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    server = serve(token_keys=",".join(str(folder / f"{key.kid}.pem") for key in keys), token_secret="")
    for key in keys:
        assert asked(server, key.token())[0] == 200
    assert asked(server, Key("a", "RS256").token()) == (401, "token_bad_signature")


REFUSED_AT_START = {
    "a file that is not there": ({"jwks": "/nowhere/keys.json"}, "/nowhere/keys.json"),
    "plain http from elsewhere": ({"jwks": "http://keys.example/k"}, "jwks: "),
    "another scheme": ({"jwks": "ftp://127.0.0.1/k"}, "jwks: "),
    "an algorithm nobody knows": ({"token_algorithms": "HS256,none"}, "token-algorithms: none"),
    "a secret too short for its algorithm": ({"token_algorithms": "HS512"}, "needs 64 for HS512"),
    "a PEM file that is none": ({"token_keys": __file__}, "token-keys: "),
}


@pytest.mark.parametrize("what", REFUSED_AT_START)
def test_what_can_never_work_is_told_at_the_start_and_by_check(command, what):
    settings, said = REFUSED_AT_START[what]
    for verb in ("serve", "check"):
        done = command(verb, token_secret=SECRET, **settings)
        assert done.returncode == 1 and said in done.stderr, (verb, done.stderr)


def test_check_and_inspect_fetch_the_keys(command, key_server):
    key = Key("k")
    source = key_server(key)
    done = command("token", "inspect", jwks=source.url, stdin=key.token())
    assert done.returncode == 0 and "good" in done.stdout, done
    done = command("token", "inspect", jwks=source.url, stdin=Key("k").token())
    assert done.returncode == 3 and "bad_signature" in done.stdout, done
    assert command("check", jwks=source.url).returncode == 0
    source.answer = lambda path: (404, {}, b"")
    done = command("check", "--connect", jwks=source.url)
    assert done.returncode == 1 and "jwks: the answer was 404" in done.stderr, done


def test_a_file_of_keys_is_read_again(serve, make_folder):
    old, new = Key("old"), Key("new")
    path = make_folder() / "keys.json"
    path.write_text(json.dumps({"keys": [old.jwk]}))
    server = serve(jwks=str(path), token_secret="")
    assert asked(server, old.token())[0] == 200
    path.write_text(json.dumps({"keys": [new.jwk]}))
    server.signal(signal.SIGHUP)
    eventually(lambda: asked(server, new.token())[0] == 200)
    assert asked(server, old.token())[1] in (AWAITED, UNKNOWN)


def test_several_issuers_each_with_its_keys_and_audience(serve, key_server, make_folder, follow, job):
    first, second = Key("k"), Key("k")
    one, two = key_server(first), key_server(second)
    config = make_folder() / "jobwire.conf"
    config.write_text(f"""
token-secret = {SECRET}
[issuer https://one.example/]
jwks = {one.url}
token-audience = jobwire
[issuer two]
jwks = {two.url}
token-algorithms = ES256
jobs-claim = https://two.example/rights.jobs
scope-claim = realm.roles
""")
    server = serve(config=str(config), token_secret="")
    eventually(lambda: server.get("/readyz").status == 200)
    iss = "https://one.example/"
    assert asked(server, first.token(iss=iss, aud="jobwire"))[0] == 200
    assert asked(server, first.token(iss=iss, aud="other")) == (401, "token_wrong_audience")
    assert asked(server, first.token(iss=iss)) == (401, "token_wrong_audience")
    assert asked(server, second.token(iss=iss, aud="jobwire")) == (401, "token_bad_signature")
    assert asked(server, first.token(iss="two")) == (401, "token_bad_signature")
    rights = {"https://two.example/rights": {"jobs": ["a", "b-*"]}}
    assert asked(server, second.token(iss="two", **rights))[0] == 200
    assert asked(server, second.token(iss="two", realm={"roles": ["jobs:read"]}))[0] == 200
    assert asked(server, second.token(iss="two"))[0] == 403, "scope is no claim of this issuer's"
    assert asked(server, token())[0] == 200 and asked(server, token(iss="three"))[0] == 200
    assert asked(server, first.token()) == (401, "token_algorithm_not_allowed")
    socket = follow(server, job, token=first.token(iss=iss, aud="jobwire"))
    socket.joined()
    fresh = second.token(iss="two", realm={"roles": ["jobs:read"]})
    socket.send({"type": "auth", "data": {"token": fresh}})
    assert socket.expect("rejected")["data"]["code"], "another issuer's u1 is somebody else"


def test_a_token_used_again_ends_in_its_time(serve, key_server):
    key = Key("k")
    server = with_keys(serve, key_server(key))
    short = key.token(lives=2)
    assert asked(server, short)[0] == 200
    eventually(lambda: asked(server, short) == (401, "token_expired"), 6)


def test_no_key_and_no_address_is_in_the_log(serve, key_server):
    key = Key("k")
    source = key_server(key)
    server = with_keys(serve, source, log_level="trace")
    used = key.token()
    asked(server, used)
    source.answer = lambda path: (500, {}, b"")
    asked(server, Key("x").token())
    eventually(lambda: "keys_not_read" in server.log)
    for piece in [*used.split(".")[1:], key.jwk["x"], "/keys"]:
        assert piece not in server.log
