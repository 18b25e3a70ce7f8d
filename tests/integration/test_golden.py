"""Replays the recorded requests of the Go system against the whole pipeline and compares the answers."""
import json
import re
import unittest

from support import golden
from support.stack import Stack, TOKEN, get, post, report, request, until

# Rows of basic.jsonl whose answer is meant to differ: name -> why. The comparison of each is below, in its own test.
BASIC_DIFFERS = {
    "before-agent": "reads see a report at once, not after the next reconcile",
    "before-versions": "reads see a report at once: 200 with what is known, latestVersion missing",
    "before-overview": "reads see a report at once: gaps with latestVersion missing",
    "update-stale-versions": "an update is not answered from the old one",
    "update-stale-agent": "an update is not answered from the old one",
}
# The later row that says what the Go system answered once it knew, which is what ours answers there.
BASIC_OURS = {
    "before-agent": "after-agent-cluster-east",
    "before-versions": "after-cluster-east-coredns-versions",
    "before-overview": "after-overview",
    "update-stale-versions": "updated-cluster-east-coredns-versions",
    "update-stale-agent": "updated-agent-cluster-east",
}

# Samples that a row of basic.jsonl has and ours lacks: (row, family) -> why.
METRICS_DIFFER = {
    ("metrics-empty", "opvic_provider_github_rate_limit_remaining"): "nothing was asked yet; the Go system asked for its limit at the start",
}

# Rows of edge.jsonl where the Go system answered 200 and ours says something else: name -> why.
EDGE_DIFFERS = {
    "pre00": "v2.0.0 is a draft: drafts never",
    "pre02": "v2.0.0 is a draft: drafts never",
    "pre09": "v2.0.0 is a draft: drafts never",
    "pre-running-newer": "v2.0.0 is a draft: drafts never",
    "r11": "a template is not expanded where the pattern did not match",
    "shapes-tags": "of the spellings of one version one stays: 1.5 and v1.5 are 1.5.0, 1.7.0rc1 is 1.7.0-rc1",
    "shapes-tags-cons": "of the spellings of one version one stays: 1.5 and v1.5 are 1.5.0",
    "names-rx": "releases match by tag, not by title: v3.0.0 and v4.0.0 have no title",
}
# What ours answers there, of the first running version: (latestVersion, availableVersions).
EDGE_OURS = {
    "pre00": ("2.0.0-rc.1", ["1.1.0-rc.1", "1.1.0-rc.2", "1.1.0", "1.1.1+build.5", "1.2.0-alpha", "1.2.0-alpha.1", "1.2.0-beta.2",
                             "1.2.0-beta.11", "2.0.0-rc.1"]),
    "pre02": ("1.1.1+build.5", ["1.1.0-rc.1", "1.1.0-rc.2", "1.1.0", "1.1.1+build.5"]),
    "pre09": ("2.0.0-rc.1", ["1.1.0-rc.1", "1.1.0-rc.2", "1.1.0", "1.1.1+build.5", "1.2.0-alpha", "1.2.0-alpha.1", "1.2.0-beta.2",
                             "1.2.0-beta.11", "2.0.0-rc.1"]),
    "pre-running-newer": ("2.0.0-rc.1", []),
    "r11": ("missing", []),
    "shapes-tags": ("20210105.0.0", ["1.5.0", "1.5.0.1", "01.06.00", "1.7.0-rc1", "1.7.0+meta", "1.8.0-1", "1.8.0-1a", "1.8.0-~x",
                                     "2021.01.05", "20210105"]),
    "shapes-tags-cons": ("20210105.0.0", ["1.5.0", "1.5.0.1", "01.06.00", "1.7.0+meta", "2021.01.05", "20210105"]),
    "names-rx": ("7.0.0", ["2.0.0", "3.0.0", "4.0.0", "6.0.0", "7.0.0"]),
}

