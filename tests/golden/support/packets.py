# SPDX-License-Identifier: BSD-2-Clause
"""Frames and captures from nothing but struct: Ethernet, IPv4, TCP, UDP with right lengths and checksums, classic pcap."""

import socket
import struct

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32

ETHERNET, IPV4, TCP, UDP = 14, 20, 20, 8


def checksum(data):
    """RFC 1071, host order."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac_bytes(text):
    return bytes(int(part, 16) for part in text.split(":"))


def tcp_segment(src, dst, src_port, dst_port, seq, ack, flags, window, options=b"", payload=b""):
    """src, dst: dotted addresses, for the checksum. options: a multiple of 4 bytes."""
    assert len(options) % 4 == 0 and len(options) <= 40
    offset = (TCP + len(options)) // 4 << 4
    header = struct.pack("!HHIIBBHHH", src_port, dst_port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset, flags, window, 0, 0)
    segment = header + options + payload
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, 6, len(segment))
    return segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]


def udp_datagram(src, dst, src_port, dst_port, payload=b""):
    header = struct.pack("!HHHH", src_port, dst_port, UDP + len(payload), 0)
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, 17, UDP + len(payload))
    value = checksum(pseudo + header + payload) or 0xFFFF  # RFC 768: zero means none
    return header[:6] + struct.pack("!H", value) + payload


def ipv4_packet(src, dst, protocol, body, ip_id=0, ttl=64, tos=0):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, tos, IPV4 + len(body), ip_id, 0x4000, ttl, protocol, 0,
                         socket.inet_aton(src), socket.inet_aton(dst))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + body


def ethernet_frame(mac_src, mac_dst, ethertype, body, wire_len=0):
    """wire_len: pad with zeros up to this length; frames already longer stay as they are."""
    frame = mac_bytes(mac_dst) + mac_bytes(mac_src) + struct.pack("!H", ethertype) + body
    return frame.ljust(wire_len, b"\0")


def write_pcap(path, packets, snaplen=262144):
    """packets: iterable of (time in microseconds, frame[, bytes on the wire when the frame was cut]). Little endian, microseconds,
    Ethernet: the same bytes everywhere."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, 1))
        for time_us, frame, *wire_len in packets:
            captured = frame[:snaplen]
            out.write(struct.pack("<IIII", time_us // 1000000, time_us % 1000000, len(captured), *(wire_len or [len(frame)])))
            out.write(captured)
