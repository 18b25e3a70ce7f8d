"""The four images: small, without root, what is in them and nothing else, able to run where nothing may be written."""
import json
import re
import subprocess
import unittest

from support.compose import SERVICES, build_images, docker, need_docker
from support.stack import ROOT

ABOVE_BASE_BYTES = 60_000_000
HARDENED = ["--rm", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "64m", "--network", "none"]
NEEDS_CURL = {"collector": True, "aggregator": False, "fetcher": True, "api": False}


def layers_above_base(image):
    """Bytes of the layers that are not the base's: all but the first."""
    sizes = [int(line) for line in docker("history", "--human=false", "--format", "{{.Size}}", image).split()]
    return sum(sizes) - max(sizes)


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.images = build_images()
        cls.version = re.search(r"^project\(opvic VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1]

    def config(self, service):
        return json.loads(docker("inspect", self.images[service]))[0]["Config"]

    def test_they_are_small(self):
        for service in SERVICES:
            with self.subTest(service):
                above = layers_above_base(self.images[service])
                self.assertGreater(above, 100_000)
                self.assertLess(above, ABOVE_BASE_BYTES)

    def test_their_description(self):
        for service in SERVICES:
            with self.subTest(service):
                config = self.config(service)
                self.assertEqual(config["User"], "65532:65532")
                self.assertEqual(config["Entrypoint"], [f"/usr/bin/opvic-{service}"])
                self.assertEqual(config["Healthcheck"]["Test"], ["CMD", f"/usr/bin/opvic-{service}", "--probe"])
                labels = config["Labels"]
                self.assertEqual(labels["org.opencontainers.image.title"], f"opvic-{service}")
                self.assertEqual(labels["org.opencontainers.image.version"], self.version)
                self.assertEqual(labels["org.opencontainers.image.licenses"], "Apache-2.0")
                self.assertNotIn("org.opencontainers.image.created", labels)

    def test_they_run_where_nothing_may_be_written(self):
        for service in SERVICES:
            with self.subTest(service):
                self.assertEqual(docker("run", *HARDENED, self.images[service], "--version"), f"opvic-{service} {self.version}\n")

    def test_they_hold_one_program_and_no_compiler(self):
        for service in SERVICES:
            with self.subTest(service):
                listed = docker("run", *HARDENED, "--entrypoint", "/bin/sh", self.images[service], "-c",
                                "ls /usr/bin; ls /usr/lib/*-linux-gnu")
                self.assertEqual(re.findall(r"^opvic-\w+$", listed, re.M), [f"opvic-{service}"])
                self.assertNotRegex(listed, r"(?m)^(gcc|cmake|ninja|make|curl|python3)$")
                self.assertEqual("libcurl.so.4" in listed, NEEDS_CURL[service])

    def test_a_probe_fails_where_nothing_runs(self):
        ended = subprocess.run(["docker", "run", *HARDENED, "-e", "CONTROLPLANE_AUTH_TOKEN=x", self.images["api"], "--probe"],
                               capture_output=True, text=True, timeout=60)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("connect to :8080: ", ended.stderr)


if __name__ == "__main__":
    need_docker()
    unittest.main()
