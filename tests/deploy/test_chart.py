"""The chart as helm renders it: what a real API server and our own programs take, what older users keep, what is refused."""
import copy
import functools
import http.server
import json
import os
import re
import subprocess
import tempfile
import threading
import unittest

from support.chart import BOTH, CASES, OLD, old_manifests, old_values
from support.helm import CHART, Helm, HelmFailed, by_key, containers, key, load, objects, pod_of, yaml
from support.kube import Kube
from support.kubelet import nats_server
from support.stack import BIN, ROOT, nats_server_binary

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
VERSION = load(CHART / "Chart.yaml")["version"]
MONITORS = ("ServiceMonitor", "PodMonitor")
FOREIGN = {"http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY"}  # curl's, which the fetcher heeds


def setUpModule():
    global helm, kube, texts, rendered
    helm = unittest.enterModuleContext(Helm())
    texts = {name: helm.render(values) for name, values in CASES.items()}
    rendered = {name: objects(text) for name, text in texts.items()}
    kube = unittest.enterModuleContext(Kube())
    kube.install_crd()
    kube.api("POST", "/api/v1/namespaces", {"metadata": {"name": "opvic", "labels": RESTRICTED}})
    kube.apply(*(monitor_definition(kind) for kind in MONITORS))


def monitor_definition(kind):
    """As much of the Prometheus operator's as it takes to accept one."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.monitoring.coreos.com"},
            "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]}}


class Rendered(unittest.TestCase):
    def test_lint(self):
        for name, values in CASES.items():
            with self.subTest(name):
                self.assertIn("0 chart(s) failed", helm("lint", "--strict", "--kube-version", "1.34.0", CHART, values=values))

    def test_twice_the_same(self):
        for name, values in CASES.items():
            with self.subTest(name):
                self.assertEqual(helm.render(values), texts[name])

    def test_names_are_used_once(self):
        for name, things in rendered.items():
            with self.subTest(name):
                self.assertEqual(len(by_key(things)), len(things))

    def test_no_secret_in_it(self):
        """What the chart itself makes up stands in no manifest."""
        kinds = {key(o) for o in rendered["three servers"] if o["kind"] == "Secret"}
        self.assertEqual(kinds, set())

    def test_the_api_server_takes_it(self):
        """Every object, in a namespace that asks for the Pod Security level "restricted"; warnings count as refusals."""
        count = 0
        for name, things in rendered.items():
            with self.subTest(name):
                self.assertEqual(self.dry_run(things), "")
                count += len(things)
                pods = [pod_as_object(o) for o in things if pod_of(o)]
                self.assertEqual(self.dry_run(pods), "", "pods themselves, which the server judges by their own")
        print(f"{count} objects of {len(rendered)} values accepted", flush=True)

    def dry_run(self, things):
        if not things:
            return ""
        done = subprocess.run([kube.binaries["kubectl"], "apply", "--dry-run=server", "--server-side", "-n", "opvic", "-f", "-"],
                              input=json.dumps({"apiVersion": "v1", "kind": "List", "items": things}), capture_output=True, text=True, env=kube.env())
        return done.stderr.strip()

    def test_workloads(self):
        """What holds for every pod of ours."""
        for name, things in rendered.items():
            for thing in things:
                spec = pod_of(thing)
                if not spec:
                    continue
                with self.subTest(f"{name}: {key(thing)}"):
                    needs_token = thing["metadata"]["labels"]["app.kubernetes.io/component"] in ("agent", "credentials")
                    self.assertIs(spec["automountServiceAccountToken"], needs_token)
                    self.assertFalse(spec["enableServiceLinks"], "variables of Services would be taken for settings")
                    for container in spec["containers"]:
                        self.assertIn("memory", container["resources"]["limits"])
                        stays = thing["kind"] in ("Deployment", "StatefulSet")
                        self.assertEqual("readinessProbe" in container and "livenessProbe" in container, stays)

    def test_one_agent(self):
        agent = by_key(rendered["all on"])["Deployment", "opvic-agent"]["spec"]
        self.assertEqual((agent["replicas"], agent["strategy"]["type"]), (1, "Recreate"))

    def test_an_api_that_ends_answers_who_still_comes(self):
        """Endpoints follow a pod's end by seconds. The kubelet does the waiting, since images have no shell."""
        spec = lambda *args: pod_of(by_key(objects(helm.render(BOTH, *args)))["Deployment", "opvic-control-plane"])
        pause = spec()["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        self.assertGreaterEqual(spec()["terminationGracePeriodSeconds"], pause + 25 + 5)
        self.assertNotIn("lifecycle", spec("--kube-version", "1.29.0")["containers"][0], "which does not know it")

    def test_budgets_only_for_several(self):
        self.assertEqual([o for o in rendered["quickstart"] if key(o) == ("PodDisruptionBudget", "opvic-nats")], [])
        budgets = {k[1]: o["spec"]["maxUnavailable"] for k, o in by_key(rendered["all on"]).items() if k[0] == "PodDisruptionBudget"}
        self.assertEqual(budgets, {f"opvic-{c}": 1 for c in ("control-plane", "aggregator", "fetcher", "nats")})

    def test_metrics_are_not_on_the_ingress(self):
        values = {"controlplane": {"enabled": True, "ingress": {"enabled": True}}}
        paths = lambda extra: [(p["path"], p["pathType"]) for p in by_key(objects(helm.render({**values, **extra})))[
            "Ingress", "opvic-control-plane"]["spec"]["rules"][0]["http"]["paths"]]
        self.assertEqual(paths({}), [("/api", "Prefix"), ("/healthz", "Exact"), ("/readyz", "Exact")])
        self.assertEqual(paths({"metrics": {"public": True}}), [("/", "Prefix")])
        values["controlplane"]["ingress"]["hosts"] = [{"host": "a", "paths": [{"path": "/*", "pathType": "ImplementationSpecific"}]}]
        self.assertEqual([p for p, _ in paths({})], ["/api/*", "/healthz", "/readyz"])

    def test_more_variables(self):
        """As text, which may use the values, or as a list; for all of what the Go control plane was; the last one counts."""
        for extra in ("- name: CACHE_EXPIRATION\n  value: {{ .Release.Name }}\n- name: X\n  value: a\n",
                      [{"name": "CACHE_EXPIRATION", "value": "opvic"}, {"name": "X", "value": "a"}]):
            values = {"controlplane": {"enabled": True, "extraEnv": extra, "extraEnvFrom": [{"configMapRef": {"name": "more"}}]},
                      "fetcher": {"extraEnv": "- {name: X, value: b}"}}
            found = by_key(objects(helm.render(values)))
            for component, x in (("control-plane", "a"), ("aggregator", "a"), ("fetcher", "b")):
                container, = pod_of(found["Deployment", f"opvic-{component}"])["containers"]
                told = [(e["name"], e.get("value")) for e in container["env"]]
                self.assertEqual(len(dict(told)), len(told), "no name twice")
                self.assertLessEqual({("CACHE_EXPIRATION", "opvic"), ("X", x)}, set(told), component)
                self.assertIn({"configMapRef": {"name": "more"}}, container["envFrom"])

    def test_network_policies(self):
        policy = lambda values, name: by_key(objects(helm.render({**BOTH, "networkPolicy": {"enabled": True}, **values})))[
            "NetworkPolicy", f"opvic-{name}"]["spec"]
        ports = lambda rules: [p["port"] for r in rules for p in r["ports"]]
        self.assertEqual(ports(policy({}, "fetcher")["egress"]), [53, 53, 4222, 443, 80])
        behind = {"fetcher": {"fetch": {"proxy": {"url": "http://u:p@proxy:3128/"}, "allowCidrs": ["10.0.0.0/8"]}}}
        fetcher = policy(behind, "fetcher")["egress"]
        self.assertEqual(ports(fetcher[:-1]), [53, 53, 4222, 3128])
        self.assertEqual(fetcher[-1], {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]})
        elsewhere = {"nats": {"url": "tls://a.example:4443,nats://b.example,nats://u:1p@[fd00::7]:4333,nats://[fd00::7]"}}
        self.assertEqual(ports(policy(elsewhere, "aggregator")["egress"]), [53, 53, 4443, 4222, 4333, 4222])
        six = {"fetcher": {"fetch": {"proxy": {"url": "http://[fd00::7]:3128/"}}}}
        self.assertEqual(ports(policy(six, "fetcher")["egress"]), [53, 53, 4222, 3128])
        bus, = [r for r in policy({}, "nats")["ingress"] if ports([r]) == [4222]]
        self.assertEqual(bus["from"][0]["podSelector"]["matchExpressions"][0]["values"], ["agent", "aggregator", "control-plane", "fetcher"])

    def test_the_bus_is_full_before_its_volume(self):
        for size, most in (("10Gi", "9216Mi"), ("1Ti", "921Gi"), ("500Mi", "460800Ki"), ("20G", "18000M"), ("3T", "2700G"), ("100M", "90000K")):
            config = by_key(objects(helm.render({**BOTH, "nats": {"persistence": {"size": size}}})))["ConfigMap", "opvic-nats"]["data"]["nats.conf"]
            self.assertIn(f"max_file_store: {most}\n", config)

    def test_a_change_starts_pods_anew(self):
        def template(component, change):
            values = copy.deepcopy(BOTH)
            values["sharedAuthentication"] = {"token": "a"}
            merge(values, change)
            kind = "StatefulSet" if component == "nats" else "Deployment"
            return by_key(objects(helm.render(values)))[kind, f"opvic-{component}"]["spec"]["template"]
        for component, change in (("nats", {"nats": {"auth": {"remoteAgents": ["b"]}}}), ("control-plane", {"sharedAuthentication": {"token": "b"}}),
                                  ("fetcher", {"controlplane": {"providers": {"github": {"token": "b"}}}})):
            with self.subTest(component):
                self.assertNotEqual(template(component, {})["metadata"].get("annotations"), template(component, change)["metadata"]["annotations"])


