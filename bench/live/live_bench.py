#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""live_bench.py BUILD [OPTION...]: what a packet costs live on a veth pair, above a program that passes every packet on.

A sender in the kernel (live_traffic) has one CPU, receiving and the flow meter share another: a kernel thread receives, so
that its time can be told. Measured is the time of both while a known number of packets of known flows arrives, in turns
for flowxdp and for Debian's softflowd and nfpcapd, where they are installed. A peer reads packets as it does by itself,
behind the same passing program. `--silent N` measures the daemon instead, while N flows say nothing. BUILD: build/release.
"""

import argparse
import csv
import json
import math
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

if len(sys.argv) < 2:
    sys.argv.append("--help")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/system"))
import veth  # noqa: E402

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
SEND_CPU, SENSOR_CPU = sorted(os.sched_getaffinity(0))[:2] if len(os.sched_getaffinity(0)) > 1 else (0, 0)
ON_SENSOR_CPU = ("taskset", "-c", str(SENSOR_CPU))


def run_time_ns(pid):
    """Of all threads. A thread that ended meanwhile is not counted; none of the meters ends one while packets come."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total


class Link:
    """The pair of interfaces, whose receiving end has a kernel thread to receive."""

    def __init__(self, network, build, batch):
        self.network, self.build, self.batch = network, build, batch
        self.name = network.veths[0]

    def receiver(self):
        """Its process id. There is a new one with each XDP program, which the interface must have."""
        self.network.inside(self.network.sensor, "unshare", "--mount", "sh", "-c",
                            f"mount -t sysfs none /sys && echo 1 > /sys/class/net/{self.name}/threaded")
        for process in os.listdir("/proc"):
            try:
                with open(f"/proc/{process}/comm") as file:
                    if process.isdigit() and file.read().startswith(f"napi/{self.name}-"[:15]):
                        os.sched_setaffinity(int(process), {SENSOR_CPU})
                        # Before processes, as in an interrupt. Otherwise the pair's ring overflows while they run.
                        os.setpriority(os.PRIO_PROCESS, int(process), -20)
                        return int(process)
            except OSError:
                pass
        raise SystemExit("live_bench: no kernel thread receives; is the interface's XDP program in generic mode?")

    def received(self):
        found = json.loads(self.network.ip(self.network.sensor, "-j", "-s", "link", "show", self.name).stdout)
        return found[0]["stats64"]["rx"]["packets"]

    def send(self, order, flows, packets, rate):
        """Returns how many arrived."""
        before = self.received()
        self.network.inside(self.network.sender, "taskset", "-c", str(SEND_CPU), self.build / "bin/live_traffic", self.network.peers[0],
                            order, str(flows), str(packets), str(rate), str(self.batch))
        last = -1
        while last != (now := self.received()):
            last = now
            time.sleep(0.05)
        return last - before

    def first(self, flows):
        """Sends a few packets until one arrives; returns how many did. A pair that just got its program may not receive yet."""
        for _ in range(40):
            if arrived := self.send("uniform", flows, 64, 100000):
                return arrived
        raise SystemExit("live_bench: nothing arrives on the veth pair")

    def pass_on(self, on):
        program = ("obj", self.build / "lib/bench/send.bpf.o", "program", "pass") if on else ("off",)
        self.network.ip(self.network.sensor, "link", "set", "dev", self.name, "xdp", *program)


class Passing:
    """The yardstick: the program that passes packets on, and nobody who reads them."""

    title = "XDP_PASS alone"

    def __init__(self, link, folder, flows):
        self.link = link
        link.pass_on(True)

    def pid(self):
        return None

    def stop(self):
        """How many packets it counted; None when it does not count."""
        self.link.pass_on(False)


class Flowxdp:
    title = "flowxdp"

    def __init__(self, link, folder, flows):
        self.sensor = veth.Sensor(link.network, folder + "/rows", link.name, "--mode", "native", wrapper=ON_SENSOR_CPU)

    def pid(self):
        return self.sensor.process.pid

    def stop(self):
        code, report = self.sensor.stop()
        if code:
            raise SystemExit(f"live_bench: the sensor ended with {code}: {self.sensor.said()}")
        return veth.ledger(report)["seen"]


