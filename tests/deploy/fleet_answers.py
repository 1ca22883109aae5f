# SPDX-License-Identifier: BSD-2-Clause
"""The ten questions of deploy/fleet asked of flow files, by plain loops: what a database must answer."""
import collections
import datetime


class Row:
    def __init__(self, sensor, cells):
        self.sensor = sensor
        self.dir = cells["dir"]
        self.number = int(cells["flowInd"])
        self.src, self.dst = cells["srcIP"], cells["dstIP"]
        self.src_port, self.dst_port = int(cells["srcPort"]), int(cells["dstPort"])
        self.proto = int(cells["l4Proto"])
        self.sent, self.received = int(cells["pktsSnt"]), int(cells["pktsRcvd"])
        self.bytes_sent, self.bytes_received = int(cells["l7BytesSnt"]), int(cells["l7BytesRcvd"])
        self.first, self.last = (int(cells[name].split(".")[0]) for name in ("timeFirst", "timeLast"))
        self.seconds = round(float(cells["duration"]), 6)
        self.below = int(cells["tcpWinThCnt"])

    @property
    def port(self):
        return self.dst_port if self.dir == "A" else self.src_port


def read(path, sensor):
    with open(path, encoding="utf-8") as file:
        names = file.readline().lstrip("%").rstrip("\n").split("\t")
        return [Row(sensor, dict(zip(names, line.rstrip("\n").split("\t")))) for line in file]


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def sums(rows, key, *values):
    """{key: [sum of each value]}"""
    found = collections.defaultdict(lambda: [0] * len(values))
    for row in rows:
        for n, value in enumerate(values):
            found[key(row)][n] += value(row)
    return found


def begun(row):
    return row.dir == "A"


def packets(row):
    return row.sent


def octets(row):
    return row.bytes_sent


def one(_):
    return 1


def sensors(rows):
    last = {s: max(row.last for row in rows if row.sensor == s) for s in {row.sensor for row in rows}}
    return [(s, *found, utc(last[s])) for s, found in sorted(sums(rows, lambda r: r.sensor, one, begun, packets, octets).items())]


def talkers(rows):
    found = [(src, *values) for src, values in sums(rows, lambda r: r.src, one, packets, octets).items()]
    return sorted(found, key=lambda r: (-r[3], r[0]))[:10]


def conversations(rows):
    pairs = sums([r for r in rows if r.src != "-"], lambda r: tuple(sorted((r.src, r.dst))), begun, packets, octets)
    return sorted([(*pair, *values) for pair, values in pairs.items()], key=lambda r: (-r[4], r[:2]))[:10]


def services(rows):
    found = sums([r for r in rows if r.port], lambda r: (r.proto, r.port), begun, packets, octets)
    return sorted([(*key, *values) for key, values in found.items()], key=lambda r: (-r[4], r[:2]))[:10]


def minutes(rows):
    found = sums(rows, lambda r: r.last - r.last % 60, begun, packets, octets)
    return [(utc(minute), *values) for minute, values in sorted(found.items())]


def scanners(rows):
    tried = collections.defaultdict(list)
    for r in rows:
        if begun(r) and r.proto in (6, 17) and r.bytes_received == 0 and r.received <= 1:
            tried[r.src].append((r.dst, r.dst_port, r.proto))
    found = [(src, len({t[0] for t in tries}), len(set(tries)), len(tries)) for src, tries in tried.items()]
    return sorted(found, key=lambda r: (-r[2], r[0]))[:10]


def seen_by_several(rows):
    seen = collections.defaultdict(set)
    for r in rows:
        if begun(r) and r.proto in (6, 17):
            seen[r.src, r.src_port, r.dst, r.dst_port, r.proto, r.first].add(r.sensor)
    return [(*key[:5], "[" + ",".join(map(str, sorted(who))) + "]") for key, who in sorted(seen.items()) if len(who) > 1]


def refused(rows):
    silent = [r for r in rows if begun(r) and r.proto == 6 and r.bytes_sent == r.bytes_received == 0]
    return [(*key, *values) for key, values in sorted(sums(silent, lambda r: (r.dst, r.dst_port), one, packets, lambda r: r.received).items())]


def small_windows(rows):
    found = sums([r for r in rows if r.proto == 6 and r.below], lambda r: r.src, lambda r: r.below, packets)
    return sorted([(src, below, sent, f"{round(100 * below / sent, 1):g}") for src, (below, sent) in found.items()], key=lambda r: (-r[1], r[0]))


def longest(rows):
    flows = sorted([r for r in rows if begun(r)], key=lambda r: (-r.seconds, r.sensor, r.number))[:5]
    return [(r.sensor, r.number, r.src, r.src_port, r.dst, r.dst_port, r.proto, f"{r.seconds:.9g}") for r in flows]


QUESTIONS = {"01_sensors": sensors, "02_talkers": talkers, "03_conversations": conversations, "04_services": services,
             "05_minutes": minutes, "06_scanners": scanners, "07_seen_by_several": seen_by_several, "08_refused": refused,
             "09_small_windows": small_windows, "10_longest": longest}


def answers(rows):
    """{question: its answer as tab-separated lines}"""
    return {name: "".join("\t".join(map(str, line)) + "\n" for line in question(rows)) for name, question in QUESTIONS.items()}
