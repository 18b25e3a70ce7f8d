"""The stack of deploy/compose as make up starts it, with a project, a port and a folder of its own; containers are killed for real."""
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from support.stack import ROOT, free_ports, request, skip, until

# Clones side by side do not take each other's images.
TAG = "check-" + hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
SERVICES = ("collector", "aggregator", "fetcher", "api")
PREFIX = os.environ.get("IMAGE_PREFIX", "")


def run(*argv, env=None, timeout=600, check=True):
    """Its stdout; a failure shows all that it said."""
    ended = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=timeout, cwd=ROOT,
                           env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL)
    if check and ended.returncode:
        raise AssertionError(f"{' '.join(map(str, argv))}: {ended.returncode}\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}")
    return ended.stdout


def docker(*argv, timeout=120, check=True):
    return run("docker", *argv, timeout=timeout, check=check)


def need_docker():
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True).returncode:
        skip("no Docker daemon")


def build_images():
    """The four images of this tree: cached by Docker where nothing changed."""
    run("scripts/docker-build", env={"IMAGE_TAG": TAG, "IMAGE_PREFIX": PREFIX}, timeout=1800)
    return {service: f"{PREFIX}opvic-{service}:{TAG}" for service in SERVICES}


class Container:
    """One container by its id, whatever process runs in it now."""

    def __init__(self, name, identity):
        self.name, self.id = name, identity

    def inspect(self):
        return json.loads(docker("inspect", self.id))[0]

    def pid(self):
        return self.inspect()["State"]["Pid"]

    def kill(self):
        """kill -9 from outside, as a crash: Docker takes its own kill for the operator's wish, and restarts nothing."""
        pid = self.pid()
        if os.geteuid() == 0:
            os.kill(pid, signal.SIGKILL)
        else:
            docker("run", "--rm", "--pid", "host", "--user", "0:0", "--entrypoint", "/bin/sh",
                   f"{PREFIX}opvic-api:{TAG}", "-c", f"kill -9 {pid}")
        return pid

    def passes(self):
        """Its health check, run now."""
        state = self.inspect()
        if not state["State"]["Running"]:
            return False
        test = state["Config"]["Healthcheck"]["Test"][1:]
        return subprocess.run(["docker", "exec", self.id, *test], capture_output=True, timeout=30).returncode == 0

    def back(self, deadline_s, former_pid=None):
        """Another process runs, and its health check passes; how long that took."""
        began = time.monotonic()
        until(f"{self.name} runs again", lambda: self.pid() not in (0, former_pid), deadline_s)
        until(f"{self.name} is healthy", self.passes, deadline_s - (time.monotonic() - began))
        return time.monotonic() - began


class Compose(contextlib.AbstractContextManager):
    def __init__(self, name, files):
        build_images()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="opvic-deploy-"))
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.project = f"opvic{name}{os.getpid()}"
        self.env_file = self.folder / ".env"
        self.env = {"OPVIC_ENV_FILE": str(self.env_file)}
        self.first = {"COMPOSE_PROJECT_NAME": self.project, "OPVIC_PORT": str(self.port), "COMPOSE_FILE": ":".join(files),
                      "SECRETS_DIR": str(self.folder / "secrets"),
                      "RECORDED_CLUSTERS_DIR": str(self.folder / "clusters"), "IMAGE_TAG": TAG, "IMAGE_PREFIX": PREFIX}

    def __exit__(self, kind, error, trace):
        if kind:
            print(run("scripts/compose", "ps", env=self.env, check=False), file=sys.stderr)
            print(run("scripts/compose", "logs", "--no-color", "--tail=15", env=self.env, check=False), file=sys.stderr)
        self.down(volumes=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def up(self, **knobs):
        """What it prints; the first time the stack's own knobs are given, later they stand in the file."""
        given = {} if self.env_file.exists() else self.first
        return run("make", "up", *[f"{k}={v}" for k, v in {**self.env, **given, **knobs}.items()])

    def refused(self, **knobs):
        """Why make up does not start with these, in the lines that scripts/up wrote."""
        ended = subprocess.run([ROOT / "scripts/up"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                               env={**os.environ, **self.env, **knobs})
        assert ended.returncode, ended.stdout
        return ended.stderr.splitlines()

    def down(self, volumes=False):
        run("make", "down", *[f"{k}={v}" for k, v in self.env.items()], *(["VOLUMES=1"] if volumes else []))

    def compose(self, *argv):
        return run("scripts/compose", *argv, env=self.env)

    def knob(self, name):
        return dict(line.split("=", 1) for line in self.env_file.read_text().splitlines() if "=" in line and line[0] != "#")[name]

    def containers(self, service=None):
        wanted = ["--filter", f"label=com.docker.compose.project={self.project}"]
        if service:
            wanted += ["--filter", f"label=com.docker.compose.service={service}"]
        lines = docker("ps", "-a", "--no-trunc", *wanted, "--format", "{{.Names}} {{.ID}}").splitlines()
        return [Container(*line.split()) for line in sorted(lines)]

    def container(self, service):
        found = self.containers(service)
        assert len(found) == 1, [c.name for c in found]
        return found[0]

    def get(self, path, timeout=30):
        return request(self.url, "GET", f"/api/v1alpha1{path}", token=self.knob("CONTROLPLANE_AUTH_TOKEN"), timeout=timeout)
