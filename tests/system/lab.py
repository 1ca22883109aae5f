# SPDX-License-Identifier: BSD-2-Clause
"""lab.py: two network namespaces joined by a veth pair, a live sensor on one end, traffic from the other.

A Lab is made by set_up(), used as a context manager, and leaves nothing behind. Exit 77 without the right to make
namespaces and load BPF programs. Everything waits for conditions, never for time.
"""
import os
import re
import signal
import subprocess
import sys
import time

FLOWXDP = sys.argv[1]


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain until " + what)
        time.sleep(0.02)


def skip(why):
    print("SKIP:", why)
    sys.exit(77)


class Lab:
    def __init__(self, tag):
        tag = f"{tag}{os.getpid() % 100000}"
        self.peer, self.sensor = "fx" + tag + "a", "fx" + tag + "b"
        self.veth_peer, self.veth = "va" + tag, "vb" + tag
        self.started = []

    def __enter__(self):
        if os.geteuid() != 0:
            skip("needs root for network namespaces and XDP")
        for namespace in (self.peer, self.sensor):
            if subprocess.run(["ip", "netns", "add", namespace], capture_output=True).returncode:
                skip("cannot make a network namespace here")
        run("ip", "link", "add", self.veth_peer, "netns", self.peer, "type", "veth", "peer", "name", self.veth, "netns",
            self.sensor)
        for namespace, veth, host in ((self.peer, self.veth_peer, 1), (self.sensor, self.veth, 2)):
            self.on(namespace, "sysctl", "-qw", f"net.ipv6.conf.{veth}.router_solicitations=0")
            run("ip", "-n", namespace, "link", "set", "lo", "up")
            run("ip", "-n", namespace, "addr", "add", f"192.0.2.{host}/24", "dev", veth)
            run("ip", "-n", namespace, "addr", "add", f"2001:db8::{host}/64", "dev", veth, "nodad")
        return self

    def __exit__(self, *_):
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        subprocess.run([FLOWXDP, "detach", self.veth], capture_output=True)
        for namespace in (self.peer, self.sensor):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True)

    def up(self):
        """The cable is plugged in: with a sensor attached before, it sees every packet there ever was."""
        for namespace, veth in ((self.sensor, self.veth), (self.peer, self.veth_peer)):
            run("ip", "-n", namespace, "link", "set", veth, "up")

    def unplug(self):
        """No packet any more. Returns how many the peer's end has sent in all."""
        run("ip", "-n", self.peer, "link", "set", self.veth_peer, "down")
        return int(self.on(self.peer, "cat", f"/sys/class/net/{self.veth_peer}/statistics/tx_packets"))

    # /sys shows the namespace it was mounted in: a mount namespace of its own has to see the interface's.
    def on(self, namespace, *words, check=True):
        return subprocess.run(["ip", "netns", "exec", namespace, *words], check=check, capture_output=True,
                              text=True).stdout

    def start(self, namespace, *words, **more):
        # nsenter, not ip netns exec: that hides /sys/fs/bpf.
        process = subprocess.Popen(["nsenter", f"--net=/run/netns/{namespace}", *words], **more)
        self.started.append(process)
        return process

    def python(self, namespace, text, *words, **more):
        return self.start(namespace, sys.executable, "-c", text, *map(str, words), **more)

    def attach(self, prefix, *options, to_prefix=True):
        return Sensor(self, prefix, options, to_prefix)


class Sensor:
    def __init__(self, lab, prefix, options, to_prefix):
        self.report_file = open(prefix + "_report", "w+")
        self.error_file = open(prefix + "_errors", "w+")
        target = ["-w", prefix] if to_prefix else []
        self.process = lab.start(lab.sensor, FLOWXDP, "attach", lab.veth, *target, *options, stdout=self.report_file,
                                 stderr=self.error_file)
        until(lambda: "XDP program" in self.said() or self.process.poll() is not None, "the sensor is attached")
        if self.process.poll() == 77:
            skip(self.said())
        assert self.process.poll() is None, "the sensor did not start: " + self.said()

    def said(self):
        # A file of one's own: seeking in the daemon's would make it write over its own words.
        with open(self.error_file.name) as file:
            return file.read()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=60):
        """Exit code and report."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=seconds)
        self.report_file.seek(0)
        return code, self.report_file.read()


def rows(path):
    with open(path) as file:
        names = file.readline().lstrip("%").rstrip("\n").split("\t")
        return [dict(zip(names, line.rstrip("\n").split("\t"))) for line in file]


def ledger(report):
    """(seen, in flows, unattributed); the report must say no difference."""
    found = re.search(r"Ledger: (\d+) packets = (\d+) in flows \+ (\d+) filtered \+ (\d+) short frames \+ (\d+) of "
                      r"unsupported link types \+ (\d+) unattributed$", report, re.M)
    assert found, "no balanced ledger in the report:\n" + report
    seen, flows, filtered, short, unsupported, unattributed = map(int, found.groups())
    assert seen == flows + filtered + short + unsupported + unattributed, found.group()
    return seen, flows, unattributed
