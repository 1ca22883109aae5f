#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ssh_tshark.py --flowxdp BIN CAPTURE...: the columns of ssh against tshark's dissector, for each direction of each flow.

Exit 1 on a difference that EXPLAINED does not name, 77 without tshark.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, arguments, because, by_row, flow_rows, tshark_packets, values
from tshark_lists import compare_list, number

LISTS = {  # column: tshark's field
    "sshVersion": "ssh.protocol", "sshKEXList": "ssh.kex_algorithms", "sshSrvHKeyAlgoList": "ssh.server_host_key_algorithms",
    "sshEncCSList": "ssh.encryption_algorithms_client_to_server", "sshEncSCList": "ssh.encryption_algorithms_server_to_client",
    "sshMacCSList": "ssh.mac_algorithms_client_to_server", "sshMacSCList": "ssh.mac_algorithms_server_to_client",
    "sshCompCSList": "ssh.compression_algorithms_client_to_server",
    "sshCompSCList": "ssh.compression_algorithms_server_to_client", "sshHostKeyType": "ssh.host_key.type"}
FIELDS = [*LISTS.values(), "ssh.kex.hassh", "ssh.kex.hasshserver"]
LIST_CUT = 0x4000
NEGOTIATION = ["sshHassh", *(column for column in LISTS if column.endswith("List"))]
EXPLAINED = {
    **because("a packet of 40,552 bytes, more than the 16,384 that are looked at", ["kex-quadratic-1000.pcap.gz"], NEGOTIATION),
    **because("tshark reads nothing of a server behind its banner when the client's is missing", ["ssh.server-side-half-duplex.pcap"],
              (*NEGOTIATION, "sshHostKeyType")),
}


def compare(check, capture, row, sent):
    is_cut = number(row["sshStat"]) & LIST_CUT != 0
    for column, field in LISTS.items():
        wanted, found = values(sent, field)[:1], row[column]
        if is_cut and column.endswith("List"):
            wanted = [text[:len(found[0])] if found else text for text in wanted][:len(found)]
        compare_list(check, capture, row, column, wanted, found, most=126 if column == "sshVersion" else None)
    hassh = values(sent, "ssh.kex.hassh") + values(sent, "ssh.kex.hasshserver")
    compare_list(check, capture, row, "sshHassh", hassh[:1], row["sshHassh"])


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        rows = flow_rows(flowxdp, capture, "ssh:packets=0")
        # tshark knows SSH by its port alone.
        ports = {min(row["srcPort"], row["dstPort"]) for row in rows if number(row["sshStat"])} - {22}
        options = [word for port in sorted(ports) for word in ("-d", f"tcp.port=={port},ssh")]
        for row, sent in by_row(rows, tshark_packets(capture, "ssh && tcp", FIELDS, *options)):
            if row is None:
                check.add(capture, None, "rows", 0, len(sent))
            elif sent or number(row["sshStat"]):
                compare(check, capture, row, sent)
    sys.exit(check.summary())


main()
