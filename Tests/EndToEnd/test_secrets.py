"""No secret is ever shown: not in a log line, a metric, an error, a message, a key of Redis, the process list.

The secrets are planted wherever one can be given, good and bad, and then everything that the server
lets out is searched for their pieces. A new route of /openapi.json is asked too, without a word here.
"""

import http.client
import json
import pathlib
import re
import subprocess
import urllib.parse

import pytest
from support.client import Socket, job_path
from support.server import BINARY, clean_environment
from support.tokens import SECRET, token

PASSWORD = "a-password-of-redis-that-nobody-may-see"
OTHER = "another-secret-of-more-than-32-bytes-here"


def pieces(given):
    """What of a token would give it away. Its header is no secret, every token of an algorithm has it."""
    whole = given.split(".")[1:] if given.count(".") == 2 else [given]
    return [piece[at : at + 20] for piece in whole for at in range(0, max(len(piece) - 19, 1), 10)]


class Planted:
    """Tokens in every state, and the words that must stay within."""

    def __init__(self):
        self.tokens = {
            "good": token(sub="planted-subject", scope="jobs:read jobs:publish"),
            "admin": token(sub="planted-admin", scope="admin"),
            "forged": token(sub="planted-forger", secret=OTHER),
            "expired": token(sub="planted-late", lives=-100),
            "cut": token(sub="planted-cut")[:-4],
            "word": "planted-word-that-is-no-token",
        }
        self.words = [SECRET, PASSWORD, OTHER]
        for each in self.tokens.values():
            self.words += pieces(each)

    def found_in(self, text):
        return [word[:20] for word in self.words if len(word) > 3 and word in text]


def requests(description):
    """(method, path) of everything that the server says it answers, with names filled in."""
    for path, methods in description["paths"].items():
        filled = re.sub(r"\{[^}]*\}", "planted", path)
        for method in methods:
            if method in ("get", "post", "put", "delete", "patch"):
                yield method.upper(), filled


@pytest.fixture
def planted():
    return Planted()


@pytest.fixture
def guarded(make_redis, serve):
    """A server whose Redis has a password, with all secrets in variables and all it knows in its log."""
    redis = make_redis(password=PASSWORD)

    def start(**settings):
        return serve(redis.url, log_level="trace", token_cookie="session", **settings), redis

    return start


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_whatever_is_asked_with_whatever_token_nothing_of_it_is_told(guarded, planted, log_format):
    server, redis = guarded(log_format=log_format)
    told = []
    for method, path in requests(server.get("/openapi.json").json):
        if path.endswith("/session") or "/ws" in path:
            continue  # the one hands the token back as a cookie, the others are sockets: below
        for each in planted.tokens.values():
            quoted = urllib.parse.quote(each)
            for asked, headers in [
                (path, {"Authorization": f"Bearer {each}"}),
                (path, {"Authorization": f"Basic {each}"}),
                (path, {"Cookie": f"session={each}"}),
                (f"{path}?token={quoted}", {}),
                (f"{path}?ticket={quoted}", {}),
                (f"{path}?limit={quoted}&after={quoted}&tokn={quoted}", {"Authorization": each}),
            ]:
                told.append((asked[:60], whole_answer(server, method, asked, headers)))
    for where, text in told:
        assert not planted.found_in(text), where
    assert len(told) > 200
    server.stop()
    assert len(server.lines) > 100
    assert not planted.found_in(server.log)
    assert "?" not in "".join(re.findall(r"(?:path|target)\S*", server.log))


