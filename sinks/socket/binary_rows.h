// SPDX-License-Identifier: BSD-2-Clause
// binary_rows.h - rows as length-prefixed binary records, all numbers big-endian. README.md has the grammar.
#pragma once

#include <cstdint>
#include <string>

#include "row/row_batch.h"

namespace flowxdp {

constexpr std::uint16_t kBinaryRowsVersion = 1;
constexpr char kBinaryRowsMagic[] = "FXDP"; // without its zero byte

enum class BinaryRecord : std::uint8_t { kSchema = 1, kRow = 2, kOrigin = 3 };
enum class BinaryRows : std::uint8_t { kFlows = 0, kPackets = 1 };

// Appends the schema record that a receiver needs before the first row.
void append_binary_schema(const Schema& schema, BinaryRows kind, std::uint32_t sensor_id, std::string* out);
// Appends the record that says which sensor numbered the flows (SinkContext::boot). Appends nothing in replay, where
// boot is 0.
void append_binary_origin(std::uint32_t sensor_id, std::uint64_t boot, std::string* out);
// Appends one row record.
void append_binary_row(const RowView& row, const Schema& schema, std::string* out);

} // namespace flowxdp
