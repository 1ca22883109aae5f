// SPDX-License-Identifier: BSD-2-Clause
// printable.h - makes text from outside (names of files and interfaces, pins, error texts) safe for a terminal or a
// line of a report: one line, without control characters.
#pragma once

#include <string>
#include <string_view>

#include "core/utf8.h"

namespace flowxdp {

// Control characters (Unicode categories Cc, Zl, Zp) and those that change the writing direction; code: the code point.
inline bool is_control(unsigned code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

// Bytes of control characters, and invalid UTF-8, become \xNN; newline, tab and carriage return become \n, \t and \r.
// All other characters stay.
inline std::string printable(std::string_view text);
// Bytes of a user's value that a message shows.
inline constexpr std::size_t kValueBytes = 60;
// The same, cut to `most` bytes; three dots show the cut.
inline std::string printable(std::string_view text, std::size_t most)
{
    return text.size() <= most ? printable(text) : printable(text.substr(0, most)) + "...";
}
// The same, line by line.
inline std::string printable_lines(std::string_view text)
{
    std::string out;
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        out += printable(text.substr(0, end)) + '\n';
        text.remove_prefix(end + 1);
    }
    return out + printable(text);
}

inline std::string printable(std::string_view text)
{
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::size_t taken = length ? length : 1;
        const std::string_view character = text.substr(0, taken);
        text.remove_prefix(taken);
        if (length && !is_control(utf8_code(character))) {
            out += character;
            continue;
        }
        for (const char c : character) {
            const auto byte = static_cast<unsigned char>(c);
            if (c == '\n' || c == '\t' || c == '\r')
                out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
            else
                (out += "\\x") += {kHex[byte >> 4], kHex[byte & 15]};
        }
    }
    return out;
}

} // namespace flowxdp
