"""What is remembered and for how long: large lists, expiration, lost stores, replays, sources, and what events say."""
import json
import random
import re
import shutil
import time
import unittest
from urllib.parse import quote

from integration.test_pipeline import sample_clusters
from support.load import post_all
from support.nats import Nats
from support.stack import ROOT, SANITIZED, Stack, get, github, helm, post, report, request, samples, until

DATA = ("--data", ROOT / "examples/upstream/data")
FAST = ("--source.interval", "1s", "--cache.reconciler-interval", "100ms")
COREDNS = github("coredns/coredns", "tags", r"^v([0-9]+\.[0-9]+\.[0-9]+)$", "$1")
VERSIONS = 30_000

# Levels that a service may log at when nothing is wrong.
QUIET = ("debug", "info")


def gap(api, agent, tracker):
    return get(api, f"/api/v1alpha1/agents/{quote(agent, safe='')}/{quote(tracker, safe='')}/versions")


def is_answered(api, agent, tracker):
    return get(api, f"/api/v1alpha1/agents/{quote(agent, safe='')}/{quote(tracker, safe='')}").status == 200


def agent_ids(api):
    return sorted(a["id"] for a in get(api, "/api/v1alpha1/agents").json())


def entry_state(api, agent, tracker):
    return gap(api, agent, tracker).json()["versions"][0].get("state")


def publish(upstream, **change):
    assert request(upstream.url, "POST", "/_publish", body=json.dumps(change)).status == 200


def fault(upstream, path, kind):
    assert request(upstream.url, "POST", "/_fault", body=json.dumps({"path": path, "kind": kind})).status == 200


def asked(upstream):
    return request(upstream.url, "GET", "/_requests").json()


def events(stack, *kinds):
    """The events of these kinds (all but epochs when none is named), in order."""
    with Nats(stack.nats_port) as nats:
        rows = [(subject.split(".")[2], json.loads(data)) for _, subject, _, data in nats.messages("OPVIC_EVENTS")]
    return [event for kind, event in rows if (kind in kinds if kinds else kind != "epoch")]


def complaints(*services):
    """Lines of logs above info."""
    return [line for s in services for line in s.text().splitlines() if (m := re.search(r"level=(\w+)", line)) and m[1] not in QUIET]


def helm_index(seed):
    """30,000 versions of one chart whose digests do not compress, in no order; and the versions in theirs."""
    rng = random.Random(seed)
    versions = [f"{1 + i // 1000}.{i // 10 % 100}.{i % 10}+{rng.getrandbits(256):064x}" for i in range(VERSIONS)]
    shuffled = rng.sample(versions, len(versions))
    lines = "".join(f"  - {{version: {v}, appVersion: {v.split('+')[0]}, created: '2024-01-01T00:00:00Z'}}\n" for v in shuffled)
    return "apiVersion: v1\nentries:\n  big:\n" + lines, versions


