// SPDX-License-Identifier: BSD-2-Clause
// dhcp: messages, names and addresses of DHCP and DHCPv6 (T2 dhcpDecode). It has only a user half. README.md has
// columns and limits.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "dhcp_memory.h"
#include "dhcp_message.h"
#include "flowxdp/plugin.hpp"
#include "transactions.h"

namespace {

using namespace flowxdp;

constexpr fx_bit kStatBits[] = {
    {DHCP_STAT_DETECTED, "Flow is DHCP"},
    {DHCP_STAT_REQUEST, "Boot request, DHCPv6: message to a server"},
    {DHCP_STAT_REPLY, "Boot reply, DHCPv6: message from a server"},
    {DHCP_STAT_BROADCAST, "The answer has to be a broadcast"},
    {DHCP_STAT_CLIENT_ID, "Client identifier (option 61) is not the client's hardware address"},
    {DHCP_STAT_OVERLOAD, "Server name or boot file carry options"},
    {DHCP_STAT_SECS_LITTLE_ENDIAN, "Seconds elapsed are probably little endian"},
    {DHCP_STAT_NOT_ETHERNET, "Client's hardware is not Ethernet"},
    {DHCP_STAT_LIST_CUT, "List of options, types or addresses is cut"},
    {DHCP_STAT_NAMES_CUT, "List of names or domains is cut"},
    {DHCP_STAT_CAPTURE_CUT, "Only a part of a message was captured"},
    {DHCP_STAT_UNKNOWN_TYPE, "Unknown message type"},
    {DHCP_STAT_BAD_LENGTH, "An option has a length that its type does not allow"},
    {DHCP_STAT_BAD_MAGIC, "No magic cookie: BOOTP, or corrupt"},
    {DHCP_STAT_BAD_OPTIONS, "Options are corrupt or have no end"},
    {DHCP_STAT_MALFORMED, "Malformed: no message, or neither request nor reply"},
    {DHCP_STAT_TEXT_CUT, "A text is cut"},
    {DHCP_STAT_DEEP_RELAY, "Relay messages are nested too deep"},
};

struct FlowColumns : ColumnSet {
    Column<H32> stat{this, {.name = "dhcpStat", .help = "DHCP status", .bits = kStatBits}};
    List<U8> types{this, {.name = "dhcpMType", .help = "Message types, in order of appearance"}};
    Column<H64> hardware_types{this, {.name = "dhcpHWType", .help = "Hardware types, one bit each; bit 63: and above"}};
    List<Mac> macs{this, {.name = "dhcpCHWAdd", .help = "Client hardware addresses"}};
    Optional<Ip> netmask{this, {.name = "dhcpNetmask", .help = "Network mask"}};
    Optional<Ip> gateway{this, {.name = "dhcpGWIP", .help = "First router"}};
    Optional<Ip> dns{this, {.name = "dhcpDnsIP", .help = "First name server"}};
    Column<H32> hops{this, {.name = "dhcpHopCnt", .help = "Numbers of relay hops, one bit each; bit 31: above 16"}};
    Column<String> server_name{this, {.name = "dhcpSrvName", .help = "Server host name"}};
    Column<String> boot_file{this, {.name = "dhcpBootFile", .help = "Boot file name"}};
    Column<U16> option_count{this, {.name = "dhcpOptCnt", .help = "Options"}};
    List<U8> options{this, {.name = "dhcpOpts", .help = "Option codes, in numerical order"}};
    List<String> names{this, {.name = "dhcpHosts", .help = "Host names of clients"}};
    List<String> domains{this, {.name = "dhcpDomains", .help = "Domain names"}};
    Column<U16> seconds{this, {.name = "dhcpMaxSecEl", .help = "Most seconds elapsed", .unit = "s"}};
    Column<U32> lease{this, {.name = "dhcpLeaseT", .help = "Lease time, DHCPv6: valid lifetime", .unit = "s"}};
    Column<U32> renew{this, {.name = "dhcpRenewT", .help = "Renewal time (T1)", .unit = "s"}};
    Column<U32> rebind{this, {.name = "dhcpRebindT", .help = "Rebinding time (T2)", .unit = "s"}};
    Optional<Ip> requested{this, {.name = "dhcpReqIP", .help = "Requested address"}};
    Optional<Ip> client{this, {.name = "dhcpCliIP", .help = "Client's address"}};
    Optional<Ip> your{this, {.name = "dhcpYourIP", .help = "Address that the server offers or gives"}};
    Optional<Ip> next_server{this, {.name = "dhcpNextServer", .help = "Next server"}};
    Optional<Ip> relay{this, {.name = "dhcpRelay", .help = "Relay agent"}};
    Optional<Ip> server_id{this, {.name = "dhcpSrvId", .help = "Server identifier"}};
    Column<String> text{this, {.name = "dhcpMsg", .help = "Message, DHCPv6: text of the status"}};
    Column<U64> linked{
        this, {.name = "dhcpLFlow", .help = "flowInd of the other flow of the last transaction, 0 without one"}};
    Column<String> vendor{this, {.name = "dhcpVendor", .help = "Vendor class"}};
    List<U16> parameters{
        this, {.name = "dhcpParams", .help = "Options that the client asks for, in its order (of the first message)"}};
};
constexpr FlowColumns kColumns;

using FlowMemory = FlowMemoryOf<DhcpMemory>;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint16_t kServerPort = 67, kClientPort = 68, kClientPort6 = 546, kServerPort6 = 547;
constexpr std::array<fx_packet_need, 2> kNeeds = {{
    {.ip_proto = kUdp,
     .port_first = kServerPort,
     .port_last = kClientPort,
     .payload_bytes = PACKET_MAX_PAYLOAD,
     .flags = FX_NEED_PAYLOAD},
    {.ip_proto = kUdp,
     .port_first = kClientPort6,
     .port_last = kServerPort6,
     .payload_bytes = PACKET_MAX_PAYLOAD,
     .flags = FX_NEED_PAYLOAD},
}};
struct Figures : FigureSet {
    Counter packets{this, {.name = "packets", .help = "DHCP packets"}};
    Counter packets_v6{this, {.name = "v6_packets", .help = "DHCPv6 packets"}};
};
constexpr Figures kFigures;

constexpr PluginDescription kDescription = {.number = 250,
                                            .name = "dhcp",
                                            .version = "0.1.0",
                                            .help = "DHCP and DHCPv6 messages, names and addresses",
                                            .columns = kColumns.all(),
                                            .flow_memory_size = FlowMemory::size,
                                            .figures = kFigures.all()};

// What packets to the ports are: a relay talks from 67 to 67, everybody else between client and server.
bool is_dhcp4(const packet_record& r)
{
    return r.ip_version == 4 && (r.src_port == kServerPort || r.src_port == kClientPort) &&
           (r.dst_port == kServerPort || r.dst_port == kClientPort) &&
           (r.src_port == kServerPort || r.dst_port == kServerPort);
}
// A server answers from a port of its own choice.
bool is_dhcp6(const packet_record& r)
{
    return r.ip_version == 6 && (r.dst_port == kClientPort6 || r.dst_port == kServerPort6);
}

DhcpTransaction transaction_of(const DhcpDirection& d, std::uint16_t source)
{
    DhcpTransaction t = {};
    t.id = d.transaction;
    t.source = source;
    if (d.has_mac)
        std::copy_n(d.mac, 6, t.mac.begin());
    return t;
}

class Dhcp final : public Plugin {
  public:
    Dhcp(OptionValues, void*, Host) {}

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return kNeeds; }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& r = *packet.record;
        const bool is_v4 = is_dhcp4(r);
        if ((r.flags & PACKET_LATER_FRAGMENT) || (!is_v4 && !is_dhcp6(r)))
            return;
        // Bytes of the datagram that come in later fragments are as good as not captured.
        const std::span<const std::uint8_t> bytes(packet.payload,
                                                  std::min<std::size_t>(r.payload_captured, r.payload_len));
        const std::size_t claimed = r.flags & PACKET_FIRST_FRAGMENT ? r.payload_len + 1u : r.payload_len;
        const DhcpMessage m = is_v4 ? parse_dhcp4(bytes, claimed) : parse_dhcp6(bytes, claimed);
        DhcpDirection& d = FlowMemory::of(packet).dir[r.direction & 1];
        d.add(m);
        if (m.transaction)
            transactions_.add(transaction_of(d, r.header.source), r.flow_id);
        Count& count = counts_[is_v4 ? 0 : 1];
        count.packets++;
        if (is_v4)
            figures_.add(kFigures.packets);
        else
            figures_.add(kFigures.packets_v6);
        for (unsigned i = 0; i < m.type_count; i++)
            count.types[m.types[i]]++;
    }

    std::uint64_t on_flow_end(const fx_flow& flow, RowWriter& row) override
    {
        static constexpr DhcpMemory kNothing = {};
        const DhcpMemory* memory = FlowMemory::of(flow);
        const DhcpDirection& d = (memory ? memory : &kNothing)->dir[flow.direction & 1];
        row.put(kColumns.stat, d.status);
        row.list(kColumns.types, std::span<const std::uint8_t>(d.types, d.type_count));
        row.put(kColumns.hardware_types, d.hardware_types);
        row.list(kColumns.macs, std::span(reinterpret_cast<const MacCell*>(d.macs), d.mac_count));
        put(kColumns.netmask, d.netmask, row);
        put(kColumns.gateway, d.gateway, row);
        put(kColumns.dns, d.dns, row);
        row.put(kColumns.hops, d.hops);
        row.text(kColumns.server_name, d.server_name.view());
        row.text(kColumns.boot_file, d.boot_file.view());
        row.put(kColumns.option_count, d.option_count);
        put_options(d, row);
        put(kColumns.names, d.names, d.name_count, row);
        put(kColumns.domains, d.domains, d.domain_count, row);
        row.put(kColumns.seconds, d.seconds);
        row.put(kColumns.lease, d.lease_s);
        row.put(kColumns.renew, d.renew_s);
        row.put(kColumns.rebind, d.rebind_s);
        put(kColumns.requested, d.requested, row);
        put(kColumns.client, d.client, row);
        put(kColumns.your, d.your, row);
        put(kColumns.next_server, d.next_server, row);
        put(kColumns.relay, d.relay, row);
        put(kColumns.server_id, d.server_id, row);
        row.text(kColumns.text, d.text.view());
        const std::uint64_t linked =
            d.transaction ? transactions_.other(transaction_of(d, flow.ended->header.source), flow.record->flow_id) : 0;
        row.put(kColumns.linked, linked);
        row.text(kColumns.vendor, d.vendor.view());
        row.list(kColumns.parameters, std::span<const std::uint16_t>(d.parameters, d.parameter_count));
        stat_ |= d.status;
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(ReportWriter& out) override
    {
        if (stat_)
            out.line(fmt::format("dhcp: Aggregated dhcpStat=0x{:08x}", stat_));
        report_version(out, "DHCP", counts_[0]);
        report_version(out, "DHCPv6", counts_[1]);
    }

  private:
    struct MacCell {
        std::uint8_t bytes[6];
    };
    struct Count {
        std::uint64_t packets = 0;
        std::array<std::uint64_t, 256> types = {};
    };

    static void put(const ColumnSet::Optional<ColumnSet::Ip>& column, const DhcpAddress& address, RowWriter& row)
    {
        if (address.version)
            row.ip(column, address.bytes, address.version);
        else
            row.leave_empty(column);
    }
    static void put(const ColumnSet::List<ColumnSet::String>& column, const DhcpMessage::Name* names,
                    std::uint8_t count, RowWriter& row)
    {
        std::array<std::string_view, DhcpDirection::kMostNames> views;
        for (unsigned i = 0; i < count; i++)
            views[i] = names[i].view();
        row.list(column, std::span<const std::string_view>(views.data(), count));
    }
    static void put_options(const DhcpDirection& d, RowWriter& row)
    {
        std::array<std::uint8_t, 256> codes;
        std::size_t n = 0;
        for (unsigned code = 0; code < codes.size(); code++)
            if (d.options[code / 64] >> code % 64 & 1)
                codes[n++] = static_cast<std::uint8_t>(code);
        row.list(kColumns.options, std::span<const std::uint8_t>(codes.data(), n));
    }
    static void report_version(ReportWriter& out, std::string_view name, const Count& count)
    {
        if (!count.packets)
            return;
        out.line(fmt::format("dhcp: Number of {} packets: {}", name, count_text(count.packets)));
        for (unsigned type = 0; type < count.types.size(); type++)
            if (count.types[type])
                out.line(fmt::format(
                    "dhcp: Number of {} messages of type {}: {} [{:.2f}%]", name, type, count_text(count.types[type]),
                    100.0 * static_cast<double>(count.types[type]) / static_cast<double>(count.packets)));
    }

    DhcpTransactions transactions_;
    std::array<Count, 2> counts_; // DHCP, DHCPv6
    FigureValues figures_{kFigures};
    std::uint32_t stat_ = 0;
};

} // namespace

FLOWXDP_PLUGIN(Dhcp, kDescription)
