// SPDX-License-Identifier: BSD-2-Clause
// count_text.h - numbers as T2's end report prints them (reference D).
#pragma once

#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace flowxdp {

// "1219015 (1.22 M)": the bracket from 1024 on; the unit is chosen by powers of 1024, the value divided by powers of
// 1000, as T2 does (1021760 -> "1021760 (1021.76 K)").
inline std::string count_text(std::uint64_t value)
{
    static constexpr const char* kUnits[] = {"K", "M", "G", "T", "P"};
    if (value < 1024)
        return fmt::format("{}", value);
    std::uint64_t step = 1024;
    double divisor = 1000;
    unsigned unit = 0;
    while (unit < 4 && value / 1024 >= step) {
        step *= 1024;
        divisor *= 1000;
        unit++;
    }
    return fmt::format("{} ({:.2f} {})", value, static_cast<double>(value) / divisor, kUnits[unit]);
}

// The same for a ratio: "1251.96 (1.25 K)", "240.71".
inline std::string ratio_text(double value)
{
    static constexpr const char* kUnits[] = {"K", "M", "G", "T", "P"};
    if (value < 1024)
        return fmt::format("{:.2f}", value);
    double step = 1024 * 1024, divisor = 1000;
    unsigned unit = 0;
    while (unit < 4 && value >= step) {
        step *= 1024;
        divisor *= 1000;
        unit++;
    }
    return fmt::format("{:.2f} ({:.2f} {})", value, value / divisor, kUnits[unit]);
}

} // namespace flowxdp
