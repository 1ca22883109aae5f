#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes captures of odd packets, one file for each class of oddity: wrong lengths, cut headers, extension chains, nested and
broken tunnels, fragments out of order, tag stacks, clocks that jump. They are made for compare_oracle.py.

    odd_packets.py FOLDER

Every file is the same at every run. Frames that are meant to stand alone are more than an idle timeout apart.
"""

import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import frames  # noqa: E402
from frames import AH, ESP, GRE, ICMP, ICMPV6, IPIP, SCTP, TCP, UDP, mpls, vlan  # noqa: E402
from frames import IPV6_IN_IP as IPV6, ipv4 as ip4  # noqa: E402

PREFIX = "odd_"
APART = 400 * 10**6  # microseconds, more than the idle timeout
START = 1700000000 * 10**6


def eth(kind, body):
    return frames.ethernet(kind, body)


def ip6(proto, body, src="2001:db8::1", dst="2001:db8::2", plen=None, version=6):
    return frames.ipv6(proto, body, src, dst, plen, version)


def tcp(sport=40000, dport=80, window=50, offset=5, flags=0x10, payload=b"hello", options=b""):
    return frames.tcp(sport, dport, flags=flags, window=window, options=options, body=payload, offset=offset)


def udp(body=b"hello", sport=40000, dport=9999, length=None):
    return frames.udp(sport, dport, body, length)


def ext(next_header, units=0, fill=b""):
    """An IPv6 options header: padding, or what fill says."""
    n = 6 + 8 * units
    pad = bytes([1, n - 2]) + bytes(n - 2) if not fill else fill.ljust(n, b"\0")
    return bytes([next_header, units]) + pad


def frag6(next_header, offset, more, ident=9):
    return struct.pack("!BBHI", next_header, 0, offset << 3 | more, ident)


def ah(next_header, words=4):
    return struct.pack("!BBHII", next_header, words, 0, 1, 1) + bytes((words - 1) * 4)


def gre(kind, body, flags=0, extra=b""):
    return struct.pack("!HH", flags, kind) + extra + body


def vxlan(body, flags=0x08000000, last=0):
    return struct.pack("!II", flags, 5 << 8 | last) + body


def geneve(kind, body, options=b"", flags=0, version=0):
    return struct.pack("!BBHI", version << 6 | len(options) // 4, flags, kind, 5 << 8) + options + body


def gtp(body, flags=0x30, kind=255, extra=b""):
    return struct.pack("!BBHI", flags, kind, len(extra) + len(body), 5) + extra + body


INNER4 = ip4(TCP, tcp(1234, 443), "10.1.0.1", "10.1.0.2")
INNER6 = ip6(TCP, tcp(1234, 443), "fd00::1", "fd00::2")


def over_udp(port, body):
    return eth(0x0800, ip4(UDP, udp(body, 50000, port)))


def lengths():
    """What IP and transport headers claim against what there is."""
    for total in (0, 1, 19, 20, 21, 23, 24, 35, 36, 39, 40, 41, 44, 46, 60, 1500, 65535):
        yield eth(0x0800, ip4(TCP, tcp(), total=total))
        yield eth(0x0800, ip4(TCP, tcp(), total=total)).ljust(60, b"\0")
    for ihl in (0, 1, 4, 6, 15):
        yield eth(0x0800, ip4(TCP, tcp(), ihl=ihl))
    for ihl in (6, 10, 15):
        yield eth(0x0800, ip4(TCP, tcp(), ihl=ihl, options=bytes([1]) * (ihl * 4 - 20)))
    for offset in range(16):
        yield eth(0x0800, ip4(TCP, tcp(offset=offset, window=0)))
    for plen in (0, 1, 3, 4, 8, 15, 16, 19, 20, 24, 25, 26, 100, 65535):
        yield eth(0x86dd, ip6(TCP, tcp(), plen=plen))
        yield eth(0x86dd, ip6(UDP, udp(), plen=plen))
    for length in (0, 1, 7, 8, 9, 13, 14, 65535):
        yield eth(0x0800, ip4(UDP, udp(length=length)))
        yield eth(0x86dd, ip6(UDP, udp(length=length)))
    for version in (0, 4, 5, 6, 15):
        yield eth(0x0800, ip4(TCP, tcp(), version=version))
        yield eth(0x86dd, ip6(TCP, tcp(), version=version))


def cut_frames():
    """The same frames cut at every byte: what is whole counts."""
    whole = [eth(0x0800, ip4(TCP, tcp())), eth(0x86dd, ip6(TCP, tcp())), eth(0x8100, vlan(5, 0x0800, ip4(UDP, udp()))),
              eth(0x86dd, ip6(0, ext(60) + ext(UDP) + udp())), over_udp(4789, vxlan(eth(0x0800, INNER4))),
              eth(0x0800, ip4(GRE, gre(0x0800, INNER4, 0x2000, bytes(4)))), eth(0x0800, ip4(SCTP, bytes.fromhex("04d20050") + bytes(20)))]
    for frame in whole:
        for size in range(1, len(frame)):
            yield frame[:size], len(frame)


def protocols():
    """Every IP protocol number over both versions, and ports where there are some."""
    body = struct.pack("!HH", 40000, 80) + bytes(36)
    for proto in range(256):
        yield eth(0x0800, ip4(proto, body))
        yield eth(0x86dd, ip6(proto, body))


def extension_headers():
    chains = [[0], [0, 60], [60, 60, 60], [43, 60], [0, 60, 43, 60], [60] * 7, [60] * 9, [60, 0], [43, 43]]
    for chain in chains:
        for units in (0, 2):
            body, following = tcp(), TCP
            for header in reversed(chain):
                body, following = ext(following, units, bytes([0, 0]) if header == 43 else b"") + body, header
            yield eth(0x86dd, ip6(following, body))
    for proto in (135, 139, 140, 253, 254, 59):
        yield eth(0x86dd, ip6(proto, ext(TCP) + tcp()))
        yield eth(0x86dd, ip6(60, ext(proto) + ext(TCP) + tcp()))
    yield eth(0x86dd, ip6(0, bytes([TCP, 0, 0xc2, 4]) + struct.pack("!I", 65600) + tcp(), plen=0))  # RFC 2675
    yield eth(0x86dd, ip6(60, bytes([TCP, 255]) + bytes(6) + tcp()))  # longer than the packet
    for words in (1, 4, 10, 0, 255):
        yield eth(0x0800, ip4(AH, ah(TCP, words) + tcp()) if words else ip4(AH, ah(TCP, 1)[:1] + b"\0" + ah(TCP, 1)[2:] + tcp()))
        yield eth(0x86dd, ip6(AH, (ah(TCP, words) if words else ah(TCP, 1)[:1] + b"\0" + ah(TCP, 1)[2:]) + tcp()))
    yield eth(0x0800, ip4(AH, ah(ESP) + bytes(40)))
    yield eth(0x86dd, ip6(0, ext(AH) + ah(60) + ext(ICMPV6) + bytes.fromhex("8000000000000000")))
    yield eth(0x86dd, ip6(60, ext(44) + frag6(TCP, 0, 0) + tcp()))


def quoted_headers():
    """Headers inside ICMP errors are payload, of the error's flow."""
    for inner in (ip4(TCP, tcp()), ip4(UDP, udp()), INNER6, ip4(IPIP, INNER4)):
        yield eth(0x0800, ip4(ICMP, bytes.fromhex("0301000000000000") + inner))
        yield eth(0x86dd, ip6(ICMPV6, bytes.fromhex("0101000000000000") + inner))
    yield eth(0x0800, ip4(103, bytes.fromhex("2100deff00000000") + INNER4))  # PIM register
    yield eth(0x0800, ip4(ICMP, bytes.fromhex("0b00f4ff00000000") + ip4(TCP, tcp())[:28]))
    yield eth(0x0800, ip4(55, bytes.fromhex("0680 0000 c6336401 c6336402") + tcp()))  # RFC 2004


