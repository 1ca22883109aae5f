#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""public_headers_test.py BUILD CMAKE: the headers that are installed for writers of plugins and sinks.

Facts: each compiles alone from the folder where it is installed, with nothing else on the include path and without a warning:
*.h as C11 and C++20, *.hpp as C++20, each with gcc and clang, and the ones of the kernel halves for the BPF target too. A cell that is
given a value of another width or kind, an option of a range that its type does not hold: they do not compile.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

BUILD, CMAKE = sys.argv[1:3]
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wpedantic", "-Werror"]
# Of a bundle: it includes the list of halves that the bundle is built with.
WITH_A_LIST = {"plugin_halves.h", "flow_need.h", "flow_update.h"}
# Of user halves and sinks alone.
USER_HALVES = {"row.h", "option.h", "plugin.h", "sink.h"}

TYPES = """
#include "flowxdp/plugin.hpp"
struct Columns : flowxdp::ColumnSet {
    Column<U32> count{this, {.name = "count", .help = "a count"}};
    Optional<H16> bits{this, {.name = "bits", .help = "some bits"}};
    Column<Float> share{this, {.name = "share", .help = "a share"}};
    List<U16> ports{this, {.name = "ports", .help = "ports"}};
};
constexpr Columns columns;
struct Options : flowxdp::OptionSet {
    Number<std::uint16_t> port{this, "port", "53", "a port", 1, LIMIT};
};
constexpr Options options;
void fill(flowxdp::RowWriter& row, std::uint32_t count, std::uint64_t large, std::span<const std::uint16_t> ports)
{
    (void)large;
    (void)ports;
    row.put(columns.count, count);
    STATEMENT
}
"""
RIGHT = ["row.put(columns.share, 0.5);", "row.leave_empty(columns.bits);", "row.list(columns.ports, ports);",
         "row.put(columns.bits, std::uint16_t{1});"]
WRONG = ["row.put(columns.count, large);", "row.put(columns.count, 0.5);", "row.put(columns.count, true);",
         "row.put(columns.share, count);", "row.put(columns.bits, count);", "row.leave_empty(columns.count);",
         "row.list(columns.ports, std::span<const std::uint32_t>(&count, 1));", "row.text(columns.count, \"1\");",
         "row.put(columns.ports, std::uint16_t{1});"]


def compiles(compiler, flags, text):
    suffix = ".c" if "-std=c11" in flags or "-std=gnu11" in flags else ".cpp"
    with tempfile.NamedTemporaryFile("w", suffix=suffix) as source:
        source.write(text)
        source.flush()
        return subprocess.run([compiler, *flags, "-fsyntax-only", source.name], capture_output=True, text=True, check=False)


def main():
    compilers = [c for c in (("gcc", "g++"), ("clang", "clang++")) if shutil.which(c[0]) and shutil.which(c[1])]
    if not compilers:
        print("SKIP: neither gcc nor clang is here")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as prefix:
        subprocess.run([CMAKE, "--install", BUILD, "--component", "dev", "--prefix", prefix], check=True,
                       stdout=subprocess.DEVNULL)
        include = os.path.join(prefix, "include")
        headers = sorted(os.listdir(os.path.join(include, "flowxdp")))
        assert {"row.h", "option.h", "plugin.h", "plugin.hpp", "sink.h", "sink.hpp", "packet.h", "plugin_half.h"} <= set(headers), headers
        path = ["-I", include]
        jobs = []  # (what, compiler, flags, text, expected)
        for header in headers:
            if header in WITH_A_LIST:
                continue
            text = f'#include "flowxdp/{header}"\n#include "flowxdp/{header}"\n'
            for c, cxx in compilers:
                if header.endswith(".h"):
                    jobs.append((header, c, ["-std=c11", *WARNINGS, *path], text, True))
                jobs.append((header, cxx, ["-std=c++20", *WARNINGS, *path], text, True))
            if header.endswith(".h") and header not in USER_HALVES and shutil.which("clang"):
                jobs.append((header, "clang", ["-target", "bpf", "-std=gnu11", "-Wall", "-Wextra", "-Werror", *path,
                                               "-idirafter", "/usr/include/" + os.uname().machine + "-linux-gnu"], text, True))
        for _, cxx in compilers:
            flags = ["-std=c++20", "-Wall", "-Wextra", *path]
            right = TYPES.replace("LIMIT", "65535")
            jobs.append(("each of " + " ".join(RIGHT), cxx, flags, right.replace("STATEMENT", "\n".join(RIGHT)), True))
            # All at once: the compiler names the line of each.
            jobs.append((WRONG, cxx, flags, right.replace("STATEMENT", "\n".join(WRONG)), False))
            jobs.append(("a range beyond its type", cxx, flags, TYPES.replace("STATEMENT", "").replace("LIMIT", "65536"), False))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(lambda job: compiles(*job[1:4]), jobs))
        wrong = 0
        for (what, compiler, flags, text, expected), result in zip(jobs, results):
            if (result.returncode == 0) != expected:
                wrong += 1
                print(f"{compiler} {' '.join(flags[:3])}: {what}: {'does not compile' if expected else 'compiles'}\n{result.stderr[:1500]}")
            if what is WRONG:
                lines = text.splitlines()
                named = {lines[int(number) - 1].strip() for number in re.findall(r"\S+\.cpp:(\d+):", result.stderr)}
                for statement in set(WRONG) - named:
                    wrong += 1
                    print(f"{compiler}: {statement}: compiles")
        print(f"{len(headers)} headers, {len(jobs)} compilations, {wrong} wrong")
        sys.exit(wrong != 0)


main()
