// SPDX-License-Identifier: BSD-2-Clause
// tcp_rtt, user half: columns and report of the trip times.
#include "tcp_rtt.bpf.h"

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"

namespace {

constexpr fx_bit kStatBits[] = {
    {TCP_RTT_HANDSHAKE, "The trip of a SYN is among the samples"},
    {TCP_RTT_SENT_TWICE, "A timed segment of the other side was sent again: no sample (Karn)"},
    {TCP_RTT_TOO_LONG, "A trip above 53.6 s was left out"},
    {TCP_RTT_SAMPLES_FULL, "More than 1,048,575 samples: their number stands still"},
};
constexpr std::uint32_t kStatMask = 0x0f;

struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "tcpRttStat", .help = "TCP round trip status", .bits = kStatBits}};
    Column<U32> samples{this,
                        {.name = "tcpRttCnt",
                         .help = "Trips from the other side's segment to this side's acknowledgment, seen at the "
                                 "sensor"}};
    Optional<Float> smoothed{this,
                             {.name = "tcpRttSmooth", .help = "Smoothed trip time (SRTT, RFC 6298), s", .unit = "s"}};
    Optional<Float> variation{
        this, {.name = "tcpRttVar", .help = "Variation of the trip times (RTTVAR, RFC 6298), s", .unit = "s"}};
    Optional<Float> min{this, {.name = "tcpRttMin", .help = "Shortest trip, s", .unit = "s"}};
    Optional<Float> max{this, {.name = "tcpRttMax", .help = "Longest trip, s", .unit = "s"}};
};
constexpr FlowColumns kColumns;

struct PacketColumns : flowxdp::ColumnSet {
    Optional<Float> sample{
        this, {.name = "tcpRttPkt", .help = "Trip that this packet ended with its acknowledgment, s", .unit = "s"}};
    Optional<Float> smoothed{
        this, {.name = "tcpRttSmoothPkt", .help = "Smoothed trip time of this direction so far, s", .unit = "s"}};
};
constexpr PacketColumns kPacketColumns;

struct Figures : flowxdp::FigureSet {
    Counter samples{this, {.name = "samples", .help = "Trip times measured, in flows that ended"}};
};
constexpr Figures kFigures;

using Half = flowxdp::KernelHalfOf<tcp_rtt_state, tcp_rtt_config, tcp_rtt_cold, tcp_rtt_packet_state>;
constexpr flowxdp::PluginDescription kDescription = {.number = 133,
                                                     .name = "tcp_rtt",
                                                     .version = "0.1.0",
                                                     .help = "Smoothed TCP trip times",
                                                     .kernel = Half::sizes,
                                                     .columns = kColumns.all(),
                                                     .packet_columns = kPacketColumns.all(),
                                                     .figures = kFigures.all()};

// units: of TCP_RTT_UNIT_NS, times scale.
double seconds(std::uint32_t units, double scale)
{
    return units / scale / (1e9 / TCP_RTT_UNIT_NS);
}

class TcpRtt final : public flowxdp::Plugin {
  public:
    TcpRtt(flowxdp::OptionValues, void*, flowxdp::Host) {}

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const tcp_rtt_dir& d = Half::state(flow).dir[flow.direction];
        const tcp_rtt_cold_dir& cold = Half::cold(flow).dir[flow.direction];
        const auto stat = static_cast<std::uint8_t>(d.marks & kStatMask);
        const std::uint32_t samples = tcp_rtt_samples(&d);
        row.put(kColumns.stat, stat);
        row.put(kColumns.samples, samples);
        stat_ |= stat;
        if (!samples) {
            row.leave_empty(kColumns.smoothed, kColumns.variation, kColumns.min, kColumns.max);
            return 0;
        }
        row.put(kColumns.smoothed, seconds(d.smoothed, 8));
        row.put(kColumns.variation, seconds(d.variation, 4));
        row.put(kColumns.min, seconds(cold.min, 1));
        row.put(kColumns.max, seconds(cold.max, 1));
        if (!figures_[kFigures.samples] || cold.min < min_)
            min_ = cold.min;
        if (cold.max > max_)
            max_ = cold.max;
        figures_.add(kFigures.samples, samples);
        return 0;
    }

    void on_packet_row(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const tcp_rtt_packet_state& s = *Half::packet_state(packet);
        if (s.sampled)
            row.put(kPacketColumns.sample, seconds(s.sample, 1));
        else
            row.leave_empty(kPacketColumns.sample);
        if (s.has)
            row.put(kPacketColumns.smoothed, seconds(s.smoothed, 8));
        else
            row.leave_empty(kPacketColumns.smoothed);
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (stat_)
            out.line(fmt::format("tcpRtt: Aggregated tcpRttStat=0x{:02x}", stat_));
        if (figures_[kFigures.samples])
            out.line(fmt::format("tcpRtt: Number of trips: {}, shortest {:.7g} s, longest {:.7g} s",
                                 flowxdp::count_text(figures_[kFigures.samples]), seconds(min_, 1), seconds(max_, 1)));
    }

  private:
    flowxdp::FigureValues figures_{kFigures};
    std::uint32_t min_ = 0, max_ = 0;
    std::uint8_t stat_ = 0;
};

} // namespace

FLOWXDP_PLUGIN(TcpRtt, kDescription)
