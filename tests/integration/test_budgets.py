"""Requests that upstreams count: fetchers agree on the bus before they ask, and the upstream's own log is the witness."""
import json
import statistics
import subprocess
import time
import unittest

from support.nats import Nats
from support.stack import BIN, ROOT, Stack, github, post, report, request, until

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
        return [json.loads(data) for _, _, _, data in nats.messages("KV_opvic_budget") if data.strip()]


def lookups(stack):
    """The last outcome of each source, by its repository."""
    with Nats(stack.nats_port) as nats:
        found = [json.loads(data) for _, subject, _, data in nats.messages("OPVIC_LISTS") if subject.startswith("opvic.lookup.")]
    return {row["repo"]: row for row in found}


def complete(stack):
    return sum(row["outcome"] == "complete" for row in lookups(stack).values())


def gitea(base, repo):
    return {"provider": "gitea", "strategy": "releases", "repo": f"{base}/{repo}", "extraction": {"regex": {"pattern": "", "result": ""}}}


def token(text):
    """As subjects.h writes ids."""
    return "".join(c if c.isalnum() or c in "-_/" else f"={ord(c):02X}" for c in text)


def consumer(stack, provider):
    with Nats(stack.nats_port) as nats:
        return nats.js(f"CONSUMER.INFO.OPVIC_JOBS.fetcher-{provider}")


def by_period(rows):
    """How many were granted of each period, by its end."""
    out = {}
    for row in rows:
        assert row["status"] != 403, row
        out[row["limits"]["reset"]] = out.get(row["limits"]["reset"], 0) + 1
    return out


