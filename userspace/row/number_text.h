// SPDX-License-Identifier: BSD-2-Clause
// number_text.h - numbers and addresses as text, written to memory: what a flow file consists of, millions of times.
//
// Every function writes at `at`, where kNumberTextMax bytes are free, and returns the end of what it wrote.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace flowxdp::number_text {

// Longest text of any function here: two MACs and a number, an IPv6 address in full, a negative time.
inline constexpr std::size_t kNumberTextMax = 64;

// "00" to "99"
inline constexpr auto kPairs = [] {
    std::array<char, 200> pairs{};
    for (unsigned i = 0; i < 100; i++) {
        pairs[2 * i] = static_cast<char>('0' + i / 10);
        pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
    return pairs;
}();
// "00" to "ff"
inline constexpr auto kHexPairs = [] {
    std::array<char, 512> pairs{};
    for (unsigned i = 0; i < 256; i++) {
        pairs[2 * i] = "0123456789abcdef"[i >> 4];
        pairs[2 * i + 1] = "0123456789abcdef"[i & 15];
    }
    return pairs;
}();

inline char* pair(char* at, std::uint32_t below_100)
{
    std::memcpy(at, &kPairs[2 * below_100], 2);
    return at + 2;
}
inline char* four(char* at, std::uint32_t below_10000)
{
    return pair(pair(at, below_10000 / 100), below_10000 % 100);
}
inline char* eight(char* at, std::uint32_t below_1e8)
{
    return four(four(at, below_1e8 / 10000), below_1e8 % 10000);
}

inline char* write_unsigned(char* at, std::uint64_t value)
{
    if (value < 10) {
        *at = static_cast<char>('0' + value);
        return at + 1;
    }
    if (value < 100)
        return pair(at, static_cast<std::uint32_t>(value));
    if (value < 10000) {
        const auto v = static_cast<std::uint32_t>(value);
        if (v >= 1000)
            return four(at, v);
        *at = static_cast<char>('0' + v / 100);
        return pair(at + 1, v % 100);
    }
    if (value < 100000000) {
        const auto v = static_cast<std::uint32_t>(value);
        return four(write_unsigned(at, v / 10000), v % 10000);
    }
    return eight(write_unsigned(at, value / 100000000), static_cast<std::uint32_t>(value % 100000000));
}

inline char* write_signed(char* at, std::int64_t value)
{
    if (value >= 0)
        return write_unsigned(at, static_cast<std::uint64_t>(value));
    *at = '-';
    return write_unsigned(at + 1, 0 - static_cast<std::uint64_t>(value));
}

template <unsigned kDigits>
char* write_hex(char* at, std::uint64_t value)
{
    at[0] = '0';
    at[1] = 'x';
    for (unsigned i = 0; i < kDigits / 2; i++)
        std::memcpy(at + 2 + 2 * i, &kHexPairs[2 * (value >> (8 * (kDigits / 2 - 1 - i)) & 0xff)], 2);
    return at + 2 + kDigits;
}

// ns as seconds with nine digits.
inline char* write_seconds(char* at, std::int64_t ns)
{
    auto magnitude = static_cast<std::uint64_t>(ns);
    if (ns < 0) {
        *at++ = '-';
        magnitude = 0 - magnitude;
    }
    at = write_unsigned(at, magnitude / 1000000000u);
    const auto fraction = static_cast<std::uint32_t>(magnitude % 1000000000u);
    at[0] = '.';
    at[1] = static_cast<char>('0' + fraction / 100000000u);
    return eight(at + 2, fraction % 100000000u);
}

inline char* write_mac(char* at, const std::uint8_t* mac)
{
    for (int i = 0; i < 6; i++) {
        std::memcpy(at + 3 * i, &kHexPairs[2u * mac[i]], 2);
        at[3 * i + 2] = ':';
    }
    return at + 17;
}

// As printf's %.7g.
char* write_float(char* at, double value);
// 16 bytes, v4-mapped; version 4, 6, 0.
char* write_ip(char* at, const std::uint8_t* address, int version);

} // namespace flowxdp::number_text
