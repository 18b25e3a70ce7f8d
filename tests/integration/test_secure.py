"""A bus that asks who comes: TLS with certificates of both sides, users with a password, a file of credentials."""
import unittest

from support.keys import NatsOperator
from support.pki import Pki
from support.stack import ROOT, Stack, get, github, post, report, request, until

COREDNS = github("coredns/coredns", "tags", r"^v([0-9]+\.[0-9]+\.[0-9]+)$", "$1")


def connected(service):
    return service.metric("opvic_bus_connected")


class Secure(unittest.TestCase):
    def whole_pipeline(self, stack, env):
        """What is posted and what a cluster runs is compared with upstream, over a bus that wants env of everybody."""
        up = stack.upstream("--data", ROOT / "examples/upstream/data")
        services = [stack.aggregator(env=env), stack.fetcher(upstream=up.url, env=env), stack.api(env=env),
                    stack.collector("x", ROOT / "examples/clusters/staging", "--agent.interval", "1s", env=env)]
        for service in services:
            service.wait_ready()
        api = services[2]
        self.assertEqual(post(api, report("a", "dns", {"1.14.3": 1}, COREDNS)).status, 202)
        until("the posted one is answered", lambda: get(api, "/api/v1alpha1/agents/a/dns/versions").json()["latestVersion"] == "1.14.7")
        until("the cluster's are", lambda: len(get(api, "/api/v1alpha1/agents/x").json()) == 7)
        stack.nats_process.kill()
        stack.nats_process.start()
        until("a report is taken after the server came back", lambda: post(api, report("a", "dns", {"1.14.7": 1}, COREDNS)).status == 202)
        until("it is answered", lambda: get(api, "/api/v1alpha1/agents/a/dns").json()["uniqVersions"] == ["1.14.7"])
        return services

    def refused(self, stack, name, env, says):
        """A service that may not come in says why, and is not ready."""
        service = stack.fetcher(name=name, env=env)
        until(f"{name} says why", lambda: says in service.text())
        self.assertFalse(service.is_ready())
        self.assertEqual(connected(service), 0)
        self.assertEqual(service.stop(), 0)

    def test_tls_both_ways_and_a_password(self):
        with Stack() as stack:
            authority, other = Pki(stack.folder / "pki"), Pki(stack.folder / "other", "other-ca")
            cert, key = authority.server("server")
            own_cert, own_key = authority.server("services")
            foreign_cert, foreign_key = other.server("foreign")
            password = stack.folder / "password"
            password.write_text("correct horse\n")
            stack.nats(f'tls {{ cert_file: "{cert}", key_file: "{key}", ca_file: "{authority.ca}", verify: true }}\n'
                       'authorization { users: [{user: opvic, password: "correct horse"}] }')
            env = {"NATS_URL": stack.nats_url.replace("nats://", "tls://"), "NATS_USER": "opvic", "NATS_PASSWORD": str(password),
                   "NATS_TLS_CA_FILE": str(authority.ca), "NATS_TLS_CERT_FILE": str(own_cert), "NATS_TLS_KEY_FILE": str(own_key)}
            services = self.whole_pipeline(stack, env)
            self.refused(stack, "foreign-authority", {**env, "NATS_TLS_CA_FILE": str(other.ca)}, "bus disconnected")
            self.refused(stack, "foreign-certificate", {**env, "NATS_TLS_CERT_FILE": str(foreign_cert), "NATS_TLS_KEY_FILE": str(foreign_key)}, "bus disconnected")
            self.refused(stack, "no-certificate", {k: v for k, v in env.items() if k not in ("NATS_TLS_CERT_FILE", "NATS_TLS_KEY_FILE")}, "bus disconnected")
            self.refused(stack, "wrong-password", {**env, "NATS_PASSWORD": "battery staple"}, "Authorization Violation")
            for service in services:
                self.assertNotIn("correct horse", service.text())

    def test_credentials(self):
        with Stack() as stack:
            operator = NatsOperator(stack.folder)
            stranger_folder = stack.folder / "stranger"
            stranger_folder.mkdir()
            stack.nats(operator.config)
            file = operator.credentials("services")
            services = self.whole_pipeline(stack, {"NATS_CREDENTIALS_FILE": str(file)})
            self.refused(stack, "stranger", {"NATS_CREDENTIALS_FILE": str(NatsOperator(stranger_folder).credentials("stranger"))}, "Authorization Violation")
            self.refused(stack, "nobody", {}, "Authorization Violation")
            seed = file.read_text().split("SEED-----\n")[1].split("\n")[0]
            for service in services:
                self.assertNotIn(seed, service.text())


if __name__ == "__main__":
    unittest.main()
