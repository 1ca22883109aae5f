// SPDX-License-Identifier: BSD-2-Clause
// range_source.h - the files a database is made from: CSV of ranges, or an MMDB of another maker.
#pragma once

#include <cstddef>
#include <string>

#include "core/result.h"
#include "geo/geo_record.h"

namespace flowxdp::geo {

// Most bytes of a line of a CSV source: three or four fields, of which the longest is an organisation's name.
inline constexpr std::size_t kLongestLine = 64u << 10;

enum class SourceKind {
    kCountry, // CSV: first, last, country code
    kAsn,     // CSV: first, last, AS number ("AS" before it is taken), organisation (optional)
};

// Appends the file's ranges to table, in file order, overlaps included; records are deduplicated within the call. CSV:
// RFC 4180 fields of one line, both line ends; '#' lines, empty lines and one header line are skipped; addresses as
// text or as plain numbers. MMDB files are recognised by their metadata. From a country source only the country is
// taken, from an ASN source only number and organisation; ranges without data are left out. Error: file, line and
// fault; a line longer than kLongestLine is one.
Result<void> read_ranges(const std::string& path, SourceKind kind, GeoTable& table);

} // namespace flowxdp::geo
