#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Flow records do not depend on which plugins fill their columns.

    same_records_test.py --flowxdp BIN [--examples FOLDER] [--odd] [CAPTURE...]

Each capture becomes an IPFIX file twice: with basic_flow and basic_stats, and with the plugins that the sink chooses when only
flow_export is asked for. The files must be the same, octet by octet, one record for each direction and one for both.

Exit 0: all equal. 1: not.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import odd_captures

HERE = pathlib.Path(__file__).resolve().parent


def captures_of(arguments, folder):
    captures = [pathlib.Path(c) for c in arguments.captures]
    corpus = os.environ.get("FLOWXDP_CORPUS") or str(HERE.parents[2] / "shared/corpus/selected")
    if not captures and os.path.isdir(corpus):
        captures = sorted(f for f in pathlib.Path(corpus).iterdir() if f.is_file())
    if arguments.examples:
        captures += sorted(pathlib.Path(arguments.examples).glob("*.pcap"))
    if arguments.odd:
        captures += odd_captures.write_all(folder)
    return captures


def export(flowxdp, capture, plugins, options, path):
    """The file's octets, and the run's exit code."""
    done = subprocess.run([flowxdp, "replay", "-q", capture, "--plugins", plugins, "--sink", f"ipfix:file:{path}{options}"],
                          capture_output=True, text=True)
    if done.returncode not in (0, 3):  # 3: the capture is damaged, or of a link type that nobody knows
        raise AssertionError(f"{capture.name}: flowxdp gave {done.returncode}: {done.stderr}")
    return path.read_bytes(), done.returncode


def chosen(flowxdp, capture, plugins, folder):
    """The plugins of such a run."""
    headers = folder / "chosen"
    subprocess.run([flowxdp, "replay", "-q", capture, "--plugins", plugins, "--sink", f"ipfix:file:{folder / 'chosen.ipfix'}", "-w", headers], check=True)
    return (folder / "chosen_headers.txt").read_text()


def run(arguments, folder):
    captures = captures_of(arguments, folder)
    failed = octets = 0
    assert "basic_" not in chosen(arguments.flowxdp, captures[-1], "flow_export", folder).replace("export_basics", ""), "the sink chose more than it needs"
    for capture in captures:
        for options in ("", ",biflow=1"):
            whole = export(arguments.flowxdp, capture, "basic_flow,basic_stats,flow_export", options, folder / "whole.ipfix")
            least = export(arguments.flowxdp, capture, "flow_export", options, folder / "least.ipfix")
            octets += len(whole[0])
            if whole != least:
                failed += 1
                print(f"FAILED: {capture}{options}: {len(whole[0])} octets, exit {whole[1]}, and {len(least[0])}, exit {least[1]}")
    print(f"{len(captures)} captures, {octets} octets, {failed} differ")
    return 1 if failed or not octets else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowxdp", required=True)
    parser.add_argument("--examples")
    parser.add_argument("--odd", action="store_true")
    parser.add_argument("captures", nargs="*")
    with tempfile.TemporaryDirectory(prefix="flowxdp_records_") as folder:
        return run(parser.parse_args(), pathlib.Path(folder))


if __name__ == "__main__":
    sys.exit(main())
