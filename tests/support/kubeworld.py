"""A collector on a real cluster with what it says of it, and pods whose every state is known."""
import collections
import contextlib
import json
import threading
import time

from support.kube import Kube, accepted
from support.kubeproxy import KubeProxy
from support.nats import Nats
from support.pods import pod_manifest
from support.stack import SANITIZED, Stack, free_ports, until

Said = collections.namedtuple("Said", "at agent tracker body")  # body None: a tombstone
SMALL = 0  # bytes of a pod's filling
LEFT_S = 60 if SANITIZED else 20  # from a fault's end to the exact report
DRAIN_S = 30 if SANITIZED else 5


class Listener(contextlib.AbstractContextManager):
    """Every report on the bus, as it is published."""

    def __init__(self, port):
        self.nats, self.said, self.lock = Nats(port, timeout=None), [], threading.Lock()
        self.nats.subscribe("opvic.report.>")
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def __exit__(self, *_):
        self.nats.socket.shutdown(2)
        self.thread.join()
        self.nats.close()

    def _listen(self):
        with contextlib.suppress(OSError, ValueError):
            while True:
                subject, _, data = self.nats.next()
                _, _, agent, tracker = subject.split(".")
                with self.lock:
                    self.said.append(Said(time.monotonic(), agent, tracker, json.loads(data) if data else None))

    def of(self, agent, tracker=None):
        with self.lock:
            return [s for s in self.said if s.agent == agent and tracker in (None, s.tracker)]


def versions_of(said):
    """{running version: count}"""
    return {v["runningVersion"]: v["resourceCount"] for v in said.body["version"]["versions"]} if said.body else None


def tracker(name, kind="Pods", app=None):
    return {"apiVersion": "opvic.skillz.com/v1alpha1", "kind": "VersionTracker", "metadata": {"name": name, "namespace": "opvic"},
            "spec": {"name": name, "resources": {"strategy": kind, "selector": {"matchLabels": {"app": app or name}}},
                     "localVersion": {"strategy": "ImageTag"}}}


class World(contextlib.AbstractContextManager):
    """A cluster with VersionTrackers of these names, a bus with an aggregator, and a listener there."""

    def __init__(self, names, **kube_args):
        self.names, self.open = names, contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            self.kube = opened.enter_context(Kube(**kube_args))
            self.kube.install_crd()
            self.token = self.kube.agent_token()
            self.kube.apply(*(tracker(name) for name in names))
            self.stack = opened.enter_context(Stack())
            self.stack.nats()
            self.aggregator = self.stack.aggregator().wait_ready()
            self.listener = opened.enter_context(Listener(self.stack.nats_port))
            self.open = opened.pop_all()

    def __exit__(self, *error):
        return self.open.__exit__(*error)

    def agent(self, name, args, proxy=None):
        return Agent(self, name, args, proxy or KubeProxy(self.kube))


class Agent:
    """A collector behind a proxy (or relay) of its own, and the pods that the tracker of the same name tracks."""

    def __init__(self, world, name, args, proxy):
        self.world, self.name, self.args, self.proxy = world, name, args, proxy
        self.pods, self.process = Pods(world.kube, name), None

    def start(self):
        self.process = collector(self.world.stack, self.name, self.proxy.kubeconfig(self.world.token), *self.args)

    def said(self, tracker=None):
        return self.world.listener.of(self.name, tracker)

    def is_exact(self):
        said = self.said(self.name)
        return said and versions_of(said[-1]) == self.pods.states[-1]

    def settle(self, deadline_s=LEFT_S):
        """The last report says what a fresh list says, and none was ever wrong."""
        try:
            until(f"{self.name}: {self.pods.states[-1]} is reported", self.is_exact, deadline_s)
        except AssertionError as e:
            last = [versions_of(s) for s in self.said(self.name)[-2:]]
            asked = self.proxy.seen(path="/pods$")[-8:] if isinstance(self.proxy, KubeProxy) else None
            raise AssertionError(f"{e}\nlast reports: {last}\nlast requests: {asked}\n{self.process.tail(12)}") from None
        assert self.pods.listed() == self.pods.states[-1]
        self.pods.check(self.said(self.name))
        assert all(s.body for s in self.said()), f"{self.name}: tombstones"

    def restarts(self, reason=None, kind="Pods"):
        return self.process.metric("opvic_agent_watch_restarts_total", {"kind": kind, **({"reason": reason} if reason else {})}) or 0

    def read_bytes(self):
        return self.process.metric("opvic_agent_read_bytes_total")

    def end(self):
        """SIGTERM with its watches running."""
        assert self.process.stop(DRAIN_S) == 0, self.process.tail()
        self.close()

    def close(self):
        if self.process:
            self.process.kill()
        if self.proxy:
            self.proxy.__exit__(None, None, None)
        self.proxy = None


