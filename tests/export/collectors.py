# SPDX-License-Identifier: BSD-2-Clause
"""Collectors in use, on loopback, and what they read: nfcapd with nfdump, nfacctd, tshark's dissector, ipfixDump."""

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree

SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"
sys.path.insert(0, str(SUPPORT))
import frames  # noqa: E402

PROTOCOLS = {"ip": 0, "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "egp": 8, "igp": 9, "udp": 17, "mux": 18, "idpr": 35, "ipv6": 41,
             "ipv6-route": 43, "ipv6-frag": 44, "idrp": 45, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "mobile": 55, "tlsp": 56,
             "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "cphb": 73, "wsn": 74, "pvp": 75, "iso-ip": 80, "secure-vmtp": 82,
             "ttp": 84, "eigrp": 88, "ospf": 89, "ipip": 94, "etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112,
             "l2tp": 115, "isis": 124, "fc": 133, "sctp": 132}
HOSTS = {"4": "127.0.0.1", "6": "::1"}

# One flow record. kind: ip or l2; source, destination: addresses, or MACs. first, last: ms since 1970.
Flow = collections.namedtuple("Flow", "kind source destination sport dport proto vlan packets octets flags first last")


class Missing(Exception):
    """A collector is not installed."""


def program(name, package):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Missing(f"{name} (Debian package {package}) is not installed")
    return path


def until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain until " + what)
        time.sleep(0.01)


def run(*words, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ, TZ="UTC"), **more)
    if done.returncode:
        raise AssertionError(f"{words[0]} failed with {done.returncode}: {done.stderr[:2000]}")
    return done.stdout


def free_port(family="4"):
    with udp_socket(family) as s:
        return s.getsockname()[1]


def udp_socket(family, buffer=0):
    s = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET, socket.SOCK_DGRAM)
    if buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    s.bind((HOSTS[family], 0))
    return s


def udp_state(port):
    """(octets that wait, datagrams dropped) of the UDP sockets bound to port; None when there is none."""
    state = None
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        with contextlib.suppress(FileNotFoundError), open(table) as lines:
            for line in list(lines)[1:]:
                cells = line.split()
                if int(cells[1].rsplit(":", 1)[1], 16) == port:
                    waiting, drops = state or (0, 0)
                    state = (waiting + int(cells[4].split(":")[1], 16), drops + int(cells[-1]))
    return state


def iso_ms(text):
    """2009-11-19T01:29:23.408 or with a blank, UTC, any year that Python knows."""
    seconds, _, fraction = text.replace(" ", "T").partition(".")
    stamp = time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")
    return calendar_seconds(stamp) * 1000 + int((fraction or "0").ljust(3, "0")[:3])


def calendar_seconds(stamp):
    import calendar
    return calendar.timegm(stamp)


