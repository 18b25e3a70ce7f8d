"""Upstreams that do wrong: one row a fault; the kind of failure, and bounds on time, memory and what a server can push."""
import concurrent.futures
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import zlib

from support import faultserver as fault
from support.faultserver import FaultServer
from support.nats import Nats
from support.stack import BIN, ROOT, SANITIZED, Stack, get, github, post, report, until

# opvic-fetcher get ends with 10 and the kind of failure, in the order of proto/lookup.h.
KINDS = ("complete", "notFound", "unauthorized", "rateLimited", "unreachable", "timeout", "tls", "tooLarge", "malformed",
         "refusedTarget", "unsupported", "emptied", "changing")
TOTAL_S, BYTES_MAX = 2, 1 << 20
RSS_MB = 64
PUSHED_MAX = BYTES_MAX + (16 << 20)  # what both kernels hold is the client's neither
SOURCE = "github/tags/o/r"
TAGS, INDEX = "/repos/o/r/tags", "/c/index.yaml"
GOOD = json.dumps([{"name": "v1.0.0"}]).encode()
FULL = fault.head(200, "Content-Type: application/json", f"Content-Length: {len(GOOD)}") + GOOD
CHUNKED = fault.head(200, "Transfer-Encoding: chunked")
ZIPPED, EMPTY_ZIPPED = fault.squeezed(GOOD), fault.squeezed(b"")
INDEX_ZIPPED = fault.squeezed(b"entries:\n  app:\n" + b"".join(b"  - version: 1.0.%d\n" % i for i in range(500)))


def lengthed(length, body=GOOD, *lines):
    return fault.head(200, "Content-Type: application/json", f"Content-Length: {length}", *lines) + body


def shrinking(times):
    asked, all_names = itertools.count(), [f"v{n}" for n in range(1000)]

    def names():
        return all_names[min(next(asked), times):]
    return fault.paged(names, 400)


def counting():
    """ETags that change with each download, as those of GitHub's releases do."""
    asked = itertools.count()

    def send(c, request):
        last = "&page=2" in request.path
        body = json.dumps([{"name": "v2" if last else "v1", "downloads": next(asked)}]).encode()
        more = [] if last else [f'Link: <{TAGS}?per_page=100&page=2>; rel="next"']
        fault.answer(200, body, f'ETag: "{next(asked)}"', *more)(c, request)
    return send


