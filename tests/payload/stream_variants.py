#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""stream_variants.py --flowxdp BIN CAPTURE...: what plugins read in TCP streams, when a network delivers the same bytes in another way.

Each capture is replayed as it is and changed: segments cut small, sent twice, overtaken by the next one, sent again together with the next
one. The columns of a plugin must stay the same, but for those of CHANGES. Captures are pcap files of Ethernet; a folder stands for its files.
"""
import argparse
import collections
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

PLUGINS = ("http:packets=0", "ssh:packets=0", "ftp", "smtp", "sip", "dns", "tls")
COLUMNS = ("http", "ssh", "ftp", "smtp", "sip", "sdp", "voip", "dns", "ssl")  # the beginning of their names
CHANGES = {  # column: bits that say how a stream was delivered (None: all of it)
    "dnsStat": 0x0004, "dnsRespTmMin": None, "dnsRespTmAvg": None, "dnsRespTmMax": None}
TLS_CUT = 0x20000  # of sslStat: the packets that tls looks at were used up
Segment = collections.namedtuple("Segment", "time head seq body link_bytes")  # head: all headers


def read_pcap(path):
    """(file header, byte order, [(seconds, fraction, frame, wire bytes)])."""
    data = path.read_bytes()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}.get(data[:4])
    if not order or struct.unpack(order + "I", data[20:24])[0] != 1:
        return None
    at, packets = 24, []
    while at + 16 <= len(data):
        seconds, fraction, captured, wire = struct.unpack(order + "IIII", data[at:at + 16])
        packets.append((seconds, fraction, data[at + 16:at + 16 + captured], wire))
        at += 16 + captured
    return data[:24], order, packets


def tcp_segment(packet):
    """The segment of a whole, unfragmented frame with TCP data right behind Ethernet and IP; None: something else."""
    seconds, fraction, frame, wire = packet
    if len(frame) != wire or len(frame) < 54:
        return None
    ethertype, ip = struct.unpack("!H", frame[12:14])[0], 14
    if ethertype == 0x0800 and frame[ip + 9] == 6 and not struct.unpack("!H", frame[ip + 6:ip + 8])[0] & 0x3fff:
        tcp, end = ip + 4 * (frame[ip] & 15), ip + struct.unpack("!H", frame[ip + 2:ip + 4])[0]
    elif ethertype == 0x86dd and frame[ip + 6] == 6:
        tcp, end = ip + 40, ip + 40 + struct.unpack("!H", frame[ip + 4:ip + 6])[0]
    else:
        return None
    body = tcp + 4 * (frame[tcp + 12] >> 4)
    if not body < end <= len(frame) or frame[tcp + 13] & 7:  # no data, or SYN, FIN, RST
        return None
    return Segment((seconds, fraction), frame[:body], struct.unpack("!I", frame[tcp + 4:tcp + 8])[0], frame[body:end], tcp)


def frame_of(segment, first, body):
    """The packet that carries these bytes, which begin `first` bytes behind the segment's. Checksums are not looked at."""
    head, tcp = bytearray(segment.head), segment.link_bytes
    head[tcp + 4:tcp + 8] = struct.pack("!I", (segment.seq + first) & 0xffffffff)
    length = len(head) - 14 + len(body)
    if head[12:14] == b"\x08\x00":
        head[16:18] = struct.pack("!H", length)
    else:
        head[18:20] = struct.pack("!H", length - 40)
    return (*segment.time, bytes(head) + body, len(head) + len(body))


def cut(segments, size):
    return [frame_of(s, at, s.body[at:at + size]) for s in segments for at in range(0, len(s.body), size)]


def twice(segments):
    return [frame_of(s, 0, s.body) for s in segments for _ in range(2)]


def overtaken(segments):
    frames = cut(segments, 200)
    return [frame for pair in zip(frames[1::2], frames[::2]) for frame in pair] + frames[len(frames) // 2 * 2:]


def again_with_the_next(segments):
    """Of two pieces the first one comes, then both in one."""
    out = []
    for s in segments:
        half = len(s.body) // 2
        out += [frame_of(s, 0, s.body[:half])] * (half > 0) + [frame_of(s, 0, s.body)]
    return out


VARIANTS = {"in 100 bytes": lambda s: cut(s, 100), "in 536 bytes": lambda s: cut(s, 536), "twice": twice, "overtaken": overtaken,
            "again with the next": again_with_the_next}


def changed(packets, variant):
    """Packets with each run of data segments of one direction as the variant delivers it."""
    out, run = [], []
    for packet in [*packets, None]:
        segment = packet and tcp_segment(packet)
        if run and not (segment and segment.head[:14] == run[-1].head[:14] and
                        segment.head[segment.link_bytes - 8:segment.link_bytes + 4] ==
                        run[-1].head[run[-1].link_bytes - 8:run[-1].link_bytes + 4]):
            out += variant(run)
            run = []
        if segment:
            run.append(segment)
        elif packet:
            out.append(packet)
    return out


def cells(flowxdp, path):
    words = [word for plugin in PLUGINS for word in ("--plugin", plugin)]
    done = subprocess.run([flowxdp, "replay", "-q", str(path), *words, "--sink", "json:-"], capture_output=True)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{path}: {done.stderr.decode(errors='replace')}")
    rows = {}
    for line in done.stdout.decode(errors="replace").splitlines():
        row = json.loads(line)
        mine = {name: cell for name, cell in row.items() if name.startswith(COLUMNS) and CHANGES.get(name, 0) is not None}
        for name, bits in CHANGES.items():
            if bits:
                mine[name] = int(mine[name], 0) & ~bits
        rows[row["flowInd"], row["dir"]] = mine
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flowxdp", required=True, metavar="BIN")
    parser.add_argument("captures", nargs="+", type=pathlib.Path, metavar="CAPTURE")
    given = parser.parse_args()
    captures = [f for path in given.captures for f in (sorted(path.glob("*.pcap")) if path.is_dir() else [path])]
    differences = compared = 0
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder) / "changed.pcap"
        for capture in captures:
            file = read_pcap(capture)
            if not file:
                continue
            header, order, packets = file
            wanted = cells(given.flowxdp, capture)
            for name, variant in VARIANTS.items():
                made.write_bytes(header + b"".join(struct.pack(order + "IIII", seconds, fraction, len(frame), wire) + frame
                                                   for seconds, fraction, frame, wire in changed(packets, variant)))
                found = cells(given.flowxdp, made)
                for flow, row in wanted.items():
                    other = found.get(flow, {})
                    for column, cell in row.items():
                        if column.startswith("ssl") and int(other.get("sslStat", "0"), 0) & TLS_CUT:
                            continue
                        compared += 1
                        if other.get(column) != cell:
                            differences += 1
                            print(f"DIFFERENT: {capture.name}: {name}: flow {flow[0]}{flow[1]}: {column}: {cell!r}, {name} "
                                  f"{other.get(column)!r}")
    print(f"{compared} cells compared, {differences} different")
    return 1 if differences or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
