// SPDX-License-Identifier: BSD-2-Clause
#include "geo/label_text.h"

#include <cstdint>

namespace flowxdp::geo {
namespace {

// Bytes of the well-formed UTF-8 sequence at the start of text (RFC 3629: no surrogates, no overlong forms); 0 if none.
std::size_t sequence_length(std::string_view text)
{
    const auto at = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t lead = at(0);
    if (lead < 0x80)
        return 1;
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((at(i) & 0xc0) != 0x80)
            return 0;
    }
    const bool bad = (lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f) ||
                     (lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f);
    return bad ? 0 : length;
}

} // namespace

std::string clean_text(std::string_view text, std::size_t max_characters)
{
    std::string out;
    std::size_t characters = 0;
    while (!text.empty() && characters < max_characters) {
        const std::size_t length = sequence_length(text);
        const auto lead = static_cast<std::uint8_t>(text[0]);
        const bool c1_control = length == 2 && lead == 0xc2 && static_cast<std::uint8_t>(text[1]) < 0xa0;
        if (length == 0)
            out += '?';
        else if (lead < 0x20 || lead == 0x7f || c1_control)
            out += ' ';
        else
            out += text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
        // Leading blanks are removed before they count against the limit.
        if (out == " ")
            out.clear();
        else
            ++characters;
    }
    while (!out.empty() && out.back() == ' ')
        out.pop_back();
    return out;
}

std::string country_label(std::string_view text)
{
    if (text.size() != 2)
        return {};
    std::string label;
    for (const char c : text) {
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (lower < 'a' || lower > 'z')
            return {};
        label += lower;
    }
    return label == "zz" ? std::string() : label;
}

} // namespace flowxdp::geo