def tags():
    for stack in ([5], [0], [4095], [5, 6], [0, 6], [5, 0], [0, 0], [1, 2, 3], [1, 2, 3, 4, 5]):
        for outer in (0x8100, 0x88a8, 0x9100):
            kind, body = 0x0800, ip4(TCP, tcp())
            for place, vid in reversed(list(enumerate(stack))):
                body, kind = vlan(vid, kind, body, 3), outer if place == 0 else 0x8100
            yield eth(kind, body)
    yield eth(0x8100, vlan(5, 50, bytes.fromhex("aaaa030000000800") + ip4(TCP, tcp())))
    yield eth(0x8100, vlan(5, 0x0806, bytes(28)))
    yield eth(0x8100, vlan(5, 0x8847, mpls(16, 1, INNER4)))
    yield over_udp(4789, vxlan(eth(0x8100, vlan(9, 0x0800, INNER4))))
    yield eth(0x8100, vlan(5, 0x0800, ip4(UDP, udp(vxlan(eth(0x8100, vlan(9, 0x0800, INNER4))), 50000, 4789))))
    yield eth(0x8100, vlan(5, 0x0800, ip4(UDP, udp(vxlan(eth(0x8100, vlan(9, 0x0806, bytes(28)))), 50000, 4789))))


def ip_tunnels():
    for number, inner in ((IPIP, INNER4), (IPV6, INNER6)):
        yield eth(0x0800, ip4(number, inner))
        yield eth(0x86dd, ip6(number, inner))
        yield eth(0x86dd, ip6(60, ext(number) + inner))
        yield eth(0x0800, ip4(number, ip4(number, inner)) if number == IPIP else ip4(IPV6, ip6(IPV6, inner)))
    yield eth(0x0800, ip4(IPIP, INNER6))
    yield eth(0x0800, ip4(IPV6, INNER4))
    yield eth(0x0800, ip4(IPIP, b""))
    yield eth(0x0800, ip4(IPIP, INNER4[:19]))
    yield eth(0x0800, ip4(IPIP, INNER4, total=60))
    for depth in range(2, 14):
        body = INNER4
        for level in range(depth):
            body = ip4(IPIP, body, f"10.2.{level}.1", f"10.2.{level}.2")
        yield eth(0x0800, body)
    yield eth(0x0800, ip4(97, bytes.fromhex("3000") + eth(0x0800, INNER4)))
    yield eth(0x0800, ip4(137, mpls(16, 1, INNER4)))


