#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""snmp_tshark.py --flowxdp BIN CAPTURE...: the columns of snmp against tshark's dissector, for each direction of each flow.

Exit 1 on a difference that EXPLAINED does not name, 77 without tshark.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, arguments, because, by_row, flow_rows, tshark_packets, values

FIELDS = ["snmp.version", "snmp.msgVersion", "snmp.community", "snmp.msgUserName", "snmp.msgAuthoritativeEngineID", "snmp.msgFlags", "snmp.data",
          "snmp.error_status"]
EXPLAINED = because("a PDU's tag in the form for numbers above 30 (0xbf04), which BER forbids for 4",
                    ["public-wiresharkwiki-c06-snmpv1-trap-app-r1-1-12.pcap"], ["snmp.data"])


def compare(check, capture, clear, hidden, sent):
    def add(field, wanted, found):
        check.add(capture, clear, field, wanted, found)

    versions = [text for packet in sent for text in packet.fields["snmp.version"] or packet.fields["snmp.msgVersion"]]
    add("messages", len(versions), clear["snmpNumMsg"])
    add("snmp.version", int(versions[0]) if versions else 0, clear["snmpVersion"])
    for field, column in (("snmp.community", "snmpCommunity"), ("snmp.msgUserName", "snmpUser")):
        # tshark prints nothing for an empty community.
        names = values(sent, field) or ["" for packet in sent
                                           if packet.fields["snmp.version"] and packet.fields["snmp.data"] and field == "snmp.community"]
        add(field, names[0][:64] if names else "", clear[column])
        add(field + ", hidden", f"*{len(names[0])}" if names else "", hidden[column])
    engines = [text.replace(":", "") for text in values(sent, "snmp.msgAuthoritativeEngineID")
               if text != "<MISSING>"]
    add("snmp.msgAuthoritativeEngineID", engines[0][:64] if engines else "", clear["snmpEngineId"])
    flags = 0
    for text in values(sent, "snmp.msgFlags"):
        flags |= int(text, 16)
    add("snmp.msgFlags", flags, int(clear["snmpSecFlags"], 0))
    kinds = [int(text) for text in values(sent, "snmp.data")]
    add("snmp.data", [kinds.count(kind) for kind in range(9)],
        [int(text) for text in clear["snmpNumReq_Next_Resp_Set_Trap1_Bulk_Info_Trap2_Rep"].split("_")])
    errors = 0
    for packet in sent:
        if packet.fields["snmp.data"] == ["2"]:
            for text in packet.fields["snmp.error_status"]:
                errors |= 1 << min(int(text), 31)
    add("snmp.error_status", errors, int(clear["snmpErrStat"], 0))


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        packets = tshark_packets(capture, "snmp && (udp.port == 161 || udp.port == 162)", FIELDS)
        hidden = {(row["flowInd"], row["dir"]): row for row in flow_rows(flowxdp, capture, "snmp")}
        for row, sent in by_row(flow_rows(flowxdp, capture, "snmp:community=1"), packets):
            if row is None:
                for packet in sent:
                    check.add(capture, None, "flow", f"packet {packet.number}", "none")
            elif sent or int(row["snmpStat"], 0) & 1:
                compare(check, capture, row, hidden[row["flowInd"], row["dir"]], sent)
    return check.summary()


if __name__ == "__main__":
    sys.exit(main())
