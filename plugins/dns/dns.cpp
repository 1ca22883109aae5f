// SPDX-License-Identifier: BSD-2-Clause
// dns: what was asked and answered over DNS, mDNS and LLMNR (T2 dnsDecode). It has only a user half; README.md has the
// columns.
#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include <fmt/format.h>

#include "dns_flow.h"
#include "dns_stream.h"
#include "flowxdp/packet.h"
#include "flowxdp/plugin.hpp"

namespace {

using flowxdp::dns::FlowMessages;
namespace dns = flowxdp::dns;

constexpr fx_bit kStatBits[] = {
    {dns::kStatDns, "Message on a DNS port"},
    {dns::kStatSegments, "TCP: a message came in several segments"},
    {dns::kStatUnfinished, "A message is not whole in what was captured"},
    {dns::kStatTextCut, "A name or text was cut"},
    {dns::kStatAny, "Type ANY"},
    {dns::kStatIxfr, "Incremental zone transfer (IXFR)"},
    {dns::kStatAxfr, "Zone transfer (AXFR)"},
    {dns::kStatLong, "UDP message of more than 512 bytes"},
    {dns::kStatNotShown, "Record of a type whose data are not decoded"},
    {dns::kStatQueriesFull, "More questions than are listed"},
    {dns::kStatAnswersFull, "More records than are listed"},
    {dns::kStatLength, "A name or record is longer than its message"},
    {dns::kStatName, "Wrong compression pointer or label"},
    {dns::kStatShort, "A message is shorter than a header"},
    {dns::kStatCorrupt, "TCP: bytes are missing or are no DNS, the rest is not decoded"},
    {dns::kStatTextFull, "A name or text is not listed: no room"},
    {dns::kStatOpenFull, "More open queries than are remembered: answers without a response time"},
    {dns::kStatLater, "Packets behind the option's first ones, or bytes behind a stream's head, were not decoded"},
};
struct FlowColumns : flowxdp::ColumnSet {
    Column<H32> stat{this, {.name = "dnsStat", .help = "DNS status, warnings and errors", .bits = kStatBits}};
    Column<H16> last_flags{this, {.name = "dnsHdrOPField", .help = "Flags field of the newest header"}};
    Column<Word> sets{this,
                      {.name = "dnsHFlg_OpC_RetC",
                       .help =
                           "Aggregated header flags (QR AA TC RD RA Z AD CD), set of operation codes, set of return "
                           "codes"}};
    Column<Word> counts{this,
                        {.name = "dnsCntQu_Asw_Aux_Add",
                         .help = "Questions, answer, authority and additional records that the headers count"}};
    Column<Float> amplification{
        this, {.name = "dnsAAAqF", .help = "Bytes of the responses for each byte of their headers and questions"}};
    List<String> query_name{this, {.name = "dnsQname", .help = "Names asked for"}};
    List<String> answer_name{this, {.name = "dnsAname", .help = "Names of the records"}};
    List<String> answer_text{
        this, {.name = "dnsAPname", .help = "Names in the records: NS, CNAME, SOA, PTR, MX, SRV, DNAME, SVCB; TXT"}};
    List<Ip> address4{this, {.name = "dns4Aaddress", .help = "IPv4 addresses of the records"}};
    List<Ip> address6{this, {.name = "dns6Aaddress", .help = "IPv6 addresses of the records"}};
    List<U16> query_type{this, {.name = "dnsQType", .help = "Types asked for"}};
    List<U16> query_class{this, {.name = "dnsQClass", .help = "Classes asked for"}};
    List<U16> answer_type{this, {.name = "dnsAType", .help = "Types of the records"}};
    List<U16> answer_class{this, {.name = "dnsAClass", .help = "Classes of the records"}};
    List<U32> ttl{this, {.name = "dnsATTL", .help = "Times to live of the records", .unit = "s"}};
    List<U16> mx_preference{this, {.name = "dnsMXpref", .help = "Preferences of the MX records"}};
    List<U16> srv_priority{this, {.name = "dnsSRVprio", .help = "Priorities of the SRV records"}};
    List<U16> srv_weight{this, {.name = "dnsSRVwgt", .help = "Weights of the SRV records"}};
    List<U16> srv_port{this, {.name = "dnsSRVprt", .help = "Ports of the SRV records"}};
    List<H32> options{this,
                      {.name = "dnsOptStat", .help = "Extended code, version and flags of the OPT records (EDNS)"}};
    Column<U32> queries{this, {.name = "dnsNumQuery", .help = "Query messages", .unit = "messages"}};
    Column<U32> responses{this, {.name = "dnsNumResp", .help = "Response messages", .unit = "messages"}};
    Column<U32> answered{
        this, {.name = "dnsNumAnswered", .help = "Responses that have their query in this flow", .unit = "messages"}};
    Column<Duration> fastest{
        this, {.name = "dnsRespTmMin", .help = "Shortest time from a query to its response", .unit = "s"}};
    Column<Duration> mean{this, {.name = "dnsRespTmAvg", .help = "Mean of these times", .unit = "s"}};
    Column<Duration> slowest{this, {.name = "dnsRespTmMax", .help = "Longest of these times", .unit = "s"}};
};
constexpr FlowColumns kColumns;
struct Options : flowxdp::OptionSet {
    Number<std::uint16_t> packets{this, "packets", "0", "UDP: look at this many packets of a direction; 0 = all",
                                  0,    65535};
};
constexpr Options kOptions;
using FlowMemory = flowxdp::FlowMemoryOf<FlowMessages>;
constexpr std::uint32_t kStreamBytes = 16384;
struct Figures : flowxdp::FigureSet {
    Counter queries{this, {.name = "queries", .help = "DNS queries, in flows that ended"}};
    Counter responses{this, {.name = "responses", .help = "DNS responses, in flows that ended"}};
};
constexpr Figures kFigures;

constexpr flowxdp::PluginDescription kDescription = {.number = 251,
                                                     .name = "dns",
                                                     .version = "0.1.0",
                                                     .help =
                                                         "DNS, mDNS and LLMNR: names, records, codes, response times",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .stream_bytes = kStreamBytes,
                                                     .figures = kFigures.all()};

constexpr std::uint8_t kTcp = 6, kUdp = 17;
constexpr std::uint16_t kPort = 53, kMulticastPort = 5353, kLlmnrPort = 5355;

// An IP cell: 16 bytes, IPv4 mapped into IPv6, and the version; 0 = no address.
struct IpCell {
    std::uint8_t bytes[17];
};

IpCell ip_cell(const FlowMessages& messages, std::size_t i, std::uint16_t type)
{
    const FlowMessages::Answer& answer = messages.answer(i);
    IpCell cell{};
    if (answer.type != type || !messages.has_address(i))
        return cell;
    if (type == dns::kTypeAaaa) {
        std::memcpy(cell.bytes, answer.data.address, 16);
        cell.bytes[16] = 6;
    } else {
        cell.bytes[10] = cell.bytes[11] = 0xff;
        std::memcpy(cell.bytes + 12, answer.data.address, 4);
        cell.bytes[16] = 4;
    }
    return cell;
}

class Dns final : public flowxdp::Plugin {
  public:
    Dns(flowxdp::OptionValues options, void*, flowxdp::Host) : packets_(options[kOptions.packets])
    {
        const std::uint16_t udp_ports[] = {kPort, kMulticastPort, kLlmnrPort};
        for (std::size_t i = 0; i < std::size(udp_ports); i++)
            needs_[i] = {.ip_proto = kUdp,
                         .port_first = udp_ports[i],
                         .port_last = udp_ports[i],
                         .first_packets = packets_,
                         .payload_bytes = PACKET_MAX_PAYLOAD,
                         .flags = FX_NEED_PAYLOAD};
        needs_[3] = {.ip_proto = kTcp,
                     .port_first = kPort,
                     .port_last = kPort,
                     .payload_bytes = PACKET_MAX_PAYLOAD,
                     .flags = FX_NEED_STREAM};
    }

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return needs_; }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& record = *packet.record;
        // Of a datagram in fragments the first one has the message's start.
        if (record.ip_proto != kUdp || (record.flags & PACKET_LATER_FRAGMENT) || !record.payload_len)
            return;
        const std::size_t size = std::min<std::size_t>(record.payload_captured, record.payload_len);
        FlowMemory::of(packet).add({packet.payload, size},
                                   {.ts_ns = record.ts_ns,
                                    .direction = static_cast<std::uint8_t>(record.direction & 1u),
                                    .datagram = true,
                                    .whole = size == record.payload_len && !(record.flags & PACKET_FIRST_FRAGMENT)});
    }

    bool on_stream(const fx_stream& stream) override
    {
        return dns::add_stream(stream, kStreamBytes, &FlowMemory::of(stream));
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static const FlowMessages kNothing{};
        const FlowMessages* memory = FlowMemory::of(flow);
        const FlowMessages& messages = memory ? *memory : kNothing;
        const FlowMessages::Sums& sums = messages.sums(flow.direction);
        std::uint32_t status = sums.status;
        if (status && packets_ && flow.ip_proto == kUdp && flow.dir->packets > packets_)
            status |= dns::kStatLater;
        row.put(kColumns.stat, status);
        row.put(kColumns.last_flags, sums.last_flags);
        row.text(kColumns.sets, fmt::format("0x{:02x}_0x{:04x}_0x{:04x}", sums.flags, sums.opcodes, sums.codes));
        row.text(kColumns.counts,
                 fmt::format("{}_{}_{}_{}", sums.entries[0], sums.entries[1], sums.entries[2], sums.entries[3]));
        row.put(kColumns.amplification, sums.response_question_bytes
                                            ? static_cast<double>(sums.response_bytes) / sums.response_question_bytes
                                            : 0.0);
        put_queries(messages, flow.direction, row);
        put_answers(messages, flow.direction, row);
        row.put(kColumns.queries, sums.queries);
        row.put(kColumns.responses, sums.responses);
        row.put(kColumns.answered, sums.answered);
        row.put(kColumns.fastest, sums.fastest_ns);
        row.put(kColumns.mean, sums.answered ? sums.total_ns / sums.answered : 0);
        row.put(kColumns.slowest, sums.slowest_ns);
        status_ |= status;
        figures_.add(kFigures.queries, sums.queries);
        figures_.add(kFigures.responses, sums.responses);
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!status_)
            return;
        out.line(fmt::format("dns: Aggregated dnsStat=0x{:08x}", status_));
        out.line(fmt::format("dns: Number of DNS queries: {}", flowxdp::count_text(figures_[kFigures.queries])));
        out.line(fmt::format("dns: Number of DNS responses: {}", flowxdp::count_text(figures_[kFigures.responses])));
    }

  private:
    // A list of at most Most elements on the stack.
    template <typename T, std::size_t Most>
    struct Few {
        std::array<T, Most> items;
        std::size_t count = 0;
        void add(T item) { items[count++] = item; }
        [[nodiscard]] std::span<const T> all() const { return {items.data(), count}; }
    };

    static void put_queries(const FlowMessages& messages, unsigned direction, flowxdp::RowWriter& row)
    {
        constexpr std::size_t kMost = FlowMessages::kMostQueries;
        Few<std::string_view, kMost> names;
        Few<std::uint16_t, kMost> types, classes;
        for (std::size_t i = 0; i < messages.query_count(); i++) {
            const FlowMessages::Query& query = messages.query(i);
            if (query.direction != direction)
                continue;
            names.add(messages.text(query.name));
            types.add(query.type);
            classes.add(query.class_code);
        }
        row.list(kColumns.query_name, names.all());
        row.list(kColumns.query_type, types.all());
        row.list(kColumns.query_class, classes.all());
    }

    // As in T2 the lists have an element for each record; 0, "" or no address where it is not of that type.
    static void put_answers(const FlowMessages& messages, unsigned direction, flowxdp::RowWriter& row)
    {
        constexpr std::size_t kMost = FlowMessages::kMostRecords;
        Few<std::string_view, kMost> names, texts;
        Few<IpCell, kMost> address4, address6;
        Few<std::uint16_t, kMost> types, classes, preference, priority, weight, port;
        Few<std::uint32_t, kMost> ttls, options;
        for (std::size_t i = 0; i < messages.answer_count(); i++) {
            if (messages.answer_direction(i) != direction)
                continue;
            const FlowMessages::Answer& answer = messages.answer(i);
            const auto of_type = [&](std::uint16_t type, std::uint16_t value) {
                return answer.type == type ? value : std::uint16_t{0};
            };
            names.add(messages.text(answer.name));
            texts.add(messages.text(answer.text));
            address4.add(ip_cell(messages, i, dns::kTypeA));
            address6.add(ip_cell(messages, i, dns::kTypeAaaa));
            types.add(answer.type);
            classes.add(answer.class_code);
            ttls.add(answer.ttl);
            preference.add(of_type(dns::kTypeMx, answer.data.service.preference));
            priority.add(of_type(dns::kTypeSrv, answer.data.service.preference));
            weight.add(of_type(dns::kTypeSrv, answer.data.service.weight));
            port.add(of_type(dns::kTypeSrv, answer.data.service.port));
            options.add(answer.type == dns::kTypeOpt ? answer.data.options : 0);
        }
        row.list(kColumns.answer_name, names.all());
        row.list(kColumns.answer_text, texts.all());
        row.list(kColumns.address4, address4.all());
        row.list(kColumns.address6, address6.all());
        row.list(kColumns.answer_type, types.all());
        row.list(kColumns.answer_class, classes.all());
        row.list(kColumns.ttl, ttls.all());
        row.list(kColumns.mx_preference, preference.all());
        row.list(kColumns.srv_priority, priority.all());
        row.list(kColumns.srv_weight, weight.all());
        row.list(kColumns.srv_port, port.all());
        row.list(kColumns.options, options.all());
    }

    std::uint16_t packets_;
    std::array<fx_packet_need, 4> needs_;
    std::uint32_t status_ = 0;
    flowxdp::FigureValues figures_{kFigures};
};

} // namespace

FLOWXDP_PLUGIN(Dns, kDescription)
