"""A tracker names a product: answers, metrics and one event say when its running versions are at their end."""
import json
import subprocess
import unittest

from support.nats import Nats
from support.stack import BIN, ROOT, TOKEN, Stack, get, github, post, report, request, until

PAST, FUTURE = "2020-02-29", "2999-12-31"
AGENTS = ("east", "west")


def cycle(name, end=None, over=False, latest=None):
    return {"name": name, "isEol": over, "eolFrom": end, "latest": latest and {"name": latest, "date": "2020-01-01"}}


def publish(up, *cycles):
    request(up.url, "POST", "/_publish", json.dumps({"product": "acme", "releases": cycles}))


def ends(stack):
    """Every event of an end of life: (agent, tracker, data)."""
    with Nats(stack.nats_port) as nats:
        events = [json.loads(data) for _, subject, _, data in nats.messages("OPVIC_EVENTS") if subject.split(".")[2] == "endOfLife"]
    return [(e["agentid"], e["trackerid"], e["data"]) for e in events]


class EndOfLife(unittest.TestCase):
    def remote(self, up, product="acme"):
        return {**github("coredns/coredns", "tags"), "endOfLife": f"{up.url}/{product}"}

    def said(self, api, agent, tracker="app"):
        return {v["currentVersion"]: v.get("endOfLife") for v in get(api, f"/api/v1alpha1/agents/{agent}/{tracker}/versions").json()["versions"]}

    def refresh(self, api, up):
        source = f"endoflife/cycles/{up.url}/acme".replace("/", "%2F").replace(":", "%3A")
        answer = request(api.url, "POST", f"/api/v1alpha1/sources/{source}/refresh", token=TOKEN)
        self.assertEqual(answer.status, 202, answer.text())

    def test_answers_and_metrics(self):
        with Stack() as stack:
            up, _, _, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
            publish(up, cycle("2", latest="2.0.1"), cycle("1.9", FUTURE, latest="1.9.3"), cycle("1.8", PAST, latest="1.8.9"), cycle("1", over=True))
            running = {"v2.0.0": 1, "1.9.0-alpine": 1, "1.8.0": 2, "1.7.0": 1, "latest": 1, "1.8": 1}
            self.assertEqual(post(api, report("east", "app", running, self.remote(up))).status, 202)
            self.assertEqual(post(api, report("west", "app", {"1.8.0": 1}, self.remote(up))).status, 202)
            self.assertEqual(post(api, report("west", "plain", {"1.8.0": 1}, github("coredns/coredns", "tags"))).status, 202)
            self.assertEqual(post(api, report("west", "lost", {"1.8.0": 1}, self.remote(up, "nosuch"))).status, 202)
            self.assertEqual(post(api, report("west", "wrong", {"1.8.0": 1}, {**github("coredns/coredns"), "endOfLife": "a b"})).status, 202)
            self.assertEqual(post(api, report("west", "number", {"1.8.0": 1}, {**github("coredns/coredns"), "endOfLife": 1})).status, 400)
            over = {"product": "acme", "cycle": "1.8", "date": PAST, "reached": True}
            until("the ends are known", lambda: self.said(api, "east").get("2.0.0", {}).get("cycle"))
            want = {"2.0.0": {"product": "acme", "cycle": "2", "reached": False},
                    "1.9.0-alpine": {"product": "acme", "cycle": "1.9", "date": FUTURE, "reached": False},
                    "1.8.0": over, "1.7.0": {"product": "acme", "cycle": "1", "reached": True},
                    "latest": {"product": "acme", "reason": "no cycle has this version"}}
            self.assertEqual(self.said(api, "east"), want)
            self.assertEqual(self.said(api, "west"), {"1.8.0": over})
            self.assertEqual(self.said(api, "west", "plain"), {"1.8.0": None})
            self.assertIn("endOfLife", self.said(api, "west", "wrong")["1.8.0"]["reason"])
            until("a product that is none says so", lambda: "notFound" in self.said(api, "west", "lost")["1.8.0"]["reason"])
            self.metrics(api)
            seen = request(up.url, "GET", "/_requests").json()["paths"]
            self.assertEqual(seen.get("/api/v1/products/acme"), 1, "one look-up for the fleet")
            self.assertEqual(ends(stack), [])

    def metrics(self, api):
        family = "opvic_controlplane_version_end_of_life"
        of = lambda cycle, agent="east": {"agent_id": agent, "version_id": "app", "product": "acme", "cycle": cycle}
        for name, cycle_name, value in ((family, "2", 0), (family, "1.9", 0), (family, "1.8", 1), (family, "1", 1),
                                        (f"{family}_timestamp_seconds", "1.8", 1582934400), (f"{family}_timestamp_seconds", "2", None)):
            self.assertEqual(api.metric(name, of(cycle_name)), value, (name, cycle_name))
        self.assertEqual(api.metric(family, {"version_id": "plain"}), None)

    def test_one_event_whatever_is_killed(self):
        with Stack() as stack:
            up, aggregator, _, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
            publish(up, cycle("1.8", FUTURE, latest="1.8.9"))
            for agent in AGENTS:
                for tracker in ("app", "api"):
                    self.assertEqual(post(api, report(agent, tracker, {"1.8.0": 1, "1.8.1": 1}, self.remote(up))).status, 202)
            known = lambda reached: all(v and v.get("reached") is reached for a in AGENTS for t in ("app", "api")
                                        for v in self.said(api, a, t).values())
            until("the ends are known", lambda: known(False))
            aggregator.kill()
            aggregator.start()
            aggregator.wait_ready()
            self.assertEqual(ends(stack), [])
            publish(up, cycle("1.8", PAST, latest="1.8.9"))
            until("a look is taken", lambda: (self.refresh(api, up), request(up.url, "GET", "/_requests").json()["paths"]["/api/v1/products/acme"] > 1)[1])
            for _ in range(3):  # wherever it is just then: before the list, amid the documents, amid the events
                aggregator.kill()
                aggregator.start()
                until("it lives again", lambda: known(True) or aggregator.is_ready())
            until("the end is answered", lambda: known(True), 60)
            until("every event is told", lambda: len(ends(stack)) >= 8, 60)
            aggregator.kill()
            aggregator.start()
            aggregator.wait_ready()
            until("it leads again", lambda: aggregator.metric("opvic_aggregator_leader"))
            self.assertEqual(post(api, report("east", "other", {"1.8.0": 1}, self.remote(up))).status, 202)
            until("it works again", lambda: self.said(api, "east", "other")["1.8.0"]["reached"])
            data = lambda v: {"product": "acme", "cycle": "1.8", "date": PAST, "runningVersion": v}
            want = [(a, t, data(v)) for a in AGENTS for t in ("app", "api") for v in ("1.8.0", "1.8.1")]
            key = lambda e: (e[0], e[1], e[2]["runningVersion"])
            self.assertEqual(sorted(ends(stack), key=key), sorted(want, key=key))

    def test_get_prints_the_ends(self):
        with Stack() as stack:
            up = stack.upstream("--data", ROOT / "examples/upstream/data")
            publish(up, cycle("1.9", FUTURE, latest="1.9.3"), cycle("1.8", PAST, over=True))
            got = subprocess.run([BIN / "opvic-fetcher", "get", "--provider", "endoflife", "--strategy", "cycles", "--repo", f"{up.url}/acme",
                                  "--fetch.allow-cidrs", "127.0.0.0/8"], capture_output=True, timeout=30)
            self.assertEqual(got.returncode, 0, got.stderr.decode())
            self.assertEqual(json.loads(got.stdout)["versions"],
                             [{"version": "1.9.3", "date": 1577836800, "cycle": "1.9", "eolFrom": 32503593600},
                              {"version": "", "cycle": "1.8", "eolFrom": 1582934400, "isEol": True}])


if __name__ == "__main__":
    unittest.main()
