// SPDX-License-Identifier: BSD-2-Clause
// basic_stats: exact sums in the kernel half, the README's formulas in the user half.
#include "support/plugin_bench.h"

#include <cmath>
#include <random>

#include "basic_stats/basic_stats.bpf.h"
#include "basic_stats/moments.h"

namespace flowxdp::test {
namespace {

constexpr unsigned A = DIRECTION_A, B = DIRECTION_B;

TEST(BasicStats, SquareSumsAgreeWith128Bits)
{
    std::mt19937_64 random(20240229);
    for (int round = 0; round < 2000; round++) {
        __u64 lo = 0, hi = 0;
        Uint128 want = 0;
        const int n = 1 + static_cast<int>(random() % 50);
        for (int i = 0; i < n; i++) {
            const __u64 v = random() >> (random() % 64);
            basic_stats_add_square(&lo, &hi, v);
            want += static_cast<Uint128>(v) * v; // modulo 2^128 on both sides
        }
        ASSERT_EQ(lo, static_cast<__u64>(want)) << "round " << round;
        ASSERT_EQ(hi, static_cast<__u64>(want >> 64)) << "round " << round;
    }
}

TEST(BasicStats, SquareSumsOfExtremes)
{
    for (const __u64 v : {~0ULL, 1ULL << 63, 0xffffffffULL, 1ULL << 32, 0x7fffffffffffffffULL, 0ULL, 1ULL}) {
        __u64 lo = 1, hi = 0;
        basic_stats_add_square(&lo, &hi, v);
        const Uint128 want = static_cast<Uint128>(v) * v + 1;
        EXPECT_EQ(lo, static_cast<__u64>(want)) << v;
        EXPECT_EQ(hi, static_cast<__u64>(want >> 64)) << v;
    }
}

// Against long double sums of squared distances, which have 64 bits of mantissa and no cancellation.
TEST(BasicStats, VarianceAgreesWithDefinition)
{
    std::mt19937_64 random(7);
    for (int round = 0; round < 500; round++) {
        const unsigned shift = static_cast<unsigned>(random() % 40);
        const std::uint64_t base = random() >> 20 >> (random() % 30);
        const std::size_t n = 2 + random() % 300;
        std::vector<std::uint64_t> values;
        std::uint64_t sum = 0;
        Uint128 squares = 0;
        for (std::size_t i = 0; i < n; i++) {
            values.push_back(base + (random() >> 24 >> shift));
            sum += values.back();
            squares += static_cast<Uint128>(values.back()) * values.back();
        }
        const long double average = static_cast<long double>(sum) / static_cast<long double>(n);
        long double want = 0;
        for (const std::uint64_t v : values)
            want += (static_cast<long double>(v) - average) * (static_cast<long double>(v) - average);
        want /= static_cast<long double>(n);
        const double got = population_variance(sum, squares, n);
        EXPECT_NEAR(got, static_cast<double>(want), 1e-9 * static_cast<double>(want) + 1e-9) << "round " << round;
    }
    EXPECT_EQ(population_variance(3000, 3000ULL * 1000, 3), 0.0) << "equal values do not vary";
    EXPECT_EQ(population_variance(5, 25, 1), 0.0);
    EXPECT_EQ(population_variance(0, 0, 0), 0.0);
}

TEST(BasicStats, ColumnsFollowFromPackets)
{
    Bench bench({"basic_stats"});
    bench.packet_in(A, tcp_packet(TCP_ACK, 1, 1, 0), 0);
    bench.packet_in(A, tcp_packet(TCP_ACK, 1, 1, 100), 10 * kMs);
    bench.packet_in(B, tcp_packet(TCP_ACK, 1, 1, 50), 5 * kMs);
    bench.packet_in(A, tcp_packet(TCP_ACK, 1, 1, 200), 25 * kMs);

    auto a = bench.flow_row(A);
    EXPECT_EQ(a["pktsSnt"], "3");
    EXPECT_EQ(a["pktsRcvd"], "1");
    EXPECT_EQ(a["padBytesSnt"], "6"); // one frame of 60 bytes with 54 of IP and Ethernet
    EXPECT_EQ(a["l7BytesSnt"], "300");
    EXPECT_EQ(a["l7BytesRcvd"], "50");
    EXPECT_EQ(a["minL7PktSz"], "0");
    EXPECT_EQ(a["maxL7PktSz"], "200");
    EXPECT_EQ(a["avgL7PktSz"], "100");
    EXPECT_EQ(a["stdL7PktSz"], "81.64966"); // sqrt(20000 / 3)
    // A's intervals: 0, 10, 30 ms
    EXPECT_EQ(a["minIAT"], "0");
    EXPECT_EQ(a["maxIAT"], "0.03");
    EXPECT_EQ(a["avgIAT"], "0.01333333");
    EXPECT_EQ(a["stdIAT"], "0.01247219"); // sqrt((100 + 900) / 3 - (40 / 3)^2) ms
    EXPECT_EQ(a["pktps"], "75");          // 3 in 40 ms
    EXPECT_EQ(a["bytps"], "7500");
    EXPECT_EQ(a["pktAsm"], "0.5");
    EXPECT_EQ(a["bytAsm"], "0.7142857"); // 250 / 350

    auto b = bench.flow_row(B);
    EXPECT_EQ(b["pktsSnt"], "1");
    EXPECT_EQ(b["pktsRcvd"], "3");
    EXPECT_EQ(b["stdL7PktSz"], "0");
    EXPECT_EQ(b["pktps"], "0") << "zero duration";
    EXPECT_EQ(b["pktAsm"], "-0.5");
    EXPECT_EQ(b["bytAsm"], "-0.7142857");
}

TEST(BasicStats, LonelyAnswerIsNegative)
{
    Bench bench({"basic_stats"});
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 1, 1, 0));
    auto b = bench.flow_row(B);
    EXPECT_EQ(b["dir"], "A");
    EXPECT_EQ(b["pktAsm"], "-1");
    EXPECT_EQ(b["bytAsm"], "0") << "no bytes either way";
    bench.reset();
    bench.packet_in(A, tcp_packet(TCP_SYN, 1, 1, 0));
    EXPECT_EQ(bench.flow_row(A)["pktAsm"], "1");
}

