#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""live_test.py FLOWXDP: the live sensor on a veth pair between two network namespaces of its own.

Facts: the ledger balances; the rows hold every packet the interface received while the sensor was attached; a daemon
killed with SIGKILL again and again loses nothing and writes nothing twice; a clean stop leaves no program and no pin.
Exit 77 without the right to make namespaces and load BPF programs.
"""
import collections
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

FLOWXDP = sys.argv[1]
PATIENCE = float(os.environ.get("FLOWXDP_PATIENCE", "1"))
TAG = f"fx{os.getpid() % 100000}"
SENDER, SENSOR = TAG + "a", TAG + "b"
VETH_A, VETH_B = "va" + TAG[2:], "vb" + TAG[2:]
PINS = "/sys/fs/bpf/flowxdp/" + VETH_B

SEND_UDP = """
import socket, sys, time
flows, packets = int(sys.argv[1]), int(sys.argv[2])
for n in range(flows):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('192.0.2.1', 0))
    for _ in range(packets):
        s.sendto(b'x', ('192.0.2.2', 10000 + n % 50000))
    s.close()
    if n % 50 == 0:
        time.sleep(0.005)
"""


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def inside(namespace, *words, **more):
    return subprocess.Popen(["nsenter", f"--net=/run/netns/{namespace}", *words], **more)


def until(condition, what, seconds=20):
    end = time.monotonic() + seconds * PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain until " + what)
        time.sleep(0.02)


def set_up():
    if os.geteuid() != 0:
        print("SKIP: needs root for network namespaces and XDP")
        sys.exit(77)
    for namespace in (SENDER, SENSOR):
        if subprocess.run(["ip", "netns", "add", namespace], capture_output=True).returncode:
            print("SKIP: cannot make a network namespace here")
            sys.exit(77)
    run("ip", "link", "add", VETH_A, "netns", SENDER, "type", "veth", "peer", "name", VETH_B, "netns", SENSOR)
    for namespace, veth, address in ((SENDER, VETH_A, "192.0.2.1/24"), (SENSOR, VETH_B, "192.0.2.2/24")):
        run("ip", "-n", namespace, "addr", "add", address, "dev", veth)
        run("ip", "-n", namespace, "link", "set", veth, "up")


def tear_down():
    subprocess.run([FLOWXDP, "detach", VETH_B], capture_output=True)
    for namespace in (SENDER, SENSOR):
        subprocess.run(["ip", "netns", "del", namespace], capture_output=True)


class Sensor:
    def __init__(self, prefix, *options):
        self.report = open(prefix + "_report", "w+")
        self.errors = open(prefix + "_errors", "w+")
        self.process = inside(SENSOR, FLOWXDP, "attach", VETH_B, "-w", prefix, *options, stdout=self.report,
                              stderr=self.errors)
        try:
            until(lambda: "XDP program" in self.said() or self.process.poll() is not None, "the sensor is attached")
        except AssertionError as late:
            raise AssertionError(f"{late}; it said: {self.said()}") from late
        if self.process.poll() is not None:
            if self.process.returncode == 77:
                print("SKIP:", self.said())
                tear_down()
                sys.exit(77)
            raise AssertionError("the sensor did not start: " + self.said())

    def said(self):
        # By a descriptor of its own: that of the sensor shares its position, and a seek makes it write over its words.
        with open(self.errors.name) as file:
            return file.read()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=60 * PATIENCE)
        self.report.seek(0)
        return code, self.report.read()


def rows(prefix):
    with open(prefix + "_flows.txt") as file:
        names = file.readline().lstrip("%").rstrip("\n").split("\t")
        return [dict(zip(names, line.rstrip("\n").split("\t"))) for line in file]


def check_books(report, table):
    ledger = re.search(r"Ledger: (\d+) packets = (\d+) in flows \+ (\d+) filtered \+ (\d+) short frames \+ (\d+) of "
                       r"unsupported link types \+ (\d+) unattributed$", report, re.M)
    assert ledger, "no balanced ledger in the report:\n" + report
    seen, in_flows, *none = map(int, ledger.groups())
    assert seen == in_flows and not any(none), ledger.group()
    assert sum(int(row["pktsSnt"]) for row in table) == seen, "rows hold other packets than the ledger"
    return seen


def check_gone():
    assert not os.path.exists(PINS), "pins are left behind"
    assert "xdp" not in run("ip", "-n", SENSOR, "link", "show", VETH_B), "an XDP program is left behind"


def clean_run(folder):
    prefix = os.path.join(folder, "clean")
    sensor = Sensor(prefix)
    assert inside(SENDER, sys.executable, "-c", SEND_UDP, "300", "3").wait() == 0
    code, report = sensor.stop()
    assert code == 0, (code, sensor.said())
    table = rows(prefix)
    check_books(report, table)
    udp = [row for row in table if row["l4Proto"] == "17" and row["srcIP"] == "192.0.2.1" and row["dstIP"] == "192.0.2.2"]
    assert len(udp) == 300 and all(row["pktsSnt"] == "3" for row in udp), len(udp)
    check_gone()


def killed_run(folder):
    prefix = os.path.join(folder, "killed")
    options = ("--idle-timeout", "0.3")
    sensor = Sensor(prefix, *options)
    flows = 40000 if PATIENCE == 1 else 8000  # enough for three kills
    sender = inside(SENDER, sys.executable, "-c", SEND_UDP, str(flows), "1")
    kills = 0
    while sender.poll() is None:
        time.sleep(0.7) # traffic under way, at no particular point of the daemon's round
        sensor.kill()
        kills += 1
        sensor = Sensor(prefix, *options)
    code, report = sensor.stop()
    assert code == 0 and kills >= 3, (code, kills, sensor.said())
    table = rows(prefix)
    check_books(report, table)
    twice = [key for key, n in collections.Counter((row["flowInd"], row["dir"]) for row in table).items() if n > 1]
    assert not twice, f"{len(twice)} rows are written twice"
    assert sum(row["l4Proto"] == "17" and row["srcIP"] == "192.0.2.1" for row in table) == flows
    check_gone()


def many_attaches(folder):
    prefix = os.path.join(folder, "again")
    for _ in range(10 if PATIENCE == 1 else 3):
        code, report = Sensor(prefix).stop()
        assert code == 0, report
        check_gone()


def main():
    set_up()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for test in (clean_run, killed_run, many_attaches):
                test(folder)
                print("ok:", test.__name__)
    finally:
        tear_down()


main()
