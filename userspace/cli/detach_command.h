// SPDX-License-Identifier: BSD-2-Clause
// detach_command.h - `flowxdp detach`: the end of sensors, with or without a daemon.
#pragma once

#include <string>

#include "cli/options.h"
#include "core/log.h"
#include "core/result.h"

namespace flowxdp {

// A sensor with a daemon: stops the daemon, which exports everything, and waits for it. A sensor without a daemon is
// removed; with --export its flows are exported first, otherwise they are reported as lost. Throws StartupError.
ExitCode run_detach_command(const DetachOptions& options, const std::string& command_line, Log* log);

} // namespace flowxdp
