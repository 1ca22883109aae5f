#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""docs_live_test.py FLOWXDP: what stands behind sudo in README.md and docs/*.md, as root in network namespaces of its own.

The namespace of the sensor has the interfaces of the pages: eth0 (192.0.2.20), eth1, tap0, tap1. Commands of a page run one after
the other, in a folder with the program beside them. An attach goes on in the background: it gets three pings, and ends by a detach,
by the kill of the page, or at the end of its block. Lines shown behind a command stand in its output in order; "..." stands for any.
Numbers of processes and programs, and times, may differ. Exit 77 says what is missing.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve()
SOURCE = HERE.parents[2]
sys.path[:0] = [str(HERE.parent), str(SOURCE / "tests/system")]
import veth  # noqa: E402
from docs_examples import sessions  # noqa: E402
from pages import blocks, is_tutorial, pages  # noqa: E402

INTERFACES = ("eth0", "eth1", "tap0", "tap1")
KILL = "sudo kill -9 $(pgrep -x flowxdp)"
COLLECTORS = """
import select, socket
ports = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for port, number in zip(ports, (4739, 9995)):
    port.bind(("127.0.0.1", number))
print("ready", flush=True)
while True:
    for port in select.select(ports, [], [])[0]:
        port.recv(65536)
"""
VARIES = ((r"(program|daemon|pid|PID:|uid|ifindex) \d+", r"\1 N"), (r"\w{3} \d\d \w{3} \d{4} [\d:]{8} GMT( \(.*\))?", "DATE"),
          (r"[0-9a-f]{16}", "ID"), (r"; \d+ warnings? above", ""), ("clsact", "tcx"))


def alike(text):
    for pattern, instead in VARIES:
        text = re.sub(pattern, instead, text)
    return text


class Network(veth.Network):
    """Interfaces with the names that the pages have."""

    def __init__(self, flowxdp):
        super().__init__(flowxdp, "fxd", pairs=0)

    def set_up(self):
        super().set_up()
        for n, name in enumerate(INTERFACES):
            peer = f"{self.tag}p{n}"
            veth.run("ip", "link", "add", peer, "netns", self.sender, "type", "veth", "peer", "name", name, "netns", self.sensor)
            for namespace, device in ((self.sender, peer), (self.sensor, name)):
                self.ip(namespace, "link", "set", device, "arp", "off")
                self.ip(namespace, "link", "set", device, "up")
            if n == 0:
                self.ip(self.sender, "addr", "add", "192.0.2.10/24", "dev", peer)
                self.ip(self.sensor, "addr", "add", "192.0.2.20/24", "dev", name)
                self.introduce(self.sender, peer, "192.0.2.20", self.mac(self.sensor, name))
                self.introduce(self.sensor, name, "192.0.2.10", self.mac(self.sender, peer))
        collectors = self.python(self.sensor, COLLECTORS, stdout=subprocess.PIPE, text=True)
        assert collectors.stdout.readline() == "ready\n"

    def __exit__(self, *_):
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        for name in INTERFACES:  # in the sensor's namespace: other sensors of the machine may have these names
            self.inside(self.sensor, self.flowxdp, "detach", name, check=False)
        super().__exit__()


