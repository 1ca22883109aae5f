// SPDX-License-Identifier: BSD-2-Clause
// tcp_rtt: which segments are timed, and the smoothed times against RFC 6298 in floating point.
#include "support/plugin_bench.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "tcp_rtt/tcp_rtt.bpf.h"

namespace flowxdp::test {
namespace {

constexpr unsigned A = DIRECTION_A, B = DIRECTION_B;
constexpr std::uint32_t kSeqA = 0xffffff00, kSeqB = 5000; // A's numbers wrap
constexpr std::int64_t kSecond = 1000 * kMs;

class TcpRtt : public ::testing::Test {
  protected:
    TcpRtt() : bench({"tcp_rtt"}) {}

    // Its packet cell: the trip that the packet ended, in s; empty: none.
    std::string add(unsigned direction, const packet& p, std::int64_t delay_ns)
    {
        bench.packet_in(direction, p, delay_ns);
        return bench.packet_row()["tcpRttPkt"];
    }
    // A's octets from offset on, after a handshake.
    std::string a_data(std::uint32_t offset, std::uint32_t n, std::int64_t delay_ns)
    {
        return add(A, tcp_packet(TCP_ACK, kSeqA + 1 + offset, kSeqB + 1, n), delay_ns);
    }
    std::string b_ack(std::uint32_t offset, std::int64_t delay_ns)
    {
        return add(B, tcp_packet(TCP_ACK, kSeqB + 1, kSeqA + 1 + offset), delay_ns);
    }
    void handshake()
    {
        EXPECT_EQ(add(A, tcp_packet(TCP_SYN, kSeqA, 0), kMs), "");
        EXPECT_EQ(add(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1), 80 * kMs), "0.08");
        EXPECT_EQ(add(A, tcp_packet(TCP_ACK, kSeqA + 1, kSeqB + 1), 2 * kMs), "0.002");
    }
    Bench bench;
};

TEST_F(TcpRtt, HandshakeGivesBothTrips)
{
    handshake();
    auto b = bench.flow_row(B), a = bench.flow_row(A);
    EXPECT_EQ(b["tcpRttCnt"], "1");
    EXPECT_EQ(b["tcpRttSmooth"], "0.08"); // RFC 6298 2.2: SRTT = R, RTTVAR = R / 2
    EXPECT_EQ(b["tcpRttVar"], "0.04");
    EXPECT_EQ(b["tcpRttMin"], "0.08");
    EXPECT_EQ(b["tcpRttMax"], "0.08");
    EXPECT_EQ(b["tcpRttStat"], "0x01");
    EXPECT_EQ(a["tcpRttSmooth"], "0.002");
    EXPECT_EQ(a["tcpRttVar"], "0.001");
    EXPECT_EQ(a["tcpRttStat"], "0x01");
}

TEST_F(TcpRtt, LaterTripsAreSmoothed)
{
    handshake();
    a_data(0, 100, kMs);
    EXPECT_EQ(b_ack(100, 40 * kMs), "0.04");
    EXPECT_EQ(bench.packet_row()["tcpRttSmoothPkt"], "0.075"); // 7/8 80 + 1/8 40 ms
    auto b = bench.flow_row(B);
    EXPECT_EQ(b["tcpRttCnt"], "2");
    EXPECT_EQ(b["tcpRttSmooth"], "0.075");
    EXPECT_EQ(b["tcpRttVar"], "0.04"); // 3/4 40 + 1/4 |80 - 40|
    EXPECT_EQ(b["tcpRttMin"], "0.04");
    EXPECT_EQ(b["tcpRttMax"], "0.08");
}

TEST_F(TcpRtt, NothingToSay)
{
    bench.packet_in(A, udp_packet(10));
    auto row = bench.flow_row(A);
    EXPECT_EQ(row["tcpRttCnt"], "0");
    EXPECT_EQ(row["tcpRttStat"], "0x00");
    EXPECT_EQ(row["tcpRttSmooth"], "");
    EXPECT_EQ(row["tcpRttMin"], "");
    EXPECT_EQ(bench.packet_row()["tcpRttSmoothPkt"], "");
    EXPECT_TRUE(bench.report_lines().empty());
}

TEST_F(TcpRtt, OneSegmentIsTimedAtOnce)
{
    handshake();
    a_data(0, 100, kMs);
    a_data(100, 100, kMs);
    a_data(200, 100, kMs);
    EXPECT_EQ(b_ack(50, kMs), "") << "a part of the timed segment";
    EXPECT_EQ(b_ack(300, 5 * kMs), "0.008") << "of the first one";
    EXPECT_EQ(b_ack(300, kMs), "") << "acknowledged before";
    EXPECT_EQ(bench.flow_row(B)["tcpRttCnt"], "2");
}

TEST_F(TcpRtt, WhatWasSentTwiceIsNotTimed)
{
    handshake();
    a_data(0, 100, kMs);
    a_data(0, 100, 200 * kMs);
    EXPECT_EQ(b_ack(100, 10 * kMs), "");
    EXPECT_EQ(bench.flow_row(B)["tcpRttStat"], "0x03");
    EXPECT_EQ(bench.flow_row(B)["tcpRttCnt"], "1");
    a_data(100, 50, kMs); // new again
    EXPECT_EQ(b_ack(150, 7 * kMs), "0.007");

    // The copy is of a segment before the timed one: its acknowledgment may have waited for the copy.
    a_data(250, 100, kMs); // a gap of 100 before it
    a_data(150, 100, kMs);
    EXPECT_EQ(b_ack(350, kMs), "");
}

TEST_F(TcpRtt, SynSentAgain)
{
    add(A, tcp_packet(TCP_SYN, kSeqA, 0), kMs);
    add(A, tcp_packet(TCP_SYN, kSeqA, 0), kSecond);
    add(A, tcp_packet(TCP_SYN, kSeqA, 0), 2 * kSecond);
    EXPECT_EQ(add(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1), 80 * kMs), "") << "of which SYN?";
    EXPECT_EQ(add(A, tcp_packet(TCP_ACK, kSeqA + 1, kSeqB + 1), 2 * kMs), "0.002");
    EXPECT_EQ(bench.flow_row(B)["tcpRttStat"], "0x02");
}

