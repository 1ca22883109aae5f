// SPDX-License-Identifier: BSD-2-Clause
#include "geo/range_source.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <unordered_map>

#include <fmt/format.h>

#include "core/text_file.h"
#include "geo/label_text.h"
#include "geo/mmdb_file.h"

namespace flowxdp::geo {
namespace {

constexpr std::size_t kOrganisationKept = 250; // characters kept in the file; a column shows 30 of them

// Index of a record in table, adding it when it is new to this object.
class RecordIndex {
  public:
    explicit RecordIndex(GeoTable& table) : table_(table) {}

    std::uint32_t add(GeoRecord record)
    {
        key_.assign(record.country);
        key_ += '\n'; // not in any field: clean_text() took control characters out
        key_.append(reinterpret_cast<const char*>(&record.asn), sizeof(record.asn));
        key_ += record.organisation;
        const auto [place, inserted] = known_.try_emplace(key_, static_cast<std::uint32_t>(table_.records.size()));
        if (inserted)
            table_.records.push_back(std::move(record));
        return place->second;
    }

  private:
    GeoTable& table_;
    std::string key_;
    std::unordered_map<std::string, std::uint32_t> known_;
};

// Splits one line into fields; false when a quote is not closed or text follows a closing one.
bool split_csv(std::string_view line, std::vector<std::string>& fields)
{
    fields.clear();
    std::size_t at = 0;
    while (true) {
        std::string& field = fields.emplace_back();
        if (at < line.size() && line[at] == '"') {
            for (++at;; ++at) {
                if (at >= line.size())
                    return false;
                if (line[at] != '"')
                    field += line[at];
                else if (at + 1 < line.size() && line[at + 1] == '"')
                    field += line[at++];
                else
                    break;
            }
            ++at;
        } else {
            const std::size_t comma = std::min(line.find(',', at), line.size());
            field = line.substr(at, comma - at);
            at = comma;
        }
        if (at >= line.size())
            return true;
        if (line[at++] != ',')
            return false;
    }
}

// An address as text, or as the decimal number that the "-num" files of ip-location-db carry.
std::optional<Address> parse_range_end(std::string_view text)
{
    if (text.empty() || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
        return parse_address(text);
    AddressNumber number = 0;
    for (const char c : text) {
        const auto digit = static_cast<AddressNumber>(c - '0');
        if (number > (~AddressNumber{0} - digit) / 10)
            return std::nullopt;
        number = number * 10 + digit;
    }
    return Address{number, number <= kLastIpv4 ? 4 : 6};
}

// One CSV row; Error without file and line.
Result<std::optional<GeoRange>> parse_row(const std::vector<std::string>& fields, SourceKind kind, RecordIndex& index)
{
    if (fields.size() < 3)
        return Error{fmt::format("{} fields where first address, last address and {} are expected", fields.size(),
                                 kind == SourceKind::kCountry ? "country code" : "AS number, organisation")};
    const auto first = parse_range_end(fields[0]);
    const auto last = parse_range_end(fields[1]);
    if (!first || !last)
        return Error{fmt::format("\"{}\" is not an IP address", clean_text(first ? fields[1] : fields[0], 80))};
    if (first->version != last->version || first->number > last->number)
        return Error{fmt::format("the range {} to {} is empty", fields[0], fields[1])};
    if (first->version == 6 && first->number <= kLastIpv4)
        return Error{fmt::format("IPv6 address {} lies in ::/96, where an MMDB file holds IPv4", fields[0])};

    GeoRecord record;
    if (kind == SourceKind::kCountry) {
        record.country = country_label(fields[2]);
        if (record.country.empty() && !fields[2].empty() && fields[2] != "ZZ" && fields[2] != "-")
            return Error{fmt::format("\"{}\" is not a two-letter country code", clean_text(fields[2], 80))};
        std::transform(record.country.begin(), record.country.end(), record.country.begin(),
                       [](char c) { return static_cast<char>(c - 'a' + 'A'); });
    } else {
        std::string_view number = fields[2];
        if (number.starts_with("AS") || number.starts_with("as"))
            number.remove_prefix(2);
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), record.asn);
        if (error != std::errc() || end != number.data() + number.size())
            return Error{fmt::format("\"{}\" is not an AS number", clean_text(fields[2], 80))};
        if (fields.size() > 3)
            record.organisation = clean_text(fields[3], kOrganisationKept);
    }
    if (record == GeoRecord{})
        return std::optional<GeoRange>();
    return std::optional(GeoRange{first->number, last->number, index.add(std::move(record))});
}

Result<void> read_csv(const std::string& path, SourceKind kind, GeoTable& table)
{
    std::ifstream file(path);
    if (!file)
        return Error{fmt::format("{}: cannot open: {}", path, std::strerror(errno))};
    RecordIndex index(table);
    std::vector<std::string> fields;
    std::string line;
    std::uint64_t rows = 0;
    LineReader lines(file, kLongestLine);
    while (lines.next(&line)) {
        const std::uint64_t number = lines.number();
        if (line.ends_with('\r'))
            line.pop_back();
        if (number == 1 && line.starts_with("\xef\xbb\xbf")) // byte order mark of Windows tools
            line.erase(0, 3);
        if (line.empty() || line[0] == '#')
            continue;
        if (!split_csv(line, fields))
            return Error{
                fmt::format("{}:{}: a quoted field does not end at a comma or the end of the line", path, number)};
        // A header line: its first field has a letter that no address has.
        if (rows == 0 && number == 1 && fields[0].find_first_of("ghijklmnopqrstuvwxyz_") != std::string::npos)
            continue;
        auto range = parse_row(fields, kind, index);
        if (!range)
            return Error{fmt::format("{}:{}: {}", path, number, range.error().message)};
        ++rows;
        if (*range)
            table.ranges.push_back(**range);
    }
    if (lines.too_long())
        return Error{fmt::format("{}:{}: the line is longer than {} bytes: this is no CSV of ranges", path,
                                 lines.number(), kLongestLine)};
    if (file.bad())
        return Error{fmt::format("{}: cannot read: {}", path, std::strerror(errno))};
    if (rows == 0)
        return Error{fmt::format("{}: no ranges in it", path)};
    return {};
}

Result<void> read_mmdb(const std::string& path, SourceKind kind, GeoTable& table)
{
    auto file = MmdbFile::open(path);
    if (!file)
        return file.error();
    RecordIndex index(table);
    constexpr std::uint32_t kNothing = UINT32_MAX;
    std::unordered_map<std::uint32_t, std::uint32_t> by_offset; // file offset -> record, kNothing for an empty one
    const auto walked = (*file)->for_each_network([&](AddressNumber first, AddressNumber last, std::uint32_t offset) {
        const auto [place, inserted] = by_offset.try_emplace(offset, kNothing);
        if (inserted) {
            GeoRecord record = (*file)->read_record(offset);
            if (kind == SourceKind::kCountry)
                record = GeoRecord{std::move(record.country), 0, {}};
            else
                record.country.clear();
            if (!(record == GeoRecord{}))
                place->second = index.add(std::move(record));
        }
        if (place->second != kNothing)
            table.ranges.push_back({first, last, place->second});
    });
    if (!walked)
        return Error{fmt::format("{}: {}", path, walked.error().message)};
    return {};
}

} // namespace

Result<void> read_ranges(const std::string& path, SourceKind kind, GeoTable& table)
{
    return looks_like_mmdb(path) ? read_mmdb(path, kind, table) : read_csv(path, kind, table);
}

} // namespace flowxdp::geo
