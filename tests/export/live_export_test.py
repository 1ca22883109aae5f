#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""live_export_test.py FLOWXDP: the live sensor with every network sink, and receivers that die, return and stand still.

A veth pair between two network namespaces of its own; sensor and receivers share one. Facts: every flow of the flow file
arrives or is counted as not sent, whatever a receiver does; the flow file itself lacks nothing; a collector that is started again
understands what comes next at once; a killed daemon's successor goes on with the sequence, in the files and with the same boot;
tcp_win reports without flows that end.

FLOWXDP_STALL_SECONDS: how long the collector stands still (default 2; above 10 what it cannot take is dropped and counted).
Exit 77 without the right to make namespaces and load BPF programs, or without a collector.
"""

import collections
import ctypes
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import socket
import time

import collectors
import flow_file

FLOWXDP = sys.argv[1]
STALL = float(os.environ.get("FLOWXDP_STALL_SECONDS", "2"))
TAG = f"fxe{os.getpid() % 100000}"
SENDER, SENSOR = TAG + "a", TAG + "b"
VETH_A, VETH_B = "va" + TAG[2:], "vb" + TAG[2:]

# COUNT flows of one datagram each from port FIRST on, or a TCP connection whose sender announces window 0 (raw socket).
SEND_UDP = """
import socket, sys, time
first, count = int(sys.argv[1]), int(sys.argv[2])
for n in range(first, first + count):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('192.0.2.1', n))
    s.sendto(b'x' * (n % 100), ('192.0.2.2', 9))
    s.close()
    if n % 100 == 0:
        time.sleep(0.002)
"""
SEND_TCP_WINDOW_0 = """
import frames, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 6)
for n in range(int(sys.argv[1])):
    s.sendto(frames.tcp(7777, 80, n, 1, window=0 if n % 4 == 0 else 500), ('192.0.2.2', 0))
