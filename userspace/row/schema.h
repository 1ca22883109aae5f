// SPDX-License-Identifier: BSD-2-Clause
// schema.h - the columns of a run: name, type, place. Built once, before the first row; immutable afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugin/plugin_api.h"

namespace flowxdp {

struct Column {
    std::string name;
    std::string help;
    fx_type type;
    bool list;
    bool optional;
    std::span<const fx_bit> bits;
    std::uint32_t offset;         // of the fixed part in the row
    std::uint32_t present_offset; // of its presence byte
};

// What every row begins with; sinks may use it beside the columns.
struct RowHeader {
    std::int64_t end_clock_ns; // when the flow ended, ns since the epoch; packet rows: the packet's time
    std::uint64_t flow_id;
    std::uint64_t alarms;      // raised by this row's plugins
    std::uint8_t reason;       // enum flow_end
    std::uint8_t direction;    // enum flow_direction
    std::uint8_t pair_follows; // 1: this is A and the next row is its B
    std::uint8_t pair_second;  // 1: this is the B of the row before
    std::uint32_t if_id;
};

class Schema {
  public:
    // Adds columns in order; returns the index of the first. All columns are added before the first row.
    std::size_t add(std::span<const fx_column> columns);

    [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
    [[nodiscard]] std::uint32_t row_size() const { return row_size_; }
    // What formatting a row needs of each column, packed: names and help texts would push the rest out of the cache.
    struct Cell {
        fx_type type;
        std::uint32_t offset, present_offset;
        bool list;
    };
    [[nodiscard]] std::span<const Cell> cells() const { return cells_; }
    // A row as it begins: zero but for the presence of every cell.
    [[nodiscard]] const std::vector<std::uint8_t>& blank() const { return blank_; }
    // Index of a column by name.
    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;

    // Bytes of a type's fixed part.
    static std::uint32_t width_of(fx_type type);
    // T2's name of a column's type for the headers file, e.g. "U64", "MAC:R", "SC:R" (reference B).
    static std::string type_name(const Column& column);

  private:
    std::vector<Column> columns_;
    std::vector<Cell> cells_;
    std::uint32_t row_size_ = sizeof(RowHeader);
    std::vector<std::uint8_t> blank_ = std::vector<std::uint8_t>(sizeof(RowHeader));
};

} // namespace flowxdp
