// Follows one job and shows it. Three parts, top-down: Follower keeps a socket and its cursor through
// every loss; Job is what is known of the job; the rest draws it, at most once for each frame.
//
// What always holds: the cursor names the last event drawn, so a reconnect asks for exactly what
// came later; worker text reaches the page as text only. Who looks is access.js'.

import { access } from "/assets/access.js";

const RETRY_BASE_MS = 500;
const RETRY_CAP_MS = 30_000;
const SILENCE_GRACE_MS = 10_000;
/// Clients that are not greeted by then have to wait, as for a job that is not known to be theirs yet.
const GREETING_MS = 2_000;
const LOG_LINES_MAX = 5_000;
const FINAL_GOOD = ["completed", "succeeded", "success"];
const FINAL_BAD = ["failed", "error", "cancelled", "canceled", "revoked", "expired", "timed_out"];
const FINAL_CLOSES = {
  4400: "The server could not understand the request; is the job's id right?",
  4403: "This token may not see this job.",
  4404: "There is no such thing to follow.",
};

/// One job's socket: connects, resumes, and gives up only where trying again can't help.
class Follower {
  constructor(job, listener) {
    Object.assign(this, { job, listener, epoch: null, seq: 0, tries: 0, heartbeatMs: 30_000 });
    this.retryTimer = this.socket = null;
    this.watchTimer = setInterval(() => this.watch(), 1_000);
    this.connect();
  }

  stop() {
    clearInterval(this.watchTimer);
    this.drop();
  }

  connect() {
    this.drop();
    const url = new URL(`/api/v1/ws/jobs/${encodeURIComponent(this.job)}/updates`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.hash = "";
    if (this.epoch) url.searchParams.set("after", `${this.epoch}:${this.seq}`);
    this.listener.connection("waiting", "connecting …");
    try {
      this.socket = new WebSocket(url, access.subprotocols);
    } catch {
      return this.end("That is not a token: it has characters no token can have.");
    }
    this.heard();
    this.isGreeted = false;
    this.socket.onmessage = (message) => this.receive(JSON.parse(message.data));
    this.socket.onclose = (close) => this.closed(close.code, close.reason);
  }

  /// Forgets the socket at once: a half-open one may take minutes to close.
  drop() {
    clearTimeout(this.retryTimer);
    this.retryTimer = null;
    if (!this.socket) return;
    this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  receive(message) {
    this.heard();
    const data = message.data ?? {};
    if ("seq" in message) {
      this.seq = message.seq;
      return this.listener.event(message);
    }
    switch (message.type) {
      case "connected":
        this.isGreeted = true;
        this.heartbeatMs = 1_000 * (data.heartbeat_seconds ?? 30);
        this.epoch ??= data.epoch ?? null;
        this.listener.snapshot(data);
        break;
      case "live":
        this.tries = 0;
        this.epoch = data.epoch ?? this.epoch;
        this.seq = data.seq ?? this.seq;
        this.listener.live(this.epoch !== null);
        break;
      case "gap":
        if (data.reason === "epoch_changed") [this.epoch, this.seq] = [data.epoch, 0];
        else if (data.to !== null) this.seq = data.to;
        this.listener.gap(data);
        break;
      case "token_expiring": this.listener.notice(`The token ends at ${data.expires_at}.`); break;
      case "rejected": case "notice": this.listener.notice(data.message, data.code); break;
      case "unsubscribed": this.end(`No longer subscribed: ${data.reason}`); break;
    }
  }

  closed(code, reason) {
    this.socket = null;
    if (code === 4401) return this.end(`Not let in: ${reason || "the token does not count"}. Follow again with a fresh one.`);
    if (code in FINAL_CLOSES) return this.end(FINAL_CLOSES[code]);
    const bound = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** Math.min(this.tries++, 10));
    this.listener.connection("waiting", code === 1012 ? "server restarting …" : "reconnecting …");
    this.retryTimer = setTimeout(() => this.connect(), Math.random() * bound);
  }

  end(reason) {
    this.stop();
    this.listener.connection("ended", "stopped");
    this.listener.trouble(reason);
  }

  heard() { this.heardAt = Date.now(); this.asked = false; }

  /// By timestamps, because timers of a hidden tab come late: silence is asked about, then given up.
  watch() {
    if (!this.socket) return;
    const silence = Date.now() - this.heardAt;
    if (!this.isGreeted && silence > GREETING_MS && this.socket.readyState === WebSocket.OPEN) {
      this.listener.connection("waiting", "not let in yet, waiting …");
    }
    if (silence > this.heartbeatMs + SILENCE_GRACE_MS) {
      this.connect();
    } else if (silence > this.heartbeatMs && !this.asked && this.socket.readyState === WebSocket.OPEN) {
      this.asked = true;
      this.socket.send('{"type":"ping"}');
    }
  }

  /// The tab is seen or the network is back: what waits need not wait longer.
  wake() {
    if (this.retryTimer) this.connect();
    else this.watch();
  }
}

/// What is known of the job. The snapshot already holds what is replayed, so only live events fold.
class Job {
  constructor() {
    Object.assign(this, { status: "unknown", progress: null, step: null, message: null, error: null, result: null });
  }

