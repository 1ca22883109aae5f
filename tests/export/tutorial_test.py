#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tutorial_test.py FLOWXDP SOURCE: the collector of the NetFlow tutorial, with its command lines as README.md has them.

The lines that README.md shows are what nfdump prints, and what it prints is what the flow file has: addresses, ports, flags,
packets, bytes, times. Exit 77 without nfdump, or when somebody else listens on port 9995.
"""

import os
import pathlib
import re
import sys
import tempfile

import collectors
import flow_file

FLOWXDP, SOURCE = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
FLAGS = "CEUAPRSF"


def readme():
    """(commands, lines shown) of the section."""
    section = re.search(r"^### A collector\n(.*?)^## ", (SOURCE / "README.md").read_text(), re.M | re.S).group(1)
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    return [l for l in lines if l.startswith(("nfcapd", "./flowxdp", "nfdump"))], [l for l in lines if re.match(r"Date|\d{4}-", l)]


def main():
    for name in ("nfcapd", "nfdump"):
        collectors.program(name, "nfdump")
    if collectors.udp_state(9995):
        raise collectors.Missing("port 9995 is taken, a free one")
    (nfcapd, replay, nfdump), shown = readme()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.symlink(FLOWXDP, "flowxdp")
        os.symlink(SOURCE / "examples", "examples")
        collector = collectors.Process(nfcapd.split(), "log")
        collector.wait_for(lambda: collectors.udp_state(9995), "nfcapd listens")
        collectors.run(*replay.split(), "-w", "run")
        collectors.until(lambda: not collectors.udp_state(9995)[0], "nfcapd has read everything")
        collector.stop()
        assert "Sequence Errors: 0, Bad Packets: 0" in collector.said(), collector.said()
        file = next(f for f in os.listdir(".") if re.match(r"nfcapd\.\d{12}$", f))
        printed = collectors.run(*nfdump.replace("nfcapd.YYYYMMDDhhmm", file).split())
        rows = [row.flow for row in flow_file.read_rows("run") if row.flow.kind == "ip"]
    at = 0
    for line in shown:
        at = printed.find(line, at)
        assert at >= 0, f"README.md shows '{line}', nfdump prints:\n{printed}"
    # The statistics of records, before the others.
    found = set()
    pattern = (r"(\S+ \S+) +(\d\d):(\d\d):(\d\d)\.(\d{3}) +(\S+) +(\S+)[.:](\d+) +-> +(\S+)[.:](\d+) +(\S{8}) +\d+ +(\d+) +(\d+) ")
    for found_row in re.finditer(pattern, printed):
        date, h, m, s, ms, proto, src, sport, dst, dport, flags, packets, octets = found_row.groups()
        first = collectors.iso_ms(date)
        bits = sum(1 << bit for bit, letter in enumerate(reversed(flags)) if letter != ".")
        if proto == "TCP":
            found.add((src, int(sport), dst, int(dport), bits, int(packets), int(octets), first,
                       first + ((int(h) * 60 + int(m)) * 60 + int(s)) * 1000 + int(ms)))
    wanted = {(f.source, f.sport, f.destination, f.dport, f.flags, f.packets, f.octets, f.first, f.last) for f in rows if f.proto == 6}
    assert found == wanted and wanted, (found - wanted, wanted - found)
    total = re.search(r"Summary: total flows: \d+, total bytes: (\d+), total packets: (\d+)", printed)
    assert int(total.group(1)) == sum(f.octets for f in rows), total.group()
    print(f"{len(shown)} lines of README.md and {len(wanted)} TCP flows are as nfdump prints them")


try:
    main()
except collectors.Missing as missing:
    print("SKIP:", missing)
    sys.exit(77)
finally:
    collectors.Process.kill_all()
