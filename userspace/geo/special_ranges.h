// SPDX-License-Identifier: BSD-2-Clause
// special_ranges.h - the addresses that are never looked up in a database (RFC 6890 and its updates).
//
// T2 0.9 labels them with two-digit codes in the country column; the codes keep their meaning here.
#pragma once

#include <span>
#include <string_view>

#include "geo/address.h"

namespace flowxdp::geo {

struct SpecialRange {
    int version;                   // 4 or 6
    std::string_view prefix;       // "192.168.0.0/16"
    std::string_view code;         // two digits; empty: a public range inside a special one, the databases answer
    std::string_view organisation; // at most 30 characters
};

// Longest prefix that holds the address; nullptr when the address is public. Any thread; tens of nanoseconds.
const SpecialRange* find_special(const Address& address);

// The whole table, in no useful order (documentation and tests).
std::span<const SpecialRange> special_ranges();

} // namespace flowxdp::geo