  adopt(snapshot) {
    this.status = snapshot.status ?? "unknown";
    this.step = snapshot.current_step ?? null;
    for (const name of ["progress", "message", "error", "result"]) this[name] = snapshot[name] ?? null;
  }

  fold({ type, data: body }) {
    const data = body !== null && typeof body === "object" ? body : {};
    const say = (name, value) => { if (value !== undefined) this[name] = value; };
    say("message", data.message);
    switch (type) {
      case "status": say("status", data.status); break;
      case "progress":
        if (["unknown", "queued"].includes(this.status)) this.status = "running";
        if (data.progress >= (this.progress ?? 0)) this.progress = data.progress;
        say("step", data.current_step);
        break;
      case "step": say("step", data.step_label ?? data.step_name); break;
      case "complete":
        this.status = data.status ?? "completed";
        if (!FINAL_BAD.includes(this.status.toLowerCase())) this.progress = 100;
        say("result", data.result);
        break;
      case "error":
        if (data.final !== false) this.status = "failed";
        say("error", data.error_message);
        break;
    }
  }

  /// "good", "bad", or "" for a job that is still on its way.
  get end() {
    const status = String(this.status).toLowerCase();
    return FINAL_GOOD.includes(status) ? "good" : FINAL_BAD.includes(status) ? "bad" : "";
  }
}

const at = (id) => document.getElementById(id);
const log = at("log");
const stick = at("stick");
let job = new Job();
let follower = null;
let isLive = false;
let freshLines = [];
/// Lines that were let go, so that the page stays quick.
let cutLines = 0;
let hasBegun = true;
let isDrawing = false;

const listener = {
  connection(state, text) {
    at("connection").dataset.state = state;
    at("connection").textContent = text;
    isLive = state === "live";
  },
  trouble(text) { tell(at("trouble"), text); },
  notice(text, code) { tell(at("notice"), code === "redis_back" ? "" : text); },
  snapshot(data) { job.adopt(data); draw(); },
  live(isKnown) {
    listener.connection("live", "live");
    begun(isKnown);
  },
  gap({ from, to, reason }) {
    if (reason === "epoch_changed") {
      if (isLive) job = new Job();  // before that, the snapshot is of the new epoch already
      emptyLog();
    }
    addLine(`— ${missing(from, to, reason)} (${reason.replaceAll("_", " ")}) —`, "gap");
  },
  event(event) {
    if (isLive) job.fold(event);
    if (event.seq === 1 && isLive) begun(true);
    if (event.type === "log") {
      const { log_line, lines, stream, level } = event.data ?? {};
      for (const line of lines ?? [log_line ?? ""]) addLine(line, level ?? stream);
    }
    draw();
  },
};

/// A job that nobody knows looks like one that waits, and like a slip in its id.
function begun(isKnown) {
  hasBegun = isKnown;
  at("connection").dataset.begun = isKnown;
  tell(at("unknown"), hasBegun ? "" : "Nothing is known of this job so far: it has yet to begin, or its id is another.");
  draw();
}

/// Numbers count what is missing, but where nobody knows: an unrecorded gap has the one number that is its own.
function missing(from, to, reason) {
  if (reason === "unrecorded") return "something may be missing here";
  if (from === null || to === null) return "what came before may be missing";
  const count = to - from + 1;
  return count === 1 ? "1 message missing here" : `${count} messages missing here`;
}

function tell(place, text) {
  place.textContent = text;
  place.hidden = !text;
}

function addLine(text, kind) {
  const element = document.createElement("div");
  element.textContent = String(text).replace(/\x1b\[[0-9;]*[A-Za-z]/g, "").replace(/\r?\n$/, "");
  if (kind) element.className = String(kind).toLowerCase().replace(/[^a-z]/g, "");
  freshLines.push(element);
  if (freshLines.length > LOG_LINES_MAX) cutLines += freshLines.splice(0, freshLines.length - LOG_LINES_MAX).length;
  draw();
}

function emptyLog() {
  log.replaceChildren();
  [freshLines, cutLines] = [[], 0];
}

function draw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    at("status").textContent = job.status;
    at("status").dataset.end = job.end;
    at("step").textContent = job.step ?? "–";
    at("message").textContent = job.message ?? "";
    const known = typeof job.progress === "number";
    at("percent").textContent = known ? `${Math.round(job.progress)} %` : "–";
    if (known) at("progress").value = job.progress;
    else if (job.end || !hasBegun) at("progress").value = 0;
    else at("progress").removeAttribute("value");
    tell(at("failure"), job.error === null ? "" : String(job.error));
    at("result").hidden = job.result === null;
    at("result-text").textContent = job.result === null ? "" : JSON.stringify(job.result, null, 2);
    document.title = `${known ? `${Math.round(job.progress)} % ` : ""}${job.status} · ${at("view-job").textContent}`;

    log.append(...freshLines.splice(0));
    for (; log.childElementCount > LOG_LINES_MAX; cutLines++) log.firstElementChild.remove();
    tell(at("cut"), cutLines ? `The first ${cutLines} lines are not shown here.` : "");
    if (stick.checked) log.scrollTop = log.scrollHeight;
  });
}

