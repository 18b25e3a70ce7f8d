"""scripts/run and scripts/run-agent as people use them: refused in one line, ready whatever upstream says, gone at the end."""
import json
import os
import pathlib
import signal
import subprocess
import unittest

from support.stack import ROOT, Process, Stack, free_ports, request, until

READY = "Ctrl-C stops everything"
SERVICES = ("aggregator", "fetcher", "api", "collector-prod-eu", "collector-prod-us", "collector-staging")


def left_behind(folder):
    """Command lines of what still runs with the run's folder in its arguments."""
    found = []
    for each in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = each.read_text().replace("\0", " ")
        except OSError:
            continue
        if f"{folder}/" in command:
            found.append(command)
    return found


def start_run(stack, name, upstream, folder, port, **more):
    env = {"OPVIC_RUN_DIR": str(folder), "OPVIC_PORT": str(port), "OPVIC_UPSTREAM": upstream.url, **more}
    return stack.add(Process(name, [ROOT / "scripts/run"], stack.folder, env, new_group=True))


def ready(run):
    def said():
        if not run.alive():
            raise AssertionError(f"{run.name} ended:\n{run.tail()}")
        return READY in run.text()
    until("it says that it is ready", said, 90)


def environment(folder):
    return dict(line.split("=", 1) for line in (folder / "env").read_text().splitlines())


def refused(env):
    ended = subprocess.run([ROOT / "scripts/run"], capture_output=True, text=True, timeout=60, env={**os.environ, **env})
    return ended.returncode, ended.stdout + ended.stderr


class Run(unittest.TestCase):
    def test_a_second_run_leaves_the_first_alone(self):
        with Stack() as stack:
            folder, (port, other_port) = stack.folder / "run", free_ports(2)
            run = start_run(stack, "run", stack.upstream("--data", ROOT / "examples/upstream/data"), folder, port)
            ready(run)
            env = environment(folder)
            for name, more, says in (
                    ("the same folder", {"OPVIC_RUN_DIR": str(folder), "OPVIC_PORT": str(other_port)}, "another one runs in"),
                    ("the same port", {"OPVIC_RUN_DIR": str(stack.folder / "run-2"), "OPVIC_PORT": str(port)}, f"port {port} is busy"),
                    ("a folder of somebody's", {"OPVIC_RUN_DIR": str(ROOT / "docs"), "OPVIC_PORT": str(other_port)}, "OPVIC_RUN_DIR"),
                    ("no port", {"OPVIC_PORT": "eighty"}, "OPVIC_PORT")):
                with self.subTest(name):
                    status, text = refused(more)
                    self.assertEqual((status, len(text.splitlines())), (1, 1), text)
                    self.assertIn(says, text)
            self.assertEqual(environment(folder), env)
            answer = request(env["OPVIC_URL"], "GET", "/api/v1alpha1/agents/prod-eu/coredns/versions", token=env["OPVIC_TOKEN"])
            self.assertEqual(answer.json()["latestVersion"], "1.14.7")
            nodes = lambda: request(env["OPVIC_URL"], "GET", "/api/v1alpha1/agents/prod-us/kubernetes/versions", token=env["OPVIC_TOKEN"])
            until("the nodes' end of life is answered", lambda: nodes().json()["versions"][0]["endOfLife"]["cycle"] == "1.33")
            self.agent(stack, env)
            # A terminal's Ctrl-C, and what ends a session, reach the whole group.
            os.killpg(run.child.pid, signal.SIGTERM)
            self.assertEqual(run.child.wait(60), 0)
            until("nothing is left", lambda: not left_behind(folder))
            for service in SERVICES:
                log = (folder / f"{service}.log").read_text()
                self.assertIn("msg=stopped", log, service)
                self.assertNotIn("second signal", log, service)

    def agent(self, stack, env):
        """One more cluster ships to what runs, over NATS and over HTTP."""
        for name, more in (("over-nats", {"NATS_URL": env["NATS_URL"]}),
                           ("over-http", {"CONTROLPLANE_URL": env["OPVIC_URL"], "CONTROLPLANE_AUTH_TOKEN": env["OPVIC_TOKEN"]})):
            metrics, health = free_ports(2)
            agent = stack.add(Process(name, [ROOT / "scripts/run-agent", "--metrics-bind-address", f"127.0.0.1:{metrics}",
                                             "--health-probe-bind-address", f"127.0.0.1:{health}"], stack.folder,
                                      {"AGENT_IDENTIFIER": name, "CLUSTER_FILES": "examples/clusters/staging", **more}))
            until(f"{name} is answered", lambda: len(request(env["OPVIC_URL"], "GET", f"/api/v1alpha1/agents/{name}",
                                                             token=env["OPVIC_TOKEN"]).json()) == 7)
            self.assertEqual(agent.stop(), 0)

    def test_a_killed_run_does_not_block_the_next(self):
        with Stack() as stack:
            folder, (port,) = stack.folder / "run", free_ports(1)
            upstream = stack.upstream("--data", ROOT / "examples/upstream/data")
            first = start_run(stack, "first", upstream, folder, port)
            ready(first)
            first.kill()
            until("its services are gone with it", lambda: not left_behind(folder))
            second = start_run(stack, "second", upstream, folder, port)
            ready(second)
            self.assertEqual(second.stop(60), 0)
            until("nothing is left", lambda: not left_behind(folder))

    def test_a_spent_budget_is_an_answer(self):
        """An upstream that grants no request now leaves trackers pending, with the reason: what runs is shown."""
        with Stack() as stack:
            folder, (port,) = stack.folder / "run", free_ports(1)
            upstream = stack.upstream("--data", ROOT / "examples/upstream/data")
            for repo in ("coredns/coredns", "kubernetes/kubernetes", "kubernetes/ingress-nginx", "kubernetes-sigs/external-dns"):
                for kind in ("tags", "releases"):
                    request(upstream.url, "POST", "/_fault", body=json.dumps({"path": f"/repos/{repo}/{kind}", "kind": "403limit"}))
            run = start_run(stack, "run", upstream, folder, port, FETCH_WORKERS="1")
            ready(run)
            self.assertIn('"state":"pending","reason":"rateLimited', request(
                environment(folder)["OPVIC_URL"], "GET", "/api/v1alpha1/overview", token=environment(folder)["OPVIC_TOKEN"]).text())
            self.assertEqual(run.stop(60), 0)


class RunAgent(unittest.TestCase):
    def test_what_is_missing_is_one_line(self):
        for given, missing in (({}, "AGENT_IDENTIFIER"), ({"AGENT_IDENTIFIER": "x"}, "CLUSTER_FILES")):
            ended = subprocess.run([ROOT / "scripts/run-agent"], capture_output=True, text=True, timeout=30,
                                   env={"PATH": os.environ["PATH"], **given})
            self.assertNotEqual(ended.returncode, 0)
            self.assertRegex(ended.stderr, rf"\Arun-agent: {missing} is missing: [^\n]+\n\Z")


if __name__ == "__main__":
    unittest.main()
