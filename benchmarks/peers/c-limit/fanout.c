// The limit: the least a server can do to bring a Redis message to WebSocket followers.
//
// One thread. PSUBSCRIBE job:*:updates; each message becomes one frame in the tick's arena; each
// follower notes which stretch of the arena it gets; at the end of the tick every socket that got
// something is written once. No tokens, no numbering, no history, no limits, no pings: what a real
// server adds is measured against this.
//
// Invariant: `arena` holds the frames of this tick only. What the kernel did not take is copied to
// the follower's own backlog before the arena is emptied.
//
// usage: fanout PORT REDIS_PORT

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 65536, JOBS_MAX = 65536, REDIS_READ_BYTES = 256 * 1024, STRETCHES_MAX = 1024 };

// In every link and index 0 means none: memory is then touched only when a follower first needs it.
enum { NONE = 0 };

/// A run of arena bytes owed to one follower; neighbours are merged into one.
struct stretch { uint32_t start, count; int next; };

struct follower {
    int job, nextOfJob;        // followers of a job are a list
    int first, last;           // stretches of this tick
    uint32_t owedCount;
    uint8_t *owed;             // what the kernel did not take
};

static struct follower *followers; // by descriptor
static int jobHead[JOBS_MAX];
static int dirty[DESCRIPTORS_MAX], dirtyCount;
static struct stretch *stretches;
static int stretchCount = 1, stretchRoom;
static uint8_t *arena;
static uint32_t arenaCount, arenaRoom;
static int epoll, redis, listener;

static int jobNumber(const char *text) { return atoi(text) % (JOBS_MAX - 1) + 1; }

static void die(const char *what) { perror(what); exit(1); }

static void watch(int descriptor, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    if (epoll_ctl(epoll, operation, descriptor, &event) < 0) die("epoll_ctl");
}

// MARK: Followers

