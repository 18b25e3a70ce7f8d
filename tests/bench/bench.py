"""Measures, prints the figures beside their goals, writes build/bench.json. Everything runs on this machine."""
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent), str(pathlib.Path(__file__).resolve().parent)]
from bench_collector import measure_collector  # noqa: E402
from bench_fetcher import measure_fetcher  # noqa: E402
from support import fleet  # noqa: E402
from support.load import post_all  # noqa: E402
from support.stack import BIN, ROOT, Stack, TOKEN, get, post, report, request, samples, until  # noqa: E402

BENCH_BIN = BIN.parent / "tests"
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
ENTRIES_AGENTS, ENTRIES_TRACKERS = 1000, 100

# name -> (unit, goal, better)
GOALS = {
    "post_rate": ("requests/s", 15000, "more"),
    "post_cpu_us": ("us", 40, "less"),
    "visible_p50_ms": ("ms", 20, "less"),
    "merge_rate_same": ("reports/s", 100000, "more"),
    "merge_rate_changed": ("reports/s", 30000, "more"),
    "restart_ready_s": ("s", 5, "less"),
    "metrics_100k_s": ("s", 0.2, "less"),
    "metrics_100k_gzip_s": ("s", 0.2, "less"),
    "overview_100k_s": ("s", 0.15, "less"),
    "agents_rps": ("requests/s", 10000, "more"),
    "api_rss_100k_mb": ("MB", 400, "less"),
    "aggregator_rss_100k_mb": ("MB", None, "less"),
    "upstream_requests": ("requests", fleet.SOURCES, "less"),
    "upstream_downloads": ("requests", 0, "less"),
    "helm_26mb_heap_mb": ("MB", 10, "less"),
    "helm_mb_per_s": ("MB/s", 40, "more"),
    "helm_mb_per_cpu_s": ("MB/s", None, "more"),
    "helm_26mb_all_yaml_heap_mb": ("MB", 10, "less"),
    "helm_all_yaml_mb_per_s": ("MB/s", 40, "more"),
    "helm_26mb_all_yaml_gzip_heap_mb": ("MB", 10, "less"),
    "helm_all_yaml_gzip_mb_per_s": ("MB/s", 40, "more"),
    "helm_26mb_all_json_heap_mb": ("MB", 10, "less"),
    "helm_all_json_mb_per_s": ("MB/s", 40, "more"),
    "helm_26mb_all_json_gzip_heap_mb": ("MB", 10, "less"),
    "helm_all_json_gzip_mb_per_s": ("MB/s", 40, "more"),
    "helm_140mb_heap_mb": ("MB", 10, "less"),
    "helm_140mb_mb_per_s": ("MB/s", 40, "more"),
    "helm_140mb_all_heap_mb": ("MB", 10, "less"),
    "releases_heap_mb": ("MB", 10, "less"),
    "collector_rss_10k_mb": ("MB", 16, "less"),
    "collector_peak_10k_mb": ("MB", 24, "less"),
    "collector_react_ms": ("ms", 1000, "less"),
    "collector_first_report_s": ("s", 10, "less"),
    "collector_rss_1k_trackers_mb": ("MB", 24, "less"),
    "collector_churn_growth_mb": ("MB", 1, "less"),
    "collector_idle_cpu_pct": ("%", 1, "less"),
    "collector_idle_bytes_per_min": ("bytes", None, "less"),
}


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def memory_mb(process, field):
    text = pathlib.Path(f"/proc/{process.child.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", text)[1]) / 1024


def rss_mb(process):
    return memory_mb(process, "VmRSS")


def peak_mb(process):
    return memory_mb(process, "VmHWM")


def wrk(url, path, seconds, connections, script=None):
    """Requests a second; a connection error or an answer that is not 2xx ends the bench."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Authorization: Bearer {TOKEN}"]
    command += ["-s", str(script)] if script else []
    out = subprocess.run([*command, url + path, *(["--", TOKEN] if script else [])], capture_output=True, text=True, check=True).stdout
    if re.search(r"Non-2xx|Socket errors", out):
        raise AssertionError(out)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


def bare_stack(stack):
    stack.nats()
    aggregator, api = stack.aggregator(), stack.api()
    return aggregator.wait_ready(), api.wait_ready()


def measure_posts(figures):
    with Stack() as stack:
        _, api = bare_stack(stack)
        wrk(api.url, "/api/v1alpha1/agents", 2, 32, ROOT / "tests/bench/post.lua")
        before, seconds = cpu_seconds(api), 10
        figures["post_rate"] = wrk(api.url, "/api/v1alpha1/agents", seconds, 32, ROOT / "tests/bench/post.lua")
        figures["post_cpu_us"] = (cpu_seconds(api) - before) / (figures["post_rate"] * seconds) * 1e6


def measure_visible(figures):
    """Accepted -> readable from every replica, one at a time."""
    with Stack() as stack:
        _, api = bare_stack(stack)
        apis = [api, stack.api(name="api-2").wait_ready()]
        took = []
        for i in range(60):
            assert post(apis[i % 2], report("a", "t", {f"1.0.{i}": 1})).status == 202
            start = time.monotonic()
            for each in apis:
                see(each, f"1.0.{i}")
            took.append((time.monotonic() - start) * 1000)
        figures["visible_p50_ms"] = statistics.median(took)


def see(api, version):
    """Asks without a pause, so that the figure is ours and not the waiting's."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        answer = get(api, "/api/v1alpha1/agents/a/t")
        if answer.status == 200 and answer.json()["uniqVersions"] == [version]:
            return
    raise AssertionError(f"{version} was not readable within 10 s")


