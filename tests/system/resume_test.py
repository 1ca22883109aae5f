#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""resume_test.py FLOWXDP: a daemon killed with SIGKILL again and again: every file sink has each row once.

Text, split text, JSON, compressed JSON, CSV, files that rotate (IPFIX, too), SQLite, packet rows and the sensor's own capture at the same time. Exit 77 without
root or BPF.
"""
import contextlib
import csv
import glob
import gzip
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../export"))
import collectors
import veth
from kill_loop import Killed, once, once_each, senders

FLOWS = 20000


def killed(network, folder):
    path = lambda name: folder + "/" + name
    prefix = path("run")
    options = ("-s", "-e", "all", "--idle-timeout", "0.3", "--sink", "json:" + path("a.json"), "--sink", "json:" +
               path("b.json.gz"), "--sink", "csv:" + path("c.csv"), "--sink", "text:" + path("d") + ",split=3000f", "--sink",
               "json:" + path("e_flows.json.gz") + ",rotate=700f/1s,exec_after=chmod 0400", "--sink", "csv:" + path("f_flows.csv") +
               ",rotate=100K", "--sink", "sqlite:" + path("g.db"))
    run = Killed(network, lambda: veth.Sensor(network, prefix, network.veths[0], *options), lambda: senders(network, FLOWS), every=0.5)
    kills, seen = run.kills, run.sent

    text = veth.rows(prefix)
    wanted = once_each("text", text)
    assert sum(int(row["pktsSnt"]) for row in text) == seen
    with open(path("a.json")) as a, gzip.open(path("b.json.gz"), "rt") as b, open(path("c.csv"), newline="") as c:
        assert once_each("json", map(json.loads, a)) == wanted
        assert once_each("json.gz", map(json.loads, b)) == wanted
        assert once_each("csv", csv.DictReader(c)) == wanted
    pieces = sorted(glob.glob(path("d_flows.txt*")), key=lambda p: int(p.rsplit("txt", 1)[1]))
    lines = [line for piece in pieces for line in open(piece)]
    assert lines == open(prefix + "_flows.txt").readlines(), "the pieces are not the file"
    # Files that rotate: each row in one of them, none with a part's name, the command for all but those that were named at a kill.
    assert not glob.glob(path("*.part*")), glob.glob(path("*.part*"))
    rotated = glob.glob(path("e_flows_*.json.gz"))
    assert once_each("rotated json", (json.loads(line) for name in rotated for line in gzip.open(name, "rt"))) == wanted
    assert len(rotated) > kills and sum(os.stat(name).st_mode & 0o777 == 0o400 for name in rotated) >= len(rotated) - kills
    assert once_each("rotated csv", (row for name in glob.glob(path("f_flows_*.csv")) for row in csv.DictReader(open(name, newline="")))) == wanted
    numbers = sorted(int(row["pktNo"]) for name in glob.glob(path("f_packets_*.csv")) for row in csv.DictReader(open(name, newline="")))
    assert numbers == list(range(1, seen + 1)), "packet rows of the files that rotate"
    with contextlib.closing(sqlite3.connect(path("g.db"))) as database:
        assert {(str(flow), direction) for flow, direction in database.execute("SELECT flowInd, dir FROM flows")} == wanted
        assert [n for n, in database.execute("SELECT pktNo FROM packets ORDER BY pktNo")] == list(range(1, seen + 1))
    assert [int(row["pktNo"]) for row in veth.rows(prefix, "packets.txt")] == list(range(1, seen + 1))
    subprocess.run([network.flowxdp, "replay", "-q", "-s", "--idle-timeout", "0.3", prefix + ".pcapng", "-w", path("again")],
                   check=True, stderr=subprocess.DEVNULL)
    assert open(path("again_packets.txt")).read() == open(prefix + "_packets.txt").read(), "packet rows differ"
    assert once_each("replay", veth.rows(path("again"))) == wanted
    return f"{kills} kills, {seen} packets, {len(wanted)} rows"


def killed_while_files_rotate(network, folder):
    """Text, packet rows and IPFIX in files one after the other: each row in one of them, and each file is whole by itself, its header or
    its templates in it."""
    prefix = folder + "/run"
    options = ("-s", "--idle-timeout", "0.3", "--sink", f"text:{folder}/t,rotate=700f/1s", "--sink", f"ipfix:file:{folder}/x.ipfix,rotate=500f/1s",
               "--sink", f"ipfix:file:{folder}/y.ipfix,rotate=100K,biflow=1")
    run = Killed(network, lambda: veth.Sensor(network, prefix, network.veths[0], *options), lambda: senders(network, FLOWS), every=0.5)
    text = veth.rows(prefix)
    wanted = once_each("text", text)
    assert veth.packets(text) == run.sent
    assert not glob.glob(folder + "/*.part*"), glob.glob(folder + "/*.part*")
    names = {kind: glob.glob(f"{folder}/{pattern}") for kind, pattern in
             (("flows", "t_flows_*.txt"), ("packets", "t_packets_*.txt"), ("x", "x_*.ipfix"), ("y", "y_*.ipfix"))}
    assert all(len(found) > run.kills for found in names.values()), {kind: len(found) for kind, found in names.items()}
    assert once_each("rotated text", (row for name in names["flows"] for row in veth.rows_of(name))) == wanted
    numbers = sorted(int(row["pktNo"]) for name in names["packets"] for row in veth.rows_of(name))
    assert numbers == list(range(1, run.sent + 1)), "packet rows of the files that rotate"
    # ipfixDump gets one file at a time: it knows no template but those in it. A biflow record is both directions.
    try:
        records = {kind: [record for name in names[kind] for record in collectors.ipfix_dump(name)] for kind in "xy"}
    except collectors.Missing as missing:
        print("SKIP: IPFIX files that rotate:", missing)
        return f"{run.kills} kills, {len(wanted)} rows"
    directions = {"0": "A", "1": "B"}
    assert once("rotated IPFIX", ((r["flowId"], directions[r["flowDirection"]]) for r in records["x"])) == wanted
    assert once("rotated IPFIX of biflows", (r["flowId"] for r in records["y"])) == {flow for flow, _ in wanted}
    for kind in "xy":
        counted = sum(int(r["packetDeltaCount"]) + int(r.get("reversePacketDeltaCount", 0)) for r in records[kind])
        assert counted == run.sent, (kind, counted, run.sent)
    return f"{run.kills} kills, {run.sent} packets, {len(wanted)} rows, files: " + ", ".join(str(len(found)) for found in names.values())


def every_row_once(network, folder, *options, plugins="basic_flow,basic_stats,tcp_states", start_senders=None):
    """A sensor that is killed again and again under new flows: what the wire carried is in the rows, and no row is twice."""
    prefix, options = folder + "/run", (*network.veths, "--plugins", plugins, *options)
    run = Killed(network, lambda: veth.Sensor(network, prefix, *options), start_senders or (lambda: senders(network, 60000, network.pairs, 0.002)),
                 every=0.7)
    table = veth.rows(prefix)
    once_each("text", table)
    counted = veth.packets(table)
    assert counted + run.books["unattributed"] == run.sent, f"{run.sent - counted} packets are in no row ({run.kills} kills)"
    return table, f"{run.kills} kills, {run.sent} packets, {len(table)} rows"


def full_table(network, folder):
    table, said = every_row_once(network, folder, "--max-flows", "2048")
    assert sum(1 for row in table if int(row["flowStat"], 16) & 1 << 42) > 1000, "no flow left early"
    return said


def forced_ends_and_a_small_ring(network, folder):
    """UDP flows do not end by force; TCP flows whose first segment has a window below the threshold do."""
    send = lambda: [network.python(network.sender, SEND_ZERO_WINDOWS, network.peers[0], network.mac(network.sensor, network.veths[0]), 150000)]
    table, said = every_row_once(network, folder, "--plugin", "tcp_win:threshold=1,force_at=1", "--ring", "64K", plugins="basic_flow,basic_stats",
                                 start_senders=send)
    assert sum(1 for row in table if int(row["flowStat"], 16) & 1 << 41) > 1000, "nothing was forced"
    return said


# Frames of TCP with window 0, many flows, by a packet socket.
SEND_ZERO_WINDOWS = r"""
import frames, socket, sys, time
name, mac, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((name, 0))
for n in range(count):
    packet = frames.ipv4(frames.TCP, frames.tcp(40000, 80, n, window=0), 0x0a000000 + n, ident=n & 0xffff)
    s.send(frames.ethernet(frames.IPV4, packet, dst=mac))
    if n % 50 == 0: time.sleep(0.001)
