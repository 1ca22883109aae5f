#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dns_tshark.py --flowxdp BIN CAPTURE...: the columns of dns against tshark's dissector, for each direction of each flow.

A list that is cut (its bit of dnsStat) is the start of tshark's; a text without room (its bit) is "". Response times are worked out here from
tshark's ids and times. Where a message is malformed or cut both stop at different places: then one list has to be what is left of the other.
Exit 1 on a difference that has no such cause, 77 without tshark.
"""
import collections
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/support"))
from tshark_fields import Comparison, address, arguments, because, by_row, flow_rows, nanoseconds, tshark_packets, values

FILTER = "(dns || mdns || llmnr) && (udp.port == 53 || udp.port == 5353 || udp.port == 5355 || tcp.port == 53)"
# The four counts; those of an update have names of their own.
COUNTS = [("dns.count.queries", "dns.count.zones"), ("dns.count.answers", "dns.count.prerequisites"), ("dns.count.auth_rr", "dns.count.updates"),
          ("dns.count.add_rr",)]
# Record type: tshark's field of the name or text in it.
TEXTS = {2: "dns.ns", 5: "dns.cname", 6: "dns.soa.mname", 12: "dns.ptr.domain_name", 15: "dns.mx.mail_exchange", 33: "dns.srv.target"}
FIELDS = ["dns.id", "dns.flags", *sum(COUNTS, ()), "_ws.malformed", "dns.qry.name", "dns.qry.type", "dns.qry.class", "dns.resp.name", "dns.resp.type",
          "dns.resp.class", "dns.resp.ttl", "dns.a", "dns.aaaa", *TEXTS.values(), "dns.mx.preference", "dns.srv.priority",
          "dns.srv.weight", "dns.srv.port", "dns.resp.z"]
UNFINISHED, QUERIES_FULL, ANSWERS_FULL, BROKEN, TEXT_FULL, FORGOTTEN = 0x8, 0x400, 0x800, 0x7000, 0x10000, 0x20000
SRV, OPT = 33, 41
EXPLAINED = {
    **because("UDP's length is 8, and IP's has a message; tshark goes by the first, flowxdp by the second",
              [f"dns-zlip-{n}.pcap" for n in (1, 2, 3)], ("sets of dns.flags", "messages", "dns.count")),
    **because("a segment is missing, and what follows it cannot be found: tshark takes the next segment's first bytes for a length",
              ["dns-tcp-ts-gap__input.pcap"], ("messages", "dns.count", "dns.qry.name", "dns.qry.type", "dns.qry.class", "response times")),
}
LISTS_TYPES = {47, 50}  # NSEC and NSEC3 have a list of types, which tshark shows in the same field


def number(text):
    return int(text, 0)


def plain(name):
    """Without the escapes of RFC 1035, which tshark does not write; bytes that are no text are replaced by both."""
    name = re.sub(r"\\(\d{3}|.)", lambda m: "\ufffd" if len(m[1]) == 3 else m[1], name)
    return "<Root>" if name == "." else name


def shown(name):
    """tshark's name, with its own escapes of bytes that are no text."""
    return re.sub(r"\\(x[0-9a-f]{2}|[0-7]{3}|[abfnrtv])", "\ufffd", name)


def cut(wanted, found, is_full):
    """What of tshark's list the columns should have."""
    return wanted[:len(found)] if is_full and len(found) < len(wanted) else wanted


def is_rest(few, many):
    """few is many with some of its elements left out."""
    rest = iter(many)
    return all(any(item == other for other in rest) for item in few)


def response_times(flow):
    """direction -> ns from the first query with an id to its first response, of a flow's {direction: packets}."""
    opened, times = {}, collections.defaultdict(list)
    packets = sorted((packet.number, direction, packet) for direction, sent in flow.items() for packet in sent)
    for _, direction, packet in packets:
        for ident, flags in zip(packet.fields["dns.id"], packet.fields["dns.flags"]):
            other = "B" if direction == "A" else "A"
            if not number(flags) >> 15:
                opened.setdefault((direction, ident), packet.time_ns)
            elif (other, ident) in opened:
                times[direction].append(packet.time_ns - opened.pop((other, ident)))
    return times


