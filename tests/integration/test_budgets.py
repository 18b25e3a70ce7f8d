"""Requests that upstreams count: fetchers agree on the bus before they ask, and the upstream's own log is the witness."""
import json
import time
import unittest

from support.nats import Nats
from support.stack import ROOT, Stack, github, post, report, request, until

DATA = ("--data", ROOT / "examples/upstream/data")
LIMIT, RESERVE = 60, 3  # five percent


def control(upstream, verb, **body):
    assert request(upstream.url, "POST", f"/_{verb}", body=json.dumps(body)).status == 200


def asked(upstream):
    return request(upstream.url, "GET", "/_requests").json()


def log(upstream):
    return request(upstream.url, "GET", "/_log").json()


def budgets(stack):
    with Nats(stack.nats_port) as nats:
        return [json.loads(data) for _, _, _, data in nats.messages("KV_opvic_budget") if data]


def lookups(stack):
    """The last outcome of each source, by its repository."""
    with Nats(stack.nats_port) as nats:
        found = [json.loads(data) for _, subject, _, data in nats.messages("OPVIC_LISTS") if subject.startswith("opvic.lookup.")]
    return {row["repo"]: row for row in found}


def complete(stack):
    return sum(row["outcome"] == "complete" for row in lookups(stack).values())


def by_period(rows):
    """How many were granted of each period, by its end."""
    out = {}
    for row in rows:
        assert row["status"] != 403, row
        out[row["limits"]["reset"]] = out.get(row["limits"]["reset"], 0) + 1
    return out


class Budgets(unittest.TestCase):
    def begin(self, stack, upstream_args=(), fetchers=1, fetcher_args=()):
        stack.nats()
        self.up = stack.upstream(*DATA, *upstream_args)
        stack.aggregator("--cache.reconciler-interval", "500ms", "--source.interval", "1h").wait_ready()
        self.api = stack.api().wait_ready()
        self.fetchers = [stack.fetcher(*fetcher_args, upstream=self.up.url, name=f"fetcher-{i}") for i in range(fetchers)]
        for fetcher in self.fetchers:
            fetcher.wait_ready()
        return self.up

    def want(self, repos, prefix="app"):
        """Sources that nobody looked at yet, all at once."""
        for i in range(repos):
            control(self.up, "publish", repo=f"acme/{prefix}{i}", tag="v1.0.0")
        for i in range(repos):
            body = report("a", f"{prefix}{i}", {"1.0.0": 1}, github(f"acme/{prefix}{i}"))
            self.assertEqual(post(self.api, body).status, 202)

    def test_fetchers_share_a_budget(self):
        """Four fetchers with 32 workers, 60 requests a period, 100 sources: none asks too often or before the reset."""
        with Stack() as stack:
            up = self.begin(stack, ("--rate-limit", LIMIT, "--rate-period", 25), 4, ("--fetch.workers", "32"))
            self.want(100)
            until("the first period's budget is used", lambda: asked(up)["total"] >= LIMIT - RESERVE)
            first = by_period(log(up))
            until("all is done in the next period", lambda: complete(stack) == 100, 60)
            rows = log(up)
            periods = by_period(rows)
            self.assertEqual(len(rows), 100)  # each source once
            self.assertLessEqual(max(periods.values()), LIMIT - RESERVE)
            self.assertEqual(list(first.values()), [LIMIT - RESERVE])
            self.assertEqual(sorted(periods.values()), [100 - LIMIT + RESERVE, LIMIT - RESERVE])
            known, = budgets(stack)
            self.assertEqual((known["schema"], known["limit"]), (1, LIMIT))
            self.assertEqual(known["remaining"], LIMIT - (100 - LIMIT + RESERVE))


if __name__ == "__main__":
    unittest.main()
