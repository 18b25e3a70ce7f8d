"""Starts a real kube-apiserver with its etcd (and the real controllers) on free ports, and talks to it as users do."""
import atexit
import base64
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from support.pki import Pki
from support.pods import pod_manifest, running_status
from support.stack import Answer, Process, ROOT, free_ports, skip, until

CRDS = ROOT / "deploy/helm/opvic/crds"
AGENT_ROLE = ROOT / "deploy/helm/opvic/files/agent-clusterrole.yaml"
TRACKERS = "/apis/opvic.skillz.com/v1alpha1"
MERGE = "application/merge-patch+json"
START_S = 120  # a server that shares its machine with others
CREATORS = 8
IDLE_S = 30  # the server closes connections that nobody uses


def assets():
    """The folder with kube-apiserver and etcd; ends the suite as skipped without one."""
    found = subprocess.run([ROOT / "scripts/kube-tools"], capture_output=True, text=True)
    if found.returncode:
        skip(found.stderr.strip())
    return pathlib.Path(found.stdout.strip().splitlines()[-1])


def tool(name, required=True):
    folder = assets()
    found = shutil.which(name, path=f"{folder}:{os.environ.get('PATH', '')}")
    if not found and required:
        skip(f"{name} not found in {folder} and PATH")
    return found


class Refused(AssertionError):
    """kubectl failed; text is what it said."""

    def __init__(self, args, text):
        super().__init__(f"kubectl {' '.join(args)}: {text}")
        self.text = text


