// SPDX-License-Identifier: BSD-2-Clause
#include "row/cell_text.h"

#include <arpa/inet.h>

#include <charconv>
#include <cmath>
#include <cstdio>

#include "row/utf8.h"

namespace flowxdp {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// The letter after a backslash for bytes that have one, else 0.
char escape_letter(char c)
{
    switch (c) {
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\v': return 'v';
    case '\\': return '\\';
    default: return 0;
    }
}

void append_string(std::string_view text, StringStyle style, std::string* out)
{
    if (style == StringStyle::kQuoted)
        append_quoted(text, out);
    else
        append_payload(text, out);
}

template <typename T>
T load(const std::uint8_t* p)
{
    T v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

// One element of the type at p.
void append_element(const RowView& row, fx_type type, StringStyle style, const std::uint8_t* p, std::string* out)
{
    switch (type) {
    case FX_U8: append_unsigned(*p, out); break;
    case FX_U16: append_unsigned(load<std::uint16_t>(p), out); break;
    case FX_U32: append_unsigned(load<std::uint32_t>(p), out); break;
    case FX_U64: append_unsigned(load<std::uint64_t>(p), out); break;
    case FX_I64: append_signed(load<std::int64_t>(p), out); break;
    case FX_H8: append_hex(*p, 2, out); break;
    case FX_H16: append_hex(load<std::uint16_t>(p), 4, out); break;
    case FX_H32: append_hex(load<std::uint32_t>(p), 8, out); break;
    case FX_H64: append_hex(load<std::uint64_t>(p), 16, out); break;
    case FX_FLOAT: append_float(load<double>(p), out); break;
    case FX_TIME:
    case FX_DURATION: append_seconds(load<std::int64_t>(p), out); break;
    case FX_MAC: append_mac(p, out); break;
    case FX_IP: append_ip(p, p[16], out); break;
    case FX_CHAR: out->push_back(static_cast<char>(*p)); break;
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
        const auto s = load<fx_span>(p);
        const std::string_view text(reinterpret_cast<const char*>(row.tail(s.offset)), s.count);
        if (type == FX_STRING)
            append_string(text, style, out);
        else if (type == FX_PAYLOAD)
            append_payload(text, out);
        else
            out->append(text);
        break;
    }
    }
}

} // namespace

void append_unsigned(std::uint64_t value, std::string* out)
{
    char buffer[24];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    out->append(buffer, end);
}

void append_signed(std::int64_t value, std::string* out)
{
    char buffer[24];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    out->append(buffer, end);
}

void append_hex(std::uint64_t value, unsigned digits, std::string* out)
{
    char buffer[18] = {'0', 'x'};
    for (unsigned i = 0; i < digits; i++)
        buffer[2 + i] = kHexDigits[(value >> (4 * (digits - 1 - i))) & 15];
    out->append(buffer, 2 + digits);
}

void append_float(double value, std::string* out)
{
    // Most cells of a flow file are whole numbers below 10^7, for which %.7g prints just the digits.
    if (value >= 0 && value < 1e7 && value == std::floor(value)) {
        append_unsigned(static_cast<std::uint64_t>(value), out);
        return;
    }
    char buffer[40];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, 7).ptr;
    out->append(buffer, end);
}

void append_seconds(std::int64_t ns, std::string* out)
{
    std::uint64_t magnitude = static_cast<std::uint64_t>(ns);
    if (ns < 0) {
        out->push_back('-');
        magnitude = 0 - magnitude;
    }
    append_unsigned(magnitude / 1000000000u, out);
    char buffer[10];
    auto fraction = static_cast<std::uint32_t>(magnitude % 1000000000u);
    for (int i = 9; i > 0; i--, fraction /= 10)
        buffer[i] = static_cast<char>('0' + fraction % 10);
    buffer[0] = '.';
    out->append(buffer, 10);
}

void append_mac(const std::uint8_t* mac, std::string* out)
{
    char buffer[17];
    for (int i = 0; i < 6; i++) {
        buffer[3 * i] = kHexDigits[mac[i] >> 4];
        buffer[3 * i + 1] = kHexDigits[mac[i] & 15];
        if (i < 5)
            buffer[3 * i + 2] = ':';
    }
    out->append(buffer, 17);
}

void append_ip(const std::uint8_t* address, int version, std::string* out)
{
    if (version == 4) {
        for (int i = 12; i < 16; i++) {
            append_unsigned(address[i], out);
            if (i < 15)
                out->push_back('.');
        }
    } else if (version == 6) {
        char buffer[INET6_ADDRSTRLEN];
        out->append(inet_ntop(AF_INET6, address, buffer, sizeof buffer));
    } else {
        out->push_back('-');
    }
}

void append_quoted(std::string_view text, std::string* out)
{
    out->push_back('"');
    while (!text.empty()) {
        const char c = text[0];
        std::size_t n = utf8_length(text);
        if (const char letter = escape_letter(c)) {
            out->push_back('\\');
            out->push_back(letter);
        } else if (c == '"') {
            out->append("\\\"");
        } else if (n == 0) {
            out->push_back('.');
            n = 1;
        } else if (n == 1 && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)) {
            out->append("\\u00");
            out->push_back(kHexDigits[static_cast<unsigned char>(c) >> 4]);
            out->push_back(kHexDigits[c & 15]);
        } else {
            out->append(text.substr(0, n));
        }
        text.remove_prefix(n);
    }
    out->push_back('"');
}

void append_payload(std::string_view bytes, std::string* out)
{
    for (const char c : bytes) {
        if (const char letter = escape_letter(c)) {
            out->push_back('\\');
            out->push_back(letter);
        } else {
            out->push_back(c >= 0x20 && c < 0x7f ? c : '.');
        }
    }
}

void append_cell_text(const RowView& row, const Column& column, StringStyle style, std::string* out)
{
    if (!row.present(column))
        return;
    if (!column.list) {
        append_element(row, column.type, style, row.bytes(column), out);
        return;
    }
    const fx_span list = row.list(column);
    const std::uint32_t width = Schema::width_of(column.type);
    for (std::uint32_t i = 0; i < list.count; i++) {
        if (i)
            out->push_back(';');
        append_element(row, column.type, style, row.tail(list.offset + i * width), out);
    }
}

} // namespace flowxdp
