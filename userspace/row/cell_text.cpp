// SPDX-License-Identifier: BSD-2-Clause
#include "row/cell_text.h"

#include "core/printable.h"
#include "core/utf8.h"
#include "row/number_text.h"

namespace flowxdp {
namespace {

using namespace number_text;

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

// A line that is written into a buffer. The buffer always has room for the line's cells of fixed size, so only texts
// and lists ask for more.
class Line {
  public:
    Line(TextBuffer* out, std::size_t cells) : out_(out), fixed_bytes_(cells * (kNumberTextMax + 1) + 1) {}

    char* begin() { return out_->room(fixed_bytes_); }
    // The text ends at `at`; makes room for `bytes` more than the fixed cells need.
    char* more(const char* at, std::size_t bytes) { return out_->more(at, fixed_bytes_ + bytes); }
    void end(const char* at) { out_->end(at); }

  private:
    TextBuffer* out_;
    std::size_t fixed_bytes_;
};

// Not zero when a byte of the word is no printable ASCII, or a quote or backslash.
std::uint64_t not_plain(std::uint64_t word)
{
    constexpr std::uint64_t kOnes = 0x0101010101010101u, kHigh = 0x8080808080808080u;
    const auto has_zero = [](std::uint64_t w) { return (w - kOnes) & ~w & kHigh; };
    return ((word - 0x20 * kOnes) & ~word & kHigh) | (word & kHigh) | has_zero(word ^ 0x7f * kOnes) |
           has_zero(word ^ '"' * kOnes) | has_zero(word ^ '\\' * kOnes);
}

// True when no byte needs an escape, as in nearly every string.
bool is_plain(std::string_view text)
{
    const char* p = text.data();
    std::size_t n = text.size();
    if (n < 8) {
        for (; n; n--, p++)
            if (*p < 0x20 || *p >= 0x7f || *p == '"' || *p == '\\')
                return false;
        return true;
    }
    auto word_at = [](const char* at) {
        std::uint64_t w;
        std::memcpy(&w, at, sizeof w);
        return w;
    };
    std::uint64_t bad = not_plain(word_at(p + n - 8));
    for (; n > 8; n -= 8, p += 8)
        bad |= not_plain(word_at(p));
    return !bad;
}

char* write_plain(char* at, std::string_view text)
{
    if (text.size() <= 16) { // kTailSlack: bytes after the text may be read, and there is room for them
        std::memcpy(at, text.data(), 16);
        return at + text.size();
    }
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
}

// Room for 2 * text.size() bytes.
char* write_payload(char* at, std::string_view text)
{
    for (const char c : text) {
        if (const char letter = escape_letter(c)) {
            *at++ = '\\';
            *at++ = letter;
        } else {
            *at++ = c >= 0x20 && c < 0x7f ? c : '.';
        }
    }
    return at;
}

// Room for 6 * text.size() + 2 bytes.
char* write_quoted(char* at, std::string_view text)
{
    *at++ = '"';
    while (!text.empty()) {
        const char c = text[0];
        std::size_t n = utf8_length(text);
        if (const char letter = c == '"' ? c : escape_letter(c)) {
            *at++ = '\\';
            *at++ = letter;
        } else if (n == 0) {
            *at++ = '.';
            n = 1;
        } else if (const unsigned code = utf8_code(text.substr(0, n)); is_control(code)) {
            std::memcpy(at, "\\u", 2); // NOLINT(bugprone-not-null-terminated-result): the text goes on
            std::memcpy(at + 2, &kHexPairs[2u * (code >> 8)], 2);
            std::memcpy(at + 4, &kHexPairs[2u * (code & 0xff)], 2);
            at += 6;
        } else {
            std::memcpy(at, text.data(), n);
            at += n;
        }
        text.remove_prefix(n);
    }
    *at++ = '"';
    return at;
}

char* write_text(char* at, fx_type type, StringStyle style, std::string_view text, Line* line)
{
    if (type == FX_WORD)
        return write_plain(line->more(at, text.size()), text);
    at = line->more(at, 6 * text.size() + 2);
    if (type == FX_PAYLOAD)
        return write_payload(at, text);
    const bool plain = is_plain(text);
    if (style == StringStyle::kBare)
        return plain ? write_plain(at, text) : write_payload(at, text);
    if (!plain)
        return write_quoted(at, text);
    *at = '"';
    at = write_plain(at + 1, text);
    *at = '"';
    return at + 1;
}

// One element of the type at p; returns its end. at: kNumberTextMax bytes are free there.
inline char* write_element(char* at, const RowView& row, fx_type type, StringStyle style, const std::uint8_t* p,
                           Line* line)
{
    switch (type) {
    case FX_U8:
        return write_unsigned(at, *p);
    case FX_U16:
        return write_unsigned(at, load<std::uint16_t>(p));
    case FX_U32:
        return write_unsigned(at, load<std::uint32_t>(p));
    case FX_U64:
        return write_unsigned(at, load<std::uint64_t>(p));
    case FX_I64:
        return write_signed(at, load<std::int64_t>(p));
    case FX_H8:
        return write_hex<2>(at, *p);
    case FX_H16:
        return write_hex<4>(at, load<std::uint16_t>(p));
    case FX_H32:
        return write_hex<8>(at, load<std::uint32_t>(p));
    case FX_H64:
        return write_hex<16>(at, load<std::uint64_t>(p));
    case FX_FLOAT:
        return write_float(at, load<double>(p));
    case FX_TIME:
    case FX_DURATION:
        return write_seconds(at, load<std::int64_t>(p));
    case FX_MAC:
        return write_mac(at, p);
    case FX_IP:
        return write_ip(at, p, p[16]);
    case FX_CHAR:
        *at = static_cast<char>(*p);
        return at + 1;
    case FX_MAC_PAIR:
        at = write_mac(at, p);
        *at++ = '_';
        at = write_mac(at, p + 6);
        *at++ = '_';
        return write_unsigned(at, load<std::uint32_t>(p + 12));
    case FX_STRING:
    case FX_WORD:
    case FX_PAYLOAD: {
        const auto s = load<fx_span>(p);
        return write_text(at, type, style, {reinterpret_cast<const char*>(row.tail(s.offset)), s.count}, line);
    }
    }
    return at;
}

char* write_list(char* at, const RowView& row, fx_type type, StringStyle style, fx_span list, Line* line)
{
    const std::uint32_t width = Schema::width_of(type);
    for (std::uint32_t i = 0; i < list.count; i++) {
        at = line->more(at, kNumberTextMax + 1);
        if (i)
            *at++ = ';';
        at = write_element(at, row, type, style, row.tail(list.offset + i * width), line);
    }
    return at;
}

// Appends what write(buffer) puts into a buffer of so many bytes.
template <typename Write>
void append_text(std::size_t bytes, std::string* out, Write write)
{
    char memory[1024];
    TextBuffer text(memory, sizeof memory);
    char* at = text.room(bytes);
    text.end(write(at));
    out->append(text.view());
}

// Appends the output of write(), at most kNumberTextMax bytes.
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
    append_text(6 * text.size() + 2, out, [=](char* at) { return write_quoted(at, text); });
}

void append_payload(std::string_view bytes, std::string* out)
{
    append_text(2 * bytes.size(), out, [=](char* at) { return write_payload(at, bytes); });
}

void append_cell_text(const RowView& row, const Column& column, StringStyle style, std::string* out)
{
    if (!row.present(column))
        return;
    char memory[1024];
    TextBuffer text(memory, sizeof memory);
    Line line(&text, 1);
    char* at = line.begin();
    line.end(column.list ? write_list(at, row, column.type, style, row.list(column), &line)
                         : write_element(at, row, column.type, style, row.bytes(column), &line));
    out->append(text.view());
}

void append_row_text(const RowView& row, StringStyle style, char separator, TextBuffer* out)
{
    const std::span<const Schema::Cell> cells = row.schema().cells();
    const std::uint8_t* fixed = row.fixed();
    Line line(out, cells.size());
    char* at = line.begin();
    for (const Schema::Cell& cell : cells) {
        if (fixed[cell.present_offset]) [[likely]]
            at = cell.list ? write_list(at, row, cell.type, style, load<fx_span>(fixed + cell.offset), &line)
                           : write_element(at, row, cell.type, style, fixed + cell.offset, &line);
        *at++ = separator;
    }
    if (!cells.empty())
        at--;
    *at++ = '\n';
    line.end(at);
}

} // namespace flowxdp
