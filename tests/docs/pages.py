# SPDX-License-Identifier: BSD-2-Clause
"""The pages that the tests of this folder read: README.md and docs/*.md, and the blocks of code in them."""
import re


def pages(source):
    found = [source / "README.md", *sorted((source / "docs").glob("*.md"))]
    assert len(found) > 10, found
    return found


def blocks(text):
    """Text of each fenced block without a language; blocks with one (c, cmake) are not for a shell."""
    return [match.group(1) for match in re.finditer(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


def prose(text):
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
