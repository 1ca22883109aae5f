# SPDX-License-Identifier: BSD-2-Clause
"""Captures made to be odd for exporters: many flows, counters beyond 32 bits, long flows, tags and labels, dates at the
borders of what the protocols can say. Every file is the same at every run.

    odd_captures.py FOLDER
"""

import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import frames  # noqa: E402
from frames import ICMP, ICMPV6, TCP, UDP  # noqa: E402

START = 1700000000 * 10**9  # ns


def ip4(proto, body, src="192.0.2.1", dst="198.51.100.2", **fields):
    return frames.ipv4(proto, body, src, dst, **fields)


def ip6(proto, body, src="2001:db8::1", dst="2001:db8:1::2", **fields):
    return frames.ipv6(proto, body, src, dst, **fields)


def tcp(sport=40000, dport=80, flags=0x10, window=5000, reserved=0):
    return frames.tcp(sport, dport, flags=flags, window=window, reserved=reserved)


def udp(sport=40000, dport=9999):
    return frames.udp(sport, dport, b"hello")


def tagged(kind, body, tags):
    for tag in reversed(tags):
        kind, body = frames.VLAN, frames.vlan(tag, kind, body)
    return frames.ethernet(kind, body)


def eth(packet, tags=(), labels=()):
    """Ethernet with VLAN ids and MPLS labels around an IP packet."""
    kind = 0x8847 if labels else 0x86dd if packet[0] >> 4 == 6 else 0x0800
    for i, label in enumerate(reversed(labels)):
        packet = frames.mpls(label, i == 0, packet)
    return tagged(kind, packet, tags)


def arp(sender=1, tags=()):
    body = struct.pack("!HHBBH6sI6sI", 1, 0x0800, 6, 4, 1, frames.mac("02000000000a"), 0xc0000200 + sender, bytes(6), 0xc00002fe)
    return tagged(frames.ARP, body, tags)


def pcap(timed):
    return frames.pcap(timed, unit=frames.NANOSECONDS)


def pcapng(timed, names, offset_s=0):
    """(ns, interface, frame): 64-bit nanoseconds, interfaces with names; offset_s moves the clock of all (if_tsoffset)."""
    option = frames.pcapng_option
    out = [frames.pcapng_section()]
    for name in names:
        out.append(frames.pcapng_interface(option(2, name.encode()) + option(9, b"\x09") + option(14, struct.pack("<q", offset_s)) +
                                           option(0, b"")))
    for ns, interface, frame in timed:
        out.append(frames.pcapng_packet(ns - offset_s * 10**9, frame, interface))
    return b"".join(out)


def many_flows():
    """3,000 biflows and 3,000 packets without an answer, more than a message or a repetition of templates holds."""
    for i in range(3000):
        ns = START + i * 20 * 10**6  # a minute in all: templates come again
        host = f"10.{i // 250}.0.{i % 250 + 1}"
        yield ns, eth(ip4(TCP, tcp(1024 + i, 443, 0x02), host, tos=i % 256, ttl=1 + i % 255))
        yield ns + 1234567, eth(ip4(TCP, tcp(443, 1024 + i, 0x12), "198.51.100.2", host, ttl=255))
        yield ns + 2345678, eth(ip6(UDP, udp(2000 + i, 53), f"2001:db8::{i + 1:x}", traffic_class=i % 256, hops=1 + i % 255))


def wide_counters():
    """More than 2^32 octets in each direction: IP claims 65,535, frames are cut short."""
    request = (eth(ip4(UDP, udp(5000, 6000), total=65535)), 14 + 65535)
    answer = (eth(ip6(UDP, udp(5001, 6001), length=65495)), 14 + 65535)
    for i in range(65800):
        yield START + i * 1000, *request
        yield START + i * 1000 + 500, *answer


def long_flows():
    """60 days: longer than a v9 uptime of 32 bits of milliseconds lasts. A packet every three minutes keeps it alive."""
    for i in range(60 * 480 + 1):
        yield START + i * 180 * 10**9, eth(ip4(UDP, udp()))
        if i % 480 == 0:
            yield START + i * 180 * 10**9 + 10**6, eth(ip4(ICMP, b"\x08\0\0\0" + bytes(4)))


def tags_and_labels():
    """VLANs, stacked VLANs, MPLS, each v4, v6 and L2: the innermost tag is the flow's."""
    ns = START
    for tags in ((), (0,), (1,), (80,), (4094,), (7, 80), (80, 7), (1, 2, 3)):
        for labels in ((), (16,), (1000, 16)):
            for packet in (ip4(TCP, tcp(window=0)), ip6(UDP, udp()), ip6(ICMPV6, b"\x80\0\0\0" + bytes(4))):
                ns += 10**6
                yield ns, eth(packet, tags, labels)
        ns += 10**6
        yield ns, arp(tags=tags)


