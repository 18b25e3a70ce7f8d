"""Real upstreams on free ports: Debian's docker-registry, a token server for it, git's http-backend behind lighttpd, and a
Helm repository served by nginx."""
import base64
import hashlib
import http.client
import http.server
import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

from support.pki import openssl
from support.stack import Process, free_ports, skip, until

GIT_BACKEND = pathlib.Path("/usr/lib/git-core/git-http-backend")


def program(name, package):
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    return found or skip(f"{name} not found: install {package}")


def listens(port):
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


class Registry:
    """docker-registry with a folder of its own. auth: lines of YAML; tls: (certificate, key, authority)."""

    def __init__(self, stack, name, auth="", tls=None):
        self.stack, self.tls = stack, tls
        self.port, = free_ports(1)
        self.host = f"127.0.0.1:{self.port}"
        self.folder = stack.folder / name
        secured = f"  tls:\n    certificate: {tls[0]}\n    key: {tls[1]}\n" if tls else ""
        config = stack.folder / f"{name}.yml"
        config.write_text(f"version: 0.1\nlog:\n  accesslog:\n    disabled: false\nstorage:\n  filesystem:\n"
                          f"    rootdirectory: {self.folder}\n  delete:\n    enabled: true\n"
                          f"http:\n  addr: {self.host}\n{secured}{auth}")
        self.process = stack.add(Process(name, [program("docker-registry", "docker-registry"), "serve", config], stack.folder,
                                         {"OTEL_TRACES_EXPORTER": "none"}))
        until(f"{name} listens", lambda: listens(self.port))

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body)."""
        if self.tls:
            context = ssl.create_default_context(cafile=str(self.tls[2]))
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def wanted(self, status, method, path, body=None, headers=None):
        answer = self.request(method, path, body, headers)
        if answer[0] != status:
            raise AssertionError(f"{method} {path}: {answer[0]} {answer[2][:300]}")
        return answer

    def push_blob(self, name, data, headers):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        _, answer, _ = self.wanted(202, "POST", f"/v2/{name}/blobs/uploads/", b"", headers)
        to = urllib.parse.urlsplit(answer["Location"])
        path = f"{to.path}?{to.query}&digest={urllib.parse.quote(digest)}"
        self.wanted(201, "PUT", path, data, {**headers, "Content-Type": "application/octet-stream"})
        return digest

    def push(self, name, tags, headers=None):
        """The same small image under each tag."""
        headers = headers or {}
        data = b"{}"
        described = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(data),
                     "digest": self.push_blob(name, data, headers)}
        media = "application/vnd.oci.image.manifest.v1+json"
        manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "config": described, "layers": []}).encode()
        for tag in tags:
            _, answer, _ = self.wanted(201, "PUT", f"/v2/{name}/manifests/{tag}", manifest, {**headers, "Content-Type": media})
        return answer["Docker-Content-Digest"]

    def asked(self, path):
        """How many requests for the path its log tells."""
        return sum(f'"GET {path}' in line for line in self.process.text().splitlines())


class TokenServer:
    """Gives tokens to pull what begins with org/open to anybody, and all else to one login.
    https://distribution.github.io/distribution/spec/auth/jwt/"""

    LOGIN = ("reader", "pass word")

    def __init__(self, folder):
        self.folder, self.asked = folder, []
        self.key, self.certificate = folder / "tokens.key", folder / "tokens.pem"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens", "-keyout", self.key,
                "-out", self.certificate)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def config(self):
        """For a registry that trusts it."""
        return (f"auth:\n  token:\n    realm: http://{self.host}/token\n    service: tests\n    issuer: tests\n"
                f"    rootcertbundle: {self.certificate}\n")

    def token(self, name, *actions):
        encode = lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=")
        now = int(time.time())
        chain = [base64.b64encode(openssl("x509", "-in", self.certificate, "-outform", "DER")).decode()]
        claims = {"iss": "tests", "sub": "", "aud": "tests", "nbf": now - 60, "iat": now, "exp": now + 300, "jti": str(now),
                  "access": [{"type": "repository", "name": name, "actions": list(actions)}] if actions else []}
        text = b".".join(encode(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "RS256", "x5c": chain}, claims))
        return (text + b"." + encode(openssl("dgst", "-sha256", "-sign", self.key, data=text))).decode()

    def answer(self, request):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        shown = request.headers.get("Authorization")
        self.asked.append(shown)
        name = query["scope"][0].split(":")[1]
        login = "Basic " + base64.b64encode(":".join(self.LOGIN).encode()).decode()
        status = 401 if shown not in (None, login) else 200
        allowed = ["pull"] if shown == login or name.startswith("org/open") else []
        body = json.dumps({"token": self.token(name, *allowed)} if status == 200 else {}).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


