// SPDX-License-Identifier: BSD-2-Clause
// parse_dhcp4() and parse_dhcp6() on messages whose bytes are laid out as RFC 2131, 2132 and 8415 say.
#include <gtest/gtest.h>

#include <arpa/inet.h>

#include <algorithm>
#include <memory>

#include "dhcp/dhcp_message.h"
#include "support/packet_builder.h"

namespace flowxdp {
namespace {

using test::Bytes;
using test::hex;
using test::operator+;

std::string text_of(const DhcpAddress& address)
{
    char text[INET6_ADDRSTRLEN] = "-";
    if (address.version == 4)
        inet_ntop(AF_INET, address.bytes + 12, text, sizeof text);
    else if (address.version == 6)
        inet_ntop(AF_INET6, address.bytes, text, sizeof text);
    return text;
}
Bytes ascii(const std::string& text)
{
    return {text.begin(), text.end()};
}
Bytes option4(std::uint8_t code, const Bytes& value)
{
    return Bytes{code, static_cast<std::uint8_t>(value.size())} + value;
}
Bytes option6(std::uint16_t code, const Bytes& value)
{
    Bytes bytes(4);
    test::put16(bytes, 0, code);
    test::put16(bytes, 2, static_cast<std::uint32_t>(value.size()));
    return bytes + value;
}
// op, Ethernet, no hops, transaction 0x11223344, addresses 0, client 02:00:00:00:00:0a; magic cookie
Bytes fixed4(std::uint8_t op)
{
    Bytes bytes(240);
    const Bytes head = hex("00 01 06 00 11223344");
    std::copy(head.begin(), head.end(), bytes.begin());
    bytes[0] = op;
    const Bytes mac = hex("02000000000a"), magic = hex("63825363");
    std::copy(mac.begin(), mac.end(), bytes.begin() + 28);
    std::copy(magic.begin(), magic.end(), bytes.begin() + 236);
    return bytes;
}
DhcpMessage parse4(const Bytes& bytes)
{
    return parse_dhcp4(bytes, bytes.size());
}
DhcpMessage parse6(const Bytes& bytes)
{
    return parse_dhcp6(bytes, bytes.size());
}

TEST(DhcpMessage, Request)
{
    Bytes bytes = fixed4(1);
    bytes[9] = 4;     // seconds
    bytes[10] = 0x80; // broadcast
    const DhcpMessage m =
        parse4(bytes + option4(53, {3}) + option4(61, hex("01 02000000000a")) + option4(50, hex("c0000264")) +
               option4(54, hex("c0000201")) + option4(12, ascii("laptop")) + option4(60, ascii("MSFT 5.0")) +
               option4(55, {1, 3, 6, 15}) + Bytes{0, 0, 255});
    EXPECT_EQ(m.status, DHCP_STAT_DETECTED | DHCP_STAT_REQUEST | DHCP_STAT_BROADCAST);
    EXPECT_EQ(m.transaction, 0x11223344u);
    EXPECT_EQ(m.seconds, 4);
    ASSERT_EQ(m.type_count, 1);
    EXPECT_EQ(m.types[0], 3);
    EXPECT_EQ(text_of(m.requested), "192.0.2.100");
    EXPECT_EQ(text_of(m.server_id), "192.0.2.1");
    EXPECT_EQ(text_of(m.your), "-");
    ASSERT_EQ(m.name_count, 1);
    EXPECT_EQ(m.names[0].view(), "laptop");
    EXPECT_EQ(m.vendor.view(), "MSFT 5.0");
    EXPECT_TRUE(m.has_mac);
    EXPECT_EQ(Bytes(m.mac, m.mac + 6), hex("02000000000a"));
    EXPECT_EQ(m.hardware_types, 2u);
    EXPECT_EQ(m.hops, 1u);
    EXPECT_EQ(m.option_count, 7);
    EXPECT_EQ(m.options.count(), 7u);
    EXPECT_TRUE(m.options.test(55));
    EXPECT_EQ(m.parameter_count, 4);
    EXPECT_EQ(m.parameters[3], 15);
}

TEST(DhcpMessage, Acknowledgement)
{
    Bytes bytes = fixed4(2);
    const Bytes your = hex("c0000264"), next = hex("c0000205"), relay = hex("c6336401");
    std::copy(your.begin(), your.end(), bytes.begin() + 16);
    std::copy(next.begin(), next.end(), bytes.begin() + 20);
    std::copy(relay.begin(), relay.end(), bytes.begin() + 24);
    bytes[3] = 2; // hops
    const Bytes server = ascii("boot.example"), file = ascii("pxe.0");
    std::copy(server.begin(), server.end(), bytes.begin() + 44);
    std::copy(file.begin(), file.end(), bytes.begin() + 108);
    const DhcpMessage m = parse4(
        bytes + option4(53, {5}) + option4(1, hex("ffffff00")) + option4(3, hex("c0000201 c0000202")) +
        option4(6, hex("c0000203")) + option4(15, ascii("example.com") + Bytes{0}) + option4(51, hex("00015180")) +
        option4(58, hex("0000a8c0")) + option4(59, hex("00012750")) + option4(56, ascii("welcome")) + Bytes{255});
    EXPECT_EQ(m.status, DHCP_STAT_DETECTED | DHCP_STAT_REPLY);
    EXPECT_EQ(text_of(m.your), "192.0.2.100");
    EXPECT_EQ(text_of(m.next_server), "192.0.2.5");
    EXPECT_EQ(text_of(m.relay), "198.51.100.1");
    EXPECT_EQ(text_of(m.netmask), "255.255.255.0");
    EXPECT_EQ(text_of(m.gateway), "192.0.2.1");
    EXPECT_EQ(text_of(m.dns), "192.0.2.3");
    EXPECT_EQ(m.domains[0].view(), "example.com");
    EXPECT_EQ(m.lease_s, 86400u);
    EXPECT_EQ(m.renew_s, 43200u);
    EXPECT_EQ(m.rebind_s, 75600u);
    EXPECT_EQ(m.server_name.view(), "boot.example");
    EXPECT_EQ(m.boot_file.view(), "pxe.0");
    EXPECT_EQ(m.text.view(), "welcome");
    EXPECT_EQ(m.hops, 4u);
}

TEST(DhcpMessage, OverloadedFieldsCarryOptions)
{
    Bytes bytes = fixed4(1);
    const Bytes in_file = option4(12, ascii("from-file")) + Bytes{255},
                in_sname = option4(15, ascii("a.test")) + Bytes{255};
    std::copy(in_file.begin(), in_file.end(), bytes.begin() + 108);
    std::copy(in_sname.begin(), in_sname.end(), bytes.begin() + 44);
    const DhcpMessage m = parse4(bytes + option4(52, {3}) + Bytes{255});
    EXPECT_TRUE(m.status & DHCP_STAT_OVERLOAD);
    EXPECT_EQ(m.names[0].view(), "from-file");
    EXPECT_EQ(m.domains[0].view(), "a.test");
    EXPECT_EQ(m.boot_file.length, 0);
    EXPECT_EQ(m.server_name.length, 0);
}

TEST(DhcpMessage, FullyQualifiedNameAsTextAndAsDns)
{
    const Bytes text = option4(81, Bytes{0, 0, 0} + ascii("a.example"));
    EXPECT_EQ(parse4(fixed4(1) + text + Bytes{255}).names[0].view(), "a.example");
    const Bytes dns = option4(81, Bytes{4, 0, 0, 1} + ascii("a") + Bytes{7} + ascii("example") + Bytes{0});
    EXPECT_EQ(parse4(fixed4(1) + dns + Bytes{255}).names[0].view(), "a.example");
}

TEST(DhcpMessage, StatusSaysWhatIsWrong)
{
    const auto status = [](const Bytes& bytes) { return parse4(bytes).status & ~std::uint32_t{DHCP_STAT_DETECTED}; };
    EXPECT_EQ(status(fixed4(3) + Bytes{255}), DHCP_STAT_MALFORMED);
    EXPECT_EQ(status(fixed4(1)), DHCP_STAT_REQUEST | DHCP_STAT_BAD_OPTIONS) << "no end";
    EXPECT_EQ(status(fixed4(1) + Bytes{12, 9, 'x'}), DHCP_STAT_REQUEST | DHCP_STAT_BAD_OPTIONS);
    EXPECT_EQ(status(fixed4(1) + option4(53, {77}) + Bytes{255}), DHCP_STAT_REQUEST | DHCP_STAT_UNKNOWN_TYPE);
    EXPECT_EQ(status(fixed4(1) + option4(51, {1, 2}) + Bytes{255}), DHCP_STAT_REQUEST | DHCP_STAT_BAD_LENGTH);
    EXPECT_EQ(status(fixed4(1) + option4(61, hex("01 02000000000b")) + Bytes{255}),
              DHCP_STAT_REQUEST | DHCP_STAT_CLIENT_ID);
    EXPECT_EQ(status(fixed4(1) + option4(61, hex("ff 00000001 0001")) + Bytes{255}), DHCP_STAT_REQUEST);
    Bytes bytes = fixed4(1) + Bytes{255};
    bytes[236] = 0;
    EXPECT_EQ(status(bytes), DHCP_STAT_REQUEST | DHCP_STAT_BAD_MAGIC);
    bytes = fixed4(1) + Bytes{255};
    bytes[8] = 4; // 0x0400 seconds, or 4 in the other order
    EXPECT_EQ(status(bytes), DHCP_STAT_REQUEST | DHCP_STAT_SECS_LITTLE_ENDIAN);
    EXPECT_EQ(parse4(bytes).seconds, 4);
    bytes = fixed4(1) + Bytes{255};
    bytes[1] = 6;
    EXPECT_EQ(status(bytes), DHCP_STAT_REQUEST | DHCP_STAT_NOT_ETHERNET);
    EXPECT_FALSE(parse4(bytes).has_mac);
    EXPECT_EQ(status(hex("01010600")), DHCP_STAT_MALFORMED);
    bytes = fixed4(1);
    EXPECT_EQ(parse_dhcp4(bytes, 300).status & ~std::uint32_t{DHCP_STAT_DETECTED},
              DHCP_STAT_REQUEST | DHCP_STAT_CAPTURE_CUT)
        << "what was not captured is no fault of the sender";
}

TEST(DhcpMessage, CapsAreMarked)
{
    const Bytes end{255};
    DhcpMessage m = parse4(fixed4(1) + option4(12, ascii(std::string(64, 'a'))) + end);
    EXPECT_TRUE(m.status & DHCP_STAT_TEXT_CUT);
    EXPECT_EQ(m.names[0].view(), std::string(63, 'a'));
    m = parse4(fixed4(1) + option4(12, {'a'}) + option4(12, {'b'}) + option4(12, {'a'}) + option4(12, {'c'}) + end);
    EXPECT_EQ(m.name_count, 3);
    EXPECT_FALSE(m.status & DHCP_STAT_NAMES_CUT);
    m = parse4(fixed4(1) + option4(12, {'a'}) + option4(12, {'b'}) + option4(12, {'c'}) + option4(12, {'d'}) + end);
    EXPECT_TRUE(m.status & DHCP_STAT_NAMES_CUT);
    m = parse4(fixed4(1) + option4(55, Bytes(49, 1)) + end);
    EXPECT_EQ(m.parameter_count, 48);
    EXPECT_TRUE(m.status & DHCP_STAT_LIST_CUT);
}

const Bytes kClientId = option6(1, hex("0003 0001 02000000000a")); // DUID-LL

TEST(DhcpMessage, SolicitOfVersion6)
{
    const Bytes bytes = hex("01 abcdef") + kClientId + option6(8, hex("00c8")) + option6(6, hex("0017 0018")) +
                        option6(3, hex("00000001 00000000 00000000") +
                                       option6(5, hex("20010db8000000000000000000000064 00000000 00000000"))) +
                        option6(16, hex("00000137 0008") + ascii("MSFT 5.0")) +
                        option6(39, hex("00 06") + ascii("laptop") + hex("04") + ascii("test") + hex("00"));
    const DhcpMessage m = parse6(bytes);
    EXPECT_EQ(m.status, DHCP_STAT_DETECTED | DHCP_STAT_REQUEST);
    EXPECT_EQ(m.transaction, 0xabcdefu);
    ASSERT_EQ(m.type_count, 1);
    EXPECT_EQ(m.types[0], 1);
    EXPECT_TRUE(m.has_mac);
    EXPECT_EQ(Bytes(m.mac, m.mac + 6), hex("02000000000a"));
    EXPECT_EQ(m.seconds, 2) << "200 hundredths";
    EXPECT_EQ(m.parameter_count, 2);
    EXPECT_EQ(m.parameters[1], 24);
    EXPECT_EQ(text_of(m.requested), "2001:db8::64");
    EXPECT_FALSE(m.has_lease);
    EXPECT_EQ(m.vendor.view(), "MSFT 5.0");
    EXPECT_EQ(m.names[0].view(), "laptop.test");
    EXPECT_EQ(m.option_count, 7) << "six and the address";
}

TEST(DhcpMessage, RelayedReplyOfVersion6)
{
    const Bytes reply = hex("07 abcdef") + option6(2, hex("0003 0001 02000000000b")) +
                        option6(3, hex("00000001 00000708 00000b40") +
                                       option6(5, hex("20010db8000000000000000000000064 00000e10 00001c20"))) +
                        option6(23, hex("20010db8000000000000000000000035")) +
                        option6(24, hex("07") + ascii("example") + hex("03") + ascii("com") + hex("00 04") +
                                        ascii("test") + hex("00")) +
                        option6(13, hex("0000") + ascii("done"));
    const Bytes relay =
        hex("0d 01 20010db8000000010000000000000001 fe800000000000000000000000000001") + option6(9, reply);
    const DhcpMessage m = parse6(relay);
    EXPECT_EQ(m.status, DHCP_STAT_DETECTED | DHCP_STAT_REPLY);
    ASSERT_EQ(m.type_count, 2);
    EXPECT_EQ(m.types[0], 13);
    EXPECT_EQ(m.types[1], 7);
    EXPECT_EQ(text_of(m.relay), "2001:db8:0:1::1");
    EXPECT_EQ(m.hops, 2u);
    EXPECT_EQ(text_of(m.your), "2001:db8::64");
    EXPECT_EQ(m.lease_s, 7200u);
    EXPECT_EQ(m.renew_s, 1800u);
    EXPECT_EQ(m.rebind_s, 2880u);
    EXPECT_EQ(text_of(m.dns), "2001:db8::35");
    ASSERT_EQ(m.domain_count, 2);
    EXPECT_EQ(m.domains[0].view(), "example.com");
    EXPECT_EQ(m.domains[1].view(), "test");
    EXPECT_EQ(m.text.view(), "done");
    EXPECT_FALSE(m.has_mac) << "the server's address is not the client's";
}

TEST(DhcpMessage, RelaysInRelaysHaveAnEnd)
{
    Bytes message = hex("01 abcdef");
    for (int i = 0; i < 12; i++)
        message = hex("0c 00") + Bytes(32) + option6(9, message);
    const DhcpMessage m = parse6(message);
    EXPECT_TRUE(m.status & DHCP_STAT_DEEP_RELAY);
    EXPECT_EQ(m.type_count, 9);
    EXPECT_EQ(m.transaction, 0u);
}

TEST(DhcpMessage, EveryTruncationIsRead)
{
    const Bytes v4 = fixed4(1) + option4(53, {3}) + option4(81, Bytes{4, 0, 0, 1} + ascii("a") + Bytes{0}) +
                     option4(12, ascii("laptop")) + Bytes{255};
    const Bytes v6 = hex("0c 01") + Bytes(32) +
                     option6(9, hex("01 abcdef") + kClientId +
                                    option6(25, hex("00000001 00000000 00000000") +
                                                    option6(26, hex("00000000 00000000 40 20010db8") + Bytes(12))));
    using Parse = DhcpMessage (*)(std::span<const std::uint8_t>, std::size_t);
    for (const auto& [whole, parse] : {std::pair<Bytes, Parse>{v4, parse_dhcp4}, {v6, parse_dhcp6}})
        for (std::size_t n = 0; n <= whole.size(); n++) {
            // A heap block of its size: a sanitizer sees one byte too many.
            const auto copy = std::make_unique<std::uint8_t[]>(n);
            std::copy_n(whole.begin(), n, copy.get());
            const DhcpMessage m = parse({copy.get(), n}, whole.size());
            EXPECT_EQ((m.status & DHCP_STAT_CAPTURE_CUT) != 0, n < whole.size()) << n;
        }
    EXPECT_EQ(text_of(parse6(v6).requested), "2001:db8::");
}

} // namespace
} // namespace flowxdp
