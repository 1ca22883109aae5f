#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tcp_flags_rows_test.py FLOWXDP [ENGINE]: JA4T, multipath TCP (RFC 8684) and checksums (RFC 1071) of packets that are written into a
capture here.

ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from frames import (ACK, ICMP, ICMPV6, IPIP, IPV4, IPV6, PSH, SYN, TCP, UDP, checksum, ethernet, ipv4, ipv6, tcp, udp, write_pcap)

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
LINUX = bytes.fromhex("020405b40402080a00000001000000000103030701010101")
APPLE = bytes.fromhex("020405b4010303060101080a000000010000000004020000")


def mptcp(subtype, flags, rest=b"", low=0):
    option = bytes((30, 4 + len(rest), subtype << 4 | low, flags)) + rest
    return option + b"\1" * (-len(option) % 4)


def rows(frames, plugin="tcp_flags", more=(), column="tcpJA4T"):
    """The rows that have this column: flows, not packets."""
    with tempfile.TemporaryDirectory() as folder:
        write_pcap(folder + "/a.pcap", [(10**15 + n, *(f if isinstance(f, tuple) else (f,))) for n, f in enumerate(frames)])
        done = subprocess.run([FLOWXDP, "replay", "-q", "--engine", ENGINE, folder + "/a.pcap", "--plugin", plugin, *more, "--sink", "json:-"],
                              capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done.stderr
    return [row for row in map(json.loads, done.stdout.splitlines()) if column in row]


def segment(out, flags, options=b"", body=b"", version=4, window=64240, seq=1):
    body = tcp(*((40000, 80) if out else (80, 40000)), seq, 1, flags, window, options, body)
    if version == 6:
        ends = ("2001:db8::1", "2001:db8::2")
        return ethernet(IPV6, ipv6(TCP, body, *(ends if out else ends[::-1])))
    ends = ("192.0.2.1", "198.51.100.2")
    return ethernet(IPV4, ipv4(TCP, body, *(ends if out else ends[::-1])))


def expect(row, **cells):
    for column, cell in cells.items():
        assert row[column] == cell, (row["dir"], column, row[column], cell)


def ja4t():
    for version in (4, 6):
        a, b = rows([segment(True, SYN, LINUX, version=version), segment(False, SYN | ACK, APPLE, version=version, window=65535),
                     segment(True, ACK, LINUX[:12], b"hello", version)])
        expect(a, tcpJA4T="64240_2-4-8-1-3-1-1-1-1_1460_7", tcpMPTBF="0x0000", tcpMPF="0x00", tcpMPAID=0, tcpMPDSSF="0x00")
        expect(b, tcpJA4T="65535_2-1-3-1-1-8-4-0-0_1460_6")
    a, b = rows([segment(True, ACK, body=b"x"), segment(False, SYN | ACK)])
    expect(a, tcpJA4T="")
    expect(b, tcpJA4T="64240_00_00_00")
    (a,) = rows([segment(True, SYN, LINUX)], "tcp_flags:options=0")
    expect(a, tcpJA4T="", tcpMSS=1460)
    (a,) = rows([segment(True, ACK), segment(True, SYN, LINUX)], "tcp_flags:options=1")
    expect(a, tcpJA4T="")
    # The capture has the first 8 bytes of the options.
    whole = segment(True, SYN, LINUX)
    (a,) = rows([(whole[:14 + 20 + 20 + 8], len(whole))])
    expect(a, tcpJA4T="64240_2-4_1460_00")
    # Beside plugins that want payload, and rows of packets.
    for more in (("--plugin", "entropy", "--plugin", "http"), ("-s",)):
        (a,) = rows([segment(True, SYN, LINUX, b"GET / HTTP/1.1\r\n")], more=more)
        expect(a, tcpJA4T="64240_2-4-8-1-3-1-1-1-1_1460_7")
    print("ok: JA4T")


def multipath():
    a, b = rows([segment(True, SYN, LINUX[:20] + mptcp(0, 0x81, low=1)), segment(False, SYN | ACK, mptcp(0, 0x01, bytes(8), low=1)),
                 segment(True, ACK, mptcp(0, 0x01, bytes(16), low=1)),
                 segment(True, ACK | PSH, mptcp(2, 0x05, bytes(14)), b"data"),
                 segment(False, ACK, mptcp(2, 0x01, bytes(4))), segment(False, ACK, mptcp(3, 7, bytes(12)))])
    expect(a, tcpJA4T="64240_2-4-8-1-3-30_1460_7", tcpMPTBF="0x0005", tcpMPF="0x81", tcpMPDSSF="0x05", tcpMPAID=0)
    expect(b, tcpMPTBF="0x000d", tcpMPF="0x01", tcpMPDSSF="0x01", tcpMPAID=7)
    assert all(int(row["tcpFStat"], 0) & 0x8000 for row in (a, b))
    (a,) = rows([segment(True, SYN, mptcp(1, 9, bytes(8)))])
    expect(a, tcpMPTBF="0x0002", tcpMPAID=9)
    print("ok: multipath TCP")


IGMP = 2
CLIENT, SERVER = "192.0.2.1", "198.51.100.2"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::2"
L3_WRONG, L4_WRONG, L4_JUDGED = 0x0400, 0x0800, 0x1000
SUM_AT = {TCP: 16, UDP: 6, ICMP: 2, IGMP: 2, ICMPV6: 2}


def summed(packet):
    """The packet with its checksums filled in."""
    if packet[0] >> 4 == 4:
        l4 = (packet[0] & 15) * 4
        protocol, addresses = packet[9], packet[12:20]
        packet = packet[:10] + struct.pack("!H", checksum(packet[:l4])) + packet[12:]
    else:
        l4, protocol, addresses = 40, packet[6], packet[8:40]
    body = packet[l4:]
    pseudo = b"" if protocol in (ICMP, IGMP) else addresses + struct.pack("!II", len(body), protocol)
    at = SUM_AT[protocol]
    total = checksum(pseudo + body) or (0xFFFF if protocol == UDP else 0)
    return packet[:l4] + body[:at] + struct.pack("!H", total) + body[at + 2:]


def broken(packet, at):
    """One bit is wrong."""
    at %= len(packet)
    return packet[:at] + bytes((packet[at] ^ 4,)) + packet[at + 1:]


def bits(row):
    return int(row["ipFlags"], 0) & (L3_WRONG | L4_WRONG), int(row["tcpFStat"], 0) & L4_JUDGED


def checksums():
    def of_tcp(port, body=b"hello", **more):
        return summed(ipv4(TCP, tcp(port, 80, body=body), CLIENT, SERVER, **more))

    def of_udp(port, body=b"hello"):
        return summed(ipv4(UDP, udp(port, 53000, body), CLIENT, SERVER))

    good6 = summed(ipv6(TCP, tcp(41000, 80, body=b"odd"), CLIENT6, SERVER6))
    udp6 = ipv6(UDP, udp(41001, 53000, b"hello"), CLIENT6, SERVER6)  # without a checksum
    longer = summed(ipv4(UDP, udp(40010, 53000, b"hello"), CLIENT, SERVER))
    longer = ipv4(UDP, longer[20:] + b"behind", CLIENT, SERVER)
    longer = longer[:10] + struct.pack("!H", checksum(longer[:20])) + longer[12:]
    echo, echo6, query = bytes((8, 0, 0, 0, 0, 1, 0, 1)) + b"ping", bytes((128, 0, 0, 0, 0, 1, 0, 1)) + b"ping", bytes((17, 0, 0, 0)) + bytes(4)
    fragment = ipv4(UDP, udp(40012, 53000, bytes(64)), CLIENT, SERVER, fragment=0x2000)
    fragment = fragment[:10] + struct.pack("!H", checksum(fragment[:20])) + fragment[12:]
    # Summed with the last destination (RFC 8200 8.1): the last address of type 0, the first one of type 4 (RFC 8754).
    last, other = (socket.inet_pton(socket.AF_INET6, a) for a in ("2001:db8::9", "2001:db8::8"))

    def routed(kind, left, addresses, to, port):
        body = summed(ipv6(UDP, udp(port, 53000, b"hello"), CLIENT6, to))[40:]
        header = struct.pack("!BBBBI", UDP, 2 * len(addresses), kind, left, 0) + b"".join(addresses)
        return ipv6(43, header + body, CLIENT6, SERVER6)

    tunnel = ipv4(IPIP, broken(of_tcp(40013), -1), "203.0.113.1", "203.0.113.2")  # its own header has no checksum
    merged = of_tcp(40013, bytes(9000))
    large = of_tcp(40014, bytes(16384))
    cut = of_tcp(40015)
    unmade = of_tcp(40016, total=0)  # a buffer that the device still has to cut
    cases = [  # ethertype, packet, length on the wire, ipFlags, tcpFStat
        (IPV4, of_tcp(40001), 0, 0, L4_JUDGED),
        (IPV4, of_tcp(40002, b"odd"), 0, 0, L4_JUDGED),
        (IPV4, broken(of_tcp(40003), -1), 0, L4_WRONG, L4_JUDGED),
        (IPV4, broken(of_tcp(40004), 8), 0, L3_WRONG, L4_JUDGED),  # TTL
        (IPV4, broken(broken(of_tcp(40005), 8), 33), 0, L3_WRONG | L4_WRONG, L4_JUDGED),
        (IPV4, of_tcp(40006, ihl=6, options=bytes((148, 4, 0, 0))), 0, 0, L4_JUDGED),
        (IPV4, broken(of_tcp(40007, ihl=6, options=bytes((148, 4, 0, 0))), 22), 0, L3_WRONG, L4_JUDGED),
        (IPV4, of_udp(40008), 0, 0, L4_JUDGED),
        (IPV4, broken(of_udp(40009), -2), 0, L4_WRONG, L4_JUDGED),
        (IPV4, longer, 0, 0, L4_JUDGED),
        (IPV4, broken(longer, -1), 0, 0, L4_JUDGED),
        (IPV4, summed(ipv4(UDP, udp(40011, 53000, b"x")))[:26] + bytes(2) + b"x", 0, 0, 0),  # UDP without a checksum
        (IPV4, fragment, 0, 0, 0),
        (IPV4, tunnel, 0, L4_WRONG, L4_JUDGED),
        (IPV4, merged, 0, 0, L4_JUDGED),
        (IPV4, broken(merged, -1), 0, L4_WRONG, L4_JUDGED),
        (IPV4, large, 0, 0, 0),
        (IPV4, cut[:-2], len(cut), 0, 0),
        (IPV4, broken(cut, 8)[:-2], len(cut), L3_WRONG, 0),
        (IPV4, broken(unmade, -1), 0, 0, 0),
        (IPV4, summed(ipv4(ICMP, echo, CLIENT, "198.51.100.3")), 0, 0, L4_JUDGED),
        (IPV4, broken(summed(ipv4(ICMP, echo, CLIENT, "198.51.100.4")), -1), 0, L4_WRONG, L4_JUDGED),
        (IPV4, summed(ipv4(IGMP, query, CLIENT, "224.0.0.1")), 0, 0, L4_JUDGED),
        (IPV4, broken(summed(ipv4(IGMP, query, CLIENT, "224.0.0.2")), -1), 0, L4_WRONG, L4_JUDGED),
        (IPV6, good6, 0, 0, L4_JUDGED),
        (IPV6, broken(good6, -1), 0, L4_WRONG, L4_JUDGED),
        (IPV6, summed(udp6), 0, 0, L4_JUDGED),
        (IPV6, udp6, 0, L4_WRONG, L4_JUDGED),  # RFC 8200 8.1
        (IPV6, summed(ipv6(ICMPV6, echo6, CLIENT6, "2001:db8::3")), 0, 0, L4_JUDGED),
        (IPV6, routed(0, 1, (other, last), last, 41002), 0, 0, L4_JUDGED),
        (IPV6, routed(0, 1, (last, other), last, 41003), 0, L4_WRONG, L4_JUDGED),
        (IPV6, routed(0, 0, (other, last), SERVER6, 41004), 0, 0, L4_JUDGED),
        (IPV6, routed(4, 1, (last, other), last, 41005), 0, 0, L4_JUDGED),
        (IPV6, routed(253, 1, (last,), last, 41006), 0, 0, 0),
        (IPV6, broken(summed(ipv6(ICMPV6, echo6, CLIENT6, "2001:db8::4")), -1), 0, L4_WRONG, L4_JUDGED),
    ]
    for ethertype, packet, length, ip_flags, status in cases:
        frame = ethernet(ethertype, packet, wire_len=0 if length else 60)
        frames = [(frame, 14 + length)] if length else [frame]
        for option, wanted in ((2, (ip_flags, status)), (1, (ip_flags & L3_WRONG, 0)), (0, (0, 0))):
            (row,) = rows(frames, f"tcp_flags:ipchecksum={option}")
            assert bits(row) == wanted, (packet.hex(), option, bits(row), wanted)
    # Each direction has its own; JA4T beside them; packet rows have what was seen so far.
    syn = summed(ipv4(TCP, tcp(40020, 80, 1, 0, SYN, 64240, LINUX), CLIENT, SERVER))
    answer = broken(summed(ipv4(TCP, tcp(80, 40020, 1, 2, SYN | ACK, 64240, LINUX), SERVER, CLIENT)), -1)
    data = summed(ipv4(TCP, tcp(40020, 80, 2, 2, ACK, 64240, LINUX[8:20], b"hello"), CLIENT, SERVER))
    frames = [ethernet(IPV4, packet) for packet in (syn, answer, data, broken(data, 8))]
    a, b = rows(frames, "tcp_flags:ipchecksum=2")
    expect(a, tcpJA4T="64240_2-4-8-1-3-1-1-1-1_1460_7")
    assert (bits(a), bits(b)) == ((L3_WRONG, L4_JUDGED), (L4_WRONG, L4_JUDGED)), (bits(a), bits(b))
    packets = rows(frames, "tcp_flags:ipchecksum=2,options=0", ("-s",), "pktNo")
    wanted = [(0, L4_JUDGED), (L4_WRONG, L4_JUDGED), (0, L4_JUDGED), (L3_WRONG, L4_JUDGED)]
    assert [bits(row) for row in packets] == wanted, [bits(row) for row in packets]
    print(f"ok: checksums of {len(cases)} packets")


ja4t()
multipath()
checksums()