class Capturing:
    """A peer that opens a packet socket."""

    def __init__(self, link, folder, flows):
        self.link, self.folder = link, folder
        link.pass_on(True)
        self.process = link.network.start(link.network.sensor, *ON_SENSOR_CPU, *self.words(flows), stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL)
        veth.until(self.listens, f"{self.title} listens")

    def listens(self):
        if self.process.poll() is not None:
            raise SystemExit(f"live_bench: {self.title} ended with {self.process.returncode}")
        with open(f"/proc/{self.process.pid}/net/packet") as file:
            return len(file.readlines()) > 1

    def pid(self):
        return self.process.pid

    def stop(self):
        counted = self.counted()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.link.pass_on(False)
        return counted if counted is not None else self.counted_at_end()

    def counted(self):
        return None

    def counted_at_end(self):
        return None


class Softflowd(Capturing):
    title = "softflowd"
    program = "softflowd"

    def words(self, flows):
        return ("softflowd", "-i", self.link.name, "-d", "-m", str(max(8192, 2 * flows)), "-n", "127.0.0.1:9", "-v", "9",
                "-p", self.folder + "/pid", "-c", self.folder + "/ctl")

    def counted(self):
        said = veth.run("softflowctl", "-c", self.folder + "/ctl", "statistics", env={**os.environ, "PATH": PATH}).stdout
        return int(re.search(r"Packets processed: (\d+)", said)[1])


class Nfpcapd(Capturing):
    title = "nfpcapd"
    program = "nfpcapd"

    def words(self, flows):
        os.mkdir(self.folder + "/nf")
        return ("nfpcapd", "-i", self.link.name, "-w", self.folder + "/nf")

    def counted_at_end(self):
        done = veth.run("nfdump", "-R", self.folder + "/nf", "-I", env={**os.environ, "PATH": PATH}, check=False)
        said = re.search(r"^Packets: (\d+)", done.stdout, re.M)
        if done.returncode or not said:  # nfdump 1.7.1 may end by SIGSEGV where nfpcapd was stopped early
            print(f"live_bench: nfdump ended with {done.returncode}: what nfpcapd counted is not known", file=sys.stderr)
            return math.nan
        return int(said[1])