def gre_tunnels():
    key, checksum, sequence = bytes(4), bytes(4), bytes(4)
    for flags, extra in ((0, b""), (0x2000, key), (0x8000, checksum), (0x1000, sequence), (0xb000, checksum + key + sequence),
                         (0x0003, b""), (0x0800, b""), (0x0700, b"")):
        yield eth(0x0800, ip4(GRE, gre(0x0800, INNER4, flags, extra)))
        yield eth(0x86dd, ip6(GRE, gre(0x86dd, INNER6, flags, extra)))
        yield eth(0x0800, ip4(GRE, gre(0x6558, eth(0x8100, vlan(9, 0x0800, INNER4)), flags, extra)))
    for kind in (0x0806, 0x8847, 0x8848, 0x880b, 0x88be, 0x22eb, 0x883e, 0x2001, 0x0001, 0xffff, 0x8863, 0x8864, 0x8100):
        yield eth(0x0800, ip4(GRE, gre(kind, INNER4)))
    yield eth(0x0800, ip4(GRE, gre(0x8847, mpls(16, 0, mpls(17, 1, INNER6)))))
    for flags, extra in ((0x2001, b"\0\x40\0\1"), (0x3001, b"\0\x40\0\1" + sequence), (0x3081, b"\0\x40\0\1" + sequence * 2),
                         (0x2081, b"\0\x04\0\1" + sequence)):
        yield eth(0x0800, ip4(GRE, gre(0x880b, bytes.fromhex("ff030021") + INNER4, flags, extra)))
        yield eth(0x0800, ip4(GRE, gre(0x880b, bytes.fromhex("0021") + INNER4, flags, extra)))
        yield eth(0x0800, ip4(GRE, gre(0x880b, bytes.fromhex("21") + INNER4, flags, extra)))
        yield eth(0x0800, ip4(GRE, gre(0x880b, bytes.fromhex("c0210101000a"), flags, extra)))
    yield eth(0x0800, ip4(GRE, gre(0x88be, eth(0x0800, INNER4))))
    yield eth(0x0800, ip4(GRE, gre(0x88be, bytes.fromhex("1005 0001 00000000") + eth(0x0800, INNER4), 0x1000, sequence)))
    yield eth(0x0800, ip4(GRE, gre(0x22eb, bytes.fromhex("2005 0001 00000000 00000000") + eth(0x0800, INNER4), 0x1000, sequence)))


