"""What a tracker's status says on the real server, and how often it is written; definitions and objects of another age; start and end."""
import json
import os
import subprocess
import tempfile
import time
import unittest

from support.kube import TRACKERS, write_kubeconfig
from support.kubeagent import ALL, GITHUB, PATH, Agent, Site, field, labelled, pod, tracker, where
from support.stack import BIN, ROOT, SANITIZER, free_ports, request, until

OLD_CRD = ROOT / "tests/kube/old_crd.yaml"
CRD = "crd/versiontrackers.opvic.skillz.com"
IDLE_S = 2


def setUpModule():
    global site
    site = unittest.enterModuleContext(Site())


class Case(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.agent = cls.enterClassContext(Agent(site, cls.__name__.lower()))
        cls.addClassCleanup(site.remove_trackers)
        cls.agent.collector.wait_ready()


class Status(Case):
    def test_fields(self):
        running = ("1.9.0", "1.10.0", "1.10.0")
        site.kube.apply(*(pod(f"f-{i}", f"registry.test/f:{v}", labels={"suite": "f"}) for i, v in enumerate(running)))
        remote = {**GITHUB, "constraint": ">= 1", "endOfLife": "nginx", "extraction": {"regex": {"pattern": "v(.*)"}}}
        site.kube.apply(tracker("fields", labelled(suite="f"), remote=remote))
        said = site.await_ready("fields", "Extracted")
        row = lambda version, n: {"version": version, "resourceCount": n, "resourceKind": "Pods",
                                  "extractedFrom": f"registry.test/f:{version}"}
        self.assertEqual(site.status("fields"), {
            "observedGeneration": 1, "id": "fields", "namespace": "opvic", "totalResourceCount": 3, "latestVersion": "1.10.0",
            "uniqVersions": ["1.9.0", "1.10.0"], "versions": [row("1.9.0", 1), row("1.10.0", 2)],
            "localVersion": {"strategy": "ImageTag", "fieldSelector": ".spec.containers[0].image",
                             "extraction": {"regex": {"pattern": ".*:(.*)$", "result": "$1"}}},
            "remoteVersion": {**GITHUB, "constraint": ">= 1", "endOfLife": "nginx", "extraction": {"regex": {"pattern": "v(.*)", "result": "$1"}}},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Extracted", "message": "2 versions of 3 objects",
                            "observedGeneration": 1, "lastTransitionTime": said["lastTransitionTime"]}]})
        columns = site.kube.kubectl("get", "vt", "-n", "opvic", "fields", "-o", "wide", "--no-headers").split()
        self.assertEqual(columns[:6], ["fields", "3", "1.10.0", '["1.9.0","1.10.0"]', "True", "Extracted"])

        until("another second", lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) > said["lastTransitionTime"])
        site.kube.kubectl("delete", "pod", "f-0", "--wait=false", "--grace-period=0", "--force")
        until("the status follows", lambda: site.status("fields")["totalResourceCount"] == 2)
        site.kube.patch(f"{PATH}/fields", {"spec": {"remoteVersion": None}})
        again = site.await_ready("fields", "Extracted")
        self.assertEqual((again["lastTransitionTime"], again["observedGeneration"]), (said["lastTransitionTime"], 2))
        self.assertNotIn("remoteVersion", site.status("fields"))
        site.kube.kubectl("delete", "pods", "-l", "suite=f", "--wait=false", "--grace-period=0", "--force")
        gone = site.await_ready("fields", "NothingMatched")
        self.assertEqual((gone["status"], gone["message"]), ("False", "no Pods match the selector and namespaces"))
        self.assertGreater(gone["lastTransitionTime"], said["lastTransitionTime"])
        left = {k: v for k, v in site.status("fields").items() if "ersion" in k and k != "localVersion"}
        self.assertEqual(left, {"versions": [], "uniqVersions": []})

    def test_wrong_specs(self):
        """What only the collector can judge: the member and its value are named, and the others go on."""
        pattern = lambda p: {"extraction": {"regex": {"pattern": p}}}
        github = lambda **more: {"remote": {**GITHUB, **more}}
        rows = {
            "bad-regex": (dict(local=pattern("v(")), "InvalidSpec", 'spec.localVersion.extraction.regex.pattern: "v(": '),
            "bad-lookahead": (dict(local=pattern("(?=a)")), "InvalidSpec", 'spec.localVersion.extraction.regex.pattern: "(?=a)": '),
            "bad-path": (dict(local=field(".metadata.labels[")), "InvalidSpec",
                         'spec.localVersion.fieldSelector: jsonpath ".metadata.labels[": '),
            "bad-range": (dict(local=field("{range .a}{.b}{end}")), "InvalidSpec",
                          'spec.localVersion.fieldSelector: jsonpath "{range .a}{.b}{end}": '),
            "bad-key": (dict(resources=labelled(**{"a b": "c"})), "InvalidSpec", 'spec.resources.selector: matchLabels: "a b": '),
            "bad-value": (dict(resources=where(("a", "In", ["-b"]))), "InvalidSpec",
                          'spec.resources.selector: matchExpressions[0].values[0]: "-b": '),
            "bad-kind": (dict(resources={"apiVersion": "opvic.skillz.com/v1alpha1", "kind": "VersionTracker", **ALL},
                              local=field(".a")), "InvalidSpec", 'spec.resources.kind: "VersionTracker": '),
            "bad-constraint": (github(constraint="^1.2"), "InvalidRemoteVersion", 'spec.remoteVersion.constraint: constraint "^1.2": '),
            "bad-product": (github(endOfLife=".."), "InvalidRemoteVersion", 'spec.remoteVersion.endOfLife: "..": '),
            "bad-repo": (github(repo="name"), "InvalidRemoteVersion", 'spec.remoteVersion.repo: "name": '),
            "bad-remote": (github(extraction={"regex": {"pattern": "["}}), "InvalidRemoteVersion",
                           'spec.remoteVersion.extraction.regex.pattern: "[": '),
        }
        site.kube.apply(pod("w-0", "registry.test/w:1.0", labels={"suite": "w"}))
        site.kube.apply(tracker("good", labelled(suite="w")),
                        *(tracker(name, **{"resources": labelled(suite="w"), **what}) for name, (what, _, _) in rows.items()))
        for name, (_, reason, begin) in rows.items():
            with self.subTest(name):
                said = site.await_ready(name, reason)
                self.assertEqual((said["status"], said["message"][:len(begin)]), ("False", begin))
                self.assertGreater(len(said["message"]), len(begin) + 5, "says what is wrong")
                runs = {"1.0": 1} if reason == "InvalidRemoteVersion" else {}
                self.agent.await_counts(name, runs)
                if reason == "InvalidSpec":
                    self.agent.await_condition(name, said)
        site.await_ready("good", "Extracted")
        self.agent.await_counts("good", {"1.0": 1})
        site.kube.patch(f"{PATH}/bad-regex", {"spec": {"localVersion": {"extraction": {"regex": {"pattern": ":(.*)"}}}}})
        site.await_ready("bad-regex", "Extracted")
        self.agent.await_counts("bad-regex", {"1.0": 1})
        site.kube.patch(f"{PATH}/good", {"spec": {"localVersion": {"extraction": {"regex": {"pattern": "("}}}}})
        site.await_ready("good", "InvalidSpec")
        self.agent.await_counts("good", {})
        self.assertNotIn("localVersion", site.status("good"))

    def test_patches_only_changes(self):
        site.kube.apply(pod("p-0", "registry.test/p:1.0", labels={"suite": "p"}))
        bodies = [tracker("p-fine", labelled(suite="p"), remote=GITHUB), tracker("p-none", labelled(suite="none")),
                  tracker("p-bad", local=field("[")), tracker("p-failed", labelled(suite="p"), field(".metadata.labels.absent")),
                  tracker("p-nodes", {"strategy": "Nodes", **ALL}, field(".metadata.name"))]
        site.kube.apply(*bodies)
        for body in bodies:
            until("its status is there", lambda: site.condition(body["metadata"]["name"]))
        site.kube.apply(tracker("p-fine", labelled(suite="none"), object_name="p-twice"))
        site.await_ready("p-twice", "DuplicateName")
        before = self.agent.settle()
        time.sleep(IDLE_S)  # nothing may come of itself: heartbeats and figures have their turn
        site.kube.apply(*bodies)
        site.kube.kubectl("label", "versiontrackers", "-n", "opvic", "--all", "seen=yes")
        site.kube.kubectl("annotate", "pod", "p-0", "seen=yes")
        self.assertEqual(self.agent.settle(), before)

        self.agent.restart()
        self.assertEqual(self.agent.settle(), before, "a restart is no news")

        site.kube.kubectl("set", "image", "pod/p-0", "app=registry.test/p:2.0")
        until("the status follows", lambda: site.status("p-fine")["uniqVersions"] == ["2.0"])
        self.assertEqual(self.agent.settle(), before + 1)


