# SPDX-License-Identifier: BSD-2-Clause
"""The build tree under test, and an installation of it in a folder that goes away."""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser()
parser.add_argument("--cmake", required=True)
parser.add_argument("--build", required=True, type=pathlib.Path)
arguments, rest = parser.parse_known_args()
sys.argv[1:] = rest  # for unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 120


def run(*words, code=0, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, **more)
    assert done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def need(test, *programs):
    for program in programs:
        if not shutil.which(program):
            test.skipTest(f"SKIP: no {program}")


class Installation:
    """cmake --install into a prefix of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="flowxdp_install_")
        self.prefix = pathlib.Path(self.folder.name, "usr")
        run(arguments.cmake, "--install", arguments.build, "--prefix", self.prefix)
        self.flowxdp = self.prefix / "bin/flowxdp"

    def commands(self):
        """Names of the commands, as the help of the program lists them."""
        listed = re.search(r"(?s)\nCommands:\n(.*?)\n\n", run(self.flowxdp, "help")).group(1)
        return [re.match(r"  ([a-z ]*[a-z])(  |$)", line).group(1) for line in listed.splitlines() if line[2] != " "]
