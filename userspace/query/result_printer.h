// SPDX-License-Identifier: BSD-2-Clause
// result_printer.h - rows of an answer as an aligned table, TSV, CSV or JSON.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "core/result.h"

struct sqlite3_stmt;

namespace flowxdp::query {

enum class AnswerFormat { kTable, kTsv, kCsv, kJson };

// A cell of an answer as text.
struct AnswerCell {
    std::string text;
    enum class Kind { kNull, kNumber, kText } kind = Kind::kNull;
};

// Text of the current row's cell: hex columns 0x and their digits, times with six digits, durations with nine, as
// declared; other numbers as they are.
AnswerCell answer_cell(sqlite3_stmt* statement, int column);

class ResultPrinter {
  public:
    // width: of the terminal; wider tables have long cells cut, with a mark. 0 = any width.
    ResultPrinter(AnswerFormat format, std::size_t width, std::FILE* out) : format_(format), width_(width), out_(out) {}

    // Before the first row: names of the columns.
    void begin(std::vector<std::string> names);
    void add(std::vector<AnswerCell> row);
    // The last rows. Error: the output cannot be written.
    Result<void> end();

  private:
    void print_waiting();
    void print_line(const std::vector<AnswerCell>& row);
    void print_aligned(const std::vector<AnswerCell>& row);
    void fit();

    // Widths are taken from so many rows; later cells that are wider push their line.
    static constexpr std::size_t kMeasured = 2000;

    AnswerFormat format_;
    std::size_t width_;
    std::FILE* out_;
    std::vector<std::string> names_;
    std::vector<std::size_t> widths_;
    std::vector<bool> right_; // numbers
    std::vector<std::vector<AnswerCell>> waiting_;
    bool measured_ = false, first_ = true;
};

} // namespace flowxdp::query
