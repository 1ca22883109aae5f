// SPDX-License-Identifier: BSD-2-Clause
// csv_text.h - rows as CSV records (RFC 4180). README.md has the grammar.
#pragma once

#include <string>
#include <string_view>

#include "row/row_batch.h"

namespace flowxdp {

// Appends text as one field, in double quotes when RFC 4180 wants them.
void append_csv_field(std::string_view text, std::string* out);
// How a text that a spreadsheet would run as a formula is written (README.md).
enum class CsvFormulas { kKeep, kEscape };
// Appends a cell as one field.
void append_csv_cell(const RowView& row, const Column& column, CsvFormulas formulas, std::string* out);
// Appends the header record, and a row's record, with their line end.
void append_csv_header(const Schema& schema, std::string_view line_end, std::string* out);
void append_csv_row(const RowView& row, const Schema& schema, std::string_view line_end, CsvFormulas formulas,
                    std::string* out);

} // namespace flowxdp