def udp_tunnels():
    frame4, frame6, arp = eth(0x0800, INNER4), eth(0x86dd, INNER6), eth(0x0806, bytes(28))
    for frame in (frame4, frame6, arp, b"", frame4[:20]):
        yield over_udp(4789, vxlan(frame))
        yield eth(0x86dd, ip6(UDP, udp(vxlan(frame), 50000, 4789)))
        yield over_udp(6081, geneve(0x6558, frame))
    yield over_udp(4789, vxlan(frame4, flags=0))
    yield over_udp(4789, vxlan(frame4, flags=0x88000005))
    yield over_udp(6081, geneve(0x0800, INNER4))
    yield over_udp(6081, geneve(0x86dd, INNER6, bytes.fromhex("010201010000000a")))
    yield over_udp(6081, geneve(0x0800, INNER4, version=1))
    yield over_udp(6081, geneve(0x0806, bytes(28)))
    for flags, extra in ((0x30, b""), (0x32, b"\0\1\0\0"), (0x34, bytes.fromhex("0000008501100900")), (0x36, bytes.fromhex("000100c001123400")),
                         (0x31, b"\0\0\1\0"), (0x20, b""), (0x50, b"")):
        yield over_udp(2152, gtp(INNER4, flags, extra=extra))
        yield over_udp(2152, gtp(INNER6, flags, extra=extra))
    for kind in (1, 2, 26, 254):
        yield over_udp(2152, gtp(bytes(4), 0x32, kind))
    yield over_udp(2152, gtp(b"\x60" + bytes(9)))
    yield over_udp(2123, gtp(bytes(4), 0x32, 1))
    ppp = bytes.fromhex("ff030021") + INNER4
    for header in ("0002 0001 0001", "4002 LLLL 0001 0001", "0202 0001 0001 0000", "0802 0001 0001 0000 0000", "4a02 LLLL 0001 0001 0000 0000 0000"):
        header = header.replace("LLLL", f"{len(bytes.fromhex(header.replace('LLLL', '0000'))) + len(ppp):04x}")
        yield over_udp(1701, bytes.fromhex(header) + ppp)
    yield over_udp(1701, bytes.fromhex("c802 000c 0001 0000 0000 0000"))
    yield over_udp(1701, bytes.fromhex("0002 0001 0001 c021 0101 0004"))
    yield over_udp(3544, INNER6)
    yield over_udp(3544, ip6(59, b"", "fe80::ffff", "2001::1"))
    yield over_udp(3544, bytes.fromhex("0000 1234 01020304") + INNER6)
    yield over_udp(3544, bytes.fromhex("0001 0000 0000000000000000 00") + bytes.fromhex("0000 1234 01020304") + INNER6)
    yield over_udp(3544, INNER6[:30])
    yield over_udp(6635, mpls(16, 1, INNER4))
    for port in (4500, 500, 4341, 4754, 5246, 7777, 51820):
        yield over_udp(port, INNER4)
        yield over_udp(port, bytes(4) + INNER4)
    nested = vxlan(eth(0x0800, ip4(UDP, udp(gtp(ip4(IPIP, INNER4)), 50000, 2152), "10.5.0.1", "10.5.0.2")))
    yield over_udp(4789, nested)
    yield over_udp(4789, vxlan(eth(0x0800, ip4(ESP, bytes(30), "10.5.0.1", "10.5.0.2"))))
    yield over_udp(4789, vxlan(eth(0x0800, ip4(TCP, tcp(), "10.5.0.1", "10.5.0.2", total=10))))


