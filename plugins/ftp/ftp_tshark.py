#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""ftp_tshark.py --flowxdp BIN CAPTURE...: the columns of ftp against tshark's dissector, for each direction of each flow.

Lists are compared as distinct values in their order; one that ftpStat marks as cut is the start of tshark's. Exit 1 on a difference
that EXPLAINED does not name, 77 without tshark.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, arguments, because, by_row, flow_rows, tshark_packets, values
from tshark_lists import compare_list, number

FIELDS = ["ftp.request.command", "ftp.request.arg", "ftp.response.code", "ftp.passive.ip", "ftp.passive.port", "ftp.active.cip",
          "ftp.active.port", "ftp.epsv.port", "ftp.eprt.port"]
CUT = 0x10 | 0x20 | 0x40 | 0x80
HIDDEN = {"USER", "PASS", "ACCT", "ADAT"}
COMMANDS = set("ABOR ACCT ADAT ALLO APPE AUTH CCC CDUP CLNT CONF CWD DELE ENC EPRT EPSV FEAT HELP LANG LIST LPRT LPSV MDTM MIC MKD MLSD MLST MODE "
               "NLST NOOP OPTS PASS PASV PBSZ PORT PROT PWD QUIT REIN REST RETR RMD RNFR RNTO SITE SIZE SMNT STAT STOR STOU STRU SYST TYPE USER "
               "XCUP XMKD XPWD XRCP XRMD XRSQ XSEM XSEN".split())
FUZZ = ("fuzz-2006-06-26-2594.pcap", "nDPI__fuzz-2006-06-26-2594.pcap")
EXPLAINED = {
    **because("tshark reads each segment alone: the command goes on in the next one", ["ftp-too-long-command.pcap"], ["ftpCP"]),
    **because("the reply stands behind binary bytes without a line end, in a segment of its own", ["ipv6-violation.pcap"], ["ftpRC"]),
    **because("sequence numbers changed at random: the line behind a gap is the rest of another one", FUZZ, ["ftpRC"]),
}


def compare(check, capture, row, sent):
    is_cut = number(row["ftpStat"]) & CUT != 0
    commands, users, parameters = [], [], []
    for packet in sent:
        names, texts = packet.fields["ftp.request.command"], packet.fields["ftp.request.arg"]
        # Words that are no command are a bit of ftpStat.
        commands += [name.upper() for name in names if name.upper() in COMMANDS]
        if len(names) == 1 and texts and names[0].upper() in COMMANDS:
            name = names[0].upper()
            (users if name == "USER" else parameters).extend([] if name in HIDDEN - {"USER"} else texts)
    compare_list(check, capture, row, "ftpCC", commands, row["ftpCC"], is_cut)
    compare_list(check, capture, row, "ftpUser", users, row["ftpUser"], is_cut, 127)
    compare_list(check, capture, row, "ftpCP", parameters, row["ftpCP"], is_cut, 127)
    compare_list(check, capture, row, "ftpRC", values(sent, "ftp.response.code"), [str(code) for code in row["ftpRC"]], is_cut)
    ports = [values([packet], name) for packet in sent for name in ("ftp.passive.port", "ftp.active.port", "ftp.epsv.port", "ftp.eprt.port")]
    compare_list(check, capture, row, "ftpDataPort", sum(ports, []), [str(port) for port in row["ftpDataPort"]], is_cut)
    ips = values(sent, "ftp.passive.ip") + values(sent, "ftp.active.cip")
    if ips:
        compare_list(check, capture, row, "ftpDataIP", ips, row["ftpDataIP"], is_cut)


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        packets = tshark_packets(capture, "ftp && tcp.port == 21", FIELDS)
        for row, sent in by_row(flow_rows(flowxdp, capture, "ftp"), packets):
            if row is None:
                check.add(capture, None, "rows", 0, len(sent))
            elif sent or number(row["ftpStat"]):
                compare(check, capture, row, sent)
    sys.exit(check.summary())


main()
