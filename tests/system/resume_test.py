#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""resume_test.py FLOWXDP: a daemon killed with SIGKILL again and again: every file sink has each row once.

Text, split text, JSON, compressed JSON, CSV, packet rows and the sensor's own capture at the same time. Exit 77 without
root or BPF.
"""
import collections
import csv
import glob
import gzip
import json
import subprocess
import time

import veth

FLOWS = 20000
SEND = """
import socket, sys, time
for n in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('192.0.2.1', 0))
    s.sendto(b'x', ('192.0.2.2', 10000 + n % 50000))
    s.close()
    if n % 50 == 0: time.sleep(0.005)
"""


def once(what, table):
    keys = collections.Counter((str(row["flowInd"]), row["dir"]) for row in table)
    twice = [key for key, n in keys.items() if n > 1]
    assert not twice, f"{what}: {len(twice)} rows are written twice"
    return set(keys)


def killed(network, folder):
    path = lambda name: folder + "/" + name
    prefix = path("run")
    options = ("-s", "-e", "all", "--idle-timeout", "0.3", "--sink", "json:" + path("a.json"), "--sink", "json:" +
               path("b.json.gz"), "--sink", "csv:" + path("c.csv"), "--sink", "text:" + path("d") + ",split=3000f")
    sensor = veth.Sensor(network, prefix, network.veths[0], *options)
    network.plug()
    sender = network.python(network.sender, SEND, FLOWS)
    kills = 0
    while sender.poll() is None:
        time.sleep(0.5)  # traffic under way, at no particular point of the daemon's round
        sensor.kill()
        kills += 1
        sensor = veth.Sensor(network, prefix, network.veths[0], *options)
    sent = network.unplug()
    code, report = sensor.stop()
    assert code == 0 and kills >= 3, (code, kills, sensor.said(), report)
    seen = veth.ledger(report)["seen"]
    assert seen == sent, (seen, sent)

    text = veth.rows(prefix)
    wanted = once("text", text)
    assert sum(int(row["pktsSnt"]) for row in text) == seen
    with open(path("a.json")) as a, gzip.open(path("b.json.gz"), "rt") as b, open(path("c.csv"), newline="") as c:
        assert once("json", map(json.loads, a)) == wanted
        assert once("json.gz", map(json.loads, b)) == wanted
        assert once("csv", csv.DictReader(c)) == wanted
    pieces = sorted(glob.glob(path("d_flows.txt*")), key=lambda p: int(p.rsplit("txt", 1)[1]))
    lines = [line for piece in pieces for line in open(piece)]
    assert lines == open(prefix + "_flows.txt").readlines(), "the pieces are not the file"
    assert [int(row["pktNo"]) for row in veth.rows(prefix, "packets.txt")] == list(range(1, seen + 1))
    subprocess.run([network.flowxdp, "replay", "-q", "-s", "--idle-timeout", "0.3", prefix + ".pcapng", "-w", path("again")],
                   check=True, stderr=subprocess.DEVNULL)
    assert open(path("again_packets.txt")).read() == open(prefix + "_packets.txt").read(), "packet rows differ"
    assert once("replay", veth.rows(path("again"))) == wanted
    return f"{kills} kills, {seen} packets, {len(wanted)} rows"


veth.main("fxre", (killed,), quiet=False)
