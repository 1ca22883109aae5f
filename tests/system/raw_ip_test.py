#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""raw_ip_test.py FLOWXDP: a tunnel's device (tun) has IP packets without a link header; what XDP cannot read is refused.

This test holds the tunnel's other end: it writes packets into the device and knows every one. Exit 77 without root, BPF or tun.
"""
import filecmp
import os
import subprocess
import sys

import veth

FLOWS, PACKETS = 20, 5

# FLOWS flows of PACKETS UDP datagrams each over IPv4, as many over IPv6, when told; the device stays open.
TUNNEL = """
import fcntl, frames, os, struct, sys
name, flows, packets = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH14x', name.encode(), 0x1001))  # TUNSETIFF: IFF_TUN, IFF_NO_PI
print('made', flush=True)
sys.stdin.readline()
for flow in range(flows):
    udp = frames.udp(1000 + flow, 9, bytes(flow))
    for _ in range(packets):
        os.write(tun, frames.ipv4(frames.UDP, udp))
        os.write(tun, frames.ipv6(frames.UDP, udp))
print('sent', flush=True)
sys.stdin.readline()
"""


LEAVE = """
import socket
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(3): out.sendto(bytes(10), ('198.51.100.2', 9))
"""


def tunnel(network):
    """A process in the sensor's namespace that has made the device t0."""
    if not os.path.exists("/dev/net/tun"):
        raise veth.Skip("this kernel has no tun device")
    process = network.python(network.sensor, TUNNEL, "t0", FLOWS, PACKETS, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    if process.stdout.readline() != "made\n":
        raise veth.Skip("cannot make a tun device here")
    network.ip(network.sensor, "link", "set", "t0", "up")
    return process


def send(process):
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "sent\n"


def close(network, process):
    network.tool("detach", "t0", check=False)  # what a test that failed has left
    process.kill()
    process.wait()


def counted(network, folder, *options):
    prefix = folder + "/t"
    process = tunnel(network)
    try:
        sensor = veth.Sensor(network, prefix, "t0", "-e", "all", *options)
        send(process)
        code, report = sensor.stop()
        assert code == 0, (code, report, sensor.said())
    finally:
        close(network, process)
    counts = veth.check_books(report, veth.rows(prefix))
    assert counts["seen"] == counts["in_flows"] + counts["filtered"], counts
    veth.run(network.flowxdp, "replay", "-q", prefix + ".pcapng", "-w", prefix + "_again", *options[2:])
    assert filecmp.cmp(prefix + "_flows.txt", prefix + "_again_flows.txt", shallow=False), "replay differs"
    return [row for row in veth.rows(prefix) if row["srcPort"].startswith("10")]


def each_mode(network, folder):
    for mode in ("generic", "auto"):
        table = counted(network, folder, "--mode", mode)
        wanted = sorted((str(1000 + flow), str(version), str(PACKETS), str(PACKETS * flow))
                        for flow in range(FLOWS) for version in ("0x0800", "0x86dd"))
        assert sorted((r["srcPort"], r["ethType"], r["pktsSnt"], r["l7BytesSnt"]) for r in table) == wanted, table
        assert all(r["hdrDesc"].startswith("raw:ipv") for r in table), table[0]


def filtered(network, folder):
    """The expression is translated for packets that begin with IP."""
    table = counted(network, folder, "--mode", "auto", "udp src port 1007 and ip6")
    assert [(r["srcPort"], r["ethType"], r["pktsSnt"]) for r in table] == [("1007", "0x86dd", str(PACKETS))], table


def leaving_too(network, folder):
    """The egress hook of a tun device has packets without a link header as well."""
    process = tunnel(network)
    try:
        network.ip(network.sensor, "addr", "add", "198.51.100.1/24", "dev", "t0")
        sensor = veth.Sensor(network, folder + "/t", "t0", "--direction", "both")
        network.inside(network.sensor, sys.executable, "-c", LEAVE)
        send(process)
        code, report = sensor.stop()
    finally:
        close(network, process)
    counts = veth.check_books(report, veth.rows(folder + "/t"))
    assert code == 0 and counts["seen"] == counts["in_flows"] == 3 + 2 * FLOWS * PACKETS, (code, counts)
    (left,) = [row for row in veth.rows(folder + "/t") if row["srcIP"] == "198.51.100.1"]
    assert (left["dstIP"], left["pktsSnt"], left["l7BytesSnt"]) == ("198.51.100.2", "3", "30"), left
    assert left["hdrDesc"] == "raw:ipv4:udp", left


def others_are_refused(network, folder):
    name = network.veths[0]
    process = tunnel(network)
    try:
        refused = network.tool("attach", name, "t0", "--merge", "-w", folder + "/a", check=False)
        assert refused.returncode == 1 and "cannot be merged" in refused.stderr, refused
        made = network.inside(network.sensor, "ip", "link", "add", "w0", "type", "wireguard", check=False)
        if made.returncode == 0:
            refused = network.tool("attach", "w0", "-w", folder + "/a", check=False)
            assert refused.returncode == 1 and "wireguard" in refused.stderr, refused
    finally:
        close(network, process)
    assert not os.path.exists(network.pins()) and not network.has_program(name)


veth.main("fxra", (each_mode, filtered, leaving_too, others_are_refused))
