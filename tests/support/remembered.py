# SPDX-License-Identifier: BSD-2-Clause
"""Answers of other programs (tshark, spin) that need minutes and depend on nothing of ours: kept for the next run.

Only where FLOWXDP_CACHE names a folder, as in .ci/run. An answer is found again by everything that it depends on: each file's
content, the words, the program's version. What a program of ours says is never kept.
"""

import functools
import hashlib
import json
import os
import pathlib
import subprocess
import time

KEPT_DAYS = 30


@functools.lru_cache(maxsize=None)
def folder():
    if not os.environ.get("FLOWXDP_CACHE"):
        return None
    where = pathlib.Path(os.environ["FLOWXDP_CACHE"], "answers")
    where.mkdir(parents=True, exist_ok=True)
    for entry in os.scandir(where):
        if entry.stat().st_mtime < time.time() - KEPT_DAYS * 86400:
            os.unlink(entry.path)
    return where


@functools.lru_cache(maxsize=None)
def version(*words):
    """What a program says of its version."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    return done.stdout


def answer(facts, ask):
    """ask(), or what it returned in a run with the same facts. facts: texts, and paths, which stand for their content. The answer is
    made of what JSON has."""
    if folder() is None:
        return ask()
    digest = hashlib.sha256()
    for fact in facts:
        data = fact.read_bytes() if isinstance(fact, pathlib.Path) else fact.encode(errors="surrogateescape")
        digest.update(b"%d:" % len(data) + data)
    place = folder() / digest.hexdigest()
    try:
        return json.loads(place.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        pass
    found = ask()
    fresh = place.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(found), encoding="utf-8")
    fresh.rename(place)
    return found
