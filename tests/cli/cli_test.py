#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a user of `flowxdp replay`, plugins, sinks and decode may rely on: exit codes, messages, files, streams.

    FLOWXDP_BIN=build/bin/flowxdp cli_test.py [-v] [Class.test]

Captures are made here. Cases that need tcpdump, mergecap or zstd are skipped where those are missing.
"""

import csv
import fcntl
import gzip
import json
import os
import pathlib
import pty
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import frames  # noqa: E402

OK, RUNTIME, USAGE, INCOMPLETE = 0, 1, 2, 3
FLOWXDP = os.environ.get("FLOWXDP_BIN", "")
PATIENCE = 30
START = 1700000000 * 10**6
CAUSES = ("packets_filtered", "packets_short_frame", "packets_link_unsupported", "packets_unattributed", "packets_left_out")


def tcp_frame(src, dst, sport, dport, flags=frames.ACK, window=1000, payload=b""):
    segment = frames.tcp(sport, dport, 1, 1, flags, window, body=payload)
    return frames.ethernet(frames.IPV4, frames.with_checksums(frames.ipv4(frames.TCP, segment, src, dst, ident=0, fragment=0x4000)))


def udp_frame(src, dst, sport, dport, payload=b"x"):
    datagram = frames.udp(sport, dport, payload)
    return frames.ethernet(frames.IPV4, frames.with_checksums(frames.ipv4(frames.UDP, datagram, src, dst, ident=0, fragment=0x4000)))


def mixed_traffic(flows=60):
    """Requests and replies of TCP and UDP, small windows here and there, ARP; one packet a millisecond."""
    exchanges = []
    for n in range(flows):
        client, server = f"10.0.{n % 7}.{n + 1}", f"192.0.2.{n % 5 + 1}"
        if n % 3:
            exchange = [tcp_frame(client, server, 20000 + n, 443 if n % 2 else 80, frames.SYN),
                        tcp_frame(server, client, 443 if n % 2 else 80, 20000 + n, frames.SYN | frames.ACK, n % 4),
                        tcp_frame(client, server, 20000 + n, 443 if n % 2 else 80, payload=b"a" * n)]
        else:
            exchange = [udp_frame(client, server, 20000 + n, 53, b"q" * 20), udp_frame(server, client, 53, 20000 + n, b"r" * 99)]
        exchanges.append(exchange)
    order = [frame for step in range(3) for exchange in exchanges for frame in exchange[step:step + 1]]
    order.insert(10, frames.ethernet(frames.ARP, bytes(28), dst="ff:ff:ff:ff:ff:ff", wire_len=60))
    return [(START + 1000 * n, frame) for n, frame in enumerate(order)]


class Table:
    def __init__(self, text):
        lines = text.split("\n")
        if lines.pop() != "":
            raise AssertionError(f"the last line is not complete: {text[-80:]!r}")
        if not lines[0].startswith("%"):
            raise AssertionError(f"no header line: {lines[0][:80]!r}")
        self.columns = lines[0][1:].split("\t")
        self.lines = lines[1:]
        self.rows = [dict(zip(self.columns, line.split("\t"))) for line in self.lines]
        for line in self.lines:
            if line.count("\t") != len(self.columns) - 1:
                raise AssertionError(f"{line.count(chr(9)) + 1} cells under {len(self.columns)} columns: {line!r}")


class CliCase(unittest.TestCase):
    def setUp(self):
        self.assertTrue(os.path.exists(FLOWXDP), f"FLOWXDP_BIN names no program: '{FLOWXDP}'")
        folder = tempfile.TemporaryDirectory(prefix="flowxdp_cli")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        self.frames = mixed_traffic()
        self.capture = self.save("traffic.pcap", frames.pcap(self.frames))
        self.environment = dict(os.environ, HOME=str(self.dir), XDG_DATA_HOME=str(self.dir / "none"), LC_ALL="C", TZ="UTC")
        self.environment.pop("FLOWXDP_GEO", None)

    def save(self, name, data):
        path = self.dir / name
        path.write_bytes(data)
        return str(path)

    def flowxdp(self, *words, stdin=None, code=OK, text=True):
        run = subprocess.run([FLOWXDP, *map(str, words)], cwd=self.dir, env=self.environment, input=stdin, timeout=PATIENCE,
                             capture_output=True, check=False)
        if text:
            run.stdout, run.stderr = run.stdout.decode("utf-8"), run.stderr.decode("utf-8")
        self.assertEqual(run.returncode, code, f"{words}: {run.stderr[-600:]}")
        return run

    def replay(self, *words, **more):
        return self.flowxdp("replay", *words, **more)

    def rows(self, *words, **more):
        """The flow file on standard output."""
        return self.replay(*words, "-q", **more).stdout

    def report(self, *words, **more):
        report = json.loads(self.replay(*words, "-w", self.dir / "report", "--json", **more).stdout)
        self.check_ledger(report)
        return report

    def check_ledger(self, report):
        self.assertEqual(report["ledger"]["difference"], 0)
        self.assertEqual(report["packets"], report["ledger"]["in_flows"] + sum(report["counters"][c] for c in CAUSES))

    def need(self, tool):
        if not shutil.which(tool):
            self.skipTest(f"no {tool}")


class HostileInput(CliCase):
    """A number or a length in the input decides neither about memory nor about the program's life."""

    def assert_little_memory(self, capture, packets_in_it):
        usual = self.report(self.capture)["memory_bytes"]
        report = self.report(capture)
        self.assertEqual(report["packets"], packets_in_it)
        self.assertLess(report["memory_bytes"], usual + (48 << 20))

    def test_interface_ids_of_32_bits(self):
        frame = udp_frame("10.0.0.1", "192.0.2.1", 1000, 2000)
        ids = (4294967295, 4000000000, 2147483648, 7)
        own = frames.pcapng_option(4, b"flowxdp 0.1") + frames.pcapng_option(0, b"")
        capture = self.save("ids.pcapng", frames.pcapng_section(own) +
                            b"".join(frames.pcapng_interface(frames.pcapng_option(3, f"ifindex {i}".encode())) for i in ids) +
                            b"".join(frames.pcapng_packet(START, udp_frame(f"10.0.0.{n}", "192.0.2.1", 1000, 2000), n) for n in range(4)) +
                            frames.pcapng_packet(START, frame, 3))
        self.assert_little_memory(capture, 5)

    def test_names_that_decompress_to_gigabytes(self):
        name = frames.pcapng_option(2, b"n" * 65000)
        blocks = frames.pcapng_section() + frames.pcapng_interface(name) * 1500 + frames.pcapng_packet(START, self.frames[0][1], 1499)
        path = self.dir / "bomb.pcapng.gz"
        with gzip.open(path, "wb", compresslevel=1) as out:
            out.write(blocks)
        self.assertLess(path.stat().st_size, 2 << 20)
        self.assert_little_memory(path, 1)

    def test_option_files_without_an_end(self):
        run = self.replay(self.capture, "-F", "/dev/zero", code=USAGE)
        self.assertIn("it is no text", run.stderr)
        self.assertIn("it is no text", self.replay("-R", "/dev/zero", code=RUNTIME).stderr)
        large = self.save("large", b"tcp or udp\n" + b"#" * (1 << 20))
        self.assertIn("larger than 1048576 bytes", self.replay(self.capture, "-F", large, code=USAGE).stderr)

    def test_versions_that_nobody_knows_are_refused(self):
        pcap = bytearray(frames.pcap(self.frames))
        pcap[4] = 3
        self.assertIn("pcap of version 3.4", self.replay(self.save("v3.pcap", pcap), code=RUNTIME).stderr)
        pcapng = self.save("v2.pcapng", frames.pcapng_section(major=2) + frames.pcapng_interface() +
                           frames.pcapng_packet(START, self.frames[0][1]))
        self.assertIn("pcapng of version 2.0", self.replay(pcapng, code=RUNTIME).stderr)

    def test_files_in_the_wrong_order_of_time_are_named(self):
        early = self.save("early.pcap", frames.pcap([(START, self.frames[0][1])]))
        late = self.save("late.pcap", frames.pcap([(START + 3600 * 10**6, self.frames[0][1])]))
        self.assertEqual(self.report(early, late)["hints"], [])
        (hint,) = self.report(late, early)["hints"]
        self.assertTrue(hint.startswith(f"'{early}' begins on"), hint)
        self.assertTrue(hint.endswith(f"in the order of their time: '{early}' '{late}'"), hint)
        self.assertIn("[WRN] " + hint, self.replay(late, early, "-w", self.dir / "out").stdout)


