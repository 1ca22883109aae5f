// SPDX-License-Identifier: BSD-2-Clause
// geo_options.h - the rows of `flowxdp geo` in the option table.
#pragma once

#include <vector>

namespace flowxdp {
struct CommandRow;
}

namespace flowxdp::geo {

struct GeoCommand;

// Adds the four commands; reading them fills `command`, which must outlive the table.
void add_geo_commands(std::vector<CommandRow>* commands, GeoCommand* command);

} // namespace flowxdp::geo
