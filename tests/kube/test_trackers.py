"""Trackers on the real server, used as a user uses them: what they report, how soon, and of kinds that come and go."""
import concurrent.futures
import contextlib
import json
import time
import unittest

from support.kubeagent import ALL, PATH, Agent, Site, field, labelled, measure, pod, tracker, where
from support.nats import Nats
from support.stack import until

DIGEST = "sha256:" + "ab" * 32


def setUpModule():
    global site
    site = unittest.enterModuleContext(Site())


def expected(objects, value, version=lambda text: text.rpartition(":")[2], kind="Pods"):
    """The members of a report that says what these objects run; value: where it stands."""
    rows = {}
    for o in objects:
        text = value(o)
        new = {"runningVersion": version(text), "resourceCount": 0, "resourceKind": kind, "extractedFrom": text}
        row = rows.setdefault(version(text), new)
        row["resourceCount"] += 1
    return {"count": len(objects), "uniqVersions": list(rows), "versions": list(rows.values())}


def first_image(template):
    def value(o):
        for name in template:
            o = o[name]
        return o["containers"][0]["image"]
    return value


@contextlib.contextmanager
def never_gone(agent, tracker_id):
    """Meanwhile the tracker gets no tombstone."""
    with Nats(site.stack.nats_port) as ear:
        ear.subscribe(f"opvic.report.{agent.name}.{tracker_id}")
        yield
        for body in iter(lambda: ear.next()[2], agent.message(tracker_id)):
            if not body:
                raise AssertionError(f"a tombstone of {tracker_id}")