# Rows of edge.jsonl where the Go system answered 404, for something of the tracker failed there. What ours answers: the
# latest version, and of each running version its state and what the reason begins with.
MALFORMED_CONSTRAINT = ("missing", [("invalid", "constraint ")])
BAD_PATTERN = ("missing", [("invalid", "regex ")])
BAD_REPO = ("missing", [("invalid", "remoteVersion.repo: ")])
NOTHING_MATCHES = ("missing", [("noCandidate", "nothing passes: 16 noMatch")])
NOTHING_PARSES = ("missing", [("noCandidate", "nothing passes: 16 unparseable")])
NOT_FOUND = ("missing", [("stale", "notFound: ")])
NO_LIST = ("missing", [("stale", "malformed: ")])
UNPARSEABLE = ("10.1.0", [("unparseable", "version ")])
EDGE_NOT_FOUND = {
    "provider-helm-repo": ("7.29.7", [("behind", "")]),  # the alias is taken
    "provider-unknown": ("missing", [("invalid", "remoteVersion.provider: ")]),
    "gh-strategy-empty": ("missing", [("invalid", "remoteVersion.strategy: ")]),
    **dict.fromkeys(("c14", "c17", "c19", "c20"), MALFORMED_CONSTRAINT),
    **dict.fromkeys(("r01", "r02", "r30", "r31", "r32", "r33", "r34"), BAD_PATTERN),
    "r10": NOTHING_MATCHES,
    **dict.fromkeys(("r16", "r17", "r35"), NOTHING_PARSES),
    "r22": ("2.11.0", [("behind", "")]),  # one tag that does not parse takes nothing away
    **dict.fromkeys(("repo-missing", "helm-idx-404"), NOT_FOUND),
    **dict.fromkeys(("repo-badjson", "repo-html", "repo-object", "helm-idx-bad", "helm-idx-list", "helm-idx-empty", "helm-idx-html"), NO_LIST),
    **dict.fromkeys(("repo-noslash", "repo-space", "repo-question", "helm-badurl"), BAD_REPO),
    "helm-oci": ("missing", [("invalid", "remoteVersion.strategy: ")]),  # a registry lists no appVersion
    "repo-trailing": ("10.1.0", [("behind", "")]),  # a slash at the end is the same repository
    "badtags-tags-cons": ("1.1.0", [("behind", "")]),
    "helm-weird-appVe": ("2021.0.0-11-01", [("behind", "")]),
    "helm-refused": ("missing", [("stale", "unreachable: ")]),
    **dict.fromkeys(("run10", "run11", "run12", "run13", "run15", "run18", "run19", "run20", "run23", "run24", "run25"), UNPARSEABLE),
    "run-one-bad": ("10.1.0", [("behind", ""), ("unparseable", "version \"bad\""), ("behind", "")]),
    "run-bad-no-remote": ("missing", [("unparseable", "version \"latest\"")]),
}

# Rows of errors.jsonl that lost bytes that mattered: only no crash, no hang, and no 2xx for an ambiguous length.
ERRORS_LOST_BYTES = {14, 15, *range(182, 211)}

# The same rows with their bytes as they must have been: head lines and body. None may be taken for a whole request.
AMBIGUOUS_LENGTHS = {
    "two lengths": (["Content-Length: {n}", "Content-Length: 5"], "{body}"),
    "a length and chunks": (["Content-Length: {n}", "Transfer-Encoding: chunked"], "{x}\r\n{body}\r\n0\r\n\r\n"),
    "a length that is no number": (["Content-Length: abc"], "{body}"),
    "a negative length": (["Content-Length: -1"], "{body}"),
    "a length with a sign": (["Content-Length: +{n}"], "{body}"),
    "a list of lengths": (["Content-Length: {n}, 5"], "{body}"),
    "a chunk that has no length": (["Transfer-Encoding: chunked"], "zz\r\n{body}\r\n0\r\n\r\n"),
    "an unknown coding": (["Transfer-Encoding: gzip"], "{body}"),
    "a chunk without end": (["Transfer-Encoding: chunked"], "{x}\r\n{body}\r\n"),
}

# What is left at the end of errors.jsonl and not here: agent -> why.
AGENTS_NOT_HERE = {
    "second": "it came from a body with a member twice, which is refused",
}

# Rows of errors.jsonl with another status here: name -> (status, why).
ERRORS_DIFFERS = {
    "404-healthz": (200, "/healthz exists"),
    "404-noauth-healthz": (200, "/healthz exists"),
    "body-trailing-garbage": (400, "text after the JSON value is refused"),
    "body-two-values": (400, "text after the JSON value is refused"),
    "body-count-zero": (202, "count 0 is accepted"),
    "body-minus-zero": (202, "count 0 is accepted"),
    "body-count-negative": (400, "a negative count is refused"),
    "body-uniq-null-item": (400, "null items in lists are refused"),
    "body-versions-null-item": (400, "null items in lists are refused"),
    "body-upper-keys": (400, "member names are exact"),
    "body-kelvin-key": (400, "member names are exact"),
    "body-dup-key-last-wins": (400, "duplicate members are refused"),
    "body-dup-version-merge": (400, "duplicate members are refused"),
    "method-HEAD-agents": (200, "HEAD is GET without a body"),
    "method-HEAD-ping": (200, "HEAD is GET without a body"),
    "method-HEAD-metrics": (200, "HEAD is GET without a body"),
    "method-PUT-agents": (405, "a wrong method on a known path"),
    "method-PUT-ping": (405, "a wrong method on a known path"),
    "method-DELETE-agents": (405, "a wrong method on a known path"),
    "method-DELETE-ping": (405, "a wrong method on a known path"),
    "method-OPTIONS-agents": (405, "a wrong method on a known path"),
    "method-OPTIONS-ping": (405, "a wrong method on a known path"),
    "method-PATCH-agents": (405, "a wrong method on a known path"),
    "method-PATCH-ping": (405, "a wrong method on a known path"),
    "method-TRACE-agents": (405, "a wrong method on a known path"),
    "method-TRACE-ping": (405, "a wrong method on a known path"),
    "method-FOO-agents": (405, "a wrong method on a known path"),
    "method-FOO-ping": (405, "a wrong method on a known path"),
    "method-POST-ping": (405, "a wrong method on a known path"),
    "method-POST-metrics": (405, "a wrong method on a known path"),
    "method-POST-overview": (405, "a wrong method on a known path"),
}


