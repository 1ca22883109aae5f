// SPDX-License-Identifier: BSD-2-Clause
// row_block.h - rows of a block of lines as typed cells, of those columns alone that a question needs.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "query/table_file.h"

namespace flowxdp::query {

struct Cell {
    enum class Kind : std::uint8_t { kNull, kInteger, kReal, kText };
    union {
        std::int64_t integer;
        double real;
        const char* text; // in the block
    };
    std::uint32_t bytes = 0; // of text
    Kind kind = Kind::kNull;
};

// A condition that a row has to fulfil; the rows that pass are a superset.
struct Condition {
    enum class Test : std::uint8_t { kEqual, kLess, kLessEqual, kGreater, kGreaterEqual };
    std::size_t slot; // among the needed columns
    Test test;
    bool text; // of value: else a number
    double number;
    std::string word;
};

// Which columns a question needs, and how it limits them.
struct ScanPlan {
    // A table column, as its cells are. exact_ns: of a time, as a whole number of nanoseconds.
    struct Needed {
        std::size_t column;
        bool exact_ns;
    };
    std::vector<Needed> needed;
    std::vector<Condition> conditions;
};

struct RowBlock {
    std::vector<char> bytes;      // lines, then kSlack bytes that may be read
    std::size_t used = 0;         // bytes of the lines
    std::deque<std::string> made; // texts that are not in bytes as they are
    std::vector<Cell> cells;      // rows * needed columns
    std::size_t rows = 0;
    std::uint64_t damaged = 0; // lines that are no rows of the file
    static constexpr std::size_t kSlack = 64;
};

// Reads the lines of blocks of one file. May be used by several threads.
class RowParser {
  public:
    RowParser(const Table& table, const TableFile& file, const ScanPlan& plan);
    // Fills the block's cells from its lines. Lines that begin with % or # in text files are no rows. A line with too
    // few cells, or a JSON object that is damaged, is counted.
    void parse(RowBlock* block) const;

  private:
    void parse_text(RowBlock* block) const;
    void parse_csv(RowBlock* block) const;
    void parse_json(RowBlock* block) const;
    void put(std::string_view text, std::size_t slot, RowBlock* block, Cell* cell) const;
    void end_row(RowBlock* block) const;

    struct Wanted {
        std::size_t field; // of the file
        std::size_t slot;
    };
    FileFormat format_;
    bool packets_;
    const ScanPlan& plan_;
    std::vector<Wanted> wanted_;     // by field
    std::vector<ColumnType> types_;  // by slot
    std::vector<std::string> names_; // by slot
    std::vector<std::string> file_names_;
    std::size_t fields_; // of a row of the file
};

} // namespace flowxdp::query
