#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dispatcher_test.py FLOWXDP: a sensor beside another XDP program, through libxdp's dispatcher.

The other one drops UDP to port 7 and is loaded by xdp-loader, with its priority of 50. Facts: every packet sent is counted
exactly once while the other is added and removed under traffic; what it drops is seen by a sensor that runs before it and
not by one behind it; a killed daemon's sensor is taken over; who leaves leaves the other in place, and nothing of its own.
"""
import glob
import json
import os
import shutil
import subprocess
import sys

import veth

DROP = veth.DROP_PORT
DROPPED, PASSED = 7, 9
PRIORITY = 50  # libxdp's default
DEFAULT = 5    # ours, as --help says

# A small send buffer holds the sender back until packets are taken: none is lost on the way, at any speed.
SEND = """
import socket, sys
packets, port = map(int, sys.argv[1:3])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
s.bind(('192.0.2.1', 20000 + port))
for _ in range(packets):
    s.sendto(b'x' * 100, ('192.0.2.2', port))
"""
SEND_UNTIL_TOLD = """
import select, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
s.bind(('192.0.2.1', 30000))
sent = 0
while sent < 5_000_000 and (sent % 64 or not select.select([sys.stdin], [], [], 0)[0]):
    s.sendto(b'x' * 100, ('192.0.2.2', 9))
    sent += 1
