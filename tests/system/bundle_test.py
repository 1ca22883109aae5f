#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bundle_test.py FLOWXDP: the bundle that made a sensor is found again by what the pins say, not by an option.

The bundle is that of tests/needs, copied to a folder that only the pins name: its plugin first_payload is in no other. Exit 77
without root or BPF.
"""
import os
import shutil
import sys

import veth

BIN = os.path.dirname(os.path.realpath(sys.argv[1]))
FLOWS, PACKETS = 20, 3


def killed(network, folder):
    """A sensor with a bundle of its own, whose daemon was killed over some flows."""
    bundle = folder + "/bundle"
    shutil.copytree(os.path.join(BIN, "../lib/flowxdp_needs"), bundle)
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--lib", bundle, "--plugin", "first_payload")
    network.send(FLOWS, PACKETS)
    sensor.kill()
    return bundle


def check_rows(prefix):
    table = veth.rows(prefix)
    assert len(table) == FLOWS and {row["pktsSnt"] for row in table} == {str(PACKETS)}, table
    assert "firstPayload" in table[0], table[0].keys()


def export(network, folder, *options):
    return network.tool("detach", "--export", network.veths[0], "-w", folder + "/b", *options, check=False)


def export_by_the_pins(network, folder):
    bundle = killed(network, folder)
    assert network.status()[0]["bundle"] == bundle, network.status()
    assert f"bundle   {bundle}" in network.tool("status").stdout
    assert network.tool("top", "--once").returncode == 0
    done = export(network, folder)
    assert done.returncode == 0, done
    check_rows(folder + "/b")


def taken_over_by_the_pins(network, folder):
    killed(network, folder)
    sensor = veth.Sensor(network, folder + "/c", network.veths[0], "--plugin", "first_payload")
    assert "taken over" in sensor.said(), sensor.said()
    code, report = sensor.stop()
    assert code == 0, (code, report, sensor.said())
    check_rows(folder + "/c")


def one_that_is_gone(network, folder):
    """Both bundles are named, and nothing is removed; the folder put back, the export works."""
    bundle = killed(network, folder)
    os.rename(bundle, bundle + ".moved")
    refused = export(network, folder)
    assert refused.returncode == 1, refused
    for words in (bundle, os.path.realpath(os.path.join(BIN, "../lib/flowxdp")), "--lib"):
        assert words in refused.stderr, (words, refused.stderr)
    assert not os.path.exists(folder + "/b_flows.txt")
    done = export(network, folder, "--lib", bundle + ".moved")
    assert done.returncode == 0, done
    check_rows(folder + "/b")


def one_with_another_layout(network, folder):
    """Another bundle in the same place is not taken for it."""
    bundle = killed(network, folder)
    os.rename(bundle, bundle + ".moved")
    shutil.copytree(os.path.join(BIN, "../lib/flowxdp_identity"), bundle)
    refused = export(network, folder)
    assert refused.returncode == 1 and "layout" in refused.stderr and bundle in refused.stderr, refused
    shutil.rmtree(bundle)
    os.rename(bundle + ".moved", bundle)
    assert export(network, folder).returncode == 0
    check_rows(folder + "/b")


def one_that_others_may_write(network, folder):
    bundle = killed(network, folder)
    os.chmod(bundle, 0o777)
    refused = export(network, folder)
    assert refused.returncode == 1 and "others may write" in refused.stderr, refused
    os.chmod(bundle, 0o755)
    assert export(network, folder).returncode == 0
    check_rows(folder + "/b")


def one_from_outside_the_tree(network, folder):
    """What `plugin new` writes, built here, live: its kernel half counts in the kernel what its rows say."""
    veth.run(network.flowxdp, "plugin", "new", "outside", "-C", folder)
    veth.run(network.flowxdp, "plugin", "build", folder + "/outside", "-o", folder + "/bundle")
    sensor = veth.Sensor(network, folder + "/a", network.veths[0], "--lib", folder + "/bundle", "--plugin", "outside:below=101", "-s")
    network.send(FLOWS, PACKETS)  # payloads of 100 bytes
    code, report = sensor.stop()
    assert code == 0, (code, report, sensor.said())
    assert {row["outsideSmall"] for row in veth.rows(folder + "/a")} == {str(PACKETS)}
    so_far = sorted(row["outsideSmallSoFar"] for row in veth.rows(folder + "/a", "packets.txt"))
    assert so_far == sorted([str(n + 1) for n in range(PACKETS)] * FLOWS), so_far


if __name__ == "__main__":
    veth.main("fxbu", (export_by_the_pins, taken_over_by_the_pins, one_that_is_gone, one_with_another_layout,
                       one_that_others_may_write, one_from_outside_the_tree))
