// SPDX-License-Identifier: BSD-2-Clause
#include "query/question.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "query/flow_list.h"
#include "query/query_functions.h"
#include "query/ready_question.h"
#include "query/row_module.h"

namespace flowxdp::query {
namespace {

struct CloseDatabase {
    void operator()(sqlite3* p) const { sqlite3_close_v2(p); }
};
struct Finalize {
    void operator()(sqlite3_stmt* p) const { sqlite3_finalize(p); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Error sql_error(sqlite3* database)
{
    std::string text = sqlite3_errmsg(database);
    if (text.starts_with("no such table: "))
        text += ": files of flows are the table flows, files of packets the table packets";
    return Error{text};
}

Result<Statement> prepare(sqlite3* database, const char* sql, const char** rest)
{
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, rest) != SQLITE_OK)
        return sql_error(database);
    return Statement(statement);
}

Result<void> run(sqlite3* database, const std::string& sql)
{
    return sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK
               ? Result<void>()
               : Result<void>(sql_error(database));
}

// How often a statement opens a virtual table.
Result<unsigned> reads_of(sqlite3* database, const std::string& sql)
{
    auto explained = prepare(database, ("EXPLAIN " + sql).c_str(), nullptr);
    if (!explained.ok())
        return explained.error();
    unsigned opened = 0;
    while (sqlite3_step(explained->get()) == SQLITE_ROW)
        opened += std::strcmp(reinterpret_cast<const char*>(sqlite3_column_text(explained->get(), 1)), "VOpen") == 0;
    return opened;
}

// A table with the rows, in place of the one that reads the files.
Result<void> import(sqlite3* database, const std::string& name, const Table& table)
{
    std::string columns, names;
    for (const TableColumn& column : table.columns) {
        const std::string_view comma = names.empty() ? "" : ", ";
        columns += fmt::format("{}{} {}", comma, quoted_name(column.name), declared_type(column.type));
        names += fmt::format("{}{}", comma, quoted_name(column.name));
    }
    if (Result<void> made = run(database, fmt::format("CREATE TEMP TABLE {}({})", name, columns)); !made.ok())
        return made;
    return run(database, fmt::format("INSERT INTO temp.{0} SELECT {1} FROM {0}_in_files", name, names));
}

// Runs one statement. list: where its flowInd numbers go; null: it is printed.
Result<void> answer(const Question& question, sqlite3* database, sqlite3_stmt* statement, std::FILE* out,
                    FlowList* list)
{
    const int columns = sqlite3_column_count(statement);
    ResultPrinter printer(question.format, question.width, out);
    int flow_column = -1;
    std::vector<std::string> names;
    for (int i = 0; i < columns; i++) {
        names.emplace_back(sqlite3_column_name(statement, i));
        if (names.back() == "flowInd")
            flow_column = i;
    }
    if (list && flow_column < 0)
        return Error{"--flows-to writes the column flowInd of the answer, and it has none: SELECT flowInd FROM ..."};
    const bool health = question.ready == ReadyQuestion::kHealth && question.sql.empty();
    if (!list && columns > 0 && !health)
        printer.begin(names);
    int code = SQLITE_DONE;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (list) {
            list->add(static_cast<std::uint64_t>(sqlite3_column_int64(statement, flow_column)));
            continue;
        }
        std::vector<AnswerCell> row;
        for (int i = 0; i < columns; i++)
            row.push_back(answer_cell(statement, i));
        if (health) {
            add_health_lines(names, row, &printer);
            continue;
        }
        printer.add(std::move(row));
        if (std::ferror(out)) // nobody reads it any more (head)
            break;
    }
    if (code != SQLITE_DONE && code != SQLITE_ROW)
        return sql_error(database);
    return list || columns == 0 ? Result<void>() : printer.end();
}

} // namespace

Result<Answer> ask(const Question& question, ColumnCatalog catalog, std::FILE* out)
{
    std::vector<TableFile> all;
    std::vector<FlowNumbering> numberings; // of the flow files
    for (const std::string& path : question.files) {
        struct stat status {};
        if (path == "-" || (!::stat(path.c_str(), &status) && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)))
            return Error{fmt::format("{}: this is a pipe or a device, which cannot be read twice: ask a file", path)};
        auto found = look_into(path, all);
        if (!found.ok())
            return found.error();
        for (TableFile& file : found.value())
            all.push_back(std::move(file));
        if (const std::string headers = headers_file_of(path); !headers.empty() && !::access(headers.c_str(), R_OK))
            catalog.add_headers_file(headers);
        numberings.emplace_back().take_file(headers_file_of(path));
    }
    std::vector<TableFile> flows, packets;
    for (TableFile& file : all)
        (file.packets ? packets : flows).push_back(std::move(file));
    const Table flow_table = Table::of(std::move(flows), catalog),
                packet_table = Table::of(std::move(packets), catalog);
    const std::pair<const char*, const Table*> tables[] = {{"flows", &flow_table}, {"packets", &packet_table}};
    if (flow_table.files.empty() && packet_table.files.empty())
        return Error{"the files are empty: there are no rows to ask"};

    Answer result;
    sqlite3* opened = nullptr;
    if (sqlite3_open(":memory:", &opened) != SQLITE_OK)
        return Error{"SQLite cannot begin: no memory"};
    const Database database(opened);
    if (Result<void> added = add_functions(opened, catalog); !added.ok())
        return added.error();
    for (const auto& [name, table] : tables)
        for (const char* suffix : {"", "_in_files"})
            if (!table->files.empty())
                if (Result<void> added = add_table(opened, std::string(name) + suffix, *table, &result.damaged);
                    !added.ok())
                    return added.error();

    if (question.sql.empty() && question.ready == ReadyQuestion::kColumns)
        return print_columns(flow_table, packet_table, question, out).ok() ? Result<Answer>(result)
                                                                           : Result<Answer>(Error{"cannot write"});
    auto ready =
        question.sql.empty() ? ready_sql(question, flow_table) : Result<std::string>(with_columns(question.sql));
    if (!ready.ok())
        return ready.error();
    const std::string sql = ready.take();
    FlowList list;
    bool imported = false;
    for (const char* rest = sql.c_str(); *rest;) {
        const char* const begin = rest;
        auto statement = prepare(opened, begin, &rest);
        if (!statement.ok())
            return statement.error();
        if (!statement.value()) // blanks, a comment
            continue;
        const auto reads = sqlite3_stmt_isexplain(statement->get()) ? Result<unsigned>(0u)
                                                                    : reads_of(opened, std::string(begin, rest));
        if (!reads.ok())
            return reads.error();
        if (reads.value() > 1 && !imported) {
            // A join would read the files once for each row of the other table.
            statement->reset();
            for (const auto& [name, table] : tables)
                if (!table->files.empty())
                    if (Result<void> copied = import(opened, name, *table); !copied.ok())
                        return copied.error();
            result.imported = imported = true;
            statement = prepare(opened, begin, &rest);
            if (!statement.ok())
                return statement.error();
        }
        if (Result<void> answered =
                answer(question, opened, statement->get(), out, question.flows_to.empty() ? nullptr : &list);
            !answered.ok())
            return answered.error();
    }
    if (!question.flows_to.empty()) {
        // Numbers of different runs have no one origin.
        if (std::ranges::all_of(numberings, [&](const FlowNumbering& n) { return n == numberings.front(); }))
            list.numbering = numberings.front();
        if (Result<void> written = list.write(question.flows_to); !written.ok())
            return written.error();
        result.flows = list.count();
    }
    return result;
}

} // namespace flowxdp::query