class Kube(contextlib.AbstractContextManager):
    """A cluster without nodes: etcd and kube-apiserver with RBAC on 127.0.0.1, kube-controller-manager when asked for.
    `server` is its URL, `kubeconfig` the administrator's file. Start it from the thread that outlives it: its processes
    are killed when that thread ends, so that a test that is killed leaves nothing behind."""

    def __init__(self, with_kcm=False, apiserver_args=()):
        self.binaries = {name: tool(name) for name in ("etcd", "kube-apiserver", "kubectl")}
        if with_kcm:
            self.binaries["kube-controller-manager"] = tool("kube-controller-manager")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="opvic-kube-"))
        self.local, self.connections = threading.local(), []
        self.pool = concurrent.futures.ThreadPoolExecutor(CREATORS)
        self.processes = []
        atexit.register(self.close)
        try:
            self._start(with_kcm, apiserver_args)
        except BaseException:
            self.tell()
            self.close()
            raise

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.tell()
        self.close()

    def tell(self):
        for process in self.processes:
            print(f"---- end of {process.name}.log\n{process.tail(15)}", file=sys.stderr)

    def close(self):
        atexit.unregister(self.close)
        self.pool.shutdown()
        for connection in self.connections:
            connection.close()
        for process in reversed(self.processes):
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- the servers

    def _start(self, with_kcm, apiserver_args):
        self.etcd_port, etcd_peer_port, self.port = free_ports(3)
        self.server = f"https://127.0.0.1:{self.port}"
        self.pki = Pki(self.folder / "pki", "kube-ca")
        self.ca = self.pki.ca
        self.etcd = self._add("etcd", etcd_flags(self.folder / "etcd", self.etcd_port, etcd_peer_port))
        self.apiserver = self._add("kube-apiserver", self._apiserver_flags() + list(apiserver_args))
        self.admin = self.pki.client("admin", "/O=system:masters/CN=admin")
        self.tls = ssl.create_default_context(cafile=self.ca)
        self.anonymous_tls = ssl.create_default_context(cafile=self.ca)
        self.tls.load_cert_chain(*self.admin)
        self.kubeconfig = write_kubeconfig(self.folder / "kubeconfig", self.server, self.ca, certificate=self.admin)
        self.wait_ready()
        if with_kcm:
            self.kcm = self._add("kube-controller-manager", self._kcm_flags())

    def _add(self, name, flags):
        argv = ["setpriv", "--pdeathsig", "KILL", self.binaries[name], *[f"--{k}={v}" for k, v in flags]]
        process = Process(name, argv, self.folder)
        self.processes.append(process)
        return process.start()

    def _apiserver_flags(self):
        certificate, key = self.pki.server(
            "apiserver", "IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:10.0.0.1")
        self.sa_key, public = self.pki.signing_key("sa")
        return [("bind-address", "127.0.0.1"), ("advertise-address", "127.0.0.1"), ("secure-port", self.port),
                ("etcd-servers", f"http://127.0.0.1:{self.etcd_port}"), ("cert-dir", self.folder / "pki"),
                ("tls-cert-file", certificate), ("tls-private-key-file", key), ("client-ca-file", self.ca),
                ("service-account-key-file", public), ("service-account-signing-key-file", self.sa_key),
                ("service-account-issuer", self.server + "/"), ("authorization-mode", "RBAC"),
                ("disable-admission-plugins", "ServiceAccount"), ("allow-privileged", "true"),
                ("service-cluster-ip-range", "10.0.0.0/24")]

    def _kcm_flags(self):
        return [("kubeconfig", self.kubeconfig), ("authentication-kubeconfig", self.kubeconfig),
                ("authorization-kubeconfig", self.kubeconfig), ("bind-address", "127.0.0.1"), ("secure-port", 0),
                ("leader-elect", "false"), ("use-service-account-credentials", "false"),
                ("service-account-private-key-file", self.sa_key), ("root-ca-file", self.ca), ("kube-api-qps", 200),
                ("kube-api-burst", 400),
                ("controllers", "*,-pod-garbage-collector-controller")]  # which deletes pods of nodes that do not exist

    def wait_ready(self):
        def ready():
            for process in self.processes:
                if not process.alive():
                    raise AssertionError(f"{process.name} ended with {process.child.returncode}")
            return self.api("GET", "/readyz", timeout=5).body == b"ok"
        until("kube-apiserver ready", ready, START_S)

    def stop_apiserver(self):
        """SIGTERM: clients see their watches end. etcd keeps the objects; start_apiserver is on the same port."""
        self.apiserver.stop(START_S)

    def kill_apiserver(self):
        self.apiserver.kill()

    def start_apiserver(self):
        self.apiserver.start()
        self.wait_ready()

    def restart_apiserver(self):
        self.kill_apiserver()
        self.start_apiserver()

    def compact(self):
        """Forgets etcd's history up to now: older resourceVersions and continue tokens are 410 once the server's own cache
        is gone too (restart_apiserver)."""
        revision = self._etcd("/v3/kv/range", {"key": base64.b64encode(b"\0").decode(), "count_only": True})["header"]["revision"]
        self._etcd("/v3/kv/compaction", {"revision": revision, "physical": True})

    def _etcd(self, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.etcd_port, timeout=30)
        try:
            connection.request("POST", path, json.dumps(body))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    # ---- raw requests

    def api(self, method, path, body=None, content_type="application/json", headers=None, token=None, timeout=60):
        """One request as the administrator, or with a token; body is JSON or bytes. Each thread keeps its connection."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        all_headers = {"Accept": "application/json", **({"Content-Type": content_type} if body else {}), **(headers or {})}
        if token:
            all_headers["Authorization"] = f"Bearer {token}"
            return exchange(self._connect(self.anonymous_tls, timeout), method, path, body, all_headers, close=True)
        connection, used = getattr(self.local, "connection", None), getattr(self.local, "used", 0)
        if connection and time.monotonic() - used > IDLE_S:
            connection.close()  # and opened by the request
        self.local.used = time.monotonic()
        fresh = connection is None
        if fresh:
            self.local.connection = self._connect(self.tls, timeout)
            self.connections.append(self.local.connection)
        self.local.connection.timeout = timeout
        if self.local.connection.sock:
            self.local.connection.sock.settimeout(timeout)
        try:
            return exchange(self.local.connection, method, path, body, all_headers)
        except (OSError, http.client.HTTPException):
            self.local.connection.close()
            self.connections.remove(self.local.connection)
            self.local.connection = None
            if fresh or method != "GET":
                raise
            return self.api(method, path, None, content_type, headers, None, timeout)

    def _connect(self, tls, timeout):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=tls)

    def get(self, path):
        """The object or list there."""
        return accepted(self.api("GET", path), "GET", path).json()

    def patch(self, path, body):
        """A merge patch, also of a status; the object afterwards."""
        return accepted(self.api("PATCH", path, body, MERGE), "PATCH", path).json()

    def delete(self, path):
        return accepted(self.api("DELETE", f"{path}{'&' if '?' in path else '?'}gracePeriodSeconds=0"), "DELETE", path).json()

    # ---- as a user would

    def kubectl(self, *args, input=None, kubeconfig=None):
        """What kubectl prints; Refused with what it says when it fails."""
        args = [str(a) for a in args]
        done = subprocess.run([self.binaries["kubectl"], *args], input=input, capture_output=True, text=True, env=self.env(kubeconfig))
        if done.returncode:
            raise Refused(args, done.stderr.strip())
        return done.stdout

    def env(self, kubeconfig=None):
        """For programs that find their cluster by KUBECONFIG."""
        path = f"{pathlib.Path(self.binaries['kubectl']).parent}:{os.environ.get('PATH', '')}"
        return {**os.environ, "KUBECONFIG": str(kubeconfig or self.kubeconfig), "HOME": str(self.folder), "PATH": path}

    def apply(self, *manifests):
        """Texts of YAML or objects."""
        texts = [m if isinstance(m, str) else json.dumps(m) for m in manifests]
        return self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input="".join(f"---\n{t}\n" for t in texts))

    def namespace(self, name):
        answer = self.api("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        if answer.status != 409:
            accepted(answer, "POST", f"namespace {name}")

    def install_crd(self):
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", CRDS)
        until("VersionTrackers are served", lambda: self.api("GET", f"{TRACKERS}/versiontrackers").status == 200)

    def tracker(self, name, namespace="opvic"):
        return self.get(f"{TRACKERS}/namespaces/{namespace}/versiontrackers/{name}")

    # ---- an agent with the chart's rights

    def agent_token(self, name="agent", namespace="opvic", seconds=3600):
        """A token (>= 600 s) of the service account `name`, made when absent, which has the chart's ClusterRole alone."""
        self.namespace(namespace)
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        if self.api("GET", f"{accounts}/{name}").status == 404:
            self.apply(AGENT_ROLE.read_text(), {
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": f"{namespace}-{name}"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "opvic-agent"},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]},
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
        path = f"{accounts}/{name}/token"
        return accepted(self.api("POST", path, request), "POST", path).json()["status"]["token"]

    def agent_kubeconfig(self, name="agent", **token_options):
        """A kubeconfig with such a token."""
        token = self.agent_token(name, **token_options)
        return write_kubeconfig(self.folder / f"kubeconfig-{name}", self.server, self.ca, token=token)

    # ---- objects

    def create(self, path, objects, statuses=None):
        """Creates them below a collection's path, several at a time; statuses: one each, patched afterwards."""
        def one(item):
            body, status = item
            accepted(self.api("POST", path, body), "POST", path)
            if status is not None:
                self.patch(f"{path}/{body['metadata']['name']}/status", {"status": status})
        items = zip(objects, statuses or [None] * len(objects))
        for done in [self.pool.submit(one, item) for item in items]:
            done.result()

    def pods(self, count, namespace="default", prefix="pod", image="registry.test/team/app:v1.0.0", labels=None, status=True, size=9000):
        """Realistic pods of about `size` bytes, PREFIX-0 and so on; image and labels may be functions of the number."""
        self.namespace(namespace)
        manifests = []
        for i in range(count):
            manifests.append(pod_manifest(f"{prefix}-{i}", image=image(i) if callable(image) else image,
                                          labels=labels(i) if callable(labels) else labels or {"app": prefix}, size=size))
        self.create(f"/api/v1/namespaces/{namespace}/pods", manifests, [running_status(m) for m in manifests] if status else None)
        return [m["metadata"]["name"] for m in manifests]

    def run_pods(self, namespace):
        """What kubelets would do: every pod of the namespace that is not running yet is running and ready; how many."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        waiting = [p for p in self.get(path)["items"] if p["status"].get("phase") != "Running"]
        for pod in waiting:
            answer = self.api("PATCH", f"{path}/{pod['metadata']['name']}/status", {"status": running_status(pod)}, MERGE)
            if answer.status != 404:  # deleted meanwhile
                accepted(answer, "PATCH", path)
        return len(waiting)

    def load(self, count, namespace="bulk"):
        """`count` pods of 9-10 KB by the fastest means: labels app=a0..a99, images example.test/app0..99:v1.0..19.0."""
        self.namespace(namespace)
        program = tool("kube-pods", required=False)
        if program:
            subprocess.run([program, "-n", str(count), "-ns", namespace, "-env", "40", "-status", "-server", self.server, "-pki",
                            self.pki.folder], check=True, stdout=subprocess.DEVNULL, env=self.env())
            return
        self.pods(count, namespace, "app", lambda i: f"example.test/app{i % 100}:v{i % 19 + 1}.0", lambda i: {"app": f"a{i % 100}"})


def etcd_flags(folder, port, peer_port):
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    return [("data-dir", folder), ("listen-client-urls", client), ("advertise-client-urls", client), ("listen-peer-urls", peer),
            ("initial-advertise-peer-urls", peer), ("initial-cluster", f"default={peer}"), ("unsafe-no-fsync", "true"),
            ("quota-backend-bytes", 4 << 30)]


def exchange(connection, method, path, body, headers, close=False):
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        if close:
            connection.close()


def accepted(answer, method, path):
    if answer.status >= 300:
        raise AssertionError(f"{method} {path}: {answer.status} {answer.text()[:500]}")
    return answer


def write_kubeconfig(file, server, ca, token=None, certificate=None):
    """certificate: (certificate's file, key's file)."""
    data = lambda path: base64.b64encode(pathlib.Path(path).read_bytes()).decode()
    user = {"token": token} if token else {"client-certificate-data": data(certificate[0]), "client-key-data": data(certificate[1])}
    file = pathlib.Path(file)
    file.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority-data": data(ca)}}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}, indent=1))
    return file