def whole_answer(server, method, path, headers):
    """Head and body; of a stream, how it begins."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        is_stream = answer.getheader("content-type") == "text/event-stream"
        body = answer.read1(65_536) if is_stream else answer.read()
        return f"{answer.status}\n{answer.headers}\n{body.decode()}"
    finally:
        connection.close()


def test_sockets_tell_nothing_of_the_tokens_they_came_with(guarded, planted, job):
    server, redis = guarded()
    told = []
    for each in planted.tokens.values():
        for where in ("header", "subprotocol", "query", "message"):
            with Socket(server, job_path(job), token=each, where=where) as socket:
                told += heard(socket)
        with Socket(server, job_path(job), token=planted.tokens["good"]) as socket:
            socket.expect("connected")
            for message in [
                {"type": "auth", "data": {"token": each}}, {"type": "auth", "token": each},
                {"type": each}, {"type": "subscribe", "data": {"job_id": "x " + each}}, each,
            ]:
                socket.send(message)
            socket.send({"type": "ping", "id": "last"})
            told += heard(socket, until="last")
    for text in told:
        assert not planted.found_in(text), text[:100]
    metrics = server.get("/metrics").text
    server.stop()
    assert not planted.found_in(server.log) and not planted.found_in(metrics)


def heard(socket, until=None):
    """All that the socket says until its end, or until an answer with that id."""
    told = []
    try:
        while True:
            message = socket.next(within=3)
            told.append(json.dumps(message))
            if message.get("id") == until and until or not until and message["type"] == "connected":
                return told
    except Exception as end:
        return told + [str(end)]


def test_redis_holds_no_token(guarded, planted):
    server, redis = guarded()
    for path, body in [("/api/v1/tickets", None), ("/api/v1/jobs/planted", None)]:
        for each in planted.tokens.values():
            server.get(path, method="POST" if "tickets" in path else "GET", token=each)
    client, dumped = redis.client, b""
    client.config_set("rdbcompression", "no")
    for key in client.scan_iter("*"):
        dumped += key + client.dump(key)
    assert not planted.found_in(dumped.decode("latin-1"))


@pytest.mark.parametrize("given", ["variables", "flags", "flags with a space"])
def test_the_process_list_shows_no_secret(make_redis, serve, given):
    redis = make_redis(password=PASSWORD)
    server = serve(redis.url)
    seen = [server.process]
    if given != "variables":
        pairs = [("--token-secret", OTHER), ("--redis-url", redis.url), ("--listen", "127.0.0.1:0")]
        words = ["=".join(pair) for pair in pairs] if given == "flags" else sum(map(list, pairs), [])
        seen = [subprocess.Popen(
            [BINARY, "serve", *words], env=clean_environment({}), stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)]
        line = seen[0].stderr.readline()
        assert "listening" in line, line
    try:
        for process in seen:
            for name in ("cmdline", "environ"):
                text = pathlib.Path(f"/proc/{process.pid}/{name}").read_text(errors="replace")
                assert not [word for word in (SECRET, OTHER, PASSWORD) if word in text], name
            shown = subprocess.run(
                ["ps", "eww", "-o", "args=", "-p", str(process.pid)], capture_output=True, text=True)
            assert "serve" in shown.stdout
            assert not [word for word in (SECRET, OTHER, PASSWORD) if word in shown.stdout]
    finally:
        if given != "variables":
            seen[0].terminate()
            seen[0].wait(10)
            seen[0].stderr.close()


@pytest.mark.parametrize("verb", [["settings"], ["check"], ["doctor"], ["token", "--sub=x", "--ttl=no"]])
def test_no_verb_tells_a_secret(make_redis, verb):
    redis = make_redis(password=PASSWORD)
    settings = {"redis_url": redis.url, "token_secret": SECRET}
    ran = subprocess.run(
        [BINARY, *verb], env=clean_environment(settings), capture_output=True, text=True, timeout=30)
    said = ran.stdout + ran.stderr
    assert said and SECRET not in said and PASSWORD not in said


@pytest.mark.parametrize("settings", [
    {"token_secret": "short-secret-planted"}, {"redis_url": f"redis://u:{PASSWORD}@"},
    {"redis_url": f"redis://u:{PASSWORD}@host:port"}, {"redis_url": f"nonsense{PASSWORD}"},
    {"listen": "nowhere", "token_secret": SECRET}, {"jwks": "http://user:planted-pass@example.org/"},
])  # fmt: skip
def test_a_complaint_at_the_start_tells_no_secret(settings):
    whole = {"token_secret": SECRET, "listen": "127.0.0.1:0"} | settings
    ran = subprocess.run(
        [BINARY, "serve"], env=clean_environment(whole), capture_output=True, text=True, timeout=30)
    said = ran.stdout + ran.stderr
    assert ran.returncode != 0 and said
    for word in (SECRET, PASSWORD, "short-secret-planted", "planted-pass"):
        assert word not in said, said
