// SPDX-License-Identifier: BSD-2-Clause
#include "row/cell_text.h"

#include "row/number_text.h"
#include "row/utf8.h"

namespace flowxdp {
namespace {

using namespace number_text;

constexpr char kHexDigits[] = "0123456789abcdef";

// The letter after a backslash for bytes that have one, else 0.
char escape_letter(char c)
{
    switch (c) {
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\v':
        return 'v';
    case '\\':
        return '\\';
    default:
        return 0;
    }
}

template <typename T>
T load(const std::uint8_t* p)
{
    T v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

// Text on its way to a string: collected here, because the string's own bookkeeping for every cell costs more than most
// cells.
class Line {
  public:
    explicit Line(std::string* out) : out_(out) {}
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    ~Line() { flush(); }

    // Room for bytes, at most kBytes; what is written there is made part of the line by end().
    char* room(std::size_t bytes)
    {
        if (kBytes - used_ < bytes)
            flush();
        return buffer_ + used_;
    }
    void end(const char* at) { used_ = static_cast<std::size_t>(at - buffer_); }
    void put(char c)
    {
        *room(1) = c;
        used_++;
    }
    void text(std::string_view s)
    {
        if (s.size() > kBytes / 4) {
            flush();
            out_->append(s);
            return;
        }
        std::memcpy(room(s.size()), s.data(), s.size());
        used_ += s.size();
    }
    // The string, with everything so far in it.
    std::string* string()
    {
        flush();
        return out_;
    }

  private:
    static constexpr std::size_t kBytes = 4096;

    void flush()
    {
        out_->append(buffer_, used_);
        used_ = 0;
    }

    std::string* out_;
    std::size_t used_ = 0;
    char buffer_[kBytes];
};

// Printable ASCII without a quote or backslash, as nearly every string: nothing to escape.
bool is_plain(std::string_view text)
{
    bool plain = true;
    for (const char c : text)
        plain = plain && c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
    return plain;
}

void append_string(std::string_view text, StringStyle style, Line* line)
{
    if (style == StringStyle::kQuoted) {
        if (is_plain(text)) {
            line->put('"');
            line->text(text);
            line->put('"');
        } else {
            append_quoted(text, line->string());
        }
    } else if (is_plain(text)) {
        line->text(text);
    } else {
        append_payload(text, line->string());
    }
}

// One element of the type at p.
void append_element(const RowView& row, fx_type type, StringStyle style, const std::uint8_t* p, Line* line)
{
    char* at = line->room(kNumberTextMax);
    switch (type) {
    case FX_U8:
        at = write_unsigned(at, *p);
        break;
    case FX_U16:
        at = write_unsigned(at, load<std::uint16_t>(p));
        break;
    case FX_U32:
        at = write_unsigned(at, load<std::uint32_t>(p));
        break;
    case FX_U64:
        at = write_unsigned(at, load<std::uint64_t>(p));
        break;
    case FX_I64:
        at = write_signed(at, load<std::int64_t>(p));
        break;
    case FX_H8:
        at = write_hex<2>(at, *p);
        break;
    case FX_H16:
        at = write_hex<4>(at, load<std::uint16_t>(p));
        break;
    case FX_H32:
        at = write_hex<8>(at, load<std::uint32_t>(p));
        break;
    case FX_H64:
        at = write_hex<16>(at, load<std::uint64_t>(p));
        break;
    case FX_FLOAT:
        at = write_float(at, load<double>(p));
        break;
    case FX_TIME:
    case FX_DURATION:
        at = write_seconds(at, load<std::int64_t>(p));
        break;
    case FX_MAC:
        at = write_mac(at, p);
        break;
    case FX_IP:
        at = write_ip(at, p, p[16]);
        break;
    case FX_CHAR:
        *at++ = static_cast<char>(*p);
        break;
    case FX_MAC_PAIR:
        at = write_mac(at, p);
        *at++ = '_';
        at = write_mac(at, p + 6);
        *at++ = '_';
        at = write_unsigned(at, load<std::uint32_t>(p + 12));
        break;
    case FX_STRING:
    case FX_WORD:
    case FX_PAYLOAD: {
        const auto s = load<fx_span>(p);
        const std::string_view text(reinterpret_cast<const char*>(row.tail(s.offset)), s.count);
        if (type == FX_STRING)
            append_string(text, style, line);
        else if (type == FX_PAYLOAD)
            append_payload(text, line->string());
        else
            line->text(text);
        return;
    }
    }
    line->end(at);
}

void append_list(const RowView& row, fx_type type, StringStyle style, fx_span list, Line* line)
{
    const std::uint32_t width = Schema::width_of(type);
    for (std::uint32_t i = 0; i < list.count; i++) {
        if (i)
            line->put(';');
        append_element(row, type, style, row.tail(list.offset + i * width), line);
    }
}

// What write() appends, at most kNumberTextMax bytes of it.
template <typename Write>
void append_written(std::string* out, Write write)
{
    char buffer[kNumberTextMax];
    out->append(buffer, write(buffer));
}

} // namespace

void append_unsigned(std::uint64_t value, std::string* out)
{
    append_written(out, [=](char* at) { return write_unsigned(at, value); });
}

void append_signed(std::int64_t value, std::string* out)
{
    append_written(out, [=](char* at) { return write_signed(at, value); });
}

void append_hex(std::uint64_t value, unsigned digits, std::string* out)
{
    append_written(out, [=](char* at) {
        return digits == 2   ? write_hex<2>(at, value)
               : digits == 4 ? write_hex<4>(at, value)
               : digits == 8 ? write_hex<8>(at, value)
                             : write_hex<16>(at, value);
    });
}

void append_float(double value, std::string* out)
{
    append_written(out, [=](char* at) { return write_float(at, value); });
}

void append_seconds(std::int64_t ns, std::string* out)
{
    append_written(out, [=](char* at) { return write_seconds(at, ns); });
}

void append_mac(const std::uint8_t* mac, std::string* out)
{
    append_written(out, [=](char* at) { return write_mac(at, mac); });
}

void append_ip(const std::uint8_t* address, int version, std::string* out)
{
    append_written(out, [=](char* at) { return write_ip(at, address, version); });
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
    Line line(out);
    if (column.list)
        append_list(row, column.type, style, row.list(column), &line);
    else
        append_element(row, column.type, style, row.bytes(column), &line);
}

void append_row_text(const RowView& row, StringStyle style, char separator, std::string* out)
{
    Line line(out);
    bool first = true;
    for (const Schema::Cell& cell : row.schema().cells()) {
        if (!first)
            line.put(separator);
        first = false;
        const std::uint8_t* fixed = row.fixed();
        if (!fixed[cell.present_offset])
            continue;
        if (cell.list)
            append_list(row, cell.type, style, load<fx_span>(fixed + cell.offset), &line);
        else
            append_element(row, cell.type, style, fixed + cell.offset, &line);
    }
    line.put('\n');
}

} // namespace flowxdp
