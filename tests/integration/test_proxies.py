"""Proxies and authorities as the environment and settings name them: what is asked through whom, and who is trusted."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support import faultserver as fault
from support.faultserver import FaultServer
from support.pki import Pki
from support.relay import Relay
from support.stack import BIN, ROOT, Stack, until

INDEX = fault.answer(200, b"entries: {app: [{version: 1.0.0}]}\n", media="text/yaml")


class Fetcher(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="opvic-proxies-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.pki, cls.other = Pki(cls.folder / "pki"), Pki(cls.folder / "other", "other-ca")
        cls.secured = cls.enterClassContext(FaultServer({"/c/index.yaml": INDEX}, tls=cls.pki.server("upstream")))
        # As a proxy it is asked for whole URLs.
        cls.plain = cls.enterClassContext(FaultServer({"http://upstream.test/c/index.yaml": INDEX, "/c/index.yaml": INDEX}))
        cls.relay = cls.enterClassContext(Relay(None, connect=True))

    def look(self, url, *args, **env):
        self.relay.targets.clear(), self.plain.requests.clear(), self.secured.requests.clear()
        done = subprocess.run([BIN / "opvic-fetcher", "get", "--provider", "helm", "--strategy", "chartVersion", "--chart", "app",
                               "--repo", url, *map(str, args)], capture_output=True, text=True, timeout=60, check=False,
                              env={"PATH": "/usr/bin:/bin", **env})
        versions = [v["version"] for v in json.loads(done.stdout)["versions"]] if done.stdout else None
        return versions, done.stderr

    def test_https(self):
        """Names behind a proxy are the proxy's to resolve; addresses that stand in the URL are judged all the same."""
        url, target, ca = f"https://localhost:{self.secured.port}/c", f"localhost:{self.secured.port}", ("--fetch.ca-file", self.pki.ca)
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            with self.subTest(name):
                self.assertEqual(self.look(url, *ca, **{name: self.relay.url})[0], ["1.0.0"])
                self.assertEqual(self.relay.targets, [target])
        versions, said = self.look(f"https://127.0.0.1:{self.secured.port}/c", *ca, HTTPS_PROXY=self.relay.url)
        self.assertIsNone(versions)
        self.assertIn("refusedTarget", said)
        self.assertEqual(self.relay.targets, [])
        # Not for this scheme, or not for this host.
        for env in ({"HTTP_PROXY": self.relay.url}, {"HTTPS_PROXY": self.relay.url, "NO_PROXY": "localhost"},
                    {"HTTPS_PROXY": self.relay.url, "no_proxy": "example.org, .localhost"}, {"HTTPS_PROXY": self.relay.url, "NO_PROXY": "*"}):
            with self.subTest(env):
                versions, said = self.look(url, *ca, **env)
                self.assertIn("refusedTarget", said)
                self.assertEqual(self.relay.targets, [])
                self.assertEqual(self.look(url, *ca, "--fetch.allow-cidrs", "127.0.0.1,::1", **env)[0], ["1.0.0"])
                self.assertEqual(self.relay.targets, [])
        self.assertIn("unreachable", self.look(url, *ca, HTTPS_PROXY="http://127.0.0.1:1")[1])

    def test_http(self):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            with self.subTest(name):
                self.assertEqual(self.look("http://upstream.test/c", **{name: self.plain.url})[0], ["1.0.0"])
                self.assertEqual([r.path for r in self.plain.requests], ["http://upstream.test/c/index.yaml"])
        # Where a server sets that variable from a request's header, it is nobody's setting.
        versions, said = self.look("http://upstream.test/c", HTTP_PROXY=self.plain.url, REQUEST_METHOD="GET")
        self.assertIsNone(versions)
        self.assertEqual(self.plain.requests, [])
        versions, said = self.look("http://upstream.test/c", HTTP_PROXY=self.plain.url, NO_PROXY="upstream.test")
        self.assertIsNone(versions)
        self.assertEqual(self.plain.requests, [])

    def test_a_redirect_is_judged_anew(self):
        with FaultServer({"http://upstream.test/c/index.yaml": fault.redirect("http://10.0.0.1/x")}) as proxy:
            versions, said = self.look("http://upstream.test/c", HTTP_PROXY=proxy.url)
            self.assertIn("refused target 10.0.0.1", said)
            self.assertEqual(len(proxy.requests), 1)

    def test_authorities(self):
        url, allow = f"https://localhost:{self.secured.port}/c", ("--fetch.allow-cidrs", "127.0.0.1,::1")
        both = self.folder / "both.pem"
        both.write_text(self.other.ca.read_text() + self.pki.ca.read_text())
        nothing = self.folder / "nothing.pem"
        nothing.write_text("nothing\n")
        for file, kind in ((self.pki.ca, None), (both, None), (self.other.ca, "failed tls"), (None, "failed tls"), (nothing, "--fetch.ca-file")):
            with self.subTest(file):
                versions, said = self.look(url, *allow, *(("--fetch.ca-file", file) if file else ()))
                self.assertEqual(versions, None if kind else ["1.0.0"], said)
                self.assertIn(kind or "complete", said)
        other_name = FaultServer({"/c/index.yaml": INDEX}, tls=self.pki.server("elsewhere", "DNS:elsewhere.test"))
        with other_name:
            self.assertIn("failed tls", self.look(f"https://localhost:{other_name.port}/c", *allow, "--fetch.ca-file", self.pki.ca)[1])


class Collector(unittest.TestCase):
    def test_reports_go_through_the_proxy(self):
        """To the control plane by HTTP and by HTTPS."""
        seen = []

        def accept(connection, request):
            seen.append(request.path)
            fault.answer(202)(connection, request)
        path = "http://controlplane.test/api/v1alpha1/agents"
        with Stack() as stack, FaultServer({path: accept}) as proxy, Relay(None, connect=True) as relay, FaultServer() as direct:
            env = {"CONTROLPLANE_AUTH_TOKEN": "x", "NATS_URL": "", "HTTP_PROXY": proxy.url, "HTTPS_PROXY": relay.url, "NO_PROXY": "127.0.0.1"}
            args = (ROOT / "examples/clusters/prod-eu", "--agent.interval", "1s")
            stack.collector("plain", *args, env={**env, "CONTROLPLANE_URL": "http://controlplane.test"})
            until("it reports through the proxy", lambda: path in seen)
            stack.collector("secured", *args, env={**env, "CONTROLPLANE_URL": "https://controlplane.test:8443"})
            until("the proxy is asked for a connection", lambda: "controlplane.test:8443" in relay.targets)
            stack.collector("direct", *args, env={**env, "CONTROLPLANE_URL": direct.url})
            until("it reports without one", lambda: direct.asked("/api/v1alpha1/agents"))
            self.assertFalse([p for p in seen if "127.0.0.1" in p])


if __name__ == "__main__":
    unittest.main()
