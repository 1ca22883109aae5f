// SPDX-License-Identifier: BSD-2-Clause
// geo_record.h - a database's data on a range of addresses.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "geo/address.h"

namespace flowxdp::geo {

struct GeoRecord {
    std::string country;      // ISO 3166-1 alpha-2 as the source writes it; empty = unknown
    std::uint32_t asn = 0;    // 0 = unknown (RFC 7607: never a real one)
    std::string organisation; // UTF-8; empty = unknown

    bool operator==(const GeoRecord&) const = default;
};

// first..last inclusive, IPv4 inside ::/96.
struct GeoRange {
    AddressNumber first = 0;
    AddressNumber last = 0;
    std::uint32_t record = 0; // index into GeoTable::records
};

// Ranges and the distinct records they point to. Sorted by first and free of overlaps unless said otherwise.
struct GeoTable {
    std::vector<GeoRange> ranges;
    std::vector<GeoRecord> records;
};

} // namespace flowxdp::geo
