// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <array>
#include <stdexcept>

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "flowxdp/window_list.hpp"
#include "plugin/plugin_host.h"
#include "row/cell_text.h"
#include "support/temp_folder.h"
#include "tcp_win/tcp_win_state.h"

namespace flowxdp {
namespace {

using Address = std::array<std::uint8_t, 16>;

Address v4(std::uint8_t last)
{
    return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, last};
}

std::string text_of(const WindowList& list)
{
    std::string text;
    for (const auto& e : list.entries()) {
        append_ip(e.address, e.version, &text);
        text += fmt::format(" {} {:.6f}\n", e.packets, e.ratio);
    }
    return text;
}

TEST(WindowList, KeepsTheWorstFlowOfAnAddressAtItsFirstPlace)
{
    WindowList list(30, 100);
    EXPECT_EQ(list.add(v4(1).data(), 4, 142, 2), WindowList::Outcome::kAdded);
    EXPECT_EQ(list.add(v4(2).data(), 4, 62, 1), WindowList::Outcome::kAdded);
    EXPECT_EQ(text_of(list), "10.0.0.1 142 0.014085\n10.0.0.2 62 0.016129\n");
    EXPECT_EQ(list.add(v4(1).data(), 4, 1000, 3), WindowList::Outcome::kKept);
    EXPECT_EQ(list.add(v4(1).data(), 4, 250, 4), WindowList::Outcome::kWorse);
    EXPECT_EQ(list.add(v4(2).data(), 4, 124, 2), WindowList::Outcome::kKept) << "the same ratio changes nothing";
    EXPECT_EQ(text_of(list), "10.0.0.1 250 0.016000\n10.0.0.2 62 0.016129\n") << "the tutorial's rows";
}

TEST(WindowList, IgnoresFlowsWithFewPacketsOrNoneBelow)
{
    WindowList list(30, 100);
    EXPECT_EQ(list.add(v4(1).data(), 4, 29, 29), WindowList::Outcome::kIgnored);
    EXPECT_EQ(list.add(v4(1).data(), 4, 1000, 0), WindowList::Outcome::kIgnored);
    EXPECT_EQ(list.add(v4(1).data(), 4, 30, 1), WindowList::Outcome::kAdded);
    WindowList any(0, 100);
    EXPECT_EQ(any.add(v4(1).data(), 4, 0, 0), WindowList::Outcome::kIgnored);
}

TEST(WindowList, AFullListLetsTheOldestGoAndNeverFreezes)
{
    WindowList list(1, 3);
    for (std::uint8_t i = 1; i <= 5; i++)
        list.add(v4(i).data(), 4, 10, 1);
    list.add(v4(4).data(), 4, 10, 5);
    EXPECT_EQ(text_of(list), "10.0.0.3 10 0.100000\n10.0.0.4 10 0.500000\n10.0.0.5 10 0.100000\n");
    EXPECT_EQ(list.left(), 2u);
    EXPECT_EQ(list.add(v4(1).data(), 4, 10, 1), WindowList::Outcome::kAdded) << "one that left may come back";
    EXPECT_EQ(list.entries().size(), 3u);
}

TEST(WindowList, MappedAddressesOfBothVersionsAreTwo)
{
    WindowList list(1, 3);
    list.add(v4(1).data(), 4, 10, 1);
    list.add(v4(1).data(), 6, 20, 1);
    EXPECT_EQ(text_of(list), "10.0.0.1 10 0.100000\n::ffff:10.0.0.1 20 0.050000\n");
}

// Runs the plugin as a host does.
class TcpGeoWinPlugin : public testing::Test {
  protected:
    void start(const std::string& prefix, bool geo, const char* max_entries = "100")
    {
        prefix_ = prefix;
        host_ = PluginHost::make_host(&services_);
        host_.context = this; // of the three functions below
        host_.log = [](void* context, int level, const char* text) {
            static_cast<TcpGeoWinPlugin*>(context)->log_.push_back(std::to_string(level) + " " + text);
        };
        host_.geo = [](void*, const std::uint8_t*, int, const char** country, std::size_t* country_len,
                       const char** organisation, std::size_t* organisation_len) {
            *country = "ch";
            *country_len = 2;
            *organisation = "The \"Net\"";
            *organisation_len = 9;
        };
        host_.has_geo = geo ? [](void*) { return 1; } : [](void*) { return 0; };
        host_.output_prefix = prefix_.c_str();
        const fx_value values[] = {{"30", 30}, {max_entries, std::stoull(max_entries)}};
        char error[200] = "";
        plugin_ = flowxdp_plugin()->create(values, nullptr, &host_, error, sizeof error);
        if (!plugin_)
            throw std::runtime_error(error);
    }
    void TearDown() override
    {
        if (plugin_)
            flowxdp_plugin()->destroy(plugin_);
    }
    void end_flow(const Address& source, std::uint64_t packets, std::uint32_t below, std::uint8_t proto = 6,
                  std::uint8_t version = 4)
    {
        tcp_win_state state = {};
        state.dir[1].below = below;
        const void* slots[] = {&state};
        flow_dir dir = {};
        dir.packets = packets;
        fx_flow flow = {};
        flow.dir = &dir;
        flow.direction = 1;
        flow.ip_version = version;
        flow.ip_proto = proto;
        flow.src_address = source.data();
        flow.dependency_slots = slots;
        fx_row row = {};
        EXPECT_EQ(flowxdp_plugin()->on_flow_end(plugin_, &flow, &row), 0u);
    }
    std::string report()
    {
        std::string text;
        packet_totals totals = {};
        fx_report out = {
            &text,
            [](void* context, const char* line) { *static_cast<std::string*>(context) += std::string(line) + "\n"; },
            &totals, 0, 0};
        flowxdp_plugin()->report(plugin_, &out);
        return text;
    }

