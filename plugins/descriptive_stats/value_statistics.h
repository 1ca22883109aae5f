// SPDX-License-Identifier: BSD-2-Clause
// value_statistics.h - what is kept of a flow's values, and the statistics that are made of it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "basic_stats/moments.h"
#include "value_histogram.h"

namespace flowxdp {

struct Statistics {
    double min = 0, max = 0, mean = 0, low_quartile = 0, median = 0, upper_quartile = 0, mode = 0, deviation = 0;
    double skewness = 0, excess = 0;

    [[nodiscard]] double quartile_distance() const { return upper_quartile - low_quartile; }
    [[nodiscard]] double range() const { return max - min; }
    // T2: the smaller one of the deviation and of the one that a normal distribution with these quartiles has.
    [[nodiscard]] double robust_deviation() const { return std::min(deviation, 0.7413 * quartile_distance()); }
};

// Numbers of values, sums and extremes are exact. The rest comes from the histogram.
template <std::uint16_t Entries>
struct ValueStatistics {
    std::uint64_t count, sum;
    std::uint64_t square_low, square_high; // sum of squares
    std::uint64_t min, max;
    ValueHistogram<Entries> histogram;

    void add(std::uint64_t value)
    {
        min = count ? std::min(min, value) : value;
        max = std::max(max, value);
        count++;
        sum += value;
        const Uint128 squares = squares_of() + static_cast<Uint128>(value) * value;
        square_low = static_cast<std::uint64_t>(squares);
        square_high = static_cast<std::uint64_t>(squares >> 64);
        histogram.add(value);
    }

    // All 0 without values.
    [[nodiscard]] Statistics statistics() const
    {
        if (!count)
            return {};
        Statistics s;
        s.min = static_cast<double>(min);
        s.max = static_cast<double>(max);
        s.mean = mean(sum, count);
        s.low_quartile = quantile(0.25);
        s.median = quantile(0.5);
        s.upper_quartile = quantile(0.75);
        s.mode = mode();
        s.deviation = std::sqrt(population_variance(sum, squares_of(), count));
        shape(&s);
        return s;
    }

  private:
    [[nodiscard]] Uint128 squares_of() const { return static_cast<Uint128>(square_high) << 64 | square_low; }

    // The value at a place in the sorted list, from 1. Never beyond the extremes, which are exact.
    [[nodiscard]] double value_at(std::uint64_t place) const
    {
        std::uint64_t before = 0;
        for (std::size_t i = 0; i < histogram.size(); i++) {
            before += histogram[i].count;
            if (place <= before)
                return std::clamp(histogram[i].value, static_cast<double>(min), static_cast<double>(max));
        }
        return static_cast<double>(max);
    }
    // Hazen's definition (type 5 of Hyndman and Fan, 1996), as T2's of lengths: value i of n is the (i - 0.5) / n
    // quantile, with straight lines between.
    [[nodiscard]] double quantile(double q) const
    {
        const double place = std::clamp(q * static_cast<double>(count) + 0.5, 1.0, static_cast<double>(count));
        const double whole = std::floor(place);
        const double low = value_at(static_cast<std::uint64_t>(whole));
        if (place == whole)
            return low;
        return low + (place - whole) * (value_at(static_cast<std::uint64_t>(whole) + 1) - low);
    }
    // Of several, the smallest.
    [[nodiscard]] double mode() const
    {
        std::size_t most = 0;
        for (std::size_t i = 1; i < histogram.size(); i++)
            if (histogram[i].count > histogram[most].count)
                most = i;
        return std::clamp(histogram[most].value, static_cast<double>(min), static_cast<double>(max));
    }
    // Third and fourth central moment in units of the deviation; 3, of the normal distribution, less. 0 when nothing
    // varies.
    void shape(Statistics* s) const
    {
        double second = 0, third = 0, fourth = 0;
        for (std::size_t i = 0; i < histogram.size(); i++) {
            const double d = histogram[i].value - s->mean, weight = histogram[i].count;
            second += weight * d * d;
            third += weight * d * d * d;
            fourth += weight * d * d * d * d;
        }
        if (min == max || !(second > 0))
            return;
        const auto n = static_cast<double>(count);
        const double variance = second / n;
        s->skewness = third / n / (variance * std::sqrt(variance));
        s->excess = fourth / n / (variance * variance) - 3;
    }
};

} // namespace flowxdp
