// SPDX-License-Identifier: BSD-2-Clause
// snmp: versions, kinds of messages and who asks, without showing a community (T2 snmpDecode). It has only a user half;
// README.md has the columns.
#include <algorithm>

#include <fmt/format.h>

#include "flowxdp/packet.h"
#include "flowxdp/plugin.hpp"
#include "snmp_flow.h"

namespace {

namespace snmp = flowxdp::snmp;

constexpr fx_bit kStatBits[] = {
    {snmp::kStatSnmp, "SNMP message"},
    {snmp::kStatNames, "More than one community or user name"},
    {snmp::kStatVersions, "More than one version"},
    {snmp::kStatEncrypted, "Encrypted message (version 3)"},
    {snmp::kStatCut, "A message is not whole in what was captured"},
    {snmp::kStatText, "A community, user name or engine ID was cut"},
    {snmp::kStatMalformed, "Malformed message"},
};
constexpr fx_bit kKindBits[] = {
    {1u << snmp::kGetRequest, "GetRequest"},
    {1u << snmp::kGetNextRequest, "GetNextRequest"},
    {1u << snmp::kResponse, "GetResponse"},
    {1u << snmp::kSetRequest, "SetRequest"},
    {1u << snmp::kTrapV1, "Trap (version 1)"},
    {1u << snmp::kGetBulkRequest, "GetBulkRequest"},
    {1u << snmp::kInformRequest, "InformRequest"},
    {1u << snmp::kTrapV2, "Trap (version 2)"},
    {1u << snmp::kReport, "Report"},
};
constexpr fx_bit kSecurityBits[] = {{1, "Authenticated"}, {2, "Encrypted"}, {4, "Wants a report"}};
// RFC 3416 3
constexpr fx_bit kErrorBits[] = {
    {1u << 0, "noError"},
    {1u << 1, "tooBig"},
    {1u << 2, "noSuchName"},
    {1u << 3, "badValue"},
    {1u << 4, "readOnly"},
    {1u << 5, "genErr"},
    {1u << 6, "noAccess"},
    {1u << 7, "wrongType"},
    {1u << 8, "wrongLength"},
    {1u << 9, "wrongEncoding"},
    {1u << 10, "wrongValue"},
    {1u << 11, "noCreation"},
    {1u << 12, "inconsistentValue"},
    {1u << 13, "resourceUnavailable"},
    {1u << 14, "commitFailed"},
    {1u << 15, "undoFailed"},
    {1u << 16, "authorizationError"},
    {1u << 17, "notWritable"},
    {1u << 18, "inconsistentName"},
    {1u << 31, "31 and above"},
};
struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "snmpStat", .help = "SNMP status", .bits = kStatBits}};
    Column<U8> version{this, {.name = "snmpVersion", .help = "Version as in the message: 0 is 1, 1 is 2c, 3 is 3"}};
    Column<String> community{
        this, {.name = "snmpCommunity", .help = "Community: * and its length, or with the option community=1 itself"}};
    Column<String> user{this, {.name = "snmpUser", .help = "User name of version 3, likewise"}};
    Column<H16> kinds{this, {.name = "snmpMsgT", .help = "Set of message types", .bits = kKindBits}};
    Column<Word> counts{this,
                        {.name = "snmpNumReq_Next_Resp_Set_Trap1_Bulk_Info_Trap2_Rep",
                         .help = "Messages by type: GetRequest, GetNextRequest, GetResponse, SetRequest, Trap 1, "
                                 "GetBulkRequest, InformRequest, Trap 2, Report"}};
    Column<U32> messages{this, {.name = "snmpNumMsg", .help = "SNMP messages", .unit = "messages"}};
    Column<H32> errors{this,
                       {.name = "snmpErrStat", .help = "Set of error-status of the responses", .bits = kErrorBits}};
    Column<H8> security{this, {.name = "snmpSecFlags", .help = "Flags of version 3, or-ed", .bits = kSecurityBits}};
    Column<Word> engine_id{this, {.name = "snmpEngineId", .help = "First engine ID of version 3, in hex"}};
};
constexpr FlowColumns kColumns;
struct Options : flowxdp::OptionSet {
    Switch community{this, "community", "0", "show communities and user names in clear"};
};
constexpr Options kOptions;
struct Memory {
    snmp::Direction direction[2];
};
struct Figures : flowxdp::FigureSet {
    Counter messages{this, {.name = "messages", .help = "SNMP messages, in flows that ended"}};
};
constexpr Figures kFigures;

using FlowMemory = flowxdp::FlowMemoryOf<Memory>;
constexpr flowxdp::PluginDescription kDescription = {.number = 386,
                                                     .name = "snmp",
                                                     .version = "0.1.0",
                                                     .help = "SNMP: versions, message types, errors",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .figures = kFigures.all()};
constexpr std::uint8_t kUdp = 17;
constexpr std::uint16_t kPort = 161, kTrapPort = 162;
constexpr fx_packet_need kNeeds[] = {{.ip_proto = kUdp,
                                      .port_first = kPort,
                                      .port_last = kTrapPort,
                                      .payload_bytes = PACKET_MAX_PAYLOAD,
                                      .flags = FX_NEED_PAYLOAD}};

std::string text_of(const snmp::SecretText& name, bool in_clear)
{
    if (!name.seen)
        return {};
    return in_clear ? std::string(name.text, name.kept) : fmt::format("*{}", name.length);
}

class Snmp final : public flowxdp::Plugin {
  public:
    Snmp(flowxdp::OptionValues options, void*, flowxdp::Host) : in_clear_(options[kOptions.community]) {}

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return kNeeds; }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& record = *packet.record;
        if (record.flags & PACKET_LATER_FRAGMENT || !record.payload_len)
            return;
        const std::size_t size = std::min<std::size_t>(record.payload_captured, record.payload_len);
        const bool whole = size == record.payload_len && !(record.flags & PACKET_FIRST_FRAGMENT);
        FlowMemory::of(packet).direction[record.direction & 1u].add({packet.payload, size}, whole, in_clear_);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static const snmp::Direction kNothing{};
        const Memory* memory = FlowMemory::of(flow);
        const snmp::Direction& d = memory ? memory->direction[flow.direction] : kNothing;
        row.put(kColumns.stat, d.status);
        row.put(kColumns.version, d.version);
        row.text(kColumns.community, text_of(d.community, in_clear_));
        row.text(kColumns.user, text_of(d.user, in_clear_));
        row.put(kColumns.kinds, d.kinds);
        row.text(kColumns.counts, fmt::format("{}", fmt::join(d.counts, "_")));
        row.put(kColumns.messages, d.messages);
        row.put(kColumns.errors, d.errors);
        row.put(kColumns.security, d.security);
        row.text(kColumns.engine_id,
                 fmt::format("{:02x}", fmt::join(d.engine_id, d.engine_id + d.engine_id_length, "")));
        status_ |= d.status;
        figures_.add(kFigures.messages, d.messages);
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!status_)
            return;
        out.line(fmt::format("snmp: Aggregated snmpStat=0x{:02x}", status_));
        out.line(fmt::format("snmp: Number of SNMP messages: {}", flowxdp::count_text(figures_[kFigures.messages])));
    }

  private:
    bool in_clear_;
    std::uint8_t status_ = 0;
    flowxdp::FigureValues figures_{kFigures};
};

} // namespace

FLOWXDP_PLUGIN(Snmp, kDescription)
