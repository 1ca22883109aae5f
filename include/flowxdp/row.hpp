// SPDX-License-Identifier: BSD-2-Clause
// row.hpp - the C++ layer over row.h: columns declared once, each by a handle that knows its type.
//
//     struct FlowColumns : flowxdp::ColumnSet {
//         Column<H8> stat{this, {.name = "tcpWinStat", .help = "TCP window status", .bits = kStatBits}};
//         Column<U32> count{this, {.name = "tcpWinThCnt", .help = "Packets below the threshold", .unit = "packets"}};
//     };
//     constexpr FlowColumns kColumns;
//     ...
//     row.put(kColumns.count, state.below); // a value of another width or kind does not compile
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "flowxdp/row.h"

namespace flowxdp {

// A type of cell: its number in the C interface, and the bytes of its fixed part.
template <fx_type Type, std::size_t Width>
struct Cell {
    static constexpr fx_type kType = Type;
    static constexpr std::size_t kWidth = Width;
};
// A cell that holds one C++ value.
template <fx_type Type, typename T>
struct ValueCell : Cell<Type, sizeof(T)> {
    using Value = T;
};

// Values of a cell: integers of its width and sign, whatever their name; for a floating cell, double.
template <typename T, typename CellType>
concept FitsCell =
    !std::same_as<T, bool> &&
    ((std::is_integral_v<T> && std::is_integral_v<typename CellType::Value> && sizeof(T) == CellType::kWidth &&
      std::is_signed_v<T> == std::is_signed_v<typename CellType::Value>) ||
     std::same_as<T, typename CellType::Value>);

class ColumnSet;

// The description of a column, beside its type.
struct ColumnText {
    const char* name;
    const char* help;
    const char* unit = nullptr;
    std::span<const fx_bit> bits = {};
    fx_element element = {};
    const char* sql_name = nullptr;
};

// A column of a set: one cell of this type in each row.
template <typename CellType>
class ColumnOf {
  public:
    constexpr ColumnOf(ColumnSet* set, const ColumnText& text);
    [[nodiscard]] constexpr std::size_t index() const { return index_; }

  protected:
    constexpr ColumnOf(ColumnSet* set, const ColumnText& text, std::uint8_t flags);

  private:
    std::size_t index_;
};
// The same; the cell may be absent.
template <typename CellType>
class OptionalColumnOf : public ColumnOf<CellType> {
  public:
    constexpr OptionalColumnOf(ColumnSet* set, const ColumnText& text) : ColumnOf<CellType>(set, text, FX_OPTIONAL) {}
};
// Any number of cells of this type in each row.
template <typename CellType>
class ListColumnOf {
  public:
    constexpr ListColumnOf(ColumnSet* set, const ColumnText& text);
    [[nodiscard]] constexpr std::size_t index() const { return index_; }

  private:
    std::size_t index_;
};

// The columns of a plugin, in their order: a struct that derives from it and whose members are columns. At most kMost.
class ColumnSet {
  public:
    static constexpr std::size_t kMost = 96;

    [[nodiscard]] constexpr std::span<const fx_column> all() const { return {columns_, count_}; }

    template <typename CellType>
    using Column = ColumnOf<CellType>;
    template <typename CellType>
    using Optional = OptionalColumnOf<CellType>;
    template <typename CellType>
    using List = ListColumnOf<CellType>;

    using U8 = ValueCell<FX_U8, std::uint8_t>;
    using U16 = ValueCell<FX_U16, std::uint16_t>;
    using U32 = ValueCell<FX_U32, std::uint32_t>;
    using U64 = ValueCell<FX_U64, std::uint64_t>;
    using I64 = ValueCell<FX_I64, std::int64_t>;
    using H8 = ValueCell<FX_H8, std::uint8_t>;
    using H16 = ValueCell<FX_H16, std::uint16_t>;
    using H32 = ValueCell<FX_H32, std::uint32_t>;
    using H64 = ValueCell<FX_H64, std::uint64_t>;
    using Float = ValueCell<FX_FLOAT, double>;
    using Time = ValueCell<FX_TIME, std::int64_t>;         // ns since the epoch
    using Duration = ValueCell<FX_DURATION, std::int64_t>; // ns
    using Char = ValueCell<FX_CHAR, char>;
    using Mac = Cell<FX_MAC, 6>;
    using Ip = Cell<FX_IP, 17>;
    using MacPair = Cell<FX_MAC_PAIR, 16>;
    using String = Cell<FX_STRING, sizeof(fx_span)>;
    using Word = Cell<FX_WORD, sizeof(fx_span)>;
    using Payload = Cell<FX_PAYLOAD, sizeof(fx_span)>;