def measure_core(figures):
    out = subprocess.run([BENCH_BIN / "bench_merge"], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        row = json.loads(line)
        figures[row["name"]] = row["value"]


def timed_get(api, path, headers=None):
    start = time.monotonic()
    answer = get(api, path, headers=headers)
    assert answer.status == 200, answer.status
    return time.monotonic() - start, len(answer.body)


def measure_large(figures, sizes):
    """1,000 agents with 100 trackers each: reads, memory, and a restart of everything."""
    with Stack() as stack:
        aggregator, api = bare_stack(stack)
        total = ENTRIES_AGENTS * ENTRIES_TRACKERS
        post_all([api.url], [[report(f"agent-{a}", f"tracker-{t}", {"1.2.3": 2, "1.2.4": 1}) for a in range(c, ENTRIES_AGENTS, 8)
                              for t in range(ENTRIES_TRACKERS)] for c in range(8)])
        count = lambda: sum(1 for n, _, _ in samples(get(api, "/metrics").text()) if n == "opvic_controlplane_version_resource_count")
        until("100,000 trackers", lambda: count() == 2 * total, 120)
        for name, path, headers in (("metrics_100k_s", "/metrics", None), ("metrics_100k_gzip_s", "/metrics", {"Accept-Encoding": "gzip"}),
                                    ("overview_100k_s", "/api/v1alpha1/overview", None)):
            rounds = [timed_get(api, path, headers) for _ in range(5)]
            # The slowest of them: the first answer makes what later ones find made.
            figures[name], sizes[name.replace("_s", "_bytes")] = max(r[0] for r in rounds), rounds[-1][1]
        figures["agents_rps"] = wrk(api.url, "/api/v1alpha1/agents", 5, 8)
        figures["api_rss_100k_mb"], figures["aggregator_rss_100k_mb"] = rss_mb(api), rss_mb(aggregator)
        figures["restart_ready_s"] = restart(stack, [aggregator, api], count, 2 * total)


def restart(stack, services, count, wanted):
    for process in [*services, stack.nats_process]:
        process.stop()
    start = time.monotonic()
    stack.nats_process.start()
    for service in services:
        service.start()
    for service in services:
        service.wait_ready(120)
    took = time.monotonic() - start
    assert count() == wanted, "a ready api answers everything"
    return took


def measure_upstream(figures):
    """500 clusters on the same 40 sources: what the second round costs upstream."""
    with Stack() as stack:
        first, second = fleet.rounds(stack, 500, "45s")
        figures["upstream_requests"] = second["total"] - first["total"]
        figures["upstream_downloads"] = second["statuses"]["200"] - first["statuses"]["200"]


def versions():
    first = lambda *command: subprocess.run(command, capture_output=True, text=True).stdout.strip().splitlines()[0]
    return {"opvic": first(BIN / "opvic-api", "--version"), "nats-server": first("/usr/sbin/nats-server", "--version"),
            "gcc": first("gcc", "--version")}


def show(figures, sizes):
    rows = []
    for name, (unit, goal, better) in GOALS.items():
        if name not in figures:
            continue
        value = round(figures[name], 3)
        met = None if goal is None else (value <= goal if better == "less" else value >= goal)
        rows.append({"name": name, "value": value, "unit": unit, "goal": goal, "better": better, "met": met})
    print(f"{'name':<34}{'value':>14} {'unit':<12}{'goal':>12}  met")
    for row in rows:
        goal = "-" if row["goal"] is None else f"{'<=' if row['better'] == 'less' else '>='} {row['goal']}"
        print(f"{row['name']:<34}{row['value']:>14} {row['unit']:<12}{goal:>12}  {'-' if row['met'] is None else 'yes' if row['met'] else 'no'}")
    facts = {"machine": {"cores": os.cpu_count(), "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
                         "kernel": platform.release()}, "versions": versions(), "sizes": sizes}
    rows += [{"name": name, "value": value, "unit": "facts", "goal": None, "better": None, "met": None} for name, value in facts.items()]
    (ROOT / "build/bench.json").write_text(json.dumps(rows, indent=1) + "\n")


def main():
    figures, sizes = {}, {"post_versions": 20, "post_connections": 32, "entries": ENTRIES_AGENTS * ENTRIES_TRACKERS}
    steps = {"the aggregator's core": measure_core, "posts": measure_posts, "visibility": measure_visible,
             "what 500 clusters cost upstream": measure_upstream}
    for name, step in steps.items():
        print(f"measuring {name}", file=sys.stderr)
        step(figures)
    print("measuring 1,000 agents x 100 trackers", file=sys.stderr)
    measure_large(figures, sizes)
    print("measuring the fetcher on large upstreams", file=sys.stderr)
    measure_fetcher(figures, sizes)
    print("measuring a collector at 10,000 pods (needs the tools of the Kubernetes suite)", file=sys.stderr)
    measure_collector(figures, rss_mb, peak_mb, cpu_seconds)
    show(figures, sizes)


if __name__ == "__main__":
    main()
