// SPDX-License-Identifier: BSD-2-Clause
// tcp_win, user half: options, columns and report of the window threshold counts.
#include "tcp_win.bpf.h"

#include <fmt/format.h>

#include "plugin.h"

namespace {

enum { kStat, kCount };
constexpr fx_bit kStatBits[] = {{TCP_WIN_STAT_BELOW, "Packet window size below the threshold seen"}};
constexpr fx_column kColumns[] = {
    {"tcpWinStat", "TCP window status", FX_H8, 0, 1, kStatBits},
    {"tcpWinThCnt", "TCP packets whose raw window is below the threshold (RSTs mostly carry window 0 and count)",
     FX_U32, 0, 0, nullptr},
};
enum { kSize, kPacketCount };
constexpr fx_column kPacketColumns[] = {
    {"tcpWinSize", "Raw TCP window of this packet", FX_U16, FX_OPTIONAL, 0, nullptr},
    {"tcpWinThPktCnt", "Packets of this direction below the threshold so far", FX_U32, FX_OPTIONAL, 0, nullptr},
};
constexpr fx_option kOptions[] = {
    {"threshold", "1", "count packets whose raw 16-bit window is below this; 1 = zero windows"},
    {"force_at", "0", "end the flow when a direction's count reaches this (force mode); 0 = never"},
    {"alarm_at", "0", "raise the packet-exact alarm when a direction's count reaches this; 0 = never"},
};
constexpr flowxdp::PluginDescription kDescription = {136,
                                                     true,
                                                     "tcp_win",
                                                     "0.1.0",
                                                     "TCP window threshold counts",
                                                     sizeof(tcp_win_state),
                                                     sizeof(tcp_win_packet_state),
                                                     sizeof(tcp_win_config),
                                                     nullptr,
                                                     kOptions,
                                                     kColumns,
                                                     kPacketColumns,
                                                     true};

class TcpWin final : public flowxdp::Plugin {
  public:
    TcpWin(const flowxdp::PluginOptions& options, void* kernel_config, const fx_host&)
    {
        auto* config = static_cast<tcp_win_config*>(kernel_config);
        config->threshold = static_cast<std::uint32_t>(options.number("threshold", 1, 65536));
        config->force_at = static_cast<std::uint32_t>(options.number("force_at", 0, 0xffffffff));
        config->alarm_at = static_cast<std::uint32_t>(options.number("alarm_at", 0, 0xffffffff));
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
        const tcp_win_dir& d = static_cast<const tcp_win_state*>(flow.slot)->dir[flow.direction];
        row.put<std::uint8_t>(kStat, d.stat);
        row.put<std::uint32_t>(kCount, d.below);
        stat_ |= d.stat;
        below_ += d.below;
        return d.below;
    }

    void on_packet(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const auto* s = static_cast<const tcp_win_packet_state*>(packet.state);
        if (!s->valid) {
            row.empty(kSize);
            row.empty(kPacketCount);
            return;
        }
        row.put<std::uint16_t>(kSize, s->window);
        row.put<std::uint32_t>(kPacketCount, s->below);
    }

    void report(flowxdp::ReportWriter& out) override
    {
        if (stat_)
            out.line(fmt::format("tcpWin: Aggregated tcpWinStat=0x{:02x}", stat_));
        if (below_) {
            const std::uint64_t tcp = out.totals().ip_proto[6].packets;
            out.line(fmt::format("tcpWin: Number of TCP winsize packets below threshold {}: {} [{:.2f}%]", threshold_,
                                 flowxdp::count_text(below_),
                                 tcp ? 100.0 * static_cast<double>(below_) / static_cast<double>(tcp) : 0.0));
        }
    }

  private:
    std::uint32_t threshold_ = 1;
    bool can_force_ = false;
    std::uint8_t stat_ = 0;
    std::uint64_t below_ = 0;
};

} // namespace

FLOWXDP_PLUGIN(TcpWin, kDescription)
