// SPDX-License-Identifier: BSD-2-Clause
#include "capture/filter.h"

#include <gtest/gtest.h>

#include "capture/capture.h"
#include "support/pcap_file.h"

namespace flowxdp::test {
namespace {

// An IPv4 UDP packet to port 53, behind the link header of a link type.
Bytes dns_query(const Bytes& link_header)
{
    ByteWriter out(true);
    out.bytes(link_header);
    out.u8(0x45).u8(0).u16(28).u32(0).u8(64).u8(17).u16(0).u32(0x0a000001).u32(0x0a000002);
    out.u16(1234).u16(53).u16(8).u16(0);
    return out.data();
}

Frame frame_of(const Bytes& data, std::uint32_t link_type)
{
    const auto size = static_cast<std::uint32_t>(data.size());
    return {.data = data.data(), .cap_len = size, .wire_len = size, .ts_ns = 0, .if_id = 0, .link_type = link_type};
}

TEST(PacketFilter, MatchesWhatTheExpressionSaysOnEveryLinkType)
{
    const Bytes ethernet = dns_query(ByteWriter(true).u64(0).u32(0).u16(0x0800).data());
    const Bytes raw = dns_query({});
    const Bytes cooked = dns_query(ByteWriter(true).u64(0).u32(0).u16(0).u16(0x0800).data());
    Result<std::unique_ptr<PacketFilter>> udp = PacketFilter::compile("udp port 53");
    Result<std::unique_ptr<PacketFilter>> tcp = PacketFilter::compile("tcp");
    ASSERT_TRUE(udp.ok()) << udp.error().message;
    ASSERT_TRUE(tcp.ok());
    for (int round = 0; round < 2; ++round) {
        EXPECT_TRUE((*udp)->matches(frame_of(ethernet, 1)));
        for (const std::uint32_t raw_type : {101U, 12U, 14U, 228U})
            EXPECT_TRUE((*udp)->matches(frame_of(raw, raw_type))) << raw_type;
        EXPECT_TRUE((*udp)->matches(frame_of(cooked, 113)));
        EXPECT_FALSE((*udp)->matches(frame_of(raw, 1)));
        EXPECT_FALSE((*tcp)->matches(frame_of(ethernet, 1)));
    }
    EXPECT_TRUE((*udp)->problems().empty());
    EXPECT_EQ((*udp)->expression(), "udp port 53");
}

TEST(PacketFilter, WireLengthCountsForLessAndGreater)
{
    const Bytes data(60);
    Frame frame = frame_of(data, 1);
    frame.wire_len = 1000;
    Result<std::unique_ptr<PacketFilter>> filter = PacketFilter::compile("greater 900");
    ASSERT_TRUE(filter.ok());
    EXPECT_TRUE((*filter)->matches(frame));
}

TEST(PacketFilter, AnEmptyExpressionMatchesAll)
{
    const Bytes data(3);
    Result<std::unique_ptr<PacketFilter>> filter = PacketFilter::compile("");
    ASSERT_TRUE(filter.ok());
    EXPECT_TRUE((*filter)->matches(frame_of(data, 1)));
}

TEST(PacketFilter, AMistakeNamesTheExpressionAndTheWayOut)
{
    Result<std::unique_ptr<PacketFilter>> filter = PacketFilter::compile("udp prt 53");
    ASSERT_FALSE(filter.ok());
    EXPECT_NE(filter.error().message.find("cannot compile the filter 'udp prt 53': "), std::string::npos);
    EXPECT_NE(filter.error().message.find("pcap-filter(7)"), std::string::npos);
}

TEST(PacketFilter, ALinkTypeItCannotServeMatchesNothingAndIsRemembered)
{
    const Bytes data(64);
    // 802.11 words mean nothing on Ethernet, but the expression is right for radiotap.
    Result<std::unique_ptr<PacketFilter>> filter = PacketFilter::compile("type mgt");
    ASSERT_TRUE(filter.ok()) << filter.error().message;
    EXPECT_FALSE((*filter)->matches(frame_of(data, 1)));
    EXPECT_FALSE((*filter)->matches(frame_of(data, 1)));
    ASSERT_EQ((*filter)->problems().size(), 1U);
    EXPECT_FALSE((*filter)->problems().at(1).empty());
}

TEST(LinkType, NamesAreThoseOfTcpdump)
{
    EXPECT_EQ(link_type_name(1), "EN10MB");
    EXPECT_EQ(link_type_description(1), "Ethernet");
    EXPECT_EQ(link_type_name(101), "RAW");
    EXPECT_EQ(link_type_name(12), "RAW");
    EXPECT_EQ(link_type_name(14), "RAW");
    EXPECT_EQ(link_type_name(104), "C_HDLC");
    EXPECT_EQ(link_type_name(107), "FRELAY");
    EXPECT_EQ(link_type_name(108), "LOOP");
    EXPECT_EQ(link_type_name(113), "LINUX_SLL");
    EXPECT_EQ(link_type_name(127), "IEEE802_11_RADIO");
    EXPECT_EQ(link_type_name(276), "LINUX_SLL2");
    EXPECT_EQ(link_type_name(0xfff0), "UNKNOWN");
    EXPECT_EQ(link_type_description(0xfff0), "");
}

} // namespace
} // namespace flowxdp::test
