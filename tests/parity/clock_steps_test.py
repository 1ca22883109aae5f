#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""clock_steps_test.py FLOWXDP: a capture whose clock steps to and fro. The bpf engine, which scans its table at each step back, gives the
native engine's rows while steps are few, and refuses a capture that is made of them instead of scanning for hours."""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../support"))
import frames

FLOWXDP = sys.argv[1]
START = 1700000000
FLOWS = 60000


def packet(seconds, source):
    datagram = frames.ipv4(frames.UDP, frames.udp(1000, 2000), 0x0A000000 + source, "198.51.100.1")
    return seconds * frames.MICROSECONDS, frames.ethernet(frames.IPV4, datagram)


def packets(steps):
    for flow in range(FLOWS):
        yield packet(START, flow)
    for step in range(steps):
        # More than a minute back, where another flow is; then forth again.
        yield packet(START - 100, FLOWS + step % 7)
        yield packet(START + 1, FLOWS + 10)


def replay(path, engine, *words):
    done = subprocess.run((FLOWXDP, "replay", "-q", "--engine", engine, *words, path), capture_output=True, check=False, timeout=300)
    return done.returncode, done.stdout, done.stderr.decode()


def main():
    with tempfile.TemporaryDirectory(prefix="flowxdp_steps") as folder:
        path = os.path.join(folder, "steps.pcap")
        frames.write_pcap(path, packets(20))
        code, rows, said = replay(path, "bpf")
        if code == 77 or "cap_bpf" in said:
            print("SKIP:", said.strip())
            sys.exit(77)
        assert code == 0, said
        native = replay(path, "native")
        assert native[0] == 0 and native[1].count(b"\n") > FLOWS, native[2]
        assert rows == native[1], "the engines differ"
        # A step looks at 60,000 records and 262,144 slots, of which 16 cost as much as one; 16,777,216 are looked at in any case, and 16
        # for each of 60,464 packets: 232 steps.
        frames.write_pcap(path, packets(2000))
        code, _, said = replay(path, "bpf")
        assert code == 1, (code, said)
        assert "stepped back" in said and "--engine native" in said, said
        steps = int(said.split("stepped back ")[1].split()[0])
        assert 200 < steps < 260, said
        assert replay(path, "native")[0] == 0
        print(f"ok: refused at step {steps}")


main()
