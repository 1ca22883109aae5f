#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tutorial_test.py FLOWXDP SOURCE: the receivers of the tutorials, with their command lines as docs/exporting.md has them.

The lines that the page shows are what nfdump prints, and what it prints is what the flow file has: addresses, ports, flags,
packets, bytes, times. The reports it shows are what nc gets. Exit 77 without nfdump or nc, or when somebody else listens on
port 9995 or 5555.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import collectors
import flow_file

FLOWXDP, SOURCE = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
FLAGS = "CEUAPRSF"


def page(title):
    """(commands, lines shown) of a section."""
    section = re.search(rf"^### {title}\n(.*?)^##", (SOURCE / "docs/exporting.md").read_text(), re.M | re.S).group(1)
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    commands = [line for line in lines if line.startswith(("nfcapd", "./flowxdp", "nfdump", "nc "))]
    return commands, [line for line in lines if line not in commands]


def periodic_report():
    collectors.program("nc", "netcat-openbsd")
    listening = lambda: ":15B3 00000000:0000 0A" in open("/proc/net/tcp").read()  # port 5555
    if listening():
        raise collectors.Missing("port 5555 is taken, a free one")
    (nc, replay), shown = page("A periodic report")
    with tempfile.TemporaryDirectory() as folder:
        receiver = subprocess.Popen(nc.split(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
        try:
            collectors.until(listening, "nc listens")
            words = replay.replace("/tmp/run", folder + "/run").replace("examples", str(SOURCE / "examples")).split()
            collectors.run(str(FLOWXDP), *words[1:])
            got = receiver.stdout.read().decode().replace("\0", "")
        finally:
            receiver.kill()
            receiver.wait()
    assert [line for line in got.splitlines() if line] == shown and len(shown) == 6, (got, shown)
    print(f"{len(shown)} lines of docs/exporting.md are what nc gets")


def collector():
    for name in ("nfcapd", "nfdump"):
        collectors.program(name, "nfdump")
    if collectors.udp_state(9995):
        raise collectors.Missing("port 9995 is taken, a free one")
    (nfcapd, replay, nfdump), shown = page("A collector")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.symlink(FLOWXDP, "flowxdp")
        os.symlink(SOURCE / "examples", "examples")
        process = collectors.Process(nfcapd.split(), "log")
        process.wait_for(lambda: collectors.udp_state(9995), "nfcapd listens")
        collectors.run(*replay.split(), "-w", "run")
        collectors.until(lambda: not collectors.udp_state(9995)[0], "nfcapd has read everything")
        process.stop()
        assert "Sequence Errors: 0, Bad Packets: 0" in process.said(), process.said()
        file = next(f for f in os.listdir(".") if re.match(r"nfcapd\.\d{12}$", f))
        printed = collectors.run(*nfdump.replace("nfcapd.YYYYMMDDhhmm", file).split())
        rows = [row.flow for row in flow_file.read_rows("run") if row.flow.kind == "ip"]
    at = 0
    for line in shown:
        at = printed.find(line, at)
        assert at >= 0, f"docs/exporting.md shows '{line}', nfdump prints:\n{printed}"
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
    print(f"{len(shown)} lines of docs/exporting.md and {len(wanted)} TCP flows are as nfdump prints them")


try:
    periodic_report()
    collector()
except collectors.Missing as missing:
    print("SKIP:", missing)
    sys.exit(77)
finally:
    collectors.Process.kill_all()
