"""Releases in a cluster with the real API server and controllers: installed, run, upgraded, taken over from the Go system,
removed."""
import base64
import contextlib
import json
import os
import subprocess
import unittest

from support.chart import BOTH, OLD, TRACKER, kept_values, old_manifests
from support.helm import CHART, Helm, HelmFailed, load
from support.kube import TRACKERS, Kube
from support.kubelet import Kubelet, nats_server
from support.nats import Nats
from support.pods import pod_manifest
from support.stack import BIN, ROOT, post, report, request, until

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
WORKLOADS = {"control-plane": 1, "aggregator": 1, "fetcher": 2, "nats": 1, "agent": 1}
CONTROLLERS_S = 60
OLD_CRD = ROOT / "tests/kube/old_crd.yaml"


def setUpModule():
    global kube, helm
    kube = unittest.enterModuleContext(Kube(with_kcm=True))
    helm = unittest.enterModuleContext(Helm(kube))


class Site(contextlib.ExitStack):
    """A namespace of its own with what a kubelet would do there."""

    def __init__(self, namespace):
        super().__init__()
        self.namespace = namespace
        kube.api("POST", "/api/v1/namespaces", {"metadata": {"name": namespace, "labels": RESTRICTED}})
        self.kubelet = self.enter_context(Kubelet(kube, namespace))

    def install(self, values, *args):
        return helm("upgrade", "--install", "opvic", CHART, "-n", self.namespace, *args, values=values)

    def list(self, path):
        group = "/api/v1" if "/" not in path else f"/apis/{path.rsplit('/', 1)[0]}"
        items = kube.get(f"{group}/namespaces/{self.namespace}/{path.rsplit('/', 1)[-1]}")["items"]
        return {o["metadata"]["name"]: o for o in items}

    def secrets(self):
        return {n: o["data"] for n, o in self.list("secrets").items() if o["type"] != "helm.sh/release.v1"}

    def await_pods(self, **counts):
        def counted():
            found = {c: len(self.kubelet.pods(c)) for c in counts}
            return found == counts or None
        until(f"{self.namespace}: pods {counts}", counted, CONTROLLERS_S)

    def run_release(self, nats=1):
        """Every pod's process, in the order in which they become ready; (the api's, all)."""
        pods = {c: self.kubelet.pods(c) for c in WORKLOADS}
        self.kubelet.promise(pods["nats"])
        started = [self.kubelet.start(pod) for pod in pods["nats"]]
        for process in started:
            process.wait_ready(60)
        for component in ("aggregator", "control-plane", "fetcher", "agent"):
            started += [self.kubelet.start(pod) for pod in pods[component]]
        for process in started:
            process.wait_ready(60)
        for pod in sum(pods.values(), []):
            self.kubelet.ready(pod)
        return self.kubelet.processes[pods["control-plane"][0]["metadata"]["name"]], started


