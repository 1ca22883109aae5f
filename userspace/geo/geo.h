// SPDX-License-Identifier: BSD-2-Clause
// geo.h - country and organisation of an IP address (T2 reference G1; DESIGN 5).
//
// Special-purpose ranges (RFC 6890 and T2's two-digit codes) are answered first, by us: public databases mislabel them.
// Then MMDB files through libmaxminddb. Without a database everything else is "-".
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
    std::string_view organisation; // at most 30 characters, "-" unknown
};

// Looks addresses up; caches by address. Thread safe after open.
class GeoDatabase {
  public:
    // country, asn: MMDB paths, each may be empty; both may name the same file. Error: names file and reason.
    static Result<std::unique_ptr<GeoDatabase>> open(const std::string& country, const std::string& asn);
    virtual ~GeoDatabase() = default;

    // address: network order, IPv4 v4-mapped (::ffff:a.b.c.d); ip_version 4 or 6.
    virtual Label look_up(const std::array<std::uint8_t, 16>& address, int ip_version) = 0;
    // Lines for `flowxdp geo status`: file, build date, type, records, licence or attribution.
    [[nodiscard]] virtual std::vector<std::string> status() const = 0;
    [[nodiscard]] virtual bool has_data() const = 0;
};

// Where `flowxdp geo import` puts a database and where the sensor looks for one: $FLOWXDP_GEO, else
// $XDG_DATA_HOME/flowxdp/geo.mmdb (or ~/.local/share), else /var/lib/flowxdp/geo.mmdb.
std::vector<std::string> default_database_paths();

} // namespace flowxdp::geo
