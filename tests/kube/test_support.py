"""The proxy between collector and API server does what its rules say, and the server survives what tests do to it."""
import http.client
import json
import ssl
import time
import unittest
import urllib.parse

from support.kube import Kube
from support.kubeproxy import KubeProxy
from support.stack import DEADLINE_S, until

PODS = "/api/v1/namespaces/prod/pods"
WATCH = f"{PODS}?watch=1&resourceVersion=0&timeoutSeconds=60"
POD_COUNT = 4


def setUpModule():
    global kube, token
    kube = Kube(with_kcm=True)
    unittest.addModuleCleanup(kube.close)
    kube.install_crd()
    token = kube.agent_token()
    kube.pods(POD_COUNT, "prod")


class Client:
    """A connection to the proxy as a collector makes it."""

    def __init__(self, proxy):
        parts = urllib.parse.urlsplit(proxy.url)
        self.connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=DEADLINE_S,
                                                      context=ssl.create_default_context(cafile=proxy.ca))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, path):
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        return self.connection.getresponse()

    def get(self, path):
        response = self.send(path)
        return response.status, response.getheaders(), response.read()


def read_to_cut(response):
    """What came before the connection was cut; an orderly end is a failure."""
    out = b""
    try:
        while piece := response.read1():
            out += piece
    except (OSError, http.client.HTTPException):
        return out
    raise AssertionError(f"ended in order after {len(out)} bytes")


