// SPDX-License-Identifier: BSD-2-Clause
#include "geo/address.h"

#include <arpa/inet.h>

#include <cstring>

namespace flowxdp::geo {
namespace {

AddressNumber number_of(const std::uint8_t* bytes, std::size_t count)
{
    AddressNumber number = 0;
    for (std::size_t i = 0; i < count; ++i)
        number = number << 8 | bytes[i];
    return number;
}

std::array<std::uint8_t, 16> bytes_of(AddressNumber number)
{
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 16; i-- > 0; number >>= 8)
        bytes[i] = static_cast<std::uint8_t>(number & 0xff);
    return bytes;
}

} // namespace

std::optional<Address> parse_address(std::string_view text)
{
    char buffer[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof(buffer))
        return std::nullopt;
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    std::uint8_t bytes[16];
    if (std::memchr(buffer, ':', text.size()) == nullptr) {
        if (inet_pton(AF_INET, buffer, bytes) != 1)
            return std::nullopt;
        return Address{number_of(bytes, 4), 4};
    }
    if (inet_pton(AF_INET6, buffer, bytes) != 1)
        return std::nullopt;
    return Address{number_of(bytes, 16), 6};
}

std::array<std::uint8_t, 16> mapped_bytes(const Address& address)
{
    if (address.version == 6)
        return bytes_of(address.number);
    return bytes_of(AddressNumber{0xffff} << 32 | (address.number & kLastIpv4));
}

Address address_from(const std::array<std::uint8_t, 16>& bytes, int version)
{
    if (version == 4)
        return {number_of(bytes.data() + 12, 4), 4};
    return {number_of(bytes.data(), 16), 6};
}

std::string format_number(AddressNumber number)
{
    const auto bytes = bytes_of(number);
    char buffer[INET6_ADDRSTRLEN];
    const bool ipv4 = number <= kLastIpv4;
    if (inet_ntop(ipv4 ? AF_INET : AF_INET6, bytes.data() + (ipv4 ? 12 : 0), buffer, sizeof(buffer)) == nullptr)
        return "?"; // cannot be: the family is known and the buffer holds the longest text
    return buffer;
}

} // namespace flowxdp::geo
