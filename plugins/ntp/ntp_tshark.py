#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ntp_tshark.py --flowxdp BIN CAPTURE...: the columns of ntp against tshark's dissector, for each direction of each flow.

Exit 1 on a difference that EXPLAINED does not name, 77 without tshark.
"""
import calendar
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, arguments, because, by_row, flow_rows, nanoseconds, tshark_packets, values

TIMES = {"ntp.reftime": "ntpRefTS", "ntp.org": "ntpOrigTS", "ntp.rec": "ntpRecTS", "ntp.xmt": "ntpTranTS"}
FIELDS = ["ntp.flags.li", "ntp.flags.vn", "ntp.flags.mode", "ntp.stratum", "ntp.ppoll", "ntp.precision", "ntp.rootdelay",
          "ntp.rootdispersion", "ntp.refid", *TIMES]
SHORT = "flowxdp reads a message of 48 bytes or none; tshark reads the 10 that this first fragment has"
EXPLAINED = {**because(SHORT, ["fragmented-1.pcap"], ("messages", "ntp.flags", "ntp.rootdelay")),
             **because(SHORT, ["fragmented-2.pcap"], ("messages", "modes"))}


def time_ns(text):
    """"Jul 14, 2015 13:48:01.953238382 UTC"; tshark's "NULL" and the era's start are 0."""
    match = re.match(r"(\w+ +\d+, \d+ \d+:\d+:\d+)(?:\.(\d+))? UTC$", text)
    if not match:
        return 0
    seconds = calendar.timegm(time.strptime(match[1], "%b %d, %Y %H:%M:%S"))
    return seconds * 10**9 + int((match[2] or "").ljust(9, "0")[:9])


def compare(check, capture, row, sent):
    def add(field, wanted, found):
        check.add(capture, row, field, wanted, found)

    def first(field, default=0):
        found = values(sent, field)
        return int(found[0], 0) if found else default

    modes = [int(text) for text in values(sent, "ntp.flags.mode")]
    add("messages", len(modes), row["ntpNumMsg"])
    add("ntp.flags", f"{first('ntp.flags.li')}_{first('ntp.flags.vn')}_{first('ntp.flags.mode')}", row["ntpLi_V_M"])
    add("modes", sum(1 << mode for mode in set(modes)), int(row["ntpModes"], 0))
    headers = [packet for packet in sent if packet.fields["ntp.xmt"]]  # whole ones
    if not headers:
        return
    head = headers[0].fields
    add("ntp.stratum", int(head["ntp.stratum"][0]), int(row["ntpStrat"], 0))
    poll = int(head["ntp.ppoll"][0])  # signed; tshark has it without sign
    add("ntp.ppoll", 0 if poll > 127 else min(1 << poll, 0xffffffff), row["ntpPollInt"])
    precision = int(head["ntp.precision"][0])
    add("ntp.precision", f"{2.0**(precision - 256 if precision > 127 else precision):.7g}", f"{row['ntpPrec']:.7g}")
    for field, low, high in (("ntp.rootdelay", "ntpRtDelMin", "ntpRtDelMax"), ("ntp.rootdispersion", "ntpRtDispMin", "ntpRtDispMax")):
        found = [int(text) / 65536 for text in values(sent, field)]
        add(field, [f"{min(found):.6f}", f"{max(found):.6f}"], [f"{row[low]:.6f}", f"{row[high]:.6f}"])
    octets = bytes.fromhex(head["ntp.refid"][0].replace(":", ""))
    if int(row["ntpStrat"], 0) >= 2:
        add("ntp.refid", ".".join(map(str, octets)), row["ntpRefClkId"])
    else:
        add("ntp.refid", octets.split(b"\0")[0].decode(errors="replace"), row["ntpRefStrId"])
    for field, column in TIMES.items():
        add(field, time_ns(values(sent, field)[-1]), nanoseconds(row[column]))


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        packets = tshark_packets(capture, "ntp && udp.port == 123", FIELDS)
        for row, sent in by_row(flow_rows(flowxdp, capture, "ntp"), packets):
            if row is None:
                for packet in sent:
                    check.add(capture, None, "flow", f"packet {packet.number}", "none")
            elif sent or int(row["ntpStat"], 0) & 1:
                compare(check, capture, row, sent)
    return check.summary()


if __name__ == "__main__":
    sys.exit(main())
