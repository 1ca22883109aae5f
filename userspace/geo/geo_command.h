// SPDX-License-Identifier: BSD-2-Clause
// geo_command.h - `flowxdp geo lookup | import | update | status`.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "core/result.h"

namespace flowxdp::geo {

// What the command line asks for (cli/geo_options.h fills it).
struct GeoCommand {
    enum class Action { kNone, kLookup, kImport, kUpdate, kStatus };

    Action action = Action::kNone;
    bool json = false; // one JSON document (status) or one object per line (lookup)

    // lookup: addresses, "-" = one per line from standard input.
    std::vector<std::string> addresses;
    // lookup, status: databases to ask; both empty = the default one (geo.h).
    std::string country_database;
    std::string asn_database;

    // import, update: files to read; update also takes http and https addresses, and none = the public data sets.
    std::vector<std::string> country_sources;
    std::vector<std::string> asn_sources;
    std::vector<std::string> attribution;
    std::string output; // empty = default_database_paths().front()
};

// Runs the command; results to out, notes and errors to error, addresses of "-" from in. Returns ok; usage (2) for a
// text that is no address or a missing action; run-time (1) for everything else. update runs the script geo_update.sh:
// $FLOWXDP_GEO_UPDATE, else beside the program, else where it was installed.
ExitCode run_geo_command(const GeoCommand& command, std::istream& in, std::ostream& out, std::ostream& error);

} // namespace flowxdp::geo