    std::string prefix_;
    PluginHost::Services services_;
    fx_host host_{};
    std::vector<std::string> log_;
    void* plugin_ = nullptr;
};

TEST_F(TcpGeoWinPlugin, WritesNoColumnsAndFollowsTcpWin)
{
    const fx_plugin* p = flowxdp_plugin();
    EXPECT_EQ(p->number, 137u);
    EXPECT_EQ(p->column_count, 0u);
    EXPECT_STREQ(p->dependencies[0], "tcp_win");
    EXPECT_EQ(p->state_size, 0u);
}

TEST_F(TcpGeoWinPlugin, SummaryFileIsTheTutorials)
{
    const test::TempFolder folder;
    start(folder / "run", false);
    end_flow(v4(1), 133, 1);
    end_flow(v4(2), 94, 6);
    end_flow(v4(3), 94, 6, 17);
    end_flow(v4(4), 94, 6, 6, 0);
    end_flow(v4(5), 29, 6);
    flowxdp_plugin()->summary(plugin_);
    EXPECT_EQ(test::read_file(folder / "run_tcpwin.txt"),
              "# IP\tpktTcpCnt\twinRelThCnt\n10.0.0.1\t133\t0.007519\n10.0.0.2\t94\t0.063830\n");
    EXPECT_EQ(report(), "tcpGeoWin: Number of source IPs with TCP winsize packets below threshold: 2\n"
                        "tcpGeoWin: Worst source IP: 10.0.0.2: 6.38% of 94 packets\n");
    EXPECT_TRUE(log_.empty());
}

TEST_F(TcpGeoWinPlugin, CountryAndOrganisationStandBeside)
{
    const test::TempFolder folder;
    start(folder / "run", true, "1");
    end_flow(v4(1), 133, 1);
    end_flow(v4(2), 94, 6);
    flowxdp_plugin()->summary(plugin_);
    EXPECT_EQ(test::read_file(folder / "run_tcpwin.txt"),
              "# IP\tpktTcpCnt\twinRelThCnt\tIPCC\tIPOrg\n10.0.0.2\t94\t0.063830\tch\t\"The \\\"Net\\\"\"\n");
    EXPECT_EQ(report(), "tcpGeoWin: Number of source IPs with TCP winsize packets below threshold: 1\n"
                        "tcpGeoWin: Number of source IPs that left the full list: 1\n"
                        "tcpGeoWin: Worst source IP: 10.0.0.2 [ch, The \"Net\"]: 6.38% of 94 packets\n");
}

TEST_F(TcpGeoWinPlugin, NoPrefixNoFileAndAnUnwritableOneIsAWarning)
{
    start("", false);
    end_flow(v4(1), 133, 1);
    flowxdp_plugin()->summary(plugin_);
    EXPECT_TRUE(log_.empty());
    flowxdp_plugin()->destroy(plugin_);
    plugin_ = nullptr;
    start("/no/such/folder/x", false);
    flowxdp_plugin()->summary(plugin_);
    ASSERT_EQ(log_.size(), 1u);
    EXPECT_EQ(log_[0], "1 tcp_geo_win: cannot write '/no/such/folder/x_tcpwin.txt': No such file or directory");
    EXPECT_EQ(report(), "");
}

} // namespace
} // namespace flowxdp
