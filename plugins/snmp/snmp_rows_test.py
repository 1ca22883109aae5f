#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""snmp_rows_test.py FLOWXDP [ENGINE]: rows of snmp for messages that are written into a capture here; no community is in any file of a run
that was not asked to show it.

ENGINE bpf: the kernel's program by test-run; exit 77 where it may not be loaded.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from frames import IPV4, UDP, ethernet, ipv4, udp, write_pcap

FLOWXDP, ENGINE = sys.argv[1], (sys.argv[2:] or ["native"])[0]
MANAGER, AGENT = "192.0.2.10", "198.51.100.161"
GET, RESPONSE, TRAP2, REPORT = 0, 2, 7, 8
SECRET, ENGINE_ID = b"s3cr3t-w0rd", bytes.fromhex("80001f888001020304")


def value(tag, *parts):
    content = b"".join(parts)
    return bytes([tag, len(content)] if len(content) < 128 else [tag, 0x81, len(content)]) + content


def number(n):
    return value(2, bytes([n]))


def text(octets):
    return value(4, octets)


def sequence(*parts):
    return value(0x30, *parts)


def pdu(kind, error=0):
    return value(0xA0 + kind, number(1), number(error), number(0), sequence(sequence(bytes.fromhex("06082b06010201010100"), b"\5\0")))


def message2(data):
    return sequence(number(1), text(SECRET), data)


def message3(engine, user, flags, data):
    security = sequence(text(engine), number(5), number(9), text(user), text(bytes(12)), text(bytes(8)))
    return sequence(number(3), sequence(number(1), value(2, b"\0\xff\xe3"), text(bytes([flags])), number(3)), text(security), data)


def scoped(data):
    return sequence(text(ENGINE_ID), text(b""), data)


def rows(folder, packets, plugin):
    """packets: (from the manager, port of the agent, payload)."""
    frames = [(10**12 + n, ethernet(IPV4, ipv4(UDP, udp(*((5000, port) if out else (port, 5000)), payload),
                                               *((MANAGER, AGENT) if out else (AGENT, MANAGER)))))
              for n, (out, port, payload) in enumerate(packets)]
    write_pcap(folder + "/snmp.pcap", frames)
    done = subprocess.run([FLOWXDP, "replay", "-q", "--engine", ENGINE, folder + "/snmp.pcap", "--plugin", plugin, "-w", folder + "/out",
                           "--sink", "json"], capture_output=True, text=True)
    if done.returncode == 77:
        print("SKIP:", done.stderr)
        sys.exit(77)
    assert done.returncode == 0, done.stderr
    written = b"".join(path.read_bytes() for path in pathlib.Path(folder).glob("out*"))
    return [json.loads(line) for line in pathlib.Path(folder, "out_flows.json").read_text().splitlines()], written


def expect(row, **cells):
    for column, cell in cells.items():
        assert row[column] == cell, (row["dir"], column, row[column], cell)


def main():
    version2 = [(True, 161, message2(pdu(GET))), (False, 161, message2(pdu(RESPONSE, 2))), (True, 161, message2(pdu(GET)))]
    version3 = [(True, 161, message3(b"", b"", 4, scoped(pdu(GET)))), (False, 161, message3(ENGINE_ID, b"", 0, scoped(pdu(REPORT)))),
                (True, 161, message3(ENGINE_ID, SECRET, 7, text(bytes(40))))]
    with tempfile.TemporaryDirectory() as folder:
        for plugin, shown in (("snmp", "*11"), ("snmp:community=1", SECRET.decode())):
            (a, b), written = rows(folder, version2, plugin)
            expect(a, snmpStat="0x01", snmpVersion=1, snmpCommunity=shown, snmpUser="", snmpMsgT="0x0001", snmpNumMsg=2,
                   snmpNumReq_Next_Resp_Set_Trap1_Bulk_Info_Trap2_Rep="2_0_0_0_0_0_0_0_0", snmpErrStat="0x00000000", snmpEngineId="")
            expect(b, snmpCommunity=shown, snmpNumReq_Next_Resp_Set_Trap1_Bulk_Info_Trap2_Rep="0_0_1_0_0_0_0_0_0", snmpErrStat="0x00000004")
            assert (SECRET in written) == (plugin != "snmp"), plugin
            (a, b), written = rows(folder, version3, plugin)
            expect(a, snmpStat="0x09", snmpVersion=3, snmpCommunity="", snmpUser=shown, snmpSecFlags="0x07", snmpEngineId=ENGINE_ID.hex(),
                   snmpNumReq_Next_Resp_Set_Trap1_Bulk_Info_Trap2_Rep="1_0_0_0_0_0_0_0_0", snmpNumMsg=2)
            expect(b, snmpStat="0x01", snmpMsgT="0x0100", snmpUser="", snmpEngineId=ENGINE_ID.hex())
            assert (SECRET in written) == (plugin != "snmp"), plugin
        (b,), _ = rows(folder, [(False, 162, message2(pdu(TRAP2))), (False, 162, b"no SNMP")], "snmp")
        expect(b, snmpStat="0x81", snmpMsgT="0x0080", snmpNumMsg=1)
    print("ok")


main()
