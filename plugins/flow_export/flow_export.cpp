// SPDX-License-Identifier: BSD-2-Clause
// flow_export, user half: the columns that NetFlow and IPFIX exporters need beside basic_flow's and basic_stats'. Sinks
// that need them enable it.
#include "flow_export.bpf.h"

#include "flowxdp/plugin.hpp"

namespace {

constexpr fx_bit kSensorBits[] = {
#define X(bit, name, text) {1ULL << (bit), text},
    FX_SENSOR_STATUS(X)
#undef X
};
constexpr fx_bit kTcpFlagBits[] = {
    {TCP_FIN, "FIN"}, {TCP_SYN, "SYN"}, {TCP_RST, "RST"}, {TCP_PSH, "PSH"}, {TCP_ACK, "ACK"},
    {TCP_URG, "URG"}, {TCP_ECE, "ECE"}, {TCP_CWR, "CWR"}, {0x100, "AE"},
};
struct FlowColumns : flowxdp::ColumnSet {
    Column<U64> octets{this,
                       {.name = "ipOctets",
                        .help = "IP octets as the headers claim (IPFIX 1); L2 flows: bytes on the wire",
                        .unit = "B"}};
    Column<U32> min_length{this, {.name = "minIpLen", .help = "Smallest IP length, bytes", .unit = "B"}};
    Column<U32> max_length{this, {.name = "maxIpLen", .help = "Largest IP length, bytes", .unit = "B"}};
    Column<H8> tos{this, {.name = "ipClass", .help = "Type of service or traffic class of the first packet"}};
    Column<U8> min_ttl{this, {.name = "ttlMin", .help = "Smallest TTL or hop limit", .unit = "hops"}};
    Column<U8> max_ttl{this, {.name = "ttlMax", .help = "Largest TTL or hop limit", .unit = "hops"}};
    Column<H16> tcp_flags{this, {.name = "tcpControlBits", .help = "TCP flags or-ed (IPFIX 6)", .bits = kTcpFlagBits}};
    Column<U32> if_id{this, {.name = "ifId", .help = "Interface of the first packet"}};
    Column<U8> end_reason{this, {.name = "flowEndReason", .help = "Why the flow ended (IPFIX 136)"}};
    Column<H16> sensor_status{this, {.name = "fxStat", .help = "Conditions of the sensor itself", .bits = kSensorBits}};
    Optional<U8> icmp_type{this,
                           {.name = "icmpType", .help = "ICMP type of the first packet that has one (IPFIX 32, 139)"}};
    Optional<U8> icmp_code{this, {.name = "icmpCode", .help = "Its ICMP code"}};
};
constexpr FlowColumns kColumns;
using Half = flowxdp::KernelHalfOf<flow_export_state, flow_export_config>;
constexpr flowxdp::PluginDescription kDescription = {
    .number = 105,
    .name = "flow_export",
    .version = "0.1.0",
    .help = "IP octets, lengths, TTLs, TCP flags and end reason for exporters",
    .kernel = Half::sizes,
    .columns = kColumns.all()};

class FlowExport final : public flowxdp::Plugin {
  public:
    FlowExport(flowxdp::OptionValues, void*, flowxdp::Host) {}

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const flow_export_dir& d = Half::state(flow).dir[flow.direction];
        row.put(kColumns.octets, flow.dir->octets);
        row.put(kColumns.min_length, d.ip_len_min);
        row.put(kColumns.max_length, d.ip_len_max);
        row.put(kColumns.tos, d.tos);
        row.put(kColumns.min_ttl, d.ttl_min);
        row.put(kColumns.max_ttl, d.ttl_max);
        row.put(kColumns.tcp_flags, static_cast<std::uint16_t>(d.tcp_flags_high << 8 | d.tcp_flags));
        row.put(kColumns.if_id, flow.dir->if_id);
        row.put(kColumns.end_reason, static_cast<std::uint8_t>(flow.ended->reason));
        row.put(kColumns.sensor_status, flow.dir->sensor_status);
        if (d.has_icmp != 0) {
            row.put(kColumns.icmp_type, d.icmp_type);
            row.put(kColumns.icmp_code, d.icmp_code);
        }
        return 0;
    }
};

} // namespace

FLOWXDP_PLUGIN(FlowExport, kDescription)
