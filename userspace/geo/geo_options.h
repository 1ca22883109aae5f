// SPDX-License-Identifier: BSD-2-Clause
// geo_options.h - the options of `flowxdp geo`.
#pragma once

namespace CLI {
class App;
}

namespace flowxdp::geo {

struct GeoCommand;

// Adds the four subcommands to app (the "geo" command); parsing fills command, which must outlive app.
void add_geo_options(CLI::App& app, GeoCommand& command);

} // namespace flowxdp::geo
