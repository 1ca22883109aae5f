// SPDX-License-Identifier: BSD-2-Clause
#include "copy_text.h"

#include <cmath>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include "core/utf8.h"
#include "row/cell_text.h"

namespace flowxdp {
namespace {

template <typename T>
T load(const std::uint8_t* p)
{
    T v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

std::string element_type(fx_type type)
{
    switch (type) {
    case FX_U8:
    case FX_H8:
        return "smallint";
    case FX_U16:
    case FX_H16:
        return "integer";
    case FX_U32:
    case FX_H32:
    case FX_I64:
    case FX_H64:
        return "bigint";
    case FX_U64:
        return "numeric(20)";
    case FX_FLOAT:
        return "double precision";
    case FX_TIME:
        return "timestamptz";
    case FX_DURATION:
        return "numeric(20,9)";
    case FX_MAC:
        return "macaddr";
    case FX_IP:
        return "inet";
    case FX_PAYLOAD:
        return "bytea";
    case FX_STRING:
    case FX_WORD:
    case FX_CHAR:
    case FX_MAC_PAIR:
        break;
    }
    return "text";
}

// Text that PostgreSQL takes: UTF-8 without zero bytes; others become U+FFFD.
std::string clean(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        const std::size_t n = utf8_length(text);
        if (n == 0 || text[0] == '\0')
            out += "\xef\xbf\xbd";
        else
            out += text.substr(0, n);
        text.remove_prefix(n ? n : 1);
    }
    return out;
}

// A value as PostgreSQL reads it from text. False: NULL, an address that is none.
bool append_value(const RowView& row, fx_type type, const std::uint8_t* p, std::string* out)
{
    switch (type) {
    case FX_U8:
    case FX_H8:
        append_unsigned(*p, out);
        break;
    case FX_U16:
    case FX_H16:
        append_unsigned(load<std::uint16_t>(p), out);
        break;
    case FX_U32:
    case FX_H32:
        append_unsigned(load<std::uint32_t>(p), out);
        break;
    case FX_U64:
        append_unsigned(load<std::uint64_t>(p), out);
        break;
    case FX_I64:
    case FX_H64: // bits: bit 63 is the sign
        append_signed(load<std::int64_t>(p), out);
        break;
    case FX_FLOAT: {
        const auto value = load<double>(p);
        *out += std::isnan(value)   ? "NaN"
                : std::isinf(value) ? (value > 0 ? "Infinity" : "-Infinity")
                                    : fmt::format("{}", value);
        break;
    }
    case FX_TIME: {
        constexpr std::int64_t kDayNs = 86400000000000;
        const auto time = load<std::int64_t>(p);
        const std::int64_t in_day = (time - day_of(time) * kDayNs) / 1000; // microseconds: what the type holds
        *out += fmt::format("{} {:02}:{:02}:{:02}.{:06}+00", day_text(day_of(time)), in_day / 3600000000,
                            in_day / 60000000 % 60, in_day / 1000000 % 60, in_day % 1000000);
        break;
    }
    case FX_DURATION:
        append_seconds(load<std::int64_t>(p), out);
        break;
    case FX_MAC:
        append_mac(p, out);
        break;
    case FX_IP:
        if (!p[16])
            return false;
        append_ip(p, p[16], out);
        break;
    case FX_CHAR:
        *out += clean({reinterpret_cast<const char*>(p), 1});
        break;
    case FX_MAC_PAIR:
        append_mac(p, out);
        out->push_back('_');
        append_mac(p + 6, out);
        out->push_back('_');
        append_unsigned(load<std::uint32_t>(p + 12), out);
        break;
    case FX_STRING:
    case FX_WORD:
    case FX_PAYLOAD: {
        const auto span = load<fx_span>(p);
        const std::string_view text(reinterpret_cast<const char*>(row.tail(span.offset)), span.count);
        if (type != FX_PAYLOAD) {
            *out += clean(text);
            break;
        }
        *out += "\\x";
        for (const char c : text)
            *out += fmt::format("{:02x}", static_cast<unsigned char>(c));
        break;
    }
    }
    return true;
}

// COPY's own escapes, around whatever the value's type escapes.
void append_escaped(std::string_view text, std::string* out)
{
    for (const char c : text) {
        switch (c) {
        case '\\':
            *out += "\\\\";
            break;
        case '\n':
            *out += "\\n";
            break;
        case '\r':
            *out += "\\r";
            break;
        case '\t':
            *out += "\\t";
            break;
        default:
            out->push_back(c);
        }
    }
}

} // namespace

std::string postgres_type(const Column& column)
{
    return element_type(column.type) + (column.list ? "[]" : "");
}

std::string postgres_name(std::string_view name)
{
    std::string out = "\"";
    for (const char c : clean(name.substr(0, 63)))
        out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
}

void append_copy_cell(const RowView& row, const Column& column, std::string* out)
{
    constexpr std::string_view kNull = "\\N";
    if (!row.present(column)) {
        *out += kNull;
        return;
    }
    std::string text;
    if (!column.list) {
        if (append_value(row, column.type, row.bytes(column), &text))
            append_escaped(text, out);
        else
            *out += kNull;
        return;
    }
    const fx_span list = row.list(column);
    const std::uint32_t width = Schema::width_of(column.type);
    std::string array = "{", value;
    for (std::uint32_t i = 0; i < list.count; i++) {
        if (i)
            array.push_back(',');
        value.clear();
        if (!append_value(row, column.type, row.tail(list.offset + i * width), &value)) {
            array += "NULL";
            continue;
        }
        array.push_back('"');
        for (const char c : value) {
            if (c == '"' || c == '\\')
                array.push_back('\\');
            array.push_back(c);
        }
        array.push_back('"');
    }
    append_escaped(array + "}", out);
}

std::int64_t day_of(std::int64_t time_ns)
{
    constexpr std::int64_t kDayNs = 86400000000000;
    return time_ns / kDayNs - (time_ns % kDayNs < 0);
}

std::string day_text(std::int64_t day)
{
    const std::time_t time = day * 86400;
    std::tm parts{};
    gmtime_r(&time, &parts);
    return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

} // namespace flowxdp
