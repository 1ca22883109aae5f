#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""counters_test.py FLOWXDP replay|kernel: each counter is raised by its cause, by as much as the input says, and by nothing else.

CASES is the table: a cause, and what every counter is then. A counter that a case does not name must be 0 in it. The names are
those of the program's own --json: one that is added there and raised by no case fails the test.

replay: captures through the native engine, and sinks; no root. kernel: the same captures through the program in the kernel, that
program step by step (sensor_steps.cpp), and live sensors; exit 77 where BPF programs may not be loaded.
"""
import collections
import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import platform
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../system")]
import frames
import veth

FLOWXDP, MODE = sys.argv[1:3]
NEEDS = "first_payload"  # the plugin of tests/needs, of a bundle of its own
STREAMS = "seen_bytes"  # likewise
LIB = os.path.join(os.path.dirname(os.path.realpath(FLOWXDP)), "../lib/flowxdp_needs")
STEPS = os.path.join(os.path.dirname(os.path.realpath(FLOWXDP)), "sensor_steps")
SECOND = 10**9

# ---- frames

def ip4(proto, body, source, ident=0, fragment=0, length=None):
    return frames.ethernet(frames.IPV4, frames.ipv4(proto, body, 0x0a000000 + source, total=length, ident=ident, fragment=fragment))


def udp(flow=0, payload=18, port=9, claimed=None):
    """42 bytes of headers and the payload, as long as it is or claims to be; each flow has a client of its own."""
    data = 8 + (payload if claimed is None else claimed)
    return ip4(frames.UDP, frames.udp(40000, port, bytes(payload), data), flow, length=20 + data)


def tcp(flow=0, window=0, payload=0):
    return ip4(frames.TCP, frames.tcp(40000, 80, window=window, body=bytes(payload)), flow)


def arp(flow=0):
    return frames.ethernet(frames.ARP, bytes(28), f"0200000000{flow:02x}", "ffffffffffff")


def first_fragment(ident):
    return ip4(frames.UDP, frames.udp(40000, 9, bytes(56)), 0, ident, 0x2000)


def later_fragment(ident):
    return ip4(frames.UDP, bytes(64), 0, ident, 0x2000 | 8)


SHORT = bytes(13)  # an Ethernet header has 14 bytes


def capture(*timed, link_type=1):
    """A pcap file of (seconds, frame)."""
    return frames.pcap(((seconds * frames.MICROSECONDS, frame) for seconds, frame in timed), link_type)


def capture_ng(microseconds, data):
    """A pcapng file of one frame: a section header, an interface and an enhanced packet block."""
    return frames.pcapng_section() + frames.pcapng_interface() + frames.pcapng_packet(microseconds, data)


# ---- the table

Case = collections.namedtuple("Case", "cause run expected")
CASES = {"replay": [], "steps": [], "sinks": [], "live": []}
# Numbers of the report that say how things stand, not what happened.
GAUGES = {"sink.queued_bytes", "sink.queue_peak_bytes", "sink.queue_limit_bytes"}


def case(where, cause, *arguments, expected=None, **counters):
    """expected(facts): further counters, of sizes that the program's records have or of what a receiver got."""
    CASES[where].append(Case(cause, arguments, lambda facts: {**counters, **(expected(facts) if expected else {})}))


def sink(**counters):
    return {"sink." + name: value for name, value in counters.items()}


# Captures, through both engines. All flows have one direction, so each is one row of the T2 text file.
def replay(cause, data, options=(), **counters):
    rows = counters["flows_started"]
    case("replay", cause, data, options, **counters, **sink(rows=rows, sent=rows))


replay("7 packets of 3 flows: no loss", capture(*((1, udp(n % 3)) for n in range(7))),
       packets_seen=7, flows_started=3, flows_ended_input=3)
MEMORIES = 262144
replay("a plugin wants packets of 3 flows more than there is memory for", capture(*((1, udp(n)) for n in range(MEMORIES + 3))),
       ("--lib", LIB, "--plugin", NEEDS, "--max-flows", "300000"),
       packets_seen=MEMORIES + 3, flows_started=MEMORIES + 3, flows_ended_input=MEMORIES + 3, flow_memories_dropped=3)