class ExitCodes(CliCase):
    def assert_usage(self, *words, says):
        run = self.flowxdp(*words, code=USAGE)
        for word in says:
            self.assertIn(word, run.stderr)
        self.assertEqual(run.stdout, "")

    def test_help_and_version(self):
        self.assertIn("Exit codes", self.replay("--help").stdout)
        self.assertRegex(self.flowxdp("--version").stdout, r"^flowxdp \d+\.\d+\.\d+\n$")

    def test_missing_file_is_a_runtime_error(self):
        run = self.replay(self.dir / "absent.pcap", "-w", "out", code=RUNTIME)
        self.assertIn("absent.pcap", run.stderr)
        self.assertIn("No such file or directory", run.stderr)
        self.assertEqual(list(self.dir.glob("out*")), [])

    def test_a_missing_file_among_several(self):
        run = self.replay(self.capture, self.dir / "absent.pcap", "-w", "out", code=RUNTIME)
        self.assertIn("absent.pcap", run.stderr)

    def test_a_folder_and_a_text_are_no_captures(self):
        self.assertIn(str(self.dir), self.replay(self.dir, code=RUNTIME).stderr)
        run = self.replay(self.save("text.pcap", b"this is not a capture file, is it? no it is not\n" * 9), code=RUNTIME)
        self.assertIn("text.pcap", run.stderr)

    def test_bad_usage_names_the_way_out(self):
        self.assert_usage("replay", self.capture, "--no-such-option", says=["--no-such-option", "--help"])
        self.assert_usage("replay", self.capture, "-c", "many", says=["-c"])
        self.assert_usage("replay", self.capture, "--max-flows", "1", says=["16"])
        self.assert_usage("replay", self.capture, "--idle-timeout", "soon", says=["soon", "30s"])
        self.assert_usage("replay", self.capture, "--engine", "warp", says=["native"])
        self.assert_usage("replay", says=["flowxdp: replay needs an input", "-R"])
        self.assert_usage(says=["--help"])

    def test_unknown_command_is_named(self):
        self.assert_usage("frobnicate", says=["frobnicate"])

    def test_bad_plugin_and_option(self):
        self.assert_usage("replay", self.capture, "--plugin", "nonesuch", says=["nonesuch", "tcp_win"])
        self.assert_usage("replay", self.capture, "--plugins", "basic_flow,nonesuch", says=["nonesuch"])
        self.assert_usage("replay", self.capture, "--no-plugin", "nonesuch", says=["nonesuch"])
        self.assert_usage("replay", self.capture, "--plugin", "tcp_win:limit=1", says=["limit", "threshold"])
        self.assert_usage("replay", self.capture, "--plugin", "tcp_win:threshold=low", says=["threshold", "low"])

    def test_bad_sink_and_option(self):
        self.assert_usage("replay", self.capture, "--sink", "nonesuch", says=["nonesuch", "json"])
        self.assert_usage("replay", self.capture, "--sink", "json:x,colour=red", says=["colour"])
        self.assert_usage("replay", self.capture, "--sink", "json:x,policy=never", says=["never", "block"])
        self.assert_usage("replay", self.capture, "-W", "out:huge", says=["huge", "500M"])
        self.assert_usage("replay", self.capture, "-w", "a", "-W", "b", says=["-w", "-W"])

    def test_numbers_out_of_their_range_name_option_reason_range_and_example(self):
        replay = ["replay", self.capture]
        for words, says in [([*replay, "-c", "-5"], ["-c", "'-5' is not a whole number", "at least 1", "e.g. 1000"]),
                            ([*replay, "-c", str(2**64)], ["-c", f"'{2**64}' is too large"]),
                            ([*replay, "-f", "nan"], ["-f", "'nan' is not a number", "0.001 to 1000"]),
                            ([*replay, "-S", "-1"], ["-S", "'-1'"]),
                            ([*replay, "-x", str(2**32)], ["-x", "4294967295"]),
                            ([*replay, "--active-timeout", "nan"], ["--active-timeout", "'nan' is not a duration", "30s"]),
                            ([*replay, "-W", "out:1e99"], ["split size", "'1e99'", "500M"]),
                            ([*replay, "-W", "out:5f,-1"], ["split start", "'-1'"]),
                            ([*replay, "--sink", "socket:tcp://127.0.0.1:70000"], ["port", "'70000' is too large", "1 to 65535", "6666"]),
                            ([*replay, "--sink", "socket:tcp://127.0.0.1:0"], ["port", "'0' is too small"]),
                            ([*replay, "--sink", "tcp_win:tcp://[::1]:-1"], ["port", "'-1'"]),
                            ([*replay, "--sink", "json:x,queue=-1"], ["json", "queue", "'-1'", "4K"]),
                            ([*replay, "--sink", "json:x,queue="], ["json", "queue", "''"]),
                            ([*replay, "--plugin", "tcp_win:threshold=70000"], ["tcp_win", "threshold", "1 to 65536"]),
                            ([*replay, "--plugin", "tcp_states:closed=-1"], ["tcp_states", "closed", "'-1'"]),
                            (["replay", "--series", "out0.pcap,99999999999999999999"], ["99999999999999999999", "too large"]),
                            (["decode", "flowStat=0x10400020000004000"], ["flowStat", "too large for 64 bits", "0xffffffffffffffff"]),
                            (["decode", "tcpWinStat=0x1ff"], ["tcpWinStat", "too large for 8 bits", "0xff"]),
                            (["decode", "flowStat=-1"], ["flowStat", "'-1'"]),
                            (["top", "-n", "0"], ["-n", "'0' is too small"]),
                            (["attach", "lo", "--ring", "1"], ["--ring", "4K"]),
                            (["attach", "lo", "--dispatcher", "--priority", "-1"], ["--priority", "'-1'"])]:
            with self.subTest(words=words):
                run = self.flowxdp(*words, code=RUNTIME if "--series" in words else USAGE)
                for word in says:
                    self.assertIn(word, run.stderr)
                self.assertEqual(run.stdout, "")

    def test_an_option_of_a_plugin_or_sink_is_given_once(self):
        for words in (["--plugin", "tcp_win:threshold=1,threshold=2"], ["--plugin", "tcp_win:threshold=1", "--plugin", "tcp_win:threshold=2"]):
            self.assert_usage("replay", self.capture, *words, says=["tcp_win", "threshold", "given twice: '1' and '2'"])
        self.assert_usage("replay", self.capture, "--sink", "csv:x,eol=lf,eol=crlf", says=["csv", "eol", "given twice"])

    def test_an_option_that_repeats_takes_one_value(self):
        rows = self.rows(self.capture, "tcp", "-w", "-")
        self.assertGreater(rows.count("\n"), 1)
        for n, words in enumerate((["-w", "-", self.capture, "tcp"], [self.capture, "-w", "-", "tcp"],
                                   ["--plugin", "tcp_win", self.capture, "-w", "-", "--no-plugin", "tcp_geo_win", "tcp"],
                                   ["-w", "-", "--no-plugin", "tcp_geo_win", self.capture, "tcp"])):
            at = len(words) - 1 if n else 0
            self.assertEqual(self.rows(*words[:at], "--sink", f"json:{n + 1}.json", *words[at:]), rows)
        for n in (2, 3, 4):
            self.assertEqual((self.dir / f"{n}.json").read_bytes(), (self.dir / "1.json").read_bytes())

    def test_bad_filter(self):
        self.assert_usage("replay", self.capture, "tcp", "pork", says=["tcp pork", "syntax"])
        self.assert_usage("replay", self.capture, "-F", self.save("f", b"udp"), "tcp", says=["-F"])

    def test_prefix_in_a_missing_folder(self):
        run = self.replay(self.capture, "-w", "absent/out", code=RUNTIME)
        self.assertIn("absent/out", run.stderr)
        self.assertIn("No such file", run.stderr)


    def test_a_device_is_no_prefix(self):
        os.symlink(os.devnull, self.dir / "device")
        run = self.replay(self.capture, "-w", "device", code=RUNTIME)
        self.assertIn("'device': it is a device", run.stderr)
        self.assertEqual(list(self.dir.glob("device_*")), [])


