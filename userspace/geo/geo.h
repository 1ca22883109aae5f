// SPDX-License-Identifier: BSD-2-Clause
// geo.h - country and organisation of an IP address.
//
// Special-purpose ranges (RFC 6890 and T2's two-digit codes) come first, from our own table: public databases mislabel
// them. Then MMDB files, by libmaxminddb. Without a database everything else is "-".
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace flowxdp::geo {

// Views live as long as the GeoDatabase they came from.
struct Label {
    std::string_view country;      // two lower-case letters, a two-digit code for special ranges, "-" unknown
    std::string_view organisation; // at most 30 characters (UTF-8 code points), "-" unknown
};

// An MMDB file's metadata and what open() counted.
struct DatabaseInfo {
    std::string path;
    std::string type;              // database_type of the metadata
    std::string description;       // English
    std::string attribution;       // licence and attribution as written by `geo import`; empty in files of others
    std::uint64_t build_epoch = 0; // seconds since 1970, UTC
    std::uint64_t size_bytes = 0;
    std::uint64_t networks = 0; // prefixes in the tree
    std::uint64_t records = 0;  // distinct records they point to
    std::uint64_t nodes = 0;
    unsigned record_bits = 0;
    unsigned ip_version = 0; // 4, or 6 for both
};

// Licence or attribution to show with results: the file's own, else its maker's, else that it is not stated.
std::string licence_line(const DatabaseInfo& info);

// Seconds since 1970 as 2026-06-17T19:51:40Z.
std::string utc_text(std::uint64_t epoch);

// Looks addresses up; caches by address. Thread safe after open.
class GeoDatabase {
  public:
    // country, asn: MMDB paths, each may be empty; both may name the same file. Each file also fills what the other
    // does not know. A file is read and verified whole, then held in memory. Error: names file and reason.
    static Result<std::unique_ptr<GeoDatabase>> open(const std::string& country, const std::string& asn);
    virtual ~GeoDatabase() = default;

    // address: network order, IPv4 v4-mapped (::ffff:a.b.c.d); ip_version 4 or 6. Never fails: unknown is "-".
    virtual Label look_up(const std::array<std::uint8_t, 16>& address, int ip_version) = 0;
    // Lines for `flowxdp geo status`: file, build date, type, records, licence or attribution.
    [[nodiscard]] virtual std::vector<std::string> status() const = 0;
    // The open files, country first.
    [[nodiscard]] virtual std::vector<DatabaseInfo> databases() const = 0;
    [[nodiscard]] virtual bool has_data() const = 0;
};

// Where the sensor looks for a database, best first, and where `flowxdp geo import` puts one (the first): $FLOWXDP_GEO
// alone if set; else $XDG_DATA_HOME/flowxdp/geo.mmdb (or ~/.local/share), then /var/lib/flowxdp/geo.mmdb. For root the
// order is reversed, so that `sudo flowxdp geo update` and a system service agree.
std::vector<std::string> default_database_paths();

// The first of default_database_paths() that exists; empty if none does.
std::string find_default_database();

} // namespace flowxdp::geo
