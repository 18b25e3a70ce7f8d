"""A small NATS client for tests: publish, request, and JetStream's API by hand; what the services use is nats.c."""
import base64
import json
import socket
import ssl
import uuid


class Nats:
    def __init__(self, port, user=None, password=None, timeout=10, ca=None, inbox="_INBOX"):
        """ca: file of the authorities that the server is checked against, then the connection is TLS."""
        self.inbox = inbox
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        while self.socket.recv(1) not in (b"\n", b""):
            pass  # INFO; byte by byte, since TLS may begin right behind it
        if ca:
            self.socket = ssl.create_default_context(cafile=ca).wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.file = self.socket.makefile("rb")
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "lang": "python", "version": "0"}
        if user:
            options.update(user=user, **{"pass": password})
        self.send(f"CONNECT {json.dumps(options)}\r\nPING\r\n".encode())
        self.sid = 0
        while True:
            line = self.file.readline()
            if line.startswith(b"PONG"):
                return
            if line.startswith(b"-ERR") or not line:
                self.close()
                raise OSError(f"nats: {line!r}")

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def publish(self, subject, data, reply=""):
        self.send(f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n")

    def publish_with_headers(self, subject, headers, data, reply=""):
        head = ("NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n").encode()
        self.send(f"HPUB {subject} {reply} {len(head)} {len(head) + len(data)}\r\n".encode() + head + data + b"\r\n")

    def subscribe(self, subject):
        self.sid += 1
        self.send(f"SUB {subject} {self.sid}\r\n".encode())
        return self.sid

    def refusals(self):
        """What the server refused of all that was sent, up to now: its lines."""
        self.send(b"PING\r\n")
        out = []
        while True:
            line = self.file.readline()
            if line.startswith(b"PONG"):
                return out
            if not line:
                raise OSError(f"nats: closed, after {out}")
            if line.startswith(b"-ERR"):
                out.append(line.decode().strip())
            elif line.startswith((b"MSG", b"HMSG")):
                self.file.read(int(line.split()[-1]) + 2)

    def next(self):
        """The next message: (subject, headers, data)."""
        subject, _, headers, data = self.next_with_reply()
        return subject, headers, data

    def next_with_reply(self):
        while True:
            line = self.file.readline()
            if not line:
                raise OSError("nats: closed")
            if line.startswith(b"PING"):
                self.send(b"PONG\r\n")
            elif line.startswith(b"MSG"):
                words = line.split()
                data = self.file.read(int(words[-1]) + 2)[:-2]
                return words[1].decode(), words[3].decode() if len(words) == 5 else "", {}, data
            elif line.startswith(b"HMSG"):
                words = line.split()
                head, total = int(words[-2]), int(words[-1])
                raw = self.file.read(total + 2)[:-2]
                return words[1].decode(), words[3].decode() if len(words) == 6 else "", parse_headers(raw[:head]), raw[head:]

    def request(self, subject, data=b""):
        inbox = f"{self.inbox}.{uuid.uuid4().hex}"
        sid = self.subscribe(inbox)
        self.publish(subject, data, inbox)
        answer = self.next()
        while answer[0] != inbox:  # of something that was unsubscribed from
            answer = self.next()
        self.send(f"UNSUB {sid}\r\n".encode())
        return answer

    def js(self, call, body=None):
        _, headers, data = self.request(f"$JS.API.{call}", json.dumps(body).encode() if body is not None else b"")
        if not data:
            raise OSError(f"nats: {call}: {headers}")
        return json.loads(data)

    def stream(self, name):
        return self.js(f"STREAM.INFO.{name}")

    def messages(self, stream):
        """Every message that the stream holds now: [(sequence, subject, headers, data)], by a consumer that acknowledges nothing."""
        count = self.stream(stream)["state"]["messages"]
        if not count:
            return []
        inbox, answer = (f"{self.inbox}.{uuid.uuid4().hex}" for _ in range(2))
        sids = [self.subscribe(inbox), self.subscribe(answer)]
        config = {"deliver_subject": inbox, "ack_policy": "none", "deliver_policy": "all", "replay_policy": "instant"}
        self.publish(f"$JS.API.CONSUMER.CREATE.{stream}", json.dumps({"stream_name": stream, "config": config}).encode(), answer)
        out = []
        while len(out) < count:
            subject, reply, headers, data = self.next_with_reply()
            if reply.startswith("$JS.ACK."):
                out.append((int(reply.split(".")[5]), subject, headers, data))
            elif subject == answer and "error" in json.loads(data):
                raise OSError(f"nats: consumer on {stream}: {data!r}")
        for sid in sids:
            self.send(f"UNSUB {sid}\r\n".encode())
        return out

    def last(self, stream, subject):
        """The last message of a subject: (headers, data), or None."""
        answer = self.js(f"STREAM.MSG.GET.{stream}", {"last_by_subj": subject})
        if "error" in answer:
            return None
        m = answer["message"]
        return parse_headers(base64.b64decode(m.get("hdrs", ""))), base64.b64decode(m.get("data", ""))


def parse_headers(raw):
    lines = raw.decode(errors="replace").split("\r\n")[1:]
    return {k.strip(): v.strip() for k, v in (line.split(":", 1) for line in lines if ":" in line)}
