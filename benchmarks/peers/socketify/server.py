"""socketify (uWebSockets from Python): one topic per job, one PSUBSCRIBE, app.publish for each message.

Redis is read with hiredis' parser on socketify's own loop: the leanest way that Python has.

usage: server.py PORT REDIS_PORT
"""

import asyncio
import sys

import hiredis
from socketify import App, OpCode

PORT, REDIS_PORT = int(sys.argv[1]), int(sys.argv[2])
BACKPRESSURE_BYTES_MAX = 16 * 1024 * 1024  # beyond it uWebSockets drops messages

app = App()


class Subscription(asyncio.Protocol):
    def connection_made(self, transport):
        self.reader = hiredis.Reader()
        transport.write(b"PSUBSCRIBE job:*:updates\r\n")

    def data_received(self, received):
        self.reader.feed(received)
        while (reply := self.reader.gets()) is not False:
            if len(reply) == 4:
                app.publish(reply[2].decode(), reply[3], OpCode.TEXT)

    def connection_lost(self, error):
        sys.exit("Redis is gone")


def upgrade(response, request, context):
    job = request.get_parameter(0)
    response.upgrade(
        request.get_header("sec-websocket-key"),
        request.get_header("sec-websocket-protocol"),
        request.get_header("sec-websocket-extensions"),
        context,
        f"job:{job}:updates",
    )


app.ws(
    "/api/v1/ws/jobs/:id/updates",
    {
        "upgrade": upgrade,
        "open": lambda socket: socket.subscribe(socket.get_user_data()),
        "max_backpressure": BACKPRESSURE_BYTES_MAX,
        "idle_timeout": 120,
    },
)
app.loop.create_background_task(
    lambda: asyncio.get_running_loop().create_connection(Subscription, "127.0.0.1", REDIS_PORT)
)
app.listen({"port": PORT, "host": "127.0.0.1"}, lambda _: None)
app.run()
