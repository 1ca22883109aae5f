#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""export_bench.py BUILD [--flows N] [--rounds N]: what ended flows cost on their way into datagrams on loopback.

Replays the input `many` of replay_bench with a sink that skips every row, with the encoder alone (a file that keeps nothing), and
with exporters towards nfcapd. CPU time of the whole process, minimum of interleaved rounds; what a sink costs is the difference
to the one that skips. BUILD: build/release.
"""

import argparse
import csv
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/export"))
import collectors  # noqa: E402


def cpu_seconds(words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, report


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--flows", type=int, default=250000, help="biflows, at most a million")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--csv", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowxdp_export_bench_") as folder:
        capture = folder + "/many.pcap"
        subprocess.run([arguments.build / "bin/replay_bench", "make", "many", capture, str(1000000 // arguments.flows)], check=True,
                       stdout=subprocess.DEVNULL)
        collector = collectors.Nfcapd(folder)
        columns = "--plugins basic_flow,basic_stats,flow_export".split()
        variants = {
            "rows that a sink skips": ["--plugin", "tcp_win", "--sink", f"tcp_win:unix:{folder}/nobody,min_packets=4294967295,drain=0"],
            "IPFIX, encoder alone": ["--sink", "ipfix:file:/dev/null"],
            "IPFIX over UDP": ["--sink", f"ipfix:udp://127.0.0.1:{collector.port},domain="],
            "IPFIX over UDP, biflows": ["--sink", f"ipfix:udp://127.0.0.1:{collector.port},biflow=1,domain="],
            "NetFlow v9": ["--sink", f"netflow:udp://127.0.0.1:{collector.port},domain="],
        }
        times, rows, domain = {name: [] for name in variants}, 0, 0
        for _ in range(arguments.rounds):
            for name, options in variants.items():
                domain += 1  # sequence numbers begin anew
                sink = options[-1] + (str(domain) if options[-1].endswith("=") else "")
                seconds, report = cpu_seconds([arguments.build / "bin/flowxdp", "replay", capture, *columns,
                                               *options[:-1], sink])
                times[name].append(seconds)
                rows = int(report.split(" rows, ")[0].split()[-1])
        collector.drained()
        drops = collector.drops()
        collector.stop()
        yardstick = times["rows that a sink skips"]
        base = min(yardstick)
        found = []
        for name, seconds in times.items():
            sink_seconds = min(seconds) - base
            found.append({"variant": name, "cpu_s": min(seconds), "cpu_x": min(seconds) / base,
                          "cpu_x_median": statistics.median(mine / skipped for mine, skipped in zip(seconds, yardstick)),
                          "noise": max(yardstick) / base - 1, "rows_per_s": rows / sink_seconds if sink_seconds > 0 else "",
                          "flows_arrived": collector.flows, "datagrams_dropped": drops, "sequence_errors": collector.sequence_errors})
        if arguments.csv:
            writer = csv.DictWriter(sys.stdout, found[0])
            writer.writeheader()
            writer.writerows(found)
            return
        print(f"{rows} rows; collector: {collector.flows} flows, {drops} datagrams dropped, {collector.sequence_errors} sequence errors")
        for row in found:
            rate = f"{row['rows_per_s'] / 1e6:8.2f} M rows/s a core" if row["rows_per_s"] else ""
            print(f"{row['variant']:26} {row['cpu_s']:7.2f} s CPU  {row['cpu_x']:5.2f} x  {rate}")


if __name__ == "__main__":
    try:
        main()
    except collectors.Missing as missing:
        print("export_bench:", missing, file=sys.stderr)
        sys.exit(77)
