// SPDX-License-Identifier: BSD-2-Clause
#include "query/row_block.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "query/json_row.h"

namespace flowxdp::query {
namespace {

constexpr unsigned kStep = 16;

// Bits of the bytes that are c or d, of the 16 from p on.
struct Marks {
    std::uint32_t tabs, ends;
};
Marks marks(const char* p)
{
#if defined(__SSE2__)
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')))),
            static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'))))};
#else
    Marks found{0, 0};
    for (unsigned i = 0; i < kStep; i++) {
        found.tabs |= std::uint32_t{p[i] == '\t'} << i;
        found.ends |= std::uint32_t{p[i] == '\n'} << i;
    }
    return found;
#endif
}

// Moves past n tabs of a line (n > 0). False: the line ends before, and *at is its newline. There is one.
bool skip_fields(const char** at, std::size_t n)
{
    const char* p = *at;
    for (;; p += kStep) {
        Marks m = marks(p);
        if (m.ends)
            m.tabs &= (m.ends & -m.ends) - 1; // those of this line
        const auto count = static_cast<std::size_t>(std::popcount(m.tabs));
        if (count >= n) {
            for (; n > 1; n--)
                m.tabs &= m.tabs - 1;
            *at = p + std::countr_zero(m.tabs) + 1;
            return true;
        }
        if (m.ends) {
            *at = p + std::countr_zero(m.ends);
            return false;
        }
        n -= count;
    }
}

// The end of the field, a tab or the newline.
const char* field_end(const char* p)
{
    for (;; p += kStep) {
        const Marks m = marks(p);
        if (const std::uint32_t any = m.tabs | m.ends)
            return p + std::countr_zero(any);
    }
}

bool read_integer(std::string_view text, Cell* cell)
{
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cell->integer);
    if (error != std::errc() || end != text.data() + text.size())
        return false;
    cell->kind = Cell::Kind::kInteger;
    return true;
}

bool read_real(std::string_view text, Cell* cell)
{
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cell->real);
    if (error != std::errc() || end != text.data() + text.size())
        return false;
    cell->kind = Cell::Kind::kReal;
    return true;
}

// "0x" and digits, of at most 64 bits.
bool read_hex(std::string_view text, Cell* cell)
{
    std::uint64_t value = 0;
    if (text.size() < 3 || text[0] != '0' || (text[1] | 0x20) != 'x')
        return false;
    const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size())
        return false;
    cell->integer = static_cast<std::int64_t>(value);
    cell->kind = Cell::Kind::kInteger;
    return true;
}

// ["-"] seconds "." nine digits, as nanoseconds.
bool read_ns(std::string_view text, std::int64_t* ns)
{
    const bool negative = text.starts_with('-');
    if (negative)
        text.remove_prefix(1);
    std::uint64_t seconds = 0, fraction = 0;
    const char* end = text.data() + text.size();
    const auto [dot, error] = std::from_chars(text.data(), end, seconds);
    if (error != std::errc() || seconds > 9'000'000'000)
        return false;
    if (dot != end) {
        const std::string_view digits(dot + 1, static_cast<std::size_t>(end - dot) - 1);
        if (*dot != '.' || digits.empty() || digits.size() > 9)
            return false;
        const auto [last, wrong] = std::from_chars(digits.data(), end, fraction);
        if (wrong != std::errc() || last != end)
            return false;
        for (std::size_t i = digits.size(); i < 9; i++)
            fraction *= 10;
    }
    const auto value = static_cast<std::int64_t>(seconds * 1'000'000'000 + fraction);
    *ns = negative ? -value : value;
    return true;
}

void put_text(std::string_view text, Cell* cell)
{
    cell->text = text.data();
    cell->bytes = static_cast<std::uint32_t>(text.size());
    cell->kind = Cell::Kind::kText;
}

// Without the quotes of flow files.
void put_string(std::string_view text, RowBlock* block, Cell* cell)
{
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        text = text.substr(1, text.size() - 2);
    if (text.find("\\\"") == std::string_view::npos) {
        put_text(text, cell);
        return;
    }
    std::string& made = block->made.emplace_back();
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '"')
            continue;
        made += text[i];
    }
    put_text(made, cell);
}

