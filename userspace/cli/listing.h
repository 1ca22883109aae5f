// SPDX-License-Identifier: BSD-2-Clause
// listing.h - commands that describe: plugins, sinks, decode.
#pragma once

#include <string>

#include "core/result.h"

namespace flowxdp {

// Plugins found in the library folder with number, options and columns.
ExitCode list_plugins(const std::string& library_folder, bool json);
ExitCode list_sinks(bool json);
// COLUMN=VALUE: the table of set bits of a column that has named bits. Throws StartupError with the columns there are.
ExitCode decode_value(const std::string& library_folder, const std::string& text, bool json);

} // namespace flowxdp
