// SPDX-License-Identifier: BSD-2-Clause
// tcp_win, user half: options, columns and report of the window threshold counts.
#include "tcp_win.bpf.h"

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"

namespace {

constexpr fx_bit kStatBits[] = {{TCP_WIN_STAT_BELOW, "Packet window size below the threshold seen"}};
struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{
        this,
        {.name = "tcpWinStat", .help = "TCP window status", .bits = kStatBits, .element = {FX_ELEMENT_OWN, 1, 1, 1}}};
    Column<U32> below{this,
                      {.name = "tcpWinThCnt",
                       .help = "TCP packets whose raw window is below the threshold (RSTs mostly carry window 0 and "
                               "count)",
                       .unit = "packets",
                       .element = {FX_ELEMENT_OWN, 2, 4, 1}}};
};
constexpr FlowColumns kColumns;
struct PacketColumns : flowxdp::ColumnSet {
    Optional<U16> window{this, {.name = "tcpWinSize", .help = "Raw TCP window of this packet"}};
    Optional<U32> below{
        this,
        {.name = "tcpWinThPktCnt", .help = "Packets of this direction below the threshold so far", .unit = "packets"}};
};
constexpr PacketColumns kPacketColumns;
struct Options : flowxdp::OptionSet {
    Number<std::uint32_t> threshold{
        this, "threshold", "1", "count packets whose raw 16-bit window is below this; 1 = zero windows", 1, 65536};
    Number<std::uint32_t> force_at{this, "force_at",
                                   "0",  "end the flow when a direction's count reaches this (force mode); 0 = never",
                                   0,    0xffffffff};
    Number<std::uint32_t> alarm_at{
        this, "alarm_at", "0", "raise the packet-exact alarm when a direction's count reaches this; 0 = never",
        0,    0xffffffff};
};
constexpr Options kOptions;
struct Figures : flowxdp::FigureSet {
    Counter below{
        this, {.name = "below_packets", .help = "Packets with a TCP window below the threshold, in flows that ended"}};
};
constexpr Figures kFigures;

using Half = flowxdp::KernelHalfOf<tcp_win_state, tcp_win_config, flowxdp::None, tcp_win_packet_state>;
constexpr flowxdp::PluginDescription kDescription = {.number = 136,
                                                     .default_on = true,
                                                     .name = "tcp_win",
                                                     .version = "0.1.0",
                                                     .help = "TCP window threshold counts",
                                                     .kernel = Half::sizes,
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .packet_columns = kPacketColumns.all(),
                                                     .can_alarm = true,
                                                     .figures = kFigures.all()};

class TcpWin final : public flowxdp::Plugin {
  public:
    TcpWin(flowxdp::OptionValues options, void* kernel_config, flowxdp::Host)
    {
        auto* config = static_cast<tcp_win_config*>(kernel_config);
        config->threshold = options[kOptions.threshold];
        config->force_at = options[kOptions.force_at];
        config->alarm_at = options[kOptions.alarm_at];
        threshold_ = config->threshold;
        can_force_ = config->force_at != 0;
    }

    [[nodiscard]] std::uint32_t flow_config_flags() const override
    {
        return can_force_ ? static_cast<std::uint32_t>(FLOW_CONFIG_CAN_FORCE) : 0;
    }

    // Alarms: the packets below the threshold, as in T2's alarm mode tutorial.
    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const tcp_win_dir& d = Half::state(flow).dir[flow.direction];
        row.put(kColumns.stat, d.stat);
        row.put(kColumns.below, d.below);
        stat_ |= d.stat;
        figures_.add(kFigures.below, d.below);
        return d.below;
    }

    void on_packet_row(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const auto* s = Half::packet_state(packet);
        if (!s->valid) {
            row.leave_empty(kPacketColumns.window, kPacketColumns.below);
            return;
        }
        row.put(kPacketColumns.window, s->window);
        row.put(kPacketColumns.below, s->below);
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (stat_)
            out.line(fmt::format("tcpWin: Aggregated tcpWinStat=0x{:02x}", stat_));
        if (figures_[kFigures.below]) {
            const std::uint64_t tcp = out.totals().ip_proto[6].packets;
            out.line(fmt::format("tcpWin: Number of TCP winsize packets below threshold {}: {} [{:.2f}%]", threshold_,
                                 flowxdp::count_text(figures_[kFigures.below]),
                                 tcp ? 100.0 * static_cast<double>(figures_[kFigures.below]) / static_cast<double>(tcp)
                                     : 0.0));
        }
    }

  private:
    std::uint32_t threshold_ = 1;
    bool can_force_ = false;
    std::uint8_t stat_ = 0;
    flowxdp::FigureValues figures_{kFigures};
};

} // namespace

FLOWXDP_PLUGIN(TcpWin, kDescription)
