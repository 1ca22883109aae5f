// SPDX-License-Identifier: BSD-2-Clause
// row_binary.h - columns and cells in ClickHouse's words: types of a table, and the format RowBinary.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "flowxdp/row_view.hpp"

namespace flowxdp {

// Types that a server knows. A cell has the same bytes in both.
enum class ClickhouseTypes {
    kOld, // before 20.1: no IPv6, no DateTime64
    kCurrent,
};

// "UInt64", "Nullable(IPv6)", "Array(LowCardinality(String))". README.md has the table.
std::string clickhouse_type(const Column& column, ClickhouseTypes types);
// How RowBinary writes a type: types with the same answer have the same bytes.
std::string clickhouse_encoding(std::string_view type);

// Appends the cell as RowBinary has it.
void append_binary_cell(const RowView& row, const Column& column, std::string* out);
// Appends the bytes, the low one first.
void append_little_endian(std::uint64_t value, unsigned bytes, std::string* out);

// Days since the epoch of a time, rounded down; those that the type Date does not hold become its first or last.
std::uint16_t clickhouse_date(std::int64_t time_ns);

} // namespace flowxdp
