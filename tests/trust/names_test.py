#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""names_test.py FLOWXDP: names of files that would move a terminal's cursor, break a line of the report, or are no text at all."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

FLOWXDP = sys.argv.pop(1)
CAPTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/dns.pcap")
# Every control but the line's end and the tab of the text files.
CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
NAME = b"a\x1b[2J\nb\xc2\x9bc\xff.pcap"
SHOWN = rb"a\x1b[2J\nb\xc2\x9bc\xff.pcap".replace(b"\\n", b"\\n")


class Names(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name.encode(), NAME)
        with open(CAPTURE, "rb") as file, open(self.path, "wb") as copy:
            copy.write(file.read())

    def run_it(self, *words, code=0):
        done = subprocess.run((FLOWXDP.encode(), *words), capture_output=True, check=False, timeout=60)
        self.assertEqual(done.returncode, code, done)
        for output in (done.stdout, done.stderr):
            self.assertIsNone(CONTROL.search(output), output)
        return done

    def test_report_and_headers(self):
        prefix = os.path.join(self.folder.name, "out").encode()
        done = self.run_it(b"replay", self.path, b"-w", prefix)
        self.assertIn(SHOWN, done.stdout)
        with open(prefix + b"_headers.txt", "rb") as file:
            headers = file.read()
        self.assertIsNone(CONTROL.search(headers))
        (line,) = [line for line in headers.split(b"\n") if line.startswith(b"# Command line")]
        self.assertIn(SHOWN, line)

    def test_damage(self):
        with open(self.path, "r+b") as file:
            file.truncate(os.path.getsize(self.path) - 5)
        self.assertIn(SHOWN, self.run_it(b"replay", self.path, code=3).stderr)

    def test_no_capture(self):
        with open(self.path, "wb") as file:
            file.write(b"\x1b[2J no capture")
        done = self.run_it(b"replay", self.path, code=1)
        self.assertIn(SHOWN, done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def test_words_of_the_command_line(self):
        """A word that is shown in a message is shown escaped, wherever it stands."""
        word, shown = b"x\x1b[2Jy\xc2\x9bz\t", rb"x\x1b[2Jy\xc2\x9bz\t"
        for words in ((word,), (b"geo", word), (b"replay", b"--" + word), (b"replay", self.path, b"-c", word),
                      (b"replay", self.path, b"--sink", word), (b"replay", self.path, b"--plugin", word),
                      (b"replay", self.path, b"--plugin", b"tcp_win:" + word + b"=1"), (b"plugins", word), (b"decode", word),
                      (b"decode", b"flowStat=" + word), (b"geo", b"lookup", word), (b"replay", self.path, b"-F", b"/none/" + word),
                      (b"replay", self.path, b"--tunnel", word), (b"replay", self.path, b"-S" + word), (b"detach", b"-i", word),
                      (b"replay", self.path, b"-w", b"/none/" + word), (b"geo", b"import", b"--country", b"/none/" + word),
                      (b"replay", self.path, b"--geo-country", b"/none/" + word), (b"replay", self.path, b"port", word),
                      (b"replay", self.path, b"--lib", b"/none/" + word), (b"help", word)):
            done = subprocess.run((FLOWXDP.encode(), *words), capture_output=True, check=False, timeout=60)
            self.assertNotEqual(done.returncode, 0, (words, done))
            self.assertGreaterEqual(done.returncode, 0, (words, done))
            for output in (done.stdout, done.stderr):
                self.assertIsNone(CONTROL.search(output), (words, output))
            if words[0] != b"detach":
                self.assertIn(shown, done.stderr, words)

    def test_labels_of_a_file(self):
        """Names of a file of MAC prefixes stand bare in a table."""
        prefixes = os.path.join(self.folder.name, "oui").encode()
        with open(self.path, "rb") as file:
            mac = file.read()[24 + 16 + 6:24 + 16 + 9]
        with open(prefixes, "wb") as file:
            file.write(mac.hex(":").encode() + b"\tname\x1b[2J\xc2\x9b\xff\n")
        for sink in (b"text", b"json", b"csv"):
            done = subprocess.run((FLOWXDP.encode(), b"replay", self.path, b"-q", b"--plugin", b"mac_recorder:oui=" + prefixes,
                                   b"--sink", sink), capture_output=True, check=True, timeout=60)
            self.assertIsNone(CONTROL.search(done.stdout.replace(b"\r\n", b"\n")), done.stdout)  # RFC 4180's line end
            self.assertIn(b"name", done.stdout)
        with open(prefixes, "wb") as file:
            file.write(b"x" * 100000)
        done = self.run_it(b"replay", self.path, b"-q", b"--plugin", b"mac_recorder:oui=" + prefixes, code=2)
        self.assertIn(b"line 1 is longer than 4096 bytes", done.stderr)

    def test_lookup_of_endless_lines(self):
        done = subprocess.run((FLOWXDP.encode(), b"geo", b"lookup", b"-"), input=b"192.0.2.1\n" + b"1" * 1000000, capture_output=True,
                              check=False, timeout=60)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(b"line 2 is longer than 1024 bytes", done.stderr)
        self.assertLess(len(done.stderr), 1000)

    def test_list_that_is_none(self):
        """What cannot be a path is not shown; what can be one is shown escaped."""
        path = os.path.join(self.folder.name, "list").encode()
        with open(path, "wb") as file:
            file.write(b"\x1b]0;title\x07" + bytes(range(128, 256)) * 1000)
        done = self.run_it(b"replay", b"-R", path, code=1)
        self.assertNotIn(b"\x1b", done.stderr)
        self.assertLess(len(done.stderr), 1600, done.stderr)
        with open(path, "wb") as file:
            file.write(b"\x1b]0;title\x07/none\n")
        done = self.run_it(b"replay", b"-R", path, code=1)
        self.assertIn(rb"\x1b]0;title\x07", done.stderr)


unittest.main()
