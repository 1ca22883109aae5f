// SPDX-License-Identifier: BSD-2-Clause
// tcp_states: reference G3, state by state, and the rows that the force mode tutorial prints.
#include "plugin_bench.h"

namespace flowxdp::test {
namespace {

constexpr unsigned A = DIRECTION_A, B = DIRECTION_B;
constexpr std::uint32_t kSeqA = 1000, kSeqB = 0xfffffff0; // B's numbers wrap

class TcpStates : public ::testing::Test {
  protected:
    TcpStates() : bench({"tcp_states"}) {}

    void handshake()
    {
        bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
        bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1));
        bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 1, kSeqB + 1));
    }
    void data(std::uint32_t a_bytes, std::uint32_t b_bytes)
    {
        bench.packet_in(A, tcp_packet(TCP_PSH | TCP_ACK, kSeqA + 1, kSeqB + 1, a_bytes));
        bench.packet_in(B, tcp_packet(TCP_PSH | TCP_ACK, kSeqB + 1, kSeqA + 1 + a_bytes, b_bytes));
        bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 1 + a_bytes, kSeqB + 1 + b_bytes));
    }
    std::string flags(unsigned direction) { return bench.flow_row(direction)["tcpStatesAFlags"]; }
    std::uint32_t timeout(unsigned direction) { return bench.record()->dir[direction].timeout_ms; }

    Bench bench;
};

TEST_F(TcpStates, CleanConnectionRaisesNothing)
{
    handshake();
    EXPECT_EQ(timeout(A), 610'000u);
    EXPECT_EQ(timeout(B), 610'000u);
    data(100, 200);
    const std::uint32_t a = kSeqA + 101, b = kSeqB + 201;
    bench.packet_in(A, tcp_packet(TCP_FIN | TCP_ACK, a, b));
    EXPECT_EQ(timeout(A), 120'000u);
    EXPECT_EQ(timeout(B), 610'000u) << "a FIN closes its sender's direction only";
    bench.packet_in(B, tcp_packet(TCP_ACK, b, a + 1));
    bench.packet_in(B, tcp_packet(TCP_FIN | TCP_ACK, b, a + 1));
    EXPECT_EQ(timeout(B), 120'000u);
    bench.packet_in(A, tcp_packet(TCP_ACK, a + 1, b + 1));
    EXPECT_EQ(timeout(A), 10'000u);
    EXPECT_EQ(timeout(B), 10'000u);
    EXPECT_EQ(flags(A), "0x00");
    EXPECT_EQ(flags(B), "0x00");
    EXPECT_TRUE(bench.report_lines().empty()) << "the report speaks only of anomalies";
}

TEST_F(TcpStates, SimultaneousFinsClose)
{
    handshake();
    bench.packet_in(A, tcp_packet(TCP_FIN | TCP_ACK, kSeqA + 1, kSeqB + 1));
    bench.packet_in(B, tcp_packet(TCP_FIN | TCP_ACK, kSeqB + 1, kSeqA + 1));
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 2, kSeqB + 2));
    EXPECT_EQ(timeout(A), 120'000u);
    bench.packet_in(B, tcp_packet(TCP_ACK, kSeqB + 2, kSeqA + 2));
    EXPECT_EQ(timeout(A), 10'000u);
    EXPECT_EQ(flags(A), "0x00");
}

TEST_F(TcpStates, NewFlowWaitsTwoMinutes)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
    EXPECT_EQ(timeout(A), 120'000u);
    EXPECT_EQ(flags(A), "0x03") << "no opposite";
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1));
    EXPECT_EQ(timeout(B), 120'000u);
    EXPECT_EQ(flags(A), "0x03") << "handshake and teardown incomplete";
    EXPECT_EQ(flags(B), "0x03");
}

TEST_F(TcpStates, OpenConnectionHasNoTeardown)
{
    handshake();
    EXPECT_EQ(flags(A), "0x02");
    EXPECT_EQ(flags(B), "0x02");
}

TEST_F(TcpStates, DataInSynMayBeAcknowledged)
{
    for (const std::uint32_t acked : {0u, 30u}) {
        bench.reset();
        bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0, 30));
        bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1 + acked));
        bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 31, kSeqB + 1));
        EXPECT_EQ(flags(A), "0x02");
    }
}

TEST_F(TcpStates, WrongAckOfSynIsMalformed)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 2));
    EXPECT_EQ(timeout(A), 610'000u);
    EXPECT_EQ(flags(A), "0x03");
    EXPECT_EQ(flags(B), "0x03");
}

TEST_F(TcpStates, MidStreamIsMalformedOnBothSides)
{
    bench.packet_in(A, tcp_packet(TCP_ACK, 5, 6, 10));
    EXPECT_EQ(timeout(A), 610'000u);
    bench.packet_in(B, tcp_packet(TCP_ACK, 6, 15));
    EXPECT_EQ(flags(A), "0x03");
    EXPECT_EQ(flags(B), "0x03");
}

TEST_F(TcpStates, RefusalIsClean)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
    bench.packet_in(B, tcp_packet(TCP_RST | TCP_ACK, 0, kSeqA + 1));
    EXPECT_EQ(timeout(A), 100u);
    EXPECT_EQ(timeout(B), 100u);
    EXPECT_EQ(flags(A), "0x00");
    EXPECT_EQ(flags(B), "0x40");
}

