// SPDX-License-Identifier: BSD-2-Clause
// Plugins that want the same packets share an entry of the table, which is small, and each of them gets the packets.
#include "support/plugin_bench.h"

namespace flowxdp::test {
namespace {

constexpr unsigned kA = 0;

TEST(SharedNeed, EqualWishesAreOneEntry)
{
    EXPECT_EQ(Bench({"pkt_siat_histo"}).config().needs.count, 1u);
    EXPECT_EQ(Bench({"descriptive_stats"}).config().needs.count, 1u);
    Bench both({"pkt_siat_histo", "descriptive_stats"}); // all packets, without payload
    EXPECT_EQ(both.config().needs.count, 1u);
    for (int i = 0; i < 3; i++)
        both.packet_seen(kA, udp_packet(100));
    auto row = both.flow_row(kA);
    EXPECT_EQ(row["dsMinPl"], "100");
    EXPECT_EQ(row["Ps_Iat_Cnt_PsCnt_IatCnt"].find("100_"), 0u) << row["Ps_Iat_Cnt_PsCnt_IatCnt"];
}

TEST(SharedNeed, OtherWishesAreEntriesOfTheirOwn)
{
    EXPECT_EQ(Bench({"pkt_siat_histo", "nfrst_pkts:n=5"}).config().needs.count, 2u);
    EXPECT_EQ(Bench({"http:packets=32", "ssh:packets=32"}).config().needs.count, 1u);
    EXPECT_EQ(Bench({"http:packets=64", "ssh:packets=32"}).config().needs.count, 2u);
}

} // namespace
} // namespace flowxdp::test
