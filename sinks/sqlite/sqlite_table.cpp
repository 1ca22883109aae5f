// SPDX-License-Identifier: BSD-2-Clause
#include "sqlite_table.h"

#include <limits>
#include <set>

#include <fmt/format.h>

#include "row/cell_text.h"
#include "row/schema.h"

namespace flowxdp {
namespace {

std::string quoted(const std::string& text, char quote)
{
    std::string out(1, quote);
    for (const char c : text) {
        out += c;
        if (c == quote)
            out += c;
    }
    return out + quote;
}

const char* sql_type(const Column& column)
{
    if (column.list)
        return "TEXT";
    switch (column.type) {
    case FX_FLOAT:
        return "REAL";
    case FX_U64: // no type: INTEGER would make a float of the text of a number above 2^63-1
        return "";
    case FX_MAC:
    case FX_IP:
    case FX_STRING:
    case FX_WORD:
    case FX_CHAR:
    case FX_MAC_PAIR:
    case FX_PAYLOAD:
        return "TEXT";
    default:
        return "INTEGER";
    }
}

bool is_time(const Column& column)
{
    return !column.list && (column.type == FX_TIME || column.type == FX_DURATION);
}

} // namespace

Error sqlite_failed(sqlite3* database, const std::string& what)
{
    return Error{fmt::format("cannot {}: {}", what, sqlite3_errmsg(database))};
}

Result<void> sqlite_run(sqlite3* database, const std::string& sql)
{
    if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        return sqlite_failed(database, "run '" + sql.substr(0, 60) + "'");
    return {};
}

Result<void> SqliteTable::open(sqlite3* database, const Schema& schema, std::uint32_t sensor, std::uint64_t boot)
{
    database_ = database;
    sensor_ = sensor;
    boot_ = fmt::format("0x{:016x}", boot);
    std::string create =
        fmt::format("CREATE TABLE IF NOT EXISTS {}(sensor INTEGER NOT NULL, boot TEXT NOT NULL", name_);
    for (const Column& c : schema.columns())
        create += fmt::format(", {} {}", quoted(c.name, '"'), sql_type(c));
    // The rows lie in the order of the key: a flow's two are together, and no second index is written.
    if (auto made = sqlite_run(database, fmt::format("{}, PRIMARY KEY(sensor, boot, {})) WITHOUT ROWID", create, key_));
        !made.ok())
        return made;

    std::set<std::string> there;
    sqlite3_stmt* info = nullptr;
    if (sqlite3_prepare_v2(database, fmt::format("SELECT name FROM pragma_table_info('{}')", name_).c_str(), -1, &info,
                           nullptr) != SQLITE_OK)
        return sqlite_failed(database, "read the columns of table " + name_);
    while (sqlite3_step(info) == SQLITE_ROW)
        there.emplace(reinterpret_cast<const char*>(sqlite3_column_text(info, 0)));
    sqlite3_finalize(info);

    std::string names = "sensor, boot", marks = "?, ?";
    for (const Column& c : schema.columns()) {
        if (!there.contains(c.name))
            if (auto added = sqlite_run(
                    database, fmt::format("ALTER TABLE {} ADD COLUMN {} {}", name_, quoted(c.name, '"'), sql_type(c)));
                !added.ok())
                return added;
        if (auto described =
                sqlite_run(database, fmt::format("INSERT OR REPLACE INTO columns VALUES('{}', {}, '{}', {}, {})", name_,
                                                 quoted(c.name, '\''), type_name(c),
                                                 is_time(c) ? "'ns'" : quoted(c.unit, '\''), quoted(c.help, '\'')));
            !described.ok())
            return described;
        names += ", " + quoted(c.name, '"');
        marks += ", ?";
    }
    sqlite3_stmt* insert = nullptr;
    const std::string sql = fmt::format("INSERT OR IGNORE INTO {}({}) VALUES({})", name_, names, marks);
    if (sqlite3_prepare_v3(database, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &insert, nullptr) != SQLITE_OK)
        return sqlite_failed(database, "write table " + name_);
    insert_.reset(insert);
    return {};
}

Result<void> SqliteTable::forget_run()
{
    return sqlite_run(database_,
                      fmt::format("DELETE FROM {} WHERE sensor = {} AND boot = '{}'", name_, sensor_, boot_));
}

Result<void> SqliteTable::add(const RowView& row, bool* added)
{
    sqlite3_stmt* statement = insert_.get();
    sqlite3_bind_int64(statement, 1, sensor_);
    sqlite3_bind_text(statement, 2, boot_.data(), static_cast<int>(boot_.size()), SQLITE_STATIC);
    int at = 3;
    for (const Column& column : row.schema().columns())
        if (bind(at++, row, column) != SQLITE_OK)
            return sqlite_failed(database_, "write a row");
    const int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (code != SQLITE_DONE)
        return sqlite_failed(database_, "write a row");
    *added = sqlite3_changes(database_) > 0;
    return {};
}

int SqliteTable::bind(int at, const RowView& row, const Column& column)
{
    sqlite3_stmt* statement = insert_.get();
    if (!row.present(column))
        return sqlite3_bind_null(statement, at);
    if (!column.list) {
        switch (column.type) {
        case FX_U8:
        case FX_H8:
            return sqlite3_bind_int64(statement, at, row.get<std::uint8_t>(column));
        case FX_U16:
        case FX_H16:
            return sqlite3_bind_int64(statement, at, row.get<std::uint16_t>(column));
        case FX_U32:
        case FX_H32:
            return sqlite3_bind_int64(statement, at, row.get<std::uint32_t>(column));
        case FX_H64: // bits: SQLite's numbers have 64, signed
        case FX_I64:
        case FX_TIME:
        case FX_DURATION:
            return sqlite3_bind_int64(statement, at, row.get<std::int64_t>(column));
        case FX_U64:
            if (const auto value = row.get<std::uint64_t>(column); value <= std::numeric_limits<std::int64_t>::max())
                return sqlite3_bind_int64(statement, at, static_cast<sqlite3_int64>(value));
            break; // as text, exactly
        case FX_FLOAT:
            return sqlite3_bind_double(statement, at, row.get<double>(column));
        default:
            break;
        }
    }
    text_.clear();
    append_cell_text(row, column, StringStyle::kBare, &text_);
    return sqlite3_bind_text(statement, at, text_.data(), static_cast<int>(text_.size()), SQLITE_TRANSIENT);
}

} // namespace flowxdp
