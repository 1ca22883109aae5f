#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Replays captures into the collectors in use and compares what they read with the flow file of the same run.

    replay_export_test.py --flowxdp BIN [--examples FOLDER] [--odd] [--print-differences] [CAPTURE...]

Without CAPTURE: every file of the folder FLOWXDP_CORPUS (SOURCE/../shared/corpus/selected), those of --examples, and with --odd those that odd_captures.py makes.
Each is replayed once, with an exporter for each protocol, transport and option, and an observation domain for each capture; the
collectors run through. Key, packets, octets, TCP flags and times must be equal; what a collector cannot say is taken off by rule
below, what else differs is listed in differences.tsv with its reason, and must be there.

Exit 0: all equal. 1: not. 77: a collector is missing.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import collectors
import flow_file
import odd_captures

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77

# One exporter: reader that takes it, sink and its options.
Exporter = collections.namedtuple("Exporter", "name reader sink family options")
EXPORTERS = [Exporter(*words) for words in (
    ("nfcapd netflow", "nfcapd4", "netflow", "4", ""),
    ("nfcapd netflow over IPv6", "nfcapd6", "netflow", "6", ""),
    ("nfcapd ipfix", "nfcapd4", "ipfix", "4", ""),
    ("nfcapd ipfix over IPv6", "nfcapd6", "ipfix", "6", ""),
    ("nfcapd ipfix biflow", "nfcapd4", "ipfix", "4", ",biflow=1"),
    ("nfacctd netflow", "nfacctd", "netflow", "4", ""),
    ("nfacctd ipfix", "nfacctd", "ipfix", "4", ",tcp_flags=1"),
    ("tshark netflow", "tap4", "netflow", "4", ""),
    ("tshark netflow over IPv6", "tap6", "netflow", "6", ""),
    ("tshark netflow us", "tap4", "netflow", "4", ",time=us"),
    ("tshark netflow ns", "tap4", "netflow", "4", ",time=ns"),
    ("tshark ipfix", "tap4", "ipfix", "4", ""),
    ("tshark ipfix over IPv6", "tap6", "ipfix", "6", ""),
    ("tshark ipfix us", "tap4", "ipfix", "4", ",time=us"),
    ("tshark ipfix ns", "tap4", "ipfix", "4", ",time=ns"),
    ("tshark ipfix biflow", "tap4", "ipfix", "4", ",biflow=1"),
    ("ipfixDump file", "file", "ipfix", None, ""),
    ("ipfixDump file biflow", "file", "ipfix", None, ",biflow=1"),
    ("ipfixDump tcp", "tcp4", "ipfix", "4", ",linger=30"),
    ("ipfixDump tcp over IPv6", "tcp6", "ipfix", "6", ",linger=30"),
)]


def domain(exporter, capture):
    """Observation domain of an exporter: one for each capture, so that sequence numbers begin anew."""
    return (EXPORTERS.index(exporter) + 1) * 10000 + capture + 1