class LargeLists(unittest.TestCase):
    def parts(self, stack):
        """{manifest subject: set of the revisions of its parts} of large lists and verdicts."""
        found = {}
        with Nats(stack.nats_port) as nats:
            for stream, begin in (("OPVIC_LISTS", "opvic.list."), ("KV_opvic_state", "$KV.opvic_state.verdict.")):
                for _, subject, headers, data in nats.messages(stream):
                    m = re.fullmatch(r"(.*)\.([0-9a-f]{16})\.(\d+)", subject)
                    if m and subject.startswith(begin) and data:
                        found.setdefault(m[1], {}).setdefault(m[2], []).append(int(m[3]))
        return found

    def test_thirty_thousand_versions(self):
        with Stack() as stack:
            up, aggregator, fetcher, api = stack.pipeline(*DATA, aggregator_args=FAST)
            first, versions = helm_index(1)
            publish(up, index="big", body=first)
            self.assertEqual(post(api, report("a", "big", {"0.1.0": 1}, helm(f"{up.url}/charts/big", "big"))).status, 202)
            self.assertEqual(self.available(api), versions)
            answer = gap(api, "a", "big").json()
            self.assertEqual(answer["latestVersion"].split("+")[0], "30.99.9")
            self.assertEqual(len(answer["versions"][0]["availableMajors"]), 30)
            before = self.parts(stack)
            self.assertEqual(len(before), 2, "the list and the verdict are cut")
            for subject, revisions in before.items():
                self.assertEqual([sorted(n) for n in revisions.values()], [list(range(len(*revisions.values())))], subject)
                self.assertGreater(len(*revisions.values()), 1, subject)
            self.assertLess(max(len(l) for l in get(api, "/metrics").text().splitlines()), 20_000, "joined lists are capped")

            second, versions = helm_index(2)
            publish(up, index="big", body=second)
            until("the second list is answered", lambda: versions[-1] in gap(api, "a", "big").text())
            self.assertEqual(self.available(api), versions)
            def replaced():
                now = self.parts(stack)
                return now if set(now) == set(before) and all(len(r) == 1 and not set(r) & set(before[s]) for s, r in now.items()) else None
            until("the parts of the first are gone", replaced)
            self.restart(aggregator, api, versions)
            self.assertEqual(complaints(aggregator, fetcher, api), [])

    def available(self, api):
        return until("all versions are answered", lambda: got if len(got := gap(api, "a", "big").json()["versions"][0]["availableVersions"]) == VERSIONS else None)

    def restart(self, aggregator, api, versions):
        before = gap(api, "a", "big").body
        for service in (aggregator, api):
            service.stop()
            service.start().wait_ready()
        until("the aggregator leads", lambda: aggregator.metric("opvic_aggregator_leader") == 1)
        until("nothing is left to be written", lambda: aggregator.metric("opvic_aggregator_documents_pending") == 0)
        self.assertEqual(gap(api, "a", "big").body, before)


MANY_S = 600 if SANITIZED else 60  # thousands of rules


class Outboxes(unittest.TestCase):
    def test_more_events_than_a_message_holds(self):
        """One release is news for thousands of rules at once: one document, whose outbox is cut with it."""
        rules = 5000
        with Stack() as stack:
            up, aggregator, _, api = stack.pipeline(*DATA, aggregator_args=FAST)
            publish(up, repo="acme/app", tag="v1.0.0")
            post_all([api.url], [[report("a", f"t{i}", {"1.0.0": 1}, github("acme/app", "tags", r"^v([0-9.]+)$", "$1", f"> 0.0.{i}"))
                                  for i in range(c, rules, 8)] for c in range(8)])
            until("all are up to date", lambda: get(api, "/api/v1alpha1/overview").body.count(b'"state":"upToDate"') >= 2 * rules, MANY_S)
            publish(up, repo="acme/app", tag="v1.1.0")
            until("all are behind", lambda: get(api, "/api/v1alpha1/overview").body.count(b'"state":"behind"') >= 2 * rules, MANY_S)
            until("every release is told", lambda: len(events(stack, "release")) == rules, MANY_S)
            with Nats(stack.nats_port) as nats:
                outbox = [(h["Opvic-Outbox"].split(".")[0], len(data)) for _, s, h, data in nats.messages("OPVIC_EVENTS") if ".release." in s]
            self.assertEqual(len({document for document, _ in outbox}), 1)
            self.assertGreater(sum(size for _, size in outbox), 2**20)
            aggregator.kill()
            aggregator.start().wait_ready()
            self.assertEqual(post(api, report("later", "t", {"1.0.0": 1})).status, 202)
            until("a new leader goes on", lambda: is_answered(api, "later", "t"), MANY_S)
            self.assertEqual(len({e["id"] for e in events(stack, "release")}), rules)
            self.assertEqual(len(events(stack, "release")), rules)
            self.assertEqual(aggregator.metric("opvic_aggregator_undecodable_total"), 0)


