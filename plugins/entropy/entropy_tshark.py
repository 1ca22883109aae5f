#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""entropy_tshark.py --flowxdp BIN CAPTURE...: entropy beside that of the payload bytes that tshark prints.

Rows with payload that was not captured whole (0x04), or of which tshark prints other bytes than were captured, are not compared.
"""

import collections
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from direction_packets import rows_with_packets  # noqa: E402
from tshark_fields import Comparison, arguments  # noqa: E402

PACKETS, BYTES, LEAST, PACKET = 64, 8192, 9, 16384

flowxdp, captures = arguments(__doc__)
check, others = Comparison(), 0
for capture in captures:
    found, left = rows_with_packets(flowxdp, capture, "entropy", ["tcp.payload", "udp.payload"])
    others += left
    for row, packets in found:
        stat = int(row["pyldStat"], 16)
        payloads = []
        for p in packets[:PACKETS]:
            text = (p.fields["tcp.payload"] or p.fields["udp.payload"] or [""])[-1].replace(":", "")
            payloads.append((p.l7, bytes.fromhex(text)))
        if stat & 4 or any(length != len(payload) or length > PACKET for length, payload in payloads):
            others += 1
            continue
        payload = b"".join(payload for _, payload in payloads)
        seen = payload[:BYTES]
        check.add(capture, row, "PyldLen", len(seen), row["PyldLen"])
        check.add(capture, row, "pyldStat", (len(seen) < LEAST) | 2 * (len(payload) > BYTES) | 8 * (len(packets) > PACKETS), stat)
        if len(seen) < LEAST:
            check.add(capture, row, "PyldEntropy", None, row["PyldEntropy"])
            continue
        bits = -sum(n / len(seen) * math.log2(n / len(seen)) for n in collections.Counter(seen).values())
        text = sum(byte in (10, 13) or 32 <= byte <= 127 for byte in seen)
        for name, want in (("PyldEntropy", bits / 8), ("PyldChRatio", text / len(seen)),
                           ("PyldBinRatio", sum(byte < 10 for byte in seen) / len(seen))):
            got = float(row[name])
            check.add(capture, row, name, want, want if math.isclose(got, want, rel_tol=1e-6, abs_tol=1e-9) else got)
print(f"{others} rows of other packets or bytes than tshark's are not compared")
sys.exit(check.summary())
