// SPDX-License-Identifier: BSD-2-Clause
// query_command.h - `flowxdp query`: questions in SQL over files of rows.
#pragma once

#include "cli/options.h"
#include "core/result.h"

namespace flowxdp {

// Throws StartupError: a file or the question is wrong.
ExitCode run_query_command(const QueryOptions& options);

} // namespace flowxdp
