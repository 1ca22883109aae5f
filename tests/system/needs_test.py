#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""needs_test.py FLOWXDP: packets that a plugin wants in user space, live: from two CPUs at once, without packet mode, beside it,
and when the ring is full. The plugin first_payload (tests/needs) prints the first 16 bytes of the first two packets with payload
of each direction. Exit 77 without root or BPF."""
import json
import os
import re
import signal
import sys

import veth

BIN = os.path.dirname(os.path.realpath(sys.argv[1]))
os.environ["FLOWXDP_LIB"] = os.path.join(BIN, "../lib/flowxdp_needs")
NEED = ("--plugin", "first_payload", "--plugin", "flow_export")
LOST, ALONE = 1 << 7, 1 << 2  # fxStat

# Processes of their own CPU each send from the same sockets, so the packets of one flow come from all of them at once. A packet's first
# 16 bytes say which one it is.
SEND = """
import os, socket, sys
flows, packets, cpus = map(int, sys.argv[1:4])
sockets = []
for n in range(flows):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('192.0.2.1', 20000 + n))
    sockets.append(s)
children = []
ready, go = os.pipe(), os.pipe()
for cpu in range(cpus):
    child = os.fork()
    if child:
        children.append(child)
        continue
    os.sched_setaffinity(0, [sorted(os.sched_getaffinity(0))[cpu]])
    os.write(ready[1], b'.')
    os.read(go[0], 1)
    for packet in range(packets):
        for flow, s in enumerate(sockets):
            s.sendto(b'%05d%03d%08d' % (flow, cpu, packet) + bytes(84), ('192.0.2.2', 9))
    os._exit(0)
for _ in children:
    os.read(ready[0], 1)
os.write(go[1], b'.' * cpus) # all begin at once
for child in children:
    assert os.waitpid(child, 0)[1] == 0
"""


def send(network, flows, packets, cpus=1):
    network.inside(network.sender, sys.executable, "-c", SEND, str(flows), str(packets), str(cpus))


def payloads(row):
    """(flow, cpu, packet) of each payload in a row."""
    texts = row["firstPayload"].split(";") if int(row["payloadPkts"]) else []
    found = [bytes.fromhex(text).decode() for text in texts]
    assert len(found) == int(row["payloadPkts"]), row
    return [(int(text[:5]), int(text[5:8]), int(text[8:])) for text in found]


def from_two_cpus(network, folder):
    """Each flow's first two packets, whichever CPU they came from; nobody waits for a turn. In generic mode the program runs on the
    CPU that sends."""
    cpus = min(2, len(os.sched_getaffinity(0)))
    flows, packets = 200, 100
    sensor = veth.Sensor(network, folder + "/rows", network.veths[0], *NEED, "--ring", "64M", "--mode", "generic")
    send(network, flows, packets, cpus)
    code, report = sensor.stop()
    assert code == 0, (code, report, sensor.said())
    table = veth.rows(folder + "/rows")
    books = veth.check_books(report, table)
    assert books["in_flows"] == flows * packets * cpus, books
    # Two CPUs that shared two busy cores: a packet that could not have its record in time is a flow of its own.
    alone = [row for row in table if int(row["fxStat"], 16) & ALONE]
    table = [row for row in table if not int(row["fxStat"], 16) & ALONE]
    assert len(table) == flows and len(alone) < flows // 10, (len(table), len(alone))
    mixed = 0
    for row in table:
        flow = int(row["srcPort"]) - 20000
        found = payloads(row)
        assert len(found) == 2 and len(set(found)) == 2, (flow, found)
        assert all(one[0] == flow for one in found), (flow, found)
        # A CPU sends its packets in order: what comes first of it is its first packet, then its second.
        for cpu in range(cpus) if not alone else ():
            numbers = [packet for _, sender, packet in found if sender == cpu]
            assert numbers == list(range(len(numbers))), found
        mixed += len({sender for _, sender, _ in found}) == 2
        assert not int(row["fxStat"], 16), row
    assert re.search(rf"^firstPayload: packets seen: {2 * flows + len(alone)}$", report, re.M), report
    assert not os.path.exists(folder + "/rows_packets.txt")
    return f"{flows * packets * cpus} packets, {2 * flows} wanted, of both CPUs in {mixed} flows"


def beside_packet_mode(network, folder):
    sensor = veth.Sensor(network, folder + "/rows", network.veths[0], *NEED, "-s", "--ring", "16M")
    send(network, 10, 20)
    code, report = sensor.stop()
    assert code == 0, (code, report, sensor.said())
    for row in veth.rows(folder + "/rows"):
        flow = int(row["srcPort"]) - 20000
        assert payloads(row) == [(flow, 0, 0), (flow, 0, 1)], row
    assert len(veth.rows(folder + "/rows", "packets.txt")) == 200


def a_full_ring(network, folder):
    """The daemon stands still: what the ring cannot take is counted and said of its flow, and no count of a flow is wrong."""
    flows, packets = 200, 5
    sensor = veth.Sensor(network, folder + "/rows", network.veths[0], *NEED, "--json", "--ring", "4096")
    sensor.process.send_signal(signal.SIGSTOP)
    send(network, flows, packets)
    sensor.process.send_signal(signal.SIGCONT)
    code, report = sensor.stop()
    assert code == 3, (code, report, sensor.said())
    counted = json.loads(report.splitlines()[-1])
    assert counted["ledger"]["difference"] == 0, counted["ledger"]
    table = veth.rows(folder + "/rows")
    assert len(table) == flows and {row["pktsSnt"] for row in table} == {str(packets)}, "counts of flows"
    lost = 0
    for row in table:
        flow, found = int(row["srcPort"]) - 20000, payloads(row)
        assert found == sorted(found) and set(found) <= {(flow, 0, 0), (flow, 0, 1)}, row
        assert int(row["fxStat"], 16) == (LOST if len(found) < 2 else 0), row
        lost += 2 - len(found)
    assert counted["counters"]["wanted_packets_lost"] == lost > flows, (counted["counters"], lost)
    assert counted["counters"]["packet_rows_lost"] == 0
    return f"{lost} of {2 * flows} wanted packets lost, and marked"


if __name__ == "__main__":
    veth.main("fxne", (from_two_cpus, beside_packet_mode, a_full_ring))
