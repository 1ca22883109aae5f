// SPDX-License-Identifier: BSD-2-Clause
// The native engine, packet by packet: when flows end, what ends them, in which order they leave.
#include <gtest/gtest.h>

#include "engine/engine_bench.h"
#include "tcp_win/tcp_win_state.h"

namespace flowxdp::test {
namespace {

const Bytes kAsk = udp_frame("10.0.0.1", 40000, "10.0.0.2", 5000);
const Bytes kAnswer = udp_frame("10.0.0.2", 5000, "10.0.0.1", 40000);

Bytes tcp_frame(bool from_client, std::uint32_t window)
{
    return from_client ? Packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(40000, 5000, window, 0x10).bytes()
                       : Packet().eth().ipv4("10.0.0.2", "10.0.0.1").tcp(5000, 40000, window, 0x10).bytes();
}

// Frame number n of a flow of its own.
Bytes lone(unsigned n)
{
    return udp_frame("10.1." + std::to_string(n >> 8) + "." + std::to_string(n & 255), 40000, "10.0.0.2", 5000);
}

TEST(NativeEngine, TwoDirectionsAreOneBiflow)
{
    const EngineRun run = EngineBench().frame(kAsk, 0).frame(kAnswer, 1).frame(kAsk, 2).run();
    ASSERT_EQ(run.flows.size(), 1U);
    const Ended& flow = run.flows[0];
    EXPECT_EQ(flow.flow_id, 1U);
    EXPECT_EQ(flow.reason, FLOW_END_FORCED);
    EXPECT_EQ(flow.end_clock_ns, 2);
    EXPECT_EQ(flow.packets[DIRECTION_A], 2U);
    EXPECT_EQ(flow.packets[DIRECTION_B], 1U);
    EXPECT_FALSE(flow.has(DIRECTION_A, FS(INVERTED)));
    EXPECT_TRUE(flow.has(DIRECTION_B, FS(INVERTED)));
    // 20 of IP, 8 of UDP, 20 of payload
    EXPECT_EQ(flow.record.dir[DIRECTION_A].octets, 96U);
    EXPECT_EQ(run.counts.peak_directions, 2U);
}

// Where keys stand in the table shows nowhere: not in a table that is full, not in fragments that find their first one.
TEST(NativeEngine, RowsDoNotDependOnTheTablesSeed)
{
    std::vector<std::vector<std::uint64_t>> first;
    for (const std::uint64_t seed : {99ULL, 1ULL, 0x0123456789abcdefULL, ~0ULL}) {
        EngineBench bench(64);
        flow_hash_secret_from(&bench.config().table_secret, seed);
        for (unsigned i = 0; i < 2000; i++)
            bench.frame(lone(i * 7 % 200), i * kSecond / 4);
        for (unsigned id = 1; id < 200; id++) {
            const std::string from = "10.9.0." + std::to_string(id % 100);
            const auto header = [&](std::uint32_t offset_units, bool more) {
                return Packet().eth().ipv4(from, "10.0.0.2").fragment4(id, offset_units, more);
            };
            bench.frame(header(0, true).udp(1, 2).payload(8).bytes(), 500 * kSecond);
            bench.frame(header(2, false).payload(8).bytes(), 500 * kSecond);
        }
        const EngineRun run = bench.run();
        std::vector<std::vector<std::uint64_t>> facts;
        for (const Ended& flow : run.flows)
            facts.push_back(flow.facts());
        if (first.empty())
            first = facts;
        EXPECT_GT(run.count(COUNTER_FLOWS_ENDED_RESOURCES), 1000U);
        EXPECT_EQ(facts, first) << "seed " << seed;
    }
}

TEST(NativeEngine, APacketAtTheDueNanosecondStartsTheNextFlow)
{
    const EngineRun run = EngineBench().frame(kAsk, 0).frame(kAsk, 182 * kSecond).run();
    ASSERT_EQ(run.flows.size(), 2U);
    EXPECT_EQ(run.flows[0].flow_id, 1U);
    EXPECT_EQ(run.flows[0].reason, FLOW_END_IDLE);
    EXPECT_EQ(run.flows[0].end_clock_ns, 182 * kSecond);
    EXPECT_EQ(run.flows[1].flow_id, 2U);
    EXPECT_EQ(run.flows[1].packets[DIRECTION_A], 1U);
    EXPECT_EQ(run.count(COUNTER_FLOWS_ENDED_IDLE), 1U);
    EXPECT_EQ(run.count(COUNTER_FLOWS_STARTED), 2U);
}

TEST(NativeEngine, APacketOneNanosecondEarlierStillBelongsToTheFlow)
{
    const EngineRun run = EngineBench().frame(kAsk, 0).frame(kAsk, 182 * kSecond - 1).run();
    ASSERT_EQ(run.flows.size(), 1U);
    EXPECT_EQ(run.flows[0].packets[DIRECTION_A], 2U);
}

TEST(NativeEngine, TheAnswerKeepsTheQuestionAlive)
{
    // A is due at 182 s, B at 281 s: at 280.999999999 s the flow lives, at 281 s it does not.
    for (const bool late : {false, true}) {
        const EngineRun run =
            EngineBench().frame(kAsk, 0).frame(kAnswer, 99 * kSecond).frame(kAsk, 281 * kSecond - (late ? 0 : 1)).run();
        ASSERT_EQ(run.flows.size(), late ? 2U : 1U);
    }
}

TEST(NativeEngine, ASilentFlowEndsWhenItFellDueNotWhenThatWasNoticed)
{
    const EngineRun run = EngineBench().frame(lone(1), 0).frame(lone(2), 500 * kSecond).run();
    ASSERT_EQ(run.flows.size(), 2U);
    EXPECT_EQ(run.flows[0].reason, FLOW_END_IDLE);
    EXPECT_EQ(run.flows[0].end_clock_ns, 182 * kSecond);
}

TEST(NativeEngine, ASuccessorHasNothingOfItsPredecessor)
{
    const EngineRun run = EngineBench().frame(kAsk, 0).frame(kAnswer, 0).frame(kAnswer, 1000 * kSecond).run();
    ASSERT_EQ(run.flows.size(), 2U);
    const Ended& next = run.flows[1];
    EXPECT_EQ(next.packets[DIRECTION_A], 1U); // whoever is seen first is A: direction is decided anew
    EXPECT_EQ(next.packets[DIRECTION_B], 0U);
    EXPECT_FALSE(next.has(DIRECTION_A, FS(INVERTED)));
    EXPECT_EQ(next.record.dir[DIRECTION_A].first_ns, 1000 * kSecond);
    EXPECT_EQ(next.record.first_clock_ns, 1000 * kSecond);
    EXPECT_EQ(next.record.state, static_cast<__u32>(FLOW_STATE_BORN));
    EXPECT_EQ(run.counts.peak_directions, 2U);
}

TEST(NativeEngine, TheActiveTimeoutCutsAtThePacketThatReachesIt)
{
    EngineBench bench;
    bench.config().active_timeout_ns = 10 * kSecond;
    for (const std::int64_t ts : {0 * kSecond, 5 * kSecond, 10 * kSecond - 1, 10 * kSecond, 19 * kSecond})
        bench.frame(kAsk, ts);
    const EngineRun run = bench.run();
    ASSERT_EQ(run.flows.size(), 2U);
    EXPECT_EQ(run.flows[0].reason, FLOW_END_ACTIVE);
    EXPECT_EQ(run.flows[0].end_clock_ns, 10 * kSecond);
    EXPECT_EQ(run.flows[0].packets[DIRECTION_A], 3U);
    EXPECT_TRUE(run.flows[0].has(DIRECTION_A, 1ULL << 62));
    EXPECT_EQ(run.flows[1].packets[DIRECTION_A], 2U);
    EXPECT_EQ(run.count(COUNTER_FLOWS_ENDED_ACTIVE), 1U);
}

TEST(NativeEngine, ForceEndsBothDirectionsAtThisPacketAndTheNextStartsANewFlow)
{
    EngineBench bench;
    auto* config = bench.enable<tcp_win_config>("tcp_win");
    config->threshold = 1;
    config->force_at = 1;
    bench.config().flags |= FLOW_CONFIG_CAN_FORCE;
    bench.frame(tcp_frame(true, 100), 1).frame(tcp_frame(false, 100), 2).frame(tcp_frame(true, 0), 3);
    bench.frame(tcp_frame(false, 100), 4).frame(tcp_frame(true, 100), 5);
    const EngineRun run = bench.run();
    ASSERT_EQ(run.flows.size(), 2U);
    const Ended& forced = run.flows[0];
    EXPECT_EQ(forced.reason, FLOW_END_DETECTED);
    EXPECT_EQ(forced.end_clock_ns, 3);
    EXPECT_EQ(forced.packets[DIRECTION_A], 2U); // the triggering packet belongs to the old flow
    EXPECT_EQ(forced.packets[DIRECTION_B], 1U); // both directions leave
    EXPECT_TRUE(forced.has(DIRECTION_A, 1ULL << 41));
    EXPECT_FALSE(forced.has(DIRECTION_B, 1ULL << 41));
    EXPECT_EQ(run.flows[1].flow_id, 2U);
    EXPECT_EQ(run.flows[1].record.lo_direction, DIRECTION_B); // 10.0.0.2 was first now
    EXPECT_EQ(run.count(COUNTER_FLOWS_ENDED_FORCED), 1U);
    EXPECT_EQ(run.packets_in_flows(), 5U);
}

TEST(NativeEngine, AFullTableEvictsTheLeastRecentlyActiveWithBit42)
{
    EngineBench bench(4);
    for (unsigned n = 1; n <= 4; n++)
        bench.frame(lone(n), n * kSecond);
    bench.frame(lone(1), 5 * kSecond); // 2 is now the least recently active, then 3
    bench.frame(lone(5), 6 * kSecond).frame(lone(6), 7 * kSecond);
    const EngineRun run = bench.run();
    ASSERT_EQ(run.flows.size(), 6U);
    EXPECT_EQ(run.flows[0].flow_id, 2U);
    EXPECT_EQ(run.flows[0].reason, FLOW_END_RESOURCES);
    EXPECT_EQ(run.flows[0].end_clock_ns, 6 * kSecond);
    EXPECT_TRUE(run.flows[0].has(DIRECTION_A, 1ULL << 42));
    EXPECT_EQ(run.flows[1].flow_id, 3U);
    EXPECT_EQ(run.count(COUNTER_FLOWS_ENDED_RESOURCES), 2U);
    EXPECT_EQ(run.count(COUNTER_TABLE_FULL), 2U);
    EXPECT_EQ(run.packets_in_flows(), 7U);
}

TEST(NativeEngine, AFullTableFirstLetsGoWhatIsDue)
{
    EngineBench bench(2);
    bench.frame(lone(1), 0).frame(lone(2), 100 * kSecond).frame(lone(3), 182 * kSecond);
    const EngineRun run = bench.run();
    EXPECT_EQ(run.count(COUNTER_FLOWS_ENDED_RESOURCES), 0U);
    EXPECT_EQ(run.count(COUNTER_FLOWS_ENDED_IDLE), 1U);
}

TEST(NativeEngine, AtTheEndOfInputFlowsLeaveByLastPacketThenFlowInd)
{
    EngineBench bench;
    bench.frame(lone(1), 0).frame(lone(2), 5).frame(lone(3), 5).frame(lone(4), 1);
    bench.frame(lone(1), 9);
    const EngineRun run = bench.run();
    std::vector<std::uint64_t> ids;
    for (const Ended& e : run.flows)
        ids.push_back(e.flow_id);
    // Flow 4's packet came at clock 5: time stamps that run back do not turn the clock.
    EXPECT_EQ(ids, (std::vector<std::uint64_t>{2, 3, 4, 1}));
    EXPECT_EQ(run.count(COUNTER_FLOWS_ENDED_INPUT), 4U);
    EXPECT_EQ(run.counts.live_flows, 0U);
}

TEST(NativeEngine, ThousandsOfFlowsAtTheEndOfInputStayInOrder)
{
    EngineBench bench(1u << 16);
    for (unsigned n = 0; n < 5000; n++)
        bench.frame(
            udp_frame("10.1." + std::to_string(n / 250) + "." + std::to_string(n % 250), 40000, "10.0.0.2", 5000),
            (n * 7919 % 5000) * 1000);
    const EngineRun run = bench.run();
    ASSERT_EQ(run.flows.size(), 5000U);
    for (std::size_t i = 1; i < run.flows.size(); i++)
        ASSERT_LE(std::make_pair(run.flows[i - 1].end_clock_ns, run.flows[i - 1].flow_id),
                  std::make_pair(run.flows[i].end_clock_ns, run.flows[i].flow_id));
}

TEST(NativeEngine, LaterFragmentsBelongToTheFirstFragmentsFlow)
{
    const Bytes first = Packet().eth().ipv4().fragment4(7, 0, true).udp(40000, 5000).payload(100).bytes();
    const Bytes later = Packet().eth().ipv4().fragment4(7, 20, false).raw("rest", Bytes(50, 0), 0xffff, 17).bytes();
    const Bytes stray = Packet().eth().ipv4().fragment4(8, 20, false).raw("rest", Bytes(50, 0), 0xffff, 17).bytes();
    for (const std::uint32_t parse_every : {0u, 1u, 2u}) { // in one call each, so that first and later part differ
        const EngineRun run = EngineBench().frame(first, 0).frame(later, 1).frame(stray, 2).run(1, parse_every);
        ASSERT_EQ(run.flows.size(), 2U);
        EXPECT_EQ(run.flows[0].packets[DIRECTION_A], 2U);
        EXPECT_FALSE(run.flows[0].has(DIRECTION_A, FS(FRAGMENT_NO_FIRST)));
        EXPECT_EQ(run.flows[1].packets[DIRECTION_A], 1U);
        EXPECT_TRUE(run.flows[1].has(DIRECTION_A, FS(FRAGMENT_NO_FIRST)));
        EXPECT_EQ(run.count(COUNTER_FRAGMENTS_UNMATCHED), 1U);
    }
}

TEST(NativeEngine, AFrameShorterThanItsLinkHeaderIsCountedAndHasNoFlow)
{
    const EngineRun run = EngineBench().frame(Bytes(10, 0), 0).frame(kAsk, 1).run();
    EXPECT_EQ(run.count(COUNTER_PACKETS_SEEN), 2U);
    EXPECT_EQ(run.count(COUNTER_PACKETS_SHORT_FRAME), 1U);
    EXPECT_EQ(run.packets_in_flows(), 1U);
}

TEST(NativeEngine, PacketRowsComeInInputOrderWithTheFlowTheyWereCountedIn)
{
    EngineBench bench;
    bench.config().flags |= FLOW_CONFIG_PACKET_RECORDS;
    bench.config().payload_max = PACKET_MAX_PAYLOAD;
    bench.frame(kAsk, 0).frame(kAnswer, 30).frame(kAsk, 100).frame(kAsk, 182 * kSecond + 100);
    const EngineRun run = bench.run();
    ASSERT_EQ(run.packets.size(), 4U);
    for (std::size_t i = 0; i < 4; i++)
        EXPECT_EQ(run.packets[i].packet_no, i + 1);
    EXPECT_EQ(run.packets[1].direction, DIRECTION_B);
    EXPECT_EQ(run.packets[1].round_trip_ns, 30);
    EXPECT_EQ(run.packets[2].interval_ns, 100);
    EXPECT_EQ(run.packets[2].round_trip_ns, 70);
    EXPECT_EQ(run.packets[2].duration_ns, 100);
    EXPECT_EQ(run.packets[2].payload_captured, 20);
    EXPECT_EQ(run.packets[3].flow_id, 2U);
    EXPECT_EQ(run.packets[3].interval_ns, 0);
}

constexpr std::uint64_t kTurn = 16384; // flows that may wait for a clock that stands still

// A table of 64 flows and 50,000 that come at one time.
TEST(NativeEngine, WhatWaitsForAClockThatStandsStillIsBounded)
{
    EngineBench bench(64);
    for (unsigned i = 0; i < 50000; i++)
        bench.frame(lone(i), 7 * kSecond);
    const EngineRun run = bench.run();
    ASSERT_EQ(run.flows.size(), 50000U);
    EXPECT_LE(run.most_held, kTurn);
    EXPECT_EQ(run.count(COUNTER_FLOWS_ENDED_RESOURCES), 50000U - 64);
    for (unsigned i = 0; i < 50000; i++)
        ASSERT_EQ(run.flows[i].flow_id, i + 1);
}

// 134 ms of clock are a tick of the wheel: 50,000 flows in 50 us.
TEST(NativeEngine, WhatEndsInAShortTimeOfTheClockDoesNotWaitForItsTick)
{
    EngineBench bench(64);
    for (unsigned i = 0; i < 50000; i++)
        bench.frame(lone(i), 7 * kSecond + i);
    const EngineRun run = bench.run();
    ASSERT_EQ(run.flows.size(), 50000U);
    EXPECT_LE(run.most_held, 4096U + 1);
}

// All flows are alive, and of one time, at the end of input.
TEST(NativeEngine, TheTableIsNotHeldASecondTimeAtTheEndOfInput)
{
    EngineBench bench(65536);
    for (unsigned i = 0; i < 50000; i++)
        bench.frame(lone(i), 7 * kSecond);
    const EngineRun run = bench.run();
    ASSERT_EQ(run.flows.size(), 50000U);
    EXPECT_LE(run.most_held, 64U);
}

// 20,000 connections that force mode ends in the reverse order of their start, all at 182 s, when flow 1 falls due.
TEST(NativeEngine, TheOrderBeginsAnewAfterSixteenThousandEndsAtOneClock)
{
    constexpr unsigned kFlows = 20000;
    EngineBench bench(65536);
    auto* config = bench.enable<tcp_win_config>("tcp_win");
    config->threshold = 100;
    config->force_at = 1;
    bench.config().flags |= FLOW_CONFIG_CAN_FORCE;
    auto segment = [](unsigned n, std::uint32_t window) {
        return Packet().eth().ipv4("10.1.0.1", "10.0.0.2").tcp(n + 1, 80, window, 0x10).bytes();
    };
    bench.frame(lone(0), 0); // flowInd 1
    for (unsigned i = 0; i < kFlows; i++)
        bench.frame(segment(i, 5000), 100 * kSecond); // flowInd i + 2
    for (unsigned i = kFlows; i-- > 0;)
        bench.frame(segment(i, 10), 182 * kSecond);
    const EngineRun run = bench.run();
    std::vector<std::uint64_t> expected = {1};
    for (std::uint64_t id = kFlows + 2 - kTurn; id < kFlows + 2; id++)
        expected.push_back(id); // of the first turn
    for (std::uint64_t id = 2; id < kFlows + 2 - kTurn; id++)
        expected.push_back(id);
    ASSERT_EQ(run.flows.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); i++)
        ASSERT_EQ(run.flows[i].flow_id, expected[i]) << "row " << i;
    EXPECT_EQ(run.flows[0].reason, FLOW_END_IDLE);
    EXPECT_EQ(run.flows[0].end_clock_ns, 182 * kSecond);
    EXPECT_EQ(run.flows[1].end_clock_ns, 182 * kSecond);
    EXPECT_LE(run.most_held, kTurn + 1);
}

TEST(NativeEngine, BeforeTheClockStepsBackWhatIsDueEndsAtTheOldClock)
{
    EngineBench bench;
    bench.frame(lone(1), 1000 * kSecond).frame(lone(2), 1182 * kSecond).frame(lone(3), 100 * kSecond);
    const EngineRun run = bench.run();
    ASSERT_EQ(run.flows.size(), 3U);
    EXPECT_EQ(run.flows[0].flow_id, 1U);
    EXPECT_EQ(run.flows[0].reason, FLOW_END_IDLE);
    EXPECT_EQ(run.flows[0].era, 0U);
    EXPECT_EQ(run.count(COUNTER_CLOCK_STEPS), 1U);
    // 3 and 2 leave at the end of input: last packets at 100 s and 1,182 s.
    EXPECT_EQ(run.flows[1].flow_id, 3U);
    EXPECT_EQ(run.flows[2].flow_id, 2U);
}

// The clock of a batch runs ahead of its packets: a step back must use the packet's own.
TEST(NativeEngine, AStepBackInTheMiddleOfABatchIsTheSameAsFrameByFrame)
{
    EngineBench bench;
    bench.frame(lone(1), 100000 * kSecond);
    bench.frame(lone(2), 0).frame(lone(3), 10 * kSecond).frame(lone(3), 192 * kSecond);
    bench.frame(lone(4), 195 * kSecond).frame(lone(5), 2000 * kSecond);
    const EngineRun whole = bench.run(), single = bench.run(1);
    ASSERT_EQ(whole.flows.size(), 6U);
    ASSERT_EQ(single.flows.size(), 6U);
    for (std::size_t i = 0; i < 6; i++)
        EXPECT_EQ(whole.flows[i].facts(), single.flows[i].facts()) << i;
    // Flow 2 fell due at 182 s, before flow 3 did at 192 s.
    EXPECT_EQ(whole.flows[0].flow_id, 2U);
    EXPECT_EQ(whole.flows[1].flow_id, 3U);
    EXPECT_EQ(whole.counts.peak_directions, single.counts.peak_directions);
}

} // namespace
} // namespace flowxdp::test
