// SPDX-License-Identifier: BSD-2-Clause
// parse_ip_test.cpp - lengths that lie, broken headers, fragments and transport headers of the innermost IP.
#include <gtest/gtest.h>

#include "flowxdp/fragment.h"
#include "support/encapsulations.h"

namespace flowxdp::test {
namespace {

Packet segment(Packet ip)
{
    return ip.tcp(kInnerSrcPort, kInnerDstPort, kInnerWindow).payload(kInnerPayload);
}

TEST(ParseLength, ClaimIsCountedNotPadding)
{
    Bytes frame = segment(Packet().eth().ipv4()).bytes() + Bytes(9);
    packet p = parse(frame);

    EXPECT_EQ(p.l3_end - p.l3_offset, 20u + 20 + kInnerPayload);
    EXPECT_EQ(p.payload_len, kInnerPayload);
    EXPECT_FALSE(p.status & FS(LENGTH_MISMATCH));
}

TEST(ParseLength, ClaimZeroMeansTheFrame)
{
    packet p4 = parse(segment(Packet().eth().ipv4().set16(2, 0)).bytes());
    packet p6 = parse(segment(Packet().eth().ipv6().set16(4, 0)).bytes());

    EXPECT_EQ(p4.payload_len, kInnerPayload);
    EXPECT_EQ(p4.l3_end, p4.wire_len);
    EXPECT_TRUE(p4.status & FS(LENGTH_MISMATCH));
    EXPECT_EQ(p6.payload_len, kInnerPayload);
    EXPECT_EQ(p6.l3_end, p6.wire_len);
}

TEST(ParseLength, ClaimZeroOfAnEmptyIpv6PacketIsZero)
{
    packet p = parse(Packet().eth().ipv6().bytes() + Bytes(6));

    EXPECT_EQ(p.ip_proto, 59);
    EXPECT_EQ(p.l3_end - p.l3_offset, 40u);
}

TEST(ParseLength, ClaimAboveTheWireIsKeptAndFlagged)
{
    packet p = parse(segment(Packet().eth().ipv4().set16(2, 1500)).bytes());

    EXPECT_EQ(p.l3_end - p.l3_offset, 1500u);
    EXPECT_EQ(p.payload_len, 1460u);
    EXPECT_TRUE(p.status & FS(LENGTH_MISMATCH));
    EXPECT_FALSE(p.status & FS(L3_SNAPPED)); // the file holds all that was on the wire

    p = parse(segment(Packet().eth().ipv6().set16(4, 1500)).bytes());
    EXPECT_EQ(p.payload_len, 1480u);
    EXPECT_TRUE(p.status & FS(LENGTH_MISMATCH));
}

TEST(ParseLength, ClaimThatCutsTheTransportHeader)
{
    Packet frame = Packet().eth().ipv4();
    auto claim = [](std::uint32_t total) { return parse(segment(Packet().eth().ipv4().set16(2, total)).bytes()); };

    EXPECT_FALSE(claim(23).flags & PACKET_HAS_PORTS);
    EXPECT_TRUE(claim(24).flags & PACKET_HAS_PORTS);
    EXPECT_FALSE(claim(35).flags & PACKET_HAS_TCP);
    EXPECT_TRUE(claim(36).flags & PACKET_HAS_TCP);
    EXPECT_EQ(claim(36).payload_len, 0u);
    EXPECT_EQ(claim(23).src_port, 0);
}

TEST(ParseBrokenIp, MakesAnL2Flow)
{
    struct Case {
        const char* name;
        Packet frame;
        std::uint64_t bits;
    };
    const Case cases[] = {
        {"ihl 4", segment(Packet().eth().ipv4().set8(0, 0x44)), FS(IPV4_HEADER_SHORT) | FS(IP_BOGUS)},
        {"version 5", segment(Packet().eth().ipv4().set8(0, 0x55)), FS(IP_BOGUS)},
        {"total below header", segment(Packet().eth().ipv4().set16(2, 19)), FS(IP_BOGUS)},
        {"total below options", segment(Packet().eth().ipv4("10.0.0.1", "10.0.0.2", 2).set16(2, 27)), FS(IP_BOGUS)},
        {"version 4 as IPv6", segment(Packet().eth().ipv6().set8(0, 0x45)), FS(IP_BOGUS)},
    };

    for (const Case& c : cases) {
        packet p = parse(c.frame.bytes());

        SCOPED_TRACE(c.name);
        EXPECT_EQ(p.ip_version, 0);
        EXPECT_EQ(p.status & (c.bits | FS(L2_FLOW)), c.bits | FS(L2_FLOW));
        EXPECT_FALSE(p.flags & PACKET_NO_FLOW);
        EXPECT_EQ(p.ip_proto, 0);
        EXPECT_EQ(p.src_port, 0);
    }
}

TEST(ParseBrokenIp, VersionSixUnderTheIpv4EthertypeIsIpv6)
{
    Bytes frame = segment(Packet().eth().ipv6()).bytes();

    put16(frame, 12, 0x0800);
    packet p = parse(frame);
    EXPECT_EQ(p.ip_version, 6);
    EXPECT_EQ(p.dst_port, kInnerDstPort);
    EXPECT_EQ(header_names(p), "eth:ipv6:tcp");
}

// Datagrams that leave their length to segmentation end with what encloses them, not with the frame's padding.
TEST(ParseLength, ALengthLeftOutEndsWithTheEnclosingHeader)
{
    auto eth = [] { return Packet().eth(); };
    auto open4 = [](Packet outer) {
        return outer.ipv4("192.168.7.1", "192.168.7.2").set16(2, 0).udp(1, 2).payload(10).trailer(20);
    };
    auto open6 = [](Packet outer) {
        return outer.ipv6("2001:db8:7::1", "2001:db8:7::2").set16(4, 0).udp(1, 2).payload(10).trailer(20);
    };
    const Packet frames4[] = {
        open4(eth().ipv4()),
        open4(eth().ipv6()),
        open4(eth().ipv4().gre()),
        open4(eth().ipv4().gre().eth().vlan(7)),
        open4(eth().ipv4().etherip().eth()),
        open4(eth().ipv4().mpls(16, true)),
        open4(eth().ipv6().destination_options()),
        open4(eth().ipv4().ipv4().ipv4()),
        open4(eth().pppoe().ppp(false)),
        open4(eth().vlan(5).pppoe().ppp(false)),
        open4(Packet().eth_length().llc_snap()),
        open4(eth().vlan(5).raw("802.3", {}, 8 + 38).raw("snap", hex("aaaa03 000000 0800"))),
    };
    const Packet frames6[] = {
        open6(eth().ipv4()),
        open6(eth().ipv6().routing()),
        open6(eth().ipv4().gre().ppp()),
        open6(eth().pppoe().ppp(false)),
    };

    for (const Packet& frame : frames4) {
        packet p = parse(frame.bytes());

        SCOPED_TRACE(frame.describe());
        EXPECT_EQ(p.dst_port, 2);
        EXPECT_EQ(packet_octets(&p), 38u);
        EXPECT_EQ(p.payload_len, 10u);
        EXPECT_TRUE(p.status & FS(LENGTH_MISMATCH)); // no length at all is none that fits
    }
    for (const Packet& frame : frames6) {
        packet p = parse(frame.bytes());

        SCOPED_TRACE(frame.describe());
        EXPECT_EQ(p.dst_port, 2);
        EXPECT_EQ(packet_octets(&p), 58u);
        EXPECT_EQ(p.payload_len, 10u);
    }
}

TEST(ParseLength, WithoutAnEnclosingLengthTheFrameIsTheBound)
{
    packet p = parse(Packet().eth().vlan(5).ipv4().set16(2, 0).udp(1, 2).payload(10).trailer(20).bytes());

    EXPECT_EQ(packet_octets(&p), 58u);
    // an enclosing header that claims more than there is bounds nothing
    p = parse(Packet().eth().ipv4().set16(2, 1000).ipv4().set16(2, 0).udp(1, 2).payload(10).bytes());
    EXPECT_EQ(packet_octets(&p), 38u);
    // nor one of 16 bits a super-packet longer than 16 bits can say (PPPoE writes what is left of the length)
    Bytes big = Packet().eth().pppoe().ppp(false).ipv4().set16(2, 0).udp(1, 2).payload(10).bytes();
    p = parse(big, 70014);
    EXPECT_EQ(packet_octets(&p), 70014u - 22);
    // a length that ends inside the header leaves the header
    p = parse(Packet().eth().pppoe().set16(4, 3).ppp(false).ipv4().set16(2, 0).udp(1, 2).payload(10).bytes());
    EXPECT_EQ(packet_octets(&p), 20u);
}

TEST(ParseFragment, Ipv4FirstAndLater)
{
    packet first = parse(segment(Packet().eth().vlan(5).ipv4().fragment4(77, 0, true)).bytes());
    packet middle =
        parse(Packet().eth().vlan(5).ipv4().fragment4(77, 3, true).raw("rest", Bytes(8), 0xffff, 6).bytes());
    packet last = parse(Packet().eth().vlan(5).ipv4().fragment4(77, 4, false).raw("rest", Bytes(5), 0xffff, 6).bytes());

    EXPECT_EQ(first.flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT), PACKET_FIRST_FRAGMENT);
    EXPECT_EQ(first.dst_port, kInnerDstPort);
    EXPECT_EQ(middle.flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT | PACKET_LAST_FRAGMENT),
              PACKET_LATER_FRAGMENT);
    EXPECT_EQ(last.flags & (PACKET_LATER_FRAGMENT | PACKET_LAST_FRAGMENT),
              PACKET_LATER_FRAGMENT | PACKET_LAST_FRAGMENT);
    for (const packet& p : {first, middle, last}) {
        EXPECT_TRUE(p.status & FS(FRAGMENT));
        EXPECT_EQ(p.fragment_id, 77u);
        EXPECT_EQ(p.fragment_vlan, 5);
        EXPECT_EQ(p.fragment_proto, 6);
        EXPECT_EQ(p.fragment_version, 4);
    }
    EXPECT_EQ(middle.src_port, 0);
    EXPECT_EQ(middle.payload_len, 8u);
    EXPECT_EQ(middle.fragment_offset, 3);
    EXPECT_TRUE(middle.status & FS(STOP_DISSECT));
}

