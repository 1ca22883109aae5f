#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Replays every capture of the corpus and compares flows and counts with those that tshark's dissectors give.

    compare_oracle.py --flowxdp BIN [--odd] [--differences FILE] [--jobs N] [--option=ARG ...] [CAPTURE...]

FLOWXDP_CORPUS (a folder with captures, default SOURCE/../shared/corpus) and FLOWXDP_ORACLE (oracle_flows.py, default
SOURCE/../shared/oracle/oracle_flows.py) say where the other side is. CAPTURE: only these files, in the corpus or not;
--odd: those that odd_packets.py makes.
--print-differences writes what differs as rows for differences.tsv, reasons left open.
--causes, for captures that nobody has listed: a difference with a cause that causes.py can check is explained, and counted by cause.

Exit 0: no difference but the listed ones. 1: another one, a listed one that is gone, or the sensor failed. 2: usage.
77: corpus, oracle or tshark is not there.
"""

import argparse
import collections
import concurrent.futures
import ipaddress
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "support"))

import causes  # noqa: E402
import odd_packets  # noqa: E402
import remembered  # noqa: E402

SKIPPED = 77
THRESHOLDS = (1, 100)
PLUGINS = "basic_flow,basic_stats,flow_export,tcp_win"
FIELDS = ("pkts_lo", "pkts_hi", "octets_lo", "octets_hi", "last", "win1_lo", "win1_hi", "win100_lo", "win100_hi")
TOTALS = ("packets", "tcp", "udp", "icmp", "icmpv6", "other_ip", "arp", "non_ip", "no_flow", "win1", "win100")
ANY_CAPTURE_SUFFIX = (".pcap", ".pcapng", ".cap", ".gz", ".zst")

Difference = collections.namedtuple("Difference", "capture what oracle ours")


class Failure(Exception):
    """The sensor or the oracle gave nothing to compare."""


def endpoint(address, port):
    number = ipaddress.ip_address(address)
    return (number.version, int(number), int(port)), f"{number},{int(port)}"


class Flows:
    """Biflows by a key without direction and the time of their first packet."""

    def __init__(self):
        self.by_key = collections.defaultdict(list)
        self.biflows = []

    def add(self, vlan, proto, source, destination, counts, times, headers=()):
        """counts: name -> (of source, of destination). headers: hdrDesc of our rows."""
        source, destination = endpoint(*source), endpoint(*destination)
        swap = source[0] > destination[0]
        lo, hi = (destination, source) if swap else (source, destination)
        row = dict(zip(("first", "last"), times))
        for name, (sent, received) in counts.items():
            row[f"{name}_lo"], row[f"{name}_hi"] = (received, sent) if swap else (sent, received)
        self.by_key[f"vlan {vlan} proto {proto} {lo[1]} {hi[1]} at {row['first']}"].append(row_text(row))
        ends = [(text.rpartition(",")[0], number[2]) for number, text in (lo, hi)]
        self.biflows.append(causes.Biflow(vlan, int(proto), *ends, *times, {name: sum(both) for name, both in counts.items()}, headers))

    def rows(self):
        """Two that began in the same instant stand in one text, in an order of their own."""
        return {key: " & ".join(sorted(rows)) for key, rows in self.by_key.items()}


def run_oracle(oracle, capture):
    """The oracle's totals and flows, in our names."""
    options = ["--frag", "first", "--win", ",".join(map(str, THRESHOLDS))]

    def ask():
        run = subprocess.run([sys.executable, "-B", str(oracle), str(capture), *options],
                             capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
        if run.returncode:
            raise Failure(f"the oracle ended with {run.returncode}: {run.stderr.strip()[-300:]}")
        return run.stdout

    # tshark names a file in what it says of it.
    said = remembered.answer((str(capture), pathlib.Path(capture), pathlib.Path(oracle), *options, remembered.version("tshark", "--version")), ask)
    summary, flows, columns = {}, Flows(), []
    for line in said.splitlines():
        mark, *cells = line.split("\t")
        if mark == "#S":
            summary[cells[0]] = cells[1]
        elif mark == "#F":
            columns = cells
        elif mark == "F":
            row = dict(zip(columns, cells))
            counts = {"pkts": "pkts", "octets": "ipbytes", **{f"win{t}": f"winlt{t}" for t in THRESHOLDS}}
            flows.add(row["vlan"], row["proto"], (row["ip_a"], row["port_a"]), (row["ip_b"], row["port_b"]),
                      {ours: (int(row[f"{theirs}_ab"]), int(row[f"{theirs}_ba"])) for ours, theirs in counts.items()},
                      (row["first"], row["last"]))
    number = {name: int(value) for name, value in summary.items() if value.isdigit()}
    totals = {"packets": number["packets"], "arp": number["pkts_arp"], "other_ip": number["pkts_other_ip"],
              **{name: number[f"pkts_{name}"] for name in ("tcp", "udp", "icmp", "icmpv6")},
              # An IP header without readable addresses has no flow for the oracle and an L2 flow here.
              "non_ip": number["non_ip"] + number["ip_incomplete"], "no_flow": 0,
              **{f"win{t}": number[f"win_lt_{t}"] for t in THRESHOLDS}}
    summary = {**summary, **number}
    summary["tshark_stderr"] = " ".join(re.findall(r"^#S\ttshark_stderr\t(.*)", said, re.MULTILINE))
    return totals, flows, summary


def read_flow_file(path):
    with open(path, encoding="utf-8", newline="\n") as source:
        lines = source.read().split("\n")
    columns = lines[0].lstrip("%").split("\t")
    # Both plugins' columns have unique names but for "dir"; a repeated one would hide the first.
    if len(set(columns)) != len(columns) or lines.pop() != "":
        raise Failure(f"{path.name}: columns not unique, or the last line is not complete")
    return [dict(zip(columns, line.split("\t"))) for line in lines[1:]]


def run_sensor(flowxdp, capture, options, threshold, work):
    prefix = work / f"below{threshold}"
    command = [str(flowxdp), "replay", str(capture), "-w", str(prefix), "--plugins", PLUGINS, "--plugin",
               f"tcp_win:threshold={threshold}", "--json", *options]
    environment = dict(os.environ, HOME=str(work), XDG_DATA_HOME=str(work / "no-data"), XDG_CONFIG_HOME=str(work / "no-config"))
    environment.pop("FLOWXDP_GEO", None)
    run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", env=environment, check=False)
    if run.returncode not in (0, 3):
        raise Failure(f"replay ended with {run.returncode}: {run.stderr.strip()[-300:]}")
    return json.loads(run.stdout), read_flow_file(pathlib.Path(f"{prefix}_flows.txt"))


def keyed_vlan(row):
    """The innermost tag that is not a priority tag."""
    tags = [tag for tag in row["vlanID"].split(";") if tag not in ("", "0")]
    return tags[-1] if tags else "-"


def sensor_flows(rows, low):
    """low: {threshold: {(flowInd, dir): count}}."""
    flows, totals, pairs = Flows(), dict.fromkeys(TOTALS, 0), collections.defaultdict(dict)
    names = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
    for row in rows:
        if row["dir"] in pairs[row["flowInd"]]:
            raise Failure(f"flowInd {row['flowInd']} has two rows {row['dir']}")
        pairs[row["flowInd"]][row["dir"]] = row
    for index, pair in pairs.items():
        a, b = pair.get("A"), pair.get("B")
        row = a or b
        sent = {side: int(r["pktsSnt"]) if r else 0 for side, r in (("A", a), ("B", b))}
        if any(not r or int(r["pktsSnt"]) < 1 for r in pair.values()):
            raise Failure(f"flowInd {index} has a row without packets")
        if a and b and (int(a["pktsRcvd"]), int(b["pktsRcvd"])) != (sent["B"], sent["A"]):
            raise Failure(f"flowInd {index}: the packets received are not those the other row sent")
        packets = sent["A"] + sent["B"]
        if int(row["flowStat"], 16) & 4:
            totals["non_ip"] += packets
            totals["arp"] += packets if int(row["flowStat"], 16) & 0xc0 else 0 # tshark's ARP layer is RARP's too
            continue
        totals[names.get(row["l4Proto"], "other_ip")] += packets
        window = {t: tuple(low[t].pop((index, side), 0) for side in "AB") for t in THRESHOLDS}
        for t in THRESHOLDS:
            totals[f"win{t}"] += sum(window[t])
        octets = tuple(int(r["ipOctets"]) if r else 0 for r in (a, b))
        if row is b: # one direction only is printed A
            raise Failure(f"flowInd {index} has a B row alone")
        ends = [r for r in (a, b) if r]
        flows.add(keyed_vlan(row), row["l4Proto"], (row["srcIP"], row["srcPort"]), (row["dstIP"], row["dstPort"]),
                  {"pkts": (sent["A"], sent["B"]), "octets": octets, **{f"win{t}": window[t] for t in THRESHOLDS}},
                  (min((r["timeFirst"] for r in ends), key=time_of), max((r["timeLast"] for r in ends), key=time_of)),
                  tuple(headers for r in ends for headers in r["hdrDesc"].split(";")))
    return totals, flows


def time_of(text):
    seconds, _, fraction = text.partition(".")
    sign = -1 if seconds.startswith("-") else 1
    return sign * (abs(int(seconds)) * 10**9 + int(fraction.ljust(9, "0")))


def compare(capture, options):
    """Every difference of one capture, the oracle's number of biflows, and with --causes how many causes account for."""
    with tempfile.TemporaryDirectory(prefix="oracle") as work:
        work = pathlib.Path(work)
        totals, flows, summary = run_oracle(options.oracle, capture)
        low, report, rows = {}, None, None
        for threshold in THRESHOLDS:
            report, rows = run_sensor(options.flowxdp, capture, options.option, threshold, work)
            low[threshold] = {(r["flowInd"], r["dir"]): int(r["tcpWinThCnt"]) for r in rows if int(r["tcpWinThCnt"])}
            shutil.copy(work / f"below{threshold}_flows.txt", work / "last_flows.txt")
        our_totals, our_flows = sensor_flows(rows, low)
    if any(low.values()):
        raise Failure("windows below the threshold in flows that are not IP")
    ledger, counters = report["ledger"], report["counters"]
    if ledger["difference"]:
        raise Failure(f"the ledger does not balance: {ledger}")
    our_totals["packets"] = report["packets"]
    our_totals["no_flow"] = report["packets"] - ledger["in_flows"]
    if our_totals["no_flow"] != sum(counters[f"packets_{c}"] for c in ("filtered", "short_frame", "link_unsupported", "unattributed", "left_out")):
        raise Failure(f"packets without a flow have no cause: {counters}")
    name = capture.name
    found = [Difference(name, f"total {total}", str(totals[total]), str(our_totals[total]))
             for total in TOTALS if totals[total] != our_totals[total]]
    theirs, ours = flows.rows(), our_flows.rows()
    found += [Difference(name, key, theirs.get(key, "-"), ours.get(key, "-"))
              for key in sorted(theirs.keys() | ours.keys()) if theirs.get(key) != ours.get(key)]
    counted = collections.Counter()
    if options.causes and found:
        found, counted = without_causes(name, flows, our_flows, totals, our_totals, causes.Evidence(capture, summary, report))
    return found, len(theirs), counted


def without_causes(name, theirs, ours, totals, our_totals, evidence):
    left, our_left, wrong, counted = causes.explain(theirs.biflows, ours.biflows, totals, our_totals, evidence)
    found = [Difference(name, f"total {total}", str(totals[total]), str(our_totals[total])) for total in wrong]
    for flow in left:
        found.append(Difference(name, biflow_name(flow), str(flow.counts), "-"))
    for flow in our_left:
        found.append(Difference(name, biflow_name(flow), "-", str(flow.counts)))
    return found, counted


def biflow_name(flow):
    return f"vlan {flow.vlan} proto {flow.proto} {flow.lo[0]},{flow.lo[1]} {flow.hi[0]},{flow.hi[1]} at {flow.first} to {flow.last}"


def row_text(row):
    return " ".join(f"{field}={row[field]}" for field in FIELDS if field == "last" or row[field])


def read_differences(path):
    """The listed differences, {Difference: reason}."""
    listed = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) != 5 or not all(cells):
            raise ValueError(f"{path}:{number}: not capture, what, oracle, ours, reason")
        if Difference(*cells[:4]) in listed:
            raise ValueError(f"{path}:{number}: listed twice")
        listed[Difference(*cells[:4])] = cells[4]
    return listed


