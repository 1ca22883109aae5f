#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""model_test.py MODEL EXPECTED [NAME[=VALUE]...]: searches every interleaving of a model with spin. EXPECTED is holds or fails;
the names are given to the model as macros. Exit 77 without spin.

A model that fails for another reason than its assertion (a deadlock, a bound of the search) is a mistake here.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import remembered  # noqa: E402


def checked(folder, *words):
    done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, " ".join(words) + "\n" + done.stdout
    return done.stdout


def search(model, names):
    """What the search says: (errors, states stored, its words)."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(model, folder + "/model.pml")
        checked(folder, "spin", "-a", *("-D" + name for name in names), "model.pml")
        checked(folder, "gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=6000", "-o",
                "pan", "pan.c")
        said = checked(folder, "./pan", "-m1000000")
    found = re.search(r"errors: (\d+)", said)
    states = re.search(r"(\d[\d.e+]*) states, stored", said)
    assert found and states and "max search depth too small" not in said and "out of memory" not in said, said
    return found[1], states[1], said


def main(model, expected, *names):
    for tool in ("spin", "gcc"):
        if not shutil.which(tool):
            print("SKIP: needs", tool)
            return 77
    facts = (pathlib.Path(model), pathlib.Path(__file__), *names, remembered.version("spin", "-V"), remembered.version("gcc", "--version"))
    errors, states, said = remembered.answer(facts, lambda: search(model, names))
    print(os.path.basename(model), *names, "errors:", errors, "states:", states)
    assert errors == "0" or "assertion violated" in said, "it fails for another reason:\n" + said
    assert (errors == "0") == (expected == "holds"), f"it should be that it {expected}:\n" + said
    return 0


sys.exit(main(*sys.argv[1:]))
