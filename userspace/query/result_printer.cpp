// SPDX-License-Identifier: BSD-2-Clause
#include "query/result_printer.h"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string_view>

#include <fmt/format.h>

#include "core/printable.h"

namespace flowxdp::query {
namespace {

constexpr std::size_t kNarrowest = 6;

// Characters of valid UTF-8: a wide one counts as one.
std::size_t length(std::string_view text)
{
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

// At most so many characters, with a mark when something is cut.
std::string cut(const std::string& text, std::size_t most)
{
    if (length(text) <= most)
        return text;
    std::size_t bytes = 0;
    for (std::size_t seen = 0; bytes < text.size(); bytes++)
        if ((text[bytes] & 0xc0) != 0x80 && ++seen == most)
            break;
    return text.substr(0, bytes) + "~";
}

std::string csv_text(const std::string& text)
{
    if (text.find_first_of(",\"\r\n") == std::string::npos)
        return text;
    std::string out = "\"";
    for (const char c : text) {
        out += c;
        if (c == '"')
            out += c;
    }
    return out + '"';
}

std::string tsv_text(const std::string& text)
{
    std::string out;
    for (const char c : text)
        out += c == '\t' ? "\\t" : c == '\n' ? "\\n" : std::string(1, c);
    return out;
}

std::string json_text(const std::string& text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out + '"';
}

} // namespace

AnswerCell answer_cell(sqlite3_stmt* statement, int column)
{
    const int type = sqlite3_column_type(statement, column);
    if (type == SQLITE_NULL)
        return {};
    const char* declared = sqlite3_column_decltype(statement, column);
    const std::string_view as = declared ? declared : "";
    if (type == SQLITE_INTEGER) {
        const sqlite3_int64 value = sqlite3_column_int64(statement, column);
        if (as.starts_with("HEX") && as.size() > 3)
            return {fmt::format("0x{:0{}x}", static_cast<std::uint64_t>(value), as == "HEX16" ? 16 : as[3] - '0'),
                    AnswerCell::Kind::kText};
        return {fmt::format("{}", value), AnswerCell::Kind::kNumber};
    }
    if (type == SQLITE_FLOAT) {
        const double value = sqlite3_column_double(statement, column);
        if (!std::isfinite(value))
            return {value > 0 ? "inf" : "-inf", AnswerCell::Kind::kText};
        if (as == "TIME")
            return {fmt::format("{:.6f}", value), AnswerCell::Kind::kNumber};
        if (as == "DURATION")
            return {fmt::format("{:.9f}", value), AnswerCell::Kind::kNumber};
        return {fmt::format("{}", value), AnswerCell::Kind::kNumber};
    }
    return {std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, column)),
                        static_cast<std::size_t>(sqlite3_column_bytes(statement, column))),
            AnswerCell::Kind::kText};
}

void ResultPrinter::begin(std::vector<std::string> names)
{
    names_ = std::move(names);
    if (format_ != AnswerFormat::kTsv && format_ != AnswerFormat::kCsv)
        return;
    std::string line;
    for (std::size_t i = 0; i < names_.size(); i++)
        line += (i == 0                          ? ""
                 : format_ == AnswerFormat::kTsv ? "\t"
                                                 : ",") +
                (format_ == AnswerFormat::kTsv ? tsv_text(names_[i]) : csv_text(names_[i]));
    fmt::print(out_, "{}\n", line);
}

void ResultPrinter::add(std::vector<AnswerCell> row)
{
    if (format_ != AnswerFormat::kTable) {
        print_line(row);
        return;
    }
    if (measured_) {
        print_aligned(row);
        return;
    }
    waiting_.push_back(std::move(row));
    if (waiting_.size() == kMeasured)
        print_waiting();
}

Result<void> ResultPrinter::end()
{
    if (format_ == AnswerFormat::kTable && !measured_)
        print_waiting();
    if (format_ == AnswerFormat::kJson)
        fmt::print(out_, "{}", first_ ? "[]\n" : "\n]\n");
    if (std::fflush(out_) != 0 && errno != EPIPE)
        return Error{fmt::format("cannot write the answer: {}", std::strerror(errno))};
    return {};
}

void ResultPrinter::print_line(const std::vector<AnswerCell>& row)
{
    std::string line;
    for (std::size_t i = 0; i < row.size(); i++) {
        const AnswerCell& cell = row[i];
        if (format_ == AnswerFormat::kJson)
            line += (i == 0 ? "" : ",") + json_text(names_[i]) + ":" +
                    (cell.kind == AnswerCell::Kind::kNull     ? "null"
                     : cell.kind == AnswerCell::Kind::kNumber ? cell.text
                                                              : json_text(cell.text));
        else if (format_ == AnswerFormat::kTsv)
            line += (i == 0 ? "" : "\t") + tsv_text(cell.text);
        else
            line += (i == 0 ? "" : ",") + csv_text(cell.text);
    }
    if (format_ == AnswerFormat::kJson)
        fmt::print(out_, "{}{{{}}}", first_ ? "[\n" : ",\n", line);
    else
        fmt::print(out_, "{}\n", line);
    first_ = false;
}

// Makes the widest columns narrower until a line fits the terminal.
void ResultPrinter::fit()
{
    const auto total = [this] {
        return std::accumulate(widths_.begin(), widths_.end(), std::size_t{0}) + 2 * (widths_.size() - 1);
    };
    while (width_ != 0 && !widths_.empty() && total() > width_) {
        const auto widest = std::ranges::max_element(widths_);
        if (*widest <= kNarrowest)
            return; // too many columns: lines wrap
        --*widest;
    }
}

void ResultPrinter::print_waiting()
{
    measured_ = true;
    for (std::size_t i = 0; i < names_.size(); i++) {
        std::size_t widest = length(names_[i]);
        bool numbers = !waiting_.empty();
        for (const std::vector<AnswerCell>& row : waiting_) {
            widest = std::max(widest, length(printable(row[i].text)));
            numbers = numbers && row[i].kind != AnswerCell::Kind::kText;
        }
        widths_.push_back(widest);
        right_.push_back(numbers);
    }
    fit();
    std::vector<AnswerCell> heading;
    for (const std::string& name : names_)
        heading.push_back({name, AnswerCell::Kind::kText});
    print_aligned(heading);
    for (const std::vector<AnswerCell>& row : waiting_)
        print_aligned(row);
    waiting_.clear();
}

void ResultPrinter::print_aligned(const std::vector<AnswerCell>& row)
{
    std::string line;
    for (std::size_t i = 0; i < row.size(); i++) {
        std::string text = printable(row[i].text);
        if (width_ != 0)
            text = cut(text, widths_[i]);
        const std::size_t have = length(text);
        const std::string blanks(have < widths_[i] ? widths_[i] - have : 0, ' ');
        line += (i == 0 ? "" : "  ") + (right_[i] ? blanks + text : text + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print(out_, "{}\n", line);
}

} // namespace flowxdp::query
