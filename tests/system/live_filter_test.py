#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""live_filter_test.py FLOWXDP: a filter expression on a live interface, a veth pair between two namespaces of its own.

Facts: with `udp port 53` rows hold DNS flows alone, every other frame is counted as filtered and still arrives; the books
balance; status says the filter; a sensor that a killed daemon left is not taken over with another filter, and is with the
same; -F reads the expression; -S cuts what is looked at; what cannot be compiled or cannot run in the kernel is refused
before anything is attached.
"""
import os
import signal
import subprocess
import sys

import veth

# 20 datagrams to port 53 from 4 sockets, 30 to port 9999 from one.
SEND = """
import socket
for flow in range(4):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('192.0.2.1', 20000 + flow))
    for _ in range(5):
        s.sendto(b'q' * 40, ('192.0.2.2', 53))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('192.0.2.1', 30000))
for _ in range(30):
    s.sendto(b'x', ('192.0.2.2', 9999))
"""
RECEIVE = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('192.0.2.2', 9999))
s.settimeout(20)
print('ready', flush=True)
for _ in range(30):
    s.recv(10)
"""



def attach(network, prefix, *options):
    return veth.Sensor(network, prefix, network.veths[0], *options)


def stop(network, sensor):
    """Exit code, packets seen, packets filtered, rows; the books balance and nothing is left."""
    code, report = sensor.stop(signal.SIGINT)
    counts = veth.ledger(report)
    seen, in_flows, filtered = counts["seen"], counts["in_flows"], counts["filtered"]
    assert seen == in_flows + filtered, counts
    assert not os.path.exists(network.pins()), "pins are left behind"
    table = veth.rows(sensor.prefix)
    assert sum(int(row["pktsSnt"]) for row in table) == in_flows
    return code, seen, filtered, table


def send(network):
    """Sends, and sees that frames which the sensor refuses reach their receiver."""
    receiver = network.start(network.sensor, sys.executable, "-c", RECEIVE, stdout=subprocess.PIPE, text=True)
    assert receiver.stdout.readline() == "ready\n"
    network.inside(network.sender, sys.executable, "-c", SEND)
    assert receiver.wait(timeout=30 * veth.PATIENCE) == 0


def refused(network, *options):
    """Exit code and message of an attach that must not start."""
    result = network.tool("attach", network.veths[0], *options, check=False, timeout=60)
    assert result.returncode, "attached with " + " ".join(options)
    return result.returncode, result.stderr


def only_dns(network, folder):
    sensor = attach(network, os.path.join(folder, "dns"), "udp", "port", "53")
    assert "filter 'udp port 53'" in sensor.said()
    send(network)
    assert "filter   udp port 53" in network.tool("status", network.veths[0]).stdout
    status = network.status(network.veths[0])
    assert [s["filter"] for s in status] == ["udp port 53"], status
    assert status[0]["counters"]["packets_filtered"] >= 30, status
    code, seen, filtered, table = stop(network, sensor)
    assert code == 0
    assert len(table) == 4 and all(row["dstPort"] == "53" and row["pktsSnt"] == "5" for row in table), table
    assert seen - filtered == 20 and filtered >= 30


def filter_from_a_file(network, folder):
    path = os.path.join(folder, "expression")
    with open(path, "w") as file:
        file.write("# everything but DNS\nnot port 53\nand udp\n")
    sensor = attach(network, os.path.join(folder, "file"), "-F", path)
    send(network)
    code, _, filtered, table = stop(network, sensor)
    assert code == 0 and filtered >= 20
    sent = [row for row in table if row["srcIP"] == "192.0.2.1" and row["dstIP"] == "192.0.2.2"]
    assert len(sent) == 1 and sent[0]["dstPort"] == "9999" and sent[0]["pktsSnt"] == "30", table


def taken_over(network, folder):
    prefix = os.path.join(folder, "over")
    sensor = attach(network, prefix, "udp port 53")
    sensor.kill()
    for other in (["udp port 54"], [], ["-S", "60", "udp port 53"]):
        code, message = refused(network, "-w", os.path.join(folder, "other"), *other)
        assert code == 1 and "filter 'udp port 53'" in message and "flowxdp detach" in message, (code, message)
    send(network)  # nobody serves it; the kernel goes on counting and filtering
    sensor = attach(network, prefix, "udp port 53")
    assert "took over" in sensor.said() or "taken over" in sensor.said()
    code, seen, filtered, table = stop(network, sensor)
    assert code == 0 and len(table) == 4 and seen - filtered == 20 and filtered >= 30, (code, seen, filtered, table)


def snap_length(network, folder):
    """Ethernet 14, IPv4 20, UDP 8: with 34 bytes no port is seen, with 42 every port, and no payload."""
    sensor = attach(network, os.path.join(folder, "short"), "-S", "34", "udp port 53")
    send(network)
    code, seen, filtered, table = stop(network, sensor)
    assert code == 0 and seen == filtered and not table, table
    sensor = attach(network, os.path.join(folder, "long"), "-S", "42", "udp port 53", "-s")
    send(network)
    code, seen, filtered, table = stop(network, sensor)
    assert code == 0 and len(table) == 4 and seen - filtered == 20, table
    with open(os.path.join(folder, "long_packets.txt")) as file:
        assert "qqqq" not in file.read(), "payload behind the snap length"


def refused_expressions(network, folder):
    del folder
    code, message = refused(network, "udp prt 53")
    assert code == 2 and "syntax error" in message and "udp prt 53" in message, (code, message)
    code, message = refused(network, "ip6", "protochain", "6")
    assert code == 2 and "jumps backward" in message and "replay" in message, (code, message)
    assert not os.path.exists(network.pins())


veth.main("fxf", (only_dns, filter_from_a_file, taken_over, snap_length, refused_expressions))
