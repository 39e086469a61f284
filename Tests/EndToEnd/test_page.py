"""The page at `/` in a real browser: once with the real server, and with a scripted one for what goes wrong."""

import http.server
import json
import re
import shutil
import threading

import pytest
from support.server import ROOT
from support.tokens import token
from support.waiting import eventually

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

SITE = "http://jobwire.test"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
EPOCH = "abcdefgh1234"


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "chromium is missing"
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A page whose errors, also those of its content security policy, fail the test."""
    context = browser.new_context()
    opened = context.new_page()
    opened.complaints = []
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("console", lambda line: line.type == "error" and opened.complaints.append(line.text))
    yield opened
    context.close()
    assert [c for c in opened.complaints if "WebSocket" not in c] == []


class Scripted:
    """The page's files with a server's part played by the test: each connection is kept in `sockets`."""

    def __init__(self, page, plays_sockets=True):
        self.page, self.sockets, self.heard = page, [], []
        page.route(f"{SITE}/**", self._file)
        if plays_sockets:
            page.route_web_socket(re.compile(r"/api/v1/ws/"), self._socket)

    def _file(self, route):
        name = route.request.url.removeprefix(SITE).split("?")[0].removeprefix("/assets") or "/"
        path = ROOT / "Sources/Server/Page" / ("index.html" if name == "/" else name[1:])
        kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
        route.fulfill(
            body=path.read_text(), headers={"Content-Security-Policy": POLICY},
            content_type=f"{kinds[path.suffix]}; charset=utf-8")

    def _socket(self, socket):
        socket.on_message(lambda message: self.heard.append(json.loads(message)))
        self.sockets.append(socket)

    def open(self, job="build-7", token="a.b.c"):
        self.page.goto(f"{SITE}/#job={job}&token={token}")
        return self.connected(1)

    def connected(self, count):
        """The socket of the `count`-th connection."""
        for _ in range(1_000):
            if len(self.sockets) >= count:
                return self.sockets[count - 1]
            self.page.wait_for_timeout(10)
        raise AssertionError(f"no connection number {count}")

    def tell(self, type, **data):
        """A control message."""
        self.sockets[-1].send(json.dumps({"type": type, "job_id": "build-7", "data": data}))

    def say(self, type, number, **data):
        """A worker's event."""
        event = {"seq": number, "job_id": "build-7", "type": type, "data": data, "timestamp": "t"}
        self.sockets[-1].send(json.dumps(event))

    def greet(self, seq=0, epoch=EPOCH, **snapshot):
        self.tell(
            "connected", server="test", heartbeat_seconds=25, expires_at=None, epoch=epoch, seq=seq,
            replay={"from": None, "to": None, "count": 0, "complete": True},
            **{"job_id": "build-7", "status": "unknown", "progress": None, **snapshot})

    def live(self, seq=0, epoch=EPOCH):
        self.tell("live", epoch=epoch, seq=seq)


@pytest.fixture
def scripted(page):
    return Scripted(page)


def test_with_the_real_server_it_follows_a_job_to_its_end(server, redis, page, job):
    addresses = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("websocket", lambda socket: addresses.append(socket.url))
    secret = token(jobs=[job])
    page.goto(server.url(f"/#job={job}&token={secret}"))
    expect(page.locator("#connection")).to_have_text("live")
    redis.publish(job, "progress", progress=45, current_step="synthesis")
    redis.publish(job, "log", log_line="Running <b>synthesis</b>...\n")
    expect(page.locator("#percent")).to_have_text("45 %")
    expect(page.locator("#status")).to_have_text("running")
    expect(page.locator("#step")).to_have_text("synthesis")
    expect(page.locator("#log")).to_have_text("Running <b>synthesis</b>...")
    redis.publish(job, "complete", status="completed", result={"url": "/r/1"})
    expect(page.locator("#status")).to_have_text("completed")
    expect(page.locator("#percent")).to_have_text("100 %")
    page.reload()
    expect(page.locator("#status")).to_have_text("completed")
    expect(page.locator("#log div")).to_have_count(1)
    assert len(addresses) > 6 and not [url for url in addresses if secret in url.split("#")[0]]
    assert page.url.endswith(f"#job={job}"), "nor does it stay where it came in"


