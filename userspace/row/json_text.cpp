// SPDX-License-Identifier: BSD-2-Clause
#include "row/json_text.h"

#include <charconv>
#include <cmath>

#include "core/printable.h"
#include "core/utf8.h"
#include "row/cell_text.h"

namespace flowxdp {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd"; // U+FFFD

template <typename T>
T load(const std::uint8_t* p)
{
    T v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

// Escapes one byte below 0x80 when JSON, or a terminal, needs it. False: it may stand as it is.
bool append_escaped(unsigned char c, std::string* out)
{
    constexpr char kHexDigits[] = "0123456789abcdef";
    switch (c) {
    case '"':
        out->append("\\\"");
        return true;
    case '\\':
        out->append("\\\\");
        return true;
    case '\b':
        out->append("\\b");
        return true;
    case '\f':
        out->append("\\f");
        return true;
    case '\n':
        out->append("\\n");
        return true;
    case '\r':
        out->append("\\r");
        return true;
    case '\t':
        out->append("\\t");
        return true;
    default:
        break;
    }
    if (c >= 0x20 && c < 0x7f)
        return false;
    const char escape[] = {'\\', 'u', '0', '0', kHexDigits[c >> 4], kHexDigits[c & 15]};
    out->append(escape, sizeof escape);
    return true;
}

// Writes a control character above 0x7f as \uXXXX: JSON may hold it, but a terminal that shows JSON would obey it.
void append_code(unsigned code, std::string* out)
{
    constexpr char kHexDigits[] = "0123456789abcdef";
    out->append("\\u");
    for (int shift = 12; shift >= 0; shift -= 4)
        out->push_back(kHexDigits[code >> shift & 15]);
}

// For text of our own, which needs no escapes.
template <typename Print>
void append_in_quotes(std::string* out, Print print)
{
    out->push_back('"');
    print();
    out->push_back('"');
}

void append_value(const RowView& row, fx_type type, const std::uint8_t* p, std::string* out)
{
    switch (type) {
    case FX_U8:
        append_unsigned(*p, out);
        break;
    case FX_U16:
        append_unsigned(load<std::uint16_t>(p), out);
        break;
    case FX_U32:
        append_unsigned(load<std::uint32_t>(p), out);
        break;
    case FX_U64:
        append_unsigned(load<std::uint64_t>(p), out);
        break;
    case FX_I64:
        append_signed(load<std::int64_t>(p), out);
        break;
    case FX_H8:
        append_in_quotes(out, [&] { append_hex(*p, 2, out); });
        break;
    case FX_H16:
        append_in_quotes(out, [&] { append_hex(load<std::uint16_t>(p), 4, out); });
        break;
    case FX_H32:
        append_in_quotes(out, [&] { append_hex(load<std::uint32_t>(p), 8, out); });
        break;
    case FX_H64:
        append_in_quotes(out, [&] { append_hex(load<std::uint64_t>(p), 16, out); });
        break;
    case FX_FLOAT:
        append_json_float(load<double>(p), out);
        break;
    case FX_TIME:
    case FX_DURATION:
        append_in_quotes(out, [&] { append_seconds(load<std::int64_t>(p), out); });
        break;
    case FX_MAC:
        append_in_quotes(out, [&] { append_mac(p, out); });
        break;
    case FX_IP:
        append_in_quotes(out, [&] { append_ip(p, p[16], out); });
        break;
    case FX_CHAR:
        append_json_bytes({reinterpret_cast<const char*>(p), 1}, out);
        break;
    case FX_MAC_PAIR:
        out->append("[\"");
        append_mac(p, out);
        out->append("\",\"");
        append_mac(p + 6, out);
        out->append("\",");
        append_unsigned(load<std::uint32_t>(p + 12), out);
        out->push_back(']');
        break;
    case FX_STRING:
    case FX_WORD:
    case FX_PAYLOAD: {
        const auto s = load<fx_span>(p);
        const std::string_view text(reinterpret_cast<const char*>(row.tail(s.offset)), s.count);
        if (type == FX_PAYLOAD)
            append_json_bytes(text, out);
        else
            append_json_string(text, out);
        break;
    }
    }
}

} // namespace

void append_json_float(double value, std::string* out)
{
    if (!std::isfinite(value)) {
        out->append("null"); // JSON has no other word for it
        return;
    }
    char buffer[40];
    out->append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

std::string json_string(std::string_view text)
{
    std::string out;
    append_json_string(text, &out);
    return out;
}

void append_json_string(std::string_view text, std::string* out)
{
    out->push_back('"');
    while (!text.empty()) {
        const std::size_t n = utf8_length(text);
        if (n == 0)
            out->append(kReplacement);
        else if (const unsigned code = n > 1 ? utf8_code(text.substr(0, n)) : 0; code && is_control(code))
            append_code(code, out);
        else if (n > 1 || !append_escaped(static_cast<unsigned char>(text[0]), out))
            out->append(text.substr(0, n));
        text.remove_prefix(n ? n : 1);
    }
    out->push_back('"');
}

void append_json_bytes(std::string_view bytes, std::string* out)
{
    out->push_back('"');
    for (const char c : bytes)
        if (!append_escaped(static_cast<unsigned char>(c), out))
            out->push_back(c);
    out->push_back('"');
}

JsonRowPrinter::JsonRowPrinter(const Schema& schema)
{
    for (const Column& column : schema.columns()) {
        std::string key(1, cells_.empty() ? '{' : ',');
        append_json_string(column.name, &key);
        key.push_back(':');
        cells_.push_back({std::move(key), column});
    }
}

void JsonRowPrinter::append(const RowView& row, std::string* out) const
{
    if (cells_.empty())
        out->push_back('{');
    for (const Cell& cell : cells_) {
        out->append(cell.key);
        if (!row.present(cell.column)) {
            out->append("null");
        } else if (!cell.column.list) {
            append_value(row, cell.column.type, row.bytes(cell.column), out);
        } else {
            const fx_span list = row.list(cell.column);
            const std::uint32_t width = Schema::width_of(cell.column.type);
            out->push_back('[');
            for (std::uint32_t i = 0; i < list.count; i++) {
                if (i)
                    out->push_back(',');
                append_value(row, cell.column.type, row.tail(list.offset + i * width), out);
            }
            out->push_back(']');
        }
    }
    out->append("}\n");
}

} // namespace flowxdp
