"""What every service does alike: settings, help, health, waiting for the bus, draining."""
import json
import socket
import subprocess
import unittest

from support.nats import Nats
from support.stack import BIN, ROOT, Stack, TOKEN, free_ports, get, github, post, report, request, until

REQUIRED = {
    "collector": ["--agent.identifier", "x", "--cluster.files", str(ROOT / "examples/clusters/staging")],
    "aggregator": [],
    "fetcher": [],
    "api": ["--controlplane.auth-token", "t"],
}


def run(program, *args, env=None, timeout=20):
    return subprocess.run([BIN / f"opvic-{program}", *args], capture_output=True, timeout=timeout, text=True,
                          env={"PATH": "/usr/bin:/bin", **(env or {})})


class Settings(unittest.TestCase):
    def test_help_and_version(self):
        for program in REQUIRED:
            with self.subTest(program=program):
                shown = run(program, "--help")
                self.assertEqual(shown.returncode, 0)
                self.assertIn("--nats.url", shown.stdout)
                self.assertIn("NATS_URL", shown.stdout)
                self.assertRegex(run(program, "--version").stdout, r"^opvic-\w+ \d+\.\d+\.\d+")

    def test_bad_settings_are_named(self):
        cases = [
            ("api", [], {}, "controlplane.auth-token"),
            ("api", ["--controlplane.auth-token", ""], {}, "controlplane.auth-token"),
            ("api", ["--controlplane.auth-token", "t", "--nonsense", "1"], {}, "nonsense"),
            ("api", ["--controlplane.auth-token", "t", "--log.level", "loud"], {}, "log.level"),
            ("aggregator", ["--cache.expiration", "soon"], {}, "cache.expiration"),
            ("aggregator", [], {"SOURCE_INTERVAL": "-1"}, "SOURCE_INTERVAL"),
            ("aggregator", ["--streams.replicas", "2"], {}, "streams.replicas"),
            ("fetcher", ["--fetch.allow-cidrs", "10.0.0.0/99"], {}, "10.0.0.0/99"),
            ("fetcher", ["--fetch.ca-file", "/nope"], {}, "--fetch.ca-file"),
            ("fetcher", ["--metrics-bind-address", "here"], {}, "--metrics-bind-address"),
            ("fetcher", ["--fetch.workers", "0"], {}, "--fetch.workers"),
            ("fetcher", ["--fetch.total-timeout", "1"], {}, "--fetch.total-timeout"),
            ("fetcher", ["--provider.github.token", "/nope"], {}, "--provider.github.token"),
            ("collector", ["--cluster.files", "/tmp"], {}, "agent.identifier"),
            ("collector", ["--agent.identifier", "a b", "--cluster.files", "/tmp"], {}, "agent.identifier"),
            ("collector", ["--agent.identifier", "a", "--cluster.files", "/nonexistent"], {}, "/nonexistent"),
        ]
        api, unread = ["--controlplane.auth-token", "t"], "expected a file that can be read: No such file or directory"
        cases += [
            ("api", [*api, "--controlplane.bind-address", "nonsense"], {}, '--controlplane.bind-address: "nonsense": expected host:port or :port'),
            ("api", api, {"CONTROLPLANE_BIND_ADDRESS": ":99999"}, 'CONTROLPLANE_BIND_ADDRESS: ":99999": expected host:port'),
            ("collector", [*REQUIRED["collector"], "--health-probe-bind-address", "8082"], {}, '--health-probe-bind-address: "8082": expected host:port'),
        ]
        for program, args in REQUIRED.items():
            cases += [
                (program, [*args, "--nats.url", "http://x"], {}, '--nats.url or NATS_URL: \\"http://x\\": expected nats://host:port or tls://host:port'),
                (program, [*args, "--nats.url", "nats://"], {}, '--nats.url or NATS_URL: \\"nats://\\": expected nats://host:port'),
                (program, args, {"NATS_CREDENTIALS_FILE": "/nope"}, f'--nats.credentials-file or NATS_CREDENTIALS_FILE: \\"/nope\\": {unread}'),
                (program, [*args, "--nats.tls-ca-file", "/nope"], {}, f'--nats.tls-ca-file or NATS_TLS_CA_FILE: \\"/nope\\": {unread}'),
                (program, [*args, "--nats.tls-cert-file", "/nope"], {}, "--nats.tls-key-file or NATS_TLS_KEY_FILE: missing"),
            ]
        for program, args, env, named in cases:
            with self.subTest(program=program, args=args):
                ended = run(program, *args, env=env)
                self.assertEqual(ended.returncode, 2, ended.stderr)
                self.assertIn(named, ended.stderr)
                self.assertNotIn("listening", ended.stderr)

    def test_busy_port(self):
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            held.listen()
            address = f"127.0.0.1:{held.getsockname()[1]}"
            ended = run("api", "--controlplane.auth-token", "t", "--controlplane.bind-address", address)
            self.assertEqual(ended.returncode, 1)
            errors = [line for line in ended.stderr.splitlines() if "level=error" in line]
            self.assertEqual(len(errors), 1, ended.stderr)
            self.assertIn(f"listen on {address}: Address already in use", errors[0])

    def test_config_file_is_below_the_environment(self):
        with Stack() as stack:
            port, = free_ports(1)
            config = stack.folder / "api.yaml"
            config.write_text(f"controlplane:\n  bind-address: 127.0.0.1:{port}\n  auth-token: from-file\n")
            api = stack.service("api", "api", ["--config", config], port, {"CONTROLPLANE_AUTH_TOKEN": "from-env"})
            until("it listens", lambda: request(api.url, "GET", "/healthz").status == 200)
            self.assertEqual(request(api.url, "GET", "/api/v1alpha1/ping", token="from-file").status, 401)
            self.assertEqual(request(api.url, "GET", "/api/v1alpha1/ping", token="from-env").status, 200)


