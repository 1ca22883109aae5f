#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""http_tshark.py --flowxdp BIN CAPTURE...: the columns of http against tshark's dissector, for each direction of each flow.

Lists are compared as distinct values in their order; one that httpStat marks as cut is the start of tshark's. Exit 1 on a difference
that EXPLAINED does not name, 77 without tshark.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, arguments, because, by_row, flow_rows, tshark_packets, values
from tshark_lists import compare_list, number

LISTS = {  # column: tshark's field, most bytes of a text
    "httpURL": ("http.request.uri", 255), "httpHosts": ("http.host", 127), "httpUsrAg": ("http.user_agent", 255),
    "httpMimes": ("http.content_type", 127), "httpRefrr": ("http.referer", 255), "httpServ": ("http.server", 127),
    "httpLoc": ("http.location", 255), "httpXFor": ("http.x_forwarded_for", 127), "httpRSCode": ("http.response.code", None)}
METHODS = ["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT"]
CUT = 0x0001 | 0x0040 | 0x0100 | 0x0200
FIELDS = ["http.request.method", *dict.fromkeys(field for field, _ in LISTS.values())]
REQUEST = ("httpMethods", "httpReqCnt", "httpURL")
# tshark shows a message when its whole body was captured. Of these captures bodies miss bytes: it is asked for messages without bodies.
NO_BODIES = ("putty-upload.pcap", "windowsupdate_over_http.pcap", "concurrent-range-requests.pcap", "content-range-gap.pcap",
             "content-range-gap-skip.pcap", "entity_gap.pcap", "entity_gap2.pcap", "zero-length-bodies-with-drops.pcap",
             "http-manipulated.pcap")
EXPLAINED = {
    **because("a target with blanks: tshark's ends at the first one",
              ("nDPI__WebattackRCE.pcap", "WebattackRCE.pcap", "connect-with-smtp.pcap"), ["httpURL"]),
    **because("UTF-8, which tshark escapes byte by byte", ["http_invalid_server.pcap"], ["httpServ"]),
    **because("a method that tshark does not know", ["http-inner-transfer-encoding-ossfuzz.pcap"], ("httpReqCnt", "httpURL")),
    **because("QUERY: a method that tshark 4.0 does not know", ("query-method.pcap", "query-method-non-standard-port.pcap"),
              ("httpReqCnt", "httpURL", "httpHosts", "httpMimes")),
    **because("request lines without a target or a version are none here", ("methods.pcap", "no-uri.pcap"), (*REQUEST, "httpHosts")),
    **because("HTTP/0.9: a request line without a version is none here", ["http-09-content-length-confusion.pcap"], REQUEST),
    **because("tshark stops at a malformed body, here reading goes on with the next line that begins a message",
              ("variant-01-chunk_2pow64_overflow.pcap", "variant-09-te_obs_fold.pcap"), REQUEST),
    **because("a request right behind bytes that were not captured: here the line behind a gap is the rest of another one",
              ["zero-length-bodies-with-drops.pcap"], ["httpURL"]),
    **because("a target behind many blanks: tshark's is empty", ["http-manipulated.pcap"], ["httpURL"]),
    **because("tshark gives one packet to SIP, whose port it is", ["http_on_sip_port.pcap"], ("httpRSCnt", "httpServ", "httpRSCode")),
}


def compare(check, capture, row, sent):
    is_cut = number(row["httpStat"]) & CUT != 0
    methods = [name for bit, name in enumerate(METHODS) if number(row["httpMethods"]) >> bit & 1]
    wanted = [name for name in values(sent, "http.request.method") if name in METHODS]
    compare_list(check, capture, row, "httpMethods", sorted(wanted) if not is_cut else methods, sorted(methods))
    requests, responses = values(sent, "http.request.method"), values(sent, "http.response.code")
    for column, theirs in (("httpReqCnt", len(requests)), ("httpRSCnt", len(responses))):
        check.add(capture, row, column, min(theirs, row[column]) if is_cut else theirs, row[column])
    for column, (field, most) in LISTS.items():
        compare_list(check, capture, row, column, values(sent, field), [str(value) for value in row[column]], is_cut, most)


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        rows = flow_rows(flowxdp, capture, "http:packets=0")
        # tshark knows HTTP by some ports, and lets SSH and SIP have theirs.
        ports = {min(row["srcPort"], row["dstPort"]) for row in rows if number(row["httpStat"])}
        options = [word for port in sorted(ports) for word in ("-d", f"tcp.port=={port},http")]
        if capture.name in NO_BODIES:
            options += ["-o", "http.desegment_body:FALSE"]
        for row, sent in by_row(rows, tshark_packets(capture, "http && tcp", FIELDS, *options)):
            if row is None:
                check.add(capture, None, "rows", 0, len(sent))
            elif sent or number(row["httpStat"]):
                compare(check, capture, row, sent)
    sys.exit(check.summary())


main()
