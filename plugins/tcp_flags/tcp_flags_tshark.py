#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tcp_flags_tshark.py --flowxdp BIN CAPTURE...: JA4T, multipath TCP and checksums of tcp_flags beside tshark's dissector.

JA4T is put together here from tshark's fields of the first SYN. Exit 1 on a difference that EXPLAINED does not name, 77 without tshark.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, arguments, by_row, flow_rows, tshark_packets, values

FIELDS = ["tcp.flags.syn", "tcp.window_size_value", "tcp.option_kind", "tcp.options.mss_val", "tcp.options.wscale.shift",
          "tcp.options.mptcp.subtype"]
SUMS = ["ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "ip.len", "ipv6.plen"]
JUDGE = [word for layer in ("ip", "tcp", "udp") for word in ("-o", layer + ".check_checksum:TRUE")]
WRONG, RIGHT, ILLEGAL = "0", "1", "4"  # of ...checksum.status; IPv6 without a checksum of UDP is illegal
FIRST = 32  # packets of a direction whose options are read
MOST = 16384  # bytes of a packet that come to user space
# (name of the capture, field): why tshark says something else
EXPLAINED = {("nDPI__fuzz-2006-06-26-2594.pcap", field): "IP lengths changed at random: beyond the frame; tshark sums what the frame has"
             for field in ("ipFlags", "tcpFStat")}


def ja4t(packet):
    at = packet.fields
    kinds = "-".join(at["tcp.option_kind"]) or "00"
    return "_".join((at["tcp.window_size_value"][-1], kinds, (at["tcp.options.mss_val"] or ["00"])[-1],
                     (at["tcp.options.wscale.shift"] or ["00"])[-1]))


def last(packet, name):
    """Of the innermost header."""
    return (packet.fields[name] or [""])[-1]


def checksum_bits(packets):
    """ipFlags and tcpFStat of a direction, by tshark's verdicts."""
    of_ip = [last(p, "ip.checksum.status") for p in packets]
    of_l4 = [last(p, "tcp.checksum.status") or last(p, "udp.checksum.status") for p in packets
             if int(last(p, "ip.len") or 0) <= MOST and int(last(p, "ipv6.plen") or 0) + 40 <= MOST]
    wrong = [status in (WRONG, ILLEGAL) for status in of_l4]
    judged = any(wrong) or RIGHT in of_l4
    return 0x0400 * (WRONG in of_ip) | 0x0800 * any(wrong), 0x1000 * judged


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
        packets = tshark_packets(capture, "tcp || udp", SUMS, *JUDGE)
        for row, sent in by_row(flow_rows(flowxdp, capture, "tcp_flags:ipchecksum=2"), packets):
            if row is None or row["l4Proto"] not in (6, 17) or row["pktsSnt"] != len(sent):
                continue
            ip_flags, status = checksum_bits(sent)
            check.add(capture, row, "ipFlags", f"0x{ip_flags:04x}", f"0x{int(row['ipFlags'], 0) & 0x0c00:04x}")
            check.add(capture, row, "tcpFStat", f"0x{status:04x}", f"0x{int(row['tcpFStat'], 0) & 0x1000:04x}")
    return check.summary()


if __name__ == "__main__":
    sys.exit(main())
