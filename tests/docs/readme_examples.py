#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the examples of README.md and compares what they print with what the README says they print.

Code blocks with lines that begin with "$ " are sessions: everything behind a command is its standard output, to the byte.
Other blocks are commands that must succeed, or definitions of shell variables that later blocks use. The block that
begins with the program's banner is the report of the first session, shortened: its lines stand in the report in order.
Commands run beside links to the program and to examples/; what they write to /tmp goes to a folder of their own.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

# Not examples of replaying: they install, need root or the network.
SKIPPED = re.compile(r"^(sudo|\./test|\./flowxdp geo update)\b|^\./flowxdp replay examples/ftp-session\.pcap$")


def blocks(text):
    return [match.group(1) for match in re.finditer(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


def sessions(block):
    """[(command, expected output)] of a block with prompts; a command goes on while a line ends in | or a quote is open."""
    found = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append([line[2:], ""])
        elif found and not found[-1][1] and found[-1][0].rstrip().endswith("|"):
            found[-1][0] += line
        else:
            found[-1][1] += line
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowxdp", required=True, type=pathlib.Path)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    failures = compared = 0
    variables = ""
    first_report = None
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        (work / "flowxdp").symlink_to(arguments.flowxdp.resolve())
        (work / "examples").symlink_to(arguments.source.resolve() / "examples")
        (work / "tmp").mkdir()

        def run(command):
            script = variables + command.replace("/tmp/", "tmp/")
            return subprocess.run(["bash", "-c", script], cwd=work, capture_output=True, text=True, timeout=60)

        def fail(what, command, details):
            nonlocal failures
            failures += 1
            print(f"FAILED: {what}\n  {command.strip()}\n{details}")

        for block in blocks((arguments.source / "README.md").read_text()):
            if block.startswith("$ "):
                for command, expected in sessions(block):
                    result = run(command)
                    compared += 1
                    if first_report is None:
                        first_report = result.stderr
                    if result.stdout != expected:
                        fail("another output", command, f"README:\n{expected}\nnow:\n{result.stdout}{result.stderr}")
            elif block.startswith("flowxdp "):
                at = 0
                for line in block.splitlines()[1:]:
                    if line.strip() == "...":
                        continue
                    compared += 1
                    found = (first_report or "").find(line + "\n", at)
                    if found < 0:
                        fail("not in the report, or not there", line, first_report)
                        break
                    at = found + len(line)
            elif re.match(r"^\w+='", block):
                variables += block
            else:
                for line in block.splitlines():
                    if not line.startswith("./flowxdp") or SKIPPED.match(line):
                        continue
                    result = run(line)
                    compared += 1
                    if result.returncode:
                        fail(f"exit code {result.returncode}", line, result.stderr)
    print(f"{compared} examples, {failures} failed")
    return 1 if failures or compared < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