def layer2():
    for count in (1, 2, 3, 7):
        body = INNER4
        for level in range(count):
            body = mpls(16 + level, 1 if level == 0 else 0, body)
        yield eth(0x8847, body)
        yield eth(0x8848, body)
    yield eth(0x8847, mpls(0, 1, INNER4))
    yield eth(0x8847, mpls(2, 1, INNER6))
    yield eth(0x8847, mpls(16, 1, bytes(4) + eth(0x0800, INNER4)))
    yield eth(0x8847, mpls(16, 1, eth(0x0800, INNER4)))
    yield eth(0x8847, mpls(16, 1, bytes(4) + eth(0x8100, vlan(9, 0x86dd, INNER6))))
    yield eth(0x8847, mpls(13, 1, bytes.fromhex("10000021") + INNER4))
    yield eth(0x8864, bytes.fromhex("1100 0001") + struct.pack("!H", 2 + len(INNER4)) + bytes.fromhex("0021") + INNER4)
    yield eth(0x8864, bytes.fromhex("1100 0001") + struct.pack("!H", 2 + len(INNER6)) + bytes.fromhex("0057") + INNER6)
    yield eth(0x8864, bytes.fromhex("1100 0001 0008 c021 0901 0006 00000000"))
    yield eth(0x8863, bytes.fromhex("1109 0000 0004 01010000"))
    yield eth(0x88e7, bytes.fromhex("00000001") + eth(0x0800, INNER4))
    yield eth(60, bytes.fromhex("aaaa030000000800") + INNER4)
    yield eth(60, bytes.fromhex("aaaa0300000086dd") + INNER6)
    yield eth(60, bytes.fromhex("060603") + INNER4)
    yield eth(60, bytes.fromhex("424203") + bytes(35))
    yield eth(60, bytes.fromhex("ffff") + bytes(58))
    yield eth(0x0806, bytes.fromhex("0001080006040001") + bytes(20))
    yield eth(0x8035, bytes.fromhex("0001080006040003") + bytes(20))
    for kind in (0x88cc, 0x888e, 0x8809, 0x9000, 0x88f7, 0x8906, 0x0600, 0x05dc, 0xffff, 0x0842, 0x876b):
        yield eth(kind, bytes(50))
    yield eth(0x0800, b"")
    yield eth(0x0800, INNER6)
    yield eth(0x86dd, INNER4)


