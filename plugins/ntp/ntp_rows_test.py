#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ntp_rows_test.py FLOWXDP [ENGINE]: rows of ntp for messages that are written into a capture here.

ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from frames import IPV4, UDP, ethernet, ipv4, udp, write_pcap

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
CLIENT, SERVER = "192.0.2.10", "198.51.100.123"
TO_1970 = 2208988800  # seconds from 1900 (RFC 5905 6)


def message(first, stratum, delay, dispersion, reference, *times):
    """times: seconds since 1970, in quarters."""
    stamps = b"".join(struct.pack("!II", TO_1970 + q // 4, q % 4 << 30) if q else bytes(8) for q in times)
    return struct.pack("!BBbbII4s", first, stratum, 6, -20, delay, dispersion, reference) + stamps


def rows(*packets):
    """packets: (from the client, port of the client, payload)."""
    frames = [(10**12 + n, ethernet(IPV4, ipv4(UDP, udp(*((port, 123) if out else (123, port)), payload),
                                               *((CLIENT, SERVER) if out else (SERVER, CLIENT)))))
              for n, (out, port, payload) in enumerate(packets)]
    with tempfile.TemporaryDirectory() as folder:
        write_pcap(folder + "/ntp.pcap", frames)
        done = subprocess.run([FLOWXDP, "replay", "-q", "--engine", ENGINE, folder + "/ntp.pcap", "--plugin", "ntp", "--sink", "json:-"],
                              capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def expect(row, **cells):
    for column, cell in cells.items():
        assert row[column] == cell, (row["dir"], column, row[column], cell)


NOW = 4 * 1795000000
client = message(0x23, 0, 0, 0, bytes(4), 0, 0, 0, NOW)
a, b = rows((True, 123, client),
            (False, 123, message(0x24, 2, 0x8000, 0x4000, bytes((192, 0, 2, 1)), NOW - 8, NOW, NOW + 1, NOW + 2)),
            (False, 123, message(0x24, 2, 0x10000, 0x2000, bytes((192, 0, 2, 1)), NOW - 4, NOW, NOW + 1, NOW + 3)))
expect(a, ntpStat="0x01", ntpLi_V_M="0_4_3", ntpStrat="0x00", ntpRefClkId="-", ntpRefStrId="", ntpPollInt=64, ntpNumMsg=1, ntpModes="0x08",
       ntpRefTS="0.000000000", ntpTranTS="1795000000.000000000")
expect(b, ntpStat="0x01", ntpLi_V_M="0_4_4", ntpStrat="0x02", ntpRefClkId="192.0.2.1", ntpRefStrId="", ntpPollInt=64, ntpPrec=2.0**-20,
       ntpRtDelMin=0.5, ntpRtDelMax=1, ntpRtDispMin=0.125, ntpRtDispMax=0.25, ntpRefTS="1794999999.000000000",
       ntpOrigTS="1795000000.000000000", ntpRecTS="1795000000.250000000", ntpTranTS="1795000000.750000000", ntpNumMsg=2)
a, b = rows((True, 5000, client), (False, 5000, message(0xe4, 0, 0, 0, b"RATE", 0, NOW, 0, 0)))
expect(b, ntpStat="0x09", ntpLi_V_M="3_4_4", ntpRefStrId="RATE", ntpRefClkId="-")
(a,) = rows((True, 5000, b"\x16\x02" + bytes(10)))
expect(a, ntpStat="0x03", ntpLi_V_M="0_2_6", ntpPollInt=0, ntpPrec=0, ntpModes="0x40")
(a,) = rows((True, 5000, b"GET / HTTP/1.1"))
expect(a, ntpStat="0x80", ntpNumMsg=0)
print("ok")
