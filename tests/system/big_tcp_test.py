#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""big_tcp_test.py FLOWXDP: TCP buffers above 64 KiB (BIG TCP).

In such a buffer of IPv6 stands a hop-by-hop header with the jumbo payload option, which segmentation takes out: what the
peer's end receives is the judge of what the sensor says of leaving frames. Exit 77 without root, BPF, a tool or BIG TCP.
"""
import filecmp
import shutil
import struct
import subprocess
import sys

import veth

SIZE = 3000000
SEND = """
import socket, sys
listener = socket.create_server(('::', 5001), family=socket.AF_INET6)
print('ready', flush=True)
c = listener.accept()[0]
c.sendall(bytes(int(sys.argv[1])))
c.shutdown(socket.SHUT_WR)
while c.recv(65536): pass
"""
RECEIVE = """
import socket
c = socket.create_connection(('2001:db8:0::2', 5001))
while c.recv(1 << 20): pass
"""


def ipv6_tcp(path):
    """(IPv6 octets, next header of the IPv6 header) of each packet from port 5001 in a capture of Ethernet frames."""
    out = []
    with open(path, "rb") as file:
        file.read(24)
        while head := file.read(16):
            frame = file.read(struct.unpack("<I", head[8:12])[0])
            if frame[12:14] != b"\x86\xdd":
                continue
            length, following = struct.unpack_from(">HB", frame, 18)
            at = 54 if following == 6 else 54 + 8 * (frame[55] + 1) if following == 0 else 0
            if at and struct.unpack_from(">H", frame, at)[0] == 5001:
                out.append((length + 40, following))
    return out


def grow(network):
    """Buffers of 150,000 bytes from end to end; what leaves the sensor's end is cut before it arrives."""
    for tool in ("tcpdump", "ethtool"):
        if not shutil.which(tool):
            raise veth.Skip("needs " + tool)
    name, peer = network.veths[0], network.peers[0]
    for namespace, link in ((network.sensor, name), (network.sender, peer)):
        if network.inside(namespace, "ip", "link", "set", link, "gso_max_size", "150000", "gro_max_size", "150000",
                          check=False).returncode:
            raise veth.Skip("this kernel's veth has no BIG TCP")
    # TCP makes smaller buffers the slower the way is, and an emulated machine is slow: as large as they may be, whatever the
    # round trip takes (5.18).
    for namespace in (network.sensor, network.sender):
        network.inside(namespace, "sysctl", "-qw", "net.ipv4.tcp_tso_rtt_log=31")
    network.inside(network.sensor, "ethtool", "-K", name, "tx-tcp6-segmentation", "off")
    network.inside(network.sender, "ethtool", "-K", peer, "gro", "off")


def sent(network, folder, *words):
    grow(network)
    prefix, dump = folder + "/r", folder + "/w.pcap"
    sensor = veth.Sensor(network, prefix, network.veths[0], "--direction", "both", "--plugins",
                         "basic_flow,basic_stats,flow_export,tcp_flags", *words)
    network.plug()
    log = open(dump + ".log", "w")
    tcpdump = network.start(network.sender, "tcpdump", "-i", network.peers[0], "-s", "96", "-B", "65536", "-U", "-n", "-Z", "root",
                            "-w", dump, stderr=log)
    veth.until(lambda: "listening on" in open(dump + ".log").read(), "tcpdump listens")
    server = network.python(network.sensor, SEND, SIZE, stdout=subprocess.PIPE)
    assert server.stdout.readline() == b"ready\n"
    veth.until(lambda: network.inside(network.sender, sys.executable, "-c", RECEIVE, check=False).returncode == 0, "it arrived")
    server.wait(timeout=30 * veth.PATIENCE)
    network.connections_have_ended()
    # tcpdump has the last frame when it has a later one.
    network.inside(network.sender, "ping", "-c", "1", "2001:db8:0::2")
    veth.until(lambda: veth.run("tcpdump", "-n", "-Z", "root", "-r", dump, "ip6[6] = 58 and ip6[40] = 128", check=False).stdout,
               "tcpdump has written it")
    tcpdump.terminate()
    tcpdump.wait()
    assert "\n0 packets dropped by kernel" in open(dump + ".log").read()
    code, report = sensor.stop()
    assert code == 0, (code, sensor.said(), report)
    wire = ipv6_tcp(dump)
    assert {following for _, following in wire} == {6}, "a hop-by-hop header on the wire"
    # One row; in an emulated machine a packet may leave by itself (veth.sums()).
    sent_rows = [row for row in veth.rows(prefix) if row["srcPort"] == "5001"]
    seen = [whole(int(row[c]) for row in sent_rows) for c, whole in (("pktsSnt", sum), ("ipOctets", sum), ("maxIpLen", max))]
    assert seen == [len(wire), sum(n for n, _ in wire), max(n for n, _ in wire)], (seen, len(wire), max(n for n, _ in wire))
    assert seen[2] <= 1500, seen
    assert {row["ip6OptCntHH_D"] for row in sent_rows} == {"0_0"}, sent_rows
    veth.check_books(report, veth.rows(prefix))