def test_with_the_real_server_a_token_of_another_job_is_told(server, page, job):
    page.goto(server.url(f"/#job={job}&token={token(jobs=['other'])}"))
    expect(page.get_by_role("alert")).to_contain_text("may not see this job")
    expect(page.locator("#connection")).to_have_text("stopped")


def test_with_the_real_server_it_lives_through_a_restart_of_redis(make_redis, serve, page, job):
    redis = make_redis()
    server = serve(redis.url)
    page.goto(server.url(f"/#job={job}&token={token()}"))
    expect(page.locator("#connection")).to_have_text("live")
    redis.publish(job, "log", log_line="before")
    expect(page.locator("#log")).to_contain_text("before")
    redis.stop()
    expect(page.locator("#notice")).to_be_visible()
    redis.start()
    expect(page.locator("#notice")).to_be_hidden(timeout=20_000)
    eventually(server.is_ready)
    redis.publish(job, "log", log_line="after")
    expect(page.locator("#log")).to_contain_text("after")
    # Redis lost its history, and while it was away something may have been missed: both are told.
    expect(page.locator("#log .gap")).to_have_count(2)


def test_the_form_asks_for_job_and_token_and_nothing_goes_into_the_query(scripted, page):
    page.goto(f"{SITE}/")
    page.get_by_role("textbox", name="Job").fill("build-7")
    page.get_by_role("textbox", name="Token").fill("a.b.c")
    page.get_by_role("button", name="Follow").click()
    scripted.connected(1)
    assert "a.b.c" not in page.url
    assert scripted.sockets[0].url.endswith("/api/v1/ws/jobs/build-7/updates")


def test_before_anything_is_known_progress_is_indeterminate(scripted, page):
    scripted.open()
    scripted.greet()
    scripted.live()
    bar = page.get_by_role("progressbar")
    expect(bar).not_to_have_attribute("value", re.compile(".*"))
    scripted.say("progress", 1, progress=30)
    expect(bar).to_have_attribute("value", "30")


def test_what_is_replayed_is_in_the_snapshot_already(scripted, page):
    scripted.open()
    scripted.greet(seq=3, status="completed", progress=100)
    scripted.say("status", 1, status="running")
    scripted.say("progress", 2, progress=10)
    scripted.say("log", 3, lines=["one", "two\n"])
    scripted.live(3)
    expect(page.locator("#status")).to_have_text("completed")
    expect(page.locator("#percent")).to_have_text("100 %")
    expect(page.locator("#log div")).to_have_text(["one", "two"])


def test_after_a_loss_it_asks_for_just_what_it_has_not_seen(scripted, page):
    scripted.open()
    scripted.greet()
    scripted.live()
    scripted.say("log", 1, log_line="one")
    scripted.say("log", 2, log_line="two")
    expect(page.locator("#log div")).to_have_count(2)
    for code, count in [(1012, 2), (4408, 3), (4429, 4), (1000, 5)]:
        scripted.sockets[-1].close(code=code)
        expect(page.locator("#connection")).to_have_attribute("data-state", "waiting")
        again = scripted.connected(count)
        assert again.url.endswith(f"?after={EPOCH}%3A2"), code
    scripted.greet(seq=3)
    scripted.say("log", 3, log_line="three")
    scripted.live(3)
    expect(page.locator("#log div")).to_have_text(["one", "two", "three"])
    expect(page.locator("#connection")).to_have_text("live")


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4404])
def test_a_final_close_is_explained_and_not_tried_again(scripted, page, code):
    scripted.open()
    page.clock.install()
    scripted.sockets[0].close(code=code)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#connection")).to_have_text("stopped")
    page.clock.run_for(120_000)
    assert len(scripted.sockets) == 1


