// SPDX-License-Identifier: BSD-2-Clause
// tcp_states, user half: timeouts by state, and anomalies that only the flow's end shows.
#include "tcp_states.bpf.h"

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"

namespace {

constexpr fx_bit kFlagBits[] = {
    {TCP_STATES_BAD_ESTABLISHMENT, "Malformed connection establishment"},
    {TCP_STATES_BAD_TEARDOWN, "Malformed teardown"},
    {TCP_STATES_BAD_FLAGS, "Malformed flags during established connection"},
    {TCP_STATES_AFTER_TEARDOWN, "Packets detected after teardown"},
    {TCP_STATES_AFTER_RESET, "Packets detected after reset"},
    {TCP_STATES_RESET_SENT, "Reset from sender seen"},
    {TCP_STATES_EVIL, "Potential evil behaviour (scan)"},
};
struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> flags{this, {.name = "tcpStatesAFlags", .help = "TCP state machine anomalies", .bits = kFlagBits}};
};
constexpr FlowColumns kColumns;
struct PacketColumns : flowxdp::ColumnSet {
    Column<H8> flags{
        this,
        {.name = "tcpStatesAFlags", .help = "TCP state machine anomalies of the direction so far", .bits = kFlagBits}};
};
constexpr PacketColumns kPacketColumns;
struct Options : flowxdp::OptionSet {
    Duration new_connection{this, "new", "120", "idle timeout before the handshake is complete, seconds"};
    Duration established{this, "established", "610", "idle timeout of an established connection, seconds"};
    Duration closing{this, "closing", "120", "idle timeout of a direction that sent FIN, seconds"};
    Duration closed{this, "closed", "10", "idle timeout after both FINs were acknowledged, seconds"};
    Duration reset{this, "reset", "0.1", "idle timeout after a RST, seconds"};
};
constexpr Options kOptions;
using Half = flowxdp::KernelHalfOf<tcp_states_state, tcp_states_config, tcp_states_cold, tcp_states_packet_state>;
constexpr flowxdp::PluginDescription kDescription = {.number = 132,
                                                     .default_on = true,
                                                     .name = "tcp_states",
                                                     .version = "0.1.0",
                                                     .help = "TCP connection states: timeouts and anomalies",
                                                     .kernel = Half::sizes,
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .packet_columns = kPacketColumns.all()};

constexpr std::uint8_t kProtoTcp = 6;

// Anomalies that the flow's end adds to a direction (README.md: "At the end of a TCP flow").
std::uint8_t flags_at_end(const tcp_states_dir& d, bool has_opposite)
{
    if (!has_opposite)
        return TCP_STATES_BAD_ESTABLISHMENT | TCP_STATES_BAD_TEARDOWN;
    switch (d.state) {
    case TCP_STATE_NEW:
        return TCP_STATES_BAD_ESTABLISHMENT | TCP_STATES_BAD_TEARDOWN;
    case TCP_STATE_CLOSED:
    case TCP_STATE_RESET:
        return 0; // the kernel half recorded at the RST what was wrong
    default:
        return TCP_STATES_BAD_TEARDOWN;
    }
}

class TcpStates final : public flowxdp::Plugin {
  public:
    TcpStates(flowxdp::OptionValues options, void* kernel_config, flowxdp::Host)
    {
        auto* config = static_cast<tcp_states_config*>(kernel_config);
        config->new_ms = options[kOptions.new_connection];
        config->established_ms = options[kOptions.established];
        config->closing_ms = options[kOptions.closing];
        config->closed_ms = options[kOptions.closed];
        config->reset_ms = options[kOptions.reset];
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        std::uint8_t flags = 0;
        if (flow.ip_proto == kProtoTcp) {
            const tcp_states_dir& d = Half::state(flow).dir[flow.direction];
            const std::uint8_t anomalies = Half::cold(flow).dir[flow.direction].anomalies;
            flags = static_cast<std::uint8_t>(anomalies | flags_at_end(d, flow.has_opposite));
        }
        row.put(kColumns.flags, flags);
        aggregated_ = static_cast<std::uint8_t>(aggregated_ | flags);
        return 0;
    }

    void on_packet_row(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        // 0 where the packet is not TCP: T2 prints 0x00, not an empty cell.
        row.put(kPacketColumns.flags, Half::packet_state(packet)->anomalies);
    }

    void report(flowxdp::ReportWriter& out) override
    {
        if (aggregated_)
            out.line(fmt::format("tcpStates: Aggregated tcpStatesAFlags=0x{:02x}", aggregated_));
    }

  private:
    std::uint8_t aggregated_ = 0;
};

} // namespace

FLOWXDP_PLUGIN(TcpStates, kDescription)