class Budgets(unittest.TestCase):
    def begin(self, stack, upstream_args=(), fetchers=1, fetcher_args=(), aggregator_args=()):
        stack.nats()
        self.up = stack.upstream(*DATA, *upstream_args)
        # A host is known by its name and port: the same server is another host by each of its addresses.
        self.port = int(self.up.url.rsplit(":", 1)[1])
        self.up.url = f"http://127.0.0.1:{self.port}"
        stack.aggregator(*(aggregator_args or ("--source.interval", "1h"))).wait_ready()
        self.api = stack.api().wait_ready()
        self.fetchers = [stack.fetcher(*fetcher_args, upstream=self.up.url, name=f"fetcher-{i}") for i in range(fetchers)]
        for fetcher in self.fetchers:
            fetcher.wait_ready()
        return self.up

    def want(self, count, prefix="app", remote=github):
        """Sources that nobody looked at yet, all at once."""
        for i in range(count):
            control(self.up, "publish", repo=f"acme/{prefix}{i}", tag="v1.0.0")
        for i in range(count):
            body = report("a", f"{prefix}{i}", {"1.0.0": 1}, remote(f"acme/{prefix}{i}"))
            self.assertEqual(post(self.api, body).status, 202)

    def test_fetchers_share_a_budget(self):
        """Four fetchers with 32 workers, 60 requests a period, 100 sources: none asks too often or before the reset."""
        with Stack() as stack:
            up = self.begin(stack, ("--rate-limit", LIMIT, "--rate-period", 25), 4, ("--fetch.workers", "32"))
            self.want(100)
            until("the first period's budget is used", lambda: asked(up)["total"] >= LIMIT - RESERVE)
            first = by_period(log(up))
            until("all is done in the next period", lambda: complete(stack) == 100, 90)
            rows = log(up)
            periods = by_period(rows)
            self.assertEqual(len(rows), 100)  # each source once
            self.assertEqual(list(first.values()), [LIMIT - RESERVE])
            self.assertEqual(sorted(periods.values()), [100 - LIMIT + RESERVE, LIMIT - RESERVE])
            end = min(periods)
            self.assertFalse([r for r in rows if r["limits"]["reset"] > end and r["arrived"] < end])
            known, = budgets(stack)
            self.assertEqual((known["schema"], known["limit"]), (1, LIMIT))
            self.assertEqual(known["remaining"], LIMIT - (100 - LIMIT + RESERVE))
            labels = {"host": f"127.0.0.1:{self.port}", "credential": "anonymous"}
            shown = [f.metric("opvic_provider_rate_limit_requests", labels) for f in self.fetchers]
            self.assertIn(LIMIT, shown)

    def test_told_off(self):
        """What one fetcher is told by Retry-After holds for all of them."""
        wait_s = 6
        with Stack() as stack:
            up = self.begin(stack, fetchers=4)
            self.want(1, "first")
            until("the budget is known", lambda: complete(stack) == 1)
            control(up, "fault", path="*", kind="403secondary", times=1, seconds=wait_s)
            self.want(30)
            until("all others are done", lambda: complete(stack) >= 30, 60)
            rows = log(up)
            told, = [r["at"] for r in rows if r["status"] == 403]
            under_way_s = 0.5  # requests that were sent before the answer was stored
            early = [r["arrived"] - told for r in rows if under_way_s < r["arrived"] - told < wait_s - 1]
            self.assertEqual(early, [])
            self.assertGreater(sum(r["arrived"] > told + wait_s - 1 for r in rows), 10)

    def test_what_is_not_counted_is_not_spent(self):
        """Unchanged lists cost nothing with a token: many more looks than the budget, and nearly all of it is left."""
        sources = 20
        with Stack() as stack:
            up = self.begin(stack, ("--rate-limit", LIMIT), 2, ("--provider.github.token", "abc"),
                            ("--source.interval", "1s", "--cache.reconciler-interval", "500ms"))
            self.want(sources)
            until("each was looked at again and again", lambda: min(asked(up)["paths"].values(), default=0) > 6)
            self.assertEqual(len(asked(up)["paths"]), sources)
            self.assertNotIn("403", asked(up)["statuses"])
            self.assertGreater(asked(up)["total"], 2 * LIMIT)
            in_hand = 2 * 8
            known, = budgets(stack)
            self.assertGreaterEqual(known["remaining"], LIMIT - sources - in_hand)
            self.assertEqual(len(known["credential"]), 12)
            for fetcher in self.fetchers:
                self.assertEqual(fetcher.stop(), 0)
            self.assertEqual(budgets(stack)[0]["remaining"], LIMIT - sources)

    def test_a_corrupt_budget(self):
        """Says so, and is as if there were none."""
        with Stack() as stack:
            up = self.begin(stack)
            with Nats(stack.nats_port) as nats:
                key = f"$KV.opvic_budget.{token(f'127.0.0.1:{self.port}')}.="
                nats.request(key, b'{"schema":1,"host":"127.0.0.1","limit":"many"}')
            self.want(3)
            until("all is done", lambda: complete(stack) == 3)
            self.assertIn("a stored budget cannot be read", self.fetchers[0].text())
            self.assertEqual(budgets(stack)[0]["remaining"], 5000 - 3)
            self.assertEqual(asked(up)["total"], 3)

    def test_a_full_bucket(self):
        """Hosts that nobody needs any more, made up ones perhaps, keep no other's budget out."""
        with Stack() as stack:
            up = self.begin(stack, aggregator_args=("--source.interval", "1h", "--streams.max-bytes", "20971520"))
            with Nats(stack.nats_port) as nats:
                limit = nats.stream("KV_opvic_budget")["config"]["max_bytes"]
                for size, count in ((3500, limit // 3500 + 1), (400, 10), (40, 50)):  # until not even the smallest fits
                    for i in range(count):
                        nats.request(f"$KV.opvic_budget.made-up{size}-{i}.=", b" " * size)
            self.want(3)
            until("all is done", lambda: complete(stack) == 3)
            self.assertEqual(asked(up)["total"], 3)
            self.assertEqual([row["remaining"] for row in budgets(stack)[-1:]], [5000 - 3])

    def test_without_the_bus(self):
        """A look that has pages before it asks for none of them when the bus does not tell what is left."""
        with Stack() as stack:
            up = self.begin(stack)
            for i in range(250):
                control(up, "publish", repo="acme/long", tag=f"v1.{i}.0")
            control(up, "hold")
            self.assertEqual(post(self.api, report("a", "long", {"1.0.0": 1}, github("acme/long"))).status, 202)
            until("the first page is asked for", lambda: asked(up)["waiting"] == 1)
            stack.nats_process.kill()
            control(up, "release")
            until("it is put off", lambda: "not asked: the bus could not be asked" in self.fetchers[0].text())
            self.assertEqual(asked(up)["total"], 1)
            stack.nats_process.start()
            stack.wait_nats()
            until("it is done when the bus is back", lambda: complete(stack) == 1, 60)
            self.assertEqual(asked(up)["total"], 1 + 3 + 1, "three pages, and whether they have moved")

    def test_one_look_tells(self):
        with Stack() as stack:
            up = stack.upstream(*DATA, "--rate-limit", LIMIT)
            control(up, "publish", repo="acme/app", tag="v1.0.0")
            done = subprocess.run([BIN / "opvic-fetcher", "get", "--provider", "github", "--strategy", "releases", "--repo",
                                   "acme/app", "--provider.github.api-url", up.url, "--fetch.allow-cidrs", "127.0.0.0/8"],
                                  capture_output=True, text=True, timeout=60, check=True)
            self.assertRegex(done.stderr, r"^github/releases/acme/app: complete, HTTP 200, 1 requests, \d+ bytes, \d+ ms, "
                                          r"budget 59 of 60 until 20\d\d-\d\d-\d\dT[0-9:.]+Z\n$")

    def test_a_killed_fetchers_reservations_are_spent(self):
        with Stack() as stack:
            up = self.begin(stack, ("--rate-limit", LIMIT))
            self.want(1, "first")
            until("the budget is known", lambda: complete(stack) == 1)
            control(up, "hold")
            self.want(3)
            until("three requests are under way", lambda: asked(up)["waiting"] == 3)
            self.assertEqual(budgets(stack)[0]["remaining"], LIMIT - 4)
            self.fetchers[0].kill()
            control(up, "release")
            self.fetchers[0].start().wait_ready()
            until("the jobs are done again", lambda: complete(stack) == 4, 60)
            self.assertEqual(asked(up)["total"], 7)
            self.assertEqual(budgets(stack)[0]["remaining"], LIMIT - 7)

    def test_a_fetcher_dies_among_many_jobs(self):
        """None is lost, and only those that it had under way are asked for twice."""
        workers, count = 8, 200
        with Stack() as stack:
            up = self.begin(stack, fetchers=2, fetcher_args=("--fetch.workers", workers))
            control(up, "fault", path="*", kind="late", seconds=0.05)
            self.want(count)
            until("it is in the middle of them", lambda: complete(stack) >= 30)
            self.fetchers[0].kill()
            until("all are done", lambda: complete(stack) == count, 120)
            paths = asked(up)["paths"]
            self.assertEqual(len(paths), count)
            self.assertLessEqual(max(paths.values()), 2)
            self.assertLessEqual(sum(paths.values()), count + workers)
            with Nats(stack.nats_port) as nats:
                self.assertEqual(nats.stream("OPVIC_DEAD")["state"]["messages"], 0)

    def test_a_slow_host_stops_no_other(self):
        """A thousand jobs for a host that takes three seconds each, and twenty for another: these are done at once."""
        slow = lambda repo: gitea(f"http://127.0.0.2:{self.port}", repo)
        with Stack() as stack:
            up = self.begin(stack, ("--bind", "0.0.0.0"))
            control(up, "fault", path=f"host:127.0.0.2:{self.port}", kind="late", seconds=3)
            self.want(1000, "slow", slow)
            self.want(20)
            done = lambda: sum(r["outcome"] == "complete" and r["provider"] == "github" for r in lookups(stack).values())
            until("the others are done", lambda: done() == 20, 15)
            until("all the rest were put off", lambda: len(lookups(stack)) >= 1000, 60)
            with Nats(stack.nats_port) as nats:
                before = nats.stream("OPVIC_LISTS")["state"]["last_seq"]
                begun = time.monotonic()
                until("ten seconds pass", lambda: time.monotonic() > begun + 10)
                written = nats.stream("OPVIC_LISTS")["state"]["last_seq"] - before
            self.assertLess(written, 200)  # no storm: they come back at the rate that the host takes
            times = sorted(r["nextTryAt"] for r in lookups(stack).values() if r["outcome"] == "deferred")
            self.assertGreater(times[-1] - times[0], 100)
            self.assertLess(max(times.count(t) for t in set(times)), 50)

    def test_a_failing_host_is_set_aside(self):
        """It is asked a few times, then now and then; and all is done once it is well."""
        failing = lambda repo: gitea(f"http://127.0.0.2:{self.port}", repo)
        with Stack() as stack:
            up = self.begin(stack, ("--bind", "0.0.0.0"))
            control(up, "fault", path=f"host:127.0.0.2:{self.port}", kind="500")
            self.want(60, "bad", failing)
            fetcher, labels = self.fetchers[0], {"host": f"127.0.0.2:{self.port}"}
            state = lambda: fetcher.metric("opvic_fetcher_host_circuit_state", labels)
            until("the circuit opens", lambda: state() == 2)
            until("each was tried or put off", lambda: len(lookups(stack)) == 60)
            self.assertLess(asked(up)["statuses"]["500"], 20)
            self.want(10)
            done = lambda name: sum(r["outcome"] == "complete" and r["provider"] == name for r in lookups(stack).values())
            until("others are done meanwhile", lambda: done("github") == 10, 5)
            failed = asked(up)["statuses"]["500"]
            until("one tries whether it is well", lambda: asked(up)["statuses"]["500"] > failed, 60)
            control(up, "fault", path=f"host:127.0.0.2:{self.port}", kind="none")
            until("the circuit closes", lambda: state() == 0, 90)
            put_off = lambda: [r for r in lookups(stack).values() if r["outcome"] == "deferred"]
            until("those that were put off are done", lambda: not put_off(), 90)
            self.assertGreater(done("gitea"), 40)

    def test_draining(self):
        """What runs is finished, what has not begun goes back at once."""
        with Stack() as stack:
            up = self.begin(stack, fetcher_args=("--fetch.workers", "1"))
            control(up, "hold")
            self.want(2)
            self.want(2, "other", lambda repo: gitea(self.up.url, repo))
            until("one runs", lambda: asked(up)["waiting"] == 1)
            held = lambda: sum(consumer(stack, p)["num_ack_pending"] for p in ("github", "gitea"))
            until("one waits for the worker", lambda: held() == 2)
            self.fetchers[0].child.terminate()
            begun = time.monotonic()
            until("it drains", lambda: not self.fetchers[0].is_ready() and time.monotonic() > begun + 1)
            control(up, "release")
            self.assertEqual(self.fetchers[0].child.wait(30), 0)
            self.assertEqual(complete(stack), 1)
            self.fetchers[0].start().wait_ready()
            until("the others are done at once", lambda: complete(stack) == 4, 10)

    def test_jobs_begin_at_once(self):
        """Of every provider: the table's last one is not waited for less eagerly than its first."""
        with Stack() as stack:
            up = self.begin(stack)
            waits = []
            with Nats(stack.nats_port) as nats:
                for i in range(40):
                    repo = f"{up.url}/product{i}"
                    source = f"endoflife/cycles/{repo}"
                    job = {"schema": 1, "source": source, "provider": "endoflife", "strategy": "cycles", "repo": repo,
                           "epoch": 1, "after": 0}
                    begun = time.time()
                    nats.request(f"opvic.job.endoflife.{token(source)}", json.dumps(job).encode())
                    arrived = lambda: [r["arrived"] for r in log(up) if r["path"].endswith(f"/product{i}")]
                    waits.append(until("it is asked", arrived)[0] - begun)
            self.assertLess(statistics.median(waits), 0.05)
            self.assertLess(max(waits), 1)


if __name__ == "__main__":
    unittest.main()
