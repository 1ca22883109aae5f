// SPDX-License-Identifier: BSD-2-Clause
// sqlite_table.h - rows of one kind as a table of an SQLite database.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <sqlite3.h>

#include "flowxdp/result.hpp"
#include "flowxdp/row_view.hpp"

namespace flowxdp {

// The sentence of the last error.
Error sqlite_failed(sqlite3* database, const std::string& what);
// Statements without an answer.
Result<void> sqlite_run(sqlite3* database, const std::string& sql);

class SqliteTable {
  public:
    // name: flows or packets. key: columns that are unique with sensor and boot. The database must outlive it.
    SqliteTable(std::string name, std::string key) : name_(std::move(name)), key_(std::move(key)) {}

    // Makes the table, or adds the columns that it lacks, and describes them in table `columns`.
    Result<void> open(sqlite3* database, const Schema& schema, std::uint32_t sensor, std::uint64_t boot);
    // Removes the rows of this sensor and boot: a replay begins anew.
    Result<void> forget_run();
    // Adds a row, unless its key is there. *added: it was not. Error: it is not in the table.
    Result<void> add(const RowView& row, bool* added);

  private:
    struct Finalize {
        void operator()(sqlite3_stmt* p) const { sqlite3_finalize(p); }
    };
    int bind(int at, const RowView& row, const Column& column);

    std::string name_, key_;
    sqlite3* database_ = nullptr;
    std::uint32_t sensor_ = 0;
    std::string boot_;
    std::unique_ptr<sqlite3_stmt, Finalize> insert_;
    std::string text_; // the cell that is bound
};

} // namespace flowxdp
