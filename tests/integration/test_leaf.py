"""A cluster reports through a NATS leaf node of its own, with one agent's rights and no more: docs/recipes.md."""
import json
import shutil
import unittest

from support.bususers import BusUsers, on_every_server
from support.nats import Nats
from support.stack import ROOT, Process, Stack, free_ports, get, nats_server_binary, request, until

STAGING = ROOT / "examples/clusters/staging"


class Leaf(unittest.TestCase):
    def hub(self, stack):
        """The control plane's bus, which takes leaf nodes beside clients."""
        self.port, = free_ports(1)
        server = stack.folder / "bus/server"
        users = BusUsers(stack, "east", config=f'leafnodes {{ listen: "127.0.0.1:{self.port}", tls {{ '
                         f'cert_file: "{server}/tls.crt", key_file: "{server}/tls.key" }} }}')
        for role, start in (("aggregator", stack.aggregator), ("api", stack.api)):
            service = start(env=users.env(role)).wait_ready()
        return users, service

    def leaf(self, stack, users):
        """A bus without storage or users of its own beside the cluster's collector."""
        local, = free_ports(1)
        config = stack.folder / "leaf.conf"
        login = f'{users.text("east", "user")}:{users.text("east", "password")}'
        config.write_text(f'listen: "127.0.0.1:{local}"\n'
                          f'leafnodes {{ reconnect: 1, remotes: [{{ url: "tls://{login}@127.0.0.1:{self.port}", '
                          f'tls {{ ca_file: "{users.folder}/ca.crt" }} }}] }}\n')
        return local, stack.add(Process("leaf", [nats_server_binary(), "-c", config], stack.folder))

    @on_every_server
    def test_reports_pass(self):
        with Stack() as stack:
            users, api = self.hub(stack)
            local, leaf = self.leaf(stack, users)
            pods = shutil.copytree(STAGING, stack.folder / "cluster") / "pods.yaml"
            stack.collector("east", pods.parent, "--agent.interval", "1s", env={
                "NATS_URL": f"nats://127.0.0.1:{local}", "NATS_INBOX_PREFIX": users.text("east", "inbox-prefix")}).wait_ready()
            runs = lambda: get(api, "/api/v1alpha1/agents/east/coredns").json()["uniqVersions"]
            until("its trackers are known", lambda: sorted(runs()) == ["1.14.3", "1.14.7"])
            self.assertEqual(users.violations() + [line for line in leaf.text().splitlines() if "iolation" in line], [])
            with Nats(local) as nats:
                nats.publish("opvic.report.west.x", json.dumps({"agentId": "west"}).encode())
                nats.publish("$JS.API.STREAM.PURGE.OPVIC_REPORTS", b"")
            leaf.kill()
            stack.nats_process.kill()
            pods.write_text(pods.read_text().replace("coredns:v1.14.3", "coredns:v1.99.9"))
            leaf.start()
            stack.nats_process.start()
            until("what changed meanwhile is told", lambda: sorted(runs()) == ["1.14.7", "1.99.9"], 60)
            with users.client("subscriber") as nats:
                found = nats.js("STREAM.MSG.GET.KV_opvic_state", {"last_by_subj": "$KV.opvic_state.agent.west"})
            self.assertIn("error", found, "another agent's name does not pass")
            stranger = stack.collector("west", pods.parent, env={"NATS_URL": f"nats://127.0.0.1:{local}",
                                                                 "NATS_INBOX_PREFIX": "_INBOX.agent.west"})
            why = lambda: request(stranger.url, "GET", "/readyz").text()
            until("it is told so", lambda: "no stream takes this subject" in why() or "no answer in time" in why())
            self.assertEqual(get(api, "/api/v1alpha1/agents/west").status, 404)


if __name__ == "__main__":
    unittest.main()
