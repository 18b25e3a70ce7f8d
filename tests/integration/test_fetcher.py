"""Jobs in flight: told alive, given to another when their fetcher dies, and never done by one that slept over them."""
import json
import time
import unittest

from support.nats import Nats
from support.stack import ROOT, Stack, get, github, post, report, request, until

DATA = ("--data", ROOT / "examples/upstream/data")
PATH = "/repos/acme/app/tags"
LIST = "opvic.list.github/tags/acme/app.="


def control(upstream, verb, **body):
    assert request(upstream.url, "POST", f"/_{verb}", body=json.dumps(body)).status == 200


def asked(upstream):
    return request(upstream.url, "GET", "/_requests").json()


def consumer(stack):
    with Nats(stack.nats_port) as nats:
        return nats.js("CONSUMER.INFO.OPVIC_JOBS.fetcher-github")


def latest(api):
    return get(api, "/api/v1alpha1/agents/a/app/versions").json()["latestVersion"]


def listed(stack):
    with Nats(stack.nats_port) as nats:
        found = nats.last("OPVIC_LISTS", LIST)
    return found and [v["version"] for v in json.loads(found[1])["versions"]]


class Jobs(unittest.TestCase):
    def begin(self, stack, *aggregator_args):
        """A pipeline with a job in flight: its fetcher waits for the upstream's answer."""
        up, _, fetcher, api = stack.pipeline(*DATA, aggregator_args=aggregator_args)
        control(up, "publish", repo="acme/app", tag="v1.0.0")
        control(up, "hold")
        self.assertEqual(post(api, report("a", "app", {"1.0.0": 1}, github("acme/app", "tags"))).status, 202)
        until("the fetcher waits for the upstream", lambda: asked(up)["waiting"] == 1)
        self.assertEqual(consumer(stack)["num_ack_pending"], 1)
        return up, fetcher, api

    def test_a_running_look_says_so(self):
        """More often than the queue's patience ends; the job is delivered once."""
        with Stack() as stack:
            up, _, api = self.begin(stack)
            patience_s, told = consumer(stack)["config"]["ack_wait"] / 1e9, []
            with Nats(stack.nats_port, timeout=120) as nats:
                nats.subscribe("$JS.ACK.OPVIC_JOBS.>")
                while len(told) < 3:
                    subject, _, data = nats.next()
                    if data == b"+WPI":
                        told.append((subject, time.monotonic()))
            self.assertEqual(len({subject for subject, _ in told}), 1)
            self.assertLess(told[2][1] - told[0][1], patience_s)
            control(up, "release")
            until("it is answered", lambda: latest(api) == "1.0.0")
            self.assertEqual(asked(up)["total"], 1)
            self.assertEqual(consumer(stack)["delivered"]["consumer_seq"], 1)

    def test_a_killed_fetchers_job_comes_back(self):
        with Stack() as stack:
            up, fetcher, api = self.begin(stack)
            fetcher.kill()
            control(up, "release")
            fetcher.start().wait_ready()
            until("the job is done by the next one", lambda: latest(api) == "1.0.0", 45)
            self.assertEqual(listed(stack), ["v1.0.0"])

    def test_a_sleeper_stores_nothing(self):
        """A fetcher that is stopped in a look and wakes after another has done its job leaves the newer list alone."""
        with Stack() as stack:
            up, sleeper, api = self.begin(stack)
            sleeper.pause()
            control(up, "release")
            until("the sleeper's answer is sent", lambda: asked(up)["paths"].get(PATH) == 1)
            control(up, "publish", repo="acme/app", tag="v2.0.0")
            stack.fetcher(upstream=up.url, name="other").wait_ready()
            until("the other one does the job", lambda: latest(api) == "2.0.0", 60)
            newer = listed(stack)
            sleeper.resume()
            until("the sleeper gives up", lambda: sleeper.metric("opvic_fetcher_jobs_dropped_total") == 1)
            self.assertEqual(listed(stack), newer)
            self.assertEqual(latest(api), "2.0.0")

    def test_a_list_without_its_outcome_is_mended(self):
        """A fetcher dies between a list and its outcome: the next look does not take the list for the outcome's."""
        with Stack() as stack:
            up, fetcher, api = self.begin(stack, "--source.interval", "1s", "--cache.reconciler-interval", "100ms")
            control(up, "release")
            until("it is answered", lambda: latest(api) == "1.0.0")
            with Nats(stack.nats_port) as nats:
                stray = json.loads(nats.last("OPVIC_LISTS", LIST)[1])
                stray["versions"][0]["version"] = "v0.9.0"
                nats.request(LIST, json.dumps(stray).encode())
            until("the upstream's list stands again", lambda: listed(stack) == ["v1.0.0"])
            until("it is answered again", lambda: latest(api) == "1.0.0")
            with Nats(stack.nats_port) as nats:
                self.assertEqual(nats.js("STREAM.PURGE.OPVIC_LISTS", {"filter": LIST})["purged"], 1)
            until("a list that was lost comes back", lambda: listed(stack) == ["v1.0.0"])


if __name__ == "__main__":
    unittest.main()
