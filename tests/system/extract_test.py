#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""extract_test.py FLOWXDP: `attach -e alarmed` and `-e matching`, on two veth pairs between two namespaces of its own.

Facts: two sensors receive the same frames, one writes all (-e all), the other those of alarmed flows. Replay of the first one's
capture with -e alarmed extracts, byte for byte and in this order, the frames that the second one wrote. They are those of the
connection whose window closed three times, both directions, from the third time on; bit 52 of flowStat marks these flows alone.
With -e matching they are those of the connection of which a packet matches, both directions, from that packet on.
The kernel sent no other frame. Frames that find the ring full are counted, and with them the numbers add up.
"""
import os
import struct
import subprocess

import veth

FRAMES = 4000
ALARM = ("--plugin", "tcp_win:alarm_at=3")
# Two connections in turn; two packets of the client, one of the server. The first client's window closes at turns 150, 300, 450, ...
ALARMED_FROM = 2 * 450
# The second client's first packet whose identification is at least 1000: packets 3 k and 3 k + 1 of a connection are the client's.
MATCHING = ("--extract-filter", "src port 20001 and ip[4:2] >= 1000")
MATCHING_FROM = 2 * 501 + 1
SEND = """
import socket, sys
import frames
def build():
    client, server = '192.0.2.1', '192.0.2.2'
    for n in range(%d):
        port, turn = 20000 + n %% 2, n // 2
        there = turn %% 3 != 2
        window = 0 if port == 20000 and there and turn %% 150 == 0 and turn else 5000
        body = bytes([n %% 256]) * 1000
        if there:
            yield frames.ipv4(frames.TCP, frames.tcp(port, 80, 1 + n, 1, window=window, body=body), client, server, ident=n)
        else:
            yield frames.ipv4(frames.TCP, frames.tcp(80, port, 1 + n, 1, window=5000, body=body), server, client, ident=n)
sockets = []
for name in sys.argv[1:]:
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((name, 0))
    sockets.append(s)
for packet in build():
    for s in sockets:
        s.send(frames.ethernet(frames.IPV4, frames.with_checksums(packet)))
""" % FRAMES


def pcapng_frames(path):
    """The bytes of the frames of a little-endian pcapng file."""
    data, found, at = open(path, "rb").read(), [], 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            captured, = struct.unpack_from("<I", data, at + 20)
            found.append(data[at + 28:at + 28 + captured])
        at += length
    return found


def replayed(network, folder, whole, kind, words):
    out = os.path.join(folder, "replayed.pcapng")
    network.tool("replay", whole, "-q", "-w", os.path.join(folder, "again"), *words, "-e", f"{kind}:{out}")
    return pcapng_frames(out)


def alarmed_packets_are_those_of_replay(network, folder):
    return same_packets_as_replay(network, folder, "alarmed", ALARM, ALARMED_FROM, {"2000080", "8020000"})


def matching_packets_are_those_of_replay(network, folder):
    return same_packets_as_replay(network, folder, "matching", MATCHING, MATCHING_FROM, {"2000180", "8020001"})


def same_packets_as_replay(network, folder, kind, words, first, flows):
    """first: the first frame that is extracted; every second one follows it. flows: ports of their rows."""
    whole = veth.Sensor(network, os.path.join(folder, "whole"), network.veths[0], *ALARM, "-e", "all")
    some = veth.Sensor(network, os.path.join(folder, "some"), network.veths[1], *words, "-e", kind)
    sender = network.python(network.sender, SEND, *network.peers, stderr=subprocess.PIPE, text=True)
    _, said = sender.communicate(timeout=60 * veth.PATIENCE)
    assert sender.returncode == 0, said
    taken = ""
    for sensor in (some, whole):
        code, report = sensor.stop()
        taken = report if sensor is some else taken
        assert code == 0, report + sensor.said()
        numbers = veth.check_books(report, veth.rows(sensor.prefix))
        assert numbers["seen"] == FRAMES, numbers
    everything = pcapng_frames(whole.prefix + ".pcapng")
    assert len(everything) == FRAMES, len(everything)
    live = pcapng_frames(some.prefix + f"_{kind}.pcapng")
    expected = everything[first::2]
    assert live == expected, (len(live), len(expected))
    assert f"_{kind}.pcapng: {len(live)} frames, 0 not written" in taken, taken
    assert live == replayed(network, folder, whole.prefix + ".pcapng", kind, words)
    marked = {row["srcPort"] + row["dstPort"] for row in veth.rows(some.prefix) if int(row["flowStat"], 16) >> 52 & 1}
    assert marked == flows, marked
    assert not any(int(row["flowStat"], 16) >> 52 & 1 for row in veth.rows(whole.prefix)), "nobody extracts flows there"
    return f"{len(live)} of {FRAMES} frames"


def lost_frames_are_counted(network, folder):
    """A ring of a page has no room for what comes between two looks of the daemon; the books say what is missing."""
    sensor = veth.Sensor(network, os.path.join(folder, "small"), network.veths[0], *ALARM, "-e", "alarmed", "--ring", "4K")
    sender = network.python(network.sender, SEND, network.peers[0], stderr=subprocess.PIPE, text=True)
    assert sender.wait(timeout=60 * veth.PATIENCE) == 0, sender.stderr.read()
    counters = network.status(network.veths[0])[0]["counters"]
    code, report = sensor.stop()
    written = len(pcapng_frames(sensor.prefix + "_alarmed.pcapng"))
    lost = counters["frames_lost"]
    extracted = len(range(ALARMED_FROM, FRAMES, 2))
    assert written + lost == extracted and lost > 0, (written, lost, extracted)
    assert code == 3 and f"{lost} frames were lost" in report, report
    veth.check_books(report, veth.rows(sensor.prefix))


def not_taken_over_with_other_words(network, folder):
    sensor = veth.Sensor(network, os.path.join(folder, "killed"), network.veths[0], *ALARM, "-e", "alarmed")
    sensor.kill()
    result = network.tool("attach", network.veths[0], *ALARM, "-e", "all", "-w", os.path.join(folder, "other"), check=False, timeout=60)
    assert result.returncode == 1, result.stderr
    again = veth.Sensor(network, os.path.join(folder, "killed"), network.veths[0], *ALARM, "-e", "alarmed")
    assert "taken over" in again.said() or "took over" in again.said(), again.said()
    again.kill()
    words = ("-e", "matching", *MATCHING)
    result = network.tool("attach", network.veths[0], *ALARM, *words, "-w", os.path.join(folder, "other"), check=False, timeout=60)
    assert result.returncode == 1, result.stderr
    network.tool("detach", network.veths[0], "--export", "-q", "-w", os.path.join(folder, "last"))


veth.main("fxe", (alarmed_packets_are_those_of_replay, matching_packets_are_those_of_replay, lost_frames_are_counted, not_taken_over_with_other_words), pairs=2)
