// SPDX-License-Identifier: BSD-2-Clause
// utf8.h - where characters begin and end in bytes that may or may not be UTF-8 (RFC 3629).
#pragma once

#include <cstddef>
#include <string_view>

namespace flowxdp {

// Length of the valid UTF-8 sequence at the start of s, which is not empty; 0 when it is not one.
inline std::size_t utf8_length(std::string_view s)
{
    const auto b0 = static_cast<unsigned char>(s[0]);
    if (b0 < 0x80)
        return 1;
    const std::size_t n = b0 >= 0xf0 ? 4 : b0 >= 0xe0 ? 3 : 2;
    if (b0 < 0xc2 || b0 > 0xf4 || s.size() < n)
        return 0;
    for (std::size_t i = 1; i < n; i++)
        if ((static_cast<unsigned char>(s[i]) & 0xc0) != 0x80)
            return 0;
    const auto b1 = static_cast<unsigned char>(s[1]);
    if ((b0 == 0xe0 && b1 < 0xa0) || (b0 == 0xed && b1 > 0x9f) || (b0 == 0xf0 && b1 < 0x90) ||
        (b0 == 0xf4 && b1 > 0x8f))
        return 0;
    return n;
}

// The number of a character, which is one whole valid sequence.
inline unsigned utf8_code(std::string_view character)
{
    const auto first = static_cast<unsigned char>(character[0]);
    unsigned code = character.size() == 1 ? first : first & (0xffu >> (character.size() + 1));
    for (std::size_t i = 1; i < character.size(); i++)
        code = code << 6 | (static_cast<unsigned char>(character[i]) & 0x3fu);
    return code;
}

} // namespace flowxdp
