#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""live_test.py FLOWXDP: the live sensor on a veth pair between two network namespaces of its own.

Facts: the ledger balances; the rows hold every packet the interface received while the sensor was attached; a daemon
killed with SIGKILL again and again loses nothing and writes nothing twice; a clean stop leaves no program and no pin.
"""
import collections
import os
import signal
import subprocess
import sys
import time

import veth

# FLOWS flows of PACKETS packets each, slowly enough that daemons come and go meanwhile.
SEND_UDP = """
import socket, sys, time
flows, packets = int(sys.argv[1]), int(sys.argv[2])
for n in range(flows):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('192.0.2.1', 0))
    for _ in range(packets):
        s.sendto(b'x', ('192.0.2.2', 10000 + n % 50000))
    s.close()
    if n % 50 == 0:
        time.sleep(0.005)
"""

TAKE = """
import socket
listener = socket.create_server(('192.0.2.2', 80))
print('ready', flush=True)
connection, _ = listener.accept()
while connection.recv(1 << 20): pass
"""
GIVE = """
import socket
s = socket.create_connection(('192.0.2.2', 80))
s.sendall(bytes(300001))
s.close()
"""


def start_sending(network, flows, packets):
    return network.start(network.sender, sys.executable, "-c", SEND_UDP, str(flows), str(packets))


def check_books(report, table):
    counts = veth.check_books(report, table)
    assert counts["seen"] == counts["in_flows"], counts


def check_gone(network):
    assert not os.path.exists(network.pins()), "pins are left behind"
    assert not network.has_program(network.veths[0]), "an XDP program is left behind"


def clean_run(network, folder):
    sensor = veth.Sensor(network, folder + "/a", network.veths[0])
    assert start_sending(network, 300, 3).wait() == 0
    code, report = sensor.stop(signal.SIGINT)
    assert code == 0, (code, sensor.said())
    table = veth.rows(folder + "/a")
    check_books(report, table)
    udp = [row for row in table if row["l4Proto"] == "17" and row["srcIP"] == "192.0.2.1" and row["dstIP"] == "192.0.2.2"]
    assert len(udp) == 300 and all(row["pktsSnt"] == "3" for row in udp), len(udp)
    check_gone(network)


def killed_run(network, folder):
    options = (network.veths[0], "--idle-timeout", "0.3")
    sensor = veth.Sensor(network, folder + "/a", *options)
    flows = 40000 if veth.PATIENCE == 1 else 8000  # enough for three kills
    sender = start_sending(network, flows, 1)
    kills = 0
    while sender.poll() is None:
        time.sleep(0.7)  # traffic under way, at no particular point of the daemon's round
        sensor.kill()
        kills += 1
        sensor = veth.Sensor(network, folder + "/a", *options)
    code, report = sensor.stop(signal.SIGINT)
    assert code == 0 and kills >= 3, (code, kills, sensor.said())
    table = veth.rows(folder + "/a")
    check_books(report, table)
    twice = [key for key, n in collections.Counter((row["flowInd"], row["dir"]) for row in table).items() if n > 1]
    assert not twice, f"{len(twice)} rows are written twice"
    assert sum(row["l4Proto"] == "17" and row["srcIP"] == "192.0.2.1" for row in table) == flows
    check_gone(network)


def alive_at_a_take_over(network, folder):
    """fxStat says of a flow that it was alive when a daemon took the sensor over, and of no other."""
    options = (network.veths[0], "udp", "--idle-timeout", "1", "--plugin", "flow_export")
    sensor = veth.Sensor(network, folder + "/a", *options)
    network.send(3, 2, port=9)
    before = lambda: len(veth.rows(folder + "/a")) if os.path.exists(folder + "/a_flows.txt") else 0
    veth.until(lambda: before() == 3, "the first flows have ended")
    network.send(4, 2, port=10)
    sensor.kill()
    sensor = veth.Sensor(network, folder + "/a", *options)
    network.send(5, 2, port=11)
    assert "taken over" in sensor.said(), sensor.said()
    code, report = sensor.stop()
    assert code == 0, (code, report)
    said = collections.Counter((row["dstPort"], row["fxStat"]) for row in veth.rows(folder + "/a"))
    assert said == {("9", "0x0000"): 3, ("10", "0x0008"): 4, ("11", "0x0000"): 5}, said


def many_attaches(network, folder):
    for _ in range(10 if veth.PATIENCE == 1 else 3):
        code, report = veth.Sensor(network, folder + "/a", network.veths[0]).stop()
        assert code == 0, report
        check_gone(network)


def before_gro(network, folder):
    """In generic mode too: frames are counted as the sender sent them, not as the stack would merge them."""
    name = network.veths[0]
    network.introduce(network.sensor, name, "192.0.2.1", network.mac(network.sender, network.peers[0]))
    network.inside(network.sensor, "ethtool", "-K", name, "gro", "on")
    network.inside(network.sender, "ethtool", "-K", network.peers[0], "tso", "off", "gso", "off")
    sensor = veth.Sensor(network, folder + "/a", name, "--mode", "generic")
    server = network.python(network.sensor, TAKE, stdout=subprocess.PIPE)
    assert server.stdout.readline() == b"ready\n"
    network.inside(network.sender, sys.executable, "-c", GIVE)
    assert server.wait() == 0
    code, report = sensor.stop()
    assert code == 0, (code, sensor.said())
    check_books(report, veth.rows(folder + "/a"))
    (row,) = [row for row in veth.rows(folder + "/a") if row["dstPort"] == "80"]
    assert int(row["l7BytesSnt"]) >= 300001, row  # more when something is sent again
    assert row["maxL7PktSz"] == "1448" and int(row["pktsSnt"]) >= 300001 / 1448, row  # MTU 1500, IPv4, TCP with time stamps


veth.main("fxl", (clean_run, killed_run, alive_at_a_take_over, many_attaches, before_gro))
