#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tcp_flags_tshark.py --flowxdp BIN CAPTURE...: JA4T and multipath TCP of tcp_flags beside tshark's dissector.

JA4T is put together here from tshark's fields of the first SYN. Exit 1 on a difference that EXPLAINED does not name, 77 without tshark.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, arguments, by_row, flow_rows, tshark_packets, values

FIELDS = ["tcp.flags.syn", "tcp.window_size_value", "tcp.option_kind", "tcp.options.mss_val", "tcp.options.wscale.shift",
          "tcp.options.mptcp.subtype"]
FIRST = 32  # packets of a direction whose options are read
# (name of the capture, field or "*"): why tshark says something else
EXPLAINED = {}


def ja4t(packet):
    at = packet.fields
    kinds = "-".join(at["tcp.option_kind"]) or "00"
    return "_".join((at["tcp.window_size_value"][-1], kinds, (at["tcp.options.mss_val"] or ["00"])[-1],
                     (at["tcp.options.wscale.shift"] or ["00"])[-1]))


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        packets = tshark_packets(capture, "tcp", FIELDS)
        for row, sent in by_row(flow_rows(flowxdp, capture, "tcp_flags"), packets):
            if row is None or row["l4Proto"] != 6 or row["pktsSnt"] != len(sent):
                continue
            first = sent[:FIRST]
            syns = [p for p in first if p.fields["tcp.flags.syn"] and p.fields["tcp.flags.syn"][-1] in ("1", "True")]
            check.add(capture, row, "tcpJA4T", ja4t(syns[0]) if syns else "", row["tcpJA4T"])
            subtypes = 0
            for value in values(first, "tcp.options.mptcp.subtype"):
                subtypes |= 1 << int(value, 0)
            check.add(capture, row, "tcpMPTBF", f"0x{subtypes:04x}", row["tcpMPTBF"])
    return check.summary()


if __name__ == "__main__":
    sys.exit(main())
