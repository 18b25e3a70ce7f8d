"""Every way into a cluster that a kubeconfig or a pod knows, and credentials that end while the collector runs."""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from support.kube import Kube
from support.kubeworld import Listener, Pods, collector, tracker, versions_of
from support.kubeproxy import KubeProxy
from support.pki import Pki
from support.relay import Relay
from support.stack import BIN, SANITIZED, Service, Stack, free_ports, request, until

APP = "app"
SHORT = ("--kube.watch-timeout", "1s", "--kube.idle-timeout", "5s")
LEFT_S = 45 if SANITIZED else 20
TOKENS = 4
PLUGIN_S = 3
PLUGIN = """#!/bin/sh
# Gives one token after the other, each for a short time, and counts.
cd "$(dirname "$0")" || exit 1
n=$(($(cat count) + 1))
echo $n >count
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s","expirationTimestamp":"%s"}}' \\
  "$(cat token-$((n % TOKENS)))" "$(date -u -d '+SECONDS seconds' +%Y-%m-%dT%H:%M:%SZ)"
"""
IN_A_POD = """mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io && cp -r "$1" /run/secrets/kubernetes.io/serviceaccount
shift
exec "$@"
"""


def setUpModule():
    global kube, folder, stack, listener, tokens, pods, certificate
    kube = Kube()
    unittest.addModuleCleanup(kube.close)
    kube.install_crd()
    tokens = [kube.agent_token(seconds=600 + i) for i in range(TOKENS)]
    certificate = kube.pki.client("cert-agent", "/CN=cert-agent")
    kube.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "cert-agent"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "opvic-agent"},
                "subjects": [{"kind": "User", "name": "cert-agent", "apiGroup": "rbac.authorization.k8s.io"}]}, tracker(APP))
    pods = Pods(kube, APP, 3)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="opvic-access-"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    (folder / "token").write_text(tokens[0] + "\n")
    for source, name in zip((kube.ca, *certificate), ("ca.crt", "a.crt", "a.key")):
        shutil.copy(source, folder / name)
    write_plugin(folder)
    stack = unittest.enterModuleContext(Stack())
    stack.nats()
    stack.aggregator().wait_ready()
    listener = unittest.enterModuleContext(Listener(stack.nats_port))


def write_plugin(where):
    (where / "count").write_text("0\n")
    for i, token in enumerate(tokens):
        (where / f"token-{i}").write_text(token)
    plugin = where / "plugin"
    plugin.write_text(PLUGIN.replace("TOKENS", str(TOKENS)).replace("SECONDS", str(PLUGIN_S)))
    plugin.chmod(0o755)


def data(path):
    return base64.b64encode(pathlib.Path(path).read_bytes()).decode()


def kubeconfig(name, user, server=None, where=None, **cluster):
    file = (where or folder) / f"config-{name}"
    cluster = {"server": server or kube.server, **(cluster or {"certificate-authority-data": data(kube.ca)})}
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c",
                                "clusters": [{"name": "k", "cluster": cluster}], "users": [{"name": "u", "user": user}],
                                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}]}))
    return file


def plugin(where="."):
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": f"{where}/plugin", "interactiveMode": "Never"}}


