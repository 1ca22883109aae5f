// SPDX-License-Identifier: BSD-2-Clause
// row_module.h - tables of files as SQLite's virtual tables: a question reads the columns that it names, and nothing is
// imported.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "query/table_file.h"

struct sqlite3;

namespace flowxdp::query {

// Adds a table under a name. table must outlive the connection. damaged: lines that are no rows are added to it.
Result<void> add_table(sqlite3* database, const std::string& name, const Table& table, std::uint64_t* damaged);

// What a column is declared as, e.g. "HEX16", "TIME"; results print by it.
std::string declared_type(const ColumnType& type);

// A name as SQL takes it: "a""b".
std::string quoted_name(const std::string& name);

} // namespace flowxdp::query
