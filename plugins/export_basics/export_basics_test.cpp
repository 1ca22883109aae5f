// SPDX-License-Identifier: BSD-2-Clause
// export_basics: what its kernel half keeps of a flow's packets, and that its columns are those of the plugins in whose
// place it runs.
#include "support/plugin_bench.h"

namespace flowxdp::test {
namespace {

constexpr unsigned A = DIRECTION_A, B = DIRECTION_B;

packet tagged(packet p, std::uint16_t outer, std::uint16_t inner)
{
    p.vlan_stack[0] = outer;
    p.vlan_stack[1] = inner;
    p.vlan_count = 2;
    return p;
}

TEST(ExportBasics, KeepsTheTagsOfTheFirstPacket)
{
    Bench bench({"export_basics"});
    bench.packet_in(A, tagged(with_macs(udp_packet(1), 1, 2), 7, 8));
    bench.packet_in(B, tagged(with_macs(udp_packet(1), 2, 1), 9, 9));
    EXPECT_EQ(bench.flow_row(A)["vlanID"], "7;8");
    EXPECT_EQ(bench.flow_row(B)["vlanID"], "7;8");
}

// Of each endpoint the first address. A packet without addresses may come before.
TEST(ExportBasics, KeepsTheFirstAddressOfEachEndpoint)
{
    Bench bench({"export_basics"});
    bench.packet_in(A, udp_packet(1));
    EXPECT_EQ(bench.flow_row(A)["srcMac"], "");
    bench.packet_in(B, with_macs(udp_packet(1), 2, 1));
    bench.packet_in(A, with_macs(udp_packet(1), 3, 4));
    auto a = bench.flow_row(A), b = bench.flow_row(B);
    EXPECT_EQ(a["srcMac"], "00:00:00:00:00:01");
    EXPECT_EQ(a["dstMac"], "00:00:00:00:00:02");
    EXPECT_EQ(b["srcMac"], "00:00:00:00:00:02");
    EXPECT_EQ(b["dstMac"], "00:00:00:00:00:01");
}

TEST(ExportBasics, ColumnsAreThoseOfThePluginsThatItStandsInFor)
{
    Bench exported({"export_basics"}), whole({"basic_flow:geo=0", "basic_stats"});
    for (Bench* bench : {&exported, &whole}) {
        bench->packet_in(A, tagged(with_macs(udp_packet(1), 1, 2), 7, 8));
        bench->packet_in(B, with_macs(udp_packet(1), 2, 1));
        bench->packet_in(B, with_macs(udp_packet(1), 2, 1));
    }
    for (const unsigned direction : {A, B}) {
        auto expected = whole.flow_row(direction);
        const auto row = exported.flow_row(direction);
        EXPECT_EQ(row.at("pktsSnt"), direction == A ? "1" : "2");
        EXPECT_EQ(row.size(), 2 + 12U) << "dir, flowInd, and its own";
        for (const auto& [name, cell] : row)
            EXPECT_EQ(cell, expected[name]) << name;
    }
}

} // namespace
} // namespace flowxdp::test
