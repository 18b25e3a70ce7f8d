"""A server that does wrong on purpose: raw sockets, a thread per connection, an answer for each path written as the bytes to send.

An answer is a function of (connection, request); what it sends is counted, so that a test can tell how much a client let itself
be pushed. Nothing here waits longer than its client does."""
import gzip
import hashlib
import json
import select
import socket
import ssl
import struct
import threading
import urllib.parse
import zlib

CHUNK = 64 * 1024


class Request:
    def __init__(self, raw):
        head = raw.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")
        self.method, self.path = (head[0].split(" ") + ["", ""])[:2]
        self.headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in head[1:] if ":" in line)}


class Connection:
    """What an answer writes to; Gone once the client has closed."""

    class Gone(Exception):
        pass

    def __init__(self, sock):
        self.sock, self.sent = sock, 0

    def send(self, data):
        try:
            self.sock.sendall(data)
            self.sent += len(data)
        except OSError:
            raise Connection.Gone from None

    def wait(self, seconds=None):
        """Until the client goes, or that long."""
        if select.select([self.sock], [], [], seconds)[0]:
            try:
                if not self.sock.recv(1):
                    raise Connection.Gone
            except OSError:
                raise Connection.Gone from None

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class FaultServer:
    """Answers is {path: answer}, "*" for all others; a path's answer may be replaced at any time. Counts by path: .requests and .sent."""

    def __init__(self, answers=None, tls=None, host="127.0.0.1"):
        self.answers, self.requests, self.sent, self.lock = dict(answers or {}), [], {}, threading.Lock()
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.listener = socket.create_server((host, 0), backlog=128)
        self.host = host
        self.port = self.listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://{host}:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
            raw = b""
            while b"\r\n\r\n" not in raw:
                piece = sock.recv(CHUNK)
                if not piece:
                    return
                raw += piece
            request, connection = Request(raw), Connection(sock)
            left = int(request.headers.get("content-length", 0)) - len(raw.split(b"\r\n\r\n", 1)[1])
            while left > 0 and (piece := sock.recv(CHUNK)):
                left -= len(piece)
            with self.lock:
                self.requests.append(request)
            try:
                (self.answers.get(request.path.split("?")[0]) or self.answers.get("*") or answer(404))(connection, request)
            except Connection.Gone:
                pass
            with self.lock:
                self.sent[request.path.split("?")[0]] = self.sent.get(request.path.split("?")[0], 0) + connection.sent
        except OSError:
            pass
        finally:
            sock.close()

    def asked(self, path):
        with self.lock:
            return [r for r in self.requests if r.path.split("?")[0] == path]


# ---- answers

def head(status, *lines):
    return "\r\n".join([f"HTTP/1.1 {status} X", "Connection: close", *lines, "", ""]).encode()


def answer(status, body=b"", *lines, media="application/json"):
    """An honest one."""
    def send(c, _):
        c.send(head(status, f"Content-Type: {media}", f"Content-Length: {len(body)}", *lines) + body)
    return send


def tags(names, *lines):
    return answer(200, json.dumps([{"name": n} for n in names]).encode(), *lines)


def raw(*pieces, end="close"):
    """Bytes as they are, then: close, reset or stall."""
    def send(c, _):
        for piece in pieces:
            c.send(piece)
        if end == "stall":
            while True:
                c.wait()
        if end == "reset":
            c.reset()
    return send


def drip(before, piece, every_s):
    """Always progress, never an end."""
    def send(c, _):
        c.send(before)
        while True:
            c.send(piece)
            c.wait(every_s)
    return send


def endless(before, piece):
    def send(c, _):
        c.send(before)
        while True:
            c.send(piece)
    return send


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def zipped(pieces):
    """gzip of pieces, as it is made."""
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    for piece in pieces:
        data = z.compress(piece)
        if data:
            yield data
    yield z.flush()


def bomb(first, piece, times):
    """A few bytes that are many when unpacked."""
    made = b"".join(zipped([first, *[piece] * times]))
    return answer(200, made, "Content-Encoding: gzip")


def squeezed(body):
    return gzip.compress(body)


def redirect(to, status=302):
    return answer(status, b"", f"Location: {to}")


def in_turn(*answers):
    """One after another, the last one again and again."""
    left, lock = list(answers), threading.Lock()

    def send(c, request):
        with lock:
            now = left.pop(0) if len(left) > 1 else left[0]
        now(c, request)
    return send


def paged(names, per_page=100):
    """What names() gives, page by page, as GitHub does: Link, ETag, 304."""
    def send(c, request):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        page, everything = int(query.get("page", ["1"])[0]), names()
        body = json.dumps([{"name": n} for n in everything[(page - 1) * per_page:page * per_page]]).encode()
        path = request.path.split("?")[0]
        more = [f'Link: <{path}?page={page + 1}>; rel="next"'] if page * per_page < len(everything) else []
        etag = f'"{hashlib.sha256(body + str(more).encode()).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            c.send(head(304, f"ETag: {etag}", *more))
        else:
            answer(200, body, f"ETag: {etag}", *more)(c, request)
    return send
