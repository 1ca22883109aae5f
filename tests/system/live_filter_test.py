#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""live_filter_test.py FLOWXDP: a filter expression on a live interface, a veth pair between two namespaces of its own.

Facts: with `udp port 53` rows hold DNS flows alone, every other frame is counted as filtered and still arrives; the books
balance; status says the filter; a sensor that a killed daemon left is not taken over with another filter, and is with the
same; -F reads the expression; -S cuts what is looked at; what cannot be compiled or cannot run in the kernel is refused
before anything is attached. Exit 77 without the right to make namespaces and load BPF programs.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

FLOWXDP = sys.argv[1]
PATIENCE = float(os.environ.get("FLOWXDP_PATIENCE", "1"))
TAG = f"ff{os.getpid() % 100000}"
SENDER, SENSOR = TAG + "a", TAG + "b"
VETH_A, VETH_B = "fa" + TAG[2:], "fb" + TAG[2:]
PINS = "/sys/fs/bpf/flowxdp/" + VETH_B

# 20 datagrams to port 53 from 4 sockets, 30 to port 9999 from one.
SEND = """
import socket
for flow in range(4):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('192.0.2.1', 20000 + flow))
    for _ in range(5):
        s.sendto(b'q' * 40, ('192.0.2.2', 53))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('192.0.2.1', 30000))
for _ in range(30):
    s.sendto(b'x', ('192.0.2.2', 9999))
"""
RECEIVE = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('192.0.2.2', 9999))
s.settimeout(20)
print('ready', flush=True)
for _ in range(30):
    s.recv(10)
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


def tear_down():
    subprocess.run([FLOWXDP, "detach", VETH_B], capture_output=True)
    for namespace in (SENDER, SENSOR):
        subprocess.run(["ip", "netns", "del", namespace], capture_output=True)


def set_up():
    if os.geteuid() != 0:
        print("SKIP: needs root for network namespaces and XDP")
        sys.exit(77)
    for namespace in (SENDER, SENSOR):
        if subprocess.run(["ip", "netns", "add", namespace], capture_output=True).returncode:
            print("SKIP: cannot make a network namespace here")
            tear_down()
            sys.exit(77)
    run("ip", "link", "add", VETH_A, "netns", SENDER, "type", "veth", "peer", "name", VETH_B, "netns", SENSOR)
    for namespace, veth, address in ((SENDER, VETH_A, "192.0.2.1/24"), (SENSOR, VETH_B, "192.0.2.2/24")):
        run("ip", "-n", namespace, "addr", "add", address, "dev", veth)
        run("ip", "-n", namespace, "link", "set", veth, "up")


