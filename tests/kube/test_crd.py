"""The CustomResourceDefinition on the real server: what it takes, what it refuses and how it says so, and the agent's role."""
import copy
import os
import pathlib
import subprocess
import tempfile
import unittest

from support.kube import Kube, Refused, TRACKERS, write_kubeconfig
from support.stack import ROOT, free_ports

OLD_CRD = ROOT / "tests/kube/old_crd.yaml"
PATH = f"{TRACKERS}/namespaces/opvic/versiontrackers"
GITHUB = {"provider": "github", "strategy": "tags", "repo": "owner/name"}
HELM = {"provider": "helm", "strategy": "chartVersion", "repo": "https://charts.example.org", "chart": "app"}
FIELD = {"strategy": "FieldSelection", "fieldSelector": ".metadata.labels.version"}
STATUS = {"observedGeneration": 1, "id": "web", "namespace": "opvic", "totalResourceCount": 3, "latestVersion": "1.10.0",
          "uniqVersions": ["1.10.0", "1.9.0"],
          "versions": [{"version": "1.10.0", "resourceCount": 2, "resourceKind": "Pods", "extractedFrom": "registry.test/web:1.10.0"},
                       {"version": "1.9.0", "resourceCount": 1, "resourceKind": "Pods", "extractedFrom": "registry.test/web:1.9.0"}],
          "localVersion": {"strategy": "ImageTag", "fieldSelector": ".spec.containers[0].image",
                           "extraction": {"regex": {"pattern": ".*:(.*)$", "result": "$1"}}},
          "remoteVersion": {**HELM, "constraint": ">= 1", "extraction": {"regex": {"pattern": "v(.*)", "result": "$1"}}},
          "conditions": [{"type": "Ready", "status": "True", "reason": "Extracted", "message": "3 of 3 objects", "observedGeneration": 1,
                          "lastTransitionTime": "2024-01-01T00:00:00Z"}]}


def setUpModule():
    global kube
    kube = Kube()
    unittest.addModuleCleanup(kube.close)
    kube.namespace("opvic")


def tracker(name="web", resources=None, local=None, remote=None, **spec):
    out = {"apiVersion": "opvic.skillz.com/v1alpha1", "kind": "VersionTracker", "metadata": {"name": name, "namespace": "opvic"},
           "spec": {"name": name, "resources": resources or {}, "localVersion": local or {}, **spec}}
    if remote:
        out["spec"]["remoteVersion"] = remote
    return out


