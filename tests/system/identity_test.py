#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""identity_test.py FLOWXDP: what the live sensor wrote, replay of its own capture writes again, byte for byte.

Real traffic of a peer: ping, DNS, HTTP, FTP, iperf3 over TCP and UDP, a bulk transfer, a stalled reader, fragments, IPv6,
and the frames of the example captures, whose flows have two directions. tcpdump on the peer's end is the outside judge of
keys, packets, octets, flags and windows. Exit 77 without root, BPF or a tool.
"""
import collections
import filecmp
import os
import re
import shutil
import struct
import subprocess

import veth

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
os.chdir(sys.argv[1])
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
for url in ('http://192.0.2.2/', 'http://192.0.2.2/http.pcap', 'http://[2001:db8::2]/'):
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


def traffic(network):
    server = network.python(network.sensor, SERVE, EXAMPLES, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert server.stdout.readline() == b"ready\n"
    network.inside(network.sender, "ping", "-c", "3", "-i", "0.1", "192.0.2.2")
    talk = network.python(network.sender, TALK)
    assert talk.wait(timeout=60 * veth.PATIENCE) == 0
    for options in (("-n", "2M"), ("-n", "1M", "-P", "3", "--reverse"), ("-u", "-n", "300K", "-b", "50M")):
        meter = network.start(network.sensor, "iperf3", "-s", "-1", "--forceflush", stdout=subprocess.PIPE, text=True)
        while "Server listening" not in meter.stdout.readline():
            assert meter.poll() is None, "iperf3 does not listen"
        network.inside(network.sender, "iperf3", "-c", "192.0.2.2", *options, timeout=30 * veth.PATIENCE)
        assert meter.wait(timeout=30 * veth.PATIENCE) == 0
    # The server closes what is open when it ends, and the peer acknowledges that: before the last frame.
    server.kill()
    server.wait()
    network.connections_have_ended()
    captures = [os.path.join(EXAMPLES, name) for name in sorted(os.listdir(EXAMPLES)) if name.endswith(".pcap")]
    assert network.python(network.sender, INJECT, network.peers[0], *captures).wait(timeout=30 * veth.PATIENCE) == 0


def same_rows(network, folder, name, *options):
    prefix = folder + "/" + name
    sensor = veth.Sensor(network, prefix, network.veths[0], "-e", "all", *options)
    network.plug()
    traffic(network)
    # A flow that a reset ended is over before the sensor stops: the capture must know that time went on.
    veth.until(lambda: os.path.getsize(prefix + "_flows.txt") > 2000, "resets have ended flows")
    sent = network.unplug()
    code, report = sensor.stop()
    assert code == 0, (code, sensor.said(), report)
    seen = veth.ledger(report)["seen"]
    assert seen == sent, f"{sent} packets were sent, {seen} were seen"
    subprocess.run([network.flowxdp, "replay", "-q", prefix + ".pcapng", "-w", prefix + "_again", *options], check=True,
                   stderr=subprocess.DEVNULL)
    assert filecmp.cmp(prefix + "_flows.txt", prefix + "_again_flows.txt", shallow=False), "flow rows differ: " + name
    table = veth.rows(prefix)
    assert sum(int(row["pktsSnt"]) for row in table) == seen
    assert {"1", "6", "17", "58"} <= {row["l4Proto"] for row in table}
    if "-s" in options:
        assert filecmp.cmp(prefix + "_packets.txt", prefix + "_again_packets.txt", shallow=False), "packet rows differ"
        numbers = [int(row["pktNo"]) for row in veth.rows(prefix, "packets.txt")]
        assert numbers == list(range(1, seen + 1)), "packet rows are not every packet in order"
    return seen, len(table)


def default_plugins(network, folder):
    return same_rows(network, folder, "default")


def all_plugins_and_packets(network, folder):
    return same_rows(network, folder, "all", "-s", *ALL_PLUGINS)


def payload_plugins(network, folder):
    options = [word for name in veth.PAYLOAD_PLUGINS for word in ("--plugin", name)]
    counts = same_rows(network, folder, "payload", *options)
    prefix = folder + "/payload"
    assert filecmp.cmp(prefix + "_protocols.txt", prefix + "_again_protocols.txt", shallow=False), "summaries differ"
    table = veth.rows(prefix)
    assert not any(int(row["fxStat"], 16) & 0x80 for row in table), "wanted packets were lost"
    assert any("www.example.org" in row["dnsQname"] for row in table), "no DNS name"
    return counts


def short_timeouts(network, folder):
    return same_rows(network, folder, "short", "--idle-timeout", "0.2", "--plugin", "tcp_states:established=1,closing=1,closed=0.3")


def ends_by(table, *columns):
    """What outside captures can tell: keys, and sums of counts; flows that a timer cut would differ in number."""
    sums = collections.Counter()
    for row in table:
        key = tuple(row[c] for c in ("dir", "srcIP", "srcPort", "dstIP", "dstPort", "l4Proto", "vlanID"))
        sums[key + tuple(row[c] for c in columns)] += int(row["pktsSnt"])
    return sums


def outside_capture(network, folder):
    prefix, dump = folder + "/outside", folder + "/peer.pcap"
    sensor = veth.Sensor(network, prefix, network.veths[0], "--plugin", "tcp_win:threshold=1", "--plugin", "tcp_flags")
    network.plug()
    log = open(dump + ".log", "w+")
    # -Q out: what the peer sends is what the sensor receives.
    tcpdump = network.start(network.sender, "tcpdump", "-i", network.peers[0], "-Q", "out", "--immediate-mode", "-B", "65536",
                            "-s", "200", "-U", "-n", "-Z", "root", "-w", dump, stderr=log)
    veth.until(lambda: "listening on" in open(dump + ".log").read(), "tcpdump listens")
    traffic(network)
    veth.until(lambda: bytes.fromhex(LAST_FRAME) in open(dump, "rb").read(), "tcpdump has written the last frame")
    tcpdump.terminate()
    tcpdump.wait()
    network.unplug()
    code, report = sensor.stop()
    assert code == 0, (code, sensor.said())
    said = open(dump + ".log").read()
    assert "\n0 packets dropped by kernel" in said, "tcpdump lost packets: " + said
    subprocess.run([network.flowxdp, "replay", "-q", dump, "-w", prefix + "_peer", "--plugin", "tcp_win:threshold=1", "--plugin",
                    "tcp_flags"], check=True,
                   stderr=subprocess.DEVNULL)
    wanted = lambda table: [row for row in table if row["l4Proto"] in ("6", "17")]
    columns = ("l7BytesSnt", "tcpFlags", "tcpWinThCnt")
    live, peer = wanted(veth.rows(prefix)), wanted(veth.rows(prefix + "_peer"))
    assert ends_by(live, *columns) == ends_by(peer, *columns), (ends_by(live, *columns) - ends_by(peer, *columns),
                                                               ends_by(peer, *columns) - ends_by(live, *columns))
    zero = len(re.findall(r"Flags \[.*\bwin 0\b", veth.run("tcpdump", "-n", "-Z", "root", "-r", dump).stdout))
    counted = sum(int(row["tcpWinThCnt"]) for row in live if row["tcpWinThCnt"])
    assert counted == zero and counted > 0, f"{counted} zero windows live, {zero} by tcpdump"
    return len(live), counted


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            raise veth.Skip("needs " + tool)


def tools(_network, _folder):
    need("tcpdump", "ping", "iperf3")


veth.main("fxid", (tools, default_plugins, all_plugins_and_packets, short_timeouts, outside_capture, payload_plugins),
          spared=(payload_plugins,), quiet=False)
