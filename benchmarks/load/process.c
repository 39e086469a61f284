// What processes have used, read from /proc. A process counts with all its living descendants, so
// that a server with a master and workers is charged for all of them.

#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double ownCPUSeconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpuSecondsAlone(pid_t process) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", process);
    FILE *file = fopen(path, "r");
    if (!file) fail("process %d is gone", process);
    size_t count = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[count] = 0;
    // The command's name may hold spaces; what follows its last bracket may not.
    char *rest = strrchr(text, ')');
    unsigned long user = 0, system = 0;
    if (!rest || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        fail("cannot read the CPU time of process %d", process);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static uint64_t privateBytesAlone(pid_t process) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", process);
    FILE *file = fopen(path, "r");
    if (!file) fail("process %d is gone", process);
    uint64_t kibibytes = 0, value;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Private_Clean: %lu kB", &value) == 1 || sscanf(line, "Private_Dirty: %lu kB", &value) == 1)
            kibibytes += value;
    fclose(file);
    return kibibytes * 1024;
}

double coreBusySeconds(int core) {
    FILE *file = fopen("/proc/stat", "r");
    char line[512], name[16];
    snprintf(name, sizeof name, "cpu%d ", core);
    unsigned long user = 0, nice = 0, system = 0, idle = 0, wait = 0, interrupts = 0, soft = 0, steal = 0;
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name)))
            sscanf(line + strlen(name), "%lu %lu %lu %lu %lu %lu %lu %lu", &user, &nice, &system, &idle, &wait,
                   &interrupts, &soft, &steal);
    if (file) fclose(file);
    return (double)(user + nice + system + interrupts + soft + steal) / (double)sysconf(_SC_CLK_TCK);
}

/// Calls `visit` for the process and each descendant. A child is listed under the thread that made it.
static double sumOverTree(pid_t process, double (*visit)(pid_t)) {
    double sum = visit(process);
    char command[128];
    snprintf(command, sizeof command, "cat /proc/%d/task/*/children 2>/dev/null", process);
    FILE *children = popen(command, "r");
    if (!children) fail("cannot list the children of process %d", process);
    int child;
    while (fscanf(children, "%d", &child) == 1) sum += sumOverTree(child, visit);
    pclose(children);
    return sum;
}

static double privateAlone(pid_t process) { return (double)privateBytesAlone(process); }

double cpuSeconds(pid_t process) { return process ? sumOverTree(process, cpuSecondsAlone) : 0; }

uint64_t privateBytes(pid_t process) { return (uint64_t)sumOverTree(process, privateAlone); }