class Case(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.agent = cls.enterClassContext(Agent(site, cls.__name__.lower()))
        cls.addClassCleanup(site.remove_trackers)
        cls.agent.collector.wait_ready()

    def assertReports(self, tracker_id, want):
        got = lambda: {k: v for k, v in self.agent.report(tracker_id).items() if k in want}
        with contextlib.suppress(AssertionError):
            until(f"{tracker_id} is exact", lambda: got() == want)
        self.assertEqual(got(), want, tracker_id)


class Objects(Case):
    def test_all_kinds(self):
        def template(image, restart="Always"):
            containers = [{"name": "app", "image": image}, {"name": "side", "image": "registry.test/side:9"}]
            return {"metadata": {"labels": {"app": "k"}}, "spec": {"restartPolicy": restart, "containers": containers}}
        select = {"selector": {"matchLabels": {"app": "k"}}}
        spec, job = ("spec", "template", "spec"), ("spec", "jobTemplate", "spec", "template", "spec")
        kinds = {  # strategy: (apiVersion, kind, spec of the i-th, where the pod's spec stands)
            "Deployments": ("apps/v1", "Deployment", lambda i: {**select, "template": template(f"registry.test/d:1.{i}")}, spec),
            "DaemonSets": ("apps/v1", "DaemonSet", lambda i: {**select, "template": template(f"registry.test/ds:2.{i}")}, spec),
            "StatefulSets": ("apps/v1", "StatefulSet",
                             lambda i: {**select, "serviceName": "s", "template": template(f"registry.test/s:3.{i}")}, spec),
            "ReplicaSets": ("apps/v1", "ReplicaSet", lambda i: {**select, "template": template(f"registry.test/r:4.{i}")}, spec),
            "CronJobs": ("batch/v1", "CronJob", lambda i: {"schedule": "@daily", "jobTemplate": {
                "spec": {"template": template(f"registry.test/c:5.{i}", "Never")}}}, job),
            "Jobs": ("batch/v1", "Job", lambda i: {"template": template(f"registry.test/j:6.{i}", "Never")}, spec),
        }
        site.kube.namespace("kinds")
        objects = [pod(f"k-{i}", f"registry.test/p:0.{i % 2}", "kinds", {"kind": "yes"}) for i in range(3)]
        objects += [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{i}"}} for i in range(3)]
        for api_version, kind, spec_of, _ in kinds.values():
            objects += [{"apiVersion": api_version, "kind": kind, "spec": spec_of(i),
                         "metadata": {"name": f"k-{i}", "namespace": "kinds", "labels": {"release": f"r{i}"}}} for i in range(2)]
        trackers = [tracker(f"kind-{s.lower()}", {"strategy": s, **ALL}) for s in kinds]
        trackers += [tracker("kind-pods", labelled(kind="yes")),
                     tracker("kind-nodes", {"strategy": "Nodes", "namespaces": ["kinds"], **ALL}, field(".status.nodeInfo.kubeletVersion")),
                     tracker("kind-named", {"apiVersion": "apps/v1", "kind": "Deployment", **ALL}),
                     tracker("kind-field", {"strategy": "StatefulSets", **ALL}, field("{.metadata.labels.release}", "r(.*)", "release-$1"))]
        site.kube.apply(*objects, *trackers)
        info = dict.fromkeys(("architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "machineID",
                              "operatingSystem", "osImage", "systemUUID"), "x")
        for i in range(3):
            site.kube.patch(f"/api/v1/nodes/node-{i}/status", {"status": {"nodeInfo": {**info, "kubeletVersion": f"v1.3{i % 2}.0"}}})

        self.assertReports("kind-pods", expected(site.listed("pods", "-l", "kind=yes"), first_image(("spec",))))
        self.assertReports("kind-nodes", expected(site.listed("nodes"), lambda o: o["status"]["nodeInfo"]["kubeletVersion"], kind="Nodes"))
        for strategy, (_, _, _, place) in kinds.items():
            self.assertReports(f"kind-{strategy.lower()}", expected(site.listed(strategy.lower()), first_image(place), kind=strategy))
        self.assertReports("kind-named", expected(site.listed("deployments"), first_image(spec), kind="Deployments"))
        self.assertReports("kind-field", expected(site.listed("statefulsets"), lambda o: o["metadata"]["labels"]["release"],
                                                  lambda text: f"release-{text[1:]}", "StatefulSets"))
        for name, place in (("jobs", spec), ("cronjobs", job), ("pods", ("spec",))):
            site.await_ready(f"kind-{name}", "Extracted")
            self.assertEqual(site.status(f"kind-{name}")["localVersion"]["fieldSelector"], f".{'.'.join(place)}.containers[0].image")

    def test_namespaces_and_selectors(self):
        spaces = ["sel-a", "sel-b", "sel-c"]
        for s in spaces:
            site.kube.namespace(s)
        labels = [{"tier": "web", "env": "prod"}, {"tier": "web", "env": "dev"}, {"tier": "db", "env": "prod"}, {"tier": "db"},
                  {"env": ""}]
        site.kube.apply(*(pod(f"s-{i}", f"registry.test/s:{j}.{i}", s, {**one, "suite": "sel", "n": str(i)})
                     for j, s in enumerate(spaces) for i, one in enumerate(labels)))
        mine = ("suite", "In", ["sel"])
        rows = {  # name: (resources, kubectl's selector, namespaces)
            "in": (where(mine, ("tier", "In", ["web", "db"])), "suite=sel,tier in (web,db)", spaces),
            "notin": (where(mine, ("env", "NotIn", ["prod", ""])), "suite=sel,env notin (prod,)", spaces),
            "exists": (where(mine, ("tier", "Exists", None)), "suite=sel,tier", spaces),
            "absent": (where(mine, ("tier", "DoesNotExist", None)), "suite=sel,!tier", spaces),
            "both": ({"selector": {**labelled(suite="sel", env="prod")["selector"], **where(("tier", "NotIn", ["db"]))["selector"]}},
                     "suite=sel,env=prod,tier notin (db)", spaces),
            "empty-value": (labelled(suite="sel", env=""), "suite=sel,env=", spaces),
            "two-spaces": (where(mine, namespaces=["sel-c", "sel-a", "sel-c", "sel-a"]), "suite=sel", ["sel-a", "sel-c"]),
            "one-space": ({**ALL, "namespaces": ["sel-b"]}, "", ["sel-b"]),
            "absent-space": ({**ALL, "namespaces": ["sel-none"]}, "", []),
            "no-selector": ({}, "suite=none", spaces),
        }
        site.kube.apply(*(tracker(name, resources) for name, (resources, _, _) in rows.items()))
        for name, (_, selector, among) in rows.items():
            found = [o for o in site.listed("pods", "-l", selector) if o["metadata"]["namespace"] in among]
            self.assertReports(name, expected(found, first_image(("spec",))))
        self.assertEqual([self.agent.report(n)["count"] for n in ("in", "two-spaces", "one-space", "no-selector")], [12, 10, 5, 0])

    def test_references(self):
        images = {"plain": "registry.test:5000/a/b:v1.2.3", "both": f"registry.test/a:v1.2.3@{DIGEST}",
                  "digest": f"registry.test/a@{DIGEST}", "none": "registry.test:5000/a", "bad": "registry.test//A:b:c"}
        site.kube.apply(*(pod(f"ref-{n}", image, labels={"suite": "ref", "ref": n}) for n, image in images.items()),
                   tracker("ref", labelled(suite="ref")), tracker("ref-digest", labelled(ref="digest")),
                   tracker("ref-own", labelled(suite="ref"), {"extraction": {"regex": {"pattern": ".*[:/](.+)$"}}}))
        self.agent.await_counts("ref", {"v1.2.3": 2, None: 3})
        said = site.await_ready("ref", "SomeFailed")
        self.assertEqual(said["message"], "3 of 5 objects gave no version, for example default/ref-bad: "
                                          '"registry.test//A:b:c": not an image reference')
        self.agent.await_condition("ref", said)
        self.agent.await_counts("ref-digest", {None: 1})
        self.assertIn(f'1 of 1 objects gave no version, for example default/ref-digest: "registry.test/a@{DIGEST}": a digest',
                      site.await_ready("ref-digest", "SomeFailed")["message"])
        self.agent.await_counts("ref-own", {"v1.2.3": 2, "a": 1, "c": 1, None: 1})
        site.kube.kubectl("set", "image", "pod/ref-digest", "app=registry.test/a:v2")
        self.agent.await_counts("ref-digest", {"v2": 1})
        site.await_ready("ref-digest", "Extracted")

    def test_container(self):
        site.kube.apply(pod("con-0", labels={"suite": "con"}, init={"migrate": "registry.test/m:3.0"}, side="registry.test/side:2.0"),
                   pod("con-1", labels={"suite": "con"}, side="registry.test/side:2.1"),
                   *(tracker(f"con-{c}", labelled(suite="con"), {"container": c}) for c in ("app", "side", "migrate")))
        self.agent.await_counts("con-app", {"1.0.0": 2})
        self.agent.await_counts("con-side", {"2.0": 1, "2.1": 1})
        self.agent.await_counts("con-migrate", {"3.0": 1, None: 1})
        self.assertIn('default/con-1: container "migrate": not found, there are: app, side',
                      site.await_ready("con-migrate", "SomeFailed")["message"])
        site.await_ready("con-side", "Extracted")
        self.assertEqual(site.status("con-side")["localVersion"]["container"], "side")

    def test_burst(self):
        """What many hands change at once is at the end as a fresh list says."""
        spaces, count = ["burst-a", "burst-b"], 40
        for s in spaces:
            site.kube.namespace(s)
        rows = {"burst-all": (labelled(suite="burst"), "suite=burst"),
                "burst-blue": (labelled(suite="burst", color="blue"), "suite=burst,color=blue"),
                "burst-other": (where(("suite", "In", ["burst"]), ("color", "NotIn", ["blue"])), "suite=burst,color notin (blue)"),
                "burst-a": ({**labelled(suite="burst"), "namespaces": ["burst-a"]}, "suite=burst")}
        site.kube.apply(*(tracker(name, resources) for name, (resources, _) in rows.items()))

        def live(space, i):
            path = f"/api/v1/namespaces/{space}/pods"
            site.kube.create(path, [pod(f"b-{i}", f"registry.test/b:1.{i % 3}", space, {"suite": "burst", "color": "blue"})])
            if i % 2:
                site.kube.patch(f"{path}/b-{i}", {"metadata": {"labels": {"color": "red" if i % 4 == 1 else None}}})
            if i % 3:
                site.kube.patch(f"{path}/b-{i}", {"metadata": {"labels": {"suite": "left"}}})
                site.kube.patch(f"{path}/b-{i}", {"metadata": {"labels": {"suite": "burst"}}})
            if i % 5 == 0:
                site.kube.delete(f"{path}/b-{i}")
            if i % 10 == 0:
                site.kube.create(path, [pod(f"b-{i}", "registry.test/b:9.0", space, {"suite": "burst"})])
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(live, s, i) for s in spaces for i in range(count)]:
                done.result()
        site.kube.kubectl("set", "image", "pods", "-n", "burst-b", "-l", "color=red", "app=registry.test/b:7.0")
        for name, (resources, selector) in rows.items():
            among = resources.get("namespaces", spaces)
            found = [o for o in site.listed("pods", "-l", selector) if o["metadata"]["namespace"] in among]
            self.assertReports(name, expected(found, first_image(("spec",))))
        self.assertEqual(self.agent.report("burst-all")["count"], 2 * (count - count // 5 + count // 10))


class Life(Case):
    """Trackers come, change and go."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        site.kube.apply(pod("life-0", "registry.test/l:1.0", labels={"suite": "life", "half": "a"}),
                        pod("life-1", "registry.test/l:2.0", labels={"suite": "life", "half": "b"}))

    def create(self, body):
        answer = site.kube.api("POST", PATH, body)
        self.assertEqual(answer.status, 201, answer.text())

    def test_takes_effect_at_once(self):
        both = {"1.0": 1, "2.0": 1}
        counts = self.agent.counts
        site.kube.apply(tracker("life-first", labelled(suite="life")))
        self.agent.await_counts("life-first", both)
        measure("a tracker of a kind that is read already", lambda: self.create(tracker("life", labelled(suite="life"))),
                lambda: counts("life") == both)
        measure("a tracker of a new kind", lambda: self.create(tracker("life-job", {"strategy": "Jobs", **ALL})),
                lambda: counts("life-job") == {})
        half = {"spec": {"resources": labelled(half="a")}}
        measure("a change of the selector", lambda: site.kube.patch(f"{PATH}/life", half), lambda: counts("life") == {"1.0": 1})
        pattern = {"spec": {"localVersion": {"extraction": {"regex": {"pattern": ":(.*)", "result": "v$1"}}}}}
        measure("a change of the pattern", lambda: site.kube.patch(f"{PATH}/life", pattern), lambda: counts("life") == {"v1.0": 1})
        measure("a spec that became wrong", lambda: site.kube.patch(f"{PATH}/life-job", {"spec": {"resources": labelled(**{"a b": ""})}}),
                lambda: self.agent.report("life-job")["condition"]["reason"] == "InvalidSpec")
        until("the control plane knows it", lambda: self.agent.answer("life"))
        measure("a new name", lambda: site.kube.patch(f"{PATH}/life", {"spec": {"name": "life-2"}}),
                lambda: self.agent.message("life") == b"" and counts("life-2") == {"v1.0": 1})
        until("the control plane knows its new name alone", lambda: self.agent.answer("life-2") and not self.agent.answer("life"))
        measure("a deletion", lambda: site.kube.delete(f"{PATH}/life"), lambda: self.agent.message("life-2") == b"")
        until("the control plane forgets it", lambda: not self.agent.answer("life-2"))
        self.assertEqual(counts("life-first"), both)
        self.create(tracker("life", labelled(suite="life")))
        self.agent.await_counts("life", both)

    def test_one_name_twice(self):
        """The younger one waits. Times of creation have whole seconds, so its name would put it first."""
        site.kube.apply(tracker("twice", labelled(half="a"), object_name="twice-z"))
        self.agent.await_counts("twice", {"1.0": 1})
        created = site.kube.tracker("twice-z")["metadata"]["creationTimestamp"]
        second = lambda: site.kube.api("POST", f"{PATH}?dryRun=All", tracker("second")).json()["metadata"]["creationTimestamp"]
        until("another second", lambda: second() > created)
        site.kube.namespace("other")
        site.kube.apply(tracker("twice", labelled(half="b"), object_name="twice-a", namespace="other"))
        said = site.await_ready("twice-a", "DuplicateName", "other")
        self.assertEqual((said["status"], said["message"]), ("False", 'the older tracker opvic/twice-z has the name "twice"'))
        self.assertEqual(site.status("twice-a", "other")["totalResourceCount"], 0)
        self.assertEqual(site.condition("twice-z")["status"], "True")
        self.agent.await_counts("twice", {"1.0": 1})
        site.kube.apply(tracker("twice", labelled(suite="life"), object_name="twice-a", namespace="other"))
        site.await_ready("twice-a", "DuplicateName", "other")
        self.agent.settle()
        self.assertEqual(self.agent.counts("twice"), {"1.0": 1}, "a duplicate's change is not reported")
        with never_gone(self.agent, "twice"):
            site.kube.kubectl("delete", "vt", "-n", "opvic", "twice-z")
            self.agent.await_counts("twice", {"1.0": 1, "2.0": 1})
        self.assertEqual(self.agent.report("twice")["namespace"], "other")
        self.assertEqual(site.await_ready("twice-a", "Extracted", "other")["status"], "True")

    def test_an_older_one_takes_a_name(self):
        site.kube.apply(tracker("elder", labelled(half="a")))
        self.agent.await_counts("elder", {"1.0": 1})
        created = site.kube.tracker("elder")["metadata"]["creationTimestamp"]
        site.kube.apply(tracker("younger", labelled(half="b")))
        self.agent.await_counts("younger", {"2.0": 1})
        if site.kube.tracker("younger")["metadata"]["creationTimestamp"] == created:
            self.assertLess("elder", "younger", "of the same second the name decides")
        with never_gone(self.agent, "younger"):
            site.kube.kubectl("patch", "vt", "-n", "opvic", "elder", "--type=merge", "-p", '{"spec":{"name":"younger"}}')
            self.agent.await_counts("younger", {"1.0": 1})
        self.assertEqual(site.await_ready("younger", "DuplicateName")["message"], 'the older tracker opvic/elder has the name "younger"')
        until("the other name is gone", lambda: self.agent.message("elder") == b"")

    def test_deleted_meanwhile(self):
        """What went while no collector ran is gone once one runs again."""
        site.kube.apply(*(tracker(name, labelled(half="a")) for name in ("meanwhile", "stays", "was")))
        for name in ("meanwhile", "stays", "was"):
            until("the control plane knows it", lambda: self.agent.answer(name))
        self.agent.collector.stop()
        site.kube.kubectl("delete", "vt", "-n", "opvic", "meanwhile")
        site.kube.patch(f"{PATH}/was", {"spec": {"name": "is"}})
        self.agent.collector.start()
        self.agent.collector.wait_ready()
        until("the control plane forgets them", lambda: not self.agent.answer("meanwhile") and not self.agent.answer("was"))
        until("and knows the other name", lambda: self.agent.answer("is"))
        self.assertTrue(self.agent.answer("stays"))


def crd(kind, *versions):
    """A definition of the group example.test; the last version is stored."""
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.example.test"},
            "spec": {"group": "example.test", "scope": "Namespaced", "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                     "versions": [{"name": v, "served": True, "storage": v == versions[-1], "schema": schema} for v in versions]}}


def custom(kind, name, version, api_version="v1"):
    return {"apiVersion": f"example.test/{api_version}", "kind": kind, "metadata": {"name": name, "namespace": "default"},
            "spec": {"version": version}}


def grant(name, group, *resources):
    return [{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
             "rules": [{"apiGroups": [group], "resources": list(resources), "verbs": ["get", "list", "watch"]}]},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
             "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
             "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": "opvic"}]}]


def install(kind, *versions):
    site.kube.apply(crd(kind, *versions))
    site.kube.kubectl("wait", "--for=condition=Established", f"crd/{kind.lower()}s.example.test")


class Kinds(Case):
    """Kinds that are none of the eight."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        site.kube.apply(*grant("widgets", "example.test", "widgets", "gears"), pod("kinds-0", labels={"suite": "kinds"}))

    def test_comes_later_and_goes(self):
        other = {"apiVersion": "example.test/v1", "kind": "Widget", **ALL}
        site.kube.apply(tracker("late", other, field(".spec.version")), tracker("near", labelled(suite="kinds")))
        said = site.await_ready("late", "UnknownKind")
        self.assertEqual(said["status"], "False")
        self.assertIn("Widget", said["message"])
        self.assertIn("example.test/v1", said["message"])
        self.agent.await_condition("late", said)
        self.agent.await_counts("near", {"1.0.0": 1})
        install("Widget", "v1")
        started = time.monotonic()
        site.kube.apply(custom("Widget", "a", "1.0"), custom("Widget", "b", "1.1"))
        self.agent.await_counts("late", {"1.0": 1, "1.1": 1})
        print(f"a kind that was installed later: {(time.monotonic() - started) * 1000:.0f} ms after its definition", flush=True)
        self.assertEqual(self.agent.report("late")["versions"][0]["resourceKind"], "Widget")
        site.await_ready("late", "Extracted")
        site.kube.kubectl("patch", "widgets.example.test", "a", "--type=merge", "-p", '{"spec":{"version":"2.0"}}')
        self.agent.await_counts("late", {"2.0": 1, "1.1": 1})
        site.kube.kubectl("delete", "crd", "widgets.example.test")
        site.await_ready("late", "UnknownKind")
        self.agent.await_counts("late", {})
        self.agent.await_counts("near", {"1.0.0": 1})
        install("Widget", "v1")
        site.kube.apply(custom("Widget", "c", "3.0"))
        self.agent.await_counts("late", {"3.0": 1})
        site.await_ready("late", "Extracted")

    def test_needs_a_right(self):
        maps = {"apiVersion": "v1", "kind": "ConfigMap", "selector": {"matchLabels": {"suite": "kinds"}}}
        site.kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "data": {"version": "7"},
                         "metadata": {"name": "m", "namespace": "default", "labels": {"suite": "kinds"}}},
                        tracker("map", maps, field(".data.version")))
        said = site.await_ready("map", "Forbidden")
        self.assertEqual(said["status"], "False")
        self.assertRegex(said["message"], 'configmaps is forbidden: User "system:serviceaccount:opvic:agent" cannot (list|watch) '
                                          'resource "configmaps" in API group "" at the cluster scope')
        self.agent.await_condition("map", said)
        site.kube.apply(*grant("maps", "", "configmaps"))
        self.agent.await_counts("map", {"7": 1})
        site.await_ready("map", "Extracted")

    def test_several_versions(self):
        install("Gear", "v1beta1", "v1")
        by = lambda version: {"apiVersion": f"example.test/{version}", "kind": "Gear", **ALL}
        site.kube.apply(custom("Gear", "a", "1.0"), custom("Gear", "b", "1.1", "v1beta1"),
                        *(tracker(f"gear-{v}", by(v), field(".apiVersion", ".*/(.*)")) for v in ("v1", "v1beta1", "v9")))
        self.agent.await_counts("gear-v1", {"v1": 2})
        self.agent.await_counts("gear-v1beta1", {"v1beta1": 2})
        self.assertIn("example.test/v9", site.await_ready("gear-v9", "UnknownKind")["message"])
        for name in ("gear-v1", "gear-v1beta1"):
            site.await_ready(name, "Extracted")
        site.kube.delete(f"{PATH}/gear-v1")
        site.kube.apply(custom("Gear", "c", "2.0"))
        self.agent.await_counts("gear-v1beta1", {"v1beta1": 3})


if __name__ == "__main__":
    unittest.main()
