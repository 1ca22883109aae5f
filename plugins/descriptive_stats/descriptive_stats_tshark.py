#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""descriptive_stats_tshark.py --flowxdp BIN CAPTURE...: statistics beside those of lengths and times that tshark prints.

Rounded values (bits 0x01 and 0x02) are compared within the two bits that are kept at least in these captures.
"""

import collections
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from direction_packets import rows_with_packets  # noqa: E402
from tshark_fields import Comparison, arguments  # noqa: E402


def quantile(values, q):
    """Hazen."""
    place = q * len(values) - 0.5
    if place <= 0:
        return values[0]
    if place >= len(values) - 1:
        return values[-1]
    low = math.floor(place)
    return values[low] + (place - low) * (values[low + 1] - values[low])


def statistics(values):
    if not values:
        return dict.fromkeys(("Min", "Max", "Mean", "LowQuartile", "Median", "UppQuartile", "Iqd", "Mode", "Range", "Std", "RobStd",
                              "Skew", "Exc"), 0)
    values = sorted(values)
    mean = math.fsum(values) / len(values)
    moments = [math.fsum((v - mean)**k for v in values) / len(values) for k in range(5)]
    low, median, upper = (quantile(values, q) for q in (0.25, 0.5, 0.75))
    counts = collections.Counter(values)
    most = max(counts.values())
    vary = values[0] != values[-1]
    return {"Min": values[0], "Max": values[-1], "Mean": mean, "LowQuartile": low, "Median": median, "UppQuartile": upper,
            "Iqd": upper - low, "Mode": min(v for v, n in counts.items() if n == most), "Range": values[-1] - values[0],
            "Std": math.sqrt(moments[2]), "RobStd": min(math.sqrt(moments[2]), 0.7413 * (upper - low)),
            "Skew": moments[3] / moments[2]**1.5 if vary else 0, "Exc": moments[4] / moments[2]**2 - 3 if vary else 0}


EXACT = ("Min", "Max", "Mean", "Range", "Std")
flowxdp, captures = arguments(__doc__)
check, others, rounded = Comparison(), 0, 0
for capture in captures:
    found, left = rows_with_packets(flowxdp, capture, "descriptive_stats")
    others += left
    for row, packets in found:
        stat = int(row["dsStat"], 16)
        check.add(capture, row, "dsStat", 0, stat & ~3)
        for kind, bit, values in (("Pl", 1, [p.l7 for p in packets]), ("Iat", 2, [p.interval_ns / 1e9 for p in packets[1:]])):
            rounded += bool(stat & bit)
            for name, want in statistics(values).items():
                got = float(row[f"ds{name}{kind}"])
                if stat & bit and name in ("Mode", "Iqd", "RobStd", "Skew", "Exc"):
                    continue
                part = 0.25 if stat & bit and name not in EXACT else 2e-6
                # Intervals have 24 bits in the histogram: differences of two have fewer.
                scale = 3 if name in ("Skew", "Exc") else values and max(values) or 0
                if name in ("Skew", "Exc") and kind == "Iat" and len(set(values)) > 1:  # of intervals with 24 bits: what they lose, in deviations
                    scale += 30 * max(values) / statistics(values)["Std"]
                near = math.isclose(got, want, rel_tol=part, abs_tol=1e-9 + scale * 1e-6)
                check.add(capture, row, name + kind, want, want if near else got)
print(f"{others} rows of other packets than tshark's are not compared; {rounded} histograms are rounded: Mode, Iqd, RobStd, Skew, Exc of "
      "them are not compared")
sys.exit(check.summary())
