#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""packet_ids_test.py FLOWXDP: every packet that a live sensor saw is in exactly one row, by its id.

Two threads on two CPUs write the packets of the same flows, both directions, into tap devices: what was written was seen, nothing
can be dropped on the way. Over silent flows, a full table, a small ring, forced ends, the active timeout, daemons killed with
SIGKILL and taken over, detach --export, merged and several interfaces. Exit 77 without root, BPF or tun.
"""
import os
import time

import packet_ids
import veth
from packet_ids import PART, Sender, attach

os.environ["FLOWXDP_LIB"] = packet_ids.LIB
FORCE = ("--plugin", "tcp_win:threshold=1000,force_at=1")
KILLS = 3


def finish(sensor, sender, prefix, *more, codes=(0,)):
    """Stops the sensor; the books and the ids. Returns rows, packets and the ledger."""
    code, report = sensor.stop()
    sender.close()
    assert code in codes, (code, sensor.said(), report)
    books, table = veth.ledger(report), packet_ids.Table(prefix, *more)
    packets = packet_ids.judge(sender.sent, table, books["unattributed"])
    assert books["seen"] == packets, (books, packets)
    return table, packets, books


def run(network, folder, *options, codes=(0,), **plan):
    prefix = folder + "/rows"
    sender = Sender(network, folder, **plan)
    sensor = attach(network, prefix, sender, *options)
    sender.send()
    return finish(sensor, sender, prefix, codes=codes)


def say(table, packets, *more):
    return ", ".join((f"{packets} packets in {len(table.rows)} rows", *more))


def silent_flows(network, folder):
    table, packets, _ = run(network, folder, "--idle-timeout", "0.1", rate=60000)
    return say(table, packets)


def full_table(network, folder):
    table, packets, _ = run(network, folder, "--max-flows", "512", "--ring", "64M", codes=(0, 3))
    assert packet_ids.bit(table, 42) > 1000 // PART, "the table was never full"
    return say(table, packets)


def full_table_and_ring(network, folder):
    """What finds no room at all is counted; everything else is where it belongs."""
    table, packets, books = run(network, folder, "--max-flows", "64", "--ring", "64K", codes=(3,))
    assert books["unattributed"] > 0, "the ring was never full"
    return say(table, packets, f"{books['unattributed']} unattributed")


def forced_ends(network, folder):
    table, packets, _ = run(network, folder, *FORCE, "--ring", "64M")
    assert packet_ids.bit(table, 41) > 1000 // PART, "nothing was forced"
    return say(table, packets)


def forced_ends_and_a_small_ring(network, folder):
    """An end that found no room comes later; no packet is lost by that."""
    table, packets, books = run(network, folder, *FORCE, "--ring", "4096", codes=(0, 3))
    assert not books["unattributed"], books
    return say(table, packets)


def active_timeout(network, folder):
    table, packets, _ = run(network, folder, "--active-timeout", "0.05", "--ring", "64M", flows=500, window=500,
                            rate=300000)  # the flows of a sender without a rate may all be younger
    assert packet_ids.bit(table, 62) > 100 // PART, "no flow was too old"
    return say(table, packets)


def everything_at_once(network, folder):
    table, packets, books = run(network, folder, *FORCE, "--max-flows", "256", "--ring", "1M", "--idle-timeout", "0.02",
                                "--active-timeout", "0.04", codes=(0, 3), rate=50000)
    return say(table, packets, f"{books['unattributed']} unattributed")


def killed(network, folder, *options, export=False, elsewhere=False, taps=1, codes=(0,)):
    """Daemons are killed at no particular point of their round, and taken over; the last one stops, or its flows are exported.
    elsewhere: each daemon writes into a file of its own."""
    prefix, before = folder + "/rows", []
    sender = Sender(network, folder, taps=taps, packets=10000000, rate=15000 // PART)
    options = ("--ring", "64M", "--idle-timeout", "0.2", *options)
    sensor = attach(network, prefix, sender, *options)
    sender.tell("go")
    for n in range(KILLS):
        time.sleep(0.4)
        sensor.kill()
        if elsewhere:
            before.append(prefix)
            prefix = f"{folder}/rows{n}"
        sensor = attach(network, prefix, sender, *options)
    time.sleep(0.3)
    sender.tell("stop")
    sender.done()
    if not export:
        return finish(sensor, sender, prefix, *before, codes=codes)
    sensor.kill()
    for name in sender.names:
        network.tool("detach", "--export", name, "-w", folder + "/exported")
    sender.close()
    table = packet_ids.Table(prefix, folder + "/exported")
    return table, packet_ids.judge(sender.sent, table), None


def killed_and_taken_over(network, folder):
    table, packets, _ = killed(network, folder)
    return say(table, packets, f"{KILLS} kills")


def killed_and_taken_over_elsewhere(network, folder):
    table, packets, _ = killed(network, folder, *FORCE, elsewhere=True)
    return say(table, packets, f"{KILLS} kills, {KILLS + 1} files")


def killed_with_a_full_table(network, folder):
    table, packets, books = killed(network, folder, "--max-flows", "512", codes=(0, 3))
    assert packet_ids.bit(table, 42) > 100 // PART, "the table was never full"
    return say(table, packets, f"{KILLS} kills, {books['unattributed']} unattributed")


def killed_with_forced_ends(network, folder):
    table, packets, _ = killed(network, folder, *FORCE)
    assert packet_ids.bit(table, 41) > 100 // PART, "nothing was forced"
    return say(table, packets, f"{KILLS} kills")


def killed_and_exported(network, folder):
    table, packets, _ = killed(network, folder, "--max-flows", "512", *FORCE, export=True)
    return say(table, packets, f"{KILLS + 1} kills")


def merged_interfaces(network, folder):
    """A flow's packets come by two interfaces into one record."""
    table, packets, _ = killed(network, folder, "--merge", "--max-flows", "512", taps=2, codes=(0, 3))
    return say(table, packets, f"{KILLS} kills")


def two_interfaces(network, folder):
    """Two tables, one file: a flow that both have has its packets in rows of both."""
    table, packets, _ = killed(network, folder, "--max-flows", "512", *FORCE, taps=2, codes=(0, 3))
    return say(table, packets, f"{KILLS} kills")


veth.main("fxpi", (silent_flows, full_table, full_table_and_ring, forced_ends, forced_ends_and_a_small_ring, active_timeout,
                   everything_at_once, killed_and_taken_over, killed_and_taken_over_elsewhere, killed_with_a_full_table, killed_with_forced_ends,
                   killed_and_exported, merged_interfaces, two_interfaces), pairs=0)
