"""Who speaks for a cluster: collectors that are killed, that changed while they were away, that share an id."""
import json
import unittest

from integration.test_pipeline import sample_clusters
from support.nats import Nats
from support.stack import ROOT, SANITIZED, TOKEN, Stack, get, post, report, until

DATA = ("--data", ROOT / "examples/upstream/data")
FAST = ("--agent.interval", "500ms")
TRACKERS = 7


def events(stack, agent, *kinds):
    """(kind, event) of the agent's events of these kinds, in order."""
    with Nats(stack.nats_port) as nats:
        rows = [(subject.split(".")[2], json.loads(data)) for _, subject, _, data in nats.messages("OPVIC_EVENTS")]
    return [(kind, e) for kind, e in rows if kind in kinds and e.get("agentid") == agent]


def last(stack, stream, subject):
    with Nats(stack.nats_port) as nats:
        return nats.last(stream, subject)


def agent_document(stack, agent):
    """What the state says of an agent; {} when it says nothing."""
    found = last(stack, "KV_opvic_state", f"$KV.opvic_state.agent.{agent}")
    return json.loads(found[1]) if found and found[1] else {}


def answers(api, agent):
    """{tracker: its running versions}"""
    answer = get(api, f"/api/v1alpha1/agents/{agent}")
    return {t["id"]: t["uniqVersions"] for t in answer.json()} if answer.status == 200 else {}


def speaker(stack, agent):
    """The instance whose heartbeat came last."""
    found = last(stack, "OPVIC_REPORTS", f"opvic.heartbeat.{agent}")
    return found and found[0]["Opvic-Instance"]


def remove_tracker(folder, name):
    file = folder / "versiontrackers.yaml"
    file.write_text("---\n".join(d for d in file.read_text().split("---\n") if f"name: {name}\n" not in d))


class Restart(unittest.TestCase):
    def is_judged(self, stack, before):
        """A new instance speaks, and the aggregator has nothing more to ask it."""
        document = agent_document(stack, "c")
        return (document.get("instance") not in (None, before) and speaker(stack, "c") == document["instance"]
                and not document["inventoryWanted"] and document["wanted"] == [])

    def settled(self, stack, aggregator, api, before=None):
        until("the new instance is judged", lambda: self.is_judged(stack, before))
        marker = f"marker-{before}"
        self.assertEqual(post(api, report(marker, "t", {"1.0.0": 1})).status, 202)
        until("what came before is written", lambda: get(api, f"/api/v1alpha1/agents/{marker}/t").status == 200)
        until("and told", lambda: aggregator.metric("opvic_aggregator_outbox_pending") == 0)

    def test_killed_and_changed(self):
        with Stack() as stack:
            up, aggregator, _, api = stack.pipeline(*DATA)
            folder = sample_clusters(stack, up) / "staging"
            collector = stack.collector("c", folder, *FAST).wait_ready()
            until("all is answered", lambda: len(answers(api, "c")) == TRACKERS and b'"pending"' not in get(api, "/api/v1alpha1/overview").body)
            self.settled(stack, aggregator, api)
            want, told = get(api, "/api/v1alpha1/agents/c").body, events(stack, "c", "running", "state", "agent")

            instance = agent_document(stack, "c")["instance"]
            collector.kill()
            collector.start().wait_ready()
            self.settled(stack, aggregator, api, instance)
            self.assertEqual(get(api, "/api/v1alpha1/agents/c").body, want)
            self.assertEqual(events(stack, "c", "running", "state", "agent"), told, "a restart is no news")

            instance = agent_document(stack, "c")["instance"]
            collector.kill()
            remove_tracker(folder, "billing-api")
            pods = folder / "pods.yaml"
            pods.write_text(pods.read_text().replace("coredns:v1.14.3", "coredns:v1.14.7"))
            collector.start()
            until("the tracker is gone", lambda: "billing-api" not in answers(api, "c"))
            until("the change is answered", lambda: answers(api, "c")["coredns"] == ["1.14.7"])
            self.settled(stack, aggregator, api, instance)
            self.assertEqual(len(answers(api, "c")), TRACKERS - 1)
            news = events(stack, "c", "running", "agent")
            known = [e["id"] for _, e in told]
            self.assertEqual(sorted((e["trackerid"], e["data"]["change"]) for _, e in news if e["id"] not in known),
                             [("billing-api", "gone"), ("coredns", "changed")])
            for service in (aggregator, api, collector):
                self.assertNotIn("level=warn", service.text())

    def test_changed_while_away_over_http(self):
        """A restarted collector that ships over HTTP is asked by the answers to its heartbeats."""
        with Stack() as stack:
            up, aggregator, _, api = stack.pipeline(*DATA)
            folder = sample_clusters(stack, up) / "staging"
            env = {"CONTROLPLANE_URL": api.url, "CONTROLPLANE_AUTH_TOKEN": TOKEN, "NATS_URL": ""}
            collector = stack.collector("c", folder, *FAST, env=env).wait_ready()
            until("all is answered", lambda: len(answers(api, "c")) == TRACKERS)
            self.settled(stack, aggregator, api)
            instance = agent_document(stack, "c")["instance"]
            collector.kill()
            remove_tracker(folder, "billing-api")
            collector.start()
            until("the tracker is gone", lambda: "billing-api" not in answers(api, "c"))
            self.settled(stack, aggregator, api, instance)
            self.assertEqual(len(answers(api, "c")), TRACKERS - 1)


