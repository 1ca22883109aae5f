# SPDX-License-Identifier: BSD-2-Clause
"""Rows of a replay of frames that a test made."""
import json
import os
import subprocess
import sys
import tempfile

from frames import write_pcap


def replayed_rows(flowxdp, engine, frames, *options):
    """The rows of the JSON sink, in order. The frames come a millisecond apart. Ends the test as skipped where the engine cannot run."""
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, "frames.pcap")
        write_pcap(capture, [(10**9 + 1000 * n, frame) for n, frame in enumerate(frames)])
        done = subprocess.run([flowxdp, "replay", "-q", "--engine", engine, capture, *options, "--sink", "json:-"], capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]
