// SPDX-License-Identifier: BSD-2-Clause
#include "geo/geo_import.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <unordered_map>

#include <fmt/format.h>

#include "core/unique_fd.h"
#include "geo/label_text.h"
#include "geo/range_source.h"

namespace flowxdp::geo {
namespace {

constexpr std::size_t kAttributionMax = 4000; // characters, far below what a reader searches for metadata

Result<GeoTable> read_sources(const std::vector<std::string>& paths, SourceKind kind)
{
    GeoTable table;
    for (const std::string& path : paths) {
        if (auto read = read_ranges(path, kind, table); !read)
            return read.error();
    }
    return table;
}

Result<void> write_all(int fd, const std::vector<std::uint8_t>& bytes, const std::string& path)
{
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t put = ::write(fd, bytes.data() + done, bytes.size() - done);
        if (put < 0 && errno != EINTR)
            return Error{fmt::format("{}: cannot write: {}", path, std::strerror(errno))};
        done += static_cast<std::size_t>(std::max<ssize_t>(put, 0));
    }
    return {};
}

Result<void> replace_file(const std::string& path, const std::vector<std::uint8_t>& bytes)
{
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    std::error_code made;
    if (!folder.empty())
        std::filesystem::create_directories(folder, made);
    if (made)
        return Error{fmt::format("{}: cannot create the folder: {}", folder.string(), made.message())};

    std::string temporary = path + ".XXXXXX";
    const UniqueFd file(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!file)
        return Error{fmt::format("{}: cannot create: {}", temporary, std::strerror(errno))};
    Result<void> result = write_all(file.get(), bytes, temporary);
    // mkostemp() makes private files; a sensor of another user must read this one.
    if (result && (::fchmod(file.get(), 0644) != 0 || ::fsync(file.get()) != 0))
        result = Error{fmt::format("{}: cannot finish: {}", temporary, std::strerror(errno))};
    if (result && ::rename(temporary.c_str(), path.c_str()) != 0)
        result = Error{fmt::format("{}: cannot rename {} to it: {}", path, temporary, std::strerror(errno))};
    if (!result)
        ::unlink(temporary.c_str());
    return result;
}

} // namespace

std::uint64_t flatten_ranges(std::vector<GeoRange>& ranges)
{
    std::stable_sort(ranges.begin(), ranges.end(), [](const GeoRange& left, const GeoRange& right) {
        return left.first != right.first ? left.first < right.first : left.last > right.last;
    });
    std::uint64_t overlaps = 0;
    std::vector<GeoRange> flat;
    flat.reserve(ranges.size());
    std::vector<GeoRange> open; // ranges that go on after the inner ones, innermost last
    const auto emit = [&flat](AddressNumber first, AddressNumber last, std::uint32_t record) {
        if (first <= last)
            flat.push_back({first, last, record});
    };
    // Writes the open ranges' parts before limit; their first addresses move on.
    const auto close_before = [&](AddressNumber limit, bool to_the_end) {
        while (!open.empty()) {
            GeoRange& inner = open.back();
            if (!to_the_end && inner.last >= limit) {
                if (inner.first < limit)
                    emit(inner.first, limit - 1, inner.record);
                inner.first = std::max(inner.first, limit);
                return;
            }
            const GeoRange done = inner;
            open.pop_back();
            emit(done.first, done.last, done.record);
            while (!open.empty() && open.back().last <= done.last)
                open.pop_back(); // covered to its end
            if (!open.empty())
                open.back().first = std::max(open.back().first, done.last + 1);
        }
    };
    for (const GeoRange& range : ranges) {
        close_before(range.first, false);
        overlaps += open.empty() ? 0 : 1;
        open.push_back(range);
    }
    close_before(0, true);
    ranges = std::move(flat);
    return overlaps;
}