class WaysIn(unittest.TestCase):
    def check(self, name, config, env=None):
        """One run prints the right report."""
        args = [BIN / "opvic-collector", "--agent.identifier", "a", "--once", "--print"]
        done = subprocess.run([*args, *(["--kubeconfig", config] if config else [])], capture_output=True, text=True, timeout=120,
                              env={**{k: v for k, v in os.environ.items() if k != "KUBECONFIG"}, **(env or {})})
        self.assertEqual(done.returncode, 0, done.stderr)
        report, = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(report["version"]["count"], 3)

    def test_each(self):
        ca = {"certificate-authority-data": data(kube.ca)}
        token = {"token": tokens[0]}
        relay = self.enterContext(Relay(kube, connect=True))
        rows = [
            ("token", kubeconfig("token", token)),
            ("token file, CA file, beside the kubeconfig", kubeconfig("files", {"tokenFile": "token"}, **{"certificate-authority": "ca.crt"})),
            ("client certificate", kubeconfig("cert", {"client-certificate-data": data(certificate[0]), "client-key-data": data(certificate[1])})),
            ("client certificate in files", kubeconfig("cert-files", {"client-certificate": "a.crt", "client-key": "a.key"})),
            ("plugin", kubeconfig("plugin", plugin())),
            ("proxy", kubeconfig("proxy", token, **ca, **{"proxy-url": relay.url})),
            ("server name", kubeconfig("name", token, **ca, **{"tls-server-name": "kubernetes.default.svc"})),
            ("nothing is verified", kubeconfig("insecure", token, **{"insecure-skip-tls-verify": True})),
        ]
        for name, config in rows:
            with self.subTest(name):
                self.check(name, config)
        self.assertEqual(set(relay.targets), {f"127.0.0.1:{kube.port}"})
        with self.subTest("several files, context chosen"):
            other = kubeconfig("other", {"token": "nonsense"}, server="https://127.0.0.1:1")
            self.check("KUBECONFIG", None, {"KUBECONFIG": f"{rows[0][1]}:{other}"})

    def test_in_a_pod(self):
        """Where Kubernetes puts a service account, in a mount namespace that has it there."""
        account = folder / "serviceaccount"
        account.mkdir()
        (account / "token").write_text(tokens[1])
        (account / "namespace").write_text("opvic")
        shutil.copy(kube.ca, account / "ca.crt")
        unshare = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
        if subprocess.run([*unshare, "true"], capture_output=True).returncode:
            self.assertNotEqual(os.environ.get("OPVIC_REQUIRE_TOOLS"), "1", "no mount namespaces here")
            self.skipTest("no mount namespaces here")
        port, = free_ports(1)
        address = f"127.0.0.1:{port}"
        argv = [*unshare, "sh", "-c", IN_A_POD, "sh", account, BIN / "opvic-collector", "--agent.identifier", "pod",
                "--metrics-bind-address", address, "--health-probe-bind-address", address]
        env = {"NATS_URL": stack.nats_url, "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(kube.port),
               "KUBECONFIG": ""}
        service = stack.add(Service("collector-pod", argv, stack.folder, port, env)).wait_ready()
        until("it reports", lambda: versions_of(listener.of("pod", APP)[-1]) == pods.states[-1])
        self.assertEqual(service.stop(), 0)

    def test_refused(self):
        """What is wrong stands in the log and at /readyz, with the context and the server."""
        other = Pki(folder / "other", "other-ca")
        kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody", "namespace": "opvic"}})
        path = "/api/v1/namespaces/opvic/serviceaccounts/nobody/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        nobody = kube.api("POST", path, body).json()["status"]["token"]
        ca = {"certificate-authority-data": data(kube.ca)}
        token = {"token": tokens[0]}
        rows = [
            ("wrong-ca", kubeconfig("wrong-ca", token, **{"certificate-authority-data": data(other.ca)}), ("context c of", "certificate")),
            ("wrong-name", kubeconfig("wrong-name", token, **ca, **{"tls-server-name": "elsewhere.test"}), ("elsewhere.test",)),
            ("wrong-token", kubeconfig("wrong-token", {"token": "nonsense"}), ("HTTP 401", "context c of")),
            ("no-rights", kubeconfig("no-rights", {"token": nobody}), ("versiontrackers.opvic.skillz.com is forbidden", "nobody")),
            ("no-server", kubeconfig("no-server", token, server="https://127.0.0.1:1"), ("127.0.0.1:1", "context c of")),
            ("no-plugin", kubeconfig("no-plugin", plugin("/nowhere")), ("/nowhere/plugin", "context \"c\"")),
        ]
        services = [(collector(stack, name, config), texts) for name, config, texts in rows]
        for service, texts in services:
            with self.subTest(service.name):
                def told():
                    answer = request(service.url, "GET", "/readyz").text()
                    return answer if all(t in answer for t in texts) else None
                try:
                    until(f"/readyz says {texts}", told)
                except AssertionError:
                    raise AssertionError(f"/readyz does not say {texts}; log:\n{service.text()}") from None
                for text in texts:
                    self.assertIn(text, service.text().replace('\\"', '"'))
                self.assertEqual(service.stop(), 0)


