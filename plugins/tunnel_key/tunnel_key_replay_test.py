#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tunnel_key_replay_test.py FLOWXDP [ENGINE]: what --key keeps apart, on networks with the same addresses and ports.

ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import collections
import os
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from frames import (ARP, GRE, IPIP, IPV4, TCP, UDP, VLAN, checksum, ethernet, ipv4, tcp, udp, vlan, with_checksums)
from replayed import replayed_rows  # noqa: E402

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
TEB = 0x6558
MORE_FRAGMENTS = 0x2000


def inner(body=b""):
    """The same conversation in each network."""
    return with_checksums(ipv4(TCP, tcp(40000, 443, body=body), "10.0.0.1", "10.0.0.2"))


def outer(port, body):
    return ethernet(IPV4, ipv4(UDP, udp(50000, port, body)))


def vxlan(vni, ip, ethertype=IPV4):
    return outer(4789, struct.pack("!II", 0x08 << 24, vni << 8) + ethernet(ethertype, ip))


def geneve(vni, ip):
    return outer(6081, struct.pack("!HHI", 0, TEB, vni << 8) + ethernet(IPV4, ip))


def gtp(teid, ip, sequence=False):
    options = b"\0\1\0\0" if sequence else b""
    return outer(2152, struct.pack("!BBHI", 0x32 if sequence else 0x30, 0xFF, len(options + ip), teid) + options + ip)


def gre_header(key, ethertype, checksum):
    words = (struct.pack("!I", 0) if checksum else b"") + (b"" if key is None else struct.pack("!I", key))
    return struct.pack("!HH", (0x8000 if checksum else 0) | (0 if key is None else 0x2000), ethertype) + words


def gre(key, ip, checksum=False):
    return ethernet(IPV4, ipv4(GRE, gre_header(key, IPV4, checksum) + ip))


def rows_of(frames, *options):
    return replayed_rows(FLOWXDP, ENGINE, frames, *options)


def tunnels_of(frames, *options):
    """{(tunnelKind, tunnelID): packets} of the flows of inner()."""
    found = collections.Counter()
    for row in rows_of(frames, "--key", "tunnel", *options):
        if row["dstPort"] == 443:
            assert (row["tunnelKind"], row["tunnelID"]) not in found, "two flows of one network"
            found[row["tunnelKind"], row["tunnelID"]] = row["pktsSnt"]
    return dict(found)


class TunnelKey(unittest.TestCase):
    def test_networks_with_the_same_addresses_stay_apart(self):
        networks = {("vxlan", 0): vxlan(0, inner()), ("vxlan", 7): vxlan(7, inner()), ("vxlan", 0xFFFFFF): vxlan(0xFFFFFF, inner()),
                    ("geneve", 7): geneve(7, inner()), ("gtp", 7): gtp(7, inner()), ("gtp", 0xFFFFFFFF): gtp(0xFFFFFFFF, inner(), True),
                    ("gre", 7): gre(7, inner()), ("gre", 0x80000000): gre(0x80000000, inner(), True), ("-", None): ethernet(IPV4, inner())}
        frames = [frame for n, frame in enumerate(networks.values()) for _ in range(n + 1)]
        self.assertEqual(tunnels_of(frames), {network: n + 1 for n, network in enumerate(networks)})
        for key in "vlan", "none":
            self.assertEqual([row["pktsSnt"] for row in rows_of(frames, "--key", key)], [len(frames)], key)

    def test_a_tunnel_without_an_id_leaves_the_id_of_the_one_around_it(self):
        in_ipip = with_checksums(ipv4(TCP, tcp(40000, 443), "10.0.0.1", "10.0.0.2"))
        nested = ipv4(IPIP, in_ipip, "10.9.0.1", "10.9.0.2")
        header = nested[:10] + struct.pack("!H", checksum(nested[:20])) + nested[12:]
        self.assertEqual(tunnels_of([vxlan(7, header), gre(None, inner())]), {("vxlan", 7): 1, ("-", None): 1})

    def test_the_innermost_id_counts(self):
        in_gtp = with_checksums(ipv4(UDP, udp(50000, 2152, struct.pack("!BBHI", 0x30, 0xFF, len(inner()), 9) + inner()), "10.8.0.1", "10.8.0.2"))
        self.assertEqual(tunnels_of([vxlan(7, in_gtp)]), {("gtp", 9): 1})

    def test_a_tunnel_that_is_not_entered_names_nothing(self):
        frames = [vxlan(7, struct.pack("!HHBBH", 1, IPV4, 6, 4, 1) + bytes(20), ARP), gre(7, bytes(20))]
        for row in rows_of(frames, "--key", "tunnel"):
            self.assertEqual((row["tunnelKind"], row["tunnelID"], row["srcIP"]), ("-", None, "192.0.2.1"))
        outer_rows = rows_of([vxlan(7, inner()), vxlan(8, inner())], "--key", "tunnel", "--tunnel", "none")
        self.assertEqual([(row["dstPort"], row["pktsSnt"], row["tunnelKind"]) for row in outer_rows], [(4789, 2, "-")])

    def test_vlans_do_not_count_beside_tunnels_and_with_none(self):
        frames = [ethernet(VLAN, vlan(vid, IPV4, inner())) for vid in (5, 6)]
        self.assertEqual([len(rows_of(frames, "--key", key)) for key in ("vlan", "tunnel", "none")], [2, 1, 1])
        self.assertEqual(len(rows_of(frames)), 2, "vlan is the default")

    def test_fragments_find_the_datagram_of_their_network(self):
        # One datagram in each network, with the same addresses and identification: a later fragment has no ports of its own.
        def pieces(port):
            whole = udp(port, 53, bytes(56))
            yield ipv4(UDP, whole[:32], "10.0.0.1", "10.0.0.2", ident=9, fragment=MORE_FRAGMENTS)
            yield ipv4(UDP, whole[32:], "10.0.0.1", "10.0.0.2", ident=9, fragment=4)

        def with_header_checksum(ip):
            return ip[:10] + struct.pack("!H", checksum(ip[:20])) + ip[12:]

        firsts_then_laters = [vxlan(vni, with_header_checksum(piece)) for pair in zip(pieces(1111), pieces(2222))
                              for vni, piece in zip((7, 8), pair)]
        rows = rows_of(firsts_then_laters, "--key", "tunnel")
        self.assertEqual({(row["srcPort"], row["tunnelID"], row["pktsSnt"]) for row in rows}, {(1111, 7, 2), (2222, 8, 2)})
        tagged = [ethernet(VLAN, vlan(vid, IPV4, piece)) for vid, piece in zip((5, 6), pieces(1111))]
        self.assertEqual([row["pktsSnt"] for row in rows_of(tagged, "--key", "none")], [2])
        self.assertEqual(sorted(row["pktsSnt"] for row in rows_of(tagged, "--key", "vlan")), [1, 1])

    def test_a_key_without_its_plugin_is_refused(self):
        with self.assertRaisesRegex(RuntimeError, "--key tunnel needs column 'tunnelID' of plugin 'tunnel_key', which is left out"):
            rows_of([vxlan(7, inner())], "--key", "tunnel", "--no-plugin", "tunnel_key")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
