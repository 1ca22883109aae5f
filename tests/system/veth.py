# SPDX-License-Identifier: BSD-2-Clause
"""veth pairs between network namespaces of one's own, and sensors on them: what the operator's tests share."""
import json
import os
import subprocess
import sys
import time

# How many times slower than a real machine this one may be (vm/init sets it): every wait for a condition ends by it.
PATIENCE = float(os.environ.get("FLOWXDP_PATIENCE", "1"))

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
    """A sender and a sensor namespace with pairs of veth between them; v6 is off, so nothing speaks unasked but ARP,
    and that is off too."""

    def __init__(self, flowxdp, tag, pairs=1):
        self.flowxdp = flowxdp
        self.tag = f"{tag}{os.getpid() % 10000}"
        self.sender, self.sensor = self.tag + "s", self.tag + "r"
        self.pairs = pairs
        self.veths = [f"{self.tag}v{n}" for n in range(pairs)]

    def __enter__(self):
        if os.geteuid() != 0:
            raise Skip("needs root for network namespaces and XDP")
        for namespace in (self.sender, self.sensor):
            if run("ip", "netns", "add", namespace, check=False).returncode:
                raise Skip("cannot make a network namespace here")
            self.inside(namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                        "net.ipv6.conf.default.disable_ipv6=1")
        for n in range(self.pairs):
            self.add_pair(n)
        return self

    def __exit__(self, *_):
        for veth in self.veths:
            run(self.flowxdp, "detach", veth, check=False)
        for namespace in (self.sender, self.sensor):
            run("ip", "netns", "del", namespace, check=False)

    def add_pair(self, n):
        a, b = f"{self.tag}p{n}", f"{self.tag}v{n}"
        run("ip", "link", "add", a, "netns", self.sender, "type", "veth", "peer", "name", b, "netns", self.sensor)
        macs = {}
        for namespace, name, address in ((self.sender, a, f"192.0.{2 + n}.1"), (self.sensor, b, f"192.0.{2 + n}.2")):
            run("ip", "-n", namespace, "addr", "add", address + "/24", "dev", name)
            run("ip", "-n", namespace, "link", "set", name, "arp", "off")
            run("ip", "-n", namespace, "link", "set", name, "up")
            macs[name] = json.loads(run("ip", "-n", namespace, "-j", "link", "show", name).stdout)[0]["address"]
        # Without ARP the sender knows no neighbour: every frame goes to the sensor's own address.
        run("ip", "-n", self.sender, "neigh", "replace", f"192.0.{2 + n}.2", "lladdr", macs[b], "dev", a, "nud", "permanent")

    def inside(self, namespace, *words, check=True, **more):
        return run("nsenter", f"--net=/run/netns/{namespace}", *words, check=check, **more)

    def start(self, namespace, *words, **more):
        return subprocess.Popen(["nsenter", f"--net=/run/netns/{namespace}", *words], **more)

    def send(self, flows, packets, port=9, pair=0):
        """flows UDP flows of packets packets each, 128 IP bytes a packet; all have arrived when it returns."""
        script = SEND_UDP.replace("192.0.2.", f"192.0.{2 + pair}.")
        self.inside(self.sender, sys.executable, "-c", script, str(flows), str(packets), str(port))

    def tool(self, *words, check=True, **more):
        """The program in the sensor's namespace."""
        return self.inside(self.sensor, self.flowxdp, *words, check=check, **more)

    def status(self, *names):
        return json.loads(self.tool("status", "--json", *names).stdout)

    def pins(self, veth=None):
        return "/sys/fs/bpf/flowxdp/" + (veth or self.veths[0])

    def has_program(self, veth):
        return "xdp" in json.loads(run("ip", "-n", self.sensor, "-j", "-d", "link", "show", veth).stdout)[0]


class Sensor:
    """An attached daemon. options: of attach, interfaces included."""

    def __init__(self, network, prefix, *options, wrapper=(), output=None):
        self.network, self.prefix = network, prefix
        self.report = open(prefix + "_report", "w+")
        self.errors = open(prefix + "_errors", "w+")
        self.process = network.start(network.sensor, *wrapper, network.flowxdp, "attach", *options,
                                     *(output or ("-w", prefix)), stdout=self.report, stderr=self.errors)
        until(lambda: "XDP program" in self.said() or self.process.poll() is not None, "the sensor is attached")
        if self.process.poll() == 77:
            raise Skip(self.said())
        assert self.process.poll() is None, "the sensor did not start: " + self.said()

    def said(self):
        # By a descriptor of its own: that of the sensor shares its position, and a seek makes it write over its words.
        with open(self.errors.name) as file:
            return file.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.wait()

    def wait(self):
        code = self.process.wait(timeout=60 * PATIENCE)
        self.report.seek(0)
        return code, self.report.read()


def rows(prefix):
    with open(prefix + "_flows.txt") as file:
        names = file.readline().lstrip("%").rstrip("\n").split("\t")
        return [dict(zip(names, line.rstrip("\n").split("\t"))) for line in file]


def packets(table, **columns):
    return sum(int(row["pktsSnt"]) for row in table if all(row[name] == value for name, value in columns.items()))


def main(tag, tests, pairs=1):
    """Runs each test with (network, folder); exit 77 and SKIP where it cannot run here."""
    import tempfile
    try:
        for test in tests:
            with tempfile.TemporaryDirectory() as folder, Network(sys.argv[1], tag, pairs) as network:
                os.chmod(folder, 0o755)
                test(network, folder)
                print("ok:", test.__name__, flush=True)
    except Skip as skip:
        print("SKIP:", skip)
        sys.exit(77)
