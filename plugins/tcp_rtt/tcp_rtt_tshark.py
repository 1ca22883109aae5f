#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tcp_rtt_tshark.py --flowxdp BIN CAPTURE...: trips beside those that follow from tshark's numbers and times.

Each connection is followed here once more, in floating point, by RFC 6298 3 and Karn's rule, from tcp.seq_raw, tcp.ack_raw, tcp.len and
flags. Where a trip ends with the acknowledgment of exactly the timed segment, and time stamps are in order, tshark's tcp.analysis.ack_rtt
is the same time; where both trips of a handshake were timed, their sum is tcp.analysis.initial_rtt.
"""

import collections
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from direction_packets import packet_clock  # noqa: E402
from tshark_fields import Comparison, arguments, by_row, flow_rows, tshark_packets  # noqa: E402

FIELDS = ["tcp.seq_raw", "tcp.ack_raw", "tcp.len", "tcp.flags", "tcp.analysis.ack_rtt", "tcp.analysis.initial_rtt", "tcp.window_size_value"]
FIN, SYN, RST, ACK = 1, 2, 4, 16
LONGEST = 53.6870911
EXPLAINED = {("nfstream__alexa-app.pcapng", "initial_rtt"): "tshark counts from the last SYN, which was sent after the SYN-ACK of the first"}


def before(a, b):
    return (a - b) & 0xFFFFFFFF >= 1 << 31


class Direction:
    def __init__(self):
        self.high = self.timed = None  # timed: (end, clock, is a SYN)
        self.closed = False
        self.trips = []  # (seconds, packet that ended it, whether ack_rtt is the same, of a SYN)


def follow(packets):
    """packets: (packet, direction 0 or 1, clock) in order. The trips that each direction's acknowledgments ended."""
    ends = [Direction(), Direction()]
    for packet, side, clock in packets:
        d, o = ends[side], ends[side ^ 1]
        at = packet.fields
        flags, seq, length = int(at["tcp.flags"][-1], 0), int(at["tcp.seq_raw"][-1]), int(at["tcp.len"][-1])
        if flags & RST:
            d.closed = True
            continue
        if flags & ACK and o.timed:
            ack = int(at["tcp.ack_raw"][-1])
            end, started, syn, by_clock = o.timed
            if not before(ack, end) and not before(o.high, ack):
                o.timed = None
                # Units of 100 ns, as they are counted
                trip = (clock // 100 - started // 100) / 1e7
                if 0 <= trip <= LONGEST:
                    # tshark takes time stamps, which step back where the packet clock does not
                    d.trips.append((trip, packet, ack == end and not by_clock and clock == packet.time_ns, syn))
        if flags & SYN:
            end = (seq + 1) & 0xFFFFFFFF
            if d.timed and d.timed[2] and d.timed[0] == end:
                d.timed = None
                continue
            open_here = not d.closed and not o.closed
            if d.high is not None and open_here and (o.high is not None or d.high == (end + length) & 0xFFFFFFFF):
                continue
            if not flags & ACK:
                o.high = o.timed = None
                o.closed = False
            d.closed = bool(flags & FIN)
            d.high = (end + length) & 0xFFFFFFFF
            d.timed = (end, clock, True, clock != packet.time_ns)
            continue
        space = length + bool(flags & FIN)
        if space:
            end = (seq + space) & 0xFFFFFFFF
            if d.high is not None and before(seq, d.high):
                d.timed = None
                if before(d.high, end):
                    d.high = end
            else:
                d.high = end
                d.timed = d.timed or (end, clock, False, clock != packet.time_ns)
        if flags & FIN:
            d.closed = True
    return ends


def smooth(trips):
    smoothed = variation = None
    for trip in trips:
        if smoothed is None:
            smoothed, variation = trip, trip / 2
        else:
            variation += (abs(smoothed - trip) - variation) / 4
            smoothed += (trip - smoothed) / 8
    return smoothed, variation


flowxdp, captures = arguments(__doc__)
check, others = Comparison(EXPLAINED), 0
for capture in captures:
    packets = tshark_packets(capture, "tcp", FIELDS)
    clock = packet_clock(capture)
    flows = collections.defaultdict(dict)
    for row, sent in by_row([r for r in flow_rows(flowxdp, capture, "tcp_rtt") if r["l4Proto"] == 6], packets):
        if row is not None:
            flows[row["flowInd"]][row["dir"]] = (row, sent)
    for rows in flows.values():
        if any(len(sent) != row["pktsSnt"] or any(not p.fields["tcp.window_size_value"] for p in sent) for row, sent in rows.values()):
            others += 1
            continue
        both = sorted(((p, "AB".index(letter), clock[p.number]) for letter, (_, sent) in rows.items() for p in sent),
                      key=lambda item: item[0].number)
        for letter, end in zip("AB", follow(both)):
            if letter not in rows:
                continue
            row = rows[letter][0]
            times = [trip for trip, *_ in end.trips]
            check.add(capture, row, "tcpRttCnt", len(times), row["tcpRttCnt"])
            smoothed, variation = smooth(times)
            for name, want in (("tcpRttMin", min(times, default=None)), ("tcpRttMax", max(times, default=None)),
                               ("tcpRttSmooth", smoothed), ("tcpRttVar", variation)):
                got = None if row[name] is None else float(row[name])
                near = want is not None and got is not None and math.isclose(got, want, rel_tol=1e-6, abs_tol=1.2e-6)
                check.add(capture, row, name, want, want if near else got)
            for trip, packet, exact, _ in end.trips:
                seen = packet.fields["tcp.analysis.ack_rtt"]
                if exact and seen:
                    check.add(capture, row, "ack_rtt", float(seen[-1]),
                              float(seen[-1]) if abs(float(seen[-1]) - trip) < 2e-7 else trip)
        first = [next((trip for trip, _, _, syn in end.trips if syn), None) for end in follow(both)]
        initial = next((p.fields["tcp.analysis.initial_rtt"][-1] for p, *_ in both if p.fields["tcp.analysis.initial_rtt"]), None)
        if initial and None not in first:
            check.add(capture, rows["A"][0], "initial_rtt", float(initial),
                      float(initial) if abs(float(initial) - sum(first)) < 3e-7 else sum(first))
print(f"{others} flows of other packets than tshark's are not compared")
sys.exit(check.summary())
