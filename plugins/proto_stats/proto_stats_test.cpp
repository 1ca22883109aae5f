// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>

#include "flowxdp/plugin.hpp"
#include "plugin/plugin_host.h"
#include "proto_stats/ip_protocol_names.h"
#include "proto_stats/protocol_table.h"
#include "support/temp_folder.h"

namespace flowxdp {
namespace {

TEST(IpProtocolNames, ReadsProtocolsFile)
{
    IpProtocolNames names;
    names.add_line("# comment");
    names.add_line("tcp\t6\tTCP\t\t# transmission control protocol");
    names.add_line("other\t6");
    names.add_line("sctp 132");
    names.add_line("wrong 256");
    names.add_line("wrong x");
    names.add_line("wrong");
    EXPECT_EQ(names.find(6), "TCP");
    EXPECT_EQ(names.find(132), "sctp");
    EXPECT_EQ(names.find(0), "");
}

// Lines that begin with a number, without their blanks.
std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        if (line.empty())
            continue;
        std::string squeezed;
        for (const char c : line)
            if (c != ' ' || (!squeezed.empty() && squeezed.back() != ' ' && squeezed.back() != '\t'))
                squeezed += c;
        lines.push_back(squeezed);
    }
    return lines;
}

// Runs the plugin as a host does.
class ProtoStats : public testing::Test {
  protected:
    void start(const std::string& prefix, const std::string& services = "", const std::string& protocols = "")
    {
        prefix_ = prefix;
        host_ = PluginHost::make_host(&services_);
        host_.context = this; // of the function below
        host_.log = [](void* context, int level, const char* text) {
            static_cast<ProtoStats*>(context)->log_.push_back(std::to_string(level) + " " + text);
        };
        host_.output_prefix = prefix_.c_str();
        const fx_value values[] = {{services.c_str(), 0}, {protocols.c_str(), 0}};
        char error[300] = "";
        plugin_ = flowxdp_plugin()->create(values, nullptr, &host_, error, sizeof error);
        if (!plugin_)
            throw std::runtime_error(error);
    }
    void TearDown() override
    {
        if (plugin_)
            flowxdp_plugin()->destroy(plugin_);
    }
    void end_flow(std::uint16_t ethertype, std::uint8_t version, std::uint8_t proto, std::uint16_t src,
                  std::uint16_t dst, std::uint64_t packets, std::uint64_t octets, unsigned direction = 0)
    {
        flow_record record = {};
        record.ethertype = ethertype;
        flow_dir dir = {};
        dir.packets = packets;
        dir.octets = octets;
        fx_flow flow = {};
        flow.record = &record;
        flow.dir = &dir;
        flow.direction = direction;
        flow.ip_version = version;
        flow.ip_proto = proto;
        flow.src_port = src;
        flow.dst_port = dst;
        fx_row row = {};
        EXPECT_EQ(flowxdp_plugin()->on_flow_end(plugin_, &flow, &row), 0u);
    }

    std::string prefix_;
    PluginHost::Services services_;
    fx_host host_ = {};
    void* plugin_ = nullptr;
    std::vector<std::string> log_;
};

