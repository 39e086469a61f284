// Handshakes, one after the other and some at once: connect, upgrade with the next token of a file, hear what
// belongs to it, go. With `--greeted yes` that is `101` and a first frame, else `101` alone.
//
// What is counted is the server's CPU, in ns, by the kernel's own clock of that process.

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
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 64, ANSWER_BYTES_MAX = 4096, TOKEN_BYTES_MAX = 2048 };

struct caller {
    int fd;
    bool hasAsked;
    unsigned count;
    char answer[ANSWER_BYTES_MAX];
};

static struct caller callers[AT_ONCE];
static char **tokens;
static unsigned tokensCount, begun, asked, done;

static void readTokens(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail("%s: %s", path, strerror(errno));
    char line[TOKEN_BYTES_MAX];
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        tokens = realloc(tokens, (tokensCount + 1) * sizeof *tokens);
        if (!tokens || !(tokens[tokensCount++] = strdup(line))) fail("out of memory");
    }
    fclose(file);
}

static uint64_t cpuNanoseconds(pid_t process) {
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(process, &clock) || clock_gettime(clock, &t)) fail("process %d is gone", process);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void callOne(struct load *load, struct caller *caller) {
    *caller = (struct caller){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (caller->fd < 0) fail("socket: %s", strerror(errno));
    int one = 1;
    setsockopt(caller->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(caller->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    // Every address of the loopback network in turn: ports for all.
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7F010002u + begun % 60000)};
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->options.port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(caller->fd, (struct sockaddr *)&source, sizeof source) < 0) fail("bind: %s", strerror(errno));
    if (connect(caller->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    begun++;
    struct epoll_event interest = {.events = EPOLLOUT, .data.ptr = caller};
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, caller->fd, &interest) < 0) fail("epoll: %s", strerror(errno));
}

static void ask(struct load *load, struct caller *caller) {
    char request[TOKEN_BYTES_MAX + 512], authorization[TOKEN_BYTES_MAX + 32] = "";
    if (tokensCount)
        snprintf(authorization, sizeof authorization, "Authorization: Bearer %s\r\n", tokens[asked++ % tokensCount]);
    int count = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
        load->options.path, load->options.port, authorization);
    if (send(caller->fd, request, (size_t)count, MSG_NOSIGNAL) != count) fail("cannot write: %s", strerror(errno));
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = caller};
    epoll_ctl(load->epoll, EPOLL_CTL_MOD, caller->fd, &interest);
    caller->hasAsked = true;
}

/// True when all that belongs to the handshake is here.
static bool isAnswered(const struct load *load, const struct caller *caller) {
    const char *end = memmem(caller->answer, caller->count, "\r\n\r\n", 4);
    if (!end) return false;
    if (memcmp(caller->answer, "HTTP/1.1 101", 12)) fail("refused: %.*s", (int)caller->count, caller->answer);
    size_t left = caller->count - (size_t)(end + 4 - caller->answer);
    const uint8_t *frame = (const uint8_t *)end + 4;
    if (!load->options.isGreeted) {
        if (left) fail("more than a handshake came");
        return true;
    }
    if (left < 4) return false;
    if (frame[0] != 0x81) fail("no greeting, but a frame 0x%02x: %.*s", frame[0], (int)left - 2, frame + 2);
    size_t length = frame[1] < 126 ? frame[1] + 2u : 4u + (size_t)(frame[2] << 8 | frame[3]);
    if (left > length) fail("more than a greeting came");
    return left == length;
}

static void hear(struct load *load, struct caller *caller) {
    ssize_t count = recv(caller->fd, caller->answer + caller->count, ANSWER_BYTES_MAX - caller->count, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) fail("the server hung up: %s", count < 0 ? strerror(errno) : "end of stream");
    caller->count += (unsigned)count;
    if (!isAnswered(load, caller)) return;
    close(caller->fd);
    done++;
    if (begun < load->options.connections) callOne(load, caller);
}

void runHandshakes(struct load *load) {
    if (*load->options.tokens) readTokens(load->options.tokens);
    uint64_t from = now(), fromCPU = cpuNanoseconds(load->options.serverPID);
    for (unsigned i = 0; i < AT_ONCE && begun < load->options.connections; i++) callOne(load, &callers[i]);
    while (done < load->options.connections) {
        struct epoll_event events[AT_ONCE];
        int count = epoll_wait(load->epoll, events, AT_ONCE, 10000);
        if (count <= 0) fail("the server stopped answering after %u", done);
        for (int i = 0; i < count; i++) {
            struct caller *caller = events[i].data.ptr;
            if (caller->hasAsked) hear(load, caller);
            else ask(load, caller);
        }
    }
    uint64_t to = now(), toCPU = cpuNanoseconds(load->options.serverPID);
    printf("{\"handshakes\":%u,\"tokens\":%u,\"per_second\":%.0f,\"server_us\":%.3f,\"server_busy\":%.3f}\n",
           done, tokensCount, done / ((double)(to - from) / 1e9), (double)(toCPU - fromCPU) / 1e3 / done,
           (double)(toCPU - fromCPU) / (double)(to - from));
}
