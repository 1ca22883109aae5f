# SPDX-License-Identifier: BSD-2-Clause
"""The pages that the tests of this folder read: README.md and docs/*.md, and the blocks of code in them.

A tutorial is a page with blocks that are files: `<!-- file: PATH -->` stands above a block that is the whole file, `<!-- change: PATH -->`
above one of diff lines, which changes it. Everything else of it is like any page.
"""
import re

MARK = re.compile(r"^<!-- (file|change): (\S+) -->$")


def pages(source):
    found = [source / "README.md", *sorted((source / "docs").glob("*.md"))]
    assert len(found) > 10, found
    return found


def blocks(text):
    """Text of each fenced block without a language; blocks with one (c, cmake) are not for a shell."""
    return [match.group(1) for match in re.finditer(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


def steps(text):
    """[(kind, path, block)] of the blocks in their order; kinds: file, change, and commands, which have no path and no language."""
    found = []
    for match in re.finditer(r"^(?:(<!-- [^\n]* -->)\n)?```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        comment, language, block = match.groups()
        mark = MARK.match(comment or "")
        if mark:
            found.append((mark.group(1), mark.group(2), block))
        elif not language:
            found.append(("commands", None, block))
    marks = len([line for line in text.splitlines() if MARK.match(line)])
    assert marks == len([step for step in found if step[1]]), "a block has to begin in the line behind its mark"
    return found


def is_tutorial(page):
    return any(path for _, path, _ in steps(page.read_text()))


def changed(text, diff):
    """The text with the hunks of a diff. Hunks are apart by a line that begins with @@; the old lines of each stand in the text once."""
    for hunk in re.split(r"^@@.*\n", diff, flags=re.MULTILINE):
        lines = [line or " " for line in hunk.split("\n")[:-1]]  # an empty line of context
        if not lines:
            continue
        assert all(line[0] in " +-" for line in lines), f"no line of a diff:\n{hunk}"
        old = "".join(line[1:] + "\n" for line in lines if line[0] != "+")
        new = "".join(line[1:] + "\n" for line in lines if line[0] != "-")
        places = ("\n" + text).count("\n" + old)
        assert old and places == 1, f"stands {places} times in the file:\n{old}"
        text = ("\n" + text).replace("\n" + old, "\n" + new)[1:]
    return text


def prose(text):
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
