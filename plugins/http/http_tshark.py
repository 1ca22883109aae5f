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
HEADER = ("httpReqCnt", "httpURL", "httpHosts", "httpUsrAg")
ANSWER = ("httpRSCnt", "httpMimes", "httpServ", "httpRSCode")
EXPLAINED = {
    **because("a target with blanks: tshark's ends at the first one",
              ("nDPI__WebattackRCE.pcap", "WebattackRCE.pcap", "connect-with-smtp.pcap", "bug-5437-01__input.pcap", "bug-5437-02__input.pcap",
               "http-uri-spaces__input.pcap"), ["httpURL"]),
    **because("a method that tshark does not know", ["http-inner-transfer-encoding-ossfuzz.pcap"], ("httpReqCnt", "httpURL")),
    **because("QUERY: a method that tshark 4.0 does not know", ("query-method.pcap", "query-method-non-standard-port.pcap"),
              ("httpReqCnt", "httpURL", "httpHosts", "httpMimes")),
    **because("request lines without a target or a version are none here", ("methods.pcap", "no-uri.pcap"), (*REQUEST, "httpHosts")),
    **because("methods that tshark does not know", ("detect-app-layer-protocol-03__input.pcap", "quickstart.pcap"), HEADER),
    **because("HTTP/0.9: a request line without a version is none here", ("http-09-content-length-confusion.pcap", "mixed-vlan-mpls.pcap"),
              REQUEST),
    **because("tshark stops at a malformed body, here reading goes on with the next line that begins a message",
              ("variant-01-chunk_2pow64_overflow.pcap", "variant-09-te_obs_fold.pcap"), REQUEST),
    **because("a request right behind bytes that were not captured: here the line behind a gap is the rest of another one",
              ["zero-length-bodies-with-drops.pcap"], ["httpURL"]),
    **because("a target behind many blanks: tshark's is empty",
              ("http-manipulated.pcap", "nfs_http-manipulated.pcap", "detect-pcre_detect-pcre__input.pcap"), ["httpURL"]),
    **because("the capture begins within a response: a stream whose first bytes are no message is not looked at", ["1kxun.pcap"], ANSWER),
    **because("bytes changed at random: HTTP/1.\\xc5 is no version here, and a text before its zero byte is empty", ["error.pcapng"],
              ("httpMimes", "httpRSCnt", "httpRSCode")),
    **because("bytes changed at random", ["fuzz-2006-09-29-28586.pcap"], ("httpRSCnt", "httpRSCode")),
    **because("a status of one digit is none here", ["http1-noint-status__input.pcap"], ("httpRSCnt", "httpServ", "httpRSCode")),
    **because("the same packets in two VLANs: tshark takes the second ones for retransmissions", ["vlan-collisions.pcap"],
              (*HEADER, "httpMethods", *ANSWER)),
    **because("an acknowledgment in front of the segment: tshark takes it for a retransmission", ["TPWhite-carved-out-7787-s1.pcap"],
              (*HEADER, "httpMimes", "httpRefrr")),
    **because("a clock that steps back: the copy of a segment that tshark takes for a retransmission is in a flow of its own",
              ["transform-base64-7296__input.pcap"], (*HEADER, "httpMethods")),
    **because("segments out of order: tshark does not read the message", ["soap.pcap"], (*HEADER, "httpMethods", "httpMimes")),
    **because("the first segment is an IP fragment, which tshark leaves alone", ["gtp1_gn_normal_incl_fragmentation.pcap"],
              (*HEADER, "httpRefrr")),
    **because("a retransmission in a flow of its own, behind a reset: tshark leaves it alone",
              ("security-4710-01__input.pcap", "security-4710-02__input.pcap"), ANSWER),
    **because("a tunnel is entered when its port is the destination's", ["ayiya3.pcap"], ["rows"]),
    **because("HTTP in answer to TLS: tshark takes the connection for TLS", ["tls__ssl-to-http-server.pcap"], ANSWER),
    **because("messages in one segment with the end of another one, whose body misses bytes", ["tls_tls__input.pcap"], ANSWER),
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


def readings(capture, rows, ports):
    """What tshark says of a capture, as by_row() has it: of messages whose whole body was captured; else of those whose header was; else of
    what of a header is in one segment. The later ones are for captures that miss bytes: messages that begin within a segment are missing."""
    known = [word for port in sorted(ports) for word in ("-d", f"tcp.port=={port},http")]
    for body, headers in (("TRUE", "TRUE"), ("FALSE", "TRUE"), ("FALSE", "FALSE")):
        yield by_row(rows, tshark_packets(capture, "http && tcp", FIELDS, *known, "-o", f"http.desegment_body:{body}", "-o",
                                          f"http.desegment_headers:{headers}"))


def differs(capture, row, sent):
    trial = Comparison()
    compare(trial, capture, row, sent)
    return bool(trial.differences)


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        rows = flow_rows(flowxdp, capture, "http:packets=0")
        # tshark knows HTTP by some ports, and lets SSH and SIP have theirs.
        ports = {min(row["srcPort"], row["dstPort"]) for row in rows if number(row["httpStat"])}
        more = readings(capture, rows, ports)
        read = [next(more)]
        for at, (row, sent) in enumerate(read[0]):
            if row is None:
                check.add(capture, None, "rows", 0, len(sent))
                continue
            if not sent and not number(row["httpStat"]):
                continue
            tried = 0
            while differs(capture, row, read[tried][at][1]) and tried < 2:
                tried += 1
                if tried == len(read):
                    read.append(next(more))
            if not differs(capture, row, read[tried][at][1]):
                sent = read[tried][at][1]
            compare(check, capture, row, sent)
    sys.exit(check.summary())


main()
