"""The fetcher on large upstreams: how fast an index is read, and how much memory that takes above what a small one does."""
import gzip
import json
import os
import statistics
import subprocess

from support import faultserver as fault
from support.helmindex import index_json, index_yaml, versions_of
from support.stack import BIN

CHARTS, VERSIONS, BYTES = 144, 30000, 26 << 20
LARGE_VERSIONS, LARGE_BYTES = 160000, 140 << 20
RELEASES, NOTES_BYTES = 100, 100 * 1024
ROUNDS = 3


def look(url, provider, strategy, small, repo, lists=()):
    done = subprocess.run([BIN.parent / "tests/bench_look", provider, strategy, small, repo, *lists], capture_output=True, text=True,
                          check=True, env={**os.environ, "BENCH_GITHUB_URL": url})
    return json.loads(done.stdout)


def served(body, media, packed=False):
    """Made once: what is measured is the reader."""
    head = [f"Content-Type: {media}", f"Content-Length: {len(body)}", *(["Content-Encoding: gzip"] if packed else [])]
    return fault.raw(fault.head(200, *head), body)


def releases(count, notes):
    return json.dumps([{"tag_name": f"v1.{n}.0", "name": f"v1.{n}.0", "draft": False, "prerelease": False, "published_at": "2026-11-22T10:00:00Z",
                        "body": ("## Changes\n\n* \"quoted\" \\ und mehr: äöü\n" * notes)[:notes]} for n in range(count)]).encode()


def measure_fetcher(figures, sizes):
    charts = [chart for chart, _ in versions_of(CHARTS, VERSIONS)]
    yaml, large = index_yaml(CHARTS, VERSIONS, BYTES), index_yaml(CHARTS, LARGE_VERSIONS, LARGE_BYTES)
    bodies = {"yaml": yaml, "json": index_json(CHARTS, VERSIONS, BYTES), "small": index_yaml(CHARTS, CHARTS, 1)}
    answers = {f"/{name}/index.yaml": served(body, "text/yaml") for name, body in bodies.items()}
    answers |= {f"/{name}-gzip/index.yaml": served(gzip.compress(body, 6), "text/yaml", True) for name, body in bodies.items()}
    answers["/large/index.yaml"] = served(large, "text/yaml")
    page = releases(RELEASES, NOTES_BYTES)
    answers["/repos/o/large/releases"], answers["/repos/o/small/releases"] = (served(b, "application/json") for b in (page, releases(1, 10)))
    sizes |= {"helm_index_bytes": len(yaml), "helm_json_bytes": len(bodies["json"]), "helm_large_bytes": len(large), "releases_page_bytes": len(page)}
    with fault.FaultServer(answers) as server:
        def helm(name, lists, size, rounds=ROUNDS):
            """The largest heap, and MB of unpacked index a second: of time, and of CPU, which others on the machine change less."""
            told = [look(server.url, "helm", "index", f"{server.url}/small", f"{server.url}/{name}", lists) for _ in range(rounds)]
            assert all(r["versions"] > 0 for r in told)
            speed = lambda seconds: size / (1 << 20) / statistics.median(r[seconds] for r in told)
            return max(r["heap_mb"] for r in told), speed("seconds"), speed("cpu_seconds")
        figures["helm_26mb_heap_mb"], figures["helm_mb_per_s"], figures["helm_mb_per_cpu_s"] = helm("yaml", charts[:1], len(yaml))
        for name, body in (("yaml", yaml), ("yaml-gzip", yaml), ("json", bodies["json"]), ("json-gzip", bodies["json"])):
            title = name.replace("-", "_")
            figures[f"helm_26mb_all_{title}_heap_mb"], figures[f"helm_all_{title}_mb_per_s"], _ = helm(name, charts, len(body))
        figures["helm_140mb_heap_mb"], figures["helm_140mb_mb_per_s"], _ = helm("large", charts[:1], len(large), 1)
        figures["helm_140mb_all_heap_mb"], *_ = helm("large", charts, len(large), 1)
        figures["releases_heap_mb"] = look(server.url, "github", "releases", "o/small", "o/large")["heap_mb"]