class Expiry(unittest.TestCase):
    """The proxy says 401 to tokens that are over."""

    def setUp(self):
        self.proxy = self.enterContext(KubeProxy(kube))
        self.where = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def start(self, agent, user):
        ca = {"certificate-authority-data": data(self.proxy.ca)}
        config = kubeconfig(agent, user, server=self.proxy.url, where=self.where, **ca)
        self.agent = agent
        self.service = collector(stack, agent, config, *SHORT)
        self.service.wait_ready()
        return self.service

    def exact(self):
        until(f"{pods.states[-1]} is reported", lambda: versions_of(listener.of(self.agent, APP)[-1]) == pods.states[-1], LEFT_S)

    def replace(self, token):
        """As kubelets do it."""
        fresh = self.where / "token.new"
        fresh.write_text(token)
        fresh.rename(self.where / "token")

    def refused(self):
        return [s for s in self.proxy.seen() if s.status == 401]

    def test_token_file_replaced_in_time(self):
        self.replace(tokens[0])
        service = self.start("in-time", {"tokenFile": "token"})
        self.replace(tokens[1])
        self.proxy.answer(401, token=tokens[0])
        pods.roll("app-0", "v2.0.0")
        self.exact()
        until("the new one is used", lambda: [s for s in self.proxy.seen(watch=True, token=tokens[1]) if s.status == 200])
        self.assertIn(len(self.refused()), range(1, 5), "each watch, and a status, at most once")
        self.assertEqual(service.stop(), 0)

    def test_token_file_replaced_too_late(self):
        self.replace(tokens[0])
        service = self.start("too-late", {"tokenFile": "token"})
        self.proxy.answer(401, token=tokens[0])
        asked, started = len(self.proxy.seen()), time.monotonic()
        pods.roll("app-1", "v2.1.0")
        until("it was refused again and again", lambda: len(self.refused()) >= 6, LEFT_S)
        took_s = time.monotonic() - started
        self.assertLessEqual(len(self.proxy.seen()) - asked, 6 * took_s + 8, "two kinds and the statuses, none hot")
        self.replace(tokens[2])
        self.exact()
        self.assertGreaterEqual(service.metric("opvic_agent_watch_restarts_total", {"reason": "unauthorized"}), 2)
        self.assertEqual(service.stop(), 0)

    def test_plugin(self):
        write_plugin(self.where)
        service = self.start("plugin", plugin())
        started = time.monotonic()
        used = lambda: {s.headers.get("authorization") for s in self.proxy.seen(path="/pods$")}
        until("tokens follow each other", lambda: len(used()) >= 3, LEFT_S)
        pods.roll("app-2", "v2.2.0")
        self.exact()
        runs = lambda: int((self.where / "count").read_text())
        self.assertLessEqual(runs(), (time.monotonic() - started) / (PLUGIN_S - 1) + 3, "not more often than they end")
        self.assertFalse(self.refused())
        before = runs()
        current = tokens[before % TOKENS]
        self.proxy.answer(401, token=current, times=4)
        until("the plugin is asked again", lambda: runs() > before, LEFT_S)
        pods.roll("app-2", "v2.3.0")
        self.exact()
        self.assertEqual(service.stop(), 0)


if __name__ == "__main__":
    unittest.main()
