#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""top_test.py FLOWXDP: the busiest flows against the packets sent (128 IP bytes each), and the screen in a terminal."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import veth

# 400 packets in 4 s at an even pace, on a port of its own.
PACED = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('192.0.2.1', 30000))
start = time.monotonic()
for n in range(400):
    s.sendto(b'x' * 100, ('192.0.2.2', 77))
    time.sleep(max(0, start + (n + 1) / 100 - time.monotonic()))
"""


def counts(network, folder):
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name)
    for flow in range(1, 6):
        network.send(1, flow * 3, port=100 + flow)
    look = json.loads(network.tool("top", "--json", "-i", "0.1", "-o", "packets", name).stdout)
    assert [flow["packets"] for flow in look["flows"]] == [15, 12, 9, 6, 3], look
    assert [flow["octets"] for flow in look["flows"]] == [n * 128 for n in (15, 12, 9, 6, 3)]
    assert {flow["destination"] for flow in look["flows"]} == {f"192.0.2.2:{100 + n}" for n in range(1, 6)}
    assert all(flow["source"] == "192.0.2.1:20000" and flow["protocol"] == "udp" for flow in look["flows"])
    assert all(flow["packets_per_s"] == 0 for flow in look["flows"]), "nothing was sent between the looks"
    (talker,) = look["talkers"]
    assert (talker["address"], talker["packets"], talker["octets"], talker["flows"]) == ("192.0.2.1", 45, 45 * 128, 5)
    assert look["flows_alive"] == 5 and look["packets"] == 45 and look["octets"] == 45 * 142
    text = network.tool("top", "--once", "-n", "2", "-i", "0.1", "--sort", "bytes").stdout.splitlines()
    assert [line.split()[3] for line in text[2:4]] == ["192.0.2.2:105", "192.0.2.2:104"], text
    assert text[4] == "... and 3 flows more (-n N or --all shows them)" and text[5].startswith("TALKER"), text
    assert "BYTES*" in text[1] and "BYTES*" in text[5], text
    for flow in range(25):
        network.send(1, 1, port=200 + flow)
    text = network.tool("top", "--once", "-i", "0.1").stdout.splitlines()
    assert len(text) == 25 and text[22] == "... and 10 flows more (-n N or --all shows them)", text
    assert len(network.tool("top", "--once", "--all", "-i", "0.1").stdout.splitlines()) == 34
    # It disturbed nothing.
    code, report = sensor.stop()
    assert code == 0 and "Ledger: 70 packets = 70 in flows" in report, report


def rates(network, folder):
    """100 packets/s for 4 s: over one second in the middle, within what a busy machine's scheduler does to a pace."""
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name)
    sender = network.start(network.sender, sys.executable, "-c", PACED)
    veth.until(lambda: network.status(name)[0]["packets"] > 20, "packets flow")
    look = json.loads(network.tool("top", "--json", "-i", "1", name).stdout)
    flow = look["flows"][0]
    assert flow["destination"] == "192.0.2.2:77"
    came = flow["packets_per_s"] * look["interval_s"]
    assert abs(came - round(came)) < 1e-6 and 1 <= round(came) <= flow["packets"], "a rate is whole packets by time"
    assert abs(flow["bits_per_s"] - flow["packets_per_s"] * 128 * 8) < 1e-6, flow
    assert look["interval_s"] >= 1 and 0 < flow["duration_s"] < 60 and flow["idle_s"] < 5, look
    assert look["talkers"][0]["packets_per_s"] == flow["packets_per_s"]
    assert sender.wait() == 0
    code, _ = sensor.stop()
    assert code == 0 and veth.packets(veth.rows(folder + "/a"), dstPort="77") == 400


