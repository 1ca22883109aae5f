// SPDX-License-Identifier: BSD-2-Clause
// basic_flow, user half: status, times, headers and addresses of a flow, with country and organisation.
#include "basic_flow.bpf.h"

#include <array>
#include <map>
#include <string_view>

#include "flowxdp/flow_key.h"
#include "flowxdp/flow_status.h"
#include "flowxdp/plugin.hpp"
#include "header_stack.h"

namespace {

constexpr fx_bit kStatusBits[] = {
#define X(bit, name, text) {1ULL << (bit), text},
    FX_FLOW_STATUS(X)
#undef X
};
struct FlowColumns : flowxdp::ColumnSet {
    Column<H64> status{this, {.name = "flowStat", .help = "Flow status and warnings", .bits = kStatusBits}};
    Column<Time> first{this, {.name = "timeFirst", .help = "Date time of first packet"}};
    Column<Time> last{this, {.name = "timeLast", .help = "Date time of last packet"}};
    Column<Duration> duration{this, {.name = "duration", .help = "Flow duration"}};
    Column<U8> stacks_count{this, {.name = "numHdrDesc", .help = "Number of different headers descriptions"}};
    List<U16> header_counts{this, {.name = "numHdrs", .help = "Number of headers (depth) in hdrDesc"}};
    List<Word> stacks{this, {.name = "hdrDesc", .help = "Headers description"}};
    List<Mac> src_mac{this, {.name = "srcMac", .help = "Mac source"}};
    List<Mac> dst_mac{this, {.name = "dstMac", .help = "Mac destination"}};
    Column<H16> ethertype{this, {.name = "ethType", .help = "Ethernet type"}};
    List<U16> vlans{this, {.name = "vlanID", .help = "VLAN IDs"}};
    Column<Ip> src_ip{this, {.name = "srcIP", .help = "Source IP address"}};
    Column<Word> src_country{this, {.name = "srcIPCC", .help = "Source IP country"}};
    Column<String> src_organisation{this, {.name = "srcIPOrg", .help = "Source IP organization"}};
    Column<U16> src_port{this, {.name = "srcPort", .help = "Source port"}};
    Column<Ip> dst_ip{this, {.name = "dstIP", .help = "Destination IP address"}};
    Column<Word> dst_country{this, {.name = "dstIPCC", .help = "Destination IP country"}};
    Column<String> dst_organisation{this, {.name = "dstIPOrg", .help = "Destination IP organization"}};
    Column<U16> dst_port{this, {.name = "dstPort", .help = "Destination port"}};
    Column<U8> protocol{this, {.name = "l4Proto", .help = "Layer 4 protocol"}};
};
constexpr FlowColumns kColumns;
struct PacketColumns : flowxdp::ColumnSet {
    Column<H64> status{this, {.name = "flowStat", .help = "Flow status after this packet", .bits = kStatusBits}};
    Column<Time> time{this, {.name = "time", .help = "Time of the packet"}};
    Column<Duration> interval{this, {.name = "pktIAT", .help = "Time since the previous packet of this direction"}};
    Column<Duration> trip{this, {.name = "pktTrip", .help = "Time since the last packet of the opposite direction"}};
    Column<Duration> duration{this, {.name = "flowDuration", .help = "Duration of this direction so far"}};
    Column<U16> header_count{this, {.name = "numHdrs", .help = "Number of headers of this packet"}};
    Column<Word> stack{this, {.name = "hdrDesc", .help = "Headers of this packet"}};
    List<U16> vlans{this, {.name = "vlanID", .help = "VLAN IDs"}};
    Optional<Mac> src_mac{this, {.name = "srcMac", .help = "Mac source"}};
    Optional<Mac> dst_mac{this, {.name = "dstMac", .help = "Mac destination"}};
    Column<H16> ethertype{this, {.name = "ethType", .help = "Ethernet type"}};
    Optional<Ip> src_ip{this, {.name = "srcIP", .help = "Source IP address"}};
    Optional<Word> src_country{this, {.name = "srcIPCC", .help = "Source IP country"}};
    Optional<String> src_organisation{this, {.name = "srcIPOrg", .help = "Source IP organization"}};
    Optional<U16> src_port{this, {.name = "srcPort", .help = "Source port"}};
    Optional<Ip> dst_ip{this, {.name = "dstIP", .help = "Destination IP address"}};
    Optional<Word> dst_country{this, {.name = "dstIPCC", .help = "Destination IP country"}};
    Optional<String> dst_organisation{this, {.name = "dstIPOrg", .help = "Destination IP organization"}};
    Optional<U16> dst_port{this, {.name = "dstPort", .help = "Destination port"}};
    Optional<U8> protocol{this, {.name = "l4Proto", .help = "Layer 4 protocol"}};
};
constexpr PacketColumns kPacketColumns;

// The columns of one end of a flow or packet.
struct EndColumns {
    flowxdp::ColumnOf<FlowColumns::Ip> ip;
    flowxdp::ColumnOf<FlowColumns::Word> country;
    flowxdp::ColumnOf<FlowColumns::String> organisation;
    flowxdp::ColumnOf<FlowColumns::U16> port;
};
template <typename Columns>
constexpr EndColumns source_of(const Columns& c)
{
    return {c.src_ip, c.src_country, c.src_organisation, c.src_port};
}
template <typename Columns>
constexpr EndColumns destination_of(const Columns& c)
{
    return {c.dst_ip, c.dst_country, c.dst_organisation, c.dst_port};
}
constexpr EndColumns kSource = source_of(kColumns), kDestination = destination_of(kColumns);
constexpr EndColumns kPacketSource = source_of(kPacketColumns), kPacketDestination = destination_of(kPacketColumns);

struct Options : flowxdp::OptionSet {
    Switch geo{this, "geo", "1", "1: fill country and organisation columns, 0: print '-'"};
};
constexpr Options kOptions;
using Half = flowxdp::KernelHalfOf<basic_flow_state, basic_flow_config, basic_flow_cold>;
constexpr flowxdp::PluginDescription kDescription = {.number = 100,
                                                     .default_on = true,
                                                     .name = "basic_flow",
                                                     .version = "0.1.0",
                                                     .help = "Status, times, headers, addresses and where they belong",
                                                     .kernel = Half::sizes,
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .packet_columns = kPacketColumns.all()};

bool protocol_has_ports(std::uint8_t proto)
{
    return proto == 6 || proto == 17 || proto == 132 || proto == 136;
}

using HeaderStack = std::array<__u64, 2>;
// Header stacks whose texts are cached. Usual traffic has dozens of stacks; a hostile capture may have any number.
constexpr std::size_t kMaxHeaderTexts = 4096;

class BasicFlow final : public flowxdp::Plugin {
  public:
    BasicFlow(flowxdp::OptionValues options, void*, flowxdp::Host host) : host_(host), geo_(options[kOptions.geo])
    {
        if (geo_ && !host_.knows_places())
            host_.inform(
                "no geo database: countries and organisations of public addresses are '-' ('flowxdp geo update' "
                "gets one)");
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const basic_flow_state& s = Half::state(flow);
        const basic_flow_cold& cold = Half::cold(flow);
        const unsigned d = flow.direction;
        row.put(kColumns.status, flow.dir->status);
        row.put(kColumns.first, flow.first_ns);
        row.put(kColumns.last, flow.last_ns);
        row.put(kColumns.duration, flow.last_ns - flow.first_ns);
        put_headers(s, cold, d, row);
        put_macs(kColumns.src_mac, s, cold, d, row);
        put_macs(kColumns.dst_mac, s, cold, d ^ 1, row);
        row.put(kColumns.ethertype, flow.record->ethertype);
        const unsigned vlans = cold.vlans_used < BASIC_FLOW_VLANS ? cold.vlans_used : BASIC_FLOW_VLANS;
        row.list(kColumns.vlans, std::span<const __u16>(cold.vlan, vlans));
        put_end(kSource, flow.src_address, flow.ip_version, flow.src_port, row);
        put_end(kDestination, flow.dst_address, flow.ip_version, flow.dst_port, row);
        row.put(kColumns.protocol, flow.ip_proto);
        return 0;
    }

