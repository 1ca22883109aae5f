// SPDX-License-Identifier: BSD-2-Clause
// dedup, user half: options, columns and report of the copies.
#include "dedup.bpf.h"

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"

namespace {

constexpr fx_bit kStatBits[] = {
    {DEDUP_STAT_SEEN, "Packets of this direction were seen twice"},
    {DEDUP_STAT_NOT_EXAMINED, "Not examined: no IP header"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "dupStat", .help = "Status of the search for copies", .bits = kStatBits}};
    Column<U32> copies{this,
                       {.name = "dupPkts",
                        .help = "Packets that are a copy of one shortly before; all other counts include them, without "
                                "leave_out",
                        .unit = "packets"}};
};
constexpr FlowColumns kColumns;

struct PacketColumns : flowxdp::ColumnSet {
    Optional<U8> copy{this, {.name = "dupPkt", .help = "1: a copy of a packet shortly before"}};
};
constexpr PacketColumns kPacketColumns;

struct Figures : flowxdp::FigureSet {
    Counter copies{this, {.name = "copies", .help = "Packets seen twice, in flows that ended"}};
};
constexpr Figures kFigures;

struct Options : flowxdp::OptionSet {
    Duration window{this, "window", "20ms", "two equal packets are copies when no more time lies between them",
                    1,    10'000};
    Switch leave_out{this, "leave_out", "0", "copies are counted in no flow, but as packets_left_out"};
    Switch any_ttl{this, "any_ttl", "0", "copies may differ in TTL, as before and behind a router"};
};
constexpr Options kOptions;

using Half = flowxdp::KernelHalfOf<dedup_state, dedup_config, flowxdp::None, dedup_packet_state>;
constexpr flowxdp::PluginDescription kDescription = {.number = 106,
                                                     .name = "dedup",
                                                     .version = "0.1.0",
                                                     .help = "Packets that were seen twice",
                                                     .kernel = Half::sizes,
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .packet_columns = kPacketColumns.all(),
                                                     .figures = kFigures.all()};

class Dedup final : public flowxdp::Plugin {
  public:
    Dedup(flowxdp::OptionValues options, void* kernel_config, flowxdp::Host)
    {
        auto* config = static_cast<dedup_config*>(kernel_config);
        config->window_ns = std::uint64_t{options[kOptions.window]} * 1'000'000;
        config->any_ttl = options[kOptions.any_ttl];
        config->leave_out = leaves_out_ = options[kOptions.leave_out];
        while (config->window_ns >> (config->tick_shift + 1) >= DEDUP_TICKS_LEAST)
            config->tick_shift++;
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const std::uint32_t copies = Half::state(flow).dir[flow.direction].copies;
        std::uint8_t stat = 0;
        if (!flow.ip_version)
            stat = DEDUP_STAT_NOT_EXAMINED;
        else if (copies)
            stat = DEDUP_STAT_SEEN;
        row.put(kColumns.stat, stat);
        row.put(kColumns.copies, copies);
        figures_.add(kFigures.copies, copies);
        stat_ |= stat;
        return 0;
    }

    void on_packet_row(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const dedup_packet_state& s = *Half::packet_state(packet);
        if (s.valid)
            row.put(kPacketColumns.copy, s.copy);
        else
            row.leave_empty(kPacketColumns.copy);
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }
    [[nodiscard]] std::uint32_t flow_config_flags() const override
    {
        return leaves_out_ ? std::uint32_t{FLOW_CONFIG_CAN_LEAVE_OUT} : 0;
    }

    void report(flowxdp::ReportWriter& out) override
    {
        const std::uint64_t copies = figures_[kFigures.copies];
        const std::uint64_t packets = out.packets() + (leaves_out_ ? copies : 0);
        if (stat_)
            out.line(fmt::format("dedup: Aggregated dupStat=0x{:02x}", stat_));
        if (copies)
            out.line(fmt::format("dedup: Number of packets seen twice: {} [{:.2f}%]", flowxdp::count_text(copies),
                                 packets ? 100.0 * static_cast<double>(copies) / static_cast<double>(packets) : 0.0));
    }

  private:
    flowxdp::FigureValues figures_{kFigures};
    bool leaves_out_ = false;
    std::uint8_t stat_ = 0;
};

} // namespace

FLOWXDP_PLUGIN(Dedup, kDescription)
