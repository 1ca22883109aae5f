#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""pkt_siat_histo_tshark.py --flowxdp BIN CAPTURE...: histograms beside lengths and times that tshark prints."""

import collections
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from direction_packets import rows_with_packets  # noqa: E402
from tshark_fields import Comparison, arguments  # noqa: E402


def bin_ms(interval_ns):
    ms = interval_ns // 10**6
    if ms >= 1000:
        return 1000
    if ms >= 400:
        return ms // 10 * 10
    return ms // 5 * 5 if ms >= 200 else ms


flowxdp, captures = arguments(__doc__)
check, others, full = Comparison(), 0, 0
for capture in captures:
    found, left = rows_with_packets(flowxdp, capture, "pkt_siat_histo")
    others += left
    for row, packets in found:
        if int(row["psiStat"], 16) & 1:
            full += 1
            continue
        both = collections.Counter((p.l7, bin_ms(p.interval_ns)) for p in packets)
        sizes = collections.Counter(p.l7 for p in packets)
        bins = collections.Counter(bin_ms(p.interval_ns) for p in packets)
        want = [f"{size}_{at}_{n}_{sizes[size]}_{bins[at]}" for (size, at), n in sorted(both.items())]
        check.add(capture, row, "Ps_Iat_Cnt_PsCnt_IatCnt", want, row["Ps_Iat_Cnt_PsCnt_IatCnt"])
        check.add(capture, row, "tCnt", len(want), row["tCnt"])
        check.add(capture, row, "psiStat", "0x00", row["psiStat"])
print(f"{others} rows of other packets than tshark's and {full} full histograms are not compared")
sys.exit(check.summary())