HEADS = 1024  # of 1 KiB each, in the smallest --plugin-memory
replay("a plugin reads 5 TCP streams more than there is memory for", capture(*((1, tcp(n, window=9, payload=1024)) for n in range(HEADS + 5))),
       ("--lib", LIB, "--plugin", STREAMS, "--plugin-memory", "1M"),
       packets_seen=HEADS + 5, flows_started=HEADS + 5, flows_ended_input=HEADS + 5, stream_heads_dropped=5)
replay("4 of 10 frames do not match the filter",
       capture(*((1, udp(n, port=53 if n < 6 else 54)) for n in range(10))), ("udp", "port", "53"),
       packets_seen=10, packets_filtered=4, flows_started=6, flows_ended_input=6)
replay("4 of 7 packets are copies, and dedup leaves them out", capture(*[(1, udp())] * 3, (1, udp(1)), *[(1, udp())] * 2, (2, udp())),
       ("--plugin", "dedup:leave_out=1"), packets_seen=7, packets_left_out=4, flows_started=2, flows_ended_input=2)
replay("3 frames end inside of their Ethernet header", capture((1, udp()), *[(1, SHORT)] * 3),
       packets_seen=4, packets_short_frame=3, flows_started=1, flows_ended_input=1)
replay("5 frames of a link type of no known layout (USER0)", capture(*[(1, udp())] * 5, link_type=147),
       packets_seen=5, packets_link_unsupported=5, flows_started=0, problems=1)
replay("a packet finds its flow silent for 182 s, twice", capture((1, udp()), (183, udp()), (365, udp())),
       packets_seen=3, flows_started=3, flows_ended_idle=2, flows_ended_input=1)
replay("5 flows are silent for 182 s while another goes on",
       capture(*((1, udp(n)) for n in range(6)), (100, udp(5)), (200, udp(5))),
       packets_seen=8, flows_started=6, flows_ended_idle=5, flows_ended_input=1)
replay("a flow of 21 packets, one a second, is cut after 10 s, twice",
       capture(*((n, udp()) for n in range(1, 22))), ("--active-timeout", "10"),
       packets_seen=21, flows_started=3, flows_ended_active=2, flows_ended_input=1)
replay("6 packets with a window below 1, each of which forces its flow to end", capture(*((1, tcp(n % 2)) for n in range(6))),
       ("--plugin", "tcp_win:threshold=1,force_at=1"), packets_seen=6, flows_started=6, flows_ended_forced=6)
replay("the capture's clock steps back by more than a minute, three times",
       capture((1000, udp(0)), (900, udp(1)), (950, udp(2)), (880, udp(3)), (800, udp(4))),
       packets_seen=5, flows_started=5, flows_ended_input=5, clock_steps=3)
replay("3 later fragments, of datagrams whose first one is not there", capture(*((1, later_fragment(n)) for n in range(3))),
       packets_seen=3, flows_started=1, flows_ended_input=1, fragments_unmatched=3)
replay("2 later fragments follow their first one: no loss",
       capture((1, first_fragment(7)), (1, later_fragment(7)), (1, later_fragment(7))),
       packets_seen=3, flows_started=1, flows_ended_input=1)
replay("the file ends inside of its fourth packet", capture(*[(1, udp())] * 4)[:-10],
       packets_seen=3, flows_started=1, flows_ended_input=1, damages=1)
replay("a time stamp lies behind 2262", capture_ng(2**63, udp()), packets_seen=1, flows_started=1, flows_ended_input=1, problems=1)
replay("the filter has no meaning for the file's link type (LOOP)",
       capture(*[(1, bytes(4) + udp()[14:])] * 2, link_type=108), ("ether", "host", "02:00:00:00:00:0a"),
       packets_seen=2, packets_filtered=2, flows_started=0, problems=1)


