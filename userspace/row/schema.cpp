// SPDX-License-Identifier: BSD-2-Clause
#include "row/schema.h"

namespace flowxdp {

std::uint32_t Schema::width_of(fx_type type)
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

std::string Schema::type_name(const Column& column)
{
    const char* name = "";
    switch (column.type) {
    case FX_U8:
        name = "U8";
        break;
    case FX_U16:
        name = "U16";
        break;
    case FX_U32:
        name = "U32";
        break;
    case FX_U64:
        name = "U64";
        break;
    case FX_I64:
        name = "I64";
        break;
    case FX_H8:
        name = "H8";
        break;
    case FX_H16:
        name = "H16";
        break;
    case FX_H32:
        name = "H32";
        break;
    case FX_H64:
        name = "H64";
        break;
    case FX_FLOAT:
        name = "F";
        break;
    case FX_TIME:
    case FX_DURATION:
        name = "U64.U32";
        break;
    case FX_MAC:
        name = "MAC";
        break;
    case FX_IP:
        name = "IPX";
        break;
    case FX_STRING:
    case FX_PAYLOAD:
        name = "S";
        break;
    case FX_WORD:
        name = "SC";
        break;
    case FX_CHAR:
        name = "C";
        break;
    case FX_MAC_PAIR:
        name = "MAC_MAC_U32";
        break;
    }
    return std::string(name) + (column.list ? ":R" : "");
}

std::size_t Schema::add(std::span<const fx_column> columns)
{
    const std::size_t first = columns_.size();
    std::uint32_t present = row_size_; // presence bytes of one add() stand together, before its cells
    row_size_ += static_cast<std::uint32_t>(columns.size());
    for (const fx_column& c : columns) {
        const bool list = (c.flags & FX_LIST) != 0;
        const auto type = static_cast<fx_type>(c.type);
        cells_.push_back({type, row_size_, present, list});
        columns_.push_back(
            {c.name, c.help, type, list, (c.flags & FX_OPTIONAL) != 0, {c.bits, c.bit_count}, row_size_, present++});
        row_size_ += list ? static_cast<std::uint32_t>(sizeof(fx_span)) : width_of(type);
    }
    blank_.resize(row_size_);
    for (const Cell& cell : cells_)
        blank_[cell.present_offset] = 1;
    return first;
}

std::optional<std::size_t> Schema::find(std::string_view name) const
{
    for (std::size_t i = 0; i < columns_.size(); i++)
        if (columns_[i].name == name)
            return i;
    return std::nullopt;
}

} // namespace flowxdp
