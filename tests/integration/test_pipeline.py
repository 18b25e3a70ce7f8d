"""The pipeline from dumps of clusters to answers, events and metrics, with two fetchers and two api replicas."""
import json
import pathlib
import shutil
import subprocess
import unittest

from support.stack import BIN, ROOT, Stack, TOKEN, get, github, post, report, request, until

COREDNS = github("coredns/coredns", "tags", r"^v([0-9]+\.[0-9]+\.[0-9]+)$", "$1")

TRACKERS = 7
CLUSTERS = ("prod-eu", "prod-us", "staging")


def sample_clusters(stack, upstream):
    """The example clusters with their Helm repositories and products on the recorded upstream."""
    folder = stack.folder / "clusters"
    shutil.copytree(ROOT / "examples/clusters", folder)
    for file in folder.glob("*/versiontrackers.yaml"):
        text = file.read_text()
        for host in ("kubernetes-sigs", "skillz"):
            text = text.replace(f"https://{host}.github.io/", f"{upstream.url}/charts/")
        text = text.replace("endOfLife: ", f"endOfLife: {upstream.url}/")
        file.write_text(text)
    return folder


def answered(api, agents=CLUSTERS, trackers=TRACKERS):
    def whole():
        for agent in agents:
            answer = get(api, f"/api/v1alpha1/agents/{agent}")
            if answer.status != 200 or len(answer.json()) != trackers:
                return None
        return b'"pending"' not in get(api, "/api/v1alpha1/overview").body
    until("every tracker of every cluster is answered", whole)


def requests_seen(upstream):
    return json.loads(request(upstream.url, "GET", "/_requests").body)


