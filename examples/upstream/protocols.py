"""The recorded lists in the protocols of other upstreams: OCI registries, git, GitLab, Gitea, endoflife.date.

OCI:       /v2/<owner>/<name>/tags/list?n&last               pages, relative Link; with a secret also 401 and GET /token
git:       /<owner>/<name>[.git]/info/refs, git-upload-pack  protocol version 2 and 0, peeled
GitLab:    /api/v4/projects/<owner>%2F<name>/releases|repository/tags   pages, Link, X-Next-Page, ETag, 304
Gitea:     /api/v1/repos/<owner>/<name>/releases|tags        pages, X-Total-Count, Link for releases alone
endoflife: /api/v1/products/<name>                           cycles of the repository of that name, ETag, 304

Each function gives (status, body, headers), or None for what is not its own.
"""
import datetime
import hashlib
import hmac
import json
import re
import time
import urllib.parse

JSON = "application/json"
GIT_SUITE = "agent=recorded-upstream"


def packed(value):
    return json.dumps(value, separators=(",", ":")).encode()


def conditional(handler, body, headers):
    """200 with an ETag, or 304 to who has it."""
    headers["ETag"] = 'W/"' + hashlib.sha256(body).hexdigest()[:32] + '"'
    if handler.headers.get("If-None-Match") == headers["ETag"]:
        return 304, b"", headers
    return 200, body, headers


def base_of(handler):
    return f"http://{handler.headers.get('Host', 'localhost')}"


def lists_of(handler, repo):
    """The repository's lists, or None."""
    lists = handler.server.recording.repos.get(repo.lower())
    return lists if lists and "tags" in lists else None


def number(query, name, default, most):
    try:
        return min(max(int(query[name][0]), 1), most)
    except (KeyError, ValueError):
        return default


# ---- OCI registries

def oci_error(status, code, message, headers=None):
    body = packed({"errors": [{"code": code, "message": message, "detail": None}]})
    return status, body, {"Content-Type": JSON, "Docker-Distribution-Api-Version": "registry/2.0", **(headers or {})}


def registry_token(secret, scope, expires):
    signed = hmac.new(secret.encode(), f"{scope} {expires}".encode(), hashlib.sha256).hexdigest()
    return f"{expires}.{signed}"


def token_counts(handler, scope):
    secret = handler.server.registry_secret
    scheme, _, token = handler.headers.get("Authorization", "").partition(" ")
    expires = token.split(".")[0]
    return scheme == "Bearer" and expires.isdigit() and int(expires) > time.time() and \
        hmac.compare_digest(token, registry_token(secret, scope, expires))


def token(handler, query):
    scope = query.get("scope", [""])[0]
    expires = int(time.time()) + 300
    given = registry_token(handler.server.registry_secret, scope, str(expires))
    return 200, packed({"token": given, "access_token": given, "expires_in": 300}), {"Content-Type": JSON}


def oci(handler, path, query):
    secret = handler.server.registry_secret
    if secret and path == "/token":
        return token(handler, query)
    m = re.fullmatch(r"/v2/([a-z0-9._/-]+)/tags/list", path)
    if not m:
        return None
    scope = f"repository:{m[1]}:pull"
    if secret and not token_counts(handler, scope):
        challenge = f'Bearer realm="{base_of(handler)}/token",service="recorded-upstream",scope="{scope}"'
        return oci_error(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})
    lists = lists_of(handler, m[1])
    if not lists:
        return oci_error(404, "NAME_UNKNOWN", "repository name not known to registry")
    last, most = query.get("last", [""])[0], number(query, "n", 100, 1000)
    names = sorted(t["name"].replace("+", "_") for t in lists["tags"])
    rest = [n for n in names if n > last]
    headers = {"Content-Type": JSON, "Docker-Distribution-Api-Version": "registry/2.0"}
    if len(rest) > most:
        following = urllib.parse.urlencode({"last": rest[most - 1], "n": most})
        headers["Link"] = f'</v2/{m[1]}/tags/list?{following}>; rel="next"'
    return 200, packed({"name": m[1], "tags": rest[:most]}), headers


# ---- git

def pkt(line):
    data = line if isinstance(line, bytes) else line.encode() + b"\n"
    return b"%04x" % (len(data) + 4) + data


def object_id(text):
    return hashlib.sha1(text.encode()).hexdigest()