class Messages(CliCase):
    """Each refusal begins with the program's name, says what is wrong and what to write instead."""

    def assert_says(self, words, *says, code=USAGE):
        run = self.flowxdp(*words, code=code)
        self.assertEqual(run.stdout, "")
        self.assertRegex(run.stderr.splitlines()[-1 if code != USAGE else 0], "^flowxdp: |^\\[INF\\]")
        for part in says:
            self.assertIn(part, run.stderr)

    def test_the_nearest_word(self):
        replay = ["replay", self.capture]
        for words, word, meant in [([*replay, "--plugn", "tcp_win"], "--plugn", "--plugin"), ([*replay, "--sinks", "json"], "--sinks", "--sink"),
                                   ([*replay, "--idle", "3"], "--idle", "--idle-timeout"), ([*replay, "-plugin", "x"], "-plugin", "--plugin"),
                                   ([*replay, "--plugin", "tcpWin"], "tcpWin", "tcp_win"), ([*replay, "--no-plugin", "basicStats"], "basicStats", "basic_stats"),
                                   ([*replay, "--plugins", "basicFlow"], "basicFlow", "basic_flow"),
                                   ([*replay, "--plugin", "tcp_win:treshold=1"], "treshold", "threshold"),
                                   ([*replay, "--sink", "jsn"], "jsn", "json"), ([*replay, "--sink", "csv:x,eoll=lf"], "eoll", "eol"),
                                   ([*replay, "--alarm", "ani"], "ani", "any"), ([*replay, "--engine", "BPF"], "BPF", "bpf"),
                                   (["decode", "flowstat=1"], "flowstat", "flowStat"), (["replya"], "replya", "replay"), (["statsu"], "statsu", "status"),
                                   (["help", "plugns"], "plugns", "plugins"), (["plugin", "biuld"], "biuld", "build"), (["plugins", "tcpwin"], "tcpwin", "tcp_win"),
                                   (["sinks", "text2"], "text2", "text"), (["geo", "lokup"], "lokup", "lookup"), (["top", "--onse"], "--onse", "--once"),
                                   (["top", "-o", "byte"], "byte", "bytes")]:
            with self.subTest(words=words):
                self.assert_says(words, f"'{word}'", f"did you mean '{meant}'?")

    def test_a_word_like_none_gets_the_list_and_no_guess(self):
        run = self.flowxdp("frobnicate", code=USAGE)
        self.assertIn("there are: replay, extract, attach", run.stderr)
        self.assertNotIn("did you mean", run.stderr)
        self.assertNotIn("did you mean", self.replay(self.capture, "--no-such-option", code=USAGE).stderr)

    def test_letters_of_tranalyzer_and_tcpdump_are_answered(self):
        for words, says in [(["replay", "-r", "f.pcap"], "-r is not needed: give the file itself, 'flowxdp replay f.pcap'"),
                            (["-r", "f.pcap", "-w", "out"], "'flowxdp replay f.pcap'"), (["-i", "eth0"], "'sudo flowxdp attach eth0'"),
                            (["replay", "-i", "eth0"], "'sudo flowxdp attach eth0'"), (["attach", "-i", "eth0"], "give the interface itself, 'flowxdp attach eth0'"),
                            (["replay", "-D", "out.pcap0"], "--series out.pcap0"), (["attach", "-D"], "'flowxdp interfaces'"), (["-D"], "'flowxdp interfaces'"),
                            (["replay", self.capture, "-nn"], "never replaced by names"), (["replay", self.capture, "-n"], "-n is not needed"),
                            (["replay", self.capture, "-b", "plugins.txt"], "--plugins a,b"), (["replay", self.capture, "-p", "dir"], "--lib"),
                            (["replay", self.capture, "-m"], "SIGUSR1"), (["attach", "lo", "-B", "32"], "--ring 32"),
                            (["attach", "lo", "-r", "f.pcap"], "'flowxdp replay f.pcap'"), (["replay", self.capture, "-X"], "-s writes a row"),
                            (["replay", self.capture, "-G", "60"], "-W PREFIX"), (["attach", "lo", "-Z", "nobody"], "--user nobody"),
                            (["replay", self.capture, "-s0"], "tcpdump's -s 0 is -S 0"), (["attach", "lo", "-Q", "in"], "--direction ingress"),
                            (["replay", self.capture, "--immediate-mode"], "rows leave as flows end"),
                            ([self.capture], f"is it a capture? 'flowxdp replay {self.capture}'"), (["lo"], "'sudo flowxdp attach lo'")]:
            with self.subTest(words=words):
                self.assert_says(words, says)

    def test_our_own_sentences(self):
        replay = ["replay", self.capture]
        for words, says in [([*replay, "-w", "x", "-w", "y"], "option -w is given twice: 'x' and 'y'; give it once"),
                            ([*replay, "-c", "abc"], "option -c: 'abc' is not a whole number: give one of at least 1, e.g. 1000"),
                            ([*replay, "-w"], "option -w needs a value: -w PREFIX"), ([*replay, "-w", "-q"], "option -w needs a value (-w PREFIX), and '-q'"),
                            ([*replay, "--quiet=1"], "option --quiet takes no value"), ([*replay, "-w", ""], "option -w: '' is empty"),
                            (["replay"], "replay needs an input"), (["attach"], "attach needs an interface"), (["detach"], "detach needs an interface, or --all"),
                            (["detach", "--all", "lo"], "interfaces or --all, not both"), (["decode"], "decode needs a value: COLUMN=VALUE"),
                            (["decode", "a=1", "b=2"], "decode takes one COLUMN=VALUE"), (["interfaces", "x"], "interfaces takes no word, and 'x' is one"),
                            (["plugin"], "plugin needs a command after it"), (["plugin", "build"], "plugin build needs a plugin's folder"),
                            (["plugin", "new"], "plugin new needs a name"), (["plugin", "new", "a", "b"], "plugin new takes one name"),
                            (["geo"], "geo needs a command after it"), (["geo", "lookup"], "geo lookup needs an address"), ([], "a command is missing"),
                            (["attach", "lo", "--priority", "7"], "add --dispatcher"), (["replay", "-R", "a", "--series", "b0"], "one kind of input"),
                            ([*replay, "--max-flows", "16", "-f", "0.5"], "is 8 flows: a table has from 16 to 268435456")]:
            with self.subTest(words=words):
                self.assert_says(words, says)

    def test_control_characters_of_a_word_do_not_reach_the_terminal(self):
        for words in (["replay", self.capture, "-c", "\x1b[31m"], ["\x1b[31m"], ["replay", self.capture, "--plugin", "\x1b[31m"], ["decode", "\x1b[31m=1"],
                      ["replay", self.capture, "--\x1b[31m"], ["replay", self.capture, "--sink", "\x1b[31m"]):
            self.assertNotIn("\x1b", self.flowxdp(*words, code=USAGE).stderr)

    def test_a_column_of_a_plugin_that_is_left_out(self):
        self.assert_says(["replay", self.capture, "--sink", "netflow", "--no-plugin", "basic_stats"], "sink 'netflow' needs column '", "of plugin 'basic_stats'",
                         "leave --no-plugin basic_stats or sink 'netflow' out")

    def test_plugins_that_share_a_column(self):
        self.assert_says(["replay", self.capture, "--plugin", "export_basics"], "plugins 'basic_flow' and 'export_basics' both have column 'timeFirst'",
                         "leave one of them out")

    def test_an_alarm_that_nobody_can_raise(self):
        self.assert_says(["replay", self.capture, "--alarm", "any", "--plugins", "basic_flow,basic_stats"], "--alarm any: none of the plugins", "tcp_win")
        self.replay(self.capture, "--alarm", "any", "-q")

    def test_a_receiver_that_is_absent_is_named_with_the_reason(self):
        run = self.replay(self.capture, "-w", "x", "--sink", "socket:tcp://127.0.0.1:1,patience=1,drain=1", code=INCOMPLETE)
        self.assertRegex(run.stderr, r"sink socket:tcp://127\.0\.0\.1:1: .* could not be delivered .*: cannot connect: Connection refused \(\d+ times?\)")


class Help(CliCase):
    COMMANDS = ["replay", "attach", "detach", "status", "top", "doctor", "interfaces", "plugins", "sinks", "decode", "config check", "config dump", "geo lookup", "geo import", "geo update",
                "geo status"]

    def test_is_at_most_80_columns_wide(self):
        for command in ["", "geo", *self.COMMANDS]:
            for line in self.flowxdp("help", *command.split()).stdout.splitlines():
                self.assertLessEqual(len(line), 80, f"{command}: {line}")

    def test_is_the_same_by_every_way(self):
        for command in self.COMMANDS:
            words = command.split()
            text = self.flowxdp("help", *words).stdout
            self.assertEqual(self.flowxdp(*words, "--help").stdout, text)
            self.assertEqual(self.flowxdp(*words, "-h").stdout, text)
            self.assertTrue(text.startswith(f"flowxdp {command}: "))
        overview = self.flowxdp("help").stdout
        self.assertEqual(self.flowxdp("--help").stdout, overview)
        self.assertEqual(self.flowxdp("geo", "--help").stdout, self.flowxdp("help", "geo").stdout)
        for command in self.COMMANDS:
            self.assertIn(f"\n  {command} ", overview)
        self.assertEqual(self.flowxdp("version").stdout, self.flowxdp("--version").stdout)

    def test_has_groups_defaults_ranges_and_examples(self):
        for command in ("replay", "attach"):
            text = self.flowxdp("help", command).stdout
            for heading in ("Output:", "Plugins:", "Flows:", "Packets:", "Report:", "Examples:"):
                self.assertIn(f"\n{heading}\n", text)
            flat = " ".join(text.split())
            for part in ("(default 262144; from 16 to 268435456)", "(default 182s; from 1ms to ", "default 666", "e.g. --sink json:flows.json.gz", "SIGUSR1",
                         "SIGHUP", "Exit codes: 0 ok"):
                self.assertIn(part, flat)
        for command in self.COMMANDS:
            if command not in ("interfaces", "geo status"):
                self.assertIn("\nExamples:\n", self.flowxdp("help", *command.split()).stdout)

    def test_manual_pages_are_roff_without_warnings(self):
        self.need("groff")
        for command in ["", *self.COMMANDS]:
            source = self.flowxdp("help", "--man", *command.split()).stdout
            run = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=source.encode(), capture_output=True, timeout=PATIENCE, check=True)
            self.assertEqual(run.stderr.decode(), "", command)
            text = re.sub("\x1b\\[[0-9;]*m|.\b", "", run.stdout.decode())
            self.assertIn("NAME", text)
            if command:
                flat = " ".join(text.split())
                for option in re.findall(r"(?m)^  (?:-\w, )?(--[a-z-]+)", self.flowxdp("help", *command.split()).stdout):
                    self.assertIn(option, flat, command)
            else:
                for name in self.COMMANDS:
                    self.assertIn("flowxdp-" + name.replace(" ", "-"), text)
        self.assertIn("replya", self.flowxdp("help", "--man", "replya", code=USAGE).stderr)

    def test_listings_take_names(self):
        text = self.flowxdp("plugins", "tcp_win").stdout
        self.assertIn("tcpWinThCnt", text)
        self.assertNotIn("basic_flow", text)
        self.assertEqual([p["name"] for p in json.loads(self.flowxdp("plugins", "--json", "tcp_win", "basic_flow").stdout)], ["basic_flow", "tcp_win"])
        self.assertEqual([s["name"] for s in json.loads(self.flowxdp("sinks", "json", "--json").stdout)], ["json"])


