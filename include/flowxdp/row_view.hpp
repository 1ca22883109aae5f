// SPDX-License-Identifier: BSD-2-Clause
// row_view.hpp - rows as sinks read them: the columns of a run, and typed cells of rows that nobody changes any more.
//
//     flowxdp::ReadColumn<ColumnSet::U64> packets{"pktsSnt"};
//     ...
//     if (auto found = packets.find(schema); !found.ok()) // once: it must be there and of this type
//         return found;
//     ...
//     const std::uint64_t n = row.get(packets);
//
// Code that handles every column, whatever its type, goes through Schema::columns() instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flowxdp/result.hpp"
#include "flowxdp/row.h"
#include "flowxdp/row.hpp"

namespace flowxdp {

using RowHeader = fx_row_header;

// A column of a run.
struct Column {
    std::string name;
    std::string help;
    std::string unit;     // "B", "packets", ...; empty = none
    std::string sql_name; // empty = made from the name
    fx_element element;
    fx_type type;
    bool list;
    bool optional;
    std::span<const fx_bit> bits;
    std::uint32_t offset;         // of the fixed part in the row
    std::uint32_t present_offset; // of its presence byte
};

// The columns of a run: name, type, place. Built once, before the first row; immutable afterwards.
class Schema {
  public:
    Schema() = default;
    // Of a run. The names of bits are not copied.
    explicit Schema(const fx_schema& run) : row_size_(run.row_size), blank_(run.row_size)
    {
        for (std::size_t i = 0; i < run.field_count; i++)
            add_column(run.fields[i].column, run.fields[i].offset, run.fields[i].present_offset);
    }
    // Adds columns in order; returns the index of the first. All columns are added before the first row.
    std::size_t add(std::span<const fx_column> columns)
    {
        const std::size_t first = columns_.size();
        std::uint32_t present = row_size_; // presence bytes of one add() stand together, before its cells
        row_size_ += static_cast<std::uint32_t>(columns.size());
        for (const fx_column& c : columns) {
            const bool list = (c.flags & FX_LIST) != 0;
            add_column(c, row_size_, present++);
            row_size_ += list ? static_cast<std::uint32_t>(sizeof(fx_span)) : width_of(static_cast<fx_type>(c.type));
        }
        blank_.resize(row_size_);
        for (const Cell& cell : cells_)
            blank_[cell.present_offset] = 1;
        return first;
    }

    [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
    [[nodiscard]] std::uint32_t row_size() const { return row_size_; }
    // A column's facts for formatting a row, packed: names and help texts would push the rest out of the cache.
    struct Cell {
        fx_type type;
        std::uint32_t offset, present_offset;
        bool list;
    };
    [[nodiscard]] std::span<const Cell> cells() const { return cells_; }
    // A new row: zero except for the presence of every cell.
    [[nodiscard]] const std::vector<std::uint8_t>& blank() const { return blank_; }
    // Index of a column by name.
    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const
    {
        for (std::size_t i = 0; i < columns_.size(); i++)
            if (columns_[i].name == name)
                return i;
        return std::nullopt;
    }

    // Bytes of a type's fixed part.
    static std::uint32_t width_of(fx_type type)
    {
        switch (type) {
        case FX_U8:
        case FX_H8:
        case FX_CHAR:
            return 1;
        case FX_U16:
        case FX_H16:
            return 2;
        case FX_U32:
        case FX_H32:
            return 4;
        case FX_U64:
        case FX_I64:
        case FX_H64:
        case FX_FLOAT:
        case FX_TIME:
        case FX_DURATION:
            return 8;
        case FX_MAC:
            return 6;
        case FX_IP:
            return 17;
        case FX_STRING:
        case FX_WORD:
        case FX_PAYLOAD:
            return sizeof(fx_span);
        case FX_MAC_PAIR:
            return 16;
        }
        return 0;
    }

  private:
    void add_column(const fx_column& c, std::uint32_t offset, std::uint32_t present_offset)
    {
        const bool list = (c.flags & FX_LIST) != 0;
        const auto type = static_cast<fx_type>(c.type);
        cells_.push_back({type, offset, present_offset, list});
        columns_.push_back({c.name,
                            c.help,
                            c.unit ? c.unit : "",
                            c.sql_name ? c.sql_name : "",
                            c.element,
                            type,
                            list,
                            (c.flags & FX_OPTIONAL) != 0,
                            {c.bits, c.bit_count},
                            offset,
                            present_offset});
    }

    std::vector<Column> columns_;
    std::vector<Cell> cells_;
    std::uint32_t row_size_ = sizeof(RowHeader);
    std::vector<std::uint8_t> blank_ = std::vector<std::uint8_t>(sizeof(RowHeader));
};

// A column of this type that a sink reads, by its name.
template <typename CellType>
class ReadColumn {
  public:
    explicit ReadColumn(std::string name) : name_(std::move(name)) {}

