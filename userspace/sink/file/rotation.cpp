// SPDX-License-Identifier: BSD-2-Clause
#include "sink/file/rotation.h"

#include <ctime>

#include <fmt/format.h>

#include "core/number.h"

namespace flowxdp {
namespace {

constexpr std::int64_t kNsPerMs = 1000000;
constexpr std::int64_t kNsPerSecond = 1000000000;
constexpr std::uint64_t kLongestMs = 400ULL * 86400 * 1000;
constexpr std::uint64_t kLargest = 9000000000000000000U;
constexpr std::size_t kLongestStamp = 64;
// Those that make digits of a fixed number: no slash, no name of a month, no zone.
constexpr std::string_view kConversions = "YmdHMSj";

std::int64_t floor_to(std::int64_t value, std::int64_t step)
{
    const std::int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

Error bad_limit(std::string_view word, const std::string& why)
{
    return Error{fmt::format("rotation '{}': {}; a time is 30s, 5m, 1h or 1d, a size 500M, so many rows 100000f",
                             printable(word, kValueBytes), why)};
}

Result<void> add_limit(std::string_view word, Rotation* rotation)
{
    const char unit = word.empty() ? '\0' : word.back();
    if (unit == 's' || unit == 'm' || unit == 'h' || unit == 'd') {
        std::uint64_t ms = 0;
        if (unit == 'd') {
            const auto days = read_number(word.substr(0, word.size() - 1), 1, 400, 1);
            if (!days.ok())
                return bad_limit(word, days.error().message);
            ms = days.value() * 86400000;
        } else {
            const auto read = read_duration_ms(word, 1000, kLongestMs);
            if (!read.ok())
                return bad_limit(word, read.error().message);
            ms = read.value();
        }
        if (rotation->period_ns)
            return bad_limit(word, "a second time");
        rotation->period_ns = static_cast<std::int64_t>(ms) * kNsPerMs;
        return {};
    }
    const bool rows = unit == 'f';
    const auto number = read_size(word.substr(0, word.size() - (rows ? 1 : 0)), 1, kLargest);
    if (!number.ok())
        return bad_limit(word, number.error().message);
    std::uint64_t& limit = rows ? rotation->rows : rotation->bytes;
    if (limit)
        return bad_limit(word, rows ? "a second number of rows" : "a second size");
    limit = number.value();
    return {};
}

Result<void> check_stamp(std::string_view stamp)
{
    if (stamp.empty() || stamp.size() > kLongestStamp)
        return Error{fmt::format("stamp: give from 1 to {} bytes, e.g. _%Y%m%dT%H%M%SZ", kLongestStamp)};
    bool time = false;
    for (std::size_t i = 0; i < stamp.size(); i++) {
        const auto byte = static_cast<unsigned char>(stamp[i]);
        if (byte == '/' || byte < 0x20 || byte == 0x7f)
            return Error{"stamp: it is a part of a file's name, without '/' and control bytes"};
        if (byte != '%')
            continue;
        i++;
        if (i == stamp.size() || kConversions.find(stamp[i]) == std::string_view::npos)
            return Error{"stamp: after % stands one of Y m d H M S j, e.g. _%Y%m%dT%H%M%SZ"};
        time = true;
    }
    return time ? Result<void>() : Error{"stamp: it has no time, e.g. _%Y%m%dT%H%M%SZ"};
}

} // namespace

bool Rotation::is_due(std::uint64_t file_bytes, std::uint64_t file_rows, std::int64_t first_ns,
                      std::int64_t now_ns) const
{
    if (file_rows == 0)
        return false;
    return (bytes && file_bytes >= bytes) || (rows && file_rows >= rows) ||
           (period_ns && now_ns >= floor_to(first_ns, period_ns) + period_ns);
}

Result<Rotation> parse_rotation(std::string_view limits, std::string_view stamp, std::string_view command)
{
    Rotation rotation;
    rotation.stamp = stamp;
    rotation.command = command;
    if (limits.empty()) {
        if (!command.empty())
            return Error{"a command for finished files needs files that end: give rotate, too"};
        return rotation;
    }
    for (bool more = true; more;) {
        const std::size_t slash = limits.find('/');
        more = slash != std::string_view::npos;
        if (Result<void> added = add_limit(limits.substr(0, slash), &rotation); !added.ok())
            return added.error();
        limits = more ? limits.substr(slash + 1) : "";
    }
    if (Result<void> checked = check_stamp(stamp); !checked.ok())
        return checked.error();
    if (!command.empty() && command.find_first_not_of(" \t") == std::string_view::npos)
        return Error{"the command for finished files is blank"};
    return rotation;
}

std::size_t stem_length(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
    std::size_t end = path.size();
    for (const std::string_view packed : {".gz", ".zst"})
        if (path.ends_with(packed))
            end = path.size() - packed.size();
    const std::size_t dot = end > 0 ? path.rfind('.', end - 1) : std::string::npos;
    return dot != std::string::npos && dot > name ? dot : end;
}

std::string finished_name(const std::string& path, const std::string& stamp, std::int64_t first_ns, unsigned again)
{
    const auto seconds = static_cast<std::time_t>(floor_to(first_ns, kNsPerSecond) / kNsPerSecond);
    std::tm utc{};
    char text[kLongestStamp * 6 + 1] = "";
    if (::gmtime_r(&seconds, &utc))
        text[std::strftime(text, sizeof text, stamp.c_str(), &utc)] = 0;
    const std::size_t stem = stem_length(path);
    return path.substr(0, stem) + text + (again ? fmt::format("-{}", again) : "") + path.substr(stem);
}

} // namespace flowxdp
