# SPDX-License-Identifier: BSD-2-Clause
"""veth pairs between network namespaces of one's own, and sensors on them: what the system tests share.

Everything waits for conditions, never for time, and nothing is left behind. A test file ends with main().
"""
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# How many times slower than a real machine this one may be (vm/init sets it): every wait for a condition ends by it.
PATIENCE = float(os.environ.get("FLOWXDP_PATIENCE", "1"))
# Where scripts in a namespace find what the tests share: `import frames`.
SUPPORT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../support")
# Another XDP program (tests/bpf/drop_port.bpf.c): drops UDP to port 7.
DROP_PORT = os.path.join(os.path.dirname(os.path.realpath(sys.argv[1])), "../lib/tests/drop_port.bpf.o")

# What looks into packets, reads streams, or adds a kernel half that is off by default; flow_export has fxStat.
PAYLOAD_PLUGINS = ("flow_export", "proto_stats", "dedup", "port_classifier", "ndpi", "community_id", "tcp_rtt", "icmp", "arp", "ntp", "dhcp", "dns",
                   "ftp", "smtp", "ssh", "http", "quic", "tls", "snmp", "sip", "conn_stat", "nfrst_pkts", "pkt_siat_histo", "descriptive_stats",
                   "entropy")

SEND_UDP = """
import socket, sys
flows, packets, port = map(int, sys.argv[1:4])
for n in range(flows):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('192.0.2.1', 20000 + n))
    for _ in range(packets):
        s.sendto(b'x' * 100, ('192.0.2.2', port))
    s.close()
"""


class Skip(Exception):
    pass


def run(*words, check=True, **more):
    return subprocess.run(words, check=check, capture_output=True, text=True, **more)


def until(condition, what, seconds=30):
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited in vain until " + what)
        time.sleep(0.02)


