#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What README.md and docs/*.md promise beside their commands.

README.md is one screen. Links lead to files and headings. Each counter that a report may have, and each condition of fxStat, has
a row in docs/troubleshooting.md, and each row there is a counter, a condition, or a message whose fixed parts stand in the sources. No page names a text that is not in the tree.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

from pages import pages, prose

HERE = pathlib.Path(__file__).resolve()
SOURCES = ("userspace", "sinks", "plugins", "bpf")


class Checks:
    def __init__(self, source, program):
        self.source, self.program = source, program
        self.failed = self.made = 0

    def expect(self, holds, what):
        self.made += 1
        if not holds:
            self.failed += 1
            print("FAILED:", what)

    def say(self, *words):
        return subprocess.run([self.program, *words], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout

    def text(self, name):
        return (self.source / name).read_text()


def headings(text):
    """Anchors of the headings, as GitHub makes them."""
    found = set()
    for title in re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", title.lower().replace("`", "")).replace(" ", "-")
        found.add(anchor)
    return found


def check_readme_is_one_screen(checks):
    lines = checks.text("README.md").count("\n")
    checks.expect(lines <= 150, f"README.md has {lines} lines, one screen is 150")


def check_links(checks):
    links = 0
    for page in pages(checks.source):
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text())):
            if re.match(r"\w+:", target):
                continue
            links += 1
            name, _, anchor = target.partition("#")
            path = page.parent / name if name else page
            checks.expect(path.exists(), f"{page}: the link to '{target}' leads nowhere")
            if anchor and path.exists():
                checks.expect(anchor in headings(path.read_text()), f"{page}: there is no heading for '{target}'")
    checks.expect(links > 60, f"only {links} links")


def check_every_page_is_linked(checks):
    for page in pages(checks.source):
        if page.parent.name == "docs" and page.name != "README.md":
            checks.expect(f"docs/{page.name}" in checks.text("README.md"), f"README.md has no link to {page.name}")


def check_nothing_points_outside(checks):
    """Of notes that went before the code; comments once named them."""
    files = pages(checks.source)
    for folder in (*SOURCES, "tests", "cmake", "scripts", "vm", "bench"):
        files += [p for p in (checks.source / folder).rglob("*") if p.suffix in (".h", ".cpp", ".c", ".md", ".py", ".sh", ".cmake", ".tsv", ".txt")]
    for file in files:
        found = re.findall(r"\bDESIGN\b|\breference [A-G]\d?\b|(?:parser|bpf)-facts", file.read_text()) if file != HERE else []
        checks.expect(not found, f"{file} names a text that is not in the tree: {found}")


def check_quoted_code(checks):
    quoted = 0
    for page in pages(checks.source):
        for name, code in re.findall(r"From `([^`]+)`[^\n]*(?:\n[^\n]+)*\n\n```\w+\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
            quoted += 1
            checks.expect(code in checks.text(name), f"{page}: what it quotes is not in {name}")
    checks.expect(quoted > 2, f"only {quoted} quotations")


def literals(source):
    """All string literals of the sources, those that stand side by side joined, one a line."""
    text = []
    for folder in SOURCES:
        for path in sorted((source / folder).rglob("*")):
            if path.suffix in (".cpp", ".h", ".c"):
                code = re.sub(r'"\s*\n\s*"', "", path.read_text())
                text += re.findall(r'"((?:[^"\\\n]|\\.)*)"', code)
    return "\n".join(text).replace('\\"', '"').replace("\\n", "")


def check_troubleshooting(checks):
    page = checks.text("docs/troubleshooting.md")
    # Rows of three cells whose first one is a `counter` or a "message".
    entries = re.findall(r'^\| (`[a-z_.]+`|".+?") \| (.*?) \| (.*?) \|$', page, re.MULTILINE)
    counters = {name[1:-1] for name, _, _ in entries if name.startswith("`")}
    messages = [name[1:-1] for name, _, _ in entries if name.startswith('"')]
    for name, meaning, cure in entries:
        checks.expect(meaning and cure, f"docs/troubleshooting.md does not say what {name} means, or what to do")
    checks.expect(len(entries) == page.count("\n| `") + page.count('\n| "'), "docs/troubleshooting.md has a row that is not of three cells")

    said = subprocess.run([checks.program, "replay", checks.source / "examples/dns.pcap", "--json", "--sink", "json:/dev/null"],
                          check=True, capture_output=True, text=True).stderr
    report = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
    known = set(report["counters"])
    # Of a sink: what says that rows were late, lost or left out. The others say how things stand.
    standing = {"rows", "sent", "queued_bytes", "queue_peak_bytes", "queue_limit_bytes"}
    known |= {f"sink.{name}" for name, value in report["sinks"][0].items() if isinstance(value, int)} - {f"sink.{name}" for name in standing}
    known.add("capture.dropped")  # of attach -e: end_report writes it when there is a capture
    checks.expect(len(known) > 25, f"only {len(known)} counters: {known}")
    for name in sorted(known - counters):
        checks.expect(False, f"docs/troubleshooting.md has no entry for the counter `{name}`")
    for name in sorted(counters - known):
        checks.expect(False, f"docs/troubleshooting.md has an entry `{name}`, and there is no such counter")

    conditions = [bit["text"] for plugin in json.loads(checks.say("plugins", "flow_export", "--json"))
                  for column in plugin["columns"] if column["name"] == "fxStat" for bit in column["bits"]]
    checks.expect(len(conditions) > 4, f"fxStat has only {conditions}")
    for text in conditions:
        checks.expect(f"\n| {text} |" in page, f"docs/troubleshooting.md says nothing of the condition '{text}'")

    said = literals(checks.source)
    checks.expect(len(messages) > 25, f"only {len(messages)} messages")
    for message in messages:
        parts = [part.strip(" ") for part in message.split("...")]
        checks.expect(max(map(len, parts)) >= 12, f"docs/troubleshooting.md: \"{message}\" has no fixed part to search for")
        for part in parts:
            checks.expect(part in said, f"docs/troubleshooting.md: no source says '{part}' (of \"{message}\")")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowxdp", required=True, type=pathlib.Path)
    parser.add_argument("--source", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    checks = Checks(arguments.source.resolve(), arguments.flowxdp.resolve())
    for check in (check_readme_is_one_screen, check_links, check_every_page_is_linked, check_nothing_points_outside,
                  check_quoted_code, check_troubleshooting):
        check(checks)
    print(f"{checks.made} checks, {checks.failed} failed")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
