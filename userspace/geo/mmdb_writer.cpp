// SPDX-License-Identifier: BSD-2-Clause
#include "geo/mmdb_writer.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include "geo/mmdb_check.h"

namespace flowxdp::geo {
namespace {

constexpr std::uint32_t kEmpty = 0xffffffff;
constexpr std::uint32_t kRecordFlag = 0x80000000; // a child that is a record, not a node

// The typed values of a data or metadata section.
class Encoder {
  public:
    void map(std::size_t entries) { control(7, entries); }
    void array(std::size_t entries) { control(11, entries); }
    void uint16(std::uint64_t value) { number(5, value); }
    void uint32(std::uint64_t value) { number(6, value); }
    void uint64(std::uint64_t value) { number(9, value); }

    void text(std::string_view value)
    {
        control(2, value.size());
        bytes_.insert(bytes_.end(), value.begin(), value.end());
    }

    // Text that may come again: written once, then pointed to where the pointer is shorter.
    void shared_text(const std::string& value)
    {
        const auto known = texts_.find(value);
        if (known != texts_.end() && value.size() >= 4) {
            pointer(known->second);
            return;
        }
        texts_.emplace(value, static_cast<std::uint32_t>(bytes_.size()));
        text(value);
    }

    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return bytes_; }

  private:
    void byte(std::uint64_t value) { bytes_.push_back(static_cast<std::uint8_t>(value)); }
    void big_endian(std::uint64_t value, unsigned count)
    {
        while (count-- > 0)
            byte(value >> (8 * count) & 0xff);
    }

    // Control byte: TTTSSSSS, types above 7 in a second byte, sizes from 29 in 1 to 3 bytes after it.
    void control(unsigned type, std::size_t size)
    {
        const unsigned size_bits = size < 29 ? static_cast<unsigned>(size) : size < 285 ? 29 : size < 65821 ? 30 : 31;
        byte((type > 7 ? 0U : type << 5) | size_bits);
        if (type > 7)
            byte(type - 7);
        if (size_bits == 29)
            byte(size - 29);
        else if (size_bits == 30)
            big_endian(size - 285, 2);
        else if (size_bits == 31)
            big_endian(size - 65821, 3);
    }

    void number(unsigned type, std::uint64_t value)
    {
        unsigned count = 0;
        while (count < 8 && value >> (8 * count) != 0)
            ++count;
        control(type, count);
        big_endian(value, count);
    }

    void pointer(std::uint32_t target)
    {
        if (target < 2048) {
            byte(0x20U | target >> 8);
            byte(target & 0xff);
        } else if (target < 526336) {
            byte(0x28U | (target - 2048) >> 16);
            big_endian(target - 2048, 2);
        } else if (target < 134744064) {
            byte(0x30U | (target - 526336) >> 24);
            big_endian(target - 526336, 3);
        } else {
            byte(0x38);
            big_endian(target, 4);
        }
    }

    std::vector<std::uint8_t> bytes_;
    std::unordered_map<std::string, std::uint32_t> texts_;
};

void encode_record(Encoder& out, const GeoRecord& record)
{
    out.map(std::size_t{!record.country.empty()} + (record.asn != 0) + !record.organisation.empty());
    if (!record.country.empty()) {
        out.shared_text("country_code");
        out.text(record.country);
    }
    if (record.asn != 0) {
        out.shared_text("autonomous_system_number");
        out.uint32(record.asn);
    }
    if (!record.organisation.empty()) {
        out.shared_text("autonomous_system_organization");
        out.shared_text(record.organisation);
    }
}

// Nodes in the order of a depth-first walk: a look-up goes mostly forward through memory.
class TreeBuilder {
  public:
    explicit TreeBuilder(const std::vector<GeoRange>& ranges) : ranges_(ranges) {}

    // The root is a node even where a leaf would do: a file without nodes is invalid.
    void build() { add_node(0, ranges_.size(), 0, 0); }

    using Node = std::array<std::uint32_t, 2>;
    [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }

  private:
    // Ranges [begin, end) are those that touch the 2^(128 - depth) addresses from base.
    std::uint32_t child(std::size_t begin, std::size_t end, AddressNumber base, unsigned depth)
    {
        if (begin == end)
            return kEmpty;
        const AddressNumber last = depth == 128 ? base : base | ~AddressNumber{0} >> depth;
        const GeoRange& range = ranges_[begin];
        if (range.first <= base && range.last >= last)
            return kRecordFlag | range.record;
        return add_node(begin, end, base, depth);
    }

    std::uint32_t add_node(std::size_t begin, std::size_t end, AddressNumber base, unsigned depth)
    {
        const auto index = static_cast<std::uint32_t>(nodes_.size());
        nodes_.push_back({kEmpty, kEmpty});
        const AddressNumber middle = base | AddressNumber{1} << (127 - depth);
        const auto from = ranges_.begin() + static_cast<std::ptrdiff_t>(begin);
        const auto to = ranges_.begin() + static_cast<std::ptrdiff_t>(end);
        const auto right = std::partition_point(from, to, [middle](const GeoRange& r) { return r.first < middle; });
        const auto split = static_cast<std::size_t>(right - ranges_.begin());
        const bool across = split > begin && ranges_[split - 1].last >= middle;
        const std::uint32_t left_child = child(begin, split, base, depth + 1);
        const std::uint32_t right_child = child(across ? split - 1 : split, end, middle, depth + 1);
        nodes_[index] = {left_child, right_child};
        return index;
    }