def collector(stack, agent, kubeconfig, *args, name=None, env=None):
    """Its health and its metrics are at the same address."""
    port, = free_ports(1)
    address = f"127.0.0.1:{port}"
    return stack.service("collector", name or f"collector-{agent}",
                         ["--agent.identifier", agent, *(["--kubeconfig", kubeconfig] if kubeconfig else []),
                          "--metrics-bind-address", address, "--health-probe-bind-address", address, *args], port, env)


class Pods:
    """The pods with label app=NAME; states: {version: count} after each change so far."""

    def __init__(self, kube, name, count=6):
        self.kube, self.name = kube, name
        self.path, self.added = f"/api/v1/namespaces/{name}/pods", 0
        self.pods, self.states = {}, [{}]
        kube.namespace(name)
        for i in range(count):
            self.create(f"v1.{i % 3}.0")

    def create(self, version):
        pod = f"{self.name}-{self.added}"
        self.added += 1
        manifest = pod_manifest(pod, f"registry.test/{self.name}:{version}", {"app": self.name}, size=SMALL)
        accepted(self.kube.api("POST", self.path, manifest), "POST", self.path)
        self._note(pod, version)
        return pod

    def roll(self, pod, version):
        self.kube.patch(f"{self.path}/{pod}", {"metadata": {"annotations": {"rolled": version}}})
        body = [{"op": "replace", "path": "/spec/containers/0/image", "value": f"registry.test/{self.name}:{version}"}]
        path = f"{self.path}/{pod}"
        accepted(self.kube.api("PATCH", path, body, "application/json-patch+json"), "PATCH", path)
        self._note(pod, version)

    def hide(self, pod):
        """Relabelled, it is nobody's."""
        self.kube.patch(f"{self.path}/{pod}", {"metadata": {"labels": {"app": "nobody"}}})
        return self._note(pod, None)

    def show(self, pod, version):
        self.kube.patch(f"{self.path}/{pod}", {"metadata": {"labels": {"app": self.name}}})
        self._note(pod, version)

    def delete(self, pod):
        self.kube.delete(f"{self.path}/{pod}")
        return self._note(pod, None)

    def change(self):
        """A little of everything that can happen to pods."""
        first, second, third = list(self.pods)[:3]
        self.create("v2.0.0")
        self.roll(first, f"v3.{self.added}.0")
        version = self.hide(second)
        self.delete(third)
        self.show(second, version)
        self.delete(self.create("v9.0.0"))
        self.create("v2.0.0")

    def _note(self, pod, version):
        before = self.pods.pop(pod, None)
        if version:
            self.pods[pod] = version
        self.states.append(dict(collections.Counter(self.pods.values())))
        return before

    def listed(self):
        """What a fresh list gives."""
        items = self.kube.get(f"/api/v1/pods?labelSelector=app%3D{self.name}")["items"]
        return dict(collections.Counter(p["spec"]["containers"][0]["image"].split(":")[1] for p in items))

    def check(self, said):
        """Each report says what the cluster was, and none goes back in time."""
        at = 0
        for s in said:
            if s.body is None:
                raise AssertionError(f"{s.agent}: tombstone of {s.tracker}")
            seen = versions_of(s)
            later = [i for i in range(at, len(self.states)) if self.states[i] == seen]
            if not later:
                raise AssertionError(f"{s.agent}: {seen} is no state at or after {at} of {self.states}")
            at = later[0]
