// SPDX-License-Identifier: BSD-2-Clause
#include "table_sql.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace flowxdp {
namespace {

std::string quoted(std::string_view text, char quote)
{
    std::string out(1, quote);
    for (const char c : text) {
        if (c == quote || c == '\\')
            out.push_back('\\');
        out.push_back(c);
    }
    return out + quote;
}

// A word of the format TabSeparated: \t, \n, \', \\ and others.
std::string unescaped(std::string_view word)
{
    std::string out;
    for (std::size_t i = 0; i < word.size(); i++) {
        if (word[i] != '\\' || i + 1 == word.size()) {
            out.push_back(word[i]);
            continue;
        }
        const char c = word[++i];
        out.push_back(c == 't' ? '\t' : c == 'n' ? '\n' : c);
    }
    return out;
}

} // namespace

std::string clickhouse_name(std::string_view name)
{
    return quoted(name, '`');
}

Result<ClickhouseTableSql> ClickhouseTableSql::of(const std::string& table, const Schema& schema, bool packets)
{
    ClickhouseTableSql sql;
    sql.table_ = table;
    sql.columns_ = {
        {"sensor", {"UInt32", "UInt32"}, "id of the sensor (-x)"},
        {"boot", {"UInt64", "UInt64"}, "drawn when the sensor was attached; 0 of a replay"},
        {"day", {"Date", "Date"}, "UTC day of the row's end"},
    };
    for (const Column& column : schema.columns())
        sql.columns_.push_back(
            {column.name,
             {clickhouse_type(column, ClickhouseTypes::kOld), clickhouse_type(column, ClickhouseTypes::kCurrent)},
             column.unit.empty() ? column.help : fmt::format("{} [{}]", column.help, column.unit)});
    sql.key_ = {"sensor", "boot"};
    for (const char* name : packets ? std::vector{"pktNo"} : std::vector{"flowInd", "dir"}) {
        if (!schema.find(name))
            return Error{fmt::format("column '{}' is part of a row's key and is not there: enable basic_flow", name)};
        sql.key_.emplace_back(name);
    }
    return sql;
}

std::string ClickhouseTableSql::definition(const TableColumn& column, ClickhouseTypes types) const
{
    std::string text = fmt::format("{} {}", clickhouse_name(column.name), column.types[static_cast<int>(types)]);
    if (types == ClickhouseTypes::kOld) // comments are younger
        return text;
    return fmt::format("{} COMMENT {}", text, quoted(column.comment, '\''));
}

std::string ClickhouseTableSql::make_table(ClickhouseTypes types) const
{
    std::vector<std::string> definitions, key;
    for (const TableColumn& column : columns_)
        definitions.push_back("    " + definition(column, types));
    for (const std::string& name : key_)
        key.push_back(clickhouse_name(name));
    return fmt::format("CREATE TABLE IF NOT EXISTS {}\n(\n{}\n)\nENGINE = ReplacingMergeTree\nPARTITION BY day\n"
                       "ORDER BY ({})",
                       clickhouse_name(table_), fmt::join(definitions, ",\n"), fmt::join(key, ", "));
}

std::string ClickhouseTableSql::describe() const
{
    return fmt::format("DESCRIBE TABLE {} FORMAT TabSeparated", clickhouse_name(table_));
}

std::string ClickhouseTableSql::insert() const
{
    std::vector<std::string> names;
    for (const TableColumn& column : columns_)
        names.push_back(clickhouse_name(column.name));
    return fmt::format("INSERT INTO {} ({}) FORMAT RowBinary\n", clickhouse_name(table_), fmt::join(names, ", "));
}

ClickhouseTableSql::TableColumns ClickhouseTableSql::read_description(std::string_view text)
{
    TableColumns columns;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t tab = line.find('\t');
        if (tab == std::string_view::npos)
            continue;
        const std::string_view rest = line.substr(tab + 1);
        columns[unescaped(line.substr(0, tab))] = unescaped(rest.substr(0, rest.find('\t')));
    }
    return columns;
}

std::string ClickhouseTableSql::add_columns(const TableColumns& table, ClickhouseTypes types) const
{
    std::vector<std::string> added;
    for (const TableColumn& column : columns_)
        if (!table.contains(column.name))
            added.push_back("ADD COLUMN " + definition(column, types));
    if (added.empty())
        return {};
    return fmt::format("ALTER TABLE {} {}", clickhouse_name(table_), fmt::join(added, ", "));
}

Result<void> ClickhouseTableSql::check(const TableColumns& table) const
{
    for (const TableColumn& column : columns_) {
        const auto found = table.find(column.name);
        const std::string& wanted = column.types[static_cast<int>(ClickhouseTypes::kCurrent)];
        if (found == table.end())
            return Error{
                fmt::format("table '{}' has no column '{}': add it, or let make=1 do so", table_, column.name)};
        if (clickhouse_encoding(found->second) != clickhouse_encoding(wanted))
            return Error{fmt::format("column '{}' of table '{}' is {} and has to be {}: change it, or name another "
                                     "table with table=NAME",
                                     column.name, table_, found->second, wanted)};
    }
    return {};
}

} // namespace flowxdp
