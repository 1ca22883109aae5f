# SPDX-License-Identifier: BSD-2-Clause
"""Which packets are in the rows, not only how many: what the tests with id_sender (tests/identity) share.

Each packet has a 64-bit id. The sender knows count, sum and xor of the ids of each flow and direction by arithmetic; the
plugin `identity` of a bundle of its own prints the same of each row. One lost and one doubled packet cannot cancel.
"""
import os
import subprocess
import sys

import veth

BIN = os.path.dirname(os.path.realpath(sys.argv[1]))
LIB = os.path.join(BIN, "../lib/flowxdp_identity")  # bundle and plugins, `identity` among them
SENDER = os.path.join(BIN, "id_sender")
# Emulated, a part of it is as much of a stress.
PART = 1 if veth.PATIENCE == 1 else 10
PLUGINS = ("--plugin", "identity", "--no-plugin", "tcp_states")  # whose timeouts would be other ones


def bit(table, number):
    """Rows with this bit of flowStat."""
    return sum(1 for row in table.rows if row[table.flow_status] >> number & 1)


class Table:
    """What the rows of a PREFIX_flows.txt say of ids."""

    def __init__(self, *prefixes):
        self.flow_status, self.rows, self.packets = 0, [], {}
        for prefix in prefixes:
            with open(prefix + "_flows.txt") as lines:
                names = lines.readline().lstrip("%").rstrip("\n").split("\t")
                at = [names.index(name) for name in ("flowStat", "srcIP", "srcPort", "dstIP", "dstPort", "idCount", "idSum", "idXor",
                                                     "pktsSnt", "flowInd", "dir")]
                for line in lines:
                    cells = line.rstrip("\n").split("\t")
                    status, *key, count, total, exclusive, sent, flow, way = (cells[n] for n in at)
                    count = int(count)
                    assert count == int(sent), f"flow {flow} {way}: {sent} packets, {count} ids"
                    self.rows.append((int(status, 16),))
                    old = self.packets.get(tuple(key), (0, 0, 0))
                    self.packets[tuple(key)] = (old[0] + count, (old[1] + int(total)) % 2**64, old[2] ^ int(exclusive, 16))

    @property
    def count(self):
        return sum(count for count, _, _ in self.packets.values())


def read_sent(path):
    sent = {}
    with open(path) as lines:
        for line in lines:
            *key, count, total, exclusive = line.rstrip("\n").split("\t")
            sent[tuple(key)] = (int(count), int(total), int(exclusive, 16))
    return sent


def judge(sent, table, nowhere=0):
    """Each packet that was sent is in one row. nowhere: how many the sensor says it could not put into any; which, nobody knows:
    then no flow has too many, one with as many as were sent has exactly those, and so many are missing in all."""
    want, got = read_sent(sent), table.packets
    wrong = []
    for key in want.keys() | got.keys():
        wanted, found = want.get(key, (0, 0, 0)), got.get(key, (0, 0, 0))
        if wanted != found and not (nowhere and found[0] < wanted[0]):
            wrong.append((*key, found[0] - wanted[0]))
    packets = sum(count for count, _, _ in want.values())
    difference = packets - nowhere - table.count
    assert not wrong and not difference, (
        f"{len(wrong)} of {len(want)} flow directions hold other packets than were sent, {difference} packets are missing in all; "
        f"flows and packets too many: {sorted(wrong, key=lambda w: abs(w[-1]))[-5:]}")
    return packets


def write_capture(folder, **plan):
    """A capture and what is in it."""
    capture, sent = folder + "/ids.pcap", folder + "/ids.sent"
    subprocess.run([SENDER, "pcap", capture, sent, *(f"{key}={value}" for key, value in plan.items())], check=True)
    return capture, sent


class Sender:
    """id_sender in the sensor's namespace; its taps are there, and up."""

    def __init__(self, network, folder, taps=1, **plan):
        if not os.path.exists("/dev/net/tun"):
            raise veth.Skip("this kernel has no tun device")
        self.names = [f"{network.tag}t{n}" for n in range(taps)]
        self.sent = folder + "/sent"
        plan = {"flows": 20000, "window": 1000, "stay": 8, **plan}
        plan["packets"] = plan.get("packets", 60000) // PART
        self.process = network.start(network.sensor, SENDER, "tap", ",".join(self.names), self.sent,
                                     *(f"{key}={value}" for key, value in plan.items()), stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "made\n":
            said = self.process.stderr.read()
            if "cannot make the tap device" in said:
                raise veth.Skip(said)
            raise AssertionError("the sender did not start: " + said)
        network.veths += self.names  # to be detached whatever happens
        for name in self.names:
            network.ip(network.sensor, "link", "set", name, "up")

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def done(self):
        said = self.process.stdout.readline()
        assert said == "sent\n", self.process.stderr.read()

    def send(self):
        self.tell("go")
        self.done()

    def close(self):
        """Takes the devices away."""
        self.process.stdin.close()
        assert self.process.wait(timeout=60 * veth.PATIENCE) == 0


def attach(network, prefix, sender, *options):
    return veth.Sensor(network, prefix, *sender.names, "--direction", "ingress", *PLUGINS, *options)
