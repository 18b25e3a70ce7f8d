"""Many clients posting at once, which remember what was acknowledged."""
import http.client
import json
import threading
import time
import urllib.parse

from support.stack import TOKEN


class Poster(threading.Thread):
    """One connection; works through bodies, trying each again until it got 202 (or 4xx, kept as an error)."""

    def __init__(self, urls, bodies, deadline_s=120):
        super().__init__(daemon=True)
        self.urls, self.bodies, self.end = urls, bodies, time.monotonic() + deadline_s
        self.acknowledged, self.errors, self.retries = [], [], 0

    def run(self):
        connection = None
        try:
            connection = self.post_each()
        finally:
            if connection:
                connection.close()

    def post_each(self):
        connection, at = None, 0
        for body in self.bodies:
            data = json.dumps(body)
            while time.monotonic() < self.end:
                try:
                    if connection is None:
                        parts = urllib.parse.urlsplit(self.urls[at % len(self.urls)])
                        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
                    connection.request("POST", "/api/v1alpha1/agents", body=data, headers={"Authorization": f"Bearer {TOKEN}"})
                    response = connection.getresponse()
                    text = response.read()
                    if response.status == 202:
                        self.acknowledged.append(body)
                        break
                    if response.status < 500:
                        self.errors.append((response.status, text))
                        break
                except (OSError, http.client.HTTPException):
                    pass
                if connection:
                    connection.close()
                connection, at = None, at + 1
                self.retries += 1
                time.sleep(0.02)  # between tries
            else:
                self.errors.append(("deadline", data[:100]))
        return connection


def post_all(urls, lists_of_bodies, during=None):
    """Each list on a connection of its own, at once; during(posters) runs meanwhile. The posters, all ended."""
    posters = [Poster(urls, bodies) for bodies in lists_of_bodies]
    for p in posters:
        p.start()
    if during:
        during(posters)
    for p in posters:
        p.join()
    errors = [e for p in posters for e in p.errors]
    if errors:
        raise AssertionError(f"{len(errors)} posts failed: {errors[:3]}")
    return posters