    // Once, in open(). Error: the column is not there, or of another type.
    Result<void> find(const Schema& schema)
    {
        const auto index = schema.find(name_);
        if (!index)
            return Error{"column '" + name_ + "' is not there: enable a plugin that fills it"};
        const Column& column = schema.columns()[*index];
        if (column.type != CellType::kType || column.list)
            return Error{"column '" + name_ + "' is of another type than this sink reads"};
        offset_ = column.offset;
        present_offset_ = column.present_offset;
        return {};
    }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::uint32_t offset() const { return offset_; }
    [[nodiscard]] std::uint32_t present_offset() const { return present_offset_; }

  private:
    std::string name_;
    std::uint32_t offset_ = 0, present_offset_ = 0;
};

// Finds several; the first error, if there is one.
template <typename... CellTypes>
Result<void> find_columns(const Schema& schema, ReadColumn<CellTypes>&... columns)
{
    Result<void> result;
    (
        [&] {
            if (result.ok())
                result = columns.find(schema);
        }(),
        ...);
    return result;
}

// One row. Cheap to copy; valid as long as the rows it is one of.
class RowView {
  public:
    RowView(const Schema* schema, const std::uint8_t* row, const std::uint8_t* tail)
        : schema_(schema), row_(row), tail_(tail)
    {
    }

    [[nodiscard]] RowHeader header() const
    {
        RowHeader h;
        std::memcpy(&h, row_, sizeof h);
        return h;
    }

    // Cells by a column that was found.
    template <typename CellType>
    [[nodiscard]] bool present(const ReadColumn<CellType>& c) const
    {
        return row_[c.present_offset()] != 0;
    }
    template <typename CellType>
    [[nodiscard]] typename CellType::Value get(const ReadColumn<CellType>& c) const
    {
        typename CellType::Value v;
        std::memcpy(&v, row_ + c.offset(), sizeof v);
        return v;
    }
    // MAC addresses: 6 bytes; IP addresses: 16 in network order, IPv4 mapped into IPv6, then the version.
    template <typename CellType>
    [[nodiscard]] const std::uint8_t* bytes(const ReadColumn<CellType>& c) const
    {
        return row_ + c.offset();
    }
    template <TextCell CellType>
    [[nodiscard]] std::string_view text(const ReadColumn<CellType>& c) const
    {
        fx_span s;
        std::memcpy(&s, row_ + c.offset(), sizeof s);
        return {reinterpret_cast<const char*>(tail_ + s.offset), s.count};
    }

    // Cells by a column of the schema.
    [[nodiscard]] bool present(const Column& c) const { return row_[c.present_offset] != 0; }
    // A cell's fixed part as T; T is as wide as the type says.
    template <typename T>
    [[nodiscard]] T get(const Column& c) const
    {
        T v;
        std::memcpy(&v, row_ + c.offset, sizeof v);
        return v;
    }
    [[nodiscard]] const std::uint8_t* bytes(const Column& c) const { return row_ + c.offset; }
    // Strings and payload.
    [[nodiscard]] std::string_view text(const Column& c) const
    {
        const auto s = get<fx_span>(c);
        return {reinterpret_cast<const char*>(tail(s.offset)), s.count};
    }
    // Lists: number of elements and the first one's place in the tail. Elements are width_of(type) wide; strings are
    // fx_span.
    [[nodiscard]] fx_span list(const Column& c) const { return get<fx_span>(c); }
    [[nodiscard]] const std::uint8_t* tail(std::uint32_t offset) const { return tail_ + offset; }
    [[nodiscard]] const Schema& schema() const { return *schema_; }
    [[nodiscard]] const std::uint8_t* fixed() const { return row_; }

  private:
    const Schema* schema_;
    const std::uint8_t* row_;
    const std::uint8_t* tail_;
};

// Rows of one schema, read-only. Cheap to copy; valid during the call that gives them.
class Rows {
  public:
    Rows(const Schema* schema, const fx_rows& rows) : schema_(schema), rows_(rows) {}

    [[nodiscard]] const Schema& schema() const { return *schema_; }
    [[nodiscard]] std::size_t size() const { return rows_.count; }
    [[nodiscard]] RowView row(std::size_t i) const
    {
        return {schema_, rows_.rows + i * schema_->row_size(), rows_.tail};
    }
    [[nodiscard]] const fx_rows& view() const { return rows_; }

  private:
    const Schema* schema_;
    fx_rows rows_;
};

} // namespace flowxdp
