// swift-format-ignore-file
// Written by tools/embed-page from Sources/Server/Page/; change the files there and run it again.

/// The page that follows a job, as it is served.
enum PageAssets {
    static let files: [(path: String, contentType: String, body: String)] = [
        (
        "/", "text/html; charset=utf-8",
        ##"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="referrer" content="no-referrer">
        <meta name="color-scheme" content="light dark">
        <title>Jobwire</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="/assets/page.css">
        <script type="module" src="/assets/page.js"></script>
        </head>
        <body>
        <header>
          <h1>Jobwire</h1>
          <p id="connection" role="status" data-state="idle">not connected</p>
        </header>

        <main>
          <form id="follow">
            <label>Job <input id="job" required maxlength="128" autocapitalize="off" autocomplete="off" spellcheck="false"></label>
            <label>Token <input id="token" type="password" autocomplete="off" spellcheck="false"></label>
            <label><input id="stay" type="checkbox"> Stay signed in</label>
            <button>Follow</button>
            <button id="sign-out" type="button" hidden>Sign out</button>
          </form>

          <p id="trouble" role="alert" hidden></p>
          <p id="notice" role="status" hidden></p>
          <p id="unknown" role="status" hidden></p>

          <section id="view" aria-labelledby="view-job" hidden>
            <h2 id="view-job"></h2>
            <dl>
              <div><dt>Status</dt><dd id="status">unknown</dd></div>
              <div><dt>Step</dt><dd id="step">–</dd></div>
              <div><dt>Progress</dt><dd id="percent">–</dd></div>
            </dl>
            <progress id="progress" max="100" aria-label="Progress of the job"></progress>
            <p id="message"></p>
            <pre id="failure" hidden></pre>
            <details id="result" hidden><summary>Result</summary><pre id="result-text"></pre></details>

            <div class="bar">
              <h3 id="log-title">Log</h3>
              <label><input id="stick" type="checkbox" checked> Follow the end</label>
            </div>
            <p id="cut" hidden></p>
            <div id="log" role="log" aria-labelledby="log-title" aria-live="polite" tabindex="0"></div>
          </section>
        </main>
        <noscript>This page follows a job live and needs JavaScript for that.</noscript>
        </body>
        </html>

        """##
        ),
        (
        "/assets/page.css", "text/css; charset=utf-8",
        ##"""
        /* The page that follows a job: one column, readable on a phone, light and dark. */

        :root {
          --ground: #fff; --ink: #1b1f24; --dim: #59636e; --line: #d1d9e0; --panel: #f6f8fa;
          --accent: #0a58ca; --good: #116329; --bad: #b3261e; --warn: #7a5200;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #0d1117; --ink: #e6edf3; --dim: #9aa5b1; --line: #30363d; --panel: #161b22;
            --accent: #6cb0ff; --good: #5fd07a; --bad: #ff8a80; --warn: #e3b341;
          }
        }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        body {
          margin: 0 auto; max-width: 60rem; min-height: 100vh; min-height: 100dvh; padding: 1rem;
          display: flex; flex-direction: column;
          font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground);
        }
        main, #view { flex: 1; display: flex; flex-direction: column; min-height: 0; }
        header, .bar { display: flex; align-items: baseline; justify-content: space-between; gap: 1rem; }
        h1, h2, h3, p, dl { margin: 0 0 .5rem; }
        h1 { font-size: 1.25rem; }
        h2 { font-size: 1.1rem; overflow-wrap: anywhere; }
        h3 { font-size: 1rem; }

