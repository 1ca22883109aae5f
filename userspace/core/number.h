// SPDX-License-Identifier: BSD-2-Clause
// number.h - numbers that a user gives, read in one place: the whole word, without a sign, within a range.
//
// An error gives the reason, the range and an example, and not the object: the caller puts that in front
// ("option -c: " + message). Header alone, for plugins too.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "core/printable.h"
#include "core/result.h"

namespace flowxdp {

inline constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// "from 1 to 65535", "of at least 1".
inline std::string range_text(std::uint64_t low, std::uint64_t high)
{
    return high == kNoLimit ? fmt::format("of at least {}", low) : fmt::format("from {} to {}", low, high);
}

namespace number_detail {

inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// The decimal number that text begins with, as from_chars reads it, without sign, "inf" and "nan". Moves *text past it.
inline bool take_real(std::string_view* text, double* value)
{
    if (text->empty() || !(is_digit(text->front()) || text->front() == '.'))
        return false;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *value);
    if (error != std::errc() || !std::isfinite(*value))
        return false;
    text->remove_prefix(static_cast<std::size_t>(end - text->data()));
    return true;
}

// Digits of a base, all of text. Too large: *value is kNoLimit and *fits false.
inline bool read_digits(std::string_view text, int base, std::uint64_t* value, bool* fits)
{
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value, base);
    *fits = error != std::errc::result_out_of_range;
    if (!*fits)
        *value = kNoLimit;
    return !text.empty() && end == text.data() + text.size() && (error == std::errc() || !*fits);
}

} // namespace number_detail

// A whole decimal number in [low, high].
inline Result<std::uint64_t> read_number(std::string_view text, std::uint64_t low, std::uint64_t high,
                                         std::uint64_t example)
{
    std::uint64_t value = 0;
    bool fits = true;
    if (!number_detail::read_digits(text, 10, &value, &fits))
        return Error{fmt::format("'{}' is not a whole number: give one {}, e.g. {}", printable(text, kValueBytes),
                                 range_text(low, high), example)};
    if (!fits || value < low || value > high)
        return Error{fmt::format("'{}' is too {}: give a number {}, e.g. {}", printable(text, kValueBytes),
                                 fits && value < low ? "small" : "large",
                                 high == kNoLimit ? range_text(low, kNoLimit - 1) : range_text(low, high), example)};
    return value;
}

// A whole number, decimal or, with 0x in front, hexadecimal, that fits so many bits.
inline Result<std::uint64_t> read_bits(std::string_view text, unsigned bits)
{
    const std::uint64_t most = bits >= 64 ? kNoLimit : (std::uint64_t{1} << bits) - 1;
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    std::uint64_t value = 0;
    bool fits = true;
    if (!number_detail::read_digits(hex ? text.substr(2) : text, hex ? 16 : 10, &value, &fits))
        return Error{fmt::format("'{}' is not a number: give one from 0 to 0x{:x}, e.g. 0x41",
                                 printable(text, kValueBytes), most)};
    if (!fits || value > most)
        return Error{fmt::format("'{}' is too large for {} bits: give a number from 0 to 0x{:x}, e.g. 0x41",
                                 printable(text, kValueBytes), bits, most)};
    return value;
}

// A finite decimal number in [low, high]; an exponent is taken.
inline Result<double> read_real(std::string_view text, double low, double high, double example)
{
    std::string_view rest = text;
    double value = 0;
    if (!number_detail::take_real(&rest, &value) || !rest.empty())
        return Error{fmt::format("'{}' is not a number: give one from {} to {}, e.g. {}", printable(text, kValueBytes),
                                 low, high, example)};
    if (!(value >= low && value <= high))
        return Error{fmt::format("'{}' is too {}: give a number from {} to {}, e.g. {}", printable(text, kValueBytes),
                                 value < low ? "small" : "large", low, high, example)};
    return value;
}

// "182s", "0.5s", "2h": milliseconds as the shortest text that read_duration_ms() takes.
inline std::string duration_text(std::uint64_t ms)
{
    if (ms && ms % 3600000 == 0)
        return fmt::format("{}h", ms / 3600000);
    if (ms % 1000)
        return ms < 1000 ? fmt::format("{}ms", ms) : fmt::format("{}s", static_cast<double>(ms) / 1000);
    return fmt::format("{}s", ms / 1000);
}

