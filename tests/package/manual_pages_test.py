#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The manual pages of an installation: one a command, found by man, without a complaint of groff or mandoc."""

import gzip
import os
import re
import unittest

from installation import Installation, need, run


class ManualPages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.there = Installation()
        cls.addClassCleanup(cls.there.folder.cleanup)
        cls.folder = cls.there.prefix / "share/man/man1"

    def pages(self):
        return sorted(self.folder.glob("*.1.gz"))

    def test_each_command_has_its_page_and_there_is_no_other(self):
        wanted = ["flowxdp", *("flowxdp-" + command.replace(" ", "-") for command in self.there.commands())]
        self.assertIn("flowxdp-plugin-build", wanted)
        self.assertEqual([page.name for page in self.pages()], sorted(f"{name}.1.gz" for name in wanted))

    def test_a_page_names_its_command_in_a_line_that_whatis_reads(self):
        need(self, "man", "lexgrog")
        for page in self.pages():
            command = page.name.removesuffix(".1.gz")
            self.assertRegex(run("lexgrog", page), rf': "{command} - .+"')
            text = run("man", "--local-file", page, env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
            self.assertIn(command, text)

    def test_groff_has_no_warning(self):
        need(self, "man", "groff")
        for page in self.pages():
            words = ["man", "--warnings", "-E", "UTF-8", "--local-file", "-Tutf8", "-Z", str(page)]
            self.assertEqual(run("sh", "-c", 'exec "$@" 2>&1 >/dev/null', "sh", *words, env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80"}), "", page)

    def test_mandoc_finds_no_mistake(self):
        need(self, "mandoc")
        for page in self.pages():
            source = gzip.decompress(page.read_bytes())
            with open(self.there.folder.name + "/page.1", "wb") as file:
                file.write(source)
            # Without a date two builds of one source are the same.
            said = [line for line in run("sh", "-c", 'mandoc -T lint -W warning "$1" || true', "sh", file.name).splitlines() if "missing date" not in line]
            self.assertEqual(said, [], page)

    def test_pages_hold_no_time(self):
        for page in self.pages():
            self.assertEqual(page.read_bytes()[4:8], bytes(4), page)  # RFC 1952: MTIME
            self.assertIsNone(re.search(rb"\b20\d\d-\d\d-\d\d\b", gzip.decompress(page.read_bytes())), page)


if __name__ == "__main__":
    unittest.main()
