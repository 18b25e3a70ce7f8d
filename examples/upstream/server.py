#!/usr/bin/python3
# A recorded upstream: answers as GitHub's REST API, Helm repositories and others do, from files; the demo's and the tests'.
"""Serves recorded lists of versions.

GitHub:  /repos/<owner>/<name>/releases|tags?per_page&page   pages, Link, ETag, 304, x-ratelimit-*, User-Agent required
Helm:    /charts/<name>/index.yaml                           ETag, Last-Modified, 304, gzip
Others:  registries, git, GitLab, Gitea, endoflife.date      the same lists, see protocols.py
Control: POST /_hold, POST /_release                         answers wait in between
         GET /_requests                                      what was asked so far, and how many requests wait
         GET /_log                                           each answer: when, of which host and path, status, budget
         POST /_fault {"path", "kind", "times"?, "seconds"?} kind: 404 500 403limit 403secondary 429 html half slow late
                                                             reset none; path "*": all, "host:<Host>": asked by that name
         POST /_publish {"repo", "tag", "date"?}             a new tag and its release
         POST /_publish {"index", "body"}                    a new Helm index
         POST /_publish {"product", "releases"}              the cycles of a product of endoflife.date
"""
import argparse
import collections
import datetime
import email.utils
import gzip
import hashlib
import http.server
import json
import os
import pathlib
import re
import select
import socket
import struct
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True
import protocols  # noqa: E402 (stands beside this file)

FAULTS = ("404", "500", "403limit", "403secondary", "429", "html", "half", "slow", "late", "reset", "none")
PER_PAGE_MAX = 100
GZIP_ABOVE = 1000
SLOW_SECONDS = 600
LOG_MAX = 20000
GOLDEN_REMAINING = 4987
DOCS = "https://docs.github.com/rest"


