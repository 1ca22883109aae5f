#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""time_namespace_test.py FLOWXDP: a sensor whose boot clock is a day ahead of the kernel's, as in a container with time offsets.

The program in the kernel knows no time namespaces. Facts: no flow ends early, flows that are due end, times in rows are right.
"""
import time

import veth

NS = 10**9
AHEAD = ("unshare", "--time", "--boottime", "86400", "--fork")


def check_namespace(network):
    probe = network.inside(network.sensor, *AHEAD, "cat", "/proc/uptime", check=False)
    if probe.returncode:
        raise veth.Skip("no time namespaces here: " + probe.stderr.strip())
    assert float(probe.stdout.split()[0]) > 86400, probe


def stop(network, sensor):
    """unshare passes no signal on."""
    network.tool("detach", network.veths[0])
    return sensor.wait()


def ahead(network, folder):
    check_namespace(network)
    name = network.veths[0]
    before = time.time_ns()
    sensor = veth.Sensor(network, folder + "/a", name, wrapper=AHEAD)
    network.send(5, 3)
    sent = time.monotonic()

    def looked_since():
        now = time.monotonic()
        return 0 <= network.status(name)[0]["daemon"].get("last_round_s", -1) < now - sent
    veth.until(looked_since, "the daemon has looked for flows that are due")
    books = network.status(name)[0]["books"]
    assert (books["alive"], books["exported"], books["difference"]) == (15, 0, 0), books
    code, report = stop(network, sensor)
    after = time.time_ns()
    assert code == 0 and "Ledger: 15 packets = 15 in flows" in report, (code, report, sensor.said())
    for row in veth.rows(folder + "/a"):
        assert before <= ns(row["timeFirst"]) <= ns(row["timeLast"]) <= after, (before, row, after)


def due(network, folder):
    check_namespace(network)
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name, "--idle-timeout", "0.3", wrapper=AHEAD)
    network.send(5, 3)
    veth.until(lambda: network.status(name)[0]["books"]["exported"] == 15, "silent flows are exported")
    code, _ = stop(network, sensor)
    assert code == 0 and all(row["pktsSnt"] == "3" for row in veth.rows(folder + "/a"))


def ns(text):
    whole, part = text.split(".")
    return int(whole) * NS + int(part)


veth.main("fxtn", (ahead, due))
