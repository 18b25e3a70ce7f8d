"""Bad input from every side: it gets a clear error where the user looks for it, and the others go on."""
import collections
import http.client
import json
import re
import resource
import socket
import unittest
from urllib.parse import quote, urlsplit

from support import golden
from support.nats import Nats
from support.stack import ROOT, Stack, TOKEN, free_ports, get, github, helm, post, report, request, samples, until

COREDNS = github("coredns/coredns", "tags", r"^v([0-9]+\.[0-9]+\.[0-9]+)$", "$1")


def gap_of(api, agent, tracker):
    return get(api, f"/api/v1alpha1/agents/{quote(agent, safe='')}/{quote(tracker, safe='')}/versions")


def state_metrics(api, agent, tracker):
    """(running version, state) of each series of a tracker."""
    return [(l["running_version"], l["state"]) for n, l, v in samples(get(api, "/metrics").text())
            if n == "opvic_controlplane_version_state" and (l["agent_id"], l["version_id"], v) == (agent, tracker, 1)]


class Posts(unittest.TestCase):
    def test_bodies(self):
        good = report("a", "t", {"1.0.0": 1})
        raw = json.dumps(good)
        without = lambda *path: json.dumps(drop(good, path))
        cases = {
            "not JSON": ("hello", 400, "offset"),
            "cut off": (raw[:-5], 400, ""),
            "no agentId": (without("agentId"), 400, "agentId"),
            "no version": (without("version"), 400, "version"),
            "no id": (without("version", "id"), 400, "version.id"),
            "no count": (without("version", "count"), 400, "version.count"),
            "count is text": (raw.replace('"count": 1', '"count": "1"'), 400, "version.count"),
            "versions is an object": (raw.replace('"versions": [', '"versions": {"x": [').replace("]}}", "]}}}"), 400, "version"),
            "2 MB": (raw.replace("1.0.0", "1" * 2_000_000), 413, ""),
            "10,000 nested arrays": ('{"agentId":' + "[" * 10000 + "]" * 10000 + "}", 400, ""),
            "NUL in a string": (raw.replace('"a"', '"a\\u0000b"'), 400, ""),
            "invalid UTF-8": (raw.encode().replace(b'"a"', b'"\xff\xfe"'), 400, "UTF-8"),
            "negative count": (raw.replace('"count": 1', '"count": -1'), 400, "version.count"),
        }
        with Stack() as stack:
            stack.nats()
            aggregator, api = stack.aggregator().wait_ready(), stack.api().wait_ready()
            for name, (body, status, says) in cases.items():
                with self.subTest(case=name):
                    answer = post(api, body)
                    self.assertEqual(answer.status, status, answer.body[:300])
                    self.assertIn(says, answer.json()["error"])
            chunked = post(api, (b"x" * 10_000 for _ in range(200)))
            self.assertEqual((chunked.status, chunked.json()), (413, {"error": "body is too large"}))
            self.assertIn("opvic-state-age", chunked.headers)
            self.assertEqual(post(api, good).status, 202)
            until("the good one is answered", lambda: get(api, "/api/v1alpha1/agents/a/t").status == 200)
            self.tokens(api)

    def tokens(self, api):
        for headers, says in (({}, "missing authorization header"), ({"Authorization": "Bearer wrong"}, "invalid authorization token"),
                              ({"Authorization": "Bearer "}, "invalid authorization header"), ({"Authorization": ""}, "authorization header")):
            answer = request(api.url, "GET", "/api/v1alpha1/agents", headers=headers)
            self.assertEqual(answer.status, 401)
            self.assertIn(says, answer.json()["error"])

    def test_ids(self):
        taken = ["a.b", "a b", "*", ">", "a/b", "=2E", "a=2Eb", "_", "x" * 300, "中", "list", "agents", "github/O/R", "versions/list",
                 ".", "..", "a*b>c", "%2F", "$KV", "opvic.report.x", "-", "="]
        refused = {"empty": "", "NUL": "a\u0000b", "600 bytes": "y" * 600}
        with Stack() as stack:
            stack.nats()
            aggregator, api = stack.aggregator().wait_ready(), stack.api().wait_ready()
            for i, name in enumerate(taken):
                self.assertEqual(post(api, report(name, name, {f"1.0.{i}": 1})).status, 202, name)
            for name, value in refused.items():
                self.assertEqual(post(api, report(value, "t", {"1.0.0": 1})).status, 400, name)
                self.assertEqual(post(api, report("a", value, {"1.0.0": 1})).status, 400, name)
            until("each is an agent of its own", lambda: sorted(a["id"] for a in get(api, "/api/v1alpha1/agents").json()) == sorted(taken))
            for i, name in enumerate(taken):
                with self.subTest(id=name[:20]):
                    path = quote(name, safe="") if name not in (".", "..") else name.replace(".", "%2E")
                    answer = until("answered", lambda: a if (a := get(api, f"/api/v1alpha1/agents/{path}/{path}")).status == 200 else None)
                    self.assertEqual(answer.json()["uniqVersions"], [f"1.0.{i}"])

    def test_what_ends_the_go_system(self):
        """Single requests that end it or blind it, each followed by a look that all is well."""
        with Stack() as stack:
            up, aggregator, fetcher, api = stack.pipeline("--golden", golden.GOLDEN / "upstream")
            self.assertEqual(post(api, report("well", "t", {"1.2.3": 1}, github("acme/multi", pattern=r"^v([0-9.]+)$", result="$1"))).status, 202)
            rows = [
                report("list", "t", {"1.0.0": 1}), report("agents", "t", {"1.0.0": 1}), report("github/O/R", "t", {"1.0.0": 1}),
                report("a", "versions/list", {"1.0.0": 1}), report("a", "X/versions", {"1.0.0": 1}),
                report("a", "short-repo", {"1.0.0": 1}, helm("http:/", "x")),
                report("a", "null-item", {"1.0.0": 1}, helm(f"{up.url}/nullitem", "x")),
                report("a", "two-spellings", {"v1.2.3": 1, "1.2.3": 2}, github("acme/multi", pattern=r"^v([0-9.]+)$", result="$1")),
                report("a", "two-lengths", {"1.2": 1, "1.2.0": 2}),
                report("a", "unparseable", {"latest": 1, "1.2.3": 1}, github("acme/multi", pattern=r"^v([0-9.]+)$", result="$1")),
                report("a", "bad-tags", {"1.0.0": 1}, github("acme/badtags", "tags")),
                report("a", "repo-missing", {"1.0.0": 1}, github("acme/nowhere")),
            ]
            for row in rows:
                self.assertEqual(post(api, row).status, 202, row["version"]["id"])
            for row in rows:
                answered = until(row["version"]["id"], lambda: a if (a := gap_of(api, row["agentId"], row["version"]["id"])).status == 200
                                 and b'"pending"' not in a.body else None)
                self.assertEqual([v["resourceCount"] for v in answered.json()["versions"]],
                                 [v["resourceCount"] for v in row["version"]["versions"]])
            metrics = get(api, "/metrics")
            self.assertEqual(metrics.status, 200)
            seen = [(n, tuple(sorted(l.items()))) for n, l, _ in samples(metrics.text())]
            self.assertEqual(len(seen), len(set(seen)), "no series twice")
            bad = gap_of(api, "a", "unparseable").json()["versions"]
            self.assertEqual([v["state"] for v in bad], ["unparseable", "behind"])
            for path in range(300):
                request(api.url, "GET", f"/nothing/{path}")
            counted = [l for l in get(api, "/metrics").text().splitlines() if l.startswith("opvic_controlplane_requests_total") and "nothing" in l]
            self.assertEqual(counted, [])
            for process in (api, aggregator, fetcher):
                self.assertTrue(process.alive())
            self.assertEqual(gap_of(api, "well", "t").json()["versions"][0]["state"], "behind")


