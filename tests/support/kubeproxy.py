"""A proxy between collector and API server that does on demand what real networks and servers do, and notes what was asked."""
import asyncio
import contextlib
import json
import pathlib
import re
import shutil
import ssl
import tempfile
import threading
import time
import urllib.parse

from support import kubefaults
from support.kube import write_kubeconfig
from support.kubefaults import Cut
from support.pki import Pki
from support.stack import DEADLINE_S, free_ports

PIECE_BYTES = 1 << 16
HEAD_BYTES_MAX = 1 << 20
WATCH_CLIENT_S = 0.1
ANSWERED_BY_LENGTH = ("content-length", "transfer-encoding", "connection")


class Seen:
    """One request: method, path, query (one value a name), headers (lower case); status and bytes of the body that went
    back so far (status None: none), open while it lasts, rule: what was done to it, or None."""

    def __init__(self, method, target, headers):
        self.method, self.headers = method, headers
        parts = urllib.parse.urlsplit(target)
        self.path, self.query = parts.path, dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        self.status, self.bytes, self.open, self.rule = None, 0, True, None
        self.started = time.monotonic()

    @property
    def watch(self):
        return self.query.get("watch") in ("1", "true")

    def __repr__(self):
        return f"{self.method} {self.path}?{urllib.parse.urlencode(self.query)} -> {self.status}, {self.bytes} bytes"


class Match:
    """method: equal; path: a regular expression found in it; watch: whether it is one; query: name to value, True (there)
    or False (absent); token: the bearer's. What is left out matches everything."""

    def __init__(self, path=None, method=None, watch=None, query=None, token=None):
        self.path, self.method, self.watch, self.query = path and re.compile(path), method, watch, query or {}
        self.token = token

    def takes(self, seen):
        return ((self.token is None or seen.headers.get("authorization") == f"Bearer {self.token}")
                and (self.path is None or self.path.search(seen.path) is not None)
                and self.method in (None, seen.method) and self.watch in (None, seen.watch)
                and all((name in seen.query) is want if isinstance(want, bool) else seen.query.get(name) == want
                        for name, want in self.query.items()))


class Rule:
    """What happens to the next `times` matching requests (None: to all). answer: (status, headers, body) instead of the
    server's; fault: on the server's body; without: query parameters that are dropped; before: nothing is sent until then."""

    def __init__(self, match, times, answer=None, fault=None, without=None, before=None):
        self.match, self.left, self.hits = match, times, 0
        self.answer, self.fault, self.without, self.before = answer, fault, without, before
        self.release = lambda: None


