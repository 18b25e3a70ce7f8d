"""opvic-fetcher get against real upstreams and recorded ones: whole lists, kinds of failure, what the servers saw."""
import base64
import collections
import json
import re
import subprocess
import unittest

from support.pki import Pki
from support.stack import BIN, ROOT, Stack, helm, post, report, until
from support.stack import get as ask
from support.upstreams import GitServer, HelmServer, Registry, TokenServer

NOT_FOUND, UNAUTHORIZED, UNREACHABLE, TLS, MALFORMED = "notFound", "unauthorized", "unreachable", "tls", "malformed"
Got = collections.namedtuple("Got", "status versions said listed")


def get(provider, strategy, repo, *args, env=None):
    """One look; versions is None where there is no list."""
    done = subprocess.run([BIN / "opvic-fetcher", "get", "--provider", provider, "--strategy", strategy, "--repo", repo,
                           "--fetch.allow-cidrs", "127.0.0.0/8", *map(str, args)], capture_output=True, text=True, timeout=120,
                          env={"PATH": "/usr/bin:/bin", **(env or {})}, check=False)
    listed = json.loads(done.stdout) if done.stdout else None
    return Got(done.returncode, [v["version"] for v in listed["versions"]] if listed else None, done.stderr, listed)


def encoded(login):
    return base64.b64encode(":".join(login).encode()).decode()


class Upstreams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = cls.enterClassContext(Stack())

    def fails(self, kind, provider, strategy, repo, *args, **more):
        got = get(provider, strategy, repo, *args, **more)
        self.assertIsNone(got.versions)
        self.assertNotIn(got.status, (0, 1, 2), got.said)
        self.assertIn(f"failed {kind}", got.said)
        return got

    def lists(self, versions, provider, strategy, repo, *args, **more):
        got = get(provider, strategy, repo, *args, **more)
        self.assertEqual(got.status, 0, got.said)
        self.assertEqual(sorted(got.versions), sorted(versions))
        return got