def drop(body, path):
    copy = json.loads(json.dumps(body))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return copy


class Connections(unittest.TestCase):
    AGENTS, KEPT, LARGE = 1000, 300, 6_000_000

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * self.AGENTS)), hard))

    def connect(self, api):
        parts = urlsplit(api.url)
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)

    def test_a_connection_for_each_agent(self):
        """A thousand agents keep one each, and post again on it; probes are answered meanwhile."""
        with Stack() as stack:
            stack.nats()
            aggregator, api = stack.aggregator().wait_ready(), stack.api().wait_ready()
            kept = [self.connect(api) for _ in range(self.AGENTS)]
            for version in ("1.0.0", "1.0.1"):
                for i, connection in enumerate(kept):
                    connection.request("POST", "/api/v1alpha1/agents", json.dumps(report(f"k{i}", "t", {version: 1})),
                                       {"Authorization": f"Bearer {TOKEN}"})
                self.assertEqual(request(api.url, "GET", "/healthz", timeout=5).status, 200)
                answers = [connection.getresponse() for connection in kept]
                self.assertEqual([a.status for a in answers], [202] * self.AGENTS)
                self.assertEqual({a.read() for a in answers}, {b'{"message":"data received"}'})
            self.assertTrue(all(connection.sock for connection in kept), "none was closed by the api")
            until("all are there", lambda: len(get(api, "/api/v1alpha1/agents").json()) == self.AGENTS)
            for connection in kept:
                connection.close()

    def test_silent_ones_keep_no_probe_out(self):
        with Stack() as stack:
            stack.nats()
            aggregator = stack.aggregator().wait_ready()
            api = stack.api("--controlplane.max-connections", str(self.KEPT)).wait_ready()
            parts = urlsplit(api.url)
            silent = [socket.create_connection((parts.hostname, parts.port)) for _ in range(3 * self.KEPT)]
            for path in ("/healthz", "/readyz", "/metrics"):
                self.assertEqual(request(api.url, "GET", path, timeout=10).status, 200, path)
            self.assertEqual(post(api, report("a", "t", {"1.0.0": 1})).status, 202)
            for s in silent:
                s.close()


    def test_slow_readers_keep_no_scraper_out(self):
        with Stack() as stack:
            stack.nats()
            aggregator, api = stack.aggregator().wait_ready(), stack.api().wait_ready()
            for tracker in "abcd":
                self.assertEqual(post(api, report("a", tracker * 400, {f"1.0.{i}": 1 for i in range(3000)})).status, 202)
            until("the exposition is large", lambda: len(get(api, "/metrics").body) > self.LARGE)
            parts, slow = urlsplit(api.url), []
            for _ in range(8):
                s = socket.socket()
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                s.connect((parts.hostname, parts.port))
                s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                slow.append(s)
            whole = until("a prompt one is answered", lambda: a if (a := get(api, "/metrics")).status == 200 else None, 10)
            self.assertGreater(len(whole.body), self.LARGE)
            for s in slow:
                s.close()


