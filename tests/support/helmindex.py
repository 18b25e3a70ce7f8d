"""Helm indexes of any size, their items taken in turn from the recorded ones: names, versions and digests differ, the rest is real."""
import datetime
import json
import re

from support.stack import ROOT, skip

RECORDED = ("external-dns", "ingress-nginx")


def recorded_items():
    """The items as they stand there, each as its lines behind "  - ", the short ones first."""
    items = []
    for name in RECORDED:
        text = (ROOT / f"examples/upstream/data/helm/{name}/index.yaml").read_text()
        entry = re.search(rf"^  {name}:\n((?:(?:  [- ] .*)?\n)+)", text, re.M)[1]
        items += re.split(r"^  - ", entry, flags=re.M)[1:]
    return sorted(items, key=len)


def versions_of(charts, versions):
    """[(chart, [version, ...]), ...], the newest first, as indexes have them."""
    return [(f"chart-{c:03}", [f"{n // 100}.{n // 10 % 10}.{n % 10}" for n in reversed(range(c, versions, charts))])
            for c in range(charts)]


def chosen(charts, versions, size, items, length_of):
    """(chart, [(item, version, number), ...]) for each chart: of two items the one that keeps to the size."""
    length, done = 0, 0
    for chart, names in versions_of(charts, versions):
        picked = []
        for version in names:
            done += 1
            short, other = items[done % (len(items) // 4)], items[done * 7 % len(items)]
            item = other if length + length_of(other) <= size * done / versions else short
            length += length_of(item)
            picked.append((item, version, done))
        yield chart, picked


def index_yaml(charts, versions, size):
    """About size bytes of text."""
    def renamed(item, chart, version, number):
        for member, value in (("version", version), ("appVersion", version), ("name", chart), ("digest", f"{number:064x}")):
            item = re.sub(rf"^    {member}: .*$", f"    {member}: {value}", item, flags=re.M)
        return item
    out = ["apiVersion: v1\nentries:\n"]
    for chart, picked in chosen(charts, versions, size, recorded_items(), len):
        out.append(f"  {chart}:\n")
        out += ["  - " + renamed(item, chart, version, number) for item, version, number in picked]
    out.append('generated: "2026-11-22T10:00:00Z"\n')
    return "".join(out).encode()


def index_json(charts, versions, size):
    """The same as JSON, which is YAML, too."""
    try:
        import yaml
    except ImportError:
        skip("python3-yaml not found")
    written = lambda value: value.isoformat() if isinstance(value, datetime.datetime) else str(value)
    items = [json.loads(json.dumps(yaml.safe_load("    " + item), default=written)) for item in recorded_items()]
    entries = {chart: [{**item, "version": version, "appVersion": version, "name": chart, "digest": f"{number:064x}"} for item, version, number in picked]
               for chart, picked in chosen(charts, versions, size, items, lambda item: len(json.dumps(item)))}
    return json.dumps({"apiVersion": "v1", "entries": entries}, separators=(",", ":")).encode()
