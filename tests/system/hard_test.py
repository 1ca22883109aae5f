#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""hard_test.py FLOWXDP: the books balance when everything is too small, too slow or gone.

After each case: packets the peer sent = packets seen = packets in flows + packets without a flow, by cause; zero tolerance.
Exit 77 without root or BPF.
"""
import json
import os
import socket
import subprocess
import tempfile
import threading

from lab import Lab, ledger, rows, until

# Frames of Ethernet, IPv4, UDP: flow n of `flows` in turn, `count` in all, from a raw socket of the peer.
FLOOD = """
import socket, struct, sys
interface, flows, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((interface, 0))
head = bytes.fromhex('02000000000202000000000108004500002e000000004011') + bytes(2)
lost = 0
for n in range(count):
    flow = n % flows
    try:
        out.send(head + struct.pack('>IIHHHH', 0x0a000000 + flow, 0xc0000202, 1024 + flow % 60000, 9, 26, 0) + bytes(18))
    except OSError:
        lost += 1 # the veth's queue is full: never sent
"""


def books(lab, sensor, prefix, codes=(0,), text=True):
    sent = lab.unplug()
    code, report = sensor.stop()
    assert code in codes, (code, sensor.said(), report)
    seen, flows, unattributed = ledger(report)
    assert seen == sent, f"{sent} packets were sent, {seen} were seen"
    if text:
        table = rows(prefix + "_flows.txt")
        assert sum(int(row["pktsSnt"]) for row in table) == flows, "rows hold other packets than the ledger"
    return seen, unattributed, code


def flood(lab, flows, count, processes=1):
    started = [lab.python(lab.peer, FLOOD, lab.veth_peer, flows, count) for _ in range(processes)]
    for process in started:
        assert process.wait(timeout=120) == 0


def small_table(folder):
    with Lab("t") as lab:
        prefix = os.path.join(folder, "table")
        sensor = lab.attach(prefix, "--max-flows", "64")
        lab.up()
        flood(lab, 100000, 100000)
        return books(lab, sensor, prefix, (0, 3))


def ring_of_one_page(folder):
    with Lab("p") as lab:
        prefix = os.path.join(folder, "page")
        sensor = lab.attach(prefix, "--ring", "4096", "--max-flows", "64", "-s", "-e", "all")
        lab.up()
        flood(lab, 1000, 20000)
        seen, unattributed, code = books(lab, sensor, prefix, (3,))
        assert unattributed > 0 and code == 3
        assert os.path.getsize(prefix + ".pcapng") > 0
        return seen, unattributed


def expiry_under_load(folder):
    with Lab("x") as lab:
        prefix = os.path.join(folder, "expiry")
        sensor = lab.attach(prefix, "--idle-timeout", "0.005", "--active-timeout", "0.05")
        lab.up()
        flood(lab, 3000, 150000, processes=2)
        return books(lab, sensor, prefix)


def sink_that_sleeps(folder):
    """The receiver takes a connection and reads nothing until all was sent; then it reads everything."""
    address = os.path.join(folder, "sleepy")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(1)
    with Lab("s") as lab:
        prefix = os.path.join(folder, "sleepy_out")
        sensor = lab.attach(prefix, "--idle-timeout", "0.1", "--sink", f"socket:unix:{address},queue=65536")
        connection, _ = listener.accept()
        lab.up()
        flood(lab, 20000, 60000)
        received = []
        reader = threading.Thread(target=lambda: received.extend(iter(lambda: connection.recv(1 << 20), b"")))
        reader.start()
        result = books(lab, sensor, prefix)
        reader.join()
        lines = b"".join(received).count(b"\n")
        assert lines >= len(rows(prefix + "_flows.txt")), "the receiver woke up and has not got every row"
        return result


def sink_that_dies(folder):
    address = os.path.join(folder, "dying")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(1)
    with Lab("d") as lab:
        prefix = os.path.join(folder, "dying_out")
        sensor = lab.attach(prefix, "--idle-timeout", "0.1", "--sink", f"socket:unix:{address},policy=drop")
        connection, _ = listener.accept()
        lab.up()
        flood(lab, 2000, 4000)
        connection.close()
        listener.close()
        os.unlink(address)
        flood(lab, 2000, 4000)
        return books(lab, sensor, prefix, (0, 3))


def attach_and_detach(folder):
    left = lambda kind: {x["id"] for x in json.loads(subprocess.run(["bpftool", "-j", kind, "show"], check=True,
                         capture_output=True, text=True).stdout) if "flowxdp" in x.get("name", "") or
                         x.get("name") in ("evict_keys", "evict_out")}
    with Lab("c") as lab:
        lab.up()
        before = left("prog"), left("map")
        for _ in range(30):
            code, report = lab.attach(os.path.join(folder, "cycle")).stop()
            assert code == 0, report
            assert not os.path.exists("/sys/fs/bpf/flowxdp/" + lab.veth), "pins are left behind"
        until(lambda: left("prog") <= before[0] and left("map") <= before[1], "programs and maps are gone")


def main():
    with tempfile.TemporaryDirectory() as folder:
        for test in (small_table, ring_of_one_page, expiry_under_load, sink_that_sleeps, sink_that_dies,
                     attach_and_detach):
            print("ok:", test.__name__, test(folder), flush=True)


main()
