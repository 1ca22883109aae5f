// SPDX-License-Identifier: BSD-2-Clause
// geo_import.h - makes one MMDB file from country and AS data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "geo/geo_record.h"
#include "geo/mmdb_writer.h"

namespace flowxdp::geo {

struct ImportOptions {
    std::vector<std::string> country_sources; // CSV or MMDB; several for IPv4 and IPv6 apart
    std::vector<std::string> asn_sources;
    std::vector<std::string> attribution; // licence and attribution of the sources, kept in the file
    std::uint64_t build_epoch = 1;        // seconds since 1970, UTC; not 0
};

struct ImportReport {
    std::uint64_t country_ranges = 0; // as read
    std::uint64_t asn_ranges = 0;
    std::uint64_t overlaps = 0; // source ranges that overlapped an earlier one of their kind; the inner one won
    std::uint64_t ranges = 0;   // after merging
    std::uint64_t records = 0;
    std::uint64_t nodes = 0;
    unsigned record_bits = 0;
    std::uint64_t bytes = 0;
};

// Sorts ranges by first address and cuts them until none overlap: where two do, the one that starts later wins, and of
// two with the same start the shorter one (the more specific announcement). Returns how many overlapped.
std::uint64_t flatten_ranges(std::vector<GeoRange>& ranges);

// Merges the tables, cut at each other's borders; a range in one table alone keeps its data. Precondition: flattened.
GeoTable merge_tables(const GeoTable& country, const GeoTable& asn);

// Reads, merges and encodes; nothing is written. Error: file, line, reason; or no source given.
Result<MmdbImage> build_database(const ImportOptions& options, ImportReport& report);

// build_database() to a temporary file beside output, then rename: a reader sees the old file or the new one. Missing
// folders are made. On an error the old file stays. About 2 s for 800,000 ranges.
Result<ImportReport> import_database(const ImportOptions& options, const std::string& output);

} // namespace flowxdp::geo
