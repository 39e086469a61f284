"""An HTTP server of the tests' own, whose handler may hold requests until it dies."""

import http.server
import ssl
import threading


class LocalServer:
    def __init__(self, handler, port=0, certificates=None):
        self.released = threading.Event()
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self.http.daemon_threads = True
        self.scheme = "https" if certificates else "http"
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.certificate, certificates.key)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def base(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def die(self):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()