class Trackers(unittest.TestCase):
    BAD = {
        "bad-regex": ("strategy: ImageTag\n    extraction: {regex: {pattern: '(', result: $1}}", "Pods", "pattern"),
        "bad-jsonpath": ("strategy: FieldSelection\n    fieldSelector: '.metadata['", "Pods", "fieldSelector"),
        "bad-kind": ("strategy: ImageTag", "Gizmos", "Gizmos"),
        "catastrophe": ("strategy: FieldSelection\n    fieldSelector: .metadata.labels.evil\n    extraction: {regex: {pattern: '(a+)+$', result: $0}}", "Pods", "too much work"),
    }

    def test_trackers_and_dumps(self):
        with Stack() as stack:
            _, _, _, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
            folder = stack.folder / "cluster"
            folder.mkdir()
            (folder / "pods.yaml").write_text(
                "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: d, labels: {app: x, evil: '%s'}}\nspec: {containers: [{name: c, image: 'r/a:1.2.3'}]}\n" % ("a" * 40 + "b"))
            documents = [tracker("good", "Pods", "strategy: ImageTag")]
            documents += [tracker(name, kind, local) for name, (local, kind, _) in self.BAD.items()]
            (folder / "trackers.yaml").write_text("---\n".join(documents))
            (folder / "cut.yaml").write_text("apiVersion: v1\nitems:\n- {kind: Pod, metadata: {name: q")
            (folder / "bomb.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: d, labels: {app: x}}\na: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
                f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(9)))
            collector = stack.collector("x", folder, "--agent.interval", "1s")
            until("the good one is answered", lambda: get(api, "/api/v1alpha1/agents/x/good").json().get("uniqVersions") == ["1.2.3"])
            for name, (_, _, says) in self.BAD.items():
                with self.subTest(tracker=name):
                    body = until("it is answered", lambda: a if (a := get(api, f"/api/v1alpha1/agents/x/{name}")).status == 200 else None).json()
                    self.assertIn(says, json.dumps(body))
                    self.assertEqual(body["versions"], [])
                    until("its state is a metric", lambda: state_metrics(api, "x", name) == [("", gap_of(api, "x", name).json()["state"])])
            until("the cut one is told", lambda: "cut.yaml" in collector.text())
            self.assertRegex(collector.text(), r"bomb\.yaml: line \d+, column \d+: [^\n]*(anchor|alias)")
            self.assertTrue(collector.alive())
            (folder / "cut.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: q, namespace: d, labels: {app: x}}\nspec: {containers: [{name: c, image: 'r/a:1.2.4'}]}\n")
            versions = lambda: get(api, "/api/v1alpha1/agents/x/good").json()["uniqVersions"]
            until("the mended dump counts", lambda: versions() == ["1.2.3", "1.2.4"])
            whole = (folder / "pods.yaml").read_text()
            (folder / "pods.yaml").write_text(whole[:whole.index("spec:")] + "spec: {containers: [{name: c, ima")
            until("a good dump that is cut is told", lambda: "err=\"pods.yaml:" in collector.text())
            (folder / "cut.yaml").write_text((folder / "cut.yaml").read_text().replace("1.2.4", "1.2.5"))
            until("what it said last stands while others change", lambda: versions() == ["1.2.3", "1.2.5"])
            (folder / "pods.yaml").write_text(whole.replace("1.2.3", "1.2.6"))
            until("it counts again once it is whole", lambda: versions() == ["1.2.6", "1.2.5"])


