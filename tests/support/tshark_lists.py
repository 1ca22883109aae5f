# SPDX-License-Identifier: BSD-2-Clause
"""tshark_lists.py - list columns of distinct values beside tshark's fields; tshark_fields.py has the rest."""

import re


def number(text):
    return int(text, 0)


def shown(text):
    """Up to a zero byte, where tshark's texts end. With one sign for bytes that are no ASCII text: tshark escapes them, JSON replaces some."""
    text = re.sub(r"\\(x[0-9a-f]{2}|[0-7]{3}|[abfnrtv])", "\ufffd", text.partition("\0")[0])
    return re.sub(r"[^\x20-\x7e]+", "\ufffd", text.replace("\\\\", "\\").replace('\\"', '"'))


def distinct(texts, most=None):
    """Each text once, in their order, cut to its first bytes: what TextPool keeps."""
    return list(dict.fromkeys(shown(text.encode()[:most].decode(errors="replace")) for text in texts))


def compare_list(check, capture, row, field, tshark, ours, is_cut=False, most=None):
    """tshark's values of one direction and the cell. A list that the status column marks as cut is the start of tshark's."""
    wanted, found = distinct(tshark, most), distinct(ours)
    if is_cut and len(found) < len(wanted):
        wanted = wanted[:len(found)]
    check.add(capture, row, field, wanted, found)