class Config(CliCase):
    """--config FILE, config check, config dump: the options of a run in TOML."""

    def setUp(self):
        super().setUp()
        self.dir.chmod(0o755)

    def toml(self, text, name="run.toml"):
        path = pathlib.Path(self.save(name, text.encode()))
        path.chmod(0o644)
        return str(path)

    def test_a_file_and_the_command_line_give_the_same_rows(self):
        file = self.toml("filter = 'tcp'\nno-plugin = ['tcp_geo_win']\nquiet = true\n[plugin.tcp_win]\nthreshold = 100\n")
        rows = self.replay(self.capture, "--config", file).stdout
        self.assertEqual(rows, self.rows(self.capture, "--no-plugin", "tcp_geo_win", "--plugin", "tcp_win:threshold=100", "tcp"))
        self.assertGreater(rows.count("\n"), 10)
        # What the command line says stands in for the file's, a filter in words too.
        self.assertEqual(self.replay(self.capture, "--config", file, "udp").stdout,
                         self.rows(self.capture, "--no-plugin", "tcp_geo_win", "--plugin", "tcp_win:threshold=100", "udp"))

    def test_a_file_may_name_everything(self):
        file = self.toml(f"files = ['{self.capture}']\nwrite = 'out'\nquiet = true\n[[sink]]\nname = 'json'\ntarget = 'out.json'\n")
        self.replay("--config", file)
        flows = len((self.dir / "out_flows.txt").read_text().splitlines()) - 1
        self.assertEqual(len((self.dir / "out.json").read_text().splitlines()), flows)
        self.replay("--config", file, "-w", "other", "--sink", "csv:other.csv")
        self.assertEqual(len((self.dir / "other_flows.txt").read_text().splitlines()) - 1, flows)
        self.assertTrue((self.dir / "other.csv").exists())

    def test_mistakes_name_file_line_and_key(self):
        file = self.toml("write = 'out'\nidle-timeot = 5\nmax-flows = 3\n")
        run = self.replay(self.capture, "--config", file, code=USAGE)
        self.assertIn(f"'{file}', line 2: idle-timeot: replay has no such option; did you mean 'idle-timeout'?", run.stderr)
        self.assertIn("line 3: max-flows: '3' is too small: give a number from 16", run.stderr)
        self.assertFalse((self.dir / "out_flows.txt").exists())
        self.assertIn("/etc/flowxdp/no_such_name.toml", self.replay(self.capture, "--config", "no_such_name", code=USAGE).stderr)
        broken = self.toml("write = 'out\n", "broken.toml")
        self.assertIn(f"'{broken}', line 1", self.replay(self.capture, "--config", broken, code=USAGE).stderr)

    def test_check_says_everything_of_every_file(self):
        good, bad = self.toml("interfaces = ['lo']\nmode = 'generic'\n"), self.toml("engine = 'bpf'\nalrm = 1\nwrite = 1\n", "bad.toml")
        self.assertEqual(self.flowxdp("config", "check", good).stdout, f"{good}: fit for attach\n")
        run = self.flowxdp("config", "check", bad, good, code=USAGE)
        self.assertIn("fit for attach", run.stdout)
        self.assertIn("line 2: alrm: replay has no such option; did you mean 'alarm'?", run.stderr)
        self.assertIn("line 3: write:", run.stderr)
        both = self.toml("write = 'a'\nsplit = 'b'\n", "both.toml")
        self.assertIn("both -w and -W", self.flowxdp("config", "check", both, code=USAGE).stderr)
        self.assertIn("line 1: mode", self.flowxdp("config", "check", "--command", "replay", self.toml("mode = 'auto'\n", "m.toml"), code=USAGE).stderr)
        self.assertIn("needs a file", self.flowxdp("config", "check", code=USAGE).stderr)

    def test_check_knows_sinks_plugins_and_their_options(self):
        for text, says in [("sink = ['jsn:x']", "did you mean 'json'?"), ("sink = ['csv:x,eoll=lf']", "did you mean 'eol'?"),
                           ("plugin = ['tcpwin']", "did you mean 'tcp_win'?"), ("[plugin.tcp_win]\ntreshold = 1", "did you mean 'threshold'?")]:
            run = self.flowxdp("config", "check", self.toml(text + "\n"), code=USAGE)
            self.assertIn(says, run.stderr)

    def test_what_dump_prints_is_a_file(self):
        words = ["-w", "out", "--sink", "json:a.json,queue=64K", "--plugin", "tcp_win:threshold=7", "-x", "9", "--idle-timeout", "90"]
        text = self.flowxdp("config", "dump", "--command", "replay", *words, self.capture).stdout
        for line in ('write = "out"', 'sink = ["json:a.json,queue=64K"]', 'plugin = ["tcp_win:threshold=7"]', "sensor-id = 9", 'idle-timeout = "90s"',
                     '#max-flows = 262144', '#engine = "native"', "#packet-mode = false"):
            self.assertIn(f"\n{line}\n", text)
        file = self.toml(text)
        self.assertEqual(self.flowxdp("config", "check", "--command", "replay", file).stdout, f"{file}: fit for replay\n")
        self.assertEqual(self.flowxdp("config", "dump", "--command", "replay", "--config", file).stdout, text)
        plain = self.flowxdp("config", "dump").stdout
        self.assertTrue(all(line.startswith("#") or not line for line in plain.splitlines()))
        self.assertIn('#mode = "auto"', plain)

    @unittest.skipIf(os.geteuid() != 0, "needs root")
    def test_with_privileges_a_file_that_others_may_write_is_refused(self):
        file = self.toml("quiet = true\n")
        os.chmod(file, 0o666)
        self.assertIn("others may write", self.replay(self.capture, "--config", file, code=USAGE).stderr)
        os.chmod(file, 0o644)
        self.replay(self.capture, "--config", file)
        os.chown(file, 65534, 65534)
        self.assertIn("belongs to user 65534", self.replay(self.capture, "--config", file, code=USAGE).stderr)

    def test_a_file_that_is_large_or_no_text(self):
        zeros = pathlib.Path(self.save("zeros.toml", bytes(9)))
        zeros.chmod(0o644)
        self.assertIn("it is no text: the byte at offset 0", self.replay(self.capture, "--config", zeros, code=USAGE).stderr)
        self.assertIn("it is larger than", self.replay(self.capture, "--config", self.toml("#" * (1 << 18) + "x"), code=USAGE).stderr)


class Collisions(CliCase):
    """Two writers of one file, or a writer of the input: refused before anything is opened."""

    def refused(self, *words, says, **more):
        before = {path: path.read_bytes() for path in self.dir.rglob("*") if path.is_file()}
        run = subprocess.run([FLOWXDP, "replay", *map(str, words)], cwd=self.dir, env=self.environment, timeout=PATIENCE, stderr=subprocess.PIPE,
                             **({"stdout": subprocess.PIPE} | more), check=False)
        self.assertEqual(run.returncode, USAGE, run.stderr)
        for part in says:
            self.assertIn(part, run.stderr.decode())
        self.assertEqual({path: path.read_bytes() for path in self.dir.rglob("*") if path.is_file()}, before)

    def test_two_sinks_on_one_file(self):
        both = ["would both write to", "give one of them a file of its own"]
        for words in (["--sink", "json:x", "--sink", "csv:x"], ["--sink", "json:x.gz", "--sink", "json:./x.gz"], ["-w", "X", "--sink", "json:X_flows.txt"],
                      ["-w", "X", "--sink", "csv:X_headers.txt"], ["-w", "X", "-l", "--sink", "json:X_log.txt"], ["-w", "X", "-s", "--sink", "json:X_packets.txt"],
                      ["-w", "X", "--sink", "text"], ["-w", "X", "--sink", "json", "--sink", "json:X_flows.json"], ["-W", "X:10f", "--sink", "json:X_flows.txt3"],
                      ["-s", "--sink", "json:x,packets=./x"], ["-s", "--sink", "json:x", "--sink", "csv:y,packets=x"],
                      ["--sink", "ipfix:file:x", "--sink", "json:x"]):
            with self.subTest(words=words):
                self.refused(self.capture, *words, says=both)

    def test_links_are_the_file_that_they_name(self):
        os.symlink("real", self.dir / "soft")
        self.refused(self.capture, "--sink", "json:real", "--sink", "csv:soft", says=["would both write to"])
        self.save("one", b"")
        os.link(self.dir / "one", self.dir / "two")
        self.refused(self.capture, "--sink", "json:one", "--sink", "csv:two", says=["would both write to"])

    def test_two_formats_on_one_standard_output(self):
        both = ["would both write to"]
        self.refused(self.capture, "--sink", "json", "--sink", "csv", says=[*both, "standard output"])
        self.refused(self.capture, "-w", "-", "--sink", "json:-", says=[*both, "standard output"])
        self.refused(self.capture, "-w", "-", "--sink", "json:/dev/stdout", says=both)
        with open(self.dir / "out_flows.txt", "wb") as out:
            self.refused(self.capture, "-w", "out", "--sink", "json:-", says=both, stdout=out)

    def test_an_output_over_the_input(self):
        over = ["would write over the input", "traffic.pcap"]
        self.refused(self.capture, "--sink", f"json:{self.capture}", says=over)
        os.link(self.capture, self.dir / "same")
        self.refused(self.capture, "--sink", "csv:same", says=over)
        self.save("in_flows.txt", frames.pcap(self.frames))
        self.refused("in_flows.txt", "-w", "in", says=["would write over the input 'in_flows.txt'"])
        self.save("list", self.capture.encode() + b"\n")
        self.refused("-R", "list", "--sink", f"json:{self.capture}", says=over)
        self.refused("-R", "list", "--sink", "json:list", says=["would write over the input 'list'"])
        self.refused(self.capture, "-F", self.save("filter", b"tcp"), "--sink", "json:filter", says=["would write over the file", "-F"])
        with open(self.capture, "rb") as source:
            self.refused("-", "--sink", f"json:{self.capture}", says=["would write over the input '-'"], stdin=source)
        with open(self.capture, "ab") as out:
            self.refused(self.capture, says=["would write over the input"], stdout=out)

    def test_what_is_no_collision_runs(self):
        self.replay(self.capture, "--sink", "json:/dev/null", "--sink", "csv:/dev/null", "-q")
        self.replay(self.capture, "-w", "X", "-s", "-l", "--sink", "json", "--sink", "csv:X_flows.txt.gz", "-q")
        self.assertEqual(Table((self.dir / "X_flows.txt").read_text()).columns[0], "dir")
        self.replay(self.capture, self.capture, "-w", "X", "-q")


