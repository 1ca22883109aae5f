// SPDX-License-Identifier: BSD-2-Clause
#include "csv_text.h"

#include "row/cell_text.h"

namespace flowxdp {
namespace {

bool needs_quotes(std::string_view text)
{
    return text.find_first_of("\",\r\n") != std::string_view::npos;
}

// A string as in the flow file, without its quotes: CSV adds its own.
void append_bare_string(std::string_view text, std::string* out)
{
    const std::size_t at = out->size();
    append_quoted(text, out);
    std::size_t to = at;
    for (std::size_t from = at + 1; from + 1 < out->size(); from++) {
        // append_quoted() writes a backslash before each byte that it escapes. Only the one before a quote is removed.
        if ((*out)[from] == '\\') {
            if ((*out)[from + 1] != '"')
                (*out)[to++] = '\\';
            from++;
        }
        (*out)[to++] = (*out)[from];
    }
    out->resize(to);
}

void append_strings(const RowView& row, const Column& column, std::string* out)
{
    if (!row.present(column))
        return;
    if (!column.list) {
        append_bare_string(row.text(column), out);
        return;
    }
    const fx_span list = row.list(column);
    for (std::uint32_t i = 0; i < list.count; i++) {
        fx_span element;
        std::memcpy(&element, row.tail(list.offset) + i * sizeof element, sizeof element);
        if (i)
            out->push_back(';');
        append_bare_string({reinterpret_cast<const char*>(row.tail(element.offset)), element.count}, out);
    }
}

// Puts the text from position at on into quotes when it needs them.
void quote_from(std::size_t at, std::string* out)
{
    if (!needs_quotes(std::string_view(*out).substr(at)))
        return;
    const std::string text = out->substr(at);
    out->resize(at);
    append_csv_field(text, out);
}

} // namespace

void append_csv_field(std::string_view text, std::string* out)
{
    if (!needs_quotes(text)) {
        out->append(text);
        return;
    }
    out->push_back('"');
    for (const char c : text) {
        if (c == '"')
            out->push_back('"');
        out->push_back(c);
    }
    out->push_back('"');
}

void append_csv_cell(const RowView& row, const Column& column, CsvFormulas formulas, std::string* out)
{
    const std::size_t at = out->size();
    switch (column.type) {
    case FX_STRING:
        append_strings(row, column, out);
        break;
    case FX_WORD:
    case FX_CHAR:
    case FX_PAYLOAD:
        append_cell_text(row, column, StringStyle::kBare, out);
        break;
    default: // numbers, times and addresses have nothing that CSV quotes
        append_cell_text(row, column, StringStyle::kBare, out);
        return;
    }
    // A sign alone is no formula. Numbers, which may have a sign, returned above.
    if (formulas == CsvFormulas::kEscape && out->size() > at + 1 &&
        std::string_view("=+-@").find((*out)[at]) != std::string_view::npos)
        out->insert(at, 1, '\'');
    quote_from(at, out);
}

void append_csv_header(const Schema& schema, std::string_view line_end, std::string* out)
{
    const char* separator = "";
    for (const Column& column : schema.columns()) {
        out->append(separator);
        append_csv_field(column.name, out);
        separator = ",";
    }
    out->append(line_end);
}

void append_csv_row(const RowView& row, const Schema& schema, std::string_view line_end, CsvFormulas formulas,
                    std::string* out)
{
    const char* separator = "";
    for (const Column& column : schema.columns()) {
        out->append(separator);
        append_csv_cell(row, column, formulas, out);
        separator = ",";
    }
    out->append(line_end);
}

} // namespace flowxdp