class Bench:
    """All collectors, beside each other."""

    def __init__(self, folder):
        self.folder = folder
        self.readers = {}
        for name in sorted({e.reader for e in EXPORTERS}):
            kind, family = name.rstrip("46"), name[-1]
            if kind == "nfcapd":
                self.readers[name] = collectors.Nfcapd(folder / name, family)
            elif kind == "nfacctd":
                self.readers[name] = collectors.Nfacctd(folder / name)
            elif kind == "tap":
                self.readers[name] = collectors.UdpTap(folder / (name + ".pcap"), family)
            elif kind == "tcp":
                self.readers[name] = collectors.TcpTap(folder / name, family)

    def target(self, exporter, number):
        if exporter.reader == "file":
            return f"file:{self.file(exporter, number)}"
        host = collectors.HOSTS[exporter.family]
        return f"{'tcp' if exporter.reader.startswith('tcp') else 'udp'}://{f'[{host}]' if ':' in host else host}" \
               f":{self.readers[exporter.reader].port}"

    def file(self, exporter, number):
        return self.folder / f"{exporter.name.replace(' ', '_')}.{number}.ipfix"

    def replay(self, flowxdp, capture, number):
        """The rows of a capture, sent to every collector."""
        prefix = str(self.folder / f"capture{number}")
        sinks = []
        for exporter in EXPORTERS:
            sinks += ["--sink", f"{exporter.sink}:{self.target(exporter, number)},domain={domain(exporter, number)}{exporter.options}"]
        takers = [self.readers[name].receive() for name in self.readers if name.startswith("tcp")]
        done = subprocess.run([flowxdp, "replay", str(capture), "-w", prefix, "--json", *sinks], capture_output=True, text=True)
        if done.returncode not in (0, 3):  # 3: the capture is damaged, or of a link type that nobody knows
            raise AssertionError(f"{capture.name}: flowxdp gave {done.returncode}: {done.stderr}")
        for taker in takers:
            taker.join(30)
        for name, reader in self.readers.items():
            if name.startswith(("nfcapd", "nfacctd")):
                reader.drained()
        rows = flow_file.read_rows(prefix)
        for sink in json.loads(done.stdout)["sinks"]:
            counts = {name: sink[name] for name in ("rows", "sent", "retried", "dropped", "skipped", "errors")}
            wanted = {"rows": len(rows), "sent": len(rows), "retried": 0, "dropped": 0, "skipped": 0, "errors": 0}
            if counts != wanted:
                raise AssertionError(f"{capture.name}: sink {sink['sink']} counts {counts} of {len(rows)} rows: {sink['last_error']}")
        return rows


# What a collector can say of a flow record.
def without_ethertype(flow):
    """nfdump keeps neither the ethertype nor the octets of element 352."""
    return flow._replace(proto=0, octets=0) if flow.kind == "l2" else flow


def low_flags(flow):
    """nfdump, nfacctd and NetFlow v9 keep eight of the TCP flags."""
    return flow._replace(flags=flow.flags & 0xff)


def without_icmp(flow):
    """nfacctd (1.7.7) knows no element for type and code."""
    return flow._replace(dport=0) if flow.proto in (1, 58) else flow


def added_up(flows):
    """nfacctd adds up records that are equal but for their counts, and leaves those without IP out."""
    sums = collections.defaultdict(lambda: [0, 0])
    for flow in flows:
        if flow.kind == "ip":
            sums[flow._replace(packets=0, octets=0)][0] += flow.packets
            sums[flow._replace(packets=0, octets=0)][1] += flow.octets
    return [key._replace(packets=packets, octets=octets) for key, (packets, octets) in sums.items()]


def reverse(fields):
    return tuple(int(fields[name][0]) for name in ("cflow.packets", "cflow.octets" if "cflow.octets" in fields else
                                                   "cflow.layer2_octet_delta_count"))


def forward(rows):
    return [a.flow for a, _ in flow_file.biflows(rows)]


def reverse_counts(rows):
    return [(b.flow.packets, b.flow.octets) if b else (0, 0) for _, b in flow_file.biflows(rows)]


class Comparison:
    def __init__(self):
        self.differences = []  # (capture, exporter, lacks or has, record)
        self.records = 0

    def compare(self, capture, exporter, wanted, got):
        """wanted, got: records of any kind, in any order."""
        wanted, got = collections.Counter(map(text, wanted)), collections.Counter(map(text, got))
        self.records += got.total()
        for what, records in (("lacks", wanted - got), ("has", got - wanted)):
            for record in sorted(records.elements()):
                self.differences.append((capture, exporter, what, record))


def text(record):
    return " ".join(map(str, record))


