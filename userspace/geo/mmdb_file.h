// SPDX-License-Identifier: BSD-2-Clause
// mmdb_file.h - one verified MMDB file of any maker (GeoLite2, DB-IP, IPinfo, ip-location-db, our own).
//
// open() copies the file into sealed memory and reads all of it once: every tree path and every record. Later look-ups
// therefore cannot fail, and a file that is rewritten in place cannot end the sensor by SIGBUS.
#pragma once

#include <maxminddb.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/result.h"
#include "core/unique_fd.h"
#include "geo/geo.h"
#include "geo/geo_record.h"

namespace flowxdp::geo {

class MmdbFile {
  public:
    // Error: names the file and what is wrong with it. About 0.1 s for 10 MB.
    static Result<std::unique_ptr<MmdbFile>> open(const std::string& path);
    ~MmdbFile();
    MmdbFile(const MmdbFile&) = delete;
    MmdbFile& operator=(const MmdbFile&) = delete;

    // Offset of the address's record; nothing when the file does not know it. Any thread.
    [[nodiscard]] std::optional<std::uint32_t> find(const Address& address) const;

    // offset: from find() or for_each_network(). Country from country.iso_code, country_code or country; organisation
    // from autonomous_system_organization, as_name or organization; number from autonomous_system_number or asn. Any
    // thread.
    [[nodiscard]] GeoRecord read_record(std::uint32_t offset) const;

    using NetworkVisitor = std::function<void(AddressNumber first, AddressNumber last, std::uint32_t offset)>;
    // Every network in address order, IPv4 once (inside ::/96), its aliases (::ffff:0:0/96, 2002::/16) left out.
    // Error: the reason, without the file name.
    Result<void> for_each_network(const NetworkVisitor& visit) const;

    [[nodiscard]] const DatabaseInfo& info() const { return info_; }

  private:
    struct Walk;

    MmdbFile() = default;
    Result<void> load(const std::string& path);
    Result<void> verify();
    Result<void> walk_node(Walk& walk, std::uint64_t node, AddressNumber base, unsigned depth) const;

    MMDB_s mmdb_{};
    bool open_ = false;
    UniqueFd memory_;
    DatabaseInfo info_;
};

// True when the file at path carries MMDB metadata near its end; false for text and for files that cannot be read.
bool looks_like_mmdb(const std::string& path);

} // namespace flowxdp::geo
