#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""quic_replay_test.py FLOWXDP [ENGINE]: the packets of RFC 9001 and RFC 9369 in a capture.

The rows have to say what the RFCs print of these packets. ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../tests/support"))
from frames import IPV4, IPV6, UDP, ethernet, ipv4, ipv6, udp, write_pcap

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
CLIENT, SERVER = "192.0.2.1", "198.51.100.2"
START = 1_772_582_400_000_000
QUIC, NEGOTIATION, CHANGED_ID, SNAPPED, OPENED, NOT_OPENED, RETRY, PROVED = 0x1, 0x4, 0x10, 0x80, 0x100, 0x200, 0x400, 0x800

with open(os.path.join(HERE, "rfc_packets.h")) as text:
    PACKETS = {name: bytes.fromhex("".join(re.findall('"([0-9a-f]+)"', digits)))
               for name, digits in re.findall(r"char (\w+)\[\] =((?:\s*\"[0-9a-f]+\")+);", text.read())}


def rows(folder, frames):
    capture = folder + "/a.pcap"
    write_pcap(capture, [(START + n * 1000, *(frame if isinstance(frame, tuple) else (frame,))) for n, frame in enumerate(frames)])
    done = subprocess.run([FLOWXDP, "replay", "-q", "--engine", ENGINE, capture, "--plugin", "quic", "--sink", "json:-"],
                          capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {(row["srcPort"] if row["dir"] == "A" else row["dstPort"], row["dir"]): row for row in found}


def datagram(port, out, body, version=4):
    ports = (port, 7443) if out else (7443, port)
    if version == 6:
        addresses = ("2001:db8::1", "2001:db8::2") if out else ("2001:db8::2", "2001:db8::1")
        return ethernet(IPV6, ipv6(UDP, udp(*ports, body), *addresses))
    return ethernet(IPV4, ipv4(UDP, udp(*ports, body), *((CLIENT, SERVER) if out else (SERVER, CLIENT))))


def check(row, **wanted):
    for name, value in wanted.items():
        found = int(row[name], 0) if name == "quicStat" else row[name]
        assert found == value, (row["srcPort"], row["dir"], name, found, value)


def main():
    names = ("kClientInitialV1", "kServerInitialV1", "kClientInitialV2", "kServerInitialV2", "kRetryV1", "kRetryV2")
    client1, server1, client2, server2, retry1, retry2 = (PACKETS[name] for name in names)
    reserved = bytes.fromhex("c01a2a3a4a08") + bytes(range(8)) + bytes([4]) + b"abcd" + bytes(1200)
    negotiation = bytes.fromhex("8000000000") + bytes([4]) + b"abcd" + bytes([8]) + bytes(range(8)) + bytes.fromhex("000000016b3343cf")
    whole = datagram(30005, True, client1)
    frames = [
        datagram(30001, True, client1), datagram(30001, False, server1),
        datagram(30002, True, client2, 6), datagram(30002, False, server2, 6),
        datagram(30003, True, client1), datagram(30003, False, retry1),
        datagram(30004, True, reserved), datagram(30004, False, negotiation),
        (whole[:-600], len(whole)),
        datagram(30006, True, server1),
        datagram(30007, True, b"\x80" + bytes(40)), datagram(30007, False, b"\xc0\x00\x00\x00\x09" + bytes(1200)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        found = rows(folder, frames)
    hello = dict(quicSNI="example.com", quicALPNList=["alpn"], quicNumALPN=1, quicTLSVersion="0x0304", quicCipher="0x1301",
                 quicJA4="q13d0211an_62ed6f6ca7ad_4d634acda6c0", quicDCID="8394c8f03e515708", quicSCID="", quicPktTypes="0x01")
    answer = dict(quicSNI=None, quicTLSVersion="0x0304", quicCipher="0x1301", quicDCID="", quicSCID="f067a5502a4262b5", quicJA4="")
    for port, version in ((30001, "0x00000001"), (30002, "0x6b3343cf")):
        check(found[port, "A"], quicStat=QUIC | OPENED, quicVersion=version, **hello)
        check(found[port, "B"], quicStat=QUIC | OPENED, quicVersion=version, **answer)
    # Unprotected first bytes: RFC 9001 A.2, A.3; RFC 9369 A.2, A.3.
    assert [found[port, side]["quicFlags"] for port in (30001, 30002) for side in "AB"] == ["0xc3", "0xc1", "0xd3", "0xd1"]
    check(found[30003, "B"], quicStat=QUIC | RETRY | PROVED, quicODCID="8394c8f03e515708", quicSCID="f067a5502a4262b5", quicPktTypes="0x08")
    check(found[30004, "A"], quicStat=QUIC | NOT_OPENED, quicVersion="0x1a2a3a4a", quicPktTypes="0x20")
    check(found[30004, "B"], quicStat=QUIC | NEGOTIATION, quicVersion="0x00000000", quicSuppVer=["0x00000001", "0x6b3343cf"])
    check(found[30005, "A"], quicStat=QUIC | SNAPPED, quicSNI=None, quicDCID="8394c8f03e515708")
    check(found[30006, "A"], quicStat=QUIC | NOT_OPENED, quicSCID="f067a5502a4262b5")
    for side in "AB":
        check(found[30007, side], quicStat=0, quicVersion="0x00000000", quicFlags="0x00", quicDCID="", quicSNI=None)
    print("quic_replay_test: ok")


if __name__ == "__main__":
    main()
