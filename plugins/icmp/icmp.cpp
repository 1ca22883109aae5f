// SPDX-License-Identifier: BSD-2-Clause
// icmp: types, codes, echo and quoted packets of ICMP and ICMPv6 (T2 icmpDecode). It has only a user half. README.md
// has columns and limits.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "icmp_message.h"
#include "message_counts.h"
#include "recent_flows.h"

namespace {

constexpr std::uint8_t kIcmp = 1, kIcmpV6 = 58;
// LOKI2 counts its packets in the host's byte order, and begins and stays at 0xf001: on the wire 01 f0.
constexpr std::uint16_t kLokiSequence = 0x01f0;
constexpr std::string_view kWang = "WANG2", kSsh = "OpenSSH";
constexpr std::size_t kWangAt = 6; // of the echo's data

// The lower byte is T2's.
enum IcmpStat : std::uint16_t {
    ICMP_STAT_ICMP = 0x0001,
    ICMP_STAT_WANG = 0x0010,
    ICMP_STAT_SEQUENCE = 0x0020,
    ICMP_STAT_LOKI = 0x0040,
    ICMP_STAT_SSH = 0x0080,
    ICMP_STAT_CUT = 0x0100,
    ICMP_STAT_NO_PARENT = 0x0200,
    ICMP_STAT_QUOTES_CUT = 0x0400,
    ICMP_STAT_TYPES_CUT = 0x0800,
    ICMP_STAT_IDS_CUT = 0x1000,
};
constexpr fx_bit kStatBits[] = {
    {ICMP_STAT_ICMP, "Flow is ICMP or ICMPv6"},
    {ICMP_STAT_WANG, "WANG2: Microsoft's bandwidth test"},
    {ICMP_STAT_SEQUENCE, "Sequence numbers of echo messages do not go up by one"},
    {ICMP_STAT_LOKI, "All echo messages have the sequence number of LOKI2, a covert channel"},
    {ICMP_STAT_SSH, "OpenSSH in an echo message: a covert channel"},
    {ICMP_STAT_CUT, "A message or the packet that it quotes is cut or malformed"},
    {ICMP_STAT_NO_PARENT, "A quoted packet's flow is not known"},
    {ICMP_STAT_QUOTES_CUT, "List of quoted packets is cut"},
    {ICMP_STAT_TYPES_CUT, "List of types and codes is cut"},
    {ICMP_STAT_IDS_CUT, "List of echo identifiers is cut"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H16> stat{this, {.name = "icmpStat", .help = "ICMP status", .bits = kStatBits}};
    Column<U32> messages{this, {.name = "icmpTCcnt", .help = "ICMP messages", .unit = "packets"}};
    Column<Word> bit_fields{
        this,
        {.name = "icmpBFTypH_TypL_Code",
         .help = "Types (bit n: 32 + n, ICMPv6 128 + n), types below 32, codes below 16, one bit each"}};
    Column<H32> time_or_gateway{
        this, {.name = "icmpTmGtw", .help = "Gateway of the last redirect, or originate time (ms) of a time stamp"}};
    Column<Float> echo_ratio{
        this,
        {.name = "icmpEchoSuccRatio",
         .help = "Echo replies that came back by requests; replies without requests as a negative number"}};
    Column<U64> parent{
        this, {.name = "icmpPFindex", .help = "flowInd of the last quoted packet whose flow is known, else 0"}};
    List<Word> types{this, {.name = "icmpType_Code_Cnt", .help = "Type, code, messages; in order of appearance"}};
    List<U16> echo_ids{this, {.name = "icmpEchoId", .help = "Identifiers of echo messages"}};
    Column<U32> mtu{this,
                    {.name = "icmpMTU", .help = "Smallest MTU that an error message reported, else 0", .unit = "B"}};
    Column<U32> errors{this, {.name = "icmpErrCnt", .help = "Error messages", .unit = "packets"}};
    List<U64> quote_flow{
        this, {.name = "icmpQFindex", .help = "flowInd of each quoted packet's flow; 0 when it is not known"}};
    List<U8> quote_proto{this, {.name = "icmpQL4Proto", .help = "IP protocol of each quoted packet"}};
    List<Ip> quote_src{this, {.name = "icmpQSrcIP", .help = "Source address of each quoted packet"}};
    List<U16> quote_src_port{this, {.name = "icmpQSrcPort", .help = "Source port of each quoted packet"}};
    List<Ip> quote_dst{this, {.name = "icmpQDstIP", .help = "Destination address of each quoted packet"}};
    List<U16> quote_dst_port{this, {.name = "icmpQDstPort", .help = "Destination port of each quoted packet"}};
};
constexpr FlowColumns kColumns;

struct PacketColumns : flowxdp::ColumnSet {
    Optional<U8> type{this, {.name = "icmpType", .help = "ICMP type"}};
    Optional<U8> code{this, {.name = "icmpCode", .help = "ICMP code"}};
    Optional<H16> id{this, {.name = "icmpID", .help = "Identifier of an echo message"}};
    Optional<H16> sequence{this, {.name = "icmpSeq", .help = "Sequence number of an echo message"}};
    Optional<U64> parent{
        this, {.name = "icmpPFindex", .help = "flowInd of the quoted packet's flow; 0 when it is not known"}};
};
constexpr PacketColumns kPacketColumns;

struct Quote {
    std::uint64_t flow_id;
    std::uint8_t src[16], dst[16];
    std::uint16_t src_port, dst_port;
    std::uint8_t ip_version, ip_proto;
    std::uint8_t pad[2];

    [[nodiscard]] bool is_of(const flowxdp::QuotedPacket& q) const
    {
        return ip_proto == q.ip_proto && ip_version == q.ip_version && src_port == q.src_port &&
               dst_port == q.dst_port && !std::memcmp(src, q.src, 16) && !std::memcmp(dst, q.dst, 16);
    }
};
struct TypeCount {
    std::uint32_t messages;
    std::uint8_t type, code;
    std::uint8_t pad[2];
};
struct Direction {
    static constexpr unsigned kQuotes = 8, kTypes = 8, kIds = 8;

    std::uint64_t parent;
    std::uint32_t messages, errors, echo_requests, echo_replies;
    std::uint32_t types_high, types_low, time_or_gateway, mtu;
    std::uint16_t codes, stat, last_sequence;
    std::uint8_t sequences;      // last_sequence is one
    std::uint8_t other_sequence; // an echo message that is not LOKI2's was seen
    std::uint8_t quotes_used, types_used, ids_used;
    std::uint8_t pad;
    std::uint16_t ids[kIds];
    TypeCount types[kTypes];
    Quote quotes[kQuotes];
};
struct Memory {
    Direction dir[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

// Payload: 128 bytes hold a quoted IPv6 packet with two extension headers and its ports. The last one tells the
// flowInd of every flow.
constexpr std::array<fx_packet_need, 3> kNeeds = {{
    {.ip_proto = kIcmp, .first_layer = 4, .payload_bytes = 128},
    {.ip_proto = kIcmpV6, .first_layer = 4, .payload_bytes = 128},
    {.first_packets = 1},
}};

struct Figures : flowxdp::FigureSet {
    Counter requests{this, {.name = "echo_requests", .help = "Echo requests of ICMP and ICMPv6"}};
    Counter replies{this, {.name = "echo_replies", .help = "Echo replies of ICMP and ICMPv6"}};
};
constexpr Figures kFigures;

constexpr flowxdp::PluginDescription kDescription = {.number = 140,
                                                     .name = "icmp",
                                                     .version = "0.1.0",
                                                     .help = "ICMP types, codes, echo and quoted packets",
                                                     .columns = kColumns.all(),
                                                     .packet_columns = kPacketColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .figures = kFigures.all()};

// An element of a list of addresses.
struct IpCell {
    std::uint8_t address[16];
    std::uint8_t version;
};

flowxdp::FlowTuple tuple_of(const packet_record& r)
{
    return {reinterpret_cast<const std::uint8_t*>(r.src),
            reinterpret_cast<const std::uint8_t*>(r.dst),
            r.src_port,
            r.dst_port,
            r.ip_version,
            r.ip_proto,
            r.header.source};
}

bool is_icmp(std::uint8_t ip_version, std::uint8_t ip_proto)
{
    return ip_version && (ip_proto == kIcmp || ip_proto == kIcmpV6);
}

class Icmp final : public flowxdp::Plugin {
  public:
    Icmp(flowxdp::OptionValues, void*, flowxdp::Host host) : host_(host) {}

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return kNeeds; }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& r = *packet.record;
        if (!r.ip_version || (r.flags & PACKET_LATER_FRAGMENT))
            return;
        if (r.direction_packet_no == 1)
            flows_.add(tuple_of(r), r.flow_id);
        if (is_icmp(r.ip_version, r.ip_proto))
            on_message(packet, &FlowMemory::of(packet).dir[r.direction & 1]);
    }

    // What a packet does not have is empty. A packet's flows are those that began before it.
    void on_packet_row(const fx_packet& packet, flowxdp::RowWriter& row) override
    {
        const packet_record& r = *packet.record;
        const bool may_have = is_icmp(r.ip_version, r.ip_proto) && !(r.flags & PACKET_LATER_FRAGMENT);
        const Message message = may_have ? Message(packet) : Message();
        const flowxdp::IcmpMessage& m = message.parsed;
        const bool is_echo = m.is_echo_request || m.is_echo_reply;
        auto cell = [&row](const auto& column, bool there, auto value) {
            if (there)
                row.put(column, value);
            else
                row.leave_empty(column);
        };
        cell(kPacketColumns.type, message.has_type, m.type);
        cell(kPacketColumns.code, message.has_type, m.code);
        cell(kPacketColumns.id, is_echo && m.has_id, m.id);
        cell(kPacketColumns.sequence, is_echo && m.has_sequence, m.sequence);
        cell(kPacketColumns.parent, m.is_error && m.quote.ip_version,
             m.is_error && m.quote.ip_version ? flow_of(m.quote, r.header.source) : 0);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr Memory kNothing = {};
        const Memory* memory = FlowMemory::of(flow);
        const Direction& d = (memory ? memory : &kNothing)->dir[flow.direction & 1];
        const Direction& other = (memory ? memory : &kNothing)->dir[(flow.direction & 1) ^ 1];
        std::uint16_t stat = d.stat;
        if (is_icmp(flow.ip_version, flow.ip_proto))
            stat |= ICMP_STAT_ICMP;
        if (d.sequences && !d.other_sequence)
            stat |= ICMP_STAT_LOKI;
        std::uint64_t parent = d.parent;
        put_quotes(d, flow.ended->header.source, &stat, &parent, row);
        row.put(kColumns.stat, stat);
        row.put(kColumns.messages, d.messages);
        row.text(kColumns.bit_fields, fmt::format("0x{:08x}_0x{:08x}_0x{:04x}", d.types_high, d.types_low, d.codes));
        row.put(kColumns.time_or_gateway, d.time_or_gateway);
        double ratio = 0;
        if (d.echo_requests)
            ratio = static_cast<double>(other.echo_replies) / d.echo_requests;
        else if (other.echo_replies)
            ratio = -static_cast<double>(other.echo_replies);
        row.put(kColumns.echo_ratio, ratio);
        row.put(kColumns.parent, parent);
        put_types(d, row);
        row.list(kColumns.echo_ids, std::span<const std::uint16_t>(d.ids, d.ids_used));
        row.put(kColumns.mtu, d.mtu);
        row.put(kColumns.errors, d.errors);
        stat_ |= stat;
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (stat_)
            out.line(fmt::format("icmp: Aggregated icmpStat=0x{:04x}", stat_));
        report_version(out, "ICMP", out.totals().ip_proto[kIcmp].packets, echo_[0]);
        report_version(out, "ICMPv6", out.totals().ip_proto[kIcmpV6].packets, echo_[1]);
    }

    void summary() override
    {
        if (!host_.output_prefix().empty())
            host_.write_summary(kDescription.name, host_.output_prefix() + "_icmpStats.txt", counts_.text());
    }

  private:
    struct Echo {
        std::uint64_t requests = 0, replies = 0;
    };

    // The message of a packet. The header may begin at L3, because of another plugin's need: the message is its end and
    // the payload, which follows it.
    struct Message {
        Message() = default;
        explicit Message(const fx_packet& packet)
        {
            const packet_record& r = *packet.record;
            const std::uint32_t header_end = std::min(r.cap_len, r.payload_offset);
            const std::size_t header = header_end > r.l4_offset ? header_end - r.l4_offset : 0;
            const std::size_t taken = std::min<std::size_t>({header, r.header_captured, 8});
            parsed = flowxdp::parse_icmp({packet.header + (r.header_captured - taken), taken + r.payload_captured},
                                         r.ip_proto == kIcmpV6 ? 6 : 4);
            has_type = taken >= 4;
        }
        flowxdp::IcmpMessage parsed = {};
        bool has_type = false; // type and code were captured
    };

    void on_message(const fx_packet& packet, Direction* d)
    {
        const packet_record& r = *packet.record;
        const Message message(packet);
        const flowxdp::IcmpMessage& m = message.parsed;
        d->messages++;
        if (!message.has_type) {
            d->stat |= ICMP_STAT_CUT;
            return;
        }
        if (m.cut)
            d->stat |= ICMP_STAT_CUT;
        counts_.add(r.ip_proto == kIcmpV6 ? 6 : 4, m.type, m.code);
        count_type(m, r.ip_proto, d);
        if (m.is_echo_request || m.is_echo_reply)
            on_echo(m, r.ip_proto, d);
        if (m.gateway || m.originate_ms)
            d->time_or_gateway = m.gateway ? m.gateway : m.originate_ms;
        if (m.mtu && (!d->mtu || m.mtu < d->mtu))
            d->mtu = m.mtu;
        if (m.is_error)
            on_error(m, r.header.source, d);
    }

    static void count_type(const flowxdp::IcmpMessage& m, std::uint8_t ip_proto, Direction* d)
    {
        const unsigned first_high = ip_proto == kIcmpV6 ? 128 : 32;
        if (m.type < 32)
            d->types_low |= 1u << m.type;
        else if (m.type >= first_high && m.type < first_high + 32)
            d->types_high |= 1u << (m.type - first_high);
        if (m.code < 16)
            d->codes = static_cast<std::uint16_t>(d->codes | 1u << m.code);
        for (unsigned i = 0; i < d->types_used; i++)
            if (d->types[i].type == m.type && d->types[i].code == m.code) {
                d->types[i].messages++;
                return;
            }
        if (d->types_used == Direction::kTypes)
            d->stat |= ICMP_STAT_TYPES_CUT;
        else
            d->types[d->types_used++] = {1, m.type, m.code, {}};
    }

    void on_echo(const flowxdp::IcmpMessage& m, std::uint8_t ip_proto, Direction* d)
    {
        Echo& echo = echo_[ip_proto == kIcmpV6];
        if (m.is_echo_request) {
            d->echo_requests++;
            echo.requests++;
            figures_.add(kFigures.requests);
        } else {
            d->echo_replies++;
            echo.replies++;
            figures_.add(kFigures.replies);
        }
        if (m.has_sequence) {
            if (d->sequences && m.sequence != static_cast<std::uint16_t>(d->last_sequence + 1))
                d->stat |= ICMP_STAT_SEQUENCE;
            d->sequences = 1;
            d->last_sequence = m.sequence;
            if (m.sequence != kLokiSequence)
                d->other_sequence = 1;
        }
        const std::string_view data(reinterpret_cast<const char*>(m.data.data()), m.data.size());
        if (m.is_echo_request && data.size() > kWangAt && data.substr(kWangAt).starts_with(kWang))
            d->stat |= ICMP_STAT_WANG;
        if (data.find(kSsh) != std::string_view::npos)
            d->stat |= ICMP_STAT_SSH;
        if (!m.has_id)
            return;
        for (unsigned i = 0; i < d->ids_used; i++)
            if (d->ids[i] == m.id)
                return;
        if (d->ids_used == Direction::kIds)
            d->stat |= ICMP_STAT_IDS_CUT;
        else
            d->ids[d->ids_used++] = m.id;
    }

    // 0: it is not known.
    std::uint64_t flow_of(const flowxdp::QuotedPacket& q, std::uint16_t source)
    {
        return flows_.find({q.src, q.dst, q.src_port, q.dst_port, q.ip_version, q.ip_proto, source});
    }

    void on_error(const flowxdp::IcmpMessage& m, std::uint16_t source, Direction* d)
    {
        d->errors++;
        const flowxdp::QuotedPacket& q = m.quote;
        if (!q.ip_version)
            return;
        const std::uint64_t flow_id = flow_of(q, source);
        if (flow_id)
            d->parent = flow_id;
        for (unsigned i = 0; i < d->quotes_used; i++)
            if (d->quotes[i].is_of(q)) {
                if (flow_id)
                    d->quotes[i].flow_id = flow_id;
                return;
            }
        if (d->quotes_used == Direction::kQuotes) {
            d->stat |= ICMP_STAT_QUOTES_CUT;
            if (!flow_id)
                d->stat |= ICMP_STAT_NO_PARENT;
            return;
        }
        Quote& to = d->quotes[d->quotes_used++];
        std::memcpy(to.src, q.src, 16);
        std::memcpy(to.dst, q.dst, 16);
        to.src_port = q.src_port;
        to.dst_port = q.dst_port;
        to.ip_version = q.ip_version;
        to.ip_proto = q.ip_proto;
        to.flow_id = flow_id;
    }

    // Live, an error may arrive before the packet that it quotes. So a flow that was not known then is looked up again.
    void put_quotes(const Direction& d, std::uint16_t source, std::uint16_t* stat, std::uint64_t* parent,
                    flowxdp::RowWriter& row)
    {
        std::array<std::uint64_t, Direction::kQuotes> flow;
        std::array<std::uint8_t, Direction::kQuotes> proto;
        std::array<IpCell, Direction::kQuotes> src, dst;
        std::array<std::uint16_t, Direction::kQuotes> src_port, dst_port;
        const std::size_t n = d.quotes_used;
        for (std::size_t i = 0; i < n; i++) {
            const Quote& q = d.quotes[i];
            flow[i] = q.flow_id ? q.flow_id
                                : flows_.find({q.src, q.dst, q.src_port, q.dst_port, q.ip_version, q.ip_proto, source});
            if (!flow[i])
                *stat |= ICMP_STAT_NO_PARENT;
            else if (!*parent)
                *parent = flow[i];
            proto[i] = q.ip_proto;
            std::memcpy(src[i].address, q.src, 16);
            std::memcpy(dst[i].address, q.dst, 16);
            src[i].version = dst[i].version = q.ip_version;
            src_port[i] = q.src_port;
            dst_port[i] = q.dst_port;
        }
        row.list(kColumns.quote_flow, std::span<const std::uint64_t>(flow.data(), n));
        row.list(kColumns.quote_proto, std::span<const std::uint8_t>(proto.data(), n));
        row.list(kColumns.quote_src, std::span<const IpCell>(src.data(), n));
        row.list(kColumns.quote_src_port, std::span<const std::uint16_t>(src_port.data(), n));
        row.list(kColumns.quote_dst, std::span<const IpCell>(dst.data(), n));
        row.list(kColumns.quote_dst_port, std::span<const std::uint16_t>(dst_port.data(), n));
    }

    static void put_types(const Direction& d, flowxdp::RowWriter& row)
    {
        std::array<std::string, Direction::kTypes> texts;
        std::array<std::string_view, Direction::kTypes> views;
        for (unsigned i = 0; i < d.types_used; i++) {
            texts[i] = fmt::format("{}_{}_{}", d.types[i].type, d.types[i].code, d.types[i].messages);
            views[i] = texts[i];
        }
        row.list(kColumns.types, std::span<const std::string_view>(views.data(), d.types_used));
    }

    static void report_version(flowxdp::ReportWriter& out, std::string_view name, std::uint64_t packets,
                               const Echo& echo)
    {
        if (!packets)
            return;
        const auto line = [&](std::string_view what, std::uint64_t n) {
            if (n)
                out.line(fmt::format("icmp: Number of {} {} packets: {} [{:.2f}%]", name, what, flowxdp::count_text(n),
                                     100.0 * static_cast<double>(n) / static_cast<double>(packets)));
        };
        line("echo request", echo.requests);
        line("echo reply", echo.replies);
        if (echo.requests && echo.replies)
            out.line(fmt::format("icmp: {} echo reply / request ratio: {:.2f}", name,
                                 static_cast<double>(echo.replies) / static_cast<double>(echo.requests)));
    }

    flowxdp::Host host_;
    flowxdp::RecentFlows flows_;
    flowxdp::MessageCounts counts_;
    std::array<Echo, 2> echo_; // ICMP, ICMPv6
    flowxdp::FigureValues figures_{kFigures};
    std::uint16_t stat_ = 0;
};

} // namespace

FLOWXDP_PLUGIN(Icmp, kDescription)
