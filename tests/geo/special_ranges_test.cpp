// SPDX-License-Identifier: BSD-2-Clause
#include "geo/special_ranges.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace flowxdp::geo {
namespace {

// "07 Private network", or "-" for a public address.
std::string label_of(const std::string& text)
{
    const auto address = parse_address(text);
    if (!address)
        return "not an address";
    const SpecialRange* range = find_special(*address);
    return range == nullptr ? "-" : std::string(range->code) + " " + std::string(range->organisation);
}

TEST(SpecialRanges, Ipv4AnswersTheIanaRegistryWithTheTwoDigitCodes)
{
    // First and last address of each range, and the public neighbours (RFC 6890 table entries).
    EXPECT_EQ(label_of("0.0.0.0"), "00 Unspecified");
    EXPECT_EQ(label_of("0.255.255.255"), "00 This network");
    EXPECT_EQ(label_of("1.0.0.0"), "-");
    EXPECT_EQ(label_of("9.255.255.255"), "-");
    EXPECT_EQ(label_of("10.0.0.0"), "04 Private network");
    EXPECT_EQ(label_of("10.255.255.255"), "04 Private network");
    EXPECT_EQ(label_of("11.0.0.0"), "-");
    EXPECT_EQ(label_of("100.63.255.255"), "-");
    EXPECT_EQ(label_of("100.64.0.0"), "20 Carrier-grade NAT");
    EXPECT_EQ(label_of("100.127.255.255"), "20 Carrier-grade NAT");
    EXPECT_EQ(label_of("100.128.0.0"), "-");
    EXPECT_EQ(label_of("127.0.0.1"), "01 Loopback");
    EXPECT_EQ(label_of("169.254.10.1"), "02 Link-local");
    EXPECT_EQ(label_of("172.15.255.255"), "-");
    EXPECT_EQ(label_of("172.16.0.1"), "05 Private network");
    EXPECT_EQ(label_of("172.31.255.255"), "05 Private network");
    EXPECT_EQ(label_of("172.32.0.0"), "-");
    EXPECT_EQ(label_of("192.0.0.255"), "06 IETF protocol assignments");
    EXPECT_EQ(label_of("192.0.0.7"), "06 DS-Lite");
    EXPECT_EQ(label_of("192.0.0.171"), "06 NAT64 discovery");
    EXPECT_EQ(label_of("192.0.1.0"), "-");
    EXPECT_EQ(label_of("192.0.2.1"), "21 TEST-NET-1");
    EXPECT_EQ(label_of("192.31.196.1"), "-"); // AS112: globally reachable
    EXPECT_EQ(label_of("192.88.99.1"), "60 6to4 relay anycast");
    EXPECT_EQ(label_of("192.168.1.105"), "07 Private network"); // as in the T2 tutorial
    EXPECT_EQ(label_of("198.17.255.255"), "-");
    EXPECT_EQ(label_of("198.18.0.0"), "08 Benchmarking");
    EXPECT_EQ(label_of("198.19.255.255"), "08 Benchmarking");
    EXPECT_EQ(label_of("198.51.100.255"), "22 TEST-NET-2");
    EXPECT_EQ(label_of("203.0.113.0"), "23 TEST-NET-3");
    EXPECT_EQ(label_of("223.255.255.255"), "-");
    EXPECT_EQ(label_of("224.0.0.251"), "10 Multicast");
    EXPECT_EQ(label_of("239.255.255.255"), "10 Multicast");
    EXPECT_EQ(label_of("240.0.0.0"), "24 Reserved");
    EXPECT_EQ(label_of("255.255.255.254"), "24 Reserved");
    EXPECT_EQ(label_of("255.255.255.255"), "11 Broadcast");
}

TEST(SpecialRanges, Ipv6AnswersTheIanaRegistryWithTheTwoDigitCodes)
{
    EXPECT_EQ(label_of("::"), "00 Unspecified");
    EXPECT_EQ(label_of("::1"), "01 Loopback");
    EXPECT_EQ(label_of("::2"), "61 IPv4-compatible (deprecated)");
    EXPECT_EQ(label_of("::ffff:192.0.2.1"), "61 IPv4-mapped");
    EXPECT_EQ(label_of("::ffff:0:192.0.2.1"), "62 IPv4-translated");
    EXPECT_EQ(label_of("64:ff9b::808:808"), "63 IPv4/IPv6 translation");
    EXPECT_EQ(label_of("64:ff9b:1:ffff::1"), "63 IPv4/IPv6 translation");
    EXPECT_EQ(label_of("64:ff9b:2::"), "-");
    EXPECT_EQ(label_of("100::1"), "25 Discard-only");
    EXPECT_EQ(label_of("100:0:0:1::"), "25 Dummy prefix");
    EXPECT_EQ(label_of("100:0:0:2::"), "-");
    EXPECT_EQ(label_of("2001::1"), "64 Teredo");
    EXPECT_EQ(label_of("2001:1::1"), "06 PCP anycast");
    EXPECT_EQ(label_of("2001:1::4"), "06 IETF protocol assignments");
    EXPECT_EQ(label_of("2001:2:0:ffff::"), "08 Benchmarking");
    EXPECT_EQ(label_of("2001:2:1::"), "06 IETF protocol assignments");
    EXPECT_EQ(label_of("2001:4:112::1"), "-"); // AS112-v6: public inside 2001::/23
    EXPECT_EQ(label_of("2001:2f:ffff::"), "26 ORCHIDv2");
    EXPECT_EQ(label_of("2001:1ff::"), "06 IETF protocol assignments");
    EXPECT_EQ(label_of("2001:200::"), "-");
    EXPECT_EQ(label_of("2001:db8::1"), "27 Documentation");
    EXPECT_EQ(label_of("2001:db9::"), "-");
    EXPECT_EQ(label_of("3fff:fff::"), "27 Documentation");
    EXPECT_EQ(label_of("3fff:1000::"), "-");
    EXPECT_EQ(label_of("2002:808:808::1"), "65 6to4");
    EXPECT_EQ(label_of("2003::"), "-");
    EXPECT_EQ(label_of("fc00::"), "03 Unique local");
    EXPECT_EQ(label_of("fdff::1"), "03 Unique local");
    EXPECT_EQ(label_of("fe80::1"), "02 Link-local");
    EXPECT_EQ(label_of("febf::"), "02 Link-local");
    EXPECT_EQ(label_of("fec0::"), "03 Site-local (deprecated)");
    EXPECT_EQ(label_of("ff02::fb"), "10 Multicast");
    EXPECT_EQ(label_of("2a00:1450::1"), "-");
}

TEST(SpecialRanges, TableHasCanonicalUniquePrefixesAndShortNames)
{
    std::set<std::string_view> prefixes;
    for (const SpecialRange& range : special_ranges()) {
        EXPECT_TRUE(prefixes.insert(range.prefix).second) << range.prefix;
        EXPECT_LE(range.organisation.size(), 30U) << range.prefix;
        const std::string first(range.prefix.substr(0, range.prefix.find('/')));
        const auto address = parse_address(first);
        ASSERT_TRUE(address.has_value()) << range.prefix;
        EXPECT_EQ(address->version, range.version) << range.prefix;
        const int length = std::stoi(std::string(range.prefix.substr(range.prefix.find('/') + 1)));
        const int host_bits = (range.version == 4 ? 32 : 128) - length;
        if (host_bits > 0) {
            EXPECT_TRUE((address->number & ((AddressNumber{1} << host_bits) - 1)) == 0)
                << range.prefix << ": host bits";
        }
    }
}

TEST(Address, TextAndBytesAgree)
{
    const auto ipv4 = parse_address("143.166.11.10");
    ASSERT_TRUE(ipv4.has_value());
    const auto bytes = mapped_bytes(*ipv4);
    const std::array<std::uint8_t, 16> expected = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 143, 166, 11, 10};
    EXPECT_EQ(bytes, expected);
    EXPECT_TRUE(address_from(bytes, 4).number == ipv4->number);
    EXPECT_EQ(format_number(ipv4->number), "143.166.11.10");
    EXPECT_EQ(format_number(parse_address("2001:DB8:0::1")->number), "2001:db8::1");
    for (const char* bad : {"", "1.2.3", "1.2.3.4/8", "1.2.3.256", "2001:db8::1%eth0", "::g", "10.0.0.1 ",
                            "0000:0000:0000:0000:0000:ffff:255.255.255.255:1"})
        EXPECT_FALSE(parse_address(bad).has_value()) << bad;
}

} // namespace
} // namespace flowxdp::geo
