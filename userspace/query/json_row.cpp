// SPDX-License-Identifier: BSD-2-Clause
#include "query/json_row.h"

#include <cstdint>

namespace flowxdp::query {
namespace {

constexpr unsigned kDeepest = 3; // a list of MAC pairs has two

void append_utf8(std::uint32_t code, std::string* out)
{
    if (code < 0x80) {
        *out += static_cast<char>(code);
    } else if (code < 0x800) {
        *out += static_cast<char>(0xc0 | code >> 6);
        *out += static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out += static_cast<char>(0xe0 | code >> 12);
        *out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
        *out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        *out += static_cast<char>(0xf0 | code >> 18);
        *out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
        *out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
        *out += static_cast<char>(0x80 | (code & 0x3f));
    }
}

// Four hexadecimal digits.
bool read_unit(const char* at, const char* end, std::uint32_t* unit)
{
    *unit = 0;
    if (end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        const char c = at[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return false;
        *unit = *unit << 4 | static_cast<std::uint32_t>(digit);
    }
    return true;
}

} // namespace

JsonRow::JsonRow(std::string_view line) : at_(line.data()), end_(line.data() + line.size())
{
    blanks();
    if (!take('{'))
        fail();
}

bool JsonRow::fail()
{
    damaged_ = true;
    at_ = end_;
    return false;
}

void JsonRow::blanks()
{
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r'))
        at_++;
}

bool JsonRow::take(char c)
{
    if (at_ == end_ || *at_ != c)
        return false;
    at_++;
    return true;
}

bool JsonRow::string(std::string* made, std::string_view* text)
{
    if (!take('"'))
        return fail();
    const char* from = at_;
    while (at_ < end_ && *at_ != '"' && *at_ != '\\')
        at_++;
    if (at_ < end_ && *at_ == '"') {
        *text = {from, static_cast<std::size_t>(at_++ - from)};
        return true;
    }
    made->assign(from, at_);
    while (at_ < end_ && *at_ != '"') {
        if (*at_ != '\\') {
            *made += *at_++;
            continue;
        }
        if (++at_ == end_)
            return fail();
        const char c = *at_++;
        // As in a flow file: an escape of a control character stays, so that a row is a line.
        if (c == '"' || c == '/') {
            *made += c;
        } else if (c != 'u') {
            *made += '\\';
            *made += c;
        } else {
            std::uint32_t unit = 0, low = 0;
            if (!read_unit(at_, end_, &unit))
                return fail();
            at_ += 4;
            if (unit >= 0xd800 && unit < 0xdc00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u' &&
                read_unit(at_ + 2, end_, &low) && low >= 0xdc00 && low < 0xe000) {
                unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                at_ += 6;
            }
            if (unit < 0x20) {
                made->append("\\u");
                made->append(at_ - 4, 4);
            } else {
                append_utf8(unit, made);
            }
        }
    }
    if (!take('"'))
        return fail();
    *text = *made;
    return true;
}

bool JsonRow::scalar(std::string* made, JsonValue* value)
{
    if (at_ < end_ && *at_ == '"') {
        value->kind = JsonValue::Kind::kText;
        return string(made, &value->text);
    }
    const char* from = at_;
    while (at_ < end_ && *at_ != ',' && *at_ != '}' && *at_ != ']' && *at_ != ' ')
        at_++;
    value->text = {from, static_cast<std::size_t>(at_ - from)};
    if (value->text.empty())
        return fail();
    const bool number = *from == '-' || (*from >= '0' && *from <= '9');
    value->kind = value->text == "null" ? JsonValue::Kind::kNull
                  : number              ? JsonValue::Kind::kNumber
                                        : JsonValue::Kind::kText;
    return true;
}

bool JsonRow::list(unsigned depth, std::string* text)
{
    if (depth > kDeepest || !take('['))
        return fail();
    blanks();
    if (take(']'))
        return true;
    for (;;) {
        if (at_ < end_ && *at_ == '[') {
            if (!list(depth + 1, text))
                return false;
        } else {
            std::string made;
            JsonValue value;
            if (!scalar(&made, &value))
                return false;
            *text += value.text;
        }
        blanks();
        if (take(']'))
            return true;
        if (!take(','))
            return fail();
        *text += depth == 1 ? ';' : '_';
        blanks();
    }
}

bool JsonRow::next(std::string_view* key, JsonValue* value)
{
    if (damaged_)
        return false;
    blanks();
    if (take('}')) {
        blanks();
        if (at_ != end_)
            fail();
        at_ = end_;
        return false;
    }
    if (at_ == end_)
        return fail();
    if (begun_ && !take(','))
        return fail();
    begun_ = true;
    blanks();
    if (!string(&key_, key))
        return false;
    blanks();
    if (!take(':'))
        return fail();
    blanks();
    if (at_ < end_ && *at_ == '[') {
        text_.clear();
        if (!list(1, &text_))
            return false;
        *value = {JsonValue::Kind::kText, text_};
        return true;
    }
    return scalar(&text_, value);
}

} // namespace flowxdp::query
