// SPDX-License-Identifier: BSD-2-Clause
// json_text.h - rows as JSON objects (RFC 8259), one a line. The JSON and socket sinks share it.
//
// Grammar:
//     row        '{' "name":value {',' "name":value} '}' LF       names and order are the schema's; no blanks
//     unsigned, signed   decimal            hex types   "0x" and fixed width, lower case
//     float              shortest decimal that reads back as the same double; null for NaN and infinities
//     time, duration     "seconds.nnnnnnnnn"; a string, since a double holds only 16 of the 19 digits
//     MAC, IP            strings as in the flow file; "-" where there is no address
//     string, word, char a string; bytes that are not UTF-8 become U+FFFD, characters that a terminal obeys \uXXXX
//     payload            a string with one character a byte: bytes outside 0x20..0x7e as \b \f \n \r \t or \u00XX
//     mac pair           ["mac","mac",count]
//     list               [value,...], empty []                    absent cell   null
// Every line is valid JSON and valid UTF-8 whatever the cells hold.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "row/row_batch.h"

namespace flowxdp {

// Prints the rows of one schema.
class JsonRowPrinter {
  public:
    explicit JsonRowPrinter(const Schema& schema);
    // Appends the object and its newline. row must be of the schema given.
    void append(const RowView& row, std::string* out) const;

  private:
    struct Cell {
        std::string key; // '{' or ',' then the quoted name and ':'
        Column column;
    };
    std::vector<Cell> cells_;
};

// A JSON string of text in quotes: for reports and listings; rows use append_json_string().
[[nodiscard]] std::string json_string(std::string_view text);
void append_json_string(std::string_view text, std::string* out);
void append_json_bytes(std::string_view bytes, std::string* out);
void append_json_float(double value, std::string* out);

} // namespace flowxdp
