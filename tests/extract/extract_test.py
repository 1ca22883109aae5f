#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Packets of flows, extracted by flowxdp, against those that tshark's display filter finds in the same capture: time stamp, length,
captured length and MD5 of every frame, in order.

    FLOWXDP_BIN=build/bin/flowxdp extract_test.py [-v] [Class.test]
"""

import collections
import gzip
import ipaddress
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "support"))
import frames  # noqa: E402

OK, RUNTIME, USAGE, INCOMPLETE = 0, 1, 2, 3
FLOWXDP = os.environ.get("FLOWXDP_BIN", "")
EXAMPLES = sorted((SOURCE / "examples").glob("*.pcap"))
START = 1700000000 * 10**6


def tshark(path, *fields, only=None):
    """The fields of each packet that the display filter lets through."""
    words = ["tshark", "-nr", str(path), "-o", "frame.generate_md5_hash:TRUE", "-T", "fields"]
    for field in fields:
        words += ["-e", field]
    if only:
        words += ["-Y", only]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    return [tuple(line.split("\t")) for line in lines]


def all_frames(path, only=None):
    return tshark(path, "frame.time_epoch", "frame.len", "frame.cap_len", "frame.md5_hash", "frame.encap_type", only=only)


class ExtractCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="flowxdp_extract")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def flowxdp(self, *words, stdin=None, code=OK):
        run = subprocess.run([FLOWXDP, *map(str, words)], cwd=self.dir, input=stdin, capture_output=True, check=False, timeout=60)
        self.assertEqual(run.returncode, code, f"{words}: {run.stderr[-600:]}")
        return run

    def rows(self, capture, *options):
        lines = self.flowxdp("replay", "-q", capture, *options).stdout.decode().splitlines()
        names = lines[0][1:].split("\t")
        return [dict(zip(names, line.split("\t"))) for line in lines[1:]]

    def extract(self, capture, flows, *options, code=OK):
        """The frames of the flows, numbers or a list's text."""
        out = self.dir / "out.pcapng"
        text = flows if isinstance(flows, str) else "".join(f"{flow}\n" for flow in flows)
        run = self.flowxdp("extract", capture, "--flows", "-", "-o", out, *options, stdin=text.encode(), code=code)
        return all_frames(out) if code == OK else run.stderr.decode()


def display_filter(row):
    """tshark's words for a conversation of TCP or UDP."""
    version = "ipv6" if ipaddress.ip_address(row["srcIP"]).version == 6 else "ip"
    layer4 = {"6": "tcp", "17": "udp"}[row["l4Proto"]]
    return (f"{version}.addr eq {row['srcIP']} and {version}.addr eq {row['dstIP']} and "
            f"{layer4}.port eq {row['srcPort']} and {layer4}.port eq {row['dstPort']} and not icmp and not icmpv6")


class Conversations(ExtractCase):
    """A conversation's flows have exactly the frames that tshark's filter of it finds."""

    def test_frame_by_frame_over_the_examples(self):
        self.assertGreater(len(EXAMPLES), 3)
        checked = 0
        for capture in EXAMPLES:
            conversations = collections.defaultdict(set)  # of one 5-tuple there may be several flows
            for row in self.rows(capture):
                if row["l4Proto"] in ("6", "17"):
                    conversations[display_filter(dict(row, **sorted_ends(row)))].add(int(row["flowInd"]))
            for only, flows in conversations.items():
                with self.subTest(capture=capture.name, conversation=only):
                    expected = all_frames(capture, only)
                    self.assertTrue(expected)
                    self.assertEqual(self.extract(capture, sorted(flows)), expected)
                    checked += 1
        self.assertGreater(checked, 20)

    def test_all_flows_have_all_frames(self):
        for capture in EXAMPLES:
            with self.subTest(capture=capture.name):
                flows = {int(row["flowInd"]) for row in self.rows(capture)}
                self.assertEqual(self.extract(capture, f"1-{max(flows)}\n"), all_frames(capture))

    def test_a_condition_finds_what_a_filter_finds(self):
        http = SOURCE / "examples" / "http.pcap"
        out = self.dir / "out.pcapng"
        self.flowxdp("extract", http, "--where", "dstPort = 80 AND srcIP = '192.0.2.10'", "-o", out)
        self.assertEqual(all_frames(out), all_frames(http, "tcp.port eq 80 and ip.addr eq 192.0.2.10"))
        said = self.flowxdp("extract", http, "--where", "dstPrt = 80", "-o", self.dir / "none.pcapng", code=USAGE).stderr.decode()
        self.assertIn("dstPrt", said)
        self.assertFalse((self.dir / "none.pcapng").exists())


