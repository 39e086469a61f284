// Who looks: a token that stays in this tab, or a cookie that the browser shows to nobody but the server.
//
// What always holds: no token is in an address. One that a link brought behind its # is taken out at once.

const TOKEN = "jobwire-token";
const SIGNED_IN = "jobwire-signed-in";

/// A browser may refuse to keep anything: then it lasts as long as the page.
function store(name) {
  try {
    return window[name];
  } catch {
    const kept = new Map();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    };
  }
}
const tab = store("sessionStorage");
const browser = store("localStorage");

export const access = {
  get token() { return tab.getItem(TOKEN) ?? ""; },
  set token(token) {
    if (token) tab.setItem(TOKEN, token);
    else tab.removeItem(TOKEN);
  },

  /// The job that the address names.
  takeFragment() {
    const fragment = new URLSearchParams(location.hash.slice(1));
    const job = fragment.get("job") ?? "";
    if (fragment.has("token")) {
      this.token = fragment.get("token");
      this.name(job);
    }
    return job;
  },

  name(job) { history.replaceState(null, "", `#${new URLSearchParams({ job })}`); },

  /// Without a token the browser adds its cookie, where it has one.
  get subprotocols() {
    return ["jobwire.v1.json", ...(this.token ? [`bearer.${this.token}`] : [])];
  },

  get isSignedIn() { return browser.getItem(SIGNED_IN) !== null; },

  /// Trades the token for the cookie; why not, where that could not be.
  async signIn() {
    try {
      const answer = await fetch("/api/v1/session", {
        method: "POST", headers: { authorization: `Bearer ${this.token}` },
      });
      if (!answer.ok) return (await answer.json()).error.message;
    } catch {
      return "the server can't be reached";
    }
    this.token = "";
    browser.setItem(SIGNED_IN, "");
    return null;
  },

  async signOut() {
    const answer = await fetch("/api/v1/session", { method: "DELETE" }).catch(() => null);
    if (!answer?.ok) return false;
    this.token = "";
    browser.removeItem(SIGNED_IN);
    return true;
  },
};
