#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""dhcp_tshark.py --flowxdp BIN CAPTURE...: types, names and addresses of DHCP rows beside tshark's dissectors."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/support"))
from tshark_fields import Comparison, arguments, because, by_row, flow_rows, tshark_packets, values

EXPLAINED = {
    **because("tshark does not read this link type", ("brcm-tag.pcap", "tcpdump__brcm-tag.pcap"), ["not DHCP"]),
    **because("DHCP inside LWAPP, whose 802.11 frames tshark finds malformed", ["lwapp-data.pcap"], ["not DHCP"]),
    **because("an option longer than its message is none here", ["dhcp-fuzz.pcapng"], ["dhcpOpts"]),
    **because("a text in both file and sname: the last one counts (RFC 3396 5), tshark has file's last",
              ["dhcp-option-52-overload-both__input.pcap"], ["dhcpMsg"]),
}
NONE = ("0.0.0.0", "::")
MOST, LONGEST = 3, 63  # names of a row, bytes of one
NAMES_CUT = 0x200
# Column: field of DHCP, field of DHCPv6; the last value that is there counts.
ADDRESSES = {"dhcpYourIP": "dhcp.ip.your", "dhcpCliIP": "dhcp.ip.client", "dhcpNextServer": "dhcp.ip.server", "dhcpRelay": "dhcp.ip.relay",
             "dhcpReqIP": "dhcp.option.requested_ip_address", "dhcpSrvId": "dhcp.option.dhcp_server_id",
             "dhcpNetmask": "dhcp.option.subnet_mask"}
NUMBERS = {"dhcpLeaseT": "dhcp.option.ip_address_lease_time", "dhcpRenewT": "dhcp.option.renewal_time_value",
           "dhcpRebindT": "dhcp.option.rebinding_time_value"}
FIELDS4 = [*ADDRESSES.values(), *NUMBERS.values(), "dhcp.option.dhcp", "dhcp.option.hostname", "dhcp.fqdn.name", "dhcp.option.domain_name",
           "dhcp.option.type", "dhcp.option.request_list_item", "dhcp.hw.mac_addr", "dhcp.option.vendor_class_id", "dhcp.server",
           "dhcp.file", "dhcp.hw.type", "dhcp.option.router", "dhcp.option.domain_name_server", "dhcp.option.message", "dhcp.type"]
FIELDS6 = ["dhcpv6.msgtype", "dhcpv6.option.type", "dhcpv6.iaaddr.ip", "dhcpv6.iaprefix.pref_addr", "dhcpv6.client_domain",
           "dhcpv6.requested_option_code", "dhcpv6.search_list_entry", "dhcpv6.dns_server", "dhcpv6.vendorclass.data",
           "dhcpv6.status_msg", "dhcpv6.iaaddr.valid_lifetime", "dhcpv6.hopcount"]
REPLIES = (2, 7, 10, 13)
FILTER = "dhcp || (dhcpv6 && ipv6)"  # by its ports alone tshark finds DHCPv6 in IPv4, too, where it does not exist


def distinct(items):
    return list(dict.fromkeys(items))


def last(items, default=None):
    items = [item for item in items if item not in NONE]
    return items[-1] if items else default


def first_of_last(packets, field):
    """The first value in the last packet that has one."""
    found = None
    for packet in packets:
        found = packet.fields[field][0] if packet.fields[field] else found
    return found


def shown(text):
    """A text without an end that some senders count."""
    return text.replace("\\000", "")


