// SPDX-License-Identifier: BSD-2-Clause
// mmdb_writer.h - an MMDB file from ranges (MaxMind DB file format 2.0).
//
// The tree is an IPv6 one with IPv4 at ::/96; records are maps with country_code, autonomous_system_number and
// autonomous_system_organization, each only where known. Same input, same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "geo/geo_record.h"

namespace flowxdp::geo {

struct MmdbMetadata {
    std::string database_type = "flowxdp-geo";
    std::string description;       // English sentence, shown by every MMDB tool
    std::string attribution;       // licence and attribution lines, kept as description "attribution"
    std::uint64_t build_epoch = 1; // seconds since 1970, UTC; libmaxminddb refuses 0
    unsigned min_record_bits = 24; // 24, 28 or 32: how small a tree record may be; the data may ask for more
};

struct MmdbImage {
    std::vector<std::uint8_t> bytes;
    std::uint64_t nodes = 0;
    std::uint64_t records = 0; // distinct ones in the data section
    unsigned record_bits = 0;  // 24, 28 or 32
};

// Error: build_epoch 0, ranges unsorted or overlapping, a record index out of range, or more than 2^31 nodes or 2^32
// bytes.
Result<MmdbImage> write_mmdb(const GeoTable& table, const MmdbMetadata& metadata);

} // namespace flowxdp::geo