def merge(into, what):
    for name, value in what.items():
        if isinstance(value, dict):
            merge(into.setdefault(name, {}), value)
        else:
            into[name] = value


def pod_as_object(thing):
    """The template as a pod, which admission refuses where it only warns of a Deployment. Claims become empty volumes."""
    if thing["kind"] == "Pod":
        return thing
    spec = copy.deepcopy(pod_of(thing))
    for claim in thing["spec"].get("volumeClaimTemplates", []):
        spec["volumes"].append({"name": claim["metadata"]["name"], "emptyDir": {}})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{thing['kind'].lower()}-{thing['metadata']['name']}"}, "spec": spec}


class Settings(unittest.TestCase):
    """Our programs know every variable and flag, and take every value."""

    @classmethod
    def setUpClass(cls):
        cls.known = {}
        for name in ("collector", "aggregator", "fetcher", "api"):
            cls.known[f"opvic-{name}"] = json.loads(subprocess.run([BIN / f"opvic-{name}", "--settings-json"], check=True, capture_output=True).stdout)

    def test_known_and_taken(self):
        count = 0
        for name, things in rendered.items():
            for thing, container in containers(things):
                program = container["image"].rsplit("/", 1)[-1].split(":")[0]
                if program not in self.known:
                    continue
                with self.subTest(f"{name}: {key(thing)} {container['name']}"):
                    count += self.check(program, container, secrets_of(things))
        print(f"{count} variables and flags of our programs taken by them", flush=True)

    def check(self, program, container, secrets):
        rows = self.known[program]
        flags, variables = {f"--{r['flag']}" for r in rows}, {r["env"] for r in rows}
        args = container.get("args", [])
        if "--probe" in args and "--probe" not in flags:
            args = [a for a in args if a != "--probe"]
        env = {e["name"]: e.get("value", "1") for e in container.get("env", [])}
        for source in container.get("envFrom", []):
            env.update(secrets.get(source["secretRef"]["name"], {"CONTROLPLANE_AUTH_TOKEN": "t"}))
        self.assertLessEqual({n for n in env if n not in FOREIGN and "CONTROLPLANE_AUTH_TOKEN" != n}, variables)
        done = subprocess.run([BIN / program, *args, "--no-such-flag"], capture_output=True, text=True, timeout=20,
                              env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **env})
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done.stderr)
        self.assertIn("no-such-flag", done.stderr)
        return len(env) + len(args)

    def test_nats_takes_its_configuration(self):
        for server in {nats_server(), nats_server_binary()}:
            for name, things in rendered.items():
                found = by_key(things)
                for (kind, config), thing in found.items():
                    if kind != "ConfigMap" or name == "all on":  # with TLS it reads the files: see the release
                        continue
                    with self.subTest(f"{server}: {name}"), tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
                        file.write(thing["data"]["nats.conf"])
                        file.flush()
                        container, = pod_of(found["StatefulSet", config])["containers"]
                        done = subprocess.run([server, "-t", "-c", file.name], capture_output=True, text=True, env=nats_env(container))
                        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


