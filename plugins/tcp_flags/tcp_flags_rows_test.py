#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tcp_flags_rows_test.py FLOWXDP [ENGINE]: JA4T and multipath TCP of segments that are written into a capture here (RFC 8684).

ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from frames import ACK, IPV4, IPV6, PSH, SYN, TCP, ethernet, ipv4, ipv6, tcp, write_pcap

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
LINUX = bytes.fromhex("020405b40402080a00000001000000000103030701010101")
APPLE = bytes.fromhex("020405b4010303060101080a000000010000000004020000")


def mptcp(subtype, flags, rest=b"", low=0):
    option = bytes((30, 4 + len(rest), subtype << 4 | low, flags)) + rest
    return option + b"\1" * (-len(option) % 4)


def rows(frames, plugin="tcp_flags", more=()):
    with tempfile.TemporaryDirectory() as folder:
        write_pcap(folder + "/a.pcap", [(10**15 + n, *(f if isinstance(f, tuple) else (f,))) for n, f in enumerate(frames)])
        done = subprocess.run([FLOWXDP, "replay", "-q", "--engine", ENGINE, folder + "/a.pcap", "--plugin", plugin, *more, "--sink", "json:-"],
                              capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done.stderr
    return [row for row in map(json.loads, done.stdout.splitlines()) if "tcpJA4T" in row]  # flows, not packets


def segment(out, flags, options=b"", body=b"", version=4, window=64240, seq=1):
    body = tcp(*((40000, 80) if out else (80, 40000)), seq, 1, flags, window, options, body)
    if version == 6:
        ends = ("2001:db8::1", "2001:db8::2")
        return ethernet(IPV6, ipv6(TCP, body, *(ends if out else ends[::-1])))
    ends = ("192.0.2.1", "198.51.100.2")
    return ethernet(IPV4, ipv4(TCP, body, *(ends if out else ends[::-1])))


def expect(row, **cells):
    for column, cell in cells.items():
        assert row[column] == cell, (row["dir"], column, row[column], cell)


def ja4t():
    for version in (4, 6):
        a, b = rows([segment(True, SYN, LINUX, version=version), segment(False, SYN | ACK, APPLE, version=version, window=65535),
                     segment(True, ACK, LINUX[:12], b"hello", version)])
        expect(a, tcpJA4T="64240_2-4-8-1-3-1-1-1-1_1460_7", tcpMPTBF="0x0000", tcpMPF="0x00", tcpMPAID=0, tcpMPDSSF="0x00")
        expect(b, tcpJA4T="65535_2-1-3-1-1-8-4-0-0_1460_6")
    a, b = rows([segment(True, ACK, body=b"x"), segment(False, SYN | ACK)])
    expect(a, tcpJA4T="")
    expect(b, tcpJA4T="64240_00_00_00")
    (a,) = rows([segment(True, SYN, LINUX)], "tcp_flags:options=0")
    expect(a, tcpJA4T="", tcpMSS=1460)
    (a,) = rows([segment(True, ACK), segment(True, SYN, LINUX)], "tcp_flags:options=1")
    expect(a, tcpJA4T="")
    # The capture has the first 8 bytes of the options.
    whole = segment(True, SYN, LINUX)
    (a,) = rows([(whole[:14 + 20 + 20 + 8], len(whole))])
    expect(a, tcpJA4T="64240_2-4_1460_00")
    # Beside plugins that want payload, and rows of packets.
    for more in (("--plugin", "entropy", "--plugin", "http"), ("-s",)):
        (a,) = rows([segment(True, SYN, LINUX, b"GET / HTTP/1.1\r\n")], more=more)
        expect(a, tcpJA4T="64240_2-4-8-1-3-1-1-1-1_1460_7")
    print("ok: JA4T")


def multipath():
    a, b = rows([segment(True, SYN, LINUX[:20] + mptcp(0, 0x81, low=1)), segment(False, SYN | ACK, mptcp(0, 0x01, bytes(8), low=1)),
                 segment(True, ACK, mptcp(0, 0x01, bytes(16), low=1)),
                 segment(True, ACK | PSH, mptcp(2, 0x05, bytes(14)), b"data"),
                 segment(False, ACK, mptcp(2, 0x01, bytes(4))), segment(False, ACK, mptcp(3, 7, bytes(12)))])
    expect(a, tcpJA4T="64240_2-4-8-1-3-30_1460_7", tcpMPTBF="0x0005", tcpMPF="0x81", tcpMPDSSF="0x05", tcpMPAID=0)
    expect(b, tcpMPTBF="0x000d", tcpMPF="0x01", tcpMPDSSF="0x01", tcpMPAID=7)
    assert all(int(row["tcpFStat"], 0) & 0x8000 for row in (a, b))
    (a,) = rows([segment(True, SYN, mptcp(1, 9, bytes(8)))])
    expect(a, tcpMPTBF="0x0002", tcpMPAID=9)
    print("ok: multipath TCP")


ja4t()
multipath()
