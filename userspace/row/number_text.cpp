// SPDX-License-Identifier: BSD-2-Clause
#include "row/number_text.h"

#include <algorithm>
#include <cmath>

namespace flowxdp::number_text {
namespace {

// Powers of ten that a double holds exactly.
constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// Where a number gets one digit more, 10^kFirstBound first.
constexpr int kFirstBound = -4;
constexpr double kBounds[] = {1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

char* write_float_exactly(char* at, double value)
{
    return std::to_chars(at, at + kNumberTextMax, value, std::chars_format::general, 7).ptr;
}

// digits: seven of them, 10^6 <= digits < 10^7; the number is digits * 10^(exponent - 6), -4 <= exponent <= 6.
char* write_seven_digits(char* at, std::uint32_t digits, int exponent)
{
    const std::uint64_t bytes = digit_bytes(digits) >> 8;
    const int used = 8 - std::countl_zero(bytes) / 8; // without trailing zeros
    const std::uint64_t text = bytes | kZeroDigits;
    if (exponent < 0) {
        std::copy_n("0.000", 5, at); // no terminator: digits follow
        at += 1 - exponent;
        put_word(at, text);
        return at + used;
    }
    const int whole = exponent + 1;
    put_word(at, text);
    if (used <= whole)
        return at + whole;
    at[whole] = '.';
    put_word(at + whole + 1, text >> 8 * whole);
    return at + used + 1;
}

// The words of an IPv6 address as text, as glibc's inet_ntop (RFC 5952).
char* write_hex_word(char* at, unsigned word)
{
    if (word >= 0x1000) {
        std::memcpy(at, &kHexPairs[2 * (word >> 8)], 2);
        std::memcpy(at + 2, &kHexPairs[2 * (word & 0xff)], 2);
        return at + 4;
    }
    if (word >= 0x100)
        *at++ = kHexPairs[2 * (word >> 8) + 1];
    if (word >= 0x10)
        *at++ = kHexPairs[2 * (word & 0xff)];
    *at = kHexPairs[2 * (word & 0xff) + 1];
    return at + 1;
}

// "0." to "255.", and how long each is.
struct Octet {
    char text[4];
    std::uint8_t length;
};
constexpr auto kOctets = [] {
    std::array<Octet, 256> octets{};
    for (unsigned i = 0; i < 256; i++) {
        Octet& o = octets[i];
        if (i >= 100)
            o.text[o.length++] = static_cast<char>('0' + i / 100);
        if (i >= 10)
            o.text[o.length++] = static_cast<char>('0' + i / 10 % 10);
        o.text[o.length++] = static_cast<char>('0' + i % 10);
        o.text[o.length++] = '.';
    }
    return octets;
}();

char* write_dotted(char* at, const std::uint8_t* address)
{
    for (int i = 0; i < 4; i++) {
        const Octet& octet = kOctets[address[i]];
        std::memcpy(at, octet.text, 4);
        at += octet.length;
    }
    return at - 1;
}

char* write_ipv6(char* at, const std::uint8_t* address)
{
    unsigned words[8];
    for (int i = 0; i < 8; i++)
        words[i] = static_cast<unsigned>(address[2 * i] << 8 | address[2 * i + 1]);
    // The first of the longest runs of zero words is left out, when it has two at least.
    int gap = -1, gap_length = 1;
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && !words[i + n])
            n++;
        if (n > gap_length) {
            gap = i;
            gap_length = n;
        }
        i += n;
    }
    for (int i = 0; i < 8; i++) {
        if (i == gap) {
            *at++ = ':';
            i += gap_length - 1;
            if (i == 7)
                *at++ = ':';
            continue;
        }
        if (i)
            *at++ = ':';
        // v4-mapped and v4-compatible addresses end in a dotted quad.
        if (i == 6 && gap == 0 && (gap_length == 6 || (gap_length == 5 && words[5] == 0xffff)))
            return write_dotted(at, address + 12);
        at = write_hex_word(at, words[i]);
    }
    return at;
}

} // namespace

char* write_float(char* at, double value)
{
    // Most cells of a flow file are whole numbers below 10^7, for which %.7g prints just the digits.
    if (value >= 0 && value < 1e7) {
        const auto whole = static_cast<std::uint32_t>(value);
        if (static_cast<double>(whole) == value)
            return write_unsigned(at, whole);
    }
    const double magnitude = std::fabs(value);
    if (!(magnitude >= 1e-4 && magnitude < 1e6))
        return write_float_exactly(at, value);
    // The exponent of ten from that of two; log10(2) is a little above 1233 / 4096.
    const int power_of_two = static_cast<int>(std::bit_cast<std::uint64_t>(magnitude) >> 52) - 1023;
    int exponent = power_of_two * 1233 >> 12;
    exponent += magnitude >= kBounds[exponent + 1 - kFirstBound];
    // Seven digits: one multiplication by an exact power of ten, off by at most half a unit of the last place, 2^-30 of
    // a digit. Where that could change the rounding, near a fraction of one half, the slow path decides.
    const double scaled = magnitude * kPowers[6 - exponent];
    auto digits = static_cast<std::uint32_t>(scaled);
    const double fraction = scaled - static_cast<double>(digits);
    if (std::fabs(fraction - 0.5) < 1e-7 || digits < 1000000)
        return write_float_exactly(at, value);
    digits += fraction > 0.5;
    if (digits >= 10000000) {
        digits = 1000000;
        exponent++;
    }
    if (value < 0)
        *at++ = '-';
    return write_seven_digits(at, digits, exponent);
}

char* write_ip(char* at, const std::uint8_t* address, int version)
{
    if (version == 4)
        return write_dotted(at, address + 12);
    if (version == 6)
        return write_ipv6(at, address);
    *at = '-';
    return at + 1;
}

} // namespace flowxdp::number_text
