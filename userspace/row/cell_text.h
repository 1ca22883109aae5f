// SPDX-License-Identifier: BSD-2-Clause
// cell_text.h - cells as text, exactly as Tranalyzer2 prints them. Text, CSV and socket sinks share
// it.
//
// Grammar of a cell:
//     unsigned, signed   decimal            hex types   0x and fixed width, lower case
//     float              %.7g, -0 as 0      time, duration   seconds '.' nine digits; negative with a leading '-'
//     MAC                aa:bb:cc:dd:ee:ff  IP          dotted quad, RFC 5952, '-' when there is none
//     string             quoted, with \b \f \n \r \t \v \\ \" escaped, other control bytes \u00XX, invalid UTF-8 '.'
//     word               as is              list        elements joined by ';', empty when there are none
//     mac pair           mac_mac_count      payload     \b \f \n \r \t \v \\ escaped, other non-printable bytes '.'
#pragma once

#include <string>

#include "row/row_batch.h"
#include "row/text_buffer.h"

namespace flowxdp {

enum class StringStyle {
    kQuoted, // flow file
    kBare,   // packet file: strings are not quoted
};

// Appends the cell to *out. An absent cell appends nothing.
void append_cell_text(const RowView& row, const Column& column, StringStyle style, std::string* out);
// Appends a line: every cell of the row, with the separator between them and a newline at the end.
void append_row_text(const RowView& row, StringStyle style, char separator, TextBuffer* out);

void append_unsigned(std::uint64_t value, std::string* out);
void append_signed(std::int64_t value, std::string* out);
// digits: 2, 4, 8 or 16.
void append_hex(std::uint64_t value, unsigned digits, std::string* out);
void append_float(double value, std::string* out);
// ns as seconds with nine digits.
void append_seconds(std::int64_t ns, std::string* out);
void append_mac(const std::uint8_t* mac, std::string* out);
// 16 bytes, v4-mapped; version 4, 6, 0.
void append_ip(const std::uint8_t* address, int version, std::string* out);
void append_quoted(std::string_view text, std::string* out);
void append_payload(std::string_view bytes, std::string* out);

} // namespace flowxdp
