#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The golden tests' own parts without the sensor: frames, captures, the reader of expected.tsv."""

import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import expected

GOLDEN = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(GOLDEN.parent / "support"))
import frames  # noqa: E402

DIGESTS = {"faf_exercise": "5dc281c9f1c8c98ece3d7fa60c224387cf9549f6dc2fdb9e6036b4df4be7808b"}


def read_pcap(path):
    data = path.read_bytes()
    offset = 24
    while offset < len(data):
        seconds, micros, captured, wire = struct.unpack_from("<IIII", data, offset)
        yield seconds * 1000000 + micros, data[offset + 16:offset + 16 + captured], wire
        offset += 16 + captured


class Frames(unittest.TestCase):
    def test_checksum_of_rfc_1071_example(self):
        self.assertEqual(frames.checksum(bytes.fromhex("0001f203f4f5f6f7")), ~0xDDF2 & 0xFFFF)

    def test_udp_lengths_and_checksums(self):
        frame = frames.ethernet(frames.IPV4, frames.with_checksums(frames.ipv4(frames.UDP, frames.udp(1111, 2222, b"abc"))), wire_len=60)
        self.assertEqual(len(frame), 60)
        self.assertEqual(struct.unpack_from("!H", frame, 16)[0], 31)
        self.assertEqual(struct.unpack_from("!H", frame, 38)[0], 11)
        self.assertEqual(frames.checksum(frame[14:34]), 0)
        self.assertEqual(frames.checksum(frame[26:34] + bytes([0, 17, 0, 11]) + frame[34:45]), 0)


class Captures(unittest.TestCase):
    def test_every_capture_is_reproducible_and_has_right_checksums(self):
        for script in sorted((GOLDEN / "captures").glob("*.py")):
            with self.subTest(script.stem), tempfile.TemporaryDirectory() as folder:
                capture = pathlib.Path(folder, "out.pcap")
                subprocess.run([sys.executable, "-B", script, capture], check=True)
                self.assertEqual(hashlib.sha256(capture.read_bytes()).hexdigest(), DIGESTS[script.stem])
                for _, frame, wire in read_pcap(capture):
                    total = struct.unpack_from("!H", frame, 16)[0]
                    self.assertEqual(len(frame), wire)
                    self.assertLessEqual(14 + total, wire)
                    self.assertEqual(frames.checksum(frame[14:34]), 0)
                    pseudo = frame[26:34] + struct.pack("!BBH", 0, frame[23], total - 20)
                    self.assertEqual(frames.checksum(pseudo + frame[34:14 + total]), 0)


class Expected(unittest.TestCase):
    def test_every_case_parses(self):
        for path in sorted(GOLDEN.glob("*/expected.tsv")):
            with self.subTest(path.parent.name):
                self.assertGreater(len(expected.read_expected(path)), 0)

    def test_notes_exceptions_and_selectors(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "expected.tsv")
            path.write_text("@row flows dir=A flowStat&0x40\nduration\t1.239470\tdigits=6 | geo=\"X, Inc.\"\n"
                            "@except flows dir=A flowStat&0x40\tduration\t1.239471\trounded\n", encoding="utf-8")
            (cell,) = expected.read_expected(path)
            self.assertEqual((cell.printed, cell.wanted, cell.selector),
                             ("1.239470", "1.239471", {"dir": "A", "flowStat&": "0x40"}))
            self.assertEqual(cell.notes, {"digits": "6", "geo": '"X, Inc."', "reason": "rounded"})
            path.write_text("@except flows dir=A\tduration\t1\tno such cell\n", encoding="utf-8")
            self.assertRaises(ValueError, expected.read_expected, path)

    def test_truncate_fraction(self):
        self.assertEqual(expected.truncate_fraction("1258594163.408285000 of 2.5", 6), "1258594163.408285 of 2.5")


if __name__ == "__main__":
    unittest.main()
