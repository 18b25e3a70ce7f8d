"""Starts the real nats-server and the real binaries on free ports, kills them for real, and waits by polling."""
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("OPVIC_BIN", ROOT / "build/release/bin"))
TOKEN = "golden-token"
SANITIZED = os.environ.get("OPVIC_SANITIZED") == "1"
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")
DEADLINE_S = float(os.environ.get("OPVIC_TEST_DEADLINE", "30"))


def skip(reason):
    """Ends the suite as skipped, or as failed where every tool must be there."""
    print(f"skipped: {reason}")
    sys.exit(1 if os.environ.get("OPVIC_REQUIRE_TOOLS") == "1" else 77)


def nats_server_binary():
    found = os.environ.get("NATS_SERVER") or shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin")
    return found or skip("nats-server not found")


def free_ports(count):
    """Ports that nothing listens on, below those that the kernel gives to outgoing connections: nobody takes them meanwhile."""
    held = []
    try:
        while len(held) < count:
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", random.randrange(15000, 32000)))
                held.append(s)
            except OSError:
                s.close()
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


def until(what, condition, deadline_s=DEADLINE_S):
    """Polls condition until it gives something true, and returns that; the deadline's error says what was awaited."""
    end = time.monotonic() + deadline_s
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, http.client.HTTPException, ValueError, LookupError) as e:
            last = e
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what} (last: {str(last)[:500]})")
        time.sleep(0.02)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode()


def request(base, method, path, body=None, headers=None, token=None, timeout=20):
    """One request on a connection of its own; path is sent as it is."""
    parts = urllib.parse.urlsplit(base)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        all_headers = dict(headers or {})
        if token:
            all_headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, body=body, headers=all_headers)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before the body was read: the answer is there all the same
        response = connection.getresponse()
        return Answer(response.status, dict((k.lower(), v) for k, v in response.getheaders()), response.read())
    finally:
        connection.close()


class Process:
    """A program with its log; may be killed and started again with the same arguments."""

    def __init__(self, name, argv, folder, env=None, new_group=False):
        self.name, self.argv, self.env, self.new_group = name, [str(a) for a in argv], env or {}, new_group
        self.log = pathlib.Path(folder) / f"{name}.log"
        self.child = None

    def start(self):
        env = {**os.environ, **self.env}
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(self.argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=env,
                                          start_new_session=self.new_group)
        return self

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def kill(self):
        """kill -9"""
        if self.child:
            self.child.kill()
            self.child.wait()

    def stop(self, deadline_s=DEADLINE_S):
        """SIGTERM; the exit status."""
        if not self.child:
            return None
        if self.alive():
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop on SIGTERM within {deadline_s} s; log:\n{self.tail()}")

    def pause(self):
        self.child.send_signal(signal.SIGSTOP)

    def resume(self):
        self.child.send_signal(signal.SIGCONT)

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self, lines=30):
        return "\n".join(self.text().splitlines()[-lines:])


class Service(Process):
    """One of ours, with its HTTP port."""

    def __init__(self, name, argv, folder, port, env=None):
        super().__init__(name, argv, folder, env)
        self.url = f"http://127.0.0.1:{port}"

    def is_ready(self):
        return request(self.url, "GET", "/readyz", timeout=5).status == 200

    def wait_ready(self, deadline_s=DEADLINE_S):
        def ready():
            if not self.alive():
                raise AssertionError(f"{self.name} ended with {self.child.returncode}; log:\n{self.tail()}")
            return self.is_ready()
        try:
            until(f"{self.name} ready", ready, deadline_s)
        except AssertionError as e:
            raise AssertionError(f"{e}\nlog of {self.name}:\n{self.tail()}") from None
        return self

    def metric(self, name, labels=None):
        """The sum of the samples of that name whose labels include the given ones; None when there is none."""
        found = [v for n, l, v in samples(request(self.url, "GET", "/metrics").text())
                 if n == name and all(l.get(k) == x for k, x in (labels or {}).items())]
        return sum(found) if found else None


SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def samples(text):
    """Every sample of an exposition: (name, labels, value)."""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        if not match:
            raise AssertionError(f"not a sample: {line!r}")
        unescape = lambda v: re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], v)
        yield match[1], {k: unescape(v) for k, v in LABEL.findall(match[2] or "")}, float(match[3])


