"""make up and make down as people use them; then everything in the stack is killed, cut off and restarted under load."""
import json
import re
import socket
import stat
import subprocess
import time
import unittest

from support.compose import PREFIX, TAG, Compose, docker, need_docker, run
from support.kube import Kube
from support.kubeagent import pod, tracker
from support.stack import ROOT, free_ports, request, until
from support.steady import Load

BACK_S = 10
CUT_S = 20
SMALL = ("collector-prod-eu", "collector-prod-us", "collector-staging", "fetcher")
OWN = SMALL + ("aggregator", "api")
MIB = 1024 * 1024


def curl_lines(text):
    return re.findall(r"^ *(curl -H .*)$", text, re.M)


class Stack(unittest.TestCase):
    """One stack for all; the tests run in the order of their names, and each leaves it whole."""

    @classmethod
    def setUpClass(cls):
        cls.stack = Compose("one", ["docker-compose.yaml", "docker-compose.recorded.yaml"])
        cls.addClassCleanup(cls.stack.__exit__, None, None, None)
        images = docker("image", "ls", "-q")
        began = time.monotonic()
        cls.said = cls.stack.up()
        if docker("image", "ls", "-q") != images:  # the first time on this host it makes some
            cls.stack.down()
            began = time.monotonic()
            cls.said = cls.stack.up()
        cls.took_s = time.monotonic() - began

    def load(self):
        return Load(self.stack.url, self.stack.knob("CONTROLPLANE_AUTH_TOKEN"))

    def nothing_lost(self, load):
        self.assertGreater(load.posts, 0)
        until("what was accepted is answered", lambda: not load.lost(), BACK_S)

    def run_line(self, line):
        """As a person with a shell that has read .env."""
        return subprocess.run(["bash", "-c", f'set -a; . "$OPVIC_ENV_FILE"; {line} -sf -m 10'], capture_output=True, text=True,
                              cwd=ROOT, env={"PATH": "/usr/bin:/bin", **self.stack.env}, timeout=30)

    # ---- as it comes up

    def test_1_up_is_quick_and_says_what_to_do(self):
        self.assertLess(self.took_s, 30)
        lines = curl_lines(self.said)
        self.assertEqual(len(lines), 3, self.said)
        for line in lines:
            ended = self.run_line(line)
            self.assertEqual(ended.returncode, 0, line)
        self.assertIn('"latestVersion":"1.14.7"', ended.stdout)

    def test_1_the_lines_of_the_readme_work(self):
        section = re.search(r"^## With Docker\n(.*?)^## ", (ROOT / "README.md").read_text(), re.S | re.M)[1]
        lines = curl_lines(section)
        self.assertGreaterEqual(len(lines), 2)
        for line in lines:
            ended = self.run_line(line)
            self.assertEqual(ended.returncode, 0, line)
            self.assertIn("prod-eu", ended.stdout)

    def test_1_a_second_up_changes_nothing(self):
        before = {c.name: c.id for c in self.stack.containers()}
        text = self.stack.env_file.read_text()
        self.stack.up()
        self.assertEqual({c.name: c.id for c in self.stack.containers()}, before)
        self.assertEqual(self.stack.env_file.read_text(), text)

    def test_1_a_changed_secret_counts_with_the_next_up(self):
        """And what reads none of those that changed goes on."""
        text, password = self.stack.env_file.read_text(), self.stack.folder / "secrets/bus/api/password"
        former = self.stack.knob("CONTROLPLANE_AUTH_TOKEN")
        started = lambda service: [c.inspect()["State"]["StartedAt"] for c in self.stack.containers(service)]
        before = started("aggregator"), started("api")
        self.addCleanup(self.stack.up)
        self.addCleanup(self.stack.env_file.write_text, text)
        self.stack.env_file.write_text(text.replace(former, "changed-by-hand"))
        password.write_text("pchanged\n")
        self.stack.up()
        status = lambda token: request(self.stack.url, "GET", "/api/v1alpha1/agents", token=token).status
        self.assertEqual((status("changed-by-hand"), status(former)), (200, 401))
        self.assertTrue(all(c.passes() for c in self.stack.containers("api")))
        self.assertEqual((started("aggregator"), set(started("api")) & set(before[1])), (before[0], set()))

    def test_1_secrets_are_files_that_nobody_else_reads(self):
        self.assertEqual(stat.S_IMODE(self.stack.env_file.stat().st_mode), 0o600)
        secrets = self.stack.folder / "secrets"
        self.assertEqual(stat.S_IMODE(secrets.stat().st_mode), 0o700)
        held = {p.read_text().strip() for p in [secrets / "controlplane-token", *secrets.glob("bus/**/password")]}
        self.assertGreaterEqual(len(held), 8)
        shown = docker("inspect", *[c.id for c in self.stack.containers()])
        for secret in held:
            self.assertNotIn(secret, shown)

    def test_1_containers_may_do_little(self):
        for container in self.stack.containers():
            with self.subTest(container.name):
                state = container.inspect()
                host, service = state["HostConfig"], state["Config"]["Labels"]["com.docker.compose.service"]
                self.assertTrue(host["ReadonlyRootfs"])
                self.assertEqual(host["CapDrop"], ["ALL"])
                self.assertIn("no-new-privileges:true", host["SecurityOpt"])
                self.assertGreater(host["Memory"], 0)
                self.assertEqual(host["LogConfig"]["Config"], {"max-size": "10m", "max-file": "3"})
                self.assertFalse(state["State"]["OOMKilled"])
                if service in SMALL:
                    self.assertEqual(host["Memory"], 64 * MIB)
                if service in OWN:
                    self.assertEqual(state["Config"]["User"], "65532:65532")

    def test_2_fetchers_scale_and_all_is_scraped(self):
        self.stack.compose("up", "-d", "--no-recreate", "--scale", "fetcher=4")
        self.assertEqual(len(self.stack.containers("fetcher")), 4)
        for container in self.stack.containers("fetcher"):
            container.back(BACK_S)
        base = "http://" + self.stack.compose("port", "prometheus", "9090").strip()

        def scraped():
            targets = request(base, "GET", "/api/v1/targets").json()["data"]["activeTargets"]
            up = [t["labels"]["job"] for t in targets if t["health"] == "up"]
            return {job: up.count(job) for job in set(up)} == {"api": 2, "aggregator": 1, "fetcher": 4, "collector": 3}
        until("every replica is scraped", scraped, 60)

    def test_2_a_live_cluster_by_kubeconfig(self):
        try:
            kube = self.enterContext(Kube(apiserver_args=[("bind-address", "0.0.0.0")]))  # containers come from elsewhere
        except SystemExit as e:
            self.assertEqual(e.code, 77, "no kube-apiserver")
            self.skipTest("no kube-apiserver")
        kube.install_crd()
        kube.namespace("opvic")
        kube.apply(tracker("app"), pod("one", "registry.test/app:1.2.3"))
        config = json.loads(kube.agent_kubeconfig().read_text())
        config["clusters"][0]["cluster"].update({"server": f"https://host.docker.internal:{kube.port}", "tls-server-name": "localhost"})
        file = self.stack.folder / "kubeconfig"
        file.write_text(json.dumps(config))
        file.chmod(0o600)
        try:
            self.stack.up(COMPOSE_PROFILES="prometheus,kubeconfig", KUBECONFIG_FILE=str(file), KUBECONFIG_AGENT="mine")
            until("what runs there is answered", lambda: self.stack.get("/agents/mine/app").json()["uniqVersions"] == ["1.2.3"])
        finally:
            docker("rm", "-f", *[c.id for c in self.stack.containers("collector-kubeconfig")])

    def collect_once(self, **env):
        """A collector outside of the stack, on this host."""
        mounts = ["-v", f"{ROOT}/examples/clusters/staging:/cluster:ro", "-v", f"{self.stack.folder}/secrets/bus:/bus:ro"]
        given = [x for k, v in {"CLUSTER_FILES": "/cluster", **env}.items() for x in ("-e", f"{k}={v}")]
        docker("run", "--rm", "--network", "host", *mounts, *given, f"{PREFIX}opvic-collector:{TAG}", "--once")
        until("it is answered", lambda: self.stack.get(f"/agents/{env['AGENT_IDENTIFIER']}/coredns").status == 200)

    def test_2_collectors_elsewhere_report_by_http_and_by_the_bus(self):
        self.collect_once(AGENT_IDENTIFIER="by-http", CONTROLPLANE_URL=self.stack.url,
                          CONTROLPLANE_AUTH_TOKEN=self.stack.knob("CONTROLPLANE_AUTH_TOKEN"))
        run("scripts/bus-credentials", "agent", self.stack.folder / "secrets/bus", "by-bus")
        self.stack.up()
        self.collect_once(AGENT_IDENTIFIER="by-bus", NATS_URL=f"tls://{self.stack.compose('port', 'nats', '4222').strip()}",
                          NATS_TLS_CA_FILE="/bus/ca.crt", NATS_USER="agent-by-bus", NATS_PASSWORD="/bus/agents/by-bus/password",
                          NATS_INBOX_PREFIX="_INBOX.agent.by-bus")

    def test_2_what_cannot_start_is_said(self):
        busy = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(busy.close)
        port = str(busy.getsockname()[1])
        for knobs, says in (({"OPVIC_PORT": "http"}, 'OPVIC_PORT: "http": expected a port number'),
                            ({"OPVIC_PORT": port, "COMPOSE_PROJECT_NAME": "opvicnone"}, f"port {port} of 127.0.0.1 is busy"),
                            ({"OPVIC_PORT": "99999", "COMPOSE_PROJECT_NAME": "opvicnone"}, "port 99999 of 127.0.0.1: bind(): port must be 0-65535"),
                            ({"OPVIC_BIND": "203.0.113.9", "COMPOSE_PROJECT_NAME": "opvicnone"}, f"port {self.stack.port} of 203.0.113.9: [Errno 99]"),
                            ({"COMPOSE_PROJECT_NAME": "My Stack"}, 'COMPOSE_PROJECT_NAME: "My Stack": expected small letters'),
                            ({"FETCHERS": "many"}, 'FETCHERS: "many": expected a number'),
                            ({"KUBECONFIG_FILE": "/nowhere"}, 'KUBECONFIG_FILE: "/nowhere": expected a file that can be read'),
                            ({"COMPOSE_PROFILES": "kubeconfig"}, "KUBECONFIG_FILE: missing: expected a file"),
                            ({"CLUSTERS_DIR": "/nowhere"}, 'CLUSTERS_DIR: "/nowhere": expected a folder'),
                            ({"COMPOSE_PROJECT_NAME": "opvicnone", "OPVIC_PORT": str(free_ports(1)[0]), "NATS_IMAGE": "127.0.0.1:1/none:1"},
                             'NATS_IMAGE: "127.0.0.1:1/none:1": cannot be pulled: '),
                            ({"COMPOSE_FILE": "other.yaml"}, 'COMPOSE_FILE: "other.yaml": expected files of deploy/compose')):
            with self.subTest(says):
                said = self.stack.refused(**knobs)
                self.assertEqual(len(said), 2 if said[0].startswith("pulling") else 1, said)
                self.assertTrue(said[-1].startswith(f"up: {says}"), said)

    # ---- what may happen to it

    def test_3_any_one_may_be_killed(self):
        before = self.stack.get("/overview").json()
        with self.load() as load:
            load.wait_progress(BACK_S)
            for container in self.stack.containers():
                with self.subTest(container.name):
                    former = container.kill()
                    took_s = container.back(BACK_S, former)
                    print(f"{container.name}: back in {took_s:.1f} s")
                    load.wait_progress(BACK_S)
                    failed = load.take_failed()
                    if "gateway" not in container.name:
                        self.assertEqual(failed, [])
        self.nothing_lost(load)
        self.assertEqual([sorted(o) for o in before], [sorted(o) for o in self.overview_without_load()])
        self.assertEqual([c.name for c in self.stack.containers() if c.inspect()["State"]["OOMKilled"]], [])

    def test_3_apis_may_be_killed_right_after_one_another(self):
        with self.load() as load:
            load.wait_progress(BACK_S)
            for container in self.stack.containers("api") * 2:  # Docker waits twice as long each time
                container.back(BACK_S, container.kill())
            load.wait_progress(BACK_S)
            self.assertEqual(load.take_failed(), [])
        self.nothing_lost(load)

    def overview_without_load(self):
        return [o for o in self.stack.get("/overview").json() if not next(iter(o)).startswith("tracker-")]

    def test_4_the_bus_may_be_cut_off(self):
        nats = self.stack.container("nats")
        network = f"{self.stack.project}_default"
        with self.load() as load:
            load.wait_progress(BACK_S)
            docker("network", "disconnect", network, nats.id)
            time.sleep(CUT_S)  # the length of the cut is what is tested
            docker("network", "connect", "--alias", "nats", network, nats.id)
            load.wait_progress(BACK_S)
            self.assertEqual(load.take_failed(), [])
            self.assertGreater(load.refused, 0)
        self.nothing_lost(load)
        for container in self.stack.containers():
            container.back(BACK_S)

    def test_4_up_starts_what_was_ended(self):
        ended = [*self.stack.containers("api"), self.stack.container("aggregator")]
        docker("kill", *[c.id for c in ended])  # by the operator: Docker leaves them
        self.stack.up()
        for container in ended:
            self.assertTrue(container.passes(), container.name)

    def test_5_all_may_be_restarted_one_after_the_other(self):
        with self.load() as load:
            load.wait_progress(BACK_S)
            for container in self.stack.containers():
                if "gateway" in container.name:
                    continue  # the one door
                with self.subTest(container.name):
                    docker("restart", container.id)
                    container.back(BACK_S)
            load.wait_progress(BACK_S)
            self.assertEqual(load.take_failed(), [])
            print(f"{load.reads} reads, the slowest {load.slowest_s:.1f} s; {load.posts} reports accepted, {load.refused} refused")
        self.nothing_lost(load)

    def test_6_down_leaves_the_state_unless_told(self):
        agents = {a["id"] for a in self.stack.get("/agents").json()}
        self.stack.down()
        self.assertEqual(self.stack.containers(), [])
        self.stack.up()
        self.assertLessEqual(agents, {a["id"] for a in self.stack.get("/agents").json()})
        self.stack.down(volumes=True)
        self.assertEqual(docker("volume", "ls", "-q", "--filter", f"label=com.docker.compose.project={self.stack.project}"), "")


if __name__ == "__main__":
    need_docker()
    unittest.main(verbosity=2)
