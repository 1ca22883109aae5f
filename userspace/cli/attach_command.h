// SPDX-License-Identifier: BSD-2-Clause
// attach_command.h - `flowxdp attach`.
#pragma once

#include <string>

#include "cli/options.h"
#include "core/log.h"
#include "core/result.h"

namespace flowxdp {

// Observes interfaces until SIGINT or SIGTERM, or until all of them are gone (exit code 1). Throws StartupError for
// what cannot start.
ExitCode run_attach_command(const AttachOptions& options, const std::string& command_line, Log* log);

} // namespace flowxdp
