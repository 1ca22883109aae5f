// SPDX-License-Identifier: BSD-2-Clause
// top_command.h - `flowxdp top`.
#pragma once

#include "cli/options.h"
#include "core/result.h"

namespace flowxdp {

// Flows and talkers of the pinned sensors with their rates: a screen that is refreshed on a terminal, one table
// otherwise. Throws StartupError.
ExitCode run_top_command(const TopOptions& options);

} // namespace flowxdp