# The program in the kernel, step by step.
def steps(cause, options, script, expected=None, **counters):
    case("steps", cause, options, script, expected=expected, **counters)


def frame(data, seconds=1, wire=None, captured=None):
    return f"run {seconds * SECOND} {wire or len(data)} {captured or len(data)} {data.hex()}"


def in_ring(ring, record):
    """How many records of so many bytes a ring holds: each takes 8 bytes more, one byte stays free (kernel/bpf/ringbuf.c)."""
    return (ring - 1) // (8 + (record + 7) // 8 * 8)


PAGE = 4096
ELSEWHERE = 0xfffffff1  # a lock's holder: no CPU has that number
with open(os.path.join(HERE, "../../bpf/account.bpf.h")) as source:
    TRIES = int(re.search(r"#define FLOW_ATTEMPTS (\d+)", source.read())[1])  # a packet's, before it is a record of its own
SLOTS = 8192            # FRAGMENT_SLOTS

steps("9 packets of 3 flows: no loss", [], [frame(udp(n % 3)) for n in range(9)],
      packets_seen=9, flows_started=3, flows_ended_input=3)
steps("4 of 10 frames do not match the filter", ["filter=udp port 53"],
      [frame(udp(n, port=53 if n < 6 else 54)) for n in range(10)],
      packets_seen=10, packets_filtered=4, flows_started=6, flows_ended_input=6)
steps("a leaving buffer becomes 3 frames, another one that does not match the filter 2",
      ["egress", "live_clock", "filter=tcp src port 40000"], [f"leave 600 {tcp(0, 1000, 1500).hex()}",
                                                              f"leave 600 {udp(1, 1000).hex()}"],
      packets_seen=5, packets_filtered=2, flows_started=1, flows_ended_input=1)
steps("3 frames end inside of their Ethernet header", [], [frame(udp())] + [frame(SHORT)] * 3,
      packets_seen=4, packets_short_frame=3, flows_started=1, flows_ended_input=1)
steps("a packet finds its flow over, and 5 flows fall due", [],
      [frame(udp(n)) for n in range(6)] + [frame(udp(5), 183), f"evict due {183 * SECOND}"],
      packets_seen=7, flows_started=7, flows_ended_idle=6, flows_ended_input=1)
steps("a flow of 21 packets, one a second, is cut after 10 s, twice", ["active_timeout=10"],
      [frame(udp(), n) for n in range(1, 22)],
      packets_seen=21, flows_started=3, flows_ended_active=2, flows_ended_input=1)
steps("5 flows leave early because the table fills", [], [frame(udp(n)) for n in range(5)] + [f"evict early {SECOND}"],
      packets_seen=5, flows_started=5, flows_ended_resources=5)
steps("100 flows, a table of 64: the other 36 leave as records of their own", ["max_flows=64"], [frame(udp(n)) for n in range(100)],
      packets_seen=100, flows_started=100, flows_ended_input=64, flows_ended_resources=36, table_full=36, one_packet_records=36)


def full_table_and_ring(facts):
    alone = in_ring(PAGE, facts["ended_bytes"])
    return {"flows_started": 64 + alone, "flows_ended_resources": alone, "one_packet_records": alone,
            "packets_unattributed": 36 - alone, "octets_unattributed": 60 * (36 - alone)}


steps("the same, and the ring has room for a few records: 60 octets each have no flow", ["max_flows=64", f"ring={PAGE}"],
      [frame(udp(n)) for n in range(100)], full_table_and_ring, packets_seen=100, flows_ended_input=64, table_full=36)


def late_idle(facts):
    ended = in_ring(PAGE, facts["ended_bytes"])
    return {"flows_started": 100 + ended, "flows_ended_idle": ended, "boundaries_moved": 100 - ended}


steps("100 packets find their flows over, and the ring has room for a few ends", [f"ring={PAGE}"],
      [frame(udp(n)) for n in range(100)] + [frame(udp(n), 200) for n in range(100)], late_idle,
      packets_seen=200, flows_ended_input=100)


