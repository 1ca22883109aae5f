// SPDX-License-Identifier: BSD-2-Clause
// json_row.h - one JSON object on a line, as the json sink writes it, member by member.
#pragma once

#include <string>
#include <string_view>

namespace flowxdp::query {

struct JsonValue {
    enum class Kind { kNull, kNumber, kText } kind = Kind::kNull; // true and false are text
    std::string_view text; // of kText: as flow files have it, lists with ';', what is in a list of a list with '_'
};

class JsonRow {
  public:
    explicit JsonRow(std::string_view line);

    // The next member. False: there is none, or the object is damaged from here on. key and value are valid until the
    // next call.
    bool next(std::string_view* key, JsonValue* value);
    [[nodiscard]] bool damaged() const { return damaged_; }

  private:
    bool fail();
    void blanks();
    bool take(char c);
    // A string without its quotes; text with escapes goes into *made.
    bool string(std::string* made, std::string_view* text);
    bool scalar(std::string* made, JsonValue* value);
    bool list(unsigned depth, std::string* text);

    const char* at_;
    const char* end_;
    bool begun_ = false, damaged_ = false;
    std::string key_, text_;
};

} // namespace flowxdp::query
