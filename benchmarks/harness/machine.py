"""What the figures were measured on. No names and no paths: a run is published."""

import os
import platform
import subprocess


def output(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        return (done.stdout + done.stderr).strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def package(name):
    return output("dpkg-query", "-W", "-f", "${Version}", name) or "not packaged"


def field(path, name):
    with open(path) as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith(name)), "unknown")


def facts(repository):
    return {
        "cpu": field("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": field("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "redis": output("redis-server", "--version").split(" sha")[0],
        "compiler": output("cc", "--version").splitlines()[0],
        "swift": (output("swift", "--version").splitlines() or ["none"])[0],
        "commit": output("git", "-C", repository, "rev-parse", "--short", "HEAD"),
        "changed_files": len(output("git", "-C", repository, "status", "--porcelain").splitlines()),
        "load_average_before": os.getloadavg()[0],
    }


def cores():
    """(server, load generator, Redis): the server alone; Redis alone too where there is a third core."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise SystemExit("benchmarks need two cores: one is the server's alone")
    return usable[-1], usable[0], usable[1] if len(usable) > 2 else usable[0]
