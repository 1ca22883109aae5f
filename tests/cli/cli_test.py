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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "golden"))
from support import packets  # noqa: E402

OK, RUNTIME, USAGE, INCOMPLETE = 0, 1, 2, 3
FLOWXDP = os.environ.get("FLOWXDP_BIN", "")
PATIENCE = 30
MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
START = 1700000000 * 10**6
CAUSES = ("packets_filtered", "packets_short_frame", "packets_link_unsupported", "packets_unattributed")


def tcp_frame(src, dst, sport, dport, flags=packets.ACK, window=1000, payload=b""):
    return packets.ethernet_frame(MAC_A, MAC_B, 0x0800, packets.ipv4_packet(
        src, dst, 6, packets.tcp_segment(src, dst, sport, dport, 1, 1, flags, window, payload=payload)))


def udp_frame(src, dst, sport, dport, payload=b"x"):
    return packets.ethernet_frame(MAC_A, MAC_B, 0x0800, packets.ipv4_packet(
        src, dst, 17, packets.udp_datagram(src, dst, sport, dport, payload)))


def mixed_traffic(flows=60):
    """Requests and replies of TCP and UDP, small windows here and there, ARP; one packet a millisecond."""
    frames = []
    for n in range(flows):
        client, server = f"10.0.{n % 7}.{n + 1}", f"192.0.2.{n % 5 + 1}"
        if n % 3:
            exchange = [tcp_frame(client, server, 20000 + n, 443 if n % 2 else 80, packets.SYN),
                        tcp_frame(server, client, 443 if n % 2 else 80, 20000 + n, packets.SYN | packets.ACK, n % 4),
                        tcp_frame(client, server, 20000 + n, 443 if n % 2 else 80, payload=b"a" * n)]
        else:
            exchange = [udp_frame(client, server, 20000 + n, 53, b"q" * 20), udp_frame(server, client, 53, 20000 + n, b"r" * 99)]
        frames.append(exchange)
    order = [frame for step in range(3) for exchange in frames for frame in exchange[step:step + 1]]
    order.insert(10, packets.ethernet_frame(MAC_A, "ff:ff:ff:ff:ff:ff", 0x0806, bytes(28), 60))
    return [(START + 1000 * n, frame) for n, frame in enumerate(order)]


