# SPDX-License-Identifier: BSD-2-Clause
"""Reads expected.tsv (the format is in tests/golden/README.md)."""

import dataclasses
import re


@dataclasses.dataclass
class Cell:
    file: str        # flows or packets
    selector: dict   # column -> cell text that the row must have
    column: str
    printed: str     # what the tutorial prints
    wanted: str      # what is asserted; differs from printed only by an @except
    notes: dict      # digits=6, geo=..., and reason= of an exception
    line: int


@dataclasses.dataclass
class Count:
    file: str
    selector: dict
    rows: int
    line: int


@dataclasses.dataclass
class Sum:
    file: str
    selector: dict
    column: str
    total: int
    line: int


@dataclasses.dataclass
class ReportLine:
    text: str
    notes: dict
    line: int


def parse_notes(text):
    notes = {}
    for note in filter(None, text.split(" | ")):
        name, _, value = note.partition("=")
        notes[name.strip()] = value
    return notes


def parse_selector(words):
    selector = {}
    for word in words:
        for operator in ("&", "="):
            column, found, value = word.partition(operator)
            if found and re.fullmatch(r"\w+", column):
                selector[column + ("&" if operator == "&" else "")] = value
                break
        else:
            raise ValueError(f"not a column=value pair: {word}")
    return selector


def truncate_fraction(text, digits):
    """Cuts decimal fractions to so many digits; integers and shorter fractions stay."""
    return re.sub(r"(\d+\.\d{%d})\d+" % digits, r"\1", text)


def read_expected(path):
    checks, exceptions = [], {}
    mode, file, selector, notes, columns = None, "", {}, {}, []
    with open(path, encoding="utf-8", newline="\n") as source:
        for number, raw in enumerate(source, 1):
            line = raw.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            if line.startswith("@"):
                mode, _, rest = line[1:].partition(" ")
                fields = rest.split("\t")
                words = fields[0].split()
                if mode == "row":
                    file, selector = words[0], parse_selector(words[1:])
                elif mode == "table":
                    file, columns = words[0], []
                    notes = parse_notes(fields[1]) if len(fields) > 1 else {}
                elif mode == "count":
                    checks.append(Count(words[0], parse_selector(words[1:]), int(fields[1]), number))
                elif mode == "sum":
                    checks.append(Sum(words[0], parse_selector(words[1:]), fields[1], int(fields[2]), number))
                elif mode == "except":
                    key = (words[0], tuple(sorted(parse_selector(words[1:]).items())), fields[1])
                    exceptions[key] = (fields[2], fields[3])
                elif mode != "report":
                    raise ValueError(f"{path}:{number}: unknown directive @{mode}")
                continue
            fields = line.split("\t")
            if mode == "row":
                checks.append(Cell(file, dict(selector), fields[0], fields[1], fields[1],
                                   parse_notes(fields[2]) if len(fields) > 2 else {}, number))
            elif mode == "table":
                if not columns:
                    columns = fields
                    continue
                if len(fields) != len(columns):
                    raise ValueError(f"{path}:{number}: {len(fields)} cells under {len(columns)} columns")
                for column, cell in zip(columns[1:], fields[1:]):
                    checks.append(Cell(file, {columns[0]: fields[0]}, column, cell, cell, dict(notes), number))
            elif mode == "report":
                checks.append(ReportLine(fields[0], parse_notes(fields[1]) if len(fields) > 1 else {}, number))
            else:
                raise ValueError(f"{path}:{number}: no @row, @table or @report before this line")
    for check in checks:
        if isinstance(check, Cell):
            found = exceptions.pop((check.file, tuple(sorted(check.selector.items())), check.column), None)
            if found:
                check.wanted, check.notes["reason"] = found
    if exceptions:
        raise ValueError(f"{path}: exception for a cell that is not there: {sorted(exceptions)}")
    return checks
