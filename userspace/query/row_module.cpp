// SPDX-License-Identifier: BSD-2-Clause
#include "query/row_module.h"

#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "query/table_scan.h"

namespace flowxdp::query {
namespace {

struct TableView {
    const Table* table;
    std::uint64_t* damaged;
    // Columns after the table's own: exact times, hidden, by the number of the time.
    std::vector<std::size_t> exact;
};

struct View : sqlite3_vtab {
    TableView* of;
};

struct Cursor : sqlite3_vtab_cursor {
    std::unique_ptr<TableScan> scan;
    std::unique_ptr<RowBlock> block;
    std::size_t row = 0;
    std::int64_t number = 0;
    std::vector<int> slot; // by column of the virtual table; -1 = not needed
    bool at_end = false;

    TableView& view() const { return *static_cast<View*>(pVtab)->of; }
};

int failed(sqlite3_vtab* table, const std::string& sentence)
{
    sqlite3_free(table->zErrMsg);
    table->zErrMsg = sqlite3_mprintf("%s", sentence.c_str());
    return SQLITE_ERROR;
}

// The next row that a block has; at_end after the last.
int advance(Cursor* cursor)
{
    while (!cursor->block || cursor->row >= cursor->block->rows) {
        auto next = cursor->scan->next();
        if (!next.ok())
            return failed(cursor->pVtab, next.error().message);
        cursor->block = next.take();
        cursor->row = 0;
        if (!cursor->block) {
            cursor->at_end = true;
            *cursor->view().damaged += cursor->scan->damaged();
            return SQLITE_OK;
        }
    }
    return SQLITE_OK;
}

int connect(sqlite3* database, void* data, int, const char* const*, sqlite3_vtab** out, char**)
{
    auto* of = static_cast<TableView*>(data);
    std::string sql = "CREATE TABLE x(";
    for (const TableColumn& column : of->table->columns)
        sql +=
            fmt::format("{}{} {}", sql.back() == '(' ? "" : ", ", quoted_name(column.name), declared_type(column.type));
    for (const std::size_t time : of->exact)
        sql += fmt::format(", {} INTEGER HIDDEN", quoted_name(of->table->columns[time].name + "_ns"));
    if (const int code = sqlite3_declare_vtab(database, (sql + ")").c_str()); code != SQLITE_OK)
        return code;
    auto* view = new View{};
    view->of = of;
    *out = view;
    return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table)
{
    delete static_cast<View*>(table);
    return SQLITE_OK;
}

char test_letter(unsigned char op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return '=';
    case SQLITE_INDEX_CONSTRAINT_LT:
        return '<';
    case SQLITE_INDEX_CONSTRAINT_LE:
        return 'l';
    case SQLITE_INDEX_CONSTRAINT_GT:
        return '>';
    case SQLITE_INDEX_CONSTRAINT_GE:
        return 'g';
    default:
        return 0;
    }
}

Condition::Test test_of(char letter)
{
    return letter == '='   ? Condition::Test::kEqual
           : letter == '<' ? Condition::Test::kLess
           : letter == 'l' ? Condition::Test::kLessEqual
           : letter == '>' ? Condition::Test::kGreater
                           : Condition::Test::kGreaterEqual;
}

// The plan is text: "colUsed:" in hex, then a letter and a column for each condition. SQLite tests each row again.
int best_index(sqlite3_vtab* table, sqlite3_index_info* info)
{
    const TableView& view = *static_cast<View*>(table)->of;
    std::string plan = fmt::format("{:x}:", static_cast<std::uint64_t>(info->colUsed));
    int arguments = 0;
    double rows = 1e7;
    for (int i = 0; i < info->nConstraint; i++) {
        const auto& constraint = info->aConstraint[i];
        const char letter = test_letter(constraint.op);
        // IN would be one pass through the files for each of its values.
        if (!constraint.usable || !letter || constraint.iColumn < 0 || sqlite3_vtab_in(info, i, -1) ||
            std::string_view(sqlite3_vtab_collation(info, i)) != "BINARY")
            continue;
        plan += fmt::format("{}{}", letter, constraint.iColumn);
        info->aConstraintUsage[i].argvIndex = ++arguments;
        rows /= letter == '=' ? 20 : 4;
    }
    info->idxStr = sqlite3_mprintf("%s", plan.c_str());
    if (!info->idxStr)
        return SQLITE_NOMEM;
    info->needToFreeIdxStr = 1;
    info->estimatedCost = 1e7 + static_cast<double>(view.table->columns.size()) + rows;
    info->estimatedRows = static_cast<sqlite3_int64>(rows);
    return SQLITE_OK;
}

int open_cursor(sqlite3_vtab*, sqlite3_vtab_cursor** out)
{
    *out = new Cursor{};
    return SQLITE_OK;
}

int close_cursor(sqlite3_vtab_cursor* cursor)
{
    delete static_cast<Cursor*>(cursor);
    return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* base, int, const char* text, int count, sqlite3_value** values)
{
    auto* cursor = static_cast<Cursor*>(base);
    const TableView& view = cursor->view();
    const std::size_t own = view.table->columns.size();
    const std::size_t all = own + view.exact.size();
    const char* const end = text + std::char_traits<char>::length(text);
    std::uint64_t used = 0;
    const char* at = std::from_chars(text, end, used, 16).ptr + 1;

    ScanPlan plan;
    cursor->slot.assign(all, -1);
    const auto need = [&](std::size_t column) {
        if (cursor->slot[column] < 0) {
            cursor->slot[column] = static_cast<int>(plan.needed.size());
            plan.needed.push_back({column < own ? column : view.exact[column - own], column >= own});
        }
        return static_cast<std::size_t>(cursor->slot[column]);
    };
    for (std::size_t i = 0; i < all; i++)
        if (used >> std::min<std::size_t>(i, 63) & 1) // the last bit stands for all further columns
            need(i);
    for (int i = 0; i < count && at < end; i++) {
        const char letter = *at++;
        std::size_t column = 0;
        at = std::from_chars(at, end, column).ptr;
        const int type = sqlite3_value_type(values[i]);
        const bool word = type == SQLITE_TEXT;
        if ((type != SQLITE_INTEGER && type != SQLITE_FLOAT && !word) || (word && letter != '='))
            continue;
        Condition condition{need(column), test_of(letter), word, 0, ""};
        if (word)
            condition.word = reinterpret_cast<const char*>(sqlite3_value_text(values[i]));
        else
            condition.number = sqlite3_value_double(values[i]);
        plan.conditions.push_back(std::move(condition));
    }
    cursor->block.reset();
    cursor->at_end = false;
    cursor->number = 0;
    cursor->scan = std::make_unique<TableScan>(*view.table, std::move(plan));
    return advance(cursor);
}

int next(sqlite3_vtab_cursor* base)
{
    auto* cursor = static_cast<Cursor*>(base);
    cursor->row++;
    cursor->number++;
    return cursor->row < cursor->block->rows ? SQLITE_OK : advance(cursor);
}

int eof(sqlite3_vtab_cursor* base)
{
    return static_cast<Cursor*>(base)->at_end;
}

int column(sqlite3_vtab_cursor* base, sqlite3_context* context, int number)
{
    const auto* cursor = static_cast<Cursor*>(base);
    const int slot = cursor->slot[static_cast<std::size_t>(number)];
    if (slot < 0)
        return SQLITE_OK; // NULL: SQLite said that it is not needed
    const std::size_t width = cursor->scan->plan().needed.size();
    const Cell& cell = cursor->block->cells[cursor->row * width + static_cast<std::size_t>(slot)];
    switch (cell.kind) {
    case Cell::Kind::kNull:
        break;
    case Cell::Kind::kInteger:
        sqlite3_result_int64(context, cell.integer);
        break;
    case Cell::Kind::kReal:
        sqlite3_result_double(context, cell.real);
        break;
    case Cell::Kind::kText:
        sqlite3_result_text(context, cell.text, static_cast<int>(cell.bytes), SQLITE_TRANSIENT);
        break;
    }
    return SQLITE_OK;
}

int row_id(sqlite3_vtab_cursor* base, sqlite3_int64* id)
{
    *id = static_cast<Cursor*>(base)->number;
    return SQLITE_OK;
}

const sqlite3_module& module()
{
    static const sqlite3_module kModule = [] {
        sqlite3_module m{};
        m.iVersion = 1;
        m.xCreate = nullptr; // eponymous: the table is there under the module's name
        m.xConnect = connect;
        m.xBestIndex = best_index;
        m.xDisconnect = disconnect;
        m.xDestroy = disconnect;
        m.xOpen = open_cursor;
        m.xClose = close_cursor;
        m.xFilter = filter;
        m.xNext = next;
        m.xEof = eof;
        m.xColumn = column;
        m.xRowid = row_id;
        return m;
    }();
    return kModule;
}

} // namespace