class RealRegistry(Upstreams):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = Registry(cls.stack, "registry")

    def test_tags(self):
        tags = [f"v1.{n}.0" for n in range(30)] + ["latest", "2.0.0-rc.1"]
        self.registry.push("org/app", tags)
        got = self.lists(tags, "oci", "tags", f"http://{self.registry.host}/org/app")
        self.assertIn("1 requests", got.said)

    def test_none_and_nothing(self):
        digest = self.registry.push("org/emptied", ["v1"])
        self.registry.wanted(202, "DELETE", f"/v2/org/emptied/manifests/{digest}")
        self.lists([], "oci", "tags", f"http://{self.registry.host}/org/emptied")
        got = get("oci", "tags", f"http://{self.registry.host}/org/emptied", "--constraint", "> 1")
        self.assertEqual((got.status, got.versions), (3, []))
        self.assertIn(": the list is empty", got.said)
        self.fails(NOT_FOUND, "oci", "tags", f"http://{self.registry.host}/org/nowhere")

    def test_http_is_spoken_only_when_written(self):
        self.fails(TLS, "oci", "tags", f"{self.registry.host}/org/app")

    def test_basic_auth(self):
        passwords = self.stack.folder / "passwords"
        passwords.write_text("reader:$2y$05$abcdefghijklmnopqrstuuIt/9/tGzLcigNq/.RWIDjeEVR30RSf.\n")
        guarded = Registry(self.stack, "guarded", f"auth:\n  htpasswd:\n    realm: tests\n    path: {passwords}\n")
        guarded.push("org/app", ["v1"], {"Authorization": f"Basic {encoded(TokenServer.LOGIN)}"})
        repo = f"http://{guarded.host}/org/app"
        self.fails(UNAUTHORIZED, "oci", "tags", repo)
        got = self.lists(["v1"], "oci", "tags", repo, "--fetch.docker-config", self.logins({guarded.host: TokenServer.LOGIN}))
        self.assertIn("2 requests", got.said)
        self.fails(UNAUTHORIZED, "oci", "tags", repo, "--fetch.docker-config", self.logins({guarded.host: ("reader", "wrong")}))

    def logins(self, entries):
        file = self.stack.folder / "docker.json"
        file.write_text(json.dumps({"auths": {f"http://{host}": {"auth": encoded(login)} for host, login in entries.items()}}))
        return file

    def test_tokens(self):
        tokens = self.enterContext(TokenServer(self.stack.folder))
        guarded = Registry(self.stack, "tokens", tokens.config())
        names = ("org/open", "org/closed")
        for name in names:
            guarded.push(name, ["v1"], {"Authorization": f"Bearer {tokens.token(name, 'pull', 'push')}"})
        free, closed = (f"http://{guarded.host}/{name}" for name in names)
        login, other = TokenServer.LOGIN, ("somebody", "else")
        for repo, entries, kind, shown in (
                (free, {}, None, None),
                (closed, {}, UNAUTHORIZED, None),
                (closed, {guarded.host: login, tokens.host: login}, None, login),
                (free, {guarded.host: other, tokens.host: other}, UNAUTHORIZED, other),
                # What is for the token server alone, or for the registry alone, is not what the registry may have a token of.
                (closed, {tokens.host: login}, UNAUTHORIZED, None),
                (closed, {guarded.host: login}, UNAUTHORIZED, None),
                (closed, {guarded.host: other, tokens.host: login}, UNAUTHORIZED, None)):
            with self.subTest(repo=repo, entries=entries):
                tokens.asked.clear()
                args = ("--fetch.docker-config", self.logins(entries))
                if kind:
                    self.fails(kind, "oci", "tags", repo, *args)
                else:
                    self.assertIn("3 requests", self.lists(["v1"], "oci", "tags", repo, *args).said)
                self.assertEqual(tokens.asked, [f"Basic {encoded(shown)}" if shown else None])

    def test_charts(self):
        pki = Pki(self.stack.folder / "pki")
        certificate, key = pki.server("registry")
        secured = Registry(self.stack, "secured", tls=(certificate, key, pki.ca))
        secured.push("charts/app", ["1.0.0", "1.1.0_build.2"])
        repo = f"oci://{secured.host}/charts"
        self.lists(["1.0.0", "1.1.0+build.2"], "helm", "chartVersion", repo, "--chart", "app", "--fetch.ca-file", pki.ca)
        self.lists(["1.0.0", "1.1.0_build.2"], "oci", "tags", f"{secured.host}/charts/app", "--fetch.ca-file", pki.ca)
        self.fails(TLS, "helm", "chartVersion", repo, "--chart", "app")
        self.fails(NOT_FOUND, "helm", "chartVersion", repo, "--chart", "other", "--fetch.ca-file", pki.ca)
        refused = get("helm", "appVersion", repo, "--chart", "app")
        self.assertEqual(refused.status, 2)
        self.assertIn("expected chartVersion", refused.said)


class RealGit(Upstreams):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = GitServer(cls.stack)
        cls.server.create("group/app.git", ["v1.0.0", "nested/v1"], ["v1.1.0", "v2.0.0"])
        cls.server.create("group/empty.git")
        cls.tags = ["v1.0.0", "nested/v1", "v1.1.0", "v2.0.0"]

    def test_tags(self):
        self.server.create("group/counted.git", ["v1"])
        got = self.lists(["v1"], "git", "tags", f"{self.server.url}/git/group/counted.git")
        self.assertIn("2 requests", got.said)
        path = "/git/group/counted"
        self.assertEqual(until("both are logged", lambda: len(self.server.asked(path)) > 1 and self.server.asked(path)),
                         [f"GET {path}/info/refs?service=git-upload-pack HTTP/1.1 200", f"POST {path}/git-upload-pack HTTP/1.1 200"])

    def test_as_git_itself_says(self):
        said = self.server.git("group/app.git", "ls-remote", "--tags", "--refs", f"{self.server.url}/git/group/app.git")
        self.lists([line.split("refs/tags/")[1] for line in said.splitlines()], "git", "tags", f"{self.server.url}/git/group/app")

    def test_older_protocol(self):
        got = self.lists(self.tags, "git", "tags", f"{self.server.url}/old/group/app")
        self.assertIn("1 requests", got.said)

    def test_moved(self):
        self.lists(self.tags, "git", "tags", f"{self.server.url}/moved/group/app")

    def test_no_tags_and_no_repository(self):
        self.lists([], "git", "tags", f"{self.server.url}/git/group/empty")
        self.fails(NOT_FOUND, "git", "tags", f"{self.server.url}/git/group/nowhere")

    def test_files_are_no_service(self):
        """A server of the dumb protocol; the second .git is what is left out of the name."""
        self.fails(MALFORMED, "git", "tags", f"{self.server.url}/dumb/group/app.git/.git")

    def test_many(self):
        tags = [f"v{n // 1000}.{n // 10 % 100}.{n % 10}" for n in range(30813)]
        self.server.create("group/many.git", tags)
        self.lists(tags, "git", "tags", f"{self.server.url}/git/group/many")