GeoTable merge_tables(const GeoTable& country, const GeoTable& asn)
{
    GeoTable merged;
    std::unordered_map<std::uint64_t, std::uint32_t> pairs; // country record + 1, asn record + 1 -> merged record
    const auto record_of = [&](const GeoRange* left, const GeoRange* right) {
        const std::uint64_t key = (left ? left->record + 1ULL : 0) << 32 | (right ? right->record + 1ULL : 0);
        const auto [place, inserted] = pairs.try_emplace(key, static_cast<std::uint32_t>(merged.records.size()));
        if (inserted) {
            GeoRecord record = right ? asn.records[right->record] : GeoRecord{};
            record.country = left ? country.records[left->record].country : std::string();
            merged.records.push_back(std::move(record));
        }
        return place->second;
    };

    auto left = country.ranges.begin();
    auto right = asn.ranges.begin();
    AddressNumber at = 0; // everything below is merged
    while (left != country.ranges.end() || right != asn.ranges.end()) {
        const GeoRange* l = left != country.ranges.end() ? &*left : nullptr;
        const GeoRange* r = right != asn.ranges.end() ? &*right : nullptr;
        const AddressNumber l_first = l ? std::max(l->first, at) : ~AddressNumber{0};
        const AddressNumber r_first = r ? std::max(r->first, at) : ~AddressNumber{0};
        const AddressNumber first = !r ? l_first : !l ? r_first : std::min(l_first, r_first);
        const GeoRange* in_l = l && l_first == first ? l : nullptr;
        const GeoRange* in_r = r && r_first == first ? r : nullptr;
        // The piece ends with the range that ends first, or where the other one begins.
        AddressNumber last = ~AddressNumber{0};
        if (in_l)
            last = in_l->last;
        if (in_r)
            last = std::min(last, in_r->last);
        if (!in_l && l)
            last = std::min(last, l_first - 1);
        if (!in_r && r)
            last = std::min(last, r_first - 1);
        merged.ranges.push_back({first, last, record_of(in_l, in_r)});
        if (in_l && in_l->last == last)
            ++left;
        if (in_r && in_r->last == last)
            ++right;
        if (last == ~AddressNumber{0})
            break;
        at = last + 1;
    }
    return merged;
}

Result<MmdbImage> build_database(const ImportOptions& options, ImportReport& report)
{
    if (options.country_sources.empty() && options.asn_sources.empty())
        return Error{"nothing to import: give a country source, an ASN source, or both"};
    auto country = read_sources(options.country_sources, SourceKind::kCountry);
    if (!country)
        return country.error();
    auto asn = read_sources(options.asn_sources, SourceKind::kAsn);
    if (!asn)
        return asn.error();
    report.country_ranges = country->ranges.size();
    report.asn_ranges = asn->ranges.size();
    report.overlaps = flatten_ranges(country->ranges) + flatten_ranges(asn->ranges);
    const GeoTable merged = merge_tables(*country, *asn);
    report.ranges = merged.ranges.size();

    MmdbMetadata metadata;
    metadata.build_epoch = options.build_epoch;
    metadata.description = fmt::format("Country, AS number and organisation of {} IP address ranges", report.ranges);
    for (const std::string& line : options.attribution)
        metadata.attribution += (metadata.attribution.empty() ? "" : "; ") + clean_text(line, kAttributionMax);
    metadata.attribution = clean_text(metadata.attribution, kAttributionMax);
    auto image = write_mmdb(merged, metadata);
    if (!image)
        return image.error();
    report.records = image->records;
    report.nodes = image->nodes;
    report.record_bits = image->record_bits;
    report.bytes = image->bytes.size();
    return image;
}

Result<ImportReport> import_database(const ImportOptions& options, const std::string& output)
{
    ImportReport report;
    auto image = build_database(options, report);
    if (!image)
        return image.error();
    if (auto replaced = replace_file(output, image->bytes); !replaced)
        return replaced.error();
    return report;
}

} // namespace flowxdp::geo
