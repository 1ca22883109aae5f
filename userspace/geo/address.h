// SPDX-License-Identifier: BSD-2-Clause
// address.h - an IP address as a number, the way an MMDB tree sees it.
//
// One number space for both versions: IPv4 lives at ::/96, as in every MMDB file with an IPv6 tree.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flowxdp::geo {

using AddressNumber = unsigned __int128; // host order

constexpr AddressNumber kLastIpv4 = 0xffffffffU;

struct Address {
    AddressNumber number = 0; // version 4: the 32-bit address
    int version = 0;          // 4 or 6
};

// Dotted quad or RFC 4291 text, without prefix length or zone; nothing for other text.
std::optional<Address> parse_address(std::string_view text);

// Network order; IPv4 as v4-mapped ::ffff:a.b.c.d, as flow keys hold it.
std::array<std::uint8_t, 16> mapped_bytes(const Address& address);

// bytes: network order, IPv4 v4-mapped; version 4 or 6.
Address address_from(const std::array<std::uint8_t, 16>& bytes, int version);

// Text of a number: a dotted quad inside ::/96, else RFC 5952.
std::string format_number(AddressNumber number);

} // namespace flowxdp::geo
