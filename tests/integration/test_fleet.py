"""A large fleet costs upstream no more than a small one, and a large list goes through every part whole."""
import unittest

from support import fleet
from support.nats import Nats
from support.stack import SANITIZED, Stack, get, post, report, until
from support.upstreams import GitServer

AGENTS = 50 if SANITIZED else 500


class Fleet(unittest.TestCase):
    def test_one_look_a_source(self):
        """Hundreds of clusters on the same sources: each is asked once, and costs a 304 from then on, whoever asks."""
        with Stack() as stack:
            first, second = fleet.rounds(stack, AGENTS, "45s")
            self.assertEqual(len(first["paths"]), fleet.SOURCES)
            self.assertEqual(first["statuses"]["200"], fleet.SOURCES, "no second download, for whichever chart or cluster")
            self.assertEqual(set(second["statuses"]), {"200", "304"})
            self.assertEqual(second["statuses"]["200"], fleet.SOURCES, second["statuses"])
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