"""


def several_interfaces(network, folder):
    """Two sensors of one daemon write one file: their journals name the same place in it."""
    _, said = every_row_once(network, folder, "--max-flows", "2048")
    return said


def one_of_two_interfaces(network, folder):
    """Whoever takes over one sensor of a killed daemon must not cut off what the other one wrote into the same file."""
    prefix = folder + "/run"
    sensor = veth.Sensor(network, prefix, *network.veths[:2], "--plugins", "basic_flow,basic_stats")
    network.plug()
    network.send(3, 2)
    network.send(3, 2, pair=1)
    sensor.kill()
    refused = network.tool("attach", network.veths[0], "--plugins", "basic_flow,basic_stats", "-w", prefix, check=False)
    assert refused.returncode == 1 and network.veths[1] in refused.stderr, refused
    network.tool("detach", "--export", network.veths[1], "-w", folder + "/other")
    assert veth.packets(veth.rows(folder + "/other"), dstPort="9") == 6
    sensor = veth.Sensor(network, prefix, network.veths[0], "--plugins", "basic_flow,basic_stats")
    code, _ = sensor.stop()
    assert code == 0, sensor.said()
    assert veth.packets(veth.rows(prefix), dstPort="9") == 6


def second_of_two_interfaces(network, folder):
    """Only the second interface has a sensor to take over: the first one's flows get numbers that the second one's have not."""
    words = ("--plugins", "basic_flow,basic_stats")
    sensor = veth.Sensor(network, folder + "/run", network.veths[1], *words)
    network.plug()
    network.send(5, 2, pair=1)
    sensor.kill()
    sensor = veth.Sensor(network, folder + "/run", *network.veths[:2], *words)
    network.send(5, 2, port=10)
    network.send(5, 2, port=10, pair=1)
    code, _ = sensor.stop()
    assert code == 0, sensor.said()
    table = veth.rows(folder + "/run")
    once_each("text", table)
    assert veth.packets(table, dstPort="9") == 10 and veth.packets(table, dstPort="10") == 20


def interfaces_of_two_daemons(network, folder):
    """Each daemon numbered its flows from 1: one that would take over both is told so, and both can be taken over by themselves."""
    words = ("--plugins", "basic_flow,basic_stats")
    sensors = [veth.Sensor(network, f"{folder}/{n}", network.veths[n], *words) for n in range(2)]
    network.plug()
    for n in range(2):
        network.send(5, 2, pair=n)
        sensors[n].kill()
    refused = network.tool("attach", *network.veths[:2], *words, "-w", folder + "/both", check=False)
    assert refused.returncode == 1 and "different daemons" in refused.stderr and "detach --export" in refused.stderr, refused
    for n in range(2):
        sensor = veth.Sensor(network, f"{folder}/{n}", network.veths[n], *words)
        code, _ = sensor.stop()
        assert code == 0, sensor.said()
        assert veth.packets(veth.rows(f"{folder}/{n}"), dstPort="9") == 10


# Takes datagrams and says nothing.
COLLECTOR = """
import socket, sys
collector = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
collector.bind(('127.0.0.1', int(sys.argv[1])))
print('ready', flush=True)
while True:
    collector.recv(65535)
