// What each measurement does, in the order it does it.

#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const double stallSeconds = 5;

static double secondsSince(uint64_t start) { return (double)(now() - start) / 1e9; }

/// All counters at one moment.
struct moment {
    uint64_t at;
    struct totals totals;
    uint64_t published;
    double serverCPU, redisCPU, ownCPU, serverCore;
};

static struct moment takeMoment(struct load *load) {
    return (struct moment){.serverCPU = cpuSeconds(load->options.serverPID),
                           .redisCPU = cpuSeconds(load->options.redisPID), .ownCPU = ownCPUSeconds(),
                           .serverCore = coreBusySeconds(load->options.serverCore),
                           .at = now(), .totals = load->totals, .published = load->publisher.count};
}

/// Opens all sockets and makes sure that each hears its job: subscriptions may lag behind the upgrade.
static void openFollowers(struct load *load) {
    unsigned count = load->options.jobs * load->options.followers;
    clientsConnect(load, count);
    publisherOpen(load);
    uint64_t *probedAt = calloc(load->options.jobs, sizeof *probedAt);
    if (!probedAt) fail("out of memory");
    for (uint64_t start = now(); load->totals.probed < count;) {
        if (secondsSince(start) > 30) fail("only %lu of %u followers hear their job", load->totals.probed, count);
        uint64_t round = now();
        for (struct client *client = load->clients; client < load->clients + count && publisherHasRoom(load); client++) {
            if (client->heardProbe || probedAt[client->job] == round) continue;
            probedAt[client->job] = round;
            publish(load, client->job, 0);
        }
        publisherFlush(load);
        while (secondsSince(round) < 0.3 && load->totals.probed < count) pump(load, 20);
    }
    free(probedAt);
    while (pump(load, 300)) {} // late probes
}

/// Events that some follower has not received yet. What was lost will not come.
static uint64_t outstanding(const struct load *load) {
    uint64_t settled = load->totals.deliveries - load->totals.doubled + load->totals.lost;
    return load->publisher.count * load->options.followers - settled;
}

static void fillWindow(struct load *load) {
    struct publisher *publisher = &load->publisher;
    uint64_t open = (outstanding(load) + load->options.followers - 1) / load->options.followers;
    for (; open < load->options.window && publisherHasRoom(load); open++) {
        unsigned job = publisher->nextJob;
        publisher->nextJob = job + 1 == load->options.jobs ? 0 : job + 1;
        publish(load, job, publisher->published[job] + 1);
    }
    publisherFlush(load);
}

/// Waits until all has arrived; what has not when nothing comes any more is lost.
static void drain(struct load *load) {
    uint64_t last = now(), before = outstanding(load);
    while (outstanding(load) > 0 && secondsSince(last) < stallSeconds) {
        pump(load, 50);
        publisherFlush(load);
        if (outstanding(load) != before) before = outstanding(load), last = now();
    }
    while (pump(load, 100)) {} // anything doubled comes after
    for (unsigned i = 0; i < load->clientsCount; i++) {
        struct client *client = &load->clients[i];
        load->totals.lost += load->publisher.published[client->job] + 1 - client->expected;
    }
}

static void printMeasured(const struct load *load, struct moment a, struct moment b) {
    double wall = (double)(b.at - a.at) / 1e9;
    uint64_t deliveries = b.totals.deliveries - a.totals.deliveries;
    uint64_t reads = b.totals.reads - a.totals.reads;
    double server = b.serverCPU - a.serverCPU;
    printf("\"seconds\":%.3f,\"deliveries\":%lu,\"deliveries_per_second\":%.0f,\"published\":%lu,"
           "\"bytes\":%lu,\"deliveries_per_read\":%.1f,"
           "\"server_cpu_seconds\":%.3f,\"load_cpu_seconds\":%.3f,\"redis_cpu_seconds\":%.3f,"
           "\"server_busy\":%.3f,\"others_on_server_core\":%.3f,\"load_busy\":%.3f,\"redis_busy\":%.3f,\"deliveries_per_server_cpu_second\":%.0f,",
           wall, deliveries, (double)deliveries / wall, b.published - a.published,
           b.totals.bytes - a.totals.bytes, reads ? (double)deliveries / (double)reads : 0,
           server, b.ownCPU - a.ownCPU, b.redisCPU - a.redisCPU,
           server / wall, (b.serverCore - a.serverCore - server) / wall, (b.ownCPU - a.ownCPU) / wall, (b.redisCPU - a.redisCPU) / wall,
           server > 0 ? (double)deliveries / server : 0);
    printf("\"published_in_all\":%lu,\"lost\":%lu,\"out_of_order\":%lu,\"doubled\":%lu,\"seq_breaks\":%lu,\"controls\":%lu",
           load->publisher.count, load->totals.lost, load->totals.outOfOrder, load->totals.doubled, load->totals.seqBreaks, load->totals.controls);
}

void runFanout(struct load *load) {
    openFollowers(load);
    uint64_t start = now(), progress = start, before = 0;
    struct moment from = {0}, to = {0};
    struct timespec rest = {.tv_nsec = load->options.restMicroseconds * 1000};
    while (!to.at) {
        fillWindow(load);
        pump(load, 10);
        // While we rest, the server need not wake us for each socket, and a read finds more.
        if (rest.tv_nsec) nanosleep(&rest, NULL);
        if (load->totals.deliveries != before) before = load->totals.deliveries, progress = now();
        if (secondsSince(progress) > stallSeconds) fail("nothing arrives: %lu events are missing", outstanding(load));
        double elapsed = secondsSince(start);
        if (!from.at && elapsed >= load->options.warmup) from = takeMoment(load);
        else if (from.at && elapsed >= load->options.warmup + load->options.seconds) to = takeMoment(load);
    }
    drain(load);
    printf("{\"window\":%u,\"rest_us\":%u,\"connections\":%u,", load->options.window,
           load->options.restMicroseconds, load->clientsCount);
    printMeasured(load, from, to);
    printf("}\n");
}