TEST(ParseFragment, Ipv6FirstAndLater)
{
    packet first = parse(segment(Packet().eth().ipv6().hop_by_hop().fragment6(0x12345678, 0, true)).bytes());
    packet later = parse(
        Packet().eth().ipv6().hop_by_hop().fragment6(0x12345678, 9, false).raw("rest", Bytes(8), 0xffff, 6).bytes());
    packet atomic = parse(segment(Packet().eth().ipv6().fragment6(1, 0, false)).bytes());

    EXPECT_TRUE(first.flags & PACKET_FIRST_FRAGMENT);
    EXPECT_EQ(first.dst_port, kInnerDstPort);
    EXPECT_EQ(first.fragment_id, 0x12345678u);
    EXPECT_TRUE(later.flags & PACKET_LATER_FRAGMENT);
    EXPECT_TRUE(later.flags & PACKET_LAST_FRAGMENT);
    EXPECT_EQ(later.ip_proto, 6);
    EXPECT_EQ(later.src_port, 0);
    EXPECT_EQ(later.payload_len, 8u);
    EXPECT_EQ(later.fragment_offset, 9);
    EXPECT_FALSE(atomic.flags & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT)); // RFC 6946
    EXPECT_TRUE(atomic.status & FS(FRAGMENT));
    EXPECT_EQ(atomic.dst_port, kInnerDstPort);
}