def arguments():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--flowxdp", required=True, type=pathlib.Path)
    options.add_argument("--differences", type=pathlib.Path, default=HERE / "differences.tsv")
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--option", action="append", default=[], help="one more argument for replay, e.g. --option=--engine=bpf")
    options.add_argument("--odd", action="store_true", help="generated captures instead of the corpus")
    options.add_argument("--print-differences", action="store_true")
    options.add_argument("--causes", action="store_true", help="captures that are not listed: explain by cause what can be checked")
    options.add_argument("captures", nargs="*", type=pathlib.Path)
    options = options.parse_args()
    shared = SOURCE.parent / "shared"
    options.corpus = pathlib.Path(os.environ.get("FLOWXDP_CORPUS") or shared / "corpus")
    options.oracle = pathlib.Path(os.environ.get("FLOWXDP_ORACLE") or shared / "oracle" / "oracle_flows.py")
    options.flowxdp = options.flowxdp.resolve()
    return options


def missing(options):
    if not options.captures and not options.odd and not options.corpus.is_dir():
        return f"no corpus at {options.corpus} (FLOWXDP_CORPUS)"
    if not options.oracle.is_file():
        return f"no oracle at {options.oracle} (FLOWXDP_ORACLE)"
    if not shutil.which("tshark"):
        return "no tshark"
    return None