class Refusals(Case):
    def test_refused_objects(self):
        """The new rules refuse the object as it is stored, as servers without ratcheting do it with every change."""
        site.kube.apply(pod("re-0", "registry.test/r:1.0", labels={"suite": "re"}))
        message = 'VersionTracker.opvic.skillz.com "re-bad" is invalid: spec.remoteVersion: Invalid value'
        self.agent.proxy.answer(422, message=message, method="PATCH", path="/re-bad/status")
        site.kube.apply(tracker("re-bad", labelled(suite="re")), tracker("re-fine", labelled(suite="re")))
        self.agent.await_counts("re-bad", {"1.0": 1})
        site.await_ready("re-fine", "Extracted")
        until("it is said", lambda: self.agent.metric("opvic_agent_crd_outdated") == 1)
        self.agent.settle()
        self.assertEqual(self.agent.patches("re-bad/"), 1)
        time.sleep(IDLE_S)  # nothing may be tried again
        site.kube.kubectl("label", "versiontrackers", "-n", "opvic", "--all", "seen=again")
        self.agent.settle()
        self.assertEqual((self.agent.patches("re-bad/"), self.agent.patches("re-fine/")), (1, 1))
        said, = [line for line in self.agent.collector.text().splitlines() if "opvic/re-bad" in line]
        self.assertRegex(said, "level=warn .*CRDOutdated.*re-bad.* is invalid: spec.remoteVersion")
        self.agent.proxy.clear()
        site.kube.patch(f"{PATH}/re-bad", {"spec": {"resources": {"namespaces": ["default"]}}})
        site.await_ready("re-bad", "Extracted")
        until("it is over", lambda: self.agent.metric("opvic_agent_crd_outdated") == 0)

    def test_a_server_that_cannot(self):
        """Refusals that pass are tried again, as late as the server says."""
        site.kube.apply(pod("ca-0", "registry.test/c:1.0", labels={"suite": "ca"}))
        self.agent.proxy.answer(429, retry_after=2, method="PATCH", path="/ca/status", times=1)
        site.kube.apply(tracker("ca", labelled(suite="ca")))
        self.agent.await_counts("ca", {"1.0": 1})
        site.await_ready("ca", "Extracted")
        first, second = self.agent.proxy.seen(method="PATCH", path="/ca/status")
        self.assertGreaterEqual(second.started - first.started, 2)


