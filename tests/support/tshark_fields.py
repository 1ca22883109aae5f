# SPDX-License-Identifier: BSD-2-Clause
"""tshark_fields.py - what tshark's dissectors say of a capture, beside flowxdp's rows, field by field.

    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        packets = tshark_packets(capture, "dns", ["dns.qry.name"])
        for row, sent in by_row(flow_rows(flowxdp, capture, "dns"), packets):
            check.add(capture, row, "dnsQname", values(sent, "dns.qry.name"), row["dnsQname"])
    sys.exit(check.summary())

A packet belongs to the row of its own direction: what A sent stands in A's row.
"""

import argparse
import collections
import ipaddress
import json
import pathlib
import shutil
import subprocess
import sys

TUPLE = ["frame.number", "frame.time_epoch", "frame.protocols", "vlan.id", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.proto",
         "udp.srcport", "udp.dstport", "tcp.srcport", "tcp.dstport"]
FIELD, VALUE = "\x1e", "\x1f"  # no text has them unescaped
LATEST = 9_200_000_000 * 10**9  # ns; the reader of captures takes later times for this one

Key = collections.namedtuple("Key", "src sport dst dport proto vlan")
Packet = collections.namedtuple("Packet", "number time_ns key fields")


# pcap in both byte orders, with micro- and nanoseconds; pcapng; gzip.
MAGIC = tuple(map(bytes.fromhex, ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "0a0d0d0a", "1f8b")))


def is_capture(path):
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(4).startswith(MAGIC)


def arguments(text):
    """(the program, the captures) of --flowxdp BIN CAPTURE...; a folder stands for its captures. Exits 77 without tshark."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flowxdp", required=True, metavar="BIN")
    parser.add_argument("captures", nargs="+", type=pathlib.Path, metavar="CAPTURE")
    given = parser.parse_args()
    if not shutil.which("tshark"):
        print("SKIP: tshark is not installed")
        sys.exit(77)
    captures = []
    for path in given.captures:
        captures += sorted(filter(is_capture, path.rglob("*"))) if path.is_dir() else [path]
    return given.flowxdp, captures


def nanoseconds(text):
    """Seconds with a fraction, exactly, up to the largest time of flowxdp."""
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    seconds, _, fraction = text.partition(".")
    return min(sign * (int(seconds) * 10**9 + int((fraction + "0" * 9)[:9])), LATEST)


def address(text):
    return str(ipaddress.ip_address(text))


def tshark_packets(capture, display_filter, fields, *options):
    """The packets that the filter lets through and that have an address and ports, each with all values of each field.

    Packets quoted by ICMP errors or sampled by sFlow are not the sender's own, and are left out. IP datagrams are not put together."""
    command = ["tshark", "-n", "-r", str(capture), "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", *options, "-Y",
               f"({display_filter}) && !icmp && !icmpv6 && !sflow", "-T", "fields", "-E", f"separator={FIELD}", "-E", "occurrence=a", "-E",
               f"aggregator={VALUE}"]
    for name in TUPLE + fields:
        command += ["-e", name]
    # An input that is cut ends with an error after its last whole packet.
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode(errors="replace")
    packets = []
    for line in filter(None, text.split("\n")):
        cells = [cell.split(VALUE) if cell else [] for cell in line.split(FIELD)]
        at = dict(zip(TUPLE + fields, cells))
        layers = at["frame.protocols"][0].split(":")
        network = [layer for layer in layers if layer in ("ip", "ipv6")]
        transport = [layer for layer in layers if layer in ("udp", "tcp")]
        if not network or not transport:
            continue
        ip, l4 = network[-1], transport[-1]
        key = Key(address(at[ip + ".src"][-1]), int(at[l4 + ".srcport"][-1]), address(at[ip + ".dst"][-1]),
                  int(at[l4 + ".dstport"][-1]), {"tcp": 6, "udp": 17}[l4], int(at["vlan.id"][-1]) if at["vlan.id"] else 0)
        packets.append(Packet(int(at["frame.number"][0]), nanoseconds(at["frame.time_epoch"][0]), key,
                              {name: at[name] for name in fields}))
    return packets