def git_references(lists):
    """(name, id, peeled or None), as git sorts them; every third tag is one with a message."""
    rows = []
    for i, tag in enumerate(sorted(lists["tags"], key=lambda t: t["name"])):
        commit = tag["commit"]["sha"]
        annotated = i % 3 == 0
        rows.append((f"refs/tags/{tag['name']}", object_id(tag["name"]) if annotated else commit,
                     commit if annotated else None))
    return rows


def git_advertisement(handler, lists):
    out = pkt("# service=git-upload-pack") + b"0000"
    if "version=2" in handler.headers.get("Git-Protocol", ""):
        for line in ("version 2", GIT_SUITE, "ls-refs=unborn", "fetch=shallow", "object-format=sha1"):
            out += pkt(line)
        return out + b"0000"
    capabilities = "\0multi_ack thin-pack " + GIT_SUITE
    for name, oid, peeled in git_references(lists):
        out += pkt(f"{oid} {name}{capabilities}")
        capabilities = ""
        if peeled:
            out += pkt(f"{peeled} {name}^{{}}")
    return out + b"0000"


def git_commands(body):
    lines, at = [], 0
    while at + 4 <= len(body):
        length = int(body[at:at + 4], 16)
        if length < 4:
            at += 4
            continue
        lines.append(body[at + 4:at + length].decode().rstrip("\n"))
        at += length
    return lines


def git_list(handler, lists):
    asked = git_commands(handler.rfile.read(int(handler.headers.get("Content-Length") or 0)))
    if "command=ls-refs" not in asked:
        return pkt("ERR unknown command")
    prefixes = tuple(line[len("ref-prefix "):] for line in asked if line.startswith("ref-prefix "))
    out = b""
    for name, oid, peeled in git_references(lists):
        if prefixes and not name.startswith(prefixes):
            continue
        out += pkt(f"{oid} {name}" + (f" peeled:{peeled}" if peeled and "peel" in asked else ""))
    return out + b"0000"


def git(handler, path, query):
    m = re.fullmatch(r"/([^/]+/[^/]+?)(?:\.git)?/(info/refs|git-upload-pack)", path)
    if not m:
        return None
    lists = lists_of(handler, m[1])
    if not lists:
        return 404, b"Repository not found.\n", {"Content-Type": "text/plain"}
    posted = m[2] == "git-upload-pack"
    if posted != (handler.command == "POST") or (not posted and query.get("service") != ["git-upload-pack"]):
        return 403, b"Please upgrade your git client.\n", {"Content-Type": "text/plain"}
    body = git_list(handler, lists) if posted else git_advertisement(handler, lists)
    kind = "result" if posted else "advertisement"
    return 200, body, {"Content-Type": f"application/x-git-upload-pack-{kind}", "Cache-Control": "no-cache"}


# ---- the forges

