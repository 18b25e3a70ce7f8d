"""Who may do what on the bus: every role of deploy/helm/opvic/files/bus-permissions.conf against the real server."""
import pathlib
import re
import tempfile
import time
import unittest
from urllib.parse import quote

from integration.test_state import helm_index, publish
from support.bususers import ROLES, BusUsers, credentials, on_every_server
from support.stack import ROOT, TOKEN, Stack, get, github, helm, post, report, request, samples, until

COREDNS = github("coredns/coredns", "tags", r"^v([0-9]+\.[0-9]+\.[0-9]+)$", "$1")
MANY = 600
LONG = "b" * 180  # the longest id that an agent's user may have
STREAMS = ("OPVIC_REPORTS", "OPVIC_JOBS", "OPVIC_LISTS", "OPVIC_EVENTS", "OPVIC_DEAD", "KV_opvic_state", "KV_opvic_lease", "KV_opvic_budget")
USERS = (*ROLES, "a", "b")

# Subject -> who of USERS may publish there; nobody else.
PUBLISH = {
    "opvic.report.a.t": "a api", "opvic.report.b.t": "b api", "opvic.report.a.t.1.0": "", "opvic.report.a": "",
    "opvic.heartbeat.a": "a api", "opvic.heartbeat.b": "b api", "opvic.heartbeat.a.x": "",
    "opvic.inventory.a": "a api", "opvic.inventory.b": "b api",
    "opvic.job.github.s": "aggregator", "opvic.event.release.a.t": "aggregator", "opvic.event.release._._": "aggregator",
    "opvic.list.s.l": "fetcher", "opvic.list.s.l.1.0": "fetcher", "opvic.lookup.s": "fetcher",
    "opvic.dead.OPVIC_JOBS.1": "aggregator fetcher", "opvic.dead.OPVIC_REPORTS.1": "aggregator",
    "opvic.ask.report.a": "aggregator", "opvic.ask.refresh.s": "api",
    "$KV.opvic_state.entry.a.t": "aggregator", "$KV.opvic_state.entry.a.t.1.0": "aggregator",
    "$KV.opvic_lease.aggregator": "aggregator", "$KV.opvic_budget.x": "fetcher",
    "$JS.ACK.OPVIC_JOBS.fetcher-github.1.2.3.4.5": "fetcher", "$JS.ACK.OPVIC_EVENTS.mine.1.2.3.4.5": "subscriber",
    "$JS.ACK.OPVIC_REPORTS.x.1.2.3.4.5": "",
    "$JS.FC.OPVIC_REPORTS.x.y": "aggregator", "$JS.FC.KV_opvic_state.x.y": "aggregator api subscriber",
    "$JS.FC.OPVIC_EVENTS.x.y": "subscriber", "$JS.FC.OPVIC_JOBS.x.y": "",
    "$JS.API.CONSUMER.INFO.OPVIC_JOBS.fetcher-github": "fetcher", "$JS.API.CONSUMER.MSG.NEXT.OPVIC_JOBS.fetcher-github": "fetcher",
    "$JS.API.CONSUMER.DURABLE.CREATE.OPVIC_JOBS.fetcher-github": "fetcher",
    "$JS.API.CONSUMER.MSG.NEXT.OPVIC_EVENTS.mine": "subscriber", "$JS.API.CONSUMER.CREATE.OPVIC_EVENTS.mine.opvic.event.>": "subscriber",
    "$JS.API.CONSUMER.CREATE.OPVIC_REPORTS.mine.opvic.report.>": "", "$JS.API.CONSUMER.DURABLE.CREATE.OPVIC_REPORTS.mine": "",
    "$JS.API.CONSUMER.DELETE.KV_opvic_state.x": "", "$JS.API.CONSUMER.DELETE.OPVIC_EVENTS.mine": "", "$JS.API.CONSUMER.DELETE.OPVIC_JOBS.fetcher-github": "",
    "$JS.API.CONSUMER.NAMES.OPVIC_EVENTS": "", "$JS.API.CONSUMER.LIST.KV_opvic_state": "",
    "$JS.API.DIRECT.GET.KV_opvic_state.$KV.opvic_state.entry.a.t": "subscriber", "$JS.API.DIRECT.GET.OPVIC_REPORTS.opvic.report.b.t": "",
    "$JS.API.STREAM.NAMES": "", "$JS.API.STREAM.LIST": "", "$JS.API.INFO": "",
    "$JS.API.ACCOUNT.PURGE.$G": "", "$JS.API.META.LEADER.STEPDOWN": "", "$JS.API.SERVER.REMOVE": "", "$SYS.REQ.SERVER.PING": "",
    "_INBOX.aggregator.ov1.r.0.0": "", "_INBOX.agent.b.x": "", "other": "",
}
# The same for the API's calls of streams: verb -> stream -> who.
STREAM_CALLS = {
    "STREAM.INFO": {"OPVIC_JOBS": "aggregator fetcher", "OPVIC_LISTS": "aggregator fetcher", "KV_opvic_budget": "aggregator fetcher",
                    "KV_opvic_state": "aggregator api subscriber", "OPVIC_EVENTS": "aggregator subscriber", "*": "aggregator"},
    "STREAM.CREATE": {"*": "aggregator"}, "STREAM.UPDATE": {"*": "aggregator"},
    "STREAM.PURGE": {"KV_opvic_state": "aggregator", "OPVIC_LISTS": "fetcher"},
    "STREAM.MSG.DELETE": {"KV_opvic_state": "aggregator", "OPVIC_LISTS": "fetcher"},
    "STREAM.MSG.GET": {"OPVIC_EVENTS": "aggregator subscriber", "KV_opvic_state": "aggregator subscriber", "KV_opvic_lease": "aggregator",
                       "OPVIC_LISTS": "fetcher", "KV_opvic_budget": "fetcher"},
    "CONSUMER.CREATE": {"OPVIC_REPORTS": "aggregator", "OPVIC_LISTS": "aggregator", "KV_opvic_state": "aggregator api subscriber",
                        "OPVIC_EVENTS": "subscriber"},
    **{verb: {} for verb in ("STREAM.DELETE", "STREAM.SNAPSHOT", "STREAM.RESTORE", "STREAM.LEADER.STEPDOWN",
                             "STREAM.PEER.REMOVE", "CONSUMER.NAMES", "CONSUMER.LIST")},
}
SUBSCRIBE = {
    ">": "", "*.>": "", "opvic.>": "", "opvic.report.>": "", "opvic.report.a.*": "", "opvic.heartbeat.>": "", "opvic.list.>": "", "opvic.job.>": "",
    "opvic.ask.report.a": "a", "opvic.ask.report.b": "b", "opvic.ask.report.*": "", "opvic.ask.>": "", "opvic.ask.refresh.>": "aggregator",
    "opvic.event.>": "subscriber", "$KV.opvic_state.>": "subscriber", "$KV.opvic_state.entry.a.>": "subscriber", "$KV.opvic_lease.>": "",
    "_INBOX.>": "", "_INBOX.*": "", "_INBOX.agent.>": "", "_INBOX.agent.*.x": "", "_INBOX.agent.a.x": "a", "_INBOX.agent.b.>": "b",
    "_INBOX.aggregator.>": "aggregator", "_INBOX.fetcher.x.*": "fetcher", "_INBOX.api.x": "api", "_INBOX.subscriber.x": "subscriber",
    "$JS.>": "", "$JS.API.>": "", "$JS.ACK.>": "", "$SYS.>": "", "$JS.EVENT.ADVISORY.>": "",
}