TEST_F(ProtoStats, SummaryHasEthertypesProtocolsAndPorts)
{
    const test::TempFolder folder;
    test::write_file(folder / "services", std::string("http 80/tcp\ndomain 53/udp\n"));
    test::write_file(folder / "protocols", std::string("tcp 6 TCP\nudp 17 UDP\n"));
    start(folder / "run", folder / "services", folder / "protocols");
    end_flow(0x0800, 4, 6, 40000, 80, 6, 600);
    end_flow(0x0800, 4, 6, 80, 40000, 4, 2000, 1); // the answers count for the same port
    end_flow(0x86dd, 6, 17, 40001, 53, 5, 900);
    end_flow(0x0800, 4, 1, 0, 0, 3, 300);
    end_flow(0x0806, 0, 0, 0x0806, 0x0806, 2, 200);
    flowxdp_plugin()->summary(plugin_);
    const std::vector<std::string> expected = {
        "# Total packets: 20",
        "# Total bytes: 4000",
        "# L2/3 Protocol\tPackets\tBytes\tDescription",
        "0x0800\t13 [ 65.00%]\t2900 [ 72.50%]\tInternet Protocol version 4 (IPv4)",
        "0x0806\t2 [ 10.00%]\t200 [ 5.00%]\tAddress Resolution Protocol (ARP)",
        "0x86dd\t5 [ 25.00%]\t900 [ 22.50%]\tInternet Protocol version 6 (IPv6)",
        "# Total IPv4 packets: 13 [65.00%]",
        "# Total IPv6 packets: 5 [25.00%]",
        "# L4 Protocol\tPackets\tBytes\tDescription",
        "1\t3 [ 15.00%]\t300 [ 7.50%]\t",
        "6\t10 [ 50.00%]\t2600 [ 65.00%]\tTCP",
        "17\t5 [ 25.00%]\t900 [ 22.50%]\tUDP",
        "# Total TCP packets: 10 [50.00%]",
        "# Total TCP bytes: 2600 [65.00%]",
        "# TCP Port\tPackets\tBytes\tDescription",
        "80\t10 [100.00%]\t2600 [100.00%]\thttp",
        "# Total UDP packets: 5 [25.00%]",
        "# Total UDP bytes: 900 [22.50%]",
        "# UDP Port\tPackets\tBytes\tDescription",
        "53\t5 [100.00%]\t900 [100.00%]\tdomain",
    };
    EXPECT_EQ(lines_of(test::read_file(folder / "run_protocols.txt")), expected);
    EXPECT_TRUE(log_.empty());
}

TEST_F(ProtoStats, ARunWithoutFlowsHasNoShareOfNothing)
{
    const test::TempFolder folder;
    start(folder / "run");
    flowxdp_plugin()->summary(plugin_);
    const std::string text = test::read_file(folder / "run_protocols.txt");
    EXPECT_NE(text.find("# Total packets: 0\n"), std::string::npos);
    EXPECT_EQ(text.find("nan"), std::string::npos);
}

TEST_F(ProtoStats, NoPrefixNoFileAndAnUnwritableOneIsAWarning)
{
    start("");
    end_flow(0x0800, 4, 6, 1, 2, 1, 40);
    flowxdp_plugin()->summary(plugin_);
    EXPECT_TRUE(log_.empty());
    flowxdp_plugin()->destroy(plugin_);
    plugin_ = nullptr;
    start("/no/such/folder/x");
    flowxdp_plugin()->summary(plugin_);
    ASSERT_FALSE(log_.empty());
    EXPECT_EQ(log_.back(), "1 proto_stats: cannot write '/no/such/folder/x_protocols.txt': No such file or directory");
}

TEST_F(ProtoStats, ANamedFileMustBeThere)
{
    const test::TempFolder folder;
    EXPECT_THROW(start(folder / "run", "/no/such/file"), std::runtime_error);
    EXPECT_THROW(start(folder / "run", "", "/no/such/file"), std::runtime_error);
}

TEST(ProtocolTable, UdpLiteAndSctpHaveATableWhenThereAreAny)
{
    struct NoNames : ProtocolNames {
        [[nodiscard]] std::string_view ip_proto(std::uint8_t) const override { return {}; }
        [[nodiscard]] std::string_view port(std::uint8_t, std::uint16_t) const override { return {}; }
    };
    ProtocolTable table;
    EXPECT_EQ(table.text(NoNames()).find("SCTP"), std::string::npos);
    table.add(0x0800, 4, 132, 2905, 1, 100);
    table.add(0x0800, 4, 136, 7, 1, 100);
    const std::string text = table.text(NoNames());
    EXPECT_NE(text.find("# SCTP Port"), std::string::npos);
    EXPECT_NE(text.find("# UDP-Lite Port"), std::string::npos);
    EXPECT_NE(text.find("\n 2905\t"), std::string::npos);
}

} // namespace
} // namespace flowxdp
