#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dhcp_replay_test.py FLOWXDP [ENGINE]: cells of DHCP rows, from packets that are laid out here as RFC 2131 and 8415 say.

ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import os
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from frames import IPV4, IPV6, UDP, ethernet, ipv4, ipv6, mac, udp
from replayed import replayed_rows  # noqa: E402

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
CLIENT_MAC, SERVER, OFFERED, NOBODY, ALL = "02:00:00:00:00:0a", "192.0.2.1", "192.0.2.100", "0.0.0.0", "255.255.255.255"
DISCOVER, OFFER, ASK, ACK = 1, 2, 3, 5
DETECTED, REQUEST, REPLY, CAPTURE_CUT = 1, 2, 4, 0x400


def option(code, value):
    return struct.pack("!BB", code, len(value)) + value


def message(op, kind, *options, xid=0x11223344, your=NOBODY, client_mac=CLIENT_MAC):
    fixed = struct.pack("!BBBBIHH4s4s4s4s", op, 1, 6, 0, xid, 0, 0, bytes(4), socket.inet_aton(your), bytes(4), bytes(4))
    fixed += mac(client_mac).ljust(16, b"\0") + bytes(192) + bytes.fromhex("63825363")
    return fixed + option(53, bytes([kind])) + b"".join(options) + b"\xff"


def from_client(body, src=NOBODY, dst=ALL):
    return ethernet(IPV4, ipv4(UDP, udp(68, 67, body), src, dst))


def from_server(body, dst=OFFERED):
    return ethernet(IPV4, ipv4(UDP, udp(67, 68, body), SERVER, dst))


def rows_of(frames):
    rows = replayed_rows(FLOWXDP, ENGINE, frames, "--plugin", "dhcp")
    return {(row["srcIP"], row["dstIP"]): row for row in rows}


class Dhcp(unittest.TestCase):
    def test_a_lease(self):
        server = option(54, socket.inet_aton(SERVER))
        lease = option(51, struct.pack("!I", 3600)) + option(1, socket.inet_aton("255.255.255.0"))
        rows = rows_of([from_client(message(1, DISCOVER, option(12, b"laptop"), option(55, bytes([1, 3, 6])))),
                        from_server(message(2, OFFER, server, lease, your=OFFERED)),
                        from_client(message(1, ASK, server, option(50, socket.inet_aton(OFFERED)), option(12, b"laptop"),
                                            option(60, b"example"))),
                        from_server(message(2, ACK, server, lease, your=OFFERED))])
        asked, answered = rows[NOBODY, ALL], rows[SERVER, OFFERED]
        self.assertEqual((int(asked["dhcpStat"], 0), int(answered["dhcpStat"], 0)), (DETECTED | REQUEST, DETECTED | REPLY))
        self.assertEqual((asked["dhcpMType"], answered["dhcpMType"]), ([DISCOVER, ASK], [OFFER, ACK]))
        self.assertEqual((asked["dhcpHosts"], asked["dhcpVendor"], asked["dhcpParams"]), (["laptop"], "example", [1, 3, 6]))
        self.assertEqual((asked["dhcpReqIP"], asked["dhcpYourIP"]), (OFFERED, None))
        self.assertEqual((answered["dhcpReqIP"], answered["dhcpYourIP"]), (None, OFFERED))
        self.assertEqual((answered["dhcpSrvId"], answered["dhcpLeaseT"], answered["dhcpNetmask"]), (SERVER, 3600, "255.255.255.0"))
        self.assertEqual((asked["dhcpCHWAdd"], asked["dhcpHWType"]), ([CLIENT_MAC], "0x0000000000000002"))
        self.assertEqual((asked["dhcpOptCnt"], asked["dhcpOpts"]), (3 + 5, [12, 50, 53, 54, 55, 60]))
        self.assertEqual((asked["dhcpLFlow"], answered["dhcpLFlow"]), (answered["flowInd"], asked["flowInd"]))

    def test_two_clients_are_two_transactions(self):
        other = "02:00:00:00:00:0b"
        rows = rows_of([from_client(message(1, DISCOVER)), from_server(message(2, OFFER, client_mac=other, your="192.0.2.7"), "192.0.2.7")])
        self.assertEqual((rows[NOBODY, ALL]["dhcpLFlow"], rows[SERVER, "192.0.2.7"]["dhcpLFlow"]), (0, 0))

    def test_version_6(self):
        client_id = struct.pack("!HHHH", 1, 10, 3, 1) + mac(CLIENT_MAC)
        address = socket.inet_pton(socket.AF_INET6, "2001:db8::64")
        iana = struct.pack("!HHIIIHH", 3, 12 + 28, 1, 1800, 2880, 5, 24) + address + struct.pack("!II", 3600, 7200)
        solicit, advertise = b"\x01\xab\xcd\xef" + client_id, b"\x02\xab\xcd\xef" + client_id + iana
        client, server = "fe80::1", "fe80::2"
        rows = rows_of([ethernet(IPV6, ipv6(UDP, udp(546, 547, solicit), client, "ff02::1:2")),
                        ethernet(IPV6, ipv6(UDP, udp(547, 546, advertise), server, client))])
        asked, answered = rows[client, "ff02::1:2"], rows[server, client]
        self.assertEqual((asked["dhcpMType"], answered["dhcpMType"]), ([1], [2]))
        self.assertEqual((answered["dhcpYourIP"], answered["dhcpLeaseT"]), ("2001:db8::64", 7200))
        self.assertEqual((answered["dhcpRenewT"], answered["dhcpRebindT"]), (1800, 2880))
        self.assertEqual((asked["dhcpCHWAdd"], asked["dhcpLFlow"]), ([CLIENT_MAC], answered["flowInd"]))

    def test_names_are_data(self):
        name = b'a"b\tc\\\xff\x01'
        self.assertEqual(rows_of([from_client(message(1, DISCOVER, option(12, name)))])[NOBODY, ALL]["dhcpHosts"][0][:6], 'a"b\tc\\')

    def test_other_traffic_on_the_ports_is_not_dhcp(self):
        frames = [ethernet(IPV4, ipv4(UDP, udp(40000, 67, b"x" * 300), "192.0.2.5", SERVER)),
                  ethernet(IPV6, ipv6(UDP, udp(547, 40000, b"\x07abc"), "2001:db8::1", "2001:db8::2"))]
        self.assertEqual({row["dhcpStat"] for row in rows_of(frames).values()}, {"0x00000000"})

    def test_a_message_that_is_cut_by_the_capture(self):
        whole = from_client(message(1, DISCOVER, option(12, b"laptop")))
        for size in range(42, len(whole) + 1, 7):
            row = rows_of([whole[:size]])[NOBODY, ALL]
            self.assertEqual(bool(int(row["dhcpStat"], 0) & CAPTURE_CUT), size < len(whole), size)
            self.assertEqual(int(row["dhcpStat"], 0) & 0xf000, 0, size)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
