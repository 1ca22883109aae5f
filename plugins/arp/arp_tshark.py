#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""arp_tshark.py --flowxdp BIN CAPTURE...: opcodes, pairs and conflicts of ARP rows beside tshark's dissector.

tshark says what is in each message; pairs of a row and conflicts over the run are worked out here from that.
"""
import collections
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/support"))
from tshark_fields import FIELD, VALUE, Comparison, arguments, because, flow_rows, nanoseconds

EXPLAINED = {
    **because("ARP inside CAPWAP: a tunnel without an IP header in it is not entered", ("capwap.pcap", "nDPI__capwap.pcap"), ["row"]),
    **because("tshark compares addresses of a message that is cut before them", ("arp-too-long-tha.pcap", "tcpdump__arp-too-long-tha.pcap"),
              ["arpStat gratuitous"]),
    **because("tshark does not read tags of this link type", ("brcm-tag.pcap", "brcm-tag-prepend.pcap", "dsa.pcap", "edsa.pcap",
                                                              "tcpdump__brcm-tag.pcap", "tcpdump__brcm-tag-prepend.pcap"), ["messages"]),
}
FIELDS = ["frame.number", "frame.time_epoch", "vlan.id", "ieee8021ad.id", "eth.src", "eth.dst", "wlan.sa", "wlan.da", "arp.hw.type", "arp.opcode", "arp.src.hw_mac",
          "arp.src.proto_ipv4", "arp.dst.hw_mac", "arp.dst.proto_ipv4", "arp.isgratuitous", "arp.isprobe"]
NOBODY_MAC, NOBODY_IP = ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"), ("0.0.0.0", "255.255.255.255")
MOST = 10  # pairs of a row
REQUEST, REPLY, REVERSE_REPLY = 1, 2, 4


def packets_of(capture):
    command = ["tshark", "-n", "-r", str(capture), "-Y", "arp", "-T", "fields", "-E", f"separator={FIELD}", "-E", "occurrence=a", "-E",
               f"aggregator={VALUE}"]
    for name in FIELDS:
        command += ["-e", name]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode(errors="replace")
    for line in filter(None, text.split("\n")):
        at = dict(zip(FIELDS, ([*cell.split(VALUE)] if cell else [] for cell in line.split(FIELD))))
        at["src"], at["dst"] = at["eth.src"] or at["wlan.sa"], at["eth.dst"] or at["wlan.da"]
        if at["src"]:
            at["time_ns"] = nanoseconds(at["frame.time_epoch"][0])
            at["vlan"] = int((at["vlan.id"] or at["ieee8021ad.id"] or ["0"])[-1])
            yield at


def claims_of(packet):
    """(MAC, address) of each pair that a message claims."""
    if not (packet["arp.opcode"] and packet["arp.src.hw_mac"] and packet["arp.dst.proto_ipv4"]):
        return []
    opcode = int(packet["arp.opcode"][0])
    if opcode not in (REQUEST, REPLY, REVERSE_REPLY):
        return []
    sender, target = ((packet[f"arp.{end}.hw_mac"][0], packet[f"arp.{end}.proto_ipv4"][0]) for end in ("src", "dst"))
    claims = [sender] + ([target] if opcode != REQUEST and target[1] != sender[1] else [])
    return [claim for claim in claims if claim[0] not in NOBODY_MAC]


def compare(check, capture, flowxdp):
    rows = [row for row in flow_rows(flowxdp, capture, "arp") if row["ethType"] in ("0x0806", "0x8035")]
    waiting = collections.defaultdict(list)
    owners = {}
    for packet in packets_of(capture):
        packet["events"] = []  # (MAC, address, claimed now)
        packet["conflict"] = False
        for mac, ip in claims_of(packet):
            packet["events"].append((mac, ip, 1))
            if ip in NOBODY_IP:
                continue
            before = owners.get((packet["vlan"], ip), mac)
            owners[packet["vlan"], ip] = mac
            if before != mac:
                packet["events"].append((before, ip, 0))
                packet["conflict"] = True
        waiting[packet["src"][-1], packet["dst"][-1], packet["vlan"]].append(packet)
    for row in rows:
        key = (row["srcMac"][0], row["dstMac"][0], row["vlanID"][-1] if row["vlanID"] else 0)
        first, last = nanoseconds(row["timeFirst"]), nanoseconds(row["timeLast"])
        sent = [packet for packet in waiting[key] if first <= packet["time_ns"] <= last]
        waiting[key] = [packet for packet in waiting[key] if not first <= packet["time_ns"] <= last]
        if not sent:
            check.add(capture, row, "messages", 0, row["pktsSnt"])
            continue
        opcodes = {int(packet["arp.opcode"][0]) for packet in sent if packet["arp.opcode"]}
        check.add(capture, row, "arpOpcode", sum(1 << opcode for opcode in opcodes if opcode < 16), int(row["arpOpcode"], 0))
        check.add(capture, row, "arpHwType", int(sent[0]["arp.hw.type"][0]), row["arpHwType"])
        pairs = {}
        for packet in sent:
            for mac, ip, count in packet["events"]:
                pairs[mac, ip] = pairs.get((mac, ip), 0) + count
        check.add(capture, row, "arpMac_Ip_Cnt", [f"{mac}_{ip}_{n}" for (mac, ip), n in pairs.items()][:MOST], row["arpMac_Ip_Cnt"])
        stat = int(row["arpStat"], 0)
        check.add(capture, row, "arpStat gratuitous", any(p["arp.isgratuitous"] for p in sent), bool(stat & 2))
        check.add(capture, row, "arpStat probe", any(p["arp.isprobe"] for p in sent), bool(stat & 4))
        check.add(capture, row, "arpStat conflict", any(p["conflict"] for p in sent), bool(stat & 0x80))
    left = [packet["frame.number"][0] for rest in waiting.values() for packet in rest]
    if left:
        check.add(capture, None, "row", left, [])


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        compare(check, capture, flowxdp)
    sys.exit(check.summary())


main()