def tagged_biflows():
    """Both directions on one VLAN."""
    for i in range(1, 6):
        yield START + i * 10**6, eth(ip4(TCP, tcp(1000 + i, 80, 2)), (100 + i,))
        yield START + i * 10**6 + 500, eth(ip4(TCP, tcp(80, 1000 + i, 18), "198.51.100.2", "192.0.2.1"), (100 + i,))


def flags_and_protocols():
    """Every TCP flag alone and all of them, and protocols without ports."""
    ns = START
    for bit in range(9):
        ns += 10**6
        yield ns, eth(ip4(TCP, tcp(1000 + bit, 80, (1 << bit) & 0xff if bit < 8 else 0xff)))
    for proto in (0, 1, 2, 4, 17, 47, 50, 51, 58, 89, 103, 112, 132, 255):
        ns += 10**6
        yield ns, eth(ip4(proto, bytes(40), "192.0.2.3"))


def icmp_types():
    """Types and codes of both families and directions, 0 and 255 among them; SCTP and DCCP have ports beside them."""
    ns = START
    for n, (kind, code, answer) in enumerate(((8, 0, 0), (0, 0, None), (3, 13, None), (255, 255, None), (13, 0, 14), (0, 7, None))):
        ns += 10**6
        host = f"192.0.2.{10 + n}"
        yield ns, eth(ip4(ICMP, bytes((kind, code)) + bytes(6), host))
        if answer is not None:
            yield ns + 500, eth(ip4(ICMP, bytes((answer, code)) + bytes(6), "198.51.100.2", host))
    for n, (kind, code, answer) in enumerate(((128, 0, 129), (135, 0, 136), (1, 4, None), (255, 1, None))):
        ns += 10**6
        host = f"2001:db8::{10 + n}"
        yield ns, eth(ip6(ICMPV6, bytes((kind, code)) + bytes(6), host))
        if answer is not None:
            yield ns + 500, eth(ip6(ICMPV6, bytes((answer, code)) + bytes(6), "2001:db8:1::2", host))
    for n, proto in enumerate((33, 132, 136)):
        ns += 10**6
        yield ns, eth(ip4(proto, struct.pack("!HH", 5000 + n, 7000 + n) + bytes(36), "192.0.2.4"))
        yield ns + 500, eth(ip6(proto, struct.pack("!HH", 5000 + n, 7000 + n) + bytes(36), "2001:db8::4"))
    # AE (RFC 9768) and the reserved bits beside it.
    for n in range(4):
        ns += 10**6
        yield ns, eth(ip4(TCP, tcp(1100 + n, 80, 0x12, reserved=1 << n)))


def dates(*seconds):
    for n, second in enumerate(seconds):
        # Seven minutes apart at least: no flow holds two of them.
        for ns, frame in ((0, ip4(TCP, tcp(1000 + n, 80, 2))), (999999999, ip6(UDP, udp(2000 + n)))):
            yield second * 10**9 + ns, 0, eth(frame)
        yield second * 10**9 + 10**9, 0, arp(n)


INTERFACE_NAMES = ["uplink", "a name of an interface that is longer than 32 octets"]


def interfaces():
    """Two interfaces with names, one of them too long for a v9 record."""
    for i in range(20):
        yield START + i * 10**6, i % 2, eth(ip4(UDP, udp(3000 + i)))


CAPTURES = {
    "odd_many_flows.pcap": lambda: pcap(many_flows()),
    "odd_wide_counters.pcap": lambda: pcap(wide_counters()),
    "odd_long_flows.pcap": lambda: pcap(long_flows()),
    "odd_tags_and_labels.pcap": lambda: pcap(tags_and_labels()),
    "odd_tagged_biflows.pcap": lambda: pcap(tagged_biflows()),
    "odd_flags_and_protocols.pcap": lambda: pcap(flags_and_protocols()),
    "odd_icmp_and_flags.pcap": lambda: pcap(icmp_types()),
    # 2001-09-09, the borders of signed and unsigned 32 bits of seconds since 1970, and of NTP's era 0 (2036).
    "odd_dates.pcapng": lambda: pcapng(dates(0, 999999999, 2085978495, 2085979000, 2**31 - 1, 2**31 + 600), ["eth0"]),
    "odd_dates_after_2106.pcapng": lambda: pcapng(dates(2**32 + 600, 2**33), ["eth0"]),
    "odd_dates_before_1970.pcapng": lambda: pcapng(dates(-2**31, -10**9, -600), ["eth0"], -2**32),
    "odd_interfaces.pcapng": lambda: pcapng(interfaces(), INTERFACE_NAMES),
}


def write_all(folder):
    paths = []
    for name, make in CAPTURES.items():
        path = pathlib.Path(folder) / name
        path.write_bytes(make())
        paths.append(path)
    return paths


if __name__ == "__main__":
    write_all(sys.argv[1])
