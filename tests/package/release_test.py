#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""scripts/release.sh in a git tree of this test's own: what it refuses; with Output, what it makes of the build tree under test.

FLOWXDP_RELEASE_TWICE=1 makes it twice and compares the bytes, which takes as long again."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from installation import SOURCE, arguments, need, run

VERSION = re.search(r"project\(flowxdp VERSION ([0-9.]+) ", (SOURCE / "CMakeLists.txt").read_text()).group(1)
CHANGELOG = f"# Changelog\n\n## [Unreleased]\n\n## [{VERSION}] - 2026-11-30\n\n### Added\n\n- Everything.\n"
ENVIRONMENT = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@flowxdp.invalid",
               "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@flowxdp.invalid", "GIT_COMMITTER_DATE": "2026-11-30T12:00:00Z"}


class Tree(unittest.TestCase):
    """What release.sh looks at, committed."""

    def setUp(self):
        need(self, "git")
        folder = tempfile.TemporaryDirectory(prefix="flowxdp_release_")
        self.addCleanup(folder.cleanup)
        self.at = pathlib.Path(folder.name, "tree")
        for name in ("CMakeLists.txt", "scripts/release.sh", "packaging/sbom.py", "LICENSE", ".gitignore"):
            (self.at / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / name, self.at / name)
        (self.at / "CHANGELOG.md").write_text(CHANGELOG)
        self.git("init", "-q")
        self.commit()

    def git(self, *words):
        return run("git", "-C", self.at, *words, env=ENVIRONMENT)

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-qm", "all")

    def release(self, *words):
        return subprocess.run([self.at / "scripts/release.sh", *map(str, words)], capture_output=True, text=True, env=ENVIRONMENT, timeout=600)

    def refused(self, why, *words):
        done = self.release(*words)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn(why, done.stderr)
        self.assertFalse((self.at / "build").exists(), "nothing was made")


