// node-ws: one Node process, one PSUBSCRIBE, ws.send to each follower of the job.
// The Redis client is a few lines, because Debian has none and a full one would only be slower.
//
// usage: server.js PORT REDIS_PORT

"use strict";
const net = require("net");
const { WebSocketServer } = require("ws");

const [port, redisPort] = process.argv.slice(2).map(Number);
const followers = new Map(); // job -> Set of sockets

const server = new WebSocketServer({ port, host: "127.0.0.1", perMessageDeflate: false, backlog: 4096 });
server.on("connection", (socket, request) => {
  const job = /\/jobs\/([^/]+)\/updates$/.exec(request.url)?.[1];
  if (!job) return socket.close(4400);
  if (!followers.has(job)) followers.set(job, new Set());
  const ofJob = followers.get(job).add(socket);
  socket.on("close", () => ofJob.delete(socket) && ofJob.size === 0 && followers.delete(job));
  socket.on("error", () => {});
});

function deliver(channel, payload) {
  const ofJob = followers.get(channel.slice("job:".length, -":updates".length));
  if (ofJob) for (const socket of ofJob) socket.send(payload, { binary: false });
}

// Reads *4 [pmessage, pattern, channel, payload]; anything else of Redis is skipped.
let pending = Buffer.alloc(0);
function read(bytes) {
  const input = pending.length ? Buffer.concat([pending, bytes]) : bytes;
  let at = 0;
  const line = () => {
    const end = input.indexOf("\r\n", at);
    if (end < 0) return null;
    const text = input.latin1Slice(at, end);
    at = end + 2;
    return text;
  };
  for (let start = 0; ; start = at) {
    const parts = [];
    const head = line();
    let missing = head === null;
    for (let i = 0; !missing && i < Number(head.slice(1)); i++) {
      const kind = line();
      if (kind === null) missing = true;
      else if (kind[0] === "$") {
        const count = Number(kind.slice(1));
        missing = at + count + 2 > input.length;
        parts.push(input.subarray(at, at + count));
        at += count + 2;
      } else parts.push(null);
    }
    if (missing) {
      pending = input.subarray(start);
      return;
    }
    if (parts.length === 4) deliver(parts[2].latin1Slice(), parts[3]);
  }
}

const redis = net.connect(redisPort, "127.0.0.1", () => redis.write("PSUBSCRIBE job:*:updates\r\n"));
redis.setNoDelay(true);
redis.on("data", read);
redis.on("close", () => process.exit(1));
