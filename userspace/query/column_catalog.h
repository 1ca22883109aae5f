// SPDX-License-Identifier: BSD-2-Clause
// column_catalog.h - what is known of columns by their names: types, meanings of bits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace flowxdp::query {

// What a cell is to a question.
enum class CellType : std::uint8_t {
    kAny,      // nothing is known: a number where the text is one, else text
    kInteger,  // whole numbers
    kHex,      // bits or a code, printed 0x and its digits
    kReal,     // floating point
    kTime,     // seconds since 1970 UTC
    kDuration, // seconds
    kText,     // addresses, words, lists with ';' between their elements
    kString,   // text in quotes in flow files
};

struct ColumnType {
    CellType type = CellType::kAny;
    std::uint8_t hex_digits = 0; // of kHex
    std::string help;
    std::vector<std::pair<std::uint64_t, std::string>> bits; // masks with a meaning
};

class ColumnCatalog {
  public:
    // The first that is added under a name stays. type: enum fx_type; a list is text.
    void add(std::string_view name, unsigned type, bool list, std::string_view help,
             std::vector<std::pair<std::uint64_t, std::string>> bits = {});
    // Reads PREFIX_headers.txt: number, type, name, description. Lines that are none of that are passed over.
    void add_headers_file(const std::string& path);
    // kAny without a meaning for a name that is not known.
    [[nodiscard]] const ColumnType& find(std::string_view name) const;

  private:
    std::map<std::string, ColumnType, std::less<>> columns_;
};

} // namespace flowxdp::query
