#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""direction_test.py FLOWXDP: leaving frames (--direction both), what is chosen without that option, and one table for two
interfaces (--merge).

tcpdump on the peer's end and arithmetic on what it saw are the judges: a buffer that leaves for segmentation is counted as
the frames that it becomes. Exit 77 without root, BPF or a tool.
"""
import collections
import os
import re
import shutil
import subprocess
import sys

import veth

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples")
SIZE = 3000001
MSS = 1448  # MTU 1500, IPv4, TCP with time stamps

SERVE = """
import socket, sys
def serve(listener):
    while True:
        connection, _ = listener.accept()
        request = connection.recv(100)
        connection.sendall(bytes(int(sys.argv[1])))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536): pass
        connection.close()
listener = socket.create_server(('192.0.2.2', 80))
print('ready', flush=True)
serve(listener)
"""
FETCH = """
import socket, sys
s = socket.create_connection(('192.0.2.2', 80))
s.sendall(b'GET')
got = 0
while True:
    data = s.recv(1 << 20)
    if not data: break
    got += len(data)
s.close()
assert got == int(sys.argv[1]), got
"""
INJECT = """
import socket, struct, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
data = open(sys.argv[2], 'rb').read()
at = 24
while at < len(data):
    length = struct.unpack_from('<I', data, at + 8)[0]
    out.send(data[at + 16:at + 16 + length])
    at += 16 + length
"""


def tools(*names):
    for name in names:
        if not shutil.which(name):
            raise veth.Skip("needs " + name)


def tcp_packets(path):
    """(source port, payload bytes, window) of each TCP packet, by tcpdump."""
    told = veth.run("tcpdump", "-nn", "-Z", "root", "-r", path, "tcp").stdout
    return [(m[1], int(m[3]), int(m[2])) for m in
            re.finditer(r"IP [\d.]+\.(\d+) > .*Flags .*\bwin (\d+)\b.*\blength (\d+)", told)]


def knows_the_sender(network):
    """The sensor's end can answer: without ARP it knows no neighbour."""
    network.introduce(network.sensor, network.veths[0], "192.0.2.1", network.mac(network.sender, network.peers[0]))


def leftovers(network):
    name = network.veths[0]
    assert not os.path.exists(network.pins()), "pins are left behind"
    assert not network.has_program(name)
    shown = network.inside(network.sensor, "tc", "filter", "show", "dev", name, "egress").stdout
    assert "flowxdp" not in shown, shown
    if shutil.which("bpftool"):
        shown = network.inside(network.sensor, "bpftool", "net", "show", "dev", name).stdout
        assert "flowxdp" not in shown, shown


def transfer(network, dump, size, snap):
    """The sensor's end sends so many bytes; what came out at the peer's end is captured, snap bytes of each frame."""
    log = open(dump + ".log", "w")
    tcpdump = network.start(network.sender, "tcpdump", "-i", network.peers[0], "--immediate-mode", "-B", "65536", "-s", str(snap),
                            "-U", "-n", "-Z", "root", "-w", dump, stderr=log)
    veth.until(lambda: "listening on" in open(dump + ".log").read(), "tcpdump listens")
    server = network.start(network.sensor, sys.executable, "-c", SERVE, str(size), stdout=subprocess.PIPE)
    assert server.stdout.readline() == b"ready\n"
    network.inside(network.sender, sys.executable, "-c", FETCH, str(size))
    network.connections_have_ended()
    network.send(1, 1, port=9999)  # the last frame on the wire
    veth.until(lambda: veth.run("tcpdump", "-n", "-Z", "root", "-r", dump, "udp port 9999", check=False).stdout,
               "tcpdump has written the last frame")
    tcpdump.terminate()
    tcpdump.wait()
    server.kill()
    server.wait()
    assert "\n0 packets dropped by kernel" in open(dump + ".log").read()