class Page:
    def __init__(self, path, network, work):
        self.path, self.network, self.work = path, network, work
        self.daemons = []  # that run: (process, command, lines shown, files of what it says)
        self.ran = 0

    def expect(self, holds, command, said, what):
        assert holds, f"{self.path}: {what}\n  {command}\n{said}"

    def said(self, files):
        return "".join(file.read_text() for file in files)

    def check_output(self, command, shown, said):
        at = 0
        for line in alike(shown).splitlines():
            if line == "...":
                continue
            found = alike(said).find(line, at)
            self.expect(found >= 0, command, said, f"'{line}' is not said, or not there")
            at = found + len(line)

    def attach(self, words, command, shown):
        files = [self.work / f"daemon{self.ran}_{name}" for name in ("errors", "report")]
        with open(files[0], "w") as errors, open(files[1], "w") as report:
            daemon = self.network.start(self.network.sensor, *words, stdout=report, stderr=errors, cwd=self.work)
        veth.until(lambda: "XDP program" in self.said(files) or daemon.poll() is not None, "the sensor is attached")
        self.expect(daemon.poll() is None, command, self.said(files), "it did not start")
        self.daemons.append((daemon, command, shown, files))
        self.network.inside(self.network.sender, "ping", "-q", "-c", "3", "-i", "0.2", "192.0.2.20")

    def ended(self, daemon, command, shown, files):
        """It has been told to end."""
        code = daemon.wait(timeout=60 * veth.PATIENCE)
        self.expect(code == 0, command, self.said(files), f"exit code {code}")
        self.check_output(command, shown, self.said(files))

    def kill(self):
        daemon, command, shown, files = self.daemons.pop()
        daemon.kill()
        daemon.wait()
        self.check_output(command, shown, self.said(files))

    def command(self, command, shown):
        self.ran += 1
        if command == KILL:
            return self.kill()
        self.expect("detach --all" not in command, command, "", "it would end the sensors of this machine, not only the page's")
        words = command.removeprefix("sudo ").replace("/tmp/", "tmp/")
        if words.startswith("./flowxdp attach "):
            return self.attach(words.split("#")[0].split(), command, shown)
        script = "exec nsenter --net=/run/netns/" + self.network.sensor + " " + words
        if "|" in words:
            script = script.removeprefix("exec ")
        done = subprocess.run(["bash", "-c", "set -o pipefail; " + script], cwd=self.work, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60 * veth.PATIENCE)
        self.expect(done.returncode == 0, command, done.stdout + done.stderr, f"exit code {done.returncode}")
        self.check_output(command, shown, done.stderr + done.stdout)
        if words.startswith("./flowxdp detach ") and "--export" not in words:
            interface = words.split()[2]
            found = next(d for d in self.daemons if interface in d[1].split())
            self.daemons.remove(found)
            self.ended(*found)

    def block(self, commands):
        for command, shown in commands:
            if command == KILL or command.startswith("sudo ./flowxdp "):  # the others measure for minutes
                self.command(command, shown)
            elif self.ran and not command.startswith("#"):  # a question to what a command before it wrote
                done = subprocess.run(["bash", "-c", command.replace("/tmp/", "tmp/")], cwd=self.work, capture_output=True, text=True)
                self.check_output(command, shown, done.stdout + done.stderr)
        for daemon in self.daemons:
            daemon[0].send_signal(signal.SIGTERM)
            self.ended(*daemon)
        self.daemons.clear()


def commands_of(block):
    if block.startswith("$ "):
        found = [(command.strip(), shown) for command, shown in sessions(block)]
    else:
        found = [(line.strip(), "") for line in block.splitlines()]
    return found if any(command.startswith("sudo ./flowxdp ") for command, _ in found) else []


def has_dispatcher(network):
    findings = json.loads(network.tool("doctor", "--json", check=False).stdout)
    return any(f["check"] == "dispatcher" and f["verdict"] == "ok" for f in findings)


def main():
    flowxdp = os.path.realpath(sys.argv[1])
    ran = 0
    try:
        with Network(flowxdp) as network:
            for path in pages(SOURCE):
                if is_tutorial(path):  # docs_examples.py runs it
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    work = pathlib.Path(folder)
                    (work / "flowxdp").symlink_to(flowxdp)
                    (work / "examples").symlink_to(SOURCE / "examples")
                    (work / "tmp").mkdir()
                    page = Page(path, network, work)
                    for block in blocks(path.read_text()):
                        commands = commands_of(block)
                        if any("--dispatcher" in command for command, _ in commands) and not has_dispatcher(network):
                            print(f"SKIP: {path}: this kernel has no dispatcher:", *(command for command, _ in commands))
                            continue
                        page.block(commands)
                    ran += page.ran
    except veth.Skip as missing:
        print("SKIP:", missing)
        return 77
    print(f"{ran} commands of the pages")
    assert ran >= 15, ran
    return 0


if __name__ == "__main__":
    sys.exit(main())