class Pipeline(unittest.TestCase):
    def test_clusters_to_answers(self):
        with Stack() as stack:
            stack.nats()
            up = stack.upstream("--data", ROOT / "examples/upstream/data")
            aggregator = stack.aggregator()
            fetchers = [stack.fetcher(upstream=up.url, name=f"fetcher-{i}") for i in range(2)]
            apis = [stack.api(name=f"api-{i}") for i in range(2)]
            folder = sample_clusters(stack, up)
            collectors = [stack.collector(c, folder / c, "--agent.tags", f"cluster={c}", "--agent.interval", "1s") for c in CLUSTERS]
            for service in [aggregator, *fetchers, *apis, *collectors]:
                service.wait_ready()
            for api in apis:
                answered(api)

            gap = get(apis[0], "/api/v1alpha1/agents/prod-eu/coredns/versions").json()
            self.assertEqual(gap["latestVersion"], "1.14.7")
            self.assertEqual(gap["versions"][0]["currentVersion"], "1.12.0")
            self.assertIn("1.12.1", gap["versions"][0]["availablePatches"])
            self.assertEqual(gap["versions"][0]["state"], "behind")
            chart = get(apis[0], "/api/v1alpha1/agents/prod-eu/external-dns-chart/versions").json()
            self.assertEqual((chart["runningVersions"], chart["latestVersion"]), (["1.16.1"], "1.21.1"))
            local = get(apis[0], "/api/v1alpha1/agents/staging/billing-api/versions").json()
            self.assertEqual(local["versions"][0]["state"], "unknownRemote")
            nodes = get(apis[0], "/api/v1alpha1/agents/prod-eu/kubernetes").json()
            self.assertEqual((nodes["count"], nodes["uniqVersions"]), (3, ["1.32.4", "1.31.8"]))
            lines = {v["currentVersion"]: v["endOfLife"] for v in get(apis[0], "/api/v1alpha1/agents/prod-eu/kubernetes/versions").json()["versions"]}
            self.assertEqual(lines["1.31.8"], {"product": "kubernetes", "cycle": "1.31", "date": "2025-10-12", "reached": True})
            self.assertEqual(lines["1.32.4"]["cycle"], "1.32")

            # One look-up a source for the whole fleet, whoever did it.
            done = sum(f.metric("opvic_fetcher_looks_total") or 0 for f in fetchers)
            sources = aggregator.metric("opvic_aggregator_sources")
            self.assertEqual(sources, 7)
            self.assertEqual(done, sources)

            self.replicas_agree(apis)
            self.a_change_is_seen(apis, folder)
            self.a_deleted_tracker_goes(apis, folder)

    def replicas_agree(self, apis):
        for path in ("/api/v1alpha1/agents/prod-eu", "/api/v1alpha1/overview", "/api/v1alpha1/agents/prod-us/kubernetes/versions"):
            until(f"both replicas answer {path} alike", lambda: get(apis[0], path).body == get(apis[1], path).body)

    def a_change_is_seen(self, apis, folder):
        pods = folder / "staging/pods.yaml"
        pods.write_text(pods.read_text().replace("coredns:v1.14.3", "coredns:v1.14.7"))
        for api in apis:
            until("the new version is answered", lambda: get(api, "/api/v1alpha1/agents/staging/coredns").json()["uniqVersions"] == ["1.14.7"])
            until("nothing is behind", lambda: get(api, "/api/v1alpha1/agents/staging/coredns/versions").json()["versions"][0]["state"] == "upToDate")

    def a_deleted_tracker_goes(self, apis, folder):
        file = folder / "staging/versiontrackers.yaml"
        documents = file.read_text().split("---\n")
        file.write_text("---\n".join(d for d in documents if "name: billing-api" not in d))
        for api in apis:
            until("the tracker is gone", lambda: get(api, "/api/v1alpha1/agents/staging/billing-api").status == 404)
            until("its series are gone", lambda: not [l for l in get(api, "/metrics").text().splitlines()
                                                      if 'agent_id="staging"' in l and 'version_id="billing-api"' in l])

    def test_collector_over_http(self):
        with Stack() as stack:
            up, _, _, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
            folder = sample_clusters(stack, up)
            env = {"CONTROLPLANE_URL": api.url, "CONTROLPLANE_AUTH_TOKEN": TOKEN, "NATS_URL": ""}
            stack.collector("prod-us", folder / "prod-us", "--agent.interval", "1s", env=env).wait_ready()
            answered(api, agents=("prod-us",))
            file = folder / "prod-us/versiontrackers.yaml"
            file.write_text("---\n".join(d for d in file.read_text().split("---\n") if "name: billing-api" not in d))
            until("the tracker is gone", lambda: get(api, "/api/v1alpha1/agents/prod-us/billing-api").status == 404)

    def test_once_print(self):
        shown = subprocess.run([BIN / "opvic-collector", "--once", "--print", "--agent.identifier", "x",
                                "--cluster.files", ROOT / "examples/clusters/prod-eu"], capture_output=True, timeout=30)
        self.assertEqual(shown.returncode, 0, shown.stderr.decode())
        reports = [json.loads(line) for line in shown.stdout.splitlines()]
        self.assertEqual(len(reports), TRACKERS)
        by_id = {r["version"]["id"]: r["version"] for r in reports}
        self.assertEqual(by_id["ingress-nginx"]["uniqVersions"], ["1.12.2"])
        self.assertEqual(by_id["billing-api"]["uniqVersions"], ["2024.11.3", "2024.12.0"])
        again = subprocess.run(shown.args, capture_output=True, timeout=30)
        self.assertEqual(shown.stdout, again.stdout)

    def test_events(self):
        with Stack() as stack:
            up, aggregator, _, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
            self.assertEqual(post(api, report("a", "dns", {"1.14.3": 1}, COREDNS)).status, 202)
            until("behind", lambda: get(api, "/api/v1alpha1/agents/a/dns/versions").json()["versions"][0].get("state") == "behind")
            self.assertEqual(post(api, report("a", "dns", {"1.14.7": 1}, COREDNS)).status, 202)
            until("up to date", lambda: get(api, "/api/v1alpha1/agents/a/dns/versions").json()["versions"][0].get("state") == "upToDate")
            until("the events are published", lambda: (aggregator.metric("opvic_aggregator_events_published_total") or 0) >= 4)


if __name__ == "__main__":
    unittest.main()