def both_directions(network, folder):
    tools("tcpdump", "tc")
    knows_the_sender(network)
    prefix, dump = folder + "/both", folder + "/peer.pcap"
    sensor = veth.Sensor(network, prefix, network.veths[0], "--direction", "both", "-s", "--plugin", "tcp_win:threshold=100")
    assert "received and sent frames are observed" in sensor.said(), sensor.said()
    transfer(network, dump, SIZE, 120)
    code, report = sensor.stop()
    assert code == 0, (code, sensor.said(), report)
    leftovers(network)

    wanted = collections.defaultdict(lambda: [0, 0, 0])  # packets, L7 bytes, windows below 100; by source port
    super_packets = 0
    for source, length, window in tcp_packets(dump):
        segments = max(1, -(-length // MSS))
        super_packets += segments > 1
        wanted["80" if source == "80" else "client"][0] += segments
        wanted["80" if source == "80" else "client"][1] += length
        wanted["80" if source == "80" else "client"][2] += segments * (window < 100)
    assert super_packets > 10, "the peer's end saw no buffer left for segmentation: this test shows nothing"
    table = [row for row in veth.rows(prefix) if row["l4Proto"] == "6"]
    assert len(table) == 2 and len({row["flowInd"] for row in table}) == 1, table
    for row in table:
        side = "80" if row["srcPort"] == "80" else "client"
        seen = [int(row["pktsSnt"]), int(row["l7BytesSnt"]), int(row["tcpWinThCnt"])]
        assert seen == wanted[side], (side, seen, wanted[side])
        if side == "80":
            assert row["dir"] == "B" and int(row["l7BytesSnt"]) >= SIZE, row["l7BytesSnt"]  # more when sent again
            assert int(row["maxL7PktSz"]) <= MSS, row["maxL7PktSz"]
    rows = veth.rows(prefix, "packets.txt")
    assert [int(row["pktNo"]) for row in rows] == list(range(1, len(rows) + 1)), "packet rows are not every packet in order"
    assert sum(row["srcPort"] == "80" for row in rows) == wanted["80"][0]


def filtered(network, folder):
    """The device leaves segmentation to the kernel, behind the sensor: the peer's capture has the frames themselves, and
    replay of it with the same filter has the same flows."""
    tools("tcpdump", "tc", "ethtool")
    knows_the_sender(network)
    network.inside(network.sensor, "ethtool", "-K", network.veths[0], "tso", "off")
    table = lambda prefix: veth.sums(row for row in veth.rows(prefix) if row["l4Proto"] == "6")
    expressions = ("greater 1000 and tcp[tcpflags] & tcp-push = 0", "tcp[tcpflags] & (tcp-push | tcp-fin) != 0",
                   "ip[4:2] & 7 = 3 or tcp[4] & 1 = 1", "not src port 80")
    for number, words in enumerate(expressions[:4 if veth.PATIENCE == 1 else 1]):
        prefix, dump = f"{folder}/live{number}", f"{folder}/peer{number}.pcap"
        few = ("--plugins", "basic_flow,basic_stats,tcp_win")  # an emulated verifier takes its time over a filter
        sensor = veth.Sensor(network, prefix, network.veths[0], "--direction", "both", *few, words)
        transfer(network, dump, 300001, 2000)
        code, report = sensor.stop()
        assert code == 0, (code, sensor.said(), report)
        veth.check_books(report, veth.rows(prefix))
        assert max(length for _, length, _ in tcp_packets(dump)) <= MSS, "the peer's end has not the frames themselves"
        veth.run(network.flowxdp, "replay", "-q", dump, "-w", f"{folder}/replay{number}", *few, words)
        live = table(prefix)
        assert live and live == table(f"{folder}/replay{number}"), (words, live, table(f"{folder}/replay{number}"))
    leftovers(network)


def two_legs(network, folder):
    """A TAP: one leg has what a host sends, the other what it receives."""
    tools("tcpdump")
    capture, prefix = EXAMPLES + "/http.pcap", folder + "/tap"
    for leg, words in enumerate(("src host 192.0.2.10 or src host 2001:db8::10", "not (src host 192.0.2.10 or src host 2001:db8::10)")):
        veth.run("tcpdump", "-Z", "root", "-r", capture, "-w", f"{folder}/leg{leg}.pcap", words)
    sensor = veth.Sensor(network, prefix, *network.veths, "--merge")
    assert "+".join(network.veths) in sensor.said(), sensor.said()
    for leg in (0, 1):
        network.inside(network.sender, sys.executable, "-c", INJECT, network.peers[leg], f"{folder}/leg{leg}.pcap")
        if leg == 0:  # and a crash between the legs
            sensor.kill()
            (status,) = network.status()
            assert (status["interface"], status["merged"]) == (network.veths[0], [network.veths[1]]), status
            assert status["direction"] == "ingress" and network.status(network.veths[1]) == [status], status
            sensor = veth.Sensor(network, prefix, *network.veths, "--merge")
            assert "taken over" in sensor.said(), sensor.said()
    code, report = sensor.stop()
    assert code == 0, (code, sensor.said(), report)
    leftovers(network)
    assert not network.has_program(network.veths[1]), "the second leg keeps its program"
    veth.run(network.flowxdp, "replay", "-q", capture, "-w", folder + "/whole")
    key = lambda row: tuple(row[c] for c in ("srcIP", "srcPort", "dstIP", "dstPort", "l4Proto"))
    live = {key(row): (row["pktsSnt"], row["l7BytesSnt"]) for row in veth.rows(prefix) if row["l4Proto"] == "6"}
    whole = {key(row): (row["pktsSnt"], row["l7BytesSnt"]) for row in veth.rows(folder + "/whole") if row["l4Proto"] == "6"}
    assert live == whole and len(live) >= 4, (live, whole)
    flows = collections.Counter(row["flowInd"] for row in veth.rows(prefix) if row["l4Proto"] == "6")
    assert set(flows.values()) == {2}, "a biflow has not both its directions: " + str(flows)


def killed_and_removed(network, folder):
    knows_the_sender(network)
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--direction", "both")
    network.send(2, 5)
    sensor.kill()
    assert network.status()[0]["direction"] == "both"
    network.inside(network.sensor, "ping", "-c", "2", "-i", "0.2", "192.0.2.1", check=False)
    second = veth.Sensor(network, folder + "/a", network.veths[0], "--direction", "both")
    assert "taken over" in second.said()
    network.send(2, 5)
    code, report = second.stop()
    assert code == 0, (code, report)
    leftovers(network)
    assert veth.packets(veth.rows(folder + "/a"), l4Proto="17") == 20
    orphan = veth.Sensor(network, folder + "/b", network.veths[0], "--direction", "both")
    orphan.kill()
    network.tool("detach", network.veths[0])
    leftovers(network)


def said_first(sensor):
    return sensor.said().splitlines()[0]


def chosen(network, folder):
    """Without --direction: both where the sensor's end has an address, and then TCP that is healthy has no anomaly."""
    knows_the_sender(network)
    name = network.veths[0]
    few = ("--direction", "auto", "--plugins", "basic_flow,basic_stats,tcp_states")
    sensor = veth.Sensor(network, folder + "/a", name, *few)
    assert said_first(sensor).startswith(f"[INF] {name}: received and sent frames are observed"), sensor.said()
    assert "it has the address 192.0.2.2" in said_first(sensor), sensor.said()
    for _ in range(3):
        server = network.start(network.sensor, sys.executable, "-c", SERVE, "100001", stdout=subprocess.PIPE)
        assert server.stdout.readline() == b"ready\n"
        network.inside(network.sender, sys.executable, "-c", FETCH, "100001")
        server.kill()
        server.wait()
    # Killed, its address gone meanwhile: the same words take it over, and it goes on as it was.
    sensor.kill()
    network.ip(network.sensor, "addr", "flush", "dev", name)
    sensor = veth.Sensor(network, folder + "/a", name, *few)
    assert "taken over" in sensor.said() and "received and sent frames" in said_first(sensor), sensor.said()
    assert network.status()[0]["direction"] == "both"
    code, report = sensor.stop()
    assert code == 0, (code, report)
    table = [row for row in veth.rows(folder + "/a") if row["l4Proto"] == "6"]
    # Where a host takes CPUs from its guest, a packet may wait for its record's lock in vain: it is a record of its own (flowStat bit 42),
    # and its flow lacks it.
    alone = [row for row in table if veth.PATIENCE > 1 and int(row["flowStat"], 16) & 1 << 42]
    table = [row for row in table if row not in alone]
    assert len(table) == 6 and {row["dir"] for row in table} == {"A", "B"} and len(alone) <= 2, (table, alone)
    apart = {frozenset((row["srcPort"], row["dstPort"])) for row in alone}
    whole = [row for row in table if frozenset((row["srcPort"], row["dstPort"])) not in apart]
    assert whole and {row["tcpStatesAFlags"] for row in whole} == {"0x00"}, [row["tcpStatesAFlags"] for row in whole]
    leftovers(network)

    sensor = veth.Sensor(network, folder + "/b", name, *few)
    assert said_first(sensor).startswith(f"[INF] {name}: received frames alone are observed"), sensor.said()
    assert "it has no address" in said_first(sensor), sensor.said()
    assert network.status()[0]["direction"] == "ingress" and sensor.stop()[0] == 0
    # Every interface that is up has such an address, a mirror port too.
    network.inside(network.sensor, "sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=0")
    network.ip(network.sensor, "addr", "add", "fe80::2/64", "dev", name, "nodad")
    sensor = veth.Sensor(network, folder + "/c", name, *few)
    assert "received frames alone" in said_first(sensor) and "link-local" in said_first(sensor), sensor.said()
    assert sensor.stop()[0] == 0
    network.ip(network.sensor, "route", "add", "198.51.100.0/24", "dev", name)
    sensor = veth.Sensor(network, folder + "/d", name, *few)
    assert "received and sent frames" in said_first(sensor) and "a route leads out" in said_first(sensor), sensor.said()
    assert sensor.stop()[0] == 0
    # What is written as a capture is what is received.
    sensor = veth.Sensor(network, folder + "/e", name, *few, "-e", "all")
    assert "received frames alone are observed" in said_first(sensor) and "-e" in said_first(sensor), sensor.said()
    assert sensor.stop()[0] == 0
    sensor = veth.Sensor(network, folder + "/f", "lo", *few)
    assert "received frames alone are observed" in said_first(sensor), sensor.said()
    network.inside(network.sensor, "ping", "-c", "2", "-i", "0.2", "127.0.0.1")
    code, report = sensor.stop()
    assert code == 0 and veth.packets(veth.rows(folder + "/f"), l4Proto="1") == 4, report  # not 8
    leftovers(network)


def hook_comes_back(network, folder):
    """A daemon that takes over finds what leaves unwatched: the hook was removed."""
    knows_the_sender(network)
    if not shutil.which("bpftool"):
        raise veth.Skip("needs bpftool")
    name = network.veths[0]
    veth.Sensor(network, folder + "/a", name, "--direction", "both").kill()
    pins = [pin for folder_, _, pins in os.walk(network.pins()) for pin in pins if pin.startswith("egress+")]
    assert len(pins) <= 1, pins
    if pins:
        veth.run("bpftool", "link", "detach", "pinned",
                 next(os.path.join(at, pins[0]) for at, _, names in os.walk(network.pins()) if pins[0] in names))
    else:
        network.inside(network.sensor, "tc", "filter", "del", "dev", name, "egress")
    network.inside(network.sensor, "ping", "-c", "1", "192.0.2.1", check=False)
    sensor = veth.Sensor(network, folder + "/a", name, "--direction", "both")
    assert "received and sent frames" in said_first(sensor), sensor.said()
    network.inside(network.sensor, "ping", "-c", "2", "-i", "0.2", "192.0.2.1")
    code, report = sensor.stop()
    assert code == 0, (code, report)
    table = [row for row in veth.rows(folder + "/a") if row["l4Proto"] == "1"]
    assert veth.packets(table) == 5, table  # two questions, three answers: the first question left unseen
    leftovers(network)


veth.main("fxdi", (both_directions, filtered, two_legs, killed_and_removed, chosen, hook_comes_back), pairs=2)