def fragments():
    """Times matter here: (frame, wire length or None, microseconds after the one before)."""
    payload = bytes(range(64)) * 2
    whole = udp(payload, 7001, 7002)

    def piece(start, stop, **more):
        last = stop >= len(whole)
        return eth(0x0800, ip4(UDP, whole[start:stop], fragment=start // 8 | (0 if last else 0x2000), **more))

    yield piece(0, 64), None, APART
    yield piece(64, 200), None, 1000
    yield piece(64, 200, ident=8), None, APART         # later before first
    yield piece(0, 64, ident=8), None, 1000
    yield piece(0, 64, ident=9), None, APART            # middle one twice, last one first
    yield piece(128, 200, ident=9), None, 10
    yield piece(64, 128, ident=9), None, 10
    yield piece(64, 128, ident=9), None, 10
    yield piece(0, 64, ident=10, src="192.0.2.9"), None, APART  # same id, another sender, either way round
    yield piece(64, 200, ident=10), None, 10
    yield piece(0, 64, ident=11), None, APART
    yield piece(64, 200, ident=11, src="192.0.2.2", dst="192.0.2.1"), None, 10
    tiny = tcp()
    yield eth(0x0800, ip4(TCP, tiny[:8], ident=12, fragment=0x2000)), None, APART
    yield eth(0x0800, ip4(TCP, tiny[8:], ident=12, fragment=1)), None, 10
    yield eth(0x8100, vlan(5, 0x0800, ip4(TCP, tiny[:16], ident=13, fragment=0x2000))), None, APART
    yield eth(0x8100, vlan(6, 0x0800, ip4(TCP, tiny[16:], ident=13, fragment=2))), None, 10
    yield eth(0x0800, ip4(ICMP, bytes.fromhex("0800000000010001"), ident=14, fragment=0x2000)), None, APART
    yield eth(0x0800, ip4(ICMP, bytes(16), ident=14, fragment=1)), None, 10
    for chain, header in ((b"", 44), (ext(44), 60)):
        yield eth(0x86dd, ip6(header, chain + frag6(UDP, 0, 1) + whole[:64])), None, APART
        yield eth(0x86dd, ip6(header, chain + frag6(UDP, 8, 1) + whole[64:128])), None, 10
        yield eth(0x86dd, ip6(header, chain + frag6(UDP, 16, 0) + whole[128:])), None, 10
    yield eth(0x86dd, ip6(44, frag6(60, 0, 1) + ext(TCP) + tiny[:16])), None, APART
    yield eth(0x86dd, ip6(44, frag6(60, 3, 0) + tiny[16:])), None, 10
    yield eth(0x86dd, ip6(44, frag6(TCP, 0, 0) + tiny)), None, APART
    yield eth(0x86dd, ip6(44, frag6(59, 0, 0))), None, APART
    inner = ip4(UDP, whole[:64], "10.6.0.1", "10.6.0.2", fragment=0x2000), ip4(UDP, whole[64:], "10.6.0.1", "10.6.0.2", fragment=8)
    for body in inner:
        yield eth(0x0800, ip4(IPIP, body)), None, 10
    tunnelled = ip4(UDP, udp(payload), "10.7.0.1", "10.7.0.2")
    yield eth(0x0800, ip4(IPIP, tunnelled[:64], ident=15, fragment=0x2000)), None, APART
    yield eth(0x0800, ip4(IPIP, tunnelled[64:], ident=15, fragment=8)), None, 10
    yield piece(0, 64, ident=16), None, APART           # 40 s apart: too long for our table
    yield piece(64, 200, ident=16), None, 40 * 10**6


def clocks():
    """Idle timeouts to the microsecond, and a clock that steps back."""
    frame, reply = eth(0x0800, ip4(TCP, tcp())), eth(0x0800, ip4(TCP, tcp(80, 40000), "192.0.2.2", "192.0.2.1"))
    second = 10**6
    for step in (0, 181 * second, 182 * second - 1, 182 * second, 182 * second + 1, 1, -1, -second, -59 * second, 60 * second):
        yield frame, None, step
        yield reply, None, 0
    yield frame, None, -61 * second
    yield reply, None, 100 * second
    yield frame, None, -400 * 86400 * second
    yield frame, None, 400 * 86400 * second


CLASSES = {f.__name__: f for f in (lengths, cut_frames, protocols, extension_headers, quoted_headers, tags, ip_tunnels, gre_tunnels,
                                   udp_tunnels, layer2, fragments, clocks)}


def timed(made):
    """The frames with their times: each entry is a frame, or a frame, its length on the wire and the time since the one before."""
    time = START
    for entry in made:
        frame, wire, step = (*entry, APART)[:3] if isinstance(entry, tuple) else (entry, None, APART)
        time += step
        yield time, frame, wire


def write_all(folder):
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, made in CLASSES.items():
        paths.append(folder / f"{PREFIX}{name}.pcap")
        frames.write_pcap(paths[-1], timed(made()))
    return paths


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    write_all(pathlib.Path(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
