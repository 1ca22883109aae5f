// SPDX-License-Identifier: BSD-2-Clause
// header_field.h - "Name: value" lines and words of text protocols, without regard to case (RFC 9110 5.1, RFC
// 3261 7.3).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace flowxdp {

// ASCII letters alone.
constexpr char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr char upper(char c)
{
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}
constexpr bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

constexpr bool same_word(std::string_view a, std::string_view b)
{
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}
constexpr bool begins_with_word(std::string_view text, std::string_view word)
{
    return text.size() >= word.size() && same_word(text.substr(0, word.size()), word);
}

// Without blanks and tabs at both ends.
constexpr std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}
// Takes the front of the text up to a blank; the text begins behind the blanks then.
constexpr std::string_view take_word(std::string_view* text)
{
    const std::size_t end = std::min(text->find(' '), text->size());
    const std::string_view word = text->substr(0, end);
    *text = trimmed(text->substr(end));
    return word;
}

// A character of a token (RFC 9110 5.6.2).
constexpr bool is_token_char(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
constexpr bool is_token(std::string_view text)
{
    for (const char c : text)
        if (!is_token_char(c))
            return false;
    return !text.empty();
}

struct HeaderField {
    std::string_view name, value;
};
// Nothing when the line is no header field.
constexpr std::optional<HeaderField> header_field(std::string_view line)
{
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    const std::string_view name = trimmed(line.substr(0, colon)); // SIP allows blanks in front of the colon
    if (!is_token(name))
        return std::nullopt;
    return HeaderField{name, trimmed(line.substr(colon + 1))};
}

// Digits of this base (10 or 16) at the front of the text; nothing when there are none, or the number is beyond most.
constexpr std::optional<std::uint64_t> leading_number(std::string_view text, unsigned base = 10,
                                                      std::uint64_t most = 0xffffffffffffULL)
{
    std::uint64_t number = 0;
    std::size_t digits = 0;
    for (const char c : text) {
        unsigned digit = 16;
        if (is_digit(c))
            digit = static_cast<unsigned>(c - '0');
        else if (lower(c) >= 'a' && lower(c) <= 'f')
            digit = static_cast<unsigned>(lower(c) - 'a') + 10;
        if (digit >= base)
            break;
        number = number * base + digit;
        if (number > most)
            return std::nullopt;
        digits++;
    }
    if (!digits)
        return std::nullopt;
    return number;
}

} // namespace flowxdp
