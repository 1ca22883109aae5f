#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""icmp_tshark.py --flowxdp BIN CAPTURE...: types, echo, errors and quoted packets of ICMP rows, packet rows and the summary file beside
tshark's dissectors.

The flowInd of a quoted packet's flow is looked up in the rows themselves: the newest flow of that tuple that began before the error.
"""
import collections
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/support"))
from tshark_fields import FIELD, VALUE, Comparison, Key, address, arguments, because, by_row, flow_rows, nanoseconds, row_key

TYPES, PACKET = ("icmpType_Code_Cnt", "icmpEchoId"), ("icmpType, icmpCode", "icmpID, icmpSeq")
TAGS = ("brcm-tag.pcap", "brcm-tag-prepend.pcap", "dsa.pcap", "dsa-high-vid.pcap", "edsa.pcap", "edsa-high-vid.pcap", "tcpdump__brcm-tag.pcap",
        "tcpdump__brcm-tag-prepend.pcap", "tcpdump__dsa-high-vid.pcap")
EXPLAINED = {
    **because("tshark does not read frames of this link type", ("icmp6_nodeinfo_oobr.pcap", "tcpdump__icmp6_nodeinfo_oobr.pcap"),
              ("icmpType_Code_Cnt", "_icmpStats.txt ICMPv6")),
    **because("tshark does not read tags of this link type", TAGS, (*TYPES, "_icmpStats.txt ICMP")),
    **because("tshark gives no field of a message with an option of length 0",
              ("icmpv6-length-zero.pcapng", "tcpdump__icmpv6-length-zero.pcapng"), ("icmpType_Code_Cnt", "_icmpStats.txt ICMPv6")),
    **because("VXLAN on a port that tshark does not know", ["vxlan_port_8472.pcap"], (*TYPES, "_icmpStats.txt ICMP")),
    **because("a tunnel from a known port to another one is not entered", ["ayiya3.pcap"], ("row", *PACKET, "_icmpStats.txt ICMPv6")),
    **because("Geneve from port 0 is not entered", ["geneve.pcap"], ("row", *PACKET, "_icmpStats.txt ICMP")),
    **because("more fragment headers in one another than are read", ["frag-11.pcap"],
              ("quoted packets", "icmpType_Code_Cnt", *PACKET, "_icmpStats.txt ICMPv6")),
    **because("more fragment headers in one another than are read", ["frag-12.pcap"],
              ("icmpType_Code_Cnt", *PACKET, "_icmpStats.txt ICMPv6")),
    **because("a packet that sFlow sampled is not the sender's own", ["filestore-5408__input.pcap"], ("row", *PACKET, "_icmpStats.txt ICMP")),
}
FIELDS = ["frame.number", "frame.time_epoch", "frame.protocols", "vlan.id", "ip.src", "ip.dst", "ip.proto", "ip.frag_offset", "ipv6.src",
          "ipv6.dst", "icmp.type", "icmp.code", "icmp.ident", "icmp.mtu", "icmp.redir_gw", "icmpv6.type", "icmpv6.code",
          "icmpv6.echo.identifier", "icmpv6.mtu", "icmp.seq", "icmpv6.echo.sequence_number", "tcp.srcport", "tcp.dstport", "udp.srcport",
          "udp.dstport", "sctp.srcport", "sctp.dstport", "_ws.malformed"]
ERRORS = {1: (3, 4, 5, 11, 12), 58: (1, 2, 3, 4)}
MOST = 8  # elements of a list
Packet = collections.namedtuple("Packet", "number time_ns key fields quote")


def packets_of(capture):
    """The outermost ICMP message of each frame, with the packet that it quotes: (protocol, source, port, destination, port)."""
    command = ["tshark", "-n", "-r", str(capture), "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-Y", "icmp || icmpv6",
               "-T", "fields", "-E", f"separator={FIELD}", "-E", "occurrence=a", "-E", f"aggregator={VALUE}"]
    for name in FIELDS:
        command += ["-e", name]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode(errors="replace")
    for line in filter(None, text.split("\n")):
        at = dict(zip(FIELDS, ([*cell.split(VALUE)] if cell else [] for cell in line.split(FIELD))))
        layers = at["frame.protocols"][0].split(":")
        message = next(i for i, layer in enumerate(layers) if layer in ("icmp", "icmpv6"))
        before, after = ([layer for layer in part if layer in ("ip", "ipv6")] for part in (layers[:message], layers[message + 1:]))
        if not before:
            continue
        ip, n = before[-1], before.count(before[-1]) - 1
        proto = 1 if layers[message] == "icmp" else 58
        key = Key(address(at[ip + ".src"][n]), 0, address(at[ip + ".dst"][n]), 0, proto, int(at["vlan.id"][-1]) if at["vlan.id"] else 0)
        quote = None
        if after:
            quoted, m = after[0], before.count(after[0])
            rest = layers[layers.index(quoted, message) + 1:]
            l4 = next((layer for layer in rest if layer in ("tcp", "udp", "sctp", "icmp", "icmpv6")), None)
            # Ports of a tunnel around the message would come first.
            skip = layers[:message].count(l4)
            number = {"tcp": 6, "udp": 17, "sctp": 132, "icmp": 1, "icmpv6": 58}.get(l4)
            if number is None and quoted == "ip" and len(at["ip.proto"]) > m:
                number = int(at["ip.proto"][m])
            ports = [int(at[l4 + name][skip]) if l4 in ("tcp", "udp", "sctp") and len(at[l4 + name]) > skip else 0
                     for name in (".srcport", ".dstport")]
            if len(at[quoted + ".dst"]) > m:  # else the quote is cut
                quote = (number, address(at[quoted + ".src"][m]), ports[0], address(at[quoted + ".dst"][m]), ports[1])
        yield Packet(int(at["frame.number"][0]), nanoseconds(at["frame.time_epoch"][0]), key, at, quote)


def distinct(items):
    return list(dict.fromkeys(items))


def flow_of(quote, rows, before_ns):
    """flowInd of the newest row of the quoted tuple, in either direction, that began before the error; 0: none."""
    proto, src, sport, dst, dport = quote
    found = 0
    for row in rows:
        if row["srcIP"] == "-" or row["l4Proto"] != proto or nanoseconds(row["timeFirst"]) > before_ns:
            continue
        ends = ((address(row["srcIP"]), row["srcPort"]), (address(row["dstIP"]), row["dstPort"]))
        if ends in (((src, sport), (dst, dport)), ((dst, dport), (src, sport))):
            found = max(found, row["flowInd"])
    return found


def compare(check, capture, flowxdp):
    rows = flow_rows(flowxdp, capture, "icmp")
    for row, sent in by_row(rows, list(packets_of(capture))):
        if row is None:
            check.add(capture, None, "row", [p.number for p in sent], [])
            continue
        if row["l4Proto"] not in ERRORS:
            continue
        name = "icmp" if row["l4Proto"] == 1 else "icmpv6"
        whole = [p for p in sent if p.fields[name + ".type"] and p.fields[name + ".code"]]
        types = [(int(p.fields[name + ".type"][0]), int(p.fields[name + ".code"][0])) for p in whole]
        counts = collections.Counter(types)
        check.add(capture, row, "icmpType_Code_Cnt", [f"{t}_{c}_{counts[t, c]}" for t, c in distinct(types)][:MOST],
                  row["icmpType_Code_Cnt"])
        ids = [p.fields["icmp.ident" if name == "icmp" else "icmpv6.echo.identifier"] for p, (t, _) in zip(whole, types)
               if t in ((0, 8) if name == "icmp" else (128, 129))]
        check.add(capture, row, "icmpEchoId", distinct(int(i[0], 0) for i in ids if i)[:MOST], row["icmpEchoId"])
        errors = [p for p, (t, _) in zip(whole, types) if t in ERRORS[row["l4Proto"]]]
        check.add(capture, row, "icmpErrCnt", len(errors), row["icmpErrCnt"])
        ours = list(zip(row["icmpQL4Proto"], map(address, row["icmpQSrcIP"]), row["icmpQSrcPort"], map(address, row["icmpQDstIP"]),
                        row["icmpQDstPort"]))
        # Protocols behind extension headers that tshark has no name for: the addresses tell.
        unnamed = {q[1:]: q[0] for q in ours}
        named = [(p.time_ns, p.quote if p.quote[0] is not None else (unnamed.get(p.quote[1:]), *p.quote[1:])) for p in errors if p.quote]
        quotes = distinct(quote for _, quote in named)[:MOST]
        check.add(capture, row, "quoted packets", quotes, ours)
        if quotes == ours:
            last = dict((quote, time) for time, quote in named)
            check.add(capture, row, "icmpQFindex", [flow_of(q, rows, last[q]) for q in quotes], row["icmpQFindex"])
        mtu = [int(v) for p in errors for v in p.fields[name + ".mtu"][:1] if int(v)]
        check.add(capture, row, "icmpMTU", min(mtu, default=0), row["icmpMTU"])


def packet_rows(capture, flowxdp):
    """Rows of packet mode by the packet's number, and the lines of the summary: (type, code) -> messages, of ICMP and of ICMPv6."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([flowxdp, "replay", "-q", "-s", str(capture), "--plugin", "icmp", "-w", folder + "/run"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode not in (0, 3):
            raise RuntimeError(f"{capture}: {done.stderr.decode(errors='replace')}")
        with open(folder + "/run_packets.txt", errors="replace", newline="\n") as lines:
            names = lines.readline().lstrip("%").rstrip("\n").split("\t")
            packets = {}
            for line in lines:
                row = dict(zip(names, line.rstrip("\n").split("\t")))
                packets[int(row["pktNo"])] = row
        counts = {1: {}, 58: {}}
        with open(folder + "/run_icmpStats.txt") as lines:
            for line in lines:
                if line.startswith("# ICMPv6 Type"):
                    table = counts[58]
                elif line.startswith("# ICMP Type"):
                    table = counts[1]
                elif line[0].isdigit():
                    kind, code, messages = line.split("\t")[:3]
                    table[int(kind), int(code)] = int(messages.split()[0])
        return packets, counts


