#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""replay_test.py FLOWXDP [ENGINE]: several plugins want to end the same flow at the same packet, raise an alarm, or set a timeout.

The plugins count_rule and size_rule do that, each by its own rule. The rows that they have to give are worked out in expected_rows.py.
ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
from expected_rows import Packet, Rules, expected, told
from frames import IPV4, NANOSECONDS, UDP, ethernet, ipv4, udp, write_pcap

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
LIB = os.path.join(os.path.dirname(os.path.realpath(FLOWXDP)), "../lib/flowxdp_verdicts")
SECOND = NANOSECONDS
FLOWS, PACKETS = 40, 4000
LARGE, HUGE = 600, 1200


def traffic(pause=lambda chance: 1_000_000):
    """Packets of FLOWS flows; a fifth of them is large, a few are huge. pause: ns between two packets."""
    chance, time, found = random.Random(12), 1_700_000_000 * SECOND, []
    for _ in range(PACKETS):
        flow = chance.randrange(FLOWS)
        ends = (("10.0.0.1", 20000 + flow), ("10.0.0.2", 30000))
        found.append(Packet(time, *(ends if chance.random() < 0.6 else ends[::-1]), chance.choices((100, LARGE, HUGE), (80, 19, 1))[0]))
        time += pause(chance)
    return found


def write(path, packets):
    write_pcap(path, [(p.time, ethernet(IPV4, ipv4(UDP, udp(p.sender[1], p.receiver[1], bytes(p.size)), p.sender[0], p.receiver[0])))
                      for p in packets], unit=NANOSECONDS)


def replay(capture, prefix, *options):
    """Rows, and the report as JSON."""
    done = subprocess.run([FLOWXDP, "replay", "-q", "--json", "--lib", LIB, "--engine", ENGINE, capture, "-w", prefix,
                           "--plugins", "basic_flow,basic_stats,count_rule,size_rule", *options], capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["ledger"]["difference"] == 0, report["ledger"]
    with open(prefix + "_flows.txt") as lines:
        names = lines.readline().lstrip("%").rstrip("\n").split("\t")
        return told([dict(zip(names, line.rstrip("\n").split("\t"))) for line in lines]), report


def rules_as_options(rules):
    def plugin(name, **values):
        words = [f"{key}={value}" for key, value in values.items() if value]
        return ("--plugin", name + ":" + ",".join(words)) if words else ()
    return (*plugin("count_rule", force_at=rules.force_at, alarm_at=rules.alarm_at,
                    timeout=rules.timeout and f"{rules.timeout // 10**6}ms"),
            *plugin("size_rule", force=rules.force_size, alarm=rules.alarm_size, wait=rules.wait_size,
                    timeout=rules.wait and f"{rules.wait // 10**6}ms"))


def same(rows, wanted):
    assert len(rows) == len(wanted), (len(rows), len(wanted))
    for row, want in zip(rows, wanted):
        assert row == want, f"\n{row}\n{want}"


def one_release_for_two_verdicts(capture, folder, packets):
    rules = Rules(force_at=4, force_size=LARGE)
    wanted, forced, both = expected(packets, rules)
    assert both > 20, "no packet that both rules end a flow at"
    rows, report = replay(capture, folder + "/force", *rules_as_options(rules))
    same(rows, wanted)
    assert report["counters"]["flows_ended_forced"] == forced, (report["counters"], forced)
    assert sum(row.forced for row in rows) == forced == report["flows"]["forced"], "one direction of each ended flow"
    assert sum(row.packets for row in rows) == PACKETS
    return f"{forced} flows ended, {both} of them by both rules"


def alarms_of_any_and_of_all(capture, folder, packets):
    rules = Rules(alarm_at=50, alarm_size=HUGE)
    everything, _, _ = expected(packets, rules)
    of_any = [row for row in everything if row.count_alarms or row.size_alarms]
    of_all = [row for row in everything if row.count_alarms and row.size_alarms]
    assert 0 < len(of_all) < len(of_any) < len(everything), "the modes cannot be told apart"
    paired = {(row.flow, row.dir) for row in of_any}
    assert any(direction == "B" and (flow, "A") not in paired for flow, direction in paired), "no B without its A"
    for words, wanted in (((), everything), (("--alarm", "any"), of_any), (("--alarm", "all"), of_all)):
        rows, report = replay(capture, folder + "/alarm", *words, *rules_as_options(rules))
        same(rows, wanted)
        if words:
            assert report["flows"]["alarms"] == sum(row.count_alarms + row.size_alarms for row in everything), report["flows"]
    return f"{len(of_any)} and {len(of_all)} of {len(everything)} rows"


def alarm_and_end_at_one_packet(capture, folder, packets):
    """One rule raises the alarm at the packet at which the other ends the flow."""
    rules = Rules(force_at=3, alarm_size=LARGE)
    wanted = [row for row in expected(packets, rules)[0] if row.size_alarms]
    rows, _ = replay(capture, folder + "/both", "--alarm", "any", *rules_as_options(rules))
    same(rows, wanted)
    assert any(row.forced and row.alarmed for row in rows)


def timeouts_of_two(folder):
    """The last plugin's timeout of a packet stays until the next packet of the direction; the longer direction decides."""
    packets = traffic(lambda chance: chance.choice((1, 5, 20, 40)) * SECOND // 100 + 1)
    capture = folder + "/timeouts.pcap"
    write(capture, packets)
    found = []
    for rules in (Rules(), Rules(timeout=3 * SECOND), Rules(timeout=3 * SECOND, wait_size=LARGE, wait=8 * SECOND),
                  Rules(timeout=8 * SECOND, wait_size=LARGE, wait=3 * SECOND)):
        wanted, _, _ = expected(packets, rules)
        rows, _ = replay(capture, folder + "/timeouts", *rules_as_options(rules))
        same(rows, wanted)
        found.append(len({row.flow for row in rows}))
    assert len(set(found)) == len(found) and found[0] == FLOWS, f"the rules cannot be told apart: {found}"
    return "{} flows; with one timeout {}, with two {} and {}".format(*found)


with tempfile.TemporaryDirectory() as folder:
    packets = traffic()
    capture = folder + "/verdicts.pcap"
    write(capture, packets)
    for test in (one_release_for_two_verdicts, alarms_of_any_and_of_all, alarm_and_end_at_one_packet):
        print("ok:", test.__name__, test(capture, folder, packets) or "")
    print("ok: timeouts_of_two", timeouts_of_two(folder))
