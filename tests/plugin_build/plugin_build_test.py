#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""plugin_build_test.py CMAKE BUILD_TREE [bpf]: a plugin outside the tree, against an installation in a folder of its own.

With bpf: what `plugin new` writes, through the BPF program alone. Exit 77 without root or BPF.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

CMAKE, BUILD = sys.argv[1:3]
NOBODY = 65534
PEN = 32473  # of documents (RFC 5612)


class Installation:
    """An installation, and a place to work beside it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="flowxdp_plugins_")
        os.chmod(self.folder, 0o755)
        self.prefix = self.folder + "/usr"
        subprocess.run([CMAKE, "--install", BUILD, "--prefix", self.prefix], check=True, stdout=subprocess.DEVNULL)
        self.flowxdp = self.prefix + "/bin/flowxdp"
        # Who runs the tests with a compiler cache has most of a bundle in it: no name below the folder is new.
        self.environment = {**os.environ, "TMPDIR": self.folder}
        if os.environ.get("CCACHE_DIR") and shutil.which("ccache"):
            self.environment |= {"CXX": "ccache g++", "CLANG": "ccache clang", "CCACHE_NOHASHDIR": "1", "CCACHE_BASEDIR": self.folder}
        # A copy: nobody may not enter the tree when it is in a home.
        self.capture = self.folder + "/http.pcap"
        shutil.copyfile(os.path.join(os.path.dirname(__file__), "../../examples/http.pcap"), self.capture)
        os.chmod(self.capture, 0o644)

    def remove(self):
        shutil.rmtree(self.folder)

    def run(self, *words, code=0, cwd=None, user=None, **environment):
        done = subprocess.run([self.flowxdp, *words], cwd=cwd or self.folder, capture_output=True, text=True, user=user,
                              group=user, extra_groups=None if user is None else [], env={**self.environment, **environment})
        assert done.returncode == code, (words, done)
        return done

    def columns(self, *words, **more):
        return self.run("replay", "-q", self.capture, *words, **more).stdout.splitlines()[0].lstrip("%").split("\t")


class PluginBuild(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.there = Installation()
        cls.there.run("plugin", "new", "my")
        cls.there.run("plugin", "build", "my", "-o", "my_bundle")

    @classmethod
    def tearDownClass(cls):
        cls.there.remove()

    def setUp(self):
        self.work = f"{self.there.folder}/{self.id().rpartition('.')[2]}"
        os.mkdir(self.work)
        os.chmod(self.work, 0o755)

    def new(self, name, number=None):
        self.there.run("plugin", "new", name, cwd=self.work)
        folder = f"{self.work}/{name}"
        if number:
            self.replace(f"{folder}/{name}.cpp", ".number = 800", f".number = {number}")
        return folder

    def my(self):
        """The folder of a plugin `my`, whose bundle is built already."""
        shutil.copytree(self.there.folder + "/my", self.work + "/my")
        shutil.copytree(self.there.folder + "/my_bundle", self.work + "/bundle")
        return self.work + "/my"

    def build(self, *folders, output="bundle", code=0, **environment):
        return self.there.run("plugin", "build", *folders, "-o", output, cwd=self.work, code=code, **environment)

    def replace(self, path, old, new):
        with open(path) as file:
            text = file.read()
        self.assertIn(old, text)
        with open(path, "w") as file:
            file.write(text.replace(old, new))

    def test_what_new_writes_passes_its_test(self):
        done = subprocess.run([self.there.folder + "/my/test.sh", self.there.flowxdp, "native"], capture_output=True, text=True,
                              env=self.there.environment)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("passed with native", done.stdout)

    def test_its_test_fails_when_it_counts_something_else(self):
        folder = self.new("my")
        self.replace(folder + "/my.bpf.h", "->payload_len < ", "->payload_len > ")
        done = subprocess.run([folder + "/test.sh", self.there.flowxdp, "native"], capture_output=True, text=True,
                              env=self.there.environment)
        self.assertEqual(done.returncode, 1, done)

    def test_new_never_overwrites(self):
        folder = self.new("my_plugin")
        with open(folder + "/my_plugin.cpp", "w") as file:
            file.write("mine\n")
        refused = self.there.run("plugin", "new", "my_plugin", cwd=self.work, code=1)
        self.assertIn("my_plugin", refused.stderr)
        with open(folder + "/my_plugin.cpp") as file:
            self.assertEqual(file.read(), "mine\n")

    def test_a_name_that_none_can_be_is_refused(self):
        for name in ("", "../up", "Big", "1st", "a-b", "_"):
            self.assertIn("name", self.there.run("plugin", "new", name, cwd=self.work, code=1).stderr)
        self.assertEqual(os.listdir(self.work), [])

    def test_rows_have_its_columns_and_ipfix_its_element(self):
        self.my()
        bundle = self.work + "/bundle"
        before = self.there.columns()
        self.assertEqual(self.there.columns("--lib", bundle), before, "a plugin that is off changed the rows")
        self.assertEqual(self.there.columns("--lib", bundle, "--plugin", "my"), before + ["mySmall"])
        self.there.run("replay", "-q", self.there.capture, "--lib", bundle, "--plugin", "my", "--sink",
                       f"ipfix:file:{self.work}/flows.ipfix,pen={PEN}")
        with open(self.work + "/flows.ipfix", "rb") as file:
            # A field of a template (RFC 7011, 3.2): enterprise bit and number, length, enterprise.
            self.assertIn((0x8000 | 800).to_bytes(2, "big") + (4).to_bytes(2, "big") + PEN.to_bytes(4, "big"), file.read())

    def test_a_build_replaces_the_bundle_that_was_there_whole(self):
        self.my()
        later, first = self.new("later", 801), self.new("first", 790)
        # What lies beside a plugin's folder does not take the place of an installed half.
        os.mkdir(self.work + "/tcp_win")
        with open(self.work + "/tcp_win/tcp_win.bpf.h", "w") as file:
            file.write("#error not this one\n")
        # What the user says to the compiler reaches the user halves.
        self.replace(first + "/first.cpp", '.version = "0.1.0"', ".version = MY_VERSION")
        self.build(later, first, CXXFLAGS="-DMY_VERSION=\"7.7\" -O1")
        modules = os.listdir(self.work + "/bundle/plugins")
        self.assertIn("first.so", modules)
        self.assertNotIn("my.so", modules)
        self.assertEqual(sorted(os.listdir(self.work)), ["bundle", "first", "later", "my", "tcp_win"])
        self.assertIn("790 first 7.7", self.there.run("plugin", "list", "--lib", self.work + "/bundle").stdout)
        # Columns stand in the order of numbers.
        self.assertEqual(self.there.columns("--lib", self.work + "/bundle", "--plugin", "later", "--plugin", "first")[-2:],
                         ["firstSmall", "laterSmall"])

    def failed(self, *said, folder, **environment):
        """A build that fails says why and leaves the bundle of before."""
        done = self.build(folder, code=1, **environment)
        for words in said:
            self.assertIn(words, done.stderr)
        self.assertEqual([name for name in os.listdir(self.work) if ".new-" in name], [])
        self.assertIn("mySmall", self.there.columns("--lib", self.work + "/bundle", "--plugin", "my"))

    def test_a_build_that_fails_leaves_the_bundle(self):
        folder = self.my()
        with open(folder + "/my.cpp") as file:
            user_half = file.read()
        self.replace(folder + "/my.cpp", "small_ += small", "small_ += smal")
        self.failed("the user half of 'my'", folder + "/my.cpp", "smal;", folder=folder)
        with open(folder + "/my.cpp", "w") as file:
            file.write(user_half)
        self.replace(folder + "/my.bpf.h", "return PLUGIN_CONTINUE", "return step->nothing")
        self.failed(folder + "/my.bpf.h", "nothing", folder=folder)
        self.replace(folder + "/my.bpf.h", "return step->nothing", "return PLUGIN_CONTINUE")
        self.replace(folder + "/my.cpp", '.name = "my"', '.name = "your"')
        self.failed("'your'", "one word", folder=folder)
        os.rename(folder + "/my.bpf.h", folder + "/other.h")
        self.replace(folder + "/my.cpp", '.name = "your"', '.name = "my"')
        self.replace(folder + "/my.cpp", '"my.bpf.h"', '"other.h"')
        self.failed("kernel half that is not in the engine bundle", folder=folder)

    def test_an_interrupted_build_leaves_nothing_behind(self):
        folder = self.my()
        build = subprocess.Popen([self.there.flowxdp, "plugin", "build", folder, "-o", "bundle"], cwd=self.work,
                                 stderr=subprocess.PIPE, text=True)
        self.assertEqual(build.stderr.readline(), "my: user half\n")
        self.assertEqual(len([name for name in os.listdir(self.work) if ".new-" in name]), 1)
        build.send_signal(signal.SIGINT)
        build.communicate()
        self.assertEqual(build.returncode, -signal.SIGINT)
        self.assertEqual(sorted(os.listdir(self.work)), ["bundle", "my"])
        self.assertIn("mySmall", self.there.columns("--lib", self.work + "/bundle", "--plugin", "my"))

    def test_a_tool_that_is_missing_is_named_with_its_package(self):
        folder = self.new("my")
        self.assertIn("apt-get install clang", self.build(folder, code=1, PATH="/nonexistent", CLANG="").stderr)
        clang = shutil.which("clang")
        self.assertIn("apt-get install g++", self.build(folder, code=1, PATH="/nonexistent", CLANG=clang, CXX="").stderr)
        self.assertIn("/no/compiler", self.build(folder, code=1, CXX="/no/compiler -O2").stderr)

    def test_a_name_or_number_twice_is_refused(self):
        one, two = self.new("one"), self.new("two")
        said = self.build(one, two, code=1).stderr
        self.assertIn("number 800", said)
        self.assertIn("'one'", said)
        taken = self.new("tcp_win")
        self.assertIn("another plugin has this name", self.build(taken, code=1).stderr)
        outside = self.new("outside", 42)
        self.assertIn("from 100 to 899", self.build(outside, code=1).stderr)
        self.assertFalse(os.path.exists(self.work + "/bundle"))

    def test_sinks_in_the_bundles_folder_stay(self):
        folder = self.my()
        os.mkdir(self.work + "/bundle/sinks")
        with open(self.work + "/bundle/sinks/mine.so", "w") as file:
            file.write("mine\n")
        for code, wrong in ((1, "no C++"), (0, "")):
            with open(folder + "/my.bpf.h", "a") as file:
                file.write(wrong + "\n")
            self.build(folder, code=code)
            with open(self.work + "/bundle/sinks/mine.so") as file:
                self.assertEqual(file.read(), "mine\n")
            self.assertEqual(sorted(os.listdir(self.work)), ["bundle", "my"])
            self.replace(folder + "/my.bpf.h", "no C++\n", "") if wrong else None
        self.assertIn("mySmall", self.there.columns("--lib", self.work + "/bundle", "--plugin", "my"))

    def test_with_ccache_unchanged_kernel_halves_are_not_compiled_again(self):
        if not shutil.which("ccache"):
            self.skipTest("needs ccache")
        folder = self.new("cached")
        words = {"CXX": "ccache g++", "CLANG": "ccache clang", "CCACHE_DIR": self.work + "/cache", "CCACHE_NOHASHDIR": "1"}

        def compiled():
            said = subprocess.run(["ccache", "--print-stats"], env={**os.environ, **words}, capture_output=True, text=True, check=True)
            counts = dict(line.split("\t") for line in said.stdout.splitlines())
            return int(counts["cache_miss"]), int(counts["direct_cache_hit"]) + int(counts["preprocessed_cache_hit"])

        self.build(folder, **words)
        # The BPF object, and the engine's three files.
        self.assertEqual(compiled(), (4, 0))
        self.replace(folder + "/cached.cpp", '.version = "0.1.0"', '.version = "0.2.0"')
        self.build(folder, **words)
        self.assertEqual(compiled(), (4, 4))
        self.assertIn("800 cached 0.2.0, kernel half", self.there.run("plugin", "list", "--lib", self.work + "/bundle").stdout)
        self.replace(folder + "/cached.bpf.h", "->payload_len < ", "->payload_len > ")
        self.build(folder, **words)
        self.assertGreater(compiled()[0], 4)

    def test_a_folder_with_other_things_is_not_replaced(self):
        folder = self.new("my")
        os.mkdir(self.work + "/mine")
        with open(self.work + "/mine/text", "w"):
            pass
        self.assertIn("other things than a bundle", self.build(folder, output="mine", code=1).stderr)
        self.assertEqual(os.listdir(self.work + "/mine"), ["text"])
        self.assertIn("no folder", self.build(folder, output="mine/text", code=1).stderr)

    def test_what_is_no_plugins_folder_is_refused(self):
        self.assertIn("No such file", self.build("nothing", code=1).stderr)
        os.mkdir(self.work + "/empty")
        self.assertIn("empty.cpp", self.build("empty", code=1).stderr)

    def test_a_broken_module_is_named_and_left_out(self):
        self.my()
        broken = self.work + "/bundle/plugins/broken.so"
        with open(broken, "w") as file:
            file.write("no library\n")
        rows = ("replay", self.there.capture, "--lib", self.work + "/bundle", "--plugin", "my")
        done = self.there.run(*rows)
        self.assertEqual(done.stderr.count(broken), 1, done.stderr)
        self.assertIn("mySmall", done.stdout)
        self.assertIn(broken, self.there.run(*rows, "--plugin", "broken", code=1).stderr)
        listed = self.there.run("plugin", "list", "--lib", self.work + "/bundle").stdout
        self.assertIn(broken, listed)
        self.assertIn("800 my 0.1.0, kernel half", listed)
        (folder,) = json.loads(self.there.run("plugin", "list", "--json", "--lib", self.work + "/bundle").stdout)
        self.assertEqual([one["path"] for one in folder["left_out"]], [broken])
        self.assertIn({"name": "my", "number": 800, "version": "0.1.0", "kernel_half": True, "default": False,
                       "path": self.work + "/bundle/plugins/my.so"}, folder["plugins"])

    def test_the_users_folder_counts_for_replay_and_never_with_privileges(self):
        self.my()
        os.mkdir(self.work + "/data")
        os.rename(self.work + "/bundle", self.work + "/data/flowxdp")
        data = {"XDG_DATA_HOME": self.work + "/data"}
        if os.geteuid() == 0:
            refused = self.there.run("replay", "-q", self.there.capture, "--plugin", "my", code=2, **data)
            self.assertIn("there is no plugin 'my'", refused.stderr)
            self.assertNotIn(self.work, self.there.run("plugin", "list", **data).stdout)
        user = NOBODY if os.geteuid() == 0 else None
        self.assertIn("mySmall", self.there.columns("--plugin", "my", user=user, **data))
        self.assertIn("the user's; its bundle is used", self.there.run("plugin", "list", user=user, **data).stdout)
        # An old one there does not stop what the installation can do.
        with open(self.work + "/data/flowxdp/libflowxdp_bundle.so", "w") as file:
            file.write("old\n")
        done = self.there.run("replay", self.there.capture, user=user, **data)
        self.assertIn("libflowxdp_bundle.so", done.stderr)
        self.assertTrue(done.stdout.startswith("%dir"), done.stdout)

    def test_with_privileges_others_may_not_write_the_sources(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: only a program with rights is careful")
        folder = self.new("my")
        os.chmod(folder, 0o777)
        self.assertIn("others may write", self.build(folder, code=1).stderr)

    def test_without_the_headers_it_says_what_to_install(self):
        there = self.there.prefix + "/include"
        os.rename(there, there + ".away")
        try:
            self.assertRegex(self.build(self.new("my"), code=1).stderr, "include/flowxdp/plugin.hpp' is not installed.*dev")
        finally:
            os.rename(there + ".away", there)


def in_the_kernel():
    """What `plugin new` writes, in the BPF program."""
    if os.geteuid() != 0:
        print("SKIP: needs root for the BPF program")
        return 77
    there = Installation()
    try:
        there.run("plugin", "new", "my")
        done = subprocess.run([there.folder + "/my/test.sh", there.flowxdp, "bpf"], capture_output=True, text=True,
                              env=there.environment)
        print(done.stdout, done.stderr)
        if re.search("CAP_|not permitted", done.stderr):
            print("SKIP: this process may not load BPF programs")
            return 77
        assert done.returncode == 0 and "passed with bpf" in done.stdout, done
        return 0
    finally:
        there.remove()


if __name__ == "__main__":
    sys.exit(in_the_kernel()) if sys.argv[3:] == ["bpf"] else unittest.main(argv=sys.argv[:1])
