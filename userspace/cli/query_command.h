// SPDX-License-Identifier: BSD-2-Clause
// query_command.h - `flowxdp query`: questions in SQL over files of rows.
#pragma once

#include "cli/options.h"
#include "core/result.h"
#include "query/column_catalog.h"

namespace flowxdp {

// The core's columns, and those of the plugins that are there: of a run with others, the headers file tells.
query::ColumnCatalog known_columns(const std::string& library_folder);

// Throws StartupError: a file or the question is wrong.
ExitCode run_query_command(const QueryOptions& options);

} // namespace flowxdp
