#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""replay_test.py FLOWXDP [ENGINE]: packets that a plugin's kernel half wants reach its user half, and no others do.

The plugin first_payload prints the first 16 bytes of the first two packets with payload of each direction. What they are is
worked out here from the packets that are written into a capture. ENGINE bpf: the kernel's program by test-run; exit 77 where it
may not be loaded.
"""
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
from frames import IPV4, TCP, UDP, ethernet, ipv4, tcp, udp, with_checksums, write_pcap

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
LIB = os.path.join(os.path.dirname(os.path.realpath(FLOWXDP)), "../lib/flowxdp_needs")
FLOWS, PACKETS = 300, 6000
CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
HEADERS = 14 + 20 + 8


def traffic():
    """(frame, flow, from the client, payload that was captured, payload bytes claimed) of each packet, in order."""
    chance = random.Random(10)
    for n in range(PACKETS):
        flow = n if n < FLOWS else chance.randrange(FLOWS)  # the client speaks first
        out = n < FLOWS or chance.random() < 0.5
        payload = chance.randbytes(chance.choice((0, 0, 1, 15, 16, 17, 700)))
        captured = payload
        ports = (20000 + flow, 5000 + flow % 2)
        body = udp(*(ports if out else ports[::-1]), payload)
        packet = with_checksums(ipv4(UDP, body, *((CLIENT, SERVER) if out else (SERVER, CLIENT)), ident=n & 0xffff))
        frame = ethernet(IPV4, packet)
        if len(payload) > 100 and chance.random() < 0.3:  # cut by the capture, sometimes before its payload
            captured = payload[:chance.choice((0, 7))]
            frame = frame[:HEADERS + len(captured)]
        yield frame, len(packet) + 14, flow, out, captured, len(payload)


def expected(packets, most=2, length=16, port=None):
    """(flow, from the client) -> the first bytes of the packets that are wanted."""
    counted, wanted = {}, {}
    for _, _, flow, out, captured, claimed in packets:
        if not claimed:
            continue
        counted[flow, out] = counted.get((flow, out), 0) + 1
        if counted[flow, out] <= most and port in (None, 5000 + flow % 2):
            wanted.setdefault((flow, out), []).append(captured[:length].hex())
    return wanted


def replay(capture, prefix, plugin, *options):
    done = subprocess.run([FLOWXDP, "replay", "-q", "--lib", LIB, "--engine", ENGINE, capture, "-w", prefix, "--plugin", plugin,
                           "--plugin", "flow_export", *options], capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done
    return rows(prefix + "_flows.txt")


def rows(path):
    with open(path) as lines:
        names = lines.readline().lstrip("%").rstrip("\n").split("\t")
        return [dict(zip(names, line.rstrip("\n").split("\t"))) for line in lines]


def told(table):
    """The same as expected(), by the rows."""
    found = {}
    for row in table:
        out = row["srcIP"] == CLIENT
        flow = int(row["srcPort" if out else "dstPort"]) - 20000
        assert (flow, out) not in found, "two rows of one direction"
        packets = int(row["payloadPkts"])
        texts = row["firstPayload"].split(";") if packets else []
        assert len(texts) == packets, row
        if packets:
            found[flow, out] = texts
    return found


with tempfile.TemporaryDirectory() as folder:
    packets = list(traffic())
    capture = folder + "/needs.pcap"
    write_pcap(capture, [(1700000000_000000 + n * 1000, *packet[:2]) for n, packet in enumerate(packets)])

    table = replay(capture, folder + "/a", "first_payload")
    assert told(table) == expected(packets), "two packets of a direction"
    assert sum(int(row["pktsSnt"]) for row in table) == PACKETS
    assert not any(int(row["fxStat"], 16) for row in table)
    print(f"ok: {sum(map(len, expected(packets).values()))} of {PACKETS} packets wanted")

    assert told(replay(capture, folder + "/b", "first_payload:port=5001")) == expected(packets, port=5001), "of one port"
    assert told(replay(capture, folder + "/b", "first_payload:packets=1")) == expected(packets, most=1), "one of a direction"
    assert told(replay(capture, folder + "/b", "first_payload:packets=0")) == {}, "none"
    assert told(replay(capture, folder + "/b", "first_payload:bytes=0")) == expected(packets, length=0), "no payload"
    print("ok: ports, numbers of packets, bytes")

    # Packet mode beside it: the same columns, and the packet rows of a run without.
    beside = replay(capture, folder + "/c", "first_payload", "-s")
    assert told(beside) == expected(packets), "in packet mode"
    replay(capture, folder + "/d", "tcp_win", "-s")
    assert open(folder + "/c_packets.txt").read() == open(folder + "/d_packets.txt").read(), "packet rows differ"
    assert not os.path.exists(folder + "/a_packets.txt"), "a need wrote packet rows"
    print("ok: packet mode beside it")

    # Each packet ends its flow, so each with payload is the first one of a flow.
    def segment(n):
        payload = b"%06d" % n if n % 3 else b""
        body = tcp(30000, 5000, n, 1, window=0, body=payload)
        frame = ethernet(IPV4, with_checksums(ipv4(TCP, body, CLIENT, SERVER, ident=n)))
        return 1700000000_000000 + n * 1000, frame, len(frame)

    write_pcap(capture, [segment(n) for n in range(100)])
    table = replay(capture, folder + "/e", "first_payload", "--plugin", "tcp_win:threshold=1,force_at=1")
    said = [row["firstPayload"] for row in table]
    assert said == [(b"%06d" % n).hex() if n % 3 else "" for n in range(100)], said[:9]
    print("ok: forced ends")

    # A table that is too small: flows are evicted, and what was kept of them goes with their rows.
    if ENGINE == "native":
        write_pcap(capture, [(1700000000_000000 + n * 1000, *packet[:2]) for n, packet in enumerate(packets[:FLOWS])])
        table = replay(capture, folder + "/f", "first_payload", "--max-flows", "64")
        assert told(table) == expected(packets[:FLOWS]), "evicted flows"
        print("ok: a full table")
