// SPDX-License-Identifier: BSD-2-Clause
// top_table.h - one look of `flowxdp top`: sorted, and as text or JSON.
#pragma once

#include <string>
#include <vector>

#include "live/flow_rates.h"

namespace flowxdp {

// What to sort by, largest first; idle: smallest first.
inline constexpr const char* kTopKeys[] = {"rate", "bytes", "packets", "pps", "duration", "idle"};
// Sorts flows and talkers; talkers know no duration and are sorted by rate then. Equal ones by flowInd, by address.
void sort_look(const std::string& key, RateLook* look);

// Lines without newline: heading, then at most `count` from `first` on; no line is wider than `width` (0 = any).
std::vector<std::string> flow_lines(const RateLook& look, std::size_t first, std::size_t count, std::size_t width);
std::vector<std::string> talker_lines(const RateLook& look, std::size_t first, std::size_t count, std::size_t width);
// "12 flows of 262144, 5.0 packets/s, 3.2 kbit/s"
std::string summary_line(const RateLook& look);
// One object; flows and talkers at most `count` each.
std::string look_json(const RateLook& look, std::size_t count);

} // namespace flowxdp
