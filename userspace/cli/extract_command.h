// SPDX-License-Identifier: BSD-2-Clause
// extract_command.h - `flowxdp extract`: packets of flows out of a capture.
#pragma once

#include <string>

#include "cli/options.h"
#include "core/log.h"
#include "core/result.h"

namespace flowxdp {

// Throws StartupError: what cannot start, a list of other flows, a file that cannot be written.
ExitCode run_extract_command(const ExtractOptions& options, const std::string& command_line, Log* log);

} // namespace flowxdp
