"""Runs the real helm on the chart, and reads what it renders."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from support.kube import tool
from support.stack import ROOT, skip

try:
    import yaml
except ImportError:
    skip("Python's yaml is missing (Debian: python3-yaml)")

CHART = ROOT / "deploy/helm/opvic"
KUBERNETES = "1.34.0"  # that helm renders for where it asks no server


class HelmFailed(AssertionError):
    """helm failed; text is what it said."""

    def __init__(self, args, text):
        super().__init__(f"helm {' '.join(args)}: {text}")
        self.text = text


class Helm(contextlib.AbstractContextManager):
    """helm with a home of its own; with a Kube also against that cluster."""

    def __init__(self, kube=None):
        self.binary, self.kube = tool("helm"), kube
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="opvic-helm-"))
        self.values_count = 0

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def __call__(self, *args, values=None):
        """What helm prints; values are a file's name or an object."""
        args = [str(a) for a in args] + (["--values", self.file(values)] if values is not None else [])
        home = {f"HELM_{name}_HOME": str(self.folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        env = {**(self.kube.env() if self.kube else {**os.environ, "KUBECONFIG": "/nonexistent"}), **home}
        done = subprocess.run([self.binary, *args], capture_output=True, text=True, env=env, timeout=300)
        if done.returncode:
            raise HelmFailed(args, done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def file(self, values):
        if isinstance(values, (str, pathlib.Path)):
            return str(values)
        self.values_count += 1
        file = self.folder / f"values-{self.values_count}.yaml"
        file.write_text(json.dumps(values))
        return str(file)

    def render(self, values, *args, release="opvic", namespace="opvic", chart=CHART):
        """The manifests' text."""
        return self("template", release, chart, "--namespace", namespace, "--kube-version", KUBERNETES, *args, values=values)


def objects(text):
    return [o for o in yaml.safe_load_all(text) if o]


def load(file):
    return yaml.safe_load(pathlib.Path(file).read_text())


def key(thing):
    return thing["kind"], thing["metadata"]["name"]


def by_key(things):
    return {key(o): o for o in things}


def pod_of(thing):
    """The pod's spec in it; None for what has none."""
    if thing["kind"] == "Pod":
        return thing["spec"]
    return thing.get("spec", {}).get("template", {}).get("spec") if thing["kind"] in ("Deployment", "StatefulSet", "Job") else None


def containers(things):
    """(object, container) of every pod."""
    return [(o, c) for o in things for c in (pod_of(o) or {}).get("containers", [])]