// A duration in [low_ms, high_ms]: seconds, or with a unit: 500ms, 30s, 5m or 5min, 2h. Rounded to milliseconds.
inline Result<std::uint64_t> read_duration_ms(std::string_view text, std::uint64_t low_ms, std::uint64_t high_ms)
{
    std::string_view rest = text;
    double value = 0;
    double unit = 0;
    if (number_detail::take_real(&rest, &value))
        unit = rest.empty() || rest == "s"    ? 1000
               : rest == "ms"                 ? 1
               : rest == "m" || rest == "min" ? 60000
               : rest == "h"                  ? 3600000
                                              : 0;
    const std::string wanted =
        fmt::format("from {} to {}, e.g. 0.5, 30s, 5m, 2h", duration_text(low_ms), duration_text(high_ms));
    if (unit == 0)
        return Error{fmt::format("'{}' is not a duration: give one {}", printable(text, kValueBytes), wanted)};
    const double ms = value * unit;
    if (ms > static_cast<double>(high_ms) || ms < static_cast<double>(low_ms))
        return Error{fmt::format("'{}' is too {}: give a duration {}", printable(text, kValueBytes),
                                 ms < static_cast<double>(low_ms) ? "short" : "long", wanted)};
    return static_cast<std::uint64_t>(std::llround(ms));
}

// "32M", "4K", "1000": bytes as the shortest text that read_size() takes.
inline std::string size_text(std::uint64_t bytes)
{
    constexpr std::string_view kUnits = "KMGT";
    std::size_t unit = 0;
    for (; unit < kUnits.size() && bytes && bytes % 1024 == 0; unit++)
        bytes /= 1024;
    return unit ? fmt::format("{}{}", bytes, kUnits[unit - 1]) : fmt::format("{}", bytes);
}

// A size in [low, high]: a number, which may have a fraction or an exponent, and K, M, G or T (of 1,024), optionally
// followed by B or iB. 500M, 1.5G, 1e6, 64KiB.
inline Result<std::uint64_t> read_size(std::string_view text, std::uint64_t low, std::uint64_t high)
{
    const std::string example = size_text(low > (1u << 20) ? low : high < (1u << 20) ? high : 1u << 20);
    const std::string wanted =
        fmt::format("{}, e.g. {}",
                    high == kNoLimit ? "of at least " + size_text(low)
                                     : fmt::format("from {} to {}", size_text(low), size_text(high)),
                    example);
    std::uint64_t whole = 0;
    bool fits = true;
    if (number_detail::read_digits(text, 10, &whole, &fits) && fits && whole >= low && whole <= high)
        return whole; // exact above 2^53, too
    std::string_view rest = text;
    double value = 0;
    if (!number_detail::take_real(&rest, &value))
        return Error{fmt::format("'{}' is not a size: give one {}", printable(text, kValueBytes), wanted)};
    constexpr std::string_view kUnits = "KMGT";
    if (!rest.empty()) {
        const char letter =
            rest.front() >= 'a' && rest.front() <= 'z' ? static_cast<char>(rest.front() - 'a' + 'A') : rest.front();
        if (const std::size_t unit = kUnits.find(letter); unit != std::string_view::npos) {
            value *= std::pow(1024.0, static_cast<double>(unit + 1));
            rest.remove_prefix(1);
            if (rest.starts_with('i'))
                rest.remove_prefix(1);
        }
        if (rest == "B" || rest == "b")
            rest.remove_prefix(1);
    }
    if (!rest.empty())
        return Error{fmt::format("'{}' is not a size: give one {}", printable(text, kValueBytes), wanted)};
    // 2^64 itself is the nearest double of kNoLimit, and too large.
    if (value < static_cast<double>(low) || value > static_cast<double>(high) || value >= 0x1p64)
        return Error{fmt::format("'{}' is too {}: give a size {}", printable(text, kValueBytes),
                                 value < static_cast<double>(low) ? "small" : "large", wanted)};
    return static_cast<std::uint64_t>(value);
}

} // namespace flowxdp
