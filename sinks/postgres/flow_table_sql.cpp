// SPDX-License-Identifier: BSD-2-Clause
#include "flow_table_sql.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "copy_text.h"

namespace flowxdp {

Result<FlowTableSql> FlowTableSql::of(const std::string& table, const Schema& schema, bool packets)
{
    const std::vector<std::string> key =
        packets ? std::vector<std::string>{"pktNo"} : std::vector<std::string>{"flowInd", "dir"};
    for (const std::string& name : key)
        if (!schema.find(name))
            return Error{fmt::format("column '{}' is part of a row's key and is not there: enable basic_flow", name)};
    FlowTableSql sql;
    const std::size_t dot = table.find('.');
    sql.schema_ = dot == std::string::npos ? "" : postgres_name(table.substr(0, dot)) + ".";
    sql.name_ = dot == std::string::npos ? table : table.substr(dot + 1);
    const std::string whole = sql.schema_ + postgres_name(sql.name_);
    // The columns of a table are its own: a run with other plugins adds what is missing.
    std::vector<std::string> definitions = {"sensor bigint NOT NULL", "boot bigint NOT NULL", "day date NOT NULL"};
    std::vector<std::string> names = {"sensor", "boot", "day"};
    for (const Column& column : schema.columns()) {
        names.push_back(postgres_name(column.name));
        definitions.push_back(fmt::format("{} {}", names.back(), postgres_type(column)));
    }
    std::vector<std::string> unique = {"sensor", "boot"};
    for (const std::string& name : key)
        unique.push_back(postgres_name(name));
    unique.emplace_back("day");
    sql.make_table_.push_back(fmt::format("CREATE TABLE IF NOT EXISTS {} ({}, UNIQUE ({})) PARTITION BY RANGE (day)",
                                          whole, fmt::join(definitions, ", "), fmt::join(unique, ", ")));
    std::string add;
    for (std::size_t i = 3; i < definitions.size(); i++)
        add += fmt::format("{}ADD COLUMN IF NOT EXISTS {}", i > 3 ? ", " : "", definitions[i]);
    sql.make_table_.push_back(fmt::format("ALTER TABLE {} {}", whole, add));
    sql.make_table_.push_back(fmt::format("CREATE TABLE IF NOT EXISTS {}{} PARTITION OF {} DEFAULT", sql.schema_,
                                          postgres_name(sql.name_ + "_other"), whole));
    // Only the columns of this run: the table may have more.
    sql.make_staging_ = fmt::format("CREATE TEMP TABLE flowxdp_rows ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA",
                                    fmt::join(names, ", "), whole);
    sql.copy_ = fmt::format("COPY flowxdp_rows ({}) FROM STDIN", fmt::join(names, ", "));
    sql.take_over_ = fmt::format("INSERT INTO {} ({}) SELECT {} FROM flowxdp_rows ON CONFLICT DO NOTHING", whole,
                                 fmt::join(names, ", "), fmt::join(names, ", "));
    return sql;
}

std::string FlowTableSql::make_partition(std::int64_t day) const
{
    std::string digits = day_text(day);
    std::erase(digits, '-');
    return fmt::format("CREATE TABLE IF NOT EXISTS {}{} PARTITION OF {}{} FOR VALUES FROM ('{}') TO ('{}')", schema_,
                       postgres_name(fmt::format("{}_{}", name_, digits)), schema_, postgres_name(name_), day_text(day),
                       day_text(day + 1));
}

} // namespace flowxdp