class Upgrade(Case):
    """The Go system's definition, which helm never upgrades, and objects that it let through."""

    @classmethod
    def setUpClass(cls):
        site.kube.kubectl("delete", CRD)
        cls.addClassCleanup(site.kube.install_crd)
        site.kube.kubectl("apply", "-f", OLD_CRD)
        site.kube.kubectl("wait", "--for=condition=Established", CRD)
        super().setUpClass()

    def test_works_and_says_so(self):
        names = ("old", "old-none", "old-bad")
        patches = lambda: [self.agent.patches(f"{n}/") for n in names]
        site.kube.apply(pod("old-0", "registry.test/o:1.0", labels={"suite": "old"}))
        site.kube.apply(tracker("old", labelled(suite="old")), tracker("old-none", labelled(suite="none")),
                        tracker("old-bad", labelled(suite="old"), remote={**GITHUB, "strategy": "branches"}))
        self.agent.await_counts("old", {"1.0": 1})
        until("their statuses are there", lambda: all(site.status(n) for n in names))
        self.assertNotIn("conditions", site.status("old"))
        until("it is said", lambda: self.agent.metric("opvic_agent_crd_outdated") == 1)
        self.assertEqual(patches(), [1, 1, 1])
        time.sleep(IDLE_S)  # nothing may be tried again
        site.kube.kubectl("label", "versiontrackers", "-n", "opvic", "--all", "seen=yes")
        site.kube.kubectl("set", "image", "pod/old-0", "app=registry.test/o:2.0")
        until("the status follows", lambda: site.status("old")["uniqVersions"] == ["2.0"])
        until("and the other one", lambda: site.status("old-bad")["uniqVersions"] == ["2.0"])
        self.assertEqual(patches(), [2, 1, 2])
        self.assertEqual(self.agent.collector.text().count("CRDOutdated"), 1)

        self.agent.restart()
        until("it is said again", lambda: self.agent.metric("opvic_agent_crd_outdated") == 1)
        until("each is tried once more", lambda: patches() == [3, 2, 3])
        self.assertEqual(self.agent.collector.text().count("CRDOutdated"), 2)

        site.kube.install_crd()
        site.kube.kubectl("set", "image", "pod/old-0", "app=registry.test/o:3.0")
        site.await_ready("old", "Extracted")
        site.await_ready("old-bad", "InvalidRemoteVersion")
        self.assertEqual(site.await_ready("old-none", "NothingMatched")["status"], "False", "of itself")
        until("it is over", lambda: self.agent.metric("opvic_agent_crd_outdated") == 0)
        self.assertEqual(patches(), [4, 3, 4])


