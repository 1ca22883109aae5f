#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the commands of README.md and docs/*.md and compares what they print with what the pages say they print.

Code blocks with lines that begin with "$ " are sessions: everything behind a command is its standard output, to the byte.
Other blocks are commands that must succeed, or definitions of shell variables that later blocks of the page use. A block
that begins with the program's banner is the report of the page's first session, shortened: its lines stand in the report
in order. Commands run beside links to the program and to the tree; what they write to /tmp goes to a folder of their own.
Commands behind sudo are run by docs_live_test.py.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from pages import blocks, pages

# They install, reach for the network, or build for minutes.
SKIPPED = re.compile(r"^\./flowxdp geo update\b")
PROGRAMS = ("./flowxdp", "scripts/docs_tables.py")


def sessions(block):
    """[(command, expected output)] of a block with prompts; a command goes on while a line ends in | or a quote is open."""
    def goes_on(command):
        return command.rstrip().endswith("|") or command.count("'") % 2
    found = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append([line[2:], ""])
        elif found and not found[-1][1] and goes_on(found[-1][0]):
            found[-1][0] += line
        else:
            found[-1][1] += line
    return found


class Page:
    def __init__(self, path, work):
        self.path, self.work = path, work
        self.variables = ""
        self.first_report = None
        self.compared = self.failures = 0

    def run(self, command):
        script = self.variables + command.replace("/tmp/", "tmp/")
        return subprocess.run(["bash", "-c", script], cwd=self.work, capture_output=True, text=True, timeout=60)

    def fail(self, what, command, details):
        self.failures += 1
        print(f"FAILED: {self.path}: {what}\n  {command.strip()}\n{details}")

    def session(self, block):
        commands = sessions(block)
        if any(command.startswith("sudo ./flowxdp attach") for command, _ in commands):
            return  # all of it belongs to a live sensor
        for command, expected in commands:
            if command.startswith("sudo "):
                continue
            result = self.run(command)
            self.compared += 1
            if self.first_report is None:
                self.first_report = result.stderr
            if result.stdout != expected:
                self.fail("another output", command, f"the page:\n{expected}\nnow:\n{result.stdout}{result.stderr}")

    def report(self, block):
        at = 0
        for line in block.splitlines()[1:]:
            if line.strip() == "...":
                continue
            self.compared += 1
            found = (self.first_report or "").find(line + "\n", at)
            if found < 0:
                self.fail("not in the report, or not there", line, self.first_report)
                break
            at = found + len(line)

    def commands(self, block):
        for line in block.splitlines():
            if not line.startswith(PROGRAMS) or SKIPPED.match(line):
                continue
            result = self.run(line)
            self.compared += 1
            if result.returncode:
                self.fail(f"exit code {result.returncode}", line, result.stderr)

    def check(self):
        for block in blocks(self.path.read_text()):
            if block.startswith("$ "):
                self.session(block)
            elif block.startswith("flowxdp "):
                self.report(block)
            elif re.match(r"^\w+='", block):
                self.variables += block
            else:
                self.commands(block)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowxdp", required=True, type=pathlib.Path)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    source = arguments.source.resolve()
    os.environ.pop("FLOWXDP_GEO", None)
    compared = failures = 0
    for path in pages(source):
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            (work / "flowxdp").symlink_to(arguments.flowxdp.resolve())
            for name in ("examples", "plugins", "bpf", "scripts", "tests"):
                (work / name).symlink_to(source / name)
            (work / "tmp").mkdir()
            page = Page(path.relative_to(source), work)
            page.path = path
            page.check()
        compared += page.compared
        failures += page.failures
    print(f"{compared} examples, {failures} failed")
    return 1 if failures or compared < 40 else 0


if __name__ == "__main__":
    sys.exit(main())
