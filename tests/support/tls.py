#!/usr/bin/python3
"""TLS servers for tests of clients, with certificates made now: tls.py FOLDER, ends with its standard input.

FOLDER gets ca.pem, other-ca.pem, client.pem and client.key; "PORT NAMED_PORT" is printed once both listen:
PORT has a certificate for 127.0.0.1 and asks for none; NAMED_PORT has one for kube.example and demands the client's.
GET /go leads to /there, /away to PORT's /there; all else says "PATH host=HOST sni=NAME client=NAME".
"""
import http.server
import os
import ssl
import subprocess
import sys
import threading

FOLDER = sys.argv[1]


def path(name):
    return os.path.join(FOLDER, name)


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", path(f"{name}.key"), "-out", path(f"{name}.pem"))


def certificate(name, alternative):
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", path(f"{name}.key"), "-out", path(f"{name}.csr"))
    with open(path(f"{name}.ext"), "w", encoding="utf-8") as f:
        f.write(f"subjectAltName={alternative}\n")
    openssl("x509", "-req", "-in", path(f"{name}.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial", "-days", "2",
            "-extfile", path(f"{name}.ext"), "-out", path(f"{name}.pem"))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        names = dict(pair[0] for pair in (self.connection.getpeercert() or {}).get("subject", ()))
        body = f"{self.path} host={self.headers.get('Host')} sni={getattr(self.connection, 'asked', None)} client={names.get('commonName')}"
        self.send_response(302 if self.path in ("/go", "/away") else 200)
        if self.path == "/go":
            self.send_header("Location", "/there")
        if self.path == "/away":
            self.send_header("Location", f"https://127.0.0.1:{plain.server_port}/there")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, name, demand):
        super().__init__(("127.0.0.1", 0), Handler)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(path(f"{name}.pem"), path(f"{name}.key"))
        self.context.load_verify_locations(path("ca.pem"))
        self.context.verify_mode = ssl.CERT_REQUIRED if demand else ssl.CERT_OPTIONAL
        self.context.sni_callback = lambda connection, asked, _: setattr(connection, "asked", asked)

    def finish_request(self, request, client_address):
        with self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request, client_address):
        pass


authority("ca")
authority("other-ca")
certificate("server", "IP:127.0.0.1")
certificate("named", "DNS:kube.example")
certificate("client", "DNS:client")
plain, named = Server("server", False), Server("named", True)
for server in (plain, named):
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(plain.server_port, named.server_port, flush=True)
sys.stdin.read()
