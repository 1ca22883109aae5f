// SPDX-License-Identifier: BSD-2-Clause
#include "row_binary.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "row/cell_text.h"

namespace flowxdp {
namespace {

constexpr std::size_t kIpBytes = 16;

std::string element_type(fx_type type, ClickhouseTypes types)
{
    const bool current = types == ClickhouseTypes::kCurrent;
    switch (type) {
    case FX_U8:
    case FX_H8:
        return "UInt8";
    case FX_U16:
    case FX_H16:
        return "UInt16";
    case FX_U32:
    case FX_H32:
        return "UInt32";
    case FX_U64:
    case FX_H64:
    case FX_MAC: // MACNumToString() prints it
        return "UInt64";
    case FX_I64:
        return "Int64";
    case FX_FLOAT:
        return "Float64";
    case FX_TIME:
        return current ? "DateTime64(9, 'UTC')" : "Int64";
    case FX_DURATION:
        return "Decimal(18, 9)";
    case FX_IP:
        return current ? "IPv6" : "FixedString(16)";
    case FX_CHAR:
        return "FixedString(1)";
    case FX_WORD: // few values, many times
        return current ? "LowCardinality(String)" : "String";
    case FX_STRING:
    case FX_MAC_PAIR:
    case FX_PAYLOAD:
        break;
    }
    return "String";
}

// An array cannot be NULL: an absent list is an empty one.
bool is_nullable(const Column& column)
{
    return !column.list && (column.optional || column.type == FX_IP);
}

void append_length(std::uint64_t length, std::string* out)
{
    for (; length >= 0x80; length >>= 7)
        out->push_back(static_cast<char>(length | 0x80));
    out->push_back(static_cast<char>(length));
}

void append_text(std::string_view text, std::string* out)
{
    append_length(text.size(), out);
    *out += text;
}

void append_value(const RowView& row, fx_type type, const std::uint8_t* p, std::string* out)
{
    switch (type) {
    case FX_MAC: {
        std::uint64_t number = 0;
        for (int i = 0; i < 6; i++)
            number = number << 8 | p[i];
        append_little_endian(number, 8, out);
        break;
    }
    case FX_IP:
        out->append(reinterpret_cast<const char*>(p), kIpBytes);
        break;
    case FX_MAC_PAIR: {
        std::string text;
        append_mac(p, &text);
        text.push_back('_');
        append_mac(p + 6, &text);
        text.push_back('_');
        std::uint32_t count;
        std::memcpy(&count, p + 12, sizeof count);
        append_unsigned(count, &text);
        append_text(text, out);
        break;
    }
    case FX_STRING:
    case FX_WORD:
    case FX_PAYLOAD: {
        fx_span span;
        std::memcpy(&span, p, sizeof span);
        append_text({reinterpret_cast<const char*>(row.tail(span.offset)), span.count}, out);
        break;
    }
    default: // numbers as this host has them: little-endian, as everywhere flowxdp runs
        out->append(reinterpret_cast<const char*>(p), Schema::width_of(type));
    }
}

// "Nullable(X)" and name "Nullable" -> "X"; empty: it is another type.
std::string_view inside(std::string_view type, std::string_view name)
{
    if (!type.starts_with(name) || !type.substr(name.size()).starts_with('(') || !type.ends_with(')'))
        return {};
    return type.substr(name.size() + 1, type.size() - name.size() - 2);
}

} // namespace

std::string clickhouse_type(const Column& column, ClickhouseTypes types)
{
    std::string element = element_type(column.type, types);
    if (column.list)
        return "Array(" + element + ")";
    if (!is_nullable(column))
        return element;
    if (const std::string_view values = inside(element, "LowCardinality"); !values.empty())
        return "LowCardinality(Nullable(" + std::string(values) + "))";
    return "Nullable(" + element + ")";
}

std::string clickhouse_encoding(std::string_view type)
{
    for (const char* wrapper : {"Array", "Nullable"})
        if (const auto element = inside(type, wrapper); !element.empty())
            return wrapper + ("(" + clickhouse_encoding(element)) + ")";
    if (const auto values = inside(type, "LowCardinality"); !values.empty())
        return clickhouse_encoding(values);
    if (type == "IPv6")
        return "FixedString(16)";
    if (type == "Decimal(18, 9)" || type == "DateTime64(9)" || type.starts_with("DateTime64(9, "))
        return "Int64";
    return std::string(type);
}

void append_binary_cell(const RowView& row, const Column& column, std::string* out)
{
    const bool present = row.present(column);
    if (column.list) {
        const fx_span list = present ? row.list(column) : fx_span{};
        const std::uint32_t width = Schema::width_of(column.type);
        append_length(list.count, out);
        for (std::uint32_t i = 0; i < list.count; i++)
            append_value(row, column.type, row.tail(list.offset + i * width), out);
        return;
    }
    if (is_nullable(column)) {
        const bool null = !present || (column.type == FX_IP && !row.bytes(column)[kIpBytes]);
        out->push_back(static_cast<char>(null));
        if (null)
            return;
    }
    append_value(row, column.type, row.bytes(column), out);
}

void append_little_endian(std::uint64_t value, unsigned bytes, std::string* out)
{
    for (unsigned i = 0; i < bytes; i++, value >>= 8)
        out->push_back(static_cast<char>(value & 0xff));
}

std::uint16_t clickhouse_date(std::int64_t time_ns)
{
    const auto day = std::chrono::floor<std::chrono::days>(std::chrono::nanoseconds(time_ns));
    return static_cast<std::uint16_t>(std::clamp<std::int64_t>(day.count(), 0, 0xffff));
}

} // namespace flowxdp
