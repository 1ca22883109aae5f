#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""nfrst_pkts_tshark.py --flowxdp BIN CAPTURE...: the lists of first packets beside lengths and times that tshark prints."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from direction_packets import rows_with_packets, seconds_text  # noqa: E402
from tshark_fields import Comparison, arguments, nanoseconds  # noqa: E402

flowxdp, captures = arguments(__doc__)
check, others = Comparison(), 0
for capture in captures:
    for words, most, length, times in (
            ("n=20", 20, lambda p: p.l7, lambda row, p: p.interval_ns),
            ("n=5,layer=l2,time=absolute", 5, lambda p: p.l2, lambda row, p: p.time_ns),
            ("n=64,time=direction", 64, lambda p: p.l7, lambda row, p: p.time_ns - nanoseconds(row["timeFirst"]))):
        found, left = rows_with_packets(flowxdp, capture, "nfrst_pkts:" + words)
        others += left
        for row, packets in found:
            if any(length(p) is None for p in packets):
                continue  # a link header that is not counted
            want = [f"{length(p)}_{seconds_text(times(row, p))}" for p in packets[:most]]
            check.add(capture, row, "L2L3L4Pl_Iat", want, row["L2L3L4Pl_Iat"])
            check.add(capture, row, "nFpCnt", len(want), row["nFpCnt"])
            check.add(capture, row, "nFpStat", int(len(packets) > most), int(row["nFpStat"], 16))
print(f"{others} rows of other packets than tshark's are not compared")
sys.exit(check.summary())