def leaving(network, folder):
    sent(network, folder)


def leaving_filtered(network, folder):
    """A filter sees what segmentation writes: libpcap's tcp is at the place behind the IPv6 header, or nowhere."""
    sent(network, folder, "tcp", "src", "port", "5001")



COLLECT = """
import socket
listener = socket.create_server(('::', 5001), family=socket.AF_INET6)
print('ready', flush=True)
c = listener.accept()[0]
while c.recv(1 << 20): pass
"""
HAND_OVER = """
import socket, sys
c = socket.create_connection(('2001:db8:0::2', 5001))
c.sendall(bytes(int(sys.argv[1])))
"""


def received_whole(network, folder):
    """Generic mode gets such buffers as one frame. More than a record carries of one is cut, and that is said; nothing is lost."""
    grow(network)
    prefix = folder + "/r"
    sensor = veth.Sensor(network, prefix, network.veths[0], "--mode", "generic", "--ring", "64M", "-e", "all")
    assert "arrives whole" in sensor.said(), sensor.said()
    network.plug()
    server = network.python(network.sensor, COLLECT, stdout=subprocess.PIPE)
    assert server.stdout.readline() == b"ready\n"
    veth.until(lambda: network.inside(network.sender, sys.executable, "-c", HAND_OVER, str(SIZE), check=False).returncode == 0, "it is sent")
    server.wait(timeout=30 * veth.PATIENCE)
    (status,) = network.status()
    counters = status["counters"]
    network.unplug()
    code, report = sensor.stop()
    assert counters["frames_cut"], "no frame above 64 KiB arrived"
    assert code == 3, (code, report)
    assert counters["frames_lost"] == counters["bytes_unreadable"] == 0, counters
    assert counters["frames_merged"] >= counters["frames_cut"], counters
    assert f"{counters['frames_cut']} frames were too long for extraction" in report, report
    cut, all_frames = 0, 0
    with open(prefix + ".pcapng", "rb") as file:
        while head := file.read(8):
            kind, length = struct.unpack("<II", head)
            body = file.read(length - 8)
            if kind == 6:  # enhanced packet block
                captured, original = struct.unpack_from("<II", body, 12)
                all_frames += 1
                cut += captured < original
                assert captured == min(original, 65536), (captured, original)
    assert (all_frames, cut) == (veth.ledger(report)["seen"], counters["frames_cut"]), (all_frames, cut, counters)
    again = subprocess.run([network.flowxdp, "replay", "-q", prefix + ".pcapng", "-w", prefix + "_again"], stderr=subprocess.PIPE, text=True)
    assert again.returncode == 0, again.stderr
    assert filecmp.cmp(prefix + "_flows.txt", prefix + "_again_flows.txt", shallow=False), "replay gives other rows"


veth.main("fxbt", (leaving, leaving_filtered, received_whole), quiet=False)