def cut(items, page, per_page):
    pages = max((len(items) + per_page - 1) // per_page, 1)
    return items[(page - 1) * per_page:page * per_page], pages


def links(url, page, pages, extra):
    wanted = {"first": 1, "last": pages}
    if page > 1:
        wanted["prev"] = page - 1
    if page < pages:
        wanted["next"] = page + 1
    return ", ".join(f'<{url}?{extra}&page={n}>; rel="{rel}"' for rel, n in wanted.items())


def gitlab_tag(tag, date):
    return {"name": tag["name"], "message": "", "target": tag["commit"]["sha"], "release": None, "protected": False,
            "created_at": None, "commit": {"id": tag["commit"]["sha"], "created_at": date, "committed_date": date}}


def gitlab_release(release):
    return {"tag_name": release["tag_name"], "name": release["name"], "description": release["body"],
            "created_at": release["created_at"], "released_at": release["published_at"], "upcoming_release": False}


def dates_of(lists):
    return {r["tag_name"]: r["published_at"] for r in lists["releases"]}


def gitlab(handler, path, query):
    m = re.fullmatch(r"/api/v4/projects/([^/]+)/(releases|repository/tags)", path)
    if not m:
        return None
    lists = lists_of(handler, urllib.parse.unquote(m[1]))
    if not lists:
        return 404, packed({"message": "404 Project Not Found"}), {"Content-Type": JSON}
    dates = dates_of(lists)
    items = [gitlab_release(r) for r in lists["releases"]] if m[2] == "releases" else \
        [gitlab_tag(t, dates.get(t["name"])) for t in lists["tags"]]
    page, per_page = number(query, "page", 1, 10 ** 6), number(query, "per_page", 20, 100)
    shown, pages = cut(items, page, per_page)
    headers = {"Content-Type": JSON, "Vary": "Origin", "X-Page": page, "X-Per-Page": per_page, "X-Total": len(items),
               "X-Total-Pages": pages, "X-Next-Page": page + 1 if page < pages else "",
               "X-Prev-Page": page - 1 if page > 1 else "",
               "Link": links(base_of(handler) + path, page, pages, f"per_page={per_page}")}
    return conditional(handler, packed(shown), headers)


def gitea_release(release):
    return {"id": release["id"], "tag_name": release["tag_name"], "name": release["name"], "body": release["body"],
            "draft": release["draft"], "prerelease": release["prerelease"], "created_at": release["created_at"],
            "published_at": release["published_at"], "assets": []}


def gitea_tag(tag, date):
    return {"name": tag["name"], "message": "", "id": tag["commit"]["sha"],
            "commit": {"url": "", "sha": tag["commit"]["sha"], "created": date}, "zipball_url": "", "tarball_url": ""}


def gitea(handler, path, query):
    m = re.fullmatch(r"/api/v1/repos/([^/]+/[^/]+)/(releases|tags)", path)
    if not m:
        return None
    lists = lists_of(handler, m[1])
    if not lists:
        return 404, packed({"errors": None, "message": "The target couldn't be found.", "url": "/api/swagger"}), {"Content-Type": JSON}
    dates = dates_of(lists)
    items = [gitea_release(r) for r in lists["releases"]] if m[2] == "releases" else \
        [gitea_tag(t, dates.get(t["name"])) for t in lists["tags"]]
    page, limit = number(query, "page", 1, 10 ** 6), number(query, "limit", 30, 50)
    shown, pages = cut(items, page, limit)
    headers = {"Content-Type": JSON + ";charset=utf-8", "Cache-Control": "max-age=0, private", "X-Total-Count": len(items)}
    if m[2] == "releases" and pages > 1:
        headers["Link"] = links(base_of(handler) + path, page, pages, f"limit={limit}")
    return 200, packed(shown), headers


# ---- endoflife.date

SUPPORTED = datetime.timedelta(days=425)


def end_of(cycle, dates):
    """Fourteen months after the cycle's first release, where that is recorded."""
    first = dates.get(f"v{cycle[0]}.{cycle[1]}.0")
    return (datetime.date.fromisoformat(first[:10]) + SUPPORTED).isoformat() if first else None


def is_over(end, i):
    """Without a date all but the newest three cycles are."""
    return end <= datetime.datetime.now(datetime.timezone.utc).date().isoformat() if end else i >= 3


def cycles_of(lists):
    """The highest release of each major.minor, newest cycle first."""
    best, dates = {}, dates_of(lists)
    for tag in lists["tags"]:
        m = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", tag["name"])
        if m:
            cycle = (int(m[1]), int(m[2]))
            best[cycle] = max(best.get(cycle, (-1, "", "")), (int(m[3]), m[0].lstrip("v"), dates.get(tag["name"], "")))
    newest = sorted(best, reverse=True)
    ends = {c: end_of(c, dates) for c in newest}
    over = {c: is_over(ends[c], i) for i, c in enumerate(newest)}
    return [{"name": f"{c[0]}.{c[1]}", "codename": None, "label": f"{c[0]}.{c[1]}", "isLts": False, "ltsFrom": None,
             "isEol": over[c], "eolFrom": ends[c], "isMaintained": not over[c],
             "latest": {"name": best[c][1], "date": best[c][2][:10], "link": None}} for c in newest]


def endoflife(handler, path, _query):
    m = re.fullmatch(r"/api/v1/products/([^/]+)", path)
    if not m:
        return None
    releases = handler.server.recording.products.get(m[1])
    found = [n for n in sorted(handler.server.recording.repos) if n.split("/")[-1] == m[1] and lists_of(handler, n)]
    if not found and releases is None:
        return 404, b"<!DOCTYPE html><html><body>404</body></html>", {"Content-Type": "text/html; charset=utf-8"}
    if releases is None:
        releases = cycles_of(lists_of(handler, found[0]))
    product = {"name": m[1], "label": m[1], "aliases": [], "tags": [], "releases": releases}
    return conditional(handler, packed({"schema_version": "1.2.0", "result": product}), {"Content-Type": JSON})


def answer(handler, path, query):
    """(status, body, headers) from whose path it is, or None."""
    for protocol in (oci, git, gitlab, gitea, endoflife):
        found = protocol(handler, path, query)
        if found:
            return found
    return None
