// SPDX-License-Identifier: BSD-2-Clause
#include "query/column_catalog.h"

#include <fstream>

#include "flowxdp/row.h"

namespace flowxdp::query {
namespace {

constexpr std::size_t kLongestLine = 4096;
constexpr std::size_t kMostHeaderColumns = 2000; // of a headers file

ColumnType type_of(unsigned type, bool list)
{
    if (list)
        return {CellType::kText, 0, {}, {}};
    switch (type) {
    case FX_U8:
    case FX_U16:
    case FX_U32:
    case FX_U64:
    case FX_I64:
        return {CellType::kInteger, 0, {}, {}};
    case FX_H8:
        return {CellType::kHex, 2, {}, {}};
    case FX_H16:
        return {CellType::kHex, 4, {}, {}};
    case FX_H32:
        return {CellType::kHex, 8, {}, {}};
    case FX_H64:
        return {CellType::kHex, 16, {}, {}};
    case FX_FLOAT:
        return {CellType::kReal, 0, {}, {}};
    case FX_TIME:
        return {CellType::kTime, 0, {}, {}};
    case FX_DURATION:
        return {CellType::kDuration, 0, {}, {}};
    case FX_STRING:
        return {CellType::kString, 0, {}, {}};
    default:
        return {CellType::kText, 0, {}, {}};
    }
}

// The types of a headers file. Times and durations have one name there.
unsigned type_number(std::string_view text, std::string_view help)
{
    constexpr std::pair<std::string_view, unsigned> kTypes[] = {
        {"U8", FX_U8},   {"U16", FX_U16}, {"U32", FX_U32}, {"U64", FX_U64}, {"I64", FX_I64}, {"H8", FX_H8},
        {"H16", FX_H16}, {"H32", FX_H32}, {"H64", FX_H64}, {"F", FX_FLOAT}, {"D", FX_FLOAT}, {"S", FX_STRING},
        {"SC", FX_WORD}, {"C", FX_CHAR},  {"MAC", FX_MAC}, {"IPX", FX_IP},  {"IP4", FX_IP},  {"IP6", FX_IP},
        {"I32", FX_I64}, {"I16", FX_I64}, {"I8", FX_I64}};
    if (text == "U64.U32")
        return help.find("ate time") != std::string_view::npos || help.find("since 1970") != std::string_view::npos
                   ? FX_TIME
                   : FX_DURATION;
    for (const auto& [name, type] : kTypes)
        if (name == text)
            return type;
    return FX_WORD;
}

} // namespace

void ColumnCatalog::add(std::string_view name, unsigned type, bool list, std::string_view help,
                        std::vector<std::pair<std::uint64_t, std::string>> bits)
{
    ColumnType column = type_of(type, list);
    column.help = help;
    column.bits = std::move(bits);
    columns_.try_emplace(std::string(name), std::move(column));
}

void ColumnCatalog::add_headers_file(const std::string& path)
{
    std::ifstream file(path);
    std::string line;
    for (std::size_t n = 0; n < kMostHeaderColumns && std::getline(file, line); n++) {
        if (line.empty() || line[0] == '#' || line.size() > kLongestLine)
            continue;
        const std::size_t first = line.find('\t');
        const std::size_t second = first == std::string::npos ? first : line.find('\t', first + 1);
        const std::size_t third = second == std::string::npos ? second : line.find('\t', second + 1);
        if (third == std::string::npos)
            continue;
        std::string_view type = std::string_view(line).substr(first + 1, second - first - 1);
        const bool list = type.ends_with(":R");
        if (list)
            type.remove_suffix(2);
        const std::string_view help = std::string_view(line).substr(third + 1);
        add(std::string_view(line).substr(second + 1, third - second - 1), type_number(type, help), list, help);
    }
}

const ColumnType& ColumnCatalog::find(std::string_view name) const
{
    static const ColumnType kUnknown{};
    const auto found = columns_.find(name);
    return found == columns_.end() ? kUnknown : found->second;
}

} // namespace flowxdp::query
