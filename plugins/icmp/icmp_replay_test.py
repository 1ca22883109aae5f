#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""icmp_replay_test.py FLOWXDP [ENGINE]: cells of ICMP rows, from packets that are laid out here as RFC 792 and 4443 say.

ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import os
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from frames import ICMP, ICMPV6, IPV4, IPV6, TCP, UDP, ethernet, ipv4, ipv6, tcp, udp, write_pcap
from replayed import replayed_rows  # noqa: E402

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
HOST, SERVER, ROUTER = "192.0.2.1", "198.51.100.7", "203.0.113.1"
UNREACHABLE, REDIRECT, TIME_EXCEEDED, TIMESTAMP = 3, 5, 11, 13
STAT_ICMP, STAT_WANG, STAT_SEQUENCE, STAT_LOKI, STAT_SSH = 0x01, 0x10, 0x20, 0x40, 0x80
STAT_CUT, STAT_NO_PARENT, STAT_QUOTES_CUT, STAT_TYPES_CUT, STAT_IDS_CUT = 0x100, 0x200, 0x400, 0x800, 0x1000


def icmp(kind, code, rest=b"\0\0\0\0", body=b""):
    return struct.pack("!BBH", kind, code, 0) + rest + body


def echo(kind, ident, sequence, body=b"x" * 32):
    return icmp(kind, 0, struct.pack("!HH", ident, sequence), body)


def v4(proto, body, src, dst, **more):
    return ethernet(IPV4, ipv4(proto, body, src, dst, **more))


def rows_of(frames, *options):
    """The rows of a capture of these frames, a millisecond apart, by (source, destination, protocol)."""
    rows = replayed_rows(FLOWXDP, ENGINE, frames, "--plugin", "icmp", *options)
    return {(row["srcIP"], row["dstIP"], row["l4Proto"]): row for row in rows}


