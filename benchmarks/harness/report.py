"""From raw runs to tables: medians over the rounds, with what makes a figure doubtful beside it."""

from statistics import median

BARS = {  # of the design; (what, better is, bound, shown as)
    "A": [("deliveries_per_server_cpu_second", "more", 4_500_000)],
    "B": [("deliveries_per_server_cpu_second", "more", 190_000)],
    "C": [("bytes_per_connection", "less", 1024)],
    "D": [("p50_us", "less", 100), ("p99_us", "less", 200)],
    "E": [("connects_per_second", "more", 12_000)],
}
RECORDED_BARS = {
    "A": [("deliveries_per_server_cpu_second", "more", 4_000_000)],
    "B": [("deliveries_per_second", "more", 100_000)],
    "D": [("p50_us", "less", 250), ("p99_us", "less", 500)],
    "E": [("connects_per_second", "more", 12_000)],
    "E10k": [("server_cpu_seconds", "less", 3), ("redis_history_reads", "less", 1)],
}
OURS = {"jobwire": BARS, "jobwire-redis": RECORDED_BARS}
SERVER_BOUND = 0.95  # busier than this, the server is what limits
DISTURBED = 0.05  # others took more of the server's core than this


def short(value):
    for bound, unit in ((1e6, "M"), (1e3, "k")):
        if value >= bound:
            return f"{value / bound:.2f} {unit}" if value < 100 * bound else f"{value / bound:.0f} {unit}"
    return f"{value:.0f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def middle(results, name):
    return median(result[name] for result in results)


def doubts(results):
    found = []
    for name in ("lost", "out_of_order", "doubled", "seq_breaks"):
        if count := sum(result[name] for result in results):
            found.append(f"**{count:,} {name.replace('_', ' ')}**")
    if any(result["others_on_server_core"] > DISTURBED for result in results):
        found.append("disturbed: others on its core")
    return found


def flat_out(results, limit):
    key = "deliveries_per_server_cpu_second"
    rates = [result["deliveries_per_second"] for result in results]
    found = doubts(results)
    if middle(results, "server_busy") < SERVER_BOUND:
        found.append("not server-bound: read the second column")
    return [
        short(median(rates)),
        short(middle(results, key)),
        f"{middle(results, key) / middle(limit, key):.0%}" if limit else "–",
        f"{middle(results, 'server_busy'):.0%}",
        f"{middle(results, 'load_busy'):.0%}",
        f"{middle(results, 'redis_busy'):.0%}",
        f"{middle(results, 'deliveries_per_read'):.1f}",
        f"{short(min(rates))} – {short(max(rates))}",
        ", ".join(found) or "all there, once",
    ]


def latency(results, _):
    return [
        *(f"{middle(results, name):.0f} µs" for name in ("p50_us", "p90_us", "p99_us", "max_us")),
        f"{min(r['p50_us'] for r in results):.0f} – {max(r['p50_us'] for r in results):.0f}",
        f"{middle(results, 'server_busy'):.1%}",
        ", ".join(doubts(results)) or "all there, once",
    ]


def idle(results, _):
    steps = {step["connections"]: step for step in results[0]["steps"]}
    shown = [f"{steps[count]['bytes_per_connection']:.0f} B" if count in steps else "–" for count in (2000, 10000, 15000)]
    most = max(steps)
    shown.append("" if most == 15000 else f"{steps[most]['bytes_per_connection']:.0f} B at {most} (its most here)")
    return [f"{results[0]['baseline_bytes'] / 1e6:.1f} MB", *shown]


def replay(results, _):
    return [
        *(short(middle(results, name)) for name in ("connects_per_second", "connects_per_server_cpu_second")),
        f"{middle(results, 'server_cpu_seconds'):.2f} s",
        *(f"{middle(results, name):.0%}" for name in ("server_busy", "load_busy", "redis_busy")),
        f"{max(result['redis_history_reads'] for result in results)}",
        ", ".join(doubts(results)) or "all there, once",
    ]


HEADS = {
    "replay": (["connects/s", "per server CPU s", "server CPU", "server busy", "load busy", "Redis busy",
                "reads of Redis", "seen"], replay),
    "fanout": (["deliveries/s", "per server CPU s", "of the limit", "server busy", "load busy", "Redis busy",
                "events per read", "least – most /s", "seen"], flat_out),
    "latency": (["p50", "p90", "p99", "max", "p50 of the rounds", "server busy", "seen"], latency),
    "idle": (["baseline", "2,000", "10,000", "15,000", ""], idle),
}


def verdicts(name_of_peer, case, results):
    """Jobwire against the bars of the design, one sentence each."""
    for name, better, bound in OURS[name_of_peer].get(case, []):
        value = results[0]["steps"][-1][name] if case == "C" else middle(results, name)
        reached = value >= bound if better == "more" else value <= bound
        away = abs(value - bound) / bound
        doubt = "" if case == "C" or not any("disturbed" in doubt for doubt in doubts(results)) else ", in a disturbed run"
        yield (f"{name_of_peer}, case {case}, {name.replace('_', ' ')}: {short(value)}; the bar is {short(bound)}: "
               + ("reached" if reached else f"**missed by {away:.0%}**") + doubt)


def markdown(record, cases):
    facts, settings = record["machine"], record["settings"]
    lines = [f"# Benchmark {record['date']} {record['name']}", ""]
    lines.append(f"{facts['cpu']}, {facts['cores']} cores, {facts['memory']}, Linux {facts['kernel']}; {facts['redis']}; "
                 f"{facts['compiler']}; {facts['swift']}; commit {facts['commit']}"
                 f"{' with changes' if facts['changed_files'] else ''}.")
    lines.append(f"Medians of {settings['repeat']} rounds of {settings['seconds']} s; server on core {settings['cores'][0]}, "
                 f"load generator on {settings['cores'][1]}, Redis on {settings['cores'][2]}; "
                 f"load average before: {facts['load_average_before']:.2f}.")
    if not record["complete"]:
        lines += ["", "**Incomplete: it was interrupted.**"]
    absent = [(name, peer["absent"]) for name, peer in record["peers"].items() if "absent" in peer]
    lines += [f"\n**Absent: {name}**: {reason}" for name, reason in absent]
    for case in cases:
        runs = [run for run in record["runs"] if run["case"] == case.name]
        if not runs:
            continue
        head, row = HEADS[case.mode]
        by_peer = {name: [r["result"] for r in runs if r["peer"] == name and "result" in r] for name in record["peers"]}
        rows = [[name, *row(results, by_peer.get("c-limit"))] for name, results in by_peer.items() if results]
        lines += ["", f"## {case.name}: {case.title}", "", table(["server", *head], rows), ""]
        lines += [f"- **{run['peer']} failed** in round {run['round']}: {run['error']}" for run in runs if "error" in run]
        lines += [f"- {verdict}" for ours in OURS if by_peer.get(ours) for verdict in verdicts(ours, case.name, by_peer[ours])]
    lines += ["", "## Servers", ""]
    lines += [f"- {name}: {peer['version']}; {peer['note']}" for name, peer in record["peers"].items() if "version" in peer]
    return "\n".join(lines) + "\n"
