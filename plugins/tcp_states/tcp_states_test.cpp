// SPDX-License-Identifier: BSD-2-Clause
// tcp_states: the README's rules, state by state, and the rows that the force mode tutorial prints.
#include "support/plugin_bench.h"

#include <cstring>
#include <random>

#include "tcp_states/tcp_states.bpf.h"

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

TEST_F(TcpStates, ResetAfterResetIsAPacketAfterReset)
{
    handshake();
    bench.packet_in(B, tcp_packet(TCP_RST | TCP_ACK, kSeqB + 1, kSeqA + 1, 0, 0));
    EXPECT_EQ(flags(B), "0x42");
    for (int i = 0; i < 50; i++)
        bench.packet_in(B, tcp_packet(TCP_RST | TCP_ACK, kSeqB + 1, kSeqA + 1, 0, 0));
    EXPECT_EQ(flags(A), "0x02");
    EXPECT_EQ(flags(B), "0x52");
    bench.packet_in(A, tcp_packet(TCP_RST, kSeqA + 1, 0, 0, 0));
    EXPECT_EQ(flags(A), "0x52");
}

// The state is the last connection's, anomalies are the flow's.
TEST_F(TcpStates, NextConnectionOnSamePorts)
{
    handshake();
    bench.packet_in(A, tcp_packet(TCP_FIN | TCP_ACK, kSeqA + 1, kSeqB + 1));
    bench.packet_in(B, tcp_packet(TCP_FIN | TCP_ACK, kSeqB + 1, kSeqA + 2));
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 2, kSeqB + 2));
    EXPECT_EQ(timeout(A), 10'000u);
    bench.packet_in(A, tcp_packet(TCP_SYN, 9000, 0));
    EXPECT_EQ(timeout(A), 120'000u) << "it waits for an answer as the first SYN does";
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 7000, 9001));
    bench.packet_in(A, tcp_packet(TCP_ACK, 9001, 7001));
    EXPECT_EQ(timeout(A), 610'000u);
    EXPECT_EQ(timeout(B), 610'000u);
    bench.packet_in(A, tcp_packet(TCP_ACK | TCP_PSH, 9001, 7001, 10));
    EXPECT_EQ(flags(A), "0x0a") << "a SYN after teardown, and the second connection is open";
    EXPECT_EQ(flags(B), "0x02");
    bench.packet_in(A, tcp_packet(TCP_FIN | TCP_ACK, 9011, 7001));
    bench.packet_in(B, tcp_packet(TCP_FIN | TCP_ACK, 7001, 9012));
    bench.packet_in(A, tcp_packet(TCP_ACK, 9012, 7002));
    EXPECT_EQ(timeout(A), 10'000u);
    EXPECT_EQ(flags(A), "0x08");
    EXPECT_EQ(flags(B), "0x00");

    bench.packet_in(A, tcp_packet(TCP_SYN, 9500, 0));
    bench.packet_in(B, tcp_packet(TCP_RST | TCP_ACK, 0, 9501, 0, 0));
    EXPECT_EQ(timeout(A), 100u);
    EXPECT_EQ(flags(A), "0x08") << "refused";
    EXPECT_EQ(flags(B), "0x40");
}

TEST_F(TcpStates, NextConnectionAfterReset)
{
    handshake();
    bench.packet_in(B, tcp_packet(TCP_RST | TCP_ACK, kSeqB + 1, kSeqA + 1, 0, 0));
    bench.packet_in(A, tcp_packet(TCP_SYN, 9000, 0));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 7000, 9001));
    bench.packet_in(A, tcp_packet(TCP_ACK, 9001, 7001, 10));
    EXPECT_EQ(timeout(A), 610'000u);
    EXPECT_EQ(timeout(B), 610'000u);
    EXPECT_EQ(flags(A), "0x12");
    EXPECT_EQ(flags(B), "0x42");
}

TEST_F(TcpStates, ForgedSegmentsChangeNothing)
{
    const struct {
        const char* name;
        unsigned direction;
        packet segment;
        const char* want; // anomalies of its direction at the end
    } forged[] = {
        {"RST", B, tcp_packet(TCP_RST, kSeqB + 500000, 0, 0, 0), "0x40"},
        {"RST-ACK", B, tcp_packet(TCP_RST | TCP_ACK, kSeqB + 0x70000000, kSeqA + 1, 0, 0), "0x40"},
        {"RST-ACK left", A, tcp_packet(TCP_RST | TCP_ACK, kSeqA - 500000, kSeqB + 1, 0, 0), "0x40"},
        {"FIN", A, tcp_packet(TCP_FIN | TCP_ACK, kSeqA + 500000, kSeqB + 1), "0x00"},
        {"SYN", A, tcp_packet(TCP_SYN, 77, 0), "0x04"},
        {"SYN-ACK", B, tcp_packet(TCP_SYN | TCP_ACK, 900000, kSeqA + 1), "0x00"},
        {"ACK of unsent", A, tcp_packet(TCP_ACK, kSeqA + 1, kSeqB + 0x40000000), "0x00"},
        {"data", A, tcp_packet(TCP_ACK, kSeqA + 0x40000000, kSeqB + 1, 100), "0x00"},
    };
    for (const auto& f : forged) {
        bench.reset();
        handshake();
        bench.packet_in(f.direction, f.segment);
        EXPECT_EQ(timeout(A), 610'000u) << f.name;
        EXPECT_EQ(timeout(B), 610'000u) << f.name;
        data(100, 200);
        const std::uint32_t a = kSeqA + 101, b = kSeqB + 201;
        bench.packet_in(A, tcp_packet(TCP_FIN | TCP_ACK, a, b));
        bench.packet_in(B, tcp_packet(TCP_FIN | TCP_ACK, b, a + 1));
        bench.packet_in(A, tcp_packet(TCP_ACK, a + 1, b + 1));
        EXPECT_EQ(timeout(A), 10'000u) << f.name;
        EXPECT_EQ(flags(f.direction), f.want) << f.name;
        EXPECT_EQ(flags(f.direction ^ 1), "0x00") << f.name;
    }
}

TEST_F(TcpStates, ResetInsideTheWindowIsOne)
{
    handshake();
    data(100, 200);
    bench.packet_in(A, tcp_packet(TCP_RST, kSeqA + 101, 0, 0, 0));
    EXPECT_EQ(timeout(A), 100u);

    // unacknowledged data before it
    bench.reset();
    handshake();
    bench.packet_in(B, tcp_packet(TCP_ACK, kSeqB + 1, kSeqA + 1)); // a window of 1000
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 1, kSeqB + 1, 1000));
    bench.packet_in(A, tcp_packet(TCP_RST | TCP_ACK, kSeqA + 1001, kSeqB + 1, 0, 0));
    EXPECT_EQ(timeout(A), 100u);
}

// RFC 9293 3.10.7.3: a RST that does not acknowledge the SYN answers nothing.
TEST_F(TcpStates, RefusalOfAnotherSynIsNone)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
    bench.packet_in(B, tcp_packet(TCP_RST | TCP_ACK, 0, kSeqA + 5000, 0, 0));
    EXPECT_EQ(timeout(A), 120'000u);
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1));
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 1, kSeqB + 1));
    EXPECT_EQ(flags(A), "0x02");
    EXPECT_EQ(flags(B), "0x42");
}