def publish_table():
    calls = {f"$JS.API.{verb}.{stream}": who.get(stream, who.get("*", "")) for verb, who in STREAM_CALLS.items() for stream in STREAMS}
    return {**PUBLISH, **calls}


class Rights(unittest.TestCase):
    def check(self, client, user, what, tell, table):
        for subject, who in table.items():
            tell(subject)
            told = client.refusals()
            self.assertEqual(user not in who.split(), bool(told), f"{user}: {what} {subject}: expected {who or 'nobody'} to be let: {told}")
            for line in told:
                self.assertIn(f'to "{subject}"', line)

    @on_every_server
    def test_table(self):
        with Stack() as stack:
            bus = BusUsers(stack, "a", "b")
            for user in USERS:
                with bus.client(user) as client:
                    self.check(client, user, "publish", lambda subject, c=client: c.publish(subject, b""), publish_table())
                    self.check(client, user, "subscribe", client.subscribe, SUBSCRIBE)


def pipeline(stack, bus, agent, *args):
    """Every part of it, with the users of its role; ready."""
    up = stack.upstream("--data", ROOT / "examples/upstream/data")
    services = [stack.aggregator("--cache.reconciler-interval", "500ms", "--source.interval", "3s", env=bus.env("aggregator")),
                stack.fetcher(upstream=up.url, env=bus.env("fetcher")), stack.api(env=bus.env("api")),
                stack.collector(agent, ROOT / "examples/clusters/staging", "--agent.interval", "1s", *args, env=bus.env(agent))]
    for service in services:
        service.wait_ready()
    return services