def pcap_bytes(frames, link_type=1):
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link_type)]
    for time_us, frame in frames:
        out += [struct.pack("<IIII", time_us // 10**6, time_us % 10**6, len(frame), len(frame)), frame]
    return b"".join(out)


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
        self.capture = self.save("traffic.pcap", pcap_bytes(self.frames))
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
        self.assert_usage("replay", says=["input", "-R"])
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


class Damage(CliCase):
    def test_cut_capture_keeps_every_packet_before(self):
        data = pcap_bytes(self.frames)
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
        data = pcap_bytes(self.frames[:3]) + struct.pack("<IIII", 1700000001, 0, 0x7FFFFFFF, 0x7FFFFFFF) + bytes(100)
        report = self.report(self.save("long.pcap", data), code=INCOMPLETE)
        self.assertEqual((report["packets"], report["damages"][0]["offset"]), (3, len(pcap_bytes(self.frames[:3]))))

    def test_damage_ends_the_file_not_the_stream(self):
        cut = self.save("cut.pcap", pcap_bytes(self.frames)[:-3])
        report = self.report(cut, self.capture, code=INCOMPLETE)
        self.assertEqual(report["packets"], 2 * len(self.frames) - 1)

    def test_cut_gzip(self):
        data = gzip.compress(pcap_bytes(self.frames * 20), mtime=0)
        report = self.report(self.save("cut.pcap.gz", data[:-20]), code=INCOMPLETE)
        self.assertLessEqual(report["packets"], 20 * len(self.frames))
        self.assertGreater(report["packets"], 0)

    def test_unknown_link_type_is_said_and_counted(self):
        path = self.save("dbus.pcap", pcap_bytes(self.frames[:4], 231))
        run = self.replay(path, "-w", "x", code=INCOMPLETE)
        self.assertIn("link type 231", run.stdout)
        report = self.report(path, self.capture, code=INCOMPLETE)
        self.assertEqual(report["counters"]["packets_link_unsupported"], 4)
        self.assertEqual(report["ledger"]["in_flows"], len(self.frames))

    def test_times_that_do_not_fit_are_said(self):
        def block(kind, body):
            body += bytes(-len(body) % 4)
            return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))

        frame = self.frames[0][1]
        data = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0)) + block(
            6, struct.pack("<IIIII", 0, 0x40000000, 0, len(frame), len(frame)) + frame)
        report = self.report(self.save("far.pcapng", data), code=INCOMPLETE)
        self.assertEqual(report["ledger"]["in_flows"], 1)
        self.assertIn("far.pcapng", " ".join(report["problems"]))

    def test_empty_capture_is_fine(self):
        report = self.report(self.save("empty.pcap", pcap_bytes([])))
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

    def test_folder_takes_the_name_of_the_input(self):
        (self.dir / "results").mkdir()
        self.replay(self.capture, "-w", "results")
        self.replay(self.save("second.pcap.gz", gzip.compress(pcap_bytes(self.frames))), "-w", "results/")
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
        one, two = self.save("1.pcap", pcap_bytes(self.frames[:70])), self.save("2.pcap", pcap_bytes(self.frames[70:]))
        self.assertEqual(self.rows(one, two), self.rows(self.capture))
        self.save("list.txt", f"# comment\n{one}\n\n{two}\n".encode())
        self.assertEqual(self.rows("-R", "list.txt"), self.rows(self.capture))

    def test_merged_by_mergecap(self):
        self.need("mergecap")
        one, two = self.save("1.pcap", pcap_bytes(self.frames[:70])), self.save("2.pcap", pcap_bytes(self.frames[70:]))
        for form in ("pcap", "pcapng"):
            subprocess.run(["mergecap", "-F", form, "-w", self.dir / "merged", one, two], check=True, capture_output=True)
            self.assertEqual(self.rows(self.dir / "merged"), self.rows(one, two))

    def test_standard_input(self):
        self.assertEqual(self.rows("-", stdin=pcap_bytes(self.frames)), self.rows(self.capture))
        self.assertEqual(self.rows("-", stdin=gzip.compress(pcap_bytes(self.frames))), self.rows(self.capture))
        self.assertIn("'-': it is empty", self.replay("-", stdin=b"", code=RUNTIME).stderr)

    def test_gzip(self):
        self.assertEqual(self.rows(self.save("a.pcap.gz", gzip.compress(pcap_bytes(self.frames)))), self.rows(self.capture))

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
        self.assertEqual(self.rows(self.capture, "-c", "33"), self.rows(self.save("33.pcap", pcap_bytes(self.frames[:33]))))
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
        path = self.save('a "quoted" \\ näme.pcap', pcap_bytes(self.frames))
        self.assertEqual(self.report(path)["files"][0]["name"], path)

    def test_a_full_table_loses_no_packet(self):
        frames = [(START + n * 1000, udp_frame("10.1.0.1", "10.2.0.1", 1000 + n % 150, 53)) for n in range(600)]
        path = self.save("many.pcap", pcap_bytes(frames))
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
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                process = subprocess.Popen([FLOWXDP, "replay", "-", "-w", "out", "--json"], cwd=self.dir, env=self.environment,
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                try:
                    process.stdin.write(pcap_bytes(self.frames))
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

    def test_every_plugin_has_the_options_it_lists(self):
        for plugin in json.loads(self.flowxdp("plugins", "--json").stdout):
            settings = ",".join(f"{o['name']}={o['default']}" for o in plugin["options"] if o["default"])
            self.replay(self.capture, "-q", "--plugin", plugin["name"] + (":" + settings if settings else ""))

    def test_sinks(self):
        text, sinks = self.flowxdp("sinks").stdout, json.loads(self.flowxdp("sinks", "--json").stdout)
        for sink in sinks:
            self.assertIn(sink["name"], text)
        self.assertLessEqual({"text", "json", "csv"}, {sink["name"] for sink in sinks})


if __name__ == "__main__":
    unittest.main()
