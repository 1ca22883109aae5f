// SPDX-License-Identifier: BSD-2-Clause
// number_text.h - numbers and addresses as text, written to memory: the bulk of a flow file.
//
// Every function writes at `at`, where kNumberTextMax bytes are free, and returns the end of what it wrote.
#pragma once

#include <array>
#include <bit>
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

// The eight decimal digits of a number below 10^8, a byte each, the first in the lowest byte. The number is split into
// two fields of four digits, four of two, eight of one, all of a word at once; the multiplications stand for divisions
// by 100 and 10, exact in their ranges.
inline std::uint64_t digit_bytes(std::uint32_t below_1e8)
{
    const std::uint64_t fours = below_1e8 / 10000 | static_cast<std::uint64_t>(below_1e8 % 10000) << 32;
    const std::uint64_t hundreds = fours * 10486 >> 20 & 0x0000007f0000007fu;
    const std::uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
    const std::uint64_t tens = pairs * 103 >> 10 & 0x000f000f000f000fu;
    return tens | (pairs - 10 * tens) << 8;
}

// Stores a word so that its lowest byte comes first.
inline void put_word(char* at, std::uint64_t word)
{
    if constexpr (std::endian::native == std::endian::big)
        word = __builtin_bswap64(word);
    std::memcpy(at, &word, sizeof word);
}

inline constexpr std::uint64_t kZeroDigits = 0x3030303030303030u;

inline char* eight(char* at, std::uint32_t below_1e8)
{
    put_word(at, digit_bytes(below_1e8) | kZeroDigits);
    return at + 8;
}

// Has no branch on the number of digits: in a flow file it could not be predicted.
inline char* write_unsigned(char* at, std::uint64_t value)
{
    if (value < 10) {
        *at = static_cast<char>('0' + value);
        return at + 1;
    }
    if (value < 100000000) {
        const std::uint64_t digits = digit_bytes(static_cast<std::uint32_t>(value));
        const int zeros = std::countr_zero(digits) / 8; // at most 7: value is not 0
        // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
        put_word(at, (digits | kZeroDigits) >> 8 * zeros);
        return at + 8 - zeros;
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

// The eight hex digits of a number as text, the first in the lowest byte.
inline std::uint64_t hex_bytes(std::uint32_t value)
{
    std::uint64_t x = __builtin_bswap32(value);
    x = (x | x << 16) & 0x0000ffff0000ffffu;
    x = (x | x << 8) & 0x00ff00ff00ff00ffu; // a byte of the number in each field
    x = (x >> 4 | x << 8) & 0x0f0f0f0f0f0f0f0fu;
    const std::uint64_t letters = (x + 0x0606060606060606u) >> 4 & 0x0101010101010101u; // of 10 and above
    return x + kZeroDigits + letters * ('a' - '0' - 10);
}

template <unsigned kDigits>
char* write_hex(char* at, std::uint64_t value)
{
    at[0] = '0';
    at[1] = 'x';
    if constexpr (kDigits == 16)
        put_word(at + 2, hex_bytes(static_cast<std::uint32_t>(value >> 32)));
    if constexpr (kDigits >= 8)
        put_word(at + kDigits - 6, hex_bytes(static_cast<std::uint32_t>(value)));
    else
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
