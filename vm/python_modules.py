#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""python_modules.py FOLDER SCRIPT...: the standard library the scripts use, compiled, below FOLDER as the guest's Python
finds it; prints the extension modules (shared objects), which make_image.sh copies with their libraries.

Compiled here, because an emulated Python is slow. Modules are found by following the imports; those of programs a script holds as text (python -c) by their
import lines.
"""
import modulefinder
import os
import py_compile
import re
import sys

# What the interpreter imports by itself, and codecs, which nobody names.
ALWAYS = {name for name in sys.modules if not name.startswith("__")} | {
    "encodings.ascii", "encodings.idna", "encodings.latin_1", "encodings.utf_8", "site", "os", "io", "runpy"}
# Behind imports of the library that no test takes, and a third of the image.
NEVER = ("_testcapi", "_testinternalcapi", "asyncio", "doctest", "multiprocessing", "pdb", "pydoc", "readline", "unittest")
IMPORT = re.compile(r"^[ \t]*import[ \t]+([\w., \t]+)", re.M)


def modules(scripts):
    folders = {os.path.dirname(script) for script in scripts}
    finder = modulefinder.ModuleFinder([*sorted(folders), *sys.path[1:]], excludes=NEVER)
    names = set(ALWAYS)
    for script in scripts:
        finder.run_script(script)
        with open(script) as file:
            for line in IMPORT.findall(file.read()):
                names |= {word.split()[0] for word in line.split(",") if word.split()}
    for name in sorted(names):
        try:
            finder.import_hook(name)
        except ImportError:
            pass  # a word of a comment
    return {module.__file__ for module in finder.modules.values() if module.__file__}


def main():
    folder, scripts = sys.argv[1], sys.argv[2:]
    library = os.path.dirname(os.__file__)
    for path in sorted(modules(scripts)):
        if not path.startswith(library + "/"):
            continue  # the tests' own
        if path.endswith(".py"):
            # Beside no source, a compiled file is taken without looking at times.
            py_compile.compile(path, cfile=folder + path + "c", dfile=path, doraise=True)
        else:
            print(path)


main()
