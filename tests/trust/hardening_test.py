#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""hardening_test.py PROGRAM LIBRARY...: what the compiler and the linker were told, read from the files by readelf and objdump."""
import os
import platform
import re
import subprocess
import sys

X86 = platform.machine() == "x86_64"


def tool(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def check(path, program):
    name = os.path.basename(path)
    segments, dynamic = tool("readelf", "-lW", path), tool("readelf", "-dW", path)
    symbols = tool("readelf", "-W", "--dyn-syms", path)
    assert re.search(r"GNU_RELRO", segments), f"{name}: no RELRO"
    assert re.search(r"\(FLAGS(_1)?\).*\bNOW\b|BIND_NOW", dynamic), f"{name}: RELRO is not full: symbols are bound lazily"
    stack = re.search(r"GNU_STACK.* ([RWE ]{3}) ", segments)
    assert stack and "E" not in stack.group(1), f"{name}: its stack may be executed"
    assert not re.search(r"^ *LOAD .* RWE ", segments, re.M), f"{name}: a segment may be written and executed"
    assert "TEXTREL" not in dynamic, f"{name}: its code is relocated"
    for _, value in re.findall(r"\((RPATH|RUNPATH)\).*\[(.*)\]", dynamic):
        # The build tree's own; installed there is none.
        assert all(part == "" or os.path.isabs(part) or part.startswith("$ORIGIN") for part in value.split(":")), \
            f"{name}: it loads libraries from {value}, a folder of whoever starts it"
    if program:
        assert re.search(r"Type:\s+DYN", tool("readelf", "-h", path)), f"{name}: not position independent"
        # Only where something has a buffer on its stack, or copies with a known bound: the program has both.
        assert re.search(r"__\w+_chk\b", symbols), f"{name}: no call that FORTIFY checks"
    if program or "bundle" in name:
        assert "__stack_chk_fail" in symbols, f"{name}: no stack protector"
    if X86:
        assert re.search(r"x86 feature:.*SHSTK", tool("readelf", "-nW", path)), f"{name}: no mark of a shadow stack"
        folder = os.path.basename(os.path.dirname(path))
        entry = "main" if program else "flowxdp_sink" if folder == "sinks" else "flowxdp_bundle" if "bundle" in name \
            else "flowxdp_plugin"
        code = tool("objdump", "-d", "--no-show-raw-insn", "--disassemble=" + entry, path)
        assert re.search(rf"<{entry}>:\n[^\n]*\tendbr64", code), f"{name}: branch targets are not marked"


def main():
    files = sys.argv[1:]
    assert len(files) > 3, files
    for path in files:
        check(path, program=path == files[0])
    print(f"ok: {len(files)} files")


main()
