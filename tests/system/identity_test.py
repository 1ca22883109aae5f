#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""identity_test.py FLOWXDP: what the live sensor wrote, replay of its own capture writes again, byte for byte.

Real traffic of a peer: ping, DNS, HTTP, FTP, a bulk transfer, a stalled reader, fragments, IPv6, and the frames of the
example captures, whose flows have two directions. tcpdump on the peer's end is the outside judge of keys, packets, octets,
flags and windows; tshark of its zero windows. Exit 77 without root, BPF or a tool.
"""
import collections
import filecmp
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from lab import FLOWXDP, Lab, ledger, rows, skip, until

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples")
ALL_PLUGINS = ("--plugin", "tcp_flags", "--plugin", "flow_export", "--plugin", "mac_recorder", "--plugin", "tcp_geo_win", "--plugin", "tcp_win:threshold=1,force_at=3")

SERVE = """
import http.server, os, socket, sys, threading
def ftp(listener):
    while True:
        control, _ = listener.accept()
        say = lambda text: control.sendall(text.encode() + b'\\r\\n')
        say('220 ready')
        for line in control.makefile():
            verb = line.split()[0].upper()
            if verb == 'USER': say('331 password')
            elif verb == 'PASS': say('230 in')
            elif verb == 'PASV':
                data = socket.create_server(('192.0.2.2', 0))
                say('227 here (192,0,2,2,%d,%d)' % divmod(data.getsockname()[1], 256))
            elif verb == 'STOR':
                say('150 go on')
                other, _ = data.accept()
                while other.recv(65536): pass
                say('226 done')
            elif verb == 'QUIT':
                say('221 bye')
                break
            else: say('200 fine')
        control.close()
def sink(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=lambda c=connection: [None for _ in iter(lambda: c.recv(65536), b'')]).start()
def flood(listener):
    while True:
        connection, _ = listener.accept()
        connection.sendall(bytes(400000))
        connection.close()
def dns(server):
    while True:
        question, client = server.recvfrom(9000)
        server.sendto(question[:2] + b'\\x81\\x80' + question[4:], client)
os.chdir('/usr/share/doc')
for work, port in ((ftp, 21), (sink, 5001), (flood, 7000)):
    threading.Thread(target=work, args=(socket.create_server(('192.0.2.2', port)),), daemon=True).start()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(('192.0.2.2', 53))