std::string declared_type(const ColumnType& type)
{
    switch (type.type) {
    case CellType::kInteger:
        return "INTEGER";
    case CellType::kHex:
        return fmt::format("HEX{}", type.hex_digits);
    case CellType::kReal:
        return "REAL";
    case CellType::kTime:
        return "TIME";
    case CellType::kDuration:
        return "DURATION";
    case CellType::kText:
    case CellType::kString:
        return "TEXT";
    case CellType::kAny:
        break;
    }
    return "";
}

std::string quoted_name(const std::string& name)
{
    std::string out = "\"";
    for (const char c : name) {
        out += c;
        if (c == '"')
            out += c;
    }
    return out + '"';
}

Result<void> add_table(sqlite3* database, const std::string& name, const Table& table, std::uint64_t* damaged)
{
    auto view = std::make_unique<TableView>();
    view->table = &table;
    view->damaged = damaged;
    for (std::size_t i = 0; i < table.columns.size(); i++)
        if (table.columns[i].type.type == CellType::kTime)
            view->exact.push_back(i);
    if (sqlite3_create_module_v2(database, name.c_str(), &module(), view.release(),
                                 [](void* p) { delete static_cast<TableView*>(p); }) != SQLITE_OK)
        return Error{fmt::format("table {}: {}", name, sqlite3_errmsg(database))};
    return {};
}

} // namespace flowxdp::query
