// SPDX-License-Identifier: BSD-2-Clause
// count_text.hpp - numbers as Tranalyzer2's end report prints them. Needs nothing but the standard library.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace flowxdp {

// "1219015 (1.22 M)": the bracket from 1024 on; the unit is chosen by powers of 1024, the value divided by powers of
// 1000, as T2 does (1021760 -> "1021760 (1021.76 K)").
inline std::string count_text(std::uint64_t value)
{
    static constexpr const char* kUnits[] = {"K", "M", "G", "T", "P"};
    if (value < 1024)
        return std::to_string(value);
    std::uint64_t step = 1024;
    double divisor = 1000;
    unsigned unit = 0;
    while (unit < 4 && value / 1024 >= step) {
        step *= 1024;
        divisor *= 1000;
        unit++;
    }
    char bracket[40];
    std::snprintf(bracket, sizeof bracket, " (%.2f %s)", static_cast<double>(value) / divisor, kUnits[unit]);
    return std::to_string(value) + bracket;
}

// The same for a ratio: "1251.96 (1.25 K)", "240.71".
inline std::string ratio_text(double value)
{
    static constexpr const char* kUnits[] = {"K", "M", "G", "T", "P"};
    char text[400]; // of any double
    if (value < 1024) {
        std::snprintf(text, sizeof text, "%.2f", value);
        return text;
    }
    double step = 1024 * 1024, divisor = 1000;
    unsigned unit = 0;
    while (unit < 4 && value >= step) {
        step *= 1024;
        divisor *= 1000;
        unit++;
    }
    std::snprintf(text, sizeof text, "%.2f (%.2f %s)", value, value / divisor, kUnits[unit]);
    return text;
}

} // namespace flowxdp
