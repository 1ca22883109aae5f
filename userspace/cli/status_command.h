// SPDX-License-Identifier: BSD-2-Clause
// status_command.h - `flowxdp status`.
#pragma once

#include "cli/options.h"
#include "core/result.h"

namespace flowxdp {

// Every sensor (or those of the interfaces named) with its counters, books, daemon and sinks, read from the pins;
// neither kernel half nor daemon notices. Counters that are zero are left out unless all are asked for. Throws
// StartupError, with exit code 77 for a user without the right to read sensors.
ExitCode run_status_command(const StatusOptions& options);

} // namespace flowxdp