    const std::vector<GeoRange>& ranges_;
    std::vector<Node> nodes_;
};

// Neighbours with the same record become one range: fewer nodes, and one tree for equal data.
Result<std::vector<GeoRange>> join_neighbours(const GeoTable& table)
{
    std::vector<GeoRange> joined;
    joined.reserve(table.ranges.size());
    for (const GeoRange& range : table.ranges) {
        if (range.first > range.last || range.record >= table.records.size())
            return Error{
                fmt::format("range from {}: ends before it starts or has no record", format_number(range.first))};
        if (!joined.empty() && range.first <= joined.back().last)
            return Error{fmt::format("range from {}: overlaps the one from {}", format_number(range.first),
                                     format_number(joined.back().first))};
        if (!joined.empty() && joined.back().record == range.record && joined.back().last + 1 == range.first)
            joined.back().last = range.last;
        else
            joined.push_back(range);
    }
    return joined;
}

void append_record(std::vector<std::uint8_t>& out, std::uint64_t value, unsigned bytes)
{
    while (bytes-- > 0)
        out.push_back(static_cast<std::uint8_t>(value >> (8 * bytes)));
}

// Two records of 24, 28 or 32 bits; at 28 the fourth byte holds both high halves, left first.
void append_node(std::vector<std::uint8_t>& out, std::uint64_t left, std::uint64_t right, unsigned record_bits)
{
    if (record_bits == 28) {
        append_record(out, left & 0xffffff, 3);
        out.push_back(static_cast<std::uint8_t>((left >> 24 & 0xf) << 4 | (right >> 24 & 0xf)));
        append_record(out, right & 0xffffff, 3);
        return;
    }
    append_record(out, left, record_bits / 8);
    append_record(out, right, record_bits / 8);
}

std::vector<std::uint8_t> encode_metadata(const MmdbMetadata& metadata, std::uint64_t nodes, unsigned record_bits)
{
    Encoder out;
    out.map(9);
    out.text("binary_format_major_version");
    out.uint16(2);
    out.text("binary_format_minor_version");
    out.uint16(0);
    out.text("build_epoch");
    out.uint64(metadata.build_epoch);
    out.text("database_type");
    out.text(metadata.database_type);
    out.text("description");
    out.map(metadata.attribution.empty() ? 1 : 2);
    out.text("en");
    out.text(metadata.description);
    if (!metadata.attribution.empty()) {
        out.text("attribution");
        out.text(metadata.attribution);
    }
    out.text("ip_version");
    out.uint16(6);
    out.text("languages");
    out.array(1);
    out.text("en");
    out.text("node_count");
    out.uint32(nodes);
    out.text("record_size");
    out.uint16(record_bits);
    return out.bytes();
}

} // namespace

Result<MmdbImage> write_mmdb(const GeoTable& table, const MmdbMetadata& metadata)
{
    if (metadata.build_epoch == 0)
        return Error{"a build time of 0 seconds after 1970 makes a file that readers refuse"};
    if (table.records.size() >= kRecordFlag - 1)
        return Error{"too many records for one MMDB file"};
    auto joined = join_neighbours(table);
    if (!joined)
        return joined.error();
    TreeBuilder tree(*joined);
    tree.build();
    const auto& nodes = tree.nodes();
    if (nodes.size() >= kRecordFlag)
        return Error{"too many search tree nodes for one MMDB file"};

    // Records in the order the tree meets them: neighbours in the tree are neighbours in the file.
    Encoder data;
    std::vector<std::uint64_t> offsets(table.records.size(), UINT64_MAX);
    MmdbImage image;
    for (const auto& node : nodes) {
        for (const std::uint32_t child : node) {
            if (child == kEmpty || (child & kRecordFlag) == 0)
                continue;
            std::uint64_t& offset = offsets[child & ~kRecordFlag];
            if (offset != UINT64_MAX)
                continue;
            offset = data.size();
            encode_record(data, table.records[child & ~kRecordFlag]);
            ++image.records;
        }
    }

    image.nodes = nodes.size();
    const std::uint64_t highest = nodes.size() + kDataSeparator + data.size();
    if (highest > UINT32_MAX)
        return Error{"nodes and records need more than 32 bits: too much for one MMDB file"};
    image.record_bits = std::max(highest < 1U << 24 ? 24U : highest < 1U << 28 ? 28U : 32U, metadata.min_record_bits);

    const auto value_of = [&](std::uint32_t child) -> std::uint64_t {
        if (child == kEmpty)
            return nodes.size();
        if ((child & kRecordFlag) == 0)
            return child;
        return nodes.size() + kDataSeparator + offsets[child & ~kRecordFlag];
    };
    image.bytes.reserve(nodes.size() * image.record_bits / 4 + data.size() + 4096);
    for (const auto& node : nodes)
        append_node(image.bytes, value_of(node[0]), value_of(node[1]), image.record_bits);
    image.bytes.insert(image.bytes.end(), kDataSeparator, 0);
    image.bytes.insert(image.bytes.end(), data.bytes().begin(), data.bytes().end());
    image.bytes.insert(image.bytes.end(), kMarker.begin(), kMarker.end());
    const auto tail = encode_metadata(metadata, nodes.size(), image.record_bits);
    image.bytes.insert(image.bytes.end(), tail.begin(), tail.end());
    return image;
}

} // namespace flowxdp::geo
