// The worker: writes events into one socket, pipelined, and never waits for answers.
//
// To Redis it speaks PUBLISH on job:<id>:updates with replies switched off, so that Redis spends its
// time on delivering. To a peer that does not read Redis it POSTs, and throws the answers away.
//
// Each event carries a stamp, `#number@time`, in places of fixed width: the number rises by one per
// job, the time is CLOCK_MONOTONIC in ns when the event was written.

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const size_t outBytesMax = 4 * 1024 * 1024;

static void makeEvent(struct load *load) {
    static const char head[] = "{\"type\":\"progress\",\"data\":{\"progress\":45,\"current_step\":\"synthesis\",\"stamp\":\"";
    static const char stamp[] = "#000000000000@0000000000000000000";
    static const char middle[] = "\",\"pad\":\"";
    static const char tail[] = "\"},\"timestamp\":\"2025-01-06T12:00:01.000Z\"}";
    size_t fixed = strlen(head) + strlen(stamp) + strlen(middle) + strlen(tail);
    size_t wanted = load->options.eventBytes;
    if (wanted < fixed) fail("an event has at least %zu bytes", fixed);
    char *event = malloc(wanted + 1), *at = event;
    if (!event) fail("out of memory");
    at = stpcpy(at, head);
    load->publisher.stampOffset = (size_t)(at - event);
    at = stpcpy(stpcpy(at, stamp), middle);
    memset(at, 'x', wanted - fixed);
    strcpy(at + (wanted - fixed), tail);
    load->publisher.event = event;
}

void publisherOpen(struct load *load) {
    struct publisher *publisher = &load->publisher;
    const struct options *options = &load->options;
    makeEvent(load);
    publisher->isHTTP = options->redisPort == 0;
    publisher->outRoom = outBytesMax;
    publisher->out = malloc(outBytesMax);
    publisher->published = calloc(options->jobs, sizeof *publisher->published);
    if (!publisher->out || !publisher->published) fail("out of memory");

    int port = publisher->isHTTP ? options->port : options->redisPort;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    publisher->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (publisher->fd < 0 || connect(publisher->fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("the publisher cannot connect to port %d: %s", port, strerror(errno));
    int one = 1;
    setsockopt(publisher->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!publisher->isHTTP) {
        static const char quiet[] = "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n";
        if (send(publisher->fd, quiet, sizeof quiet - 1, MSG_NOSIGNAL) != sizeof quiet - 1)
            fail("the publisher cannot write: %s", strerror(errno));
    }
    struct epoll_event interest = {.events = EPOLLIN, .data.u32 = PUBLISHER_KEY};
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, publisher->fd, &interest);
}

static void writeDigits(char *at, uint64_t value, int digits) {
    for (int i = digits - 1; i >= 0; i--, value /= 10) at[i] = (char)('0' + value % 10);
}

bool publisherHasRoom(const struct load *load) {
    return load->publisher.outRoom - load->publisher.outEnd > load->options.eventBytes + 512;
}

void publish(struct load *load, unsigned job, uint64_t number) {
    struct publisher *publisher = &load->publisher;
    unsigned bytes = load->options.eventBytes;
    if (!publisherHasRoom(load)) fail("the publisher's buffer is full: nobody reads");
    writeDigits(publisher->event + publisher->stampOffset + 1, number, STAMP_NUMBER_DIGITS);
    writeDigits(publisher->event + publisher->stampOffset + 1 + STAMP_NUMBER_DIGITS + 1, now(), STAMP_TIME_DIGITS);

    char *at = (char *)publisher->out + publisher->outEnd;
    if (publisher->isHTTP) {
        at += sprintf(at, "POST ");
        at += sprintf(at, load->options.publishPath, job);
        at += sprintf(at, " HTTP/1.1\r\nHost: bench\r\nContent-Length: %u\r\n\r\n", bytes);
    } else {
        char channel[32];
        int count = sprintf(channel, "job:%u:updates", job);
        at += sprintf(at, "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%u\r\n", count, channel, bytes);
    }
    memcpy(at, publisher->event, bytes);
    at += bytes;
    if (!publisher->isHTTP) at = stpcpy(at, "\r\n");
    publisher->outEnd = (size_t)(at - (char *)publisher->out);
    if (number) {
        publisher->published[job] = number;
        publisher->count++;
    }
}

void publisherFlush(struct load *load) {
    struct publisher *publisher = &load->publisher;
    while (publisher->outStart < publisher->outEnd) {
        ssize_t sent = send(publisher->fd, publisher->out + publisher->outStart,
                            publisher->outEnd - publisher->outStart, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN) fail("the publisher cannot write: %s", strerror(errno));
            break;
        }
        publisher->outStart += (size_t)sent;
    }
    if (publisher->outStart == publisher->outEnd) publisher->outStart = publisher->outEnd = 0;
    bool waits = publisher->outStart < publisher->outEnd;
    if (waits != publisher->waitsForRoom) {
        struct epoll_event interest = {.events = EPOLLIN | (waits ? EPOLLOUT : 0u), .data.u32 = PUBLISHER_KEY};
        epoll_ctl(load->epoll, EPOLL_CTL_MOD, publisher->fd, &interest);
        publisher->waitsForRoom = waits;
    }
}

void publisherReady(struct load *load, uint32_t epollEvents) {
    static uint8_t answers[64 * 1024];
    if (epollEvents & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t count = recv(load->publisher.fd, answers, sizeof answers - 1, MSG_DONTWAIT);
        if (count == 0) fail("the publisher's connection was closed");
        if (count < 0 && errno != EAGAIN && errno != EINTR) fail("the publisher cannot read: %s", strerror(errno));
        if (count > 0) {
            answers[count] = 0;
            if (!load->publisher.isHTTP) fail("Redis refuses: %.80s", answers);
            if (strstr((char *)answers, "HTTP/1.1 4") || strstr((char *)answers, "HTTP/1.1 5"))
                fail("a POST was refused: %.200s", answers);
        }
    }
    if (epollEvents & EPOLLOUT) publisherFlush(load);
}