def leaves(schema, root, path=()):
    """(path, whether null may stand there) of each value that is no section."""
    for name, member in schema["properties"].items():
        member = root["definitions"][member["$ref"].rsplit("/", 1)[-1]] if "$ref" in member else member
        if "properties" in member:
            yield from leaves(member, root, (*path, name))
        else:
            yield (*path, name), "null" in member["type"]


def without(values, *paths):
    values = copy.deepcopy(values)
    for *sections, name in paths:
        inner = values
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[name] = None
    return values


def nats_env(container):
    """Its variables with passwords that a careless configuration would take for numbers."""
    out = {}
    for row in container["env"]:
        value = row.get("value", "1234567890" if "secretKeyRef" in row.get("valueFrom", {}) else "opvic-nats-0")
        out[row["name"]] = re.sub(r"\$\((\w+)\)", lambda m: out[m[1]], value)
    return out


def secrets_of(things):
    return {o["metadata"]["name"]: o["stringData"] for o in things if o["kind"] == "Secret"}


class FromGo(unittest.TestCase):
    """The objects of the Go system's chart, by name: what cannot change has not, what users rely on is there."""

    def each(self):
        for name in OLD:
            old, new = by_key(objects(old_manifests(name))), by_key(rendered[name])
            for which, before in old.items():
                with self.subTest(f"{name}: {which}"):
                    self.assertIn(which, new)
                    yield before, new[which], new

    def test_all_there(self):
        self.assertGreater(len(list(self.each())), 20)

    def test_selectors_and_ports(self):
        for before, after, _ in self.each():
            if before["kind"] == "Service":
                self.assertEqual(before["spec"], after["spec"])
            elif before["kind"] == "Deployment":
                self.assertEqual(before["spec"]["selector"], after["spec"]["selector"])
                ports = lambda o: {(p["name"], p["containerPort"]) for p in pod_of(o)["containers"][0]["ports"]}
                self.assertLessEqual(ports(before) - {("webhook-server", 9443)}, ports(after))

    def test_secrets(self):
        for before, after, _ in self.each():
            if before["kind"] == "Secret":
                self.assertEqual({k: v.strip() for k, v in before["stringData"].items()}, {k: v.strip() for k, v in after["stringData"].items()})

    def test_rights_are_no_more(self):
        """And no less than the contract names: get, list, watch; get, patch, update of the status."""
        for before, after, _ in self.each():
            if before["kind"] == "ClusterRole":
                self.assertLessEqual(rights(after), rights(before))
                self.assertEqual({v for r, v in rights(after) if r == "versiontrackers/status"}, {"get", "patch", "update"})
                self.assertEqual({r for r, v in rights(before) if v == "watch"}, {r for r, v in rights(after) if v == "watch"})
            elif before["kind"] == "ClusterRoleBinding":
                self.assertEqual({k: before[k] for k in ("subjects", "roleRef")}, {k: after[k] for k in ("subjects", "roleRef")})

    def test_what_they_were_told(self):
        """Settings and placement of the old pods, wherever they stand now."""
        for before, after, new in self.each():
            if before["kind"] != "Deployment":
                continue
            spec, was = pod_of(after), pod_of(before)
            parts = [o for (kind, _), o in new.items() if kind == "Deployment" and (o is after or "agent" not in key(after)[1])]
            told = {(e["name"], (e.get("value") or "").strip()) for o in parts for e in pod_of(o)["containers"][0]["env"]}
            wanted = {(e["name"], (e.get("value") or "").strip()) for e in was["containers"][0]["env"]}
            on_bus = {("CONTROLPLANE_URL", e[1]) for e in wanted if e[0] == "CONTROLPLANE_URL"} if any(n == "NATS_URL" for n, _ in told) else set()
            self.assertLessEqual(wanted - on_bus, told)
            read = {s["secretRef"]["name"] for o in new.values() for c in (pod_of(o) or {}).get("containers", []) for s in c.get("envFrom", [])}
            self.assertLessEqual({s["secretRef"]["name"] for s in was["containers"][0]["envFrom"]}, read)
            for member in ("imagePullSecrets", "nodeSelector", "tolerations", "serviceAccountName"):
                self.assertEqual(was.get(member), spec.get(member), member)
            self.assertLessEqual(was["securityContext"].items(), spec["securityContext"].items())

    def test_ingress_and_trackers(self):
        for before, after, _ in self.each():
            if before["kind"] == "Ingress":
                self.assertEqual({k: before["spec"][k] for k in ("ingressClassName", "tls")}, {k: after["spec"][k] for k in ("ingressClassName", "tls")})
                self.assertEqual([r["host"] for r in before["spec"]["rules"]], [r["host"] for r in after["spec"]["rules"]])
            elif before["kind"] == "VersionTracker":
                self.assertEqual(before["spec"], after["spec"])