static int compareLatencies(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

void runLatency(struct load *load) {
    openFollowers(load);
    const struct options *options = &load->options;
    struct itimerspec every = {.it_interval.tv_nsec = (long)(1000000000u / options->rate)};
    every.it_value = every.it_interval;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event interest = {.events = EPOLLIN, .data.u32 = TIMER_KEY};
    if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0) fail("no timer");
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, timer, &interest);

    size_t room = (size_t)((options->seconds + 1) * options->rate * options->followers) + 1;
    load->latencies = malloc(room * sizeof *load->latencies);
    if (!load->latencies) fail("out of memory");
    uint64_t start = now();
    struct moment from = {0};
    while (!from.at || secondsSince(from.at) < options->seconds) {
        uint64_t ticks;
        pump(load, 100);
        if (read(timer, &ticks, sizeof ticks) != sizeof ticks) continue;
        if (!from.at && secondsSince(start) >= options->warmup) {
            from = takeMoment(load);
            load->latenciesRoom = room;
        }
        // Ticks that were missed are not made up for: a burst would measure a queue, not the way.
        unsigned job = load->publisher.nextJob;
        load->publisher.nextJob = (job + 1) % options->jobs;
        publish(load, job, load->publisher.published[job] + 1);
        publisherFlush(load);
    }
    struct moment to = takeMoment(load);
    epoll_ctl(load->epoll, EPOLL_CTL_DEL, timer, NULL);
    drain(load);
    size_t count = load->latenciesCount;
    if (!count) fail("nothing arrived");
    qsort(load->latencies, count, sizeof *load->latencies, compareLatencies);
    printf("{\"rate\":%u,\"connections\":%u,\"samples\":%zu,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,",
           options->rate, load->clientsCount, count, (double)load->latencies[count / 2] / 1e3,
           (double)load->latencies[count * 9 / 10] / 1e3, (double)load->latencies[count * 99 / 100] / 1e3,
           (double)load->latencies[count - 1] / 1e3);
    printMeasured(load, from, to);
    printf("}\n");
}

/// Every job has so many events, recorded before anybody asks for them.
static void publishHistory(struct load *load) {
    publisherOpen(load);
    for (unsigned number = 1; number <= load->options.replayed; number++) {
        for (unsigned job = 0; job < load->options.jobs; job++) {
            publish(load, job, number);
            while (publisherFlush(load), !publisherHasRoom(load)) pump(load, 10);
        }
    }
    while (load->publisher.outEnd) pump(load, 10), publisherFlush(load);
    double before = -1;
    for (double used = 0; used != before;) { // until the server has nothing left to do
        before = used;
        uint64_t start = now();
        while (secondsSince(start) < 0.5) pump(load, 100);
        used = cpuSeconds(load->options.serverPID);
    }
}

void runReplay(struct load *load) {
    publishHistory(load);
    unsigned steady = load->options.isFollowed ? load->options.jobs : 0;
    clientsConnect(load, steady);
    load->closesServed = load->options.isFollowed;
    struct moment from = takeMoment(load);
    clientsConnect(load, steady + load->options.connections);
    struct moment to = takeMoment(load);
    while (pump(load, 300)) {} // anything doubled comes after
    for (unsigned i = 0; i < load->clientsCount; i++)
        load->totals.lost += load->options.replayed + 1 - load->clients[i].expected;
    double server = to.serverCPU - from.serverCPU;
    printf("{\"replayed\":%u,\"connections\":%u,\"connects_per_second\":%.0f,\"connects_per_server_cpu_second\":%.0f,",
           load->options.replayed, load->options.connections,
           load->options.connections / ((double)(to.at - from.at) / 1e9),
           server > 0 ? load->options.connections / server : 0);
    printMeasured(load, from, to);
    printf("}\n");
}

/// Pumps until the server has said nothing for a while and its memory stands still.
static uint64_t settledPrivateBytes(struct load *load) {
    uint64_t before = 0, bytes = 1;
    for (int tries = 0; tries < 10 && before != bytes; tries++) {
        before = bytes;
        uint64_t start = now();
        while (secondsSince(start) < 0.4) pump(load, 100);
        bytes = privateBytes(load->options.serverPID);
    }
    return bytes;
}

void runIdle(struct load *load) {
    clientsConnect(load, 1); // what the first connection loads and allocates is not the price of the next
    uint64_t baseline = settledPrivateBytes(load);
    printf("{\"baseline_bytes\":%lu,\"steps\":[", baseline);
    const char *separator = "";
    for (const char *at = load->options.steps; *at;) {
        char *end;
        unsigned count = (unsigned)strtoul(at, &end, 10);
        uint64_t start = now();
        unsigned had = load->clientsCount;
        clientsConnect(load, count + 1);
        double took = secondsSince(start);
        uint64_t bytes = settledPrivateBytes(load);
        printf("%s{\"connections\":%u,\"private_bytes\":%lu,\"bytes_per_connection\":%.0f,\"connects_per_second\":%.0f}",
               separator, count, bytes, (double)((int64_t)bytes - (int64_t)baseline) / count, (count + 1 - had) / took);
        separator = ",";
        at = *end == ',' ? end + 1 : end;
        if (end == at && *end) fail("steps: numbers with commas between");
    }
    printf("],\"controls\":%lu}\n", load->totals.controls);
}
