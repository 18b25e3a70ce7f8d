"""Large answers in little memory: what a look takes above one at something small, whatever the size of what it reads."""
import gzip
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support import faultserver as fault
from support.faultserver import FaultServer
from support.helmindex import index_yaml, versions_of
from support.stack import BIN, ROOT, SANITIZED

CHARTS, VERSIONS, BYTES = 144, 30000, 26_000_000
ABOVE_SMALL_MB = 10


class Large(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if SANITIZED:
            raise unittest.SkipTest("a sanitizer has its own memory")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="opvic-large-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.server = cls.enterClassContext(FaultServer())

    def peak_mb(self, answer, *args):
        """Of opvic-fetcher get, and what it printed; its peak of resident memory is what the kernel counted."""
        peak = self.folder / "peak"
        self.server.answers = {"/c/index.yaml": answer, "/repos/o/r/releases": answer}
        done = subprocess.run(["/usr/bin/python3", "-S", "-E", ROOT / "tests/support/peak.py", peak, BIN / "opvic-fetcher", "get", *args,
                               "--fetch.allow-cidrs", "127.0.0.1"], capture_output=True, text=True, check=True, timeout=300)
        measured = json.loads(peak.read_text())
        self.assertEqual(measured["status"], 0, done.stderr)
        return measured["peak_kb"] / 1024, [v["version"] for v in json.loads(done.stdout)["versions"]]

    def compare(self, small, large, *args):
        """What was listed of the large one."""
        base, _ = self.peak_mb(small, *args)
        peak, versions = self.peak_mb(large, *args)
        self.assertLess(peak - base, ABOVE_SMALL_MB)
        return versions

    def test_a_helm_index(self):
        large = index_yaml(CHARTS, VERSIONS, BYTES)
        self.assertGreater(len(large), BYTES * 0.95)
        small = fault.answer(200, index_yaml(1, 1, 1), media="text/yaml")
        args = ("--provider", "helm", "--strategy", "chartVersion", "--repo", f"{self.server.url}/c", "--chart", "chart-000")
        wanted = dict(versions_of(CHARTS, VERSIONS))["chart-000"]
        packed = gzip.compress(large, 1)
        for name, answer in (("plain", fault.answer(200, large, media="text/yaml")),
                             ("packed", fault.answer(200, packed, "Content-Encoding: gzip", media="text/yaml"))):
            with self.subTest(name):
                self.assertEqual(self.compare(small, answer, *args), wanted)

    def test_one_chart_with_all_versions(self):
        large = index_yaml(1, VERSIONS, BYTES)
        args = ("--provider", "helm", "--strategy", "chartVersion", "--repo", f"{self.server.url}/c", "--chart", "chart-000")
        versions = self.compare(fault.answer(200, index_yaml(1, 1, 1)), fault.answer(200, large), *args)
        self.assertEqual(len(versions), VERSIONS)

    def test_releases_with_long_notes(self):
        notes = "## Changes\n\n* \"quoted\" \\ und mehr: äöü\n" * 2500
        made = lambda count, body: fault.answer(200, json.dumps([{"tag_name": f"v1.{n}.0", "body": body} for n in range(count)]).encode())
        args = ("--provider", "github", "--strategy", "releases", "--repo", "o/r", "--provider.github.api-url", self.server.url)
        self.assertGreater(len(notes), 90000)
        self.assertEqual(len(self.compare(made(1, ""), made(100, notes), *args)), 100)


if __name__ == "__main__":
    unittest.main()
