// SPDX-License-Identifier: BSD-2-Clause
// top_table.h - one sample of `flowxdp top`: sorted, and as text or JSON.
#pragma once

#include <string>
#include <vector>

#include "live/flow_rates.h"

namespace flowxdp {

// What to sort by, largest first; idle: smallest first.
inline constexpr const char* kTopKeys[] = {"rate", "bytes", "packets", "pps", "duration", "idle"};
// Sorts flows and talkers; talkers know no duration and are sorted by rate then. Equal ones by flowInd, by address.
void sort_sample(const std::string& key, RateSample* sample);

// Lines without newline: heading, with a * after the column of the sort, then at most `count` from `first` on.
// No line is wider than `width`. A table that does not fit loses its least important columns, then addresses are cut in
// the middle. 0 = any width: every column.
std::vector<std::string> flow_lines(const RateSample& sample, const std::string& key, std::size_t first,
                                    std::size_t count, std::size_t width);
std::vector<std::string> talker_lines(const RateSample& sample, const std::string& key, std::size_t first,
                                      std::size_t count, std::size_t width);
// "12 flows of 262144, 5.0 packets/s, 3.2 kbit/s"
std::string summary_line(const RateSample& sample);
// One object; flows and talkers at most `count` each.
std::string sample_json(const RateSample& sample, std::size_t count);

} // namespace flowxdp