def sorted_ends(row):
    """Both rows of a flow name one conversation."""
    ends = sorted([(row["srcIP"], row["srcPort"]), (row["dstIP"], row["dstPort"])])
    return {"srcIP": ends[0][0], "srcPort": ends[0][1], "dstIP": ends[1][0], "dstPort": ends[1][1]}


def udp_frame(client, port, size=8):
    datagram = frames.udp(20000 + client, port, bytes([client % 256]) * size)
    return frames.ethernet(frames.IPV4, frames.with_checksums(
        frames.ipv4(frames.UDP, datagram, f"10.0.{client // 200}.{client % 200 + 1}", "192.0.2.1", ident=0)))


class Files(ExtractCase):
    FLOWS = 300  # more than may be open at a time

    def test_a_file_for_each_of_many_flows_in_turn(self):
        capture = self.dir / "many.pcap"
        packets = [udp_frame(client, 53, 8 + turn) for turn in range(3) for client in range(self.FLOWS)]
        frames.write_pcap(str(capture), [(START + i, frame) for i, frame in enumerate(packets)])
        numbers = {row["srcPort"]: row["flowInd"] for row in self.rows(capture)}
        self.assertEqual(len(numbers), self.FLOWS)
        limit = f"ulimit -n 200; exec {FLOWXDP} extract {capture} --flows - -w {self.dir}/one --per-flow"
        subprocess.run(["bash", "-c", limit], input=b"1-300\n", check=True, capture_output=True)
        self.assertEqual(len(list(self.dir.glob("one_flow_*.pcapng"))), self.FLOWS)
        for client in (0, 1, 127, 128, 129, 299):
            path = self.dir / f"one_flow_{numbers[str(20000 + client)]}.pcapng"
            self.assertEqual(all_frames(path), all_frames(capture, f"udp.srcport eq {20000 + client}"))

    def test_compressed_and_standard_output(self):
        http = SOURCE / "examples" / "http.pcap"
        expected = self.extract(http, "1-7\n")
        packed = self.dir / "x.pcapng.gz"
        self.flowxdp("extract", http, "--flows", "-", "-o", packed, stdin=b"1-7\n")
        (self.dir / "x.pcapng").write_bytes(gzip.decompress(packed.read_bytes()))
        self.assertEqual(all_frames(self.dir / "x.pcapng"), expected)
        (self.dir / "y.pcapng").write_bytes(self.flowxdp("extract", http, "--flows", "-", "-o", "-", stdin=b"1-7\n").stdout)
        self.assertEqual(all_frames(self.dir / "y.pcapng"), expected)

    def test_what_is_extracted_has_the_same_rows_again(self):
        def without(rows, *names):
            return [{name: cell for name, cell in row.items() if name not in names} for row in rows]
        dns = SOURCE / "examples" / "dns.pcap"
        self.extract(dns, "1-1000\n", code=INCOMPLETE)
        self.assertEqual(without(self.rows(self.dir / "out.pcapng"), "flowInd"), without(self.rows(dns), "flowInd"))

    def test_link_types_stay(self):
        raw = self.dir / "raw.pcap"
        packet = frames.ipv4(frames.UDP, frames.udp(1, 2, b"x"))
        frames.write_pcap(str(raw), [(START, packet)], link_type=101)
        ethernet = self.dir / "ethernet.pcap"
        frames.write_pcap(str(ethernet), [(START + 1, frames.ethernet(frames.IPV4, packet))])
        out = self.dir / "both.pcapng"
        self.flowxdp("extract", raw, ethernet, "--flows", "-", "-o", out, stdin=b"1\n")
        self.assertEqual(all_frames(out), all_frames(raw) + all_frames(ethernet))

    def test_frames_are_whole_although_the_run_looked_at_less(self):
        http = SOURCE / "examples" / "http.pcap"
        self.assertEqual(self.extract(http, "1-7\n", "-S", "96"), all_frames(http))

    def test_the_input_is_not_written_over(self):
        capture = self.dir / "in_flow_1.pcapng"
        shutil.copy(SOURCE / "examples" / "http.pcap", capture)
        before = capture.read_bytes()
        for output in (("-o", capture), ("-w", self.dir / "in", "--per-flow")):
            self.flowxdp("extract", capture, "--flows", "-", *output, stdin=b"1\n", code=USAGE)
            self.assertEqual(capture.read_bytes(), before)

    def test_a_full_disk_is_an_error(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        run = self.flowxdp("extract", SOURCE / "examples" / "http.pcap", "--flows", "-", "-o", "/dev/full", stdin=b"1-7\n",
                           code=RUNTIME)
        self.assertIn(b"No space left", run.stderr)

    def test_a_damaged_capture_gives_what_stands_before_the_damage(self):
        whole = (SOURCE / "examples" / "http.pcap").read_bytes()
        cut = self.dir / "cut.pcap"
        cut.write_bytes(whole[:len(whole) // 2])
        run = self.flowxdp("extract", cut, "--flows", "-", "-o", self.dir / "o.pcapng", stdin=b"1-3\n", code=INCOMPLETE)
        self.assertIn(b"damaged at offset", run.stderr)
        found = all_frames(self.dir / "o.pcapng")
        self.assertEqual(found, self.extract(SOURCE / "examples" / "http.pcap", "1-3\n")[:len(found)])
        self.assertTrue(found)


class Lists(ExtractCase):
    def test_rows_from_a_pipe_without_their_header(self):
        dns = SOURCE / "examples" / "dns.pcap"
        rows = self.flowxdp("replay", "-q", dns).stdout.decode().splitlines(keepends=True)
        columns = rows[0].rstrip().split("\t")
        some = "".join(row for row in rows[1:] if row.split("\t")[columns.index("srcIP")] == "2001:db8::10" and
                       row.split("\t")[columns.index("l4Proto")] == "17")
        self.assertEqual(self.extract(dns, some), all_frames(dns, "ipv6.addr eq 2001:db8::10 and udp"))

    def test_json_and_csv(self):
        dns = SOURCE / "examples" / "dns.pcap"
        for kind in ("json", "csv"):
            rows = self.flowxdp("replay", "-q", dns, "--sink", kind, "udp").stdout.decode()
            # The filter is part of the run that gave the numbers.
            self.assertEqual(self.extract(dns, rows, "udp"), all_frames(dns, "udp and not icmp and not icmpv6"))

    def test_what_is_no_list_is_refused(self):
        out = self.dir / "o.pcapng"
        run = self.flowxdp("extract", EXAMPLES[0], "--flows", "-", "-o", out, stdin=b"1\nabc\n", code=USAGE)
        self.assertIn(b"line 2 names no flow: 'abc'", run.stderr)
        self.assertFalse(out.exists())

    def test_flows_that_are_not_there_are_counted(self):
        said = self.extract(SOURCE / "examples" / "http.pcap", "7-9\n", code=INCOMPLETE)
        self.assertIn("2 numbers of the list name no flow", said)

    def test_one_way_to_name_flows_and_a_place_for_packets(self):
        for words, says in ((("x.pcap", "-o", "y"), "--flows FILE"), (("x.pcap", "--flows", "l", "--where", "1", "-o", "y"), "both"),
                            (("x.pcap", "--flows", "l"), "-o FILE"), (("x.pcap", "--flows", "l", "-o", "y", "--per-flow"), "-w PREFIX"),
                            (("-", "--flows", "-", "-o", "y"), "standard input"), (("-", "--where", "1", "-o", "y"), "twice")):
            self.assertIn(says, self.flowxdp("extract", *words, code=USAGE).stderr.decode())


class Numbering(ExtractCase):
    """A list of another input or of other options is refused, and the difference is named."""

    def setUp(self):
        super().setUp()
        self.http = SOURCE / "examples" / "http.pcap"
        self.flowxdp("replay", "-q", self.http, "-w", self.dir / "run")
        self.list = self.dir / "list"
        self.flowxdp("query", self.dir / "run_flows.txt", "--flows-to", self.list, "SELECT flowInd FROM flows WHERE srcPort = 80")
        self.expected = all_frames(self.http, "tcp.port eq 80")

    def listed(self, *words, code=OK, flows=None):
        out = self.dir / "out.pcapng"
        out.write_bytes(b"what was there")
        run = self.flowxdp("extract", *words, "--flows", flows or self.list, "-o", out, code=code)
        return (all_frames(out) if code == OK else out), run.stderr.decode()

    def test_the_same_packets_in_other_files(self):
        for frames_found, said in (self.listed(self.http), self.listed(self.pack()), self.listed(*self.halves())):
            self.assertEqual(frames_found, self.expected)
            self.assertNotIn("WRN", said)

    def pack(self):
        packed = self.dir / "packed.pcap.gz"
        packed.write_bytes(gzip.compress(self.http.read_bytes()))
        return packed

    def halves(self):
        subprocess.run(["editcap", "-F", "pcapng", "-r", self.http, self.dir / "a.pcapng", "1-50"], check=True, capture_output=True)
        subprocess.run(["editcap", "-F", "pcap", "-r", self.http, self.dir / "b.pcap", "51-119"], check=True, capture_output=True)
        return self.dir / "a.pcapng", self.dir / "b.pcap"

    def test_other_options_are_named(self):
        for options, says in ((("--idle-timeout", "3s"), "option idle-timeout was '182s' and is '3s'"),
                              (("--plugin", "tcp_win:force_at=2"), "plugin tcp_win had other options"),
                              (("--no-plugin", "tcp_states"), "plugin tcp_states is missing"),
                              (("--filter", "tcp"), "option filter was '' and is 'tcp'"),
                              (("--tunnel", "none"), "option tunnel"), (("--max-flows", "16"), "option max-flows"),
                              (("-S", "60"), "option snapshot-length was '0' and is '60'")):
            with self.subTest(options=options):
                out, said = self.listed(self.http, *options, code=RUNTIME)
                self.assertIn(says, said)
                self.assertIn("--unchecked", said)
                self.assertEqual(out.read_bytes(), b"what was there")

    def test_another_input_is_refused(self):
        _, said = self.listed(SOURCE / "examples" / "dns.pcap", code=RUNTIME)
        self.assertIn("had 119 packets, this one 34", said)
        out, said = self.listed(self.http, "-c", "100", code=RUNTIME)
        self.assertIn("had 119 packets, this one 100", said)
        self.assertEqual(out.read_bytes(), b"what was there")

    def test_a_long_input_is_refused_before_anything_is_written(self):
        long = [self.dir / "long.pcap", self.dir / "other.pcap"]
        for n, path in enumerate(long):
            frames.write_pcap(str(path), [(START + n + i, udp_frame(i % 5, 53)) for i in range(5000)])
        self.flowxdp("replay", "-q", long[0], "-w", self.dir / "long")
        out, said = self.listed(long[1], code=RUNTIME, flows=self.dir / "long_flows.txt")
        self.assertIn("another input", said)
        self.assertEqual(out.read_bytes(), b"what was there")
        out, said = self.listed(long[0], "-c", "4999", code=RUNTIME, flows=self.dir / "long_flows.txt")
        self.assertIn("had 5000 packets, this one 4999", said)
        self.assertFalse(out.exists(), "the end alone differs: what was written is removed")
        found, _ = self.listed(long[0], flows=self.dir / "long_flows.txt")
        self.assertEqual(len(found), 5000)

    def test_unchecked_goes_on_and_says_so(self):
        frames_found, said = self.listed(self.http, "-S", "96", "--unchecked")
        self.assertEqual(frames_found, self.expected)
        self.assertIn("[WRN]", said)

    def test_a_list_that_says_nothing_is_taken_with_a_warning(self):
        alone = self.dir / "alone"
        alone.write_text("".join(line for line in self.list.read_text().splitlines(keepends=True) if not line.startswith("#")))
        frames_found, said = self.listed(self.http, flows=alone)
        self.assertEqual(frames_found, self.expected)
        self.assertIn("does not say which run", said)

    def test_rows_are_as_good_as_a_list(self):
        frames_found, said = self.listed(self.http, flows=self.dir / "run_flows.txt")
        self.assertEqual(frames_found, all_frames(self.http))
        self.assertNotIn("WRN", said)

    def test_numbers_of_two_runs_have_no_origin(self):
        self.flowxdp("replay", "-q", SOURCE / "examples" / "dns.pcap", "-w", self.dir / "dns")
        both = self.dir / "both"
        self.flowxdp("query", self.dir / "run_flows.txt", self.dir / "dns_flows.txt", "--flows-to", both, "SELECT flowInd FROM flows")
        self.assertNotIn("# flowInd:", both.read_text())


class Alarmed(ExtractCase):
    """`replay -e`: the packets of alarmed flows, from the packet on that raised the alarm. tshark counts the windows."""

    ALARM = ("--plugin", "tcp_win:alarm_at=3")

    def expected(self, capture):
        small, alarmed, found = collections.Counter(), set(), []
        for frame in tshark(capture, "tcp.stream", "ip.src", "ipv6.src", "tcp.window_size_value", "frame.time_epoch", "frame.len",
                            "frame.cap_len", "frame.md5_hash", "frame.encap_type"):
            stream, sender = frame[0], frame[1] or frame[2]
            if frame[3] == "0":
                small[stream, sender] += 1
                if small[stream, sender] == 3:
                    alarmed.add(stream)
            if stream and stream in alarmed:
                found.append(frame[4:])
        return found

    def test_packets_from_the_alarm_on(self):
        stalled = SOURCE / "examples" / "stalled-reader.pcap"
        out = self.dir / "out.pcapng"
        rows = self.rows(stalled, *self.ALARM, "-e", f"alarmed:{out}")
        self.assertEqual(all_frames(out), self.expected(stalled))
        self.assertTrue(0 < len(all_frames(out)) < len(all_frames(stalled)))
        extracted = {row["flowInd"] for row in rows if int(row["flowStat"], 16) >> 52 & 1}
        alarmed = {row["flowInd"] for row in rows if int(row["flowStat"], 16) >> 49 & 1}
        self.assertEqual(extracted, alarmed, "bit 52 says which flows have packets there")
        self.assertTrue(alarmed)

    def test_rows_are_the_same_but_for_the_bit(self):
        def cells(rows):
            return [dict(row, flowStat=int(row["flowStat"], 16) & ~(1 << 52)) for row in rows]
        stalled = SOURCE / "examples" / "stalled-reader.pcap"
        for kind in ("alarmed", "all"):
            self.assertEqual(cells(self.rows(stalled, *self.ALARM, "-e", f"{kind}:{self.dir}/x.pcapng")),
                             cells(self.rows(stalled, *self.ALARM)))

    def test_packet_rows_and_wanted_packets_stay_as_they_are(self):
        http = SOURCE / "examples" / "http.pcap"
        for options in (("-s",), ("--plugin", "http"), ("-s", "--plugin", "http")):
            self.flowxdp("replay", "-q", http, *options, *self.ALARM, "-w", self.dir / "with", "-e", "alarmed")
            self.flowxdp("replay", "-q", http, *options, *self.ALARM, "-w", self.dir / "without")
            for file in ("flows", "packets"):
                if file == "flows" or "-s" in options:
                    self.assertEqual((self.dir / f"with_{file}.txt").read_text(), (self.dir / f"without_{file}.txt").read_text())
            self.assertEqual(all_frames(self.dir / "with_alarmed.pcapng"), [], "no window closes three times there")

    def test_all_is_every_frame(self):
        for capture in EXAMPLES:
            out = self.dir / "out.pcapng"
            self.rows(capture, "-e", f"all:{out}")
            self.assertEqual(all_frames(out), all_frames(capture))

    def test_nobody_can_alarm(self):
        run = self.flowxdp("replay", EXAMPLES[0], "--plugins", "basic_flow", "-e", f"alarmed:{self.dir}/x.pcapng", code=USAGE)
        self.assertIn(b"none of the plugins that run can raise an alarm", run.stderr)


class Matching(ExtractCase):
    """`replay -e matching`: the packets of flows from the first packet on that the expression matches. tshark finds that packet."""

    def expected(self, capture, display_filter):
        """The frames of each conversation from the first one on that a display filter matches."""
        numbers = {frame[0] for frame in tshark(capture, "frame.number", only=display_filter)}
        begun, found = set(), []
        for frame in tshark(capture, "frame.number", "tcp.stream", "udp.stream", "frame.time_epoch", "frame.len", "frame.cap_len",
                            "frame.md5_hash", "frame.encap_type"):
            stream = frame[1:3]
            if frame[0] in numbers:
                begun.add(tuple(stream))
            if tuple(stream) in begun:
                found.append(frame[3:])
        return found

    def test_packets_from_the_first_match_on(self):
        for name, expression, display_filter in (
                ("http.pcap", "tcp port 80 and tcp[tcpflags] & tcp-push != 0", "ip and tcp.port == 80 and tcp.flags.push == 1"),
                ("stalled-reader.pcap", "tcp[14:2] = 0", "ip and tcp.window_size_value == 0"),
                ("dns.pcap", "udp src port 53", "udp.srcport == 53")):
            capture, out = SOURCE / "examples" / name, self.dir / "out.pcapng"
            rows = self.rows(capture, "-e", f"matching:{out}", "--extract-filter", expression)
            self.assertEqual(all_frames(out), self.expected(capture, display_filter), name)
            self.assertTrue(0 < len(all_frames(out)) < len(all_frames(capture)), name)
            marked = [row for row in rows if int(row["flowStat"], 16) >> 52 & 1]
            self.assertTrue(marked, "bit 52 says which flows have packets there")
            self.assertEqual([dict(row, flowStat=int(row["flowStat"], 16) & ~(1 << 52)) for row in rows],
                             [dict(row, flowStat=int(row["flowStat"], 16)) for row in self.rows(capture)])

    def test_both_engines_mark_the_same_flows(self):
        capture = SOURCE / "examples" / "http.pcap"
        words = ("-e", f"matching:{self.dir}/x.pcapng", "--extract-filter", "tcp[tcpflags] & tcp-fin != 0")
        native = self.rows(capture, *words)
        if subprocess.run([FLOWXDP, "replay", "-q", "--engine", "bpf", capture, "-w", "-"], capture_output=True).returncode == 77:
            self.skipTest("BPF programs may not be loaded here")
        self.assertEqual(self.rows(capture, *words, "--engine", "bpf"), native)

    def test_words_that_belong_together(self):
        for words, said in ((("-e", "matching:x.pcapng"), b"add --extract-filter EXPR"),
                            (("--extract-filter", "tcp"), b"add -e matching"),
                            (("-e", "matching:x.pcapng", "--extract-filter", "tcp prot 5"), b"syntax error")):
            self.assertIn(said, self.flowxdp("replay", EXAMPLES[0], *words, code=USAGE).stderr)


if __name__ == "__main__":
    if not FLOWXDP or not os.path.exists(FLOWXDP):
        sys.exit(f"FLOWXDP_BIN names no program: '{FLOWXDP}'")
    for tool in ("tshark", "editcap"):
        if not shutil.which(tool):
            print(f"SKIP: {tool} is not installed")
            sys.exit(77)
    unittest.main()