TEST_F(TcpStates, SynWithAnotherNumberWaits)
{
    for (const std::uint32_t answered : {kSeqA, 77u}) {
        bench.reset();
        bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
        bench.packet_in(A, tcp_packet(TCP_SYN, 77, 0));
        bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, answered + 1));
        bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, 12345, answered + 1)); // forged
        bench.packet_in(A, tcp_packet(TCP_ACK, answered + 1, kSeqB + 1));
        EXPECT_EQ(flags(A), "0x02") << answered;
        EXPECT_EQ(flags(B), "0x02") << answered;
    }
}

TEST_F(TcpStates, SimultaneousOpenIsClean)
{
    bench.packet_in(A, tcp_packet(TCP_SYN, kSeqA, 0));
    bench.packet_in(B, tcp_packet(TCP_SYN, kSeqB, 0));
    bench.packet_in(A, tcp_packet(TCP_SYN | TCP_ACK, kSeqA, kSeqB + 1));
    bench.packet_in(B, tcp_packet(TCP_SYN | TCP_ACK, kSeqB, kSeqA + 1));
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 1, kSeqB + 1));
    EXPECT_EQ(flags(A), "0x02");
    EXPECT_EQ(timeout(B), 610'000u);
}

// The capture lost more than a window: the FIN behind the hole counts when it is acknowledged.
TEST_F(TcpStates, CaptureLossBeyondTheWindow)
{
    handshake();
    bench.packet_in(A, tcp_packet(TCP_FIN | TCP_ACK, kSeqA + 1'000'001, kSeqB + 1, 10));
    EXPECT_EQ(timeout(A), 610'000u);
    bench.packet_in(B, tcp_packet(TCP_FIN | TCP_ACK, kSeqB + 1, kSeqA + 1'000'012));
    EXPECT_EQ(timeout(A), 120'000u);
    bench.packet_in(A, tcp_packet(TCP_ACK, kSeqA + 1'000'012, kSeqB + 2));
    EXPECT_EQ(timeout(A), 10'000u);
    EXPECT_EQ(flags(A), "0x00");
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

// README: unscaled when a SYN had no window scale, the largest one when a SYN was not seen or says 13 or 14 (stored as
// one code).
TEST(TcpStatesShift, IsByBothSyns)
{
    for (unsigned mine = 0; mine < 16; mine++) {
        for (unsigned other = 0; other < 16; other++) {
            tcp_states_dir d{}, o{};
            d.scale = mine & 15;
            o.scale = other & 15;
            const bool unscaled = mine == TCP_STATES_UNSCALED || other == TCP_STATES_UNSCALED;
            const bool unknown = mine == TCP_STATES_SCALE_UNKNOWN || other == TCP_STATES_SCALE_UNKNOWN;
            const unsigned expected = unscaled ? 0 : unknown || mine == TCP_STATES_SCALE_LARGEST ? 14 : mine - 1;
            EXPECT_EQ(tcp_states_shift(&d, &o), expected) << mine << " and " << other;
        }
    }
}

// Numbers near each other and near where a window ends, so that each comparison goes both ways.
TEST(TcpStatesShortcut, DoesWhatTheStepsDo)
{
    std::mt19937 random(7);
    const auto below = [&random](unsigned n) { return std::uint32_t(random() % n); };
    unsigned taken = 0;
    for (int run = 0; run < 2'000'000; run++) {
        tcp_states_state state{};
        tcp_states_cold cold{};
        const std::uint32_t base[2] = {below(2) ? 0xfffffff0u : 5000u, below(2) ? 0x7ffffff0u : 9000u};
        for (unsigned i = 0; i < 2; i++) {
            tcp_states_dir& d = state.dir[i];
            d.high_ack = base[i ^ 1] + below(40);
            d.window = std::uint16_t(below(3) ? below(30) : 0xffff);
            d.state = (below(3) ? std::uint32_t(TCP_STATE_ESTABLISHED) : below(5)) & 15;
            d.scale = (below(2) ? 1 : below(16)) & 15;
            d.progress = std::uint8_t(TCP_STATES_SEEN | TCP_STATES_HAS_ACK);
            if (!below(3))
                d.progress = std::uint8_t(random());
            tcp_states_cold_dir& c = cold.dir[i];
            c.apart_seq = base[i] + below(40);
            c.fin_ack = base[i] + below(40);
            c.syn_len = std::uint16_t(below(3));
            c.apart_scale = std::uint8_t(below(16));
        }
        packet p{};
        const unsigned direction = below(2);
        p.flags = PACKET_HAS_TCP;
        p.tcp_flags = std::uint8_t(below(4) ? TCP_ACK | (below(2) ? TCP_PSH : 0) : random());
        p.tcp_seq = base[direction] + below(60) - 10;
        p.tcp_ack = base[direction ^ 1] + below(60) - 10;
        p.tcp_window = std::uint16_t(below(40));
        p.payload_len = below(3) * 10;
        tcp_states_state whole = state;
        tcp_states_cold whole_cold = cold;
        tcp_states_steps(&whole, &whole_cold, &p, direction);
        tcp_states_state probe = state;
        taken += tcp_states_shortcut(&probe.dir[direction], &probe.dir[direction ^ 1], &p);
        tcp_states_advance(&state, &state.dir[direction], &state.dir[direction ^ 1], &cold, &p, direction);
        ASSERT_EQ(std::memcmp(&state, &whole, sizeof state), 0) << "run " << run;
        ASSERT_EQ(std::memcmp(&cold, &whole_cold, sizeof cold), 0) << "run " << run;
    }
    EXPECT_GT(taken, 100'000u);
    EXPECT_LT(taken, 1'900'000u);
}

TEST(TcpStatesOptions, TimeoutsAreSeconds)
{
    Bench bench({"tcp_states:new=1.5,established=2,closing=3,closed=4,reset=0.001"});
    const auto& c = bench.options<tcp_states_config>("tcp_states");
    EXPECT_EQ(c.new_ms, 1500u);
    EXPECT_EQ(c.established_ms, 2000u);
    EXPECT_EQ(c.closing_ms, 3000u);
    EXPECT_EQ(c.closed_ms, 4000u);
    EXPECT_EQ(c.reset_ms, 1u);
    EXPECT_THROW(Bench({"tcp_states:new=0"}), StartupError);
}

} // namespace
} // namespace flowxdp::test