class Streams(unittest.TestCase):
    def ages(self, stack):
        with Nats(stack.nats_port) as nats:
            return [nats.stream(name)["config"]["max_age"] / 3.6e12 for name in ("OPVIC_REPORTS", "OPVIC_EVENTS", "OPVIC_DEAD")]

    def test_ages_are_settings(self):
        with Stack() as stack:
            stack.nats()
            stack.aggregator(name="first").wait_ready().stop()
            self.assertEqual(self.ages(stack), [24, 168, 168])
            second = stack.aggregator("--streams.events-max-age", "48h", name="second", env={"STREAMS_DEAD_LETTERS_MAX_AGE": "2h"})
            second.wait_ready().stop()
            self.assertEqual(self.ages(stack), [24, 48, 2])

    def test_an_incompatible_stream_is_told(self):
        with Stack() as stack:
            stack.nats()
            stack.aggregator(name="first").wait_ready().stop()
            second = stack.aggregator("--streams.storage", "memory", "--streams.events-max-age", "48h", name="second")
            until("it says what differs", lambda: "storage is file, wanted memory" in second.text())
            self.assertEqual(self.ages(stack), [24, 168, 168])


class Health(unittest.TestCase):
    def test_waiting_then_ready_then_drained(self):
        with Stack() as stack:
            services = [stack.aggregator(), stack.fetcher(), stack.api(),
                        stack.collector("x", ROOT / "examples/clusters/staging")]
            for service in services:
                with self.subTest(service=service.name):
                    until("it listens", lambda: request(service.url, "GET", "/healthz").status == 200)
                    waiting = request(service.url, "GET", "/readyz")
                    self.assertEqual(waiting.status, 503)
                    self.assertTrue(waiting.body.strip(), "it says for what it waits")
            stack.nats()
            for service in services:
                service.wait_ready()
            for service in reversed(services):
                self.assertEqual(service.stop(), 0, service.name)

    def test_api_without_the_bus(self):
        with Stack() as stack:
            _, _, _, api = stack.pipeline("--data", ROOT / "examples/upstream/data")
            self.assertEqual(post(api, report("a", "t", {"1.0.0": 1})).status, 202)
            until("readable", lambda: get(api, "/api/v1alpha1/agents/a/t").status == 200)
            self.assertIn("opvic-state-age", get(api, "/api/v1alpha1/agents").headers)
            stack.nats_process.kill()
            until("POST is refused while the bus is away", lambda: post(api, report("a", "t", {"1.0.1": 1})).status == 503)
            self.assertTrue(api.is_ready())
            self.assertEqual(get(api, "/api/v1alpha1/agents/a/t").json()["uniqVersions"], ["1.0.0"])
            until("the state ages", lambda: float(get(api, "/api/v1alpha1/agents").headers["opvic-state-age"]) >= 1)
            stack.nats_process.start()
            until("POST is taken again", lambda: post(api, report("a", "t", {"1.0.2": 1})).status == 202)
            until("readable", lambda: get(api, "/api/v1alpha1/agents/a/t").json()["uniqVersions"] == ["1.0.2"])

    def test_the_age_of_the_state_while_the_bus_hangs(self):
        """The connection stands all the time; the age counts from the last sign of life, and never goes back."""
        with Stack() as stack:
            stack.nats()
            stack.aggregator().wait_ready()
            api = stack.api().wait_ready()
            age = lambda: int(get(api, "/api/v1alpha1/agents").headers["opvic-state-age"])
            until("it is current", lambda: age() == 0)
            stack.nats_process.pause()
            ages = []
            def grown():
                ages.append(age())
                return ages[-1] >= 12  # longer than a reader waits before it looks for another consumer
            until("the state ages", grown)
            self.assertEqual(ages, sorted(ages))
            stack.nats_process.resume()
            until("it is current again", lambda: age() == 0)

    def test_json_log(self):
        """Each line of each service is one object, whatever happens to it."""
        with Stack() as stack:
            up = stack.upstream("--data", ROOT / "examples/upstream/data")
            json_log = ("--log.format", "json", "--log.level", "debug")
            services = [stack.aggregator(*json_log), stack.fetcher(*json_log, upstream=up.url), stack.api(*json_log, "--log.http-requests"),
                        stack.collector("x", ROOT / "examples/clusters/staging", *json_log)]
            stack.nats()
            for service in services:
                service.wait_ready()
            api = services[2]
            self.assertEqual(post(api, report("a\n\"\u00e9", "t", {"1.0.0": 1}, github("no/\"such", "tags"))).status, 202)
            get(api, "/api/v1alpha1/agents/%22%0a%ff")
            with Nats(stack.nats_port) as nats:
                nats.request("opvic.report.a.t", b'{"\xff\n')
            until("it is looked up", lambda: (services[1].metric("opvic_fetcher_failures_total") or 0) > 0)
            until("rubbish is told", lambda: (services[0].metric("opvic_aggregator_undecodable_total") or 0) > 0)
            for service in reversed(services):
                self.assertEqual(service.stop(), 0)
            for service in services:
                with self.subTest(service=service.name):
                    lines = [json.loads(line) for line in service.log.read_text(encoding="utf-8").splitlines()]
                    self.assertGreater(len(lines), 3)
                    for line in lines:
                        self.assertLessEqual({"ts", "level", "service", "msg"}, set(line))
                        self.assertRegex(line["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


if __name__ == "__main__":
    unittest.main()