  private:
    template <typename>
    friend class ColumnOf;
    template <typename>
    friend class ListColumnOf;

    constexpr std::size_t add(fx_type type, std::uint8_t flags, const ColumnText& text)
    {
        if (count_ == kMost)
            throw "more columns than ColumnSet::kMost";
        columns_[count_] = {text.name,
                            text.help,
                            text.unit,
                            text.sql_name,
                            text.bits.data(),
                            text.element,
                            static_cast<std::uint16_t>(text.bits.size()),
                            static_cast<std::uint8_t>(type),
                            flags};
        return count_++;
    }

    fx_column columns_[kMost] = {};
    std::size_t count_ = 0;
};

template <typename CellType>
constexpr ColumnOf<CellType>::ColumnOf(ColumnSet* set, const ColumnText& text) : ColumnOf(set, text, 0)
{
}
template <typename CellType>
constexpr ColumnOf<CellType>::ColumnOf(ColumnSet* set, const ColumnText& text, std::uint8_t flags)
    : index_(set->add(CellType::kType, flags, text))
{
}
template <typename CellType>
constexpr ListColumnOf<CellType>::ListColumnOf(ColumnSet* set, const ColumnText& text)
    : index_(set->add(CellType::kType, FX_LIST, text))
{
}

// Cells that hold bytes of any number.
template <typename CellType>
concept TextCell = CellType::kType == FX_STRING || CellType::kType == FX_WORD || CellType::kType == FX_PAYLOAD;

// Writes the cells of one row. The handles are those of the plugin's own set.
class RowWriter {
  public:
    explicit RowWriter(fx_row* row) : row_(row) {}

    template <typename CellType, typename T>
    requires FitsCell<T, CellType>
    void put(const ColumnOf<CellType>& column, T value) { std::memcpy(fixed(column.index()), &value, sizeof value); }
    // address: 6 bytes.
    void mac(const ColumnOf<ColumnSet::Mac>& column, const std::uint8_t* address)
    {
        std::memcpy(fixed(column.index()), address, ColumnSet::Mac::kWidth);
    }
    // address: 16 bytes, IPv4 mapped into IPv6; version 4, 6, 0 = no address.
    void ip(const ColumnOf<ColumnSet::Ip>& column, const std::uint8_t* address, std::uint8_t version)
    {
        std::memcpy(fixed(column.index()), address, 16);
        fixed(column.index())[16] = version;
    }
    template <TextCell CellType>
    void text(const ColumnOf<CellType>& column, std::string_view value)
    {
        span(column.index(), append(value.data(), value.size()), value.size());
    }
    // Elements as they stand in a cell: T has a cell's width; for numbers its kind, too.
    template <typename CellType, typename T>
    requires(std::is_trivially_copyable_v<T> && sizeof(T) == CellType::kWidth &&
             !TextCell<CellType>) void list(const ListColumnOf<CellType>& column, std::span<const T> values)
    {
        if constexpr (requires { typename CellType::Value; })
            static_assert(FitsCell<T, CellType>, "an element of another kind than the column's");
        span(column.index(), append(values.data(), values.size_bytes()), values.size());
    }
    // At most kMostTexts; the rest is left out.
    static constexpr std::size_t kMostTexts = 256;
    template <TextCell CellType>
    void list(const ListColumnOf<CellType>& column, std::span<const std::string_view> values)
    {
        fx_span spans[kMostTexts];
        const std::size_t n = values.size() < kMostTexts ? values.size() : kMostTexts;
        for (std::size_t i = 0; i < n; i++)
            spans[i] = {append(values[i].data(), values[i].size()), static_cast<std::uint32_t>(values[i].size())};
        span(column.index(), append(spans, n * sizeof(fx_span)), n);
    }
    // These cells are absent.
    template <typename... CellTypes>
    void leave_empty(const OptionalColumnOf<CellTypes>&... columns)
    {
        ((row_->present[columns.index()] = 0), ...);
    }

  private:
    [[nodiscard]] std::uint8_t* fixed(std::size_t index) const { return row_->fixed + row_->cell[index]; }
    std::uint32_t append(const void* bytes, std::size_t size)
    {
        return fx_tail_append(row_->tail, bytes, static_cast<std::uint32_t>(size));
    }
    void span(std::size_t index, std::uint32_t offset, std::size_t count)
    {
        const fx_span cell = {offset, static_cast<std::uint32_t>(count)};
        std::memcpy(fixed(index), &cell, sizeof cell);
    }
    fx_row* row_;
};

} // namespace flowxdp