@pytest.mark.parametrize("reason", ["no token was given", "the token has expired"])
def test_why_a_token_does_not_count_is_told_as_the_server_says_it(scripted, page, reason):
    scripted.open()
    scripted.sockets[0].close(code=4401, reason=reason)
    expect(page.get_by_role("alert")).to_contain_text(f"Not let in: {reason}.")


def test_a_job_of_which_nothing_is_known_does_not_look_like_one_that_runs(scripted, page):
    scripted.open()
    scripted.greet(epoch=None)
    scripted.live(epoch=None)
    expect(page.locator("#unknown")).to_contain_text("it has yet to begin, or its id is another")
    expect(page.locator("#connection")).to_have_attribute("data-begun", "false")
    expect(page.locator("#progress")).to_have_attribute("value", "0")
    scripted.live()
    scripted.say("progress", 1, progress=5)
    expect(page.locator("#unknown")).to_be_hidden()
    expect(page.locator("#connection")).to_have_attribute("data-begun", "true")


def test_whoever_waits_to_be_let_in_is_told_so(scripted, page):
    scripted.open()
    expect(page.locator("#connection")).to_have_text("not let in yet, waiting …")
    scripted.greet()
    scripted.live()
    expect(page.locator("#connection")).to_have_text("live")


def test_lines_that_the_page_lets_go_are_counted(scripted, page):
    scripted.open()
    scripted.greet()
    scripted.live()
    scripted.say("log", 1, lines=[f"line {number}" for number in range(5_003)])
    expect(page.locator("#cut")).to_have_text("The first 3 lines are not shown here.")
    scripted.say("log", 2, log_line="one more")
    expect(page.locator("#cut")).to_have_text("The first 4 lines are not shown here.")


@pytest.mark.parametrize(
    ("reason", "first", "last", "words"),
    [
        ("slow_consumer", 2, 9, "8 messages missing here (slow consumer)"),
        ("conflated", 2, 2, "1 message missing here (conflated)"),
        ("unrecorded", 2, 2, "something may be missing here (unrecorded)"),
    ],
)
def test_a_gap_is_shown_where_it_is_and_counts_only_what_is_known(scripted, page, reason, first, last, words):
    scripted.open()
    scripted.greet()
    scripted.live()
    scripted.say("log", 1, log_line="one")
    scripted.tell("gap", **{"from": first, "to": last, "reason": reason, "epoch": EPOCH})
    scripted.say("log", last + 1, log_line="next")
    expect(page.locator("#log div")).to_have_text(["one", f"— {words} —", "next"])


def test_a_new_numbering_begins_the_view_anew(scripted, page):
    scripted.open()
    scripted.greet()
    scripted.live()
    scripted.say("log", 5, log_line="old")
    expect(page.locator("#log")).to_contain_text("old")
    scripted.sockets[-1].close(code=1012)
    scripted.connected(2)
    scripted.greet(seq=1, epoch="zzzzzzzz9999", status="queued")
    scripted.tell("gap", **{"from": None, "to": None, "reason": "epoch_changed", "epoch": "zzzzzzzz9999"})
    scripted.say("log", 1, log_line="new")
    scripted.live(1, "zzzzzzzz9999")
    expect(page.locator("#log")).not_to_contain_text("old")
    expect(page.locator("#log")).to_contain_text("new")
    expect(page.locator("#status")).to_have_text("queued")
    scripted.sockets[-1].close(code=1012)
    assert scripted.connected(3).url.endswith("?after=zzzzzzzz9999%3A1")


def test_silence_is_asked_about_and_then_given_up(scripted, page):
    page.clock.install()
    scripted.open()
    scripted.greet()
    scripted.live()
    expect(page.locator("#connection")).to_have_text("live")
    page.clock.run_for(27_000)
    assert scripted.heard == [{"type": "ping"}]
    scripted.tell("pong")
    page.wait_for_timeout(100)
    page.clock.run_for(27_000)
    assert scripted.heard == [{"type": "ping"}] * 2 and len(scripted.sockets) == 1
    page.clock.run_for(12_000)
    scripted.connected(2)


