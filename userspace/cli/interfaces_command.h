// SPDX-License-Identifier: BSD-2-Clause
// interfaces_command.h - `flowxdp interfaces`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "live/dispatcher.h"

namespace flowxdp {

// The interfaces of this network namespace with driver, MTU and XDP programs.
ExitCode run_interfaces_command(bool json);

// The programs of a dispatcher as JSON objects, in their order; none without one.
std::vector<std::string> programs_json(const std::optional<Dispatcher>& dispatcher);

} // namespace flowxdp
