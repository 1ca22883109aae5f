// SPDX-License-Identifier: BSD-2-Clause
// tcp_geo_win: the source addresses whose flows had small TCP windows, with country and organisation, in a summary file
// (T2 tutorials tcpWinSD and tcpGeoWin). It has only a user half; tcp_win counts. README.md has file and report.

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "flowxdp/window_list.hpp"
#include "tcp_win/tcp_win_state.h"

namespace {

constexpr const char* kDependencies[] = {"tcp_win", nullptr};
using TcpWin = flowxdp::DependencyOf<0, tcp_win_state>;
constexpr std::uint8_t kTcp = 6;
struct Options : flowxdp::OptionSet {
    Number<std::uint64_t> min_packets{this, "min_packets", "30", "flows with fewer packets are not looked at",
                                      1,    0xffffffff};
    Number<std::uint64_t> max_entries{
        this, "max_entries", "100", "source addresses in the list; when it is full the oldest leaves", 1, 1000000};
};
constexpr Options kOptions;
constexpr flowxdp::PluginDescription kDescription = {.number = 137,
                                                     .name = "tcp_geo_win",
                                                     .version = "0.1.0",
                                                     .help = "Source addresses with small TCP windows",
                                                     .dependencies = kDependencies,
                                                     .options = kOptions.all()};

class TcpGeoWin final : public flowxdp::Plugin {
  public:
    TcpGeoWin(flowxdp::OptionValues options, void*, flowxdp::Host host)
        : host_(host), list_(options[kOptions.min_packets], options[kOptions.max_entries])
    {
        if (!host.output_prefix().empty())
            path_ = host.output_prefix() + "_tcpwin.txt";
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter&) override
    {
        if (flow.ip_version == 0 || flow.ip_proto != kTcp)
            return 0;
        list_.add(flow.src_address, flow.ip_version, flow.dir->packets, TcpWin::state(flow).dir[flow.direction].below);
        return 0;
    }

    void report(flowxdp::ReportWriter& out) override
    {
        const auto& entries = list_.entries();
        if (entries.empty())
            return;
        out.line(fmt::format("tcpGeoWin: Number of source IPs with TCP winsize packets below threshold: {}",
                             flowxdp::count_text(entries.size())));
        if (list_.left())
            out.line(fmt::format("tcpGeoWin: Number of source IPs that left the full list: {}",
                                 flowxdp::count_text(list_.left())));
        const Entry* worst = &entries.front();
        for (const Entry& entry : entries)
            if (entry.ratio > worst->ratio)
                worst = &entry;
        std::string line = "tcpGeoWin: Worst source IP: " + host_.ip_text(worst->address, worst->version);
        if (host_.knows_places()) {
            const auto place = host_.place_of(worst->address, worst->version);
            line += fmt::format(" [{}, {}]", place.country, place.organisation);
        }
        out.line(line +
                 fmt::format(": {:.2f}% of {} packets", 100 * worst->ratio, flowxdp::count_text(worst->packets)));
    }

    void summary() override
    {
        if (path_.empty())
            return;
        const bool geo = host_.knows_places();
        std::string text = geo ? "# IP\tpktTcpCnt\twinRelThCnt\tIPCC\tIPOrg\n" : "# IP\tpktTcpCnt\twinRelThCnt\n";
        for (const Entry& entry : list_.entries()) {
            text +=
                fmt::format("{}\t{}\t{:.6f}", host_.ip_text(entry.address, entry.version), entry.packets, entry.ratio);
            if (geo) {
                const auto place = host_.place_of(entry.address, entry.version);
                text += fmt::format("\t{}\t{}", place.country, host_.quoted_text(place.organisation));
            }
            text.push_back('\n');
        }
        host_.write_summary(kDescription.name, path_, text);
    }

  private:
    using Entry = flowxdp::WindowList::Entry;

    flowxdp::Host host_;
    flowxdp::WindowList list_;
    std::string path_;
};

} // namespace

FLOWXDP_PLUGIN(TcpGeoWin, kDescription)
