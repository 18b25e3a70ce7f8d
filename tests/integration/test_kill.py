"""kill -9 of anything: nothing acknowledged is lost, no event comes twice, none is missing."""
import collections
import json
import threading
import unittest

from support.load import post_all
from support.nats import Nats
from support.stack import ROOT, Stack, get, github, post, report, request, until

COREDNS = github("coredns/coredns", "tags", r"^v([0-9]+\.[0-9]+\.[0-9]+)$", "$1")

LATEST = "1.14.7"

AGENTS, ROUNDS, CONNECTIONS = 24, 20, 8


def entry_events(nats_port, wanted="running", **auth):
    """{(agent, tracker): [data of its events of a kind in order]} and every event's id."""
    by_entry, ids = collections.defaultdict(list), []
    with Nats(nats_port, **auth) as nats:
        for _, subject, headers, data in nats.messages("OPVIC_EVENTS"):
            kind = subject.split(".")[2]
            if kind == "epoch":
                continue
            event = json.loads(data)
            ids.append(event["id"])
            if kind == wanted:
                by_entry[event["agentid"], event["trackerid"]].append(event["data"])
    return by_entry, ids


def versions_of(rows):
    return sorted(r["version"] if isinstance(r, dict) else r for r in rows)


class Kill(unittest.TestCase):
    def check_events(self, stack, final):
        """Each entry's running events form one unbroken chain that ends at what runs."""
        def chain_ends():
            with Nats(stack.nats_port) as nats:
                last = {key: nats.last("OPVIC_EVENTS", f"opvic.event.running.{key[0]}.{key[1]}") for key in final}
            return all(m and versions_of(json.loads(m[1])["data"]["running"]) == sorted(final[key]) for key, m in last.items())
        until("the last events are published", chain_ends, 60)
        by_entry, ids = entry_events(stack.nats_port)
        self.assertEqual(len(ids), len(set(ids)), "no event twice")
        for key, want in final.items():
            previous = []
            for data in by_entry[key]:
                self.assertEqual(versions_of(data["previous"]), previous, f"{key}: an event is missing or out of order")
                previous = versions_of(data["running"])
            self.assertEqual(previous, sorted(want), key)
        self.check_states(stack, final)

    def check_states(self, stack, final):
        """So do its state events, from the first one on; the last one says how it stands."""
        def last_ones_told():
            told, _ = entry_events(stack.nats_port, "state")
            with Nats(stack.nats_port) as nats:
                stands = {key: json.loads(nats.last("KV_opvic_state", f"$KV.opvic_state.entry.{key[0]}.{key[1]}")[1])["state"] for key in final}
            return told if all(not told[key] or told[key][-1]["state"] == stands[key] for key in final) else None
        by_entry = until("the last state events are published", last_ones_told, 60)
        for key in final:
            for before, after in zip(by_entry[key], by_entry[key][1:]):
                self.assertEqual(after["previous"]["state"], before["state"], f"{key}: a state event is missing or out of order")
            for each in by_entry[key]:
                self.assertNotEqual(each["previous"]["state"], each["state"], key)

    def check_answers(self, apis, final):
        for api in apis:
            def same():
                for (agent, tracker), want in final.items():
                    answer = get(api, f"/api/v1alpha1/agents/{agent}/{tracker}")
                    if answer.status != 200 or answer.json()["uniqVersions"] != want:
                        return None
                return True
            until("every acknowledged report is answered", same, 60)

    def check_gaps(self, apis, final):
        for api in apis:
            def compared():
                gaps = [get(api, f"/api/v1alpha1/agents/{agent}/{tracker}/versions").json() for agent, tracker in final]
                return all(g["latestVersion"] == LATEST and g["versions"][0]["state"] in ("behind", "ahead") for g in gaps)
            until("every one is compared with the whole list", compared, 60)

    def check_list(self, stack):
        """What upstream has is on the bus, whole, and its outcome says so."""
        tags = {line.split("\t")[0] for line in (ROOT / "examples/upstream/data/tags/coredns__coredns.tsv").read_text().splitlines() if line}
        with Nats(stack.nats_port) as nats:
            stored = json.loads(nats.last("OPVIC_LISTS", "opvic.list.github/tags/coredns/coredns.=")[1])
            _, body = until("its outcome is stored", lambda: nats.last("OPVIC_LISTS", "opvic.lookup.github/tags/coredns/coredns"), 60)
            outcome = json.loads(body)
        self.assertEqual({v["version"] for v in stored["versions"]}, tags)
        self.assertIn(outcome["outcome"], ("complete", "notModified"))
        self.assertEqual(outcome["lists"][0]["count"], len(tags))

    def post_and_kill(self, victims, in_a_look=False):
        with Stack() as stack:
            up, aggregator, fetcher, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
            hold = lambda verb: request(up.url, "POST", f"/_{verb}")
            if in_a_look:
                hold("hold")
            other = stack.api(name="api-2").wait_ready()
            processes = {"api": api, "aggregator": aggregator, "fetcher": fetcher, "nats": stack.nats_process}
            killed = threading.Event()

            def rounds(c):
                """At least ROUNDS, and more until every kill has happened."""
                r = 0
                while r < ROUNDS or not killed.is_set():
                    yield from (report(f"agent-{a}", "dns", {f"1.{r}.{a}": 1}, COREDNS) for a in range(c, AGENTS, CONNECTIONS))
                    r += 1

            def kill_each(posters):
                for name in victims:
                    stack_is_moving = lambda: aggregator.alive() and (aggregator.metric("opvic_aggregator_reports_merged_total") or 0) > 0
                    until("reports arrive", stack_is_moving)
                    if in_a_look:
                        until("upstream is asked", lambda: request(up.url, "GET", "/_requests").json()["waiting"] > 0)
                    processes[name].kill()
                    hold("release")
                    self.assertTrue(any(p.is_alive() for p in posters), "it was killed while reports were posted")
                    processes[name].start()
                killed.set()
            posters = post_all([api.url, other.url], [rounds(c) for c in range(CONNECTIONS)], kill_each)
            for service in (aggregator, fetcher, api):
                service.wait_ready(60)
            final = {(body["agentId"], "dns"): body["version"]["uniqVersions"] for p in posters for body in p.acknowledged}
            self.assertEqual(len(final), AGENTS)
            self.check_answers((api, other), final)
            self.check_gaps((api, other), final)
            self.check_list(stack)
            self.check_events(stack, final)

    def test_api(self):
        self.post_and_kill(["api"])

    def test_aggregator(self):
        self.post_and_kill(["aggregator", "aggregator"])

    def test_fetcher(self):
        self.post_and_kill(["fetcher"], in_a_look=True)

    def test_nats(self):
        self.post_and_kill(["nats"])

    def test_aggregator_between_state_and_events(self):
        """The bus refuses the events, the aggregator is killed with its outbox full, the right is given back."""
        def config(may):
            deny = "" if may else 'publish: {deny: ["opvic.event.running.>", "opvic.event.state.>", "opvic.event.agent.>"]}'
            return ('authorization { users: [{user: agg, password: agg, permissions: {%s}}, {user: other, password: other}] }'
                    % (deny or 'publish: ">"'))
        other = {"NATS_USER": "other", "NATS_PASSWORD": "other"}
        with Stack() as stack:
            stack.nats(config(False))
            up = stack.upstream("--data", ROOT / "examples/upstream/data")
            aggregator = stack.aggregator(env={"NATS_USER": "agg", "NATS_PASSWORD": "agg"})
            stack.fetcher(upstream=up.url, env=other)
            api = stack.api(env=other).wait_ready()
            aggregator.wait_ready()
            self.assertEqual(post(api, report("a", "t", {"1.0.0": 1})).status, 202)
            until("the state is written", lambda: get(api, "/api/v1alpha1/agents/a/t").status == 200)
            until("its events wait", lambda: (aggregator.metric("opvic_aggregator_outbox_pending") or 0) > 0)
            _, ids = entry_events(stack.nats_port, user="other", password="other")
            self.assertEqual(ids, [])
            aggregator.kill()
            stack.nats_process.kill()
            stack.nats_process = stack.nats(config(True))
            aggregator.start()
            aggregator.wait_ready()
            seen = lambda: entry_events(stack.nats_port, user="other", password="other")
            until("the event is published", lambda: seen()[0][("a", "t")])
            self.assertEqual(post(api, report("a", "t", {"1.0.1": 1})).status, 202)
            until("the next one too", lambda: len(seen()[0][("a", "t")]) >= 2)
            by_entry, ids = seen()
            self.assertEqual(len(ids), len(set(ids)))
            self.assertEqual([versions_of(d["running"]) for d in by_entry[("a", "t")]], [["1.0.0"], ["1.0.1"]])

    OTHER = {"NATS_USER": "other", "NATS_PASSWORD": "other"}

    def refusing(self, *subjects):
        """A server's configuration under which the aggregator may not publish these."""
        rights = f"publish: {{deny: {json.dumps(subjects)}}}" if subjects else 'publish: ">"'
        return ("authorization { users: [{user: agg, password: agg, permissions: {%s}}, {user: other, password: other}] }" % rights)

    def refused_stack(self, stack, *subjects):
        stack.nats(self.refusing(*subjects))
        aggregator = stack.aggregator(env={"NATS_USER": "agg", "NATS_PASSWORD": "agg"}).wait_ready()
        return aggregator, stack.api(env=self.OTHER).wait_ready()

    def running_events(self, stack):
        return entry_events(stack.nats_port, user="other", password="other")

    def test_a_refused_event_holds_its_document_alone(self):
        with Stack() as stack:
            aggregator, api = self.refused_stack(stack, "opvic.event.running.z.>")
            for agent in ("a", "z", "b"):
                self.assertEqual(post(api, report(agent, "t", {"1.0.0": 1})).status, 202)
            for agent in ("a", "z", "b"):
                until(f"{agent} is readable", lambda: get(api, f"/api/v1alpha1/agents/{agent}/t").status == 200)
            for version in ("1.0.1", "1.0.2"):
                for agent in ("z", "b"):
                    self.assertEqual(post(api, report(agent, "t", {version: 1})).status, 202)
                until("the other goes on", lambda: get(api, "/api/v1alpha1/agents/b/t").json()["uniqVersions"] == [version])
            self.assertEqual(get(api, "/api/v1alpha1/agents/z/t").json()["uniqVersions"], ["1.0.0"], "not rewritten before its events are told")
            until("its events are told", lambda: [versions_of(d["running"]) for d in self.running_events(stack)[0]["b", "t"]] == [["1.0.0"], ["1.0.1"], ["1.0.2"]])
            until("readiness says so", lambda: "opvic.event.running.z.t" in request(aggregator.url, "GET", "/readyz").text())
            self.assertEqual(request(aggregator.url, "GET", "/readyz").status, 503)
            until("it is counted", lambda: aggregator.metric("opvic_aggregator_event_subjects_refused") == 1)
            self.assertEqual(len([l for l in aggregator.text().splitlines() if "level=warn" in l and "event is refused" in l and "opvic.event.running.z.t" in l]), 1)

            aggregator.kill()
            aggregator.start()
            until("a new leader knows what waits", lambda: aggregator.metric("opvic_aggregator_event_subjects_refused") == 1)
            self.assertEqual(post(api, report("b", "t", {"1.0.3": 1})).status, 202)
            until("the other goes on", lambda: get(api, "/api/v1alpha1/agents/b/t").json()["uniqVersions"] == ["1.0.3"])
            aggregator.kill()
            stack.nats_process.kill()
            stack.nats_process = stack.nats(self.refusing())
            aggregator.start().wait_ready()
            until("what waited is readable", lambda: get(api, "/api/v1alpha1/agents/z/t").json()["uniqVersions"] == ["1.0.2"])
            until("all is told", lambda: len(self.running_events(stack)[0]["z", "t"]) == 2)
            by_entry, ids = self.running_events(stack)
            self.assertEqual(len(ids), len(set(ids)), "no event twice")
            self.assertEqual([versions_of(d["running"]) for d in by_entry["z", "t"]], [["1.0.0"], ["1.0.2"]])
            self.assertEqual([versions_of(d["running"]) for d in by_entry["b", "t"]], [["1.0.0"], ["1.0.1"], ["1.0.2"], ["1.0.3"]])

    def test_an_empty_event_stream(self):
        """Nothing says what was told: what is not there is told."""
        with Stack() as stack:
            aggregator, api = self.refused_stack(stack, "opvic.event.running.>", "opvic.event.state.>", "opvic.event.agent.>")
            self.assertEqual(post(api, report("a", "t", {"1.0.0": 1})).status, 202)
            until("its events wait", lambda: (aggregator.metric("opvic_aggregator_outbox_pending") or 0) >= 2)
            aggregator.kill()
            with Nats(stack.nats_port, user="other", password="other") as nats:
                self.assertTrue(nats.js("STREAM.PURGE.OPVIC_EVENTS")["success"])
            stack.nats_process.kill()
            stack.nats_process = stack.nats(self.refusing())
            aggregator.start().wait_ready()
            until("the events are told", lambda: len(self.running_events(stack)[1]) == 2)
            self.assertEqual(post(api, report("a", "t", {"1.0.1": 1})).status, 202)
            until("the next one too", lambda: len(self.running_events(stack)[0]["a", "t"]) == 2)
            by_entry, ids = self.running_events(stack)
            self.assertEqual(len(ids), len(set(ids)))
            self.assertEqual([(versions_of(d["previous"]), versions_of(d["running"])) for d in by_entry["a", "t"]], [([], ["1.0.0"]), (["1.0.0"], ["1.0.1"])])

    def test_a_foreign_last_event(self):
        with Stack() as stack:
            stack.nats()
            # Without a window of duplicates the server would hide nothing.
            with Nats(stack.nats_port) as nats:
                self.assertNotIn("error", nats.js("STREAM.CREATE.OPVIC_EVENTS", {"name": "OPVIC_EVENTS", "subjects": ["opvic.event.>"], "duplicate_window": 100_000_000}))
            aggregator, api = stack.aggregator().wait_ready(), stack.api().wait_ready()
            for version in ("1.0.0", "1.0.1"):
                for agent in ("a", "b"):
                    self.assertEqual(post(api, report(agent, "t", {version: 1})).status, 202)
                until("told", lambda: all(versions_of(entry_events(stack.nats_port)[0][a, "t"][-1]["running"]) == [version] for a in ("a", "b")))
            _, told = entry_events(stack.nats_port)
            with Nats(stack.nats_port) as nats:
                nats.request("opvic.event.x.y.z", b'{"id":"rubbish"}')
            aggregator.kill()
            aggregator.start().wait_ready()
            until("it leads", lambda: aggregator.metric("opvic_aggregator_leader") == 1)
            self.assertEqual(post(api, report("a", "t", {"1.0.2": 1})).status, 202)
            until("the next one is told", lambda: versions_of(entry_events(stack.nats_port)[0]["a", "t"][-1]["running"]) == ["1.0.2"])
            _, ids = entry_events(stack.nats_port)
            self.assertEqual(sorted(ids[:-1]), sorted(told + ["rubbish"]), "nothing is told again")

    def test_a_thousand_agents(self):
        with Stack() as stack:
            stack.nats()
            aggregator, api = stack.aggregator(), stack.api()
            aggregator.wait_ready(), api.wait_ready()
            post_all([api.url], [[report(f"agent-{a}", "dns", {"1.0.0": 1}) for a in range(c, 1000, 32)] for c in range(32)])
            until("1,000 agents", lambda: len(get(api, "/api/v1alpha1/agents").json()) == 1000)
            until("1,000 gaps of the one tracker", lambda: [len(o["dns"]) for o in get(api, "/api/v1alpha1/overview").json()] == [1000])
            for a in range(1000):
                self.assertEqual(get(api, f"/api/v1alpha1/agents/agent-{a}/dns").json()["uniqVersions"], ["1.0.0"])

    def test_two_thousand_trackers_over_one_connection(self):
        want = {f"t{t}": f"1.0.{t}" for t in range(2000)}
        with Stack() as stack:
            stack.nats()
            aggregator, api = stack.aggregator(), stack.api()
            aggregator.wait_ready(), api.wait_ready()
            posters = post_all([api.url], [[report("a", tracker, {version: 1}) for tracker, version in want.items()]])
            self.assertEqual(posters[0].retries, 0)
            found = lambda: {v["id"]: v["uniqVersions"][0] for v in get(api, "/api/v1alpha1/agents/a").json()}
            until("each of them is answered", lambda: found() == want)

    def post_while(self, api, change):
        """Reports of many entries arrive while the leader changes; what was acknowledged last of each."""
        done = threading.Event()

        def rounds(c):
            r = 0
            while r < ROUNDS or not done.is_set():
                yield from (report(f"agent-{a}", "t", {f"1.{r}.{a}": 1}) for a in range(c, AGENTS, CONNECTIONS))
                r += 1

        def during(posters):
            change()
            self.assertTrue(any(p.is_alive() for p in posters), "it changed while reports were posted")
            done.set()
        posters = post_all([api.url], [rounds(c) for c in range(CONNECTIONS)], during)
        final = {(body["agentId"], "t"): body["version"]["uniqVersions"] for p in posters for body in p.acknowledged}
        self.assertEqual(len(final), AGENTS)
        return final

    def two_aggregators(self, stack):
        _, first, _, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
        second = stack.aggregator(name="standby").wait_ready()
        self.assertEqual(post(api, report("a", "t", {"1.0.0": 1})).status, 202)
        until("readable", lambda: get(api, "/api/v1alpha1/agents/a/t").status == 200)
        self.assertEqual(second.metric("opvic_aggregator_leader"), 0)
        return first, second, api

    def moves(self, aggregator):
        written = aggregator.metric("opvic_aggregator_state_writes_total")
        until("it writes", lambda: aggregator.metric("opvic_aggregator_state_writes_total") > written)

    def test_standby_takes_over(self):
        with Stack() as stack:
            first, second, api = self.two_aggregators(stack)
            def change():
                self.moves(first)
                first.kill()
                until("the standby leads", lambda: second.metric("opvic_aggregator_leader") == 1)
                self.moves(second)
            final = self.post_while(api, change)
            first.start().wait_ready()
            self.check_answers([api], final)
            self.check_events(stack, final)

    def test_a_sleeper_is_refused(self):
        """A leader that is stopped past its lease, in the midst of writing, and wakes writes nothing."""
        with Stack() as stack:
            first, second, api = self.two_aggregators(stack)
            def change():
                self.moves(first)
                first.pause()
                until("the standby leads", lambda: second.metric("opvic_aggregator_leader") == 1)
                self.moves(second)
                first.resume()
                until("the sleeper stands by", lambda: first.metric("opvic_aggregator_leader") == 0)
                self.moves(second)
            final = self.post_while(api, change)
            self.check_answers([api], final)
            self.check_events(stack, final)
            self.assertEqual(first.metric("opvic_aggregator_leader") + second.metric("opvic_aggregator_leader"), 1)


if __name__ == "__main__":
    unittest.main()
