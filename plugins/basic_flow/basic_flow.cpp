// SPDX-License-Identifier: BSD-2-Clause
// basic_flow, user half: what a flow is - status, times, headers, addresses, where they belong (T2 reference G1, C).
#include "basic_flow.bpf.h"

#include <array>
#include <string_view>
#include <unordered_map>

#include "flow_key.h"
#include "flow_status.h"
#include "header_stack.h"
#include "plugin.h"

namespace {

constexpr fx_bit kStatusBits[] = {
#define X(bit, name, text) {1ULL << (bit), text},
    FX_FLOW_STATUS(X)
#undef X
};
constexpr auto kStatusBitCount = static_cast<std::uint16_t>(std::size(kStatusBits));
enum FlowColumn {
    kFlowStat,
    kTimeFirst,
    kTimeLast,
    kDuration,
    kNumHdrDesc,
    kNumHdrs,
    kHdrDesc,
    kSrcMac,
    kDstMac,
    kEthType,
    kVlanId,
    kSrcIp,
    kSrcIpCc,
    kSrcIpOrg,
    kSrcPort,
    kDstIp,
    kDstIpCc,
    kDstIpOrg,
    kDstPort,
    kL4Proto,
};
constexpr fx_column kColumns[] = {
    {"flowStat", "Flow status and warnings", FX_H64, 0, kStatusBitCount, kStatusBits},
    {"timeFirst", "Date time of first packet", FX_TIME, 0, 0, nullptr},
    {"timeLast", "Date time of last packet", FX_TIME, 0, 0, nullptr},
    {"duration", "Flow duration", FX_DURATION, 0, 0, nullptr},
    {"numHdrDesc", "Number of different headers descriptions", FX_U8, 0, 0, nullptr},
    {"numHdrs", "Number of headers (depth) in hdrDesc", FX_U16, FX_LIST, 0, nullptr},
    {"hdrDesc", "Headers description", FX_WORD, FX_LIST, 0, nullptr},
    {"srcMac", "Mac source", FX_MAC, FX_LIST, 0, nullptr},
    {"dstMac", "Mac destination", FX_MAC, FX_LIST, 0, nullptr},
    {"ethType", "Ethernet type", FX_H16, 0, 0, nullptr},
    {"vlanID", "VLAN IDs", FX_U16, FX_LIST, 0, nullptr},
    {"srcIP", "Source IP address", FX_IP, 0, 0, nullptr},
    {"srcIPCC", "Source IP country", FX_WORD, 0, 0, nullptr},
    {"srcIPOrg", "Source IP organization", FX_STRING, 0, 0, nullptr},
    {"srcPort", "Source port", FX_U16, 0, 0, nullptr},
    {"dstIP", "Destination IP address", FX_IP, 0, 0, nullptr},
    {"dstIPCC", "Destination IP country", FX_WORD, 0, 0, nullptr},
    {"dstIPOrg", "Destination IP organization", FX_STRING, 0, 0, nullptr},
    {"dstPort", "Destination port", FX_U16, 0, 0, nullptr},
    {"l4Proto", "Layer 4 protocol", FX_U8, 0, 0, nullptr},
};

enum PacketColumn {
    kPktFlowStat,
    kPktTime,
    kPktIat,
    kPktTrip,
    kPktDuration,
    kPktNumHdrs,
    kPktHdrDesc,
    kPktVlanId,
    kPktSrcMac,
    kPktDstMac,
    kPktEthType,
    kPktSrcIp,
    kPktSrcIpCc,
    kPktSrcIpOrg,
    kPktSrcPort,
    kPktDstIp,
    kPktDstIpCc,
    kPktDstIpOrg,
    kPktDstPort,
    kPktL4Proto,
};
constexpr fx_column kPacketColumns[] = {
    {"flowStat", "Flow status after this packet", FX_H64, 0, kStatusBitCount, kStatusBits},
    {"time", "Time of the packet", FX_TIME, 0, 0, nullptr},
    {"pktIAT", "Time since the previous packet of this direction", FX_DURATION, 0, 0, nullptr},
    {"pktTrip", "Time since the last packet of the opposite direction", FX_DURATION, 0, 0, nullptr},
    {"flowDuration", "Duration of this direction so far", FX_DURATION, 0, 0, nullptr},
    {"numHdrs", "Number of headers of this packet", FX_U16, 0, 0, nullptr},
    {"hdrDesc", "Headers of this packet", FX_WORD, 0, 0, nullptr},
    {"vlanID", "VLAN IDs", FX_U16, FX_LIST, 0, nullptr},
    {"srcMac", "Mac source", FX_MAC, FX_OPTIONAL, 0, nullptr},
    {"dstMac", "Mac destination", FX_MAC, FX_OPTIONAL, 0, nullptr},
    {"ethType", "Ethernet type", FX_H16, 0, 0, nullptr},
    {"srcIP", "Source IP address", FX_IP, FX_OPTIONAL, 0, nullptr},
    {"srcIPCC", "Source IP country", FX_WORD, FX_OPTIONAL, 0, nullptr},
    {"srcIPOrg", "Source IP organization", FX_STRING, FX_OPTIONAL, 0, nullptr},
    {"srcPort", "Source port", FX_U16, FX_OPTIONAL, 0, nullptr},
    {"dstIP", "Destination IP address", FX_IP, FX_OPTIONAL, 0, nullptr},
    {"dstIPCC", "Destination IP country", FX_WORD, FX_OPTIONAL, 0, nullptr},
    {"dstIPOrg", "Destination IP organization", FX_STRING, FX_OPTIONAL, 0, nullptr},
    {"dstPort", "Destination port", FX_U16, FX_OPTIONAL, 0, nullptr},
    {"l4Proto", "Layer 4 protocol", FX_U8, FX_OPTIONAL, 0, nullptr},
};
constexpr fx_option kOptions[] = {
    {"geo", "1", "1: fill country and organisation columns, 0: print '-'"},
};
constexpr flowxdp::PluginDescription kDescription = {100,
                                                     true,
                                                     "basic_flow",
                                                     "0.1.0",
                                                     "Status, times, headers, addresses and where they belong",
                                                     sizeof(basic_flow_state),
                                                     0,
                                                     sizeof(basic_flow_config),
                                                     nullptr,
                                                     kOptions,
                                                     kColumns,
                                                     kPacketColumns,
                                                     false};

bool protocol_has_ports(std::uint8_t proto)
{
    return proto == 6 || proto == 17 || proto == 132 || proto == 136;
}

using HeaderStack = std::array<__u64, 2>;
struct HeaderStackHash {
    std::size_t operator()(const HeaderStack& s) const { return fx_hash_words(s.data(), 2, 0); }
};

class BasicFlow final : public flowxdp::Plugin {
  public:
    BasicFlow(const flowxdp::PluginOptions& options, void*, const fx_host& host)
        : host_(host), geo_(options.number("geo", 0, 1) != 0)
    {
        if (geo_ && !host_.has_geo(host_.context))
            host_.log(host_.context, 2,
                      "no geo database: countries and organisations of public addresses are '-' ('flowxdp geo update' "
                      "gets one)");
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        const auto& s = *static_cast<const basic_flow_state*>(flow.slot);
        const unsigned d = flow.direction;
        row.put<std::uint64_t>(kFlowStat, flow.dir->status);
        row.put<std::int64_t>(kTimeFirst, flow.first_ns);
        row.put<std::int64_t>(kTimeLast, flow.last_ns);
        row.put<std::int64_t>(kDuration, flow.last_ns - flow.first_ns);
        put_headers(s, d, row);
        put_macs(kSrcMac, s, d, row);
        put_macs(kDstMac, s, d ^ 1, row);
        row.put<std::uint16_t>(kEthType, flow.record->ethertype);
        row.list<std::uint16_t>(kVlanId, {s.vlan, s.vlans_used});
        put_end(kSrcIp, flow.src_address, flow.ip_version, flow.src_port, row);
        put_end(kDstIp, flow.dst_address, flow.ip_version, flow.dst_port, row);
        row.put<std::uint8_t>(kL4Proto, flow.ip_proto);
        return 0;
    }