class Installed(unittest.TestCase):
    def test_from_installation_to_removal(self):
        """What a user does in a year, on the chart's defaults; every pod is run with what its manifest says."""
        site = self.enterContext(Site("opvic"))
        values = {**BOTH, "versionTrackers": [TRACKER]}
        said = site.install(values)
        self.assertIn("kubectl -n opvic get secret opvic-shared-auth-token", said)
        self.check_credentials(site)
        site.await_pods(**WORKLOADS)
        self.assertEqual(list(site.list("batch/v1/jobs")), [], "hooks leave nothing")
        self.assertNotIn("opvic-credentials", site.list("serviceaccounts"))
        self.assertEqual(set(site.list("persistentvolumeclaims")), {"data-opvic-nats-0"})
        self.check_running(site)
        self.check_upgrade(site, values)
        self.check_removal(site)

    def check_credentials(self, site):
        self.assertEqual([e[1:3] for e in site.kubelet.ended], [("bus", 0), ("token", 0)], site.kubelet.ended)
        made = site.secrets()
        self.assertEqual({n: set(d) for n, d in made.items()}, {
            "opvic-bus": {"agent-prod-eu", "aggregator", "fetcher", "api", "subscriber", "route"}, "opvic-shared-auth-token": {"CONTROLPLANE_AUTH_TOKEN"}})

    def check_running(self, site):
        """A pod's version travels from the API server through agent, bus, aggregator and api, each as its own user."""
        kube.namespace("shop")
        kube.apply(in_namespace(pod_manifest("web", image="registry.test/web:v1.2.3", labels={"app": "web"}), "shop"))
        api, started = site.run_release()
        token = site.kubelet.secret("opvic-shared-auth-token")["CONTROLPLANE_AUTH_TOKEN"]
        running = lambda: [v["runningVersion"] for v in request(api.url, "GET", "/api/v1alpha1/agents/prod-eu/web", token=token).json()["versions"]]
        until("the api tells what runs", lambda: running() == ["v1.2.3"])
        for process in started:
            self.assertNotRegex(process.text(), r"level=error|ermissions [Vv]iolation", process.name)
        until("the tracker's status is written", lambda: kube.tracker("web")["status"]["conditions"][0]["status"])
        self.check_bus_users(site)
        print(f"{len(started)} pods of a release ran with what their manifests say", flush=True)
        if "--probe" in api_help():
            helm("test", "opvic", "-n", site.namespace)
            self.assertEqual(site.kubelet.ended[-1][2], 0, site.kubelet.ended[-1])

    def check_bus_users(self, site):
        port = int(site.kubelet.addresses["opvic-nats:4222"].rsplit(":", 1)[1])
        for role, password in site.kubelet.secret("opvic-bus").items():
            if role == "route":
                continue
            Nats(port, role, password).close()
            with self.assertRaises(OSError, msg=role):
                Nats(port, role, password[:-1])
        with self.assertRaises(OSError):
            Nats(port)

    def check_upgrade(self, site, values):
        """Credentials and volumes stay, pods are replaced where their template changed, the bus where its users did."""
        before, made = workloads(site), site.secrets()
        site.install({**values, "image": {"tag": "v0.2.1"}, "aggregator": {"sourceInterval": "1h"}})
        after = workloads(site)
        self.assertEqual(identities(before), identities(after))
        changed = {n for n in after if after[n]["metadata"]["generation"] != before[n]["metadata"]["generation"]}
        self.assertEqual(changed, {"opvic-control-plane", "opvic-aggregator", "opvic-fetcher", "opvic-agent"})
        self.assertEqual(site.secrets(), made)

        site.install({**values, "nats": {"auth": {"remoteAgents": ["prod-us"]}}})
        self.assertNotEqual(workloads(site)["opvic-nats"]["metadata"]["generation"], after["opvic-nats"]["metadata"]["generation"])
        more = site.secrets()
        self.assertEqual(set(more["opvic-bus"]) - set(made["opvic-bus"]), {"agent-prod-us"})
        self.assertLessEqual(made["opvic-bus"].items(), more["opvic-bus"].items())

        site.install({**values, "sharedAuthentication": {"token": "mine"}})  # Helm takes the Secret over
        self.assertEqual(site.kubelet.secret("opvic-shared-auth-token"), {"CONTROLPLANE_AUTH_TOKEN": "mine"})
        site.install(values)
        self.assertEqual(site.kubelet.secret("opvic-shared-auth-token"), {"CONTROLPLANE_AUTH_TOKEN": "mine"}, "kept when the text goes")

    def check_removal(self, site):
        helm("uninstall", "opvic", "-n", site.namespace)
        until("pods are gone", lambda: not site.kubelet.pods(), CONTROLLERS_S)
        left = {path: {n for n in site.list(path) if n not in ("default", "kube-root-ca.crt")} for path in (
            "secrets", "configmaps", "serviceaccounts", "services", "persistentvolumeclaims", "apps/v1/deployments", "apps/v1/statefulsets",
            "batch/v1/jobs", "policy/v1/poddisruptionbudgets", "rbac.authorization.k8s.io/v1/roles", "rbac.authorization.k8s.io/v1/rolebindings")}
        self.assertEqual({p: n for p, n in left.items() if n}, {"secrets": {"opvic-bus", "opvic-shared-auth-token"},
                                                                "persistentvolumeclaims": {"data-opvic-nats-0"}})
        self.assertEqual(kube.get(f"{TRACKERS}/versiontrackers")["items"], [], "trackers of the release")
        self.assertEqual(kube.api("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/opvic-agent").status, 404)
        site.install({**BOTH})
        self.assertEqual({n: set(d) for n, d in site.secrets().items()}["opvic-shared-auth-token"], {"CONTROLPLANE_AUTH_TOKEN"})
        self.assertEqual(site.kubelet.secret("opvic-shared-auth-token")["CONTROLPLANE_AUTH_TOKEN"], "mine", "the same again after a removal")
        helm("uninstall", "opvic", "-n", site.namespace)

    def test_volumes_that_go(self):
        site = self.enterContext(Site("trial"))
        site.install({"controlplane": {"enabled": True}, "nats": {"persistence": {"retain": False}}})
        until("a claim", lambda: site.list("persistentvolumeclaims"), CONTROLLERS_S)
        self.check_three_later(site)
        helm("uninstall", "opvic", "-n", site.namespace)
        until("the claim is gone", lambda: not site.list("persistentvolumeclaims"), CONTROLLERS_S)

    def check_three_later(self, site):
        """Two new servers wait for the first, which Kubernetes replaces when they are ready: so the bus ends before."""
        three = {"controlplane": {"enabled": True}, "nats": {"replicas": 3, "persistence": {"retain": False}}}
        with self.assertRaises(HelmFailed) as caught:
            site.install(three)
        self.assertIn("nats.replicas: 3: the bus runs with 1: end it first: kubectl scale -n trial statefulset opvic-nats --replicas=0", caught.exception.text)
        kube.kubectl("scale", "-n", site.namespace, "statefulset", "opvic-nats", "--replicas=0")
        site.await_pods(nats=0)
        site.install(three)
        site.await_pods(nats=3)
        self.assertEqual(len({p["metadata"]["labels"]["controller-revision-hash"] for p in site.kubelet.pods("nats")}), 1, "all know of each other")

    def test_three_servers_with_certificates(self):
        """A cluster of NATS with TLS everywhere; one of the three dies."""
        version = subprocess.run([nats_server(), "--version"], capture_output=True, text=True, check=True).stdout
        if "v2.9." in version:
            self.assertNotEqual(os.environ.get("OPVIC_REQUIRE_TOOLS"), "1", version)
            self.skipTest(f"three replicas need nats-server 2.10 or newer: {version.strip()}")
        site = self.enterContext(Site("three"))
        hosts = [f"opvic-nats-{i}.opvic-nats-headless" for i in range(3)]
        certificate, private = kube.pki.server("bus", ",".join(["IP:127.0.0.1", *(f"DNS:{h}" for h in ["opvic-nats", *hosts])]))
        kube.create("/api/v1/namespaces/three/secrets", [{"metadata": {"name": "bus-tls"}, "stringData": {
            "ca.crt": kube.ca.read_text(), "tls.crt": certificate.read_text(), "tls.key": private.read_text()}}])
        # What the fetcher reads of upstreams; without one of them it would not start.
        login = json.dumps({"auths": {"registry.example": {"username": "u", "password": "p"}}})
        kube.create("/api/v1/namespaces/three/secrets", [
            {"metadata": {"name": "docker"}, "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": login}},
            {"metadata": {"name": "netrc"}, "stringData": {"netrc": "machine git.example login u password p\n"}}])
        kube.create("/api/v1/namespaces/three/configmaps", [{"metadata": {"name": "authorities"}, "data": {"ca.crt": kube.ca.read_text()}}])
        fetcher = {"credentials": {"dockerConfigSecret": "docker", "netrcSecret": "netrc"},
                   "fetch": {"caConfigMap": "authorities", "allowCidrs": ["10.0.0.0/8", "fd00::/8"], "proxy": {"url": "http://127.0.0.1:9"}}}
        site.install({**BOTH, "fetcher": fetcher, "nats": {"replicas": 3, "tls": {"secretName": "bus-tls"}, "auth": {"remoteAgents": ["prod-us"]}}})
        site.await_pods(**{**WORKLOADS, "nats": 3})
        api, started = site.run_release()
        token = site.kubelet.secret("opvic-shared-auth-token")["CONTROLPLANE_AUTH_TOKEN"]
        agents = lambda: [a["id"] for a in request(api.url, "GET", "/api/v1alpha1/agents", token=token).json()]
        until("the agent is known", lambda: agents() == ["prod-eu"])
        self.check_other_clusters(site, token)
        until("those of other clusters too", lambda: agents() == ["prod-asia", "prod-eu", "prod-us"])
        victim = next(p for p in started if p.name.startswith("opvic-nats") and str(p.ports["nats"]) not in site.kubelet.addresses["opvic-nats:4222"])
        victim.kill()
        until("a report is stored by the other two", lambda: post(api, report("other", "t", {"1.0.0": 1}), token=token).status == 202, CONTROLLERS_S)
        until("and merged", lambda: "other" in agents(), CONTROLLERS_S)
        print(f"{len(started)} pods of a release with three servers ran, and went on without {victim.name}", flush=True)
        helm("uninstall", "opvic", "-n", site.namespace)


    def check_other_clusters(self, site, token):
        """Releases of agents alone: one over NATS as its own user, one over HTTP with the token."""
        secrets = [("bus", {"agent-prod-us": site.kubelet.secret("opvic-bus")["agent-prod-us"]}), ("ca", {"ca.crt": kube.ca.read_text()}),
                   ("token", {"CONTROLPLANE_AUTH_TOKEN": token})]
        bus, api = site.kubelet.addresses["opvic-nats:4222"], site.kubelet.addresses["opvic-control-plane:80"]
        for agent, more in (("prod-us", {"nats": {"url": f"tls://{bus}", "auth": {"existingSecret": "bus"}, "tls": {"secretName": "ca"}}}),
                            ("prod-asia", {"sharedAuthentication": {"existingSecret": "token"}})):
            other = self.enterContext(Site(agent))
            kube.create(f"/api/v1/namespaces/{agent}/secrets", [{"metadata": {"name": n}, "stringData": d} for n, d in secrets])
            url = {} if "nats" in more else {"controlPlaneURL": f"http://{api}"}
            other.install({**more, "fullnameOverride": agent, "agent": {"enabled": True, "identifier": agent, **url}})
            other.await_pods(agent=1)
            self.assertEqual(other.kubelet.ended, [], "nothing is made up where the other side knows it")
            other.kubelet.start(other.kubelet.pods("agent")[0]).wait_ready()
            self.addCleanup(helm, "uninstall", "opvic", "-n", agent)


