#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""egress_vlan_test.py FLOWXDP: the tag of a VLAN device on top stands beside a leaving buffer, and is counted and filtered as
in a frame.

Exit 77 without root, BPF, tcpdump or the kernel's 8021q.
"""
import shutil
import subprocess
import sys

import veth

# Many frames of it leave as one buffer.
SEND = """
import socket
listener = socket.create_server(('198.51.100.2', 80))
print('ready', flush=True)
connection, _ = listener.accept()
connection.sendall(bytes(100000))
connection.close()
"""
FETCH = """
import socket
s = socket.create_connection(('198.51.100.2', 80))
while s.recv(1 << 20): pass
"""


def vlan_devices(network):
    for namespace, name, host in ((network.sender, network.peers[0], 1), (network.sensor, network.veths[0], 2)):
        done = network.inside(namespace, "ip", "link", "add", "link", name, "name", "tagged", "type", "vlan", "id", "42",
                              check=False)
        if done.returncode:
            raise veth.Skip("cannot make a VLAN device: " + done.stderr)
        network.inside(namespace, "ip", "addr", "add", f"198.51.100.{host}/24", "dev", "tagged")
        network.inside(namespace, "ip", "link", "set", "tagged", "up")
        network.inside(namespace, "ip", "link", "set", "tagged", "arp", "on")


def vlan_tags_beside_the_buffer(network, folder):
    """A VLAN device on top: its tag stands beside the leaving buffer, and in the received frame."""
    prefix = folder + "/vlan"
    vlan_devices(network)
    sensor = veth.Sensor(network, prefix, network.veths[0], "--direction", "both")
    network.inside(network.sender, "ping", "-c", "3", "-i", "0.2", "198.51.100.2")
    assert sensor.stop()[0] == 0
    leaving = [row for row in veth.rows(prefix) if row["srcIP"] == "198.51.100.2" and row["l4Proto"] == "1"]
    assert sum(int(row["pktsSnt"]) for row in leaving) == 3, leaving
    assert all(row["vlanID"] == "42" and "vlan" in row["hdrDesc"].lower() for row in leaving), leaving


def filtered(network, folder):
    """A filter sees the tag where the wire has it: replay of what came out at the peer's end has the same flows."""
    for tool in ("tcpdump", "ethtool"):
        if not shutil.which(tool):
            raise veth.Skip("needs " + tool)
    vlan_devices(network)
    for device in (network.veths[0], "tagged"):  # segments are made behind the sensor: the peer captures the frames themselves
        network.inside(network.sensor, "ethtool", "-K", device, "tso", "off")
    # A veth hands received tags over beside the frame, where XDP does not see them: the sensor says so, and the way out.
    network.inside(network.sender, "ethtool", "-K", network.peers[0], "txvlan", "off")
    table = lambda prefix: veth.sums(row for row in veth.rows(prefix) if row["srcIP"].startswith("198.51.100."))
    few = ("--plugins", "basic_flow,basic_stats")
    for number, words in enumerate(("vlan 42 and (icmp or greater 1000)", "ip or icmp")):
        prefix, dump = f"{folder}/live{number}", f"{folder}/peer{number}.pcap"
        sensor = veth.Sensor(network, prefix, network.veths[0], "--direction", "both", *few, words)
        assert "txvlan off" in sensor.said(), sensor.said()
        log = open(dump + ".log", "w")
        tcpdump = network.start(network.sender, "tcpdump", "-i", network.peers[0], "--immediate-mode", "-s", "2000", "-U", "-n",
                                "-Z", "root", "-w", dump, stderr=log)
        veth.until(lambda: "listening on" in open(dump + ".log").read(), "tcpdump listens")
        network.inside(network.sender, "ping", "-c", "3", "-i", "0.2", "198.51.100.2")
        server = network.start(network.sensor, sys.executable, "-c", SEND, stdout=subprocess.PIPE)
        assert server.stdout.readline() == b"ready\n"
        network.inside(network.sender, sys.executable, "-c", FETCH)
        server.wait()
        network.connections_have_ended()
        network.send(1, 1, port=9999)  # the last frame on the wire
        veth.until(lambda: veth.run("tcpdump", "-n", "-Z", "root", "-r", dump, "udp port 9999", check=False).stdout,
                   "tcpdump has written the last frame")
        tcpdump.terminate()
        tcpdump.wait()
        code, report = sensor.stop()
        assert code == 0, (code, sensor.said(), report)
        veth.check_books(report, veth.rows(prefix))
        veth.run(network.flowxdp, "replay", "-q", dump, "-w", f"{folder}/replay{number}", *few, words)
        live = table(prefix)
        assert live == table(f"{folder}/replay{number}"), (words, live, table(f"{folder}/replay{number}"))
        if "42" in words:
            assert max(packets for packets, _, _ in live.values()) > 60, live
        else:  # tcpdump's language: behind a tag only `vlan` looks
            assert not live, live


veth.main("fxev", (vlan_tags_beside_the_buffer, filtered))
