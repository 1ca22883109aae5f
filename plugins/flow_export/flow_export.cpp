// SPDX-License-Identifier: BSD-2-Clause
// flow_export, user half: the columns that NetFlow and IPFIX exporters need beside basic_flow's and basic_stats'. Sinks
// that need them enable it.
#include "flow_export.bpf.h"

#include "plugin.h"

namespace {

enum { kOctets, kMinLen, kMaxLen, kTos, kMinTtl, kMaxTtl, kTcpFlags, kIfId, kEndReason, kFxStat };
constexpr fx_bit kSensorBits[] = {
#define X(bit, name, text) {1ULL << (bit), text},
    FX_SENSOR_STATUS(X)
#undef X
};
constexpr fx_bit kTcpFlagBits[] = {
    {TCP_FIN, "FIN"}, {TCP_SYN, "SYN"}, {TCP_RST, "RST"}, {TCP_PSH, "PSH"},
    {TCP_ACK, "ACK"}, {TCP_URG, "URG"}, {TCP_ECE, "ECE"}, {TCP_CWR, "CWR"},
};
constexpr fx_column kColumns[] = {
    {"ipOctets", "IP octets as the headers claim (IPFIX 1); L2 flows: bytes on the wire", FX_U64, 0, 0, nullptr},
    {"minIpLen", "Smallest IP length, bytes", FX_U32, 0, 0, nullptr},
    {"maxIpLen", "Largest IP length, bytes", FX_U32, 0, 0, nullptr},
    {"ipClass", "Type of service or traffic class of the first packet", FX_H8, 0, 0, nullptr},
    {"ttlMin", "Smallest TTL or hop limit", FX_U8, 0, 0, nullptr},
    {"ttlMax", "Largest TTL or hop limit", FX_U8, 0, 0, nullptr},
    {"tcpControlBits", "TCP flags or-ed (IPFIX 6)", FX_H16, 0, std::size(kTcpFlagBits), kTcpFlagBits},
    {"ifId", "Interface of the first packet", FX_U32, 0, 0, nullptr},
    {"flowEndReason", "Why the flow ended (IPFIX 136)", FX_U8, 0, 0, nullptr},
    {"fxStat", "Conditions of the sensor itself", FX_H16, 0, std::size(kSensorBits), kSensorBits},
};
constexpr flowxdp::PluginDescription kDescription = {105,
                                                     false,
                                                     "flow_export",
                                                     "0.1.0",
                                                     "IP octets, lengths, TTLs, TCP flags and end reason for exporters",
                                                     sizeof(flow_export_state),
                                                     0,
                                                     sizeof(flow_export_config),
                                                     nullptr,
                                                     {},
                                                     kColumns,
                                                     {},
                                                     false};

class FlowExport final : public flowxdp::Plugin {
  public:
    FlowExport(const flowxdp::PluginOptions&, void*, const fx_host&) {}

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const flow_export_dir& d = static_cast<const flow_export_state*>(flow.slot)->dir[flow.direction];
        row.put<std::uint64_t>(kOctets, flow.dir->octets);
        row.put<std::uint32_t>(kMinLen, d.ip_len_min);
        row.put<std::uint32_t>(kMaxLen, d.ip_len_max);
        row.put<std::uint8_t>(kTos, d.tos);
        row.put<std::uint8_t>(kMinTtl, d.ttl_min);
        row.put<std::uint8_t>(kMaxTtl, d.ttl_max);
        row.put<std::uint16_t>(kTcpFlags, d.tcp_flags);
        row.put<std::uint32_t>(kIfId, flow.dir->if_id);
        row.put<std::uint8_t>(kEndReason, static_cast<std::uint8_t>(flow.ended->reason));
        row.put<std::uint16_t>(kFxStat, flow.dir->sensor_status);
        return 0;
    }
};

} // namespace

FLOWXDP_PLUGIN(FlowExport, kDescription)
