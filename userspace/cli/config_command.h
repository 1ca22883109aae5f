// SPDX-License-Identifier: BSD-2-Clause
// config_command.h - `flowxdp config check` and `config dump`: configuration files looked at and written, nothing run.
#pragma once

#include "cli/options.h"
#include "core/log.h"

namespace flowxdp {

// Prints every mistake of the files to standard error: kUsage when there is one.
ExitCode run_config_check(const ConfigOptions& options);
// Prints the options that attach or replay would have.
ExitCode run_config_dump(const Options& options);

} // namespace flowxdp
