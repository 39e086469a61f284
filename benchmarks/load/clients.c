// The followers: WebSocket clients that do as little as a client can, so that the server is what
// is measured.
//
// All sockets are read into one buffer. Frames are walked where they lie; only an unfinished frame
// at the end of a read is set aside, and put in front of the next read of that socket.

#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static uint8_t buffer[FRAME_BYTES_MAX + READ_BYTES_MAX];

// The example of RFC 6455: the answer to this key is known without a hash.
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static const unsigned sourceAddresses = 250; // 127.0.0.2 and up: ports for all, and no one address hoards
static const int receiveBytes = 2 * 1024 * 1024;

// MARK: Connecting

static void connectOne(struct load *load) {
    unsigned index = load->clientsCount++;
    struct client *client = &load->clients[index];
    *client = (struct client){.job = index % load->options.jobs, .expected = 1};
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) fail("socket %u: %s", index, strerror(errno));
    int one = 1;
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &receiveBytes, sizeof receiveBytes);
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7F000002u + index % sourceAddresses)};
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->options.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(client->fd, (struct sockaddr *)&source, sizeof source) < 0) fail("bind %u: %s", index, strerror(errno));
    if (connect(client->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
        fail("connect %u: %s", index, strerror(errno));
    struct epoll_event interest = {.events = EPOLLOUT, .data.u32 = index};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &interest) < 0) fail("epoll: %s", strerror(errno));
    load->handshakes++;
}

void clientsConnect(struct load *load, unsigned count) {
    uint64_t progress = now();
    unsigned before = load->clientsCount;
    while (load->clientsCount < count || load->handshakes > 0) {
        while (load->clientsCount < count && load->handshakes < HANDSHAKES_MAX) connectOne(load);
        pump(load, 100);
        unsigned open = load->clientsCount - load->handshakes;
        if (open != before) progress = now(), before = open;
        if (now() - progress > 10 * 1000000000ull)
            fail("the server stopped accepting after %u connections", open);
    }
}

static void sendAll(struct client *client, const void *bytes, size_t count) {
    // A few hundred bytes into an empty socket: they fit, or something is wrong with the server.
    ssize_t sent = send(client->fd, bytes, count, MSG_NOSIGNAL);
    if (sent != (ssize_t)count) fail("job %u: cannot write: %s", client->job, strerror(errno));
}

static void sendMasked(struct client *client, uint8_t opcode, const void *payload, size_t count) {
    uint8_t frame[8 + 1024] = {(uint8_t)(0x80 | opcode)};
    if (count > 1024) fail("a client's message is too long");
    size_t head = 2;
    frame[1] = 0x80 | (uint8_t)(count < 126 ? count : 126);
    if (count >= 126) frame[2] = (uint8_t)(count >> 8), frame[3] = (uint8_t)count, head = 4;
    head += 4; // the mask is zero
    memcpy(frame + head, payload, count);
    sendAll(client, frame, head + count);
}

static void requestUpgrade(struct load *load, struct client *client) {
    int fault = 0;
    socklen_t size = sizeof fault;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &fault, &size);
    if (fault) fail("connect: %s", strerror(fault));
    char path[512], request[2048];
    snprintf(path, sizeof path, load->options.path, client->job);
    int count = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
        path, load->options.port, load->options.headers);
    if (count >= (int)sizeof request) fail("the request is too long");
    sendAll(client, request, (size_t)count);
    struct epoll_event interest = {.events = EPOLLIN, .data.u32 = (uint32_t)(client - load->clients)};
    epoll_ctl(load->epoll, EPOLL_CTL_MOD, client->fd, &interest);
    client->phase = CLIENT_UPGRADING;
}

