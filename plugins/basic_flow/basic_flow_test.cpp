// SPDX-License-Identifier: BSD-2-Clause
// basic_flow: what the first packet says of a flow, and what later packets add to it.
#include "support/plugin_bench.h"

namespace flowxdp::test {
namespace {

constexpr unsigned A = DIRECTION_A, B = DIRECTION_B;

packet framed(std::uint8_t src, std::uint8_t dst)
{
    packet p = with_macs(udp_packet(1), src, dst);
    p.headers[0] = HEADER_ETH;
    p.headers[1] = HEADER_IPV4;
    p.headers[2] = HEADER_UDP;
    p.header_count = 3;
    return p;
}

packet tagged(packet p, std::uint16_t vlan)
{
    p.vlan_stack[0] = vlan;
    p.vlan_count = 1;
    return p;
}

TEST(BasicFlow, KeepsTheTagsOfTheFirstPacket)
{
    Bench bench({"basic_flow:geo=0"});
    bench.packet_in(A, tagged(framed(1, 2), 7));
    bench.packet_in(B, tagged(framed(2, 1), 9));
    EXPECT_EQ(bench.flow_row(A)["vlanID"], "7");
    EXPECT_EQ(bench.flow_row(B)["vlanID"], "7");
}

// Two addresses an endpoint are kept, in order of appearance; what A sends from is what B sends to.
TEST(BasicFlow, KeepsTwoAddressesOfEachEndpoint)
{
    Bench bench({"basic_flow:geo=0"});
    bench.packet_in(A, framed(1, 2));
    bench.packet_in(B, framed(2, 3));
    bench.packet_in(A, framed(4, 2));
    bench.packet_in(A, framed(1, 5));
    const std::string of_a = "00:00:00:00:00:01;00:00:00:00:00:03";
    const std::string of_b = "00:00:00:00:00:02;00:00:00:00:00:05";
    auto a = bench.flow_row(A), b = bench.flow_row(B);
    EXPECT_EQ(a["srcMac"], of_a);
    EXPECT_EQ(a["dstMac"], of_b);
    EXPECT_EQ(b["srcMac"], of_b);
    EXPECT_EQ(b["dstMac"], of_a);
}

// Four header stacks a biflow, each with its depth, shown in the directions that used them; a fifth raises bit 48.
TEST(BasicFlow, ListsTheHeaderStacksOfEachDirection)
{
    Bench bench({"basic_flow:geo=0"});
    packet deep[5];
    for (unsigned i = 0; i < 5; i++) {
        deep[i] = framed(1, 2);
        deep[i].headers[3] = static_cast<__u8>(HEADER_UDP + i);
        deep[i].header_count = static_cast<__u8>(4 + i);
    }
    for (unsigned i = 0; i < 4; i++)
        bench.packet_in(A, deep[i]);
    bench.packet_in(B, deep[2]);
    bench.packet_in(B, deep[0]);
    bench.packet_in(B, deep[0]);
    auto a = bench.flow_row(A), b = bench.flow_row(B);
    EXPECT_EQ(a["numHdrDesc"], "4");
    EXPECT_EQ(a["numHdrs"], "4;5;6;7");
    EXPECT_EQ(b["numHdrDesc"], "2");
    EXPECT_EQ(b["numHdrs"], "4;6");
    EXPECT_FALSE(bench.record()->dir[A].status & FS(HEADERS_OVERRUN));
    bench.packet_in(A, deep[4]);
    EXPECT_TRUE(bench.record()->dir[A].status & FS(HEADERS_OVERRUN));
    EXPECT_FALSE(bench.record()->dir[B].status & FS(HEADERS_OVERRUN));
    EXPECT_EQ(bench.flow_row(A)["numHdrs"], "4;5;6;7");
}

} // namespace
} // namespace flowxdp::test
