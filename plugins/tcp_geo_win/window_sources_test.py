#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""window_sources_test.py FLOWXDP EXAMPLES: small TCP windows by source, from whole replays.

For every capture of FLOWXDP_CORPUS (default SOURCE/../shared/corpus/selected) and EXAMPLES: windows below the threshold by source
address equal tshark's count over the packets; the summary file of tcp_geo_win and the last report of the tcp_win sink hold, for
each source, its worst flow, in order of appearance, by arithmetic on the flow file; a full list goes on with the newest.
Exit 77 without tshark.
"""

import collections
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

FLOWXDP = sys.argv[1]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
THRESHOLD, MIN_PACKETS = 100, 3


def tshark_counts(capture):
    """Packets with a small window by innermost source address."""
    out = subprocess.run(["tshark", "-r", str(capture), "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-Y",
                          f"tcp.window_size_value < {THRESHOLD}", "-T", "fields", "-e", "ip.src", "-e", "ipv6.src", "-e",
                          "frame.protocols", "-e", "tcp.window_size_value"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True).stdout
    counts = collections.Counter()
    for line in out.splitlines():
        v4, v6, protocols, windows = line.split("\t")
        last = [p for p in protocols.split(":") if p in ("ip", "ipv6")][-1]
        small = int(windows.split(",")[-1]) < THRESHOLD
        counts[(v4 if last == "ip" else v6).split(",")[-1]] += small
    return +counts


def rows(prefix):
    with open(prefix + "_flows.txt") as file:
        names = file.readline().lstrip("%").rstrip("\n").split("\t")
        return [dict(zip(names, line.rstrip("\n").split("\t"))) for line in file]


def worst_flows(table, most):
    """IP -> (packets, ratio), oldest first; the one that came first leaves a full list."""
    worst = {}
    for row in table:
        packets, small = int(row["pktsSnt"]), int(row["tcpWinThCnt"])
        if row["l4Proto"] != "6" or row["srcIP"] == "-" or not small or packets < MIN_PACKETS:
            continue
        ip = row["srcIP"]
        if ip not in worst and len(worst) == most:
            del worst[next(iter(worst))]
        if ip not in worst or small / packets > worst[ip][1]:
            worst[ip] = (packets, small / packets)
    return [f"{ip}\t{packets}\t{ratio:.6f}" for ip, (packets, ratio) in worst.items()]


class Sink:
    """nc -l -p PORT."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.octets = b""
        self.thread = threading.Thread(target=self.receive, daemon=True)
        self.thread.start()

    def receive(self):
        peer, _ = self.listener.accept()
        while chunk := peer.recv(65536):
            self.octets += chunk

    def reports(self):
        self.thread.join(30)
        return [part.decode().split("\n") for part in self.octets.split(b"\0") if part]


def check(capture, prefix, most):
    sink = Sink()
    options = f"min_packets={MIN_PACKETS},max_entries={most}"
    done = subprocess.run([FLOWXDP, "replay", str(capture), "-w", prefix, "--plugin", f"tcp_win:threshold={THRESHOLD}", "--plugin",
                           f"tcp_geo_win:{options}", "--sink", f"tcp_win:tcp://127.0.0.1:{sink.port},interval=1,{options}"],
                          capture_output=True, text=True)
    assert done.returncode in (0, 3), (capture, done.stderr)
    table = rows(prefix)
    wanted = worst_flows(table, most)
    summary = pathlib.Path(prefix + "_tcpwin.txt").read_text().splitlines()
    assert summary[0].startswith("# IP\tpktTcpCnt\twinRelThCnt"), summary[0]
    assert ["\t".join(line.split("\t")[:3]) for line in summary[1:]] == wanted, (capture.name, summary, wanted)
    if wanted:
        worst = max(float(line.split("\t")[2]) for line in wanted)
        assert "tcpGeoWin: Worst source IP: " in done.stdout and f"{100 * worst:.2f}% of " in done.stdout, done.stdout
    # Reports are of their time: each is what the rows up to then give, so rows of the list at some row.
    prefixes, reports = {(): 0}, sink.reports()
    for n in range(len(table) + 1):
        prefixes[tuple(worst_flows(table[:n], most))] = n
    for report in reports:
        assert report[0].startswith("# ") and report[1] == "# IP\tpktTcpCnt\twinRelThCnt" and report[-2:] == ["", ""], report
        assert tuple(report[2:-2]) in prefixes, (capture.name, report)
    return table, len(wanted), len(reports)


def main():
    if not shutil.which("tshark"):
        print("SKIP: tshark is not installed")
        return 77
    corpus = pathlib.Path(os.environ.get("FLOWXDP_CORPUS") or SOURCE.parent / "shared/corpus/selected")
    captures = sorted(f for f in corpus.iterdir() if f.is_file()) if corpus.is_dir() else []
    captures += sorted(pathlib.Path(sys.argv[2]).glob("*.pcap"))
    sources = reports = packets = 0
    failed = []
    with tempfile.TemporaryDirectory(prefix="flowxdp_window_") as folder:
        for capture in captures:
            table, listed, sent = check(capture, folder + "/run", 1000000)
            check(capture, folder + "/full", 2)
            ours = collections.Counter()
            for row in table:
                ours[row["srcIP"]] += int(row["tcpWinThCnt"])
            if +ours != tshark_counts(capture):
                failed.append((capture.name, +ours, tshark_counts(capture)))
            sources, reports, packets = sources + listed, reports + sent, packets + sum(ours.values())
    print(f"{len(captures)} captures, {packets} packets with a small window, {sources} sources listed, {reports} reports")
    for name, ours, tshark in failed:
        print("FAILED:", name, "ours - tshark:", dict(ours - tshark), "tshark - ours:", dict(tshark - ours))
    return bool(failed) or not (sources and reports)


if __name__ == "__main__":
    sys.exit(main())