function follow(id) {
  follower?.stop();
  job = new Job();
  emptyLog();
  tell(at("trouble"), "");
  tell(at("notice"), "");
  begun(true);
  at("view").hidden = false;
  at("view-job").textContent = id;
  draw();
  follower = new Follower(id, listener);
}

function followFragment() {
  at("job").value = access.takeFragment();
  at("token").value = access.token;
  at("sign-out").hidden = !access.isSignedIn;
  if (at("job").value) follow(at("job").value);
}

at("follow").addEventListener("submit", async (submit) => {
  submit.preventDefault();
  access.token = at("token").value;
  access.name(at("job").value);
  const refusal = at("stay").checked && access.token ? await access.signIn() : null;
  followFragment();
  if (refusal) tell(at("notice"), `Not signed in: ${refusal}.`);
});
at("sign-out").addEventListener("click", async () => {
  if (!await access.signOut()) return tell(at("notice"), "Not signed out: the server can't be reached.");
  at("token").value = "";
  at("sign-out").hidden = true;
  follower?.end("Signed out.");
});
stick.addEventListener("change", () => {
  log.setAttribute("aria-live", stick.checked ? "polite" : "off");
  draw();
});
// Who scrolls up wants to read: the log stays there until its end is reached again.
log.addEventListener("scroll", () => {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 8;
  if (isAtEnd !== stick.checked) stick.click();
}, { passive: true });
addEventListener("hashchange", followFragment);
addEventListener("online", () => follower?.wake());
document.addEventListener("visibilitychange", () => { if (!document.hidden) follower?.wake(); });
followFragment();