def make(*args, **env):
    done = subprocess.run(["make", "-s", "-C", ROOT, *args], capture_output=True, text=True, env={**kube.env(), **env})
    return done.returncode, done.stdout + done.stderr


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kube.install_crd()

    def create(self, body):
        return kube.api("POST", f"{PATH}?dryRun=All&fieldValidation=Strict", body)

    def test_takes(self):
        expressions = [{"key": "app", "operator": "In", "values": ["a"]}, {"key": "gone", "operator": "DoesNotExist"}]
        rows = {
            "the least": tracker(),
            "every member": tracker(resources={"strategy": "Deployments", "namespaces": ["a", "a"], "selector": {
                "matchLabels": {"app": "web"}, "matchExpressions": expressions}}, local=FIELD, remote={**GITHUB, "constraint": ">= 1"}),
            "empty texts": tracker(local={"fieldSelector": "", "extraction": {"regex": {"pattern": "", "result": ""}}},
                                   remote={**GITHUB, "chart": "", "constraint": ""}),
            "another kind": tracker(resources={"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease"}, local=FIELD),
            "a core kind": tracker(resources={"apiVersion": "v1", "kind": "ConfigMap"}, local=FIELD),
            "a container": tracker(local={"container": "sidecar"}),
            "nodes": tracker(resources={"strategy": "Nodes"}, local={"fieldSelector": ".status.nodeInfo.kubeletVersion"}),
            "the other spelling": tracker(local={**FIELD, "strategy": "FieldSelector"}),
            "a product": tracker(remote={**GITHUB, "endOfLife": "amazon-eks"}),
            "a product at a mirror": tracker(remote={**HELM, "endOfLife": "https://eol.example.org:8443/nginx"}),
            "no product": tracker(remote={**GITHUB, "endOfLife": ""}),
            "releases": tracker(remote={**GITHUB, "strategy": "releases"}),
            "helm": tracker(remote=HELM), "helm-repo": tracker(remote={**HELM, "provider": "helm-repo", "strategy": "appVersion"}),
            "the longest": tracker(resources={"namespaces": ["n" * 253] * 1000}, local={**FIELD, "fieldSelector": "." + "f" * 4095},
                                   remote={**HELM, "chart": "c" * 2048}) | {"metadata": {"name": "long"}},
        }
        for kind in ("Pods", "Deployments", "DaemonSets", "StatefulSets", "ReplicaSets", "CronJobs", "Jobs"):
            rows[kind] = tracker(resources={"strategy": kind})
        for case, body in rows.items():
            with self.subTest(case):
                answer = self.create(body)
                self.assertEqual(answer.status, 201, answer.text())

    def test_defaults(self):
        spec = self.create(tracker(local={"extraction": {"regex": {"pattern": "a"}}},
                                   remote={**GITHUB, "extraction": {"regex": {"pattern": "b"}}})).json()["spec"]
        self.assertEqual(spec["localVersion"], {"strategy": "ImageTag", "extraction": {"regex": {"pattern": "a", "result": "$1"}}})
        self.assertEqual(spec["remoteVersion"]["extraction"]["regex"]["result"], "$1")
        self.assertEqual(spec["resources"], {})

    def test_refuses(self):
        expression = lambda **e: {"selector": {"matchExpressions": [{"key": "app", **e}]}}
        rows = [
            (tracker(resources={"strategy": "Pod"}), 'Unsupported value: "Pod": supported values: "Pods", "Nodes", "Deployments"'),
            (tracker(local={"strategy": "Tag"}), 'Unsupported value: "Tag": supported values: "ImageTag"'),
            (tracker(remote={**GITHUB, "provider": "svn"}), 'Unsupported value: "svn": supported values: "github"'),
            (tracker(remote={**GITHUB, "strategy": "branches"}), 'Unsupported value: "branches": supported values: "releases"'),
            (tracker(resources=expression(operator="in", values=["a"])), 'Unsupported value: "in": supported values: "In"'),
            (tracker(local={"strategy": "FieldSelection"}), "add the JSONPath of the version, for example .metadata.labels.version"),
            (tracker(local={"strategy": "FieldSelector", "fieldSelector": ""}), "fieldSelector is required unless strategy is ImageTag"),
            (tracker(resources={"strategy": "Nodes"}), "name a field, for example .status.nodeInfo.kubeletVersion"),
            (tracker(resources={"kind": "HelmRelease"}), "set both, or neither and use strategy"),
            (tracker(resources={"apiVersion": "v1"}), "set both, or neither and use strategy"),
            (tracker(resources={"apiVersion": "v1", "kind": "Pod", "strategy": "Pods"}), "remove strategy to track the kind"),
            (tracker(resources={"apiVersion": "a/b/v1", "kind": "Pod"}), "spec.resources.apiVersion in body should match"),
            (tracker(local={**FIELD, "container": "app"}), "container goes with strategy ImageTag alone"),
            (tracker(local={"container": "app", "fieldSelector": ".a"}), "container and fieldSelector both say where the image stands"),
            (tracker(remote={**GITHUB, "strategy": "chartVersion"}), "use releases or tags"),
            (tracker(remote={**HELM, "strategy": "tags"}), "use chartVersion or appVersion"),
            (tracker(remote={**HELM, "provider": "helm-repo", "strategy": "releases"}), "use chartVersion or appVersion"),
            (tracker(remote={**HELM, "strategy": "appVersion", "repo": "oci://ghcr.io/org/charts"}), "use chartVersion"),
            (tracker(remote={**GITHUB, "provider": "oci", "strategy": "releases"}), "use tags"),
            (tracker(remote={**GITHUB, "provider": "forgejo", "strategy": "cycles"}), "use releases or tags"),
            (tracker(remote={**GITHUB, "provider": "endoflife"}), "use cycles"),
            (tracker(remote={**GITHUB, "endOfLife": "a b"}), "spec.remoteVersion.endOfLife in body should match"),
            (tracker(remote={**GITHUB, "endOfLife": "nginx/1.27"}), "spec.remoteVersion.endOfLife in body should match"),
            (tracker(remote={**HELM, "chart": ""}), "add the chart's name"),
            (tracker(remote={k: v for k, v in HELM.items() if k != "chart"}), "chart is required with provider helm"),
            (tracker(remote={"provider": "github", "strategy": "tags"}), "spec.remoteVersion.repo: Required value"),
            (tracker(resources=expression(operator="In")), "add values or remove them"),
            (tracker(resources=expression(operator="Exists", values=["a"])), "add values or remove them"),
            (tracker("") | {"metadata": {"name": "web"}}, "spec.name in body should be at least 1 chars long"),
            (tracker("n" * 513) | {"metadata": {"name": "web"}}, "spec.name: Too long: may not be more than 512"),
            (tracker(resources={"namespaces": ["a"] * 1001}), "spec.resources.namespaces: Too many: 1001: must have at most 1000 items"),
            (tracker(local={"fieldSelector": "." + "f" * 4096}), "spec.localVersion.fieldSelector: Too long"),
            (tracker(local={"extraction": {"regex": {"result": "r" * 1025}}}), "regex.result: Too long"),
            (tracker(remote={**HELM, "chart": "c" * 2049}), "spec.remoteVersion.chart: Too long"),
            ({k: v for k, v in tracker().items() if k != "spec"}, "spec: Required value"),
            (tracker(resource={}), 'unknown field "spec.resource"'),
        ]
        for body, message in rows:
            with self.subTest(message):
                answer = self.create(body)
                self.assertIn(answer.status, (400, 422), answer.text())
                self.assertIn(message, answer.json()["message"])

    def test_a_user_reads_why(self):
        with self.assertRaises(Refused) as caught:
            kube.kubectl("apply", "-f", "-", input=str(tracker(local={"strategy": "FieldSelection"})).replace("'", '"'))
        self.assertIn("spec.localVersion", caught.exception.text)
        self.assertIn("fieldSelector is required unless strategy is ImageTag", caught.exception.text)

    def test_the_examples_apply(self):
        for file in sorted((ROOT / "examples/clusters").glob("*/versiontrackers.yaml")):
            kube.kubectl("apply", "--dry-run=server", "-f", file)
        trackers = ROOT / "examples/trackers"
        applied = kube.kubectl("apply", "--dry-run=server", "-f", trackers, "-o", "name").split()
        self.assertEqual(len(applied), len(list(trackers.glob("*.yaml"))))

    def test_explain(self):
        out = " ".join(kube.kubectl("explain", "vt.spec.localVersion").split())
        self.assertIn("A JSONPath as kubectl takes it, to exactly one value", out)


