#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""docs_tables.py --flowxdp PROGRAM [--check]: the tables of README.md and docs/*.md that the program itself can fill, and
deploy/clickhouse/tables.sql, which it writes whole.

A table stands between two lines,

    <!-- generated: NAME [ARGUMENTS] -->
    <!-- end of generated -->

and everything between them is replaced. NAME is a function of this script with @table before it. --check changes nothing:
it shows what is stale and exits with 1. A new column, option, plugin, sink or counter needs no edit in docs/ but a run of this.
"""
import argparse
import difflib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1]
REGION = re.compile(r"(<!-- generated: ([^\n]+?) -->\n).*?(<!-- end of generated -->)", re.DOTALL)
RUN_GROUPS = ("Output", "Plugins", "Flows", "Packets", "Report", "Configuration")  # of replay, attach and detach --export alike
TABLES = {}


def table(function):
    TABLES[function.__name__] = function
    return function


class Program:
    def __init__(self, path):
        self.path = path

    def say(self, *words):
        return subprocess.run([self.path, *words], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout

    def json(self, *words):
        return json.loads(self.say(*words, "--json"))


def rows(head, lines):
    """A table of Markdown. A cell with a | in it keeps it."""
    def line(cells):
        return "| " + " | ".join(str(cell).replace("|", r"\|") for cell in cells) + " |\n"
    return line(head) + "|---" * len(head) + "|\n" + "".join(map(line, lines))


def code(text):
    return f"`{text}`" if text else ""


def link(page, text, target):
    """A link from a page to a file of the tree."""
    return f"[{text}]({os.path.relpath(SOURCE / target, page.parent)})"


def help_entries(text):
    """{group: [(what stands on the left, what it does)]} of a --help: the left begins at column 2, the text at 26."""
    groups, group = {}, None
    for line in text.splitlines():
        if re.match(r"^\S.*:$", line):
            group = groups.setdefault(line[:-1], [])
        elif not line or group is None:
            group = None if line and not line.startswith(" ") else group
        elif line.startswith(" " * 26):
            left, does = group[-1]
            group[-1] = left, (does + " " + line.strip()).strip()
        elif line.startswith("  "):
            left, _, does = line[2:].partition("  ") if len(line) > 26 and line[24:26] == "  " else (line[2:], "", "")
            group.append((left.strip(), does.strip()))
    return groups


@table
def commands(program, page):
    return rows(("command", "does"), [(code(name), does) for name, does in help_entries(program.say("--help"))["Commands"]])


@table
def options(program, page, *words):
    """options COMMAND [GROUP...]: its options; without groups those that are its own."""
    at = next((i for i, word in enumerate(words) if word.istitle()), len(words))
    command, wanted = words[:at], words[at:]
    own = help_entries(program.say("help", *command))
    own.pop("Examples", None)
    entries = [entry for group, members in own.items() if group in wanted or not wanted and group not in RUN_GROUPS
               for entry in members if not entry[0].startswith("-h")]
    keys = config_keys(program, command)
    if not keys:
        return rows(("option", "meaning"), [(code(left), does) for left, does in entries])
    return rows(("option", "in a file", "meaning"),
                [(code(left), code(next((key for key in keys if re.search(rf"--{key}( |$)", left)), "")), does) for left, does in entries])


def config_keys(program, command):
    """The keys of a configuration file for replay or attach; none for other commands."""
    if command not in (("replay",), ("attach",)):
        return []
    return re.findall(r"(?m)^#([a-z-]+) = ", program.say("config", "dump", "--command", *command))


@table
def plugins(program, page):
    return rows(("plugin", "number", "default", "columns of"),
                [(link(page, p["name"], f"plugins/{p['name']}/README.md"), p["number"], "on" if p["default"] else "off", p["help"])
                 for p in program.json("plugins")])


@table
def sinks(program, page):
    return rows(("sink", "writes"), [(link(page, s["name"], f"sinks/{s['name']}/README.md"), s["help"]) for s in program.json("sinks")])


@table
def sink_targets(program, page):
    return rows(("sink", "target"), [(code(s["name"]), s["target"]) for s in program.json("sinks")])


@table
def plugin_options(program, page):
    return rows(("plugin", "option", "default", "meaning"),
                [(code(p["name"]), code(o["name"]), o["default"], o["help"]) for p in program.json("plugins") for o in p["options"]])


@table
def sink_options(program, page):
    return rows(("sink", "option", "default", "meaning"),
                [(code(s["name"]), code(o["name"]), o["default"], o["help"]) for s in program.json("sinks") for o in s["options"]])


def column_rows(columns):
    return rows(("column", "type", "meaning"),
                [(code(c["name"]), c["type"] + (", may be empty" if c["optional"] else ""),
                  c["help"] + (f"; [bits](bits.md#{c['name'].lower()})" if c["bits"] else "")) for c in columns])


@table
def flow_columns(program, page):
    return "".join(f"\n### {p['name']}\n\n{column_rows(p['columns'])}" for p in program.json("plugins") if p["columns"]) + "\n"


@table
def packet_columns(program, page):
    return "".join(f"\n### {p['name']}, packets\n\n{column_rows(p['packet_columns'])}"
                   for p in program.json("plugins") if p["packet_columns"]) + "\n"


@table
def bits(program, page):
    text = ""
    for plugin in program.json("plugins"):
        for column in plugin["columns"]:
            if column["bits"]:
                text += f"\n## {column['name']}\n\nOf `{plugin['name']}`. {column['help']}.\n\n" + rows(
                    ("bit", "mask", "meaning"),
                    [(int(bit["mask"], 16).bit_length() - 1, code(bit["mask"]), bit["text"]) for bit in column["bits"]])
    return text + "\n"


@table
def counters(program, page):
    """Names and texts of counters.h; docs/troubleshooting.md has what to do."""
    text = (SOURCE / "bpf/flowxdp/counters.h").read_text()
    found = re.findall(r'X\(\w+, "(\w+)", "([^"]+)"\)', text)
    names = [name for name, _ in found]
    assert names == list(dict.fromkeys(names)) and len(names) > 20, names
    return rows(("counter", "counts"), [(code(name), help_text) for name, help_text in found])


def filled(program, page):
    def fill(match):
        name, *words = match.group(2).split()
        if name not in TABLES:
            sys.exit(f"{page}: there is no table '{name}'; there are: {', '.join(sorted(TABLES))}")
        return match.group(1) + TABLES[name](program, page, *words) + match.group(3)
    return REGION.sub(fill, page.read_text())


def clickhouse_tables(program):
    """The statements of the clickhouse sink for the default plugins. No server is asked: the rows are given up."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "tables.sql"
        subprocess.run([program.path, "replay", SOURCE / "examples/dns.pcap", "-q", "-s", "--sink",
                        f"clickhouse:http://127.0.0.1:9,drain=0,sql={file}"], capture_output=True, stdin=subprocess.DEVNULL)
        return file.read_text()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flowxdp", required=True, type=pathlib.Path, help="the program, e.g. build/release/bin/flowxdp")
    parser.add_argument("--check", action="store_true", help="change nothing, say what is stale")
    arguments = parser.parse_args()
    program = Program(arguments.flowxdp.resolve())
    stale = tables = 0
    pages = [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md"))]
    made = {page: filled(program, page) for page in pages}
    made[SOURCE / "deploy/clickhouse/tables.sql"] = clickhouse_tables(program)
    for page, new in made.items():
        old = page.read_text()
        tables += len(REGION.findall(new))
        if old == new:
            continue
        stale += 1
        if arguments.check:
            sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), str(page), "what the program says"))
        else:
            page.write_text(new)
            print("written:", page.relative_to(SOURCE))
    if arguments.check:
        print(f"{tables} generated tables, {stale} stale pages; scripts/docs_tables.py --flowxdp PROGRAM writes them anew")
    return 1 if arguments.check and (stale or not tables) else 0


if __name__ == "__main__":
    sys.exit(main())
