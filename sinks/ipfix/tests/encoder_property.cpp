// SPDX-License-Identifier: BSD-2-Clause
#include "encoder_property.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <stdexcept>

#include "exporter.h"
#include "flow_decoder.h"
#include "memory_transport.h"
#include "support/flow_rows.h"

namespace flowxdp::test {

namespace {

// Octets as choices; zeros when they run out.
class Choices {
  public:
    explicit Choices(std::span<const std::uint8_t> octets) : octets_(octets) {}
    [[nodiscard]] bool empty() const { return at_ >= octets_.size(); }
    std::uint64_t number(std::size_t octets)
    {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < octets; i++)
            value = value << 8 | (empty() ? 0u : octets_[at_++]);
        return value;
    }
    std::uint64_t up_to(std::uint64_t most) { return number(2) % (most + 1); }
    bool coin() { return (number(1) & 1) != 0; }

  private:
    std::span<const std::uint8_t> octets_;
    std::size_t at_ = 0;
};

struct Plan {
    ipfix::ExporterSettings settings;
    std::size_t limit = 1372;
    bool datagrams = true;
    std::set<std::string> without;
    std::vector<FlowRow> rows;
};

std::array<std::uint8_t, 6> random_mac(Choices* from)
{
    std::array<std::uint8_t, 6> mac;
    for (std::uint8_t& octet : mac)
        octet = static_cast<std::uint8_t>(from->number(1));
    return mac;
}

std::string random_address(Choices* from, bool v6)
{
    char text[INET6_ADDRSTRLEN] = {};
    std::uint8_t octets[16];
    for (std::uint8_t& octet : octets)
        octet = static_cast<std::uint8_t>(from->number(1));
    octets[0] |= 0x20; // never v4-mapped
    inet_ntop(v6 ? AF_INET6 : AF_INET, octets, text, sizeof text);
    return text;
}

FlowRow random_row(Choices* from, std::uint64_t flow_id, std::uint64_t kind, std::int64_t clock_ns)
{
    FlowRow flow;
    flow.flow_id = flow_id;
    flow.end_ns = clock_ns;
    flow.first_ns = static_cast<std::int64_t>(from->number(8) >> 2); // to the year 2116: past the NTP era's end
    flow.last_ns = static_cast<std::int64_t>(from->number(8) >> 2);
    flow.source = kind == 2 ? "" : random_address(from, kind == 1);
    flow.destination = kind == 2 ? "" : random_address(from, kind == 1);
    flow.source_port = static_cast<std::uint16_t>(from->number(2));
    flow.destination_port = static_cast<std::uint16_t>(from->number(2));
    flow.protocol = static_cast<std::uint8_t>(from->number(1));
    flow.packets = from->number(8);
    flow.octets = from->number(8);
    flow.min_length = static_cast<std::uint32_t>(from->number(2) << from->up_to(1)); // super-packets too
    flow.max_length = static_cast<std::uint32_t>(from->number(2) << from->up_to(1));
    flow.tos = static_cast<std::uint8_t>(from->number(1));
    flow.min_ttl = static_cast<std::uint8_t>(from->number(1));
    flow.max_ttl = static_cast<std::uint8_t>(from->number(1));
    flow.tcp_flags = static_cast<std::uint16_t>(from->number(2));
    if (flow.protocol == 1 || from->up_to(3) == 0) {
        flow.icmp_type = static_cast<int>(from->number(1));
        flow.icmp_code = static_cast<int>(from->number(1));
    }
    flow.ethertype = static_cast<std::uint16_t>(from->number(2));
    flow.vlans.resize(from->up_to(3));
    for (std::uint16_t& vlan : flow.vlans)
        vlan = static_cast<std::uint16_t>(from->number(2));
    flow.source_macs.resize(from->up_to(2));
    for (auto& mac : flow.source_macs)
        mac = random_mac(from);
    flow.destination_macs.resize(from->up_to(2));
    for (auto& mac : flow.destination_macs)
        mac = random_mac(from);
    flow.win_stat = static_cast<std::uint8_t>(from->number(1));
    flow.win_count = static_cast<std::uint32_t>(from->number(4));
    flow.reason = static_cast<std::uint8_t>(1 + from->up_to(4));
    flow.if_id = static_cast<std::uint32_t>(from->up_to(3));
    return flow;
}

Plan make_plan(Choices* from)
{
    Plan plan;
    ipfix::ExporterSettings& s = plan.settings;
    s.protocol = from->coin() ? ipfix::Protocol::kIpfix : ipfix::Protocol::kNetflow9;
    s.time_unit = static_cast<ipfix::TimeUnit>(from->up_to(2));
    s.biflow = s.protocol == ipfix::Protocol::kIpfix && from->coin();
    s.layer2 = from->coin();
    s.one_octet_flags = from->coin();
    s.domain = static_cast<std::uint32_t>(1 + from->up_to(1000));
    s.records4 = static_cast<std::uint32_t>(1 + from->up_to(20));
    s.records6 = static_cast<std::uint32_t>(1 + from->up_to(20));
    s.template_messages = static_cast<std::uint32_t>(1 + from->up_to(5));
    plan.limit = 528 + from->up_to(1000);
    plan.datagrams = from->coin();
    for (const fx_column& column : flow_columns())
        if (from->up_to(7) == 0 && std::string(column.name) != "srcIP" && std::string(column.name) != "dstIP")
            plan.without.insert(column.name);
    std::int64_t clock_ns = 1'700'000'000'000'000'000;
    for (std::uint64_t flow_id = 1; flow_id <= 200 && !from->empty(); flow_id++) {
        const std::uint64_t kind = from->up_to(2);
        clock_ns += static_cast<std::int64_t>(from->up_to(2000)) * 1'000'000;
        FlowRow a = random_row(from, flow_id, kind, clock_ns);
        if (from->coin()) {
            FlowRow b = random_row(from, flow_id, kind, clock_ns);
            b.direction = 'B';
            a.pair_follows = b.pair_second = true;
            plan.rows.push_back(a);
            plan.rows.push_back(b);
        } else {
            a.direction = from->coin() ? 'B' : 'A';
            plan.rows.push_back(a);
        }
    }
    return plan;
}

using Values = std::map<FieldKey, std::string>; // as hex

std::string hex(std::span<const std::uint8_t> octets)
{
    std::string text;
    for (const std::uint8_t octet : octets) {
        text += "0123456789abcdef"[octet >> 4];
        text += "0123456789abcdef"[octet & 15];
    }
    return text;
}

std::string hex_number(std::uint64_t value, std::size_t octets)
{
    std::string text;
    for (std::size_t i = octets; i-- > 0;) {
        const auto octet = static_cast<std::uint8_t>(value >> (8 * i));
        text += hex({&octet, 1});
    }
    return text;
}

// What a collector must read for this row, from the row and the registry's definitions alone. Times are left out here.
Values expected(const FlowRow& row, const Plan& plan, bool reverse_side)
{
    const bool ipfix = plan.settings.protocol == ipfix::Protocol::kIpfix;
    const bool v4 = row.source.find('.') != std::string::npos && row.source.find(':') == std::string::npos;
    const bool layer2 = row.source.empty();
    Values values;
    const auto put = [&](const char* column, std::uint16_t element, const std::string& value, bool reversible) {
        if (*column != 0 && plan.without.count(column) != 0)
            return;
        if (!reverse_side)
            values[{0, element}] = value;
        else if (reversible)
            values[{29305, element}] = value;
    };
    const auto first_mac = [](const auto& macs) { return macs.empty() ? std::string(12, '0') : hex(macs.front()); };
    put("pktsSnt", 2, hex_number(row.packets, 8), true);
    put("ipOctets", layer2 ? 352 : 1, hex_number(row.octets, 8), true);
    put("vlanID", 58, hex_number(row.vlans.empty() ? 0 : row.vlans.back(), 2), false);
    put("srcMac", 56, first_mac(row.source_macs), false);
    put("dstMac", 80, first_mac(row.destination_macs), false);
    put("", 10, hex_number(row.if_id, 4), true);
    put("", 136, hex_number(row.reason, 1), false);
    if (ipfix)
        put("", 148, hex_number(row.flow_id, 8), false);
    if (layer2) {
        put("ethType", 256, hex_number(row.ethertype, 2), false);
        return values;
    }
    const auto source = ip_cell(row.source), destination = ip_cell(row.destination);
    put("", v4 ? 8 : 27, hex(std::span(source).subspan(v4 ? 12 : 0, v4 ? 4 : 16)), false);
    put("", v4 ? 12 : 28, hex(std::span(destination).subspan(v4 ? 12 : 0, v4 ? 4 : 16)), false);
    put("srcPort", 7, hex_number(row.source_port, 2), false);
    put("dstPort", 11, hex_number(row.destination_port, 2), false);
    put("minIpLen", 25, hex_number(std::min(row.min_length, 0xffffU), 2), true);
    put("maxIpLen", 26, hex_number(std::min(row.max_length, 0xffffU), 2), true);
    if (ipfix && plan.settings.one_octet_flags == 0)
        put("tcpControlBits", 6, hex_number(row.tcp_flags, 2), true);
    else
        put("tcpControlBits", 6, hex_number(row.tcp_flags & 0xff, 1), true);
    if (plan.without.count("icmpCode") == 0)
        put("icmpType", v4 || !ipfix ? 32 : 139,
            row.icmp_type < 0 ? "0000" : hex_number(static_cast<unsigned>(row.icmp_type * 256 + row.icmp_code), 2),
            true);
    put("", 60, hex_number(v4 ? 4 : 6, 1), false);
    put("l4Proto", 4, hex_number(row.protocol, 1), false);
    put("ipClass", 5, hex_number(row.tos, 1), true);
    put("ttlMin", 52, hex_number(row.min_ttl, 1), true);
    put("ttlMax", 53, hex_number(row.max_ttl, 1), true);
    if (ipfix) {
        const std::uint16_t bit = reverse_side ? 0x4000 : 0;
        if (plan.without.count("tcpWinStat") == 0)
            values[{32473, static_cast<std::uint16_t>(1 | bit)}] = hex_number(row.win_stat, 1);
        if (plan.without.count("tcpWinThCnt") == 0)
            values[{32473, static_cast<std::uint16_t>(2 | bit)}] = hex_number(row.win_count, 4);
    }
    return values;
}

// Takes a time element out of the values read; says what is wrong with it.
std::optional<std::string> take_time(Values* read, FieldKey key, std::int64_t ns, ipfix::TimeUnit unit, bool wanted)
{
    const auto found = read->find(key);
    if ((found != read->end()) != wanted)
        return "time element " + std::to_string(key.second) + (wanted ? " missing" : " unexpected");
    if (!wanted)
        return std::nullopt;
    const std::uint64_t value = std::stoull(found->second, nullptr, 16);
    read->erase(found);
    if (unit == ipfix::TimeUnit::kMilliseconds)
        return value == static_cast<std::uint64_t>(ns) / 1'000'000 ? std::nullopt : std::optional("wrong milliseconds");
    const auto seconds = static_cast<std::uint32_t>((value >> 32) - 2'208'988'800u);
    const std::uint64_t fraction_ns = ((value & 0xffffffff) * 1'000'000'000) >> 32;
    if (seconds != static_cast<std::uint32_t>(ns / 1'000'000'000))
        return "wrong NTP seconds";
    const auto rest = static_cast<std::uint64_t>(ns % 1'000'000'000);
    if (unit == ipfix::TimeUnit::kNanoseconds)
        return fraction_ns == rest ? std::nullopt : std::optional("wrong nanoseconds");
    if ((value & 0x7ff) != 0)
        return "low bits of microseconds set";
    return fraction_ns / 1000 == rest / 1000 ? std::nullopt : std::optional("wrong microseconds");
}

std::string compare(const DecodedRecord& record, const FlowRow& row, const FlowRow* reverse, const Plan& plan)
{
    Values read;
    for (const auto& [key, octets] : record.fields)
        read[key] = hex(octets);
    const auto first = static_cast<std::uint16_t>(152 + 2 * static_cast<int>(plan.settings.time_unit));
    for (const FlowRow* side : {&row, reverse}) {
        if (side == nullptr)
            continue;
        const std::uint32_t pen = side == reverse ? 29305 : 0;
        const ipfix::TimeUnit unit = plan.settings.time_unit;
        if (auto bad = take_time(&read, {pen, first}, side->first_ns, unit, plan.without.count("timeFirst") == 0))
            return *bad;
        if (auto bad = take_time(&read, {pen, static_cast<std::uint16_t>(first + 1)}, side->last_ns, unit,
                                 plan.without.count("timeLast") == 0))
            return *bad;
    }
    Values wanted = expected(row, plan, false);
    if (reverse != nullptr) {
        wanted.merge(expected(*reverse, plan, true));
        wanted[{0, 239}] = "01";
    } else if (plan.without.count("dir") == 0) {
        wanted[{0, 61}] = row.direction == 'B' ? "01" : "00";
    }
    if (read == wanted)
        return {};
    for (const auto& [key, value] : wanted)
        if (read.count(key) == 0)
            return "element " + std::to_string(key.first) + "/" + std::to_string(key.second) + " missing";
        else if (read.at(key) != value)
            return "element " + std::to_string(key.first) + "/" + std::to_string(key.second) + " is " + read.at(key) +
                   ", the row has " + value;
    return "an element too many";
}

} // namespace

std::string check_encoder(std::span<const std::uint8_t> octets)
{
    Choices choices(octets);
    const Plan plan = make_plan(&choices);
    SinkCounts counts;
    MemoryTransport transport(plan.limit, plan.datagrams, &counts);
    auto schema = flow_schema(plan.without);
    ipfix::Exporter exporter(plan.settings, schema, &transport, &counts);
    if (auto checked = exporter.check(); !checked)
        return checked.error().message;
    const RowBatch rows = make_rows(plan.rows, schema);
    if (!exporter.add(rows) || !exporter.finish())
        return "the exporter failed";

    std::map<std::uint16_t, std::deque<const DecodedRecord*>> records; // of a template: in the rows' order
    std::vector<DecodedMessage> messages;
    FlowDecoder decoder;
    try {
        for (const auto& message : transport.messages) {
            if (message.size() > plan.limit)
                return "message of " + std::to_string(message.size()) + " octets exceeds " + std::to_string(plan.limit);
            messages.push_back(decoder.decode(message));
        }
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    for (const DecodedMessage& message : messages) {
        std::map<std::uint16_t, std::size_t> per_template;
        for (const DecodedRecord& record : message.records) {
            if (record.options)
                continue;
            per_template[record.template_id]++;
            records[record.template_id].push_back(&record);
        }
        for (const auto& [id, count] : per_template)
            if (count > (id % 3 == 257 % 3 ? plan.settings.records6 : plan.settings.records4))
                return "too many records in a message";
    }
    std::size_t skipped = 0;
    for (std::size_t i = 0; i < plan.rows.size(); i++) {
        const FlowRow& row = plan.rows[i];
        const bool pair = plan.settings.biflow && row.pair_follows;
        const FlowRow* reverse = pair ? &plan.rows[i + 1] : nullptr;
        i += pair;
        if (row.source.empty() && !plan.settings.layer2) {
            skipped += pair ? 2 : 1;
            continue;
        }
        const int kind = row.source.empty() ? 2 : row.source.find(':') != std::string::npos ? 1 : 0;
        auto& queue = records[static_cast<std::uint16_t>(256 + kind + (pair ? 3 : 0))];
        if (queue.empty())
            return "flow " + std::to_string(row.flow_id) + " is lost";
        if (std::string bad = compare(*queue.front(), row, reverse, plan); !bad.empty())
            return bad;
        queue.pop_front();
    }
    for (const auto& [id, queue] : records)
        if (!queue.empty())
            return "records of " + std::to_string(id) + " that nobody wrote";
    if (counts.skipped != skipped || counts.sent + skipped != plan.rows.size())
        return "counts do not add up";
    return {};
}

} // namespace flowxdp::test