def late_force(facts):
    return {"boundaries_moved": 100 - in_ring(PAGE, facts["ended_bytes"])}


steps("100 packets force their flows to end, and the ring has room for a few ends: the others come with the eviction",
      [f"ring={PAGE}", "plugin=tcp_win:threshold=1,force_at=1"], [frame(tcp(n)) for n in range(100)], late_force,
      packets_seen=100, flows_started=100, flows_ended_forced=100)
steps("2 packets cannot lock their flow's record within any of their tries", [],
      [frame(udp()), f"set flow_lock {ELSEWHERE}", frame(udp()), frame(udp()), "set flow_lock 0"],
      packets_seen=3, flows_started=3, flows_ended_input=1, lock_contended=2 * TRIES, one_packet_records=2, flows_ended_resources=2)
steps("a first and a later fragment cannot lock the slot of their datagram", [],
      [f"set fragment_lock {ELSEWHERE}", frame(first_fragment(7)), frame(later_fragment(7)), "set fragment_lock 0"],
      packets_seen=2, flows_started=2, flows_ended_input=2, lock_contended=2, fragments_unmatched=1)
# The second try finds the record by the front, the others by the table.
steps("a packet finds the record of a flow that was evicted and not deleted yet", [],
      [frame(udp()), "set flow_state 0", frame(udp()), "set flow_state 2"],
      packets_seen=2, flows_started=2, flows_ended_input=1, identity_missed=TRIES - 1, front_missed=1, one_packet_records=1,
      flows_ended_resources=1)
steps("a packet finds the record of a flow that another one has inserted and not begun", [],
      [frame(udp()), "set flow_state 1", frame(udp()), "set flow_state 2"],
      packets_seen=2, flows_started=2, flows_ended_input=1, identity_missed=TRIES - 1, front_missed=1, one_packet_records=1,
      flows_ended_resources=1)
steps("the front of the table names the record in slot 0 for all flows that found their homes taken", ["max_flows=64"],
      [frame(udp(n)) for n in range(40)] * 2 + ["set front 0"] + [frame(udp(n)) for n in range(40)],
      lambda facts: {"front_missed": max(1, facts["front_misled"])}, packets_seen=120, flows_started=40, flows_ended_input=40)
steps("packet mode, 100 packets, and the ring has room for a few rows", ["packet_mode", f"ring={PAGE}"],
      [frame(udp(payload=0))] * 100,
      lambda facts: {"packet_rows_lost": 100 - in_ring(PAGE, facts["row_bytes"])},
      packets_seen=100, flows_started=1, flows_ended_input=1)
steps("a plugin wants 100 packets with payload, and the ring has room for a few", [f"lib={LIB}", f"plugin={NEEDS}", f"ring={PAGE}"],
      [frame(udp(n)) for n in range(100)],
      lambda facts: {"wanted_packets_lost": 100 - in_ring(PAGE, facts["row_bytes"] + 16)},
      packets_seen=100, flows_started=100, flows_ended_input=100)
# A frame of 60 bytes takes 32 of head and 64.
steps("extraction, 100 frames, and the ring has room for a few", ["extraction", f"ring={PAGE}"], [frame(udp())] * 100,
      packets_seen=100, flows_started=1, flows_ended_input=1, frames_lost=100 - in_ring(PAGE, 32 + 64))
steps("3 of 5 frames are longer than an extracted frame may be", ["extraction", "live_clock", "frame_max=64"],
      [frame(udp(payload=n)) for n in (21, 22, 23, 100, 1000)], packets_seen=5, flows_started=1, flows_ended_input=1, frames_cut=3)
steps("the kernel has 60 of 1,000 captured bytes of 2 frames", ["extraction"],
      [frame(udp(), wire=1000, captured=1000)] * 2 + [frame(udp())],
      packets_seen=3, flows_started=1, flows_ended_input=1, bytes_unreadable=2)
