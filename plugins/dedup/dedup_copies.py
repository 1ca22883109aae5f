#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dedup_copies.py --flowxdp BIN CAPTURE...: each frame of a capture is written twice, so half of each row's packets are copies; with
leave_out=1 every cell is that of the capture itself.

Rows in whose capture dedup finds copies before that are not compared. editcap turns captures into pcap with nanoseconds.
"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, arguments, flow_rows  # noqa: E402


def twice(path, out):
    with open(path, "rb") as file, open(out, "wb") as copy:
        copy.write(file.read(24))
        while len(head := file.read(16)) == 16:
            frame = file.read(struct.unpack_from("<I", head, 8)[0])
            copy.write(2 * (head + frame))


flowxdp, captures = arguments(__doc__)
if not shutil.which("editcap"):
    print("SKIP: editcap is not installed")
    sys.exit(77)
check, before = Comparison(), 0
with tempfile.TemporaryDirectory() as folder:
    once, doubled = os.path.join(folder, "once.pcap"), os.path.join(folder, "twice.pcap")
    for capture in captures:
        if subprocess.run(["editcap", "-F", "nsecpcap", str(capture), once], capture_output=True).returncode:
            continue  # several link types, or none that pcap has
        twice(once, doubled)
        rows, doubles = flow_rows(flowxdp, once, "dedup"), flow_rows(flowxdp, doubled, "dedup")
        without = flow_rows(flowxdp, doubled, "dedup:leave_out=1")
        check.add(capture, None, "rows", len(rows), len(doubles))
        check.add(capture, None, "rows", len(rows), len(without))
        # A flow whose last packets are copies ends earlier without them, so its rows may stand elsewhere.
        for table in (rows, doubles, without):
            table.sort(key=lambda row: (row["flowInd"], row["dir"]))
        copied = {row["flowInd"] for row in rows if row["dupPkts"]}
        for row, two, left in zip(rows, doubles, without):
            if row["dupPkts"]:
                before += 1
                continue
            ip = row["srcIP"] != "-"
            check.add(capture, two, "pktsSnt", 2 * row["pktsSnt"], two["pktsSnt"])
            check.add(capture, two, "dupPkts", row["pktsSnt"] if ip else 0, two["dupPkts"])
            check.add(capture, two, "dupStat", "0x01" if ip else "0x02", two["dupStat"])
            check.add(capture, left, "dupPkts", row["pktsSnt"] if ip else 0, left["dupPkts"])
            for name in row if ip and row["flowInd"] not in copied else ():
                if name not in ("dupPkts", "dupStat"):
                    check.add(capture, left, name, row[name], left[name])
print(f"{before} rows have copies in the capture itself, and are not compared")
sys.exit(check.summary())