class Room(unittest.TestCase):
    def test_a_full_state(self):
        with Stack() as stack:
            stack.nats()
            aggregator, api = stack.aggregator().wait_ready(), stack.api().wait_ready()
            self.assertEqual(post(api, report("first", "t", {"1.0.0": 1})).status, 202)
            until("it is answered", lambda: is_answered(api, "first", "t"))
            aggregator.stop()
            with Nats(stack.nats_port) as nats:
                used = nats.stream("KV_opvic_state")["state"]["bytes"]
            # The state may take three tenths of all.
            aggregator.argv += ["--streams.max-bytes", str((used + 20_000) * 10 // 3)]
            aggregator.start().wait_ready()
            for i in range(60):
                self.assertEqual(post(api, report(f"a{i}", "t", {"1.0.0": 1})).status, 202)
            until("readiness says so", lambda: "maximum bytes exceeded" in request(aggregator.url, "GET", "/readyz").text())
            until("it is counted", lambda: aggregator.metric("opvic_aggregator_state_refusals_total") >= 3)
            self.assertEqual(aggregator.metric("opvic_aggregator_leader"), 1)
            log = [l for l in aggregator.text().splitlines() if "level=error" in l]
            self.assertEqual(len(log), 1, log)
            self.assertIn("maximum bytes exceeded", log[0])
            self.assertEqual([l for l in aggregator.text().splitlines() if "cannot go on" in l], [])

            aggregator.stop()
            aggregator.argv[-1] = "0"
            aggregator.start().wait_ready()
            until("all are answered", lambda: all(is_answered(api, f"a{i}", "t") for i in range(60)))
            # The limit on events made the oldest ones give way.
            until("all are told", lambda: [e["agentid"] for e in events(stack, "running")][-1:] == ["a59"])
            ids = [e["id"] for e in events(stack)]
            self.assertEqual(len(ids), len(set(ids)))


class Expiration(unittest.TestCase):
    def is_gone(self, api, agent):
        return (not is_answered(api, agent, "t") and agent not in agent_ids(api)
                and not [l for l in get(api, "/metrics").text().splitlines() if f'agent_id="{agent}"' in l]
                and f'"{agent}"' not in get(api, "/api/v1alpha1/overview").text())

    def test_a_silent_agent_expires(self):
        with Stack() as stack:
            _, aggregator, _, api = stack.pipeline(*DATA, aggregator_args=("--cache.expiration", "4s", "--cache.reconciler-interval", "100ms"))
            stack.collector("beats", ROOT / "examples/clusters/staging", "--agent.interval", "500ms").wait_ready()
            trackers = until("the collector's trackers", lambda: t if len(t := get(api, "/api/v1alpha1/agents/beats").json()) == 7 else None)
            self.assertEqual(post(api, report("silent", "t", {"1.0.0": 1})).status, 202)
            until("it is answered", lambda: is_answered(api, "silent", "t"))
            until("it is gone", lambda: self.is_gone(api, "silent"))
            self.assertEqual(post(api, report("silent", "t", {"1.0.0": 1})).status, 202)
            until("it is back", lambda: is_answered(api, "silent", "t") and agent_ids(api) == ["beats", "silent"])
            until("it is gone again", lambda: self.is_gone(api, "silent"))
            changes = [(e["type"], e["data"]["change"]) for e in events(stack, "running", "agent") if e["agentid"] == "silent"]
            self.assertEqual(changes.count(("io.opvic.running", "gone")), 2)
            self.assertEqual([c for t, c in changes if t == "io.opvic.agent"], ["appeared", "expired", "returned", "expired"])

            aggregator.stop()
            aggregator.start().wait_ready()
            until("it leads", lambda: aggregator.metric("opvic_aggregator_leader") == 1)
            self.assertEqual(post(api, report("later", "t", {"1.0.0": 1})).status, 202)
            until("the aggregator writes", lambda: is_answered(api, "later", "t"))
            self.assertTrue(self.is_gone(api, "silent"), "what expired stays so")
            self.assertEqual([[e["data"]["change"] for e in events(stack, kind) if e["agentid"] == "silent"][-1] for kind in ("agent", "running")], ["expired", "gone"])
            self.assertEqual(get(api, "/api/v1alpha1/agents/beats").json(), trackers, "heartbeats keep it alive")
            self.assertEqual([e for e in events(stack, "running", "agent") if e["agentid"] == "beats" and e["data"]["change"] != "appeared"], [])

    def test_an_outage_is_no_silence(self):
        # Longer than any of the services takes to find the bus again (5 s at most between two tries).
        with Stack() as stack:
            _, aggregator, _, api = stack.pipeline(*DATA, aggregator_args=("--cache.expiration", "10s", "--cache.reconciler-interval", "100ms"))
            self.assertEqual(post(api, report("a", "t", {"1.0.0": 1})).status, 202)
            until("it is answered", lambda: is_answered(api, "a", "t"))
            stack.nats_process.kill()
            until("the outage is longer than the expiration", lambda: int(get(api, "/api/v1alpha1/agents").headers["opvic-state-age"]) >= 11)
            self.assertTrue(is_answered(api, "a", "t"))
            stack.nats_process.start()
            stack.wait_nats()
            until("a report is taken", lambda: post(api, report("b", "t", {"1.0.0": 1})).status == 202)
            until("and merged", lambda: is_answered(api, "b", "t"))
            self.assertTrue(is_answered(api, "a", "t"), "time without the bus does not count")
            until("time counts again", lambda: self.is_gone(api, "a"))


class LostStores(unittest.TestCase):
    def watch(self, api, want, done, deadline_s=30):
        """Polls until done; whatever is answered meanwhile is what was answered before."""
        lapses = []
        def look():
            got = {path: get(api, path).body for path in want}
            lapses.extend(path for path in want if got[path] != want[path])
            return done()
        until("the state is written again", look, deadline_s)
        self.assertEqual(lapses[:3], [], f"{len(lapses)} answers were other ones meanwhile")

    def stack_with_answers(self, stack):
        up, aggregator, fetcher, api = stack.pipeline(*DATA)
        stack.collector("c", sample_clusters(stack, up) / "staging", "--agent.interval", "1s").wait_ready()
        self.assertEqual(post(api, report("go", "dns", {"1.14.3": 1}, COREDNS, tags={"k": "v"})).status, 202)
        until("the posted one is answered", lambda: entry_state(api, "go", "dns") == "behind")
        until("the collector's are answered", lambda: len(get(api, "/api/v1alpha1/agents/c").json()) == 7)
        until("nothing is pending", lambda: b'"pending"' not in get(api, "/api/v1alpha1/overview").body
              and aggregator.metric("opvic_aggregator_outbox_pending") == 0 and aggregator.metric("opvic_aggregator_documents_pending") == 0)
        paths = ("/api/v1alpha1/agents/go/dns/versions", "/api/v1alpha1/agents/c", "/api/v1alpha1/overview")
        return aggregator, api, {path: get(api, path).body for path in paths}

    def test_the_state_bucket(self):
        with Stack() as stack:
            aggregator, api, want = self.stack_with_answers(stack)
            told = [e["id"] for e in events(stack)]
            def entries():
                with Nats(stack.nats_port) as nats:
                    return {s for _, s, _, data in nats.messages("KV_opvic_state") if ".entry." in s and data}
            before = entries()
            with Nats(stack.nats_port) as nats:
                self.assertTrue(nats.js("STREAM.DELETE.KV_opvic_state")["success"])
            self.watch(api, want, lambda: entries() == before)
            other = stack.api(name="api-2").wait_ready()
            until("a new replica answers alike", lambda: all(get(other, path).body == want[path] for path in want))
            self.assertEqual([e["id"] for e in events(stack)], told, "nothing changed: no event")
            self.assertEqual(post(api, report("go", "dns", {"1.14.7": 1}, COREDNS)).status, 202)
            until("the next change is told", lambda: [e for e in events(stack, "running") if e["id"] not in told])

    def test_the_whole_store(self):
        with Stack() as stack:
            aggregator, api, want = self.stack_with_answers(stack)
            stack.nats_process.kill()
            shutil.rmtree(stack.folder / "jetstream")
            stack.nats_process.start()
            stack.wait_nats()
            def written():
                with Nats(stack.nats_port) as nats:
                    subjects = {s for _, s, _, d in nats.messages("KV_opvic_state") if d}
                    reports = {s for _, s, _, d in nats.messages("OPVIC_REPORTS") if s.startswith("opvic.report.c.") and d}
                return "$KV.opvic_state.entry.go.dns" in subjects and len(reports) == 7
            self.watch(api, want, written)
            other = stack.api(name="api-2").wait_ready()
            until("a new replica answers alike", lambda: all(get(other, path).body == want[path] for path in want))
            self.assertEqual([e["data"] for e in events(stack)], [], "nothing changed: no event")
            self.assertEqual(post(api, report("go", "dns", {"1.14.7": 1}, COREDNS)).status, 202)
            until("the next change is told", lambda: [e for e in events(stack, "running") if e["data"]["running"] == ["1.14.7"]])


class Replay(unittest.TestCase):
    def test_not_ready_before_the_replay_ends(self):
        count = 5000
        with Stack() as stack:
            stack.nats()
            aggregator = stack.aggregator().wait_ready()
            aggregator.kill()
            with Nats(stack.nats_port) as nats:
                for i in range(count):
                    nats.publish(f"opvic.report.agent-{i // 50}.t{i % 50}", json.dumps(report(f"agent-{i // 50}", f"t{i % 50}", {f"1.0.{i}": 1}, COREDNS)).encode())
                until("all are stored", lambda: nats.stream("OPVIC_REPORTS")["state"]["messages"] == count)
            aggregator.start().wait_ready()
            self.assertEqual(aggregator.metric("opvic_aggregator_entries"), count, "ready means that all was read")
            api = stack.api().wait_ready()
            until("all are answered", lambda: sum(len(v) for o in get(api, "/api/v1alpha1/overview").json() for v in o.values()) == count)
            self.assertEqual(len(agent_ids(api)), count // 50)
            self.assertEqual(get(api, "/api/v1alpha1/agents/agent-99/t49").json()["uniqVersions"], [f"1.0.{count - 1}"])
            self.assertEqual(complaints(aggregator, api), [])

    def test_long_ids_and_two_spellings(self):
        long = ["x" * 300, "x" * 299 + "y", "ü" * 150]
        with Stack() as stack:
            _, aggregator, _, api = stack.pipeline(*DATA)
            for i, name in enumerate(long):
                self.assertEqual(post(api, report(name, name, {f"1.0.{i}": 1})).status, 202)
            self.assertEqual(post(api, report("a", "two", {"v1.14.3": 1, "1.14.3": 2}, COREDNS)).status, 202)
            def check():
                for i, name in enumerate(long):
                    path = quote(name, safe="")
                    until("a long id is answered", lambda: get(api, f"/api/v1alpha1/agents/{path}/{path}").json()["uniqVersions"] == [f"1.0.{i}"])
                two = until("both spellings are behind", lambda: g["versions"] if (g := gap(api, "a", "two").json())["versions"][1].get("state") == "behind" else None)
                self.assertEqual([(v["currentVersion"], v["resourceCount"]) for v in two], [("1.14.3", 1), ("1.14.3", 2)])
                self.assertEqual(gap(api, "a", "two").json()["runningVersions"], ["v1.14.3", "1.14.3"])
                series = [(n, l["running_version"], v) for n, l, v in samples(get(api, "/metrics").text()) if l.get("version_id") == "two"]
                self.assertEqual({running for _, running, _ in series}, {"1.14.3"}, "metrics know one spelling")
                self.assertEqual(sum(v for n, _, v in series if n.endswith("_resource_count")), 3)
                self.assertEqual(len([n for n, _, _ in series if n.endswith("_minor_versions_count")]), 1)
                self.assertEqual(agent_ids(api), sorted(long + ["a"]))
            check()
            for service in (aggregator, api):
                service.stop()
                service.start().wait_ready()
            until("it leads", lambda: aggregator.metric("opvic_aggregator_leader") == 1)
            check()


class Sources(unittest.TestCase):
    SPELLINGS = ("coredns/coredns", "CoreDNS/CoreDNS", "https://github.com/coredns/coredns.git", "https://github.com/coredns/coredns/")
    TAGS = "/repos/coredns/coredns/tags"

    def test_one_look_for_the_fleet(self):
        with Stack() as stack:
            stack.nats()
            up = stack.upstream(*DATA)
            aggregator = stack.aggregator("--source.interval", "2s", "--cache.reconciler-interval", "100ms").wait_ready()
            fetcher = stack.fetcher(upstream=up.url, env={"PROVIDER_GITHUB_TOKEN": "secret"}).wait_ready()
            api = stack.api().wait_ready()
            began = time.monotonic()
            for i in range(50):
                remote = github(self.SPELLINGS[i % 4], "tags", r"^v([0-9]+\.[0-9]+\.[0-9]+)$", "$1")
                self.assertEqual(post(api, report(f"a{i}", "dns", {"1.14.3": 1}, remote)).status, 202)
            until("all are answered", lambda: get(api, "/api/v1alpha1/overview").body.count(b'"state":"behind"') >= 50
                  and b'"pending"' not in get(api, "/api/v1alpha1/overview").body)
            until("they are one source", lambda: aggregator.metric("opvic_aggregator_sources") == 1)
            seen = asked(up)
            whole = seen["statuses"]["200"]
            self.assertEqual(sum(seen["paths"].values()), whole + seen["statuses"].get("304", 0), seen)
            until("the third look", lambda: fetcher.metric("opvic_fetcher_looks_total") >= 3)
            took = time.monotonic() - began
            seen = asked(up)
            self.assertEqual(set(seen["statuses"]), {"200", "304"}, seen)
            self.assertEqual(seen["statuses"]["200"], whole, "only the first look read the pages")
            self.assertEqual(seen["statuses"]["304"] % whole, 0, seen)
            self.assertGreaterEqual(took, 3.5, "two intervals passed, less a tenth of spread")
            self.assertEqual(complaints(aggregator, fetcher, api), [])

    def test_a_limited_source_waits_alone(self):
        with Stack() as stack:
            up, aggregator, fetcher, api = stack.pipeline(*DATA, aggregator_args=FAST)
            fault(up, self.TAGS, "403limit")
            self.assertEqual(post(api, report("a", "dns", {"1.14.3": 1}, COREDNS)).status, 202)
            until("it is told", lambda: "rateLimited" in gap(api, "a", "dns").text())
            other = stack.upstream(*DATA, name="other")
            self.assertEqual(post(api, report("a", "chart", {"1.0.0": 1}, helm(f"{other.url}/charts/external-dns", "external-dns"))).status, 202)
            index = "/charts/external-dns/index.yaml"
            until("the other one is looked up again and again", lambda: asked(other)["paths"].get(index, 0) >= 3)
            self.assertEqual(entry_state(api, "a", "chart"), "behind")
            self.assertEqual(asked(up)["paths"][self.TAGS], 1, "not asked before its reset")


class Events(unittest.TestCase):
    def check_envelope(self, event):
        self.assertEqual((event["specversion"], event["source"], event["datacontenttype"]), ("1.0", "opvic", "application/json"))
        self.assertRegex(event["id"], r"^[0-9a-f]{32}$")
        self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertRegex(event["type"], r"^io\.opvic\.(running|state|release|withdrawn|source|agent)$")
        if "agentid" in event:
            self.assertEqual(event["subject"], "/".join(filter(None, (event["agentid"], event.get("trackerid")))))

    def index(self, *versions):
        return "apiVersion: v1\nentries:\n  app:\n" + "".join(f"  - {{version: {v}}}\n" for v in versions)

    def test_a_release_and_its_withdrawal(self):
        with Stack() as stack:
            up, aggregator, fetcher, api = stack.pipeline(*DATA, aggregator_args=FAST)
            publish(up, index="app", body=self.index("1.0.0"))
            publish(up, repo="acme/app", tag="v1.0.0")
            chart, tags = helm(f"{up.url}/charts/app", "app"), github("acme/app", "tags")
            for agent in ("a", "b", "c"):
                self.assertEqual(post(api, report(agent, "chart", {"1.0.0": 1}, chart)).status, 202)
                self.assertEqual(post(api, report(agent, "tag", {"1.0.0": 1}, tags)).status, 202)
                self.assertEqual(post(api, report(agent, "none", {"1.0.0": 1})).status, 202)
            until("all are up to date", lambda: get(api, "/api/v1alpha1/overview").body.count(b'"state":"upToDate"') >= 6
                  and all(entry_state(api, x, t) == "upToDate" for x in "abc" for t in ("chart", "tag")))
            self.assertEqual(events(stack, "release", "withdrawn"), [], "the first list is no news")
            told = {e["id"] for e in events(stack)}
            publish(up, index="app", body=self.index("1.0.0", "1.1.0"))
            publish(up, repo="acme/app", tag="v1.2.0")
            until("all are behind", lambda: all(entry_state(api, x, t) == "behind" for x in "abc" for t in ("chart", "tag")))
            until("both releases are told", lambda: len(events(stack, "release")) == 2)
            news = [e for e in events(stack) if e["id"] not in told]
            releases = sorted((e["data"]["previous"], e["data"]["latestVersion"]) for e in news if e["type"] == "io.opvic.release")
            self.assertEqual(releases, [("1.0.0", "1.1.0"), ("1.0.0", "1.2.0")])
            def changed_states():
                found = [e for e in events(stack, "state") if e["id"] not in told]
                return found if len(found) == 6 else None
            states = until("each entry's change is told", changed_states)
            self.assertEqual(sorted((e["agentid"], e["trackerid"]) for e in states), [(a, t) for a in "abc" for t in ("chart", "tag")])
            for e in states:
                self.assertEqual((e["data"]["previous"]["state"], e["data"]["state"], e["data"]["running"]), ("upToDate", "behind", ["1.0.0"]))
            self.assertEqual({e["type"] for e in news} - {"io.opvic.release", "io.opvic.state"}, set())

            publish(up, index="app", body=self.index("1.0.0"))
            withdrawn = until("the withdrawal is told", lambda: events(stack, "withdrawn"))
            self.assertEqual([(e["data"]["previous"], e["data"]["latestVersion"]) for e in withdrawn], [("1.1.0", "1.0.0")])
            until("they are up to date again", lambda: all(entry_state(api, x, "chart") == "upToDate" for x in "abc"))
            self.failing_and_recovered(stack, up)
            all_events = events(stack)
            for event in all_events:
                self.check_envelope(event)
            self.assertEqual(len({e["id"] for e in all_events}), len(all_events))
            self.assertEqual(complaints(aggregator, api), [])

    def failing_and_recovered(self, stack, up):
        fault(up, "/repos/acme/app/tags", "500")
        failing = until("the failure is told", lambda: events(stack, "source"))
        self.assertEqual([(e["data"]["change"], e["data"]["failure"]) for e in failing], [("failing", "unreachable")])
        self.assertIn("acme/app", failing[0]["data"]["source"])
        fault(up, "/repos/acme/app/tags", "none")
        until("the recovery is told", lambda: [e["data"]["change"] for e in events(stack, "source")] == ["failing", "recovered"], 60)


if __name__ == "__main__":
    unittest.main()