steps("the kernel has 18 of 500 captured bytes of a payload", ["packet_mode"],
      [frame(udp(claimed=500), wire=542, captured=542), frame(udp())],
      packets_seen=2, flows_started=1, flows_ended_input=1, bytes_unreadable=1)
steps("3 of 5 frames are longer than the MTU lets them be", ["longest_frame=1514"],
      [frame(udp(), wire=n, captured=60) for n in (60, 1514, 1515, 3000, 64000)],
      packets_seen=5, flows_started=1, flows_ended_input=1, frames_merged=3)
steps("2 packets cannot have their turn in the order of an extraction", ["extraction"],
      [frame(udp()), f"set turn {ELSEWHERE}", frame(udp()), frame(udp()), "set turn 0"],
      packets_seen=3, flows_started=1, flows_ended_input=1, order_missed=2)
steps("an eviction call cannot lock the record of one of its 2 flows", [],
      [frame(udp()), f"set flow_lock {ELSEWHERE}", frame(udp(1)), f"evict due {200 * SECOND}", "set flow_lock 0"],
      packets_seen=2, flows_started=2, flows_ended_idle=1, flows_ended_input=1, lock_contended=1)
steps("an eviction call of 3 flows cannot have its turn", ["extraction"],
      [frame(udp(n)) for n in range(3)] + [f"set turn {ELSEWHERE}", f"evict due {200 * SECOND}", "set turn 0"],
      packets_seen=3, flows_started=3, flows_ended_idle=3, order_missed=3)
steps("4 later fragments, of datagrams whose first one is not there", [], [frame(later_fragment(n)) for n in range(4)],
      packets_seen=4, flows_started=1, flows_ended_input=1, fragments_unmatched=4)
# Each but those that were the first one in their slot.
steps("twice as many unfinished datagrams as there are fragment slots", [],
      [frame(first_fragment(n)) for n in range(2 * SLOTS)],
      lambda facts: {"fragment_collisions": 2 * SLOTS - facts["fragment_slots"]},
      packets_seen=2 * SLOTS, flows_started=1, flows_ended_input=1)
steps("somebody else wrote into the outbox of 3 flows, before a daemon took over", [],
      [frame(udp(n)) for n in range(3)] + [f"evict due {200 * SECOND}", "damage outbox"],
      packets_seen=3, flows_started=3, flows_ended_idle=3, records_damaged=3)
steps("somebody else moved the position to which the ring was read, before a daemon took over", [], [frame(udp()), "damage ring"],
      packets_seen=1, flows_started=1, flows_ended_input=1, records_damaged=1)

# Sinks: what a function does with a replay and a receiver.


def to_sink(cause, function, *arguments, expected=None, **counters):
    case("sinks", cause, function, *arguments, expected=expected, **counters)


def full_disk(folder):
    return replay_to(folder, [(1, udp(n)) for n in range(3)], "--sink", "json:/dev/full")


def collector(folder):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        return replay_to(folder, [(1, arp(n)) for n in range(4)] + [(1, udp(n)) for n in range(3)],
                         "--sink", f"netflow:udp://127.0.0.1:{receiver.getsockname()[1]},l2=0")


def nobody_reads(folder):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return replay_to(folder, [(1, udp(n)) for n in range(3)], "-w", "-", stdout=writer)
    finally:
        os.close(writer)


def hangs_up(folder, flows):
    """The receiver has every row in its buffer, reads none, and closes; then it takes them all from a second connection."""
    packets = [(1, udp(n)) for n in range(flows)]
    replay_to(folder, packets, "-w", folder + "/want")
    with open(folder + "/want_flows.txt", "rb") as file:
        want = file.read()
    with listening(folder + "/receiver") as listener:
        sender = start_replay(folder, packets, "--sink", f"socket:unix:{folder}/receiver", stdin=subprocess.DEVNULL)
        first, _ = listener.accept()
        veth.until(lambda: struct.unpack("i", fcntl.ioctl(first, termios.FIONREAD, bytes(4)))[0] == len(want), "all rows have come")
        first.close()
        second, _ = listener.accept()
        got = read_all(second)
        assert got == want, (got, want)
        return finished(sender, folder), {}