class KubeProxy(contextlib.AbstractContextManager):
    """Listens with a certificate of its own on `url`; credentials in headers pass through to the server `kube`. Each rule
    method takes Match's arguments and `times`, and returns the Rule; of several the oldest that matches is applied."""

    def __init__(self, kube):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="opvic-kubeproxy-"))
        self.pki = Pki(self.folder, "proxy-ca")
        self.ca = self.pki.ca
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(*self.pki.server("proxy"))
        self.kube_port, self.kube_tls = kube.port, ssl.create_default_context(cafile=kube.ca)
        self.port = free_ports(1)[0]
        self.url = f"https://127.0.0.1:{self.port}"
        self.lock = threading.Lock()
        self.rules, self.requests, self.surprises = [], [], []
        self.clients = {}  # a connection's writer -> the request that it is in
        self.server = None
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda loop, context: None)  # cut connections
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.thawed = asyncio.Event()
        self.thaw()
        self.up()

    def __exit__(self, kind, error, trace):
        self.down()
        self._run(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.surprises and kind is None:
            raise AssertionError(f"the proxy failed itself: {self.surprises[:3]}")

    async def _cancel_all(self):
        others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(DEADLINE_S)

    def kubeconfig(self, token, name="kubeconfig"):
        """The file by which a collector comes through this proxy."""
        return write_kubeconfig(self.folder / name, self.url, self.ca, token=token)

    # ---- rules

    def _rule(self, match, times=None, **what):
        rule = Rule(Match(**match), times, **what)
        with self.lock:
            self.rules.append(rule)
        return rule

    def remove(self, rule):
        with self.lock:
            self.rules.remove(rule)

    def clear(self):
        with self.lock:
            self.rules.clear()

    def answer(self, code, retry_after=None, message=None, times=None, **match):
        """Instead of the server: a Status with that code."""
        headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
        body = json.dumps(kubefaults.status_object(code, message or f"the test's {code}")).encode()
        return self._rule(match, times, answer=(code, headers, body))

    def forbid(self, resource, times=None):
        """403 for that resource, as RBAC says it."""
        return self.answer(403, message=f'{resource} is forbidden: User "agent" cannot list resource "{resource}"', times=times,
                           path=f"/{resource}(/|$)")

    def refuse_initial_events(self, times=None, **match):
        """As a server of 1.27 to 1.31, or one whose etcd is old."""
        query = {**match.pop("query", {}), "sendInitialEvents": True}
        return self.answer(422, message=kubefaults.OLD_SERVER, times=times, query=query, **match)

    def ignore_initial_events(self, times=None, **match):
        """As a server before 1.27, which does not know the parameter: what exists comes, the bookmark behind it does not."""
        query = {**match.pop("query", {}), "sendInitialEvents": True}
        return self._rule({**match, "query": query}, times, without=("sendInitialEvents", "resourceVersionMatch"),
                          fault=kubefaults.drop_lines(b"k8s.io/initial-events-end"))

    def error_event(self, code=410, after_lines=0, times=None, **match):
        """That many events pass, then an ERROR event, then the stream ends."""
        event = kubefaults.error_event(code, "too old resource version: 1 (2)")
        return self._rule({"watch": True, **match}, times, fault=kubefaults.end_with(after_lines, event))

    def end(self, after_lines=0, times=None, **match):
        """That many events pass, then the stream ends as at the server's timeout."""
        return self._rule({"watch": True, **match}, times, fault=kubefaults.end_with(after_lines))

    def end_in_line(self, lines, times=None, **match):
        """That many events pass, then half of the next, then the stream ends as at the server's timeout."""
        return self._rule({"watch": True, **match}, times, fault=kubefaults.end_in_line(lines))

    def instead(self, code, body, content_type="text/html", times=None, **match):
        """What something that is no API server says in its place."""
        return self._rule(match, times, answer=(code, {"Content-Type": content_type}, body))

    def cut(self, after=0, times=None, **match):
        """The connection is reset behind that many bytes of the body."""
        return self._rule(match, times, fault=kubefaults.cut_after(after))

    def cut_in_line(self, lines, times=None, **match):
        """That many lines of the body pass, then half of the next, then the connection is reset."""
        return self._rule(match, times, fault=kubefaults.cut_in_line(lines))

    def slow(self, bytes_per_s, times=None, **match):
        return self._rule(match, times, fault=kubefaults.slow_to(bytes_per_s))

    def stall(self, after=0, times=None, **match):
        """Nothing more behind that many bytes of the body (None: not even the head) until rule.release()."""
        released = asyncio.Event()
        if after is None:
            rule = self._rule(match, times, before=released)
        else:
            rule = self._rule(match, times, fault=kubefaults.stall_after(after, released))
        rule.release = lambda: self.loop.call_soon_threadsafe(released.set)
        return rule

    # ---- what concerns connections that exist

    def cut_now(self, **match):
        """Resets the connections whose request matches, without arguments the idle ones too; how many."""
        wanted = Match(**match)

        async def cut():
            hit = [w for w, seen in self.clients.items() if (wanted.takes(seen) if seen else not match)]
            for writer in hit:
                writer.transport.abort()
            return len(hit)
        return self._run(cut())

    def freeze(self):
        """No byte of any answer goes on, as when a load balancer forgot the connection; until thaw()."""
        self.loop.call_soon_threadsafe(self.thawed.clear)

    def thaw(self):
        self.loop.call_soon_threadsafe(self.thawed.set)

    def down(self):
        """Nobody listens; every connection is reset."""
        async def down():
            if self.server:
                self.server.close()
            self.server = None
            for writer in list(self.clients):
                writer.transport.abort()
        self._run(down())

    def up(self):
        async def up():
            self.server = await asyncio.start_server(self._client, "127.0.0.1", self.port, ssl=self.tls, limit=HEAD_BYTES_MAX)
        self._run(up())

    # ---- what was asked

    def seen(self, **match):
        """The requests so far that match, oldest first."""
        wanted = Match(**match)
        with self.lock:
            return [s for s in self.requests if wanted.takes(s)]

    def open(self, **match):
        """Those that go on now."""
        return [s for s in self.seen(**match) if s.open]

    def forget(self):
        """Forgets the requests that are over."""
        with self.lock:
            self.requests = [s for s in self.requests if s.open]

    def bytes(self):
        """Of all bodies that went back."""
        with self.lock:
            return sum(s.bytes for s in self.requests)

    # ---- a connection

    async def _client(self, reader, writer):
        self.clients[writer] = None
        try:
            while await self._request(reader, writer):
                self.clients[writer] = None
            writer.close()
        except (Cut, OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
        except Exception as e:  # a mistake in here, told at the end
            self.surprises.append(repr(e))
            writer.transport.abort()
        finally:
            del self.clients[writer]

    async def _request(self, reader, writer):
        """False when the client is done."""
        try:
            first, headers, raw = await read_head(reader)
        except asyncio.IncompleteReadError as e:
            if e.partial:
                raise
            return False
        method, target, _ = first.split(" ", 2)
        body = b"".join([piece async for piece in body_of(reader, headers, 0)])
        seen = Seen(method, target, headers)
        with self.lock:
            self.requests.append(seen)
            rule = seen.rule = self._take(seen)
        self.clients[writer] = seen
        work = asyncio.ensure_future(self._respond(seen, rule, method, target, raw, body, writer))
        watch = asyncio.ensure_future(client_leaves(reader, writer))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Cut
            return work.result()
        finally:
            seen.open = False
            for task in (work, watch):
                task.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)

    def _take(self, seen):
        for rule in self.rules:
            if rule.left != 0 and rule.match.takes(seen):
                rule.hits += 1
                if rule.left is not None:
                    rule.left -= 1
                return rule
        return None

    async def _respond(self, seen, rule, method, target, raw, body, writer):
        if rule and rule.before:
            await rule.before.wait()
        if rule and rule.answer:
            code, headers, text = rule.answer
            await self._write_head(seen, writer, f"HTTP/1.1 {code} Test", {"Content-Type": "application/json", **headers}, len(text))
            await self._write(seen, writer, text)
            return True
        if rule and rule.without:
            target = without_parameters(target, rule.without)
        return await self._forward(seen, rule, method, target, raw, body, writer)

    async def _forward(self, seen, rule, method, target, raw, body, writer):
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.kube_port, ssl=self.kube_tls, limit=HEAD_BYTES_MAX)
        try:
            up_writer.write(request_head(method, target, raw, len(body)) + body)
            await up_writer.drain()
            first, headers, raw = await read_head(up_reader)
            kept = {k: v for k, v in raw if k.lower() not in ANSWERED_BY_LENGTH}
            fault = rule.fault if rule and rule.fault else kubefaults.whole
            known = int(headers["content-length"]) if "content-length" in headers and fault is kubefaults.whole else None
            await self._write_head(seen, writer, first, kept, known)
            async for piece in fault(body_of(up_reader, headers, None)):
                await self._write(seen, writer, piece, chunked=known is None)
            if known is None:
                writer.write(b"0\r\n\r\n")
            await writer.drain()
            return True
        finally:
            up_writer.transport.abort()

    async def _write_head(self, seen, writer, first, headers, length):
        framing = {"Content-Length": str(length)} if length is not None else {"Transfer-Encoding": "chunked"}
        await self.thawed.wait()
        seen.status = int(first.split(" ")[1])
        writer.write("".join([first, "\r\n", *(f"{k}: {v}\r\n" for k, v in {**headers, **framing}.items()), "\r\n"]).encode("latin-1"))
        await writer.drain()

    async def _write(self, seen, writer, piece, chunked=False):
        if not piece:
            return
        await self.thawed.wait()
        seen.bytes += len(piece)
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        await writer.drain()


