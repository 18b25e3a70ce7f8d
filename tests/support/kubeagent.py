"""A control plane beside a real API server, the collectors that run there, and what a user writes for them and sees of it."""
import contextlib
import json
import time

from support.kube import Kube, TRACKERS
from support.kubeproxy import KubeProxy
from support.nats import Nats
from support.pods import pod_manifest
from support.stack import Stack, free_ports, get, request, until

PATH = f"{TRACKERS}/namespaces/opvic/versiontrackers"
ALL = {"selector": {}}
GITHUB = {"provider": "github", "strategy": "tags", "repo": "owner/name"}


# ---- what a user writes

def tracker(name, resources=None, local=None, remote=None, namespace="opvic", object_name=None):
    """Of the object `object_name`, or of that of its own name; all Pods by default."""
    spec = {"name": name, "resources": resources if resources is not None else ALL, "localVersion": local or {}}
    if remote:
        spec["remoteVersion"] = remote
    return {"apiVersion": "opvic.skillz.com/v1alpha1", "kind": "VersionTracker",
            "metadata": {"name": object_name or name, "namespace": namespace}, "spec": spec}


def field(path, pattern=None, result=None):
    """A localVersion that takes a field."""
    out = {"strategy": "FieldSelection", "fieldSelector": path}
    if pattern is not None:
        out["extraction"] = {"regex": {"pattern": pattern, **({"result": result} if result else {})}}
    return out


def labelled(**labels):
    return {"selector": {"matchLabels": labels}}


def where(*expressions, **resources):
    """Of (key, operator, values) each."""
    rows = [{"key": k, "operator": o, **({"values": v} if v else {})} for k, o, v in expressions]
    return {"selector": {"matchExpressions": rows}, **resources}


def pod(name, image="registry.test/app:1.0.0", namespace="default", labels=None, init=None, **others):
    """others: further containers and their images."""
    body = pod_manifest(name, labels=labels, containers={"app": image, **others}, size=1500)
    body["metadata"]["namespace"] = namespace
    if init:
        body["spec"]["initContainers"] = [{"name": n, "image": i} for n, i in init.items()]
    return body


# ---- where it is applied

class Site(contextlib.ExitStack):
    """An API server with the definition, a bus, an aggregator and an api."""

    def __init__(self):
        super().__init__()
        self.kube = self.enter_context(Kube())
        self.kube.install_crd()
        self.token = self.kube.agent_token()
        self.stack = self.enter_context(Stack())
        self.stack.nats()
        self.stack.aggregator().wait_ready()
        self.api = self.stack.api().wait_ready()
        self.nats = self.enter_context(Nats(self.stack.nats_port))

    def remove_trackers(self):
        self.kube.kubectl("delete", "versiontrackers", "--all", "-A", "--wait=false")
        until("no tracker is left", lambda: not self.kube.get(f"{TRACKERS}/versiontrackers")["items"])

    def status(self, name, namespace="opvic"):
        return self.kube.tracker(name, namespace).get("status", {})

    def condition(self, name, namespace="opvic"):
        """Ready, once it is about the newest spec; {} before."""
        found = self.kube.tracker(name, namespace)
        rows = found.get("status", {}).get("conditions", [])
        return rows[0] if rows and rows[0]["observedGeneration"] == found["metadata"]["generation"] else {}

    def await_ready(self, name, reason, namespace="opvic"):
        """The condition Ready with that reason."""
        def said():
            found = self.condition(name, namespace)
            return found if found.get("reason") == reason else None
        try:
            return until(f"{name} says {reason}", said)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.condition(name, namespace)}") from None

    def listed(self, kind, *selector):
        """Objects as kubectl lists them now, in the order of reports."""
        items = json.loads(self.kube.kubectl("get", kind, "-A", "-o", "json", *selector))["items"]
        return sorted(items, key=lambda o: f"{o['metadata'].get('namespace', '')}/{o['metadata']['name']}")


class Agent(contextlib.AbstractContextManager):
    """A collector with the chart's rights behind a proxy that counts its requests."""

    def __init__(self, site, name):
        self.site, self.name, self.proxy = site, name, KubeProxy(site.kube)
        metrics, health = free_ports(2)
        self.metrics = f"http://127.0.0.1:{metrics}"
        self.collector = site.stack.service("collector", f"collector-{name}", [
            "--agent.identifier", name, "--agent.interval", "1s", "--kubeconfig", self.proxy.kubeconfig(site.token),
            "--metrics-bind-address", f"127.0.0.1:{metrics}", "--health-probe-bind-address", f"127.0.0.1:{health}"], health)

    def __exit__(self, *error):
        status = self.collector.stop(60)
        self.proxy.__exit__(*error)
        if status and not error[0]:
            raise AssertionError(f"the collector ended with {status}:\n{self.collector.tail()}")

    def restart(self):
        instance = self.instance()
        self.collector.stop()
        self.collector.start()
        self.collector.wait_ready()
        until("another instance speaks", lambda: self.instance() != instance)

    def instance(self):
        return self.site.nats.last("OPVIC_REPORTS", f"opvic.heartbeat.{self.name}")[0]["Opvic-Instance"]

    def message(self, tracker_id):
        """The newest report's body: None before the first, b"" for a tombstone."""
        found = self.site.nats.last("OPVIC_REPORTS", f"opvic.report.{self.name}.{tracker_id}")
        return found and found[1]

    def report(self, tracker_id):
        body = self.message(tracker_id)
        return json.loads(body)["version"] if body else {}

    def counts(self, tracker_id):
        """{running version: objects}, with None for those that gave none; None without a report."""
        said = self.report(tracker_id)
        if not said:
            return None
        out = {v["runningVersion"]: v["resourceCount"] for v in said["versions"]}
        failed = said["count"] - sum(out.values())
        return {**out, **({None: failed} if failed else {})}

    def await_counts(self, tracker_id, wanted):
        try:
            until(f"{tracker_id} reports {wanted}", lambda: self.counts(tracker_id) == wanted)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.report(tracker_id)}") from None

    def await_condition(self, tracker_id, said):
        """The report gives the same reason as the status."""
        wanted = {k: said[k] for k in ("reason", "message")}
        until(f"the report of {tracker_id} says {wanted}", lambda: self.report(tracker_id).get("condition") == wanted)

    def answer(self, tracker_id):
        """What the control plane says of it; None when it knows nothing."""
        found = get(self.site.api, f"/api/v1alpha1/agents/{self.name}/{tracker_id}")
        return found.json() if found.status == 200 else None

    def metric(self, name):
        line = next(x for x in request(self.metrics, "GET", "/metrics").text().splitlines() if x.startswith(f"{name} "))
        return float(line.split()[1])

    def patches(self, name=""):
        """Statuses sent so far, of trackers whose name begins so."""
        return len(self.proxy.seen(method="PATCH", path=f"/versiontrackers/{name}"))

    def settle(self):
        """Waits until every status that had to be written before now is written: that of a new tracker is the last. How
        many were sent, without those."""
        mark = f"mark-{self.patches()}"
        self.site.kube.apply(tracker(mark, {}))
        self.site.await_ready(mark, "NothingMatched")
        self.site.kube.delete(f"{PATH}/{mark}")
        until("the mark is gone", lambda: self.message(mark) == b"")
        return self.patches() - self.patches("mark-")


def measure(what, begin, end):
    """Prints how long it takes from begin() until end() is true; the goal is a second."""
    started = time.monotonic()
    begin()
    until(what, end)
    print(f"{what}: {(time.monotonic() - started) * 1000:.0f} ms, the goal is 1000 ms", flush=True)
