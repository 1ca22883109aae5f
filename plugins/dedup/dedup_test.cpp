// SPDX-License-Identifier: BSD-2-Clause
// dedup: which packets are copies, and for how long a packet is remembered.
#include "support/plugin_bench.h"

#include <algorithm>
#include <deque>
#include <random>

#include "dedup/dedup.bpf.h"

namespace flowxdp::test {
namespace {

constexpr unsigned A = DIRECTION_A, B = DIRECTION_B;
constexpr std::int64_t kUs = 1000;

packet datagram(unsigned ident, unsigned checksum = 0x1234, std::uint32_t payload = 100)
{
    packet p = udp_packet(payload);
    p.ip_id = static_cast<__u16>(ident);
    p.l4_checksum = static_cast<__u16>(checksum);
    return p;
}

class DedupBench : public Bench {
  public:
    explicit DedupBench(const std::string& options = "") : Bench({"dedup" + options}) {}
    // The packet cell: 1 a copy, 0 none.
    std::string add(unsigned direction, const packet& p, std::int64_t delay_ns)
    {
        packet_in(direction, p, delay_ns);
        return packet_row()["dupPkt"];
    }
};

TEST(Dedup, EachPacketOfASpanPortTwice)
{
    DedupBench bench;
    for (unsigned n = 1; n <= 50; n++) {
        EXPECT_EQ(bench.add(A, datagram(n, n), 3 * kMs), "0") << n;
        EXPECT_EQ(bench.add(A, datagram(n, n), 30 * kUs), "1") << n;
    }
    auto row = bench.flow_row(A);
    EXPECT_EQ(row["dupPkts"], "50");
    EXPECT_EQ(row["dupStat"], "0x01");
    EXPECT_EQ(bench.report_lines().front(), "dedup: Aggregated dupStat=0x01");
}

TEST(Dedup, CopiesMayComeBehindTwoOtherPackets)
{
    DedupBench bench;
    EXPECT_EQ(bench.add(A, datagram(1), kMs), "0");
    EXPECT_EQ(bench.add(A, datagram(2), kUs), "0");
    EXPECT_EQ(bench.add(A, datagram(3), kUs), "0");
    EXPECT_EQ(bench.add(A, datagram(1), kUs), "1");
    EXPECT_EQ(bench.add(A, datagram(2), kUs), "1");
    EXPECT_EQ(bench.add(A, datagram(3), kUs), "1");
    EXPECT_EQ(bench.add(A, datagram(4), kUs), "0");
    EXPECT_EQ(bench.add(A, datagram(1), kUs), "0") << "three packets are remembered, and it is the fourth";
    EXPECT_EQ(bench.flow_row(A)["dupPkts"], "3");
}

TEST(Dedup, WhatDiffersIsNoCopy)
{
    const packet base = datagram(1);
    packet ident = base, length = datagram(1, 0x1234, 101), checksum = base, ttl = base, fragment = base;
    ident.ip_id = 2;
    checksum.l4_checksum = 0x1235;
    ttl.ttl = 63;
    fragment.fragment_offset = 185;
    fragment.flags |= PACKET_LATER_FRAGMENT;
    for (const packet& other : {ident, length, checksum, ttl, fragment}) {
        DedupBench bench;
        bench.add(A, base, kMs);
        EXPECT_EQ(bench.add(A, other, kUs), "0");
        EXPECT_EQ(bench.flow_row(A)["dupPkts"], "0");
    }
    DedupBench bench;
    bench.add(A, base, kMs);
    EXPECT_EQ(bench.add(B, base, kUs), "0") << "the other direction";
}

TEST(Dedup, WhatTheNetworkChangesIsNotCompared)
{
    const packet base = with_macs(datagram(1), 1, 2);
    packet moved = with_macs(base, 3, 4);
    moved.vlan_count = 1;
    moved.wire_len += 4;
    DedupBench bench;
    bench.add(A, base, kMs);
    EXPECT_EQ(bench.add(A, moved, kUs), "1");

    packet routed = moved;
    routed.ttl--;
    DedupBench any(":any_ttl=1");
    any.add(A, base, kMs);
    EXPECT_EQ(any.add(A, routed, kUs), "1");
}

TEST(Dedup, TcpNumbersAndFlagsAreCompared)
{
    const packet base = tcp_packet(TCP_ACK, 100, 200, 10);
    for (const packet& other : {tcp_packet(TCP_ACK, 101, 200, 10), tcp_packet(TCP_ACK, 100, 201, 10),
                                tcp_packet(TCP_ACK | TCP_PSH, 100, 200, 10), tcp_packet(TCP_ACK, 100, 200, 10, 999)}) {
        DedupBench bench;
        bench.add(A, base, kMs);
        EXPECT_EQ(bench.add(A, other, kUs), "0");
        EXPECT_EQ(bench.add(A, base, kUs), "1");
    }
}

// A tick of a window of 20 ms is 2^20 ns, and the window has 19 of them: it ends between 19.9 and 21 ms.
TEST(Dedup, TheWindowEnds)
{
    for (const auto& [age, copy] : {std::pair{std::int64_t{18}, "1"}, std::pair{std::int64_t{22}, "0"}}) {
        for (const std::int64_t between : {std::int64_t{0}, age / 2}) {
            DedupBench bench;
            bench.add(A, datagram(1), kMs);
            if (between) // else there is a silence of the whole age
                bench.add(A, datagram(2), between * kMs);
            EXPECT_EQ(bench.add(A, datagram(1), (age - between) * kMs), copy) << age << " ms";
        }
    }
    DedupBench bench(":window=1");
    bench.add(A, datagram(1), kMs);
    EXPECT_EQ(bench.add(A, datagram(1), 900 * kMs), "1");
    EXPECT_EQ(bench.add(A, datagram(1), 200 * kMs), "0") << "1.1 s after the first, and a copy does not count as one";
    EXPECT_EQ(bench.flow_row(A)["dupPkts"], "1");
}

// Ages of eight bits say the same as ages without a limit.
TEST(Dedup, OldPacketsStayOld)
{
    std::mt19937 random(106);
    for (const char* window : {"0.001", "0.02", "0.0333"}) {
        DedupBench bench(std::string(":window=") + window);
        const auto& config = bench.options<dedup_config>("dedup");
        const std::int64_t window_ns = static_cast<std::int64_t>(config.window_ns);
        std::deque<std::pair<unsigned, std::int64_t>> kept; // newest first
        std::int64_t before = 0, first = 0;
        unsigned copies = 0;
        for (int n = 0; n < 20'000; n++) {
            const unsigned ident = 1 + static_cast<unsigned>(random() % 4);
            const std::int64_t delay = static_cast<std::int64_t>(random()) % (window_ns * (n % 3 ? 1 : 11) / 10);
            const bool copy = bench.add(A, datagram(ident), delay) == "1";
            if (bench.now() - before > window_ns)
                kept.clear();
            before = bench.now();
            first = n ? first : bench.now(); // ticks count from the flow's first packet
            const std::int64_t tick = (bench.now() - first) >> config.tick_shift;
            const bool expected = std::any_of(kept.begin(), kept.end(), [&](const auto& k) {
                return k.first == ident && tick - k.second <= window_ns >> config.tick_shift;
            });
            ASSERT_EQ(copy, expected) << n;
            copies += expected;
            if (expected)
                continue;
            kept.emplace_front(ident, tick);
            if (kept.size() > DEDUP_KEPT)
                kept.pop_back();
        }
        EXPECT_EQ(bench.flow_row(A)["dupPkts"], std::to_string(copies));
    }
}

TEST(Dedup, TicksOfEachWindow)
{
    for (const char* window : {"0.001", "0.02", "0.0333", "1", "10"}) {
        Bench bench({std::string("dedup:window=") + window});
        const auto& config = bench.options<dedup_config>("dedup");
        const std::uint64_t ticks = config.window_ns >> config.tick_shift;
        EXPECT_GE(ticks, 16u) << window;
        EXPECT_LT(ticks, 32u) << window;
    }
}

TEST(Dedup, FramesWithoutIpAreNotExamined)
{
    Bench bench({"dedup"}, FLOW_KIND_L2, 0);
    packet p{};
    p.ethertype = 0x0806;
    p.wire_len = p.cap_len = 60;
    bench.packet_in(A, p);
    bench.packet_in(A, p, kUs);
    auto row = bench.flow_row(A);
    EXPECT_EQ(row["dupPkts"], "0");
    EXPECT_EQ(row["dupStat"], "0x02");
    EXPECT_EQ(bench.packet_row()["dupPkt"], "");
}

} // namespace
} // namespace flowxdp::test