class RealHelm(Upstreams):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = HelmServer(cls.stack)
        cls.versions = [f"1.{n}.0" for n in range(500)]
        cls.index("index.yaml", cls.versions)

    @classmethod
    def index(cls, name, versions):
        rows = "".join(f"  - version: {v}\n    appVersion: v{v}\n    urls: [app-{v}.tgz]\n" for v in versions)
        path = cls.server.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"apiVersion: v1\nentries:\n  app:\n{rows}")
        return path.stat().st_size

    def test_packed(self):
        size = self.index("packed/index.yaml", self.versions)
        self.lists(self.versions, "helm", "chartVersion", f"{self.server.url}/packed", "--chart", "app")
        (status, coding, sent), = until("it is logged", lambda: self.server.asked("/packed/index.yaml"))
        self.assertEqual((status, coding), (200, "gzip"))
        self.assertLess(sent, size / 4)

    def test_a_login(self):
        guarded, netrc = f"{self.server.url}/guarded", self.stack.folder / "netrc"
        self.fails(UNAUTHORIZED, "helm", "chartVersion", guarded, "--chart", "app")
        name, password = HelmServer.LOGIN
        netrc.write_text(f'machine {self.server.url} login {name} password "{password}"\n')
        netrc.chmod(0o600)
        self.lists(self.versions, "helm", "chartVersion", guarded, "--chart", "app", "--fetch.netrc", netrc)

    def test_app_versions(self):
        """The list is of what the strategy says, each once."""
        (self.server.root / "apps").mkdir()
        rows = "".join(f"  - {{version: 1.{n}.0, appVersion: \"{n // 2}.0\"}}\n" for n in range(4)) + "  - {version: 0.1.0}\n"
        (self.server.root / "apps/index.yaml").write_text(f"apiVersion: v1\nentries:\n  app:\n{rows}")
        got = get("helm", "appVersion", f"{self.server.url}/apps", "--chart", "app")
        self.assertEqual((got.status, got.versions), (0, ["0.0", "1.0"]), got.said)

    def test_not_there(self):
        self.fails(NOT_FOUND, "helm", "chartVersion", f"{self.server.url}/nowhere", "--chart", "app")
        got = get("helm", "chartVersion", self.server.url, "--chart", "other")
        self.assertIsNone(got.versions)
        self.assertIn("upstream has no such list", got.said)

    def test_looked_at_again(self):
        """Packed and with an ETag that nginx calls weak then: 304 until the file is another one."""
        self.index("again/index.yaml", self.versions)
        with Stack() as stack:
            stack.nats()
            services = [stack.aggregator("--source.interval", "1s", "--cache.reconciler-interval", "100ms"), stack.fetcher(), stack.api()]
            for service in services:
                service.wait_ready()
            api = services[-1]
            self.assertEqual(post(api, report("a", "app", {"1.0.0": 1}, helm(f"{self.server.url}/again", "app"))).status, 202)
            latest = lambda: ask(api, "/api/v1alpha1/agents/a/app/versions").json()["latestVersion"]
            statuses = lambda: [status for status, _, _ in self.server.asked("/again/index.yaml")]
            until("it is asked again and again", lambda: len(statuses()) >= 3 and latest() == "1.499.0")
            self.assertEqual((statuses()[0], set(statuses()[1:])), (200, {304}))
            self.index("again/index.yaml", [*self.versions, "2.0.0"])
            until("the new one is seen", lambda: latest() == "2.0.0")
            self.assertEqual(statuses().count(200), 2)


