# SPDX-License-Identifier: BSD-2-Clause
"""What the programs that write pages of measurements share: how a benchmark is run, what machine this is, tables."""

import csv
import datetime
import io
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[1]
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
PEERS = {"softflowd": "softflowd", "nfpcapd": "nfdump", "yaf": "yaf"}  # program: Debian package


class Failed(Exception):
    """A benchmark does not work."""


class Unable(Exception):
    """A benchmark cannot run here: a privilege, a package or a CPU is missing."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def build(preset="release"):
    """The programs that are measured, and those that measure, built by the owner of the tree. Returns the build folder."""
    launch = 'root=$1; source "$root/scripts/launch.sh"; prepare_build_folder; build "$2" benchmarks --first -DFLOWXDP_TESTS=OFF'
    if subprocess.run(["bash", "-euc", launch, "bash", SOURCE, preset]).returncode:
        raise SystemExit("the benchmarks cannot be built")
    return SOURCE / "build" / preset


def rows(*words):
    """Runs a benchmark that writes comma-separated values; its rows, numbers as numbers."""
    words = [str(word) for word in words]
    say("$ " + " ".join(words))
    done = subprocess.run([*words, "--csv"], stdout=subprocess.PIPE, text=True)
    if done.returncode == 77:
        raise Unable("it cannot run")
    if done.returncode:
        raise Failed(f"{words[0]} ended with {done.returncode}")
    return [{name: number(cell) for name, cell in row.items()} for row in csv.DictReader(io.StringIO(done.stdout))]


def number(text):
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def table(head, lines):
    """A table of Markdown. The first column is text, the others are numbers."""
    def line(cells):
        return "| " + " | ".join(str(cell) for cell in cells) + " |\n"
    return line(head) + "|---|" + "---:|" * (len(head) - 1) + "\n" + "".join(map(line, lines)) + "\n"


def count(n):
    return f"{n:,}"


def replaced(page, name, text):
    """The page with what stands between two lines of comment, of that name and of an end, replaced."""
    region = re.compile(rf"(<!-- measured: {re.escape(name)} -->\n).*?(<!-- end of measured -->)", re.DOTALL)
    if len(region.findall(page)) != 1:
        raise SystemExit(f"the page has no region '{name}', or several")
    return region.sub(lambda match: match[1] + text + match[2], page)


def first_line(*words):
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "PATH": PATH}, cwd=SOURCE)
    except FileNotFoundError:
        return ""
    return done.stdout.split("\n", maxsplit=1)[0].strip()


def commit():
    found = first_line("git", "-c", f"safe.directory={SOURCE}", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    return found or "not known"


def peers():
    """Installed peers with their versions."""
    found = []
    for program, package in PEERS.items():
        if shutil.which(program, path=PATH):
            version = first_line("dpkg-query", "-W", "-f", "${Version}", package)
            found.append(f"{program} {version}" if version else program)
    return found


def machine():
    """(what, value) of the machine, the date and the commit."""
    with open("/proc/cpuinfo") as file:
        model = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    with open("/proc/meminfo") as file:
        memory = int(re.search(r"^MemTotal:\s*(\d+) kB", file.read(), re.M)[1])
    with open("/proc/loadavg") as file:
        load = file.read().split()[0]
    return [("date", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")),
            ("commit", commit()),
            ("processor", f"{model[1] if model else platform.machine()}, {len(os.sched_getaffinity(0))} CPUs"),
            ("memory", f"{memory / 2**20:.0f} GiB"),
            ("kernel", platform.release()),
            ("compilers", f"{first_line('g++', '--version')}; {first_line('clang', '--version')}"),
            ("load before the run", load)]