def rights(role):
    return {(r, v) for rule in role["rules"] for r in rule["resources"] for v in rule["verbs"]}


class Refused(unittest.TestCase):
    def refused(self, values, *said):
        with self.subTest(json.dumps(values)[:150]):
            with self.assertRaises(HelmFailed) as caught:
                helm.render(values)
            for text in said:
                self.assertIn(text, caught.exception.text)

    def test_typos(self):
        rows = [({"controlplane": {"enabeld": True}}, "enabeld"), ({"agents": {}}, "agents"), ({"nats": {"replica": 3}}, "replica"),
                ({"agent": {"identifer": "a"}}, "identifer"), ({"fetcher": {"fetch": {"allowCIDRs": []}}}, "allowCIDRs"),
                ({"controlplane": {"ingress": {"hosts": [{"hots": "a"}]}}}, "hots"), ({"versionTrackers": [{"nam": "a"}]}, "nam")]
        for values, said in rows:
            self.refused(values, "additional properties", said)
        for values, said in (({"nats": {"replicas": 2}}, "/nats/replicas"), ({"agent": {"identifier": "a b"}}, "/agent/identifier"),
                             ({"controlplane": {"cache": {"expiration": "1 hour"}}}, "/controlplane/cache/expiration"),
                             ({"controlplane": {"log": {"level": "trace"}}}, "/controlplane/log/level"), ({"nats": {"url": "http://x"}}, "/nats/url"),
                             ({"controlplane": {"providers": {"gitlab": {"url": "gitlab.example"}}}}, "/controlplane/providers/gitlab/url"),
                             ({"controlplane": {"providers": {"github": {"apiUrl": "ghe.example"}}}}, "/controlplane/providers/github/apiUrl"),
                             ({"fetcher": {"fetch": {"allowCidrs": ["10.0.0.0/99"]}}}, "/fetcher/fetch/allowCidrs"),
                             ({"fetcher": {"fetch": {"allowCidrs": ["10.1.2.3"]}}}, "/fetcher/fetch/allowCidrs")):
            self.refused(values, said)

    def test_names_that_no_server_takes(self):
        """Services are names of DNS: 63 characters, no dots, a letter first; a StatefulSet's pods have a hash behind theirs."""
        fix = "expected at most %d letters, digits and dashes, a letter first: set fullnameOverride"
        for name, values, most in (("a" * 48, BOTH, 47), ("a" * 50, {**BOTH, "nats": {"url": "nats://b:4222"}}, 49),
                                   ("my.release", BOTH, 47), ("1st", BOTH, 47), ("Opvic", BOTH, 47)):
            self.refused({**values, "fullnameOverride": name}, f'the name "{name}"', fix % most)
            helm.render({**values, "fullnameOverride": "a" * most})
        with self.assertRaises(HelmFailed) as caught:
            helm.render(BOTH, release="a" * 53)
        self.assertIn(fix % 47, caught.exception.text)

    def test_values_without_a_text(self):
        """`extraEnvFrom:` with nothing behind it makes Helm drop the default: it is the same as empty, or refused by name."""
        schema = load(CHART / "values.schema.json")
        paths = [(path, takes) for path, takes in leaves(schema, schema) if path[0] != "global" and path[-1] != "resources" and len(path) > 1]
        empty = [path for path, takes in paths if takes and path != ("agent", "identifier")]
        self.assertGreater(len(empty), 60)
        self.assertEqual(helm.render(without(BOTH, *empty, ("imagePullSecrets",), ("nameOverride",), ("versionTrackers",))), texts["both"])
        needed = [path for path, takes in paths if not takes]
        self.assertGreater(len(needed), 30)
        self.refused(without(BOTH, *needed), *{f"'{path[-1]}'" for path in needed})
        sections = [(n,) for n, s in schema["properties"].items() if s["type"] == "object" and n != "global"]
        self.refused(without({}, *sections), *{f"'{n}'" for n, in sections})

    def test_images_of_the_go_system(self):
        for section, image in (("controlplane", {"tag": "v0.1.2"}), ("controlplane", {"repository": "ghcr.io/skillz/opvic"}),
                               ("agent", {"repository": "registry.local/opvic-agent"}), ("agent", {"tag": "0.1.0"})):
            values = copy.deepcopy(BOTH)
            values[section]["image"] = image
            part = next(iter(image))
            self.refused(values, f"{section}.image.{part}:", image[part], f"remove {section}.image from the values")
        self.refused(old_values("full"), 'controlplane.image.tag: "v0.1.2"', "remove controlplane.image")

    def test_contradictions(self):
        self.refused({"agent": {"enabled": True, "identifier": "a"}}, "sharedAuthentication: the agent needs the control plane's token")
        self.refused({**BOTH, "agent": {"enabled": True}}, "agent.identifier: this cluster's name is needed")
        self.refused({**BOTH, "aggregator": {"streams": {"replicas": 3}}}, "aggregator.streams.replicas: 3: expected at most nats.replicas, 1")
        self.refused({**BOTH, "nats": {"auth": {"remoteAgents": ["prod-eu"]}}}, 'nats.auth.remoteAgents: "prod-eu" is this release\'s own agent')
        self.refused({"controlplane": {"enabled": True, "extraEnv": "HTTPS_PROXY=http://proxy:3128"}}, "controlplane.extraEnv: expected a list of {name, value}")
        self.refused({**BOTH, "api": {"autoscaling": {"enabled": True, "minReplicas": 9}}}, "api.autoscaling.minReplicas: 9: expected at most maxReplicas, 5")
        self.refused({**BOTH, "nats": {"auth": {"credentialsSecret": "c"}}}, "nats.auth.credentialsSecret: expected with nats.url alone")