    void on_packet(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const packet_record& p = *packet.record;
        row.put<std::uint64_t>(kPktFlowStat, p.status);
        row.put<std::int64_t>(kPktTime, p.ts_ns + p.wall_offset_ns);
        row.put<std::int64_t>(kPktIat, p.interval_ns);
        row.put<std::int64_t>(kPktTrip, p.round_trip_ns);
        row.put<std::int64_t>(kPktDuration, p.duration_ns);
        row.put<std::uint16_t>(kPktNumHdrs, p.header_count);
        row.text(kPktHdrDesc, header_text(p.headers));
        row.list<std::uint16_t>(kPktVlanId, {p.vlan_stack, p.vlan_count < 3u ? p.vlan_count : 3u});
        row.mac(kPktSrcMac, p.mac_src);
        row.mac(kPktDstMac, p.mac_dst);
        row.put<std::uint16_t>(kPktEthType, p.ethertype);
        if (!p.ip_version) {
            for (unsigned i = kPktSrcIp; i <= kPktL4Proto; i++)
                row.empty(i);
            return;
        }
        put_end(kPktSrcIp, reinterpret_cast<const std::uint8_t*>(p.src), p.ip_version, p.src_port, row);
        put_end(kPktDstIp, reinterpret_cast<const std::uint8_t*>(p.dst), p.ip_version, p.dst_port, row);
        if (!protocol_has_ports(p.ip_proto)) {
            row.empty(kPktSrcPort);
            row.empty(kPktDstPort);
        }
        row.put<std::uint8_t>(kPktL4Proto, p.ip_proto);
    }