TEST_F(TcpRtt, DataInASynNeedNoAcknowledgment) // RFC 7413 4.2
{
    add(A, tcp_packet(TCP_SYN, kSeqA, 0, 300), kMs);
    EXPECT_EQ(add(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1), 30 * kMs), "0.03");
}

TEST_F(TcpRtt, ForgedNumbersAreNoTrips)
{
    handshake();
    a_data(0, 100, kMs);
    EXPECT_EQ(b_ack(100'000, kMs), "") << "acknowledges what was never sent";
    add(A, tcp_packet(TCP_SYN, 77, 0), kMs); // inside the connection
    add(B, tcp_packet(TCP_RST, 99, 0), kMs);
    EXPECT_EQ(b_ack(100, kMs), "0.004");
}

TEST_F(TcpRtt, NextConnectionBeginsAnew)
{
    handshake();
    add(A, tcp_packet(TCP_FIN | TCP_ACK, kSeqA + 1, kSeqB + 1), kMs);
    EXPECT_EQ(add(B, tcp_packet(TCP_FIN | TCP_ACK, kSeqB + 1, kSeqA + 2), 10 * kMs), "0.01") << "a FIN counts as well";
    EXPECT_EQ(add(A, tcp_packet(TCP_ACK, kSeqA + 2, kSeqB + 2), 3 * kMs), "0.003");
    // Numbers that would be old ones of the connection before
    add(A, tcp_packet(TCP_SYN, kSeqA - 5000, 0), kSecond);
    EXPECT_EQ(add(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB - 1000, kSeqA - 4999), 20 * kMs), "0.02");
    EXPECT_EQ(add(A, tcp_packet(TCP_ACK, kSeqA - 4999, kSeqB - 999), 4 * kMs), "0.004");
    EXPECT_EQ(bench.flow_row(B)["tcpRttCnt"], "3");
}

TEST_F(TcpRtt, TripsAboveTheLimitAreLeftOut)
{
    handshake();
    a_data(0, 100, kMs);
    EXPECT_EQ(b_ack(100, 53 * kSecond), "53");
    a_data(100, 100, kMs);
    EXPECT_EQ(b_ack(200, 54 * kSecond), "");
    EXPECT_EQ(bench.flow_row(B)["tcpRttStat"], "0x05");
    a_data(200, 100, kMs);
    EXPECT_EQ(b_ack(300, 430 * kSecond), "") << "32 bits of the clock have come around: 0.5 s";
    EXPECT_EQ(bench.flow_row(B)["tcpRttMax"], "53");
}

TEST_F(TcpRtt, FromTheMiddleOfAConnection)
{
    a_data(0, 10, kMs);
    EXPECT_EQ(b_ack(10, 6 * kMs), "0.006");
    EXPECT_EQ(bench.flow_row(B)["tcpRttStat"], "0x00") << "no handshake among the samples";
}

TEST_F(TcpRtt, SamplesStandStillAtTheirLimit)
{
    handshake();
    auto* state = bench.slot<tcp_rtt_state>("tcp_rtt");
    state->dir[B].marks += (TCP_RTT_SAMPLES_MOST - 2) * TCP_RTT_SAMPLE;
    for (std::uint32_t n = 0; n < 3; n++) {
        a_data(10 * n, 10, kMs);
        b_ack(10 * n + 10, kMs);
    }
    auto b = bench.flow_row(B);
    EXPECT_EQ(b["tcpRttCnt"], "1048575");
    EXPECT_EQ(b["tcpRttStat"], "0x09");
}

// The integers follow the RFC's formulas. Each step rounds by less than a unit (100 ns) in SRTT and RTTVAR, and a step
// keeps 7/8 of the error before: it stays below 8 units of SRTT; below 4 + 8 of RTTVAR.
TEST_F(TcpRtt, IntegersFollowTheRfc)
{
    std::mt19937_64 random(6298);
    handshake();
    double smoothed = 0.08, variation = 0.04;
    std::uint32_t sent = 0;
    for (int n = 0; n < 5000; n++) {
        const auto trip = static_cast<std::int64_t>(random() % (1ULL << (10 + random() % 22))) + 100;
        const auto before = bench.now() + kMs;
        a_data(sent, 10, kMs);
        sent += 10;
        b_ack(sent, trip);
        const double r = static_cast<double>(bench.now() / 100 - before / 100) * 1e-7;
        variation = 0.75 * variation + 0.25 * std::abs(smoothed - r);
        smoothed = 0.875 * smoothed + 0.125 * r;
        ASSERT_NEAR(std::stod(bench.packet_row()["tcpRttSmoothPkt"]), smoothed, 8e-7 + 1e-6 * smoothed) << n;
    }
    auto b = bench.flow_row(B);
    EXPECT_EQ(b["tcpRttCnt"], "5001");
    EXPECT_NEAR(std::stod(b["tcpRttVar"]), variation, 12e-7 + 1e-6 * variation);
}

} // namespace
} // namespace flowxdp::test