TEST(BasicStats, SuperPacketsKeepTheirSize)
{
    Bench bench({"basic_stats"});
    bench.packet_in(A, tcp_packet(TCP_ACK, 1, 1, 70000));
    auto a = bench.flow_row(A);
    EXPECT_EQ(a["minL7PktSz"], "70000");
    EXPECT_EQ(a["maxL7PktSz"], "70000");
    EXPECT_EQ(a["l7BytesSnt"], "70000");
    EXPECT_EQ(a["avgL7PktSz"], "70000");
}

TEST(BasicStats, PacketColumns)
{
    Bench bench({"basic_stats"});
    packet p = tcp_packet(TCP_ACK, 1, 1, 2);
    bench.packet_in(A, p);
    auto row = bench.packet_row();
    EXPECT_EQ(row["pktLen"], "60");
    EXPECT_EQ(row["snapL3Len"], "42");
    EXPECT_EQ(row["snapL4Len"], "22");
    EXPECT_EQ(row["snapL7Len"], "2");
    EXPECT_EQ(row["l3Len"], "42");
    EXPECT_EQ(row["udpLen"], "");
    EXPECT_EQ(row["l7Len"], "2");
    EXPECT_EQ(row["padLen"], "4");

    p = udp_packet(500);
    p.cap_len = 100;
    bench.packet_in(A, p);
    row = bench.packet_row();
    EXPECT_EQ(row["snapL3Len"], "86");
    EXPECT_EQ(row["snapL4Len"], "66");
    EXPECT_EQ(row["snapL7Len"], "58");
    EXPECT_EQ(row["l3Len"], "528");
    EXPECT_EQ(row["udpLen"], "508");
    EXPECT_EQ(row["padLen"], "0");
}

TEST(BasicStats, L2FlowsHaveNoLayer7)
{
    Bench bench({"basic_stats"}, FLOW_KIND_L2, 0);
    packet p{};
    p.ethertype = 0x0806;
    p.wire_len = p.cap_len = 60;
    p.payload_len = 0;
    bench.packet_in(A, p);
    EXPECT_EQ(bench.flow_row(A)["l7BytesSnt"], "0");
    auto row = bench.packet_row();
    EXPECT_EQ(row["pktLen"], "60");
    EXPECT_EQ(row["l3Len"], "");
    EXPECT_EQ(row["padLen"], "18");
    EXPECT_EQ(bench.report_lines(),
              (std::vector<std::string>{"basicStats: Biggest L2 talker: 00:00:00:00:00:00: 1 [100.00%] packets",
                                        "basicStats: Biggest L2 talker: 00:00:00:00:00:00: 60 [100.00%] bytes"}));
}

TEST(BasicStats, BiggestTalkerIsTheBusiestDirection)
{
    Bench bench({"basic_stats"});
    bench.record()->key.lo_addr[1] = __builtin_bswap64(0x0000ffff0a000001ULL);
    bench.record()->key.hi_addr[1] = __builtin_bswap64(0x0000ffff0a000002ULL);
    bench.packet_in(A, tcp_packet(TCP_ACK, 1, 1, 0));
    bench.packet_in(A, tcp_packet(TCP_ACK, 1, 1, 0));
    bench.packet_in(A, tcp_packet(TCP_ACK, 1, 1, 0));
    bench.packet_in(B, tcp_packet(TCP_ACK, 1, 1, 2000));
    bench.flow_row(A);
    bench.flow_row(B);
    EXPECT_EQ(bench.report_lines(),
              (std::vector<std::string>{"basicStats: Biggest L3 talker: 10.0.0.1 (-): 3 [75.00%] packets",
                                        "basicStats: Biggest L3 talker: 10.0.0.2 (-): 2000 (2.00 K) [100.00%] bytes"}));
}

} // namespace
} // namespace flowxdp::test