class Script(unittest.TestCase):
    def test_what_is_there_stays(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name) / "bus"
            read = lambda: {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
            self.assertEqual(credentials("init", folder, "--server-names", "bus.example.org,10.0.0.7", "--agent", "a"), "")
            first = read()
            self.assertEqual(credentials("init", folder, "--server-names", "10.0.0.7"), "")
            self.assertEqual(read(), first)
            self.assertEqual({p.stat().st_mode & 0o777 for p in folder.rglob("*") if p.is_file() and p.suffix != ".crt"}, {0o600})
            self.assertEqual(credentials("agent", folder, "b"), "")
            second = read()
            self.assertEqual({p for p in second if first.get(p) != second[p]},
                             {pathlib.Path("server/auth.conf"), *(pathlib.Path("agents/b") / n for n in ("user", "password", "inbox-prefix"))})
            self.assertEqual(credentials("remove", folder, "b"), "")
            self.assertEqual(read(), first)
            self.assertEqual(credentials("rotate", folder, "--role", "api"), "")
            self.assertEqual({p for p, text in read().items() if first[p] != text}, {pathlib.Path("server/auth.conf"), pathlib.Path("api/password")})

    def test_what_is_wrong_is_named(self):
        with tempfile.TemporaryDirectory() as name:
            folder, nowhere = pathlib.Path(name) / "bus", pathlib.Path(name) / "nowhere"
            self.assertEqual(credentials("init", folder), "")
            before = (folder / "server/auth.conf").read_bytes()
            for arguments, says in (
                    (("agent", folder, "a.b"), 'agent "a.b": expected 1 to 180 letters, digits and dashes'),
                    (("agent", folder, ">"), 'agent ">": expected'), (("agent", folder, ""), 'agent "": expected'),
                    (("agent", folder, "x" * 181), "expected 1 to 180"), (("agent", folder, "../api"), 'agent "../api": expected'),
                    (("agent", nowhere, "a"), f"{nowhere}: expected a folder that"),
                    (("rotate", folder, "a"), "agents/a: not there"), (("remove", folder, "a"), "agents/a: not there"),
                    (("rotate", folder, "--role", "collector"), 'role "collector": expected one of: aggregator'),
                    (("init", folder, "--server-names", "new"), '"new" is not among its names'),
                    (("init", folder, "--server-names", "a b"), '--server-names "a b": expected host names'),
                    (("init", folder, "--agent"), "--agent: expected a value"), (("init", folder, "--x", "y"), '"--x": expected --server-names'),
                    (("dance",), '"dance": expected init, agent, rotate or remove')):
                with self.subTest(arguments=arguments[::2]):
                    self.assertIn("bus-credentials: ", said := credentials(*arguments))
                    self.assertIn(says, said)
            (folder / "api/password").write_text('x", permissions: {}')
            self.assertIn("api/password: expected one word", credentials("agent", folder, "a"))
            self.assertEqual((folder / "server/auth.conf").read_bytes(), before)


class Pipeline(unittest.TestCase):
    @on_every_server
    def test_no_right_is_missing(self):
        """All that the services do, a restart and an expired agent included, without one violation."""
        with Stack() as stack:
            bus = BusUsers(stack, "a")
            aggregator, fetcher, api, collector = services = pipeline(stack, bus, "a")
            self.assertEqual(post(api, report("posted", "dns", {"1.14.3": 1}, COREDNS)).status, 202)
            until("the posted one is answered", lambda: get(api, "/api/v1alpha1/agents/posted/dns/versions").json()["latestVersion"] == "1.14.7")
            until("the cluster's are", lambda: len(get(api, "/api/v1alpha1/agents/a").json()) == 7)
            until("upstream is asked again", lambda: fetcher.metric("opvic_fetcher_looks_total") >= 8)
            with bus.client("subscriber") as reader:
                self.assertIn("appeared", str([data for _, _, _, data in reader.messages("OPVIC_EVENTS")]))
                self.assertIn("$KV.opvic_state.entry.posted.dns", [subject for _, subject, _, _ in reader.messages("KV_opvic_state")])
            stack.nats_process.kill()
            stack.nats_process.start()
            until("a report is taken again", lambda: post(api, report("posted", "dns", {"1.14.7": 1}, COREDNS)).status == 202)
            until("it is answered", lambda: get(api, "/api/v1alpha1/agents/posted/dns").json()["uniqVersions"] == ["1.14.7"])
            aggregator.kill()
            aggregator.start()
            until("the next leader answers", lambda: post(api, report("posted", "dns", {"1.14.6": 1}, COREDNS)).status == 202
                  and get(api, "/api/v1alpha1/agents/posted/dns").json()["uniqVersions"] == ["1.14.6"])
            self.assertEqual(bus.violations(), [])
            for service in services:
                self.assertEqual(service.metric("opvic_bus_refusals_total") if service is not collector else 0, 0, service.name)

    @on_every_server
    def test_no_right_is_missing_for_what_is_rare(self):
        """Large lists in parts and their removal, dead letters, a wish for a look, and so much to read that the server's
        flow control speaks."""
        with Stack() as stack:
            bus = BusUsers(stack, "a")
            aggregator, fetcher, api, _ = services = pipeline(stack, bus, "a")
            up = next(p for p in stack.processes if p.name == "upstream")
            for seed in (1, 2):
                body, versions = helm_index(seed)
                publish(up, index="big", body=body)
                self.assertEqual(post(api, report("posted", "big", {"0.1.0": 1}, helm(f"{up.url}/charts/big", "big"))).status, 202)
                until("the large list is answered", lambda: versions[-1] in get(api, "/api/v1alpha1/agents/posted/big/versions").text())
            with bus.client("a") as client, bus.client("aggregator") as planner:
                client.publish("opvic.report.a.bad", b"{")
                planner.publish("opvic.job.github.bad", b"{")
                until("the bad report is put aside", lambda: aggregator.metric("opvic_aggregator_undecodable_total"))
                until("the bad job is put aside", lambda: fetcher.metric("opvic_fetcher_dead_letters_total"))
            wish = f"/api/v1alpha1/sources/{quote('github/tags/coredns/coredns', safe='')}/refresh"
            self.assertEqual(request(api.url, "POST", wish, token=TOKEN).status, 202)
            for i in range(MANY):
                self.assertEqual(post(api, report(f"many-{i % 10}", f"t{i}", {f"1.{i}.{n}": 1 for n in range(50)})).status, 202)
            for service in (aggregator, api):
                service.kill()
                service.start().wait_ready()
            until("all of them are answered", lambda: api.metric("opvic_api_entries") >= MANY)
            self.assertEqual(bus.violations(), [])
            for service in services[:3]:
                self.assertEqual(denied(service), 0, service.name)

    @on_every_server
    def test_an_agent_is_added_and_removed(self):
        """Nobody's connection is cut by an agent that comes or goes, but its own."""
        with Stack() as stack:
            bus = BusUsers(stack, "a")
            services = pipeline(stack, bus, "a")
            with bus.client("a") as watcher:
                self.assertEqual(credentials("agent", bus.folder, LONG), "")
                bus.reload()
                stack.collector(LONG, ROOT / "examples/clusters/prod-us", "--agent.interval", "1s", env=bus.env(LONG), name="long").wait_ready()
                until("its reports are answered", lambda: get(services[2], f"/api/v1alpha1/agents/{LONG}").json())
                for command in ("rotate", "remove"):
                    with bus.client(LONG) as gone:
                        self.assertEqual(credentials(command, bus.folder, LONG), "")
                        bus.reload()
                        with self.assertRaises(OSError):
                            gone.refusals()
                        watcher.publish("opvic.heartbeat.b", b"")
                        self.assertEqual(len(watcher.refusals()), 1)  # still there, with the rights it had
            for service in services[:3]:
                self.assertEqual(service.metric("opvic_bus_reconnects_total"), 0, service.name)
            self.assertNotIn("bus disconnected", "".join(service.text() for service in services))


def readiness(service):
    return request(service.url, "GET", "/readyz").text()


def denied(service):
    """How many rights are missing, by the service's metrics."""
    at = service.argv[service.argv.index("--metrics-bind-address") + 1] if "--metrics-bind-address" in service.argv else None
    url = f"http://{at}" if at else service.url
    return sum(v for n, _, v in samples(request(url, "GET", "/metrics").text()) if n == "opvic_bus_permissions_denied")


class Refusals(unittest.TestCase):
    """A right that is missing is seen in the service, and is seen to be there again."""

    def shows(self, service, right, user):
        text = f'permission denied: {right} as user "{user}"'
        until(f"{service.name} says {text}", lambda: f"\nbus permissions: {text}" in readiness(service))
        until("it is counted", lambda: denied(service) >= 1)
        told = lambda: [line for line in service.text().splitlines() if 'msg="bus refused"' in line and text.replace('"', '\\"') in line]
        lines = until("it is logged", told)
        self.assertEqual(len(lines), 1, service.tail())
        self.assertIn("level=error", lines[0])

    def shows_none(self, service):
        until(f"{service.name} is ready and is denied nothing", lambda: readiness(service) == "ok" and denied(service) == 0)
        until("the log says so", lambda: "bus no longer refuses" in service.text())
        self.assertNotIn("bus disconnected", service.text())

    @on_every_server
    def test_a_collector_with_the_id_of_another(self):
        with Stack() as stack:
            bus = BusUsers(stack, "a", "b")
            stack.aggregator(env=bus.env("aggregator")).wait_ready()
            stack.collector("b", ROOT / "examples/clusters/staging", env=bus.env("b")).wait_ready()
            impostor = stack.collector("b", ROOT / "examples/clusters/prod-eu", "--agent.interval", "1s", name="impostor", env=bus.env("a"))
            denial = re.compile(r'waiting for the bus to let us in: permission denied: publish to "opvic\.(report|heartbeat)\.b')
            until("it says that it may not", lambda: denial.search(readiness(impostor)))
            self.assertFalse(impostor.is_ready())
            self.shows(impostor, 'subscribe to "opvic.ask.report.b"', "agent-a")
            until("all its subjects are counted", lambda: denied(impostor) > 5)
            self.assertLess(impostor.text().count("delivery is not allowed"), 2)

    @on_every_server
    def test_a_right_that_comes_back(self):
        """Without it the service says what is missing, and goes on by itself when the server was given it."""
        with Stack() as stack:
            bus = BusUsers(stack, "a")
            aggregator, fetcher, api, collector = pipeline(stack, bus, "a")
            body = report("posted", "dns", {"1.14.3": 1})
            cases = ((api, "api", "opvic.report.*.*", 'publish to "opvic.report.posted.dns"'),
                     (collector, "a", "opvic.heartbeat.a", 'publish to "opvic.heartbeat.a"'),
                     (collector, "a", "opvic.ask.report.a", 'subscribe to "opvic.ask.report.a"'),
                     (fetcher, "fetcher", "$JS.API.STREAM.INFO.OPVIC_LISTS", 'publish to "$JS.API.STREAM.INFO.OPVIC_LISTS"'),
                     (aggregator, "aggregator", "$KV.opvic_lease.aggregator", 'publish to "$KV.opvic_lease.aggregator"'))
            for service, user, subject, right in cases:
                with self.subTest(right=right):
                    give_back = bus.take_right(user, subject)
                    if service is api:
                        before = time.monotonic()
                        answer = post(api, body)
                        self.assertEqual((answer.status, answer.json()["error"]), (503, "the bus refused to store it"))
                        self.assertLess(time.monotonic() - before, 5)  # and not its time-out
                    self.shows(service, right, bus.text(user, "user"))
                    give_back()
                    if service is api:
                        self.assertEqual(post(api, body).status, 202)
                    self.shows_none(service)

    @on_every_server
    def test_a_wish_that_is_refused(self):
        """Core messages have no answer: the second one is told what the server said to the first."""
        with Stack() as stack:
            bus = BusUsers(stack, "a")
            api = pipeline(stack, bus, "a")[2]
            give_back = bus.take_right("api", "opvic.ask.refresh.*")
            wish = lambda: request(api.url, "POST", "/api/v1alpha1/sources/github%2Ftags%2Fcoredns%2Fcoredns/refresh", token=TOKEN)
            refused = until("the wish is refused", lambda: (a := wish()).status == 503 and a)
            self.assertEqual(refused.json()["error"], "the bus refused it")
            self.shows(api, 'publish to "opvic.ask.refresh.github/tags/coredns/coredns"', "api")
            give_back()
            until("the wish is taken", lambda: wish().status == 202)
            self.shows_none(api)

    @on_every_server
    def test_an_inbox_that_is_not_its_own(self):
        """Who forgot --nats.inbox-prefix hears no answer, and says so instead of waiting for them."""
        with Stack() as stack:
            bus = BusUsers(stack)
            stack.aggregator(env=bus.env("aggregator")).wait_ready()
            env = {**bus.env("api"), "NATS_INBOX_PREFIX": "_INBOX"}
            api = stack.api(env=env)
            self.shows(api, 'subscribe to "_INBOX.>"', "api")
            self.assertFalse(api.is_ready())
            self.assertEqual(post(api, report("posted", "dns", {"1.14.3": 1})).status, 503)


class Misdirected(unittest.TestCase):
    @on_every_server
    def test_an_answer_sent_to_anothers_report(self):
        """The server lets anybody choose where an answer goes. One that overwrites another agent's report is put aside,
        what was known stays, and a new aggregator asks that agent for it."""
        with Stack() as stack:
            bus = BusUsers(stack, "a", "b")
            aggregator, _, api, _ = pipeline(stack, bus, "b")
            entry = "/api/v1alpha1/agents/b/coredns"
            before = until("it is answered", lambda: (a := get(api, entry)).status == 200 and a.json())
            with bus.client("a") as client:
                client.publish("opvic.report.a.t", b"{}", "opvic.report.b.coredns")
                self.assertEqual(client.refusals(), [])
            until("the answer is put aside", lambda: aggregator.metric("opvic_aggregator_undecodable_total", {"stream": "OPVIC_REPORTS"}) >= 2)
            self.assertEqual(get(api, entry).json(), before)
            aggregator.kill()
            aggregator.start().wait_ready()
            until("it is asked for and told again", lambda: aggregator.metric("opvic_aggregator_entries") == 7)
            self.assertEqual(get(api, entry).json(), before)


if __name__ == "__main__":
    unittest.main()
