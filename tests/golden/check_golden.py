#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Replays a golden case and compares what the sensor wrote with what the tutorials print.

    check_golden.py --flowxdp BIN --case DIR --work DIR [--geo FILE.mmdb] [--option=ARG ...]

Exit 0: every cell is right. 1: a cell differs, a row is missing, or the sensor failed; each is printed. 2: usage.
"""

import argparse
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import expected


class Table:
    """A tab-separated file whose first line is % and the column names."""

    def __init__(self, path):
        self.selected = {}
        with open(path, encoding="utf-8", newline="\n") as source:
            lines = source.read().split("\n")
        if lines and lines[-1] == "":
            lines.pop()
        if not lines or not lines[0].startswith("%"):
            raise ValueError(f"{path}: the first line is not a header that begins with %")
        self.columns = lines[0][1:].split("\t")
        self.rows = []
        for number, line in enumerate(lines[1:], 2):
            cells = line.split("\t")
            if len(cells) != len(self.columns):
                raise ValueError(f"{path}:{number}: {len(cells)} cells under {len(self.columns)} columns")
            self.rows.append(dict(zip(self.columns, cells)))

    def select(self, selector):
        """Rows that match; remembered, because a row has many cells."""
        key = tuple(selector.items())
        if key not in self.selected:
            self.selected[key] = self.search(selector)
        return self.selected[key]

    def search(self, selector):
        for key in selector:
            if key.rstrip("&") not in self.columns:
                raise ValueError(f"no column {key.rstrip('&')}")

        def chosen(row):
            for key, value in selector.items():
                if key.endswith("&"):
                    if not int(row[key[:-1]], 0) & int(value, 0):
                        return False
                elif row[key] != value:
                    return False
            return True

        return [row for row in self.rows if chosen(row)]


def read_conf(path):
    settings = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            name, found, value = line.partition("=")
            if not found:
                raise ValueError(f"{path}:{number}: not name = value")
            settings[name.strip()] = value.strip()
    return settings


def squeeze(line, digits=None):
    """One space between words, none before a colon; fractions cut when the tutorial has fewer digits."""
    line = " ".join(line.split()).replace(" :", ":")
    return expected.truncate_fraction(line, digits) if digits else line


class Checker:
    def __init__(self, tables, report, geo):
        self.tables, self.report, self.geo = tables, report.splitlines(), geo
        self.checked, self.skipped, self.failures = 0, 0, []

    def run(self, checks):
        for check in checks:
            try:
                self.one(check)
            except ValueError as error:
                self.fail(check, str(error))

    def fail(self, check, text):
        self.failures.append(f"line {check.line}: {text}")

    def one(self, check):
        if isinstance(check, expected.ReportLine):
            return self.report_line(check)
        table = self.tables[check.file]
        where = " ".join([check.file] + [f"{key.rstrip('&')}{'&' if key.endswith('&') else '='}{value}"
                                          for key, value in check.selector.items()])
        rows = table.select(check.selector)
        if isinstance(check, expected.Count):
            self.checked += 1
            if len(rows) != check.rows:
                self.fail(check, f"{where}: expected {check.rows} rows, found {len(rows)}")
            return None
        if check.column not in table.columns:
            raise ValueError(f"{where}: no column {check.column}")
        if isinstance(check, expected.Sum):
            self.checked += 1
            total = sum(int(row[check.column]) for row in rows)
            if total != check.total:
                self.fail(check, f"{where}: expected a sum of {check.column} of {check.total}, found {total}")
            return None
        if len(rows) != 1:
            raise ValueError(f"{where}: expected one row, found {len(rows)} (for {check.column})")
        wanted = check.wanted
        found = rows[0][check.column]
        if "geo" in check.notes or check.printed in GEO_CELLS:
            if not self.geo:
                self.skipped += 1
                return None
            wanted = check.notes.get("geo", GEO_CELLS.get(check.printed, wanted))
        if "digits" in check.notes:
            found = expected.truncate_fraction(found, int(check.notes["digits"]))
        self.checked += 1
        if found != wanted:
            self.fail(check, f"{where}: {check.column}: expected {wanted!r}, found {rows[0][check.column]!r}")
        return None

    def report_line(self, check):
        digits = int(check.notes["digits"]) if "digits" in check.notes else None
        accepted = [squeeze(check.text, digits)]
        if "or" in check.notes:
            accepted.append(squeeze(check.notes["or"], digits))
        self.checked += 1
        lines = [squeeze(line, digits) for line in self.report]
        if any(line in lines for line in accepted):
            return
        label = accepted[0].partition(":")[0].partition("=")[0]
        similar = [line for line in lines if line.startswith(label)]
        self.fail(check, f"report: expected {accepted[0]!r}, found {similar[0] if similar else 'no such line'!r}")


# What the packet tables print of an address in the range files, and what the test database says.
GEO_CELLS = {"us": "us", "Dell Technologies": "Dell, Inc."}


def sensor_environment(work, geo):
    """The sensor must not find a geo database of the user who runs the test."""
    environment = dict(os.environ, HOME=str(work), XDG_DATA_HOME=str(work / "no-data"), XDG_CONFIG_HOME=str(work / "no-config"),
                       TZ="UTC", LC_ALL="C")
    environment.pop("FLOWXDP_GEO", None)
    if geo:
        environment["FLOWXDP_GEO"] = str(geo)
    return environment


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--flowxdp", required=True, type=pathlib.Path)
    options.add_argument("--case", required=True, type=pathlib.Path)
    options.add_argument("--work", required=True, type=pathlib.Path)
    options.add_argument("--geo", type=pathlib.Path)
    options.add_argument("--option", action="append", default=[], help="one more argument for replay, e.g. --option=--engine=bpf")
    options = options.parse_args()

    golden = pathlib.Path(__file__).resolve().parent
    conf = read_conf(options.case / "case.conf")
    checks = expected.read_expected(options.case / "expected.tsv")
    work = options.work.resolve()
    shutil.rmtree(work / "out", ignore_errors=True)
    (work / "out").mkdir(parents=True)

    capture = work / f"{conf['capture']}.pcap"
    subprocess.run([sys.executable, "-B", golden / "captures" / f"{conf['capture']}.py", capture], check=True)

    prefix = work / "out" / conf["capture"]
    command = [str(options.flowxdp.resolve()), "replay", str(capture), "-w", str(prefix),
               *shlex.split(conf.get("options", "")), *options.option]
    print("$", shlex.join(command))
    geo = options.geo.resolve() if options.geo else None
    try:
        run = subprocess.run(command, cwd=work, env=sensor_environment(work, geo), capture_output=True, text=True,
                             encoding="utf-8", errors="replace", check=False)
    except OSError as error:
        print(f"FAIL: cannot run {options.flowxdp}: {error.strerror}")
        return 1
    (work / "out" / "report.txt").write_text(run.stdout, encoding="utf-8")
    (work / "out" / "errors.txt").write_text(run.stderr, encoding="utf-8")
    if run.returncode:
        print(run.stdout[-4000:], run.stderr[-4000:], sep="\n")
        print(f"FAIL: replay ended with {run.returncode}")
        return 1

    tables = {}
    for name in sorted({check.file for check in checks if hasattr(check, "file")}):
        try:
            tables[name] = Table(pathlib.Path(f"{prefix}_{name}.txt"))
        except (OSError, ValueError) as error:
            print(f"FAIL: {error}")
            return 1
    checker = Checker(tables, run.stdout, geo)
    checker.run(checks)
    for failure in checker.failures:
        print(f"{options.case.name}/expected.tsv: {failure}")
    for check in checks:
        if isinstance(check, expected.Cell) and "reason" in check.notes:
            print(f"exception: {check.column} {check.wanted}, printed {check.printed}: {check.notes['reason']}")
    if checker.skipped:
        print(f"{checker.skipped} country and organisation cells not compared: no --geo database")
    print(f"{'FAIL' if checker.failures else 'ok'}: {checker.checked} checks, {len(checker.failures)} differ")
    return 1 if checker.failures else 0


if __name__ == "__main__":
    sys.exit(main())