class Network:
    """A sender and a sensor namespace with pairs of veth between them, and all that was started there.

    quiet: no IPv6 and no ARP, so nothing speaks unasked, and the links are up. Otherwise both ends have IPv6 too and resolve
    each other, and the cable is not plugged in before plug(): a sensor attached before sees every packet there ever was."""

    def __init__(self, flowxdp, tag, pairs=1, quiet=True):
        self.flowxdp = flowxdp
        self.tag = f"{tag}{os.getpid() % 10000}"
        self.sender, self.sensor = self.tag + "s", self.tag + "r"
        self.pairs, self.quiet = pairs, quiet
        self.veths = [f"{self.tag}v{n}" for n in range(pairs)]
        self.peers = [f"{self.tag}p{n}" for n in range(pairs)]
        self.started = []

    def __enter__(self):
        if os.geteuid() != 0:
            raise Skip("needs root for network namespaces and XDP")
        try:
            self.set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def set_up(self):
        for namespace in (self.sender, self.sensor):
            if run("ip", "netns", "add", namespace, check=False).returncode:
                raise Skip("cannot make a network namespace here")
            self.ip(namespace, "link", "set", "lo", "up")
            quieten = "disable_ipv6=1" if self.quiet else "router_solicitations=0"
            self.inside(namespace, "sysctl", "-qw", "net.ipv6.conf.all." + quieten, "net.ipv6.conf.default." + quieten)
        for n in range(self.pairs):
            self.add_pair(n)

    def __exit__(self, *_):
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        for veth in self.veths:
            run(self.flowxdp, "detach", veth, check=False)
        for namespace in (self.sender, self.sensor):
            run("ip", "netns", "del", namespace, check=False)

    def add_pair(self, n):
        a, b = f"{self.tag}p{n}", f"{self.tag}v{n}"
        run("ip", "link", "add", a, "netns", self.sender, "type", "veth", "peer", "name", b, "netns", self.sensor)
        for namespace, name, host in ((self.sender, a, 1), (self.sensor, b, 2)):
            self.ip(namespace, "addr", "add", f"192.0.{2 + n}.{host}/24", "dev", name)
            if self.quiet:
                self.ip(namespace, "link", "set", name, "arp", "off")
                self.ip(namespace, "link", "set", name, "up")
            else:
                self.ip(namespace, "addr", "add", f"2001:db8:{n}::{host}/64", "dev", name, "nodad")
        if self.quiet:
            # Without ARP the sender knows no neighbour: every frame goes to the sensor's own address.
            self.introduce(self.sender, a, f"192.0.{2 + n}.2", self.mac(self.sensor, b))

    def mac(self, namespace, name):
        return json.loads(self.ip(namespace, "-j", "link", "show", name).stdout)[0]["address"]

    def introduce(self, namespace, name, address, mac):
        """The neighbour behind an address, where there is no ARP."""
        self.ip(namespace, "neigh", "replace", address, "lladdr", mac, "dev", name, "nud", "permanent")

    def plug(self):
        for namespace, names in ((self.sensor, self.veths), (self.sender, self.peers)):
            for name in names:
                self.ip(namespace, "link", "set", name, "up")

    def unplug(self, pair=0):
        """No packet any more. Returns how many the sender's end has sent in all."""
        name = self.peers[pair]
        self.ip(self.sender, "link", "set", name, "down")
        return json.loads(self.ip(self.sender, "-j", "-s", "link", "show", name).stdout)[0]["stats64"]["tx"]["packets"]

    def inside(self, namespace, *words, check=True, **more):
        return run("nsenter", f"--net=/run/netns/{namespace}", *words, check=check, **more)

    def ip(self, namespace, *words):
        """ip in a namespace. Not `ip -n`: that remounts / to show the namespace's /sys, and fails where / is no mount point, as
        in a chroot."""
        return self.inside(namespace, "ip", *words)

    def start(self, namespace, *words, **more):
        # nsenter, not ip netns exec: that hides /sys/fs/bpf.
        process = subprocess.Popen(["nsenter", f"--net=/run/netns/{namespace}", *words], **more)
        self.started.append(process)
        return process

    def python(self, namespace, script, *words, **more):
        return self.start(namespace, sys.executable, "-Bc", script, *map(str, words), env={**os.environ, "PYTHONPATH": SUPPORT}, **more)

    def send(self, flows, packets, port=9, pair=0):
        """flows UDP flows of packets packets each, 128 IP bytes a packet; all have arrived when it returns."""
        script = SEND_UDP.replace("192.0.2.", f"192.0.{2 + pair}.")
        self.inside(self.sender, sys.executable, "-c", script, str(flows), str(packets), str(port))

    def connections_have_ended(self):
        """Waits until no TCP connection of either namespace can send any more: their sockets listen, or are in TIME-WAIT. The last
        acknowledgements leave after the processes have ended, so a capture that must hold every packet needs this."""
        listening, time_wait = "0A", "06"
        for namespace in (self.sender, self.sensor):
            tables = lambda: self.inside(namespace, "cat", "/proc/net/tcp", "/proc/net/tcp6").stdout.splitlines()
            until(lambda: all(line.split()[3] in ("st", listening, time_wait) for line in tables()), "connections have ended")

    def tool(self, *words, check=True, **more):
        """The program in the sensor's namespace."""
        return self.inside(self.sensor, self.flowxdp, *words, check=check, **more)

    def status(self, *names):
        return json.loads(self.tool("status", "--json", *names).stdout)

    def pins(self, veth=None):
        return "/sys/fs/bpf/flowxdp/" + (veth or self.veths[0])

    def has_program(self, veth):
        return "xdp" in json.loads(self.ip(self.sensor, "-j", "-d", "link", "show", veth).stdout)[0]


