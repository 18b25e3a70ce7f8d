"""Steady load on a control plane: readers that count what failed, a writer that knows what was accepted."""
import http.client
import threading
import time

from support.stack import post, report, request, until

AGENT, TRACKERS = "load", 10
READ = "/api/v1alpha1/agents/prod-eu/coredns/versions"


class Load:
    """Between with and its end; base is the url that is asked, with a token."""

    def __init__(self, base, token, readers=2):
        self.url, self.token = base, token
        self.stopping = threading.Event()
        self.reads, self.failed_reads, self.slowest_s = 0, [], 0.0
        self.accepted, self.tried, self.posts, self.refused = {}, {}, 0, 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.read) for _ in range(readers)] + [threading.Thread(target=self.write)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def read(self):
        while not self.stopping.wait(0.02):
            began = time.monotonic()
            try:
                answer = request(self.url, "GET", READ, token=self.token, timeout=30)
                failure = None if answer.status == 200 and answer.json()["latestVersion"] == "1.14.7" else \
                    f"{answer.status} {answer.text()[:200]}"
            except (OSError, http.client.HTTPException, ValueError) as e:
                failure = repr(e)
            with self.lock:
                self.reads += 1
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                if failure:
                    self.failed_reads.append(failure)

    def write(self):
        n = 0
        while not self.stopping.wait(0.02):
            n += 1
            tracker, version = f"tracker-{n % TRACKERS}", f"1.0.{n}"
            self.tried[tracker] = version
            while not self.stopping.is_set():
                if self.try_post(report(AGENT, tracker, {version: 1})):
                    self.accepted[tracker] = version
                    break
                self.stopping.wait(0.1)

    def try_post(self, body):
        try:
            stored = post(self, body, token=self.token, timeout=30).status == 202
        except (OSError, http.client.HTTPException):
            stored = False
        with self.lock:
            self.posts += stored
            self.refused += not stored
        return stored

    def take_failed(self):
        """The reads that failed since the last call."""
        with self.lock:
            failed, self.failed_reads = self.failed_reads, []
        return failed

    def wait_progress(self, deadline_s):
        """Reads and writes go on: some more of both from here."""
        with self.lock:
            reads, posts = self.reads, self.posts
        until("reads and writes go on", lambda: self.reads > reads + 5 and self.posts > posts + 2, deadline_s)

    def lost(self):
        """Trackers whose last accepted report, or a later one without an answer, is not shown: {tracker: (accepted, shown)}."""
        out = {}
        for tracker, version in self.accepted.items():
            answer = request(self.url, "GET", f"/api/v1alpha1/agents/{AGENT}/{tracker}", token=self.token)
            shown = answer.json().get("uniqVersions") if answer.status == 200 else answer.status
            if shown not in ([version], [self.tried[tracker]]):
                out[tracker] = (version, shown)
        return out
