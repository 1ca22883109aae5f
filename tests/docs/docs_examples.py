#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the commands of README.md and docs/*.md and compares what they print with what the pages say they print.

Code blocks with lines that begin with "$ " are sessions: everything behind a command is its standard output, to the byte.
Other blocks are commands that must succeed, or definitions of shell variables that later blocks of the page use. A block
that begins with the program's banner is the report of the page's first session, shortened: its lines stand in the report
in order. Commands run beside links to the program and to the tree; what they write to /tmp goes to a folder of their own.
Commands behind sudo are run by docs_live_test.py.

Tutorials (pages.py) are run one at a time, with --tutorial PAGE: their blocks become files, every command runs, also one without a
prompt, and must succeed. A block with sudo runs with --bpf alone, after the build before it and without the other commands; that needs
root (exit code 77).
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from pages import changed, is_tutorial, pages, steps

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


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Page:
    def __init__(self, path, work):
        self.path, self.work = path, work
        self.variables = ""
        self.first_report = None
        self.compared = self.failures = 0

    def run(self, command):
        script = self.variables + command.replace("/tmp/", "tmp/")
        return subprocess.run(["bash", "-c", script], cwd=self.work, capture_output=True, text=True, timeout=300)

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
        for kind, name, block in steps(self.path.read_text()):
            if kind == "file":
                self.write(name, block)
            elif kind == "change":
                self.write(name, changed((self.work / name).read_text(), block))
            elif block.startswith("$ "):
                self.session(block)
            elif block.startswith("flowxdp "):
                self.report(block)
            elif re.match(r"^\w+='", block):
                self.variables += block
            else:
                self.commands(block)

    def write(self, name, text):
        path = (self.work / name).resolve()
        assert self.work.resolve() in path.parents, name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


class Tutorial(Page):
    """A page whose commands build on each other: the first one that fails ends it."""

    def __init__(self, path, work, in_kernel):
        super().__init__(path, work)
        self.in_kernel = in_kernel
        self.build = ""
        # Most builds of the page change a user half alone.
        self.environment = dict(os.environ)
        if shutil.which("ccache"):
            self.environment |= {"CXX": "ccache g++", "CLANG": "ccache clang", "CCACHE_NOHASHDIR": "1", "CCACHE_BASEDIR": str(work)}
            self.environment.setdefault("CCACHE_DIR", str(work.parent / "ccache"))
        self.port = str(free_port())  # beside other tests

    def run(self, command):
        command = re.sub("^sudo ", "", command, flags=re.MULTILINE).replace("127.0.0.1:9669", "127.0.0.1:" + self.port)
        process = subprocess.Popen(["bash", "-c", "set -o pipefail\n" + command], cwd=self.work, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                                   env=self.environment)
        try:
            said, errors = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # all of a pipe
            self.fail("no end after 300 s", command, process.communicate()[1])
        if self.in_kernel and re.search("CAP_|not permitted", errors):
            raise Missing("the right to load BPF programs")
        return subprocess.CompletedProcess(command, process.returncode, said, errors)

    def fail(self, what, command, details):
        super().fail(what, command, details)
        raise Failed

    def session(self, block):
        commands = sessions(block)
        if self.in_kernel != any(command.startswith("sudo ") for command, _ in commands):
            return
        if self.in_kernel:
            self.must_succeed(self.build)
        for command, expected in commands:
            if command.startswith("tshark ") and not shutil.which("tshark"):
                print(f"SKIP: tshark is not installed: {command.strip()}")
                continue
            result = self.run(command)
            self.compared += 1
            if result.returncode or result.stdout != expected:
                self.fail(f"exit code {result.returncode}, or another output", command,
                          f"the page:\n{expected}\nnow:\n{result.stdout}{result.stderr}")

    def must_succeed(self, line):
        result = self.run(line)
        self.compared += 1
        if result.returncode:
            self.fail(f"exit code {result.returncode}", line, result.stderr)

    def commands(self, block):
        for line in block.splitlines():
            if not self.in_kernel:
                self.must_succeed(line)
            elif line.startswith("./flowxdp plugin build "):  # the last one before a block with sudo is enough
                self.build = line


class Failed(Exception):
    pass


class Missing(Exception):
    pass


def run_tutorial(path, work, in_kernel):
    if in_kernel and os.geteuid():
        print("SKIP: needs root for the BPF program")
        return 77
    page = Tutorial(path, work, in_kernel)
    try:
        page.check()
    except Missing as missing:
        print("SKIP: needs", missing)
        return 77
    except Failed:
        return 1
    print(f"{page.compared} commands")
    return 0 if page.compared else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowxdp", required=True, type=pathlib.Path)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("--tutorial", type=pathlib.Path, metavar="PAGE")
    parser.add_argument("--bpf", action="store_true")
    arguments = parser.parse_args()
    source, program = arguments.source.resolve(), arguments.flowxdp.resolve()
    os.environ.pop("FLOWXDP_GEO", None)
    if arguments.tutorial:
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder) / "afternoon"
            work.mkdir()
            (work / "flowxdp").symlink_to(program)
            (work / "examples").symlink_to(source / "examples")
            (work / "include").symlink_to(program.parents[1] / "include")
            return run_tutorial(arguments.tutorial, work, arguments.bpf)
    compared = failures = 0
    for path in pages(source):
        if is_tutorial(path):
            continue
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            (work / "flowxdp").symlink_to(program)
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
