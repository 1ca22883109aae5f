// SPDX-License-Identifier: BSD-2-Clause
#include "geo/mmdb_check.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace flowxdp::geo {
namespace {

using Section = std::span<const std::uint8_t>;

constexpr std::size_t kMetadataMax = 131072; // how far from the end the format lets a reader search for the marker
constexpr int kMaxDepth = 32;                // real files nest 4 deep
constexpr int kMaxSteps = 20000;

enum Type : unsigned {
    kPointer = 1,
    kString = 2,
    kDouble = 3,
    kBytes = 4,
    kUint16 = 5,
    kUint32 = 6,
    kMap = 7,
    kInt32 = 8,
    kUint64 = 9,
    kUint128 = 10,
    kArray = 11,
    kBoolean = 14,
    kFloat = 15,
};

// A control byte and the bytes that belong to it.
struct Header {
    unsigned type = 0;
    std::size_t size = 0;    // bytes, entries of a map or array; pointer: the target
    std::size_t payload = 0; // offset after the control bytes
};

std::optional<std::size_t> read_number(Section section, std::size_t offset, std::size_t bytes)
{
    if (offset > section.size() || bytes > section.size() - offset)
        return std::nullopt;
    std::size_t number = 0;
    for (std::size_t i = 0; i < bytes; ++i)
        number = number << 8 | section[offset + i];
    return number;
}

std::optional<Header> read_header(Section section, std::size_t offset)
{
    if (offset >= section.size())
        return std::nullopt;
    const unsigned control = section[offset++];
    Header header;
    header.type = control >> 5;
    if (header.type == kPointer) {
        const std::size_t bytes = (control >> 3 & 3) + 1;
        const auto low = read_number(section, offset, bytes);
        if (!low)
            return std::nullopt;
        constexpr std::size_t kBase[] = {0, 2048, 526336, 0};
        const std::size_t high = bytes == 4 ? 0 : std::size_t{control & 7} << (8 * bytes);
        header.size = high + *low + kBase[bytes - 1];
        header.payload = offset + bytes;
        return header;
    }
    if (header.type == 0) {
        if (offset >= section.size())
            return std::nullopt;
        header.type = 7U + section[offset++];
    }
    header.size = control & 31;
    if (header.size >= 29) {
        constexpr std::size_t kBase[] = {29, 285, 65821};
        const std::size_t bytes = header.size - 28;
        const auto more = read_number(section, offset, bytes);
        if (!more)
            return std::nullopt;
        header.size = kBase[bytes - 1] + *more;
        offset += bytes;
    }
    header.payload = offset;
    return header;
}

// Longest allowed payload of a number; nothing for types that are not numbers.
std::optional<std::size_t> number_limit(unsigned type)
{
    switch (type) {
    case kUint16:
        return 2;
    case kUint32:
    case kInt32:
    case kFloat:
        return 4;
    case kUint64:
    case kDouble:
        return 8;
    case kUint128:
        return 16;
    default:
        return std::nullopt;
    }
}

class Checker {
  public:
    explicit Checker(Section section) : section_(section) {}

    // Offset after the value, nothing when it is bad.
    std::optional<std::size_t> check(std::size_t offset, int depth)
    {
        if (depth > kMaxDepth || ++steps_ > kMaxSteps)
            return std::nullopt;
        const auto header = read_header(section_, offset);
        if (!header)
            return std::nullopt;
        if (header->type == kPointer) {
            const auto target = read_header(section_, header->size);
            if (!target || target->type == kPointer || !check(header->size, depth + 1))
                return std::nullopt;
            return header->payload;
        }
        if (header->type == kMap || header->type == kArray)
            return check_entries(*header, depth);
        if (header->type == kBoolean)
            return header->size <= 1 ? std::optional(header->payload) : std::nullopt;
        if (header->type != kString && header->type != kBytes) {
            const auto limit = number_limit(header->type);
            const bool fixed = header->type == kDouble || header->type == kFloat;
            if (!limit || header->size > *limit || (fixed && header->size != *limit))
                return std::nullopt;
        }
        if (header->size > section_.size() - header->payload)
            return std::nullopt;
        return header->payload + header->size;
    }

  private:
    bool is_string(std::size_t offset) const
    {
        auto header = read_header(section_, offset);
        if (header && header->type == kPointer)
            header = read_header(section_, header->size);
        return header && header->type == kString;
    }