print(sent)
"""


def loader(network, *words, check=True):
    return network.inside(network.sensor, "xdp-loader", *words, check=check)


def load_other(network):
    loader(network, "load", "-m", "native", "-n", "drop_port", network.veths[0], DROP)


def programs(network):
    """[(name, priority)] in their order, as interfaces says."""
    (one,) = [i for i in json.loads(network.tool("interfaces", "--json").stdout) if i["name"] == network.veths[0]]
    return [(p["name"], p["priority"]) for p in one["xdp_programs"]]


def unload_other(network):
    (one,) = [i for i in json.loads(network.tool("interfaces", "--json").stdout) if i["name"] == network.veths[0]]
    (program,) = [p for p in one["xdp_programs"] if p["name"] == "drop_port"]
    loader(network, "unload", network.veths[0], "--id", str(program["id"]))


def send(network, packets, port):
    network.inside(network.sender, sys.executable, "-c", SEND, str(packets), str(port))


def counted(network, packets):
    def read():
        return network.status(network.veths[0])[0]["packets"]
    veth.until(lambda: read() >= packets, f"{packets} packets are counted")
    assert read() == packets, (read(), packets)


def index(network):
    return json.loads(network.ip(network.sensor, "-j", "link", "show", network.veths[0]).stdout)[0]["ifindex"]


def assert_nothing_of_ours(network, ids):
    assert not os.path.exists(network.pins()), "pins are left"
    assert "flowxdp_ingress" not in [name for name, _ in programs(network)]
    for pin in glob.glob("/sys/fs/bpf/xdp/dispatch-*/prog*-prog"):
        shown = veth.run("bpftool", "-j", "prog", "show", "pinned", pin, check=False).stdout
        assert not shown or json.loads(shown).get("id") not in ids, (pin, shown)


def program_id(network):
    return network.status(network.veths[0])[0]["program_id"]


def sensor_first(network, folder):
    """Alone in a dispatcher of its own, then before the other, which stays."""
    veth.need_dispatcher(network)
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name, "--dispatcher")
    assert "in libxdp's dispatcher" in sensor.said(), sensor.said()
    assert programs(network) == [("flowxdp_ingress", DEFAULT)]
    send(network, 30, PASSED)
    load_other(network)
    assert programs(network) == [("flowxdp_ingress", DEFAULT), ("drop_port", PRIORITY)]
    send(network, 40, PASSED)
    send(network, 50, DROPPED)
    counted(network, 120)
    status = network.status(name)[0]
    evidence = (status, sensor.said(), sorted(glob.glob("/sys/fs/bpf/xdp/*/*")), programs(network))
    assert status["in_dispatcher"], evidence
    assert [p["name"] for p in status["xdp_programs"]] == ["flowxdp_ingress", "drop_port"], evidence
    assert status["xdp_programs"][0]["goes_on_after"] == "XDP_PASS", status["xdp_programs"]
    assert "flowxdp_ingress" in network.tool("status", name).stdout
    found = {f["check"]: f for f in json.loads(network.tool("doctor", "--json", name, check=False).stdout)}
    assert "drop_port" in found["xdp program"]["detail"], found["xdp program"]
    ours = {program_id(network)}
    code, report = sensor.stop()
    assert code == 0 and "Ledger: 120 packets = 120 in flows" in report, (code, report, sensor.said())
    table = veth.rows(folder + "/a")
    assert veth.packets(table, dstPort=str(DROPPED)) == 50 and veth.packets(table, dstPort=str(PASSED)) == 70
    assert programs(network) == [("drop_port", PRIORITY)]
    assert_nothing_of_ours(network, ours)


def other_first(network, folder):
    """Without --dispatcher the way out is named; behind the other what it drops is not seen."""
    veth.need_dispatcher(network)
    name = network.veths[0]
    load_other(network)
    refused = network.tool("attach", name, "-w", folder + "/a", check=False)
    assert refused.returncode == 1 and "--dispatcher" in refused.stderr and "drop_port" in refused.stderr, refused
    refused = network.tool("attach", name, "--dispatcher", "--mode", "generic", "-w", folder + "/a", check=False)
    assert refused.returncode == 1 and "native mode" in refused.stderr, refused
    assert programs(network) == [("drop_port", PRIORITY)]
    sensor = veth.Sensor(network, folder + "/a", name, "--dispatcher", "--priority", "60")
    assert programs(network) == [("drop_port", PRIORITY), ("flowxdp_ingress", 60)]
    send(network, 50, DROPPED)
    send(network, 20, PASSED)
    counted(network, 20)
    ours = {program_id(network)}
    code, report = sensor.stop()
    assert code == 0 and "Ledger: 20 packets = 20 in flows" in report, (code, report, sensor.said())
    assert programs(network) == [("drop_port", PRIORITY)]
    assert_nothing_of_ours(network, ours)


def swapped_under_traffic(network, folder):
    """Each change of the other one builds a new dispatcher; no packet is missed, none is counted twice."""
    veth.need_dispatcher(network)
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name, "--dispatcher", "--idle-timeout", "0.2")
    ours = program_id(network)
    sender = network.start(network.sender, sys.executable, "-c", SEND_UNTIL_TOLD, stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True)
    dispatchers = set()
    swaps = 10 if veth.PATIENCE == 1 else 3
    for _ in range(swaps):
        for change in (load_other, unload_other):
            before = network.status(name)[0]["packets"]
            change(network)
            veth.until(lambda: network.status(name)[0]["packets"] > before, "packets go on to be counted")
            (folder_of,) = glob.glob(f"/sys/fs/bpf/xdp/dispatch-{index(network)}-*")
            dispatchers.add(folder_of)
            assert program_id(network) == ours, "the program stays the same"
    sent = int(sender.communicate("stop\n", timeout=60 * veth.PATIENCE)[0])
    assert len(dispatchers) == 2 * swaps, dispatchers
    counted(network, sent)
    load_other(network)
    code, report = sensor.stop()
    assert code == 0 and f"Ledger: {sent} packets = {sent} in flows" in report.replace(",", "").replace("'", ""), report
    assert veth.packets(veth.rows(folder + "/a"), dstPort=str(PASSED)) == sent
    print("    ", sent, "packets over", len(dispatchers), "dispatchers")
    assert_nothing_of_ours(network, {ours})


def left_under_traffic(network, folder):
    """What is counted while the sensor leaves is exported: the books of the end balance though packets go on."""
    veth.need_dispatcher(network)
    name = network.veths[0]
    load_other(network)
    sender = network.start(network.sender, sys.executable, "-c", SEND_UNTIL_TOLD, stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, text=True)
    for n in range(5 if veth.PATIENCE == 1 else 2):
        sensor = veth.Sensor(network, folder + f"/a{n}", name, "--dispatcher")
        veth.until(lambda: network.status(name)[0]["packets"] > 100, "some packets are counted")
        code, report = sensor.stop()
        assert code == 0, (code, sensor.said())
        seen, exported = [int(part.split(" ")[0]) for part in report.split("Ledger: ")[1].split(" = ")[:2]]
        assert seen == exported == veth.packets(veth.rows(folder + f"/a{n}"), dstPort=str(PASSED)), report
        assert programs(network) == [("drop_port", PRIORITY)]
    sender.communicate("stop\n", timeout=60 * veth.PATIENCE)


def killed(network, folder):
    """The kernel goes on, also through a swap; the next daemon takes over, with or without --dispatcher."""
    veth.need_dispatcher(network)
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name, "--dispatcher")
    ours = {program_id(network)}
    send(network, 10, PASSED)
    counted(network, 10)
    sensor.kill()
    send(network, 20, PASSED)
    load_other(network)
    send(network, 30, DROPPED)
    status = network.status(name)[0]
    assert status["in_dispatcher"] and not status["daemon"]["running"], status
    counted(network, 60)
    sensor = veth.Sensor(network, folder + "/a", name, "--dispatcher")
    assert "taken over" in sensor.said() and "in libxdp's dispatcher" in sensor.said(), sensor.said()
    send(network, 40, PASSED)
    counted(network, 100)
    unload_other(network)
    sensor.kill()
    sensor = veth.Sensor(network, folder + "/a", name)
    assert "in libxdp's dispatcher" in sensor.said(), "an adopted sensor stays where it is: " + sensor.said()
    load_other(network)
    code, report = sensor.stop()
    assert code == 0 and "Ledger: 100 packets = 100 in flows" in report, (code, report, sensor.said())
    assert veth.packets(veth.rows(folder + "/a"), l4Proto="17") == 100
    assert programs(network) == [("drop_port", PRIORITY)]
    assert_nothing_of_ours(network, ours)


def killed_and_detached(network, folder):
    veth.need_dispatcher(network)
    name = network.veths[0]
    load_other(network)
    for words, packets in ((("--export", "-w", folder + "/last"), 15), ((), 0)):
        sensor = veth.Sensor(network, folder + "/a", name, "--dispatcher")
        ours = {program_id(network)}
        send(network, 15, PASSED)
        counted(network, 15)
        sensor.kill()
        elsewhere = veth.run(network.flowxdp, "detach", name, check=False)
        assert elsewhere.returncode == 1 and "nsenter --net=/run/netns/" + network.sensor in elsewhere.stderr, elsewhere
        done = network.tool("detach", name, *words)
        assert "sensor removed" in done.stdout + done.stderr, done
        assert programs(network) == [("drop_port", PRIORITY)]
        assert_nothing_of_ours(network, ours)
        if packets:
            assert veth.packets(veth.rows(folder + "/last"), l4Proto="17") == packets


def taken_out_by_somebody(network, folder):
    """By xdp-loader, or with the whole dispatcher: what was counted is exported, nothing of ours is left."""
    veth.need_dispatcher(network)
    name = network.veths[0]
    for how in ("unload", "off"):
        load_other(network)
        sensor = veth.Sensor(network, folder + "/" + how, name, "--dispatcher")
        ours = program_id(network)
        send(network, 12, PASSED)
        counted(network, 12)
        if how == "unload":
            loader(network, "unload", name, "--id", str(ours))
        else:
            network.ip(network.sensor, "link", "set", "dev", name, "xdp", "off")
        code, report = sensor.wait()
        assert code == 1 and "somebody detached its XDP program" in sensor.said(), (code, sensor.said())
        assert "Ledger: 12 packets = 12 in flows" in report, report
        assert programs(network) == ([("drop_port", PRIORITY)] if how == "unload" else [])
        assert_nothing_of_ours(network, {ours})
        loader(network, "unload", name, "--all", check=False)


def removed_interface(network, folder):
    veth.need_dispatcher(network)
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name, "--dispatcher")
    ours, number = program_id(network), index(network)
    send(network, 12, PASSED)
    counted(network, 12)
    network.ip(network.sensor, "link", "del", name)
    code, report = sensor.wait()
    assert code == 1 and "it was removed" in sensor.said(), (code, sensor.said())
    assert "Ledger: 12 packets = 12 in flows" in report, report
    assert not os.path.exists(network.pins()) and not glob.glob(f"/sys/fs/bpf/xdp/dispatch-{number}-*")
    assert veth.run("bpftool", "prog", "show", "id", str(ours), check=False).returncode, "the program is still loaded"


def stands_alone(network, folder):
    """A program without a dispatcher cannot be joined; the message says how it could."""
    veth.need_dispatcher(network)
    name = network.veths[0]
    network.ip(network.sensor, "link", "set", "dev", name, "xdp", "obj", DROP, "sec", "xdp")
    for words in ((), ("--dispatcher",)):
        refused = network.tool("attach", name, *words, "-w", folder + "/a", check=False)
        assert refused.returncode == 1 and "xdp-loader" in refused.stderr and "drop_port" in refused.stderr, refused
    assert network.has_program(name) and not os.path.exists(network.pins())
    network.ip(network.sensor, "link", "set", "dev", name, "xdp", "off")


def filtered(network, folder):
    """The filter is patched into the extension too."""
    veth.need_dispatcher(network)
    name = network.veths[0]
    load_other(network)
    refused = network.tool("attach", name, "--dispatcher", "--user", "nobody", "-w", folder + "/a", check=False)
    assert refused.returncode == 2 and "--user" in refused.stderr and not os.path.exists(network.pins()), refused
    assert programs(network) == [("drop_port", PRIORITY)]
    # Few plugins: an emulated verifier takes its time over a filter.
    sensor = veth.Sensor(network, folder + "/a", name, "--dispatcher", "--plugins", "basic_flow,basic_stats", "udp", "port",
                         str(DROPPED))
    ours = {program_id(network)}
    send(network, 8, PASSED)
    send(network, 9, DROPPED)
    counted(network, 17)
    assert network.status(name)[0]["counters"]["packets_filtered"] == 8
    unload_other(network)
    load_other(network)
    code, report = sensor.stop()
    assert code == 0 and "Ledger: 17 packets = 9 in flows" in report, (code, report, sensor.said())
    assert veth.packets(veth.rows(folder + "/a"), dstPort=str(DROPPED)) == 9
    assert programs(network) == [("drop_port", PRIORITY)]
    assert_nothing_of_ours(network, ours)


def clean(test):
    """Pins of libxdp outlive a namespace; ours to remove, the interface is in nobody else's dispatcher."""
    def tested(network, folder):
        number = index(network)
        try:
            test(network, folder)
        finally:
            for _ in range(2):
                network.tool("detach", network.veths[0], check=False)
                if shutil.which("xdp-loader"):
                    loader(network, "unload", network.veths[0], "--all", check=False)
                    loader(network, "clean", network.veths[0], check=False)  # of a dispatcher that was put aside
        assert not glob.glob(f"/sys/fs/bpf/xdp/dispatch-{number}-*"), "libxdp's pins are left"
    tested.__name__ = test.__name__
    return tested


def behind_a_link(network, folder):
    """iproute2's own loader makes the name of libxdp's folder a link to a folder of its own."""
    veth.need_dispatcher(network)
    pins, tc = "/sys/fs/bpf/xdp", "/sys/fs/bpf/tc"
    made = not os.path.islink(pins)
    if made:
        if os.path.isdir(pins):
            if os.listdir(pins):
                return "left out: another program is in a dispatcher here"
            os.rmdir(pins)
        os.makedirs(tc, 0o700, exist_ok=True)
        os.symlink(tc + "/", pins)
    try:
        clean(sensor_first)(network, folder)
    finally:
        if made:
            os.unlink(pins)
            if not os.listdir(tc):
                os.rmdir(tc)
    return None


veth.main("fxdp", [clean(test) for test in (
    sensor_first, other_first, swapped_under_traffic, left_under_traffic, killed, killed_and_detached,
    taken_out_by_somebody, removed_interface, stands_alone, filtered)] + [behind_a_link])
