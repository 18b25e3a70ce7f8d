"""Does what kubelets would: runs the pods of a cluster without nodes, as processes of this machine with what the pods say."""
import base64
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import traceback

from support.kube import MERGE, accepted, tool, write_kubeconfig
from support.stack import BIN, Service, free_ports, nats_server_binary, request

LISTENS = re.compile(r":(\d+)")
NATS_PORTS = {"http_port: 8222": "http", "port: 4222": "listen", "port: 6222": "listen"}


def nats_server():
    """The newest at hand, as an image would have."""
    return tool("nats-server", required=False) or nats_server_binary()


def program(container):
    """The binary of a container: that of its command, else the one that its image is named after."""
    if container.get("command"):
        return nats_server()
    return BIN / container["image"].rsplit("/", 1)[-1].split(":")[0]


def conditions(ready=True):
    return [{"type": t, "status": "True" if ready else "False"} for t in ("Initialized", "Ready", "ContainersReady", "PodScheduled")]


class Kubelet(contextlib.AbstractContextManager):
    """Of one namespace. Pods that end (of Jobs and tests) are run as they appear, the others by start(). Addresses of
    Services, "name:port", are those of the processes that stand behind them; files are where the mounts are."""

    def __init__(self, kube, namespace):
        self.kube, self.namespace = kube, namespace
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="opvic-kubelet-"))
        self.addresses, self.processes, self.ended = {}, {}, []  # ended: (pod, container, exit status, output)
        self.stopping, self.failure = threading.Event(), None
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def __exit__(self, kind, *_):
        self.stopping.set()
        self.thread.join()
        for process in reversed(list(self.processes.values())):
            process.kill()
            if kind:
                print(f"---- end of {process.name}.log\n{process.tail(15)}")
        if kind:
            print(f"---- pods that ended: {self.ended}", self.failure or "")
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- pods that end

    def _watch(self):
        seen = set()
        while not self.stopping.wait(0.1):
            try:
                for pod in self.pods():
                    if pod["spec"]["restartPolicy"] != "Always" and pod["metadata"]["uid"] not in seen:
                        seen.add(pod["metadata"]["uid"])
                        self._run_to_end(pod)
            except Exception:  # told at the end; the test sees that nothing ends
                self.failure = traceback.format_exc()

    def _run_to_end(self, pod):
        results = []
        for container in pod["spec"]["containers"]:
            argv, env = self._command(pod, container)
            done = subprocess.run(argv, capture_output=True, text=True, env=env, timeout=120)
            self.ended.append((pod["metadata"]["name"], container["name"], done.returncode, done.stdout + done.stderr))
            results.append(done.returncode)
        self.status(pod, {"phase": "Failed" if any(results) else "Succeeded"})

    # ---- pods that stay

    def start(self, pod):
        """Its only container, with its own ports; ready by its readiness probe's path."""
        container, = pod["spec"]["containers"]
        name = pod["metadata"]["name"]
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        own = {p: self._promised(pod, p) or free for p, free in zip(ports.values(), free_ports(len(ports)))}
        self._announce(pod, own)
        argv, env = self._command(pod, container, own)
        probe = container["readinessProbe"]["httpGet"]
        process = PodProcess(name, argv, self.folder, own[ports[probe["port"]]], env, probe["path"])
        process.ports = {p: own[n] for p, n in ports.items()}
        self.processes[name] = process.start()
        return process

    def ready(self, pod):
        self.status(pod, {"phase": "Running", "conditions": conditions()})

    def _announce(self, pod, own):
        """Services that select it lead to it."""
        labels = pod["metadata"]["labels"]
        for service in self.kube.get(f"/api/v1/namespaces/{self.namespace}/services")["items"]:
            selector = service["spec"].get("selector") or {}
            if not selector or not selector.items() <= labels.items():
                continue
            named = {p["name"]: p["containerPort"] for p in pod["spec"]["containers"][0]["ports"]}
            for port in service["spec"]["ports"]:
                target = named.get(port["targetPort"], port["targetPort"])
                for host in (service["metadata"]["name"], f"{pod['metadata']['name']}.{service['metadata']['name']}"):
                    self.addresses[f"{host}:{port['port']}"] = f"127.0.0.1:{own[target]}"

    def promise(self, pods):
        """Ports for the routes of pods that must know each other before they run."""
        for pod, port in zip(pods, free_ports(len(pods))):
            self.addresses[f"{pod['metadata']['name']}.{pod['spec']['subdomain']}:6222"] = f"127.0.0.1:{port}"

    def _promised(self, pod, port):
        said = self.addresses.get(f"{pod['metadata']['name']}.{pod['spec'].get('subdomain')}:{port}")
        return int(said.rsplit(":", 1)[1]) if said else None

    # ---- what a container is told

    def _command(self, pod, container, own=None):
        swaps = dict(self.addresses)
        for mount in container.get("volumeMounts", []):
            swaps[mount["mountPath"]] = str(self._volume(pod, mount["name"], own or {}))
        env = {k: self._swap(v, swaps, own or {}) for k, v in self._environment(pod, container).items()}
        if pod["spec"].get("automountServiceAccountToken"):
            env["KUBECONFIG"] = str(self._kubeconfig(pod["spec"]["serviceAccountName"]))
        words = (container.get("command") or ["x"])[1:] + container.get("args", [])
        return [str(program(container)), *[self._swap(w, swaps, {}) for w in words]], {"PATH": "/usr/bin:/bin", **env}

    @staticmethod
    def _swap(text, swaps, own):
        for old, new in sorted(swaps.items(), key=lambda x: -len(x[0])):
            text = text.replace(old, new)
        listens = LISTENS.fullmatch(text)
        return f"127.0.0.1:{own[int(listens[1])]}" if listens and int(listens[1]) in own else text

    def _environment(self, pod, container):
        out = {}
        for source in container.get("envFrom", []):
            out.update(self.secret(source["secretRef"]["name"]))
        for row in container.get("env", []):
            value, source = row.get("value", ""), row.get("valueFrom", {})
            if "secretKeyRef" in source:
                value = self.secret(source["secretKeyRef"]["name"])[source["secretKeyRef"]["key"]]
            elif "fieldRef" in source:
                value = pod["metadata"][source["fieldRef"]["fieldPath"].split(".")[1]]
            out[row["name"]] = re.sub(r"\$\((\w+)\)", lambda m: out.get(m[1], m[0]), value)
        return out

    def _volume(self, pod, name, own):
        volume = next(v for v in pod["spec"]["volumes"] if v["name"] == name)
        folder = self.folder / pod["metadata"]["name"] / name
        folder.mkdir(parents=True, exist_ok=True)
        if "secret" in volume:
            files, items = self.secret(volume["secret"]["secretName"]), volume["secret"].get("items")
        elif "configMap" in volume:
            files, items = self.get("configmaps", volume["configMap"]["name"])["data"], volume["configMap"].get("items")
        else:
            return folder
        for item in items or [{"key": k, "path": k} for k in files]:
            (folder / item["path"]).write_text(self._config(pod, files[item["key"]], own))
        return folder

    def _config(self, pod, text, own):
        """A file's text, with NATS at its own ports and folders."""
        for said, setting in NATS_PORTS.items():
            number = int(said.rsplit(" ", 1)[1])
            if number in own:
                text = text.replace(said, f"{setting}: 127.0.0.1:{own[number]}")
        for mount in sorted(pod["spec"]["containers"][0].get("volumeMounts", []), key=lambda m: -len(m["mountPath"])):
            text = text.replace(f'"{mount["mountPath"]}', f'"{self.folder / pod["metadata"]["name"] / mount["name"]}')
        return text

    def _kubeconfig(self, account):
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{account}/token"
        token = accepted(self.kube.api("POST", path, {"spec": {"expirationSeconds": 3600}}), "POST", path).json()["status"]["token"]
        return write_kubeconfig(self.folder / f"kubeconfig-{account}", self.kube.server, self.kube.ca, token=token)

    # ---- the API server

    def get(self, plural, name):
        return self.kube.get(f"/api/v1/namespaces/{self.namespace}/{plural}/{name}")

    def secret(self, name):
        return {k: base64.b64decode(v).decode() for k, v in (self.get("secrets", name).get("data") or {}).items()}

    def pods(self, component=None):
        items = self.kube.get(f"/api/v1/namespaces/{self.namespace}/pods")["items"]
        wanted = [p for p in items if component in (None, p["metadata"].get("labels", {}).get("app.kubernetes.io/component"))]
        return sorted(wanted, key=lambda p: p["metadata"]["name"])

    def status(self, pod, status):
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}/status"
        return self.kube.api("PATCH", path, json.dumps({"status": status}).encode(), MERGE)


class PodProcess(Service):
    """A container's process, with the environment of its pod alone."""

    def __init__(self, name, argv, folder, port, env, ready_path):
        super().__init__(name, argv, folder, port, env)
        self.ready_path = ready_path

    def start(self):
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(self.argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self.env)
        return self

    def is_ready(self):
        return request(self.url, "GET", self.ready_path, timeout=5).status == 200