def tracker(name, kind, local):
    return (f"apiVersion: opvic.skillz.com/v1alpha1\nkind: VersionTracker\nmetadata: {{name: {name}, namespace: opvic}}\nspec:\n  name: {name}\n"
            f"  resources:\n    strategy: {kind}\n    selector: {{matchLabels: {{app: x}}}}\n  localVersion:\n    {local}\n")


class Rules(unittest.TestCase):
    def test_a_slow_pattern_on_a_long_list(self):
        """30,000 versions on each of which the pattern backtracks: the tracker says so, nobody else waits, nobody else leads."""
        with Stack() as stack:
            up, aggregator, _, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
            lines = "".join(f"  - {{version: '{'1' * 30}{i:05d}x'}}\n" for i in range(30_000))
            request(up.url, "POST", "/_publish", body=json.dumps({"index": "evil", "body": "apiVersion: v1\nentries:\n  e:\n" + lines}))
            remote = helm(f"{up.url}/charts/evil", "e")
            for i in range(10):  # as many rules
                remote["extraction"]["regex"] = {"pattern": "^(([0-9]+)+)+" + "$" * (i + 1), "result": "$1"}
                self.assertEqual(post(api, report("a", f"evil-{i}", {"1.0.0": 1}, remote)).status, 202)
            rounds = 0
            def answered():
                return all(b"too much work" in gap_of(api, "a", f"evil-{i}").body for i in range(10))
            while not answered() or not rounds:
                rounds += 1
                self.assertEqual(post(api, report("good", "t", {f"1.0.{rounds}": 1})).status, 202)
                until("the others go on", lambda: get(api, "/api/v1alpha1/agents/good/t").json().get("uniqVersions") == [f"1.0.{rounds}"], 10)
            state = gap_of(api, "a", "evil-0").json()
            self.assertEqual((state["versions"][0]["state"], state["latestVersion"]), ("invalid", "missing"))
            self.assertNotIn("stands down", aggregator.text())
            said = [gap_of(api, "a", f"evil-{i}").body for i in range(10)]
            aggregator.kill()
            aggregator.start().wait_ready()
            until("it leads", lambda: aggregator.metric("opvic_aggregator_leader") == 1)
            until("nothing is left to do", lambda: aggregator.metric("opvic_aggregator_documents_pending") == 0)
            self.assertEqual([gap_of(api, "a", f"evil-{i}").body for i in range(10)], said)


