#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What cpack makes: names, contents and dependencies of the packages, and the program that was unpacked from them.

scripts/prove_packages.sh installs, upgrades and purges them.
"""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from installation import SOURCE, Installation, arguments, need, run

EXAMPLE = SOURCE / "examples/http.pcap"
VERSION = re.search(r"project\(flowxdp VERSION ([0-9.]+) ", (SOURCE / "CMakeLists.txt").read_text()).group(1)


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def needed(path):
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", path)))


def build_id(path):
    return re.search(r"Build ID: ([0-9a-f]+)", run("readelf", "-n", path)).group(1)


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("dpkg-deb") or not shutil.which("dpkg-shlibdeps") or not shutil.which("file"):
            raise unittest.SkipTest("SKIP: no dpkg-deb, dpkg-shlibdeps (dpkg-dev) or file")
        cls.folder = tempfile.TemporaryDirectory(prefix="flowxdp_packages_")
        cls.at = pathlib.Path(cls.folder.name)
        cpack = pathlib.Path(arguments.cmake).with_name("cpack")
        for kind in ("DEB", "TGZ"):
            run(cpack, "-G", kind, "-B", cls.at / kind, "--config", arguments.build / "CPackConfig.cmake")
        cls.debs = {deb.name.split("_")[0]: deb for deb in (cls.at / "DEB").glob("*.deb")}
        for name, deb in cls.debs.items():
            run("dpkg-deb", "-x", deb, cls.at / name)
        run("tar", "-xf", *(cls.at / "TGZ").glob("*.tar.gz"), "-C", cls.at / "TGZ")
        (cls.archive,) = [path for path in (cls.at / "TGZ").iterdir() if path.is_dir() and not path.name.startswith("_")]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def field(self, name, field):
        return run("dpkg-deb", "-f", self.debs[name], field).strip()

    def files(self, name):
        """Of a package: paths below its root."""
        return {path.relative_to(self.at / name) for path in (self.at / name).rglob("*") if not path.is_dir()}

    def binaries(self, name="flowxdp"):
        return [self.at / name / path for path in sorted(self.files(name)) if is_elf(self.at / name / path) and path.suffix != ".o"]

    def test_names_and_versions(self):
        self.assertTrue({"flowxdp", "flowxdp-dev", "flowxdp-dbgsym"} <= set(self.debs), self.debs)
        for name in self.debs:
            self.assertEqual(self.field(name, "Package"), name)
            self.assertEqual(self.field(name, "Version"), VERSION + "-1")
            if name != "flowxdp":
                self.assertIn(f"flowxdp (= {VERSION}-1)", self.field(name, "Depends"))

    def test_each_installed_file_is_in_one_package(self):
        there = Installation()
        self.addCleanup(there.folder.cleanup)
        installed = {path.relative_to(there.folder.name) for path in there.prefix.rglob("*") if not path.is_dir()}
        packed = [path for name in self.debs for path in self.files(name)]
        self.assertEqual(len(packed), len(set(packed)))
        # Debian has them as copyright, and as changelog.Debian.gz.
        self.assertEqual(installed - set(packed), {pathlib.Path("usr/share/doc/flowxdp", name) for name in ("LICENSE", "CHANGELOG.md")})
        self.assertEqual({path.relative_to("usr") for path in installed},
                         {path.relative_to(self.archive) for path in self.archive.rglob("*") if not path.is_dir()})

    def test_owners_and_modes(self):
        for deb in self.debs.values():
            for line in run("dpkg-deb", "-c", deb).splitlines():
                mode, owner = line.split()[:2]
                self.assertEqual(owner, "root/root", line)
                self.assertIn(mode, ("drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x"), line)

    def test_files_of_etc_are_conffiles(self):
        listed = run("dpkg-deb", "-I", self.debs["flowxdp"], "conffiles").split()
        self.assertEqual(sorted(listed), sorted("/" + str(path) for path in self.files("flowxdp") if path.parts[0] == "etc"))
        self.assertEqual(len(listed), 2)

    def test_libraries_are_dependencies(self):
        depends = {re.split(r"[ (:|]", one.strip())[0] for one in self.field("flowxdp", "Depends").split(",")}
        for binary in self.binaries():
            paths = re.findall(r"=> (/\S+)", run("ldd", binary))
            direct = [path for path in paths if pathlib.Path(path).name in needed(binary)]
            self.assertTrue(direct, binary)
            for path in direct:
                # /lib is /usr/lib, and dpkg knows one of the names.
                found = [done.stdout for name in {path, path.removeprefix("/usr"), "/usr" + path}
                         if not (done := subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)).returncode]
                self.assertIn(found[0].split(":")[0], depends, f"{binary} needs {path}")

    def test_a_module_with_a_library_of_its_own_has_a_package_of_its_own(self):
        program = needed(self.at / "flowxdp/usr/bin/flowxdp")
        for binary in self.binaries():
            self.assertLessEqual(needed(binary), program, f"{binary}: PACKAGE of its CMakeLists makes it an optional one")

    def test_symbols_are_in_a_package_of_their_own(self):
        symbols = {path.parent.name + path.stem for path in self.files("flowxdp-dbgsym") if path.suffix == ".debug"}
        self.assertEqual(symbols, {build_id(binary) for name in self.debs if name != "flowxdp-dbgsym" for binary in self.binaries(name)})
        for binary in self.binaries():
            self.assertNotIn(".symtab", run("readelf", "-SW", binary), binary)
        # Its symbols are its programs and maps.
        bpf = "lib/flowxdp/flowxdp.bpf.o"
        self.assertEqual((self.at / "flowxdp/usr" / bpf).read_bytes(), (arguments.build / bpf).read_bytes())

    def test_the_unpacked_program_writes_the_rows_of_the_build(self):
        built = arguments.build / "bin/flowxdp"
        for program in (self.at / "flowxdp/usr/bin/flowxdp", self.archive / "bin/flowxdp"):
            self.assertEqual(run(program, "version"), f"flowxdp {VERSION}\n")
            self.assertEqual(run(program, "help"), run(built, "help"))
            for words in ((), ("--sink", "json:-"), ("--plugins", "basic_flow,basic_stats,tcp_flags,tcp_states")):
                rows = run(built, "replay", "-q", EXAMPLE, *words)
                self.assertGreater(len(rows.splitlines()), 4)
                self.assertEqual(run(program, "replay", "-q", EXAMPLE, *words), rows)

    def test_the_example_is_a_configuration_with_every_option(self):
        example = self.at / "flowxdp/etc/flowxdp/example.toml"
        program = self.at / "flowxdp/usr/bin/flowxdp"
        self.assertIn("fit for attach", run(program, "config", "check", example))
        keys = set(re.findall(r"(?m)^#?([a-z-]+) = ", example.read_text()))
        options = set(re.findall(r"(?m)^  (?:-\w, )?--([a-z-]+)", run(program, "help", "attach")))
        self.assertEqual(keys, options - {"config", "dry-run", "help"} | {"interfaces"})

    def test_the_unit_is_whole_and_confined(self):
        need(self, "systemd-analyze")
        unit = (self.at / "flowxdp/usr/lib/systemd/system/flowxdp@.service").read_text()
        self.assertIn("Type=notify", unit)
        self.assertIn("ExecStart=/usr/bin/flowxdp attach --config %i\n", unit)
        # An instance, with the program where it was unpacked.
        instance = self.at / "flowxdp@edge.service"
        instance.write_text(unit.replace("/usr/bin/flowxdp", str(self.at / "flowxdp/usr/bin/flowxdp")))
        self.assertEqual(run("sh", "-c", 'systemd-analyze verify --man=no --recursive-errors=one "$1" 2>&1', "sh", instance), "")
        # In tenths. docs/install.md says what keeps it from being lower.
        run("systemd-analyze", "security", "--offline=true", "--threshold=22", "--no-pager", instance)

    def test_the_user_is_made_by_sysusers(self):
        need(self, "systemd-sysusers")
        root = self.at / "sysusers"
        (root / "etc").mkdir(parents=True)
        run("systemd-sysusers", "--root", root, self.at / "flowxdp/usr/lib/sysusers.d/flowxdp.conf")
        self.assertRegex((root / "etc/passwd").read_text(), r"(?m)^flowxdp:[^:]*:\d{1,3}:\d{1,3}:[^:]*:/:/usr/sbin/nologin$")

    def test_scripts_are_clean(self):
        for script in ("postinst", "prerm", "postrm"):
            text = run("dpkg-deb", "-I", self.debs["flowxdp"], script)
            file = self.at / script
            file.write_text(text)
            run("sh", "-n", file)
            if shutil.which("shellcheck"):
                run("shellcheck", file)

    def test_lintian_finds_no_error(self):
        need(self, "lintian")
        done = subprocess.run(["lintian", "--tag-display-limit", "0", "--fail-on", "none", *map(str, self.debs.values())], capture_output=True, text=True)
        self.assertEqual([line for line in done.stdout.splitlines() if line.startswith("E:")], [])


if __name__ == "__main__":
    unittest.main()