static void upgrade(int descriptor) {
    char request[4096], accept[64], answer[256];
    ssize_t count = recv(descriptor, request, sizeof request - 1, 0);
    if (count <= 0) { close(descriptor); return; }
    request[count] = 0;
    const char *key = strcasestr(request, "sec-websocket-key: ");
    const char *job = strstr(request, "/jobs/");
    if (!key || !job || !strstr(request, "\r\n\r\n")) { close(descriptor); return; }
    snprintf(accept, sizeof accept, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
    uint8_t hash[21] = {0};
    SHA1((uint8_t *)accept, strlen(accept), hash);
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[29], *at = text;
    for (int i = 0; i < 21; i += 3, at += 4) {
        uint32_t three = (uint32_t)(hash[i] << 16 | hash[i + 1] << 8 | hash[i + 2]);
        for (int j = 0; j < 4; j++) at[j] = alphabet[three >> (18 - 6 * j) & 63];
    }
    text[27] = '=', text[28] = 0;
    int length = snprintf(answer, sizeof answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", text);
    if (send(descriptor, answer, (size_t)length, MSG_NOSIGNAL) != length) { close(descriptor); return; }
    struct follower *follower = &followers[descriptor];
    int number = jobNumber(job + 6);
    *follower = (struct follower){.job = number, .nextOfJob = jobHead[number]};
    jobHead[number] = descriptor;
}

static void forget(int descriptor) {
    struct follower *follower = &followers[descriptor];
    if (follower->job != NONE) {
        int *link = &jobHead[follower->job];
        while (*link != descriptor) link = &followers[*link].nextOfJob;
        *link = follower->nextOfJob;
    }
    free(follower->owed);
    *follower = (struct follower){0};
    close(descriptor);
}

static void owe(struct follower *follower, const uint8_t *bytes, size_t count) {
    follower->owed = realloc(follower->owed, follower->owedCount + count);
    if (!follower->owed) die("realloc");
    memcpy(follower->owed + follower->owedCount, bytes, count);
    follower->owedCount += (uint32_t)count;
}

static void writeOwed(int descriptor) {
    struct follower *follower = &followers[descriptor];
    ssize_t sent = send(descriptor, follower->owed, follower->owedCount, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return;
    follower->owedCount -= (uint32_t)sent;
    memmove(follower->owed, follower->owed + sent, follower->owedCount);
    if (follower->owedCount) return;
    free(follower->owed);
    follower->owed = NULL;
    watch(descriptor, EPOLLIN, EPOLL_CTL_MOD);
}

static void writeTick(int descriptor) {
    struct follower *follower = &followers[descriptor];
    struct iovec parts[STRETCHES_MAX];
    while (follower->first != NONE) {
        int count = 0;
        size_t bytes = 0;
        int at = follower->first;
        for (; at != NONE && count < STRETCHES_MAX; at = stretches[at].next) {
            parts[count++] = (struct iovec){arena + stretches[at].start, stretches[at].count};
            bytes += stretches[at].count;
        }
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t sent = follower->owedCount ? 0 : sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        size_t taken = sent > 0 ? (size_t)sent : 0;
        if (taken < bytes) {
            if (!follower->owedCount) watch(descriptor, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            for (int i = 0; i < count; i++) {
                size_t skip = taken < parts[i].iov_len ? taken : parts[i].iov_len;
                taken -= skip;
                if (skip < parts[i].iov_len) owe(follower, (uint8_t *)parts[i].iov_base + skip, parts[i].iov_len - skip);
            }
        }
        follower->first = at;
    }
    follower->last = NONE;
}

// MARK: Messages

static void deliver(int job, const uint8_t *payload, uint32_t length) {
    if (arenaCount + length + 10 > arenaRoom) {
        arenaRoom = (arenaRoom + length + 10) * 2;
        arena = realloc(arena, arenaRoom);
        if (!arena) die("realloc");
    }
    uint32_t start = arenaCount;
    uint8_t *at = arena + start;
    *at++ = 0x81;
    if (length < 126) *at++ = (uint8_t)length;
    else if (length < 65536) *at++ = 126, *at++ = (uint8_t)(length >> 8), *at++ = (uint8_t)length;
    else {
        *at++ = 127;
        for (int shift = 56; shift >= 0; shift -= 8) *at++ = (uint8_t)((uint64_t)length >> shift);
    }
    memcpy(at, payload, length);
    arenaCount = (uint32_t)(at + length - arena);

    for (int descriptor = jobHead[job]; descriptor != NONE; descriptor = followers[descriptor].nextOfJob) {
        struct follower *follower = &followers[descriptor];
        if (follower->last != NONE && stretches[follower->last].start + stretches[follower->last].count == start) {
            stretches[follower->last].count += arenaCount - start;
            continue;
        }
        if (stretchCount >= stretchRoom) {
            stretchRoom = stretchRoom * 2 + 4096;
            stretches = realloc(stretches, (size_t)stretchRoom * sizeof *stretches);
            if (!stretches) die("realloc");
        }
        stretches[stretchCount] = (struct stretch){start, arenaCount - start, NONE};
        if (follower->last == NONE) follower->first = stretchCount, dirty[dirtyCount++] = descriptor;
        else stretches[follower->last].next = stretchCount;
        follower->last = stretchCount++;
    }
}

#ifdef FAULT // benchmarks/check: does the load generator notice a server that is wrong?
static void deliverWrongly(int job, const uint8_t *payload, uint32_t length) {
    static unsigned count;
    static uint8_t held[65536];
    static uint32_t heldLength;
    enum { LOSE = 1, DOUBLE = 2, SWAP = 3, EVERY = 1000 };
    bool isWrong = ++count % EVERY == 0;
    if (FAULT == LOSE && isWrong) return;
    if (FAULT == SWAP && isWrong) {
        memcpy(held, payload, heldLength = length);
        return;
    }
    deliver(job, payload, length);
    if (FAULT == DOUBLE && isWrong) deliver(job, payload, length);
    if (heldLength) deliver(job, held, heldLength);
    heldLength = 0;
}
#define deliver deliverWrongly
#endif

/// Reads one RESP array of bulk strings and integers; returns where it ends, NULL while it is not all here.
static const uint8_t *readReply(const uint8_t *at, const uint8_t *end, const uint8_t *parts[4], long lengths[4], long *count) {
    const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
    if (!line) return NULL;
    if (*at != '*') { fprintf(stderr, "Redis said %.60s\n", at); exit(1); }
    *count = strtol((const char *)at + 1, NULL, 10);
    at = line + 1;
    for (long i = 0; i < *count && i < 4; i++) {
        line = memchr(at, '\n', (size_t)(end - at));
        if (!line) return NULL;
        lengths[i] = *at == '$' ? strtol((const char *)at + 1, NULL, 10) : 0;
        parts[i] = line + 1;
        at = line + 1 + (*at == '$' ? lengths[i] + 2 : 0);
        if (at > end) return NULL;
    }
    return at;
}

static void readRedis(void) {
    static uint8_t buffer[REDIS_READ_BYTES + 1];
    static size_t filled;
    ssize_t count = recv(redis, buffer + filled, REDIS_READ_BYTES - filled, MSG_DONTWAIT);
    if (count == 0) { fprintf(stderr, "Redis is gone\n"); exit(1); }
    if (count < 0) return;
    filled += (size_t)count;
    const uint8_t *at = buffer, *end = buffer + filled, *next, *parts[4] = {0};
    long lengths[4] = {0}, partsCount;
    while (at < end && (next = readReply(at, end, parts, lengths, &partsCount))) {
        if (partsCount == 4 && lengths[2] > 4) // "job:" and more
            deliver(jobNumber((const char *)parts[2] + 4), parts[3], (uint32_t)lengths[3]);
        at = next;
    }
    filled = (size_t)(end - at);
    memmove(buffer, at, filled);
}

static void readFollower(int descriptor, uint32_t events) {
    struct follower *follower = &followers[descriptor];
    if (events & EPOLLOUT) writeOwed(descriptor);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    if (follower->job == NONE) { upgrade(descriptor); return; }
    uint8_t ignored[512];
    if (recv(descriptor, ignored, sizeof ignored, MSG_DONTWAIT) == 0) forget(descriptor);
}

int main(int count, char **arguments) {
    if (count != 3) { fprintf(stderr, "usage: fanout PORT REDIS_PORT\n"); return 2; }
    followers = calloc(DESCRIPTORS_MAX, sizeof *followers);
    epoll = epoll_create1(0);
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    address.sin_port = htons((uint16_t)atoi(arguments[2]));
    redis = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(redis, (struct sockaddr *)&address, sizeof address) < 0) die("Redis");
    static const char subscribe[] = "*2\r\n$10\r\nPSUBSCRIBE\r\n$13\r\njob:*:updates\r\n";
    if (write(redis, subscribe, sizeof subscribe - 1) < 0) die("Redis");
    watch(redis, EPOLLIN, EPOLL_CTL_ADD);

    address.sin_port = htons((uint16_t)atoi(arguments[1]));
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) die("listen");
    watch(listener, EPOLLIN, EPOLL_CTL_ADD);

    for (;;) {
        struct epoll_event events[512];
        int ready = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < ready; i++) {
            int descriptor = events[i].data.fd;
            if (descriptor == redis) readRedis();
            else if (descriptor != listener) readFollower(descriptor, events[i].events);
            else for (int accepted; (accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                if (accepted >= DESCRIPTORS_MAX) { close(accepted); continue; }
                setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                watch(accepted, EPOLLIN, EPOLL_CTL_ADD);
            }
        }
        for (int i = 0; i < dirtyCount; i++) writeTick(dirty[i]);
        dirtyCount = 0, stretchCount = 1, arenaCount = 0;
    }
}
