#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""replay_test.py FLOWXDP [ENGINE]: every packet of a capture is in exactly one row, by its id, however flows end.

ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../system"))
import packet_ids

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
FORCE = ("--plugin", "tcp_win:threshold=1000,force_at=1")
# Name, options, the flowStat bit that says that flows ended so.
CASES = (
    ("idle", ("--idle-timeout", "0.05"), None),
    ("active", ("--active-timeout", "0.02"), 62),
    ("full table", ("--max-flows", "200"), 42),
    ("forced", FORCE, 41),
    ("all at once", (*FORCE, "--max-flows", "150", "--active-timeout", "0.01", "--idle-timeout", "0.02"), 42),
)


def replay(capture, prefix, *options, lib=packet_ids.LIB):
    done = subprocess.run([FLOWXDP, "replay", "-q", "--lib", lib, "--engine", ENGINE, capture, "-w", prefix, *packet_ids.PLUGINS,
                           *options], capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    return done


with tempfile.TemporaryDirectory() as folder:
    capture, sent = packet_ids.write_capture(folder, packets=40000, flows=5000, window=500, stay=8)
    for name, options, bit in CASES:
        done = replay(capture, folder + "/rows", *options)
        assert done.returncode == 0, (name, done)
        table = packet_ids.Table(folder + "/rows")
        packets = packet_ids.judge(sent, table)
        assert len(table.rows) > 10000 or bit is None, (name, len(table.rows))
        assert bit is None or packet_ids.bit(table, bit) > 1000, f"{name}: no flow ended so"
        print(f"ok: {name}: {packets} packets in {len(table.rows)} rows", flush=True)

    # The judge is a judge: a row that is gone, a row that is there twice, and one packet in another's place.
    lines = open(folder + "/rows_flows.txt").readlines()
    other = lines[1].split("\t")
    names = lines[0].lstrip("%").rstrip("\n").split("\t")
    other[names.index("idSum")] = str((int(other[names.index("idSum")]) + 1) % 2**64)
    for what, forged in (("gone", lines[:-1]), ("twice", lines + lines[-1:]), ("another", [lines[0], "\t".join(other), *lines[2:]])):
        with open(folder + "/forged_flows.txt", "w") as out:
            out.writelines(forged)
        try:
            packet_ids.judge(sent, packet_ids.Table(folder + "/forged"))
        except AssertionError as said:
            print(f"ok: a row {what}: {str(said)[:60]}")
        else:
            raise AssertionError("the judge does not see that a row is " + what)

    # Library and object of two bundles do not go together.
    if ENGINE == "bpf":
        mixed = folder + "/mixed"
        os.mkdir(mixed)
        for file, lib in (("libflowxdp_bundle.so", packet_ids.LIB), ("plugins", packet_ids.LIB),
                          ("flowxdp.bpf.o", os.path.join(packet_ids.LIB, "../flowxdp"))):
            os.symlink(os.path.realpath(os.path.join(lib, file)), os.path.join(mixed, file))
        refused = replay(capture, folder + "/rows", lib=mixed)
        assert refused.returncode == 1 and "does not belong to the engine library beside it" in refused.stderr, refused
        print("ok: an object of another bundle is refused")