def not_looked_up(gap):
    """A gap as it is before its upstream answered."""
    unknown = {"latestVersion": "missing", "availableVersions": [], "availableMajors": [], "availableMinors": [], "availablePatches": [],
               "majorAvailable": False, "minorAvailable": False, "patchAvailable": False}
    return {**gap, "latestVersion": "missing", "versions": [{**v, **unknown} for v in gap["versions"]]}


def tracker_path(body):
    from urllib.parse import quote
    decoded = json.loads(body)
    return f"/api/v1alpha1/agents/{quote(decoded['agentId'], safe='')}/{quote(decoded['version']['id'], safe='')}"


class Golden(unittest.TestCase):
    maxDiff = None

    def same(self, name, got, want):
        found = list(golden.differences(got, want))
        self.assertFalse(found, f"{name}: " + "; ".join(found[:5]))

    def compare_row(self, row, answer):
        self.assertEqual(answer.status, row["response"]["status"], row["name"])
        if "json" in row["response"]:
            self.compare_json(row, answer, row["response"]["json"])

    def compare_json(self, row, answer, want):
        by_id = re.fullmatch(r"GET /api/v1alpha1/agents/[^/]+", row["request"]["line"])
        self.same(row["name"], answer.json(), sorted(want, key=lambda v: v["id"]) if by_id else want)

    def compare_differing(self, row, answer, rows):
        name = row["name"]
        self.assertEqual(answer.status, 200, f"{name}: {BASIC_DIFFERS[name]}")
        want = next(r["response"]["json"] for r in rows if r["name"] == BASIC_OURS[name])
        if name == "before-versions":
            want = not_looked_up(want)
            self.assertEqual({v["state"] for v in answer.json()["versions"]}, {"pending"}, name)
        if name == "before-overview":
            want = [{key: [not_looked_up(gap) for gap in gaps] for key, gaps in each.items()} for each in want]
        self.compare_json(row, answer, want)

    def compare_metrics(self, row, answer):
        got, want = golden.exposition(answer.text()), golden.exposition(row["response"]["body"])
        for key in want:
            if (row["name"], key[0]) in METRICS_DIFFER:
                self.assertNotIn(key, got, row["name"])
                continue
            self.assertIn(key, got, row["name"])
            self.assertEqual(got[key], want[key], f"{row['name']}: {key}")
        self.assertEqual(set(got) - set(want), set(), row["name"])
        self.assertEqual(golden.disordered(answer.text()), [], row["name"])

    def test_basic(self):
        with Stack() as stack:
            up, _, _, api = stack.pipeline("--golden", golden.GOLDEN / "upstream")
            request(up.url, "POST", "/_hold")
            rows = golden.rows("basic", up.url)
            for i, row in enumerate(rows):
                with self.subTest(row=row["name"]):
                    if i == 15:
                        request(up.url, "POST", "/_release")
                    if i >= 15:
                        until("all looked up", lambda: b"pending" not in get(api, "/api/v1alpha1/overview").body)
                    self.basic_row(api, row, rows)

    def basic_row(self, api, row, rows):
        method, path = row["request"]["line"].split()[:2]
        if method == "POST":
            answer = post(api, row["request"]["body"])
            self.compare_row(row, answer)
            want = json.loads(row["request"]["body"])["version"]
            until("readable", lambda: get(api, tracker_path(row["request"]["body"])).json().get("uniqVersions") == want["uniqVersions"], 5)
            until("answered", lambda: get(api, tracker_path(row["request"]["body"]) + "/versions").json().get("runningVersions") == want["uniqVersions"], 5)
            return
        answer = request(api.url, "GET", path, headers=row["request"]["headers"])
        if row["name"] in BASIC_DIFFERS:
            self.compare_differing(row, answer, rows)
        elif path.startswith("/metrics"):
            self.assertEqual(answer.status, 200)
            if "body" in row["response"]:
                self.compare_metrics(row, answer)
        else:
            self.compare_row(row, answer)

    def test_edge(self):
        with Stack() as stack:
            up, _, _, api = stack.pipeline("--golden", golden.GOLDEN / "upstream")
            rows = golden.rows("edge", up.url)
            for row in rows:
                # The recording's unknown provider is known here, and no test asks the internet.
                self.assertEqual(post(api, row["post"].replace("gitlab", "svn")).status, row["post_status"], row["name"])
            self.assertEqual(len(rows), 137)
            for row in rows:
                with self.subTest(row=row["name"]):
                    self.edge_row(api, row)

    def edge_row(self, api, row):
        def looked_up():
            answer = get(api, row["path"])
            return answer if answer.status == 200 and b'"pending"' not in answer.body else None
        answer = until(f"{row['name']} looked up", looked_up).json()
        if row["name"] in EDGE_DIFFERS:
            first = answer["versions"][0]
            return self.assertEqual((answer["latestVersion"], first["availableVersions"]), EDGE_OURS[row["name"]], EDGE_DIFFERS[row["name"]])
        if row["status"] == 200:
            return self.same(row["name"], answer, row["versions"] if row["versions"].get("versions") is not None
                             else {**row["versions"], "versions": [], "runningVersions": []})
        latest, states = EDGE_NOT_FOUND[row["name"]]
        self.assertEqual(answer["latestVersion"], latest, row["name"])
        self.assertEqual([v["state"] for v in answer["versions"]], [state for state, _ in states], row["name"])
        self.assertEqual([v["currentVersion"] for v in answer["versions"]], json.loads(row["post"])["version"]["uniqVersions"])
        for version, (state, reason) in zip(answer["versions"], states):
            self.assertTrue(version.get("reason", "").startswith(reason), f"{row['name']}: {version.get('reason')}")
            self.assertTrue(golden.in_version_order(version["availableVersions"]), row["name"])
            self.assertEqual(bool(version["availableVersions"]), state == "behind", row["name"])
        return None

    def test_errors(self):
        with Stack() as stack:
            up, _, _, api = stack.pipeline("--golden", golden.GOLDEN / "upstream")
            rows = golden.rows("errors", up.url)
            self.assertEqual(len(rows), 212)
            for i, row in enumerate(rows[:-1]):
                with self.subTest(row=row["name"]):
                    self.error_row(api, i, row)
            self.agents_at_the_end(api, rows[-1])
            self.ambiguous_lengths(api)
            self.assertTrue(api.alive())
            self.assertEqual(get(api, "/api/v1alpha1/ping").text(), "pong")

    def agents_at_the_end(self, api, row):
        self.assertEqual(row["name"], "agents-at-end")
        want = [agent for agent in row["response"]["json"] if agent["id"] not in AGENTS_NOT_HERE]
        self.assertEqual(len(want), len(row["response"]["json"]) - len(AGENTS_NOT_HERE))
        def answered():
            status, _, body = golden.send_raw(api.url, row)
            return status == 200 and not list(golden.differences(json.loads(body), want))
        until("the agents that were taken, and no others", answered)

    def ambiguous_lengths(self, api):
        body = json.dumps(report("ambiguous", "t", {"1.0.0": 1}))
        for name, (lines, shape) in AMBIGUOUS_LENGTHS.items():
            with self.subTest(length=name):
                values = {"n": len(body), "x": f"{len(body):x}", "body": body}
                head = [f"POST /api/v1alpha1/agents HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKEN}", "Connection: close",
                        *(line.format(**values) for line in lines)]
                answer = golden.send_bytes(api.url, ("\r\n".join(head) + "\r\n\r\n").encode() + shape.format(**values).encode())
                self.assertFalse(answer and 200 <= answer[0] < 300, name)

    def error_row(self, api, i, row):
        answer = golden.send_raw(api.url, row)
        name, want = row["name"], row["response"]
        if i in ERRORS_LOST_BYTES:
            return
        self.assertIsNotNone(answer, f"{name}: no answer")
        status, headers, body = answer
        expected = ERRORS_DIFFERS.get(name, (want["status"], ""))
        self.assertEqual(status, expected[0], f"{name}: {expected[1]} {body[:200]}")
        if status in (301, 307):
            self.assertEqual(headers["location"], want["headers"]["Location"], name)
        if status == 405:
            self.assertIn("allow", headers, name)
        if status == 401:
            self.assertEqual(json.loads(body)["error"], want["json"]["error"], name)
        if status == 400 and "json" in want:
            self.assertTrue(json.loads(body)["error"], name)


if __name__ == "__main__":
    unittest.main()
