// SPDX-License-Identifier: BSD-2-Clause
// copy_text.h - columns and cells in PostgreSQL's words: types of a table, and the text format of COPY.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "flowxdp/row_view.hpp"

namespace flowxdp {

// "numeric(20)", "inet", "integer[]". README.md has the table.
std::string postgres_type(const Column& column);
// In double quotes, those inside doubled; cut to the 63 bytes that a name has.
std::string postgres_name(std::string_view name);

// Appends the cell as COPY's text format has it: \N when it is absent.
void append_copy_cell(const RowView& row, const Column& column, std::string* out);

// Days since the epoch of a time, rounded down.
std::int64_t day_of(std::int64_t time_ns);
// "2026-11-29" of a day between the years 1 and 9999, which every int64 of nanoseconds is.
std::string day_text(std::int64_t day);

} // namespace flowxdp
