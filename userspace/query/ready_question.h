// SPDX-License-Identifier: BSD-2-Clause
// ready_question.h - questions that need no SQL, for the columns that there are.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "query/question.h"
#include "query/table_file.h"

namespace flowxdp::query {

// The SQL of kTop, kTalkers, kHealth. Error: the files lack what it needs.
Result<std::string> ready_sql(const Question& question, const Table& flows);
// The one row of kHealth as lines: what, and how much. Bits that no row has are left out.
void add_health_lines(const std::vector<std::string>& names, const std::vector<AnswerCell>& row,
                      ResultPrinter* printer);
// kColumns: the tables, their columns with type and meaning.
Result<void> print_columns(const Table& flows, const Table& packets, const Question& question, std::FILE* out);

} // namespace flowxdp::query