async def client_leaves(reader, writer):
    """Ends when the client closed its side; a client does not send ahead while it waits."""
    while not reader.at_eof() and not writer.is_closing():
        await asyncio.sleep(WATCH_CLIENT_S)


async def read_head(reader):
    """(first line, headers in lower case, headers as they are)."""
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = text[:-4].split("\r\n")
    raw = [tuple(line.split(": ", 1)) if ": " in line else tuple(line.split(":", 1)) for line in lines]
    return first, {k.lower(): v for k, v in raw}, raw


async def body_of(reader, headers, default):
    """The body's pieces as they come; default: its length where none is said, None for up to the end of the connection."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        async for piece in chunks_of(reader):
            yield piece
        return
    left = int(headers["content-length"]) if "content-length" in headers else default
    while left != 0:
        piece = await reader.read(PIECE_BYTES if left is None else min(PIECE_BYTES, left))
        if not piece and left is None:
            return
        if not piece:
            raise Cut
        if left is not None:
            left -= len(piece)
        yield piece


async def chunks_of(reader):
    while True:
        left = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if left == 0:
            await reader.readuntil(b"\r\n")
            return
        while left:
            piece = await reader.read(min(PIECE_BYTES, left))
            if not piece:
                raise Cut
            left -= len(piece)
            yield piece
        await reader.readexactly(2)


def request_head(method, target, raw, length):
    kept = [(k, v) for k, v in raw if k.lower() not in (*ANSWERED_BY_LENGTH, "expect")]
    framing = [("Connection", "close")] + ([("Content-Length", str(length))] if length else [])
    return "".join([f"{method} {target} HTTP/1.1\r\n", *(f"{k}: {v}\r\n" for k, v in kept + framing), "\r\n"]).encode("latin-1")


def without_parameters(target, names):
    parts = urllib.parse.urlsplit(target)
    query = [(k, v) for k, v in urllib.parse.parse_qsl(parts.query, keep_blank_values=True) if k not in names]
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query)))
