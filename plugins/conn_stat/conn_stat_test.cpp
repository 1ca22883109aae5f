// SPDX-License-Identifier: BSD-2-Clause
// conn_stat: flows between a few hosts; what each row says is counted here from the list of flows before it.
#include "support/plugin_bench.h"

#include <map>
#include <random>
#include <set>
#include <tuple>

namespace flowxdp::test {
namespace {

constexpr unsigned A = DIRECTION_A, B = DIRECTION_B;

struct Opened {
    unsigned client, server, port; // hosts: the last byte of 10.0.0.x
    unsigned packets_a, packets_b; // 40 octets each
};

class ConnStat : public Bench {
  public:
    explicit ConnStat(const std::string& options = "") : Bench({"conn_stat" + options}) {}
    // The rows of a flow that ends now.
    std::map<char, std::map<std::string, std::string>> end(const Opened& flow)
    {
        reset();
        record()->key.lo_addr[1] = __builtin_bswap64(0x0000ffff0a000000ULL + flow.client);
        record()->key.hi_addr[1] = __builtin_bswap64(0x0000ffff0a000000ULL + flow.server);
        record()->key.lo_port = 40000;
        record()->key.hi_port = static_cast<__u16>(flow.port);
        for (unsigned n = 0; n < flow.packets_a; n++)
            packet_in(A, tcp_packet(TCP_ACK, 1, 1, 0));
        for (unsigned n = 0; n < flow.packets_b; n++)
            packet_in(B, tcp_packet(TCP_ACK, 1, 1, 0));
        std::map<char, std::map<std::string, std::string>> rows;
        if (flow.packets_a)
            rows['A'] = flow_row(A);
        if (flow.packets_b)
            rows['B'] = flow_row(B);
        return rows;
    }
};

TEST(ConnStat, RowsCountTheFlowsBeforeThem)
{
    ConnStat bench;
    std::mt19937 random(500);
    std::map<unsigned, std::set<unsigned>> to, from;
    std::map<std::pair<unsigned, unsigned>, unsigned> pairs, ports;
    std::map<unsigned, unsigned> packets;
    for (int n = 0; n < 400; n++) {
        Opened f{1 + static_cast<unsigned>(random() % 6), 1 + static_cast<unsigned>(random() % 20),
                 80 + static_cast<unsigned>(random() % 3), static_cast<unsigned>(random() % 3),
                 static_cast<unsigned>(random() % 3)};
        if (f.client == f.server || f.packets_a + f.packets_b == 0)
            continue;
        to[f.client].insert(f.server);
        from[f.server].insert(f.client);
        const unsigned pair = ++pairs[{f.client, f.server}], port = ++ports[{f.client, f.port}];
        auto rows = bench.end(f);
        for (auto& [letter, row] : rows) {
            const bool a = letter == 'A';
            const std::size_t client_peers = to[f.client].size(), server_peers = from[f.server].size();
            const unsigned sender = a ? f.client : f.server;
            packets[sender] += a ? f.packets_a : f.packets_b;
            EXPECT_EQ(row["connStat"], "0x00");
            EXPECT_EQ(row["connSip"], std::to_string(a ? client_peers : server_peers)) << n << letter;
            EXPECT_EQ(row["connDip"], std::to_string(a ? server_peers : client_peers)) << n << letter;
            EXPECT_EQ(row["connSipDip"], std::to_string(pair)) << n << letter;
            EXPECT_EQ(row["connSipDprt"], std::to_string(port)) << n << letter;
            EXPECT_NEAR(std::stod(row["connF"]), double(port) / double(a ? client_peers : server_peers), 1e-5);
            EXPECT_NEAR(std::stod(row["connG"]), double(port) / pair, 1e-5);
            EXPECT_EQ(row["connNumPCnt"], std::to_string(packets[sender])) << n << letter;
            EXPECT_EQ(row["connNumBCnt"], std::to_string(40 * packets[sender])) << n << letter;
        }
    }
}

TEST(ConnStat, FullTablesSaySo)
{
    ConnStat bench(":max_entries=3");
    // Three hosts, three pairs, two ports of clients
    EXPECT_EQ(bench.end({1, 2, 80, 1, 1})['B']["connStat"], "0x00");
    EXPECT_EQ(bench.end({1, 3, 80, 1, 1})['B']["connStat"], "0x00");
    EXPECT_EQ(bench.end({2, 3, 80, 1, 0})['A']["connStat"], "0x00");
    auto a = bench.end({1, 4, 80, 1, 0})['A'];
    EXPECT_EQ(a["connStat"], "0x06") << "neither the address nor the pair has room";
    EXPECT_EQ(a["connSip"], "2") << "the third peer is not counted";
    EXPECT_EQ(a["connDip"], "0");
    EXPECT_EQ(a["connSipDip"], "0");
    EXPECT_EQ(a["connSipDprt"], "3");
    EXPECT_EQ(a["connG"], "0");
    EXPECT_EQ(bench.end({1, 2, 80, 1, 0})['A']["connStat"], "0x06") << "from then on";
    EXPECT_EQ(bench.end({2, 3, 81, 1, 0})['A']["connStat"], "0x06") << "the third port";
    EXPECT_EQ(bench.end({3, 2, 81, 1, 0})['A']["connStat"], "0x0e");
    EXPECT_EQ(bench.report_lines().back(), "connStat: Number of counts without room: 4");
}

TEST(ConnStat, AnAnswerWithoutQuestionHasItsOpenerAsDestination)
{
    ConnStat bench;
    bench.end({1, 2, 80, 1, 0});
    auto rows = bench.end({1, 3, 80, 0, 1}); // one row, of host 3
    ASSERT_EQ(rows.size(), 1u);
    auto row = rows['B'];
    EXPECT_EQ(row["dir"], "A");
    EXPECT_EQ(row["connSip"], "1") << "host 1 opened a flow to host 3";
    EXPECT_EQ(row["connDip"], "2") << "host 1 opened flows to 2 and 3";
    EXPECT_EQ(row["connSipDprt"], "2");
}

TEST(ConnStat, FlowsWithoutAddresses)
{
    Bench bench({"conn_stat"}, FLOW_KIND_L2, 0);
    packet p{};
    p.ethertype = 0x0806;
    p.wire_len = p.cap_len = 60;
    bench.packet_in(A, p);
    auto row = bench.flow_row(A);
    EXPECT_EQ(row["connStat"], "0x01");
    EXPECT_EQ(row["connSip"], "0");
    EXPECT_EQ(row["connNumPCnt"], "0");
    EXPECT_TRUE(bench.report_lines().empty());
}

TEST(ConnStat, Report)
{
    ConnStat bench;
    bench.end({1, 2, 80, 1, 3});
    bench.end({1, 3, 80, 1, 0});
    bench.end({4, 3, 81, 2, 0});
    EXPECT_EQ(bench.report_lines(),
              (std::vector<std::string>{
                  "connStat: Number of addresses: 4, that opened flows: 2, to which flows were opened: 2",
                  "connStat: Number of pairs of addresses: 3, flows of the busiest: 1",
                  "connStat: Most flows of one address to one port: 2",
                  "connStat: Address that opened flows to most addresses: 10.0.0.1: 2",
                  "connStat: Address to which most addresses opened flows: 10.0.0.3: 2",
                  "connStat: Biggest L3 talker, packets of all flows: 10.0.0.2: 3",
                  "connStat: Biggest L3 talker, octets of all flows: 10.0.0.2: 120",
              }));
}

} // namespace
} // namespace flowxdp::test
