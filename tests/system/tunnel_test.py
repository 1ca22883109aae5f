#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tunnel_test.py FLOWXDP: --tunnel on a live interface, a veth pair between two namespaces of its own.

Facts: VXLAN at port 4789 gives rows of the inner flow, with --tunnel none of the outer one, and at another port where the run
says so; DNS answers to a client's port 4789 stay DNS; a sensor that a killed daemon left is taken over with the same tunnels
alone; detach --export knows them.
"""
import os
import signal

import veth

# 10 VXLAN packets (RFC 7348) with an inner UDP datagram, 10 DNS answers.
SEND = """
import frames, socket, sys
port = int(sys.argv[1])
inner = frames.with_checksums(frames.ipv4(frames.UDP, frames.udp(1234, 5678, b'x' * 50), '10.1.0.1', '10.1.0.2'))
frame = bytes.fromhex('0800000000000500') + frames.ethernet(frames.IPV4, inner)
tunnel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tunnel.bind(('192.0.2.1', 40000))
answer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
answer.bind(('192.0.2.1', 53))
for _ in range(10):
    tunnel.sendto(frame, ('192.0.2.2', port))
    answer.sendto(bytes.fromhex('4a12818000010000000000000377777707') + b'example' + bytes.fromhex('03636f6d0000010001'), ('192.0.2.2', port))
"""


def attach(network, prefix, *options):
    return veth.Sensor(network, prefix, network.veths[0], *options)


def udp_rows(prefix):
    """(source, its port, destination, its port): packets."""
    return {(row["srcIP"], row["srcPort"], row["dstIP"], row["dstPort"]): int(row["pktsSnt"])
            for row in veth.rows(prefix) if row["l4Proto"] == "17"}


INNER = ("10.1.0.1", "1234", "10.1.0.2", "5678")


def outer(port, source="40000"):
    return ("192.0.2.1", source, "192.0.2.2", str(port))


def observed(network, prefix, port, *options):
    sensor = attach(network, prefix, *options)
    network.python(network.sender, SEND, port).wait(timeout=30 * veth.PATIENCE)
    code, _ = sensor.stop(signal.SIGINT)
    assert code == 0, code
    return udp_rows(prefix)


def ports_of_the_run(network, folder):
    path = lambda name: os.path.join(folder, name)
    rows = observed(network, path("own"), 4789)
    assert rows.get(INNER) == 10 and rows.get(outer(4789, "53")) == 10 and outer(4789) not in rows, rows
    rows = observed(network, path("none"), 4789, "--tunnel", "none")
    assert rows.get(outer(4789)) == 10 and rows.get(outer(4789, "53")) == 10 and INNER not in rows, rows
    rows = observed(network, path("other"), 5000, "--tunnel", "vxlan=5000,8472")
    assert rows.get(INNER) == 10 and rows.get(outer(5000, "53")) == 10, rows


def taken_over(network, folder):
    name, prefix = network.veths[0], os.path.join(folder, "over")
    attach(network, prefix, "--tunnel", "none").kill()
    refused = network.tool("attach", name, "-w", prefix, check=False)
    assert refused.returncode == 1 and "flowxdp detach" in refused.stderr, refused
    network.python(network.sender, SEND, 4789).wait(timeout=30 * veth.PATIENCE)
    sensor = attach(network, prefix, "--tunnel", "none")
    assert "taken over" in sensor.said() or "took over" in sensor.said(), sensor.said()
    sensor.kill()
    network.python(network.sender, SEND, 4789).wait(timeout=30 * veth.PATIENCE)
    network.tool("detach", "--export", name, "-w", os.path.join(folder, "export"))
    rows = udp_rows(os.path.join(folder, "export"))
    assert rows.get(outer(4789)) == 20 and INNER not in rows, rows
    assert not os.path.exists(network.pins(name))


veth.main("fxu", (ports_of_the_run, taken_over))
