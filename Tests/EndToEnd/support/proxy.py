"""A TCP proxy that can go silent without closing anything: the half-open peer of real networks."""

import socket
import threading


class Proxy:
    def __init__(self, target_port, sparing=None):
        """Connections that have said `sparing` are never held up."""
        self.sparing = sparing
        self.target_port = target_port
        self.flowing = threading.Event()
        self.flowing.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self.target_port))
            self.sockets += [client, upstream]
            spared = threading.Event()
            for source, sink in ((client, upstream), (upstream, client)):
                threading.Thread(target=self._pump, args=(source, sink, spared), daemon=True).start()

    def _pump(self, source, sink, spared):
        try:
            while chunk := source.recv(65_536):
                if self.sparing and self.sparing in chunk:
                    spared.set()
                if not spared.is_set():
                    self.flowing.wait()
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stall(self):
        """From now on nothing passes, and nobody is told."""
        self.flowing.clear()

    def flow(self):
        self.flowing.set()

    def close(self):
        self.flowing.set()
        for each in [self.listener, *self.sockets]:
            each.close()