def reads_nothing(folder, flows):
    """The receiver reads nothing before the report says that rows were dropped; then all that comes."""
    with listening(folder + "/receiver") as listener:
        target = f"socket:unix:{folder}/receiver,policy=drop,queue=65536,keep=1,patience=3600,drain=3600"
        sender = start_replay(folder, [(n, udp(n)) for n in range(flows)], "--max-flows", "16", "--sink", target,
                              stdin=subprocess.PIPE)
        with open(folder + "/in.pcap", "rb") as file:
            sender.stdin.write(file.read())
        sender.stdin.flush()
        connection, _ = listener.accept()

        def drops():
            sender.send_signal(signal.SIGUSR1)
            return any(report["sinks"][0]["dropped"] for report in reports_in(folder + "/said"))

        veth.until(drops, "rows are dropped")
        sender.stdin.close()
        lines = read_all(connection).splitlines()
        assert lines[0].startswith(b"%"), lines[0]
        return finished(sender, folder), {"received": len(lines) - 1}


to_sink("3 rows for a disk that is full", full_disk, packets_seen=3, flows_started=3, flows_ended_input=3,
        **sink(rows=3, dropped=3, dropped_not_delivered=3, errors=1))
to_sink("3 rows of IP flows and 4 of others, which NetFlow with l2=0 has no place for", collector,
        packets_seen=7, flows_started=7, flows_ended_input=7, **sink(rows=7, sent=3, skipped=4))
to_sink("3 rows for a standard output that nobody reads", nobody_reads, packets_seen=3, flows_started=3, flows_ended_input=3,
        **sink(rows=3, unread=3))
to_sink("a receiver hangs up before it has read any of 20 rows", hangs_up, 20,
        packets_seen=20, flows_started=20, flows_ended_input=20, **sink(rows=20, sent=20, retried=20, errors=1))
to_sink("6,000 rows for a receiver that does not read, with policy=drop", reads_nothing, 6000,
        packets_seen=6000, flows_started=6000, flows_ended_resources=6000 - 16, flows_ended_input=16, table_full=6000 - 16,
        expected=lambda facts: sink(rows=facts["received"], sent=facts["received"], dropped=6000 - facts["received"],
                                    dropped_queue_full=6000 - facts["received"]))

# Live sensors: what a function does with a network.


def live(cause, function, expected=None, **counters):
    case("live", cause, function, expected=expected, **counters)


def attach(network, folder, *options, **more):
    return veth.Sensor(network, folder + "/live", network.veths[0], "--json", *options, **more)


def ended(sensor):
    code, report = sensor.stop()
    return checked(report, code)


def all_is_well(network, folder):
    sensor = attach(network, folder, "-e", "all")
    network.send(flows=5, packets=8)
    (status,) = network.status(network.veths[0])
    # Flows that are alive are no loss.
    sensor.process.send_signal(signal.SIGUSR1)
    (between,) = veth.until(lambda: reports_in(sensor.errors.name), "the sensor reports")
    assert between["packets"] == 40 and not between["incomplete"], between
    report = ended(sensor)
    names = report["counters"].keys() - {"records_damaged", "flow_memories_dropped", "stream_heads_dropped"}
    assert status["counters"].keys() == names, status["counters"].keys() ^ names
    assert status["counters"]["packets_seen"] == 40, status
    return report, {}


def capture_of_limited_size(network, folder):
    """The files of this sensor have no more than 16 KiB."""
    sensor = attach(network, folder, "-e", "all", wrapper=("env", "--ignore-signal=XFSZ", "prlimit", "--fsize=16384"))
    network.send(flows=1, packets=200)
    report = ended(sensor)
    written = 0
    with open(folder + "/live.pcapng", "rb") as file:
        while head := file.read(8):
            kind, length = struct.unpack("<II", head)
            written += kind == 6  # enhanced packet block
            assert len(file.read(length - 8)) == length - 8, "the file ends inside of a block"
    return report, {"written": written}


