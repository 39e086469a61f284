// The load generator: one thread that plays all followers and the worker that publishes.
//
//   main.c       options, and one JSON object as the answer
//   cases.c      what each measurement does, in the order it does it
//   handshakes.c  connections that come with a token and go
//   clients.c    sockets: connect, upgrade, walk the frames that arrive, check each event
//   publisher.c  events: written to Redis (PUBLISH) or to a peer (HTTP POST), pipelined
//   process.c    what the server, its children and Redis have used: CPU and private memory
//
// Invariant: an event that arrives is counted once as delivered, and is the next one of its job for
// this follower, or skips some (they are lost), or is taken for one of those skipped (out of order),
// or was seen before (doubled).

#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef READ_BYTES_MAX                 // benchmarks/check makes it odd and small, so that frames are cut everywhere
#define READ_BYTES_MAX (512 * 1024)    // one read; small enough that the bytes are still in cache when walked
#endif

enum {
    FRAME_BYTES_MAX = 64 * 1024,   // a longer frame is a fault of the server under test
    HANDSHAKES_MAX = 64,           // connecting at once, so that no listener's backlog overflows
    EVENTS_MAX = 1024,
    STAMP_NUMBER_DIGITS = 12,
    STAMP_TIME_DIGITS = 19,
};

struct options {
    const char *mode;          // fanout, idle, latency, replay or handshakes
    int port;
    const char *path;          // "%u" stands for the job
    const char *headers;       // further request header lines, each ended by CR LF
    const char *hello;         // a text message sent after the upgrade; "%u" stands for the job
    int redisPort;             // where to PUBLISH; 0: publish by HTTP POST to publishPath
    const char *publishPath;
    pid_t serverPID, redisPID;
    int serverCore;            // the core the server has to itself
    unsigned jobs, followers;  // followers of each job
    unsigned window;           // messages published and not yet received by all, at most
    unsigned rate;             // messages per second (latency)
    unsigned eventBytes;
    unsigned restMicroseconds; // pause between sweeps over the sockets (fanout)
    double seconds, warmup;
    unsigned replayed;         // events that each job has, and each connection must be sent (replay)
    unsigned connections;      // how many connect (replay, handshakes)
    const char *tokens;        // a file, a token on each line; empty: none (handshakes)
    bool isGreeted;            // a first message belongs to it (handshakes)
    bool isFollowed;           // somebody follows each job all the time, and who has been served goes (replay)
    const char *steps;         // connections to hold, "2000,10000" (idle)
};

struct client {
    int fd;
    enum { CLIENT_CONNECTING, CLIENT_UPGRADING, CLIENT_OPEN, CLIENT_CLOSED } phase;
    bool heardProbe;
    uint32_t job;
    uint32_t carryCount, carryRoom;
    uint8_t *carry;            // a frame that is not all here yet
    uint64_t expected;         // number of the next event
    uint64_t missing;          // skipped, and not come late so far
    uint64_t seq;              // the server's own numbering, where it has one
};

struct totals {
    uint64_t deliveries, bytes, reads, controls, probed;
    uint64_t lost, outOfOrder, doubled, seqBreaks;
};

struct publisher {
    int fd;
    bool isHTTP, waitsForRoom;
    uint64_t *published;       // per job
    uint64_t count;            // all jobs, probes not counted
    unsigned nextJob;
    uint8_t *out;
    size_t outStart, outEnd, outRoom;
    size_t stampOffset;        // from the event's first byte
    char *event;
};

struct load {
    struct options options;
    int epoll;
    struct client *clients;
    unsigned clientsCount, clientsRoom, handshakes;
    bool closesServed;         // a connection that has been sent all is closed
    struct publisher publisher;
    struct totals totals;
    size_t stampDistance;      // from a frame's end, learnt from the first event
    uint64_t lastArrival;      // ns
    uint64_t *latencies;
    size_t latenciesCount, latenciesRoom;
};

// cases.c
void runFanout(struct load *load);
void runIdle(struct load *load);
void runLatency(struct load *load);
void runReplay(struct load *load);

// handshakes.c
void runHandshakes(struct load *load);

// clients.c
void clientsConnect(struct load *load, unsigned count);   // until `count` are open
bool pump(struct load *load, int timeoutMilliseconds);    // false when nothing was there

// publisher.c
void publisherOpen(struct load *load);
void publish(struct load *load, unsigned job, uint64_t number); // number 0 is a probe
bool publisherHasRoom(const struct load *load);
void publisherFlush(struct load *load);
void publisherReady(struct load *load, uint32_t epollEvents);

// process.c
uint64_t now(void);                       // CLOCK_MONOTONIC, ns
double cpuSeconds(pid_t process);         // with all its living descendants
double ownCPUSeconds(void);
uint64_t privateBytes(pid_t process);     // with all its living descendants
double coreBusySeconds(int core);         // by whomever

// main.c
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define PUBLISHER_KEY UINT32_MAX
#define TIMER_KEY (UINT32_MAX - 1)

#endif
