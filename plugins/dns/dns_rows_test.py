#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dns_rows_test.py FLOWXDP [ENGINE]: rows of dns for queries and answers that are written into a capture here.

UDP over IPv4 and IPv6, mDNS, LLMNR, TCP with segments in another order, a capture that cut a message, a port that is none of DNS. ENGINE
bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from frames import ACK, FIN, IPV4, IPV6, PSH, SYN, TCP, UDP, ethernet, ipv4, ipv6, tcp, udp, write_pcap

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
CLIENT, SERVER, CLIENT6, SERVER6 = "192.0.2.10", "198.51.100.53", "2001:db8::10", "2001:db8::53"
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, OPT, AXFR, ANY = 1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 252, 255
QUERY, ANSWER, NO_NAME = 0x0100, 0x8180, 0x8183
US = 1000  # times of the capture are in nanoseconds


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def message(ident, flags, questions=(), answers=(), authorities=(), additionals=()):
    """questions: (name, type[, class]); records: (name, type, TTL, data[, class])."""
    out = struct.pack("!6H", ident, flags, len(questions), len(answers), len(authorities), len(additionals))
    for text, kind, *cls in questions:
        out += name(text) + struct.pack("!HH", kind, *(cls or [1]))
    for text, kind, ttl, data, *cls in (*answers, *authorities, *additionals):
        owner = b"\0" if not text else b"\xc0\x0c" if questions and text == questions[0][0] else name(text)
        out += owner + struct.pack("!HHIH", kind, *(cls or [1]), ttl, len(data)) + data
    return out