    void on_packet_row(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const packet_record& p = *packet.record;
        row.put(kPacketColumns.status, p.status);
        row.put(kPacketColumns.time, p.ts_ns + p.wall_offset_ns);
        row.put(kPacketColumns.interval, p.interval_ns);
        row.put(kPacketColumns.trip, p.round_trip_ns);
        row.put(kPacketColumns.duration, p.duration_ns);
        row.put(kPacketColumns.header_count, std::uint16_t{p.header_count});
        bound_header_texts();
        row.text(kPacketColumns.stack, header_text(p.headers));
        row.list(kPacketColumns.vlans, std::span<const __u16>(p.vlan_stack, p.vlan_count < 3u ? p.vlan_count : 3u));
        row.mac(kPacketColumns.src_mac, p.mac_src);
        row.mac(kPacketColumns.dst_mac, p.mac_dst);
        row.put(kPacketColumns.ethertype, p.ethertype);
        if (!p.ip_version) {
            const PacketColumns& c = kPacketColumns;
            row.leave_empty(c.src_ip, c.src_country, c.src_organisation, c.src_port, c.dst_ip, c.dst_country,
                            c.dst_organisation, c.dst_port, c.protocol);
            return;
        }
        put_end(kPacketSource, reinterpret_cast<const std::uint8_t*>(p.src), p.ip_version, p.src_port, row);
        put_end(kPacketDestination, reinterpret_cast<const std::uint8_t*>(p.dst), p.ip_version, p.dst_port, row);
        if (!protocol_has_ports(p.ip_proto)) {
            row.leave_empty(kPacketColumns.src_port, kPacketColumns.dst_port);
        }
        row.put(kPacketColumns.protocol, p.ip_proto);
    }