class Refusals(Tree):
    def test_a_change_that_is_not_committed(self):
        (self.at / "LICENSE").write_text("mine")
        self.refused("not committed:  M LICENSE")

    def test_a_file_that_git_does_not_know(self):
        (self.at / "new.cpp").touch()
        self.refused("not committed: ?? new.cpp")

    def test_another_version_than_the_sources(self):
        self.refused(f"CMakeLists.txt says version {VERSION}, not 9.9.9", "9.9.9")

    def test_a_changelog_of_another_version(self):
        (self.at / "CHANGELOG.md").write_text(CHANGELOG.replace(f"[{VERSION}]", "[9.9.9]"))
        self.commit()
        self.refused(f"the newest version of CHANGELOG.md is 9.9.9, CMakeLists.txt says {VERSION}", VERSION)

    def test_a_changelog_without_this_version(self):
        (self.at / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n- Everything.\n")
        self.commit()
        self.refused("the newest version of CHANGELOG.md is missing")

    def test_lines_that_are_in_no_version(self):
        (self.at / "CHANGELOG.md").write_text(CHANGELOG.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- A fault.\n"))
        self.commit()
        self.refused("[Unreleased]")

    def test_a_folder_that_is_there(self):
        self.refused("is there already", "--into", self.at.parent)

    def test_a_build_tree_of_another_version(self):
        other = self.at.parent / "build"
        other.mkdir()
        (other / "CPackConfig.cmake").write_text('set(CPACK_PACKAGE_VERSION "9.9.9")\n')
        self.refused(f"is of version 9.9.9, not {VERSION}", "--tree", other)


class Output(Tree):
    """Files of a release, made of the build tree under test."""

    def make(self, name):
        into = self.at.parent / name
        done = self.release("--tree", arguments.build, "--into", into, VERSION)
        self.assertEqual(done.returncode, 0, done)
        return into

    def test_files_of_a_release(self):
        need(self, "dpkg-deb", "dpkg-shlibdeps", "file", "readelf")
        one = self.make("one")
        names = {path.name for path in one.iterdir()}
        debs = {path for path in one.glob("*.deb")}
        source, binary, bill = f"flowxdp-{VERSION}.tar.gz", f"flowxdp-{VERSION}-linux-{os.uname().machine}.tar.gz", f"flowxdp-{VERSION}.spdx.json"
        self.assertEqual(names, {source, binary, bill, "SHA256SUMS"} | {deb.name for deb in debs})
        self.assertTrue({"flowxdp", "flowxdp-dev", "flowxdp-dbgsym", "flowxdp-sink-kafka"} <= {deb.name.split("_")[0] for deb in debs}, debs)
        self.assertEqual({run("dpkg-deb", "-f", deb, "Version").strip() for deb in debs}, {VERSION + "-1"})
        # What the sums are of: all files, as they are.
        listed = dict(reversed(line.split("  ")) for line in (one / "SHA256SUMS").read_text().splitlines())
        self.assertEqual(listed, {name: hashlib.sha256((one / name).read_bytes()).hexdigest() for name in names - {"SHA256SUMS"}})
        # The source is the commit.
        inside = {name.removeprefix(f"flowxdp-{VERSION}/") for name in run("tar", "-tf", one / source).splitlines() if not name.endswith("/")}
        self.assertEqual(inside, set(self.git("ls-files").splitlines()))
        # The program in the archive runs and says its version.
        run("tar", "-xf", one / binary, "-C", self.at.parent)
        self.assertEqual(run(self.at.parent / binary.removesuffix(".tar.gz") / "bin/flowxdp", "version"), f"flowxdp {VERSION}\n")
        self.check_bill(json.loads((one / bill).read_text()), names - {bill, "SHA256SUMS"}, one)
        if os.environ.get("FLOWXDP_RELEASE_TWICE"):
            two = self.make("two")
            self.assertEqual((two / "SHA256SUMS").read_text(), (one / "SHA256SUMS").read_text(), "made twice: the same bytes")

    def check_bill(self, bill, files, folder):
        """SPDX 2.3: fields that must be there (clauses 6, 7, 11), and what they say against the binaries."""
        self.assertEqual((bill["spdxVersion"], bill["dataLicense"], bill["SPDXID"]), ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"))
        self.assertRegex(bill["documentNamespace"], r"^https?://[^#\s]+$")
        self.assertRegex(bill["creationInfo"]["created"], r"^2026-11-30T12:00:00Z$")
        for creator in bill["creationInfo"]["creators"]:
            self.assertRegex(creator, "^(Tool|Organization|Person): ")
        packages = {package["SPDXID"]: package for package in bill["packages"]}
        self.assertEqual(len(packages), len(bill["packages"]))
        for identifier, package in packages.items():
            self.assertRegex(identifier, r"^SPDXRef-[A-Za-z0-9.-]+$")
            for field in ("name", "downloadLocation", "licenseConcluded", "licenseDeclared", "copyrightText", "supplier"):
                self.assertTrue(package[field], (identifier, field))
            self.assertIs(package["filesAnalyzed"], False)
            for checksum in package.get("checksums", ()):
                self.assertRegex(checksum["checksumValue"], "^[0-9a-f]{64}$")
            for reference in package.get("externalRefs", ()):
                self.assertEqual((reference["referenceCategory"], reference["referenceType"]), ("PACKAGE-MANAGER", "purl"))
                self.assertRegex(reference["referenceLocator"], r"^pkg:deb/debian/[a-z0-9.+-]+(@[^?\s+:]+\?arch=[a-z0-9]+)?$")
        related = {(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in bill["relationships"]}
        for one, _, other in related:
            self.assertTrue({one, other} <= set(packages) | {"SPDXRef-DOCUMENT"}, (one, other))
        described = {packages[other]["packageFileName"] for _, kind, other in related if kind == "DESCRIBES"}
        self.assertEqual(described, files)
        # A Debian package depends on what it says, and what its binaries are linked with is among that.
        for identifier, package in packages.items():
            if package.get("packageFileName", "").endswith(".deb"):
                clauses = run("dpkg-deb", "-f", folder / package["packageFileName"], "Depends").strip().split(",")
                found = {packages[other]["name"] for one, kind, other in related if one == identifier and kind == "DEPENDS_ON"}
                depends = [{re.split(r"[ (]", one.strip())[0] for one in clause.split("|")} for clause in clauses]
                self.assertTrue(all(found & names for names in depends), (package["name"], found, depends))
                self.assertLessEqual(found, set().union(*depends), package["name"])
        (archive,) = [identifier for identifier, package in packages.items() if "linux" in package.get("packageFileName", "")]
        linked = {packages[other]["name"] for one, _, other in related if one == archive}
        self.assertTrue({"libc6", "libbpf1", "librdkafka1"} <= linked, linked)
        for package in packages.values():
            if package["supplier"] == "Organization: Debian" and "versionInfo" in package:
                self.assertEqual(package["versionInfo"], run("dpkg-query", "-W", "-f", "${Version}", package["name"]))


if __name__ == "__main__":
    unittest.main()
