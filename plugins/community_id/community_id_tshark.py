#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""community_id_tshark.py --flowxdp BIN CAPTURE...: Community IDs of rows beside tshark's own (protocol communityid, seed 0).

tshark names each packet. A row's ID is that of the flow's first packet; of an ICMP flow later packets may have others.
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/support"))
from tshark_fields import FIELD, VALUE, Comparison, arguments, flow_rows, nanoseconds

# (name of the capture, field): why tshark says something else
EXPLAINED = {}


def ids_of(capture):
    """(time of a packet, its ID) in order; packets in a tunnel and later fragments are left out: tshark names the outer flow."""
    command = ["tshark", "-n", "-r", str(capture), "--enable-protocol", "communityid", "-o", "ip.defragment:FALSE", "-o",
               "ipv6.defragment:FALSE", "-T", "fields", "-E", f"separator={FIELD}", "-E", "occurrence=a", "-E", f"aggregator={VALUE}", "-e",
               "frame.time_epoch", "-e", "communityid", "-e", "frame.protocols"]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode(errors="replace")
    for line in filter(None, text.split("\n")):
        time, identity, protocols = line.split(FIELD)
        layers = protocols.split(":")
        quoting = next((i for i, layer in enumerate(layers) if layer in ("icmp", "icmpv6")), len(layers))
        if identity and sum(layer in ("ip", "ipv6") for layer in layers[:quoting]) == 1:
            yield nanoseconds(time), identity.split(VALUE)[0]


def compare(check, capture, flowxdp):
    by_time = {}
    for time, identity in ids_of(capture):
        by_time.setdefault(time, set()).add(identity)
    begins = {}
    rows = flow_rows(flowxdp, capture, "community_id")
    for row in rows:
        first = nanoseconds(row["timeFirst"])
        begins[row["flowInd"]] = min(first, begins.get(row["flowInd"], first))
    for row in rows:
        named = by_time.get(begins[row["flowInd"]], set())
        if row["srcIP"] == "-" or not named:
            continue
        # Packets of one time stamp: one of their IDs is the row's.
        check.add(capture, row, "communityID", True, row["communityID"] in named)


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        compare(check, capture, flowxdp)
    sys.exit(check.summary())


main()