bool passes(const Condition& condition, const Cell& cell)
{
    if (cell.kind == Cell::Kind::kNull)
        return false; // no comparison with it is true
    if (condition.text != (cell.kind == Cell::Kind::kText))
        return true; // SQLite knows how such are compared
    if (condition.text)
        return condition.test != Condition::Test::kEqual || std::string_view(cell.text, cell.bytes) == condition.word;
    const double value = cell.kind == Cell::Kind::kReal ? cell.real : static_cast<double>(cell.integer);
    switch (condition.test) {
    case Condition::Test::kEqual:
        return value == condition.number;
    case Condition::Test::kLess:
    case Condition::Test::kLessEqual: // a rounded number may be equal
        return value <= condition.number;
    case Condition::Test::kGreater:
    case Condition::Test::kGreaterEqual:
        return value >= condition.number;
    }
    return true;
}

} // namespace

RowParser::RowParser(const Table& table, const TableFile& file, const ScanPlan& plan)
    : format_(file.format), packets_(file.packets), plan_(plan), file_names_(file.columns), fields_(file.columns.size())
{
    for (std::size_t slot = 0; slot < plan.needed.size(); slot++) {
        const TableColumn& column = table.columns[plan.needed[slot].column];
        types_.push_back(column.type);
        names_.push_back(column.name);
        const auto found = std::ranges::find(file.columns, column.name);
        if (found != file.columns.end())
            wanted_.push_back({static_cast<std::size_t>(found - file.columns.begin()), slot});
    }
    std::ranges::sort(wanted_, {}, &Wanted::field);
}

void RowParser::parse(RowBlock* block) const
{
    block->used = block->bytes.size();
    if (block->used && block->bytes.back() != '\n') { // the last line of a file
        block->bytes.push_back('\n');
        block->used++;
    }
    block->bytes.resize(block->used + RowBlock::kSlack);
    switch (format_) {
    case FileFormat::kText:
        return parse_text(block);
    case FileFormat::kCsv:
        return parse_csv(block);
    case FileFormat::kJson:
        return parse_json(block);
    }
}

void RowParser::put(std::string_view text, std::size_t slot, RowBlock* block, Cell* cell) const
{
    const ColumnType& type = types_[slot];
    if (text.empty()) {
        if (type.type == CellType::kText || type.type == CellType::kString)
            put_text(text, cell);
        return;
    }
    bool read = false;
    switch (type.type) {
    case CellType::kInteger:
        read = read_integer(text, cell);
        break;
    case CellType::kHex:
        read = read_hex(text, cell);
        break;
    case CellType::kReal:
        read = read_real(text, cell);
        break;
    case CellType::kTime:
    case CellType::kDuration: {
        std::int64_t ns = 0;
        read = read_ns(text, &ns);
        if (!read)
            break;
        if (plan_.needed[slot].exact_ns) {
            cell->integer = ns;
            cell->kind = Cell::Kind::kInteger;
        } else {
            cell->real = static_cast<double>(ns) / 1e9;
            cell->kind = Cell::Kind::kReal;
        }
        break;
    }
    case CellType::kAny:
        read = read_integer(text, cell) || read_real(text, cell);
        if (!read) {
            put_string(text, block, cell);
            return;
        }
        break;
    case CellType::kString:
        put_string(text, block, cell);
        return;
    case CellType::kText:
        break;
    }
    if (!read)
        put_text(text, cell);
}

// Keeps the cells of the row that was put last, or forgets them.
void RowParser::end_row(RowBlock* block) const
{
    const std::size_t width = plan_.needed.size();
    const Cell* row = block->cells.data() + block->rows * width;
    for (const Condition& condition : plan_.conditions)
        if (!passes(condition, row[condition.slot])) {
            block->cells.resize(block->rows * width);
            return;
        }
    block->rows++;
}