class Proxy(unittest.TestCase):
    def setUp(self):
        self.proxy = self.enterContext(KubeProxy(kube))

    def client(self):
        return self.enterContext(Client(self.proxy))

    def test_passes_what_no_rule_names(self):
        client = self.client()
        for _ in range(2):  # the connection stays
            status, _, body = client.get(PODS)
            self.assertEqual((status, len(json.loads(body)["items"])), (200, POD_COUNT))
        self.assertEqual(client.get("/api/v1/secrets")[0], 403)
        seen, = self.proxy.seen(path="/secrets$")
        until("the request is over", lambda: not seen.open)
        self.assertEqual((seen.method, seen.status), ("GET", 403))
        self.assertEqual(self.proxy.bytes(), sum(s.bytes for s in self.proxy.requests))
        self.assertGreater(self.proxy.seen(path="/pods$", watch=False)[0].bytes, POD_COUNT * 8000)

    def test_kubeconfig(self):
        out = kube.kubectl("get", "pods", "-n", "prod", "-o", "name", kubeconfig=self.proxy.kubeconfig(token))
        self.assertEqual(len(out.split()), POD_COUNT)
        self.assertTrue(self.proxy.seen(path="/pods$", method="GET"))

    def test_watch_streams(self):
        client = self.client()
        response = client.send(WATCH)
        for _ in range(POD_COUNT):
            self.assertEqual(json.loads(response.readline())["type"], "ADDED")
        watch, = self.proxy.open(watch=True)
        kube.patch(f"{PODS}/pod-0", {"metadata": {"labels": {"seen": "yes"}}})
        self.assertEqual(json.loads(response.readline())["type"], "MODIFIED")
        client.connection.close()
        response.close()
        until("the watch is over once its client left", lambda: not watch.open)

    def test_answers(self):
        rules = [self.proxy.answer(429, retry_after=2, times=1), self.proxy.answer(503, times=1), self.proxy.answer(401, times=1),
                 self.proxy.forbid("pods", times=1), self.proxy.refuse_initial_events()]
        client = self.client()
        got = [client.get(PODS) for _ in range(4)]
        self.assertEqual([status for status, _, _ in got], [429, 503, 401, 403])
        self.assertIn(("Retry-After", "2"), got[0][1])
        self.assertEqual(json.loads(got[3][2])["reason"], "Forbidden")
        self.assertEqual(client.get(WATCH + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan")[0], 422)
        self.assertEqual(client.get(PODS)[0], 200)
        self.assertEqual([rule.hits for rule in rules], [1, 1, 1, 1, 1])

    def test_initial_events_ignored(self):
        self.proxy.ignore_initial_events()
        query = "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1"
        status, _, body = self.client().get(PODS + query)
        self.assertEqual((status, b"initial-events-end" in body), (200, False))
        self.proxy.clear()
        self.assertIn(b"initial-events-end", self.client().get(PODS + query)[2])

    def test_ends_of_a_stream(self):
        self.proxy.error_event(after_lines=2, times=1)
        self.proxy.error_event(times=1)
        self.proxy.end(after_lines=1, times=1)
        client = self.client()
        bodies = [client.get(WATCH)[2].splitlines() for _ in range(3)]
        self.assertEqual([len(lines) for lines in bodies], [3, 1, 1])
        for lines in bodies[:2]:
            event = json.loads(lines[-1])
            self.assertEqual((event["type"], event["object"]["code"], event["object"]["reason"]), ("ERROR", 410, "Expired"))

    def test_cuts(self):
        self.proxy.cut(after=100, times=1)
        self.proxy.cut_in_line(1, times=1)
        self.proxy.cut(after=0, times=1)
        self.assertEqual(len(read_to_cut(self.client().send(WATCH))), 100)
        first, half = read_to_cut(self.client().send(WATCH)).split(b"\n")
        self.assertTrue(json.loads(first))
        self.assertRaises(ValueError, json.loads, half)
        self.assertEqual(read_to_cut(self.client().send(PODS)), b"")

    def test_cut_now(self):
        response = self.client().send(WATCH)
        response.readline()
        self.assertEqual(self.proxy.cut_now(path="/nodes"), 0)
        self.assertEqual(self.proxy.cut_now(watch=True), 1)
        read_to_cut(response)

    def test_stall_and_slow(self):
        rule = self.proxy.stall(after=10, times=1)
        silent = self.proxy.stall(after=None, times=1)
        self.proxy.slow(20000, times=1)
        response = self.client().send(PODS)
        self.assertEqual(len(response.read(10)), 10)
        waits = self.client()
        waits.connection.connect()
        waits.connection.sock.settimeout(0.3)
        self.assertRaises(TimeoutError, waits.send, PODS)
        stalled = self.proxy.seen(path="/pods$")[0]
        self.assertEqual((stalled.open, stalled.bytes), (True, 10))
        rule.release()
        silent.release()
        self.assertGreater(len(response.read()), 10)
        started = time.monotonic()
        size = len(self.client().get(PODS)[2])
        self.assertGreater(time.monotonic() - started, size / 20000 * 0.9)

    def test_freeze(self):
        response = self.client().send(WATCH)
        for _ in range(POD_COUNT):
            response.readline()
        self.proxy.freeze()
        kube.patch(f"{PODS}/pod-1", {"metadata": {"labels": {"frozen": "yes"}}})
        response.fp.raw._sock.settimeout(0.3)
        self.assertRaises(TimeoutError, response.readline)
        self.proxy.thaw()

    def test_down_and_up(self):
        response = self.client().send(WATCH)
        response.readline()
        self.proxy.down()
        read_to_cut(response)
        self.assertRaises(ConnectionRefusedError, self.client().get, PODS)
        self.proxy.up()
        self.assertEqual(self.client().get(PODS)[0], 200)


class Server(unittest.TestCase):
    def test_the_controllers_roll_a_deployment(self):
        app = {"app": "web"}
        template = {"metadata": {"labels": app}, "spec": {"containers": [{"name": "web", "image": "registry.test/web:v1"}]}}
        kube.namespace("web")
        kube.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "web"},
                    "spec": {"replicas": 2, "selector": {"matchLabels": app}, "template": template}})

        def rolled(image):
            kube.run_pods("web")
            pods = [p for p in kube.get("/api/v1/namespaces/web/pods")["items"] if "deletionTimestamp" not in p["metadata"]]
            return [p["spec"]["containers"][0]["image"] for p in pods] == [image] * 2
        until("two pods of v1", lambda: rolled("registry.test/web:v1"))
        kube.kubectl("set", "image", "-n", "web", "deployment/web", "web=registry.test/web:v2")
        until("two pods of v2", lambda: rolled("registry.test/web:v2"))

    def test_an_agents_token_works(self):
        self.assertIn("pod-0", kube.kubectl("get", "pods", "-n", "prod", kubeconfig=kube.agent_kubeconfig()))

    def test_restart_keeps_what_was_stored_and_forgets_what_was_compacted(self):
        old = kube.get("/api/v1/pods?limit=1")["metadata"]
        kube.patch(f"{PODS}/pod-2", {"metadata": {"labels": {"changed": "yes"}}})
        kube.compact()
        kube.restart_apiserver()
        self.assertEqual(len(kube.get(PODS)["items"]), POD_COUNT)
        answer = kube.api("GET", f"/api/v1/pods?watch=1&resourceVersion={old['resourceVersion']}&timeoutSeconds=5")
        self.assertEqual(json.loads(answer.body.splitlines()[0])["object"]["code"], 410)


if __name__ == "__main__":
    unittest.main()