class GitServer:
    """/git/<repository> speaks the smart protocol, /old/ its version 0, /moved/ redirects to /git/, /dumb/ has files."""

    def __init__(self, stack):
        program("git", "git")
        if not GIT_BACKEND.exists():
            skip(f"{GIT_BACKEND} not found")
        self.port, = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.root = stack.folder / "repositories"
        self.root.mkdir()
        old = stack.folder / "old.cgi"
        old.write_text(f"#!/bin/sh\nunset HTTP_GIT_PROTOCOL GIT_PROTOCOL\nexec {GIT_BACKEND}\n")
        old.chmod(0o755)
        config = stack.folder / "lighttpd.conf"
        config.write_text(f'''
server.modules = ("mod_alias", "mod_cgi", "mod_setenv", "mod_redirect", "mod_accesslog")
server.document-root = "{stack.folder}"
server.bind = "127.0.0.1"
server.port = {self.port}
server.errorlog = "{stack.folder}/lighttpd-error.log"
accesslog.filename = "{stack.folder}/git-access.log"
accesslog.format = "%r %s"
alias.url = ("/git" => "{GIT_BACKEND}", "/old" => "{old}", "/dumb" => "{self.root}")
url.redirect = ("^/moved/(.*)" => "/git/$1")
cgi.assign = ("/git-http-backend" => "", "/old.cgi" => "")
setenv.add-environment = ("GIT_PROJECT_ROOT" => "{self.root}", "GIT_HTTP_EXPORT_ALL" => "1", "HOME" => "{stack.folder}")
''')
        self.log = stack.folder / "git-access.log"
        self.process = stack.add(Process("lighttpd", [program("lighttpd", "lighttpd"), "-D", "-f", config], stack.folder))
        until("lighttpd listens", lambda: listens(self.port))

    def git(self, repository, *args, input=None):
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.root), "GIT_CONFIG_NOSYSTEM": "1"}
        for who in ("AUTHOR", "COMMITTER"):
            environment.update({f"GIT_{who}_NAME": "t", f"GIT_{who}_EMAIL": "t@example.org", f"GIT_{who}_DATE": "@0 +0000"})
        done = subprocess.run(["git", "-C", self.root / repository, *args], input=input, capture_output=True, text=True,
                              env=environment, check=False)
        if done.returncode:
            raise AssertionError(f"git {args}: {done.stderr}")
        return done.stdout.strip()

    def create(self, repository, light=(), annotated=()):
        """A bare repository with one commit and tags of both sorts on it."""
        (self.root / repository).mkdir(parents=True)
        self.git(repository, "init", "-q", "--bare")
        tree = self.git(repository, "hash-object", "-t", "tree", "-w", "--stdin", input="")
        commit = self.git(repository, "commit-tree", "-m", "one", tree)
        self.git(repository, "update-ref", "refs/heads/main", commit)
        for tag in annotated:
            self.git(repository, "tag", "-a", "-m", tag, tag, commit)
        self.git(repository, "pack-refs", "--all")
        packed = self.root / repository / "packed-refs"
        known = packed.read_text().splitlines()[1:]
        rows = "".join(f"{line}\n" for line in known) + "".join(f"{commit} refs/tags/{tag}\n" for tag in light)
        packed.write_text("# pack-refs with: peeled \n" + rows)
        self.git(repository, "pack-refs", "--all")
        self.git(repository, "update-server-info")

    def asked(self, path):
        """The log's lines about the path; they come late."""
        return [line for line in self.log.read_text().splitlines() if f" {path}" in line]


class HelmServer:
    """nginx with the files of .root: packed where that is asked for, ETags, and /guarded/ for one login alone."""

    LOGIN = ("reader", "pass word")

    def __init__(self, stack):
        self.port, = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.root, self.log = stack.folder / "charts", stack.folder / "nginx-access.log"
        self.root.mkdir()
        stack.folder.chmod(0o755)
        users = stack.folder / "nginx-users"
        users.write_text(f"{self.LOGIN[0]}:{{PLAIN}}{self.LOGIN[1]}\n")
        config = stack.folder / "nginx.conf"
        config.write_text(f"""
daemon off;
pid {stack.folder}/nginx.pid;
error_log {stack.folder}/nginx-error.log;
events {{}}
http {{
  log_format asked "$request_method $uri $status $sent_http_content_encoding $body_bytes_sent";
  access_log {self.log} asked;
  types {{ text/yaml yaml; }}
  gzip on;
  gzip_types text/yaml;
  gzip_proxied any;
  client_body_temp_path {stack.folder}/nginx-body; proxy_temp_path {stack.folder}/nginx-proxy;
  fastcgi_temp_path {stack.folder}/nginx-fastcgi; uwsgi_temp_path {stack.folder}/nginx-uwsgi; scgi_temp_path {stack.folder}/nginx-scgi;
  server {{
    listen 127.0.0.1:{self.port};
    root {self.root};
    location /guarded/ {{ alias {self.root}/; auth_basic charts; auth_basic_user_file {users}; }}
  }}
}}
""")
        self.process = stack.add(Process("nginx", [program("nginx", "nginx-light"), "-e", stack.folder / "nginx-error.log", "-c", config], stack.folder))
        until("nginx listens", lambda: listens(self.port))

    def asked(self, path):
        """(status, content encoding, bytes) of each answer for the path so far; a line comes after its answer."""
        lines = [line.split() for line in (self.log.read_text() if self.log.exists() else "").splitlines()]
        return [(int(status), coding, int(size)) for _, uri, status, coding, size in lines if uri == path]