# name: (answer, kind, what it says); a row of three more: settings of its own.
ROWS = {
    "a good answer": (fault.raw(FULL), "complete", ""),
    # slow
    "stall before the head": (fault.raw(end="stall"), "timeout", "time allowed"),
    "stall in the head": (fault.raw(b"HTTP/1.1 200 OK\r\nContent-", end="stall"), "timeout", "time allowed"),
    "stall before the body": (fault.raw(lengthed(50, b""), end="stall"), "timeout", "time allowed"),
    "stall in the body": (fault.raw(lengthed(50), end="stall"), "timeout", "time allowed"),
    "stall in a chunk": (fault.raw(CHUNKED + b"ff\r\n[", end="stall"), "timeout", "time allowed"),
    "drip of the head": (fault.drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", 0.05), "timeout", "time allowed"),
    "drip of a header": (fault.drip(b"HTTP/1.1 200 OK\r\nX-A: ", b"b", 0.05), "timeout", "time allowed"),
    "drip of the body": (fault.drip(lengthed(99999, b"["), b" ", 0.05), "timeout", "time allowed"),
    "drip of an index": (fault.drip(CHUNKED, fault.chunk(b"# slow\n"), 0.05), "timeout", "time allowed"),
    "no progress": (fault.raw(lengthed(50), end="stall"), "timeout", "no progress", "--fetch.total-timeout", "60s"),
    # broken
    "closed at once": (fault.raw(), "unreachable", ""),
    "closed in the head": (fault.raw(b"HTTP/1.1 200 OK\r\nContent-Le"), "unreachable", ""),
    "reset at once": (fault.raw(end="reset"), "unreachable", ""),
    "reset in the body": (fault.raw(lengthed(50), end="reset"), "unreachable", ""),
    "no HTTP": (fault.raw(b"SSH-2.0-x\r\n\r\n"), "unreachable", ""),
    "length too long": (fault.raw(lengthed(len(GOOD) + 9)), "unreachable", ""),
    "length too short": (fault.raw(lengthed(len(GOOD) - 3)), "malformed", ""),
    "length is no number": (fault.raw(lengthed("many")), ("unreachable", "malformed", "tooLarge"), ""),
    "negative length": (fault.raw(lengthed(-5)), ("unreachable", "malformed", "tooLarge"), ""),
    "no length and no end": (fault.raw(fault.head(200) + GOOD), "malformed", "end is not marked"),
    "chunks without an end": (fault.raw(CHUNKED + fault.chunk(GOOD)), "unreachable", ""),
    "a chunk's length is no number": (fault.raw(CHUNKED + b"zz\r\n" + GOOD), "unreachable", ""),
    "a chunk is too short": (fault.raw(CHUNKED + b"ff\r\n" + GOOD + b"\r\n0\r\n\r\n"), "unreachable", ""),
    "gzip cut short": (fault.raw(lengthed(len(ZIPPED) - 9, ZIPPED[:-9], "Content-Encoding: gzip")), "unreachable", "cut off"),
    "an index packed and cut short": (fault.raw(lengthed(len(INDEX_ZIPPED) - 9, INDEX_ZIPPED[:-9], "Content-Encoding: gzip")), "unreachable", "cut off"),
    "gzip with a wrong checksum": (fault.raw(lengthed(len(ZIPPED), ZIPPED[:-8] + b"\0" * 8, "Content-Encoding: gzip")), "unreachable", ""),
    "no gzip at all": (fault.raw(lengthed(len(GOOD), GOOD, "Content-Encoding: gzip")), "unreachable", ""),
    "packed as nobody asked for": (fault.raw(lengthed(len(GOOD), GOOD, "Content-Encoding: br")), "unreachable", "not asked for"),
    "packed twice": (fault.raw(lengthed(len(ZIPPED), ZIPPED, "Content-Encoding: gzip, gzip")), "unreachable", "not asked for"),
    "packed in two members": (fault.raw(lengthed(len(ZIPPED) + len(EMPTY_ZIPPED), ZIPPED + EMPTY_ZIPPED, "Content-Encoding: gzip")), "complete", ""),
    # endless
    "endless body": (fault.endless(CHUNKED, fault.chunk(b" " * 65536)), "tooLarge", "larger than allowed"),
    "endless body after a length": (fault.endless(lengthed(1 << 40, b""), b" " * 65536), "tooLarge", ""),
    "endless headers": (fault.endless(b"HTTP/1.1 200 OK\r\n", b"".join(b"X-%d: %s\r\n" % (i, b"a" * 1000) for i in range(60))), "tooLarge", "headers"),
    "endless interim answers": (fault.endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 100), ("tooLarge", "timeout"), ""),
    "one endless header": (fault.endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 65536), ("tooLarge", "unreachable"), ""),
    "an endless name": (fault.endless(CHUNKED + fault.chunk(b'[{"name":"'), fault.chunk(b"a" * 65536)), ("tooLarge", "malformed"), "",
                        "--fetch.bytes-max", 1 << 30, "--fetch.total-timeout", "20s"),
    "an error without an end": (fault.endless(fault.head(500), b"oops" * 9999), "unreachable", "HTTP 500"),
    "gzip bomb": (fault.bomb(b"[", b" " * 65536, 1600), "tooLarge", "larger than allowed"),
    "gzip bomb within the default limit": (fault.bomb(b"[", b" " * 65536, 1600), "malformed", "", "--fetch.bytes-max", 1 << 29,
                                           "--fetch.total-timeout", "30s"),
    "gzip bomb of one name": (fault.bomb(b'[{"name":"', b"a" * 65536, 1600), "malformed", "", "--fetch.bytes-max", 1 << 29,
                              "--fetch.total-timeout", "30s"),
    "gzip bomb of nesting": (fault.bomb(b"", b"[" * 65536, 160), "malformed", "", "--fetch.bytes-max", 1 << 29),
    # somewhere else
    "a redirect to itself": (fault.redirect(TAGS), "unreachable", "too many redirects"),
    "a redirect without an end": (lambda c, r: fault.redirect(f"{TAGS}?{len(r.path)}{r.path[-40:]}")(c, r), "unreachable", "too many redirects"),
    **{f"a redirect to {to}": (fault.redirect(to), "unreachable", "not an http or https URL")
       for to in ("file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "dict://127.0.0.1:1/x", "http://", "data:,[]")},
    **{f"a redirect to {host}": (fault.redirect(f"http://{host}/x"), "refusedTarget", "refused target")
       for host in ("127.0.0.2:1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254/latest/meta-data", "100.100.100.200",
                    "0.0.0.0:1", "2130706434:1", "0x7f000002:1", "0177.0.0.2:1", "[::1]:1", "[::]:1", "[fe80::1]", "[fd00:ec2::254]",
                    "[::ffff:127.0.0.2]:1", "[::127.0.0.2]", "[64:ff9b::7f00:2]", "[64:ff9b:1::7f00:2]", "[2002:7f00:2::1]")},
    "the next page is elsewhere": (fault.tags(["v1"], 'Link: <http://192.0.2.1/x>; rel="next"'), "refusedTarget", "another host"),
    # no list
    "HTML": (fault.answer(200, b"<!doctype html><p>sign in", media="text/html"), "malformed", ""),
    "HTML that says JSON": (fault.answer(200, b"<!doctype html><p>sign in"), "malformed", "HTML"),
    "an error with 200": (fault.answer(200, b'{"message":"Not Found"}'), "malformed", ""),
    "errors with 200": (fault.answer(200, b'[{"message":"Not Found"}]'), "malformed", "has a name"),
    "an error with 200 for an index": (fault.answer(200, b'{"error":"later"}'), "malformed", ""),
    "nothing": (fault.answer(200, b""), "malformed", ""),
    "no content": (fault.raw(fault.head(204)), "unreachable", "HTTP 204"),
    "unasked for 304": (fault.raw(fault.head(304)), "unreachable", "HTTP 304"),
    "nothing new of an empty list": (fault.tags([]), "complete", ""),
    # a list that loses its first item with each page that is asked for, for ever or for a while
    "a list that moves": (shrinking(1000), "changing", "changed while they were read, twice"),
    "a list that moved": (shrinking(1), "complete", ""),
    "a list of which only the counts change": (counting(), "complete", ""),
    # statuses
    "401": (fault.answer(401), "unauthorized", "HTTP 401"),
    "403": (fault.answer(403, b"{}"), "unauthorized", "HTTP 403"),
    "403, spent": (fault.answer(403, b"{}", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 9999999999"), "rateLimited", "HTTP 403"),
    "403, secondary": (fault.answer(403, b"{}", "Retry-After: 7"), "rateLimited", "HTTP 403"),
    **{f"429, {wait}": (fault.answer(429, b"", f"Retry-After: {wait}"), "rateLimited", "HTTP 429")
       for wait in ("7", "Wed, 21 Oct 2099 07:28:00 GMT", "soon", "-1", "9" * 40, "")},
    "404": (fault.answer(404), "notFound", "HTTP 404"),
    "410": (fault.answer(410), "notFound", "HTTP 410"),
    "500": (fault.answer(500), "unreachable", "HTTP 500"),
    "503, later": (fault.answer(503, b"", "Retry-After: 9"), "unreachable", "HTTP 503"),
    "999": (fault.answer(999), "unreachable", "HTTP 999"),
}


class Look:
    """One opvic-fetcher get, measured."""

    def __init__(self, folder, *args, env=None, before=()):
        at = pathlib.Path(tempfile.mkdtemp(dir=folder))
        peak, out, said = (at / name for name in ("peak", "out", "said"))
        with open(out, "wb") as stdout, open(said, "wb") as stderr:
            subprocess.run([*before, "/usr/bin/python3", "-S", "-E", ROOT / "tests/support/peak.py", peak, BIN / "opvic-fetcher", "get",
                            *map(str, args)], stdout=stdout, stderr=stderr, check=False, timeout=100,
                           env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **{k: v for k, v in os.environ.items() if "SAN_OPTIONS" in k}, **(env or {})})
        measured = json.loads(peak.read_text())
        self.status, self.took_s, self.rss_mb = measured["status"], measured["took_s"], measured["peak_kb"] / 1024
        self.said, text = said.read_text(errors="replace"), out.read_text()
        self.listed = json.loads(text) if text else None
        self.kind = KINDS[self.status - 10 if self.status else 0] if self.status in (0, *range(11, 23)) else str(self.status)

    @property
    def versions(self):
        return self.listed and [v["version"] for v in self.listed["versions"]]


def tags_of(server, *args, repo="o/r", allow="127.0.0.1/32"):
    return ("--provider", "github", "--strategy", "tags", "--repo", repo, "--provider.github.api-url", server.url,
            "--fetch.allow-cidrs", allow, *args)


def chart_of(url, *args, allow="127.0.0.1/32"):
    return ("--provider", "helm", "--strategy", "chartVersion", "--repo", url, "--chart", "app", "--fetch.allow-cidrs", allow, *args)


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="opvic-faults-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    def check_bounds(self, look):
        if not SANITIZED:
            self.assertLess(look.rss_mb, RSS_MB)
        self.assertNotIn("Sanitizer", look.said)

    def run_row(self, name):
        behave, *_ = ROWS[name]
        settings = ROWS[name][3:] or ("--fetch.total-timeout", f"{TOTAL_S}s")
        if "--fetch.bytes-max" not in settings:
            settings += ("--fetch.bytes-max", BYTES_MAX)
        index = "index" in name
        with FaultServer({INDEX if index else TAGS: behave}) as server:
            args = chart_of(f"{server.url}/c") if index else tags_of(server)
            look = Look(self.folder, *args, *settings)
            return look, sum(server.sent.values())

    def test_rows(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            # The long ones first.
            names = sorted(ROWS, key=lambda name: -len(ROWS[name]))
            for name, (look, pushed) in zip(names, pool.map(self.run_row, names)):
                with self.subTest(name):
                    kinds, text = ROWS[name][1:3]
                    self.assertIn(look.kind, [kinds] if isinstance(kinds, str) else kinds, look.said)
                    self.assertIn(text, look.said)
                    self.assertEqual(look.versions is not None, look.kind == "complete")
                    self.check_bounds(look)
                    if "--fetch.total-timeout" not in ROWS[name]:
                        self.assertLess(look.took_s, TOTAL_S + 3)
                    if "--fetch.bytes-max" not in ROWS[name]:
                        self.assertLess(pushed, PUSHED_MAX)

    def test_no_list_for_any_provider(self):
        """Pages that say they went well and are something else."""
        documents = {"HTML": (b"<!doctype html><title>Sign in</title>", "text/html"), "HTML in disguise": (b"\n <html>", None),
                     "XML": (b"<?xml version='1.0'?><Error/>", None), "an error": (b'{"message":"try later"}', None),
                     "errors": (b'{"errors":[{"code":"UNKNOWN"}]}', None), "a list of errors": (b'[{"message":"try later"}]', None),
                     "a text": (b"try later", None), "a number": (b"0", None), "null": (b"null", None), "nothing": (b"", None)}
        providers = {("github", "releases", "o/r"): "application/json", ("github", "tags", "o/r"): "application/json",
                     ("helm", "chartVersion", "{}/c"): "text/yaml", ("oci", "tags", "{}/o/r"): "application/json",
                     ("git", "tags", "{}/o/r"): "application/x-git-upload-pack-advertisement", ("gitlab", "tags", "{}/o/r"): "application/json",
                     ("gitea", "releases", "{}/o/r"): "application/json", ("endoflife", "cycles", "{}/r"): "application/json"}

        def look(pair):
            (provider, strategy, repo), name = pair
            body, media = documents[name]
            with FaultServer({"*": fault.answer(200, body, media=media or providers[pair[0]])}) as server:
                chart = ("--chart", "app") if provider == "helm" else ()
                return Look(self.folder, "--provider", provider, "--strategy", strategy, "--repo", repo.format(server.url), *chart,
                            "--provider.github.api-url", server.url, "--fetch.allow-cidrs", "127.0.0.1")
        pairs = [(provider, name) for provider in providers for name in documents]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for pair, got in zip(pairs, pool.map(look, pairs)):
                with self.subTest(pair):
                    self.assertEqual(got.kind, "malformed", got.said)
                    self.assertIsNone(got.versions)

    def test_a_list_without_an_end(self):
        """Pages and versions are cut; what was read is told, and that it is not all."""
        name = b'{"name":"%s"},' % (b"9" * 500)
        with FaultServer({TAGS: lambda c, r: fault.tags([f"v{len(r.path)}"], f'Link: <{r.path}&a>; rel="next"')(c, r),
                          "/repos/o/many/tags": fault.answer(200, b"".join(fault.zipped([b"[", *[name] * 100000, b'{"name":"last"}]'])),
                                                             "Content-Encoding: gzip")}) as server:
            look = Look(self.folder, *tags_of(server), "--fetch.pages-max", 7)
            self.assertIn("only the first 7 pages were read", look.said)
            self.assertEqual((look.kind, look.listed["truncated"], len(look.versions)), ("complete", True, 7))
            look = Look(self.folder, *tags_of(server, repo="o/many"))
            self.assertEqual((look.kind, look.listed["truncated"]), ("complete", True))
            self.assertIn("versions were taken", look.said)
            self.assertGreater(len(look.versions), 10000)
            self.check_bounds(look)

    def test_credentials_stay(self):
        """What a redirect leads to sees none, whatever way it is given."""
        with FaultServer({"/x": fault.tags(["v1"])}) as other, FaultServer() as home:
            home.answers = {path: fault.redirect(f"{other.url}/x") for path in (TAGS, "/api/v4/projects/g%2Fr/repository/tags")}
            netrc = self.folder / "netrc"
            netrc.write_text("machine localhost login a password netrc-secret\n")
            gitlab = ("--provider", "gitlab", "--strategy", "tags", "--repo", f"{home.url}/g/r", "--fetch.allow-cidrs", "127.0.0.1/32")
            for args, shown in ((tags_of(home, "--provider.github.token", "github-secret"), "Bearer github-secret"),
                                (gitlab + ("--provider.gitlab.url", home.url, "--provider.gitlab.token", "gitlab-secret"), "gitlab-secret")):
                with self.subTest(shown):
                    home.requests.clear(), other.requests.clear()
                    look = Look(self.folder, *args)
                    self.assertEqual((look.kind, look.versions), ("complete", ["v1"]), look.said)
                    self.assertIn(shown, home.requests[0].headers.values())
                    self.assertEqual(len(other.requests), 1)
                    self.assertFalse([v for v in other.requests[0].headers.values() if "secret" in v])
                    self.assertNotIn("secret", look.said)

    def test_names(self):
        """What a name means is judged when it is connected to: each of its addresses, and anew when it is resolved again."""
        unshare = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
        if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
            self.assertNotEqual(os.environ.get("OPVIC_REQUIRE_TOOLS"), "1", "no mount namespaces here")
            self.skipTest("no mount namespaces here")
        hosts = self.folder / "hosts"
        before = [*unshare, "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]
        private = {"ten.test": "10.0.0.1", "loop.test": "127.0.0.2", "metadata.test": "169.254.169.254", "mapped.test": "::ffff:10.0.0.1",
                   "nat64.test": "64:ff9b::7f00:2", "unique.test": "fd00::1"}
        known = "127.0.0.1 good.test rebound.test\n" + "".join(f"{address} {name}\n" for name, address in private.items())
        with FaultServer() as server, FaultServer({INDEX: fault.answer(200, b"entries: {app: []}\n", media="text/yaml")}) as second:
            index = fault.answer(200, b"entries: {app: [{version: 1.0.0}]}\n", media="text/yaml")
            server.answers = {INDEX: index, "/away/index.yaml": fault.redirect(f"http://ten.test:{server.port}{INDEX}")}
            hosts.write_text(known)
            look = Look(self.folder, *chart_of(f"http://good.test:{server.port}/c"), before=before)
            self.assertEqual((look.kind, look.versions), ("complete", ["1.0.0"]), look.said)
            for name, address in [*private.items(), ("good.test/away", "10.0.0.1")]:
                with self.subTest(name):
                    host, _, path = name.partition("/")
                    look = Look(self.folder, *chart_of(f"http://{host}:{server.port}/{path or 'c'}"), before=before)
                    self.assertEqual(look.kind, "refusedTarget", look.said)
                    self.assertIn(f"refused target {address}", look.said)

            def rebind(c, request):
                hosts.write_text(known.replace("127.0.0.1 good.test rebound.test", "127.0.0.1 good.test\n10.0.0.1 rebound.test"))
                fault.redirect(f"http://rebound.test:{second.port}{INDEX}")(c, request)
            server.answers[INDEX] = rebind
            look = Look(self.folder, *chart_of(f"http://rebound.test:{server.port}/c"), before=before)
            self.assertEqual((look.kind, second.requests), ("refusedTarget", []), look.said)
            # The first address is allowed and nobody listens there: the second one is no way out.
            hosts.write_text("127.0.0.1 two.test\n10.0.0.1 two.test\n")
            look = Look(self.folder, *chart_of("http://two.test:1/c"), before=before)
            self.assertIn(look.kind, ("refusedTarget", "unreachable"), look.said)
            self.assertLess(look.took_s, 5)



FAST = ("--source.interval", "1s", "--cache.reconciler-interval", "100ms")


class Pipeline(unittest.TestCase):
    """The same through the whole pipeline: what stands, what is told, and what survives restarts."""

    def begin(self, answers, *fetcher_args, token=None):
        self.server = self.enterContext(FaultServer(answers))
        self.stack = self.enterContext(Stack())
        self.stack.nats()
        self.aggregator, self.api = self.stack.aggregator(*FAST), self.stack.api()
        self.fetcher = self.start_fetcher("fetcher", *fetcher_args, token=token)
        for service in (self.aggregator, self.api):
            service.wait_ready()
        self.bus = self.enterContext(Nats(self.stack.nats_port))

    def start_fetcher(self, name, *args, token=None):
        return self.stack.fetcher(*args, name=name, upstream=self.server.url, env={"PROVIDER_GITHUB_TOKEN": token} if token else {}).wait_ready()

    def track(self, tracker="app", **remote):
        asked = {**github("o/r", "tags"), **remote}
        self.assertEqual(post(self.api, report("a", tracker, {"1.0.0": 1}, asked)).status, 202)

    def lookup(self, source=SOURCE):
        found = self.bus.last("OPVIC_LISTS", f"opvic.lookup.{source}")
        return json.loads(found[1]) if found else {}

    def listed(self, source=SOURCE):
        """The stored list, put together from its parts."""
        subject = f"opvic.list.{source}.="
        found = self.bus.last("OPVIC_LISTS", subject)
        body = json.loads(found[1]) if found else {}
        if "revision" in body:
            parts = [self.bus.last("OPVIC_LISTS", f"{subject}.{body['revision']}.{i}")[1] for i in range(body["parts"])]
            body = json.loads(zlib.decompress(b"".join(parts), -15))
        return body

    def versions(self):
        return [v["version"] for v in self.listed().get("versions", [])]

    def gap(self, tracker="app"):
        return get(self.api, f"/api/v1alpha1/agents/a/{tracker}/versions").json()

    def test_a_list_stands(self):
        """While its upstream fails in whatever way; state says why, the next try grows, and it recovers."""
        faults = {"timeout": fault.drip(lengthed(99999, b"["), b" ", 0.05), "unreachable": fault.raw(lengthed(99)),
                  "malformed": fault.answer(200, b"<html>", media="text/html"), "tooLarge": fault.bomb(b"[", b" " * 65536, 1600),
                  "rateLimited": fault.answer(429, b"", "Retry-After: 3000"), "refusedTarget": fault.redirect("http://10.0.0.1/"),
                  "notFound": fault.answer(404), "unauthorized": fault.answer(401)}
        path = "/api/v4/projects/o%2Fr/repository/tags"
        waits = {"timeout": 5, "unreachable": 5, "malformed": 60, "tooLarge": 900, "rateLimited": 3000, "refusedTarget": 300,
                 "notFound": 300, "unauthorized": 300}
        self.begin({}, "--fetch.total-timeout", "1s", "--fetch.bytes-max", BYTES_MAX)
        # A host each: what one is asked to wait for or fails at, others at the same host wait for as well.
        servers = {kind: self.enterContext(FaultServer({path: fault.tags(["v1.0.0", "v1.1.0"])})) for kind in faults}
        source = {kind: f"gitlab/tags/{server.url}/o/r".replace(".", "=2E").replace(":", "=3A") for kind, server in servers.items()}
        for kind, server in servers.items():
            self.track(kind, provider="gitlab", repo=f"{server.url}/o/r")
        for kind in faults:
            until(f"{kind} is complete", lambda: self.lookup(source[kind]).get("outcome") == "complete" and self.gap(kind)["latestVersion"] == "1.1.0")
        before = {kind: self.listed(source[kind]) for kind in faults}
        for kind, answer in faults.items():
            servers[kind].answers[path] = answer
        for kind in faults:
            with self.subTest(kind):
                said = until("it fails", lambda: l if (l := self.lookup(source[kind]))["outcome"] == "failed" else None)
                self.assertEqual(said["failure"], kind, said)
                self.assertEqual(said["nextTryAt"] - said["lookedAt"], waits[kind] * 2 ** (said["failures"] - 1) if waits[kind] < 3000 else 3000)
                self.assertLessEqual(said["completeAt"], said["lookedAt"])
                self.assertEqual(self.listed(source[kind]), before[kind])
                self.assertEqual(said["lists"][0]["count"], 2)
                gap = until("state says so", lambda: g if (g := self.gap(kind))["state"] == "stale" else None)
                self.assertEqual(gap["latestVersion"], "1.1.0")
                self.assertIn(kind, gap["reason"])
        again = until("the next try is later", lambda: l if (l := self.lookup(source["unreachable"]))["failures"] > 1 else None)
        self.assertEqual(again["nextTryAt"] - again["lookedAt"], 5 * 2 ** (again["failures"] - 1))
        servers["unreachable"].answers[path] = fault.tags(["v1.2.0"])
        until("it recovers by itself", lambda: self.gap("unreachable")["latestVersion"] == "1.2.0")
        peak_kb = int(next(l for l in pathlib.Path(f"/proc/{self.fetcher.child.pid}/status").read_text().splitlines() if "VmHWM" in l).split()[1])
        if not SANITIZED:
            self.assertLess(peak_kb / 1024, RSS_MB)

    def test_a_cut_list_only_grows(self):
        """Pages beyond the limit: what was there once stays, over restarts, until the list is complete."""
        names = [f"v1.{n}.0" for n in range(60000, 0, -1)]
        self.begin({TAGS: fault.paged(lambda: names, 20000)}, "--fetch.pages-max", "2")
        self.track()
        until("two pages are stored", lambda: self.lookup().get("outcome") == "complete")
        self.assertTrue((self.versions(), self.listed()["truncated"]) == (names[:40000], True))
        self.assertEqual(self.lookup()["message"], "only the first 2 pages were read")
        stood = names[:40000]
        names[:0] = ["v2.0.0", "v1.99999.0"]
        until("the list goes on", lambda: self.gap()["latestVersion"] == "2.0.0")
        self.assertTrue(self.versions() == names[:2] + stood)
        for service in (self.aggregator, self.fetcher):
            service.kill()
        names[0] = "v2.1.0"
        del names[1:15000]
        for service in (self.aggregator, self.fetcher):
            service.start().wait_ready()
        until("it goes on after a restart", lambda: self.gap()["latestVersion"] == "2.1.0")
        versions = self.versions()
        self.assertEqual(len(versions), len(set(versions)))
        self.assertTrue(set(versions) == {*names[:40000], "v2.0.0", "v1.99999.0", *stood}, "all that stood and all that came")
        names[:] = ["v1.5.0"]
        until("a complete one replaces it", lambda: self.gap()["latestVersion"] == "1.5.0")
        self.assertEqual((self.versions(), "truncated" in self.listed()), (["v1.5.0"], False))

    def test_an_empty_list_counts_the_second_time(self):
        self.begin({TAGS: fault.tags(["v1.0.0", "v1.1.0"])})
        self.track()
        until("it is answered", lambda: self.gap()["latestVersion"] == "1.1.0")
        self.server.answers[TAGS] = fault.tags([])
        said = until("the first empty look fails", lambda: l if (l := self.lookup())["outcome"] == "failed" else None)
        self.assertEqual((said["failure"], said["nextTryAt"] - said["lookedAt"], said["lists"][0]["emptied"]), ("emptied", 60, True))
        self.assertEqual(self.versions(), ["v1.0.0", "v1.1.0"])
        self.assertEqual(self.gap()["latestVersion"], "1.1.0")
        for service in (self.aggregator, self.fetcher):
            service.kill()
            service.start().wait_ready()

        def asked_for():
            self.bus.publish("opvic.ask.refresh.github/tags/o/r", b"")
            return self.lookup()["outcome"] == "complete"
        until("the second one counts, though others look and ask", asked_for)
        self.assertEqual((self.versions(), self.lookup()["lists"]), ([], [{"list": "", "digest": self.lookup()["lists"][0]["digest"], "count": 0}]))
        until("state follows", lambda: self.gap()["latestVersion"] == "missing")

    def test_validators_are_a_credentials_own(self):
        """Another fetcher goes on with 304s; another token does not see what the first one saw."""
        self.begin({TAGS: fault.paged(lambda: ["v1.0.0"])}, token="first")
        shown = lambda: [(r.headers.get("authorization"), "if-none-match" in r.headers) for r in self.server.asked(TAGS)]
        self.track()
        until("it is asked again", lambda: len(shown()) > 2)
        self.assertEqual(shown()[:3], [("Bearer first", False), ("Bearer first", True), ("Bearer first", True)])
        self.fetcher.kill()
        seen = len(shown())
        other = self.start_fetcher("second", token="first")
        until("another one goes on", lambda: len(shown()) > seen + 1)
        self.assertEqual(set(shown()[1:]), {("Bearer first", True)})
        self.assertEqual(until("upstream says so", lambda: l if (l := self.lookup())["outcome"] == "notModified" else None)["lists"][0]["count"], 1)
        self.assertEqual(other.stop(), 0)
        seen = len(shown())
        self.start_fetcher("third", token="another")
        until("the other token goes on by itself", lambda: ("Bearer another", True) in shown())
        self.assertEqual([s for s in shown()[seen:] if s[0] == "Bearer another"][0], ("Bearer another", False))


if __name__ == "__main__":
    unittest.main()