TEST(ParseFragment, OfATunnelLeadsToTheInnermostFlow)
{
    fragment_slot slot{};
    flow_key first_key{}, later_key{};
    packet first =
        parse(with_inner4(Packet().eth().ipv4().fragment4(9, 0, true).udp(40000, 4789).vxlan(1).eth().vlan(7)).bytes());
    packet later = parse(Packet().eth().ipv4().fragment4(9, 60, false).raw("rest", Bytes(64), 0xffff, 17).bytes());

    ASSERT_EQ(first.dst_port, kInnerDstPort);
    EXPECT_EQ(first.vlan_id, 7);
    EXPECT_EQ(first.fragment_vlan, 0); // the fragmented header is the outer one, and untagged
    EXPECT_EQ(first.fragment_proto, 17);
    std::uint32_t reverse = flow_key_from(&first, FLOW_KEY_VLAN, &first_key);
    EXPECT_EQ(fragment_book(&slot, &first, FLOW_KEY_VLAN, &first_key, &reverse), FRAGMENT_REGISTERED);
    reverse = flow_key_from(&later, FLOW_KEY_VLAN, &later_key);
    EXPECT_EQ(later_key.lo_port, 0);
    EXPECT_EQ(fragment_book(&slot, &later, FLOW_KEY_VLAN, &later_key, &reverse), FRAGMENT_FOUND);
    EXPECT_TRUE(flow_key_equal(&first_key, &later_key));
}