class Sensor:
    def __init__(self, prefix, *options):
        self.prefix = prefix
        self.report = open(prefix + "_report", "w+")
        self.errors = open(prefix + "_errors", "w+")
        self.process = inside(SENSOR, FLOWXDP, "attach", VETH_B, "-w", prefix, *options, stdout=self.report,
                              stderr=self.errors)
        until(lambda: "XDP program" in self.said() or self.process.poll() is not None, "the sensor is attached")
        if self.process.poll() == 77:
            print("SKIP:", self.said())
            tear_down()
            sys.exit(77)
        assert self.process.poll() is None, "the sensor did not start: " + self.said()

    def said(self):
        # By a descriptor of its own: that of the sensor shares its position, and a seek makes it write over its words.
        with open(self.errors.name) as file:
            return file.read()

    def stop(self):
        """Exit code, ledger as (seen, in flows, filtered), rows."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=60 * PATIENCE)
        self.report.seek(0)
        report = self.report.read()
        ledger = re.search(r"Ledger: (\d+) packets = (\d+) in flows \+ (\d+) filtered \+ 0 short frames \+ 0 of "
                           r"unsupported link types \+ 0 unattributed$", report, re.M)
        assert ledger, "no balanced ledger in the report:\n" + report
        seen, in_flows, filtered = map(int, ledger.groups())
        assert seen == in_flows + filtered, ledger.group()
        assert not os.path.exists(PINS), "pins are left behind"
        with open(self.prefix + "_flows.txt") as file:
            names = file.readline().lstrip("%").rstrip("\n").split("\t")
            rows = [dict(zip(names, line.rstrip("\n").split("\t"))) for line in file]
        assert sum(int(row["pktsSnt"]) for row in rows) == in_flows
        return code, seen, filtered, rows


def send():
    """Sends, and sees that frames which the sensor refuses reach their receiver."""
    receiver = inside(SENSOR, sys.executable, "-c", RECEIVE, stdout=subprocess.PIPE, text=True)
    assert receiver.stdout.readline() == "ready\n"
    assert inside(SENDER, sys.executable, "-c", SEND).wait() == 0
    assert receiver.wait(timeout=30 * PATIENCE) == 0


def refused(*options):
    """Exit code and message of an attach that must not start."""
    result = subprocess.run(["nsenter", f"--net=/run/netns/{SENSOR}", FLOWXDP, "attach", VETH_B, *options],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode, "attached with " + " ".join(options)
    return result.returncode, result.stderr


def only_dns(folder):
    sensor = Sensor(os.path.join(folder, "dns"), "udp", "port", "53")
    assert "filter 'udp port 53'" in sensor.said()
    send()
    assert "filter   udp port 53" in run(FLOWXDP, "status", VETH_B)
    status = json.loads(run(FLOWXDP, "status", "--json", VETH_B))
    assert [s["filter"] for s in status] == ["udp port 53"], status
    assert status[0]["counters"]["packets_filtered"] >= 30, status
    code, seen, filtered, rows = sensor.stop()
    assert code == 0
    assert len(rows) == 4 and all(row["dstPort"] == "53" and row["pktsSnt"] == "5" for row in rows), rows
    assert seen - filtered == 20 and filtered >= 30


def filter_from_a_file(folder):
    path = os.path.join(folder, "expression")
    with open(path, "w") as file:
        file.write("# everything but DNS\nnot port 53\nand udp\n")
    sensor = Sensor(os.path.join(folder, "file"), "-F", path)
    send()
    code, _, filtered, rows = sensor.stop()
    assert code == 0 and filtered >= 20
    sent = [row for row in rows if row["srcIP"] == "192.0.2.1" and row["dstIP"] == "192.0.2.2"]
    assert len(sent) == 1 and sent[0]["dstPort"] == "9999" and sent[0]["pktsSnt"] == "30", rows


def taken_over(folder):
    prefix = os.path.join(folder, "over")
    sensor = Sensor(prefix, "udp port 53")
    sensor.process.send_signal(signal.SIGKILL)
    sensor.process.wait()
    for other in (["udp port 54"], [], ["-S", "60", "udp port 53"]):
        code, message = refused("-w", os.path.join(folder, "other"), *other)
        assert code == 1 and "filter 'udp port 53'" in message and "flowxdp detach" in message, (code, message)
    send() # nobody serves it; the kernel goes on counting and filtering
    sensor = Sensor(prefix, "udp port 53")
    assert "took over" in sensor.said() or "taken over" in sensor.said()
    code, seen, filtered, rows = sensor.stop()
    assert code == 0 and len(rows) == 4 and seen - filtered == 20 and filtered >= 30, (code, seen, filtered, rows)


def snap_length(folder):
    """Ethernet 14, IPv4 20, UDP 8: with 34 bytes no port is seen, with 42 every port, and no payload."""
    sensor = Sensor(os.path.join(folder, "short"), "-S", "34", "udp port 53")
    send()
    code, seen, filtered, rows = sensor.stop()
    assert code == 0 and seen == filtered and not rows, rows
    sensor = Sensor(os.path.join(folder, "long"), "-S", "42", "udp port 53", "-s")
    send()
    code, seen, filtered, rows = sensor.stop()
    assert code == 0 and len(rows) == 4 and seen - filtered == 20, rows
    with open(os.path.join(folder, "long_packets.txt")) as file:
        assert "qqqq" not in file.read(), "payload behind the snap length"


def refused_expressions(folder):
    del folder
    code, message = refused("udp prt 53")
    assert code == 2 and "syntax error" in message and "udp prt 53" in message, (code, message)
    code, message = refused("ip6", "protochain", "6")
    assert code == 2 and "jumps backward" in message and "replay" in message, (code, message)
    assert not os.path.exists(PINS)


def main():
    set_up()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for test in (only_dns, filter_from_a_file, taken_over, snap_length, refused_expressions):
                test(folder)
                print("ok:", test.__name__)
    finally:
        tear_down()


main()
