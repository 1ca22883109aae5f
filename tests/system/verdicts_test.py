#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""verdicts_test.py FLOWXDP: two plugins that end a flow at the same packet, live. The rows are those that the rules give
(tests/verdicts), and replay of the sensor's own capture gives the same ones. Exit 77 without root or BPF."""
import os
import random
import sys

import veth

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../verdicts"))
from expected_rows import Packet, Rules, expected, told

os.environ["FLOWXDP_LIB"] = os.path.join(os.path.dirname(os.path.realpath(sys.argv[1])), "../lib/flowxdp_verdicts")
PLUGINS = ("--plugins", "basic_flow,basic_stats,count_rule,size_rule")
RULES = Rules(force_at=4, force_size=600, alarm_at=2)
OPTIONS = (*PLUGINS, "--plugin", "count_rule:force_at=4,alarm_at=2", "--plugin", "size_rule:force=600")
FLOWS, PACKETS = 30, 3000


def packets():
    """In the order in which they are sent; the times do not matter, no flow is idle for long."""
    chance = random.Random(12)
    return [Packet(n, ("192.0.2.1", 20000 + chance.randrange(FLOWS)), ("192.0.2.2", 30000), chance.choices((100, 600), (80, 20))[0])
            for n in range(PACKETS)]


SEND = """
import os, socket, sys
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]) # the program runs on the CPU that sends: one order
sockets = {}
for word in sys.stdin.read().split():
    port, size = map(int, word.split(':'))
    if port not in sockets:
        sockets[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sockets[port].bind(('192.0.2.1', port))
    sockets[port].sendto(bytes(size), ('192.0.2.2', 30000))
"""


def send(network, sent):
    network.inside(network.sender, sys.executable, "-c", SEND, input=" ".join(f"{p.sender[1]}:{p.size}" for p in sent))


def by_flow(rows):
    """Without what depends on the time of an end."""
    return sorted(rows)


def one_release_for_two_verdicts(network, folder):
    sent = packets()
    wanted, forced, both = expected(sent, RULES)
    assert both > 10, both
    sensor = veth.Sensor(network, folder + "/rows", network.veths[0], *OPTIONS, "--mode", "generic", "--direction", "ingress", "--ring",
                         "16M")
    send(network, sent)
    code, report = sensor.stop()
    assert code == 0, (code, report, sensor.said())
    table = veth.rows(folder + "/rows")
    assert veth.check_books(report, table)["in_flows"] == PACKETS
    assert by_flow(told(table)) == by_flow(wanted)
    return f"{forced} flows ended, {both} of them by both rules"


def replay_of_its_capture(network, folder):
    sent = packets()
    sensor = veth.Sensor(network, folder + "/rows", network.veths[0], *OPTIONS, "--alarm", "any", "--direction", "ingress", "-e", "all")
    send(network, sent)
    code, report = sensor.stop()
    assert code == 0, (code, report, sensor.said())
    assert veth.ledger(report)["in_flows"] == PACKETS
    network.tool("replay", "-q", folder + "/rows.pcapng", "-w", folder + "/again", *OPTIONS, "--alarm", "any")
    live, again = (open(folder + f"/{name}_flows.txt").read() for name in ("rows", "again"))
    assert live == again
    assert by_flow(told(veth.rows(folder + "/rows"))) == by_flow([row for row in expected(sent, RULES)[0] if row.count_alarms])


if __name__ == "__main__":
    veth.main("fxvd", (one_release_for_two_verdicts, replay_of_its_capture))