def compare_packets(check, capture, flowxdp):
    rows, counts = packet_rows(capture, flowxdp)
    wanted = {1: collections.Counter(), 58: collections.Counter()}
    for packet in packets_of(capture):
        proto = packet.key.proto
        name, ident, sequence, echo = (("icmp", "icmp.ident", "icmp.seq", (0, 8)) if proto == 1 else
                                       ("icmpv6", "icmpv6.echo.identifier", "icmpv6.echo.sequence_number", (128, 129)))
        at, row = packet.fields, rows.get(packet.number)
        if row is None or not at[name + ".type"] or not at[name + ".code"]:
            continue
        kind, code = int(at[name + ".type"][0]), int(at[name + ".code"][0])
        wanted[proto][kind, code] += 1
        row = {**row, "dir": ""}
        check.add(capture, row, "icmpType, icmpCode", (str(kind), str(code)), (row["icmpType"], row["icmpCode"]))
        if kind in echo and at[ident] and at[sequence]:
            # tshark gives both in either byte order; the first one is the network's.
            theirs = (int(at[ident][0], 0), int(at[sequence][0], 0))
            check.add(capture, row, "icmpID, icmpSeq", theirs, (int(row["icmpID"] or "-1", 0), int(row["icmpSeq"] or "-1", 0)))
    for proto, name in ((1, "ICMP"), (58, "ICMPv6")):
        check.add(capture, None, "_icmpStats.txt " + name, dict(wanted[proto]), counts[proto])


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        compare(check, capture, flowxdp)
        compare_packets(check, capture, flowxdp)
    sys.exit(check.summary())


main()