class Stack(contextlib.AbstractContextManager):
    """A whole pipeline in a folder of its own; what is started through it is stopped with it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="opvic-test-"))
        self.processes = []
        self.nats_port = free_ports(1)[0]
        self.nats_url = f"nats://127.0.0.1:{self.nats_port}"
        self.failed = False

    def __exit__(self, kind, error, trace):
        self.failed = kind is not None and not issubclass(kind, (KeyboardInterrupt,))
        for process in reversed(self.processes):
            if process.alive():
                process.resume()
                if SANITIZED and isinstance(process, Service):
                    process.stop(60)  # leaks are told at the end of a process
                process.kill()
        told = [f"{p.name}: {line}" for p in self.processes for line in p.text().splitlines() if SANITIZER.search(line)]
        if self.failed or told:
            for process in self.processes:
                print(f"---- end of {process.name}.log\n{process.tail(15)}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)
        if told and not self.failed:
            raise AssertionError(f"a sanitizer spoke: {told[:3]}")

    def add(self, process):
        self.processes.append(process)
        return process.start()

    # ---- the parts

    def nats(self, extra_config=""):
        config = self.folder / "nats.conf"
        config.write_text(f'listen: "127.0.0.1:{self.nats_port}"\n'
                          f'jetstream {{ store_dir: "{self.folder}/jetstream" }}\n{extra_config}\n')
        server = self.add(Process("nats-server", [nats_server_binary(), "-c", config], self.folder))
        self.nats_process = server
        self.wait_nats()
        return server

    def wait_nats(self):
        def accepts():
            with socket.create_connection(("127.0.0.1", self.nats_port), timeout=1) as s:
                return s.recv(4) == b"INFO"
        until("nats-server accepts", accepts)

    def service(self, program, name, args, port, env=None):
        return self.add(Service(name, [BIN / f"opvic-{program}", *args], self.folder, port,
                                {"NATS_URL": self.nats_url, **(env or {})}))

    def aggregator(self, *args, name="aggregator", env=None):
        port = free_ports(1)[0]
        return self.service("aggregator", name, ["--metrics-bind-address", f"127.0.0.1:{port}", *args], port, env)

    def fetcher(self, *args, name="fetcher", upstream=None, env=None):
        port = free_ports(1)[0]
        more = ["--provider.github.api-url", upstream] if upstream else []
        return self.service("fetcher", name, ["--metrics-bind-address", f"127.0.0.1:{port}", "--fetch.allow-cidrs",
                                              "127.0.0.0/8", *more, *args], port, env)

    def api(self, *args, name="api", env=None):
        port = free_ports(1)[0]
        return self.service("api", name, ["--controlplane.bind-address", f"127.0.0.1:{port}", *args], port,
                            {"CONTROLPLANE_AUTH_TOKEN": TOKEN, **(env or {})})

    def collector(self, agent, files, *args, name=None, env=None):
        metrics, health = free_ports(2)
        return self.service("collector", name or f"collector-{agent}",
                            ["--agent.identifier", agent, "--cluster.files", files, "--metrics-bind-address",
                             f"127.0.0.1:{metrics}", "--health-probe-bind-address", f"127.0.0.1:{health}", *args],
                            health, env)

    def upstream(self, *args, name="upstream"):
        ready = self.folder / f"{name}.url"
        server = self.add(Process(name, ["/usr/bin/python3", ROOT / "examples/upstream/server.py", "--ready-file",
                                         ready, *args], self.folder))
        until("the recorded upstream listens", lambda: ready.exists() and ready.read_text().strip())
        server.url = ready.read_text().strip()
        return server

    def pipeline(self, *upstream_args, aggregator_args=(), fetcher_args=()):
        """NATS, upstream, aggregator, fetcher, api; all ready."""
        self.nats()
        up = self.upstream(*upstream_args)
        aggregator = self.aggregator(*aggregator_args)
        fetcher = self.fetcher(*fetcher_args, upstream=up.url)
        api = self.api()
        for service in (aggregator, fetcher, api):
            service.wait_ready()
        return up, aggregator, fetcher, api


def get(api, path, token=TOKEN, headers=None):
    return request(api.url, "GET", path, token=token, headers=headers)


def post(api, body, path="/api/v1alpha1/agents", token=TOKEN, headers=None, timeout=20):
    """body: bytes, text, an iterator of bytes (sent in chunks), or what JSON takes."""
    if not isinstance(body, (bytes, str, Iterator)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    return request(api.url, "POST", path, body=body, token=token, timeout=timeout,
                   headers={"Content-Type": "application/json", **(headers or {})})


def report(agent, tracker, versions, remote=None, count=None, tags=None, kind="Pods"):
    """A POST body; versions: {running version: count}."""
    rows = [{"runningVersion": v, "resourceCount": n, "resourceKind": kind, "extractedFrom": f"registry.test/app:{v}"}
            for v, n in versions.items()]
    version = {"id": tracker, "namespace": "opvic", "count": sum(versions.values()) if count is None else count,
               "uniqVersions": list(versions), "versions": rows}
    if remote:
        version["remoteVersion"] = remote
    return {"agentId": agent, "agentTags": tags or {}, "version": version}


def github(repo, strategy="releases", pattern="", result="", constraint=None):
    remote = {"provider": "github", "strategy": strategy, "repo": repo,
              "extraction": {"regex": {"pattern": pattern, "result": result}}}
    return {**remote, "constraint": constraint} if constraint else remote


def helm(repo, chart, strategy="chartVersion"):
    return {"provider": "helm", "strategy": strategy, "repo": repo, "chart": chart,
            "extraction": {"regex": {"pattern": "", "result": ""}}}
