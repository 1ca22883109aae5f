#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bytes_test.py FLOWXDP [ENGINE]: a plugin without a kernel half gets the packets and streams that it declares.

The plugin seen_bytes prints what it got. What that has to be is worked out here from the packets that are written into a capture.
ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import os
import random
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
from frames import ACK, ARP, ICMP, IPV4, IPV6, SYN, TCP, UDP, VLAN, ethernet, ipv4, ipv6, tcp, udp, vlan, write_pcap

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
LIB = os.path.join(os.path.dirname(os.path.realpath(FLOWXDP)), "../lib/flowxdp_needs")
CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
HEAD = 64  # bytes of a stream that the plugin prints
LONGEST = 16384  # PACKET_MAX_PAYLOAD of bpf/flowxdp/packet.h


def rows(folder, frames, plugin="seen_bytes", *options):
    """The rows of a replay. frames: (frame[, bytes on the wire])."""
    capture, prefix = folder + "/a.pcap", folder + "/a"
    write_pcap(capture, [(1700000000_000000 + n * 1000, *(f if isinstance(f, tuple) else (f,))) for n, f in enumerate(frames)])
    done = subprocess.run([FLOWXDP, "replay", "-q", "--lib", LIB, "--engine", ENGINE, capture, "-w", prefix, "--plugin", plugin, "--plugin",
                           "flow_export", *options], capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done
    with open(prefix + "_flows.txt") as lines:
        names = lines.readline().lstrip("%").rstrip("\n").split("\t")
        return [dict(zip(names, line.rstrip("\n").split("\t"))) for line in lines]


def segment(flow, out, seq, body=b"", flags=ACK, cut=None):
    """cut: bytes of the payload that the capture has; the frame is longer on the wire."""
    ports = (20000 + flow, 80)
    frame = ethernet(IPV4, ipv4(TCP, tcp(*(ports if out else ports[::-1]), seq=seq, flags=flags, body=body),
                                *((CLIENT, SERVER) if out else (SERVER, CLIENT))))
    return frame if cut is None else (frame[:len(frame) - len(body) + cut], len(frame))


def streams(folder):
    """Two streams a flow, in segments of random lengths that come out of order, twice, and cut by the capture."""
    chance = random.Random(12)
    packets, wanted = [], {}
    for flow in range(200):
        begins = {True: chance.randrange(1 << 32), False: chance.randrange(1 << 32)}
        syn = chance.random() < 0.8
        frames = []
        for out in (True, False):
            if syn:
                packets.append((flow, segment(flow, out, begins[out] - 1, flags=SYN if out else SYN | ACK)))
            stream, at, gap = chance.randbytes(chance.randrange(1, 200)), 0, set()
            parts = []
            while at < len(stream):
                n = chance.randrange(1, 60)
                part = stream[at:at + n]
                kept = chance.randrange(len(part)) if chance.random() < 0.1 else len(part)
                gap |= set(range(at + kept, at + len(part)))
                parts.append(segment(flow, out, begins[out] + at, part, cut=kept if kept < len(part) else None))
                at += len(part)
            # Without a SYN the first segment that is seen begins the stream.
            for i in range(1, len(parts) - 1):
                if chance.random() < 0.3:
                    parts[i], parts[i + 1] = parts[i + 1], parts[i]
            if syn and len(parts) > 1 and chance.random() < 0.3:
                parts[0], parts[1] = parts[1], parts[0]
            parts = [copy for part in parts for copy in [part] * chance.choice((1, 1, 1, 2))]
            frames.append(parts)
            head = bytes(0 if i in gap else b for i, b in enumerate(stream))[:HEAD]
            wanted[flow, out] = (head.hex(), len(gap), (1 if syn else 0) + 2)
        for parts in frames:
            packets += [(flow, part) for part in parts]
    # Flows run beside each other; the packets of each keep their order.
    order = [flow for flow, _ in packets]
    chance.shuffle(order)
    by_flow = {}
    for flow, frame in packets:
        by_flow.setdefault(flow, []).append(frame)
    table = rows(folder, [by_flow[flow].pop(0) for flow in order])
    found = {}
    for row in table:
        out = row["srcIP"] == CLIENT
        key = int(row["srcPort" if out else "dstPort"]) - 20000, out
        found[key] = (row["seenStream"], int(row["seenGaps"]), int(row["seenEnd"]))
    for key, expected in wanted.items():
        assert found[key] == expected, (key, found[key], expected)
    print(f"ok: {len(wanted)} streams")
    assert not any(int(row["fxStat"], 16) for row in table)


def packets(folder):
    echo = bytes((8, 0, 0, 0)) + b"\x12\x34\x00\x01" + bytes(range(40))
    quoted = bytes((3, 3, 0, 0)) + bytes(4) + ipv4(UDP, udp(5, 6), SERVER, CLIENT)
    request = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, bytes(6), b"\x0a\0\0\1", bytes(6), b"\x0a\0\0\2")
    frames = [ethernet(IPV4, ipv4(ICMP, echo, CLIENT, SERVER)),
              ethernet(IPV4, ipv4(ICMP, quoted, "10.0.0.9", "10.0.0.8")),
              ethernet(ARP, request, wire_len=60),
              ethernet(VLAN, vlan(7, ARP, request), src="02000000000c"),
              ethernet(0x88cc, b"\x02\x07" + bytes(20)),
              ethernet(IPV4, ipv4(UDP, udp(1000, 53, b"twelve bytes"), CLIENT, SERVER)),
              ethernet(IPV4, ipv4(UDP, udp(53, 2000, b""), SERVER, CLIENT)),       # no payload
              ethernet(IPV4, ipv4(UDP, udp(3000, 55, b"another port"), CLIENT, SERVER)),
              ethernet(IPV6, ipv6(UDP, udp(54, 4000, b"v6")))]
    table = rows(folder, frames)
    seen = [(int(row["seenPkts"]), row["seenHeaders"].replace("-", ""), row["seenPayload"].replace("-", "")) for row in table]
    expected = [(1, echo[:8].hex(), echo[8:24].hex()),
                (1, quoted[:8].hex(), quoted[8:24].hex()),
                (1, (request + bytes(18)).hex(), ""),  # with the padding of Ethernet: nothing says where it begins
                (1, request.hex(), ""),
                (0, "", ""),
                (1, "", b"twelve by".hex()),
                (0, "", ""),
                (0, "", ""),
                (1, "", b"v6".hex())]
    assert seen == expected, [(a, b) for a, b in zip(seen, expected) if a != b]
    print("ok: ICMP, ARP, ports, packets without payload")
    # Beside packet mode: the payload column is the one of a run without the plugin.
    columns = []
    for plugin in ("seen_bytes", "tcp_win"):
        rows(folder, frames, plugin, "-s")
        with open(folder + "/a_packets.txt") as lines:
            columns.append([line.rstrip("\n").split("\t")[-1] for line in lines])
    assert columns[0] == columns[1], "l7Content"
    print("ok: packet mode beside it")


