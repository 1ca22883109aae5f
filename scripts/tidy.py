#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tidy.py BUILD REGEX [CLANG-TIDY-OPTION...]: clang-tidy over the sources of BUILD/compile_commands.json that match.

What was found clean is remembered in FLOWXDP_CACHE/tidy (default ~/.cache/flowxdp) by everything that a result depends on: the
source and each header that its object was built from (so build first), the compiler's command, .clang-tidy, the options and
clang-tidy's version. Findings are printed, never remembered. Exit 1 when there are any.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time

TOOL = "clang-tidy-14"
KEPT_DAYS = 30


def cache_folder():
    cache = os.environ.get("FLOWXDP_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "flowxdp")
    folder = os.path.join(cache, "tidy")
    os.makedirs(folder, exist_ok=True)
    for entry in os.scandir(folder):
        if entry.stat().st_mtime < time.time() - KEPT_DAYS * 86400:
            os.unlink(entry.path)
    return folder


def dependencies(build):
    """Files that each object was built from, by the object's name in the build tree."""
    listed = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    found, now = {}, None
    for line in listed.splitlines():
        if line.startswith("    "):
            now.append(os.path.normpath(os.path.join(build, line.strip())))
        elif ": #deps" in line:
            now = found.setdefault(line.partition(":")[0], [])
    return found


class Hashes:
    def __init__(self):
        self.known = {}

    def of_file(self, path):
        if path not in self.known:
            with open(path, "rb") as file:
                self.known[path] = hashlib.sha256(file.read()).hexdigest()
        return self.known[path]


def main(build, regex, *options):
    build = os.path.abspath(build)
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(build, "compile_commands.json")) as file:
        units = {u["file"]: u for u in json.load(file) if re.search(regex, u["file"])}
    assert units, f"no source matches {regex}"
    version = subprocess.run([TOOL, "--version"], check=True, capture_output=True, text=True).stdout
    common = version + repr(options) + open(os.path.join(root, ".clang-tidy")).read()
    deps, hashes, folder, todo = dependencies(build), Hashes(), cache_folder(), []
    for path, unit in sorted(units.items()):
        words = unit.get("arguments") or shlex.split(unit["command"])
        needed = deps.get(words[words.index("-o") + 1])
        key = None
        if needed:  # without an object nobody knows what it depends on: it is looked at every time
            # The same tree in another folder is the same tree.
            text = common + " ".join(words).replace(root, ".")
            for name in sorted({path, *needed}):
                text += name.replace(root, ".") + hashes.of_file(name)
            key = os.path.join(folder, hashlib.sha256(text.encode()).hexdigest())
            if os.path.exists(key):
                os.utime(key)
                continue
        todo.append((path, key))

    def look(path, key):
        done = subprocess.run([TOOL, "-p", build, "-quiet", *options, path], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = re.findall(r"^.*: (?:error|warning): .*$", re.sub(r"\x1b\[[0-9;]*m", "", done.stdout), re.M)
        if done.returncode and not said:
            said = [f"{path}: {TOOL} failed: {done.stderr.strip()[-2000:]}"]
        if not said and key:
            open(key, "w").close()
        return said

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = sorted({line for lines in pool.map(lambda one: look(*one), todo) for line in lines})
    print("\n".join(found[:200]) if found else f"{len(units)} sources are clean, {len(units) - len(todo)} of them as remembered")
    return 1 if found else 0


sys.exit(main(*sys.argv[1:]))
