# SPDX-License-Identifier: BSD-2-Clause
"""Frames and capture files for the tests in Python, from nothing but struct.

A header takes what follows it as `body` and works out the length, unless the caller claims another one. Checksums are 0, which the
sensor does not mind; with_checksums() fills them in. Addresses are text ("192.0.2.1", "2001:db8::1") or, of IPv4, a number.

    ethernet(IPV4, ipv4(TCP, tcp(40000, 80, flags=SYN), "192.0.2.1", "192.0.2.2"))
"""

import socket
import struct

# Ethertypes
IPV4, ARP, VLAN, IPV6, MPLS = 0x0800, 0x0806, 0x8100, 0x86DD, 0x8847
# IP protocol numbers
ICMP, IPIP, TCP, UDP, DCCP, IPV6_IN_IP, GRE, ESP, AH, ICMPV6, SCTP = 1, 4, 6, 17, 33, 41, 47, 50, 51, 58, 132
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
LINKTYPE_ETHERNET = 1
MICROSECONDS, NANOSECONDS = 10**6, 10**9  # units of a second in a pcap file


def checksum(data):
    """RFC 1071, host order."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac(text):
    """"02:00:00:00:00:0a", with or without the colons."""
    return bytes.fromhex(text.replace(":", ""))


def _ipv4_address(address):
    return address.to_bytes(4, "big") if isinstance(address, int) else socket.inet_aton(address)


def ethernet(ethertype, body, src="02000000000a", dst="02000000000b", wire_len=0):
    """wire_len: pad with zeros up to this length; frames already longer stay as they are."""
    return (mac(dst) + mac(src) + struct.pack("!H", ethertype) + body).ljust(wire_len, b"\0")


def vlan(vid, ethertype, body, priority=0):
    """What follows the ethertype of a tag: the tag, then an ethertype of its own."""
    return struct.pack("!HH", priority << 13 | vid, ethertype) + body


def mpls(label, bottom, body):
    return struct.pack("!I", label << 12 | bottom << 8 | 64) + body


def ipv4(protocol, body, src="192.0.2.1", dst="192.0.2.2", total=None, ihl=5, version=4, ident=7, fragment=0, options=b"", ttl=64, tos=0):
    """total: the length that the header claims. fragment: flags and offset in units of 8 octets."""
    total = 20 + len(options) + len(body) if total is None else total
    return struct.pack("!BBHHHBBH4s4s", version << 4 | ihl, tos, total, ident, fragment, ttl, protocol, 0, _ipv4_address(src),
                       _ipv4_address(dst)) + options + body


def ipv6(protocol, body, src="2001:db8::1", dst="2001:db8::2", length=None, version=6, traffic_class=0, hops=64):
    """length: of the payload, as the header claims it. src, dst: text or 16 bytes."""
    src, dst = (a if isinstance(a, bytes) else socket.inet_pton(socket.AF_INET6, a) for a in (src, dst))
    return struct.pack("!IHBB16s16s", version << 28 | traffic_class << 20, len(body) if length is None else length, protocol, hops, src,
                       dst) + body


def tcp(src_port, dst_port, seq=1, ack=2, flags=ACK, window=5000, options=b"", body=b"", offset=None, reserved=0):
    """offset: length of the header in 32-bit words, as it claims it. reserved: the four bits between offset and flags."""
    offset = 5 + len(options) // 4 if offset is None else offset
    return struct.pack("!HHIIBBHHH", src_port, dst_port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset << 4 | reserved, flags, window, 0,
                       0) + options + body


def udp(src_port, dst_port, body=b"", length=None):
    return struct.pack("!HHHH", src_port, dst_port, 8 + len(body) if length is None else length, 0) + body


def with_checksums(packet):
    """An IPv4 packet without options, of TCP or UDP, with its checksums."""
    protocol, body = packet[9], packet[20:]
    at = {TCP: 16, UDP: 6}[protocol]
    total = checksum(packet[12:20] + struct.pack("!BBH", 0, protocol, len(body)) + body)
    if protocol == UDP:
        total = total or 0xFFFF  # RFC 768: zero means none
    return packet[:10] + struct.pack("!H", checksum(packet[:20])) + packet[12:20] + body[:at] + struct.pack("!H", total) + body[at + 2:]


def pcap_header(link_type=LINKTYPE_ETHERNET, unit=MICROSECONDS, snaplen=262144):
    return struct.pack("<IHHiIII", 0xA1B23C4D if unit == NANOSECONDS else 0xA1B2C3D4, 2, 4, 0, 0, snaplen, link_type)


def pcap_record(time, frame, wire_len=None, unit=MICROSECONDS):
    """time: since 1970, in units."""
    return struct.pack("<IIII", time // unit, time % unit, len(frame), len(frame) if wire_len is None else wire_len) + frame


def write_pcap(path, packets, link_type=LINKTYPE_ETHERNET, unit=MICROSECONDS, snaplen=262144):
    """packets: (time, frame[, bytes on the wire when the frame was cut]). Little endian: the same bytes everywhere."""
    with open(path, "wb", buffering=1 << 20) as out:
        out.write(pcap_header(link_type, unit, snaplen))
        for packet in packets:
            out.write(pcap_record(*packet, unit=unit))


def pcap(packets, link_type=LINKTYPE_ETHERNET, unit=MICROSECONDS, snaplen=262144):
    """The same as write_pcap(), in memory."""
    return pcap_header(link_type, unit, snaplen) + b"".join(pcap_record(*packet, unit=unit) for packet in packets)


def pcapng_block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def pcapng_option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def pcapng_section(options=b"", major=1):
    return pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, major, 0, -1) + options)


def pcapng_interface(options=b"", snaplen=262144):
    return pcapng_block(1, struct.pack("<HHI", LINKTYPE_ETHERNET, 0, snaplen) + options)


def pcapng_packet(time, frame, interface=0):
    """time: in the interface's units, microseconds when it names none."""
    return pcapng_block(6, struct.pack("<IIIII", interface, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame)) + frame)
