"""The same sources give the same programs, in whatever folder they are built."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support.stack import ROOT

PROGRAMS = ("opvic-collector", "opvic-aggregator", "opvic-fetcher", "opvic-api")
PARTS = ("CMakeLists.txt", "cmake", "lib", "proto", "services")
JOBS = os.environ.get("JOBS", str(os.cpu_count()))


def build(sources, folder):
    """{program: digest}; compiled anew, whatever compiler cache there is."""
    for part in PARTS:
        source = ROOT / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, sources / part)
    env = {k: v for k, v in os.environ.items() if "CCACHE" not in k.upper() and k != "CMAKE_C_COMPILER_LAUNCHER"}
    for command in (["cmake", "-G", "Ninja", "-S", sources, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", "-DOPVIC_TESTS=OFF"],
                    ["cmake", "--build", folder, "-j", JOBS]):
        ended = subprocess.run(command, capture_output=True, text=True, env=env, timeout=1500)
        assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return {name: hashlib.sha256((folder / "bin" / name).read_bytes()).hexdigest() for name in PROGRAMS}


class Reproducible(unittest.TestCase):
    def test_two_folders_give_the_same_bytes(self):
        with tempfile.TemporaryDirectory(prefix="opvic-build-") as top:
            first, second = pathlib.Path(top) / "a", pathlib.Path(top) / "another/one/with-a-longer-name"
            for each in (first, second):
                (each / "sources").mkdir(parents=True)
            # One builds beside its sources, the other in them, as people do.
            self.assertEqual(build(first / "sources", first / "built"), build(second / "sources", second / "sources/build"))


if __name__ == "__main__":
    unittest.main()