def read_tags(path):
    """Rows of a .tsv: tag, date, commit."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line]
    return [{"tag": r[0], "date": r[1], "sha": r[2]} for r in rows]


def utc(date):
    at = datetime.datetime.fromisoformat(date).astimezone(datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def as_tag(row):
    return {"name": row["tag"], "commit": {"sha": row["sha"], "url": ""}, "zipball_url": "", "tarball_url": ""}


def as_release(number, row):
    """Tags stand in for releases; one with a suffix behind its numbers is a prerelease."""
    suffix = re.search(r"\d\.\d+(\.\d+)*-[0-9A-Za-z]", row["tag"])
    return {"id": number, "tag_name": row["tag"], "name": row["tag"], "draft": False, "prerelease": bool(suffix),
            "created_at": utc(row["date"]), "published_at": utc(row["date"]), "assets": [], "body": ""}


class Recording:
    """What is served: repositories with their lists (or one raw answer), and Helm indexes by path."""

    def __init__(self):
        self.repos = {}    # "owner/name" -> {"releases": [...], "tags": [...]} or {"rawBody", "status"}
        self.indexes = {}  # "/charts/<name>/index.yaml" -> (bytes, mtime)
        self.products = {}  # of endoflife.date, name -> its cycles, where they are not made of a repository's releases
        self.remaining = None

    def add_tags(self, repo, rows):
        newest = sorted(rows, key=lambda r: utc(r["date"]), reverse=True)
        self.repos[repo] = {"tags": [as_tag(r) for r in rows],
                            "releases": [as_release(len(rows) - i, r) for i, r in enumerate(newest)]}

    @classmethod
    def of_data(cls, folder):
        r = cls()
        for path in sorted((folder / "tags").glob("*.tsv")):
            r.add_tags(path.stem.replace("__", "/").lower(), read_tags(path))
        for path in sorted((folder / "helm").glob("*/index.yaml")):
            r.indexes[f"/charts/{path.parent.name}/index.yaml"] = (path.read_bytes(), int(path.stat().st_mtime))
        return r

    @classmethod
    def of_golden(cls, folder):
        r = cls()
        known = json.loads((folder / "github.json").read_text(encoding="utf-8"))
        r.repos = {name.lower(): lists for name, lists in known.items()}
        r.remaining = GOLDEN_REMAINING
        for path in sorted((folder / "helm").glob("*/index.yaml")):
            r.indexes[f"/{path.parent.name}/index.yaml"] = (path.read_bytes(), int(path.stat().st_mtime))
        return r

    def publish(self, change):
        if "index" in change:
            prefix = "" if self.remaining else "/charts"
            self.indexes[f"{prefix}/{change['index']}/index.yaml"] = (change["body"].encode(), int(time.time()))
            return
        if "product" in change:
            self.products[change["product"]] = change["releases"]
            return
        date = change.get("date") or datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        row = {"tag": change["tag"], "date": date, "sha": hashlib.sha1(change["tag"].encode()).hexdigest()}
        lists = self.repos.setdefault(change["repo"].lower(), {"releases": [], "tags": []})
        lists["tags"] = [as_tag(row)] + lists["tags"]
        lists["releases"] = [as_release(len(lists["releases"]) + 1, row)] + lists["releases"]


class Control:
    """Holding, faults and counters, shared by all connections."""

    def __init__(self):
        self.lock = threading.Lock()
        self.go = threading.Event()
        self.go.set()
        self.waiting = 0
        self.faults = {}  # path -> [kind, times left or None, seconds]
        self.log = []
        self.paths = collections.Counter()
        self.statuses = collections.Counter()

    def wait_until_released(self):
        with self.lock:
            self.waiting += 1
        self.go.wait()
        with self.lock:
            self.waiting -= 1

    def fault_for(self, path, host):
        """(kind, seconds) or (None, 0)."""
        with self.lock:
            for key in (path, f"host:{host}", "*"):
                fault = self.faults.get(key)
                if not fault:
                    continue
                if fault[1] is not None:
                    fault[1] -= 1
                    if fault[1] <= 0:
                        del self.faults[key]
                return fault[0], fault[2]
        return None, 0

    def set_fault(self, wanted):
        kind = str(wanted["kind"])
        if kind not in FAULTS:
            raise ValueError(f"kind: expected one of {', '.join(FAULTS)}")
        with self.lock:
            self.faults.pop(wanted["path"], None)
            if kind != "none":
                self.faults[wanted["path"]] = [kind, wanted.get("times"), float(wanted.get("seconds", 0))]

    def count(self, arrived, host, path, answer):
        row = {"arrived": arrived, "at": time.time(), "host": host, "path": path, "status": answer.status,
               "limits": {k[12:]: v for k, v in answer.headers.items() if k.startswith("x-ratelimit-")}}
        with self.lock:
            self.paths[path] += 1
            self.statuses[str(answer.status)] += 1
            self.log = self.log[-LOG_MAX:] + [row]

    def counts(self):
        with self.lock:
            return {"total": sum(self.paths.values()), "paths": dict(self.paths), "statuses": dict(self.statuses),
                    "waiting": self.waiting}


class Budget:
    """Requests granted a period; one that was not modified is free with a credential."""

    def __init__(self, limit, period, fixed):
        self.lock = threading.Lock()
        self.limit, self.period, self.fixed = limit, period, fixed
        self.used, self.reset = 0, int(time.time()) + period

    def spend(self, cost):
        """Takes cost requests; gives the headers and whether it was granted."""
        with self.lock:
            now = int(time.time())
            if now >= self.reset:
                self.used, self.reset = 0, now + self.period
            granted = self.fixed is not None or self.used + cost <= self.limit
            if granted:
                self.used += cost
            remaining = self.fixed if self.fixed is not None else self.limit - self.used
            return granted, {"x-ratelimit-limit": self.limit, "x-ratelimit-remaining": remaining,
                             "x-ratelimit-used": self.used, "x-ratelimit-reset": self.reset,
                             "x-ratelimit-resource": "core"}


class Answer:
    def __init__(self, status, body=b"", headers=None):
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        self.headers = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}


def message(status, text):
    return Answer(status, {"message": text, "documentation_url": DOCS, "status": str(status)})


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "recorded-upstream"
    sys_version = ""
    disable_nagle_algorithm = True

    # ---- GitHub ----

    def authorized(self):
        """True with a credential that counts, False with a bad one, None without."""
        given = self.headers.get("Authorization", "")
        if not given:
            return None
        return self.server.token is None or given.split(" ", 1)[-1] == self.server.token

    def find_list(self, path):
        """(repository, list name, the path by which pages name it) or None."""
        m = re.fullmatch(r"/repos/(.+)/(releases|tags)", path)
        if m:
            return m[1].lower(), m[2]
        m = re.fullmatch(r"/repositories/(\d+)/(releases|tags)", path)
        names = sorted(self.server.recording.repos)
        if m and 0 < int(m[1]) <= len(names):
            return names[int(m[1]) - 1], m[2]
        return None

    def links(self, repo, kind, page, pages, per_page):
        number = sorted(self.server.recording.repos).index(repo) + 1
        base = f"http://{self.headers.get('Host', 'localhost')}/repositories/{number}/{kind}"
        wanted = {}
        if page > 1:
            wanted["prev"] = page - 1
        if page < pages:
            wanted.update({"next": page + 1, "last": pages})
        if page > 1:
            wanted["first"] = 1
        return ", ".join(f'<{base}?per_page={per_page}&page={n}>; rel="{rel}"' for rel, n in wanted.items())

    def list_page(self, repo, kind, query):
        lists = self.server.recording.repos[repo]
        if "rawBody" in lists:
            return Answer(lists["status"], lists["rawBody"].encode())
        per_page = min(max(int(query.get("per_page", ["30"])[0]), 1), PER_PAGE_MAX)
        page = max(int(query.get("page", ["1"])[0]), 1)
        items = lists[kind]
        pages = max((len(items) + per_page - 1) // per_page, 1)
        answer = Answer(200, items[(page - 1) * per_page:page * per_page])
        link = self.links(repo, kind, page, pages, per_page)
        if link:
            answer.headers["Link"] = link
        who = self.headers.get("Authorization", "").encode()
        answer.headers["ETag"] = 'W/"' + hashlib.sha256(who + link.encode() + answer.body).hexdigest() + '"'
        return answer

    def github(self, path, query):
        if not self.headers.get("User-Agent"):
            return Answer(403, b"Request forbidden by administrative rules. Please make sure your request has a "
                               b"User-Agent header.\r\n", {"Content-Type": "text/plain"})
        authorized = self.authorized()
        if authorized is False:
            return message(401, "Bad credentials")
        found = self.find_list(path)
        known = found and found[0] in self.server.recording.repos
        answer = self.list_page(*found, query) if known else message(404, "Not Found")
        etag = answer.headers.get("ETag")
        unchanged = etag is not None and self.headers.get("If-None-Match") == etag
        if unchanged:
            answer.status, answer.body = 304, b""
        granted, limits = self.server.budget.spend(0 if unchanged and authorized else 1)
        if not granted:
            answer = message(403, f"API rate limit exceeded for {self.client_address[0]}.")
        answer.headers.update(limits)
        return answer

    # ---- Helm ----

    def helm(self, path):
        body, modified = self.server.recording.indexes[path]
        etag = '"' + hashlib.sha256(body).hexdigest()[:32] + '"'
        answer = Answer(200, body, {"Content-Type": "text/yaml", "ETag": etag,
                                    "Last-Modified": email.utils.formatdate(modified, usegmt=True)})
        known = self.headers.get("If-None-Match")
        since = email.utils.parsedate_to_datetime(self.headers["If-Modified-Since"]).timestamp() \
            if "If-Modified-Since" in self.headers and not known else -1
        if known == etag or since >= modified:
            answer.status, answer.body = 304, b""
        return answer

    # ---- control ----

    def control(self, path):
        control = self.server.control
        length = int(self.headers.get("Content-Length") or 0)
        given = self.rfile.read(length)
        if path == "/_requests" and self.command == "GET":
            return Answer(200, control.counts())
        if path == "/_log" and self.command == "GET":
            return Answer(200, control.log)
        if self.command != "POST":
            return message(405, "expected POST")
        try:
            if path == "/_hold":
                control.go.clear()
            elif path == "/_release":
                control.go.set()
            elif path == "/_fault":
                control.set_fault(json.loads(given))
            elif path == "/_publish":
                self.server.recording.publish(json.loads(given))
            else:
                return message(404, "Not Found")
        except (ValueError, KeyError) as problem:
            return message(400, str(problem))
        return Answer(200, {})

    # ---- answering ----

    def faulty(self, kind, seconds, answer):
        """The answer that a fault makes of a good one; half, slow and reset are made while it is sent."""
        if kind == "late":
            time.sleep(seconds)
        if kind == "404":
            return message(404, "Not Found")
        if kind == "500":
            return message(500, "Server Error")
        if kind == "html":
            return Answer(200, b"<!DOCTYPE html><html><body>login</body></html>", {"Content-Type": "text/html"})
        if kind == "403limit":
            limited = message(403, f"API rate limit exceeded for {self.client_address[0]}.")
            limited.headers.update({"x-ratelimit-limit": self.server.budget.limit, "x-ratelimit-remaining": 0,
                                    "x-ratelimit-reset": int(time.time()) + 600, "x-ratelimit-resource": "core"})
            return limited
        if kind in ("403secondary", "429"):
            told_off = message(int(kind[:3]), "You have exceeded a secondary rate limit.")
            told_off.headers.update({k: v for k, v in answer.headers.items() if k.startswith("x-ratelimit-")})
            told_off.headers["Retry-After"] = int(seconds)
            return told_off
        return answer

    def wants_gzip(self, answer):
        return len(answer.body) > GZIP_ABOVE and "gzip" in self.headers.get("Accept-Encoding", "")

    def send(self, answer, kind=None):
        body = answer.body
        if self.wants_gzip(answer):
            body = gzip.compress(body, 6, mtime=0)
            answer.headers["Content-Encoding"] = "gzip"
        answer.headers["Vary"] = "Accept-Encoding"
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, str(value))
        if answer.status != 304:
            self.send_header("Content-Length", str(len(body)))
        sent = body[:len(body) // 2] if kind in ("half", "slow", "reset") else body
        self._headers_buffer.append(b"\r\n" + (b"" if self.command == "HEAD" else sent))
        self.flush_headers()
        if kind in ("half", "slow", "reset"):
            self.close_connection = True
        if kind == "slow":
            select.select([self.connection], [], [], SLOW_SECONDS)
        if kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def answer(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path.startswith("/_"):
            self.send(self.control(url.path))
            return
        arrived, host = time.time(), self.headers.get("Host", "")
        self.server.control.wait_until_released()
        kind, seconds = self.server.control.fault_for(url.path, host)
        query = urllib.parse.parse_qs(url.query)
        other = protocols.answer(self, url.path, query)
        if url.path in self.server.recording.indexes:
            answer = self.helm(url.path)
        elif other:
            answer = Answer(*other)
        else:
            answer = self.github(url.path, query)
        answer = self.faulty(kind, seconds, answer)
        self.server.control.count(arrived, host, url.path, answer)
        self.send(answer, kind)

    do_GET = do_HEAD = do_POST = answer

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        if self.server.verbose:
            super().log_message(format, *args)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, recording, options):
        super().__init__(address, Upstream)
        self.recording = recording
        self.control = Control()
        self.budget = Budget(options.rate_limit, options.rate_period, recording.remaining)
        self.token, self.verbose = options.token, options.verbose
        self.registry_secret = options.registry_secret

    def handle_error(self, request, client_address):
        """Clients that go away while they are answered are part of the tests."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def read_options():
    here = pathlib.Path(__file__).resolve().parent
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bind", default="127.0.0.1", help="address to listen on")
    p.add_argument("--port", type=int, default=0, help="0: any free one")
    p.add_argument("--ready-file", type=pathlib.Path, help="gets the base URL once the server listens")
    p.add_argument("--data", type=pathlib.Path, default=here / "data", help="folder with tags/ and helm/")
    p.add_argument("--golden", type=pathlib.Path, help="folder with github.json and helm/, served instead of --data")
    p.add_argument("--token", help="the one token that counts; any does when it is not given")
    p.add_argument("--registry-secret", help="the registry hands out tokens signed with this and wants them")
    p.add_argument("--rate-limit", type=int, default=5000, help="GitHub requests a period")
    p.add_argument("--rate-period", type=int, default=3600, help="seconds until that many are granted again")
    p.add_argument("--verbose", action="store_true", help="log each request")
    return p.parse_args()


def main():
    options = read_options()
    recording = Recording.of_golden(options.golden) if options.golden else Recording.of_data(options.data)
    server = Server((options.bind, options.port), recording, options)
    url = f"http://{options.bind}:{server.server_address[1]}"
    if options.ready_file:
        made = options.ready_file.with_name(options.ready_file.name + ".new")
        made.write_text(url + "\n", encoding="utf-8")
        os.replace(made, options.ready_file)
    print(f"recorded upstream at {url}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