threading.Thread(target=dns, args=(udp,), daemon=True).start()
class Six(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
server = Six(('::', 80), http.server.SimpleHTTPRequestHandler)
print('ready', flush=True)
server.serve_forever()
"""

TALK = """
import ftplib, io, os, socket, sys, urllib.request
for number in range(5):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(os.urandom(2) + b'\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\3www\\7example\\3org\\0\\0\\1\\0\\1', ('192.0.2.2', 53))
    s.recv(9000)
for url in ('http://192.0.2.2/', 'http://192.0.2.2/bash/', 'http://[2001:db8::2]/'):
    try: urllib.request.urlopen(url).read()
    except urllib.error.HTTPError: pass
f = ftplib.FTP('192.0.2.2', 'anonymous', 'x@example.org')
f.storbinary('STOR notes', io.BytesIO(bytes(300000)))
f.quit()
bulk = socket.create_connection(('192.0.2.2', 5001))
bulk.sendall(bytes(3000000))
bulk.close()
try: socket.create_connection(('192.0.2.2', 9))
except ConnectionRefusedError: pass
stalled = socket.socket()
stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
stalled.connect(('192.0.2.2', 7000))
waiting = 0
import fcntl, struct, termios, time
seen, still = -1, 0
while still < 25: # the window is closed when nothing more comes
    queued = struct.unpack('i', fcntl.ioctl(stalled, termios.FIONREAD, bytes(4)))[0]
    still = still + 1 if queued == seen and queued else 0
    seen = queued
    time.sleep(0.02)
while stalled.recv(65536): pass
big = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
big.sendto(bytes(5000), ('192.0.2.2', 9999)) # fragments
reset = socket.create_connection(('192.0.2.2', 5001))
reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
reset.close()
"""

LAST_FRAME = "020000000001020000000002" "81000064" "0800"  # VLAN 100, broken IP
INJECT = """
import socket, struct, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
for path in sys.argv[2:]:
    data = open(path, 'rb').read()
    order = '<' if data[:4] in (b'\\xd4\\xc3\\xb2\\xa1', b'\\x4d\\x3c\\xb2\\xa1') else '>'
    at = 24
    while at < len(data):
        length = struct.unpack_from(order + 'I', data, at + 8)[0]
        out.send(data[at + 16:at + 16 + min(length, 1514)])
        at += 16 + length
out.send(bytes.fromhex('LAST') + bytes(40))
""".replace("LAST", LAST_FRAME)


def traffic(lab, namespace_tools=True):
    server = lab.python(lab.sensor, SERVE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert server.stdout.readline() == b"ready\n"
    lab.on(lab.peer, "ping", "-c", "3", "-i", "0.1", "192.0.2.2")
    talk = lab.python(lab.peer, TALK)
    assert talk.wait(timeout=60) == 0
    captures = [os.path.join(EXAMPLES, name) for name in sorted(os.listdir(EXAMPLES)) if name.endswith(".pcap")]
    assert lab.python(lab.peer, INJECT, lab.veth_peer, *captures).wait(timeout=30) == 0
    server.kill()
    server.wait()


def same_rows(folder, name, *options):
    prefix = os.path.join(folder, name)
    with Lab("i") as lab:
        sensor = lab.attach(prefix, "-e", "all", *options)
        lab.up()
        traffic(lab)
        # A flow that a reset ended is over before the sensor stops: the capture must know that time went on.
        until(lambda: lab.on(lab.peer, "true") == "" and os.path.getsize(prefix + "_flows.txt") > 2000,
              "resets have ended flows")
        sent = lab.unplug()
        code, report = sensor.stop()
    assert code == 0, (code, sensor.said(), report)
    seen, _, _ = ledger(report)
    assert seen == sent, f"{sent} packets were sent, {seen} were seen"
    subprocess.run([FLOWXDP, "replay", "-q", prefix + ".pcapng", "-w", prefix + "_again", *options], check=True,
                   stderr=subprocess.DEVNULL)
    assert filecmp.cmp(prefix + "_flows.txt", prefix + "_again_flows.txt", shallow=False), "flow rows differ: " + name
    table = rows(prefix + "_flows.txt")
    assert sum(int(row["pktsSnt"]) for row in table) == seen
    assert {"1", "6", "17", "58"} <= {row["l4Proto"] for row in table}
    if "-s" in options:
        assert filecmp.cmp(prefix + "_packets.txt", prefix + "_again_packets.txt", shallow=False), "packet rows differ"
        numbers = [int(row["pktNo"]) for row in rows(prefix + "_packets.txt")]
        assert numbers == list(range(1, seen + 1)), "packet rows are not every packet in order"
    return seen, len(table)


def default_plugins(folder):
    return same_rows(folder, "default")


def all_plugins_and_packets(folder):
    return same_rows(folder, "all", "-s", *ALL_PLUGINS)


def short_timeouts(folder):
    return same_rows(folder, "short", "--idle-timeout", "0.2", "--plugin", "tcp_states:established=1,closing=1,closed=0.3")


def ends_by(table, *columns):
    """What outside captures can tell: keys, and sums of counts; flows that a timer cut would differ in number."""
    sums = collections.Counter()
    for row in table:
        key = tuple(row[c] for c in ("dir", "srcIP", "srcPort", "dstIP", "dstPort", "l4Proto", "vlanID"))
        sums[key + tuple(row[c] for c in columns)] += int(row["pktsSnt"])
    return sums


def outside_capture(folder):
    prefix, dump = os.path.join(folder, "outside"), os.path.join(folder, "peer.pcap")
    with Lab("o") as lab:
        sensor = lab.attach(prefix, "--plugin", "tcp_win:threshold=1", "--plugin", "tcp_flags")
        lab.up()
        log = open(dump + ".log", "w+")
        # -Q out: what the peer sends is what the sensor receives.
        tcpdump = lab.start(lab.peer, "tcpdump", "-i", lab.veth_peer, "-Q", "out", "--immediate-mode", "-B", "65536", "-s", "200", "-U", "-n", "-Z", "root",
                            "-w", dump, stderr=log)
        until(lambda: "listening on" in open(dump + ".log").read(), "tcpdump listens")
        traffic(lab)
        until(lambda: bytes.fromhex(LAST_FRAME) in open(dump, "rb").read(), "tcpdump has written the last frame")
        tcpdump.terminate()
        tcpdump.wait()
        lab.unplug()
        code, report = sensor.stop()
    assert code == 0, (code, sensor.said())
    said = open(dump + ".log").read()
    assert "\n0 packets dropped by kernel" in said, "tcpdump lost packets: " + said
    subprocess.run([FLOWXDP, "replay", "-q", dump, "-w", prefix + "_peer", "--plugin", "tcp_win:threshold=1", "--plugin",
                    "tcp_flags"], check=True,
                   stderr=subprocess.DEVNULL)
    wanted = lambda table: [row for row in table if row["l4Proto"] in ("6", "17")]
    columns = ("l7BytesSnt", "tcpFlags", "tcpWinThCnt")
    live, peer = wanted(rows(prefix + "_flows.txt")), wanted(rows(prefix + "_peer_flows.txt"))
    assert ends_by(live, *columns) == ends_by(peer, *columns), (ends_by(live, *columns) - ends_by(peer, *columns),
                                                               ends_by(peer, *columns) - ends_by(live, *columns))
    zero = subprocess.run(["tshark", "-r", dump, "-Y", "tcp.window_size_value == 0", "-T", "fields", "-e", "frame.number"],
                          check=True, capture_output=True, text=True).stdout.split()
    counted = sum(int(row["tcpWinThCnt"]) for row in live if row["tcpWinThCnt"])
    assert counted == len(zero) and counted > 0, f"{counted} zero windows live, {len(zero)} by tshark"
    return len(live), counted


def main():
    for tool in ("tcpdump", "tshark", "ping"):
        if not shutil.which(tool):
            skip("needs " + tool)
    with tempfile.TemporaryDirectory() as folder:
        for test in (default_plugins, all_plugins_and_packets, short_timeouts, outside_capture):
            print("ok:", test.__name__, test(folder), flush=True)


main()
