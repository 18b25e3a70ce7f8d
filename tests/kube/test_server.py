"""What no proxy can play: the API server ends, begins again and has forgotten; and what is no server's fault."""
import signal
import time
import unittest

from support.kubeworld import DRAIN_S, World
from support.relay import Relay
from support.stack import SANITIZED, until

NAMES = ("lost-streams", "lost-pages", "server-ends", "server-ends-short", "forgotten", "signals")
PODS = {"path": "/pods$", "method": "GET"}
LONG = ("--kube.watch-timeout", "5m")
SHORT = ("--kube.watch-timeout", "5s" if SANITIZED else "1s", "--kube.idle-timeout", "12s" if SANITIZED else "3s")


def setUpModule():
    global world
    # For as long as a request may take the server waits for watches when it ends.
    world = unittest.enterModuleContext(World(NAMES, apiserver_args=[("request-timeout", "5s")]))


class Server(unittest.TestCase):
    def setUp(self):
        self.agents = []

    def agent(self, name, args=LONG, proxy=None, setup=lambda proxy: None):
        agent = world.agent(name, args, proxy)
        self.addCleanup(agent.close)
        setup(agent.proxy)
        agent.start()
        agent.process.wait_ready(60)
        agent.settle()
        self.agents.append(agent)
        return agent

    def change_and_settle(self):
        for agent in self.agents:
            agent.pods.change()
        for agent in self.agents:
            agent.settle()

    def end(self):
        for agent in self.agents:
            agent.end()

    def test_history_lost(self):
        """etcd was compacted and the server's cache is gone while nobody could watch."""
        streams = self.agent("lost-streams")
        pages = self.agent("lost-pages", setup=lambda proxy: proxy.refuse_initial_events())
        for agent in self.agents:
            agent.proxy.down()
            agent.pods.change()
        world.kube.compact()
        world.kube.restart_apiserver()
        for agent in self.agents:
            agent.proxy.up()
        self.change_and_settle()
        for agent in (streams, pages):
            self.assertGreaterEqual(agent.restarts("expired"), 1, f"{agent.proxy.seen(**PODS)}\n{agent.process.tail()}")
        self.end()

    def test_stopped_and_killed(self):
        agent = self.agent("server-ends")
        short = self.agent("server-ends-short", SHORT)
        asked, started = len(agent.proxy.seen(**PODS)), time.monotonic()
        world.kube.stop_apiserver()
        until("it was noticed", lambda: agent.restarts() >= 2)
        world.kube.start_apiserver()
        self.change_and_settle()
        world.kube.restart_apiserver()
        self.change_and_settle()
        self.assertLessEqual(len(agent.proxy.seen(**PODS)) - asked, 2 * (time.monotonic() - started) + 8)
        self.assertEqual(short.process.metric("opvic_agent_trackers"), agent.process.metric("opvic_agent_trackers"))
        self.end()

    def test_forgotten_by_a_load_balancer(self):
        relay = Relay(world.kube)
        agent = self.agent("forgotten", SHORT, relay)
        self.assertGreaterEqual(relay.forget(), 1)
        self.change_and_settle()
        self.assertGreaterEqual(agent.restarts("idle"), 1)
        self.end()

    def test_signals(self):
        """A second Ctrl-C while the first one is obeyed ends it at once."""
        agent = self.agent("signals")
        started = time.monotonic()
        for _ in range(2):
            agent.process.child.send_signal(signal.SIGINT)
        agent.process.child.wait(DRAIN_S)
        self.assertLess(time.monotonic() - started, DRAIN_S)


if __name__ == "__main__":
    unittest.main()
