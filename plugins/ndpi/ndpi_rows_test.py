#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ndpi_rows_test.py FLOWXDP [ENGINE]: rows of ndpi for conversations that are written into a capture here.

Numbers are those of nDPI's ndpi_protocol_ids.h and ndpi_typedefs.h. The TLS hello is one of Python's ssl module. ENGINE bpf: the kernel's
program by test-run; exit 77 where it may not be loaded.
"""
import json
import os
import ssl
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from frames import ACK, ARP, ICMP, ICMPV6, IPV4, IPV6, PSH, SYN, TCP, UDP, VLAN, ethernet, ipv4, ipv6, tcp, udp, vlan, write_pcap

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
CLIENT, SERVER, CLIENT6, SERVER6 = "192.0.2.1", "198.51.100.2", "2001:db8::1", "2001:db8::2"
START, MS = 1_772_582_400_000, 1000  # ms, units of the capture in one
DNS, HTTP, ICMP_ID, OSPF, TLS, SSH, ICMPV6_ID, WIKIPEDIA = 5, 7, 81, 85, 91, 92, 102, 176
# Bits of risks and their scores by severity: low 10, medium 50, high 100, severe 250.
XSS, OTHER_PORT, NUMERIC_HOST, MALFORMED = 1 << 1, 1 << 5, 1 << 12, 1 << 17
USED_UP, CUT, DROPPED, NO_IP = 1, 2, 8, 16


def replay(frames, plugin="ndpi", want=0):
    with tempfile.TemporaryDirectory() as folder:
        write_pcap(folder + "/a.pcap", [((START + n) * MS, *(f if isinstance(f, tuple) else (f,))) for n, f in enumerate(frames)])
        done = subprocess.run([FLOWXDP, "replay", "--engine", ENGINE, folder + "/a.pcap", "--plugin", plugin, "--sink", "json:-"],
                              capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == want, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def over(version, protocol, body, out, tag=None):
    ends = ((CLIENT6, SERVER6) if version == 6 else (CLIENT, SERVER))[::1 if out else -1]
    kind, packet = (IPV6, ipv6(protocol, body, *ends)) if version == 6 else (IPV4, ipv4(protocol, body, *ends))
    return ethernet(VLAN, vlan(tag, kind, packet)) if tag else ethernet(kind, packet)


def connection(port, *said, client=40000, version=4, tag=None):
    """said: (from the client, bytes)."""
    seq = {True: 1000, False: 5000}

    def segment(out, flags, body=b""):
        ports = (client, port) if out else (port, client)
        frame = over(version, TCP, tcp(*ports, seq[out], seq[not out] if flags & ACK else 0, flags, body=body), out, tag)
        seq[out] += len(body) + (1 if flags & SYN else 0)
        return frame

    frames = [segment(True, SYN), segment(False, SYN | ACK), segment(True, ACK)]
    for out, body in said:
        for at in range(0, len(body), 1400):
            frames += [segment(out, ACK | PSH, body[at:at + 1400]), segment(not out, ACK)]
    return frames


def datagrams(port, *said, client=40000, version=4):
    return [over(version, UDP, udp(*((client, port) if out else (port, client)), body), out) for out, body in said]


def query(name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, 1, 1)


def get(host, target="/"):
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n".encode()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def client_hello(name):
    out = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    hello = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def expect(frames, rows, plugin="ndpi", **cells):
    found, _ = replay(frames, plugin)
    assert len(found) == rows, found
    for row in found:  # both directions say the same
        for column, cell in cells.items():
            got = int(row[column], 0) if column in ("nDPIRisk", "nDPIStat") else row[column]
            assert got == cell, (row["dir"], column, got, cell)


def protocols():
    expect(connection(80, (True, get("www.example.org")), (False, OK)), 2, nDPIMstrProto=0, nDPISubProto=HTTP, nDPIclass="HTTP",
           nDPICategory="Web", nDPIConfidence="DPI", nDPIRisk=0, nDPIRiskScore=0, nDPIStat=0)
    expect(connection(80, (True, get("www.example.org")), (False, OK), version=6, tag=9), 2, nDPISubProto=HTTP, nDPIclass="HTTP")
    expect(datagrams(53, (True, query("www.wikipedia.org"))), 1, nDPIMstrProto=DNS, nDPISubProto=WIKIPEDIA, nDPIclass="DNS.Wikipedia")
    expect(datagrams(53, (True, query("www.example.org")), version=6), 1, nDPIMstrProto=0, nDPISubProto=DNS, nDPIclass="DNS")
    # A port that is none of theirs.
    expect(connection(4444, (True, client_hello("www.wikipedia.org"))), 2, nDPIMstrProto=TLS, nDPISubProto=WIKIPEDIA,
           nDPIclass="TLS.Wikipedia", nDPIConfidence="DPI", nDPIRisk=OTHER_PORT, nDPIRiskScore=50)
    expect(connection(22, (False, b"SSH-2.0-OpenSSH_9.2\r\n"), (True, b"SSH-2.0-OpenSSH_9.2\r\n")), 2, nDPISubProto=SSH, nDPIclass="SSH",
           nDPIConfidence="DPI")
    echo = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + bytes(range(56))
    expect([over(4, ICMP, echo, True), over(4, ICMP, b"\0" + echo[1:], False)], 2, nDPISubProto=ICMP_ID, nDPIclass="ICMP", nDPIRisk=0)
    expect([over(6, ICMPV6, struct.pack("!BBHHH", 128, 0, 0, 1, 1) + bytes(16), True)], 1, nDPISubProto=ICMPV6_ID, nDPIclass="ICMPV6")
    # There is no ICMP type 240: nDPI reads the header.
    expect([over(4, ICMP, b"\xf0" + echo[1:], True)], 1, nDPISubProto=ICMP_ID, nDPIRisk=MALFORMED, nDPIRiskScore=10)
    expect([over(4, 89, bytes(44), True)], 1, nDPISubProto=OSPF, nDPIclass="OSPF")
    print("ok: protocols")


def risks():
    expect(connection(80, (True, get("198.51.100.2")), (False, OK)), 2, nDPISubProto=HTTP, nDPIRisk=NUMERIC_HOST, nDPIRiskScore=10)
    expect(connection(80, (True, get("www.example.org", "/?q=<script>alert(1)</script>")), (False, OK)), 2, nDPIRisk=XSS, nDPIRiskScore=250)
    _, report = replay(connection(80, (True, get("198.51.100.2")), (False, OK)))
    assert "nDPI: Aggregated nDPIRisk=0x0000000000001000" in report, report
    assert "nDPI: Number of flows classified: 1 [100.00%]" in report, report
    decoded = subprocess.run([FLOWXDP, "decode", "nDPIRisk=0x1000"], capture_output=True, text=True).stdout
    assert "HTTP host is an IP address" in decoded, decoded
    print("ok: risks")


def guesses():
    noise = bytes(range(200, 255)) * 3
    expect(connection(80)[:1], 1, nDPISubProto=HTTP, nDPIConfidence="Match by port", nDPIStat=0)
    expect(connection(80)[:1], 1, "ndpi:guess=0", nDPISubProto=0, nDPIclass="Unknown", nDPICategory="Unspecified", nDPIConfidence="Unknown")
    expect(datagrams(40001, *[(n % 2 == 0, noise) for n in range(8)]), 2, "ndpi:packets=4", nDPIclass="Unknown", nDPIStat=USED_UP)
    expect(datagrams(40001, *[(n % 2 == 0, noise) for n in range(7)]), 2, "ndpi:packets=4", nDPIclass="Unknown", nDPIStat=0)
    # Only the packets that the option allows: the request is the third one of its direction.
    expect(connection(4444, (True, get("www.example.org"))), 2, "ndpi:packets=2", nDPIclass="Unknown", nDPIStat=USED_UP)
    expect(connection(4444, (True, get("www.example.org"))), 2, "ndpi:packets=3", nDPIclass="HTTP")
    expect([ethernet(ARP, bytes(28))], 1, nDPIclass="Unknown", nDPIStat=NO_IP)
    # A later fragment: the protocol alone is known.
    expect([ethernet(IPV4, ipv4(UDP, bytes(64), CLIENT, SERVER, fragment=20))], 1, nDPIclass="Unknown", nDPIStat=0)
    whole = connection(80, (True, get("www.example.org")))
    cut = [*whole[:3], (whole[3][:-20], len(whole[3])), *whole[4:]]
    expect(cut, 2, nDPIclass="HTTP", nDPIStat=CUT)
    print("ok: guesses, limits")


def places():
    """Two flows at once, one place: the first one is judged by its port; the ledger of flows is whole."""
    first, second = (connection(80, (True, get("www.example.org")), client=port) for port in (40000, 40001))
    frames = [frame for pair in zip(first, second) for frame in pair]
    rows, report = replay(frames, "ndpi:flows=1")
    by = {(min(row["srcPort"], row["dstPort"]), max(row["srcPort"], row["dstPort"])): row for row in rows}
    assert int(by[80, 40000]["nDPIStat"], 0) == DROPPED and by[80, 40000]["nDPIConfidence"] == "Match by port", by
    assert int(by[80, 40001]["nDPIStat"], 0) == 0 and by[80, 40001]["nDPIConfidence"] == "DPI", by
    assert "nDPI: Number of flows let go (option flows): 1" in report and "--plugin ndpi:flows=2" in report, report
    print("ok: more flows than places")


protocols()
risks()
guesses()
places()