  private:
    // Called between rows, so that the texts of a row stay valid.
    void bound_header_texts()
    {
        if (header_texts_.size() <= kMaxHeaderTexts)
            return;
        header_texts_.clear();
        last_stack_ = {};
        last_text_ = {};
    }

    // Flows share header stacks, so each text is made once.
    std::string_view header_text(const std::uint8_t* codes)
    {
        HeaderStack stack;
        static_assert(sizeof stack == HEADER_STACK_BYTES);
        std::memcpy(stack.data(), codes, sizeof stack);
        if (stack == last_stack_)
            return last_text_;
        const auto [at, added] = header_texts_.try_emplace(stack);
        if (added)
            flowxdp::append_header_stack(codes, &at->second);
        last_stack_ = stack;
        last_text_ = at->second;
        return last_text_;
    }

    void put_headers(const basic_flow_state& s, const basic_flow_cold& cold, unsigned direction,
                     flowxdp::RowWriter& row)
    {
        std::uint16_t counts[BASIC_FLOW_STACKS];
        std::string_view texts[BASIC_FLOW_STACKS];
        unsigned n = 0;
        bound_header_texts();
        for (unsigned i = 0; i < s.stacks_used && i < BASIC_FLOW_STACKS; i++) {
            if (!(s.stacks_of >> (4 * direction + i) & 1))
                continue;
            counts[n] = cold.header_count[i];
            texts[n++] = header_text(i ? cold.later_stack[i - 1] : s.first_stack);
        }
        row.put(kColumns.stacks_count, static_cast<std::uint8_t>(n));
        row.list(kColumns.header_counts, std::span<const std::uint16_t>(counts, n));
        row.list(kColumns.stacks, {texts, n});
    }

    static void put_macs(const flowxdp::ListColumnOf<FlowColumns::Mac>& column, const basic_flow_state& s,
                         const basic_flow_cold& cold, unsigned endpoint, flowxdp::RowWriter& row)
    {
        struct Mac {
            std::uint8_t bytes[6];
        };
        Mac macs[BASIC_FLOW_MACS];
        const unsigned n = s.macs_used[endpoint] < BASIC_FLOW_MACS ? s.macs_used[endpoint] : BASIC_FLOW_MACS;
        for (unsigned i = 0; i < n; i++)
            std::memcpy(macs[i].bytes, i ? cold.second_mac[endpoint] : s.first_mac[endpoint], 6);
        row.list(column, std::span<const Mac>(macs, n));
    }

    void put_end(const EndColumns& columns, const std::uint8_t* address, std::uint8_t version, std::uint16_t port,
                 flowxdp::RowWriter& row)
    {
        flowxdp::Host::Place place = {"-", "-"};
        if (geo_ && version)
            place = host_.place_of(address, version);
        row.ip(columns.ip, address, version);
        row.text(columns.country, place.country);
        row.text(columns.organisation, place.organisation);
        row.put(columns.port, port);
    }

    flowxdp::Host host_;
    bool geo_;
    // A tree: in a hash table an attacker could choose stacks that collide.
    std::map<HeaderStack, std::string> header_texts_;
    HeaderStack last_stack_{}; // no header: no text
    std::string_view last_text_;
};

} // namespace

FLOWXDP_PLUGIN(BasicFlow, kDescription)