"""


def one_receiver_of_two_daemons(network, folder):
    """Two daemons may send to one collector and write to standard output, whether the other one runs or was killed; a file is one's."""
    words = ("--plugins", "basic_flow,basic_stats", "--sink", "netflow:udp://127.0.0.1:9996")
    collector = network.python(network.sensor, COLLECTOR, 9996, stdout=subprocess.PIPE)
    assert collector.stdout.readline()
    first = veth.Sensor(network, folder + "/a", network.veths[0], *words, output=("-w", "-"))
    second = veth.Sensor(network, folder + "/b", network.veths[1], *words, output=("-w", "-"))
    network.plug()
    network.send(4, 2)
    network.send(4, 2, pair=1)
    first.kill()
    code, _ = second.stop()
    assert code == 0, second.said()
    second = veth.Sensor(network, folder + "/c", network.veths[1], *words, output=("-w", "-"))
    code, _ = second.stop()
    assert code == 0, second.said()
    first = veth.Sensor(network, folder + "/d", network.veths[0], *words, output=("-w", "-"))
    code, rows = first.stop()
    assert code == 0 and sum(line.startswith(("A", "B")) and "\t9\t17\t" in line for line in rows.splitlines()) == 4, (code, rows)


def taken_over_twice(network, folder):
    """A flow that was alive when a daemon took over says so, though the daemon that had evicted it is killed before it could write
    the row: the next one reads it from the outbox."""
    if not shutil.which("strace"):
        raise veth.Skip("needs strace")
    prefix = folder + "/run"
    options = (network.veths[0], "--plugins", "basic_flow,basic_stats,flow_export", "--idle-timeout", "5")
    sensor = veth.Sensor(network, prefix, *options)
    network.plug()
    network.send(3, 2)
    sensor.kill()
    kill_at_the_row = ("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-P", prefix + "_flows.txt", "-e", "inject=write:signal=KILL:when=1")
    sensor = veth.Sensor(network, prefix, *options, wrapper=kill_at_the_row)
    veth.until(lambda: sensor.process.poll() is not None, "the daemon is killed at its first row")
    assert sensor.process.returncode == -signal.SIGKILL, sensor.said()
    sensor = veth.Sensor(network, prefix, *options)
    veth.until(lambda: "more were in the eviction outbox" in sensor.said(), "the outbox is read")
    assert ", 0 more were in" not in sensor.said(), sensor.said()
    network.send(3, 2, port=10)
    code, _ = sensor.stop()
    assert code == 0, sensor.said()
    table = veth.rows(prefix)
    once_each("text", table)
    adopted = lambda port: [int(row["fxStat"], 16) >> 3 & 1 for row in table if row["dstPort"] == port]
    assert adopted("9") == [1] * 3 and adopted("10") == [0] * 3, (adopted("9"), adopted("10"))


