// SPDX-License-Identifier: BSD-2-Clause
#include "support/plugin_bench.h"

#include <fstream>

#include "port_classifier/service_names.h"
#include "support/temp_folder.h"

namespace flowxdp::test {
namespace {

constexpr unsigned A = DIRECTION_A, B = DIRECTION_B;

TEST(ServiceNames, ReadsBothFormats)
{
    ServiceNames names;
    names.add_line("# services");
    names.add_line("");
    names.add_line("http\t\t80/tcp\t\twww\t\t# WorldWideWeb HTTP");
    names.add_line("www 80/tcp");
    names.add_line("domain 53/udp");
    names.add_line("443\ttcp\thttps\tHTTP over TLS");
    names.add_line("echo\t4/ddp");
    names.add_line("big 70000/tcp");
    names.add_line("half 80");
    names.add_line("rfb\t5900/sctp\r");
    names.add_line("a;b\"c 1/udp");
    EXPECT_EQ(names.find(6, 80), "http") << "the first name stands";
    EXPECT_EQ(names.find(17, 80), "");
    EXPECT_EQ(names.find(17, 53), "domain");
    EXPECT_EQ(names.find(136, 53), "domain");
    EXPECT_EQ(names.find(6, 443), "https");
    EXPECT_EQ(names.find(132, 443), "https");
    EXPECT_EQ(names.find(132, 5900), "rfb");
    EXPECT_EQ(names.find(6, 4), "");
    EXPECT_EQ(names.find(6, 70000 & 0xffff), "");
    EXPECT_EQ(names.find(1, 80), "");
    EXPECT_EQ(names.find(17, 1), "a-b-c");
}

class PortClassifier : public testing::Test {
  protected:
    std::string file(const std::string& text)
    {
        std::ofstream(folder_ / "services") << text;
        return "port_classifier:file=" + std::string(folder_ / "services");
    }
    TempFolder folder_;
};

TEST_F(PortClassifier, BothRowsNameTheDestinationOfA)
{
    Bench bench({file("http 80/tcp\n")});
    bench.record()->key.lo_port = 40000;
    bench.record()->key.hi_port = 80;
    bench.packet_in(A, tcp_packet(TCP_SYN, 1, 0));
    packet answer = tcp_packet(TCP_SYN | TCP_ACK, 1, 2);
    answer.src_port = 80;
    answer.dst_port = 40000;
    bench.packet_in(B, answer);
    for (const unsigned direction : {A, B}) {
        auto row = bench.flow_row(direction);
        EXPECT_EQ(row["dstPortClassN"], "80");
        EXPECT_EQ(row["dstPortClass"], "http");
    }
    auto packet_row = bench.packet_row();
    EXPECT_EQ(packet_row["dstPortClassN"], "80");
    EXPECT_EQ(packet_row["dstPortClass"], "http");
}

TEST_F(PortClassifier, APortOfAnotherProtocolIsUnknown)
{
    Bench bench({file("http 80/tcp\n")}, FLOW_KIND_IPV4, 17);
    bench.record()->key.lo_port = 40000;
    bench.record()->key.hi_port = 80;
    bench.packet_in(A, udp_packet(1));
    EXPECT_EQ(bench.flow_row(A)["dstPortClass"], "unknown");
}

TEST_F(PortClassifier, ANamedFileMustBeThere)
{
    try {
        Bench bench({"port_classifier:file=/no/such/file"});
        FAIL() << "a missing file must stop the start";
    } catch (const StartupError& e) {
        EXPECT_NE(std::string(e.what()).find("/no/such/file"), std::string::npos) << e.what();
    }
}

} // namespace
} // namespace flowxdp::test
