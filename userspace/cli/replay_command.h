// SPDX-License-Identifier: BSD-2-Clause
// replay_command.h - `flowxdp replay`.
#pragma once

#include <string>

#include "cli/options.h"
#include "cli/run_signals.h"
#include "core/log.h"
#include "core/result.h"

namespace flowxdp {

// Runs a replay from options to report. Throws StartupError for what cannot start.
ExitCode run_replay_command(const ReplayOptions& options, const std::string& command_line, Log* log);
// The same as a step of a command that has taken the signals already.
ExitCode run_replay_command(const ReplayOptions& options, const std::string& command_line, RunSignals& signals,
                            Log* log);

} // namespace flowxdp