# Accepts one connection after another and appends what comes to a file, a line at a time.
RECEIVER = """
import socket, sys
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])), backlog=8)
print('ready', flush=True)
while True:
    connection, _ = listener.accept()
    with open(sys.argv[2], 'ab') as out:
        while piece := connection.recv(1 << 16):
            out.write(piece)
            out.flush()
"""


def rows_of_a_receiver(network, folder):
    """A TCP receiver gets each row at least once, whenever the daemon is killed, also while the receiver does not read. A row
    that comes twice is known by flowInd and direction."""
    prefix, got = folder + "/run", folder + "/received"
    receiver = network.python(network.sensor, RECEIVER, 6666, got, stdout=subprocess.PIPE)
    receiver.stdout.readline()
    options = (network.veths[0], "--plugins", "basic_flow,basic_stats", "--idle-timeout", "0.3", "--sink",
               "socket:tcp://127.0.0.1:6666,format=json")

    def stops_reading():
        receiver.send_signal(signal.SIGSTOP)
        time.sleep(0.3)  # rows pile up on the way

    run = Killed(network, lambda: veth.Sensor(network, prefix, *options), lambda: senders(network, FLOWS), every=0.3, before=stops_reading,
                 after=lambda: receiver.send_signal(signal.SIGCONT))
    wanted = once_each("text", veth.rows(prefix))
    received = lambda: {(str(row["flowInd"]), row["dir"]) for row in lines_of(got)}
    veth.until(lambda: received() == wanted, "the receiver has every row")
    return f"{run.kills} kills, {len(wanted)} rows"


def lines_of(path):
    """JSON lines; a piece that a dying connection cut comes again whole."""
    for line in open(path, "rb"):
        try:
            yield json.loads(line)
        except ValueError:
            pass


veth.main("fxre", (killed, killed_while_files_rotate, full_table, forced_ends_and_a_small_ring, rows_of_a_receiver, taken_over_twice), quiet=False)
veth.main("fxre", (several_interfaces, one_of_two_interfaces, second_of_two_interfaces, interfaces_of_two_daemons, one_receiver_of_two_daemons), quiet=False, pairs=2)
