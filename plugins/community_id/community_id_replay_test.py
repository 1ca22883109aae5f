#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""community_id_replay_test.py FLOWXDP [ENGINE]: Community IDs of flows; the values are those that the specification publishes.

ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import os
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from frames import ARP, ICMP, ICMPV6, IPV4, IPV6, SCTP, TCP, UDP, ethernet, ipv4, ipv6, tcp, udp
from replayed import replayed_rows  # noqa: E402

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
ONE, OTHER = "1.2.3.4", "5.6.7.8"
ONE6, OTHER6 = "fe80:1:203:405:607:809:a0b:c0d", "fe80:1011:1213:1415:1617:1819:1a1b:1c1d"
RSVP = 46


def icmp(kind, code=0):
    return struct.pack("!BBHI", kind, code, 0, 0)


def ids_of(frames, plugin="community_id"):
    """The IDs of the rows, in order."""
    return [row["communityID"] for row in replayed_rows(FLOWXDP, ENGINE, frames, "--plugin", plugin)]


def v4(proto, body, src=ONE, dst=OTHER):
    return ethernet(IPV4, ipv4(proto, body, src, dst))


def v6(proto, body, src=ONE6, dst=OTHER6):
    return ethernet(IPV6, ipv6(proto, body, src, dst))


class CommunityId(unittest.TestCase):
    def test_both_directions_have_one_id(self):
        there, back = v4(TCP, tcp(1122, 3344)), v4(TCP, tcp(3344, 1122), OTHER, ONE)
        self.assertEqual(ids_of([there, back]), ["1:wCb3OG7yAFWelaUydu0D+125CLM="] * 2)
        self.assertEqual(ids_of([back]), ["1:wCb3OG7yAFWelaUydu0D+125CLM="])

    def test_other_transports(self):
        self.assertEqual(ids_of([v4(UDP, udp(1122, 3344))]), ["1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg="])
        self.assertEqual(ids_of([v4(SCTP, struct.pack("!HHII", 1122, 3344, 0, 0))]), ["1:EKt4MsxuyaE6mL+hmrEkQ9csDD8="])
        self.assertEqual(ids_of([v4(RSVP, bytes(8))]), ["1:ikv3kmf89luf73WPz1jOs49S768="])
        self.assertEqual(ids_of([v6(RSVP, bytes(8))]), ["1:wQ/2mwrnXP4lmJcHdGL5ePjR+e0="])

    def test_icmp_types_of_the_first_packet_stand_for_ports(self):
        ping, pong = v4(ICMP, icmp(8)), v4(ICMP, icmp(0), OTHER, ONE)
        self.assertEqual(ids_of([ping, pong]), ["1:crodRHL2FEsHjbv3UkRrfbs4bZ0="] * 2)
        self.assertEqual(ids_of([pong]), ["1:crodRHL2FEsHjbv3UkRrfbs4bZ0="])
        self.assertEqual(ids_of([v4(ICMP, icmp(11)), ping]), ["1:f/YiSyWqczrTgfUCZlBUnvHRcPk="])
        self.assertEqual(ids_of([v4(ICMP, icmp(11)), pong]), ["1:f/YiSyWqczrTgfUCZlBUnvHRcPk="] * 2)
        self.assertEqual(ids_of([v6(ICMPV6, icmp(128)), v6(ICMPV6, icmp(129), OTHER6, ONE6)]), ["1:0bf7hyMJUwt3fMED7z8LIfRpBeo="] * 2)
        self.assertEqual(ids_of([v6(ICMPV6, icmp(146))]), ["1:fYC8+pz24E+EhANP1EZhpX0Dw10="])

    def test_seed(self):
        self.assertEqual(ids_of([v4(TCP, tcp(1122, 3344))], "community_id:seed=1"), ["1:HhA1B+6CoLbiKPEs5nhNYN4XWfk="])

    def test_what_has_no_id(self):
        self.assertEqual(ids_of([ethernet(ARP, bytes(28))]), [None])
        self.assertEqual(ids_of([v4(TCP, tcp(1122, 3344))[:34]]), [None])
        self.assertEqual(ids_of([v4(ICMP, icmp(8))[:35]]), [None])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