def compare(check, capture, row, flow, forgotten):
    """forgotten: more queries were open than are kept."""
    status = number(row["dnsStat"])
    sent, times = flow[row["dir"]], response_times(flow)[row["dir"]]
    malformed = status & UNFINISHED or any(values(packets, "_ws.malformed") for packets in flow.values())

    def add(field, wanted, found, full=0, more=False):
        whole, wanted = wanted, cut(wanted, found, status & full)
        if wanted != found:
            if status & BROKEN and is_rest(found, wanted) or malformed and (is_rest(found, wanted) or is_rest(wanted, found)):
                return check.explain(capture, field, "of a malformed or cut message one has less than the other")
            if more and is_rest(found, whole):
                return check.explain(capture, field, "tshark has the types that an NSEC record lists in this field, too")
        check.add(capture, row, field, wanted, found)

    def add_sum(field, wanted, found):
        if wanted != found and malformed:
            return check.explain(capture, field, "of a malformed or cut message one has less than the other")
        check.add(capture, row, field, wanted, found)

    def add_texts(field, wanted, found, full):
        found = [plain(text) for text in found]
        wanted = cut([shown(text) for text in wanted], found, status & full)
        if status & TEXT_FULL and len(found) == len(wanted):
            wanted = [text if ours else "" for text, ours in zip(wanted, found)]
        add(field, wanted, found)

    flags = [number(text) for text in values(sent, "dns.flags")]
    add_sum("dns.flags", flags[-1:], [number(row["dnsHdrOPField"])] if flags else [])
    sets = [0, 0, 0]
    for value in flags:
        sets = [sets[0] | value >> 4 & 0x7f | value >> 8 & 0x80, sets[1] | 1 << (value >> 11 & 15), sets[2] | 1 << (value & 15)]
    add_sum("sets of dns.flags", sets, [number(text) for text in row["dnsHFlg_OpC_RetC"].split("_")])
    add_sum("messages", [sum(not value >> 15 for value in flags), sum(value >> 15 for value in flags)],
            [row["dnsNumQuery"], row["dnsNumResp"]])
    add_sum("dns.count", [sum(int(text) for field in fields for text in values(sent, field)) for fields in COUNTS],
            [int(text) for text in row["dnsCntQu_Asw_Aux_Add"].split("_")])

    def mask(classes):  # the top bit of mDNS (RFC 6762 5.4, 10.2) is a field of its own in tshark
        return [n & 0x7fff for n in classes] if 5353 in (row["srcPort"], row["dstPort"]) else classes

    add_texts("dns.qry.name", values(sent, "dns.qry.name"), row["dnsQname"], QUERIES_FULL)
    add("dns.qry.type", [*map(int, values(sent, "dns.qry.type"))], row["dnsQType"], QUERIES_FULL)
    add("dns.qry.class", mask([*map(number, values(sent, "dns.qry.class"))]), mask(row["dnsQClass"]), QUERIES_FULL)

    types = row["dnsAType"]
    others = set(types) - {OPT}

    def of(column, kinds):
        return [cell for cell, kind in zip(row[column], types) if kind in kinds]

    # tshark shows the owner of an SRV record as service, protocol and name.
    add_texts("dns.resp.name", values(sent, "dns.resp.name"), of("dnsAname", set(types) - {SRV}), ANSWERS_FULL)
    add("dns.resp.type", [*map(int, values(sent, "dns.resp.type"))], types, ANSWERS_FULL, bool(LISTS_TYPES & set(types)))
    add("dns.resp.class", mask([*map(number, values(sent, "dns.resp.class"))]), mask(of("dnsAClass", others)), ANSWERS_FULL)
    add("dns.resp.ttl", [*map(int, values(sent, "dns.resp.ttl"))], of("dnsATTL", others), ANSWERS_FULL)
    add("dns.a", [*map(address, values(sent, "dns.a"))], [address(text) for text in of("dns4Aaddress", {1}) if text != "-"], ANSWERS_FULL)
    add("dns.aaaa", [*map(address, values(sent, "dns.aaaa"))], [address(text) for text in of("dns6Aaddress", {28}) if text != "-"], ANSWERS_FULL)
    for kind, field in TEXTS.items():
        # Updates have records without data.
        found = of("dnsAPname", {kind})
        add_texts(field, values(sent, field), found if status & TEXT_FULL else [*filter(None, found)], ANSWERS_FULL)
    for kind, field, column in ((15, "dns.mx.preference", "dnsMXpref"), (SRV, "dns.srv.priority", "dnsSRVprio"),
                                (SRV, "dns.srv.weight", "dnsSRVwgt"), (SRV, "dns.srv.port", "dnsSRVprt")):
        add(field, [*map(int, values(sent, field))], of(column, {kind}), ANSWERS_FULL)
    add("dns.resp.z", [*map(number, values(sent, "dns.resp.z"))], [number(text) & 0xffff for text in of("dnsOptStat", {OPT})],
        ANSWERS_FULL)
    wanted = [len(times), min(times, default=0), max(times, default=0)]
    found = [row["dnsNumAnswered"], nanoseconds(row["dnsRespTmMin"]), nanoseconds(row["dnsRespTmMax"])]
    # Some responses have no time.
    if forgotten and found[0] <= wanted[0] and wanted[1] <= found[1] and found[2] <= wanted[2]:
        wanted = found
    add_sum("response times", wanted, found)


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        packets = tshark_packets(capture, FILTER, FIELDS)
        found = by_row(flow_rows(flowxdp, capture, "dns"), packets)
        flows, forgotten = collections.defaultdict(dict), set()
        for row, sent in found:
            if row is not None:
                flows[row["flowInd"]][row["dir"]] = sent
                if number(row["dnsStat"]) & FORGOTTEN:
                    forgotten.add(row["flowInd"])
        for row, sent in found:
            if row is None:
                for packet in sent:
                    check.add(capture, None, "flow", f"packet {packet.number}", "none")
            elif sent or number(row["dnsStat"]) & 1:
                compare(check, capture, row, flows[row["flowInd"]], row["flowInd"] in forgotten)
    return check.summary()


if __name__ == "__main__":
    sys.exit(main())
