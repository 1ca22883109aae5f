#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""egress_vlan_test.py FLOWXDP: the tag of a VLAN device on top stands beside a leaving buffer, and is counted as in a frame.

Exit 77 without root, BPF or the kernel's 8021q.
"""
import veth


def vlan_tags_beside_the_buffer(network, folder):
    """A VLAN device on top: its tag stands beside the leaving buffer, and in the received frame."""
    prefix = folder + "/vlan"
    for namespace, name, host in ((network.sender, network.peers[0], 1), (network.sensor, network.veths[0], 2)):
        done = network.inside(namespace, "ip", "link", "add", "link", name, "name", "tagged", "type", "vlan", "id", "42",
                              check=False)
        if done.returncode:
            raise veth.Skip("cannot make a VLAN device: " + done.stderr)
        network.inside(namespace, "ip", "addr", "add", f"198.51.100.{host}/24", "dev", "tagged")
        network.inside(namespace, "ip", "link", "set", "tagged", "up")
        network.inside(namespace, "ip", "link", "set", "tagged", "arp", "on")
    sensor = veth.Sensor(network, prefix, network.veths[0], "--direction", "both")
    network.inside(network.sender, "ping", "-c", "3", "-i", "0.2", "198.51.100.2")
    assert sensor.stop()[0] == 0
    leaving = [row for row in veth.rows(prefix) if row["srcIP"] == "198.51.100.2" and row["l4Proto"] == "1"]
    assert sum(int(row["pktsSnt"]) for row in leaving) == 3, leaving
    assert all(row["vlanID"] == "42" and "vlan" in row["hdrDesc"].lower() for row in leaving), leaving


veth.main("fxev", (vlan_tags_beside_the_buffer,))
