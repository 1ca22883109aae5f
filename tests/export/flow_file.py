# SPDX-License-Identifier: BSD-2-Clause
"""The flow file of a run, and the flow records that collectors must read from the same run."""

import collections
import csv

from collectors import Flow

Row = collections.namedtuple("Row", "cells flow first_ns last_ns")


def decimal_ns(text):
    sign = -1 if text.startswith("-") else 1
    seconds, _, fraction = text.lstrip("-").partition(".")
    return sign * (int(seconds) * 10**9 + int(fraction.ljust(9, "0")))


def last(cell):
    return int(cell.split(";")[-1]) if cell else 0


def mac(cell):
    return cell.split(";")[0] if cell else "00:00:00:00:00:00"


def read_rows(prefix):
    """Rows of PREFIX_flows.txt with the record that each makes: 64-bit ms since 1970, 1970 for what was earlier."""
    rows = []
    with open(prefix + "_flows.txt", newline="") as file:
        lines = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = next(lines)
        names[0] = names[0].lstrip("%")
        for values in lines:
            c = dict(zip(names, values))
            times = [max(decimal_ns(c[name]), 0) for name in ("timeFirst", "timeLast")]
            tail = (last(c["vlanID"]), int(c["pktsSnt"]), int(c["ipOctets"]), int(c["tcpControlBits"], 16),
                    times[0] // 10**6, times[1] // 10**6)
            if c["srcIP"] == "-":
                flow = Flow("l2", mac(c["srcMac"]), mac(c["dstMac"]), 0, 0, int(c["ethType"], 16), *tail)
            else:
                # ICMP in nfdump's port form: type * 256 + code as the destination port.
                icmp = int(c["icmpType"]) * 256 + int(c["icmpCode"]) if c["icmpType"] else 0
                flow = Flow("ip", c["srcIP"], c["dstIP"], int(c["srcPort"]), int(c["dstPort"]) + icmp, int(c["l4Proto"]), *tail)
            rows.append(Row(c, flow, *times))
    return rows


def biflows(rows):
    """(A's row, B's row or None) as RFC 5103 records them; a B alone is a record of its own."""
    pairs = []
    for row in rows:
        if row.cells["dir"] == "B" and pairs and pairs[-1][1] is None and \
                pairs[-1][0].cells["flowInd"] == row.cells["flowInd"] and pairs[-1][0].cells["dir"] == "A":
            pairs[-1] = (pairs[-1][0], row)
        else:
            pairs.append((row, None))
    return pairs