class Upstreams(unittest.TestCase):
    def test_failures(self):
        """Each is told where the user looks; a spent budget comes last, since no other repository is asked after it."""
        cases = {"404": "notFound", "500": "unreachable", "html": "malformed", "half": "unreachable", "403limit": "rateLimited"}
        with Stack() as stack:
            up, aggregator, fetcher, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
            self.assertEqual(post(api, report("a", "fine", {"1.14.3": 1}, COREDNS)).status, 202)
            for kind, failure in cases.items():
                with self.subTest(upstream=kind):
                    repo = "kubernetes/kubernetes" if kind == "half" else f"case/{kind}"  # half of a list, not of a 404
                    request(up.url, "POST", "/_fault", body=json.dumps({"path": f"/repos/{repo}/tags", "kind": kind}))
                    self.assertEqual(post(api, report("a", kind, {"1.0.0": 1}, github(repo, "tags"))).status, 202)
                    gap = until("its failure is told", lambda: g if failure in json.dumps(g := gap_of(api, "a", kind).json()) else None)
                    self.assertEqual(gap["latestVersion"], "missing")
                    until("the metrics tell it, too", lambda: api.metric("opvic_controlplane_source_up", {"remote_repo": repo, "outcome": failure}) == 0)
                    until("and the state that holds, alone", lambda: state_metrics(api, "a", kind) == [("1.0.0", gap_of(api, "a", kind).json()["versions"][0]["state"])])
                    self.assertGreaterEqual(fetcher.metric("opvic_fetcher_failures_total", {"failure": failure}) or 0, 1)
            until("the good one goes on", lambda: gap_of(api, "a", "fine").json()["versions"][0].get("state") == "behind")
            until("its source is up", lambda: api.metric("opvic_controlplane_source_up", {"remote_repo": "coredns/coredns", "outcome": "complete"}) == 1)

    def test_a_catastrophic_pattern(self):
        """Too much work on one tag is told by the tracker whose pattern it is; the others with that source go on."""
        evil, index = "a" * 40 + "!", "/charts/evil"
        with Stack() as stack:
            up, aggregator, _, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
            request(up.url, "POST", "/_publish", body=json.dumps({"index": "evil", "body": "apiVersion: v1\nentries:\n  app:\n" + "".join(
                f"  - {{version: '{v}'}}\n" for v in ("1.1.0", evil, "1.2.0"))}))
            good = helm(up.url + index, "app")
            bad = {**good, "extraction": {"regex": {"pattern": "(a+)+$", "result": "$0"}}}
            self.assertEqual(post(api, report("a", "bad", {"1.0.0": 1}, bad)).status, 202)
            self.assertEqual(post(api, report("a", "good", {"1.0.0": 1}, good)).status, 202)
            until("the others go on", lambda: gap_of(api, "a", "good").json()["latestVersion"] == "1.2.0")
            gap = until("it says why", lambda: g if (g := gap_of(api, "a", "bad").json())["state"] == "noCandidate" else None)
            self.assertIn("tooMuchWork", gap["reason"])
            self.assertIn(evil, gap["reason"])
            self.assertEqual((gap["latestVersion"], gap["versions"][0]["availableVersions"]), ("missing", []))
            self.assertEqual(gap_of(api, "a", "good").json()["versions"][0]["availableVersions"], ["1.1.0", "1.2.0"])

    def test_refused_target(self):
        with Stack() as stack:
            stack.nats()
            stack.aggregator().wait_ready()
            port_owner = stack.upstream("--data", ROOT / "examples/upstream/data")
            api = stack.api().wait_ready()
            port, = free_ports(1)
            fetcher = stack.service("fetcher", "fetcher", ["--metrics-bind-address", f"127.0.0.1:{port}"], port).wait_ready()
            self.assertEqual(post(api, report("a", "inward", {"1.0.0": 1}, helm(f"{port_owner.url}/charts/opvic", "opvic"))).status, 202)
            gap = until("it is refused", lambda: t if "refusedTarget" in (t := gap_of(api, "a", "inward").text()) else None)
            self.assertIn("127.0.0.1", gap)
            self.assertIn("fetch.allow-cidrs", gap)

    def test_a_failed_look_keeps_the_list(self):
        with Stack() as stack:
            up, _, _, api = stack.pipeline("--data", ROOT / "examples/upstream/data", aggregator_args=("--source.interval", "1s", "--cache.reconciler-interval", "200ms"))
            self.assertEqual(post(api, report("a", "dns", {"1.14.3": 1}, COREDNS)).status, 202)
            until("looked up", lambda: gap_of(api, "a", "dns").json()["latestVersion"] == "1.14.7")
            request(up.url, "POST", "/_fault", body=json.dumps({"path": "/repos/coredns/coredns/tags", "kind": "500"}))
            until("it is stale, and says why", lambda: gap_of(api, "a", "dns").json()["versions"][0]["state"] == "stale")
            self.assertEqual(gap_of(api, "a", "dns").json()["latestVersion"], "1.14.7")


