#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""checksum_test.py FLOWXDP: tcp_flags:ipchecksum, live. Frames with right and wrong checksums, written by hand, are judged as received;
replay of the sensor's own capture gives the same rows. What this host sends itself is not judged, its checksums are made later."""
import subprocess
import sys

import veth

CHECKSUMS = ("--plugin", "tcp_flags:ipchecksum=2")
L3_WRONG, L4_WRONG, L4_JUDGED = 0x0400, 0x0800, 0x1000
# Port of the flow: which bit of its packet is wrong.
FRAMES = {20001: None, 20002: "payload", 20003: "ttl", 20004: None, 20005: "payload"}
SEND = """
import socket, sys
import frames
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for word in sys.argv[2:]:
    port, wrong = word.split(':')
    port = int(port)
    if port % 2:
        body, proto = frames.udp(port, 9, bytes(500)), frames.UDP
    else:
        body, proto = frames.tcp(port, 9, body=bytes(1400)), frames.TCP
    packet = bytearray(frames.with_checksums(frames.ipv4(proto, body, '192.0.2.1', '192.0.2.2')))
    if wrong == 'payload':
        packet[-1] ^= 1
    elif wrong == 'ttl':
        packet[8] ^= 1
    s.send(frames.ethernet(frames.IPV4, bytes(packet)))
"""


def bits(row):
    return int(row["ipFlags"], 16) & (L3_WRONG | L4_WRONG), int(row["tcpFStat"], 16) & L4_JUDGED


def received(network, folder):
    sensor = veth.Sensor(network, folder + "/rows", network.veths[0], *CHECKSUMS, "--direction", "ingress", "-e", "all")
    sender = network.python(network.sender, SEND, network.peers[0], *(f"{port}:{wrong}" for port, wrong in FRAMES.items()),
                            stderr=subprocess.PIPE, text=True)
    _, said = sender.communicate(timeout=60 * veth.PATIENCE)
    assert sender.returncode == 0, said
    code, report = sensor.stop()
    assert code == 0, (code, report, sensor.said())
    found = {int(row["srcPort"]): bits(row) for row in veth.rows(folder + "/rows")}
    wanted = {None: (0, L4_JUDGED), "payload": (L4_WRONG, L4_JUDGED), "ttl": (L3_WRONG, L4_JUDGED)}
    assert found == {port: wanted[wrong] for port, wrong in FRAMES.items()}, found
    network.tool("replay", "-q", folder + "/rows.pcapng", "-w", folder + "/again", *CHECKSUMS)
    assert open(folder + "/rows_flows.txt").read() == open(folder + "/again_flows.txt").read()


def sent(network, folder):
    """UDP from the sensor's own host: the frames leave with headers that are not looked at."""
    sensor = veth.Sensor(network, folder + "/rows", network.veths[0], *CHECKSUMS, "--direction", "both")
    network.introduce(network.sensor, network.veths[0], "192.0.2.1", network.mac(network.sender, network.peers[0]))
    network.inside(network.sensor, sys.executable, "-c", veth.SEND_UDP.replace("192.0.2.1", "192.0.2.x").replace("192.0.2.2", "192.0.2.1")
                   .replace("192.0.2.x", "192.0.2.2"), "3", "5", "9")
    code, report = sensor.stop()
    assert code == 0, (code, report, sensor.said())
    table = [row for row in veth.rows(folder + "/rows") if row["srcIP"] == "192.0.2.2" and row["l4Proto"] == "17"]
    assert len(table) == 3 and all(row["pktsSnt"] == "5" for row in table), table
    assert {bits(row) for row in table} == {(0, 0)}, [bits(row) for row in table]


if __name__ == "__main__":
    veth.main("fxcs", (received, sent))
