#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""sbom.py --version VERSION --commit COMMIT FILE...: what the files of a release are and what they need, as SPDX 2.3 in JSON.

A package for each file. It depends on the Debian packages that hold the libraries its binaries are linked with, in the versions of this
machine, where it was built, and, a Debian package, on what its Depends names, with a version where it is installed here. The time is
SOURCE_DATE_EPOCH.
"""
import argparse
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

LICENSE = "BSD-2-Clause AND (GPL-2.0-only OR BSD-2-Clause)"
NONE = "NOASSERTION"


def say(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def identifier(name):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def needed(path):
    """Names of the libraries that a binary is linked with."""
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", say("readelf", "-dW", path)))


class Libraries:
    """Which Debian package of this machine has a library."""

    def __init__(self):
        self.paths = dict(re.findall(r"(?m)^\s+(\S+) \(libc6,x86-64.*\) => (\S+)$", say("/sbin/ldconfig", "-p")))
        self.packages = {}

    def package(self, library):
        if library not in self.packages:
            path = self.paths.get(library)
            if not path:
                raise SystemExit(f"sbom.py: the loader knows no {library}")
            for name in (path, os.path.realpath(path), path.removeprefix("/usr"), "/usr" + path):
                found = subprocess.run(("dpkg-query", "-S", name), capture_output=True, text=True)
                if found.returncode == 0:
                    self.packages[library] = found.stdout.split(": ")[0].split(",")[0]
                    break
            else:
                raise SystemExit(f"sbom.py: {path} is of no Debian package")
        return self.packages[library]


def debian_package(name):
    """NAME or NAME:ARCHITECTURE."""
    package = {"name": name.split(":")[0], "supplier": "Organization: Debian", "downloadLocation": NONE, "filesAnalyzed": False,
               "licenseConcluded": NONE, "licenseDeclared": NONE, "copyrightText": NONE}
    package["SPDXID"] = identifier("debian-" + package["name"])
    url = f"pkg:deb/debian/{package['name']}"
    if installed(name):
        version, architecture, source = say("dpkg-query", "-W", "-f", "${Version}\t${Architecture}\t${source:Package}", name).split("\t")
        package |= {"versionInfo": version, "sourceInfo": f"Debian source package {source}"}
        url += f"@{version.replace(':', '%3A').replace('+', '%2B').replace('~', '%7E')}?arch={architecture}"
    package["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": url}]
    return package


def installed(name):
    found = subprocess.run(("dpkg-query", "-W", "-f", "${db:Status-Status}", name), capture_output=True, text=True)
    return found.returncode == 0 and found.stdout == "installed"


class Document:
    def __init__(self, version, commit):
        self.version, self.commit = version, commit
        self.libraries = Libraries()
        self.packages, self.relations = {}, set()
        self.own = set()  # (identifier, name of another package of the release)

    def relate(self, one, kind, other):
        self.relations.add((one, kind, other))

    def add_file(self, path):
        package = {"name": path.name, "SPDXID": identifier(path.name), "versionInfo": self.version, "packageFileName": path.name,
                   "supplier": "Organization: flowxdp", "downloadLocation": NONE, "filesAnalyzed": False, "licenseConcluded": LICENSE,
                   "licenseDeclared": LICENSE, "copyrightText": "Copyright (c) 2026, the flowxdp authors",
                   "checksums": [{"algorithm": "SHA256", "checksumValue": hashlib.sha256(path.read_bytes()).hexdigest()}]}
        self.packages[package["SPDXID"]] = package
        self.relate("SPDXRef-DOCUMENT", "DESCRIBES", package["SPDXID"])
        with tempfile.TemporaryDirectory() as folder:
            if path.suffix == ".deb":
                package["name"], package["versionInfo"] = say("dpkg-deb", "-f", path, "Package").strip(), say("dpkg-deb", "-f", path, "Version").strip()
                say("dpkg-deb", "-x", path, folder)
                self.add_depends(package["SPDXID"], say("dpkg-deb", "-f", path, "Depends"))
            elif "linux" in path.name:
                say("tar", "-xf", path, "-C", folder)
            else:
                package["name"], package["primaryPackagePurpose"] = "flowxdp", "SOURCE"
                package["sourceInfo"] = f"git commit {self.commit}"
                return
            self.add_libraries(package["SPDXID"], pathlib.Path(folder))

    def add_depends(self, owner, depends):
        for clause in depends.split(","):
            names = [re.split(r"[ (]", one.strip())[0] for one in clause.split("|")]
            name = next((name for name in names if installed(name)), names[0])
            if name.startswith("flowxdp"):
                self.own.add((owner, name))
            elif name:
                self.depend(owner, debian_package(name))

    def depend(self, owner, package):
        self.packages[package["SPDXID"]] = package
        self.relate(owner, "DEPENDS_ON", package["SPDXID"])

    def add_libraries(self, owner, folder):
        binaries = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and path.suffix not in (".o", ".debug") and is_elf(path)]
        own = {path.name for path in binaries}
        for library in set().union(*(needed(path) for path in binaries)) - own:
            self.depend(owner, debian_package(self.libraries.package(library)))

    def json(self):
        names = {package["name"]: key for key, package in self.packages.items() if package.get("packageFileName", "").endswith(".deb")}
        for owner, name in self.own:
            self.relate(owner, "DEPENDS_ON", names[name])
        made = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
        return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"flowxdp-{self.version}",
                "documentNamespace": f"https://flowxdp.invalid/spdx/{self.version}/{self.commit}",
                "creationInfo": {"created": made.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: packaging/sbom.py"]},
                "packages": [self.packages[key] for key in sorted(self.packages)],
                "relationships": [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
                                  for one, kind, other in sorted(self.relations)]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    document = Document(arguments.version, arguments.commit)
    for path in sorted(arguments.files):
        document.add_file(path)
    json.dump(document.json(), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