class Status(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kube.install_crd()
        kube.apply(tracker())

    def test_columns(self):
        kube.patch(f"{PATH}/web/status", {"status": STATUS})
        header, row = kube.kubectl("get", "vt", "-n", "opvic").splitlines()
        self.assertEqual(header.split(), ["NAME", "COUNT", "LATEST", "RUNNING", "READY", "AGE"])
        self.assertEqual(row.split()[:5], ["web", "3", "1.10.0", '["1.10.0","1.9.0"]', "True"])
        header, row = kube.kubectl("get", "opvic", "-n", "opvic", "-o", "wide").splitlines()
        self.assertEqual(header.split()[-2:], ["REASON", "AGE"])
        self.assertEqual(row.split()[-2], "Extracted")

    def test_status_is_apart_and_whole(self):
        before = kube.tracker("web")
        after = kube.patch(f"{PATH}/web/status", {"spec": {"name": "other"}, "status": {**STATUS, "unknown": 1}})
        self.assertEqual((after["spec"], after["status"]), (before["spec"], STATUS))
        self.assertEqual(after["metadata"]["generation"], before["metadata"]["generation"])
        changed = kube.patch(f"{PATH}/web", {"spec": {"resources": {"namespaces": ["a"]}}, "status": {"id": "other"}})
        self.assertEqual((changed["status"], changed["metadata"]["generation"]), (STATUS, before["metadata"]["generation"] + 1))

    def test_the_agents_role(self):
        token = kube.agent_token()
        kinds = [f"/api/v1/{k}" for k in ("pods", "nodes")] + [f"{TRACKERS}/versiontrackers"]
        kinds += [f"/apis/apps/v1/{k}" for k in ("deployments", "daemonsets", "statefulsets", "replicasets")]
        kinds += [f"/apis/batch/v1/{k}" for k in ("cronjobs", "jobs")]
        for path in kinds:
            self.assertEqual(kube.api("GET", path, token=token).status, 200, path)
            self.assertEqual(kube.api("GET", f"{path}?watch=1&timeoutSeconds=1", token=token).status, 200, path)
        merge = {"content_type": "application/merge-patch+json", "token": token}
        self.assertEqual(kube.api("PATCH", f"{PATH}/web/status", {"status": STATUS}, **merge).status, 200)
        self.assertEqual(kube.api("PATCH", f"{PATH}/web", {"spec": {"name": "b"}}, **merge).status, 403)
        self.assertEqual(kube.api("GET", "/api/v1/secrets", token=token).status, 403)
        self.assertEqual(kube.api("POST", "/api/v1/namespaces/opvic/pods", {"metadata": {"name": "a"}}, token=token).status, 403)


class Upgrade(unittest.TestCase):
    """By `make install` and `make uninstall`, as a user does it."""

    def tearDown(self):
        make("uninstall", CONFIRM="1")

    def test_over_the_old_definition(self):
        make("uninstall", CONFIRM="1")
        kube.kubectl("apply", "-f", OLD_CRD)
        kube.kubectl("wait", "--for=condition=Established", "crd/versiontrackers.opvic.skillz.com")
        old = tracker("old", resources={"strategy": "Nodes"}, remote={**GITHUB, "strategy": "branches"})
        kube.apply(tracker(), old)
        pruned = kube.patch(f"{PATH}/web/status", {"status": STATUS})["status"]
        self.assertNotIn("conditions", pruned)
        self.assertNotIn("latestVersion", pruned)

        status, said = make("install")
        self.assertEqual(status, 0, said)
        self.assertEqual(kube.tracker("old")["spec"], {**old["spec"], "localVersion": {"strategy": "ImageTag"}})
        self.assertEqual(kube.tracker("web")["spec"]["resources"], {"strategy": "Pods"})
        self.assertEqual(kube.patch(f"{PATH}/web/status", {"status": STATUS})["status"], STATUS)
        self.assertIn("web    3", kube.kubectl("get", "vt", "-n", "opvic"))
        bad = copy.deepcopy(old)
        bad["metadata"]["name"] = "new"
        self.assertRaises(Refused, kube.apply, bad)
        self.assertEqual(make("install")[0], 0)

    def test_uninstall_asks_when_trackers_exist(self):
        self.assertEqual(make("install")[0], 0)
        kube.apply(tracker("one"), tracker("two"))
        status, said = make("uninstall")
        self.assertNotEqual(status, 0)
        self.assertRegex(said, r"crd: 2 VersionTrackers in the context test would be deleted .*CONFIRM=1")
        self.assertEqual(len(kube.get(PATH)["items"]), 2)
        status, said = make("uninstall", CONFIRM="1")
        self.assertEqual(status, 0, said)
        self.assertEqual(kube.api("GET", PATH).status, 404)
        status, said = make("uninstall")
        self.assertEqual(status, 0)
        self.assertIn("is not installed in the context test", said)

    def test_uninstall_without_trackers_asks_nothing(self):
        self.assertEqual(make("install")[0], 0)
        self.assertEqual(make("uninstall")[0], 0)

    def test_without_kubectl_or_cluster(self):
        with tempfile.TemporaryDirectory() as folder:
            bare = pathlib.Path(folder)
            for program in ("bash", "dirname", "env"):
                os.symlink(f"/usr/bin/{program}", bare / program)
            done = subprocess.run([ROOT / "scripts/crd", "install"], env={"PATH": folder}, capture_output=True, text=True)
            self.assertEqual((done.returncode, "crd: kubectl is missing" in done.stderr), (1, True), done.stderr)
            config = write_kubeconfig(bare / "config", f"https://127.0.0.1:{free_ports(1)[0]}", kube.ca, token="none")
            status, said = make("install", KUBECONFIG=str(config))
            self.assertNotEqual(status, 0)
            self.assertIn("crd: no cluster answers for the context test:", said)


if __name__ == "__main__":
    unittest.main()