def listed_differences():
    for line in (HERE / "differences.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            capture, exporter, what, record, reason = line.split("\t")
            assert reason, line
            yield capture, exporter, what, record


def check_nfcapd(bench, name, captures, rows, comparison):
    reader = bench.readers[name]
    drops = reader.drops()
    reader.stop()
    assert drops == 0, f"{name}: the socket dropped {drops} datagrams"
    assert (reader.sequence_errors, reader.bad_packets) == (0, 0), reader.log
    for complaint in ("Error", "error:", "unknown", "Unexpected"):
        assert complaint not in reader.log.replace("Sequence Errors: 0", ""), reader.log
    records = reader.records()
    for exporter in [e for e in EXPORTERS if e.reader == name]:
        for number, capture in enumerate(captures):
            got = records.pop(domain(exporter, number), [])
            biflow = "biflow" in exporter.options
            wanted = forward(rows[number]) if biflow else [r.flow for r in rows[number]]
            comparison.compare(capture.name, exporter.name, map(low_flags, map(without_ethertype, wanted)),
                               map(collectors.nfdump_flow, got))
            if biflow:
                both = [(r.get("out_packets", 0), r.get("out_bytes", 0)) for r in got if collectors.nfdump_flow(r).kind == "ip"]
                comparison.compare(capture.name, exporter.name + ", reverse",
                                   [c for c, f in zip(reverse_counts(rows[number]), wanted) if f.kind == "ip"], both)
    assert not records, f"{name} has records of other domains: {list(records)}"


def check_nfacctd(bench, captures, rows, comparison):
    reader = bench.readers["nfacctd"]
    exporters = [e for e in EXPORTERS if e.reader == "nfacctd"]
    wanted = {number: added_up(without_icmp(low_flags(r.flow)) for r in table) for number, table in enumerate(rows)}
    records = reader.records(len(exporters) * sum(map(len, wanted.values())))
    log = reader.stop()
    for complaint in ("sequence", "malformed", "unknown template", "WARN", "ERROR"):
        assert complaint not in log, log
    for exporter in exporters:
        for number, capture in enumerate(captures):
            # Its printer cuts time into rounds: a key whose records fall into two has two lines.
            got = added_up(records.get(domain(exporter, number), []))
            comparison.compare(capture.name, exporter.name, wanted[number], got)


def check_tshark(bench, name, captures, rows, comparison):
    bench.readers[name].stop()
    tshark = collectors.Tshark(bench.readers[name].path)
    complaints = tshark.complaints()
    assert not complaints, f"tshark complains about {name}:\n{complaints}"
    records = tshark.records()
    check_interfaces(records, [e for e in EXPORTERS if e.reader == name], captures, rows)
    for exporter in [e for e in EXPORTERS if e.reader == name]:
        for number, capture in enumerate(captures):
            got = [r for r in records[domain(exporter, number)] if "cflow.packets" in r]
            table = rows[number]
            biflow = "biflow" in exporter.options
            wanted = forward(table) if biflow else [r.flow for r in table]
            if exporter.sink == "netflow":
                wanted = map(low_flags, wanted)
            comparison.compare(capture.name, exporter.name, wanted, map(collectors.tshark_flow, got))
            if biflow:
                comparison.compare(capture.name, exporter.name + ", reverse",
                                   [c for c, (_, b) in zip(reverse_counts(table), flow_file.biflows(table)) if b],
                                   [reverse(r) for r in got if len(r["cflow.packets"]) == 2])
            unit = 1000 if "time=us" in exporter.options else 1 if "time=ns" in exporter.options else 0
            if unit:
                # 1/2^32 s, rounded up: cut to the unit it is the value again.
                times = [[collectors.tshark_ns(r[f"cflow.abstime{which}"][-1]) // unit * unit for which in ("start", "end")]
                         for r in got]
                comparison.compare(capture.name, exporter.name + ", times",
                                   [[t // unit * unit for t in (r.first_ns, r.last_ns)] for r in table], times)


def interface_names(capture):
    """Names that the interfaces of a capture must have, where that is plain."""
    if capture.name == "odd_interfaces.pcapng":
        return set(odd_captures.INTERFACE_NAMES)
    pcap = capture.suffix == ".pcap" and capture.read_bytes()[:4] != b"\x0a\x0d\x0d\x0a"
    return {capture.name} if pcap else set()


def check_interfaces(records, exporters, captures, rows):
    """Options records name every interface that has rows; in v9 cut to 32 octets. IPFIX has them in domain 0."""
    for exporter in exporters:
        for number, capture in enumerate(captures):
            if not rows[number] or not interface_names(capture):
                continue
            netflow = exporter.sink == "netflow"
            got = {name for r in records[domain(exporter, number) if netflow else 0] for name in r.get("cflow.if_name", ())}
            wanted = {name[:32] if netflow else name for name in interface_names(capture)}
            assert wanted == got if netflow else wanted <= got, f"{capture.name}, {exporter.name}: interfaces {got}, not {wanted}"


def check_ipfix_dump(exporter, path, capture, table, comparison):
    got = collectors.ipfix_dump(path)
    wanted = forward(table) if "biflow" in exporter.options else [r.flow for r in table]
    comparison.compare(capture.name, exporter.name, wanted, map(collectors.ipfix_dump_flow, got))
    if "biflow" in exporter.options:
        comparison.compare(capture.name, exporter.name + ", reverse", reverse_counts(table),
                           [(r.get("reversePacketDeltaCount", 0), r.get("reverseOctetDeltaCount", r.get("reverseLayer2OctetDeltaCount", 0)))
                            for r in got])


def run(arguments, folder):
    captures = [pathlib.Path(c) for c in arguments.captures]
    if not captures:
        corpus = os.environ.get("FLOWXDP_CORPUS") or str(HERE.parents[2] / "shared/corpus/selected")
        if os.path.isdir(corpus):
            captures = sorted(f for f in pathlib.Path(corpus).iterdir() if f.is_file())
        else:
            print("FLOWXDP_CORPUS names no folder of captures: examples and odd captures alone")
        if arguments.examples:
            captures += sorted(pathlib.Path(arguments.examples).glob("*.pcap"))
    if arguments.odd:
        captures += odd_captures.write_all(folder)
    bench = Bench(folder)
    rows = [bench.replay(arguments.flowxdp, capture, number) for number, capture in enumerate(captures)]
    comparison = Comparison()
    for name in bench.readers:
        if name.startswith("nfcapd"):
            check_nfcapd(bench, name, captures, rows, comparison)
        elif name.startswith("tap"):
            check_tshark(bench, name, captures, rows, comparison)
    check_nfacctd(bench, captures, rows, comparison)
    for exporter in EXPORTERS:
        for number, capture in enumerate(captures):
            if exporter.reader == "file":
                check_ipfix_dump(exporter, bench.file(exporter, number), capture, rows[number], comparison)
            elif exporter.reader.startswith("tcp"):
                check_ipfix_dump(exporter, bench.readers[exporter.reader].files[number], capture, rows[number], comparison)
    names = {capture.name for capture in captures}
    listed = collections.Counter(d for d in listed_differences() if d[0] in names)
    found = collections.Counter(comparison.differences)
    print(f"{len(captures)} captures, {sum(map(len, rows))} rows, {comparison.records} records read by {len(EXPORTERS)} exporters' "
          f"collectors, {found.total()} differ, {listed.total()} listed")
    if arguments.print_differences:
        for difference in sorted(found.elements()):
            print("\t".join(difference) + "\t")
        return 0
    for difference in sorted((found - listed).elements()):
        print("NEW:  ", "\t".join(difference))
    for difference in sorted((listed - found).elements()):
        print("GONE: ", "\t".join(difference))
    return 1 if found != listed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowxdp", required=True)
    parser.add_argument("--examples")
    parser.add_argument("--odd", action="store_true")
    parser.add_argument("--print-differences", action="store_true")
    parser.add_argument("captures", nargs="*")
    with tempfile.TemporaryDirectory(prefix="flowxdp_export_") as folder:
        try:
            return run(parser.parse_args(), pathlib.Path(folder))
        except collectors.Missing as missing:
            print("SKIP:", missing)
            return SKIPPED
        finally:
            collectors.Process.kill_all()


if __name__ == "__main__":
    sys.exit(main())
