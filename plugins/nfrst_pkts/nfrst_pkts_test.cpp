// SPDX-License-Identifier: BSD-2-Clause
// nfrst_pkts: which packets are in the list, and what their lengths and times count from.
#include "support/plugin_bench.h"

namespace flowxdp::test {
namespace {

constexpr unsigned A = DIRECTION_A, B = DIRECTION_B;

// Three packets: A at 1.001 s, B 250 ms later, A 250 ms after that.
void conversation(Bench* bench)
{
    bench->packet_seen(A, udp_packet(100), kMs);
    bench->packet_seen(B, udp_packet(0), 250 * kMs);
    bench->packet_seen(A, udp_packet(7), 250 * kMs);
}

TEST(NfrstPkts, LengthsAndIntervals)
{
    Bench bench({"nfrst_pkts"});
    conversation(&bench);
    auto a = bench.flow_row(A), b = bench.flow_row(B);
    EXPECT_EQ(a["nFpCnt"], "2");
    EXPECT_EQ(a["L2L3L4Pl_Iat"], "100_0.000000000;7_0.500000000");
    EXPECT_EQ(a["nFpStat"], "0x00");
    EXPECT_EQ(b["nFpCnt"], "1");
    EXPECT_EQ(b["L2L3L4Pl_Iat"], "0_0.000000000");
}

TEST(NfrstPkts, WhatTimesCountFrom)
{
    for (const auto& [word, a_times, b_time] :
         {std::tuple{"direction", "100_0.000000000;7_0.500000000", "0_0.000000000"},
          std::tuple{"flow", "100_0.000000000;7_0.500000000", "0_0.250000000"},
          std::tuple{"absolute", "100_1.001000000;7_1.501000000", "0_1.251000000"}}) {
        Bench bench({std::string("nfrst_pkts:time=") + word});
        conversation(&bench);
        EXPECT_EQ(bench.flow_row(A)["L2L3L4Pl_Iat"], a_times) << word;
        EXPECT_EQ(bench.flow_row(B)["L2L3L4Pl_Iat"], b_time) << word;
    }
}

TEST(NfrstPkts, WhatLengthsCountFrom)
{
    // 14 octets of Ethernet, 20 of IP, 8 of UDP, 7 of payload; padded to 60
    for (const auto& [word, length] : {std::pair{"l7", "7"}, {"l4", "15"}, {"l3", "35"}, {"l2", "60"}}) {
        Bench bench({std::string("nfrst_pkts:layer=") + word});
        bench.packet_seen(A, udp_packet(7));
        EXPECT_EQ(bench.flow_row(A)["L2L3L4Pl_Iat"], std::string(length) + "_0.000000000");
    }
}

TEST(NfrstPkts, NoMoreThanAsked)
{
    for (const unsigned n : {1u, 3u, 64u}) {
        Bench bench({"nfrst_pkts:n=" + std::to_string(n)});
        std::string list;
        for (unsigned i = 0; i < n; i++) {
            bench.packet_seen(A, udp_packet(i));
            list += (i ? ";" : "") + std::to_string(i) + (i ? "_0.001000000" : "_0.000000000");
        }
        EXPECT_EQ(bench.flow_row(A)["nFpStat"], "0x00");
        bench.packet_seen(A, udp_packet(999));
        EXPECT_EQ(bench.flow_row(A)["L2L3L4Pl_Iat"], list);
        EXPECT_EQ(bench.flow_row(A)["nFpCnt"], std::to_string(n));
        EXPECT_EQ(bench.flow_row(A)["nFpStat"], "0x01");
    }
}

TEST(NfrstPkts, LostPacketsLeaveNoHole)
{
    Bench bench({"nfrst_pkts"});
    bench.packet_seen(A, udp_packet(1));
    bench.packet_in(A, udp_packet(2)); // counted, and lost on the way to the user half
    bench.packet_seen(A, udp_packet(3));
    EXPECT_EQ(bench.flow_row(A)["L2L3L4Pl_Iat"], "1_0.000000000;3_0.001000000");
    EXPECT_EQ(bench.flow_row(A)["nFpStat"], "0x02");
    bench.reset();
    bench.packet_in(A, udp_packet(2));
    EXPECT_EQ(bench.flow_row(A)["nFpCnt"], "0");
    EXPECT_EQ(bench.flow_row(A)["L2L3L4Pl_Iat"], "");
    EXPECT_EQ(bench.flow_row(A)["nFpStat"], "0x02");
}

TEST(NfrstPkts, FramesWithoutIpAreNotLookedAt)
{
    Bench bench({"nfrst_pkts"}, FLOW_KIND_L2, 0);
    packet p{};
    p.ethertype = 0x0806;
    p.wire_len = p.cap_len = 60;
    bench.packet_seen(A, p);
    EXPECT_EQ(bench.flow_row(A)["nFpStat"], "0x04");
    EXPECT_EQ(bench.flow_row(A)["nFpCnt"], "0");
}

} // namespace
} // namespace flowxdp::test