  private:
    // Stacks repeat from flow to flow: their texts are made once.
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

    void put_headers(const basic_flow_state& s, unsigned direction, flowxdp::RowWriter& row)
    {
        std::uint16_t counts[BASIC_FLOW_STACKS];
        std::string_view texts[BASIC_FLOW_STACKS];
        unsigned n = 0;
        for (unsigned i = 0; i < s.stacks_used && i < BASIC_FLOW_STACKS; i++) {
            if (!(s.stacks_of[direction] >> i & 1))
                continue;
            counts[n] = s.header_count[i];
            texts[n++] = header_text(s.stack[i]);
        }
        row.put<std::uint8_t>(kNumHdrDesc, static_cast<std::uint8_t>(n));
        row.list<std::uint16_t>(kNumHdrs, {counts, n});
        row.text_list(kHdrDesc, {texts, n});
    }

    static void put_macs(std::size_t column, const basic_flow_state& s, unsigned endpoint, flowxdp::RowWriter& row)
    {
        struct Mac {
            std::uint8_t bytes[6];
        };
        Mac macs[BASIC_FLOW_MACS];
        const unsigned n = s.macs_used[endpoint] < BASIC_FLOW_MACS ? s.macs_used[endpoint] : BASIC_FLOW_MACS;
        for (unsigned i = 0; i < n; i++)
            std::memcpy(macs[i].bytes, s.mac[endpoint][i], 6);
        row.list<Mac>(column, {macs, n});
    }

    // Address, country, organisation and port stand in this order in both files.
    void put_end(std::size_t column, const std::uint8_t* address, std::uint8_t version, std::uint16_t port,
                 flowxdp::RowWriter& row)
    {
        const char* country = "-";
        const char* organisation = "-";
        std::size_t country_len = 1, organisation_len = 1;
        if (geo_ && version)
            host_.geo(host_.context, address, version, &country, &country_len, &organisation, &organisation_len);
        row.ip(column, address, version);
        row.text(column + 1, {country, country_len});
        row.text(column + 2, {organisation, organisation_len});
        row.put<std::uint16_t>(column + 3, port);
    }

    const fx_host& host_;
    bool geo_;
    std::unordered_map<HeaderStack, std::string, HeaderStackHash> header_texts_;
    HeaderStack last_stack_{}; // no header: no text
    std::string_view last_text_;
};

} // namespace

FLOWXDP_PLUGIN(BasicFlow, kDescription)
