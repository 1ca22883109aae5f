# SPDX-License-Identifier: BSD-2-Clause
"""direction_packets.py - the packets of each row, with lengths, times and intervals by tshark: what the statistics plugins count.

    for row, packets in rows_with_packets(flowxdp, capture, "nfrst_pkts"):
        packets[0].l7, packets[0].interval_ns
"""

import collections
import subprocess

from tshark_fields import by_row, flow_rows, nanoseconds, tshark_packets

FIELDS = ["frame.len", "frame.encap_type", "tcp.len", "tcp.hdr_len", "udp.length", "ip.len", "ip.hdr_len", "ipv6.plen"]
ETHERNET = "1"
MINUTE = 60 * 10**9

Counted = collections.namedtuple("Counted", "number time_ns clock_ns interval_ns l2 l7 fields")


def packet_clock(capture):
    """Frame number -> packet clock, ns: it follows the time stamps, and steps back by more than a minute only."""
    done = subprocess.run(["tshark", "-n", "-r", str(capture), "-T", "fields", "-e", "frame.number", "-e", "frame.time_epoch"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    clock, at = None, {}
    for line in done.stdout.splitlines():
        number, time = line.split("\t")
        time_ns = nanoseconds(time)
        if clock is None or time_ns > clock or clock - time_ns > MINUTE:
            clock = time_ns
        at[int(number)] = clock
    return at


def payload(packet):
    """Bytes that the IP header claims, as flowxdp counts. tshark's own numbers end with the frame or the UDP header's claim, which differ
    when a header is damaged. None: tshark knows no length."""
    at = packet.fields
    tcp = packet.key.proto == 6
    if not at["tcp.len" if tcp else "udp.length"]:
        return None
    if ":" not in packet.key.src and at["ip.len"] and at["ip.hdr_len"]:
        return int(at["ip.len"][-1]) - int(at["ip.hdr_len"][-1]) - (int(at["tcp.hdr_len"][-1]) if tcp else 8)
    return int(at["tcp.len"][-1]) if tcp else int(at["udp.length"][-1]) - 8


def rows_with_packets(flowxdp, capture, plugin, fields=(), options=()):
    """(row, its packets) of every TCP and UDP row of which tshark knows as many packets as the row counts, and how many rows have
    others: fragments, cut headers, tunnels that tshark does not open. l2 is None where the link is not Ethernet."""
    packets = tshark_packets(capture, "tcp || udp", FIELDS + list(fields))
    clock = packet_clock(capture)
    rows = flow_rows(flowxdp, capture, plugin, *options)
    found, others = [], 0
    for row, sent in by_row(rows, packets):
        if row is None or row["l4Proto"] not in (6, 17):
            continue
        if len(sent) != row["pktsSnt"]:
            others += 1
            continue
        counted, before = [], None
        for packet in sent:
            now = clock[packet.number]
            at = packet.fields
            counted.append(Counted(packet.number, packet.time_ns, now, 0 if before is None else max(0, now - before),
                                   int(at["frame.len"][0]) if at["frame.encap_type"] == [ETHERNET] else None, payload(packet), at))
            before = now
        if any(packet.l7 is None or packet.l7 < 0 for packet in counted):
            others += 1
            continue
        found.append((row, counted))
    return found, others


def seconds_text(ns):
    return f"{'-' if ns < 0 else ''}{abs(ns) // 10**9}.{abs(ns) % 10**9:09}"