class Sensor:
    """An attached daemon. options: of attach, interfaces included. What the sensor's end sends is not counted unless they say so:
    a test's expectation is what it sent itself."""

    def __init__(self, network, prefix, *options, wrapper=(), output=None):
        self.network, self.prefix = network, prefix
        self.report = open(prefix + "_report", "w+")
        self.errors = open(prefix + "_errors", "w+")
        words = () if "--direction" in options or "-e" in options else ("--direction", "ingress")
        self.process = network.start(network.sensor, *wrapper, network.flowxdp, "attach", *words, *options,
                                     *(output or ("-w", prefix)), stdout=self.report, stderr=self.errors)
        until(lambda: "XDP program" in self.said() or self.process.poll() is not None, "the sensor is attached")
        if self.process.poll() == 77:
            raise Skip(self.said())
        assert self.process.poll() is None, "the sensor did not start: " + self.said()

    def said(self):
        # A file of one's own: seeking in the daemon's would make it write over its own words.
        with open(self.errors.name) as file:
            return file.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.wait()

    def wait(self):
        code = self.process.wait(timeout=60 * PATIENCE)
        self.report.seek(0)
        return code, self.report.read()


@functools.cache
def dispatcher_problem(flowxdp):
    """Why no sensor can run beside other programs here; empty when one can."""
    (found,) = [f for f in json.loads(run(flowxdp, "doctor", "--json", check=False).stdout) if f["check"] == "dispatcher"]
    if found["verdict"] != "ok":
        return found["detail"]
    return "" if shutil.which("xdp-loader") else "no xdp-loader (package xdp-tools)"


def need_dispatcher(network):
    if dispatcher_problem(network.flowxdp):
        raise Skip(dispatcher_problem(network.flowxdp))


def rows(prefix, file="flows.txt"):
    """The rows of PREFIX_FILE by column name."""
    return rows_of(f"{prefix}_{file}")


def rows_of(path):
    """Likewise, of a file of text rows."""
    with open(path) as lines:
        names = lines.readline().lstrip("%").rstrip("\n").split("\t")
        return [dict(zip(names, line.rstrip("\n").split("\t"))) for line in lines]


def packets(table, **columns):
    return sum(int(row["pktsSnt"]) for row in table if all(row[name] == value for name, value in columns.items()))


def sums(table):
    """Rows as one for each direction of a flow: where two CPUs of an emulated machine want one record, a packet may leave by
    itself when its turn does not come (flowStat bit 42). The sums are the same."""
    whole = {}
    for row in table:
        key = tuple(row[c] for c in ("vlanID", "hdrDesc", "srcMac", "dstMac", "srcIP", "srcPort", "dstIP", "dstPort", "l4Proto"))
        old = whole.get(key, (0, 0, 0))
        whole[key] = (old[0] + int(row["pktsSnt"]), old[1] + int(row["l7BytesSnt"]), max(old[2], int(row["maxL7PktSz"])))
    return whole


def check_books(report, table):
    """The ledger adds up, and the rows hold its packets in flows. Returns its numbers."""
    numbers = ledger(report)
    assert packets(table) == numbers["in_flows"], "rows hold other packets than the ledger"
    return numbers


def ledger(report):
    """The ledger's numbers by name; the report must say no difference."""
    names = ("seen", "in_flows", "filtered", "short", "unsupported", "unattributed", "left_out")
    found = re.search(r"Ledger: (\d+) packets = (\d+) in flows \+ (\d+) filtered \+ (\d+) short frames \+ (\d+) of "
                      r"unsupported link types \+ (\d+) unattributed(?: \+ (\d+) left out)?$", report, re.M)
    assert found, "no balanced ledger in the report:\n" + report
    numbers = dict(zip(names, map(int, found.groups("0"))))
    assert numbers["seen"] == sum(numbers.values()) - numbers["seen"], found.group()
    return numbers


def main(tag, tests, spared=(), **network_options):
    """Runs each test with (network, folder), a network of its own for each; exit 77 and SKIP where it cannot run here.
    spared: those of the tests that an emulated guest leaves out, because their subject is in user space."""
    try:
        for test in tests:
            if PATIENCE > 1 and test in spared:
                print("left out in a guest:", test.__name__)
                continue
            begun = time.monotonic()
            with tempfile.TemporaryDirectory() as folder, Network(sys.argv[1], tag, **network_options) as network:
                os.chmod(folder, 0o755)
                said = test(network, folder)
            print("ok:", test.__name__, *(() if said is None else (said,)), f"({time.monotonic() - begun:.1f} s)", flush=True)
    except Skip as skip:
        print("SKIP:", skip)
        sys.exit(77)