TEST_F(TcpStates, HalfOpenScanIsMalformedEstablishment)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1));
    bench.packet_in(A, tcp_packet(TCP_RST, kSeqA + 1, 0));
    EXPECT_EQ(flags(A), "0x41");
    EXPECT_EQ(flags(B), "0x01");
}

TEST_F(TcpStates, ResetOfEstablishedIsMalformedTeardown)
{
    handshake();
    bench.packet_in(B, tcp_packet(TCP_RST | TCP_ACK, kSeqB + 1, kSeqA + 1));
    EXPECT_EQ(timeout(A), 100u);
    EXPECT_EQ(timeout(B), 100u);
    EXPECT_EQ(flags(A), "0x02");
    EXPECT_EQ(flags(B), "0x42");
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 1, kSeqB + 1), 1000);
    EXPECT_EQ(flags(A), "0x12");
    EXPECT_EQ(bench.report_lines(), std::vector<std::string>{"tcpStates: Aggregated tcpStatesAFlags=0x52"});
}

TEST_F(TcpStates, PacketsAfterTeardown)
{
    handshake();
    bench.packet_in(A, tcp_packet(TCP_FIN | TCP_ACK, kSeqA + 1, kSeqB + 1));
    bench.packet_in(B, tcp_packet(TCP_FIN | TCP_ACK, kSeqB + 1, kSeqA + 2));
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 2, kSeqB + 2));
    bench.packet_in(B, tcp_packet(TCP_ACK, kSeqB + 2, kSeqA + 2));
    EXPECT_EQ(flags(B), "0x00") << "a bare ACK is harmless";
    bench.packet_in(B, tcp_packet(TCP_PSH | TCP_ACK, kSeqB + 2, kSeqA + 2, 5));
    EXPECT_EQ(flags(B), "0x08");
    EXPECT_EQ(flags(A), "0x00");
}

TEST_F(TcpStates, SynInsideConnectionIsMalformedFlags)
{
    handshake();
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1));
    EXPECT_EQ(flags(B), "0x02") << "a SYN-ACK may be sent again";
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
    EXPECT_EQ(flags(A), "0x06");
}

TEST_F(TcpStates, ScansAreEvil)
{
    const struct {
        unsigned tcp_flags;
        const char* want;
    } scans[] = {
        {0, "0x83"},                           // NULL
        {TCP_FIN | TCP_PSH | TCP_URG, "0x83"}, // Xmas
        {TCP_FIN, "0x83"},                     // lone FIN
        {TCP_RST, "0xc3"},                     // lone RST
        {TCP_SYN | TCP_FIN, "0x83"},
        {TCP_ACK, "0x03"}, // an ACK scan looks like any one-sided flow
    };
    for (const auto& scan : scans) {
        bench.reset();
        bench.packet_in(A, tcp_packet(scan.tcp_flags, kSeqA, 0));
        EXPECT_EQ(flags(A), scan.want) << scan.tcp_flags;
    }
}

// Tutorial force mode: flow 36 leaves in the middle, its successor 37 begins with the server's data and ends by the
// client's RST.
TEST_F(TcpStates, ForceModeTutorialRows)
{
    handshake();
    data(0, 1000);
    EXPECT_EQ(flags(A), "0x02");
    EXPECT_EQ(flags(B), "0x02");

    bench.reset();
    bench.packet_in(A, tcp_packet(TCP_ACK, 5000, 900, 1380)); // the server
    bench.packet_in(B, tcp_packet(TCP_ACK, 900, 6380, 0, 0)); // the client, window 0
    bench.packet_in(B, tcp_packet(TCP_RST | TCP_ACK, 900, 6380, 0, 0));
    EXPECT_EQ(flags(A), "0x03");
    EXPECT_EQ(flags(B), "0x43");
}

TEST_F(TcpStates, OtherTrafficKeepsItsTimeout)
{
    Bench udp({"tcp_states"}, FLOW_KIND_IPV4, 17);
    udp.packet_in(A, udp_packet(10));
    EXPECT_EQ(udp.record()->dir[0].timeout_ms, 182'000u);
    EXPECT_EQ(udp.flow_row(A)["tcpStatesAFlags"], "0x00");
    EXPECT_EQ(udp.packet_row()["tcpStatesAFlags"], "0x00");
}

TEST_F(TcpStates, PacketColumnRuns)
{
    bench.packet_in(A, tcp_packet(TCP_ACK, 5, 6, 10));
    EXPECT_EQ(bench.packet_row()["tcpStatesAFlags"], "0x01");
    bench.packet_in(A, tcp_packet(TCP_RST, 15, 6));
    EXPECT_EQ(bench.packet_row()["tcpStatesAFlags"], "0xc3");
}

TEST(TcpStatesOptions, TimeoutsAreSeconds)
{
    Bench bench({"tcp_states:new=1.5,established=2,closing=3,closed=4,reset=0.001"});
    const tcp_states_config& c = bench.config().plugin.tcp_states;
    EXPECT_EQ(c.new_ms, 1500u);
    EXPECT_EQ(c.established_ms, 2000u);
    EXPECT_EQ(c.closing_ms, 3000u);
    EXPECT_EQ(c.closed_ms, 4000u);
    EXPECT_EQ(c.reset_ms, 1u);
    EXPECT_THROW(Bench({"tcp_states:new=0"}), StartupError);
}

} // namespace
} // namespace flowxdp::test