def over(packet, src, dst, protocol=UDP):
    return ethernet(IPV6, ipv6(protocol, packet, src, dst)) if ":" in src else ethernet(IPV4, ipv4(protocol, packet, src, dst))


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def rows(frames, plugin="dns"):
    with tempfile.TemporaryDirectory() as folder:
        write_pcap(folder + "/dns.pcap", frames, unit=10**9)
        done = subprocess.run([FLOWXDP, "replay", "-q", "--engine", ENGINE, folder + "/dns.pcap", "--plugin", plugin, "--sink", "json:-"],
                              capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def expect(row, **cells):
    for column, cell in cells.items():
        assert row[column] == cell, (row["dir"], column, row[column], cell)


def exchange(port, src, dst, *packets):
    """packets: (us, from the client, payload)."""
    for us, out, payload in packets:
        ends = (src, dst) if out else (dst, src)
        ports = (port, 53) if out else (53, port)
        yield 10**18 + us * US, over(udp(*ports, payload), *ends)


def datagrams():
    opt = ("", OPT, 0x8000, b"", 1232)
    www = [("www.example.org", CNAME, 300, name("web.example.org")), ("web.example.org", A, 60, address("198.51.100.20")),
           ("web.example.org", A, 61, address("198.51.100.21"))]
    frames = [*exchange(40000, CLIENT, SERVER,
                        (0, True, message(7, QUERY, [("www.example.org", A)], additionals=[opt])),
                        (5_000_000, True, message(7, QUERY, [("www.example.org", A)], additionals=[opt])),
                        (5_012_345, False, message(7, ANSWER, [("www.example.org", A)], www, additionals=[opt]))),
              *exchange(40001, CLIENT6, SERVER6,
                        (10, True, message(8, QUERY, [("nowhere.example.org", AAAA)])),
                        (250, False, message(8, NO_NAME, [("nowhere.example.org", AAAA)],
                                             authorities=[("example.org", SOA, 900, name("ns.example.org") + name("root") + bytes(20))]))),
              *exchange(40002, CLIENT, SERVER,
                        (20, True, message(9, QUERY, [("example.org", ANY)])),
                        (120, False, message(9, ANSWER, [("example.org", ANY)],
                                             [("example.org", MX, 7, struct.pack("!H", 10) + name("mx.example.org")),
                                              ("example.org", NS, 8, name("ns.example.org")),
                                              ("example.org", TXT, 9, b"\x05hello\x06 world"),
                                              ("example.org", AAAA, 10, address("2001:db8::20")),
                                              ("example.org", 46, 11, bytes(30))])))]
    by = {(row["flowInd"], row["dir"]): row for row in rows(sorted(frames))}
    expect(by[1, "A"], dnsStat="0x00000001", dnsHdrOPField="0x0100", dnsHFlg_OpC_RetC="0x10_0x0001_0x0001", dnsCntQu_Asw_Aux_Add="2_0_0_2",
           dnsQname=["www.example.org"] * 2, dnsQType=[A, A], dnsQClass=[1, 1], dnsAname=[".", "."], dnsAType=[OPT, OPT],
           dnsOptStat=["0x00008000"] * 2, dnsNumQuery=2, dnsNumResp=0, dnsNumAnswered=0, dnsAAAqF=0)
    question, answer = 12 + 17 + 4, 12 + 17 + 4 + 12 + 17 + 2 * (17 + 10 + 4) + 11
    expect(by[1, "B"], dnsStat="0x00000001", dnsHdrOPField="0x8180", dnsHFlg_OpC_RetC="0x98_0x0001_0x0001", dnsCntQu_Asw_Aux_Add="1_3_0_1",
           dnsAname=["www.example.org", "web.example.org", "web.example.org", "."], dnsAPname=["web.example.org", "", "", ""],
           dns4Aaddress=["-", "198.51.100.20", "198.51.100.21", "-"], dns6Aaddress=["-"] * 4, dnsAType=[CNAME, A, A, OPT],
           dnsAClass=[1, 1, 1, 0], dnsATTL=[300, 60, 61, 0], dnsNumResp=1, dnsNumAnswered=1, dnsRespTmMin="5.012345000",
           dnsRespTmAvg="5.012345000", dnsRespTmMax="5.012345000", dnsAAAqF=answer / question)
    expect(by[2, "A"], dnsQname=["nowhere.example.org"], dnsQType=[AAAA])
    expect(by[2, "B"], dnsHFlg_OpC_RetC="0x98_0x0001_0x0008", dnsCntQu_Asw_Aux_Add="1_0_1_0", dnsAname=["example.org"],
           dnsAPname=["ns.example.org"], dnsAType=[SOA], dnsATTL=[900], dnsRespTmMin="0.000240000")
    expect(by[3, "A"], dnsStat="0x00000021")
    expect(by[3, "B"], dnsStat="0x00000221", dnsAType=[MX, NS, TXT, AAAA, 46], dnsMXpref=[10, 0, 0, 0, 0],
           dnsAPname=["mx.example.org", "ns.example.org", "hello world", "", ""], dns6Aaddress=["-", "-", "-", "2001:db8::20", "-"],
           dnsATTL=[7, 8, 9, 10, 11])
    # The option: the second packet of the client is not looked at.
    by = {(row["flowInd"], row["dir"]): row for row in rows(sorted(frames), "dns:packets=1")}
    expect(by[1, "A"], dnsStat="0x00040001", dnsNumQuery=1)
    expect(by[1, "B"], dnsStat="0x00000001", dnsNumAnswered=1)
    print("ok: datagrams")


def multicast():
    service = [("_ipp._tcp.local", PTR, 4500, name("Printer._ipp._tcp.local")),
               ("Printer._ipp._tcp.local", SRV, 120, struct.pack("!3H", 1, 2, 631) + name("printer.local"), 0x8001)]
    frames = [(10**18, over(udp(5353, 5353, message(0, 0x8400, (), service)), CLIENT, "224.0.0.251")),
              (10**18 + 1, over(udp(50000, 5355, message(3, 0, [("wpad", A)])), CLIENT6, "ff02::1:3")),
              (10**18 + 2, over(udp(50000, 5300, message(3, 0, [("wpad", A)])), CLIENT6, SERVER6))]
    mdns, llmnr, other = rows(frames)
    expect(mdns, dnsStat="0x00000001", dnsHFlg_OpC_RetC="0xc0_0x0001_0x0001", dnsQname=[], dnsAname=["_ipp._tcp.local", "Printer._ipp._tcp.local"],
           dnsAPname=["Printer._ipp._tcp.local", "printer.local"], dnsAType=[PTR, SRV], dnsAClass=[1, 0x8001], dnsSRVprio=[0, 1],
           dnsSRVwgt=[0, 2], dnsSRVprt=[0, 631])
    expect(llmnr, dnsStat="0x00000001", dnsQname=["wpad"])
    expect(other, dnsStat="0x00000000", dnsQname=[])
    print("ok: mDNS, LLMNR, another port")


def streams():
    def framed(*messages):
        return b"".join(struct.pack("!H", len(m)) + m for m in messages)

    def segment(us, out, seq, body=b"", flags=ACK | PSH):
        ends, ports = ((CLIENT, SERVER), (41000, 53)) if out else ((SERVER, CLIENT), (53, 41000))
        return 10**18 + us * US, over(tcp(*ports, seq, 1, flags, body=body), *ends, TCP)

    asked = framed(message(1, QUERY, [("example.org", AXFR)]), message(2, QUERY, [("www.example.org", A)]))
    zone = message(1, ANSWER, [("example.org", AXFR)], [("example.org", A, n, bytes((198, 51, 100, n))) for n in range(20)])
    told = framed(message(2, ANSWER, [("www.example.org", A)], [("www.example.org", A, 5, address("198.51.100.20"))]), zone)
    frames = [segment(0, True, 99, flags=SYN), segment(1, False, 499, flags=SYN | ACK),
              segment(100, True, 100, asked[:10]), segment(200, True, 110, asked[10:]),
              segment(300, False, 560, told[60:200]),  # before the first one
              segment(400, False, 500, told[:60]), segment(500, False, 500, told[:60]), segment(600, False, 700, told[200:]),
              segment(700, True, 100 + len(asked), flags=FIN | ACK), segment(800, False, 500 + len(told), flags=FIN | ACK)]
    a, b = rows(frames)
    expect(a, dnsStat="0x00000085", dnsQname=["example.org", "www.example.org"], dnsQType=[AXFR, A], dnsNumQuery=2)
    expect(b, dnsStat="0x00000085", dnsNumResp=2, dnsNumAnswered=2, dnsCntQu_Asw_Aux_Add="2_21_0_0", dnsATTL=[5, *range(20)],
           dns4Aaddress=["198.51.100.20", *(f"198.51.100.{n}" for n in range(20))], dnsRespTmMin="0.000200000", dnsRespTmMax="0.000400000")
    # Its end was not captured: as many records as are whole.
    a, b = rows(frames[:7])
    expect(b, dnsStat="0x00000089", dnsNumResp=2)
    records = (200 - 2 - 49 - 2 - 12 - 17) // 16
    assert b["dnsAType"] == [A] * (1 + records), (records, b["dnsAType"])
    print("ok: streams")


def cut():
    whole = over(udp(53, 40000, message(5, ANSWER, [("www.example.org", A)], [("www.example.org", A, 5, address("198.51.100.20"))])), SERVER, CLIENT)
    (row,) = rows([(10**18, whole[:-3], len(whole))])
    expect(row, dnsStat="0x00000009", dnsNumResp=1, dnsQname=["www.example.org"], dnsAname=[])
    (row,) = rows([(10**18, over(udp(40000, 53, message(5, QUERY, [("a.b", A)])[:-3]), CLIENT, SERVER))])
    expect(row, dnsStat="0x00001001", dnsNumQuery=1, dnsQname=[])
    print("ok: cut by the capture, cut by the sender")


datagrams()
multicast()
streams()
cut()
