// SPDX-License-Identifier: BSD-2-Clause
// parse_icmp() on messages whose bytes are laid out as RFC 792, 1191 and 4443 say.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

#include "icmp/icmp_message.h"
#include "support/packet_builder.h"

namespace flowxdp {
namespace {

using test::Bytes;
using test::hex;
using test::operator+;

std::string dotted(const std::uint8_t* address)
{
    std::string text;
    for (int i = 12; i < 16; i++)
        text += (i > 12 ? "." : "") + std::to_string(address[i]);
    return text;
}
// IPv4 from 192.0.2.1 to 198.51.100.7.
Bytes ipv4_header(std::uint8_t proto, std::uint16_t fragment = 0, unsigned option_words = 0)
{
    Bytes header = hex("4500 0054 0001 0000 4000 0000 c0000201 c6336407");
    header[0] = static_cast<std::uint8_t>(0x45 + option_words);
    header[6] = static_cast<std::uint8_t>(fragment >> 8);
    header[7] = static_cast<std::uint8_t>(fragment);
    header[9] = proto;
    header.resize(header.size() + 4 * option_words);
    return header;
}
// IPv6 from 2001:db8::1 to 2001:db8::2.
Bytes ipv6_header(std::uint8_t next)
{
    Bytes header = hex("60000000 0028 00 40 20010db8000000000000000000000001 20010db8000000000000000000000002");
    header[6] = next;
    return header;
}

TEST(IcmpMessage, EchoHasIdAndSequence)
{
    const Bytes bytes = hex("0800 f7ff 1234 0007 616263");
    const IcmpMessage m = parse_icmp(bytes, 4);
    EXPECT_TRUE(m.is_echo_request);
    EXPECT_FALSE(m.is_echo_reply);
    EXPECT_FALSE(m.is_error);
    EXPECT_EQ(m.id, 0x1234);
    EXPECT_EQ(m.sequence, 7);
    EXPECT_EQ(std::string(m.data.begin(), m.data.end()), "abc");
    EXPECT_TRUE(parse_icmp(hex("0000 0000 1234 0007"), 4).is_echo_reply);
    EXPECT_TRUE(parse_icmp(hex("8000 0000 1234 0007"), 6).is_echo_request);
    EXPECT_TRUE(parse_icmp(hex("8100 0000 1234 0007"), 6).is_echo_reply);
    EXPECT_FALSE(parse_icmp(hex("0800 0000 1234 0007"), 6).is_echo_request);
    const IcmpMessage cut = parse_icmp(hex("0800 0000 1234 00"), 4);
    EXPECT_TRUE(cut.cut && cut.has_id);
    EXPECT_FALSE(cut.has_sequence);
    EXPECT_EQ(cut.id, 0x1234);
    EXPECT_FALSE(parse_icmp(hex("0800 0000 12"), 4).has_id);
}

TEST(IcmpMessage, ErrorQuotesAddressesProtocolAndPorts)
{
    const Bytes bytes = hex("0303 0000 00000000") + ipv4_header(17) + hex("9c40 829b 0020 0000");
    const IcmpMessage m = parse_icmp(bytes, 4);
    EXPECT_EQ(m.type, 3);
    EXPECT_EQ(m.code, 3);
    EXPECT_TRUE(m.is_error);
    EXPECT_FALSE(m.cut);
    EXPECT_EQ(m.quote.ip_version, 4);
    EXPECT_EQ(m.quote.ip_proto, 17);
    EXPECT_EQ(dotted(m.quote.src), "192.0.2.1");
    EXPECT_EQ(dotted(m.quote.dst), "198.51.100.7");
    EXPECT_EQ(m.quote.src_port, 40000);
    EXPECT_EQ(m.quote.dst_port, 33435);
    EXPECT_EQ(m.mtu, 0u);
}

TEST(IcmpMessage, OptionsOfTheQuoteAreSkipped)
{
    const QuotedPacket quote = parse_quoted_packet(ipv4_header(6, 0, 3) + hex("0050 c350 00000001"));
    EXPECT_EQ(quote.src_port, 80);
    EXPECT_EQ(quote.dst_port, 50000);
}

TEST(IcmpMessage, LaterFragmentAndProtocolWithoutPortsHaveNone)
{
    QuotedPacket quote = parse_quoted_packet(ipv4_header(17, 185) + hex("9c40829b00200000"));
    EXPECT_EQ(quote.src_port, 0);
    EXPECT_FALSE(quote.cut);
    quote = parse_quoted_packet(ipv4_header(17, 0x2000) + hex("9c40829b00200000"));
    EXPECT_EQ(quote.src_port, 40000) << "the first fragment has them";
    quote = parse_quoted_packet(ipv4_header(1) + hex("0800f7ff12340007"));
    EXPECT_EQ(quote.ip_proto, 1);
    EXPECT_EQ(quote.src_port, 0);
    EXPECT_FALSE(quote.cut);
}

TEST(IcmpMessage, MtuGatewayAndTimeStamp)
{
    EXPECT_EQ(parse_icmp(hex("0304 0000 0000 0578") + ipv4_header(6) + hex("0050c350"), 4).mtu, 1400u);
    EXPECT_EQ(parse_icmp(hex("0200 0000 00000500") + ipv6_header(6) + hex("0050c350"), 6).mtu, 1280u);
    EXPECT_EQ(parse_icmp(hex("0501 0000 c0000263") + ipv4_header(6) + hex("0050c350"), 4).gateway, 0xc0000263u);
    EXPECT_EQ(parse_icmp(hex("0d00 0000 0001 0001 05265c00 00000000 00000000"), 4).originate_ms, 86400000u);
    EXPECT_TRUE(parse_icmp(hex("0d00 0000 0001 0001 0526"), 4).cut);
}

TEST(IcmpMessage, QuotedIpv6SkipsExtensionHeaders)
{
    // hop-by-hop, routing, fragment of offset 0, authentication header of 24 bytes, UDP
    const Bytes bytes = hex("0104 0000 00000000") + ipv6_header(0) + hex("2b00 000000000000") +
                        hex("2c00 000000000000") + hex("3300 0001 00000007") +
                        hex("1104 0000 00000001 00000001 000000000000000000000000") + hex("0035 9c40 0008 0000");
    const IcmpMessage m = parse_icmp(bytes, 6);
    EXPECT_EQ(m.quote.ip_version, 6);
    EXPECT_EQ(m.quote.ip_proto, 17);
    EXPECT_EQ(m.quote.src_port, 53);
    EXPECT_EQ(m.quote.dst_port, 40000);
    EXPECT_FALSE(m.cut);
    EXPECT_EQ(m.quote.src[0], 0x20);
    EXPECT_EQ(m.quote.dst[15], 2);
}

TEST(IcmpMessage, ChainOfExtensionHeadersHasAnEnd)
{
    Bytes bytes = ipv6_header(60);
    for (int i = 0; i < 40; i++)
        bytes = bytes + hex("3c00 000000000000");
    const QuotedPacket quote = parse_quoted_packet(bytes);
    EXPECT_TRUE(quote.cut);
    EXPECT_EQ(quote.src_port, 0);
}

TEST(IcmpMessage, WhatIsNoIpPacketIsNoQuote)
{
    EXPECT_EQ(parse_quoted_packet(hex("00112233445566778899aabbccddeeff0011223344")).ip_version, 0);
    Bytes short_header = ipv4_header(17) + hex("9c40829b");
    short_header[0] = 0x44; // fewer than 20 bytes
    EXPECT_EQ(parse_quoted_packet(short_header).ip_version, 0);
    EXPECT_TRUE(parse_quoted_packet(short_header).cut);
}

// Each beginning of a message in a heap block of its size: a sanitizer sees one byte too many.
TEST(IcmpMessage, EveryTruncationIsCutOrWhole)
{
    const Bytes v4 = hex("0b00 0000 00000000") + ipv4_header(6, 0, 2) + hex("0050c350");
    const Bytes v6 = hex("0300 0000 00000000") + ipv6_header(0) + hex("0600 000000000000") + hex("0050c350");
    for (const auto& [whole, version] : {std::pair{v4, std::uint8_t{4}}, std::pair{v6, std::uint8_t{6}}})
        for (std::size_t n = 0; n <= whole.size(); n++) {
            const auto copy = std::make_unique<std::uint8_t[]>(n);
            std::copy_n(whole.begin(), n, copy.get());
            const IcmpMessage m = parse_icmp({copy.get(), n}, version);
            EXPECT_EQ(m.cut, n < whole.size()) << n;
            EXPECT_EQ(m.quote.dst_port, n < whole.size() ? 0 : 50000) << n;
        }
}

} // namespace
} // namespace flowxdp
