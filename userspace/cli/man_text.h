// SPDX-License-Identifier: BSD-2-Clause
// man_text.h - the option table as manual pages (roff, man macros): `flowxdp help --man [COMMAND]`.
#pragma once

#include <string>
#include <vector>

#include "cli/option_table.h"

namespace flowxdp {

// flowxdp(1): all commands. version: "flowxdp 1.2.3".
std::string man_overview(const std::vector<CommandRow>& commands, const std::string& version);
// flowxdp-replay(1).
std::string man_text(const CommandRow& command, const std::string& version);

} // namespace flowxdp
