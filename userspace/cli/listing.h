// SPDX-License-Identifier: BSD-2-Clause
// listing.h - commands that describe: plugins, sinks, decode.
#pragma once

#include <string>

#include "cli/options.h"
#include "core/result.h"

namespace flowxdp {

// Plugins found in the library folder with number, options and columns; those named, or all. Throws StartupError
// (usage) for a name that none has.
ExitCode list_plugins(const ListOptions& options);
ExitCode list_sinks(const ListOptions& options);
// COLUMN=VALUE: the table of set bits of a column that has named bits. Throws StartupError with the columns there are.
ExitCode decode_value(const std::string& library_folder, const std::string& text, bool json);

} // namespace flowxdp