TEST(ParseTransport, TcpHeaderAndOptions)
{
    Bytes options = hex("0204 05b4 0402 080a 00000011 00000022 01 0303 07");
    packet p = parse(Packet().eth().ipv4().tcp(1, 2, 65535, TCP_SYN, options).bytes());

    EXPECT_EQ(p.tcp_header_len, 40);
    EXPECT_EQ(p.tcp_mss, 1460);
    EXPECT_EQ(p.tcp_window_scale, 7);
    EXPECT_EQ(p.tcp_ts_value, 0x11u);
    EXPECT_EQ(p.tcp_ts_echo, 0x22u);
    EXPECT_EQ(p.tcp_options, (1u << 2) | (1u << 4) | (1u << 8) | (1u << 1) | (1u << 3));
    EXPECT_EQ(p.payload_len, 0u);

    // an option that claims more than the header holds
    p = parse(Packet().eth().ipv4().tcp(1, 2, 3, TCP_SYN, hex("02200000")).bytes());
    EXPECT_TRUE(p.flags & PACKET_BAD_TCP_OPTION);
    EXPECT_FALSE(p.flags & PACKET_HAS_MSS);
    // a header length below 20: ports, but neither flags nor window
    p = parse(Packet().eth().ipv4().tcp(1, 2, 3).set8(12, 0x40).bytes());
    EXPECT_TRUE(p.flags & PACKET_HAS_PORTS);
    EXPECT_FALSE(p.flags & PACKET_HAS_TCP);
    // a header length beyond the datagram: no payload
    p = parse(segment(Packet().eth().ipv4()).set8(0, 'x').bytes());
    p = parse(Packet().eth().ipv4().tcp(1, 2, 3).set8(12, 0x51).payload(4).bytes());
    EXPECT_EQ(p.tcp_flags_high, 1) << "AE is the bit beside the data offset (RFC 9768)";
    EXPECT_TRUE(p.flags & PACKET_HAS_TCP);
    EXPECT_FALSE(p.flags & PACKET_HAS_ICMP);
    p = parse(Packet().eth().ipv4().tcp(1, 2, 3).set8(12, 0xf0).payload(4).bytes());
    EXPECT_EQ(p.payload_len, 0u);
    EXPECT_TRUE(p.flags & PACKET_HAS_TCP);
}

TEST(ParseTransport, PortsOfTheOthers)
{
    packet udp = parse(Packet().eth().ipv4().udp(5000, 53).payload(30).bytes());
    packet sctp = parse(Packet().eth().ipv6().sctp(7, 8).payload(16).bytes());
    packet icmp = parse(Packet().eth().ipv4().icmp(3, 1).ipv4().udp(1, 4789).payload(3).bytes());
    packet icmp6 = parse(Packet().eth().ipv6().icmpv6(135, 0).payload(20).bytes());
    packet esp = parse(Packet().eth().ipv4().raw("esp", Bytes(40), 0xffff, 50).bytes());

    EXPECT_EQ(udp.dst_port, 53);
    EXPECT_EQ(udp.payload_len, 30u);
    EXPECT_EQ(sctp.src_port, 7);
    EXPECT_EQ(sctp.dst_port, 8);
    EXPECT_EQ(sctp.payload_len, 16u);
    EXPECT_TRUE(sctp.status & FS(SCTP));
    EXPECT_EQ(icmp.ip_proto, 1); // the quoted datagram is payload
    EXPECT_EQ(icmp.icmp_type, 3);
    EXPECT_EQ(icmp.icmp_code, 1);
    EXPECT_TRUE(icmp.flags & PACKET_HAS_ICMP);
    EXPECT_TRUE(icmp6.flags & PACKET_HAS_ICMP);
    EXPECT_FALSE(udp.flags & PACKET_HAS_ICMP);
    EXPECT_EQ(icmp.src_port, 0);
    EXPECT_EQ(icmp6.icmp_type, 135);
    EXPECT_EQ(icmp6.ip_proto, 58);
    EXPECT_EQ(esp.ip_proto, 50);
    EXPECT_TRUE(esp.status & FS(IPSEC_ESP));
    EXPECT_EQ(esp.dst_port, 0);
}

TEST(ParseTransport, LandAttack)
{
    Packet frame = Packet().eth().ipv4("10.0.0.1", "10.0.0.1").tcp(80, 80, 1, TCP_SYN);

    EXPECT_TRUE(parse(frame.bytes()).status & FS(LAND_ATTACK));
    EXPECT_FALSE(parse(segment(Packet().eth().ipv4("10.0.0.1", "10.0.0.1")).bytes()).status & FS(LAND_ATTACK));
}

} // namespace
} // namespace flowxdp::test