def test_markup_and_colour_codes_in_a_log_are_text(scripted, page):
    scripted.open()
    scripted.greet()
    scripted.live()
    scripted.say("log", 1, log_line="\x1b[31m<img src=x onerror=alert(1)>\x1b[0m\r\n")
    expect(page.locator("#log div")).to_have_text(["<img src=x onerror=alert(1)>"])
    expect(page.locator("#log img")).to_have_count(0)


def test_the_log_follows_its_end_until_one_scrolls_up(scripted, page):
    scripted.open()
    scripted.greet()
    scripted.live()
    scripted.say("log", 1, lines=[f"line {n}" for n in range(500)])
    expect(page.get_by_text("line 499", exact=True)).to_be_in_viewport()
    follow = page.get_by_label("Follow the end")
    page.locator("#log").hover()
    page.mouse.wheel(0, -2_000)
    expect(follow).not_to_be_checked()
    expect(page.get_by_role("log")).to_have_attribute("aria-live", "off")
    scripted.say("log", 2, log_line="newest")
    expect(page.get_by_text("newest")).not_to_be_in_viewport()
    follow.check()
    expect(page.get_by_text("newest")).to_be_in_viewport()


def test_a_log_of_many_lines_keeps_its_newest(scripted, page):
    scripted.open()
    scripted.greet()
    scripted.live()
    for part in range(12):
        scripted.say("log", part + 1, lines=[f"line {part * 1_000 + n}" for n in range(1_000)])
    expect(page.locator("#log div").last).to_have_text("line 11999")
    expect(page.locator("#log div")).to_have_count(5_000)


def test_failure_and_result_are_shown(scripted, page):
    scripted.open()
    scripted.greet()
    scripted.live()
    scripted.say("progress", 1, progress=40)
    scripted.say("error", 2, error_message="Build failed: no disk")
    expect(page.locator("#status")).to_have_text("failed")
    expect(page.locator("#failure")).to_have_text("Build failed: no disk")
    expect(page.locator("#percent")).to_have_text("40 %")


def test_it_fits_a_phone_and_has_a_dark_side(scripted, page):
    page.set_viewport_size({"width": 340, "height": 640})
    scripted.open(job="j" * 128)
    scripted.greet(status="running")
    scripted.live()
    scripted.say("log", 1, log_line="x" * 2_000)
    expect(page.locator("#log")).to_contain_text("xxx")
    assert page.evaluate("document.documentElement.scrollWidth") <= 340
    colours = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2


def test_it_says_what_it_is_to_a_screen_reader(scripted, page):
    scripted.open()
    scripted.greet(status="running", progress=10)
    scripted.live()
    expect(page.locator("#status")).to_have_text("running")
    told = page.locator("body").aria_snapshot()
    for part in ('heading "Jobwire"', "status: live", 'progressbar "Progress of the job"', 'log "Log"', 'textbox "Token"'):
        assert part in told, told


def test_something_that_is_no_token_is_told(page):
    Scripted(page, plays_sockets=False)  # only the browser's own socket refuses such a word
    page.goto(f"{SITE}/#job=build-7&token=not%20a%20token")
    expect(page.get_by_role("alert")).to_contain_text("not a token")


def test_where_a_browser_keeps_nothing_it_serves_as_long_as_it_is_open(page):
    for name in ("sessionStorage", "localStorage"):
        page.add_init_script(
            f"Object.defineProperty(window, '{name}', {{ get() {{ throw new DOMException('no', 'SecurityError') }} }})")
    scripted = Scripted(page)
    scripted.open()
    scripted.greet()
    scripted.live()
    expect(page.locator("#connection")).to_have_text("live")
    assert "a.b.c" not in page.url


# Signed in by a cookie

@pytest.fixture
def keeps(serve):
    return serve(token_cookie="jobwire-token", auth_timeout="300ms")