def merged(folder):
    """Segments as a device merges them (GRO, LRO): longer than a page, so the kernel has them in several buffers."""
    lengths = (2048, 2049, 3400, 3500, 9000, 16384, 16385, 60000)
    bodies = [bytes(b"abcdefghijklmnop"[(i + n) % 16] for i in range(n)) for n in lengths]
    frames = [segment(flow, True, 100, body) for flow, body in enumerate(bodies)]
    table = rows(folder, frames, "seen_bytes", "-s")
    assert [int(row["l7BytesSnt"]) for row in table] == list(lengths), table
    assert not any(int(row["seenGaps"]) for row in table)
    with open(folder + "/a_packets.txt") as lines:
        next(lines)
        said = [line.rstrip("\n").split("\t")[-1].strip('"') for line in lines]
    for body, text in zip(bodies, said, strict=True):
        assert text == body[:LONGEST].decode(), (len(body), len(text))
    print("ok: segments of up to 60,000 bytes")


def options(folder):
    frames = [segment(0, True, 100, flags=SYN), segment(0, True, 101, b"abc"), segment(0, True, 104, b"def"), segment(0, True, 107, b"ghi")]
    (row,) = rows(folder, frames, "seen_bytes:packets=3")
    assert row["seenStream"] == b"abcdef".hex(), row
    (row,) = rows(folder, frames, "seen_bytes:port=81")
    assert row["seenStream"] == "-" and row["seenEnd"] == "0", row
    print("ok: ports and numbers of packets")


with tempfile.TemporaryDirectory() as folder:
    streams(folder)
    packets(folder)
    merged(folder)
    options(folder)
