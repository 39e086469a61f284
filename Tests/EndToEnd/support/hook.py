"""An application's rights hook that can say yes and no, hang, lie, lead elsewhere, talk for ever and die."""

import http.server
import json

from .local_server import LocalServer


class Hook(LocalServer):
    """`answer` makes (status, headers, body) of a question: its JSON with `token` added. None: it hangs."""

    def __init__(self, certificates=None, port=0):
        self.answer = lambda question: (204, {}, b"")
        self.questions, self.requests, self.connections = [], [], 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                outer.connections += 1
                super().setup()

            def do_POST(self):
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                question["token"] = self.headers["Authorization"].removeprefix("Bearer ")
                outer.questions.append(question)
                outer.requests.append((self.path, dict(self.headers)))
                answer = outer.answer(question)
                if answer is None:
                    outer.released.wait(30)
                    self.close_connection = True
                    return
                if isinstance(answer, bytes):  # whatever that is
                    self.wfile.write(answer)
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if body is not ...:
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    return
                self.end_headers()  # and a body without an end
                try:
                    while not outer.released.is_set():
                        self.wfile.write(b"x" * 4096)
                except OSError:
                    pass
                self.close_connection = True

            def log_message(self, *_):
                pass

        super().__init__(Handler, port, certificates)

    @property
    def url(self):
        return f"{self.base}/may?see=1"
