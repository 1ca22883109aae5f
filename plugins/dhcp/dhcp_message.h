// SPDX-License-Identifier: BSD-2-Clause
// dhcp_message.h - one DHCP (RFC 2131, 2132) or DHCPv6 (RFC 8415) message, in a struct of fixed size.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace flowxdp {

// dhcpStat: the lower 16 bits are T2's.
enum DhcpStat : std::uint32_t {
    DHCP_STAT_DETECTED = 0x0001,
    DHCP_STAT_REQUEST = 0x0002,
    DHCP_STAT_REPLY = 0x0004,
    DHCP_STAT_BROADCAST = 0x0008,
    DHCP_STAT_CLIENT_ID = 0x0010,
    DHCP_STAT_OVERLOAD = 0x0020,
    DHCP_STAT_SECS_LITTLE_ENDIAN = 0x0040,
    DHCP_STAT_NOT_ETHERNET = 0x0080,
    DHCP_STAT_LIST_CUT = 0x0100,
    DHCP_STAT_NAMES_CUT = 0x0200,
    DHCP_STAT_CAPTURE_CUT = 0x0400,
    DHCP_STAT_UNKNOWN_TYPE = 0x0800,
    DHCP_STAT_BAD_LENGTH = 0x1000,
    DHCP_STAT_BAD_MAGIC = 0x2000,
    DHCP_STAT_BAD_OPTIONS = 0x4000,
    DHCP_STAT_MALFORMED = 0x8000,
    DHCP_STAT_TEXT_CUT = 0x10000,
    DHCP_STAT_DEEP_RELAY = 0x20000,
};

// Text of a message, at most Most bytes of it.
template <std::size_t Most>
struct DhcpText {
    static_assert(Most < 256, "its length is a byte");
    char bytes[Most];
    std::uint8_t length;

    [[nodiscard]] std::string_view view() const { return {bytes, length}; }
    // Returns whether all of it was taken.
    bool assign(std::string_view text)
    {
        length = static_cast<std::uint8_t>(text.size() < Most ? text.size() : Most);
        std::memcpy(bytes, text.data(), length);
        return length == text.size();
    }
};

// 16 bytes, IPv4 mapped into IPv6; version 0: the message has none.
struct DhcpAddress {
    std::uint8_t bytes[16];
    std::uint8_t version;
};

struct DhcpMessage {
    static constexpr std::size_t kMostNames = 3, kMostTypes = 10, kMostParameters = 48;
    using Name = DhcpText<63>;

    std::uint32_t status; // DhcpStat
    std::uint32_t transaction;
    std::uint32_t hops;           // bit n: n hops; bit 31: more than 16
    std::uint64_t hardware_types; // bit n: type n; bit 63: type 63 and above
    std::uint16_t seconds;
    std::uint16_t option_count;
    std::bitset<256> options;       // bit n: option n was there
    std::uint8_t types[kMostTypes]; // of the message; DHCPv6: of the relays' around it, too, outermost first
    std::uint8_t type_count;
    std::uint8_t name_count, domain_count, parameter_count;
    bool has_mac, has_lease, has_renew, has_rebind;
    std::uint8_t mac[6]; // the client's
    std::uint32_t lease_s, renew_s, rebind_s;
    DhcpAddress netmask, gateway, dns, requested, client, your, next_server, relay, server_id;
    Name names[kMostNames], domains[kMostNames];
    std::uint16_t parameters[kMostParameters]; // that the client asks for, in its order (option 55; DHCPv6: 6)
    DhcpText<63> server_name, vendor;
    DhcpText<127> boot_file, text;
};

// DHCP over IPv4. bytes: the UDP payload as far as captured; claimed: as long as UDP says.
[[nodiscard]] DhcpMessage parse_dhcp4(std::span<const std::uint8_t> bytes, std::size_t claimed);
[[nodiscard]] DhcpMessage parse_dhcp6(std::span<const std::uint8_t> bytes, std::size_t claimed);

} // namespace flowxdp