class Damage(CliCase):
    def test_cut_capture_keeps_every_packet_before(self):
        data = frames.pcap(self.frames)
        offset = 24
        for _, frame in self.frames[:50]:
            offset += 16 + len(frame)
        for cut in (offset + 5, offset + 16 + 7):
            with self.subTest(cut=cut):
                path = self.save("cut.pcap", data[:cut])
                run = self.replay(path, "-w", "cut", code=INCOMPLETE)
                self.assertIn("cut.pcap", run.stderr)
                self.assertIn(f"damaged at offset {offset}: ", run.stderr)
                whole = self.rows(self.save("whole.pcap", data[:offset]))
                self.assertEqual((self.dir / "cut_flows.txt").read_text(), whole)
                report = self.report(path, code=INCOMPLETE)
                self.assertEqual(report["packets"], 50)
                self.assertEqual(len(report["damages"]), 1)

    def test_impossible_record_length(self):
        data = frames.pcap(self.frames[:3]) + struct.pack("<IIII", 1700000001, 0, 0x7FFFFFFF, 0x7FFFFFFF) + bytes(100)
        report = self.report(self.save("long.pcap", data), code=INCOMPLETE)
        self.assertEqual((report["packets"], report["damages"][0]["offset"]), (3, len(frames.pcap(self.frames[:3]))))

    def test_damage_ends_the_file_not_the_stream(self):
        cut = self.save("cut.pcap", frames.pcap(self.frames)[:-3])
        report = self.report(cut, self.capture, code=INCOMPLETE)
        self.assertEqual(report["packets"], 2 * len(self.frames) - 1)

    def test_cut_gzip(self):
        data = gzip.compress(frames.pcap(self.frames * 20), mtime=0)
        report = self.report(self.save("cut.pcap.gz", data[:-20]), code=INCOMPLETE)
        self.assertLessEqual(report["packets"], 20 * len(self.frames))
        self.assertGreater(report["packets"], 0)

    def test_unknown_link_type_is_said_and_counted(self):
        path = self.save("dbus.pcap", frames.pcap(self.frames[:4], link_type=231))
        run = self.replay(path, "-w", "x", code=INCOMPLETE)
        self.assertIn("link type 231", run.stdout)
        report = self.report(path, self.capture, code=INCOMPLETE)
        self.assertEqual(report["counters"]["packets_link_unsupported"], 4)
        self.assertEqual(report["ledger"]["in_flows"], len(self.frames))

    def test_times_that_do_not_fit_are_said(self):
        data = frames.pcapng_section() + frames.pcapng_interface() + frames.pcapng_packet(1 << 62, self.frames[0][1])
        report = self.report(self.save("far.pcapng", data), code=INCOMPLETE)
        self.assertEqual(report["ledger"]["in_flows"], 1)
        self.assertIn("far.pcapng", " ".join(report["problems"]))

    def test_empty_capture_is_fine(self):
        report = self.report(self.save("empty.pcap", frames.pcap([])))
        self.assertEqual(report["packets"], 0)
        self.assertEqual(Table((self.dir / "report_flows.txt").read_text()).rows, [])