def compare4(check, capture, row, sent):
    for column, field in ADDRESSES.items():
        check.add(capture, row, column, last(values(sent, field)), row[column])
    for column, field in NUMBERS.items():
        check.add(capture, row, column, int(last(values(sent, field), "0")), row[column])
    check.add(capture, row, "dhcpMType", distinct(int(v) for v in values(sent, "dhcp.option.dhcp")), row["dhcpMType"])
    names = [shown(name) for packet in sent for field in ("dhcp.option.hostname", "dhcp.fqdn.name") for name in packet.fields[field]]
    names = distinct(name.encode()[:LONGEST].decode(errors="replace") for name in names if name)
    if int(row["dhcpStat"], 0) & NAMES_CUT and len(row["dhcpHosts"]) == MOST:
        names = [name for name in names if name in row["dhcpHosts"]]
    check.add(capture, row, "dhcpHosts", sorted(names), sorted(row["dhcpHosts"]))
    domains = distinct(shown(name) for name in values(sent, "dhcp.option.domain_name"))
    check.add(capture, row, "dhcpDomains", [d for d in domains if d][:MOST], row["dhcpDomains"])
    options = sorted({int(v) for v in values(sent, "dhcp.option.type")} - {0, 255})
    check.add(capture, row, "dhcpOpts", options, row["dhcpOpts"])
    asked = next((p.fields["dhcp.option.request_list_item"] for p in sent if p.fields["dhcp.option.request_list_item"]), [])
    check.add(capture, row, "dhcpParams", [int(v) for v in asked][:48], row["dhcpParams"])
    # The client identifier (option 61) may have another one.
    hardware = distinct(mac for packet in sent for mac in packet.fields["dhcp.hw.mac_addr"][:1])
    check.add(capture, row, "dhcpCHWAdd", hardware[:6], row["dhcpCHWAdd"])
    check.add(capture, row, "dhcpVendor", last(values(sent, "dhcp.option.vendor_class_id"), ""), row["dhcpVendor"])
    check.add(capture, row, "dhcpSrvName", last(values(sent, "dhcp.server"), ""), row["dhcpSrvName"])
    check.add(capture, row, "dhcpBootFile", last(values(sent, "dhcp.file"), ""), row["dhcpBootFile"])
    check.add(capture, row, "dhcpMsg", last(values(sent, "dhcp.option.message"), ""), row["dhcpMsg"])
    for column, field in (("dhcpGWIP", "dhcp.option.router"), ("dhcpDnsIP", "dhcp.option.domain_name_server")):
        check.add(capture, row, column, first_of_last(sent, field), row[column])
    ops = {int(v) for v in values(sent, "dhcp.type")}
    check.add(capture, row, "dhcpStat op", (1 in ops, 2 in ops), tuple(bool(int(row["dhcpStat"], 0) & bit) for bit in (2, 4)))


def compare6(check, capture, row, sent):
    types = distinct(int(v) for v in values(sent, "dhcpv6.msgtype"))
    check.add(capture, row, "dhcpMType (v6)", types, row["dhcpMType"])
    options = sorted({int(v) for v in values(sent, "dhcpv6.option.type") if int(v) < 256})
    check.add(capture, row, "dhcpOpts (v6)", options, row["dhcpOpts"])
    asked = next((p.fields["dhcpv6.requested_option_code"] for p in sent if p.fields["dhcpv6.requested_option_code"]), [])
    check.add(capture, row, "dhcpParams (v6)", [int(v) for v in asked][:48], row["dhcpParams"])
    offered, wanted = None, None
    for packet in sent:
        got = packet.fields["dhcpv6.iaaddr.ip"] + packet.fields["dhcpv6.iaprefix.pref_addr"]
        if got and int(packet.fields["dhcpv6.msgtype"][-1]) in REPLIES:
            offered = got[0]
        elif got:
            wanted = got[0]
    check.add(capture, row, "dhcpYourIP (v6)", offered, row["dhcpYourIP"])
    check.add(capture, row, "dhcpReqIP (v6)", wanted, row["dhcpReqIP"])
    check.add(capture, row, "dhcpDnsIP (v6)", first_of_last(sent, "dhcpv6.dns_server"), row["dhcpDnsIP"])
    check.add(capture, row, "dhcpDomains (v6)", distinct(v.rstrip(".") for v in values(sent, "dhcpv6.search_list_entry"))[:MOST],
              row["dhcpDomains"])
    check.add(capture, row, "dhcpHosts (v6)", distinct(v.rstrip(".") for v in values(sent, "dhcpv6.client_domain"))[:MOST],
              row["dhcpHosts"])
    check.add(capture, row, "dhcpVendor (v6)", last(values(sent, "dhcpv6.vendorclass.data"), ""), row["dhcpVendor"])
    check.add(capture, row, "dhcpMsg (v6)", last(values(sent, "dhcpv6.status_msg"), ""), row["dhcpMsg"])


def compare(check, capture, flowxdp):
    packets = tshark_packets(capture, FILTER, FIELDS4 + FIELDS6)
    for row, sent in by_row(flow_rows(flowxdp, capture, "dhcp"), packets):
        if row is None:
            check.add(capture, None, "row", [packet.number for packet in sent], [])
        elif sent:
            (compare6 if any(packet.fields["dhcpv6.msgtype"] for packet in sent) else compare4)(check, capture, row, sent)
        else:
            check.add(capture, row, "not DHCP", [], row["dhcpMType"])


def main():
    flowxdp, captures = arguments(__doc__)
    check = Comparison(EXPLAINED)
    for capture in captures:
        compare(check, capture, flowxdp)
    sys.exit(check.summary())


main()
