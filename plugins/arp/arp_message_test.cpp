// SPDX-License-Identifier: BSD-2-Clause
// parse_arp() on messages whose bytes are laid out as RFC 826 says; probe and announcement as RFC 5227 says.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "arp/arp_message.h"
#include "support/packet_builder.h"

namespace flowxdp {
namespace {

using test::Bytes;
using test::hex;
using test::operator+;

TEST(ArpMessage, RequestAndReply)
{
    ArpMessage m = parse_arp(hex("0001 0800 06 04 0001 02000000000a c0000201 000000000000 c0000202"));
    EXPECT_EQ(m.hardware_type, 1);
    EXPECT_EQ(m.protocol_type, 0x0800);
    EXPECT_EQ(m.opcode, ArpMessage::kRequest);
    EXPECT_TRUE(m.has_pairs);
    EXPECT_FALSE(m.cut);
    EXPECT_EQ(m.sender_mac, (MacAddress{2, 0, 0, 0, 0, 10}));
    EXPECT_EQ(m.sender_ip, (Ipv4Address{192, 0, 2, 1}));
    EXPECT_EQ(m.target_ip, (Ipv4Address{192, 0, 2, 2}));
    EXPECT_FALSE(m.is_probe() || m.is_gratuitous() || m.is_announcement());
    m = parse_arp(hex("0001 0800 06 04 0002 02000000000b c0000202 02000000000a c0000201"));
    EXPECT_EQ(m.opcode, ArpMessage::kReply);
    EXPECT_EQ(m.target_mac, (MacAddress{2, 0, 0, 0, 0, 10}));
}

TEST(ArpMessage, ProbeAnnouncementAndGratuitousReply)
{
    const ArpMessage probe = parse_arp(hex("0001 0800 06 04 0001 02000000000a 00000000 000000000000 c0000202"));
    EXPECT_TRUE(probe.is_probe());
    EXPECT_FALSE(probe.is_gratuitous());
    const ArpMessage announcement = parse_arp(hex("0001 0800 06 04 0001 02000000000a c0000201 ffffffffffff c0000201"));
    EXPECT_TRUE(announcement.is_announcement());
    EXPECT_TRUE(announcement.is_gratuitous());
    const ArpMessage reply = parse_arp(hex("0001 0800 06 04 0002 02000000000a c0000201 ffffffffffff c0000201"));
    EXPECT_TRUE(reply.is_gratuitous());
    EXPECT_FALSE(reply.is_announcement());
    const ArpMessage nobody = parse_arp(hex("0001 0800 06 04 0001 02000000000a 00000000 000000000000 00000000"));
    EXPECT_FALSE(nobody.is_probe() || nobody.is_gratuitous());
}

TEST(ArpMessage, OtherAddressesHaveNoPairs)
{
    const ArpMessage infiniband = parse_arp(hex("0020 0800 14 04 0001") + Bytes(48));
    EXPECT_EQ(infiniband.hardware_type, 32);
    EXPECT_EQ(infiniband.opcode, 1);
    EXPECT_FALSE(infiniband.has_pairs);
    EXPECT_FALSE(infiniband.cut);
    EXPECT_FALSE(parse_arp(hex("0001 86dd 06 04 0001") + Bytes(20)).has_pairs);
    EXPECT_FALSE(parse_arp(hex("000f 0800 06 04 0001") + Bytes(20)).has_pairs) << "Frame Relay";
    EXPECT_TRUE(parse_arp(hex("0006 0800 06 04 0001") + Bytes(20)).has_pairs);
}

TEST(ArpMessage, EveryTruncationIsCut)
{
    const Bytes whole = hex("0001 0800 06 04 0001 02000000000a c0000201 000000000000 c0000202");
    for (std::size_t n = 0; n <= whole.size(); n++) {
        const auto copy = std::make_unique<std::uint8_t[]>(n);
        std::copy_n(whole.begin(), n, copy.get());
        const ArpMessage m = parse_arp({copy.get(), n});
        EXPECT_EQ(m.cut, n < whole.size()) << n;
        EXPECT_EQ(m.has_pairs, n == whole.size()) << n;
        EXPECT_EQ(m.opcode, n < 8 ? 0 : 1) << n;
        EXPECT_EQ(m.has_opcode, n >= 8) << n;
    }
}

TEST(ArpMessage, LengthsOf255AreNoOverread)
{
    const Bytes bytes = hex("0001 0800 ff ff 0001") + Bytes(100);
    EXPECT_TRUE(parse_arp(bytes).cut);
}

} // namespace
} // namespace flowxdp
