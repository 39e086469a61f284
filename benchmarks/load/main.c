// Options in, one JSON object out. `benchmarks/run` is the one who calls; see README.md.

#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    exit(1);
}

static void readOption(struct options *options, const char *name, const char *value) {
    const struct { const char *name; const char **text; int *number; unsigned *count; bool *flag; double *real; } table[] = {
        {.name = "path", .text = &options->path},
        {.name = "headers", .text = &options->headers},
        {.name = "hello", .text = &options->hello},
        {.name = "publish-path", .text = &options->publishPath},
        {.name = "steps", .text = &options->steps},
        {.name = "port", .number = &options->port},
        {.name = "redis-port", .number = &options->redisPort},
        {.name = "server-pid", .number = &options->serverPID},
        {.name = "redis-pid", .number = &options->redisPID},
        {.name = "server-core", .number = &options->serverCore},
        {.name = "jobs", .count = &options->jobs},
        {.name = "followers", .count = &options->followers},
        {.name = "window", .count = &options->window},
        {.name = "rate", .count = &options->rate},
        {.name = "event-bytes", .count = &options->eventBytes},
        {.name = "rest", .count = &options->restMicroseconds},
        {.name = "replayed", .count = &options->replayed},
        {.name = "connections", .count = &options->connections},
        {.name = "tokens", .text = &options->tokens},
        {.name = "greeted", .flag = &options->isGreeted},
        {.name = "followed", .flag = &options->isFollowed},
        {.name = "seconds", .real = &options->seconds},
        {.name = "warmup", .real = &options->warmup},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strncmp(name, "--", 2) || strcmp(name + 2, table[i].name)) continue;
        if (table[i].text) *table[i].text = value;
        else if (table[i].number) *table[i].number = atoi(value);
        else if (table[i].count) *table[i].count = (unsigned)strtoul(value, NULL, 10);
        else if (table[i].flag) *table[i].flag = !strcmp(value, "yes");
        else *table[i].real = atof(value);
        return;
    }
    fail("unknown option %s", name);
}

int main(int count, char **arguments) {
    static struct load load = {.options = {
        .path = "/", .headers = "", .hello = "", .publishPath = "/", .steps = "", .tokens = "",
        .jobs = 1, .followers = 1, .window = 256, .rate = 1000, .eventBytes = 200, .seconds = 3, .warmup = 1,
    }};
    if (count < 2 || count % 2) fail("usage: load fanout|idle|latency|replay|handshakes [--name value]...");
    load.options.mode = arguments[1];
    for (int i = 2; i < count; i += 2) readOption(&load.options, arguments[i], arguments[i + 1]);
    if (!load.options.jobs || !load.options.followers || !load.options.rate) fail("jobs, followers and rate are at least 1");

    prctl(PR_SET_TIMERSLACK, 1000);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.clientsRoom = 20000; // what one process may open here
    load.clients = calloc(load.clientsRoom, sizeof *load.clients);
    if (load.epoll < 0 || !load.clients) fail("out of memory or descriptors");
    if (load.options.jobs * load.options.followers > load.clientsRoom ||
        load.options.jobs + load.options.connections > load.clientsRoom) fail("too many followers");

    if (!strcmp(load.options.mode, "fanout")) runFanout(&load);
    else if (!strcmp(load.options.mode, "idle")) runIdle(&load);
    else if (!strcmp(load.options.mode, "latency")) runLatency(&load);
    else if (!strcmp(load.options.mode, "replay")) runReplay(&load);
    else if (!strcmp(load.options.mode, "handshakes")) runHandshakes(&load);
    else fail("unknown mode %s", load.options.mode);
    return 0;
}
