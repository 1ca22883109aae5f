#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ndpi_reader.py --flowxdp BIN CAPTURE...: ndpi's columns beside what ndpiReader (package libndpi-bin, the same library) says of each flow.

A flow of ndpiReader is compared with the biflow of its tuple; tuples that stand for several flows on either side are not compared: the
two end flows by other rules. Exit 1 on a difference that EXPLAINED does not name, 77 without ndpiReader.
"""
import argparse
import collections
import gzip
import ipaddress
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, flow_rows

# (name of the capture, field): why ndpiReader says something else
EXPLAINED = {}
PLUGIN = "ndpi"
NAMES = {1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 58: "ICMPV6", 132: "SCTP"}
FLOW = re.compile(r"^\s+\d+\s+(?P<proto>[A-Za-z0-9-]+) \[?(?P<a>[0-9a-f.:]+?)\]?:(?P<aport>\d+) (?:<->|->) \[?(?P<b>[0-9a-f.:]+?)\]?:(?P<bport>\d+) (?P<rest>.*)$")


def key(proto, *ends):
    return (proto, *sorted((str(ipaddress.ip_address(address)), int(port)) for address, port in ends))


def reader_flows(capture):
    """Key -> [(number, name, confidence, category, risk score)] of ndpiReader's flows."""
    with tempfile.TemporaryDirectory() as folder:
        path = capture.resolve()
        if capture.suffix == ".gz":  # it reads plain files
            path = pathlib.Path(folder) / capture.stem
            path.write_bytes(gzip.decompress(capture.read_bytes()))
        done = subprocess.run(["ndpiReader", "-i", str(path), "-v", "2"], capture_output=True, text=True, errors="replace", cwd=folder)
    flows = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        found = FLOW.match(line)
        if not found or "[proto: " not in line:
            continue
        try:
            tuple_ = key(found["proto"].upper(), (found["a"], found["aport"]), (found["b"], found["bport"]))
        except ValueError:
            continue  # ndpiReader 4.2 shortens some IPv6 addresses twice
        rest = found["rest"]
        number, name = re.search(r"\[proto: ([\d.]+)/([^\]]*)\]", rest).groups()
        confidence = re.search(r"\[Confidence: ([^\]]*)\]", rest)
        category = re.search(r"\[cat: ([^\]]*)/\d+\]", rest)
        score = re.search(r"\[Risk Score: (\d+)\]", rest)
        packets = sum(int(n) for n in re.search(r"\[(\d+) pkts/\d+ bytes <?-> (\d+) pkts", rest).groups())
        flows[tuple_].append(
            (number, name, confidence[1] if confidence else "Unknown", category[1] if category else "Unspecified",
             int(score[1]) if score else 0, packets))
    return flows


def our_flows(flowxdp, capture):
    flows = collections.defaultdict(dict)
    for row in flow_rows(flowxdp, str(capture), PLUGIN):
        if row["srcIP"] != "-":
            proto = NAMES.get(row["l4Proto"], str(row["l4Proto"]))
            flows[key(proto, (row["srcIP"], row["srcPort"]), (row["dstIP"], row["dstPort"]))].setdefault(row["flowInd"], []).append(row)
    return flows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flowxdp", required=True, metavar="BIN")
    parser.add_argument("captures", nargs="+", type=pathlib.Path, metavar="CAPTURE")
    given = parser.parse_args()
    if not shutil.which("ndpiReader"):
        print("SKIP: ndpiReader is not installed (package libndpi-bin)")
        return 77
    check, several, alone, other_packets = Comparison(EXPLAINED), 0, 0, 0
    captures = []
    for path in given.captures:
        captures += sorted(f for f in path.rglob("*") if ".pcap" in f.name) if path.is_dir() else [path]
    for capture in captures:
        theirs, ours = reader_flows(capture), our_flows(given.flowxdp, capture)
        for tuple_, found in theirs.items():
            mine = ours.get(tuple_, {})
            if not mine:
                alone += 1
                continue
            if len(found) > 1 or len(mine) > 1:
                several += 1
                continue
            number, name, confidence, category, score, packets = found[0]
            row = next(iter(mine.values()))[0]
            if row["pktsSnt"] + row["pktsRcvd"] != packets:
                other_packets += 1
                continue
            master, _, application = number.rpartition(".")
            check.add(capture, row, "nDPISubProto", int(application), row["nDPISubProto"])
            check.add(capture, row, "nDPIMstrProto", int(master or 0), row["nDPIMstrProto"])
            check.add(capture, row, "nDPIclass", name, row["nDPIclass"])
            check.add(capture, row, "nDPIConfidence", confidence, row["nDPIConfidence"])
            check.add(capture, row, "nDPICategory", category, row["nDPICategory"])
            check.add(capture, row, "nDPIRiskScore", score, row["nDPIRiskScore"])
    print(f"not compared: {several} tuples of several flows, {alone} that are another flow here (tunnels, fragments, link types), "
          f"{other_packets} with another number of packets")
    return check.summary()


if __name__ == "__main__":
    sys.exit(main())
