// SPDX-License-Identifier: BSD-2-Clause
#include "query/ready_question.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "query/row_module.h"

namespace flowxdp::query {
namespace {

const TableColumn* find(const Table& table, std::string_view name)
{
    const auto found = std::ranges::find(table.columns, name, &TableColumn::name);
    return found == table.columns.end() ? nullptr : &*found;
}

// Those of the columns that the table has.
std::vector<std::string> present(const Table& table, std::initializer_list<const char*> names)
{
    std::vector<std::string> found;
    for (const char* name : names)
        if (find(table, name))
            found.push_back(quoted_name(name));
    return found;
}

Result<void> need(const Table& flows, const char* question, std::initializer_list<const char*> names)
{
    if (flows.files.empty())
        return Error{fmt::format("{} asks files of flows, and none was given", question)};
    for (const char* name : names)
        if (!find(flows, name))
            return Error{fmt::format("{} needs the column {}, which the files do not have", question, name)};
    return {};
}

std::string health_sql(const Table& flows)
{
    std::string sql = "SELECT count(*) AS \"rows\", count(DISTINCT \"flowInd\") AS \"flows\"";
    const auto sum = [&](const char* name, const char* sql_of, const char* title) {
        if (find(flows, name))
            sql += fmt::format(", {} AS \"{}\"", sql_of, title);
    };
    sum("timeFirst", "utc(min(\"timeFirst\"))", "first packet, UTC");
    sum("timeLast", "utc(max(\"timeLast\"))", "last packet, UTC");
    sum("pktsSnt", "sum(\"pktsSnt\")", "packets");
    sum("l7BytesSnt", "sum(\"l7BytesSnt\")", "layer 7 bytes");
    for (const char* name : {"fxStat", "flowStat"}) {
        const TableColumn* column = find(flows, name);
        if (!column)
            continue;
        for (const auto& [mask, meaning] : column->type.bits)
            sql += fmt::format(", sum(\"{}\" & {} != 0) AS {}", name, static_cast<std::int64_t>(mask),
                               quoted_name(fmt::format("{}: {}", name, meaning)));
    }
    return sql + " FROM flows";
}

} // namespace

Result<std::string> ready_sql(const Question& question, const Table& flows)
{
    switch (question.ready) {
    case ReadyQuestion::kTop: {
        if (Result<void> there = need(flows, "--top", {"flowInd", "l7BytesSnt"}); !there.ok())
            return there.error();
        const auto columns = present(flows, {"flowInd", "dir", "duration", "l4Proto", "srcIP", "srcPort", "dstIP",
                                             "dstPort", "pktsSnt", "l7BytesSnt"});
        return fmt::format("SELECT {} FROM flows ORDER BY \"l7BytesSnt\" DESC, \"flowInd\" LIMIT {}",
                           fmt::join(columns, ", "), question.lines);
    }
    case ReadyQuestion::kTalkers: {
        if (Result<void> there = need(flows, "--talkers", {"srcIP", "dstIP", "pktsSnt", "l7BytesSnt"}); !there.ok())
            return there.error();
        return fmt::format(
            "SELECT \"srcIP\", count(*) AS flows, count(DISTINCT \"dstIP\") AS peers, sum(\"pktsSnt\") AS "
            "pktsSnt, sum(\"l7BytesSnt\") AS l7BytesSnt FROM flows GROUP BY \"srcIP\" ORDER BY 5 DESC, "
            "1 LIMIT {}",
            question.lines);
    }
    default:
        break;
    }
    if (Result<void> there = need(flows, "--health", {"flowInd"}); !there.ok())
        return there.error();
    return health_sql(flows);
}

void add_health_lines(const std::vector<std::string>& names, const std::vector<AnswerCell>& row, ResultPrinter* printer)
{
    printer->begin({"what", "value"});
    for (std::size_t i = 0; i < row.size(); i++)
        if (!names[i].starts_with("flowStat: ") && !names[i].starts_with("fxStat: "))
            printer->add({{names[i], AnswerCell::Kind::kText}, row[i]});
        else if (row[i].text != "0" && row[i].kind != AnswerCell::Kind::kNull)
            printer->add({{"rows with " + names[i], AnswerCell::Kind::kText}, row[i]});
}

Result<void> print_columns(const Table& flows, const Table& packets, const Question& question, std::FILE* out)
{
    ResultPrinter printer(question.format, question.width, out);
    printer.begin({"table", "column", "type", "meaning"});
    const std::pair<const char*, const Table*> tables[] = {{"flows", &flows}, {"packets", &packets}};
    for (const auto& [name, table] : tables)
        for (const TableColumn& column : table->columns) {
            const std::string type = declared_type(column.type);
            printer.add({{name, AnswerCell::Kind::kText},
                         {column.name, AnswerCell::Kind::kText},
                         {type.empty() ? "ANY" : type, AnswerCell::Kind::kText},
                         {column.type.help, AnswerCell::Kind::kText}});
        }
    return printer.end();
}

} // namespace flowxdp::query
