#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""conn_stat_rows.py --flowxdp BIN CAPTURE...: each row's counts beside those of the rows before it."""

import collections
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, arguments, flow_rows  # noqa: E402

flowxdp, captures = arguments(__doc__)
check = Comparison()
for capture in captures:
    to, opened_from = collections.defaultdict(set), collections.defaultdict(set)
    pairs, ports, packets = collections.Counter(), collections.Counter(), collections.Counter()
    counted = set()
    for row in flow_rows(flowxdp, capture, "conn_stat"):
        if row["srcIP"] == "-":
            check.add(capture, row, "connStat", "0x01", row["connStat"])
            continue
        a = row["dir"] == "A" and not int(row["flowStat"], 16) & 1  # bit 0: inverted, B's row alone
        client, server, port = (row["srcIP"], row["dstIP"], row["dstPort"]) if a else (row["dstIP"], row["srcIP"], row["srcPort"])
        if row["flowInd"] not in counted:
            counted.add(row["flowInd"])
            to[client].add(server)
            opened_from[server].add(client)
            pairs[client, server] += 1
            ports[client, port] += 1
        packets[row["srcIP"]] += row["pktsSnt"]
        mine, theirs = (len(to[client]), len(opened_from[server])) if a else (len(opened_from[server]), len(to[client]))
        pair, of_port = pairs[client, server], ports[client, port]
        for name, want in (("connStat", "0x00"), ("connSip", mine), ("connDip", theirs), ("connSipDip", pair), ("connSipDprt", of_port),
                           ("connNumPCnt", packets[row["srcIP"]])):
            check.add(capture, row, name, want, row[name])
        for name, want in (("connF", of_port / mine), ("connG", of_port / pair)):
            check.add(capture, row, name, True, math.isclose(float(row[name]), want, rel_tol=1e-5))
sys.exit(check.summary())
