// SPDX-License-Identifier: BSD-2-Clause
// descriptive_stats: histogram and statistics against sorted lists of the same values.
#include "support/plugin_bench.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "descriptive_stats/value_statistics.h"

namespace flowxdp::test {
namespace {

using Lengths = ValueStatistics<40>;
using Intervals = ValueStatistics<70>;

template <typename Kept>
std::unique_ptr<Kept> kept(const std::vector<std::uint64_t>& values)
{
    auto out = std::make_unique<Kept>(); // zero, as a flow's memory is
    for (const std::uint64_t v : values)
        out->add(v);
    return out;
}

// Hazen's quantile of a sorted list, by its definition.
double hazen(const std::vector<std::uint64_t>& sorted, double q)
{
    const double h = q * static_cast<double>(sorted.size()) + 0.5;
    if (h <= 1)
        return static_cast<double>(sorted.front());
    if (h >= static_cast<double>(sorted.size()))
        return static_cast<double>(sorted.back());
    const auto below = static_cast<std::size_t>(h) - 1;
    const auto low = static_cast<double>(sorted[below]), high = static_cast<double>(sorted[below + 1]);
    return low + (h - std::floor(h)) * (high - low);
}

double moment(const std::vector<std::uint64_t>& values, int power)
{
    double mean = 0, sum = 0;
    for (const std::uint64_t v : values)
        mean += static_cast<double>(v) / static_cast<double>(values.size());
    for (const std::uint64_t v : values)
        sum += std::pow(static_cast<double>(v) - mean, power);
    return sum / static_cast<double>(values.size());
}

TEST(DescriptiveStats, TextbookValues)
{
    // 2 4 4 4 5 5 7 9: mean 5, deviation 2, third central moment 5.25, fourth 44.5
    const Statistics s = kept<Lengths>({2, 4, 4, 4, 5, 5, 7, 9})->statistics();
    EXPECT_EQ(s.min, 2);
    EXPECT_EQ(s.max, 9);
    EXPECT_EQ(s.range(), 7);
    EXPECT_EQ(s.mean, 5);
    EXPECT_EQ(s.deviation, 2);
    EXPECT_EQ(s.mode, 4);
    EXPECT_EQ(s.low_quartile, 4);
    EXPECT_EQ(s.median, 4.5);
    EXPECT_EQ(s.upper_quartile, 6); // place 6.5: between 5 and 7
    EXPECT_EQ(s.quartile_distance(), 2);
    EXPECT_DOUBLE_EQ(s.robust_deviation(), 1.4826);
    EXPECT_DOUBLE_EQ(s.skewness, 5.25 / 8);
    EXPECT_DOUBLE_EQ(s.excess, 44.5 / 16 - 3);
}

TEST(DescriptiveStats, NoneAndOne)
{
    const Statistics none = kept<Lengths>({})->statistics();
    EXPECT_EQ(none.max, 0);
    EXPECT_EQ(none.excess, 0);
    const Statistics one = kept<Lengths>({1460})->statistics();
    EXPECT_EQ(one.min, 1460);
    EXPECT_EQ(one.low_quartile, 1460);
    EXPECT_EQ(one.upper_quartile, 1460);
    EXPECT_EQ(one.mode, 1460);
    EXPECT_EQ(one.deviation, 0);
    EXPECT_EQ(one.skewness, 0);
    EXPECT_EQ(one.excess, 0);
}

TEST(DescriptiveStats, FewValuesAreExact)
{
    std::mt19937_64 random(702);
    for (int round = 0; round < 300; round++) {
        std::vector<std::uint64_t> values(1 + random() % 40);
        for (auto& v : values)
            v = random() % (1 + random() % 100'000);
        const auto k = kept<Lengths>(values);
        EXPECT_FALSE(k->histogram.is_rounded());
        const Statistics s = k->statistics();
        std::sort(values.begin(), values.end());
        EXPECT_DOUBLE_EQ(s.low_quartile, hazen(values, 0.25)) << round;
        EXPECT_DOUBLE_EQ(s.median, hazen(values, 0.5)) << round;
        EXPECT_DOUBLE_EQ(s.upper_quartile, hazen(values, 0.75)) << round;
        const double variance = moment(values, 2);
        EXPECT_NEAR(s.deviation, std::sqrt(variance), 1e-9 * s.max) << round;
        if (variance > 0) {
            EXPECT_NEAR(s.skewness, moment(values, 3) / std::pow(variance, 1.5), 1e-7) << round;
            EXPECT_NEAR(s.excess, moment(values, 4) / variance / variance - 3, 1e-7) << round;
        }
    }
}

// Each value moves by less than half of 2^-(bits - 1) of itself, so quartiles do.
TEST(DescriptiveStats, ManyValuesAreRounded)
{
    std::mt19937_64 random(1);
    for (int round = 0; round < 30; round++) {
        std::vector<std::uint64_t> values(5000);
        const unsigned octaves = 2 + static_cast<unsigned>(random() % 36);
        for (auto& v : values)
            v = random() >> (64 - 1 - random() % octaves);
        const auto k = kept<Intervals>(values);
        const Statistics s = k->statistics();
        std::sort(values.begin(), values.end());
        const double part = std::ldexp(1, -static_cast<int>(k->histogram.bits()));
        EXPECT_LE(k->histogram.size(), 70u);
        for (const auto& [got, q] : {std::pair{s.low_quartile, 0.25}, {s.median, 0.5}, {s.upper_quartile, 0.75}}) {
            const double want = hazen(values, q);
            EXPECT_NEAR(got, want, part * want * 1.0001 + 1e-9)
                << round << " q " << q << " bits " << k->histogram.bits();
        }
        EXPECT_EQ(s.min, static_cast<double>(values.front()));
        EXPECT_EQ(s.max, static_cast<double>(values.back()));
        EXPECT_NEAR(s.deviation, std::sqrt(moment(values, 2)), 1e-9 * s.max) << "sums are exact";
    }
}

TEST(DescriptiveStats, OrderChangesNothing)
{
    std::mt19937_64 random(2);
    for (int round = 0; round < 50; round++) {
        std::vector<std::uint64_t> values(20 + random() % 400);
        for (auto& v : values)
            v = random() >> (random() % 50);
        const auto k = kept<Intervals>(values);
        std::shuffle(values.begin(), values.end(), random);
        const auto other = kept<Intervals>(values);
        EXPECT_EQ(k->histogram.bits(), other->histogram.bits());
        ASSERT_EQ(k->histogram.size(), other->histogram.size());
        for (std::size_t i = 0; i < k->histogram.size(); i++) {
            EXPECT_EQ(k->histogram[i].value, other->histogram[i].value);
            EXPECT_EQ(k->histogram[i].count, other->histogram[i].count);
        }
    }
}

TEST(DescriptiveStats, EachPowerOfTwo)
{
    std::vector<std::uint64_t> values = {0};
    for (int bit = 0; bit < 64; bit++)
        for (std::uint64_t less : {0u, 1u})
            values.push_back((std::uint64_t{1} << bit) - less);
    const auto lengths = kept<Lengths>(values);
    const auto intervals = kept<Intervals>(values);
    EXPECT_LE(lengths->histogram.size(), 40u);
    EXPECT_LE(intervals->histogram.size(), 70u);
    std::uint64_t counted = 0;
    for (std::size_t i = 0; i < lengths->histogram.size(); i++)
        counted += lengths->histogram[i].count;
    EXPECT_EQ(counted, values.size());
}

TEST(DescriptiveStats, Columns)
{
    Bench bench({"descriptive_stats"});
    for (const std::uint32_t length : {2u, 4u, 4u, 4u, 5u, 5u, 7u, 9u})
        bench.packet_seen(DIRECTION_A, udp_packet(length), length * kMs);
    auto row = bench.flow_row(DIRECTION_A);
    EXPECT_EQ(row["dsStat"], "0x00");
    EXPECT_EQ(row["dsMinPl"], "2");
    EXPECT_EQ(row["dsMeanPl"], "5");
    EXPECT_EQ(row["dsUppQuartilePl"], "6");
    EXPECT_EQ(row["dsModePl"], "4");
    EXPECT_EQ(row["dsStdPl"], "2");
    EXPECT_EQ(row["dsSkewPl"], "0.65625");
    EXPECT_EQ(row["dsExcPl"], "-0.21875");
    // Intervals of the second packet on: 4 4 4 5 5 7 9 ms
    EXPECT_EQ(row["dsMinIat"], "0.004");
    EXPECT_EQ(row["dsMaxIat"], "0.009");
    EXPECT_EQ(row["dsMedianIat"], "0.005");
    EXPECT_EQ(row["dsLowQuartileIat"], "0.004");  // place 2.25: the second and third
    EXPECT_EQ(row["dsUppQuartileIat"], "0.0065"); // place 5.75: 5 + 0.75 * (7 - 5)
    EXPECT_EQ(row["dsModeIat"], "0.004");
    EXPECT_EQ(row["dsRangeIat"], "0.005");
}

TEST(DescriptiveStats, StatusBits)
{
    Bench bench({"descriptive_stats:layer=l2"});
    for (std::uint32_t n = 0; n < 40; n++)
        bench.packet_seen(DIRECTION_B, udp_packet(100 + n), n * kMs);
    EXPECT_EQ(bench.flow_row(DIRECTION_B)["dsStat"], "0x00");
    EXPECT_EQ(bench.flow_row(DIRECTION_B)["dsMaxPl"], "181"); // 42 octets of headers
    for (std::uint32_t n = 40; n < 72; n++)
        bench.packet_seen(DIRECTION_B, udp_packet(100 + n), n * kMs);
    EXPECT_EQ(bench.flow_row(DIRECTION_B)["dsStat"], "0x03");
    bench.packet_in(DIRECTION_B, udp_packet(1));
    EXPECT_EQ(bench.flow_row(DIRECTION_B)["dsStat"], "0x07") << "lost before the user half";
}

} // namespace
} // namespace flowxdp::test
