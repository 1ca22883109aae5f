// SPDX-License-Identifier: BSD-2-Clause
// plugin_command.h - plugins outside the tree: written, built into a bundle, found.
#pragma once

#include "cli/options.h"
#include "core/result.h"

namespace flowxdp {

// Throws StartupError.
ExitCode run_plugin_command(const PluginOptions& options);

} // namespace flowxdp
