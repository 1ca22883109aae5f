// SPDX-License-Identifier: BSD-2-Clause
// tcp_geo_win: the source addresses whose flows had small TCP windows, with country and organisation, in a summary file
// (T2 tutorials tcpWinSD and tcpGeoWin). A user half only; tcp_win counts. README.md has file and report.
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "plugin.h"
#include "row/cell_text.h"
#include "tcp_geo_win/window_list.h"
#include "tcp_win/tcp_win.bpf.h"

namespace {

constexpr const char* kDependencies[] = {"tcp_win", nullptr};
constexpr std::uint8_t kTcp = 6;
constexpr fx_option kOptions[] = {
    {"min_packets", "30", "flows with fewer packets are not looked at"},
    {"max_entries", "100", "source addresses in the list; when it is full the oldest leaves"},
};
constexpr flowxdp::PluginDescription kDescription = {
    137, false, "tcp_geo_win", "0.1.0", "Source addresses with small TCP windows", 0, 0, 0, kDependencies, kOptions,
    {},  {},    false};

class TcpGeoWin final : public flowxdp::Plugin {
  public:
    TcpGeoWin(const flowxdp::PluginOptions& options, void*, const fx_host& host)
        : host_(host), list_(options.number("min_packets", 1, 0xffffffff), options.number("max_entries", 1, 1000000))
    {
        if (*host.output_prefix)
            path_ = std::string(host.output_prefix) + "_tcpwin.txt";
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter&) override
    {
        const auto* window = static_cast<const tcp_win_state*>(flow.dependency_slots[0]);
        if (!window || flow.ip_version == 0 || flow.ip_proto != kTcp)
            return 0;
        list_.add(flow.src_address, flow.ip_version, flow.dir->packets, window->dir[flow.direction].below);
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
        std::string line = "tcpGeoWin: Worst source IP: ";
        flowxdp::append_ip(worst->address, worst->version, &line);
        if (host_.has_geo(host_.context)) {
            const Labels labels = labels_of(*worst);
            line += fmt::format(" [{}, {}]", labels.country, labels.organisation);
        }
        out.line(line +
                 fmt::format(": {:.2f}% of {} packets", 100 * worst->ratio, flowxdp::count_text(worst->packets)));
    }

    // A summary that cannot be written is no reason to lose the run: a warning says so.
    void summary() override
    {
        if (path_.empty())
            return;
        const bool geo = host_.has_geo(host_.context) != 0;
        std::string text = geo ? "# IP\tpktTcpCnt\twinRelThCnt\tIPCC\tIPOrg\n" : "# IP\tpktTcpCnt\twinRelThCnt\n";
        for (const Entry& entry : list_.entries()) {
            flowxdp::append_ip(entry.address, entry.version, &text);
            text += fmt::format("\t{}\t{:.6f}", entry.packets, entry.ratio);
            if (geo) {
                const Labels labels = labels_of(entry);
                text += fmt::format("\t{}\t", labels.country);
                flowxdp::append_quoted(labels.organisation, &text);
            }
            text.push_back('\n');
        }
        // After fflush() nothing is left that could fail in fclose().
        struct Close {
            void operator()(std::FILE* f) const { std::fclose(f); }
        };
        const std::unique_ptr<std::FILE, Close> file(std::fopen(path_.c_str(), "we"));
        if (!file || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
            std::fflush(file.get()) != 0)
            host_.log(host_.context, 1,
                      fmt::format("tcp_geo_win: cannot write '{}': {}", path_, std::strerror(errno)).c_str());
    }

  private:
    using Entry = flowxdp::WindowList::Entry;
    struct Labels {
        std::string_view country, organisation;
    };

    [[nodiscard]] Labels labels_of(const Entry& entry) const
    {
        const char *country = "", *organisation = "";
        std::size_t country_len = 0, organisation_len = 0;
        host_.geo(host_.context, entry.address, entry.version, &country, &country_len, &organisation,
                  &organisation_len);
        return {{country, country_len}, {organisation, organisation_len}};
    }

    const fx_host& host_;
    flowxdp::WindowList list_;
    std::string path_;
};

} // namespace

FLOWXDP_PLUGIN(TcpGeoWin, kDescription)