/// Returns how many bytes the answer has, 0 while it is not all here.
static size_t readUpgrade(struct load *load, struct client *client, const uint8_t *bytes, size_t count) {
    const uint8_t *end = memmem(bytes, count, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t length = (size_t)(end - bytes) + 4;
    if (memcmp(bytes, "HTTP/1.1 101", 12) || !memmem(bytes, length, ACCEPT, strlen(ACCEPT)))
        fail("the upgrade was refused: %.*s", (int)(length < 300 ? length : 300), bytes);
    client->phase = CLIENT_OPEN;
    if (!load->options.replayed) load->handshakes--; // else once it has been sent all
    if (load->options.hello[0]) {
        char text[512];
        snprintf(text, sizeof text, load->options.hello, client->job);
        sendMasked(client, 1, text, strlen(text));
    }
    return length;
}

// MARK: Events

static uint64_t readDigits(const uint8_t *at, int digits) {
    uint64_t value = 0;
    for (int i = 0; i < digits; i++) value = value * 10 + (uint64_t)(at[i] - '0');
    return value;
}

static bool isStamp(const uint8_t *at) { return at[0] == '#' && at[1 + STAMP_NUMBER_DIGITS] == '@'; }

/// Finds the stamp: where the last one was, counted from the end, or by looking for it.
static const uint8_t *findStamp(struct load *load, const uint8_t *payload, size_t count) {
    enum { STAMP_BYTES = 2 + STAMP_NUMBER_DIGITS + STAMP_TIME_DIGITS };
    if (count < STAMP_BYTES) return NULL;
    const uint8_t *end = payload + count;
    if (load->stampDistance && count >= load->stampDistance && isStamp(end - load->stampDistance))
        return end - load->stampDistance;
    for (const uint8_t *at = payload; at <= end - STAMP_BYTES; at++) {
        at = memchr(at, '#', (size_t)(end - STAMP_BYTES - at) + 1);
        if (!at) return NULL;
        if (!isStamp(at)) continue;
        load->stampDistance = (size_t)(end - at);
        return at;
    }
    return NULL;
}

static void noteSeq(struct load *load, struct client *client, const uint8_t *payload, size_t count) {
    if (count < 8 || memcmp(payload, "{\"seq\":", 7)) return;
    uint64_t seq = 0;
    for (const uint8_t *at = payload + 7; *at >= '0' && *at <= '9'; at++) seq = seq * 10 + (uint64_t)(*at - '0');
    if (client->seq && seq != client->seq + 1) load->totals.seqBreaks++;
    client->seq = seq;
}

static void message(struct load *load, struct client *client, const uint8_t *payload, size_t count) {
    const uint8_t *stamp = findStamp(load, payload, count);
    if (!stamp) {
        load->totals.controls++;
        return;
    }
    noteSeq(load, client, payload, count);
    uint64_t number = readDigits(stamp + 1, STAMP_NUMBER_DIGITS);
    if (number == 0) {
        load->totals.probed += !client->heardProbe;
        client->heardProbe = true;
        return;
    }
    load->totals.deliveries++;
    if (number == load->options.replayed) load->handshakes--;
    if (number == client->expected) {
        client->expected++;
    } else if (number > client->expected) {
        load->totals.lost += number - client->expected;
        client->missing += number - client->expected;
        client->expected = number + 1;
    } else if (client->missing) {
        client->missing--;
        load->totals.lost--;
        load->totals.outOfOrder++;
    } else {
        load->totals.doubled++;
    }
    if (load->latenciesCount < load->latenciesRoom)
        load->latencies[load->latenciesCount++] =
            load->lastArrival - readDigits(stamp + 2 + STAMP_NUMBER_DIGITS, STAMP_TIME_DIGITS);
}

// MARK: Frames

/// Walks whole frames; returns where the first unfinished one begins.
static const uint8_t *walkFrames(struct load *load, struct client *client, const uint8_t *at, const uint8_t *end) {
    while (end - at >= 2) {
        uint64_t length = at[1] & 0x7F;
        size_t head = length < 126 ? 2 : length == 126 ? 4 : 10;
        if ((size_t)(end - at) < head) break;
        if (head > 2) {
            length = 0;
            for (size_t i = 2; i < head; i++) length = length << 8 | at[i];
        }
        if (length > FRAME_BYTES_MAX - 10) fail("job %u: a frame of %lu bytes", client->job, length);
        if ((uint64_t)(end - at) < head + length) break;
        const uint8_t *payload = at + head;
        at = payload + length;
        switch (payload[-(ptrdiff_t)head]) {
        case 0x81: case 0x82: message(load, client, payload, length); break;
        case 0x89: sendMasked(client, 0xA, payload, length); break;
        case 0x8A: break;
        case 0x88:
            fail("job %u: the server closed with %d %.*s", client->job,
                 length >= 2 ? payload[0] << 8 | payload[1] : 0, length >= 2 ? (int)length - 2 : 0, payload + 2);
        default: fail("job %u: a frame that begins with 0x%02x", client->job, payload[-(ptrdiff_t)head]);
        }
    }
    return at;
}

static void readClient(struct load *load, struct client *client) {
    uint8_t *read = buffer + FRAME_BYTES_MAX;
    ssize_t count = recv(client->fd, read, READ_BYTES_MAX, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0)
        fail("job %u: the server hung up: %s", client->job, count < 0 ? strerror(errno) : "end of stream");
    load->totals.bytes += (uint64_t)count;
    load->totals.reads++;
    if (load->latenciesRoom) load->lastArrival = now();

    const uint8_t *at = read - client->carryCount, *end = read + count;
    if (client->carryCount) memcpy((uint8_t *)at, client->carry, client->carryCount);
    if (client->phase == CLIENT_UPGRADING) at += readUpgrade(load, client, at, (size_t)(end - at));
    if (client->phase == CLIENT_OPEN) at = walkFrames(load, client, at, end);

    if (load->closesServed && client->expected > load->options.replayed) {
        close(client->fd);
        client->phase = CLIENT_CLOSED;
    }
    size_t left = (size_t)(end - at);
    if (left > FRAME_BYTES_MAX) fail("job %u: an answer without end", client->job);
    if (left > client->carryRoom) {
        client->carryRoom = (uint32_t)left + 512;
        client->carry = realloc(client->carry, client->carryRoom);
        if (!client->carry) fail("out of memory");
    }
    if (left) memcpy(client->carry, at, left);
    client->carryCount = (uint32_t)left;
}

bool pump(struct load *load, int timeoutMilliseconds) {
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(load->epoll, events, EVENTS_MAX, timeoutMilliseconds);
    for (int i = 0; i < count; i++) {
        uint32_t key = events[i].data.u32;
        if (key == TIMER_KEY) continue;
        if (key == PUBLISHER_KEY) {
            publisherReady(load, events[i].events);
            continue;
        }
        struct client *client = &load->clients[key];
        if (client->phase == CLIENT_CONNECTING) requestUpgrade(load, client);
        else readClient(load, client);
    }
    return count > 0;
}