void RowParser::parse_text(RowBlock* block) const
{
    const std::size_t width = plan_.needed.size();
    const char* at = block->bytes.data();
    const char* const end = at + block->used;
    while (at < end) {
        if (*at == '%' || *at == '#' || *at == '\n') {
            at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at))) + 1;
            continue;
        }
        block->cells.resize((block->rows + 1) * width);
        Cell* cells = block->cells.data() + block->rows * width;
        std::size_t field = 0;
        bool whole = true;
        for (const Wanted& wanted : wanted_) {
            if (wanted.field > field && !(whole = skip_fields(&at, wanted.field - field)))
                break;
            field = wanted.field;
            const char* stop = field_end(at);
            put({at, static_cast<std::size_t>(stop - at)}, wanted.slot, block, cells + wanted.slot);
        }
        // A line that was cut is found by its last field.
        if (whole && field + 1 < fields_)
            whole = skip_fields(&at, fields_ - 1 - field);
        at = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at))) + 1;
        if (whole)
            end_row(block);
        else {
            block->damaged++;
            block->cells.resize(block->rows * width);
        }
    }
}

void RowParser::parse_csv(RowBlock* block) const
{
    const std::size_t width = plan_.needed.size();
    std::string_view rest(block->bytes.data(), block->used);
    while (!rest.empty()) {
        std::string_view line = first_line(rest);
        rest.remove_prefix(line.size() + 1);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (line.empty())
            continue;
        block->cells.resize((block->rows + 1) * width);
        std::size_t field = 0, next = 0, at = 0;
        for (bool more = true; more; field++) {
            std::string_view text;
            if (at < line.size() && line[at] == '"') {
                std::size_t stop = at + 1;
                bool doubled = false;
                while (stop < line.size() && (line[stop] != '"' || (stop + 1 < line.size() && line[stop + 1] == '"'))) {
                    doubled = doubled || line[stop] == '"';
                    stop += line[stop] == '"' ? 2 : 1;
                }
                stop = std::min(stop, line.size());
                text = line.substr(at + 1, stop - at - 1);
                if (doubled) {
                    std::string& made = block->made.emplace_back();
                    for (std::size_t i = 0; i < text.size(); i++) {
                        made += text[i];
                        i += text[i] == '"';
                    }
                    text = made;
                }
                at = std::min(stop + 1, line.size());
                more = at < line.size() && line[at] == ',';
                at++;
            } else {
                const std::size_t comma = line.find(',', std::min(at, line.size()));
                more = comma != std::string_view::npos;
                text = at <= line.size() ? line.substr(at, more ? comma - at : std::string_view::npos) : "";
                at = comma + 1;
            }
            for (; next < wanted_.size() && wanted_[next].field == field; next++)
                put(text, wanted_[next].slot, block, block->cells.data() + block->rows * width + wanted_[next].slot);
        }
        if (field == fields_) {
            end_row(block);
        } else {
            block->damaged++;
            block->cells.resize(block->rows * width);
        }
    }
}

void RowParser::parse_json(RowBlock* block) const
{
    const std::size_t width = plan_.needed.size();
    std::string_view rest(block->bytes.data(), block->used);
    while (!rest.empty()) {
        const std::string_view line = first_line(rest);
        rest.remove_prefix(line.size() + 1);
        if (line.empty() || line == "\r")
            continue;
        block->cells.resize((block->rows + 1) * width);
        JsonRow row(line);
        std::string_view key;
        JsonValue value;
        bool packet = false;
        const auto take = [&](const Wanted& wanted) {
            if (value.kind == JsonValue::Kind::kNull)
                return;
            const bool inside =
                value.text.data() >= block->bytes.data() && value.text.data() < block->bytes.data() + block->used;
            put(inside ? value.text : std::string_view(block->made.emplace_back(value.text)), wanted.slot, block,
                block->cells.data() + block->rows * width + wanted.slot);
        };
        for (std::size_t field = 0, next = 0; row.next(&key, &value); field++) {
            packet = packet || key == "pktNo";
            // Members come in the columns' order. Objects of another run may have another one.
            const bool in_order = field < fields_ && key == file_names_[field];
            for (; in_order && next < wanted_.size() && wanted_[next].field <= field; next++)
                if (wanted_[next].field == field)
                    take(wanted_[next]);
            if (!in_order)
                for (const Wanted& wanted : wanted_)
                    if (names_[wanted.slot] == key)
                        take(wanted);
        }
        if (row.damaged()) {
            block->damaged++;
            block->cells.resize(block->rows * width);
        } else if (packet != packets_) {
            block->cells.resize(block->rows * width);
        } else {
            end_row(block);
        }
    }
}

} // namespace flowxdp::query
