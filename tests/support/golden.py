"""The recorded requests to the Go system: how rows are read, sent byte by byte, and compared."""
import itertools
import json
import re
import socket
import urllib.parse

from support.stack import ROOT, TOKEN, samples

GOLDEN = ROOT / "tests/golden"


def rows(name, upstream):
    """The rows of a file with the upstream's base URL put in."""
    text = (GOLDEN / f"{name}.jsonl").read_text()
    return [json.loads(line) for line in text.replace("{UPSTREAM}", upstream).split("\n") if line]


def send_raw(base, row, timeout=45):
    """Sends a row's request as bytes and reads one answer: (status, headers, body); None when the connection is closed
    without one."""
    parts = urllib.parse.urlsplit(base)
    request = row["request"]
    headers = {"Host": f"{parts.hostname}:{parts.port}", **request["headers"], "Connection": "close"}
    body = request.get("body", "").encode("utf-8", "surrogatepass")
    if "Transfer-Encoding" not in headers and (body or request["line"].startswith(("POST", "PUT", "PATCH"))):
        headers.setdefault("Content-Length", str(len(body)))
    head = request["line"] + " HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
    return send_bytes(base, head.encode("latin-1") + body, timeout)


def send_bytes(base, data, timeout=45):
    """Sends bytes, ends the sending side, and reads one answer; a server may wait 30 s for the rest of a request."""
    parts = urllib.parse.urlsplit(base)
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        except (ConnectionResetError, BrokenPipeError):
            pass  # refused before it was read; the answer may be there
        data = b""
        while True:
            try:
                piece = s.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                break
            if not piece:
                break
            data += piece
    return parse_answer(data)


def parse_answer(data):
    if b"\r\n\r\n" not in data:
        return None
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split()[1])
    headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
    if headers.get("transfer-encoding") == "chunked":
        body = unchunk(body)
    return status, headers, body


def unchunk(body):
    out = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        n = int(size.split(b";")[0], 16)
        if n == 0:
            break
        out, body = out + rest[:n], rest[n + 2:]
    return out


VERSION = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)(?:-([0-9A-Za-z.~-]+)|([A-Za-z~][0-9A-Za-z.~-]*))?(?:\+.*)?")


def compare_parts(a, b):
    """Of two prereleases: numbers below text; where one has ended, a number makes the other higher, text lower."""
    if a == b:
        return 0
    if not a or not b:
        return (1 if a.isdigit() else -1) if a else (-1 if b.isdigit() else 1)
    key = lambda part: (0, int(part), "") if part.isdigit() else (1, 0, part)
    return -1 if key(a) < key(b) else 1


def compare_versions(a, b):
    """As the Go system's library does, as far as the recorded versions go: segments padded with zeros, a release above its
    prereleases, metadata ignored."""
    (ours, theirs) = (VERSION.fullmatch(v) for v in (a, b))
    segments = [[int(n) for n in m[1].split(".")] for m in (ours, theirs)]
    padded = [s + [0] * (max(map(len, segments)) - len(s)) for s in segments]
    if padded[0] != padded[1]:
        return -1 if padded[0] < padded[1] else 1
    before, after = ((m[2] or m[3] or "") for m in (ours, theirs))
    if not before or not after:
        return bool(after) - bool(before)
    for one, other in itertools.zip_longest(before.split("."), after.split("."), fillvalue=""):
        if compare_parts(one, other):
            return compare_parts(one, other)
    return 0


def in_version_order(versions):
    return all(compare_versions(a, b) <= 0 for a, b in zip(versions, versions[1:]))


VERSION_LISTS = ("availableVersions", "availableMajors", "availableMinors", "availablePatches")


def differences(got, want, at=""):
    """Where got lacks or changes what want has; members that only got has are ours and ignored."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key, value in want.items():
            if key == "lastHeartbeat":
                if not isinstance(got.get(key), int):
                    yield f"{at}.{key}: {got.get(key)!r} is no time"
                continue
            if key not in got:
                yield f"{at}.{key}: missing"
                continue
            if key in VERSION_LISTS and isinstance(value, list):
                if sorted(got[key]) != sorted(value):
                    yield f"{at}.{key}: {got[key]} is not {value} (in any order)"
                elif not in_version_order(got[key]):
                    yield f"{at}.{key}: {got[key]} is not in version order"
                continue
            yield from differences(got[key], value, f"{at}.{key}")
    elif isinstance(want, list) and isinstance(got, list):
        if len(got) != len(want):
            yield f"{at}: {len(got)} items, want {len(want)}"
        for i, (g, w) in enumerate(zip(got, want)):
            yield from differences(g, w, f"{at}[{i}]")
    elif got != want or type(got) is not type(want):
        yield f"{at}: {json.dumps(got)[:300]}, want {json.dumps(want)[:300]}"


JOINED = re.compile(r"available_\w+_versions$")


def disordered(text):
    """Joined lists of an exposition that are not in version order."""
    lists = [v.split(",") for _, labels, _ in samples(text) for k, v in labels.items() if JOINED.match(k) and v]
    return [each for each in lists if not in_version_order(each)]


def exposition(text):
    """The Go system's own samples, requests_total and times aside: {(name, labels): value}; joined lists sorted, since
    ours are in version order."""
    out = {}
    for name, labels, value in samples(text):
        if name not in THEIRS:
            continue
        joined = {k: ",".join(sorted(v.split(","))) if JOINED.match(k) else v for k, v in labels.items()}
        key = (name, tuple(sorted(joined.items())))
        out[key] = None if name == "opvic_controlplane_agent_last_heartbeat" else value
    return out


# Families that the Go system has; everything else in the answer is ours.
THEIRS = {"opvic_controlplane_version_resource_count", "opvic_controlplane_major_versions_count",
          "opvic_controlplane_minor_versions_count", "opvic_controlplane_patch_versions_count",
          "opvic_controlplane_agent_last_heartbeat", "opvic_provider_github_rate_limit_remaining"}
