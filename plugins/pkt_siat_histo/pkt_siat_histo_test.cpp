// SPDX-License-Identifier: BSD-2-Clause
// pkt_siat_histo: bins as T2 documents them, and entries against counts in a map.
#include "support/plugin_bench.h"

#include <map>
#include <memory>
#include <random>
#include <tuple>

#include "pkt_siat_histo/packet_histogram.h"

namespace flowxdp::test {
namespace {

TEST(PktSiatHisto, BinsOfT2)
{
    // T2's table: 0-199 of 1 ms below 200 ms, 200-239 of 5 ms below 400 ms, 240-299 of 10 ms below 1 s, 300 the rest
    const std::pair<std::int64_t, std::uint32_t> expected[] = {
        {0, 0},           {kMs - 1, 0},     {kMs, 1},         {199 * kMs, 199},  {200 * kMs - 1, 199},
        {200 * kMs, 200}, {204 * kMs, 200}, {205 * kMs, 201}, {399 * kMs, 239},  {400 * kMs, 240},
        {409 * kMs, 240}, {410 * kMs, 241}, {999 * kMs, 299}, {1000 * kMs, 300}, {INT64_MAX, 300},
    };
    for (const auto& [interval, bin] : expected)
        EXPECT_EQ(interval_bin(interval), bin) << interval;
    EXPECT_EQ(interval_bin_ms(300), 1000u);
    for (std::uint32_t bin = 0; bin < kIntervalBins; bin++)
        EXPECT_EQ(interval_bin(interval_bin_ms(bin) * kMs), bin) << "a bin begins in itself";
}

TEST(PktSiatHisto, EntriesAreCounts)
{
    std::mt19937 random(701);
    auto histogram = std::make_unique<PacketHistogram>();
    std::map<std::tuple<unsigned, std::uint32_t, std::uint32_t>, std::uint32_t> expected;
    for (int n = 0; n < 5000; n++) {
        const auto direction = static_cast<unsigned>(random() % 2), length = static_cast<unsigned>(random() % 11 * 146),
                   bin = static_cast<unsigned>(random() % 10 * 30);
        histogram->add(direction, length, bin);
        expected[{direction, length, bin}]++;
    }
    for (const unsigned direction : {0u, 1u}) {
        EXPECT_EQ(histogram->entries(direction).size(), 110u);
        EXPECT_EQ(histogram->left_out(direction), 0u);
        std::uint32_t before = 0;
        for (const auto& entry : histogram->entries(direction)) {
            EXPECT_EQ(entry.packets, (expected[{direction, entry.length(), entry.bin()}]));
            EXPECT_LE(before, entry.key) << "by length, then by bin";
            before = entry.key;
        }
    }
}

TEST(PktSiatHisto, WhatHasNoRoomIsCounted)
{
    auto histogram = std::make_unique<PacketHistogram>();
    for (std::uint32_t n = 0; n < 300; n++)
        histogram->add(1, 2000 - n, 0);
    histogram->add(0, 1, 1);
    histogram->add(1, 2000, 0);
    EXPECT_EQ(histogram->entries(1).size(), PacketHistogram::kMostEntries);
    EXPECT_EQ(histogram->left_out(1), 300 - PacketHistogram::kMostEntries);
    EXPECT_EQ(histogram->left_out(0), 1u);
    EXPECT_TRUE(histogram->entries(0).empty());
    EXPECT_EQ(histogram->entries(1).front().length(), 2000u - PacketHistogram::kMostEntries + 1);
    EXPECT_EQ(histogram->entries(1).back().packets, 2u);
}

TEST(PktSiatHisto, LongPacketsKeepTheirPlace)
{
    auto histogram = std::make_unique<PacketHistogram>();
    histogram->add(1, 0xffffffff, 300);
    histogram->add(1, 70000, 300);
    ASSERT_EQ(histogram->entries(1).size(), 2u);
    EXPECT_EQ(histogram->entries(1)[0].length(), 70000u);
    EXPECT_EQ(histogram->entries(1)[1].length(), PacketHistogram::kMostLength);
}

TEST(PktSiatHisto, ExampleOfT2)
{
    // Lengths and intervals of T2's documentation, with its bins below 200 ms
    Bench bench({"pkt_siat_histo"});
    const std::pair<std::uint32_t, std::int64_t> packets[] = {{50, 0},      {70, 88'200}, {70, 84'300},
                                                              {70, 92'900}, {70, 87'100}, {60, 91'600}};
    for (const auto& [length, interval_us] : packets)
        bench.packet_seen(DIRECTION_A, udp_packet(length), interval_us * 1000);
    bench.packet_seen(DIRECTION_B, udp_packet(5), 2000 * kMs);
    bench.packet_seen(DIRECTION_B, udp_packet(5), 2000 * kMs);
    auto a = bench.flow_row(DIRECTION_A), b = bench.flow_row(DIRECTION_B);
    EXPECT_EQ(a["tCnt"], "6");
    EXPECT_EQ(a["Ps_Iat_Cnt_PsCnt_IatCnt"], "50_0_1_1_1;60_91_1_1_1;70_84_1_4_1;70_87_1_4_1;70_88_1_4_1;70_92_1_4_1");
    EXPECT_EQ(a["psiStat"], "0x00");
    EXPECT_EQ(b["Ps_Iat_Cnt_PsCnt_IatCnt"], "5_0_1_2_1;5_1000_1_2_1");
}

TEST(PktSiatHisto, StatusOfWhatIsMissing)
{
    Bench bench({"pkt_siat_histo:layer=l3,min_length=100"});
    for (std::uint32_t n = 0; n < 300; n++)
        bench.packet_seen(DIRECTION_A, udp_packet(n)); // 28 octets of headers: the first 72 are too short
    auto a = bench.flow_row(DIRECTION_A);
    EXPECT_EQ(a["tCnt"], "228");
    EXPECT_EQ(a["psiStat"], "0x00");
    EXPECT_EQ(a["Ps_Iat_Cnt_PsCnt_IatCnt"].substr(0, 12), "100_1_1_1_22");
    for (std::uint32_t n = 300; n < 400; n++)
        bench.packet_seen(DIRECTION_A, udp_packet(n));
    EXPECT_EQ(bench.flow_row(DIRECTION_A)["tCnt"], "240");
    EXPECT_EQ(bench.flow_row(DIRECTION_A)["psiStat"], "0x01");
    bench.packet_in(DIRECTION_A, udp_packet(1)); // counted by the kernel half, lost before the user half
    EXPECT_EQ(bench.flow_row(DIRECTION_A)["psiStat"], "0x03");

    Bench link({"pkt_siat_histo"}, FLOW_KIND_L2, 0);
    packet p{};
    p.ethertype = 0x0806;
    link.packet_seen(DIRECTION_A, p);
    EXPECT_EQ(link.flow_row(DIRECTION_A)["psiStat"], "0x04");
    EXPECT_EQ(link.flow_row(DIRECTION_A)["tCnt"], "0");
}

} // namespace
} // namespace flowxdp::test
