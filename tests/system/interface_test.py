#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""interface_test.py FLOWXDP: interfaces that are removed, set down and renamed under a running sensor."""
import os

import veth


def link(network, *words):
    network.ip(network.sensor, "link", *words)


def said(sensor, text):
    veth.until(lambda: text in sensor.said() or sensor.process.poll() is not None, "the log says: " + text)
    assert text in sensor.said(), sensor.said()


def removed(network, folder):
    """Its flows are exported, its pins are gone, the other interface goes on, the books hold both."""
    first, second = network.veths
    sensor = veth.Sensor(network, folder + "/a", first, second, "--plugin", "flow_export")
    network.send(20, 4, pair=0)
    network.send(10, 2, pair=1)
    link(network, "del", first)
    said(sensor, "it was removed")
    veth.until(lambda: not os.path.exists(network.pins(first)), "the pins of the removed interface are gone")
    veth.until(lambda: veth.packets(veth.rows(folder + "/a"), dstIP="192.0.2.2") == 80, "its flows are in the file")
    network.send(5, 7, port=11, pair=1)
    (status,) = network.status()[-1:]
    assert [s["interface"] for s in network.status() if s["interface"] in network.veths] == [second]
    status = network.status(second)[0]
    assert status["packets"] == 55 and status["books"]["at_rest"] and status["books"]["difference"] == 0, status
    code, report = sensor.stop()
    assert code == 0, (code, sensor.said())
    assert "Ledger: 135 packets = 135 in flows" in report, report
    table = veth.rows(folder + "/a")
    assert veth.packets(table, dstIP="192.0.2.2") == 80 and veth.packets(table, dstIP="192.0.3.2") == 55
    ends = {row["flowEndReason"] for row in table if row["dstIP"] == "192.0.2.2"}
    assert ends == {"4"}, ends  # forced end, RFC 5102 5.11.3
    assert not os.path.exists(network.pins(second))


def all_removed(network, folder):
    sensor = veth.Sensor(network, folder + "/a", *network.veths)
    network.send(20, 4, pair=0)
    network.send(10, 2, pair=1)
    for name in network.veths:
        link(network, "del", name)
    code, report = sensor.wait()
    assert code == 1 and "every interface is gone" in sensor.said(), (code, sensor.said())
    assert "Ledger: 100 packets = 100 in flows" in report, report
    assert veth.packets(veth.rows(folder + "/a"), l4Proto="17") == 100
    assert not any(os.path.exists(network.pins(name)) for name in network.veths)


def down_and_up(network, folder):
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name)
    network.send(3, 3)
    link(network, "set", name, "down")
    said(sensor, name + " is down")
    link(network, "set", name, "up")
    said(sensor, name + " is up again")
    network.send(3, 5)
    assert network.status(name)[0]["packets"] == 24
    code, report = sensor.stop()
    assert code == 0 and "Ledger: 24 packets = 24 in flows" in report, report
    assert veth.packets(veth.rows(folder + "/a"), l4Proto="17") == 24


def rename(network, old, new):
    link(network, "set", old, "down")  # older kernels rename no interface that is up
    link(network, "set", old, "name", new)
    link(network, "set", new, "up")
    network.veths[network.veths.index(old)] = new


def renamed(network, folder):
    old, new = network.veths[0], network.tag + "new"
    sensor = veth.Sensor(network, folder + "/a", old)
    network.send(2, 3)
    rename(network, old, new)
    said(sensor, f"{old}: renamed to {new}")
    network.send(2, 4)
    status = network.status(new)[0]
    assert status["interface"] == new and status["packets"] == 14 and new in status["pins"], status
    assert network.tool("status", old, check=False).returncode == 1
    done = network.tool("detach", new)
    assert f"daemon {sensor.process.pid} stopped" in done.stdout, done
    code, report = sensor.wait()
    assert code == 0 and "Ledger: 14 packets = 14 in flows" in report, report
    assert not os.path.exists(network.pins(old)) and not os.path.exists(network.pins(new))


def renamed_without_a_daemon(network, folder):
    """The orphan is found by its new name, and the next daemon takes it over by that."""
    old, new = network.veths[0], network.tag + "new"
    sensor = veth.Sensor(network, folder + "/a", old)
    network.send(2, 3)
    sensor.kill()
    rename(network, old, new)
    network.send(2, 4)
    status = network.status(new)[0]
    assert status["interface"] == new and status["packets"] == 14 and not status["daemon"]["running"], status
    sensor = veth.Sensor(network, folder + "/a", new)
    code, report = sensor.stop()
    assert code == 0 and "Ledger: 14 packets = 14 in flows" in report, report
    assert not os.path.exists(network.pins(old)) and not os.path.exists(network.pins(new))
    assert not network.has_program(new)


def detached_by_somebody(network, folder):
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name, *network.veths[1:])
    network.send(2, 3)
    network.inside(network.sensor, "bpftool", "link", "detach", "pinned", status_link(network, name))
    said(sensor, "somebody detached its XDP program")
    network.send(2, 3)  # nobody counts these
    network.send(2, 5, pair=1)
    code, report = sensor.stop()
    assert code == 0 and "Ledger: 16 packets = 16 in flows" in report, (code, report, sensor.said())


def status_link(network, name):
    return network.status(name)[0]["pins"] + "/link"


veth.main("fxif", (removed, all_removed, down_and_up, renamed, renamed_without_a_daemon, detached_by_somebody), pairs=2)