class Process:
    """A collector that runs until stop(); what it says is in log."""

    running = []

    def __init__(self, words, log):
        self.log = pathlib.Path(log)
        with open(log, "w") as out:
            self.process = subprocess.Popen(words, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=dict(os.environ, TZ="UTC"))
        Process.running.append(self.process)

    @staticmethod
    def kill_all():
        """What a test that failed left behind."""
        for process in Process.running:
            if process.poll() is None:
                process.kill()
                process.wait()

    def said(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, condition, what):
        until(lambda: condition() or self.process.poll() is not None, what)
        if self.process.poll() is not None:
            raise AssertionError(f"{self.process.args[0]} ended: {self.said()}")

    def send(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(timeout=30)


class Nfcapd:
    """nfcapd, and nfdump over what it wrote. Observation domains tell exporters apart."""

    # -B: the tutorial's buffer. Without it the socket has net.core.rmem_default, which a test may want.
    def __init__(self, folder, family="4", port=None, options=("-B", "1000000")):
        self.dump = program("nfdump", "nfdump")
        self.folder = pathlib.Path(folder)
        (self.folder / "nf").mkdir(parents=True, exist_ok=True)
        self.port = port or free_port(family)
        self.family = family
        self.process = Process([program("nfcapd", "nfdump"), *options, "-w", str(self.folder / "nf"), "-b", HOSTS[family], "-p",
                                str(self.port), "-t", "3600"], self.folder / "nfcapd.log")
        self.process.wait_for(lambda: udp_state(self.port), "nfcapd listens")

    def drained(self):
        until(lambda: not udp_state(self.port)[0], "nfcapd has read everything")

    def drops(self):
        return udp_state(self.port)[1]

    def stop(self):
        self.process.stop()
        self.log = self.process.said()
        found = re.findall(r"Flows: (\d+), Packets: (\d+), Bytes: \d+, Sequence Errors: (\d+), Bad Packets: (\d+)", self.log)
        if len(found) != 1:
            raise AssertionError("nfcapd printed no totals: " + self.log)
        self.flows, self.packets, self.sequence_errors, self.bad_packets = map(int, found[0])

    def records(self):
        """After stop(): nfdump's records by observation domain."""
        domains = {}
        for line in self.log.splitlines():
            found = re.search(r"New (?:v9|ipfix) exporter: SysID: (\d+), (?:Domain:|Observation domain) (\d+)", line)
            if found:
                domains[int(found.group(1))] = int(found.group(2))
        text = run(self.dump, "-R", str(self.folder / "nf"), "-o", "json")
        records = collections.defaultdict(list)
        for record in json.loads(text[text.index("["):]) if "[" in text else ():
            records[domains[record["export_sysid"]]].append(record)
        return records


def nfdump_flow(record):
    """A record of nfdump's JSON. Of L2 flows nfdump keeps no octets: it knows element 352 as little as any other."""
    # ICMP has type and code there instead of flags and ports.
    flags = sum(1 << bit for bit, letter in enumerate(reversed(record.get("tcp_flags", ""))) if letter != ".")
    times = iso_ms(record["first"]), iso_ms(record["last"])
    for version in "46":
        if f"src{version}_addr" in record:
            return Flow("ip", record[f"src{version}_addr"], record[f"dst{version}_addr"], record.get("src_port", 0),
                        record.get("dst_port", 0) + record.get("icmp_type", 0) * 256 + record.get("icmp_code", 0), record["proto"], record["src_vlan"], record["in_packets"], record["in_bytes"],
                        flags, *times)
    return Flow("l2", record["in_src_mac"], record["in_dst_mac"], 0, 0, 0, record["src_vlan"], record["in_packets"], 0, 0, *times)


class Nfacctd:
    """nfacctd with its print plugin. It adds up records of one key, and leaves out those without IP."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.out = self.folder / "nfacctd.json"
        config = self.folder / "nfacctd.conf"
        config.write_text(f"nfacctd_ip: 127.0.0.1\nnfacctd_port: {self.port}\nnfacctd_pipe_size: 2000000\nplugins: print[p]\nplugin_pipe_size: 40960000\nplugin_buffer_size: 1024\n"
                          f"daemonize: false\nprint_output: json\nprint_output_file: {self.out}\nprint_output_file_append: true\n"
                          "print_refresh_time: 1\nprint_cache_entries: 65537\ntimestamps_since_epoch: true\n"
                          "aggregate: src_host, dst_host, src_port, dst_port, proto, tcpflags, timestamp_start, timestamp_end, "
                          "export_proto_sysid, vlan\n")
        self.process = Process([program("nfacctd", "pmacct"), "-f", str(config)], self.folder / "nfacctd.log")
        # Its printer is a process of its own, which loses what comes before its first round.
        self.process.wait_for(lambda: "Purging cache - START" in self.process.said(), "nfacctd's printer runs")

    def drained(self):
        until(lambda: not udp_state(self.port)[0], "nfacctd has read everything")

    def records(self, wanted):
        """Flows by observation domain, as soon as there are so many."""
        flows = collections.defaultdict(list)

        def complete():
            flows.clear()
            lines = self.out.read_text().splitlines() if self.out.exists() else []
            for line in lines:
                with contextlib.suppress(json.JSONDecodeError):  # the last line may still be written
                    record = json.loads(line)
                    flows[record["export_proto_sysid"]].append(self.flow(record))
            return sum(map(len, flows.values())) >= wanted

        with contextlib.suppress(AssertionError):  # too few: the comparison says which
            until(complete, "nfacctd printed every flow", seconds=10)
        return flows

    @staticmethod
    def flow(record):
        def ms(text):
            seconds, _, fraction = text.partition(".")
            return int(seconds) * 1000 + int(fraction[:3])
        return Flow("ip", record["ip_src"], record["ip_dst"], record["port_src"], record["port_dst"],
                    protocol_number(record["ip_proto"]), record["vlan"], record["packets"], record["bytes"],
                    int(record["tcp_flags"]), ms(record["timestamp_start"]), ms(record["timestamp_end"]))

    def stop(self):
        self.process.stop(signal.SIGINT)
        return self.process.said()


def protocol_number(name):
    """nfacctd prints the names of the protocols that it knows."""
    return int(name) if name.isdigit() else PROTOCOLS[name]


class UdpTap:
    """Takes datagrams as they come and keeps them in a capture for tshark, from ports that mean nothing else to it."""

    SHOWN_PORT = 2055

    def __init__(self, path, family="4"):
        self.socket = udp_socket(family, buffer=4 << 20)
        self.port = self.socket.getsockname()[1]
        self.path = path
        self.datagrams = []
        self.thread = threading.Thread(target=self.receive, daemon=True)
        self.thread.start()

    def receive(self):
        while True:
            datagram, sender = self.socket.recvfrom(65536)
            if not datagram:
                return
            self.datagrams.append((sender[1], datagram))

    def stop(self):
        until(lambda: not udp_state(self.port)[0], "the tap has read everything")
        with socket.socket(self.socket.family, socket.SOCK_DGRAM) as s:
            s.sendto(b"", self.socket.getsockname())  # the end
        self.thread.join()
        self.socket.close()
        frames.write_pcap(self.path, self.shown())

    def shown(self):
        """The datagrams as frames, each sender's under a port of its own."""
        ports = {}
        for sport, datagram in self.datagrams:
            body = frames.udp(ports.setdefault(sport, 50000 + len(ports)), self.SHOWN_PORT, datagram)
            yield 0, frames.ethernet(frames.IPV4, frames.ipv4(frames.UDP, body, "127.0.0.1", "127.0.0.1"))


class TcpTap:
    """A TCP receiver: what one connection brings is an IPFIX file (RFC 5655)."""

    def __init__(self, folder, family="4"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.listener = socket.create_server((HOSTS[family], 0), family=socket.AF_INET6 if family == "6" else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        self.files = []

    def receive(self):
        """Starts to take one connection to its end; join() what it returns."""
        path = self.folder / f"{len(self.files)}.ipfix"
        self.files.append(path)

        def take():
            peer, _ = self.listener.accept()
            with peer, open(path, "wb") as out:
                while chunk := peer.recv(65536):
                    out.write(chunk)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        return thread


class Tshark:
    """What tshark's dissector says of a capture of datagrams."""

    def __init__(self, path):
        self.words = [program("tshark", "tshark"), "-r", str(path), "-d", f"udp.port=={UdpTap.SHOWN_PORT},cflow"]

    def complaints(self):
        """Malformed frames, remarks, sequence gaps and sets without a template: all should be none."""
        return run(*self.words, "-Y", "_ws.malformed || _ws.expert || cflow.sequence_analysis.expected_sn || "
                   "(cflow.template_frame == 0) || !cflow", "-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message", "-e",
                   "cflow.sequence_analysis.expected_sn").strip()

    def records(self):
        """Flow and options records by observation domain: lists of {field: text}."""
        records = collections.defaultdict(list)
        done = subprocess.Popen([*self.words, "-T", "pdml", "-J", "cflow"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                env=dict(os.environ, TZ="UTC"))
        for _, message in xml.etree.ElementTree.iterparse(done.stdout):
            if message.tag != "proto" or message.get("name") != "cflow":
                continue
            domain = next(int(f.get("show")) for f in message if f.get("name") in ("cflow.source_id", "cflow.od_id"))
            for flow_set in message:
                for record in flow_set:
                    if re.match(r"Flow \d+$", record.get("show", "")) and not record.get("name"):
                        fields = collections.defaultdict(list)
                        for field in record.iter("field"):
                            fields[field.get("name")].append(field.get("show"))
                        records[domain].append(fields)
            message.clear()
        assert done.wait() == 0
        return records


def tshark_ns(text):
    """Nov 19, 2009 01:29:23.409358023 UTC."""
    date, _, fraction = text.removesuffix(" UTC").partition(".")
    return calendar_seconds(time.strptime(re.sub(" +", " ", date), "%b %d, %Y %H:%M:%S")) * 10**9 + int(fraction.ljust(9, "0"))


def tshark_flow(fields):
    """Of a biflow record A's side: reverse elements have the same names and come first."""
    one = {name: values[-1] for name, values in fields.items()}
    times = [tshark_ns(one[name]) // 10**6 for name in ("cflow.abstimestart", "cflow.abstimeend")]
    vlan = int(one["cflow.srcvlan"] if "cflow.srcvlan" in one else one["cflow.vlanid"])
    if "cflow.layer2_octet_delta_count" in one:
        return Flow("l2", one["cflow.srcmac"], one["cflow.dstmac"], 0, 0, int(one["cflow.ethernet_type"], 0), vlan,
                    int(one["cflow.packets"]), int(one["cflow.layer2_octet_delta_count"]), 0, *times)
    version = "" if "cflow.srcaddr" in one else "v6"
    icmp = int(one["cflow.icmp_type_code_ipv4"], 0) if "cflow.icmp_type_code_ipv4" in one else \
        int(one["cflow.icmp_ipv6_type"]) * 256 + int(one["cflow.icmp_ipv6_code"])
    return Flow("ip", one["cflow.srcaddr" + version], one["cflow.dstaddr" + version], int(one["cflow.srcport"]),
                int(one["cflow.dstport"]) + icmp, int(one["cflow.protocol"]), vlan, int(one["cflow.packets"]), int(one["cflow.octets"]),
                int(one["cflow.tcpflags"], 0), *times)


def ipfix_dump(path):
    """ipfixDump's data records, options left out: lists of {element: text}; reverse elements have reverse names."""
    records, fields = [], {}
    for line in run(program("ipfixDump", "libfixbuf-tools"), "--in", str(path)).splitlines():
        if line.startswith("---"):
            if fields:
                records.append(fields)
            fields = {}
        elif found := re.match(r"\t\((?:\d+/)?\d+\)\s+(?:\(S\)\s+)?(\w+) : (.*)", line):
            fields[found.group(1)] = found.group(2)
    if fields:
        records.append(fields)
    return [r for r in records if "packetDeltaCount" in r]


def ipfix_dump_flow(r):
    times = [iso_ms(next(v for name, v in r.items() if name.startswith(f"flow{which}"))) for which in ("Start", "End")]
    if "layer2OctetDeltaCount" in r:
        return Flow("l2", r["sourceMacAddress"], r["destinationMacAddress"], 0, 0, int(r["ethernetType"], 0), int(r["vlanId"]),
                    int(r["packetDeltaCount"]), int(r["layer2OctetDeltaCount"]), 0, *times)
    version = "4" if "sourceIPv4Address" in r else "6"
    return Flow("ip", canonical(r[f"sourceIPv{version}Address"]), canonical(r[f"destinationIPv{version}Address"]),
                int(r["sourceTransportPort"]), int(r["destinationTransportPort"]) + int(r["icmpTypeCodeIPv" + version]), int(r["protocolIdentifier"]), int(r["vlanId"]),
                int(r["packetDeltaCount"]), int(r["octetDeltaCount"]), int(r["tcpControlBits"], 0), *times)


def canonical(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_ntop(family, socket.inet_pton(family, address))