def files_of(frames):
    """Packet rows and the summary file of a replay."""
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, "icmp.pcap")
        write_pcap(capture, [(10**9 + 1000 * n, frame) for n, frame in enumerate(frames)])
        done = subprocess.run([FLOWXDP, "replay", "-q", "-s", "--engine", ENGINE, capture, "--plugin", "icmp", "-w", folder + "/run"],
                              capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        with open(folder + "/run_packets.txt") as lines:
            names = lines.readline().lstrip("%").rstrip("\n").split("\t")
            packets = [dict(zip(names, line.rstrip("\n").split("\t"))) for line in lines]
        with open(folder + "/run_icmpStats.txt") as summary:
            return packets, summary.read()


class Icmp(unittest.TestCase):
    def test_an_error_names_the_flow_that_it_is_about(self):
        packet = ipv4(UDP, udp(40000, 33435, b"probe"), HOST, SERVER)
        rows = rows_of([ethernet(IPV4, packet), v4(ICMP, icmp(TIME_EXCEEDED, 0, body=packet[:28]), ROUTER, HOST)])
        udp_row, row = rows[HOST, SERVER, UDP], rows[ROUTER, HOST, ICMP]
        self.assertEqual(row["icmpPFindex"], udp_row["flowInd"])
        self.assertEqual(row["icmpStat"], "0x0001")
        self.assertEqual(row["icmpErrCnt"], 1)
        self.assertEqual(row["icmpQFindex"], [udp_row["flowInd"]])
        self.assertEqual((row["icmpQL4Proto"], row["icmpQSrcIP"], row["icmpQSrcPort"]), ([UDP], [HOST], [40000]))
        self.assertEqual((row["icmpQDstIP"], row["icmpQDstPort"]), ([SERVER], [33435]))
        self.assertEqual(row["icmpBFTypH_TypL_Code"], "0x00000000_0x00000800_0x0001")
        self.assertEqual(row["icmpType_Code_Cnt"], ["11_0_1"])
        self.assertEqual((udp_row["icmpStat"], udp_row["icmpTCcnt"], udp_row["icmpQSrcIP"]), ("0x0000", 0, []))

    def test_a_quoted_flow_that_was_not_seen_is_named_without_flow_ind(self):
        quote = ipv4(TCP, tcp(50000, 80), HOST, SERVER)
        rows = rows_of([v4(ICMP, icmp(UNREACHABLE, 4, struct.pack("!HH", 0, 1400), quote[:28]), ROUTER, HOST)])
        row = rows[ROUTER, HOST, ICMP]
        self.assertEqual(int(row["icmpStat"], 0), STAT_ICMP | STAT_NO_PARENT)
        self.assertEqual((row["icmpPFindex"], row["icmpQFindex"], row["icmpQDstPort"]), (0, [0], [80]))
        self.assertEqual(row["icmpMTU"], 1400)

    def test_an_answer_that_is_refused_belongs_to_the_same_flow(self):
        question, answer = ipv4(UDP, udp(40000, 53), HOST, SERVER), ipv4(UDP, udp(53, 40000), SERVER, HOST)
        rows = rows_of([ethernet(IPV4, question), ethernet(IPV4, answer),
                        v4(ICMP, icmp(UNREACHABLE, 3, body=answer), HOST, SERVER)])
        self.assertEqual(rows[HOST, SERVER, ICMP]["icmpPFindex"], rows[HOST, SERVER, UDP]["flowInd"])

    def test_ping(self):
        frames = []
        for n in range(4):
            frames.append(v4(ICMP, echo(8, 0x1234, n + 1), HOST, SERVER))
            if n < 3:
                frames.append(v4(ICMP, echo(0, 0x1234, n + 1), SERVER, HOST))
        rows = rows_of(frames)
        asked, answered = rows[HOST, SERVER, ICMP], rows[SERVER, HOST, ICMP]
        self.assertEqual((asked["icmpTCcnt"], answered["icmpTCcnt"]), (4, 3))
        self.assertEqual((asked["icmpEchoSuccRatio"], answered["icmpEchoSuccRatio"]), (0.75, 0))
        self.assertEqual((asked["icmpEchoId"], answered["icmpEchoId"]), ([0x1234], [0x1234]))
        self.assertEqual((asked["icmpType_Code_Cnt"], answered["icmpType_Code_Cnt"]), (["8_0_4"], ["0_0_3"]))
        self.assertEqual((asked["icmpStat"], answered["icmpStat"]), ("0x0001", "0x0001"))

    def test_replies_that_nobody_asked_for_are_a_negative_ratio(self):
        rows = rows_of([v4(ICMP, icmp(UNREACHABLE, 1, body=b"\x45"), HOST, SERVER), v4(ICMP, echo(0, 1, 1), SERVER, HOST),
                        v4(ICMP, echo(0, 1, 2), SERVER, HOST)])
        self.assertEqual(rows[HOST, SERVER, ICMP]["icmpEchoSuccRatio"], -2)
        self.assertEqual(int(rows[HOST, SERVER, ICMP]["icmpStat"], 0), STAT_ICMP | STAT_CUT)

    def test_marks_of_echo_messages(self):
        def stat(*messages):
            return int(rows_of([v4(ICMP, m, HOST, SERVER) for m in messages])[HOST, SERVER, ICMP]["icmpStat"], 0)

        self.assertEqual(stat(echo(8, 1, 1), echo(8, 1, 3)), STAT_ICMP | STAT_SEQUENCE)
        self.assertEqual(stat(echo(8, 1, 65535), echo(8, 1, 0)), STAT_ICMP)
        self.assertEqual(stat(echo(8, 1, 0x01f0)), STAT_ICMP | STAT_LOKI)
        self.assertEqual(stat(echo(8, 1, 0x01f0), echo(8, 1, 0x01f1)), STAT_ICMP)
        self.assertEqual(stat(echo(8, 1, 1, b"012345WANG2")), STAT_ICMP | STAT_WANG)
        self.assertEqual(stat(echo(0, 1, 1, b"x" * 50 + b"SSH-2.0-OpenSSH_9")), STAT_ICMP | STAT_SSH)

    def test_redirect_and_time_stamp(self):
        quote = ipv4(UDP, udp(1, 2), HOST, SERVER)
        rows = rows_of([v4(ICMP, icmp(REDIRECT, 1, bytes([203, 0, 113, 9]), quote), ROUTER, HOST),
                        v4(ICMP, icmp(TIMESTAMP, 0, body=struct.pack("!III", 0x1000, 0, 0)), HOST, ROUTER)])
        self.assertEqual(rows[ROUTER, HOST, ICMP]["icmpTmGtw"], "0xcb007109")
        self.assertEqual(rows[HOST, ROUTER, ICMP]["icmpTmGtw"], "0x00001000")

    def test_lists_are_cut_and_say_so(self):
        quotes = [ipv4(UDP, udp(40000 + n, 33434), HOST, SERVER) for n in range(9)]
        row = rows_of([v4(ICMP, icmp(TIME_EXCEEDED, 0, body=q), ROUTER, HOST) for q in quotes])[ROUTER, HOST, ICMP]
        self.assertEqual(row["icmpQSrcPort"], list(range(40000, 40008)))
        self.assertEqual(row["icmpErrCnt"], 9)
        self.assertEqual(int(row["icmpStat"], 0), STAT_ICMP | STAT_NO_PARENT | STAT_QUOTES_CUT)
        row = rows_of([v4(ICMP, icmp(40, code), HOST, SERVER) for code in range(9)])[HOST, SERVER, ICMP]
        self.assertEqual(int(row["icmpStat"], 0), STAT_ICMP | STAT_TYPES_CUT)
        self.assertEqual(row["icmpBFTypH_TypL_Code"], "0x00000100_0x00000000_0x01ff")
        row = rows_of([v4(ICMP, echo(8, ident, 1 + ident), HOST, SERVER) for ident in range(9)])[HOST, SERVER, ICMP]
        self.assertEqual((int(row["icmpStat"], 0), len(row["icmpEchoId"])), (STAT_ICMP | STAT_IDS_CUT, 8))

    def test_version_6(self):
        host, server, router = "2001:db8::1", "2001:db8::7", "2001:db8:1::1"
        packet = ipv6(TCP, tcp(50000, 443), host, server)
        rows = rows_of([ethernet(IPV6, packet), ethernet(IPV6, ipv6(ICMPV6, icmp(2, 0, struct.pack("!I", 1280), packet), router, host)),
                        ethernet(IPV6, ipv6(ICMPV6, echo(128, 7, 1), host, server))])
        row = rows[router, host, ICMPV6]
        self.assertEqual((row["icmpPFindex"], row["icmpMTU"]), (rows[host, server, TCP]["flowInd"], 1280))
        self.assertEqual((row["icmpQSrcIP"], row["icmpQDstIP"], row["icmpQDstPort"]), ([host], [server], [443]))
        self.assertEqual(rows[host, server, ICMPV6]["icmpBFTypH_TypL_Code"], "0x00000001_0x00000000_0x0001")

    def test_packet_columns(self):
        question = ipv4(UDP, udp(40000, 53), HOST, SERVER)
        packets, _ = files_of([v4(ICMP, echo(8, 0x1234, 7), HOST, SERVER), ethernet(IPV4, question),
                               v4(ICMP, icmp(UNREACHABLE, 3, body=question), SERVER, HOST),
                               v4(ICMP, icmp(UNREACHABLE, 1, body=ipv4(UDP, udp(1, 2), HOST, "203.0.113.5")), SERVER, HOST),
                               v4(ICMP, icmp(TIMESTAMP, 0, body=bytes(12)), HOST, ROUTER),
                               v4(ICMP, echo(8, 1, 1), HOST, SERVER, fragment=0x0001),
                               ethernet(IPV6, ipv6(ICMPV6, echo(129, 9, 0xffff), "2001:db8::1", "2001:db8::2"))])
        columns = ("icmpType", "icmpCode", "icmpID", "icmpSeq", "icmpPFindex")
        self.assertEqual([tuple(p[c] for c in columns) for p in packets], [
            ("8", "0", "0x1234", "0x0007", ""), ("", "", "", "", ""), ("3", "3", "", "", packets[1]["flowInd"]),
            ("3", "1", "", "", "0"), ("13", "0", "", "", ""), ("", "", "", "", ""), ("129", "0", "0x0009", "0xffff", "")])

    def test_summary_file(self):
        quote = ipv4(UDP, udp(1, 2), HOST, SERVER)
        _, text = files_of([v4(ICMP, echo(8, 1, n), HOST, SERVER) for n in range(4)] + [v4(ICMP, echo(0, 1, 0), SERVER, HOST)] +
                           [v4(ICMP, icmp(UNREACHABLE, code, body=quote), ROUTER, HOST) for code in (1, 3, 3)] +
                           [ethernet(IPV6, ipv6(ICMPV6, icmp(200, 5), "2001:db8::1", "2001:db8::2"))])
        self.assertEqual(text, "# Total number of ICMP messages: 8\n"
                               "# ICMP echo reply / request ratio: 0.25\n"
                               "# Total number of ICMPv6 messages: 1\n\n"
                               "# ICMP Type\tCode\tPackets\tDescription\n"
                               "0\t0\t1 [ 12.50%]\tEcho reply\n"
                               "3\t1\t1 [ 12.50%]\tDestination unreachable\n"
                               "3\t3\t2 [ 25.00%]\tDestination unreachable\n"
                               "8\t0\t4 [ 50.00%]\tEcho request\n\n"
                               "# ICMPv6 Type\tCode\tPackets\tDescription\n"
                               "200\t5\t1 [100.00%]\t\n")

    def test_a_message_that_is_cut_by_the_capture(self):
        packet = ipv4(UDP, udp(40000, 33435), HOST, SERVER)
        whole = v4(ICMP, icmp(UNREACHABLE, 3, body=packet), ROUTER, HOST)
        for size in range(34, len(whole) + 1):
            row = rows_of([whole[:size]])[ROUTER, HOST, ICMP]
            has_ports = size >= 34 + 8 + 20 + 4
            self.assertEqual(bool(int(row["icmpStat"], 0) & STAT_CUT), not has_ports, size)
            self.assertEqual(row["icmpTCcnt"], 1, size)
            self.assertEqual(row["icmpQDstPort"], [33435] if has_ports else [0] * (size >= 62), size)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