s.sendto(frames.tcp(7777, 80, 99, 1, frames.RST, 500), ('192.0.2.2', 0))
"""


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def inside(namespace, *words, **more):
    return subprocess.Popen(["nsenter", f"--net=/run/netns/{namespace}", *words], **more)


def skip(reason):
    print("SKIP:", reason)
    sys.exit(77)


def set_up():
    if os.geteuid() != 0:
        skip("needs root for network namespaces and XDP")
    for namespace in (SENDER, SENSOR):
        if subprocess.run(["ip", "netns", "add", namespace], capture_output=True).returncode:
            skip("cannot make a network namespace here")
    run("ip", "link", "add", VETH_A, "netns", SENDER, "type", "veth", "peer", "name", VETH_B, "netns", SENSOR)
    # Nothing speaks but the tests (no IPv6, no ARP): a record of another flow may reach a collector while it stops.
    # Not `ip -n`: it remounts /, which fails in a chroot.
    for namespace, veth, address in ((SENDER, VETH_A, "192.0.2.1/24"), (SENSOR, VETH_B, "192.0.2.2/24")):
        within = ("nsenter", f"--net=/run/netns/{namespace}")
        run(*within, "sysctl", "-qw", f"net.ipv6.conf.{veth}.disable_ipv6=1")
        for words in (("addr", "add", address, "dev", veth), ("link", "set", veth, "arp", "off"), ("link", "set", veth, "up"),
                      ("link", "set", "lo", "up")):
            run(*within, "ip", *words)
    within = ("nsenter", f"--net=/run/netns/{SENSOR}")
    mac = json.loads(run(*within, "ip", "-json", "link", "show", "dev", VETH_B))[0]["address"]
    run("nsenter", f"--net=/run/netns/{SENDER}", "ip", "neigh", "replace", "192.0.2.2", "dev", VETH_A, "lladdr", mac)
    # Receivers and this process's own sockets live beside the sensor.
    with open(f"/run/netns/{SENSOR}") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")


def tear_down():
    subprocess.run([FLOWXDP, "detach", VETH_B], capture_output=True)
    for namespace in (SENDER, SENSOR):
        subprocess.run(["ip", "netns", "del", namespace], capture_output=True)


class Receiver:
    """A TCP receiver that reads to the end, dies or stands still when told. What came is in chunks, one for each connection."""

    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.chunks = []
        self.peer = None
        self.reading = threading.Event()
        self.reading.set()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                self.peer, _ = self.listener.accept()
            except OSError:
                return
            self.chunks.append(bytearray())
            try:
                while True:
                    self.reading.wait()
                    octets = self.peer.recv(65536)
                    if not octets:
                        break
                    self.chunks[-1] += octets
            except OSError:
                pass

    def die(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.peer:
            self.peer.shutdown(socket.SHUT_RDWR)
            self.peer.close()

    def text(self):
        return b"".join(self.chunks).decode(errors="replace")


class Sensor:
    def __init__(self, prefix, *options):
        self.prefix = prefix
        self.report = open(prefix + "_report", "w+")
        self.errors = open(prefix + "_errors", "w+")
        self.process = subprocess.Popen([FLOWXDP, "attach", VETH_B, "--direction", "ingress", "-w", prefix, "--json", "--idle-timeout", "0.3", "--plugin",
                                         "flow_export", *options],
                                        stdout=self.report, stderr=self.errors)
        collectors.until(lambda: "XDP program" in self.said() or self.process.poll() is not None, "the sensor is attached")
        if self.process.poll() is not None:
            if self.process.returncode == 77:
                skip(self.said())
            raise AssertionError("the sensor did not start: " + self.said())

    def said(self):
        # By a descriptor of its own: that of the sensor shares its position, and a seek makes it write over its words.
        with open(self.errors.name) as file:
            return file.read()

    def rows(self):
        return flow_file.read_rows(self.prefix) if os.path.exists(self.prefix + "_flows.txt") else []

    def ports(self):
        """UDP source ports in the flow file so far; a row may be half written."""
        try:
            return {row.flow.sport for row in self.rows() if row.flow.proto == 17 and row.flow.source == "192.0.2.1"}
        except (KeyError, TypeError, ValueError, IndexError):
            return set()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)
        self.report.seek(0)
        summary = json.loads(self.report.read())
        counters = summary["counters"]
        rows = self.rows()
        assert sum(row.flow.packets for row in rows) == counters["packets_seen"], "the flow file lacks packets"
        for sink in summary["sinks"]:
            assert sink["rows"] == sink["sent"] + sink["dropped_not_delivered"] + sink["skipped"], sink
        return rows, {sink["sink"].split(":")[0]: sink for sink in summary["sinks"]}


def send_flows(first, count):
    assert inside(SENDER, sys.executable, "-c", SEND_UDP, str(first), str(count)).wait() == 0


def udp_ports(flows):
    return {f.sport for f in flows if f.proto == 17 and f.source == "192.0.2.1"}


def receivers_die_and_return(folder):
    netflow_port = collectors.free_port()
    ipfix, text = Receiver(), Receiver()
    sensor = Sensor(str(folder / "die"), "--sink", f"netflow:udp://127.0.0.1:{netflow_port}", "--sink",
                    f"ipfix:tcp://127.0.0.1:{ipfix.port},linger=20", "--sink", f"socket:tcp://127.0.0.1:{text.port}")
    first = collectors.Nfcapd(folder / "first", port=netflow_port, options=())
    send_flows(20001, 500)
    wanted = set(range(20001, 20501))
    collectors.until(lambda: wanted <= sensor.ports(), "the first flows ended")
    time.sleep(1.5)  # the exporter holds a record for a second at most
    first.drained()
    first.stop()
    ipfix.die()
    text.die()
    send_flows(30001, 500)  # nobody listens
    collectors.until(lambda: set(range(30001, 30501)) <= sensor.ports(), "flows ended while nobody listened")
    time.sleep(1.5)
    second = collectors.Nfcapd(folder / "second", port=netflow_port, options=())
    ipfix_again, text_again = Receiver(ipfix.port), Receiver(text.port)
    send_flows(40001, 500)
    collectors.until(lambda: set(range(40001, 40501)) <= sensor.ports(), "the last flows ended")
    rows, sinks = sensor.stop()
    second.drained()
    second.stop()
    # NetFlow: what nobody took is counted, the second collector misses nothing.
    got = [collectors.nfdump_flow(r) for part in (first, second) for records in part.records().values() for r in records]
    assert set(range(20001, 20501)) | set(range(40001, 40501)) <= udp_ports(got), "flows of a collector that ran are missing"
    assert len(got) == sinks["netflow"]["sent"], (len(got), sinks["netflow"])
    assert sinks["netflow"]["dropped"] >= 500, sinks["netflow"]
    assert (first.sequence_errors, first.bad_packets, second.bad_packets) == (0, 0, 0), (first.log, second.log)
    # TCP: what was not acknowledged comes again over the next connection, templates first: each stream is an IPFIX file.
    ports, names = set(), ""
    for number, chunk in enumerate(ipfix.chunks + ipfix_again.chunks):
        path = folder / f"{number}.ipfix"
        path.write_bytes(whole_messages(chunk))
        names += collectors.run(collectors.program("ipfixDump", "libfixbuf-tools"), "--in", str(path))
        ports |= udp_ports(map(collectors.ipfix_dump_flow, collectors.ipfix_dump(path)))
    assert sinks["ipfix"]["dropped"] == 0, sinks["ipfix"]
    assert re.search(rf"interfaceName : .*{VETH_B}$", names, re.M), "no record names the live interface"
    assert ports == udp_ports(r.flow for r in rows), "flows are missing in the IPFIX streams"
    # Text: every connection begins with the header line.
    lines = [line.split("\t") for receiver in (text, text_again) for line in receiver.text().splitlines()]
    index = lines[0].index("flowInd")
    flows = {(line[0], line[index]) for line in lines if not line[0].startswith("%") and len(line) == len(lines[0])}
    assert text_again.text().startswith("%dir\t")
    assert sinks["socket"]["dropped"] == 0 and len(flows) == len(rows), (sinks["socket"], len(flows), len(rows))


def whole_messages(octets):
    at = 0
    while at + 4 <= len(octets) and at + (length := int.from_bytes(octets[at + 2:at + 4], "big")) <= len(octets) and length:
        at += length
    return bytes(octets[:at])


def receivers_stand_still(folder):
    nfcapd = collectors.Nfcapd(folder / "collector", options=())
    text = Receiver()
    sensor = Sensor(str(folder / "still"), "--sink", f"netflow:udp://127.0.0.1:{nfcapd.port},records4=1", "--sink",
                    f"socket:tcp://127.0.0.1:{text.port}")
    nfcapd.process.send(signal.SIGSTOP)
    text.reading.clear()
    send_flows(20001, 3000)
    time.sleep(STALL)
    nfcapd.process.send(signal.SIGCONT)
    text.reading.set()
    collectors.until(lambda: set(range(20001, 23001)) <= sensor.ports(), "every flow ended", seconds=60)
    rows, sinks = sensor.stop()
    nfcapd.drained()
    drops = nfcapd.drops()
    nfcapd.stop()
    got = [collectors.nfdump_flow(r) for records in nfcapd.records().values() for r in records]
    assert drops == 0, f"{drops} datagrams found the collector's buffer full"
    assert len(got) == sinks["netflow"]["sent"], (len(got), sinks["netflow"])
    if STALL < 10:  # the sink's patience
        assert sinks["netflow"]["dropped"] == 0 and nfcapd.sequence_errors == 0, (sinks["netflow"], nfcapd.log)
        assert udp_ports(got) == udp_ports(r.flow for r in rows)
    assert sinks["socket"]["dropped"] == 0, sinks["socket"]


def a_killed_daemon_is_taken_over(folder):
    nfcapd = collectors.Nfcapd(folder / "collector", options=())
    file, json_file = folder / "killed.ipfix", folder / "killed.json"
    options = ("--sink", f"netflow:udp://127.0.0.1:{nfcapd.port}", "--sink", f"ipfix:udp://127.0.0.1:{nfcapd.port}", "--sink",
               f"ipfix:file:{file}", "--sink", f"json:{json_file},origin=1")
    first = Sensor(str(folder / "killed"), *options)
    send_flows(20001, 500)
    collectors.until(lambda: set(range(20001, 20501)) <= first.ports(), "the first flows ended")
    time.sleep(1)  # rounds without rows: nothing was sent behind the last commit
    first.process.kill()
    first.process.wait()
    send_flows(30001, 500)  # the kernel goes on counting
    second = Sensor(str(folder / "killed"), *options)
    assert "taken over" in second.said(), second.said()
    send_flows(40001, 500)
    wanted = {port for start in (20001, 30001, 40001) for port in range(start, start + 500)}
    collectors.until(lambda: wanted <= second.ports(), "the last flows ended")
    rows, _ = second.stop()
    nfcapd.drained()
    nfcapd.stop()
    assert (nfcapd.sequence_errors, nfcapd.bad_packets) == (0, 0), nfcapd.log
    once = collections.Counter(row.flow.sport for row in rows if row.flow.kind == "ip")
    got = collections.Counter(collectors.nfdump_flow(r).sport for records in nfcapd.records().values() for r in records
                              if collectors.nfdump_flow(r).kind == "ip")
    assert got == once + once, "NetFlow and IPFIX together have each flow twice"  # both have domain 666
    in_file = collections.Counter(flow.sport for flow in map(collectors.ipfix_dump_flow, collectors.ipfix_dump(file)) if flow.kind == "ip")
    assert in_file == once, "the IPFIX file has each flow once"
    objects = [json.loads(line) for line in json_file.read_text().splitlines()]
    assert {o["sensor"] for o in objects} == {666} and len({o["boot"] for o in objects}) == 1, "one sensor numbered the flows"
    assert int(objects[0]["boot"], 16) != 0
    assert len({(o["boot"], o["flowInd"], o["dir"]) for o in objects}) == len(objects) == len(rows), "a key comes twice"
    # A sensor of its own has a boot of its own.
    third = Sensor(str(folder / "other"), "--sink", f"json:{folder / 'other.json'},origin=1")
    send_flows(20001, 1)
    collectors.until(lambda: 20001 in third.ports(), "a flow ended")
    third.stop()
    assert json.loads((folder / "other.json").read_text().splitlines()[0])["boot"] != objects[0]["boot"]


def tcp_win_reports_by_the_clock(folder):
    window, late = Receiver(), collectors.free_port()
    sensor = Sensor(str(folder / "win"), "--sink", f"tcp_win:tcp://127.0.0.1:{window.port},interval=1", "--sink",
                    f"tcp_win:tcp://127.0.0.1:{late},interval=1")
    assert inside(SENDER, sys.executable, "-Bc", SEND_TCP_WINDOW_0, "40", env={**os.environ, "PYTHONPATH": str(collectors.SUPPORT)}).wait() == 0
    row = "192.0.2.1\t41\t0.243902\n"  # 10 of 41 packets
    collectors.until(lambda: window.text().count(row) >= 3, "three reports came although no flow ended any more")
    receiver = Receiver(late)  # was not there at the start
    collectors.until(lambda: row in receiver.text(), "a late receiver got a report")
    _, sinks = sensor.stop()
    assert re.match(r"# \w{3} \d\d \w{3} \d{4} \d\d:\d\d:\d\d\n# IP\tpktTcpCnt\twinRelThCnt\n192", window.text()), window.text()


def main():
    set_up()
    failed = True
    try:
        with tempfile.TemporaryDirectory(prefix="flowxdp_live_export_") as folder:
            for test in (receivers_die_and_return, receivers_stand_still, a_killed_daemon_is_taken_over, tcp_win_reports_by_the_clock):
                (pathlib.Path(folder) / test.__name__).mkdir()
                test(pathlib.Path(folder) / test.__name__)
                print("ok:", test.__name__)
        failed = False
    except collectors.Missing as missing:
        skip(str(missing))
    finally:
        collectors.Process.kill_all()
        tear_down()
    return failed


if __name__ == "__main__":
    sys.exit(main())
