"""A large fleet costs upstream no more than a small one, and a large list goes through every part whole."""
import pathlib
import tempfile
import unittest

from support.load import post_all
from support.nats import Nats
from support.stack import SANITIZED, Stack, get, github, helm, post, report, request, until
from support.upstreams import GitServer

AGENTS, REPOSITORIES, INDEXES, CHARTS = 50 if SANITIZED else 500, 36, 4, 3
SOURCES = REPOSITORIES + INDEXES
CONNECTIONS = 8


def recording(folder):
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


class Fleet(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        recording(pathlib.Path(self.folder.name))

    def test_one_look_a_source(self):
        """Hundreds of clusters on the same sources: each is asked once, and costs a 304 from then on, whoever asks."""
        with Stack() as stack:
            stack.nats()
            upstream = stack.upstream("--data", self.folder.name)
            stack.aggregator("--source.interval", "45s").wait_ready()
            for n in range(2):
                stack.fetcher(name=f"fetcher-{n}", upstream=upstream.url, env={"PROVIDER_GITHUB_TOKEN": "t"}).wait_ready()
            api = stack.api().wait_ready()
            wanted = trackers(upstream.url)
            bodies = [[report(f"cluster-{a}", t, {"1.0.0": 3}, remote) for a in range(c, AGENTS, CONNECTIONS)
                       for t, remote in wanted.items()] for c in range(CONNECTIONS)]
            post_all([api.url], bodies)

            def answered():
                overview = get(api, "/api/v1alpha1/overview").json()
                gaps = [gap for row in overview for gaps in row.values() for gap in gaps]
                return len(gaps) == AGENTS * len(wanted) and all(gap["latestVersion"] != "missing" for gap in gaps)
            until("each cluster has its answers", answered, 60)
            first = asked(upstream)
            self.assertEqual(len(first["paths"]), SOURCES)
            self.assertEqual(first["statuses"]["200"], SOURCES, "no second download, for whichever chart or cluster")
            until("the second round is done", lambda: min(asked(upstream)["paths"].values()) >= 2, 120)
            second = asked(upstream)
            self.assertEqual(second["statuses"]["200"], SOURCES, second["statuses"])
            self.assertEqual(set(second["statuses"]), {"200", "304"})
            self.assertLessEqual(max(second["paths"].values()) - min(second["paths"].values()), 1, "an interval, a look")


class LargeList(unittest.TestCase):
    def test_tags_by_ten_thousands(self):
        """30,813 tags of a real git server: in parts on a bus of the usual limits, whole in the answers, after restarts, too."""
        tags = [f"v{n // 1000}.{n // 10 % 100}.{n % 10}-build.{n:024}" for n in range(30813)]
        with Stack() as stack:
            stack.nats()
            git = GitServer(stack)
            git.create("group/many.git", tags)
            aggregator = stack.aggregator("--source.interval", "2s", "--cache.reconciler-interval", "100ms")
            fetcher, api = stack.fetcher(), stack.api()
            for service in (aggregator, fetcher, api):
                service.wait_ready()
            remote = {"provider": "git", "strategy": "tags", "repo": f"{git.url}/git/group/many",
                      "extraction": {"regex": {"pattern": "", "result": ""}}}
            self.assertEqual(post(api, report("a", "many", {"0.0.0-a": 1}, remote)).status, 202)

            def is_whole(latest="30.81.2-build.000000000000000000030812", count=len(tags)):
                gap = get(api, "/api/v1alpha1/agents/a/many/versions").json()
                return gap["latestVersion"] == latest and len(gap["versions"][0]["availableVersions"]) == count
            until("every tag is offered", is_whole, 60)
            with Nats(stack.nats_port) as nats:
                stored = [m for m in nats.messages("OPVIC_LISTS") if m[1].startswith("opvic.list.")]
                self.assertGreater(len(stored), 1, "it is larger than a message may be")
                self.assertLess(max(len(m[3]) for m in stored), 1 << 20)
            for service in (aggregator, api):
                service.kill()
                service.start().wait_ready()
            until("it is so again", is_whole, 60)
            git.create("group/more.git", [*tags, "v31.0.0"])
            (git.root / "group/many.git").rename(git.root / "group/old.git")
            (git.root / "group/more.git").rename(git.root / "group/many.git")
            until("one more tag comes through", lambda: is_whole("31.0.0", len(tags) + 1), 60)


if __name__ == "__main__":
    unittest.main()
