// SPDX-License-Identifier: BSD-2-Clause
// table_sql.h - the statements that make a ClickHouse table for rows and fill it, and what must be true of a table that
// is there.
//
// A table has sensor, boot and day before the run's columns. Rows that are equal in (sensor, boot, flowInd, dir) are
// one row: ReplacingMergeTree removes the others.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "flowxdp/row_view.hpp"
#include "row_binary.h"

namespace flowxdp {

class ClickhouseTableSql {
  public:
    // Packet rows have a key of their own: sensor, boot, their number. Error: the columns that are a row's key are not
    // there.
    static Result<ClickhouseTableSql> of(const std::string& table, const Schema& schema, bool packets);

    // One column a line.
    [[nodiscard]] std::string make_table(ClickhouseTypes types) const;
    [[nodiscard]] std::string describe() const;
    // Without the rows, which follow it.
    [[nodiscard]] std::string insert() const;

    // The columns of a table, as DESCRIBE TABLE prints them in the format TabSeparated.
    using TableColumns = std::map<std::string, std::string>; // name, type
    static TableColumns read_description(std::string_view text);
    // Adds the columns of the run that the table lacks. Empty: it has all of them.
    [[nodiscard]] std::string add_columns(const TableColumns& table, ClickhouseTypes types) const;
    // Error: the table lacks a column, or has it with a type whose bytes are others.
    [[nodiscard]] Result<void> check(const TableColumns& table) const;

  private:
    struct TableColumn {
        std::string name;     // as it is, not quoted
        std::string types[2]; // by ClickhouseTypes
        std::string comment;
    };
    [[nodiscard]] std::string definition(const TableColumn& column, ClickhouseTypes types) const;

    std::string table_; // as it is
    std::vector<TableColumn> columns_;
    std::vector<std::string> key_;
};

// In backticks, with those inside and backslashes escaped.
std::string clickhouse_name(std::string_view name);

} // namespace flowxdp