def written_into(network, folder):
    """A daemon is killed, the position to which the ring was read is moved, and another one takes over."""
    sensor = attach(network, folder)
    network.send(flows=5, packets=8)
    sensor.kill()
    (status,) = network.status(network.veths[0])
    name = ctypes.create_string_buffer(os.fsencode(status["pins"] + "/ring"))
    call = {"x86_64": 321, "aarch64": 280}[platform.machine()]  # bpf(2), BPF_OBJ_GET
    ring = ctypes.CDLL(None, use_errno=True).syscall(call, 7, struct.pack("<QII", ctypes.addressof(name), 0, 0), 16)
    assert ring >= 0, os.strerror(ctypes.get_errno())
    with mmap.mmap(ring, mmap.PAGESIZE) as consumer:
        consumer[:8] = struct.pack("<Q", struct.unpack("<Q", consumer[:8])[0] + 1)
    os.close(ring)
    return ended(attach(network, folder)), {}


live("40 packets of 5 flows, with their frames: no loss", all_is_well, packets_seen=40, flows_started=5, flows_ended_input=5,
     **sink(rows=5, sent=5), **{"capture.frames": 40})
live("200 frames for a file that ends at 16 KiB", capture_of_limited_size,
     expected=lambda facts: {"capture.dropped": 200 - facts["written"]},
     packets_seen=200, flows_started=1, flows_ended_input=1, **sink(rows=1, sent=1), **{"capture.frames": 200})
live("somebody else wrote into the ring before a daemon took over", written_into,
     packets_seen=40, flows_started=5, flows_ended_input=5, records_damaged=1, **sink(rows=5, sent=5))

# ---- running it


def numbers(report):
    """Every number of a report that counts something, by name."""
    counted = dict(report["counters"])
    for group, kind in (("sinks", "sink"), ("captures", "capture")):
        for one in report.get(group, ()):
            for name, value in one.items():
                if isinstance(value, int) and f"{kind}.{name}" not in GAUGES:
                    counted[f"{kind}.{name}"] = counted.get(f"{kind}.{name}", 0) + value
    for name in ("damages", "problems"):
        counted[name] = len(report.get(name, ()))
    return counted


def compare(counted, expected):
    unknown = expected.keys() - counted.keys()
    assert not unknown, f"no such counters: {unknown}"
    wrong = {name: f"{value}, not {expected.get(name, 0)}" for name, value in counted.items() if value != expected.get(name, 0)}
    assert not wrong, wrong


WITHOUT_FLOW = ("packets_filtered", "packets_short_frame", "packets_link_unsupported", "packets_unattributed")
# What makes a run incomplete: exit code 3. The others say where a packet is, or what became of it on its way there.
LOSSES = ("packets_unattributed", "packet_rows_lost", "wanted_packets_lost", "flow_memories_dropped", "stream_heads_dropped", "frames_lost",
          "frames_cut", "bytes_unreadable", "order_missed", "records_damaged", "damages", "problems", "sink.dropped", "capture.dropped")


def checked(report, code):
    """The report as JSON, the last line."""
    report = json.loads(report.splitlines()[-1])
    assert report["ledger"]["difference"] == 0, report["ledger"]
    counted = numbers(report)
    lost = [name for name in LOSSES if counted.get(name)]
    assert report["incomplete"] == bool(lost), f"incomplete is {report['incomplete']}, lost is {lost}"
    assert code == (3 if lost else 0), (code, lost)
    return report


REPLAY = (FLOWXDP, "replay", "--json", "--no-plugin", "tcp_states")


def run_replay(folder, data, options, engine):
    path = folder + "/in.pcap"
    with open(path, "wb") as out:
        out.write(data)
    # A filter stands behind the file.
    split = 0 if not options or options[0].startswith("-") else len(options)
    done = subprocess.run([*REPLAY, "-q", "--engine", engine, "-w", folder + "/out", *options[split:], path, *options[:split]],
                          capture_output=True, text=True)
    if done.returncode == 77:
        raise veth.Skip(done.stderr)
    return checked(done.stdout, done.returncode), {}