class Recorded(Upstreams):
    """The fakes of the demo are servers like any other."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.url = cls.stack.upstream("--data", ROOT / "examples/upstream/data").url
        rows = (ROOT / "examples/upstream/data/tags/kubernetes__kubernetes.tsv").read_text().splitlines()
        cls.tags = [row.split("\t")[0] for row in rows if row]

    def test_lists(self):
        for provider, strategy, requests in (("oci", "tags", 1), ("git", "tags", 2), ("gitlab", "tags", 8),
                                             ("gitlab", "releases", 8), ("gitea", "tags", 16), ("forgejo", "releases", 15)):
            with self.subTest(provider=provider, strategy=strategy):
                got = self.lists(self.tags, provider, strategy, f"{self.url}/kubernetes/kubernetes")
                self.assertIn(f" {requests} requests", got.said)
                if provider in ("gitlab", "gitea", "forgejo"):
                    self.assertTrue(all(v["date"] > 0 for v in got.listed["versions"]))

    def test_cycles(self):
        got = get("endoflife", "cycles", f"{self.url}/kubernetes")
        self.assertEqual(got.status, 0, got.said)
        self.assertEqual(len({v.rsplit(".", 1)[0] for v in got.versions}), len(got.versions))
        self.assertTrue(set("v" + v for v in got.versions) < set(self.tags))
        self.assertTrue(all(v["version"].startswith(v["cycle"] + ".") for v in got.listed["versions"]))
        self.assertEqual({v["cycle"]: v.get("eolFrom") for v in got.listed["versions"]}["1.31"], 1760227200)
        self.assertTrue({v["cycle"]: v.get("isEol") for v in got.listed["versions"]}["1.31"])
        self.assertTrue(all(v["date"] > 0 for v in got.listed["versions"]))

    def test_github_without_a_token(self):
        """An API like an Enterprise Server's is not asked for tags."""
        got = self.lists(self.tags, "github", "tags", "kubernetes/kubernetes", "--provider.github.api-url", f"{self.url}/api/v3")
        self.assertIn("2 requests", got.said)

    def test_a_rule(self):
        """What an aggregator would choose: extracted, each version spelled once, in their order, with their dates."""
        repo, key = f"{self.url}/kubernetes/kubernetes", f"gitlab/tags/{self.url}/kubernetes/kubernetes"
        dates = {v["version"]: v["date"] for v in get("gitlab", "tags", repo).listed["versions"]}
        minor = sorted((tag for tag in self.tags if re.fullmatch(r"v1\.24\.\d+", tag)), key=lambda tag: int(tag.split(".")[2]))
        self.assertGreater(len(minor), 10)
        got = get("gitlab", "tags", repo, "--pattern", r"^v(1\.\d+\.\d+)$", "--constraint", "~> 1.24.0")
        self.assertEqual((got.status, got.versions), (0, [tag[1:] for tag in minor]), got.said)
        self.assertEqual([v.get("date") for v in got.listed["versions"]], [dates[tag] for tag in minor])
        said = got.said.splitlines()[-1]
        self.assertTrue(said.startswith(f"{key}: {len(minor)} of {len(self.tags)} pass, dropped: "), said)
        dropped = {name: (int(count), example) for count, name, example in re.findall(r'(\d+) (\w+) \("([^"]*)"\)', said)}
        self.assertEqual(set(dropped), {"noMatch", "constraint"})
        self.assertEqual(sum(count for count, _ in dropped.values()) + len(minor), len(self.tags))
        self.assertEqual(dropped["noMatch"][1], next(tag for tag in dates if not re.fullmatch(r"v1\.\d+\.\d+", tag)))

    def test_a_result(self):
        """The default takes the group; another may spell a version twice, or give nothing."""
        args = ("oci", "tags", f"{self.url}/kubernetes/kubernetes", "--constraint", "~> 1.24.0")
        whole, group = get(*args), get(*args, "--pattern", r"^v(1\.24\.\d+)$", "--result", "$1")
        self.assertEqual([v[1:] for v in whole.versions], group.versions)
        twice = get(*args, "--pattern", r"^(v1\.24)\.\d+$", "--result", "${1}.7")
        self.assertEqual((twice.status, twice.versions), (0, ["v1.24.7"]))
        self.assertIn(f'{len(group.versions) - 1} duplicate ("v1.24.7")', twice.said)
        nothing = get(*args, "--pattern", r"^v1\.24\.\d+(x?)$")
        self.assertEqual((nothing.status, nothing.versions), (3, []))
        self.assertIn(f"{len(group.versions)} emptyResult (", nothing.said)
        unchanged = get(*args, "--pattern", "nowhere", "--result", "")
        self.assertEqual((unchanged.status, unchanged.versions), (0, whole.versions))

    def test_app_versions(self):
        """A rule reads what its strategy names."""
        args = (f"{self.url}/charts/ingress-nginx", "--chart", "ingress-nginx")
        charts = get("helm", "chartVersion", *args).listed["versions"]
        newest = charts[0]
        self.assertNotEqual(newest["version"], newest["appVersion"])
        for strategy, want in (("appVersion", newest["appVersion"]), ("chartVersion", newest["version"])):
            with self.subTest(strategy=strategy):
                got = get("helm", strategy, *args, "--constraint", f">= {want}")
                self.assertEqual((got.status, got.versions), (0, [want]), got.said)
                self.assertIn(f" of {len(charts)} pass", got.said)

    def test_nothing_passes(self):
        got = get("oci", "tags", f"{self.url}/kubernetes/kubernetes", "--pattern", "^v(.*)$", "--constraint", "> 1000")
        self.assertEqual((got.status, got.versions), (3, []))
        self.assertIn(f': nothing passes: {len(self.tags)} constraint ("', got.said)
        got = get("oci", "tags", f"{self.url}/kubernetes/kubernetes", "--pattern", r"^w")
        self.assertEqual((got.status, got.versions), (3, []))
        self.assertIn(f': nothing passes: {len(self.tags)} noMatch ("', got.said)
        self.assertEqual(self.fails(NOT_FOUND, "oci", "tags", f"{self.url}/no/such", "--pattern", "x").status, 11)

    def test_an_open_constraint(self):
        for constraint, hint in (("~>1", "--constraint: ~>1 excludes no higher major: write ~>1.0"), ("~>1.0", None)):
            with self.subTest(constraint=constraint):
                got = get("oci", "tags", f"{self.url}/kubernetes/kubernetes", "--constraint", constraint)
                self.assertEqual(got.status, 0, got.said)
                self.assertEqual(got.said.splitlines()[2:], [hint] if hint else [])

    def test_bad_rules(self):
        for flag, value, said in (
                ("--pattern", "v(", "expected a regular expression of Go's syntax"),
                ("--pattern", "v(?=1)", "expected a regular expression of Go's syntax"),
                ("--constraint", "^1.2", "expected =, !=, >, <, >=, <= or ~> and a version"),
                ("--result", "v$1", "expected a --pattern with it")):
            with self.subTest(value=value):
                got = get("oci", "tags", f"{self.url}/kubernetes/kubernetes", flag, value)
                self.assertEqual((got.status, got.versions), (2, None))
                self.assertEqual(len(got.said.splitlines()), 1)
                self.assertTrue(got.said.startswith(f'opvic-fetcher get: {flag}: "{value}": '), got.said)
                self.assertIn(said, got.said)

    def test_not_there(self):
        for provider, strategy, path in (("oci", "tags", "no/such"), ("git", "tags", "no/such"), ("gitlab", "releases", "no/such"),
                                         ("gitea", "tags", "no/such"), ("endoflife", "cycles", "nosuch")):
            with self.subTest(provider=provider):
                self.fails(NOT_FOUND, provider, strategy, f"{self.url}/{path}")


if __name__ == "__main__":
    unittest.main()