class Packaged(unittest.TestCase):
    def package(self, **env):
        subprocess.run([ROOT / "scripts/helm-package"], check=True, capture_output=True, env={**os.environ, **env})
        return {f.name: f.read_bytes() for f in (ROOT / "build/helm").iterdir()}

    def test_a_repository(self):
        """The same bytes each time; helm and our own fetcher find the chart there."""
        files = self.package()
        self.assertEqual(self.package(), files)
        archive, = [n for n in files if n.endswith(".tgz")]
        self.assertEqual(helm.render(BOTH, chart=ROOT / "build/helm" / archive), helm.render(BOTH))
        handler = functools.partial(Quiet, directory=ROOT / "build/helm")
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            self.assertEqual(helm.render(BOTH, "--repo", url, chart="opvic"), helm.render(BOTH))
            for strategy in ("chartVersion", "appVersion"):
                done = subprocess.run([BIN / "opvic-fetcher", "get", "--provider", "helm", "--strategy", strategy, "--repo", url, "--chart", "opvic",
                                       "--fetch.allow-cidrs", "127.0.0.0/8"], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(VERSION, done.stdout)
            server.shutdown()

    def test_elsewhere(self):
        self.addCleanup(self.package)
        index = yaml.safe_load(self.package(HELM_REPOSITORY_URL="https://example.org/charts/", SOURCE_DATE_EPOCH="1700000000")["index.yaml"])
        entry, = index["entries"]["opvic"]
        self.assertEqual((entry["urls"], entry["created"]), ([f"https://example.org/charts/opvic-{VERSION}.tgz"], "2023-11-14T22:13:20Z"))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


if __name__ == "__main__":
    unittest.main()
