#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""fleet.py BUILD [--sensors N] [--share N]: what a fleet's rows cost on their way, with the files of deploy/fleet.

Each sensor is a replay of the input `mix` of replay_bench with an id of its own, several at once; librdkafka's mock cluster stands for the
brokers, Debian's ClickHouse reads them. All of it runs in a network namespace of its own (root), whose loopback counts the bytes. First the
sensors send while nobody reads, then ClickHouse reads what there is. The mock keeps the newest 5 MiB of a partition: with more rows than
fit the program fails. Figures are of this machine at this moment; docs/fleet.md has some.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PLUGINS = "basic_flow,basic_stats,tcp_states,tcp_win"
PARTITIONS = 48
KEPT = 5 << 20  # bytes of a partition that the mock keeps


def loopback():
    """Bytes that went over it."""
    with open("/proc/net/dev", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.split()[0] == "lo:")


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


def send(flowxdp, sensor, capture, target, words):
    done = subprocess.run((flowxdp, "replay", capture, "-x", str(sensor), "--json", "--sink", target, *words), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(next(line for line in done.stderr.splitlines() if line.startswith("{")))
    (sink,) = report["sinks"]
    assert sink["sent"] == sink["rows"], sink
    return sink["sent"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--sensors", type=int, default=100)
    parser.add_argument("--share", type=int, default=100, help="each sensor sees one N-th of mix")
    parser.add_argument("--at-once", type=int, default=os.cpu_count())
    parser.add_argument("--compression", default="lz4")
    parser.add_argument("--readers", type=int, default=1, help="kafka_num_consumers")
    arguments = parser.parse_args()
    if "FLOWXDP_FLEET_BENCH" not in os.environ:
        os.environ["FLOWXDP_FLEET_BENCH"] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, "-B", *sys.argv])
    subprocess.run("ip link set lo up", shell=True, check=True)
    flowxdp = str(arguments.build / "bin/flowxdp")
    sys.argv[1:] = [flowxdp]  # what the tests' helpers expect
    sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "sinks/clickhouse"), str(ROOT / "tests/deploy")]
    import fleet_server
    import kafka_brokers
    import sink_server
    with tempfile.TemporaryDirectory(prefix="flowxdp_fleet_") as folder, kafka_brokers.Brokers(partitions=PARTITIONS) as brokers:
        capture = folder + "/mix.pcap"
        subprocess.run((arguments.build / "bin/replay_bench", "make", "mix", capture, str(arguments.share)), check=True, stdout=subprocess.DEVNULL)
        words = ("--plugins", PLUGINS)
        path = folder + "/rows.json"
        send(flowxdp, 1, capture, f"json:{path},origin=1", words)
        json_bytes = os.path.getsize(path) / sum(1 for _ in open(path, encoding="utf-8"))
        target = f"{brokers.target()},compression={arguments.compression},patience=120,drain=120"
        before, begun = loopback(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(arguments.at_once) as pool:
            rows = sum(pool.map(lambda sensor: send(flowxdp, sensor, capture, target, words), range(1, arguments.sensors + 1)))
        sent_seconds, sent_bytes = time.monotonic() - begun, loopback() - before
        if sent_bytes > 0.8 * PARTITIONS * KEPT:
            raise SystemExit(f"{sent_bytes} bytes are more than the mock cluster keeps: fewer sensors, or a smaller share of mix")
        with fleet_server.database(folder) as server:
            fleet_server.make_tables(server, brokers, arguments.readers)
            begun = time.monotonic()
            def read():
                return int(server.ask("SELECT sum(rows) FROM system.parts WHERE active AND table = 'flows'"))
            first = sink_server.until(read, "the first rows come", 600)
            first_seconds = time.monotonic() - begun
            sink_server.until(lambda: read() >= rows, "all rows come", 600)
            seconds = time.monotonic() - begun
            assert server.count() == rows, (server.count(), rows)
            # Of one sensor: rows of the others are the same but for their sensor, and would compress too well.
            sizes = {}
            for table in ("flows", "services_by_minute", "talkers_by_minute"):
                server.ask(f"CREATE TABLE one_{table} AS {table}")
                server.ask(f"INSERT INTO one_{table} SELECT * FROM {table} WHERE sensor = 1")
                server.ask(f"OPTIMIZE TABLE one_{table} FINAL")
                sizes[table] = int(server.ask(f"SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'one_{table}'"))
            memory = peak_mib(server.process.pid)
            print(f"sensors           {arguments.sensors}, {rows} rows in all, {arguments.at_once} at once")
            print(f"JSON              {json_bytes:.0f} bytes a row")
            print(f"to the brokers    {rows / sent_seconds:.0f} rows/s, {sent_bytes / rows:.0f} bytes a row with {arguments.compression}")
            later = (rows - first) / (seconds - first_seconds)
            print(f"into ClickHouse   {arguments.readers} readers, {rows / seconds:.0f} rows/s from an empty table, {later:.0f} rows/s after the first block")
            print("on disk           " + ", ".join(f"{table} {size * arguments.sensors / rows:.1f} bytes a row" for table, size in sizes.items()))
            print(f"memory            ClickHouse {memory:.0f} MiB at most")
            print(f"machine           {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