def costs(meter, link, options, flows):
    """(receiver's, process's) nanoseconds for each packet that arrived; the share of what was sent that arrived, and that the
    meter counted."""
    with tempfile.TemporaryDirectory(prefix="flowxdp_live_bench_") as folder:
        os.chmod(folder, 0o755)
        running = meter(link, folder, flows)
        receiver, pid = link.receiver(), running.pid()
        warmed = link.first(flows) + link.send("uniform", flows, max(4 * flows, options.packets // 4), options.rate)
        before = run_time_ns(receiver), run_time_ns(pid) if pid else 0
        arrived = link.send("uniform", flows, options.packets, options.rate)
        after = run_time_ns(receiver), run_time_ns(pid) if pid else 0
        counted = running.stop()
    return {"receiver": (after[0] - before[0]) / arrived, "process": (after[1] - before[1]) / arrived,
            "arrived": arrived / options.packets, "counted": 1 if counted is None else counted / (warmed + arrived)}


def compare(link, options, meters, table):
    for flows in options.flows:
        found = {meter: [] for meter in meters}
        for _ in range(options.rounds):
            for meter in meters:
                found[meter].append(costs(meter, link, options, flows))
        total = {meter: [cost["receiver"] + cost["process"] for cost in found[meter]] for meter in meters}
        yardstick = total[Passing]
        for meter in meters:
            least = min(found[meter], key=lambda cost: cost["receiver"] + cost["process"])
            table.add(flows=flows, meter=meter.title, receiver=least["receiver"], process=least["process"],
                      above=min(total[meter]) - min(yardstick),
                      median=statistics.median(mine - base for mine, base in zip(total[meter], yardstick)),
                      noise=max(yardstick) - min(yardstick), arrived=min(cost["arrived"] for cost in found[meter]),
                      counted=min((cost["counted"] for cost in found[meter] if not math.isnan(cost["counted"])), default=math.nan))


def silent(link, options, table):
    """The daemon's share of a core while all flows are silent."""
    with tempfile.TemporaryDirectory(prefix="flowxdp_live_bench_") as folder:
        os.chmod(folder, 0o755)
        # At 7/8 the daemon would begin to evict.
        sensor = veth.Sensor(link.network, folder + "/rows", link.name, "--mode", "native", "--max-flows",
                             str(options.silent * 5 // 4), wrapper=ON_SENSOR_CPU)
        link.receiver()
        alive = 0
        for _ in range(20):  # the same flows again, for those whose packet did not arrive
            if alive < options.silent:
                link.send("new", 1, options.silent, options.rate)
                alive = link.network.status(link.name)[0]["live_flows"]
        shares = []
        for _ in range(options.rounds):
            began, before = time.monotonic_ns(), run_time_ns(sensor.process.pid)
            time.sleep(options.seconds)
            shares.append((run_time_ns(sensor.process.pid) - before) / (time.monotonic_ns() - began))
        sensor.kill()  # rows of a million flows are not what is measured
        link.network.tool("detach", link.name, check=False)
        table.add(flows=alive, meter="daemon, silent flows", least=100 * min(shares), median=100 * statistics.median(shares),
                  noise=100 * (max(shares) - min(shares)))


class Table:
    """Rows of a table for people, or as comma-separated values."""

    def __init__(self, as_csv, **formats):
        self.formats = formats
        self.csv = csv.DictWriter(sys.stdout, formats) if as_csv else None
        if self.csv:
            self.csv.writeheader()
        else:
            print("".join(re.sub(r"[.]\d.}$", "}", how).format(column) for column, how in formats.items()), flush=True)

    def add(self, **cells):
        if self.csv:
            self.csv.writerow({column: round(cell, 4) if isinstance(cell, float) else cell for column, cell in cells.items()})
        else:
            print("".join(how.format(cells[column]) for column, how in self.formats.items()))
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--flows", type=lambda text: [int(word) for word in text.split(",")], default=[1024, 65536])
    parser.add_argument("--rate", type=int, default=600000, help="packets a second [600000]")
    parser.add_argument("--batch", type=int, default=16, help="packets for which the receiver wakes once [16]")
    parser.add_argument("--packets", type=int, default=1200000, help="of a run [1200000]")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--silent", type=int, metavar="N", help="measure the daemon with N silent flows")
    parser.add_argument("--seconds", type=float, default=10, help="of a round with --silent [10]")
    parser.add_argument("--csv", action="store_true")
    options = parser.parse_args()
    options.build = options.build.resolve()
    if SEND_CPU == SENSOR_CPU:
        raise veth.Skip("it needs two CPUs, one sends and one receives")
    meters = [Passing, Flowxdp, *(peer for peer in (Softflowd, Nfpcapd) if shutil.which(peer.program, path=PATH))]
    with veth.Network(options.build / "bin/flowxdp", "lb") as network:
        link = Link(network, options.build, options.batch)
        if options.silent:
            silent(link, options, Table(options.csv, flows="{:>8}", meter="  {:<22}", least="{:>9.2f}", median="{:>9.2f}",
                                        noise="{:>9.2f}"))
        else:
            compare(link, options, meters,
                    Table(options.csv, flows="{:>8}", meter="  {:<22}", receiver="{:>9.0f}", process="{:>9.0f}", above="{:>9.0f}",
                          median="{:>9.0f}", noise="{:>9.0f}", arrived="{:>9.1%}", counted="{:>9.1%}"))


if __name__ == "__main__":
    try:
        main()
    except veth.Skip as skip:
        print("live_bench:", skip, file=sys.stderr)
        sys.exit(77)
