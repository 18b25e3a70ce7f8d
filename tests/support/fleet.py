"""A fleet of clusters that all track the same sources, and the upstream that they come from."""
import pathlib
import tempfile

from support.load import post_all
from support.stack import get, github, helm, report, request, until

REPOSITORIES, INDEXES, CHARTS = 36, 4, 3
SOURCES = REPOSITORIES + INDEXES
CONNECTIONS = 8


def record(folder):
    """REPOSITORIES repositories of one page each and INDEXES indexes of CHARTS charts each."""
    (folder / "tags").mkdir()
    for n in range(REPOSITORIES):
        rows = (f"v1.{n}.{patch}\t2024-01-{patch + 1:02}T00:00:00+00:00\t{n:040x}" for patch in range(20))
        (folder / "tags" / f"fleet__app-{n}.tsv").write_text("\n".join(rows) + "\n")
    for n in range(INDEXES):
        (folder / "helm" / f"repo-{n}").mkdir(parents=True)
        rows = "".join(f"  chart-{c}:\n  - version: 1.{n}.{c}\n    appVersion: \"2.0\"\n" for c in range(CHARTS))
        (folder / "helm" / f"repo-{n}" / "index.yaml").write_text(f"apiVersion: v1\nentries:\n{rows}")


def trackers(url):
    """{tracker: what it asks}: a source each of GitHub's, and of each index all charts, versions and appVersions."""
    wanted = {f"app-{n}": github(f"fleet/app-{n}", "tags") for n in range(REPOSITORIES)}
    for n in range(INDEXES):
        for c in range(CHARTS):
            strategy = "appVersion" if c % 2 else "chartVersion"
            wanted[f"repo-{n}-chart-{c}"] = helm(f"{url}/charts/repo-{n}", f"chart-{c}", strategy)
    return wanted


def asked(upstream):
    return request(upstream.url, "GET", "/_requests").json()


def rounds(stack, agents, interval):
    """What upstream counted after the first look at each source and after the second."""
    with tempfile.TemporaryDirectory() as folder:
        record(pathlib.Path(folder))
        stack.nats()
        upstream = stack.upstream("--data", folder)
        stack.aggregator("--source.interval", interval).wait_ready()
        for n in range(2):
            stack.fetcher(name=f"fetcher-{n}", upstream=upstream.url, env={"PROVIDER_GITHUB_TOKEN": "t"}).wait_ready()
        api = stack.api().wait_ready()
        wanted = trackers(upstream.url)
        post_all([api.url], [[report(f"cluster-{a}", t, {"1.0.0": 3}, remote) for a in range(c, agents, CONNECTIONS)
                              for t, remote in wanted.items()] for c in range(CONNECTIONS)])

        def answered():
            overview = get(api, "/api/v1alpha1/overview").json()
            gaps = [gap for row in overview for gaps in row.values() for gap in gaps]
            return len(gaps) == agents * len(wanted) and all(gap["latestVersion"] != "missing" for gap in gaps)
        until("each cluster has its answers", answered, 60)
        first = asked(upstream)
        until("the second round is done", lambda: min(asked(upstream)["paths"].values()) >= 2, 120)
        return first, asked(upstream)