def main():
    options = arguments()
    reason = missing(options)
    if reason:
        print(f"SKIP: {reason}", file=sys.stderr)
        return SKIPPED
    if not options.odd:
        return compare_all(options)
    with tempfile.TemporaryDirectory(prefix="odd") as folder:
        options.captures = odd_packets.write_all(pathlib.Path(folder))
        return compare_all(options)


def compare_all(options):
    captures = options.captures or sorted(path for path in options.corpus.rglob("*")
                                          if path.is_file() and any(s in path.name for s in ANY_CAPTURE_SUFFIX))
    if not captures:
        print(f"SKIP: no captures in {options.corpus} (FLOWXDP_CORPUS)")
        return SKIPPED
    listed = read_differences(options.differences) if options.differences.exists() else {}
    names = {path.name for path in captures}
    failed, seen = 0, set()

    def outcome(capture):
        try:
            return compare(capture, options)
        except (Failure, OSError, ValueError, KeyError) as error:
            return f"{type(error).__name__}: {error}", 0, None

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for capture, (found, flows, counted) in zip(captures, pool.map(outcome, captures)):
            if isinstance(found, str):
                failed += 1
                print(f"FAIL {capture.name}: {found}")
                continue
            if options.print_differences:
                for difference in found:
                    print(*difference, "?", sep="\t")
                continue
            new = [difference for difference in found if difference not in listed]
            gone = [d for d in listed if d.capture == capture.name and d not in found and not options.causes]
            seen.update(found)
            by_cause = "".join(f", {name} {count}" for name, count in sorted(counted.items()))
            state = "FAIL" if new or gone else "ok  "
            print(f"{state} {capture.name}: {flows} biflows, {len(found) - len(new)} listed differences{by_cause}")
            for text, differences in (("not listed", new), ("listed, but gone", gone)):
                for difference in differences:
                    failed += 1
                    print(f"     {text}: {difference.what}\n         oracle {difference.oracle}\n         ours   {difference.ours}")
    if options.print_differences:
        return 1 if failed else 0
    if not options.captures:
        for capture in sorted({d.capture for d in listed if not d.capture.startswith(odd_packets.PREFIX)} - names):
            print(f"NOTE {capture}: differences listed, not in this corpus")
    print(f"{'FAIL' if failed else 'ok'}: {len(captures)} captures, {len(seen)} differences of {len(listed)} listed, {failed} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