class Bus(unittest.TestCase):
    def check_told(self, aggregator):
        """Each is counted by its stream and logged once, with its reason and where its copy is."""
        def told():
            lines = [l for l in aggregator.text().splitlines() if "message cannot be read" in l]
            copies = [re.search(r"copy=opvic\.dead\.(\S+)\.(\d+)", l).groups() for l in lines]
            self.assertEqual(len(copies), len(set(copies)), "none is logged twice")
            self.assertTrue(all("error=" in l for l in lines))
            by_stream = collections.Counter(stream for stream, _ in copies)
            self.assertEqual(set(by_stream), {"OPVIC_REPORTS", "OPVIC_LISTS", "KV_opvic_state"})
            return all(aggregator.metric("opvic_aggregator_undecodable_total", {"stream": s}) == n for s, n in by_stream.items())
        until("what was logged was counted", told)

    def test_undecodable_payloads(self):
        """Rubbish on every subject is counted, put aside with its reason, and harms nothing else."""
        subjects = ["opvic.report.a.t", "opvic.heartbeat.a", "opvic.inventory.a", "opvic.list.github/tags/a/b.=", "opvic.lookup.github/tags/a/b",
                    "opvic.job.github.github/tags/x/y", "$KV.opvic_state.entry.a.t"]
        with Stack() as stack:
            _, aggregator, fetcher, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
            with Nats(stack.nats_port) as nats:
                for subject in subjects:
                    for payload in (b"{", b"\xff\x00", b'{"schema":99}', b"[]"):
                        nats.request(subject, payload)
                dead = lambda: {h.get("Opvic-Subject"): h for _, _, h, _ in nats.messages("OPVIC_DEAD")}
                for subject in subjects:
                    headers = until(f"{subject} is put aside", lambda: dead().get(subject))
                    self.assertTrue(headers["Opvic-Reason"])
            self.check_told(aggregator)
            self.assertEqual(post(api, report("a", "t", {"1.14.3": 1}, COREDNS)).status, 202)
            until("the next good one counts", lambda: gap_of(api, "a", "t").json()["latestVersion"] == "1.14.7")
            for service in (aggregator, fetcher, api):
                self.assertTrue(service.alive())


if __name__ == "__main__":
    unittest.main()
