"""Three servers of the bus: the one that leads the reports is killed, the next one cut off, and reports are accepted all
the while."""
import json
import time
import unittest

from support.compose import Compose, docker, need_docker
from support.stack import until
from support.steady import Load

BACK_S, WHOLE_S = 20, 60
SILENT_S = 45  # a client notices a server that says nothing within 25 s
STREAMS = 8    # five streams, three buckets
SERVERS = ("nats", "nats-2", "nats-3")


def led_by(name, server):
    """{stream: servers with a current copy} of the streams that this server leads."""
    said = json.loads(docker("exec", server.id, "wget", "-q", "-O", "-", "http://127.0.0.1:8222/jsz?streams=true"))
    clusters = {s["name"]: s.get("cluster") or {} for a in said.get("account_details") or [] for s in a["stream_detail"]}
    return {stream: {name, *(r["name"] for r in c.get("replicas") or [] if r.get("current") and not r.get("offline"))}
            for stream, c in clusters.items() if c.get("leader") == name}


class Cluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Compose("three", ["docker-compose.yaml", "docker-compose.cluster.yaml", "docker-compose.recorded.yaml"])
        cls.addClassCleanup(cls.stack.__exit__, None, None, None)
        cls.stack.up()
        cls.servers = {name: cls.stack.container(name) for name in SERVERS}

    def copies(self):
        """{stream: (its leader, servers with a current copy)}"""
        return {stream: (name, holders) for name, server in self.servers.items()
                for stream, holders in led_by(name, server).items()}

    def wait_whole(self):
        def whole():
            copies = self.copies()
            return len(copies) == STREAMS and all(holders == set(SERVERS) for _, holders in copies.values())
        until("every stream has three current copies", whole, WHOLE_S)

    def steady(self, what):
        with Load(self.stack.url, self.stack.knob("CONTROLPLANE_AUTH_TOKEN")) as load:
            load.wait_progress(BACK_S)
            what(load)
            load.wait_progress(BACK_S)
            self.assertEqual(load.take_failed(), [])
        until("what was accepted is answered", lambda: not load.lost(), BACK_S)

    def test_1_every_stream_has_three_copies(self):
        self.wait_whole()

    def test_2_the_one_that_leads_may_be_killed(self):
        server = self.servers[self.copies()["OPVIC_REPORTS"][0]]

        def kill(load):
            former = server.kill()
            load.wait_progress(BACK_S)
            server.back(BACK_S, former)
        self.steady(kill)
        self.wait_whole()

    def test_3_the_next_one_may_be_cut_off(self):
        name = self.copies()["OPVIC_REPORTS"][0]
        server, network = self.servers[name], f"{self.stack.project}_default"

        def cut(load):
            docker("network", "disconnect", network, server.id)
            began = time.monotonic()
            load.wait_progress(SILENT_S)
            print(f"reports went on {time.monotonic() - began:.1f} s after {name} was cut off")
            docker("network", "connect", "--alias", name, network, server.id)
        self.steady(cut)
        self.wait_whole()


if __name__ == "__main__":
    need_docker()
    unittest.main(verbosity=2)