    std::optional<std::size_t> check_entries(const Header& header, int depth)
    {
        std::optional<std::size_t> next = header.payload;
        for (std::size_t i = 0; i < header.size && next; ++i) {
            if (header.type == kMap) {
                if (!is_string(*next))
                    return std::nullopt;
                next = check(*next, depth + 1);
                if (!next)
                    return std::nullopt;
            }
            next = check(*next, depth + 1);
        }
        return next;
    }

    Section section_;
    int steps_ = 0;
};

std::optional<Header> follow(Section section, std::size_t offset)
{
    const auto header = read_header(section, offset);
    return header && header->type == kPointer ? read_header(section, header->size) : header;
}

// Value of the checked map at offset 0 by key, pointers followed; nothing when it is missing.
std::optional<Header> find_value(Section section, std::string_view wanted)
{
    const auto map = follow(section, 0);
    if (!map || map->type != kMap)
        return std::nullopt;
    std::optional<std::size_t> next = map->payload;
    for (std::size_t i = 0; i < map->size && next; ++i) {
        const auto key = follow(section, *next);
        const auto value_offset = Checker(section).check(*next, 0);
        if (!key || !value_offset)
            return std::nullopt;
        const std::string_view text(reinterpret_cast<const char*>(section.data()) + key->payload, key->size);
        if (text == wanted)
            return follow(section, *value_offset);
        next = Checker(section).check(*value_offset, 0);
    }
    return std::nullopt;
}

std::optional<std::uint64_t> find_number(Section section, std::string_view wanted)
{
    const auto value = find_value(section, wanted);
    if (!value || (value->type != kUint16 && value->type != kUint32 && value->type != kUint64))
        return std::nullopt;
    return read_number(section, value->payload, value->size);
}

// True when the value is missing, or of this type (map or array) with nothing but strings in it.
bool has_only_strings(Section section, std::string_view wanted, unsigned type)
{
    const auto value = find_value(section, wanted);
    if (!value)
        return true;
    if (value->type != type)
        return false;
    std::optional<std::size_t> next = value->payload;
    for (std::size_t i = 0; i < value->size * (type == kMap ? 2 : 1) && next; ++i) {
        const auto entry = follow(section, *next);
        if (!entry || entry->type != kString)
            return false;
        next = Checker(section).check(*next, 0);
    }
    return next.has_value();
}

} // namespace

bool check_mmdb_value(Section section, std::size_t offset)
{
    return Checker(section).check(offset, 0).has_value();
}

Result<MmdbLayout> check_mmdb_layout(Section file)
{
    if (file.empty())
        return Error{"the file is empty"};
    const std::size_t tail = std::min(file.size(), kMetadataMax);
    const std::string_view search(reinterpret_cast<const char*>(file.data()) + file.size() - tail, tail);
    const std::size_t marker = search.rfind(kMarker);
    if (marker == std::string_view::npos)
        return Error{"no MMDB metadata at the end: not an MMDB file, or a truncated one"};
    const std::size_t metadata_start = file.size() - tail + marker + kMarker.size();
    const Section metadata = file.subspan(metadata_start);
    if (!check_mmdb_value(metadata, 0))
        return Error{"the MMDB metadata is damaged"};
    // libmaxminddb 1.7 would refuse these too, but leak memory.
    if (!has_only_strings(metadata, "description", kMap) || !has_only_strings(metadata, "languages", kArray))
        return Error{"the MMDB metadata is damaged: description or languages hold something else than text"};

    MmdbLayout layout;
    for (const auto& [key, field] :
         {std::pair{"node_count", &layout.node_count}, std::pair{"record_size", &layout.record_bits},
          std::pair{"ip_version", &layout.ip_version}}) {
        const auto number = find_number(metadata, key);
        if (!number)
            return Error{fmt::format("the MMDB metadata has no number \"{}\"", key)};
        *field = *number;
    }
    if (layout.record_bits != 24 && layout.record_bits != 28 && layout.record_bits != 32)
        return Error{fmt::format("record size {} is not 24, 28 or 32 bits", layout.record_bits)};
    if (layout.ip_version != 4 && layout.ip_version != 6)
        return Error{fmt::format("IP version {} is not 4 or 6", layout.ip_version)};
    const std::uint64_t node_bytes = layout.record_bits / 4; // two records
    const std::uint64_t before_metadata = metadata_start - kMarker.size();
    if (layout.node_count == 0 || before_metadata < kDataSeparator ||
        layout.node_count > (before_metadata - kDataSeparator) / node_bytes)
        return Error{
            fmt::format("a search tree of {} nodes of {} bytes does not fit into the {} bytes before the metadata",
                        layout.node_count, node_bytes, before_metadata)};
    return layout;
}

} // namespace flowxdp::geo
