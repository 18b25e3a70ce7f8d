"""opvic-collector bus-secret with the rights that the chart gives it: what it makes, what it never changes, what it says."""
import base64
import concurrent.futures
import subprocess
import unittest

from support.kube import Kube, accepted, write_kubeconfig
from support.stack import BIN

SECRETS = "/api/v1/namespaces/opvic/secrets"
LETTERS = set("abcdefghijklmnop")


def setUpModule():
    global kube, maker
    kube = Kube()
    unittest.addModuleCleanup(kube.close)
    kube.namespace("opvic")
    kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "maker", "namespace": "opvic"}},
               {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "maker", "namespace": "opvic"},
                "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
                          {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["bus", "race", "own"], "verbs": ["get", "patch"]}]},
               {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "maker", "namespace": "opvic"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "maker"},
                "subjects": [{"kind": "ServiceAccount", "name": "maker", "namespace": "opvic"}]})
    path, request = "/api/v1/namespaces/opvic/serviceaccounts/maker/token", {"spec": {"expirationSeconds": 600}}
    token = accepted(kube.api("POST", path, request), "POST", path).json()["status"]["token"]
    maker = write_kubeconfig(kube.folder / "maker", kube.server, kube.ca, token=token)


def make(secret, *keys, more=(), kubeconfig=None):
    return subprocess.run([BIN / "opvic-collector", "bus-secret", "--kubeconfig", kubeconfig or maker, "--secret", secret, "--namespace", "opvic",
                           "--keys", ",".join(keys), *more], capture_output=True, text=True, timeout=60)


def passwords(secret):
    return {k: base64.b64decode(v).decode() for k, v in kube.get(f"{SECRETS}/{secret}")["data"].items()}


class BusSecret(unittest.TestCase):
    def test_made_once(self):
        done = make("bus", "collector", "api", more=("--helm-release", "opvic"))
        self.assertEqual((done.returncode, done.stdout), (0, "secret opvic/bus: 2 keys made\n"), done.stderr)
        made = passwords("bus")
        self.assertEqual(set(made), {"collector", "api"})
        self.assertEqual({len(p) for p in made.values()}, {48})
        self.assertLessEqual(set("".join(made.values())), LETTERS, "nothing that a configuration takes for a number")
        self.assertNotEqual(made["collector"], made["api"])
        said = kube.get(f"{SECRETS}/bus")["metadata"]
        self.assertEqual(said["labels"]["app.kubernetes.io/managed-by"], "Helm")
        self.assertEqual(said["annotations"]["meta.helm.sh/release-name"], "opvic")

        again = make("bus", "collector", "api")
        self.assertEqual((again.returncode, again.stdout), (0, "secret opvic/bus: 2 keys are there already\n"), again.stderr)
        self.assertEqual(kube.get(f"{SECRETS}/bus")["metadata"]["resourceVersion"], said["resourceVersion"], "nothing was written")

        more = make("bus", "collector", "agent-prod-eu", "api")
        self.assertEqual((more.returncode, more.stdout), (0, "secret opvic/bus: 1 keys added, the others stay\n"), more.stderr)
        after = passwords("bus")
        self.assertEqual({k: after[k] for k in made}, made)
        self.assertEqual(len(after["agent-prod-eu"]), 48)

    def test_somebodys_own(self):
        """A Secret that a person made keeps its words."""
        kube.create(SECRETS, [{"metadata": {"name": "own"}, "stringData": {"CONTROLPLANE_AUTH_TOKEN": "mine"}}])
        self.assertEqual(make("own", "CONTROLPLANE_AUTH_TOKEN").returncode, 0)
        self.assertEqual(passwords("own"), {"CONTROLPLANE_AUTH_TOKEN": "mine"})
        self.assertNotIn("annotations", kube.get(f"{SECRETS}/own")["metadata"])
        self.assertEqual(make("own", "CONTROLPLANE_AUTH_TOKEN", more=("--helm-release", "opvic")).returncode, 0)
        self.assertEqual(kube.get(f"{SECRETS}/own")["metadata"]["annotations"], {"helm.sh/resource-policy": "keep"})
        self.assertEqual(passwords("own"), {"CONTROLPLANE_AUTH_TOKEN": "mine"})

    def test_several_at_once(self):
        """Whoever comes first makes it; each ends with every key there, or fails and is started again."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda i: make("race", "first", f"key{i % 2}"), range(8)))
        while any(d.returncode for d in done):
            self.assertTrue(all("HTTP 409" in d.stderr for d in done if d.returncode), [d.stderr for d in done])
            done = [make("race", "first", f"key{i}") for i in range(2)]
        self.assertEqual(set(passwords("race")), {"first", "key0", "key1"})

    def test_refused(self):
        kube.create(SECRETS, [{"metadata": {"name": "foreign"}}])
        done = make("foreign", "a")
        self.assertEqual(done.returncode, 1)
        self.assertIn("secret opvic/foreign: HTTP 403", done.stderr)
        unreachable = write_kubeconfig(kube.folder / "nowhere", "https://127.0.0.1:1", kube.ca, token="t")
        done = make("bus", "a", kubeconfig=unreachable)
        self.assertEqual(done.returncode, 1)
        self.assertIn("127.0.0.1:1", done.stderr)
        for args, said in (((["A"], ["a"]), '--secret: "A": expected'), ((["bus"], ["a", ""]), '--keys: "": expected'),
                           ((["bus"], ["a b"]), '--keys: "a b": expected'), ((["b/../c"], ["a"]), '--secret: "b/../c": expected')):
            with self.subTest(said):
                done = make(args[0][0], *args[1], kubeconfig=unreachable)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(said, done.stderr)


if __name__ == "__main__":
    unittest.main()
