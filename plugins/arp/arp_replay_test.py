#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""arp_replay_test.py FLOWXDP [ENGINE]: cells of ARP rows, from packets that are laid out here as RFC 826 and 5227 say.

ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import os
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from frames import ARP, VLAN, ethernet, mac, vlan
from replayed import replayed_rows  # noqa: E402

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
A, B, C, ALL, NONE = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"
RARP = 0x8035
REQUEST, REPLY = 1, 2
DETECTED, GRATUITOUS, PROBE, ANNOUNCEMENT, CUT, PAIRS_CUT, CONFLICT = 1, 2, 4, 8, 0x10, 0x20, 0x80


def message(opcode, sender, sender_ip, target, target_ip, hardware=1):
    return struct.pack("!HHBBH", hardware, 0x0800, 6, 4, opcode) + mac(sender) + socket.inet_aton(sender_ip) + mac(target) + \
        socket.inet_aton(target_ip)


def request(sender, sender_ip, target_ip):
    return ethernet(ARP, message(REQUEST, sender, sender_ip, NONE, target_ip), src=sender, dst=ALL, wire_len=60)


def reply(sender, sender_ip, target, target_ip):
    return ethernet(ARP, message(REPLY, sender, sender_ip, target, target_ip), src=sender, dst=target, wire_len=60)


def run(frames):
    """(rows by (source MAC, destination MAC, VLAN), report)"""
    rows = replayed_rows(FLOWXDP, ENGINE, frames, "--plugin", "arp")
    return {(row["srcMac"][0], row["dstMac"][0], (row["vlanID"] or [0])[0]): row for row in rows}


def stat(row):
    return int(row["arpStat"], 0)


class Arp(unittest.TestCase):
    def test_request_and_reply(self):
        rows = run([request(A, "192.0.2.1", "192.0.2.2"), reply(B, "192.0.2.2", A, "192.0.2.1")])
        asked, answered = rows[A, ALL, 0], rows[B, A, 0]
        self.assertEqual((asked["arpStat"], asked["arpHwType"], asked["arpOpcode"]), ("0x01", 1, "0x0002"))
        self.assertEqual((asked["arpIpMacCnt"], asked["arpMac_Ip_Cnt"]), (1, [f"{A}_192.0.2.1_1"]))
        self.assertEqual((answered["arpStat"], answered["arpOpcode"]), ("0x01", "0x0004"))
        self.assertEqual(answered["arpMac_Ip_Cnt"], [f"{B}_192.0.2.2_1", f"{A}_192.0.2.1_1"])

    def test_a_reply_that_is_b_stands_in_b(self):
        ask = ethernet(ARP, message(REQUEST, A, "192.0.2.1", NONE, "192.0.2.2"), src=A, dst=B)  # unicast: one biflow
        rows = run([ask, reply(B, "192.0.2.2", A, "192.0.2.1")])
        self.assertEqual(rows[A, B, 0]["flowInd"], rows[B, A, 0]["flowInd"])
        self.assertEqual((rows[A, B, 0]["arpOpcode"], rows[B, A, 0]["arpOpcode"]), ("0x0002", "0x0004"))

    def test_probe_and_announcement(self):
        announcement = ethernet(ARP, message(REQUEST, A, "192.0.2.1", NONE, "192.0.2.1"), src=A, dst=ALL)
        rows = run([request(A, "0.0.0.0", "192.0.2.1"), announcement])
        self.assertEqual(stat(rows[A, ALL, 0]), DETECTED | PROBE | GRATUITOUS | ANNOUNCEMENT)
        self.assertEqual(rows[A, ALL, 0]["arpMac_Ip_Cnt"], [f"{A}_0.0.0.0_1", f"{A}_192.0.2.1_1"])
        gratuitous = ethernet(ARP, message(REPLY, B, "192.0.2.2", ALL, "192.0.2.2"), src=B, dst=ALL)
        rows = run([gratuitous])
        self.assertEqual(stat(rows[B, ALL, 0]), DETECTED | GRATUITOUS)
        self.assertEqual(rows[B, ALL, 0]["arpMac_Ip_Cnt"], [f"{B}_192.0.2.2_1"])

    def test_one_address_with_two_macs_is_a_conflict_over_the_run(self):
        rows = run([request(A, "192.0.2.1", "192.0.2.9"), request(C, "192.0.2.7", "192.0.2.9"),
                    reply(C, "192.0.2.1", B, "192.0.2.2")])
        self.assertEqual(stat(rows[A, ALL, 0]), DETECTED)
        row = rows[C, B, 0]
        self.assertEqual(stat(row), DETECTED | CONFLICT)
        self.assertEqual(row["arpMac_Ip_Cnt"], [f"{C}_192.0.2.1_1", f"{A}_192.0.2.1_0", f"{B}_192.0.2.2_1"])

    def test_no_conflict_between_vlans_nor_of_probes(self):
        def tagged(vid, sender):
            return ethernet(VLAN, vlan(vid, ARP, message(REQUEST, sender, "192.0.2.1", NONE, "192.0.2.9")), src=sender, dst=ALL)

        rows = run([tagged(5, A), tagged(6, B), request(A, "0.0.0.0", "192.0.2.50"), request(B, "0.0.0.0", "192.0.2.50")])
        self.assertEqual({stat(row) & CONFLICT for row in rows.values()}, {0})
        self.assertEqual(rows[A, ALL, 5]["arpMac_Ip_Cnt"], [f"{A}_192.0.2.1_1"])

    def test_pairs_are_cut_and_say_so(self):
        rows = run([request(A, f"192.0.2.{n}", "192.0.2.99") for n in range(1, 13)])
        self.assertEqual(stat(rows[A, ALL, 0]), DETECTED | PAIRS_CUT)
        self.assertEqual(rows[A, ALL, 0]["arpIpMacCnt"], 10)

    def test_reverse_arp_and_other_hardware(self):
        frame = ethernet(RARP, message(4, B, "192.0.2.2", A, "192.0.2.1"), src=B, dst=A)
        self.assertEqual(run([frame])[B, A, 0]["arpMac_Ip_Cnt"], [f"{B}_192.0.2.2_1", f"{A}_192.0.2.1_1"])
        self.assertEqual(run([frame])[B, A, 0]["arpOpcode"], "0x0010")
        other = ethernet(ARP, struct.pack("!HHBBH", 32, 0x0800, 20, 4, REQUEST) + bytes(48), src=A, dst=ALL)
        row = run([other])[A, ALL, 0]
        self.assertEqual((row["arpHwType"], row["arpMac_Ip_Cnt"], stat(row)), (32, [], DETECTED))

    def test_a_message_that_is_cut_by_the_capture(self):
        whole = ethernet(ARP, message(REQUEST, A, "192.0.2.1", NONE, "192.0.2.2"), src=A, dst=ALL)
        for size in range(14, len(whole) + 1):
            row = run([whole[:size]])[A, ALL, 0]
            self.assertEqual(stat(row), DETECTED | (CUT if size < len(whole) else 0), size)
            self.assertEqual(len(row["arpMac_Ip_Cnt"]), int(size == len(whole)), size)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