def run(*args, kubeconfig):
    """A collector that ends of itself: (status, stdout, stderr)."""
    argv = [BIN / "opvic-collector", "--agent.identifier", "once", "--once", *args]
    if kubeconfig:
        argv += ["--kubeconfig", kubeconfig]
    env = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env={**env, "NATS_URL": site.stack.nats_url})
    if SANITIZER.search(done.stderr):
        raise AssertionError(f"a sanitizer spoke: {done.stderr}")
    return done.returncode, done.stdout, done.stderr


class Once(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(site.remove_trackers)
        cls.config = write_kubeconfig(site.kube.folder / "once", site.kube.server, site.kube.ca, token=site.token)
        site.kube.apply(pod("once-0", "registry.test/o:1.0", labels={"suite": "once"}),
                        tracker("once-b", labelled(suite="once")), tracker("once-a", {"strategy": "Jobs", **ALL}),
                        tracker("once-c", {"apiVersion": "none.test/v1", "kind": "Nothing", **ALL}, field(".a")))

    def test_prints(self):
        versions = lambda: {t["metadata"]["name"]: t["metadata"]["resourceVersion"] for t in site.kube.get(PATH)["items"]}
        before = versions()
        status, out, err = run("--print", kubeconfig=self.config)
        self.assertEqual(status, 0, err)
        self.assertEqual(versions(), before, "nothing is written")
        rows = [json.loads(line)["version"] for line in out.splitlines()]
        self.assertEqual([(r["id"], r["uniqVersions"]) for r in rows], [("once-a", []), ("once-b", ["1.0"]), ("once-c", [])])
        self.assertIn("tracker once-a: NothingMatched: no Jobs match", err)
        self.assertIn("tracker once-c: UnknownKind: the server has no kind Nothing in none.test/v1", err)

    def test_delivers(self):
        status, _, err = run(kubeconfig=self.config)
        self.assertEqual(status, 0, err)
        report = json.loads(site.nats.last("OPVIC_REPORTS", "opvic.report.once.once-b")[1])["version"]
        self.assertEqual(report["uniqVersions"], ["1.0"])
        self.assertEqual(site.condition("once-b")["reason"], "Extracted")
        self.assertEqual(site.condition("once-c")["reason"], "UnknownKind")

    def test_clear_errors(self):
        with tempfile.TemporaryDirectory() as folder:
            broken = os.path.join(folder, "broken")
            with open(broken, "w") as f:
                f.write("clusters: [")
            away = write_kubeconfig(os.path.join(folder, "away"), f"https://127.0.0.1:{free_ports(1)[0]}", site.kube.ca, token="t")
            stranger = write_kubeconfig(os.path.join(folder, "stranger"), site.kube.server, site.kube.ca, token="none")
            rows = [(os.path.join(folder, "none"), f"{folder}/none.*no such file"), (broken, f"{folder}/broken: "),
                    (away, "the cluster was not read whole: .*away.*onnect"), (stranger, "the cluster was not read whole: .*401")]
            for config, wanted in rows:
                with self.subTest(config):
                    status, out, err = run("--print", kubeconfig=config)
                    self.assertEqual((status != 0, out), (True, ""))
                    self.assertRegex([line for line in err.splitlines() if "level=error" in line][-1], wanted)


class WithoutDefinition(unittest.TestCase):
    """The last one: the definition goes, and trackers with it."""

    def test_comes_later(self):
        site.kube.kubectl("delete", CRD)
        until("it is gone", lambda: site.kube.api("GET", f"{TRACKERS}/versiontrackers").status == 404)
        with Agent(site, "bare") as agent:
            wanted = "VersionTrackers: their CustomResourceDefinition is not installed"
            until("readiness says so", lambda: wanted in request(agent.collector.url, "GET", "/readyz").text())
            self.assertFalse(agent.collector.is_ready())
            status, _, err = run("--print", kubeconfig=agent.proxy.kubeconfig(site.token))
            self.assertEqual((status != 0, wanted in err), (True, True), err)
            site.kube.install_crd()
            agent.collector.wait_ready()
            site.kube.apply(pod("bare-0", labels={"suite": "bare"}), tracker("bare", labelled(suite="bare")))
            agent.await_counts("bare", {"1.0.0": 1})
            site.kube.kubectl("delete", CRD)
            until("its trackers are gone with it", lambda: agent.message("bare") == b"")
            site.kube.install_crd()
            site.kube.apply(tracker("again", labelled(suite="bare")))
            agent.await_counts("again", {"1.0.0": 1})


if __name__ == "__main__":
    unittest.main()