def flow_rows(flowxdp, capture, plugin, *options):
    """The rows of a replay with this plugin (--plugin's word, options included), as JSON objects, in order."""
    done = subprocess.run([flowxdp, "replay", "-q", str(capture), "--plugin", plugin, "--sink", "json:-", *options],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode not in (0, 3) and done.stdout:
        raise RuntimeError(f"{capture}: {done.stderr.decode(errors='replace')}")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def row_key(row):
    vlan = row["vlanID"][-1] if row["vlanID"] else 0
    return Key(address(row["srcIP"]), row["srcPort"], address(row["dstIP"]), row["dstPort"], row["l4Proto"], vlan)


def by_row(rows, packets):
    """(row, its packets) of every row with an address; packets without a row come last as (None, packets)."""
    waiting = collections.defaultdict(list)
    for packet in packets:
        waiting[packet.key].append(packet)
    found = []
    for row in rows:
        if row["srcIP"] == "-":
            continue
        first, last = nanoseconds(row["timeFirst"]), nanoseconds(row["timeLast"])
        mine = waiting.get(row_key(row), [])
        sent = [packet for packet in mine if first <= packet.time_ns <= last]
        waiting[row_key(row)] = [packet for packet in mine if not first <= packet.time_ns <= last]
        found.append((row, sent))
    left = [packet for rest in waiting.values() for packet in rest]
    return found + ([(None, left)] if left else [])


def values(packets, field):
    """All values of a field, in the order of the packets."""
    return [value for packet in packets for value in packet.fields[field]]


def because(cause, captures, fields):
    """Entries of Comparison's `explained`: these fields of these captures, each named.

    Captures have their names in the repositories that they are from, or that with the repository (nDPI__) or folder (smtp-pipelining__) in
    front."""
    return {(capture, field): cause for capture in captures for field in fields}


class Comparison:
    """Counts what is equal. explained: {(name of the capture, field): the cause of a difference there}."""

    def __init__(self, explained=None):
        self.explained = explained or {}
        self.compared = collections.Counter()
        self.equal = collections.Counter()
        self.differences, self.causes = [], collections.Counter()
        self.seen, self.used = set(), set()

    def add(self, capture, row, field, tshark, ours):
        """row: the row of flowxdp, or None when there is none."""
        self.compared[field] += 1
        self.seen.add(pathlib.Path(capture).name)
        if tshark == ours:
            self.equal[field] += 1
            return
        name = pathlib.Path(capture).name
        if (name, field) in self.explained:
            self.used.add((name, field))
            self.causes[f"{name}: {field}: {self.explained[name, field]}"] += 1
            return
        flow = f"flow {row['flowInd']}{row['dir']}" if row else "no flow"
        self.differences.append(f"{name}: {flow}: {field}: tshark {tshark!r}, flowxdp {ours!r}")

    def explain(self, capture, field, cause):
        """A difference whose cause the rows or tshark's fields show by themselves."""
        self.compared[field] += 1
        self.causes[f"{pathlib.Path(capture).name}: {field}: {cause}"] += 1

    def summary(self):
        """Prints counts and differences; returns the exit code."""
        for field, count in self.compared.items():
            print(f"{field}: {count} compared, {self.equal[field]} equal")
        for cause, count in self.causes.items():
            print(f"explained: {cause} ({count} cells)")
        for line in self.differences:
            print("DIFFERENT:", line)
        for name, field in self.explained.keys() - self.used:
            if name in self.seen:
                print(f"EQUAL, but explained: {name}: {field}")
        total = sum(self.compared.values())
        print(f"{total} cells compared, {sum(self.equal.values())} equal, {sum(self.causes.values())} explained, "
              f"{len(self.differences)} different")
        return 1 if self.differences or not total else 0
