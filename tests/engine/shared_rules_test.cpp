// SPDX-License-Identifier: BSD-2-Clause
// The pure rules of bpf/flowxdp: packet clock, end of a flow, direction of a new flow, key and hash.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <limits>
#include <random>

#include "flowxdp/clock.h"
#include "flowxdp/flow_end.h"
#include "flowxdp/flow_key.h"
#include "flowxdp/flow_start.h"

namespace {

constexpr std::int64_t kSecond = 1000000000;

TEST(PacketClock, TheFirstPacketSetsItWithoutAStep)
{
    packet_clock clock{};
    __s64 before = 42;
    EXPECT_EQ(packet_clock_advance(&clock, -5 * kSecond, &before), 0);
    EXPECT_EQ(clock.now_ns, -5 * kSecond);
    EXPECT_EQ(before, 42);
}

TEST(PacketClock, JitterNeverTurnsItBack)
{
    packet_clock clock{};
    __s64 before = 0;
    packet_clock_advance(&clock, 100 * kSecond, &before);
    EXPECT_EQ(packet_clock_advance(&clock, 99 * kSecond, &before), 0);
    EXPECT_EQ(clock.now_ns, 100 * kSecond);
    EXPECT_EQ(packet_clock_advance(&clock, 40 * kSecond, &before), 0); // exactly a minute is still jitter
    EXPECT_EQ(clock.now_ns, 100 * kSecond);
}

TEST(PacketClock, MoreThanAMinuteBackIsAStepAndTellsTheOldClock)
{
    packet_clock clock{};
    __s64 before = 0;
    packet_clock_advance(&clock, 100 * kSecond, &before);
    EXPECT_EQ(packet_clock_advance(&clock, 40 * kSecond - 1, &before), 1);
    EXPECT_EQ(before, 100 * kSecond);
    EXPECT_EQ(clock.now_ns, 40 * kSecond - 1);
    EXPECT_EQ(packet_clock_advance(&clock, -365 * 86400 * kSecond, &before), 1); // captures step back by years
    EXPECT_EQ(before, 40 * kSecond - 1);
}

flow_record record_with(std::int64_t a_last_s, std::uint32_t a_timeout_s, std::int64_t b_last_s,
                        std::uint32_t b_timeout_s)
{
    flow_record r{};
    r.dir[0].packets = a_last_s >= 0;
    r.dir[0].last_clock_ns = a_last_s * kSecond;
    r.dir[0].timeout_ms = a_timeout_s * 1000;
    r.dir[1].packets = b_last_s >= 0;
    r.dir[1].last_clock_ns = b_last_s * kSecond;
    r.dir[1].timeout_ms = b_timeout_s * 1000;
    return r;
}

TEST(FlowEnd, TheBiflowIsDueAtTheLaterOfItsDirections)
{
    const flow_record later_b = record_with(100, 10, 90, 30); // 110 and 120
    EXPECT_EQ(flow_due_ns(&later_b), 120 * kSecond);
    const flow_record later_a = record_with(100, 182, 101, 10); // 282 and 111
    EXPECT_EQ(flow_due_ns(&later_a), 282 * kSecond);
    EXPECT_EQ(flow_last_clock_ns(&later_a), 101 * kSecond);
}

TEST(FlowEnd, ADirectionThatWasNotSeenDoesNotCount)
{
    flow_record only_a = record_with(100, 10, -1, 610);
    only_a.dir[1].last_clock_ns = 500 * kSecond;
    EXPECT_EQ(flow_due_ns(&only_a), 110 * kSecond);
    EXPECT_EQ(flow_last_clock_ns(&only_a), 100 * kSecond);
    flow_record only_b = record_with(-1, 610, 200, 10);
    only_b.dir[0].last_clock_ns = 500 * kSecond;
    EXPECT_EQ(flow_due_ns(&only_b), 210 * kSecond);
    EXPECT_EQ(flow_last_clock_ns(&only_b), 200 * kSecond);
}

TEST(FlowEnd, TheLongestTimeoutDoesNotOverflow)
{
    flow_record r = record_with(100, 0, -1, 0);
    r.dir[0].timeout_ms = std::numeric_limits<__u32>::max();
    EXPECT_EQ(flow_due_ns(&r), 100 * kSecond + 4294967295LL * 1000000);
}

TEST(FlowEnd, AtTheVeryNanosecondItIsOver)
{
    const flow_record r = record_with(100, 182, -1, 0);
    flow_config config{};
    EXPECT_EQ(flow_end_at_packet(&r, 282 * kSecond - 1, &config), FLOW_END_NONE);
    EXPECT_EQ(flow_end_at_packet(&r, 282 * kSecond, &config), FLOW_END_IDLE);
}

TEST(FlowEnd, TheActiveTimeoutCountsFromTheFirstPacketAndYieldsToIdle)
{
    flow_record r = record_with(100, 182, -1, 0);
    r.first_clock_ns = 40 * kSecond;
    flow_config config{};
    config.active_timeout_ns = 100 * kSecond;
    EXPECT_EQ(flow_end_at_packet(&r, 140 * kSecond - 1, &config), FLOW_END_NONE);
    EXPECT_EQ(flow_end_at_packet(&r, 140 * kSecond, &config), FLOW_END_ACTIVE);
    EXPECT_EQ(flow_end_at_packet(&r, 282 * kSecond, &config), FLOW_END_IDLE);
}

TEST(FlowEnd, AnIdleFlowEndedWhenItFellDueAnyOtherAtTheClock)
{
    const flow_record r = record_with(100, 182, -1, 0);
    EXPECT_EQ(flow_end_clock_ns(&r, FLOW_END_IDLE, 999 * kSecond), 282 * kSecond);
    EXPECT_EQ(flow_end_clock_ns(&r, FLOW_END_ACTIVE, 150 * kSecond), 150 * kSecond);
    EXPECT_EQ(flow_end_clock_ns(&r, FLOW_END_DETECTED, 150 * kSecond), 150 * kSecond);
}

TEST(FlowEnd, MarksTheDirectionsSeenAlone)
{
    flow_record r = record_with(1, 1, -1, 0);
    r.dir[0].flags = FLOW_DIR_FRAGMENT_PENDING;
    flow_mark_end(&r, FLOW_END_RESOURCES);
    EXPECT_EQ(r.dir[0].status, FS(TABLE_FULL) | FS(FRAGMENT_PENDING));
    EXPECT_EQ(r.dir[1].status, 0U);
    r = record_with(1, 1, 1, 1);
    flow_mark_end(&r, FLOW_END_ACTIVE);
    EXPECT_EQ(r.dir[0].status, FS(DURATION_LIMIT));
    EXPECT_EQ(r.dir[1].status, FS(DURATION_LIMIT));
    r = record_with(1, 1, 1, 1);
    flow_mark_end(&r, FLOW_END_IDLE);
    EXPECT_EQ(r.dir[0].status | r.dir[1].status, 0U);
}

packet ports(std::uint16_t src, std::uint16_t dst, std::uint8_t tcp_flags = 0, std::uint16_t flags = PACKET_HAS_PORTS)
{
    packet p{};
    p.ip_version = 4;
    p.src_port = src;
    p.dst_port = dst;
    p.tcp_flags = tcp_flags;
    p.flags = flags;
    return p;
}

TEST(FlowDirection, TheFirstSenderIsAUnlessItsPortSaysAnswer)
{
    packet p = ports(40000, 53);
    EXPECT_EQ(flow_starts_inverted(&p), 0U);
    p = ports(53, 40000); // below 1024 and below the destination's
    EXPECT_EQ(flow_starts_inverted(&p), 1U);
    p = ports(1023, 1024);
    EXPECT_EQ(flow_starts_inverted(&p), 1U);
    p = ports(1024, 40000);
    EXPECT_EQ(flow_starts_inverted(&p), 0U);
    p = ports(123, 123); // not below the destination's
    EXPECT_EQ(flow_starts_inverted(&p), 0U);
    p = ports(80, 22);
    EXPECT_EQ(flow_starts_inverted(&p), 0U);
}

TEST(FlowDirection, FourWebPortsAnswerWhateverTheOtherPort)
{
    for (const std::uint16_t port : {8080, 8081, 8088, 8089}) {
        const packet p = ports(port, 80);
        EXPECT_EQ(flow_starts_inverted(&p), 1U) << port;
    }
    for (const std::uint16_t port : {8079, 8082, 8087, 8090}) {
        const packet p = ports(port, 50000);
        EXPECT_EQ(flow_starts_inverted(&p), 0U) << port;
    }
}

TEST(FlowDirection, ASynAckIsAnAnswerASynIsNot)
{
    packet p = ports(40000, 50000, TCP_SYN | TCP_ACK, PACKET_HAS_PORTS | PACKET_HAS_TCP);
    EXPECT_EQ(flow_starts_inverted(&p), 1U);
    p.tcp_flags = TCP_SYN;
    EXPECT_EQ(flow_starts_inverted(&p), 0U);
    p.tcp_flags = TCP_SYN | TCP_ACK | TCP_ECE;
    EXPECT_EQ(flow_starts_inverted(&p), 1U);
    p.flags = PACKET_HAS_PORTS; // the header is cut: flags are not believed
    EXPECT_EQ(flow_starts_inverted(&p), 0U);
}

TEST(FlowDirection, WithoutPortsOrIpWhoeverIsSeenFirstIsA)
{
    packet p = ports(0, 40000, 0, 0);
    EXPECT_EQ(flow_starts_inverted(&p), 0U);
    p = ports(53, 40000);
    p.ip_version = 0;
    EXPECT_EQ(flow_starts_inverted(&p), 0U);
}

TEST(FlowKey, BothDirectionsFindTheSameKeyAndSayWhichTheyAre)
{
    std::mt19937 random(1);
    for (int i = 0; i < 2000; i++) {
        packet p{}, back{};
        p.ip_version = 6;
        p.ip_proto = 17;
        for (int w = 0; w < 4; w++) {
            p.src[w] = random() % 3; // equal words now and then
            p.dst[w] = random() % 3;
        }
        p.src_port = static_cast<__u16>(random() % 3);
        p.dst_port = static_cast<__u16>(random() % 3);
        p.vlan_id = static_cast<__u16>(random() % 3);
        back = p;
        std::memcpy(back.src, p.dst, sizeof back.src);
        std::memcpy(back.dst, p.src, sizeof back.dst);
        back.src_port = p.dst_port;
        back.dst_port = p.src_port;
        flow_key one{}, other{};
        const std::uint32_t reverse = flow_key_from(&p, FLOW_KEY_VLAN, &one);
        const std::uint32_t reverse_back = flow_key_from(&back, FLOW_KEY_VLAN, &other);
        ASSERT_TRUE(flow_key_equal(&one, &other));
        const bool same_ends = !std::memcmp(p.src, p.dst, sizeof p.src) && p.src_port == p.dst_port;
        ASSERT_EQ(reverse ^ reverse_back, same_ends ? 0U : 1U);
    }
}

TEST(FlowKey, EveryFieldSeparatesFlows)
{
    packet p{};
    p.ip_version = 4;
    p.ip_proto = 6;
    p.src[3] = 1;
    p.dst[3] = 2;
    p.src_port = 10;
    p.dst_port = 20;
    flow_key base{};
    flow_key_from(&p, FLOW_KEY_VLAN, &base);
    std::array<packet, 6> others;
    others.fill(p);
    others[0].ip_version = 6;
    others[1].ip_proto = 17;
    others[2].vlan_id = 5;
    others[3].src_port = 11;
    others[4].dst[3] = 3;
    others[5].ip_version = 0;
    for (const packet& other : others) {
        flow_key key{};
        flow_key_from(&other, FLOW_KEY_VLAN, &key);
        EXPECT_FALSE(flow_key_equal(&base, &key));
    }
}

TEST(FlowKey, OnlyWhatIsChosenStandsBesideTheAddresses)
{
    const auto separate = [](__u32 beside, const packet& one, const packet& other) {
        flow_key a{}, b{};
        flow_key_from(&one, beside, &a);
        flow_key_from(&other, beside, &b);
        return !flow_key_equal(&a, &b);
    };
    packet plain{};
    plain.ip_version = 4;
    plain.src[3] = 1;
    packet tagged = plain, vni0 = plain, vni7 = plain, key7 = plain;
    tagged.vlan_id = 5;
    vni0.tunnel_header = vni7.tunnel_header = HEADER_VXLAN;
    key7.tunnel_header = HEADER_GRE;
    vni7.tunnel_id = key7.tunnel_id = 7;
    EXPECT_TRUE(separate(FLOW_KEY_VLAN, plain, tagged));
    EXPECT_FALSE(separate(FLOW_KEY_VLAN, plain, vni7));
    EXPECT_FALSE(separate(FLOW_KEY_TUNNEL, plain, tagged));
    EXPECT_TRUE(separate(FLOW_KEY_TUNNEL, plain, vni0));
    EXPECT_TRUE(separate(FLOW_KEY_TUNNEL, vni0, vni7));
    EXPECT_TRUE(separate(FLOW_KEY_TUNNEL, vni7, key7));
    EXPECT_FALSE(separate(FLOW_KEY_NONE, plain, tagged));
    EXPECT_FALSE(separate(FLOW_KEY_NONE, vni7, key7));
}

} // namespace
