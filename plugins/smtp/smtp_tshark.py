#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""smtp_tshark.py --flowxdp BIN CAPTURE...: the columns of smtp against tshark's dissector, for each direction of each flow.

Lists are compared as distinct values in their order; one that smtpStat marks as cut is the start of tshark's. Exit 1 on a difference
that EXPLAINED does not name, 77 without tshark.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, arguments, because, by_row, flow_rows, tshark_packets, values
from tshark_lists import compare_list, number

FIELDS = ["smtp.req.command", "smtp.req.parameter", "smtp.response.code", "smtp.auth.username"]
COMMANDS = {"HELO", "EHLO", "MAIL", "RCPT", "DATA", "RSET", "SEND", "SOML", "SAML", "VRFY", "EXPN", "HELP", "NOOP", "QUIT", "TURN",
            "AUTH", "BDAT"}
CUT = 0x10 | 0x20 | 0x40 | 0x80
ENVELOPE = ("smtpCC", "smtpESA", "smtpERA")
BEFORE_BDAT = "tshark takes the commands in front of BDAT in one segment for data"
BEHIND_BDAT = "tshark takes what follows a BDAT's chunk for data, and BDAT itself where it follows one"
PIPELINED = "tshark lists the first of several commands in a segment"
REFUSED = "the server refused DATA; tshark takes the next commands for the mail"
EXPLAINED = {
    **because("tshark lists no BDAT whose size is no number that it takes",
              ("smtp-bdat-cmd-chunk-size-overflow.pcap", "smtp-bdat-cmd-chunk-size-overflow2.pcap", "smtp-bdat-cmd-negative-chunk-size.pcap"),
              ["smtpCC"]),
    **because("the gap lies in the chunk: BDAT says where the next command begins", ["smtp-bdat-gap.pcap"], ["smtpCC"]),
    **because(BEFORE_BDAT, ("smtp-bdat-pipeline-8bitmime.pcap", "bug-7126__input.pcap", "smtp-bdat-pipelined-next-mail__input.pcap"), ENVELOPE),
    **because(BEFORE_BDAT, ["smtp-bdat-bad-tail-reply-queue__input.pcap"], ("smtpCC", "smtpERA")),
    **because(BEHIND_BDAT, ["smtp-bdat-bad-tail-next-mail__input.pcap"], ENVELOPE),
    **because(BEHIND_BDAT, ("smtp-bdat-last-next-mail__input.pcap", "smtp-bdat-multichunk-inspection__input.pcap",
                            "smtp-bdat-multichunk-next-mail__input.pcap"), ["smtpCC"]),
    **because(PIPELINED, ["smtp-pipelining__input.pcap"], ENVELOPE),
    **because(PIPELINED, ("smtp-pipelined-rset-data-replies__input.pcap", "smtpsuricataflowbitsFN.pcap"), ["smtpCC"]),
    **because(REFUSED, ["smtp-ehlo-reset-after-rejected-data__input.pcap"], ENVELOPE),
    **because(REFUSED, ["smtp-out-of-order.pcap"], ("smtpCC", "smtpESA")),
    **because(REFUSED, ["10.7.29.101_49898-178.63.41.150_25.pcap"], ["smtpCC"]),
    **because("QUIT where a user is asked for: here the word of a command ends an authentication", ["smtp-long-command__input.pcap"], ["smtpCC"]),
    **because("a user in two segments", ["smtp-bug-5989__input.pcap"], ["smtpUsr"]),
}


def mailbox(text):
    """FROM:<a@example.com> SIZE=1: the mailbox."""
    text = text.partition(":")[2].strip()
    return text[1:].partition(">")[0] if text.startswith("<") else text.partition(" ")[0]


def compare(check, capture, row, sent):
    is_cut = number(row["smtpStat"]) & CUT != 0
    commands, froms, tos, hosts = [], [], [], []
    for packet in sent:
        names = [name.upper() for name in packet.fields["smtp.req.command"]]
        commands += [name for name in names if name in COMMANDS]
        if len(names) != 1 or len(packet.fields["smtp.req.parameter"]) != 1:
            continue  # pipelined: which parameter is whose?
        text = packet.fields["smtp.req.parameter"][0]
        if names[0] == "MAIL":
            froms.append(mailbox(text))
        elif names[0] == "RCPT":
            tos.append(mailbox(text))
        elif names[0] in ("HELO", "EHLO"):
            hosts.append(text.partition(" ")[0])
    # tshark has STARTTLS elsewhere.
    compare_list(check, capture, row, "smtpCC", commands, [name for name in row["smtpCC"] if name != "STARTTLS"], is_cut)
    if len(froms) + len(tos) + len(hosts) == sum(name in ("MAIL", "RCPT", "HELO", "EHLO") for name in commands) and commands:
        compare_list(check, capture, row, "smtpESA", froms, row["smtpESA"], is_cut, 127)
        compare_list(check, capture, row, "smtpERA", tos, row["smtpERA"], is_cut, 127)
        compare_list(check, capture, row, "smtpSA", hosts, row["smtpSA"], is_cut, 127)
    compare_list(check, capture, row, "smtpRC", values(sent, "smtp.response.code"), [str(code) for code in row["smtpRC"]], is_cut)
    compare_list(check, capture, row, "smtpUsr", values(sent, "smtp.auth.username"), row["smtpUsr"], is_cut)


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        packets = tshark_packets(capture, "smtp && (tcp.port == 25 || tcp.port == 587)", FIELDS, "-o", "smtp.decryption:TRUE")
        for row, sent in by_row(flow_rows(flowxdp, capture, "smtp"), packets):
            if row is None:
                check.add(capture, None, "rows", 0, len(sent))
            elif sent or number(row["smtpStat"]):
                compare(check, capture, row, sent)
    sys.exit(check.summary())


main()