        #connection::before {
          content: ""; display: inline-block; width: .65em; height: .65em; margin-right: .45em;
          border: 2px solid currentColor; border-radius: 50%;
        }
        #connection { color: var(--dim); }
        #connection[data-state="live"][data-begun="true"] { color: var(--good); }
        #connection[data-state="live"][data-begun="true"]::before { background: currentColor; }
        #connection[data-state="waiting"] { color: var(--warn); }
        #connection[data-state="ended"] { color: var(--bad); }

        form { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; margin-bottom: 1rem; }
        form label { flex: 1 1 12rem; color: var(--dim); font-size: .875rem; }
        input:not([type="checkbox"]), button {
          width: 100%; padding: .5rem .75rem; font: inherit; color: var(--ink);
          background: var(--panel); border: 1px solid var(--dim); border-radius: .4rem;
        }
        button { width: auto; color: var(--ground); background: var(--accent); border-color: var(--accent); cursor: pointer; }
        :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }

        #trouble, #notice, #unknown { padding: .5rem .75rem; border-left: 4px solid var(--warn); background: var(--panel); }
        #trouble { border-color: var(--bad); color: var(--bad); }

        dl { display: flex; flex-wrap: wrap; gap: .25rem 2rem; }
        dl div { display: flex; gap: .5rem; }
        dt { color: var(--dim); }
        dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
        #status[data-end="good"] { color: var(--good); }
        #status[data-end="bad"] { color: var(--bad); }
        progress { width: 100%; height: 1rem; accent-color: var(--accent); }
        #failure { color: var(--bad); }
        pre { overflow: auto; max-height: 12rem; white-space: pre-wrap; }
        #cut { margin: 0; color: var(--dim); }

        #log {
          flex: 1 1 16rem; min-height: 12rem; max-height: 70vh; overflow: auto; padding: .75rem;
          font: .8125rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace;
          background: var(--panel); border: 1px solid var(--line); border-radius: .4rem;
        }
        #log div { white-space: pre-wrap; overflow-wrap: anywhere; min-height: 1.5em; }
        #log .stderr, #log .error, #log .critical { color: var(--bad); }
        #log .warning { color: var(--warn); }
        #log .debug { color: var(--dim); }
        #log .gap { color: var(--warn); font-style: italic; text-align: center; }
        @media (prefers-reduced-motion: reduce) { * { transition: none; animation: none; } }

        """##
        ),
        (
        "/openapi.json", "application/json",
        ##"""
        {
          "openapi": "3.1.0",
          "info": {
            "title": "Jobwire",
            "version": "1",
            "description": "What Jobwire answers over HTTP. The WebSockets, and what every word means, are in docs/protocol.md."
          },
          "security": [{"bearer": []}, {"query": []}, {"ticket": []}, {"cookie": []}],
          "paths": {
            "/api/v1/jobs": {
              "get": {
                "operationId": "listJobs",
                "summary": "The jobs that the token may see, newest first",
                "parameters": [
                  {
                    "name": "status",
                    "in": "query",
                    "description": "only jobs of this status",
                    "schema": {"type": "string"}
                  },
                  {
                    "name": "queue",
                    "in": "query",
                    "description": "only jobs of this queue",
                    "schema": {"type": "string"}
                  },
                  {
                    "name": "owner",
                    "in": "query",
                    "description": "only jobs of this owner",
                    "schema": {"type": "string"}
                  },
                  {
                    "name": "q",
                    "in": "query",
                    "description": "only jobs whose id has this in it",
                    "schema": {"type": "string"}
                  },
                  {
                    "name": "limit",
                    "in": "query",
                    "description": "at most so many; more than 200 is 200",
                    "schema": {"type": "integer", "minimum": 1, "default": 50}
                  },
                  {
                    "name": "cursor",
                    "in": "query",
                    "description": "the `next` of an earlier page",
                    "schema": {"type": "string", "pattern": "^[0-9]{1,19}$"}
                  }
                ],
                "responses": {
                  "200": {
                    "description": "the answer",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/JobList"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "429": {"$ref": "#/components/responses/TooMany"}
                }
              }
            },
            "/api/v1/jobs/{id}": {
              "parameters": [{"$ref": "#/components/parameters/id"}],
              "get": {
                "operationId": "readJob",
                "summary": "A job's snapshot; of status `unknown` where nothing was heard of it",
                "responses": {
                  "200": {
                    "description": "the answer",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Snapshot"}}}
                  },
                  "304": {"description": "it is as If-None-Match says"},
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "429": {"$ref": "#/components/responses/TooMany"}
                }
              }
            },
            "/api/v1/jobs/{id}/events": {
              "parameters": [{"$ref": "#/components/parameters/id"}],
              "get": {
                "operationId": "readEvents",
                "summary": "A page of a job's history, or its live stream",
                "description": "With `Accept: text/event-stream` the answer is a stream of unnamed events whose ids are cursors; it takes `history` and `Last-Event-ID`, and not `before`, `limit` and `wait`.",
                "parameters": [
                  {"$ref": "#/components/parameters/after"},
                  {"$ref": "#/components/parameters/before"},
                  {"$ref": "#/components/parameters/limit"},
                  {"$ref": "#/components/parameters/types"},
                  {"$ref": "#/components/parameters/wait"}
                ],
                "responses": {
                  "200": {
                    "description": "a page, or a stream",
                    "content": {
                      "application/json": {"schema": {"$ref": "#/components/schemas/EventsPage"}},
                      "text/event-stream": {"schema": {"type": "string"}}
                    }
                  },
                  "304": {"description": "it is as If-None-Match says"},
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "429": {"$ref": "#/components/responses/TooMany"},
                  "503": {
                    "description": "the server is leaving",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                  }
                }
              },
              "post": {
                "operationId": "publishEvents",
                "summary": "Publishes one event or up to 100, all or none",
                "parameters": [
                  {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "description": "with history=redis, what was published under it is not published again",
                    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
                  }
                ],
                "requestBody": {
                  "required": true,
                  "content": {
                    "application/json": {
                      "schema": {
                        "oneOf": [
                          {"$ref": "#/components/schemas/WorkerEvent"},
                          {
                            "type": "array",
                            "items": {"$ref": "#/components/schemas/WorkerEvent"},
                            "minItems": 1,
                            "maxItems": 100
                          }
                        ]
                      }
                    }
                  }
                },
                "responses": {
                  "200": {
                    "description": "the answer",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Published"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "429": {"$ref": "#/components/responses/TooMany"},
                  "413": {"$ref": "#/components/responses/TooLong"},
                  "409": {
                    "description": "the Idempotency-Key was used for another number of events",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                  },
                  "503": {
                    "description": "the server is leaving, or Redis is not there",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                  }
                }
              }
            },
            "/api/v1/jobs/{id}/log": {
              "parameters": [{"$ref": "#/components/parameters/id"}],
              "get": {
                "operationId": "readLog",
                "summary": "A job's log lines",
                "responses": {
                  "200": {
                    "description": "lines of text; one in brackets where some are, or may be, missing",
                    "content": {"text/plain": {"schema": {"type": "string"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "429": {"$ref": "#/components/responses/TooMany"}
                }
              }
            },
            "/api/v1/feeds/{name}/events": {
              "parameters": [{"$ref": "#/components/parameters/name"}],
              "get": {
                "operationId": "readFeedEvents",
                "summary": "A page of a feed's history, or its live stream",
                "description": "As with a job; `feed` stands where a job's messages have `job_id`.",
                "parameters": [
                  {"$ref": "#/components/parameters/after"},
                  {"$ref": "#/components/parameters/before"},
                  {"$ref": "#/components/parameters/limit"},
                  {"$ref": "#/components/parameters/types"},
                  {"$ref": "#/components/parameters/wait"}
                ],
                "responses": {
                  "200": {
                    "description": "a page, or a stream",
                    "content": {
                      "application/json": {"schema": {"$ref": "#/components/schemas/EventsPage"}},
                      "text/event-stream": {"schema": {"type": "string"}}
                    }
                  },
                  "304": {"description": "it is as If-None-Match says"},
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "404": {"$ref": "#/components/responses/NoSuchFeed"},
                  "429": {"$ref": "#/components/responses/TooMany"},
                  "503": {
                    "description": "the server is leaving",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                  }
                }
              }
            },
            "/api/v1/queues/{name}/events": {
              "parameters": [
                {
                  "name": "name",
                  "in": "path",
                  "required": true,
                  "description": "a queue, or `*` for all that the token covers",
                  "schema": {"type": "string", "minLength": 1, "maxLength": 128}
                }
              ],
              "get": {
                "operationId": "followQueue",
                "summary": "The live stream of all jobs of a queue",
                "description": "A stream of unnamed events without ids: a queue has no history of its own.",
                "parameters": [
                  {"$ref": "#/components/parameters/types"}
                ],
                "responses": {
                  "200": {
                    "description": "a stream",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "429": {"$ref": "#/components/responses/TooMany"},
                  "503": {
                    "description": "the server is leaving",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                  }
                }
              }
            },
            "/api/v1/session": {
              "post": {
                "operationId": "openSession",
                "summary": "Puts the token into the cookie that `token-cookie` names",
                "security": [{"bearer": []}, {"query": []}, {"cookie": []}],
                "responses": {
                  "200": {
                    "description": "the cookie is set",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "404": {"$ref": "#/components/responses/NoSessions"},
                  "429": {"$ref": "#/components/responses/TooMany"}
                }
              },
              "delete": {
                "operationId": "closeSession",
                "summary": "Takes the cookie away; the token in it stays what it is",
                "security": [],
                "responses": {
                  "204": {"description": "the cookie is gone"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "404": {"$ref": "#/components/responses/NoSessions"},
                  "429": {"$ref": "#/components/responses/TooMany"}
                }
              }
            },
            "/api/v1/tickets": {
              "post": {
                "operationId": "giveTicket",
                "summary": "Trades the token for a ticket: good for one use, on any bridge, in `?ticket=`",
                "security": [{"bearer": []}, {"query": []}, {"cookie": []}],
                "responses": {
                  "200": {
                    "description": "the answer",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ticket"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "429": {"$ref": "#/components/responses/TooMany"},
                  "503": {"$ref": "#/components/responses/TicketsAway"}
                }
              }
            },
            "/api/v1/revocations": {
              "get": {
                "operationId": "listRevocations",
                "summary": "Which tokens count no more, as far as this bridge knows; for administrators",
                "parameters": [{"$ref": "#/components/parameters/limit"}],
                "responses": {
                  "200": {
                    "description": "the answer",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RevocationList"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "429": {"$ref": "#/components/responses/TooMany"}
                }
              },
              "post": {
                "operationId": "revoke",
                "summary": "Ends tokens, on every bridge at once; for administrators",
                "requestBody": {
                  "required": true,
                  "content": {"application/json": {"schema": {"$ref": "#/components/schemas/RevocationRequest"}}}
                },
                "responses": {
                  "200": {
                    "description": "it counts on every bridge",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Revocation"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "404": {
                    "description": "no bridge has that connection",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                  },
                  "413": {"$ref": "#/components/responses/TooLong"},
                  "429": {"$ref": "#/components/responses/TooMany"},
                  "503": {
                    "description": "it counts on this bridge; the others can't be told now",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                  },
                  "507": {
                    "description": "as many count as may",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                  }
                }
              }
            },
            "/api/v1/broadcast": {
              "post": {
                "operationId": "broadcast",
                "summary": "Tells everybody, or who follows a job, a feed or a queue, with a `notice`; scope `admin`",
                "requestBody": {
                  "required": true,
                  "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Broadcast"}}}
                },
                "responses": {
                  "200": {
                    "description": "who was told",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Reached"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "413": {"$ref": "#/components/responses/TooLong"},
                  "429": {"$ref": "#/components/responses/TooMany"},
                  "503": {"$ref": "#/components/responses/FleetAway"}
                }
              }
            },
            "/api/v1/connections": {
              "get": {
                "operationId": "listConnections",
                "summary": "Who is connected to which bridge, follows what, and how far behind; scope `admin`",
                "parameters": [
                  {
                    "name": "subject",
                    "in": "query",
                    "description": "only connections of this `sub`",
                    "schema": {"type": "string"}
                  },
                  {
                    "name": "job_id",
                    "in": "query",
                    "description": "only who follows this job, by name or in a queue's view",
                    "schema": {"type": "string", "pattern": "^(?!\\.{1,2}$)[!#-)+-.0->@-Z^-z|~]{1,128}$"}
                  },
                  {
                    "name": "node",
                    "in": "query",
                    "description": "only connections of this bridge",
                    "schema": {"type": "string", "pattern": "^[a-z0-9]{8}$"}
                  },
                  {
                    "name": "limit",
                    "in": "query",
                    "description": "at most so many; more than 200 is 200",
                    "schema": {"type": "integer", "minimum": 1, "default": 50}
                  },
                  {
                    "name": "cursor",
                    "in": "query",
                    "description": "the `next` of an earlier page",
                    "schema": {"type": "string", "pattern": "^[a-z0-9]{8}-[0-9]{1,9}\\.[0-9]{1,9}$"}
                  }
                ],
                "responses": {
                  "200": {
                    "description": "the answer",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ConnectionList"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "404": {
                    "description": "there is no bridge of this name",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                  },
                  "429": {"$ref": "#/components/responses/TooMany"},
                  "503": {"$ref": "#/components/responses/FleetAway"}
                }
              }
            },
            "/api/v1/connections/{id}": {
              "parameters": [
                {
                  "name": "id",
                  "in": "path",
                  "required": true,
                  "description": "the `id` of a connection, of any bridge",
                  "schema": {"type": "string", "pattern": "^[a-z0-9]{8}-(0|[1-9][0-9]{0,17})$"}
                }
              ],
              "delete": {
                "operationId": "disconnect",
                "summary": "Closes a connection with 1012: its client may come again; scope `admin`",
                "responses": {
                  "204": {"description": "it was closed"},
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "404": {
                    "description": "there is no such connection, or no more",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
                  },
                  "429": {"$ref": "#/components/responses/TooMany"},
                  "503": {"$ref": "#/components/responses/FleetAway"}
                }
              }
            },
            "/api/v1/stats": {
              "get": {
                "operationId": "stats",
                "summary": "What each bridge says of itself; scope `admin`",
                "responses": {
                  "200": {
                    "description": "the answer",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Stats"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthorized"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "429": {"$ref": "#/components/responses/TooMany"},
                  "503": {"$ref": "#/components/responses/FleetAway"}
                }
              }
            },
            "/healthz": {
              "get": {
                "operationId": "health",
                "summary": "Whether the process lives",
                "security": [],
                "responses": {
                  "200": {
                    "description": "the answer",
                    "content": {"application/json": {"schema": {"type": "object"}}}
                  }
                }
              }
            },
            "/readyz": {
              "get": {
                "operationId": "readiness",
                "summary": "Whether updates from Redis are being heard",
                "security": [],
                "responses": {
                  "200": {
                    "description": "the answer",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}
                  },
                  "503": {
                    "description": "the answer",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}
                  }
                }
              }
            },
            "/metrics": {
              "get": {
                "operationId": "metrics",
                "summary": "Metrics for Prometheus",
                "security": [],
                "responses": {
                  "200": {
                    "description": "text, version 0.0.4",
                    "content": {"text/plain": {"schema": {"type": "string"}}}
                  }
                }
              }
            },
            "/openapi.json": {
              "get": {
                "operationId": "description",
                "summary": "This description",
                "security": [],
                "responses": {
                  "200": {
                    "description": "the answer",
                    "content": {"application/json": {"schema": {"type": "object"}}}
                  }
                }
              }
            }
          },
          "components": {
            "securitySchemes": {
              "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
              "query": {"type": "apiKey", "in": "query", "name": "token"},
              "ticket": {"type": "apiKey", "in": "query", "name": "ticket"},
              "cookie": {
                "type": "apiKey",
                "in": "cookie",
                "name": "the setting token-cookie",
                "description": "from the server's own pages and named origins only"
              }
            },
            "parameters": {
              "id": {
                "name": "id",
                "in": "path",
                "required": true,
                "description": "printable ASCII without space and / * ? [ ] { } \\ \"",
                "schema": {"type": "string", "pattern": "^(?!\\.{1,2}$)[!#-)+-.0->@-Z^-z|~]{1,128}$"}
              },
              "name": {
                "name": "name",
                "in": "path",
                "required": true,
                "description": "printable ASCII without space and / * ? [ ] { } \\ \"",
                "schema": {"type": "string", "pattern": "^(?!\\.{1,2}$)[!#-)+-.0->@-Z^-z|~]{1,128}$"}
              },
              "after": {
                "name": "after",
                "in": "query",
                "description": "only events behind this cursor",
                "schema": {"type": "string", "pattern": "^([A-Za-z0-9]{8,16}:)?[0-9]{1,19}$"}
              },
              "before": {
                "name": "before",
                "in": "query",
                "description": "only events before this cursor; alone, the page is the last one before it",
                "schema": {"type": "string", "pattern": "^([A-Za-z0-9]{8,16}:)?[0-9]{1,19}$"}
              },
              "limit": {
                "name": "limit",
                "in": "query",
                "description": "at most so many; more than 1000 is 1000",
                "schema": {"type": "integer", "minimum": 1, "default": 100}
              },
              "types": {
                "name": "types",
                "in": "query",
                "description": "only events of these types, with commas between",
                "schema": {"type": "string", "pattern": "^[a-z_]{1,20}(,[a-z_]{1,20}){0,7}$"}
              },
              "wait": {
                "name": "wait",
                "in": "query",
                "description": "seconds to wait where there is no event yet; more than 30 is 30",
                "schema": {"type": "integer", "minimum": 0, "default": 0}
              }
            },
            "responses": {
              "BadRequest": {
                "description": "a parameter, the id or the body is malformed",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
              },
              "Unauthorized": {
                "description": "the token is missing, bad or has ended",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
              },
              "Forbidden": {
                "description": "the token or the origin is not allowed this",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
              },
              "TicketsAway": {
                "description": "Redis can't be asked",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
              },
              "NoSessions": {
                "description": "the server keeps no token in a cookie",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
              },
              "NoSuchFeed": {
                "description": "the server's settings name no such feed",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
              },
              "TooMany": {
                "description": "too many connections",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
              },
              "FleetAway": {
                "description": "other bridges can't be asked or told now, or this one is leaving",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
              },
              "TooLong": {
                "description": "the body is too long",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
              }
            },
            "schemas": {
              "Error": {
                "type": "object",
                "required": ["error"],
                "properties": {
                  "error": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {"code": {"type": "string"}, "message": {"type": "string"}}
                  }
                }
              },
              "Readiness": {
                "type": "object",
                "required": ["ready", "updates", "draining"],
                "properties": {"updates": {"$ref": "#/components/schemas/Flow"}},
                "additionalProperties": {"type": ["boolean", "string"]}
              },
              "Flow": {
                "type": "string",
                "description": "`flow`: what is published reaches clients; else why it does not",
                "enum": [
                  "flow",
                  "beginning",
                  "no_subscription",
                  "no_answer",
                  "not_aligned",
                  "other_patterns",
                  "unrecorded"
                ]
              },
              "Snapshot": {
                "type": "object",
                "required": [
                  "job_id",
                  "status",
                  "progress",
                  "current_step",
                  "completed_steps",
                  "message",
                  "error",
                  "result",
                  "queue",
                  "owner",
                  "parent",
                  "attempt",
                  "eta_seconds",
                  "log_lines",
                  "created_at",
                  "updated_at",
                  "finished_at",
                  "watchers"
                ],
                "properties": {
                  "job_id": {"type": "string"},
                  "status": {"type": "string"},
                  "progress": {"type": ["number", "null"], "minimum": 0, "maximum": 100},
                  "log_lines": {"type": "integer"},
                  "watchers": {"type": "integer"},
                  "created_at": {"type": ["string", "null"]},
                  "updated_at": {"type": ["string", "null"]},
                  "finished_at": {"type": ["string", "null"]}
                }
              },
              "Ticket": {
                "type": "object",
                "required": ["ticket", "expires_in"],
                "properties": {
                  "ticket": {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"},
                  "expires_in": {"type": "integer", "minimum": 1, "maximum": 30, "description": "seconds"}
                }
              },
              "Session": {
                "type": "object",
                "required": ["expires_at"],
                "properties": {"expires_at": {"type": ["string", "null"], "format": "date-time"}}
              },
              "JobList": {
                "type": "object",
                "required": ["jobs", "next"],
                "properties": {
                  "jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Snapshot"}},
                  "next": {
                    "type": ["string", "null"],
                    "description": "the `cursor` of the next page; null where there is none"
                  }
                }
              },
              "Event": {
                "type": "object",
                "description": "an event, with `seq`, `job_id` (or `feed`), `type` and `timestamp`; or a gap, which has no `seq`",
                "required": ["type"],
                "properties": {
                  "seq": {"type": "integer", "minimum": 1},
                  "job_id": {"type": "string"},
                  "feed": {"type": "string"}
                }
              },
              "Gap": {
                "type": "object",
                "required": ["from", "to", "reason", "epoch"],
                "properties": {
                  "from": {"type": ["integer", "null"]},
                  "to": {"type": ["integer", "null"]},
                  "reason": {"enum": ["trimmed", "epoch_changed"]},
                  "epoch": {"type": ["string", "null"]}
                }
              },
              "EventsPage": {
                "type": "object",
                "required": ["epoch", "events", "next"],
                "properties": {
                  "epoch": {"type": ["string", "null"]},
                  "events": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}},
                  "next": {
                    "type": ["string", "null"],
                    "description": "the `after` (or the `before`) of the next page; null where nothing more can be"
                  },
                  "gap": {"$ref": "#/components/schemas/Gap"}
                }
              },
              "Broadcast": {
                "type": "object",
                "description": "without job_id, feed and queue, of which one may be there: to everybody",
                "required": ["message"],
                "additionalProperties": false,
                "properties": {
                  "message": {"type": "string", "minLength": 1, "maxLength": 2000},
                  "level": {"enum": ["info", "warning", "error"], "default": "info"},
                  "code": {
                    "type": "string",
                    "description": "none of the server's own",
                    "default": "broadcast",
                    "pattern": "^(?!(auth|draining|jobwire|keys|redis|revocations|rights|ticket|token)(_|$))[a-z0-9_]{1,64}$"
                  },
                  "job_id": {"type": "string", "pattern": "^(?!\\.{1,2}$)[!#-)+-.0->@-Z^-z|~]{1,128}$"},
                  "feed": {"type": "string", "pattern": "^(?!\\.{1,2}$)[!#-)+-.0->@-Z^-z|~]{1,128}$"},
                  "queue": {"type": "string", "minLength": 1, "maxLength": 128, "description": "at most 128 bytes"}
                },
                "allOf": [
                  {"not": {"required": ["job_id", "feed"]}},
                  {"not": {"required": ["job_id", "queue"]}},
                  {"not": {"required": ["feed", "queue"]}}
                ]
              },
              "Reached": {
                "type": "object",
                "required": ["reached", "bridges"],
                "properties": {
                  "reached": {"type": "integer", "minimum": 0, "description": "clients of this bridge"},
                  "bridges": {"type": "integer", "minimum": 0, "description": "other bridges that were told"}
                }
              },
              "Connection": {
                "type": "object",
                "required": [
                  "id",
                  "node",
                  "kind",
                  "subject",
                  "issuer",
                  "address",
                  "since",
                  "protocol",
                  "compressed",
                  "subscriptions",
                  "owed_bytes",
                  "stalled_ms",
                  "behind_events"
                ],
                "properties": {
                  "id": {"type": "string"},
                  "node": {"type": "string"},
                  "kind": {"enum": ["websocket", "sse", "long_poll"]},
                  "subject": {"type": ["string", "null"]},
                  "issuer": {"type": ["string", "null"]},
                  "address": {"type": "string"},
                  "since": {"type": "string", "format": "date-time"},
                  "protocol": {"type": ["string", "null"]},
                  "compressed": {"type": "boolean"},
                  "subscriptions": {
                    "type": "object",
                    "description": "how many, and the names of the first 10",
                    "required": ["count", "jobs", "feeds", "queues"],
                    "properties": {
                      "count": {"type": "integer", "minimum": 0},
                      "jobs": {"type": "array", "items": {"type": "string"}},
                      "feeds": {"type": "array", "items": {"type": "string"}},
                      "queues": {"type": "array", "items": {"type": "string"}}
                    }
                  },
                  "owed_bytes": {"type": "integer", "minimum": 0},
                  "stalled_ms": {"type": "integer", "minimum": 0},
                  "behind_events": {"type": "integer", "minimum": 0}
                }
              },
              "ConnectionList": {
                "type": "object",
                "required": ["connections", "next", "nodes", "silent", "fault"],
                "properties": {
                  "connections": {"type": "array", "items": {"$ref": "#/components/schemas/Connection"}},
                  "next": {
                    "type": ["string", "null"],
                    "description": "the `cursor` of the next page; null where there is none"
                  },
                  "nodes": {"type": "array", "items": {"type": "string"}, "description": "who answered"},
                  "silent": {"type": "array", "items": {"type": "string"}, "description": "who did not"},
                  "fault": {
                    "type": ["string", "null"],
                    "description": "why the other bridges are not known"
                  }
                }
              },
              "NodeState": {
                "type": "object",
                "required": [
                  "version",
                  "time",
                  "started_at",
                  "uptime_seconds",
                  "loops",
                  "ready",
                  "draining",
                  "connections",
                  "updates",
                  "history",
                  "per_second",
                  "metrics"
                ],
                "properties": {
                  "version": {"type": "string"},
                  "time": {"type": "string", "format": "date-time"},
                  "started_at": {"type": "string", "format": "date-time"},
                  "uptime_seconds": {"type": "integer", "minimum": 0},
                  "loops": {"type": "integer", "minimum": 1},
                  "ready": {"type": "boolean"},
                  "draining": {"type": "boolean"},
                  "connections": {"type": "object", "additionalProperties": {"type": "integer"}},
                  "updates": {"$ref": "#/components/schemas/Flow"},
                  "history": {"type": "object"},
                  "per_second": {"type": "object", "additionalProperties": {"type": "number"}},
                  "metrics": {"type": "object", "description": "by the names of /metrics, without what is zero"}
                }
              },
              "Stats": {
                "type": "object",
                "required": ["node", "nodes", "fault"],
                "properties": {
                  "node": {"type": "string", "description": "the bridge that answers"},
                  "nodes": {
                    "type": "array",
                    "items": {
                      "type": "object",
                      "required": ["node", "state"],
                      "properties": {
                        "node": {"type": "string"},
                        "state": {"oneOf": [{"$ref": "#/components/schemas/NodeState"}, {"type": "null"}]}
                      }
                    }
                  },
                  "fault": {
                    "type": ["string", "null"],
                    "description": "why the other bridges are not known"
                  }
                }
              },
              "WorkerEvent": {"type": "object", "description": "what a worker would publish: any JSON object"},
              "Time": {
                "description": "seconds since 1970, or RFC 3339",
                "type": ["integer", "string"]
              },
              "RevocationRequest": {
                "type": "object",
                "description": "one token by its `jti`, all tokens of `sub` that were issued so far, or that of a connection",
                "properties": {
                  "jti": {"type": "string", "minLength": 1, "maxLength": 1024},
                  "sub": {"type": "string", "minLength": 1, "maxLength": 1024},
                  "connection": {"type": "string", "pattern": "^[a-z0-9]{8}-[0-9]+$"},
                  "iss": {"type": "string", "minLength": 1, "maxLength": 1024},
                  "issued_until": {"$ref": "#/components/schemas/Time"},
                  "expires_at": {"$ref": "#/components/schemas/Time"}
                },
                "oneOf": [{"required": ["jti"]}, {"required": ["sub"]}, {"required": ["connection"]}],
                "additionalProperties": false
              },
              "Revocation": {
                "type": "object",
                "required": ["expires_at"],
                "properties": {
                  "jti": {"type": "string"},
                  "sub": {"type": "string"},
                  "iss": {"type": "string"},
                  "issued_until": {"type": "string", "format": "date-time"},
                  "expires_at": {"type": "string", "format": "date-time"}
                }
              },
              "RevocationList": {
                "type": "object",
                "required": ["revocations", "count"],
                "properties": {
                  "revocations": {"type": "array", "items": {"$ref": "#/components/schemas/Revocation"}},
                  "count": {"type": "integer", "minimum": 0}
                }
              },
              "Published": {
                "type": "object",
                "required": ["epoch", "seqs"],
                "properties": {
                  "epoch": {"type": "string"},
                  "seqs": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1}
                }
              }
            }
          }
        }

        """##
        ),
        (
        "/assets/page.js", "text/javascript; charset=utf-8",
        ##"""
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

        """##
        ),
        (
        "/assets/access.js", "text/javascript; charset=utf-8",
        ##"""
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

        """##
        ),
    ]
}