class Output(CliCase):
    def test_prefix_writes_files_and_reports_to_stdout(self):
        run = self.replay(self.capture, "-w", "out")
        self.assertIn("Ledger: ", run.stdout)
        self.assertEqual({p.name for p in self.dir.glob("out*")}, {"out_flows.txt", "out_headers.txt"})
        self.assertEqual(self.rows(self.capture), (self.dir / "out_flows.txt").read_text())

    def test_no_prefix_and_dash_write_rows_to_stdout_and_the_report_to_stderr(self):
        before = set(self.dir.iterdir())
        plain, dash = self.replay(self.capture), self.replay(self.capture, "-w", "-")
        self.assertEqual(plain.stdout, dash.stdout)
        self.assertGreater(len(Table(plain.stdout).rows), 60)
        for run in (plain, dash):
            self.assertIn("Ledger: ", run.stderr)
        self.assertEqual(set(self.dir.iterdir()), before)

    def test_sinks_that_are_named_have_the_rows_alone_and_it_is_said(self):
        run = self.replay(self.capture, "--sink", "csv:x.csv")
        self.assertEqual(run.stdout, "")
        self.assertIn("rows go to the sinks named", run.stderr)
        self.assertIn("-w -", run.stderr)
        run = self.replay(self.capture, "--sink", "csv:y.csv", "-w", "-")
        self.assertEqual(run.stdout, self.rows(self.capture))
        self.assertNotIn("rows go to the sinks named", run.stderr)
        run = self.replay(self.capture, "--sink", "json")
        self.assertEqual(len(run.stdout.splitlines()), len(Table(self.rows(self.capture)).rows))
        self.assertNotIn("rows go to the sinks named", run.stderr)

    def test_a_reader_that_closes_standard_output_is_no_error(self):
        path = self.save("many.pcap", frames.pcap([(START + n, udp_frame("10.1.0.1", "10.2.0.1", 1000 + n % 60000, 53)) for n in range(60000)]))
        for words in (["-q"], [], ["--sink", "json"], ["-s"]):
            with self.subTest(words=words):
                process = subprocess.Popen([FLOWXDP, "replay", path, *words], cwd=self.dir, env=self.environment, stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE)
                self.assertTrue(process.stdout.readline())
                process.stdout.close()
                said = process.stderr.read().decode()
                process.stderr.close()
                self.assertEqual(process.wait(PATIENCE), OK, said)
                self.assertNotIn("[ERR]", said)
                self.assertNotIn("DIFFERENCE", said)
                if "-q" not in words:
                    self.assertIn("not read: standard output was closed", said)
        process = subprocess.Popen([FLOWXDP, "replay", path, "-w", "out"], cwd=self.dir, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        said = process.stderr.read().decode()
        process.stderr.close()
        self.assertEqual((process.wait(PATIENCE), "[ERR]" in said), (OK, False), said)

    def test_folder_takes_the_name_of_the_input(self):
        (self.dir / "results").mkdir()
        self.replay(self.capture, "-w", "results")
        self.replay(self.save("second.pcap.gz", gzip.compress(frames.pcap(self.frames))), "-w", "results/")
        self.assertEqual({p.name for p in (self.dir / "results").iterdir()},
                         {"traffic_flows.txt", "traffic_headers.txt", "second_flows.txt", "second_headers.txt"})

    def test_packet_mode(self):
        self.replay(self.capture, "-w", "out", "-s")
        table = Table((self.dir / "out_packets.txt").read_text())
        self.assertEqual([int(row["pktNo"]) for row in table.rows], list(range(1, len(self.frames) + 1)))
        per_flow = {}
        for row in table.rows:
            per_flow[row["flowInd"]] = per_flow.get(row["flowInd"], 0) + 1
        sent = {}
        for row in Table((self.dir / "out_flows.txt").read_text()).rows:
            sent[row["flowInd"]] = sent.get(row["flowInd"], 0) + int(row["pktsSnt"])
        self.assertEqual(per_flow, sent)

    def test_log_file_takes_the_report(self):
        run = self.replay(self.capture, "-w", "out", "-l")
        self.assertEqual(run.stdout, "")
        self.assertIn("Ledger: ", (self.dir / "out_log.txt").read_text())
        self.assertIn("-w", self.replay(self.capture, "-l", code=USAGE).stderr)

    def test_quiet_says_nothing(self):
        run = self.replay(self.capture, "-w", "out", "-q")
        self.assertEqual((run.stdout, run.stderr), ("", ""))

    def pieces(self, stem, first=0):
        files = {int(p.name.removeprefix(f"{stem}_flows.txt")): p.read_text() for p in self.dir.glob(f"{stem}_flows.txt*")}
        self.assertEqual(sorted(files), list(range(first, first + len(files))))
        return [files[n] for n in sorted(files)]

    def test_split_by_size_is_the_unsplit_file_in_pieces(self):
        self.replay(self.capture, "-W", "out:4K", "-q")
        pieces = self.pieces("out")
        self.assertEqual("".join(pieces), self.rows(self.capture))
        self.assertGreater(len(pieces), 3)
        for piece in pieces[:-1]:
            self.assertTrue(piece.endswith("\n"))
            self.assertGreaterEqual(len(piece), 4096)
            self.assertLess(len(piece) - len(piece.splitlines()[-1]) - 1, 4096)

    def test_split_by_flows_with_a_first_index(self):
        self.replay(self.capture, "-W", "out:25f,7", "-q")
        pieces = self.pieces("out", 7)
        self.assertEqual("".join(pieces), self.rows(self.capture))
        self.assertEqual([p.count("\n") for p in pieces[1:-1]], [25] * (len(pieces) - 2))
        self.assertEqual(pieces[0].count("\n"), 26)

    def test_headers_file_lists_the_columns_of_the_flow_file(self):
        self.replay(self.capture, "-w", "out", "-x", "77", "-q")
        lines = (self.dir / "out_headers.txt").read_text().splitlines()
        rows = [line.split("\t") for line in lines if not line.startswith("#")]
        self.assertEqual([row[2] for row in rows], Table((self.dir / "out_flows.txt").read_text()).columns)
        self.assertEqual([row[0] for row in rows], [str(n + 1) for n in range(len(rows))])
        self.assertTrue(all(len(row) == 4 and row[1] and row[3] for row in rows))
        self.assertIn("# SensorID: 77", lines)

    def test_rows_are_ordered_by_end_clock_then_index(self):
        table = Table(self.rows(self.capture, "--plugins", "basic_flow,basic_stats"))
        ends = {}
        for row in table.rows:
            ends[row["flowInd"]] = max(ends.get(row["flowInd"], 0), int(row["timeLast"].replace(".", "")))
        order = list(dict.fromkeys(row["flowInd"] for row in table.rows))
        self.assertEqual(order, sorted(order, key=lambda index: (ends[index], int(index))))
        self.assertEqual(sorted(map(int, order)), list(range(1, len(order) + 1)))
        for row, following in zip(table.rows, table.rows[1:]):
            if following["dir"] == "B":
                self.assertEqual((row["dir"], row["flowInd"]), ("A", following["flowInd"]))

    def test_two_runs_are_identical(self):
        for name in ("one", "two"):
            self.replay(self.capture, "-w", name, "-s", "-q", "--sink", f"json:{name}.json")
        for suffix in ("_flows.txt", "_packets.txt", ".json"):
            self.assertEqual((self.dir / f"one{suffix}").read_bytes(), (self.dir / f"two{suffix}").read_bytes())

    def test_progress_only_on_a_terminal(self):
        self.assertNotIn("\r", self.replay(self.capture, "-w", "out").stderr)
        for option, expected in (("-v", True), ("-q", False)):
            ours, theirs = pty.openpty()
            process = subprocess.Popen([FLOWXDP, "replay", self.capture, "-w", "out", option], cwd=self.dir, env=self.environment,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs)
            os.close(theirs)
            shown = b""
            while True:
                try:
                    part = os.read(ours, 4096)
                except OSError:  # the other end is closed
                    break
                if not part:
                    break
                shown += part
            os.close(ours)
            self.assertEqual(process.wait(PATIENCE), OK)
            self.assertEqual(b"packets, " in shown, expected, shown)


class Sinks(CliCase):
    def flow_rows(self):
        return Table((self.dir / "out_flows.txt").read_text())

    @staticmethod
    def cells(row, text_row):
        """JSON values as the text file writes them; a float has seven digits there."""
        out = {}
        for name, value in row.items():
            text = text_row[name]
            if isinstance(value, list):
                value = ";".join(str(part) for part in value)
            elif isinstance(value, float) or (isinstance(value, int) and text != str(value)):
                value, text = float(f"{value:.7g}"), str(float(text))
            elif isinstance(value, str) and text.startswith('"'):
                text = json.loads(text)
            out[name] = (str(value), text)
        return out

    def test_a_sink_on_standard_output_has_it_to_itself(self):
        run = self.replay(self.capture, "-w", "out", "--sink", "json:-")
        self.assertEqual([json.loads(line)["flowInd"] for line in run.stdout.splitlines()],
                         [int(row["flowInd"]) for row in self.flow_rows().rows])
        self.assertIn("Ledger: ", run.stderr)
        self.replay(self.capture, "-q", "--sink", "ipfix:file:run.ipfix")
        for words in (), ("-w", "out"):
            self.assertEqual(self.replay(self.capture, *words, "--sink", "ipfix:file:-", text=False).stdout,
                             (self.dir / "run.ipfix").read_bytes())

    def test_json_has_the_columns_and_values_of_the_text_file(self):
        self.replay(self.capture, "-w", "out", "--sink", "json:out.json", "-q")
        table = self.flow_rows()
        lines = (self.dir / "out.json").read_text().splitlines()
        self.assertEqual(len(lines), len(table.rows))
        for line, text_row in zip(lines, table.rows):
            row = json.loads(line)
            self.assertEqual(list(row), table.columns)
            for name, (ours, text) in self.cells(row, text_row).items():
                self.assertEqual(ours, text, name)

    def test_csv_has_the_columns_and_values_of_the_text_file(self):
        self.replay(self.capture, "-w", "out", "--sink", "csv:out.csv", "-q")
        table = self.flow_rows()
        with open(self.dir / "out.csv", newline="", encoding="utf-8") as source:
            rows = list(csv.reader(source))
        self.assertEqual(rows[0], table.columns)
        self.assertEqual(len(rows) - 1, len(table.rows))
        for cells, text_row in zip(rows[1:], table.rows):
            for name, cell in zip(rows[0], cells):
                text = text_row[name]
                if cell != text:
                    try:
                        self.assertEqual(float(f"{float(cell):.7g}"), float(text), name)
                    except ValueError:
                        self.assertEqual(cell, json.loads(text) if text.startswith('"') else text, name)

    def test_compressed_sink(self):
        self.replay(self.capture, "--sink", "json:out.json", "--sink", "json:packed.json.gz", "-q")
        self.assertEqual(gzip.decompress((self.dir / "packed.json.gz").read_bytes()), (self.dir / "out.json").read_bytes())

    def assert_lost(self, run, *names):
        self.assertIn(run.returncode, (RUNTIME, INCOMPLETE), run.stderr)
        for name in (*names, "No space left on device"):
            self.assertIn(name, run.stderr)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_a_full_disk_is_not_a_success(self):
        def run(*words, **more):
            return subprocess.run([FLOWXDP, "replay", self.capture, *words], cwd=self.dir, env=self.environment, timeout=PATIENCE,
                                  stderr=subprocess.PIPE, text=True, check=False, **more)

        os.symlink("/dev/full", self.dir / "full_flows.txt")
        self.assert_lost(run("-w", "full", stdout=subprocess.DEVNULL), "full_flows.txt")
        self.assert_lost(run("-w", "out", "--sink", "json:/dev/full", stdout=subprocess.DEVNULL), "/dev/full")
        with open("/dev/full", "w", encoding="utf-8") as full:
            self.assert_lost(run("-w", "-", stdout=full), "standard output")

    def test_a_disk_that_fills_leaves_whole_rows(self):
        self.replay(self.capture, "-w", "whole", "-q")
        whole = (self.dir / "whole_flows.txt").read_bytes()
        room = len(whole) // 2
        self.assertNotEqual(whole[room - 1 : room], b"\n")

        def fill():
            # A write stops in the middle of a row and the next one fails, as on a full disk.
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        run = subprocess.run([FLOWXDP, "replay", self.capture, "-w", "cut", "--json"], cwd=self.dir, env=self.environment, text=True,
                             capture_output=True, timeout=PATIENCE, check=False, preexec_fn=fill, restore_signals=False)
        self.assertEqual(run.returncode, INCOMPLETE, run.stderr)
        self.assertIn("File too large", run.stderr)
        cut = (self.dir / "cut_flows.txt").read_bytes()
        self.assertEqual(cut, whole[: whole.rfind(b"\n", 0, room) + 1])
        (sink,) = json.loads(run.stdout)["sinks"]
        self.assertEqual((sink["sent"], sink["sent"] + sink["dropped"]), (cut.count(b"\n") - 1, whole.count(b"\n") - 1))

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_a_report_that_cannot_be_written_is_not_a_success(self):
        for words in (("-w", "out"), ("-w", "out", "--json")):
            with open("/dev/full", "w", encoding="utf-8") as full:
                run = subprocess.run([FLOWXDP, "replay", self.capture, *words], cwd=self.dir, env=self.environment, text=True,
                                     stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
            self.assertEqual(run.returncode, RUNTIME, run.stderr)
            self.assertIn("cannot write the report to standard output: No space left on device", run.stderr)


class Input(CliCase):
    def test_several_files_are_one_stream(self):
        one, two = self.save("1.pcap", frames.pcap(self.frames[:70])), self.save("2.pcap", frames.pcap(self.frames[70:]))
        self.assertEqual(self.rows(one, two), self.rows(self.capture))
        self.save("list.txt", f"# comment\n{one}\n\n{two}\n".encode())
        self.assertEqual(self.rows("-R", "list.txt"), self.rows(self.capture))

    def test_merged_by_mergecap(self):
        self.need("mergecap")
        one, two = self.save("1.pcap", frames.pcap(self.frames[:70])), self.save("2.pcap", frames.pcap(self.frames[70:]))
        for form in ("pcap", "pcapng"):
            subprocess.run(["mergecap", "-F", form, "-w", self.dir / "merged", one, two], check=True, capture_output=True)
            self.assertEqual(self.rows(self.dir / "merged"), self.rows(one, two))

    def test_standard_input(self):
        self.assertEqual(self.rows("-", stdin=frames.pcap(self.frames)), self.rows(self.capture))
        self.assertEqual(self.rows("-", stdin=gzip.compress(frames.pcap(self.frames))), self.rows(self.capture))
        self.assertIn("'-': it is empty", self.replay("-", stdin=b"", code=RUNTIME).stderr)

    def test_gzip(self):
        self.assertEqual(self.rows(self.save("a.pcap.gz", gzip.compress(frames.pcap(self.frames)))), self.rows(self.capture))

    def test_zstd(self):
        self.need("zstd")
        subprocess.run(["zstd", "-q", self.capture, "-o", self.dir / "a.pcap.zst"], check=True)
        self.assertEqual(self.rows(self.dir / "a.pcap.zst"), self.rows(self.capture))

    def test_list_file_with_a_missing_capture(self):
        self.save("list.txt", f"{self.capture}\nabsent.pcap\n".encode())
        self.assertIn("absent.pcap", self.replay("-R", "list.txt", code=RUNTIME).stderr)
        self.assertIn("no-list", self.replay("-R", "no-list", code=RUNTIME).stderr)

    def test_filters_agree_with_tcpdump(self):
        self.need("tcpdump")
        for words in (["tcp"], ["udp", "port", "53"], ["arp"], ["host", "192.0.2.3"], ["tcp[13]", "&", "2", "!=", "0"],
                      ["not", "tcp", "and", "not", "arp"], ["less", "60"], ["ip6"], ["tcp dst port 443 or src net 10.0.2.0/24"]):
            with self.subTest(filter=" ".join(words)):
                subprocess.run(["tcpdump", "-r", self.capture, "-w", self.dir / "kept.pcap", " ".join(words)], check=True, capture_output=True)
                kept = self.report(self.dir / "kept.pcap")["packets"]
                report = self.report(self.capture, *words)
                self.assertEqual(report["ledger"]["in_flows"], kept)
                self.assertEqual(report["counters"]["packets_filtered"], len(self.frames) - kept)
                self.assertEqual(self.rows(self.capture, *words), self.rows(self.dir / "kept.pcap"))
                self.save("filter", f"# comment\n{' '.join(words)}\n".encode())
                self.assertEqual(self.rows(self.capture, "-F", "filter"), self.rows(self.capture, *words))

    def test_packet_limit(self):
        self.assertEqual(self.rows(self.capture, "-c", "33"), self.rows(self.save("33.pcap", frames.pcap(self.frames[:33]))))
        self.assertEqual(self.report(self.capture, "-c", "33")["packets"], 33)
        self.assertEqual(self.report(self.capture, "-c", "100000")["packets"], len(self.frames))

    def test_snapshot_length(self):
        whole, cut = (Table(self.rows(self.capture, "--plugins", "basic_flow,flow_export,basic_stats", *more))
                      for more in ([], ["-S", "40"]))
        for before, after in zip(whole.rows, cut.rows):
            for name in ("srcIP", "dstIP", "srcPort", "dstPort", "l4Proto", "pktsSnt", "ipOctets"):
                self.assertEqual(before[name], after[name])
            if before["l4Proto"] == "6":
                self.assertTrue(int(after["flowStat"], 16) & 1 << 35, after["flowStat"])
            self.assertFalse(int(before["flowStat"], 16) & (1 << 33 | 1 << 35))
        self.assertEqual(len(whole.rows), len(cut.rows))
        report = self.report(self.capture, "-S", "40")
        self.assertEqual(report["captured_bytes"], 40 * len(self.frames))
        self.assertEqual(report["wire_bytes"], sum(len(frame) for _, frame in self.frames))

    def test_sensor_id(self):
        self.assertEqual(self.report(self.capture, "-x", "4711")["sensor_id"], 4711)
        self.assertEqual(self.report(self.capture)["sensor_id"], 666)


class Books(CliCase):
    def test_json_report(self):
        report = self.report(self.capture)
        self.assertEqual((report["packets"], report["ledger"]["in_flows"]), (len(self.frames), len(self.frames)))
        self.assertFalse(report["incomplete"])
        rows = Table((self.dir / "report_flows.txt").read_text()).rows
        self.assertEqual(report["flows"]["directions"], len(rows))
        self.assertEqual(report["files"][0]["packets"], len(self.frames))
        self.assertEqual(sum(int(row["pktsSnt"]) for row in rows), len(self.frames))

    def test_json_report_of_odd_names(self):
        path = self.save('a "quoted" \\ näme.pcap', frames.pcap(self.frames))
        self.assertEqual(self.report(path)["files"][0]["name"], path)

    def test_a_full_table_loses_no_packet(self):
        many = [(START + n * 1000, udp_frame("10.1.0.1", "10.2.0.1", 1000 + n % 150, 53)) for n in range(600)]
        path = self.save("many.pcap", frames.pcap(many))
        report = self.report(path, "--max-flows", "16")
        rows = Table((self.dir / "report_flows.txt").read_text()).rows
        self.assertEqual(report["ledger"]["in_flows"], 600)
        self.assertEqual(sum(int(row["pktsSnt"]) for row in rows), 600)
        self.assertGreater(report["counters"]["table_full"], 500)
        self.assertEqual(report["counters"]["flows_started"], len({row["flowInd"] for row in rows}))
        evicted = [row for row in rows if int(row["flowStat"], 16) & 1 << 42]
        self.assertEqual(len(evicted), report["counters"]["flows_ended_resources"])
        self.assertEqual(len(rows) - len(evicted), 16)
        self.assertFalse(any(int(row["flowStat"], 16) & 1 << 42 for row in Table(self.rows(path)).rows))

    def test_interrupt_drains_and_reports(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                process = subprocess.Popen([FLOWXDP, "replay", "-", "-w", "out", "--json"], cwd=self.dir, env=self.environment,
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                try:
                    process.stdin.write(frames.pcap(self.frames))
                    process.stdin.flush()
                    self.wait_until_read(process)
                    process.send_signal(number)
                    done = select.select([process.stdout], [], [], PATIENCE)[0]
                    self.assertTrue(done, "no report after the signal, with the pipe still open")
                    report = json.loads(process.stdout.read())
                    self.assertEqual(process.wait(PATIENCE), OK)
                finally:
                    process.kill()
                    process.wait()
                    for stream in (process.stdin, process.stdout, process.stderr):
                        stream.close()
                self.check_ledger(report)
                self.assertEqual((report["interrupted"], report["packets"], report["damages"]), (True, len(self.frames), []))
                self.assertEqual((self.dir / "out_flows.txt").read_text(), self.rows(self.capture))

    def test_a_report_while_it_runs(self):
        process = subprocess.Popen([FLOWXDP, "replay", "-", "-w", "out"], cwd=self.dir, env=self.environment, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            process.stdin.write(frames.pcap(self.frames))
            process.stdin.flush()
            self.wait_until_read(process)
            process.send_signal(signal.SIGUSR1)
            text = b""
            while b"Sink text" not in text and select.select([process.stderr], [], [], PATIENCE)[0]:
                text += os.read(process.stderr.fileno(), 65536)
            text = text.decode()
            found = re.search(r"Ledger: (\d+) packets = (\d+) in exported flows \+ (\d+) in flows alive \+ 0 on their way \+ 0 without a flow\n", text)
            self.assertTrue(found, text)
            seen, exported, alive = map(int, found.groups())
            self.assertEqual((seen, exported + alive), (len(self.frames), len(self.frames)))
            self.assertIn("Still running. Elapsed time: ", text)
            process.stdin.close()
            self.assertIn(f"Ledger: {len(self.frames)} packets = {len(self.frames)} in flows", process.stdout.read().decode())
            self.assertEqual(process.wait(PATIENCE), OK)
        finally:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                stream.close()

    def wait_until_read(self, process):
        """The pipe is empty and the sensor waits in it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            pending = bytearray(4)
            fcntl.ioctl(process.stdin, termios.FIONREAD, pending)
            if not int.from_bytes(pending, sys.byteorder):
                break
            time.sleep(0.01)
        else:
            self.fail("the sensor does not read its standard input")
        time.sleep(0.3)


class Monitoring(CliCase):
    """-M: lines of figures while a run goes on."""

    def lines(self, path):
        with open(path) as file:
            text = file.read()
        names, *rows = [line.split("\t") for line in text.split("\n")[:-1]]
        return [dict(zip(names, row)) for row in rows]

    def run_in_three_parts(self, mode):
        """The lines of a replay that gets its packets in three parts, each after a line about the one before."""
        prefix = str(self.dir / "m")
        packets = mixed_traffic()
        replay = subprocess.Popen([FLOWXDP, "replay", "-", "-q", "-w", prefix, "--plugin", "arp", "-M", "1", "--monitoring-mode", mode],
                                  stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            replay.stdin.write(frames.pcap_header())
            fed = 0
            for part in (packets[:50], packets[50:100], packets[100:]):
                replay.stdin.write(b"".join(frames.pcap_record(*packet) for packet in part))
                replay.stdin.flush()
                fed += len(part)
                end = time.monotonic() + PATIENCE
                while self.seen(prefix, mode) < fed:
                    self.assertLess(time.monotonic(), end, f"no line about {fed} packets")
                    time.sleep(0.05)
            _, errors = replay.communicate()
        finally:
            replay.kill()
        self.assertEqual((replay.returncode, errors), (OK, b""))
        return packets, self.lines(prefix + "_monitoring.txt"), Table((self.dir / "m_flows.txt").read_text())

    def seen(self, prefix, mode):
        try:
            lines = self.lines(prefix + "_monitoring.txt")
        except (OSError, ValueError):
            return 0
        counts = [int(line["numPkts"]) for line in lines if "numPkts" in line]
        return sum(counts) if mode == "difference" else max(counts, default=0)

    def test_lines_count_since_the_start(self):
        packets, lines, table = self.run_in_three_parts("absolute")
        self.assertEqual({line["%repType"] for line in lines}, {"USR1MR_A"})
        counts = [int(line["numPkts"]) for line in lines]
        self.assertEqual(counts, sorted(counts))
        last = lines[-1]
        self.assertEqual((int(last["numPkts"]), int(last["numBytes"])), (len(packets), sum(len(frame) for _, frame in packets)))
        self.assertEqual(int(last["numFlows"]), len(table.rows))
        self.assertEqual(int(last["TCPPkts"]) + int(last["UDPPkts"]) + int(last["ARPPkts"]), len(packets))
        self.assertEqual(int(last["numAPkts"]) + int(last["numBPkts"]), len(packets))
        self.assertEqual(int(last["fillSzHashMap"]), 0, "every flow has ended")
        self.assertEqual(list(last)[-3:], ["tcpWinBelowPackets", "arpPackets", "arpConflicts"], "figures of plugins come last")
        self.assertEqual(int(last["arpPackets"]), 1)

    def test_differences_add_up_to_the_run(self):
        packets, lines, table = self.run_in_three_parts("difference")
        self.assertEqual({line["%repType"] for line in lines}, {"USR1MR_D"})
        self.assertGreaterEqual(len(lines), 3)
        for name, total in (("numPkts", len(packets)), ("numBytes", sum(len(frame) for _, frame in packets)), ("numFlows", len(table.rows)),
                            ("ARPPkts", 1), ("arpPackets", 1)):
            self.assertEqual(sum(int(line[name]) for line in lines), total, name)

    def test_lines_are_json_on_standard_error(self):
        done = subprocess.run([FLOWXDP, "replay", self.capture, "--json", "-M", "60", "--sink", "json:" + str(self.dir / "rows")],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, OK, done.stderr)
        (line,) = [json.loads(text) for text in done.stderr.split("\n") if text.startswith('{"repType"')]
        self.assertEqual((line["repType"], line["sensorID"], line["numPkts"]), ("USR1MR_A", 666, len(mixed_traffic())))


class Listen(CliCase):
    """The pages of --listen while a replay reads from a pipe, and what the options refuse."""

    def page(self, port, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def test_a_replay_is_seen_while_it_reads(self):
        data = pathlib.Path(self.capture).read_bytes()
        process = subprocess.Popen([FLOWXDP, "replay", "-", "--plugin", "arp", "--listen", "127.0.0.1:0", "-w", self.dir / "out"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)
        self.addCleanup(process.kill)
        process.stdin.write(data[:24])
        process.stdin.flush()
        said = ""
        while "/metrics" not in said:
            line = process.stderr.readline().decode()
            self.assertTrue(line, "it ended: " + said)
            said += line
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/metrics", said)[1])
        process.stdin.write(data[24:])
        process.stdin.flush()
        wanted = f'flowxdp_packets_seen_total{{interface="replay"}} {len(self.frames)}\n'
        end = time.monotonic() + PATIENCE
        text = ""
        while wanted not in text:
            self.assertLess(time.monotonic(), end, "waited in vain for: " + wanted)
            status, text = self.page(port, "/metrics")
            self.assertEqual(status, 200)
        self.assertIn('flowxdp_build_info{version="', text)
        self.assertIn(f'flowxdp_wire_bytes_total{{interface="replay"}} {sum(len(f) for _, f in self.frames)}\n', text)
        self.assertRegex(text, r"\nflowxdp_plugin_arp_packets_total \d\n")
        self.assertNotIn("flowxdp_round_duration_seconds", text)
        status, body = self.page(port, "/status.json")
        self.assertEqual((status, json.loads(body)["packets"]), (200, len(self.frames)))
        self.assertEqual((self.page(port, "/healthz"), self.page(port, "/readyz")), ((200, "ok\n"), (200, "ok\n")))
        self.assertEqual(self.page(port, "/flows")[0], 404)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, OK)

    def test_what_others_can_reach_needs_a_token(self):
        token = self.dir / "token"
        token.write_text("0123456789abcdef\n")
        for words, why in ((("--listen", "0.0.0.0:0"), "can be reached by others"),
                           (("--listen", "[::]:1"), "can be reached by others"),
                           (("--listen-token-file", token), "nothing listens"),
                           (("--listen", "9669"), "no numeric address"),
                           (("--listen", "example.org:80"), "no numeric address")):
            self.assertIn(why, self.replay(self.capture, *words, code=USAGE).stderr)
        token.chmod(0o644)
        result = self.replay(self.capture, "--listen", "0.0.0.0:0", "--listen-token-file", token, code=RUNTIME)
        self.assertIn("everybody may read it", result.stderr)
        self.assertNotIn("0123456789abcdef", result.stderr + result.stdout)


class Listings(CliCase):
    def test_decode_prints_the_table(self):
        text = self.flowxdp("decode", "flowStat=0x0400020000004000").stdout
        self.assertEqual(text.rstrip("\n").splitlines()[0], "The flowStat column with value 0x0400020000004000 is to be interpreted as follows:")
        rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.count("|") == 2]
        self.assertEqual(rows[0], ["bit", "flowStat", "Description"])
        self.assertEqual([row[:2] for row in rows[1:]], [["14", "0x0000 0000 0000 4000"], ["41", "0x0000 0200 0000 0000"],
                                                         ["58", "0x0400 0000 0000 0000"]])
        self.assertTrue(all(row[2] for row in rows[1:]))
        bits = json.loads(self.flowxdp("decode", "--json", "flowStat=0x0400020000004000").stdout)["bits"]
        self.assertEqual([(bit["bit"], bit["text"]) for bit in bits], [(int(row[0]), row[2]) for row in rows[1:]])

    def test_decode_refuses_what_it_does_not_know(self):
        self.assertIn("flowStat", self.flowxdp("decode", "nonesuch=1", code=USAGE).stderr)
        self.assertIn("0x", self.flowxdp("decode", "flowStat=many", code=USAGE).stderr)

    def test_plugins(self):
        text, plugins = self.flowxdp("plugins").stdout, json.loads(self.flowxdp("plugins", "--json").stdout)
        self.assertEqual([p["number"] for p in plugins], sorted(p["number"] for p in plugins))
        for name in ("basic_flow", "basic_stats", "tcp_win"):
            self.assertIn(name, text)
        columns = ["dir", "flowInd"] + [c["name"] for p in plugins if p["default"] for c in p["columns"]]
        self.assertEqual(columns, Table(self.rows(self.capture)).columns)

    def test_plugins_lists_the_bits_that_decode_explains(self):
        columns = [c for p in json.loads(self.flowxdp("plugins", "--json").stdout) for c in p["columns"] if c["bits"]]
        self.assertIn("flowStat", [c["name"] for c in columns])
        for column in columns:
            value = 0
            for bit in column["bits"]:
                value |= int(bit["mask"], 16)
            bits = json.loads(self.flowxdp("decode", "--json", f"{column['name']}=0x{value:x}").stdout)["bits"]
            self.assertEqual([(f"0x{1 << bit['bit']:0{len(column['bits'][0]['mask']) - 2}x}", bit["text"]) for bit in bits],
                             [(bit["mask"], bit["text"]) for bit in column["bits"]])

    def test_every_plugin_has_the_options_it_lists(self):
        for plugin in json.loads(self.flowxdp("plugins", "--json").stdout):
            settings = ",".join(f"{o['name']}={o['default']}" for o in plugin["options"] if o["default"])
            # What has columns of the default plugins runs in their place.
            with_default = "--plugins" if plugin["name"] == "export_basics" else "--plugin"
            self.replay(self.capture, "-q", with_default, plugin["name"] + (":" + settings if settings else ""))

    def test_sinks(self):
        text, sinks = self.flowxdp("sinks").stdout, json.loads(self.flowxdp("sinks", "--json").stdout)
        for sink in sinks:
            self.assertIn(sink["name"], text)
        self.assertLessEqual({"text", "json", "csv"}, {sink["name"] for sink in sinks})


if __name__ == "__main__":
    unittest.main()
