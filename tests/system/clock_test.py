#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""clock_test.py FLOWXDP: the wall clock is stepped by an hour, and the machine suspended, while a sensor runs.

Only in a guest of vm/: it sets the machine's clock and suspends it. Facts: durations are those of the boot clock, whatever the
wall clock does, and include a suspended machine's sleep; no flow ends because of a step, and flows still end after a step back;
each record's times follow the wall clock at its export; the books balance. Every bound is between two readings of this test.
"""
import os
import sys
import time

import veth

HOUR = 3600
NS = 10**9


def in_a_guest():
    """vm/init is the first process, and says so."""
    with open("/proc/1/cmdline") as file:
        return os.environ.get("FLOWXDP_VM") == "1" and "/init" in file.read() and os.path.exists("/modules/order")


def boot_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def wall_offset():
    """Least and most that the wall clock is ahead of the boot clock."""
    before, wall, after = boot_ns(), time.time_ns(), boot_ns()
    return wall - after, wall - before


def step(seconds):
    time.clock_settime_ns(time.CLOCK_REALTIME, time.time_ns() + seconds * NS)


def ns(text):
    whole, part = text.split(".")
    assert len(part) == 9, text
    return int(whole) * NS + int(part)


class Traffic:
    """Counts what it sends, and knows between which readings of the boot clock it came."""

    def __init__(self, network):
        self.network, self.packets = network, 0

    def send(self, port, packets=3):
        before = boot_ns()
        self.network.send(1, packets, port=port)
        self.packets += packets
        veth.until(lambda: self.status()["packets"] == self.packets, "every packet has come")
        return before, boot_ns()

    def status(self):
        return self.network.status(self.network.veths[0])[0]

    def check_books(self, exported, alive):
        books = self.status()["books"]
        assert books["at_rest"] and books["difference"] == 0, books
        assert (books["exported"], books["alive"]) == (exported, alive), books


def by_port(prefix, sensor, packets):
    code, report = sensor.stop()
    assert code == 0, (code, sensor.said())
    assert f"Ledger: {packets} packets = {packets} in flows" in report, report
    table = veth.rows(prefix)
    assert veth.packets(table) == packets, table
    for row in table:
        assert ns(row["timeLast"]) - ns(row["timeFirst"]) == ns(row["duration"]), row
    return {int(row["dstPort"]): row for row in table}


def check_between(what, low, value, high):
    assert low <= value <= high, f"{what}: {value} is not between {low} and {high}"


def check_row(row, first, last, offset):
    """first, last: readings around the first and the last send; offset: the wall clock's when the record left."""
    check_between("duration", last[0] - first[1], ns(row["duration"]), last[1] - first[0])
    check_between("timeFirst", first[0] + offset[0], ns(row["timeFirst"]), first[1] + offset[1])
    check_between("timeLast", last[0] + offset[0], ns(row["timeLast"]), last[1] + offset[1])


def steps_within_flows(network, folder):
    """Flow 1001 is there before, between and behind two steps; nothing ends, with an idle timeout of 182 s."""
    sensor, traffic = veth.Sensor(network, folder + "/a", network.veths[0]), Traffic(network)
    first = traffic.send(1001)
    step(HOUR)
    traffic.send(1001)
    second = traffic.send(1002)
    step(-2 * HOUR)
    third = traffic.send(1003)
    last = traffic.send(1001)
    traffic.check_books(exported=0, alive=15)
    offset = wall_offset()
    rows = by_port(folder + "/a", sensor, 15)
    step(HOUR)
    assert sorted(rows) == [1001, 1002, 1003], rows
    check_row(rows[1001], first, last, offset)
    check_row(rows[1002], second, second, offset)
    check_row(rows[1003], third, third, offset)


def steps_between_records(network, folder):
    """Each record has the wall clock of its own export, and flows fall due after a step back as before."""
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--idle-timeout", "0.3")
    traffic, expected = Traffic(network), {}
    for port, seconds in ((2001, 0), (2002, HOUR), (2003, -2 * HOUR), (2004, HOUR)):
        step(seconds)
        sent = traffic.send(port)
        veth.until(lambda: traffic.status()["books"]["exported"] == traffic.packets, f"flow {port} has ended")
        traffic.check_books(exported=traffic.packets, alive=0)
        expected[port] = sent, wall_offset()
    rows = by_port(folder + "/a", sensor, 12)
    assert sorted(rows) == sorted(expected)
    for port, (sent, offset) in expected.items():
        check_row(rows[port], sent, sent, offset)


ALARM = "/sys/class/rtc/rtc0/wakealarm"


def suspend(seconds):
    """Suspends to RAM until the alarm clock rings. Returns how long the machine slept: only the boot clock counted it."""
    for text in ("0", f"+{seconds}"):
        with open(ALARM, "w") as file:
            file.write(text)
    before = boot_ns() - time.monotonic_ns()
    with open("/sys/power/state", "w") as file:
        file.write("mem")
    return boot_ns() - time.monotonic_ns() - before


def check_suspends():
    with open("/sys/power/state") as file:
        states = file.read().split()
    if "mem" not in states or not os.path.exists(ALARM):
        raise veth.Skip(f"cannot suspend: states {states}, {ALARM}: {os.path.exists(ALARM)}")


def suspended(network, folder):
    """A flow sleeps with the machine and goes on: one flow, and its duration has the sleep in it. Another, whose idle timeout
    passed in the sleep, is over, though its next packet came right after. One suspend for both: a machine of QEMU wakes
    from its second one at once."""
    check_suspends()
    patient = veth.Sensor(network, folder + "/a", network.veths[0])
    other = veth.Sensor(network, folder + "/b", network.veths[1], "--idle-timeout", "4")
    traffic = Traffic(network)
    first = traffic.send(3001)
    network.send(1, 3, port=4001, pair=1)
    slept = suspend(8)
    assert slept > 4 * NS, f"slept {slept} ns; was this guest suspended before?"
    network.send(1, 2, port=4001, pair=1)
    last = traffic.send(3001)
    traffic.check_books(exported=0, alive=6)
    offset = wall_offset()
    rows = by_port(folder + "/a", patient, 6)
    assert list(rows) == [3001] and ns(rows[3001]["duration"]) > slept, (rows, slept)
    check_row(rows[3001], first, last, offset)
    code, report = other.stop()
    assert code == 0 and "Ledger: 5 packets = 5 in flows" in report, report
    assert [row["pktsSnt"] for row in veth.rows(folder + "/b")] == ["3", "2"], veth.rows(folder + "/b")


if not in_a_guest():
    print("SKIP: sets the clock and suspends the machine, which only a guest of vm/ may suffer")
    sys.exit(77)
veth.main("fxcl", (suspended, steps_within_flows, steps_between_records), pairs=2)
