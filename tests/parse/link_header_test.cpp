// SPDX-License-Identifier: BSD-2-Clause
// link_header_test.cpp - every link type leads the parser to the same inner segment; cut and foreign ones are told
// apart.
#include "link/link_header.h"

#include <gtest/gtest.h>

#include <memory>
#include <tuple>

#include "support/encapsulations.h"

namespace flowxdp::test {
namespace {

struct LinkCase {
    const char* name;
    std::uint32_t link_type;
    Bytes link; // bytes in front of what Packet builds
    Packet behind;
    const char* headers; // hdrDesc
    std::uint16_t vlan_id = 0;
};

Bytes zeros(std::size_t n)
{
    return Bytes(n);
}

std::vector<LinkCase> link_cases()
{
    const Packet ip4 = with_inner4(Packet());
    const Packet ip6 = with_inner6(Packet());
    const Packet eth = with_inner4(Packet().eth());
    const Packet snap = with_inner4(Packet().llc_snap());
    const Packet ppp = with_inner4(Packet().ppp());
    const Packet ppp_bare = with_inner4(Packet().ppp(false));
    const Packet wlan = with_inner4(Packet().dot11(1, true).llc_snap());
    const Bytes macs = hex("020000000001 020000000002");
    const Bytes pktap = hex("6c000000 01000000 01000000") + zeros(0x6c - 12);

    return {
        {"null_little", 0, hex("02000000"), ip4, "null:ipv4:tcp"},
        {"null_big", 0, hex("00000002"), ip4, "null:ipv4:tcp"},
        {"null_linux6", 0, hex("0a000000"), ip6, "null:ipv6:tcp"},
        {"null_netbsd6", 0, hex("18000000"), ip6, "null:ipv6:tcp"},
        {"null_freebsd6", 0, hex("0000001c"), ip6, "null:ipv6:tcp"},
        {"null_darwin6", 0, hex("1e000000"), ip6, "null:ipv6:tcp"},
        {"null_windows6", 0, hex("17000000"), ip6, "null:ipv6:tcp"},
        {"null_ethertype", 0, hex("00000800"), ip4, "null:ipv4:tcp"},
        {"null_ethertype_behind_anything", 0, hex("0f00 0800"), ip4, "null:ipv4:tcp"},
        {"null_ethertype6_behind_a_family", 0, hex("0200 86dd"), ip6, "null:ipv6:tcp"},
        {"null_mpls", 0, hex("0f00 8847"), with_inner4(Packet().mpls(16, true)), "null:mpls:ipv4:tcp"},
        {"null_irix_and_rubbish", 0, hex("0002 beef"), ip4, "null:ipv4:tcp"},
        {"null_16_bits", 0, hex("00020000"), ip4, "null:ipv4:tcp"},
        {"null_ppp", 0, {}, ppp, "ppp:ipv4:tcp"},
        {"loop", 108, hex("00000002"), ip4, "loop:ipv4:tcp"},
        {"loop_openbsd6", 108, hex("00000018"), ip6, "loop:ipv6:tcp"},
        {"ethernet", 1, {}, eth, "eth:ipv4:tcp"},
        {"token_ring", 6, hex("1040") + macs, snap, "tr:snap:ipv4:tcp"},
        {"token_ring_routed", 6, hex("1040 020000000001 820000000002 0610 0011 0020"), snap, "tr:snap:ipv4:tcp"},
        {"arcnet", 7, hex("0102 d4 00 0001"), ip4, "ipv4:tcp"},
        {"arcnet_linux", 129, hex("0102 0000 d4 00 0001"), ip4, "ipv4:tcp"},
        {"slip", 8, zeros(16), ip4, "ipv4:tcp"},
        {"ppp", 9, {}, ppp_bare, "ppp:ipv4:tcp"},
        {"ppp_hdlc", 50, {}, ppp, "ppp:ipv4:tcp"},
        {"ppp_hdlc_cisco", 50, hex("0f00 0800"), ip4, "chdlc:ipv4:tcp"},
        {"ppp_ether", 51, {}, with_inner4(Packet().pppoe().ppp(false)), "pppoe:ppp:ipv4:tcp"},
        {"ppp_pppd", 166, hex("0003"), ppp_bare, "ppp:ipv4:tcp"},
        {"ppp_with_dir", 204, hex("01"), ppp, "ppp:ipv4:tcp"},
        {"fddi", 10, hex("50") + macs, snap, "fddi:snap:ipv4:tcp"},
        {"atm_llc", 100, {}, snap, "atm:snap:ipv4:tcp"},
        {"atm_nlpid", 100, hex("fefe03 cc"), ip4, "atm:llc:ipv4:tcp"},
        {"atm_nlpid6", 100, hex("fefe03 8e"), ip6, "atm:llc:ipv6:tcp"},
        {"atm_llc_ppp", 100, hex("fefe03 cf"), ppp_bare, "atm:llc:ppp:ipv4:tcp"},
        {"atm_raw", 11, {}, ip4, "atm:ipv4:tcp"},
        {"atm_clip", 106, {}, ip4, "atm:ipv4:tcp"},
        {"atm_clip_llc", 106, {}, snap, "atm:snap:ipv4:tcp"},
        {"sunatm", 123, hex("02 00 0064"), snap, "sunatm:snap:ipv4:tcp"},
        {"sunatm_lane", 123, hex("01 00 0064 0001"), eth, "sunatm:eth:ipv4:tcp"},
        {"raw_12", 12, {}, ip4, "raw:ipv4:tcp"},
        {"raw_14", 14, {}, ip6, "raw:ipv6:tcp"},
        {"raw", 101, {}, ip6, "raw:ipv6:tcp"},
        {"ipv4", 228, {}, ip4, "raw:ipv4:tcp"},
        {"ipv6", 229, {}, ip6, "raw:ipv6:tcp"},
        {"symantec2", 99, zeros(6) + hex("0800") + zeros(36), ip4, "ipv4:tcp"},
        {"symantec3", 99, zeros(36) + hex("86dd") + zeros(18), ip6, "ipv6:tcp"},
        {"chdlc", 104, hex("0f00 86dd"), ip6, "chdlc:ipv6:tcp"},
        {"chdlc_bridged", 104, hex("0f00 6558"), eth, "chdlc:eth:ipv4:tcp"},
        {"chdlc_mpls", 104, hex("0f00 8847"), with_inner4(Packet().mpls(16, true)), "chdlc:mpls:ipv4:tcp"},
        {"chdlc_with_dir", 205, hex("01 0f00 0800"), ip4, "chdlc:ipv4:tcp"},
        {"fr_ipv4", 107, hex("1841 03 cc"), ip4, "fr:ipv4:tcp"},
        {"fr_ipv6_padded", 107, hex("1841 03 00 8e"), ip6, "fr:ipv6:tcp"},
        {"fr_four_bytes", 107, hex("18406041 03 cc"), ip4, "fr:ipv4:tcp"},
        {"fr_cisco", 107, hex("1841 0800"), ip4, "fr:ipv4:tcp"},
        {"fr_snap", 107, hex("1841 03 00 80 000000 0800"), ip4, "fr:ipv4:tcp"},
        {"fr_bridged", 107, hex("1841 03 00 80 0080c2 0007"), eth, "fr:eth:ipv4:tcp"},
        {"fr_ppp", 107, hex("1841 03 cf"), ppp_bare, "fr:ppp:ipv4:tcp"},
        {"fr_with_dir", 206, hex("00 1841 03 cc"), ip4, "fr:ipv4:tcp"},
        {"dot11", 105, {}, wlan, "wlan:snap:ipv4:tcp"},
        {"radiotap", 127, hex("0000 0c00 02000000 00 000000"), wlan, "radiotap:wlan:snap:ipv4:tcp"},
        {"radiotap_padded", 127, hex("0000 1200 03000000 0102030405060708 20 00"),
         with_inner4(Packet().dot11(1, true).raw("pad", zeros(2)).llc_snap()), "radiotap:wlan:snap:ipv4:tcp"},
        {"radiotap_two_present_words", 127, hex("0000 1000 02000080 00000000 20 000000"),
         with_inner4(Packet().dot11(1, true).raw("pad", zeros(2)).llc_snap()), "radiotap:wlan:snap:ipv4:tcp"},
        {"prism", 119, hex("44000000 90000000") + zeros(136), wlan, "prism:wlan:snap:ipv4:tcp"},
        {"prism_is_avs", 119, hex("80211001 00000040") + zeros(56), wlan, "avs:wlan:snap:ipv4:tcp"},
        {"avs", 163, hex("80211001 00000040") + zeros(56), wlan, "avs:wlan:snap:ipv4:tcp"},
        {"ppi_dot11", 192, hex("0000 0c00 69000000 00000000"), wlan, "ppi:wlan:snap:ipv4:tcp"},
        {"ppi_ethernet", 192, hex("0000 0800 01000000"), eth, "ppi:eth:ipv4:tcp"},
        {"ppi_raw", 192, hex("0000 0800 0c000000"), ip4, "ppi:raw:ipv4:tcp"},
        {"sll", 113, hex("0000 0001 0006 020000000002 0000 0800"), ip4, "sll:ipv4:tcp"},
        {"sll_vlan", 113, hex("0000 0001 0006 020000000002 0000 8100 0005 86dd"), ip6, "sll:vlan:ipv6:tcp", 5},
        {"sll_llc", 113, hex("0000 0001 0006 020000000002 0000 0004"), snap, "sll:snap:ipv4:tcp"},
        {"sll_ethernet", 113, hex("0000 0001 0006 020000000002 0000 0003"), eth, "sll:eth:ipv4:tcp"},
        {"sll_token_ring", 113, hex("0000 0320 0006 020000000002 0000 0011"), snap, "sll:snap:ipv4:tcp"},
        {"sll_wan_ppp", 113, hex("0000 0200 0000 0000000000000000 0007"), ppp, "sll:ppp:ipv4:tcp"},
        {"sll_multilink_ppp", 113, hex("0000 0200 0000 0000000000000000 0008"), ppp_bare, "sll:ppp:ipv4:tcp"},
        {"sll_bridged", 113, hex("0000 0001 0006 020000000002 0000 6558"), eth, "sll:eth:ipv4:tcp"},
        {"sll_gre6_bridged", 113, hex("0000 0337 0000 0000000000000000 6558"), eth, "sll:eth:ipv4:tcp"},
        {"sll_gre", 113, hex("0000 030a 0000 0000000000000000 0800"), ip4, "sll:ipv4:tcp"},
        {"sll_radiotap", 113, hex("0000 0323 0006 0000000000000000 0004 0000 0800 00000000"), wlan,
         "sll:radiotap:wlan:snap:ipv4:tcp"},
        {"sll2", 276, hex("86dd 0000 00000001 0001 00 06 020000000002 0000"), ip6, "sll2:ipv6:tcp"},
        {"enc_little", 109, hex("02000000 00001000 00000000"), ip4, "enc:ipv4:tcp"},
        {"enc_big6", 109, hex("00000018 00001000 00000000"), ip6, "enc:ipv6:tcp"},
        {"pflog", 117, hex("3d 02 00 00") + zeros(60), ip4, "pflog:ipv4:tcp"},
        {"pflog6", 117, hex("40 18 00 00") + zeros(60), ip6, "pflog:ipv6:tcp"},
        {"ip_over_fc", 122, zeros(16), snap, "ipfc:snap:ipv4:tcp"},
        {"ip_over_1394", 138, zeros(16) + hex("0800"), ip4, "ipv4:tcp"},
        {"ipnet4", 226, hex("01 02") + zeros(22), ip4, "ipnet:ipv4:tcp"},
        {"ipnet6", 226, hex("01 1a") + zeros(22), ip6, "ipnet:ipv6:tcp"},
        {"nflog_little", 239, hex("02 00 0001 0800 0100 08000100 0500 0a00 00 000000 3700 0900"), ip4,
         "nflog:ipv4:tcp"},
        {"nflog_big6", 239, hex("0a 00 0001 0008 0001 86dd0300 004b 0009"), ip6, "nflog:ipv6:tcp"},
        {"ipoib", 242, zeros(40) + hex("0800 0000"), ip4, "ipoib:ipv4:tcp"},
        {"docsis", 143, hex("00 00 0041 0000"), eth, "eth:ipv4:tcp"},
        {"docsis_extended", 143, hex("01 02 0041 aaaa 0000"), eth, "eth:ipv4:tcp"},
        {"erf_ethernet", 197, zeros(8) + hex("02 00 0000 0000 0000 0000"), eth, "eth:ipv4:tcp"},
        {"erf_extended_ipv4", 197, zeros(8) + hex("96 00 0000 0000 0000 8000000000000000 0000000000000000"), ip4,
         "ipv4:tcp"},
        {"erf_pos", 197, zeros(8) + hex("01 00 0000 0000 0000"), ppp, "ppp:ipv4:tcp"},
        {"mpls", 219, {}, with_inner4(Packet().mpls(16, true)), "mpls:ipv4:tcp"},
        {"netanalyzer", 240, zeros(4), eth, "eth:ipv4:tcp"},
        {"netanalyzer_transparent", 241, zeros(12), eth, "eth:ipv4:tcp"},
        {"juniper_ether", 178, hex("4d4743 80 0006 0100 00000000"), eth, "juniper:eth:ipv4:tcp"},
        {"juniper_no_link", 178, hex("4d4743 02 00000002"), ip4, "juniper:ipv4:tcp"},
        {"juniper_ppp", 179, hex("4d4743 00"), ppp, "juniper:ppp:ipv4:tcp"},
        {"juniper_frame_relay", 180, hex("4d4743 00 1841 03 cc"), ip4, "juniper:fr:ipv4:tcp"},
        {"juniper_chdlc", 181, hex("4d4743 00 0f00 0800"), ip4, "juniper:chdlc:ipv4:tcp"},
        {"pktap_ethernet", 258, pktap, eth, "pktap:eth:ipv4:tcp"},
        {"pktap_null", 258, hex("6c000000 01000000 00000000") + zeros(0x6c - 12) + hex("1e000000"), ip6,
         "pktap:null:ipv6:tcp"},
        {"pktap_user2", 149, pktap, eth, "pktap:eth:ipv4:tcp"},
        {"mpacket_express", 274, hex("55555555555555 d5"), eth, "mpacket:eth:ipv4:tcp"},
        {"mpacket_start", 274, hex("55555555555555 e6"), eth, "mpacket:eth:ipv4:tcp"},
        {"brcm_tag", 281, macs + hex("8000 0003 0800"), ip4, "eth:brcm:ipv4:tcp"},
        {"brcm_tag_vlan", 281, macs + hex("8000 0003 8100 0005 0800"), ip4, "eth:brcm:vlan:ipv4:tcp", 5},
        {"brcm_prepend", 282, hex("80000003"), eth, "brcm:eth:ipv4:tcp"},
        {"dsa_untagged", 284, macs + hex("c0 08 0001 0800"), ip4, "eth:dsa:ipv4:tcp"},
        {"dsa_tagged", 284, macs + hex("e0 08 6005 86dd"), ip6, "eth:dsa:ipv6:tcp", 5},
        {"edsa_tagged", 285, macs + hex("dada 0000 e0 08 0fff 0800"), ip4, "eth:dsa:ipv4:tcp", 4095},
    };
}

Frame frame_of(const std::uint8_t* data, std::size_t size, std::uint32_t link_type)
{
    return {data,     static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(size + 4), 1700000000123456789, 3,
            link_type};
}

struct LinkedFrame {
    const std::uint8_t* bytes;
    frame_meta meta;
};

class LinkHeader : public testing::TestWithParam<LinkCase> {};

TEST_P(LinkHeader, LeadsToTheInnerSegment)
{
    const LinkCase& c = GetParam();
    const Bytes bytes = c.link + c.behind.bytes();
    LinkedFrame linked;
    packet p;

    ASSERT_TRUE(link_type_supported(c.link_type));
    ASSERT_EQ(strip_link_header(frame_of(bytes.data(), bytes.size(), c.link_type), &linked.bytes, &linked.meta),
              LinkOutcome::kOk);
    EXPECT_EQ(linked.meta.ts_ns, 1700000000123456789);
    EXPECT_EQ(linked.meta.if_id, 3u);
    EXPECT_EQ(linked.meta.clock_ns, 0);
    EXPECT_EQ(linked.bytes + linked.meta.cap_len, bytes.data() + bytes.size());
    EXPECT_EQ(linked.meta.wire_len, linked.meta.cap_len + 4);
    packet_parse(linked.bytes, &linked.meta, &kTunnels, 1, 0, &p);
    EXPECT_EQ(p.ip_proto, 6);
    EXPECT_EQ(p.src_port, kInnerSrcPort);
    EXPECT_EQ(p.dst_port, kInnerDstPort);
    EXPECT_EQ(p.tcp_window, kInnerWindow);
    EXPECT_EQ(p.payload_len, kInnerPayload);
    EXPECT_EQ(p.vlan_id, c.vlan_id);
    EXPECT_EQ(header_names(p), c.headers);
    bool ethernet =
        c.link_type == 1 || linked.meta.start_kind == HEADER_KIND_ETHERNET ||
        (linked.meta.start_kind >= HEADER_KIND_ETHERNET_BRCM && linked.meta.start_kind <= HEADER_KIND_ETHERNET_EDSA);
    EXPECT_EQ(static_cast<bool>(p.status & FS(NO_ETHERNET)), !ethernet);
    EXPECT_EQ(p.link_has_mac, ethernet || header_names(p).find("wlan") != std::string::npos ||
                                  header_names(p).find("eth") != std::string::npos);
}

TEST_P(LinkHeader, CutAnywhereReadsNothingBehindTheCut)
{
    const LinkCase& c = GetParam();
    const Bytes bytes = c.link + c.behind.bytes();

    for (std::size_t n = 0; n <= bytes.size(); n++) {
        auto heap = std::make_unique<std::uint8_t[]>(n); // exactly so large, for the sanitizer
        LinkedFrame linked;
        packet p;

        std::copy(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n), heap.get());
        LinkOutcome outcome = strip_link_header(frame_of(heap.get(), n, c.link_type), &linked.bytes, &linked.meta);
        if (outcome != LinkOutcome::kOk) {
            ASSERT_LT(n, c.link.size() + 8) << "cut at " << n;
            continue;
        }
        ASSERT_LE(linked.meta.cap_len, n);
        ASSERT_GE(linked.meta.wire_len, linked.meta.cap_len);
        packet_parse(linked.bytes, &linked.meta, &kTunnels, 1, 1, &p);
        if (p.flags & PACKET_HAS_TCP) {
            ASSERT_EQ(p.dst_port, kInnerDstPort) << "cut at " << n;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, LinkHeader, testing::ValuesIn(link_cases()),
                         [](const auto& param) { return std::string(param.param.name); });

LinkOutcome outcome_of(std::uint32_t link_type, const Bytes& bytes, LinkedFrame* linked)
{
    return strip_link_header(frame_of(bytes.data(), bytes.size(), link_type), &linked->bytes, &linked->meta);
}

TEST(LinkOutcomes, ForeignLinkTypesAreUnsupported)
{
    LinkedFrame linked;

    for (std::uint32_t type : {2u, 147u, 160u, 195u, 231u, 235u, 271u, 283u, 65535u}) {
        EXPECT_FALSE(link_type_supported(type)) << type;
        EXPECT_EQ(outcome_of(type, Bytes(64), &linked), LinkOutcome::kUnsupported) << type;
    }
    EXPECT_EQ(outcome_of(149, Bytes(200), &linked), LinkOutcome::kUnsupported); // USER2, not pktap
    EXPECT_EQ(outcome_of(192, hex("0000 0800 c3000000") + Bytes(40), &linked), LinkOutcome::kUnsupported); // inner 195
}

TEST(LinkOutcomes, NestingIsBounded)
{
    Bytes bytes;
    LinkedFrame linked;

    for (int i = 0; i < 50; i++)
        bytes = bytes + hex("0000 0800 c0000000"); // PPI that holds PPI
    EXPECT_EQ(outcome_of(192, bytes, &linked), LinkOutcome::kUnsupported);
}

TEST(LinkOutcomes, ALinkThatNamesNoProtocolIsAnL2Flow)
{
    const std::pair<std::uint32_t, Bytes> cases[] = {
        {104, hex("8f00 8035") + Bytes(20)},                            // SLARP, not RARP
        {113, hex("0000 0338 0000 0000000000000000 0000") + Bytes(40)}, // netlink
        {0, hex("07000000") + Bytes(20)},                               // OSI
        {107, hex("0001 03 08") + Bytes(20)},                           // LMI
        {239, hex("01 00 0000 0800 0900 00000000")},                    // NFLOG of another family
        {274, hex("555555555555 61") + Bytes(40)},                      // a later fragment
    };

    for (const auto& [type, bytes] : cases) {
        LinkedFrame linked;
        packet p;

        ASSERT_EQ(outcome_of(type, bytes, &linked), LinkOutcome::kOk) << type;
        packet_parse(linked.bytes, &linked.meta, &kTunnels, 1, 0, &p);
        EXPECT_EQ(p.ip_version, 0) << type;
        EXPECT_TRUE(p.status & FS(L2_FLOW)) << type;
        EXPECT_FALSE(p.status & FS(RARP)) << type;
        EXPECT_EQ(p.link_has_mac, 0) << type;
    }
}

TEST(LinkOutcomes, AHeaderThatContradictsItselfIsAnL2FlowNotAShortFrame)
{
    const std::tuple<std::uint32_t, Bytes, const char*> cases[] = {
        {107, hex("0100 0800") + Bytes(20), "fr"},                     // an address that ends with its first byte
        {117, hex("00020000") + Bytes(40), "pflog"},                   // length 0
        {127, hex("0000 0700 00000000") + Bytes(40), "radiotap"},      // length 7 of at least 8
        {163, hex("80211001 00000007") + Bytes(40), "avs"},            // the same
        {192, hex("0000 0700 01000000") + Bytes(40), "ppi"},           // the same
        {258, hex("0a000000 01000000 01000000") + Bytes(40), "pktap"}, // length 10 of at least 48
    };

    for (const auto& [type, bytes, headers] : cases) {
        LinkedFrame linked;
        packet p;

        ASSERT_EQ(outcome_of(type, bytes, &linked), LinkOutcome::kOk) << type;
        packet_parse(linked.bytes, &linked.meta, &kTunnels, 1, 0, &p);
        EXPECT_TRUE(p.status & FS(L2_FLOW)) << type;
        EXPECT_FALSE(p.flags & PACKET_NO_FLOW) << type;
        EXPECT_EQ(header_names(p), headers) << type;
        EXPECT_EQ(p.wire_len, bytes.size() + 4) << type;
        EXPECT_EQ(outcome_of(type, {}, &linked), LinkOutcome::kShortFrame) << type;
    }
}

TEST(LinkOutcomes, WireLengthIsNeverBelowTheCapture)
{
    const Bytes bytes = hex("0f00 0800") + with_inner4(Packet()).bytes();
    Frame frame = frame_of(bytes.data(), bytes.size(), 104);
    LinkedFrame linked;

    frame.wire_len = 10;
    ASSERT_EQ(strip_link_header(frame, &linked.bytes, &linked.meta), LinkOutcome::kOk);
    EXPECT_EQ(linked.meta.wire_len, linked.meta.cap_len);
    EXPECT_EQ(linked.meta.cap_len, bytes.size() - 4);
}

} // namespace
} // namespace flowxdp::test