def replay_to(folder, frames, *options, stdout=subprocess.PIPE):
    with open(folder + "/in.pcap", "wb") as out:
        out.write(capture(*frames))
    done = subprocess.run([*REPLAY, "-q", folder + "/in.pcap", *options], stdout=stdout, stderr=subprocess.PIPE, text=True)
    # By standard error where standard output is for rows.
    return checked(done.stdout or done.stderr, done.returncode), {}


def start_replay(folder, frames, *options, stdin):
    """Of a file, or of a pipe that is the caller's to fill."""
    with open(folder + "/in.pcap", "wb") as out:
        out.write(capture(*frames))
    source = "-" if stdin == subprocess.PIPE else folder + "/in.pcap"
    with open(folder + "/said", "w") as said:
        return subprocess.Popen([*REPLAY, source, *options], stdin=stdin, stdout=subprocess.DEVNULL, stderr=said)


def reports_in(path):
    """What SIGUSR1 made a run say so far."""
    with open(path) as said:
        return [json.loads(line) for line in said if line.startswith("{") and line.endswith("\n")]


def finished(process, folder):
    code = process.wait(timeout=60 * veth.PATIENCE)
    with open(folder + "/said") as said:
        return checked(said.read(), code)


@contextlib.contextmanager
def listening(address):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(60 * veth.PATIENCE)
        listener.bind(address)
        listener.listen(1)
        yield listener


def read_all(connection):
    with connection:
        return b"".join(iter(lambda: connection.recv(1 << 20), b""))


def run_steps(folder, options, script):
    done = subprocess.run([STEPS, *options], input="\n".join(script) + "\n", capture_output=True, text=True)
    if done.returncode == 77:
        raise veth.Skip(done.stderr)
    assert done.returncode == 0, done
    report = json.loads(done.stdout)
    counters = report["counters"]
    assert counters["packets_seen"] == report["in_flows"] + sum(counters[name] for name in WITHOUT_FLOW), report
    assert report["left_in_table"] == 0, report
    return report, report


FAILED = []
NAMES = set()  # of all that the program counts, as its reports have them
# Of about the size that they are, to know without a run which counters a case raises.
SOME_FACTS = {"ended_bytes": 400, "row_bytes": 256, "fragment_slots": SLOTS // 2, "front_misled": 3, "received": 100, "written": 50}


def run_live(folder, function):
    with veth.Network(FLOWXDP, "fxco") as network:
        return function(network, folder)


def check(where, runner, *more):
    for one in CASES[where]:
        begun = time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as folder:
                report, facts = runner(folder, *one.run, *more)
            counted, expected = numbers(report), one.expected(facts)
            NAMES.update(counted)
            compare(counted, expected)
        except AssertionError as error:
            FAILED.append(one.cause)
            print(f"FAILED: {where}: {one.cause}: {error}", flush=True)
            continue
        said = ", ".join(f"{name} {value}" for name, value in expected.items() if value and not name.startswith("flows_"))
        print(f"ok: {' '.join((where, *more))}: {one.cause}: {said} ({time.monotonic() - begun:.1f} s)", flush=True)


def check_that_all_are_raised():
    raised = {name for cases in CASES.values() for one in cases for name, value in one.expected(SOME_FACTS).items() if value}
    missing = NAMES - raised
    if missing:
        FAILED.append("missing")
        print("FAILED: no case raises", ", ".join(sorted(missing)))
    else:
        print(f"ok: each of {len(NAMES)} counters has a case that raises it, and is 0 in all others")


if MODE == "replay":
    check("replay", run_replay, "native")
    check("sinks", lambda folder, function, *arguments: function(folder, *arguments))
else:
    try:
        check("replay", run_replay, "bpf")
        check("steps", run_steps)
        check("live", run_live)
    except veth.Skip as skip:
        print("SKIP:", skip)
        sys.exit(77)
check_that_all_are_raised()
sys.exit(bool(FAILED))