def in_namespace(manifest, namespace):
    manifest["metadata"]["namespace"] = namespace
    return manifest


def api_help():
    return subprocess.run([BIN / "opvic-api", "--help"], capture_output=True, text=True, check=True).stdout


def workloads(site):
    return {**site.list("apps/v1/deployments"), **site.list("apps/v1/statefulsets")}


class FromGo(unittest.TestCase):
    """A release of the Go system's chart, upgraded in place, and back again."""

    def old_chart(self, name):
        """The objects that it left, as a chart that makes just those."""
        folder = helm.folder / f"old-{name}"
        (folder / "templates").mkdir(parents=True)
        (folder / "Chart.yaml").write_text("apiVersion: v2\nname: opvic\nversion: 0.1.2\nappVersion: 0.1.2\n")
        text = old_manifests(name).replace("{{", "{{ `{{` }}").replace("namespace: opvic", f"namespace: go-{name}")
        (folder / "templates/all.yaml").write_text(text)
        return folder

    def test_upgraded_in_place(self):
        for name in OLD:
            with self.subTest(name):
                self.upgrade(name)

    def upgrade(self, name):
        site = self.enterContext(Site(f"go-{name}"))
        kube.kubectl("label", "namespace", site.namespace, "pod-security.kubernetes.io/enforce-")
        kube.apply(OLD_CRD.read_text())
        self.addCleanup(kube.kubectl, "delete", "--ignore-not-found", "-f", OLD_CRD)
        until("VersionTrackers are served", lambda: kube.api("GET", f"{TRACKERS}/versiontrackers").status == 200)
        helm("install", "opvic", self.old_chart(name), "-n", site.namespace)
        before, services, old_secrets = workloads(site), site.list("services"), texts(site.secrets())
        site.install(kept_values(name))
        after = workloads(site)
        self.assertEqual(identities(before), identities({n: after[n] for n in before}), "the same objects")
        self.assertEqual(identities(services), identities({n: o for n, o in site.list("services").items() if n in services}))
        agent = next(o for n, o in after.items() if n.endswith("-agent"))
        self.assertEqual(agent["spec"]["strategy"], {"type": "Recreate"})
        now = texts(site.secrets())
        self.assertEqual({n: now[n] for n in old_secrets}, old_secrets)
        self.assertEqual(agent["spec"]["template"]["spec"]["containers"][0]["image"], f"ghcr.io/skillz/opvic-collector:v{load(CHART / 'Chart.yaml')['appVersion']}")

        helm("rollback", "opvic", "1", "-n", site.namespace)
        back = workloads(site)
        self.assertEqual(identities(back), identities(before), "and nothing of ours is left")
        self.assertEqual({n: images(o) for n, o in back.items()}, {n: images(o) for n, o in before.items()})
        if "token" in kept_values(name)["sharedAuthentication"] and "controlplane" in kept_values(name):
            for values in ({}, kept_values(name), {}):  # the text may leave the values at any time
                site.install({**kept_values(name), "sharedAuthentication": {}, **values})
                self.assertEqual(texts(site.secrets())["opvic-shared-auth-token"], old_secrets["opvic-shared-auth-token"])
        site.install(kept_values(name))
        helm("uninstall", "opvic", "-n", site.namespace)
        print(f"{name}: {len(before)} workloads, {len(services)} Services, {len(old_secrets)} Secrets of the Go system taken over in place", flush=True)


def identities(things):
    return {n: (o["metadata"]["uid"], o["spec"].get("clusterIP")) for n, o in things.items()}


def texts(secrets):
    return {n: {k: base64.b64decode(v).strip() for k, v in data.items()} for n, data in secrets.items()}


def images(workload):
    return [c["image"] for c in workload["spec"]["template"]["spec"]["containers"]]


if __name__ == "__main__":
    unittest.main()
