// SPDX-License-Identifier: BSD-2-Clause
// mmdb_check.h - the checks of an MMDB file that libmaxminddb does not make and a sensor needs.
//
// libmaxminddb 1.7 multiplies node count and node size in 32 bits and skips nested maps by recursion without a limit,
// so a damaged or hostile file can make it read outside the mapping or overflow the stack. These checks run first, on
// bounded depth and steps (MaxMind DB file format 2.0).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace flowxdp::geo {

// Where the metadata begin.
inline constexpr std::string_view kMarker = "\xab\xcd\xefMaxMind.com";
inline constexpr std::size_t kDataSeparator = 16; // zero bytes between search tree and data section

struct MmdbLayout {
    std::uint64_t node_count = 0;
    std::uint64_t record_bits = 0; // 24, 28 or 32
    std::uint64_t ip_version = 0;  // 4 or 6
};

// The whole file: metadata found, well formed, and the search tree fits before it. Error: the reason, without file
// name.
Result<MmdbLayout> check_mmdb_layout(std::span<const std::uint8_t> file);

// One value of a data (or metadata) section, pointers followed: false when it leaves the section, nests deeper than 32,
// needs more than 20,000 steps, has a pointer to a pointer or a key that is no string.
bool check_mmdb_value(std::span<const std::uint8_t> section, std::size_t offset);

} // namespace flowxdp::geo