class Terminal:
    """The program on a pseudo terminal of 30 lines."""

    def __init__(self, network, *words, columns=200):
        self.seen = ""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.execvp("nsenter", ["nsenter", f"--net=/run/netns/{network.sensor}", network.flowxdp, "top", *words])
        self.pid = pid
        import fcntl
        import struct
        import termios
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))

    def read(self):
        while select.select([self.fd], [], [], 0)[0]:
            try:
                some = os.read(self.fd, 65536)
            except OSError:  # the other side is closed
                return self.seen
            self.seen += some.decode()
        return self.seen

    def shows(self, pattern, what):
        """Waits until the pattern is in what came since the last call."""
        veth.until(lambda: re.search(pattern, self.read(), re.S), f"the screen shows {what}: {self.seen[-2000:]!r}", 20)
        self.seen = ""

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def ended(self):
        found = {}

        def over():
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            found["code"] = os.waitstatus_to_exitcode(status) if pid else None
            return pid
        veth.until(over, "top ends")
        return found["code"], self.read()


def screen(network, folder):
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name)
    for flow in range(1, 4):
        network.send(1, flow * 2, port=100 + flow)
    top = Terminal(network, "-i", "0.2", "-o", "bytes")
    top.shows(r"\x1b\[\?1049h.*3 flows alive of 262144.*sorted by bytes.*:103 .*:102 .*:101 ", "flows by bytes")
    network.send(1, 9, port=101)  # the same 5-tuple: now the biggest
    top.shows(r":101 .*:103 .*:102 ", "what came meanwhile")
    top.press("s")
    top.shows(r"sorted by packets", "the next key")
    top.press("\x1b[D")
    top.shows(r"sorted by bytes", "the key before")
    top.press("\x1b[B")
    top.shows(r"BYTES[^\n]*\n[^\n]*:103 [^\n]*\n[^\n]*:102 [^:]*\x1b\[J", "one line further")
    top.press("t")
    top.shows(r"TALKER", "talkers")
    top.press("h")
    top.shows(r"left, right +sort by.*any key closes it", "the help")
    top.press("h")
    top.shows(r"TALKER", "talkers again")
    top.press("q")
    code, rest = top.ended()
    assert code == 0 and rest.endswith("\x1b[?1049l"), (code, rest[-200:])
    narrow = Terminal(network, "-i", "0.2", "-o", "bytes", columns=80)
    narrow.shows(r"PROTO +SOURCE +DESTINATION +BIT/S +PKT/S +BYTES\*[^\n]*\n[^\n]*192.0.2.1:20000 +192.0.2.2:101 +\S+ +\S+ +1.41k",
                 "addresses and numbers in 80 columns")
    narrow.press("q")
    narrow.ended()
    interrupted = Terminal(network, "-i", "0.2")
    interrupted.shows("flows alive", "flows")
    os.kill(interrupted.pid, signal.SIGINT)
    code, rest = interrupted.ended()
    assert code == 0 and rest.endswith("\x1b[?1049l"), "an interrupt leaves the terminal as it was"
    assert sensor.stop()[0] == 0
    empty = network.tool("top", "--once", "-i", "0.1", check=False)
    assert empty.returncode == 0


def under_load(network, folder):
    """Records that change, are born and evicted while they are read: no look fails, no packet is lost."""
    name = network.veths[0]
    sensor = veth.Sensor(network, folder + "/a", name, "--idle-timeout", "0.1", "--max-flows", "4096")
    sender = network.start(network.sender, sys.executable, "-c", veth.SEND_UDP, "8000", "3", "9")
    looks = 0
    while sender.poll() is None:
        look = json.loads(network.tool("top", "--json", "-i", "0.01", "-n", "5", name).stdout)
        assert not look["unreadable"] and all(flow["packets"] <= 3 for flow in look["flows"]), look
        looks += 1
    assert sender.returncode == 0 and looks
    code, _ = sensor.stop()
    assert code == 0 and veth.packets(veth.rows(folder + "/a"), l4Proto="17") == 24000, sensor.said()


veth.main("fxto", (counts, rates, screen, under_load))
