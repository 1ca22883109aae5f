// SPDX-License-Identifier: BSD-2-Clause
// tcp_states, user half: timeouts by state, and what only the end of a connection knows.
#include "tcp_states.bpf.h"

#include <fmt/format.h>

#include "plugin.h"

namespace {

enum { kFlags };
constexpr fx_bit kFlagBits[] = {
    {TCP_STATES_BAD_ESTABLISHMENT, "Malformed connection establishment"},
    {TCP_STATES_BAD_TEARDOWN, "Malformed teardown"},
    {TCP_STATES_BAD_FLAGS, "Malformed flags during established connection"},
    {TCP_STATES_AFTER_TEARDOWN, "Packets detected after teardown"},
    {TCP_STATES_AFTER_RESET, "Packets detected after reset"},
    {TCP_STATES_RESET_SENT, "Reset from sender seen"},
    {TCP_STATES_EVIL, "Potential evil behaviour (scan)"},
};
constexpr fx_column kColumns[] = {
    {"tcpStatesAFlags", "TCP state machine anomalies", FX_H8, 0, std::size(kFlagBits), kFlagBits},
};
constexpr fx_column kPacketColumns[] = {
    {"tcpStatesAFlags", "TCP state machine anomalies of the direction so far", FX_H8, 0, std::size(kFlagBits),
     kFlagBits},
};
constexpr fx_option kOptions[] = {
    {"new", "120", "idle timeout before the handshake is complete, seconds"},
    {"established", "610", "idle timeout of an established connection, seconds"},
    {"closing", "120", "idle timeout of a direction that sent FIN, seconds"},
    {"closed", "10", "idle timeout after both FINs were acknowledged, seconds"},
    {"reset", "0.1", "idle timeout after a RST, seconds"},
};
constexpr flowxdp::PluginDescription kDescription = {132,
                                                     true,
                                                     "tcp_states",
                                                     "0.1.0",
                                                     "TCP connection states: timeouts and anomalies",
                                                     sizeof(tcp_states_state),
                                                     sizeof(tcp_states_packet_state),
                                                     sizeof(tcp_states_config),
                                                     nullptr,
                                                     kOptions,
                                                     kColumns,
                                                     kPacketColumns,
                                                     false};

constexpr std::uint8_t kProtoTcp = 6;

// What a direction's end adds to its anomalies (reference G3).
std::uint8_t flags_at_end(const tcp_states_dir& d, bool has_opposite)
{
    if (!has_opposite)
        return TCP_STATES_BAD_ESTABLISHMENT | TCP_STATES_BAD_TEARDOWN;
    switch (d.state) {
    case TCP_STATE_NEW:
        return TCP_STATES_BAD_ESTABLISHMENT | TCP_STATES_BAD_TEARDOWN;
    case TCP_STATE_CLOSED:
    case TCP_STATE_RESET:
        return 0; // over; the kernel half noted at the RST what was wrong with it
    default:
        return TCP_STATES_BAD_TEARDOWN;
    }
}

class TcpStates final : public flowxdp::Plugin {
  public:
    TcpStates(const flowxdp::PluginOptions& options, void* kernel_config, const fx_host&)
    {
        auto* config = static_cast<tcp_states_config*>(kernel_config);
        config->new_ms = options.seconds_as_ms("new");
        config->established_ms = options.seconds_as_ms("established");
        config->closing_ms = options.seconds_as_ms("closing");
        config->closed_ms = options.seconds_as_ms("closed");
        config->reset_ms = options.seconds_as_ms("reset");
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        std::uint8_t flags = 0;
        if (flow.ip_proto == kProtoTcp) {
            const tcp_states_dir& d = static_cast<const tcp_states_state*>(flow.slot)->dir[flow.direction];
            flags = static_cast<std::uint8_t>(d.anomalies | flags_at_end(d, flow.has_opposite));
        }
        row.put<std::uint8_t>(kFlags, flags);
        aggregated_ = static_cast<std::uint8_t>(aggregated_ | flags);
        return 0;
    }

    void on_packet(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        // 0 where the packet is not TCP: T2 prints 0x00, not an empty cell.
        row.put<std::uint8_t>(kFlags, static_cast<const tcp_states_packet_state*>(packet.state)->anomalies);
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
