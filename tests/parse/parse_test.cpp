// SPDX-License-Identifier: BSD-2-Clause
// parse_test.cpp - every encapsulation leads to the inner TCP segment, and a tunnel without IP leaves the outer flow.
#include <gtest/gtest.h>

#include <cstring>

#include "support/encapsulations.h"

namespace flowxdp::test {
namespace {

class ParseEncapsulation : public testing::TestWithParam<Encapsulation> {};

TEST_P(ParseEncapsulation, ReachesTheInnerSegment)
{
    const Encapsulation& e = GetParam();
    packet p = parse(e.packet.bytes());

    SCOPED_TRACE(e.packet.describe());
    ASSERT_NE(p.ip_version, 0);
    EXPECT_EQ(p.ip_proto, 6);
    EXPECT_TRUE(p.flags & PACKET_HAS_PORTS);
    ASSERT_TRUE(p.flags & PACKET_HAS_TCP);
    EXPECT_EQ(p.src_port, kInnerSrcPort);
    EXPECT_EQ(p.dst_port, kInnerDstPort);
    EXPECT_EQ(p.tcp_window, kInnerWindow);
    EXPECT_EQ(p.tcp_seq, 0x01020304u);
    EXPECT_EQ(p.tcp_ack, 0x05060708u);
    EXPECT_EQ(p.tcp_flags, TCP_PSH | TCP_ACK);
    EXPECT_EQ(p.payload_len, kInnerPayload);
    EXPECT_EQ(p.vlan_id, e.vlan_id);
    // "ipv4{2}" stands for two names in the table above; only vlan and mpls repeat as counts in the stack itself
    std::string expected = e.headers;
    for (std::string twice : {"ipv4", "ipv6"})
        if (std::size_t at = expected.find(twice + "{2}"); at != std::string::npos)
            expected.replace(at, twice.size() + 3, twice + ":" + twice);
    EXPECT_EQ(header_names(p), expected);
    EXPECT_FALSE(p.status & (FS(LENGTH_MISMATCH) | FS(STOP_DISSECT) | FS(IP_BOGUS) | FS(L2_FLOW) | FS(NO_ETHERNET)));
    EXPECT_EQ(p.mac_dst[5], 1);
    EXPECT_EQ(p.mac_src[5], 2);
}

INSTANTIATE_TEST_SUITE_P(All, ParseEncapsulation, testing::ValuesIn(ethernet_encapsulations()),
                         [](const auto& param) { return test_name(param.param); });

TEST(ParseTunnel, RaisesItsFlowStatBit)
{
    struct Case {
        const char* name;
        std::uint64_t bits;
    };
    const Case cases[] = {
        {"vlan", FS(VLAN)},
        {"mpls", FS(MPLS_UNICAST)},
        {"pppoe", FS(PPPOE_SESSION)},
        {"priority_tag", FS(VLAN) | FS(PRIORITY_TAG)},
        {"gre", FS(GRE)},
        {"pptp", FS(GRE) | FS(PPP)},
        {"erspan2", FS(GRE) | FS(ERSPAN)},
        {"erspan1", FS(ERSPAN)},
        {"wccp2", FS(GRE) | FS(WCCP)},
        {"ipip", FS(IP_IN_IP)},
        {"6in4", FS(IP_IN_IP) | FS(IPV6_FLOW) | FS(IPV6_PACKET)},
        {"etherip", FS(ETHERIP)},
        {"vxlan", FS(VXLAN)},
        {"geneve", FS(GENEVE)},
        {"gtp", FS(GTP)},
        {"l2tp", FS(L2TP) | FS(PPP)},
        {"teredo", FS(TEREDO)},
        {"ayiya", FS(AYIYA)},
        {"capwap_80211", FS(CAPWAP)},
        {"lwapp", FS(CAPWAP)},
        {"ah_ipv4", FS(IPSEC_AH)},
    };

    for (const Case& c : cases)
        for (const Encapsulation& e : ethernet_encapsulations()) {
            if (e.name == c.name) {
                EXPECT_EQ(parse(e.packet.bytes()).status & c.bits, c.bits) << c.name;
            }
        }
}

// What the outer flow must be when the tunnel holds no IP.
void expect_outer_udp(const Packet& frame, std::uint16_t port)
{
    packet p = parse(frame.bytes());

    SCOPED_TRACE(frame.describe());
    EXPECT_EQ(p.ip_version, 4);
    EXPECT_EQ(p.ip_proto, 17);
    EXPECT_EQ(p.src_port, 40000);
    EXPECT_EQ(p.dst_port, port);
    EXPECT_EQ(p.l3_offset, 14u);
    EXPECT_EQ(p.vlan_id, 0);
    EXPECT_EQ(p.ethertype, 0x0800);
    EXPECT_EQ(header_names(p), "eth:ipv4:udp");
    EXPECT_EQ(p.status, FS(IPV4_FLOW) | FS(IPV4_PACKET));
    EXPECT_EQ(p.vlan_count, 0);
}

TEST(ParseTunnel, WithoutIpInsideLeavesTheOuterFlow)
{
    auto udp = [](std::uint32_t port) { return Packet().eth().ipv4().udp(40000, port); };
    auto arp = [](Packet outer) { return outer.eth().raw("arp", Bytes(28), 0x0806); };

    expect_outer_udp(arp(udp(4789).vxlan(1)), 4789);
    expect_outer_udp(udp(4789).vxlan(1).eth().vlan(7).raw("arp", Bytes(28), 0x0806), 4789); // the tag is not its own
    expect_outer_udp(arp(udp(6081).geneve()), 6081);
    expect_outer_udp(udp(2152).gtp().raw("?", hex("ff03c021")), 2152);
    expect_outer_udp(udp(2152).raw("echo", hex("3201000400000000 00010000")), 2152);
    expect_outer_udp(udp(1701).l2tp().ppp().raw("lcp", hex("01010004")), 1701);
    expect_outer_udp(udp(3544).teredo_origin().payload(40), 3544);
    expect_outer_udp(udp(5247).capwap(true).dot11(0x41, true, false, true).payload(40), 5247); // encrypted
    expect_outer_udp(udp(4789).payload(100), 4789);                                            // not VXLAN at all
    expect_outer_udp(udp(6081).payload(100), 6081);
    expect_outer_udp(udp(5072).payload(100), 5072);
    expect_outer_udp(udp(4789).vxlan(1).eth().ipv4().set8(0, 0x44).tcp(1, 2, 3), 4789); // broken inner header
}

TEST(ParseTunnel, GreWithoutIpInsideLeavesTheGreFlow)
{
    packet p = parse(Packet().eth().vlan(5).ipv4().gre(0).eth().vlan(7).raw("arp", Bytes(28), 0x0806).bytes());

    EXPECT_EQ(p.ip_proto, 47);
    EXPECT_EQ(p.vlan_id, 5);
    EXPECT_EQ(p.vlan_count, 2);
    EXPECT_EQ(p.src_port, 0);
    EXPECT_EQ(p.payload_len, 4u + 18 + 28);
}

TEST(ParseTunnel, PptpAcknowledgementHasNoPayload)
{
    packet p = parse(Packet().eth().ipv4().pptp(false, true).raw("padding", Bytes(20, 0x21)).bytes());

    EXPECT_EQ(p.ip_proto, 47);
    EXPECT_EQ(header_names(p), "eth:ipv4:gre");
}

TEST(ParseTunnel, L2tpOffsetBeyondTheFrameEndsDissection)
{
    Bytes frame = with_inner4(Packet().eth().ipv4().udp(40000, 1701).l2tp(false, true).ppp()).bytes();

    put16(frame, 14 + 20 + 8 + 6, 0x0403); // 3 + 1024: must not wrap to 3
    EXPECT_EQ(parse(frame).ip_proto, 17);
}

TEST(ParseTunnel, TheDestinationsPortDecides)
{
    // 2152 says GTP, 4789 says VXLAN; the payload is GTP
    EXPECT_EQ(header_names(parse(with_inner4(Packet().eth().ipv4().udp(4789, 2152).gtp()).bytes())),
              "eth:ipv4:udp:gtp:ipv4:tcp");
    EXPECT_EQ(header_names(parse(with_inner4(Packet().eth().ipv4().udp(2152, 4789).gtp()).bytes())), "eth:ipv4:udp");
}

TEST(ParseTunnel, EtherIpOfAnotherVersionIsNotEntered)
{
    packet p = parse(with_inner4(Packet().eth().ipv4().etherip().set8(0, 0x40).eth()).bytes());

    EXPECT_EQ(p.ip_proto, 97);
    EXPECT_EQ(header_names(p), "eth:ipv4:etherip");
}

TEST(ParseTunnel, AMacThatBeginsAsIpBehindMpls)
{
    // RFC 4928: 4a... and 6a... look like IP versions; lengths and the type tell
    for (const char* mac : {"4a0000000001", "6a0000000001", "400000000001"}) {
        packet p = parse(with_inner4(Packet().eth().mpls(16, true).eth(mac, "4affffff0002")).bytes());

        EXPECT_EQ(header_names(p), "eth:mpls:pw:eth:ipv4:tcp") << mac;
    }
}

TEST(ParseTunnel, ErspanVersionDecides)
{
    Packet frame = with_inner4(
        Packet().eth().ipv4().raw("erspan", hex("1000 88be 00000001 2001 0001 00000000 0000 0000"), 0xffff, 47).eth());

    EXPECT_EQ(header_names(parse(frame.bytes())), "eth:ipv4:gre:erspan:eth:ipv4:tcp");
}

TEST(ParseDepth, EndsAfterTwentyHeaders)
{
    Packet frame = Packet().eth();

    for (int i = 0; i < 30; i++)
        frame.vlan(static_cast<std::uint32_t>(i + 1));
    packet p = parse(with_inner4(frame).bytes());

    EXPECT_EQ(p.ip_version, 0);
    EXPECT_EQ(p.steps, PACKET_MAX_HEADERS);
    EXPECT_TRUE(p.status & FS(STOP_DISSECT));
    EXPECT_TRUE(p.status & FS(HEADERS_OVERRUN));
    EXPECT_TRUE(p.status & FS(L2_FLOW));
    EXPECT_EQ(header_names(p), "eth:vlan{19}");
    EXPECT_EQ(p.vlan_count, 19);
    EXPECT_EQ(p.vlan_stack[2], 3);

    Packet ipip = Packet().eth();
    for (int i = 0; i < 25; i++)
        ipip.ipv4();
    p = parse(with_inner4(ipip).bytes());
    EXPECT_EQ(p.ip_proto, 4); // the last header reached
    EXPECT_TRUE(p.status & FS(STOP_DISSECT));
}

TEST(ParseLink, L2FramesKeepTheirEthertype)
{
    struct Case {
        Packet frame;
        std::uint16_t ethertype;
        std::uint64_t bit;
        const char* headers;
    };
    const Case cases[] = {
        {Packet().eth().raw("arp", Bytes(28), 0x0806), 0x0806, FS(ARP), "eth:arp"},
        {Packet().eth().vlan(5).raw("arp", Bytes(28), 0x0806), 0x0806, FS(ARP) | FS(VLAN), "eth:vlan:arp"},
        {Packet().eth().raw("rarp", Bytes(28), 0x8035), 0x8035, FS(RARP), "eth:rarp"},
        {Packet().eth().raw("lldp", Bytes(28), 0x88cc), 0x88cc, FS(LLDP), "eth:lldp"},
        {Packet().eth().raw("padi", Bytes(28), 0x8863), 0x8863, FS(PPPOE_DISCOVERY), "eth:pppoed"},
        {Packet().eth().raw("eapol", Bytes(28), 0x888e), 0x888e, FS(STOP_DISSECT), "eth:UNK(0x888e)"},
        {Packet().eth_length().raw("stp", hex("424203 0000") + Bytes(35)), 0x4242, FS(STOP_DISSECT), "eth:llc"},
    };

    for (const Case& c : cases) {
        packet p = parse(c.frame.bytes());

        SCOPED_TRACE(c.frame.describe());
        EXPECT_EQ(p.ip_version, 0);
        EXPECT_EQ(p.ethertype, c.ethertype);
        EXPECT_EQ(p.status & (c.bit | FS(L2_FLOW)), c.bit | FS(L2_FLOW));
        EXPECT_EQ(header_names(p), c.headers);
        EXPECT_EQ(p.l2_header_len, p.wire_len);
        EXPECT_FALSE(p.flags & PACKET_NO_FLOW);
    }
}

// IEEE 802.11-2016 9.3.2.2.2: a subframe's length counts what follows its 14 bytes; all but the last are padded to
// four.
TEST(ParseDot11, SaysWhenAnAggregatedFrameHasMoreThanOneSubframe)
{
    // LLC, SNAP and an IPv4 header without payload: 8 + 20 bytes, one more for the odd length.
    const Bytes inner = hex("aaaa030000000800"
                            "450000140001000040110000c0000201c0000202");
    for (const std::size_t odd : {0u, 1u}) {
        Bytes one = hex("020000000011020000000012") + Bytes{0, static_cast<std::uint8_t>(inner.size() + odd)} + inner;
        one.resize(one.size() + odd);
        Bytes padded = one;
        padded.resize((one.size() + 3) / 4 * 4);
        auto flags_of = [](const Bytes& body) {
            Packet frame;
            frame.dot11(1, true, true).raw("subframes", body);
            return parse(frame.bytes(), 0, HEADER_KIND_DOT11).flags & PACKET_MORE_SUBFRAMES;
        };
        EXPECT_EQ(flags_of(one), 0) << odd;
        EXPECT_EQ(flags_of(padded + Bytes(4)), 0) << "a frame check sequence is no subframe";
        EXPECT_EQ(flags_of(padded + one), PACKET_MORE_SUBFRAMES) << odd;
    }
    // Not aggregated: what looks like a length is payload.
    Packet plain;
    plain.dot11(1, true, false).raw("llc", inner + Bytes(64));
    EXPECT_EQ(parse(plain.bytes(), 0, HEADER_KIND_DOT11).flags & PACKET_MORE_SUBFRAMES, 0);
}

TEST(ParseDot11, FollowsDataFrames)
{
    struct Case {
        Packet frame;
        std::uint32_t kind;
        unsigned dst, src; // which of the four addresses
    };
    auto inner = [](Packet p) { return with_inner4(p.llc_snap()); };
    const Case cases[] = {
        {inner(Packet().dot11(0)), HEADER_KIND_DOT11, 1, 2},
        {inner(Packet().dot11(1)), HEADER_KIND_DOT11, 3, 2},                          // to the distribution system
        {inner(Packet().dot11(2, true)), HEADER_KIND_DOT11, 1, 3},                    // from it
        {inner(Packet().dot11(3, true)), HEADER_KIND_DOT11, 3, 4},                    // WDS
        {inner(Packet().dot11(0x81, true)), HEADER_KIND_DOT11, 3, 2},                 // HT control
        {inner(Packet().dot11(1, true, true).eth_length()), HEADER_KIND_DOT11, 3, 2}, // A-MSDU
        {inner(Packet().dot11(1, true).raw("pad", Bytes(2))), HEADER_KIND_DOT11_PADDED, 3, 2},
        {inner(Packet().dot11(3).raw("pad", Bytes(2))), HEADER_KIND_DOT11_PADDED, 3, 4},
        {inner(Packet().dot11(3, true)), HEADER_KIND_DOT11_PADDED, 3, 4}, // 32 bytes: nothing to pad
        {inner(Packet().dot11(1)), HEADER_KIND_DOT11_PADDED, 3, 2},
    };

    for (const Case& c : cases) {
        packet p = parse(c.frame.bytes(), 0, c.kind);

        SCOPED_TRACE(c.frame.describe());
        EXPECT_EQ(p.dst_port, kInnerDstPort);
        EXPECT_EQ(p.tcp_window, kInnerWindow);
        EXPECT_EQ(p.mac_dst[5], c.dst);
        EXPECT_EQ(p.mac_src[5], c.src);
        EXPECT_TRUE(p.status & FS(NO_ETHERNET));
    }
}

TEST(ParseDot11, AFragmentNumberOfAWholeFrameIsIgnored)
{
    Bytes frame = with_inner4(Packet().dot11(1).llc_snap()).bytes();

    frame[22] = 1; // as a Cisco access point sends it in CAPWAP
    EXPECT_EQ(parse(frame, 0, HEADER_KIND_DOT11).dst_port, kInnerDstPort);
}

TEST(ParseDot11, OthersAreL2Flows)
{
    Bytes encrypted = with_inner4(Packet().dot11(0x41).llc_snap()).bytes();
    Bytes null_data = Packet().dot11(1).bytes();
    Bytes ack = hex("d4000000 020000000009");

    null_data[0] = 0x48;
    for (const Bytes& frame : {encrypted, null_data, ack}) {
        packet p = parse(frame, 0, HEADER_KIND_DOT11);

        EXPECT_EQ(p.ip_version, 0);
        EXPECT_EQ(header_names(p), "wlan");
        EXPECT_FALSE(p.flags & PACKET_NO_FLOW);
    }
}

} // namespace
} // namespace flowxdp::test
