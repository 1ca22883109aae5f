# SPDX-License-Identifier: BSD-2-Clause
"""What two plugins with rules of their own make of packets (count_rule, size_rule): the rows, worked out packet by packet from the rules
alone. A flow ends once, however many rules want it to end; the next packet starts another one."""
from collections import namedtuple

# time: ns. sender, receiver: (address, port). size: bytes of payload.
Packet = namedtuple("Packet", "time sender receiver size")
# The options of both plugins; 0 = never. Timeouts in ns, of a direction; idle: that of a direction when it starts.
Rules = namedtuple("Rules", "force_at force_size alarm_at alarm_size timeout wait_size wait idle",
                   defaults=(0, 0, 0, 0, 0, 0, 0, 182 * 10**9))
Row = namedtuple("Row", "flow dir sender packets bytes forced alarmed count_alarms size_alarms")


class Direction:
    def __init__(self, idle):
        self.timeout, self.last = idle, 0
        self.packets = self.bytes = self.count_alarms = self.size_alarms = 0
        self.forced = self.alarmed = False

    @property
    def due(self):
        return self.last + self.timeout


class Flow:
    def __init__(self, number, starter, idle):
        self.number, self.starter = number, starter
        self.directions = {}
        self.idle = idle

    def take(self, packet, rules):
        """Counts the packet; returns whether it ends the flow."""
        d = self.directions.setdefault(packet.sender, Direction(self.idle))
        d.packets, d.bytes, d.last = d.packets + 1, d.bytes + packet.size, packet.time
        by_count = d.packets == rules.force_at
        by_size = rules.force_size and packet.size >= rules.force_size
        d.forced = d.forced or bool(by_count or by_size)
        if d.packets == rules.alarm_at:
            d.count_alarms += 1
        if rules.alarm_size and packet.size >= rules.alarm_size:
            d.size_alarms += 1
        d.alarmed = d.count_alarms + d.size_alarms > 0
        if rules.timeout:
            d.timeout = rules.timeout
        if rules.wait_size and packet.size >= rules.wait_size:  # the plugin with the higher number comes last
            d.timeout = rules.wait
        return bool(by_count or by_size)

    @property
    def due(self):
        return max(d.due for d in self.directions.values())

    @property
    def last(self):
        return max(d.last for d in self.directions.values())

    def rows(self):
        """A is who sent the first packet: no port of the tests is a server's."""
        for sender in sorted(self.directions, key=lambda s: s != self.starter):
            d = self.directions[sender]
            yield Row(self.number, "A" if sender == self.starter else "B", sender, d.packets, d.bytes, d.forced, d.alarmed, d.count_alarms,
                      d.size_alarms)


def expected(packets, rules):
    """The rows in their order: by the time at which a flow ended, then by number; at the end of input by the last packet. Also how
    many packets ended a flow, and how many of them by both rules."""
    live, ended, number, forced, both = {}, [], 0, 0, 0
    for packet in packets:
        key = frozenset((packet.sender, packet.receiver))
        flow = live.get(key)
        if flow and packet.time >= flow.due:
            ended.append((0, flow.due, flow))
            flow = None
        if not flow:
            number += 1
            flow = live[key] = Flow(number, packet.sender, rules.idle)
        before = flow.directions.get(packet.sender)
        if flow.take(packet, rules):
            forced += 1
            both += bool(rules.force_size and packet.size >= rules.force_size and (before.packets if before else 0) == rules.force_at)
            ended.append((0, packet.time, live.pop(key)))
    for flow in live.values():
        ended.append((0, flow.due, flow) if flow.due <= packets[-1].time else (1, flow.last, flow))
    ended.sort(key=lambda one: (one[0], one[1], one[2].number))
    return [row for _, _, flow in ended for row in flow.rows()], forced, both


def told(table):
    """The same, from a flow file."""
    return [Row(int(row["flowInd"]), row["dir"], (row["srcIP"], int(row["srcPort"])), int(row["pktsSnt"]), int(row["l7BytesSnt"]),
                bool(int(row["flowStat"], 16) & 1 << 41), bool(int(row["flowStat"], 16) & 1 << 49), int(row["countAlarms"]),
                int(row["sizeAlarms"])) for row in table]
