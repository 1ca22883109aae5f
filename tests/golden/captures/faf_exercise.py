#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Rebuilds faf-exercise.pcap as far as its tutorials let one see it (tests/golden/README.md says how each part is known).

Three layers. The FTP control connection, biflow 35, is exact: its packets are read from ftp_control/expected.tsv. The
FTP data connection, biflow 36, has its printed packets exact and the rest by count and octets. The 34 biflows before
are filler with the counts and octets that the NetFlow tutorial prints; their times and contents are invented, their
payload is zeros.

    faf_exercise.py OUT.pcap
"""

import dataclasses
import pathlib
import sys

GOLDEN = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(GOLDEN), str(GOLDEN.parent / "support")]

import expected  # noqa: E402
from frames import ACK, FIN, IPV4, PSH, RST, SYN, TCP, ethernet, ipv4, tcp, with_checksums, write_pcap  # noqa: E402

CAPTURE_START = 1258544215_037210
CAPTURE_STOP = 1258594491_683288
TOTAL_PACKETS, TOTAL_BYTES, FILE_BYTES = 5902, 4993414, 5087870
A_PACKETS, A_BYTES = 3533, 4423178
B_PACKETS, B_BYTES = 2369, 570236
L7_BYTES = 4651854
DURATION_US = 50276_646078
RAW_BANDWIDTH, FULL_BANDWIDTH = 795, 792  # b/s: on the wire; Ethernet header + IP length
BIFLOWS = 36

CLIENT, FTP_SERVER = "192.168.1.105", "143.166.11.10"
MAIL_SERVER = "192.168.1.1"
MACS = {CLIENT: "00:08:74:38:01:b4"}
GATEWAY_MAC = "00:19:e3:e7:5d:23"
MSS = 1380  # the client's window 64860 is 47 of these

FILE_SIZE = 4255056        # "213 4255056", packet 1284
DATA_FROM_SERVER = 3101    # packets, tutorial-netflow-export.txt: destination port 49330
DATA_FROM_CLIENT = 1514    # packets: destination port 64334
RETRANSMISSIONS = 10
PROBES = 2                 # zero-window probes of one byte
FORCED_FROM_CLIENT = 49    # packets until force mode releases the flow; A and B totals make the server's 40 more
FORCED_FROM_SERVER = FORCED_FROM_CLIENT + 40


@dataclasses.dataclass
class Packet:
    time: int  # microseconds
    src: str
    dst: str
    src_port: int
    dst_port: int
    flags: int
    window: int
    direction: str  # A or B, as a run with force mode counts it
    seq: int = 0
    ack: int = 0
    payload: bytes = b""
    options: int = 0  # bytes
    padded_to: int = 60
    syn_options: bytes = b""
    is_filler: bool = False

    def header_bytes(self):
        return 14 + 20 + 20 + len(self.syn_options) + self.options

    def ip_end(self):
        return self.header_bytes() + len(self.payload)

    def wire_len(self):
        return max(self.ip_end(), self.padded_to)

    def frame(self, ip_id):
        options = self.syn_options + b"\x01" * self.options
        segment = tcp(self.src_port, self.dst_port, self.seq, self.ack, self.flags, self.window, options, self.payload)
        datagram = ipv4(TCP, segment, self.src, self.dst, ident=ip_id, fragment=0x4000, ttl=128 if self.src.startswith("192.") else 48)
        return ethernet(IPV4, with_checksums(datagram), mac(self.src), mac(self.dst), self.wire_len())


SYN_OPTIONS = bytes.fromhex("0204056401010402")  # MSS 1380, SACK permitted


def mac(address):
    if address.startswith("192.168.1."):
        return MACS.get(address, f"02:00:5e:00:01:{int(address.split('.')[3]):02x}")
    return GATEWAY_MAC


class Connection:
    """One TCP connection; keeps sequence and acknowledgment numbers consistent."""

    def __init__(self, client, client_port, server, server_port, first_seq):
        self.end = {"C": (client, client_port), "S": (server, server_port)}
        self.next_seq = {"C": first_seq, "S": first_seq ^ 0x5A5A5A}
        self.seen = {"C": False, "S": False}
        self.window = {"C": 64860, "S": 32768}

    def packet(self, side, time, flags=ACK, size=0, content=None, window=None):
        other = "S" if side == "C" else "C"
        payload = bytes(size) if content is None else content
        if payload:
            flags |= PSH
        made = Packet(time, *self.addresses(side), flags, self.window[side] if window is None else window,
                      "A" if side == "C" else "B", self.next_seq[side],
                      self.next_seq[other] if flags & ACK else 0, payload)
        if flags & SYN:
            made.syn_options = SYN_OPTIONS
        self.next_seq[side] += len(payload) + (1 if flags & (SYN | FIN) else 0)
        return made

    def addresses(self, side):
        (src, src_port), (dst, dst_port) = self.end[side], self.end["S" if side == "C" else "C"]
        return src, dst, src_port, dst_port


def split(total, parts):
    """total in so many integers that differ by at most one."""
    return [total // parts + (1 if i < total % parts else 0) for i in range(parts)]


# Filler ------------------------------------------------------------------------------------------------------------

def clock(text):
    """A time of day as nfdump prints it (CET, relative to the capture's first second) in microseconds of the capture."""
    hours, minutes, seconds = text.split(":")
    whole, _, milli = seconds.partition(".")
    second_of_day = int(hours) * 3600 + int(minutes) * 60 + int(whole)
    start = 12 * 3600 + 36 * 60 + 55
    return CAPTURE_START + (second_of_day - start) % 86400 * 1000000 + int(milli or "0") * 1000


@dataclasses.dataclass
class Filler:
    start: str
    seconds: float
    client: str
    client_port: int
    server: str
    server_port: int
    client_packets: int
    client_bytes: int
    server_packets: int
    server_bytes: int
    finish: bool = True
    late_data: bool = False  # the server's last payload comes after the teardown

    def packets(self, first_seq):
        connection = Connection(self.client, self.client_port, self.server, self.server_port, first_seq)
        chunk = 1400 if self.server_port == 80 else 1000
        client_middle = self.client_packets - (4 if self.finish else 2)
        server_middle = self.server_packets - (2 if self.finish else 1) - self.late_data
        # Mail has eight payload packets each way, the web as few as it takes.
        least = 8 if self.server_port == 25 else 1
        client_sizes = self.sizes(self.client_bytes, client_middle, least, chunk)
        server_sizes = self.sizes(self.server_bytes, server_middle + self.late_data, least, chunk)
        late = server_sizes.pop(0) if self.late_data else 0
        plan = [("C", SYN, 0), ("S", SYN | ACK, 0), ("C", ACK, 0)]
        middle = [((i + 0.5) / len(client_sizes), "C", ACK, n) for i, n in enumerate(client_sizes)]
        middle += [((i + 0.6) / len(server_sizes), "S", ACK, n) for i, n in enumerate(server_sizes)]
        plan += [(side, flags, size) for _, side, flags, size in sorted(middle, key=lambda entry: entry[0])]
        if self.finish:
            plan += [("C", FIN | ACK, 0), ("S", FIN | ACK, 0), ("C", ACK, 0)]
        if self.late_data:
            plan += [("S", ACK, late)]
        start, span = clock(self.start), round(self.seconds * 1000000)
        made = []
        for i, (side, flags, size) in enumerate(plan):
            made.append(connection.packet(side, start + span * i // (len(plan) - 1), flags, size))
        return made

    @staticmethod
    def sizes(total, count, least, chunk):
        filled = min(count, max(least, -(-total // chunk)))
        spread = [0] * count
        for i, size in enumerate(split(total, filled)):
            spread[i * count // filled] = size
        return spread


def filler():
    """The 34 biflows before the FTP session. Numbers that the NetFlow tutorial prints stand here as they are; what it
    leaves out is the rest of its sums per address, split evenly."""
    web, archive, news = "198.189.255.75", "77.67.44.206", "63.245.221.11"
    pc = {n: f"192.168.1.{n}" for n in (102, 103, 104, 105)}
    flows = []
    archive_bytes, archive_requests = split(5403, 5), split(1655, 5)
    for i, (sent, received) in enumerate(zip((6, 5, 5, 5, 5), (5, 5, 5, 4, 4))):
        flows.append(Filler(("12:36:55.000", "12:36:55.210", "12:36:55.420", "12:36:56.100", "12:36:56.300")[i], 0.15 + 0.2 * i,
                            pc[104], 1251 + i, archive, 80, sent, archive_requests[i], received, archive_bytes[i]))
    requests = split(1915, 6)
    flows += [
        Filler("12:36:56.878", 0.093, pc[104], 1260, web, 80, 20, requests[0], 73, 95603),
        Filler("12:36:57.319", 0.057, pc[104], 1262, web, 80, 11, requests[1], 26, 30820),
        Filler("12:36:57.725", 0.028, pc[104], 1264, web, 80, 6, requests[2], 7, 5268, late_data=True),
        Filler("17:41:07.717", 41.899, pc[104], 1379, news, 80, 12, 1500, 18, 15606),
        Filler("17:41:18.229", 31.387, pc[104], 1384, news, 80, 9, 777, 8, 4184),
        Filler("00:37:24.836", 0.765, pc[104], 1908, web, 80, 20, requests[3], 74, 97078),
        Filler("00:37:25.700", 0.050, pc[104], 1909, web, 80, 5, requests[4], 5, 1690),
        Filler("00:37:25.961", 0.049, pc[104], 1910, web, 80, 9, requests[5], 19, 21634),
    ]
    flows += mail(pc[102], (89, 22018), (137, 6112), [
        ("18:58:29.346", 1.2, 1402, None, None), ("19:01:29.224", 0.022, 1405, (19, 5796), (28, 632)),
        ("19:14:19.091", 0.032, 1836, None, (26, 1370)), ("20:11:40.000", 0.8, 1850, None, None),
        ("23:33:34.260", 1.025, 1911, (20, 7079), None)])
    flows += mail(pc[103], (123, 27914), (195, 9730), [
        ("17:59:33.904", 2.652, 1397, None, (30, 1440)), ("18:23:50.267", 0.116, 1749, (19, 5679), (30, 1405)),
        ("18:39:10.000", 0.5, 1801, None, None), ("18:39:40.000", 0.5, 1803, None, None),
        ("18:42:03.669", 0.033, 1806, None, (28, 1370)), ("23:02:37.550", 0.771, 1934, (18, 5732), None),
        ("23:08:28.000", 0.785, 1940, None, None)])
    flows += mail(pc[104], (30, 2356), (51, 924), [
        ("18:40:10.000", 0.4, 1422, None, None), ("18:40:40.000", 0.4, 1424, None, None), ("21:05:00.000", 0.4, 1640, None, None)])
    flows += mail(pc[105], (101, 21396 - 92), (168, 8182), [  # 92: the client's bytes of the FTP control connection
        ("18:37:00.264", 1.597, 49218, None, (29, 1519)), ("18:38:00.152", 0.023, 49219, None, (30, 799)),
        ("18:41:10.000", 0.3, 49221, None, None), ("18:41:40.000", 0.3, 49223, None, None),
        ("19:25:38.071", 0.033, 49561, None, (28, 1466)), ("22:14:00.000", 0.3, 49601, None, None)])
    flows.sort(key=lambda flow: clock(flow.start))
    made = []
    for number, flow in enumerate(flows):
        # Left open, nine biflows live at once: the tutorials' peak of 18 directions.
        flow.finish = not "18:36" < flow.start[:5] < "18:43"
        made += flow.packets(0x10000000 + number * 0x01000193)
    return flows, made


def mail(client, sent, received, rows):
    """rows: start, seconds, client port, (packets, bytes) to the server or None, the same from the server."""
    free = {}
    for name, index, (count, size) in (("C", 3, sent), ("S", 4, received)):
        known = [row[index] for row in rows if row[index]]
        unknown = len(rows) - len(known)
        free[name] = list(zip(split(count - sum(k[0] for k in known), unknown), split(size - sum(k[1] for k in known), unknown)))
    flows = []
    for start, seconds, port, to_server, from_server in rows:
        flows.append(Filler(start, seconds, client, port, MAIL_SERVER, 25,
                            *(to_server or free["C"].pop(0)), *(from_server or free["S"].pop(0))))
    return flows


# The FTP session -----------------------------------------------------------------------------------------------------

def unescape(text):
    """Packet mode's L7 text back into bytes (T2 escapes \\b \\f \\n \\r \\t \\v and the backslash)."""
    codes = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
    out, escaped = "", False
    for char in text:
        if escaped:
            out += codes[char]
        elif char != "\\":
            out += char
        escaped = char == "\\" and not escaped
    return out.encode("ascii")


def control_rows():
    rows = {}
    for check in expected.read_expected(GOLDEN / "ftp_control" / "expected.tsv"):
        if isinstance(check, expected.Cell) and check.file == "packets":
            rows.setdefault(int(check.selector["pktNo"]), {})[check.column] = check.printed
    return rows


def control():
    """Packets of biflow 35 by packet number."""
    connection = Connection(CLIENT, 49329, FTP_SERVER, 21, 0x2A4B0000)
    made, received = {}, {"C": 0, "S": 0}
    for number, row in sorted(control_rows().items()):
        side = "C" if row["srcIP"] == CLIENT else "S"
        flags = {1266: SYN, 1267: SYN | ACK}.get(number, ACK)
        packet = connection.packet(side, int(row["time"].replace(".", "")), flags, content=unescape(row["l7Content"]),
                                   window=int(row["tcpWinSize"]))
        assert (str(packet.src_port), packet.dst, str(packet.dst_port)) == (row["srcPort"], row["dstIP"], row["dstPort"])
        assert (mac(packet.src), mac(packet.dst)) == (row["srcMac"], row["dstMac"])
        # The windows prove the texts complete, spaces included: each side's window moves by the bytes it has received.
        if not flags & SYN:
            base = 64860 - received["C"] if side == "C" else 4140 + received["S"]
            assert packet.window == base, (number, packet.window, base)
        received["S" if side == "C" else "C"] += len(packet.payload)
        made[number] = packet
    # After 306 s of silence; tutorial-netflow-export.txt counts 11 packets from the server where packet mode shows 10.
    made[5902] = connection.packet("S", CAPTURE_STOP, RST | ACK, window=4232)
    return made


def data_plan():
    """The data connection as (side, what) in order, without the handshake. Until force mode releases it and after."""
    forced = []
    client, server = FORCED_FROM_CLIENT - 2, FORCED_FROM_SERVER - 1
    for i in range(server):
        forced.append(("S", "segment"))
        while sum(1 for side, _ in forced if side == "C") < client * (i + 1) // server:
            forced.append(("C", "ack"))
    acks = [i for i, (side, _) in enumerate(forced) if side == "C"]
    forced[acks[len(acks) // 2]] = ("C", "zero window")
    assert acks[-1] == len(forced) - 1
    forced[-1] = ("C", "zero window")  # the second: packet 1422 releases the flow

    after = [("S", "probe"), ("C", "ack")]  # the server speaks first, so the client becomes B
    segments = -(-FILE_SIZE // MSS) - server
    bare = DATA_FROM_SERVER - FORCED_FROM_SERVER - segments - RETRANSMISSIONS - PROBES - 1  # 1: the FIN
    server_plan = ["segment"] * segments
    for i in range(RETRANSMISSIONS):
        server_plan.insert(200 + i * 270, "retransmission")
    for i in range(bare):
        server_plan.insert(150 + i * 900, "bare")
    client = DATA_FROM_CLIENT - FORCED_FROM_CLIENT - 1 - 2  # 1: above; 2: packets 5899 and 5901
    sent = 0
    for i, what in enumerate(server_plan):
        after.append(("S", what))
        while sent < client * (i + 1) // len(server_plan):
            sent += 1
            after.append(("C", "ack"))
            if sent == client // 3:  # the one zero window before the reset
                after[-1] = ("C", "zero window")
                after.append(("S", "probe"))
    after.append(("S", "fin"))
    return forced, after


def data(control_packets):
    """Packets of biflow 36 by packet number."""
    connection = Connection(CLIENT, 49330, FTP_SERVER, 64334, 0x2A4C0000)
    forced, after = data_plan()
    free = iter(number for number in range(1287, 5898) if number not in control_packets)
    made = {
        1280: connection.packet("C", 1258594163_408285, SYN, window=8192),
        1281: connection.packet("S", 1258594163_486500, SYN | ACK, window=4140),
        1282: connection.packet("C", 1258594163_487100, ACK),
    }
    left, last_size, acked = FILE_SIZE, 0, {}

    def add(side, what, number, time):
        nonlocal left, last_size
        if what == "segment":
            last_size = min(MSS, left)
            left -= last_size
            packet = connection.packet("S", time, size=last_size, window=4140)
        elif what == "retransmission":  # of the segment before
            packet = connection.packet("S", time, size=last_size, window=4140)
            packet.seq -= last_size
            connection.next_seq["S"] -= last_size
        elif what == "probe":
            packet = connection.packet("S", time, size=1, window=4140)
            connection.next_seq["S"] -= 1
        elif what == "fin":
            packet = connection.packet("S", time, FIN | ACK, window=4140)
        elif what == "bare":
            packet = connection.packet("S", time, window=4140)
        else:
            packet = connection.packet("C", time, window=0 if what == "zero window" else 64860)
        packet.direction = {"C": "B", "S": "A"}[side] if number > forced_at else packet.direction
        made[number] = packet

    numbers = [next(free) for _ in forced]
    forced_at = numbers[-1]
    early = [n for n in numbers if n < 1303]  # between two control packets of known time
    for i, ((side, what), number) in enumerate(zip(forced, numbers)):
        if number < 1303:
            time = 1258594163_650000 + 10000 * i
        else:
            first, last = len(early), len(numbers) - 1
            time = 1258594163_840000 + (1258594164_647755 - 1258594163_840000) * (i - first) // (last - first)
        add(side, what, number, time)
    for i, (side, what) in enumerate(after):
        if i == 0:
            time = 1258594165_240000
        else:
            time = 1258594165_319087 + (1258594185_427300 - 1258594165_319087) * (i - 1) // (len(after) - 2)
        add(side, what, next(free), time)
    assert next(free, None) is None and left == 0
    add("C", "ack", 5899, 1258594185_520000)
    made[5901] = connection.packet("C", 1258594191_015208, RST | ACK, window=0)
    made[5901].direction = "B"
    return made, forced_at


# All of it -----------------------------------------------------------------------------------------------------------

def fill_options(all_packets, direction, wanted_bytes):
    """Brings one direction to its octets: TCP options (NOPs) on the filler's payload packets, the odd rest as padding."""
    mine = [p for p in all_packets if p.direction == direction]
    missing = wanted_bytes - sum(p.wire_len() for p in mine)
    carriers = [p for p in mine if p.is_filler and p.payload and p.ip_end() >= 60]
    assert 0 <= missing <= 40 * len(carriers), (direction, missing, len(carriers))
    for packet, words in zip(carriers, split(missing // 4, len(carriers))):
        packet.options = 4 * words
    if missing % 4:
        next(p for p in mine if p.wire_len() == 60 and p.ip_end() <= 56 and p.is_filler).padded_to += missing % 4


def build():
    """All packets in order, checked against every sum the tutorials print."""
    flows, early = filler()
    late = control()
    data_packets, forced_at = data(late)
    late.update(data_packets)
    for packet in early:
        packet.is_filler = True
    early.sort(key=lambda packet: packet.time)
    assert len(early) == 1265 and sorted(late) == list(range(1266, 5903))
    everything = early + [late[number] for number in sorted(late)]
    fill_options(everything, "A", A_BYTES)
    fill_options(everything, "B", B_BYTES)
    check(everything, flows, forced_at)
    return everything


def check(everything, flows, forced_at):
    def total(direction=None):
        chosen = [p for p in everything if direction in (None, p.direction)]
        return len(chosen), sum(p.wire_len() for p in chosen)

    assert all(x.time <= y.time for x, y in zip(everything, everything[1:]))
    assert everything[0].time == CAPTURE_START and everything[-1].time == CAPTURE_STOP
    assert CAPTURE_STOP - CAPTURE_START == DURATION_US
    assert total() == (TOTAL_PACKETS, TOTAL_BYTES)
    assert total("A") == (A_PACKETS, A_BYTES)
    assert total("B") == (B_PACKETS, B_BYTES)
    assert 24 + 16 * TOTAL_PACKETS + TOTAL_BYTES == FILE_BYTES
    assert sum(len(p.payload) for p in everything) == L7_BYTES
    full = sum(min(p.ip_end(), p.wire_len()) for p in everything)
    assert round(TOTAL_BYTES * 8 * 1000000 / DURATION_US) == RAW_BANDWIDTH
    assert round(full * 8 * 1000000 / DURATION_US) == FULL_BANDWIDTH, full
    assert max(p.wire_len() for p in everything) <= 1514

    def key(p):
        return frozenset(((p.src, p.src_port), (p.dst, p.dst_port)))

    order = list(dict.fromkeys(key(p) for p in everything))
    assert len(flows) == 34 and len(order) == BIFLOWS
    assert order[34] == key(everything[1265]) and order[35] == key(everything[1279])
    assert everything[1265].time == 1258594162_928342

    # Per source address, tutorial-netflow-export.txt "Top 10 Src IP Addr": flows, packets, L7 octets.
    sources = {"192.168.1.104": (16, 148, 8203), "192.168.1.102": (5, 89, 22018), "192.168.1.105": (8, 1626, 21396),
               "192.168.1.1": (21, 551, 24948), "192.168.1.103": (7, 123, 27914), "63.245.221.11": (2, 26, 19790),
               "198.189.255.75": (6, 204, 252093), "77.67.44.206": (5, 23, 5403), "143.166.11.10": (2, 3112, 4270089)}
    for address, wanted in sources.items():
        mine = [p for p in everything if p.src == address]
        found = len({key(p) for p in mine}), len(mine), sum(len(p.payload) for p in mine)
        assert found == wanted, (address, found, wanted)
    assert sum(wanted[0] for wanted in sources.values()) == 2 * BIFLOWS

    # Force mode: the second zero window of a direction, and no third.
    windows = [(number, p) for number, p in enumerate(everything, 1) if p.window == 0]
    assert all(p.src == CLIENT and p.dst_port == 64334 for _, p in windows) and len(windows) == 4
    assert windows[1][0] == forced_at and windows[1][1].time == 1258594164_647755
    assert windows[3][0] == 5901 and windows[3][1].time == 1258594191_015208
    first, second = [p for p in everything[forced_at:] if key(p) == order[35]][:2]
    assert first.src == FTP_SERVER and second.src == CLIENT and second.time == 1258594165_319087
    assert peak_directions(everything, key) == 18


def peak_directions(everything, key):
    """Live directions at most, when an open connection idles for 610 s and a closed one for 10 s (0.1 s after RST)."""
    live, peak = {}, 0
    for p in everything:
        for gone in [k for k, (_, due) in live.items() if p.time >= due]:
            del live[gone]
        ends, _ = live.get(key(p), (set(), 0))
        ends = ends | {(p.src, p.flags & FIN)}
        closed = len({src for src, fin in ends if fin}) == 2
        live[key(p)] = ends, p.time + (100_000 if p.flags & RST else 10_000_000 if closed else 610_000_000)
        peak = max(peak, sum(len({src for src, _ in ends}) for ends, _ in live.values()))
    return peak


def main():
    next_id = {}

    def frames():
        for packet in build():
            # One counter per host, never 0: no direction repeats an identification.
            next_id[packet.src] = next_id.get(packet.src, 0) % 65535 + 1
            yield packet.time, packet.frame(next_id[packet.src])

    write_pcap(sys.argv[1], frames())


if __name__ == "__main__":
    main()
