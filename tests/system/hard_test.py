#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""hard_test.py FLOWXDP: the books balance when everything is too small, too slow or gone.

After each case: packets the peer sent = packets seen = packets in flows + packets without a flow, by cause; zero tolerance.
Exit 77 without root or BPF.
"""
import json
import os
import socket
import threading

import veth

# Frames of Ethernet, IPv4, UDP: flow n of `flows` in turn, `count` in all, from a raw socket of the peer.
FLOOD = """
import frames, socket, sys
interface, flows, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def frame(flow):
    datagram = frames.udp(1024 + flow % 60000, 9, bytes(18))
    return frames.ethernet(frames.IPV4, frames.ipv4(frames.UDP, datagram, 0x0a000000 + flow))
made = [frame(flow) for flow in range(min(flows, count))]
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((interface, 0))
lost = 0
for n in range(count):
    try:
        out.send(made[n % flows])
    except OSError:
        lost += 1 # the veth's queue is full: never sent
"""


# Emulated, a fifth of it is as much of a stress.
PART = 1 if veth.PATIENCE == 1 else 5


def attach(network, prefix, *options):
    return veth.Sensor(network, prefix, network.veths[0], *options)


def books(network, sensor, prefix, codes=(0,)):
    sent = network.unplug()
    code, report = sensor.stop()
    assert code in codes, (code, sensor.said(), report)
    counts = veth.ledger(report)
    assert counts["seen"] == sent, f"{sent} packets were sent, {counts['seen']} were seen"
    assert veth.packets(veth.rows(prefix)) == counts["in_flows"], "rows hold other packets than the ledger"
    return counts["seen"], counts["unattributed"], code


def flood(network, flows, count, processes=1):
    started = [network.python(network.sender, FLOOD, network.peers[0], flows, count) for _ in range(processes)]
    for process in started:
        assert process.wait(timeout=120 * veth.PATIENCE) == 0


def small_table(network, folder):
    prefix = folder + "/table"
    sensor = attach(network, prefix, "--max-flows", "64")
    network.plug()
    flood(network, 100000, 100000 // PART)
    return books(network, sensor, prefix, (0, 3))


def ring_of_one_page(network, folder):
    prefix = folder + "/page"
    sensor = attach(network, prefix, "--ring", "4096", "--max-flows", "64", "-s", "-e", "all")
    network.plug()
    flood(network, 1000, 20000 // PART)
    seen, unattributed, code = books(network, sensor, prefix, (3,))
    assert unattributed > 0 and code == 3
    assert os.path.getsize(prefix + ".pcapng") > 0
    return seen, unattributed


def expiry_under_load(network, folder):
    prefix = folder + "/expiry"
    sensor = attach(network, prefix, "--idle-timeout", "0.005", "--active-timeout", "0.05")
    network.plug()
    flood(network, 3000, 150000 // PART, processes=2)
    return books(network, sensor, prefix)


def sink_that_sleeps(network, folder):
    """The receiver takes a connection and reads nothing until all was sent; then it reads everything."""
    address = folder + "/sleepy"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(1)
    prefix = folder + "/sleepy_out"
    sensor = attach(network, prefix, "--idle-timeout", "0.1", "--sink", f"socket:unix:{address},queue=65536")
    connection, _ = listener.accept()
    network.plug()
    flood(network, 20000 // PART, 60000 // PART)
    received = []
    reader = threading.Thread(target=lambda: received.extend(iter(lambda: connection.recv(1 << 20), b"")))
    reader.start()
    result = books(network, sensor, prefix)
    reader.join()
    lines = b"".join(received).count(b"\n")
    assert lines >= len(veth.rows(prefix)), "the receiver woke up and has not got every row"
    return result


def sink_that_dies(network, folder):
    address = folder + "/dying"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(1)
    prefix = folder + "/dying_out"
    sensor = attach(network, prefix, "--idle-timeout", "0.1", "--sink", f"socket:unix:{address},policy=drop")
    connection, _ = listener.accept()
    network.plug()
    flood(network, 2000, 4000)
    connection.close()
    listener.close()
    os.unlink(address)
    flood(network, 2000, 4000)
    return books(network, sensor, prefix, (0, 3))


def attach_and_detach(network, folder):
    left = lambda kind: {x["id"] for x in json.loads(veth.run("bpftool", "-j", kind, "show").stdout)
                         if "flowxdp" in x.get("name", "") or x.get("name") in ("evict_keys", "evict_out")}
    network.plug()
    before = left("prog"), left("map")
    for _ in range(30 // PART):
        code, report = attach(network, folder + "/cycle").stop()
        assert code == 0, report
        assert not os.path.exists(network.pins()), "pins are left behind"
    veth.until(lambda: left("prog") <= before[0] and left("map") <= before[1], "programs and maps are gone")


veth.main("fxh", (small_table, ring_of_one_page, expiry_under_load, sink_that_sleeps, sink_that_dies, attach_and_detach),
          quiet=False)
