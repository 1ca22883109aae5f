#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""quic_tshark.py --flowxdp BIN CAPTURE...: the columns of quic against tshark's dissector, for each direction of each flow.

tshark opens Initial packets, too; port 853 has to be named to it. JA4 is computed here from its lists. Exit 1 on a difference that EXPLAINED does not name, 77 without
tshark.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from hello_fields import CLIENT_FIELDS, SERVER_FIELDS, Hello
from tshark_fields import Comparison, arguments, because, by_row, flow_rows, tshark_packets, values

FIELDS = sorted({*CLIENT_FIELDS, *SERVER_FIELDS, "quic.version", "quic.dcid", "quic.scid", "quic.long.packet_type",
                 "quic.long.packet_type_v2", "quic.supported_version", "quic.decryption_failed"})
QUIC, HELLO_CUT, LIST_CUT = 0x1, 0x1000, 0x2000
HELLO = ("tls version", "cipher", "ja3")
EXPLAINED = {
    **because("the client's packet is cut: nothing proves that its id makes the keys; tshark takes it", ["quic_handshake_truncated.pcap"], HELLO),
    **because("packets of a reserved version: no server has their keys, tshark opens them with a draft's", ["quic_interop_V.pcapng"],
              (*HELLO, "server name", "alpn", "ja4")),
    **because("tshark opens no packet of a connection that begins with a reserved version", ("quic_vn.pcap", "quic-forcing-vn-with-data.pcapng"),
              ["hello"]),
}


def compare(check, capture, row, sent):
    status = int(row["quicStat"], 0)

    def add(field, wanted, found):
        check.add(capture, row, field, wanted, found)

    versions = [int(v, 0) for v in values(sent[:8], "quic.version") if int(v, 0)]
    add("version", f"0x{versions[-1]:08x}" if versions else "0x00000000", row["quicVersion"])
    # A short header's id has no length in the packet: only packets with a version have ids that can be compared.
    long_packets = [packet for packet in sent[:8] if packet.fields["quic.version"] and int(packet.fields["quic.version"][0], 0)]
    for field, column in (("quic.dcid", "quicDCID"), ("quic.scid", "quicSCID")):
        found = long_packets[0].fields[field] if long_packets else []
        add(column, found[0].replace(":", "") if found else "", row[column])
    negotiated = next((packet.fields["quic.supported_version"] for packet in sent[:8] if packet.fields["quic.supported_version"]), [])
    add("negotiated", [f"0x{int(v, 0):08x}" for v in negotiated][:8], row["quicSuppVer"])
    hello = Hello.first(sent[:8])
    if status & HELLO_CUT:
        return
    if not hello:
        add("hello", ("0x0000", ""), (row["quicCipher"], row["quicJA3Hash"]))
        return
    add("tls version", f"0x{hello.version:04x}", row["quicTLSVersion"])
    add("cipher", f"0x{hello.ciphers[0]:04x}", row["quicCipher"])
    add("ja3", hello.ja3, row["quicJA3Hash"])
    if hello.kind == "client":
        add("server name", hello.server_name, row["quicSNI"])
        kept = row["quicALPNList"]
        add("alpn", hello.protocols[:len(kept)] if status & LIST_CUT else hello.protocols, kept)
        add("ja4", hello.ja4("q"), row["quicJA4"])


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        packets = tshark_packets(capture, "quic && udp", FIELDS, "-d", "udp.port==853,quic")
        for row, sent in by_row(flow_rows(flowxdp, capture, "quic"), packets):
            if row is None:
                for packet in sent:
                    if packet.fields["quic.version"]:
                        check.add(capture, None, "flow", f"packet {packet.number}", "none")
            elif row["l4Proto"] == 17 and (values(sent[:8], "quic.version") or int(row["quicStat"], 0) & QUIC):
                compare(check, capture, row, sent)
    return check.summary()


if __name__ == "__main__":
    sys.exit(main())
