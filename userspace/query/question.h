// SPDX-License-Identifier: BSD-2-Clause
// question.h - a question in SQL over files of rows, and its answer.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "core/result.h"
#include "query/column_catalog.h"
#include "query/result_printer.h"

namespace flowxdp::query {

// Questions that need no SQL.
enum class ReadyQuestion { kNone, kColumns, kTop, kTalkers, kHealth };

struct Question {
    std::vector<std::string> files;
    std::string sql; // empty: ready
    ReadyQuestion ready = ReadyQuestion::kColumns;
    std::size_t lines = 10; // of kTop and kTalkers
    AnswerFormat format = AnswerFormat::kTable;
    std::size_t width = 0; // of the terminal; 0 = any
    std::string flows_to;  // file for the answer's flowInd numbers; empty = none, the answer is printed
};

struct Answer {
    std::uint64_t damaged = 0; // lines that are no rows of their file
    std::uint64_t flows = 0;   // numbers written to flows_to
    bool imported = false;     // the rows were copied first: the question reads a table several times
};

// Tables `flows` and `packets`, for what the files have. catalog: what is known of columns; headers files beside the
// files are added. Error: a sentence.
Result<Answer> ask(const Question& question, ColumnCatalog catalog, std::FILE* out);

} // namespace flowxdp::query