@pytest.fixture
def foreign():
    """Serves one page from another port of this machine: another origin, of the same site."""
    servers = []

    def serve_page(body):
        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *words):
                pass

        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/"

    yield serve_page
    for each in servers:
        each.shutdown()
        each.server_close()


def sign_in(page, server, job):
    page.goto(server.url("/"))
    page.get_by_role("textbox", name="Job").fill(job)
    page.get_by_role("textbox", name="Token").fill(token(jobs=[job]))
    page.get_by_role("checkbox", name="Stay signed in").check()
    page.get_by_role("button", name="Follow").click()
    expect(page.locator("#connection")).to_have_text("live")


def test_who_stays_signed_in_needs_no_token_until_he_signs_out(keeps, redis, page, job):
    sign_in(page, keeps, job)
    expect(page.get_by_role("textbox", name="Token")).to_have_value("")
    assert page.evaluate("document.cookie + JSON.stringify(sessionStorage)") == "{}", "no script can read it"
    other = page.context.new_page()
    other.goto(keeps.url(f"/#job={job}"))
    expect(other.locator("#connection")).to_have_text("live")
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("alert")).to_have_text("Signed out.")
    assert page.context.cookies() == []
    other.reload()
    expect(other.get_by_role("alert")).to_contain_text("no token")


def test_where_no_cookie_is_kept_that_is_told_and_the_token_serves(server, page, job):
    sign_in(page, server, job)
    expect(page.locator("#notice")).to_contain_text("Not signed in")
    page.complaints.clear()  # the browser's own line about the 404


def test_a_page_of_another_origin_can_use_the_cookie_for_nothing(keeps, foreign, page, job):
    """Another port is another origin, yet of the same site: the browser does send the cookie along."""
    sign_in(page, keeps, job)
    evil = page.context.new_page()
    evil.goto(foreign("<p>evil"))
    for method, path in [("GET", f"jobs/{job}"), ("POST", f"jobs/{job}/events"), ("POST", "tickets"), ("DELETE", "session")]:
        ask = f"fetch('{keeps.url('/api/v1/' + path)}', {{method: '{method}', credentials: 'include'"
        assert evil.evaluate(ask + "}).then(() => 'read', () => 'refused')") == "refused", path
        # Without asking for the answer nothing is asked before: the request itself has to be harmless.
        assert evil.evaluate(ask + ", mode: 'no-cors'}).then((a) => a.type, () => 'refused')") in ("opaque", "refused")
    code = evil.evaluate(
        """(url) => new Promise((end) => { new WebSocket(url).onclose = (close) => end(close.code) })""",
        keeps.url(f"/api/v1/ws/jobs/{job}/updates", "ws"))
    assert code == 4403, "without the cookie it would be 4401"
    # Each but DELETE, which the browser asked about first, came with the cookie and was refused for it.
    assert keeps.metric("jobwire_handshake_refusals_total", reason="origin") == 7
    assert page.context.cookies() != [], "nor was the session ended"
    assert keeps.metric("jobwire_events_heard_total") == 0


def test_nothing_inline_could_run_and_nobody_may_frame_it(server, foreign, page, job):
    page.goto(server.url(f"/#job={job}&token={token()}"))
    expect(page.locator("#connection")).to_have_text("live")
    assert page.complaints == []
    tried = page.evaluate("""() => new Promise((end) => {
        const told = [];
        document.addEventListener("securitypolicyviolation", (event) => {
            if (told.push(event.effectiveDirective) === 3) end(told.sort());
        });
        const add = (name, text) => document.body.append(Object.assign(document.createElement(name), { textContent: text }));
        add("script", "window.ran = true");
        add("style", "body { display: none }");
        document.body.setAttribute("style", "color: red");
    })""")
    assert tried == ["script-src-elem", "style-src-attr", "style-src-elem"]
    assert page.evaluate("window.ran") is None
    page.complaints.clear()
    frame = page.context.new_page()
    frame.goto(foreign(f"<iframe src='{server.url('/')}'></iframe>"))
    assert "Jobwire" not in frame.frames[1].evaluate("document.documentElement.textContent")