class Conflict(unittest.TestCase):
    def test_two_under_one_id(self):
        with Stack() as stack:
            up, aggregator, _, api = stack.pipeline(*DATA, aggregator_args=("--cache.expiration", "15s" if SANITIZED else "3s", "--cache.reconciler-interval", "100ms"))
            clusters = sample_clusters(stack, up)
            stack.collector("c", clusters / "staging", *FAST, name="older").wait_ready()
            until("the older one is answered", lambda: len(answers(api, "c")) == TRACKERS)
            first = until("it is known", lambda: agent_document(stack, "c").get("instance"))
            remove_tracker(clusters / "prod-eu", "billing-api")
            newer = stack.collector("c", clusters / "prod-eu", *FAST, name="newer").wait_ready()
            until("the newest wins", lambda: len(answers(api, "c")) == TRACKERS - 1 and answers(api, "c")["coredns"] == ["1.12.0"])
            document = until("the conflict is seen", lambda: d if (d := agent_document(stack, "c"))["state"] == "conflict" else None)
            self.assertTrue(document["reason"])
            self.assertNotEqual(document["instance"], first)
            until("it is told", lambda: [e["data"]["change"] for _, e in events(stack, "c", "agent")] == ["appeared", "conflict"])
            want = get(api, "/api/v1alpha1/agents/c").body

            pods = clusters / "staging/pods.yaml"
            pods.write_text(pods.read_text().replace("coredns:v1.14.3", "coredns:v1.99.9"))
            until("the older one's change was stored", lambda: "1.99.9" in str(last(stack, "OPVIC_REPORTS", "opvic.report.c.coredns")))
            self.assertEqual(post(api, report("marker", "t", {"1.0.0": 1})).status, 202)
            until("and passed over", lambda: get(api, "/api/v1alpha1/agents/marker/t").status == 200)
            self.assertEqual(get(api, "/api/v1alpha1/agents/c").body, want)

            told = events(stack, "c", "running")
            aggregator.stop()
            aggregator.start().wait_ready()
            until("it leads", lambda: aggregator.metric("opvic_aggregator_leader") == 1)
            self.assertEqual(get(api, "/api/v1alpha1/agents/c").body, want, "a report that was passed over takes nothing away")
            heard = {speaker(stack, "c")}
            until("both still talk", lambda: heard.add(speaker(stack, "c")) or len(heard) == 2)
            self.assertEqual(agent_document(stack, "c")["instance"], document["instance"], "the newest stays the newest")
            self.assertEqual(get(api, "/api/v1alpha1/agents/c").body, want)
            self.assertEqual([e["data"]["change"] for _, e in events(stack, "c", "agent")], ["appeared", "conflict"])
            self.assertEqual(events(stack, "c", "running"), told)

            newer.kill()
            until("the older one takes over when the newer is gone for good", lambda: len(answers(api, "c")) == TRACKERS
                  and "1.99.9" in answers(api, "c")["coredns"])


if __name__ == "__main__":
    unittest.main()
