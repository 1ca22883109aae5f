// SPDX-License-Identifier: BSD-2-Clause
// attach_command.h - `flowxdp attach`, `detach`, `status`, `interfaces`.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"
#include "core/log.h"
#include "core/result.h"

namespace flowxdp {

// Observes interfaces until SIGINT or SIGTERM. Throws StartupError for what cannot start.
ExitCode run_attach_command(const AttachOptions& options, const std::string& command_line, Log* log);
// Removes what killed daemons left on these interfaces (empty: on all).
ExitCode run_detach_command(const std::vector<std::string>& interfaces);
ExitCode run_status_command(const std::vector<std::string>& interfaces, bool json);
ExitCode run_interfaces_command(bool json);

} // namespace flowxdp
