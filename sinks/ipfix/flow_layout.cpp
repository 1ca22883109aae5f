// SPDX-License-Identifier: BSD-2-Clause
#include "flow_layout.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <string_view>

#include "core/utf8.h"
#include "message.h"

namespace flowxdp::ipfix {

namespace {

enum KindMask : std::uint8_t { kOn4 = 1, kOn6 = 2, kOnL2 = 4, kOnIp = kOn4 | kOn6, kOnAll = kOn4 | kOn6 | kOnL2 };
enum ReverseRule : std::uint8_t {
    kForward,     // of the biflow as a whole, or A's alone
    kBothWays,    // B's value comes first, as the reverse element
    kUniflowOnly, // not in biflow records
    kBiflowOnly,
};

// One element of a flow record. Order = order in the template: Tranalyzer2's, then ours.
struct FieldRule {
    std::uint16_t element;
    const char* column; // null: in the row header
    FieldSource source;
    std::uint8_t length_v9, length_ipfix; // octets; 0 = not in this protocol
    std::uint8_t kinds;
    ReverseRule reverse;
};

constexpr FieldRule kRules[] = {
    {kFlowStartMilliseconds, "timeFirst", FieldSource::kTime, 8, 8, kOnAll, kBothWays},
    {kFlowEndMilliseconds, "timeLast", FieldSource::kTime, 8, 8, kOnAll, kBothWays},
    {kPacketDeltaCount, "pktsSnt", FieldSource::kUnsigned, 8, 8, kOnAll, kBothWays},
    {kOctetDeltaCount, "ipOctets", FieldSource::kUnsigned, 8, 8, kOnIp, kBothWays},
    {kLayer2OctetDeltaCount, "ipOctets", FieldSource::kUnsigned, 8, 8, kOnL2, kBothWays},
    {kSourceIpv4Address, "srcIP", FieldSource::kIpv4, 4, 4, kOn4, kForward},
    {kDestinationIpv4Address, "dstIP", FieldSource::kIpv4, 4, 4, kOn4, kForward},
    {kSourceIpv6Address, "srcIP", FieldSource::kIpv6, 16, 16, kOn6, kForward},
    {kDestinationIpv6Address, "dstIP", FieldSource::kIpv6, 16, 16, kOn6, kForward},
    // Before the ports: nfdump (1.7.1 to 1.7.8) writes 32 and 139 over the destination port, whatever the protocol.
    {kIcmpTypeCodeIpv4, "icmpType", FieldSource::kIcmp, 2, 2, kOn4, kBothWays},
    {kIcmpTypeCodeIpv4, "icmpType", FieldSource::kIcmp, 2, 0, kOn6, kBothWays},
    {kIcmpTypeCodeIpv6, "icmpType", FieldSource::kIcmp, 0, 2, kOn6, kBothWays},
    {kSourceTransportPort, "srcPort", FieldSource::kUnsigned, 2, 2, kOnIp, kForward},
    {kDestinationTransportPort, "dstPort", FieldSource::kUnsigned, 2, 2, kOnIp, kForward},
    // unsigned64 by the registry; two octets hold every IP length but a super-packet's
    // (reduced size, RFC 7011 6.2).
    {kMinimumIpTotalLength, "minIpLen", FieldSource::kUnsigned, 2, 2, kOnIp, kBothWays},
    {kMaximumIpTotalLength, "maxIpLen", FieldSource::kUnsigned, 2, 2, kOnIp, kBothWays},
    {kVlanId, "vlanID", FieldSource::kInnermostVlan, 2, 2, kOnAll, kForward},
    // RFC 9565 3: two octets; one would say that only the low eight bits were observed. v9 has one (RFC 3954 8).
    {kTcpControlBits, "tcpControlBits", FieldSource::kTcpFlags, 1, 2, kOnIp, kBothWays},
    {kIpVersion, nullptr, FieldSource::kIpVersion, 1, 1, kOnIp, kForward},
    {kFlowDirection, "dir", FieldSource::kDirection, 1, 1, kOnAll, kUniflowOnly},
    {kBiflowDirection, nullptr, FieldSource::kBiflowInitiator, 0, 1, kOnAll, kBiflowOnly},
    {kProtocolIdentifier, "l4Proto", FieldSource::kUnsigned, 1, 1, kOnIp, kForward},
    {kIpClassOfService, "ipClass", FieldSource::kUnsigned, 1, 1, kOnIp, kBothWays},
    {kMinimumTtl, "ttlMin", FieldSource::kUnsigned, 1, 1, kOnIp, kBothWays},
    {kMaximumTtl, "ttlMax", FieldSource::kUnsigned, 1, 1, kOnIp, kBothWays},
    {kEthernetType, "ethType", FieldSource::kUnsigned, 2, 2, kOnL2, kForward},
    {kDestinationMacAddress, "dstMac", FieldSource::kFirstMac, 6, 6, kOnAll, kForward},
    {kSourceMacAddress, "srcMac", FieldSource::kFirstMac, 6, 6, kOnAll, kForward},
    {kIngressInterface, nullptr, FieldSource::kInterface, 4, 4, kOnAll, kBothWays},
    {kFlowEndReason, nullptr, FieldSource::kEndReason, 1, 1, kOnAll, kForward},
    // v9 collectors take 148 for the connection id of a firewall event, and the record for such an event (nfdump).
    {kFlowId, nullptr, FieldSource::kFlowId, 0, 8, kOnAll, kForward},
};

constexpr std::uint64_t kSeconds1900To1970 = 2'208'988'800;
constexpr std::int64_t kNtpEraEnd = (std::int64_t{1} << 32) - 2'208'988'800; // seconds since 1970

std::uint8_t mask_of(FlowKind kind)
{
    switch (kind) {
    case FlowKind::kIpv4:
        return kOn4;
    case FlowKind::kIpv6:
        return kOn6;
    case FlowKind::kLayer2:
        return kOnL2;
    }
    return 0;
}

// 152 and 153 in the unit asked for: 154/155 and 156/157 follow each other in the registry.
std::uint16_t time_element(std::uint16_t milliseconds_element, TimeUnit unit)
{
    return static_cast<std::uint16_t>(milliseconds_element + 2 * static_cast<int>(unit));
}

FieldSource time_source(TimeUnit unit)
{
    switch (unit) {
    case TimeUnit::kMilliseconds:
        return FieldSource::kTime;
    case TimeUnit::kMicroseconds:
        return FieldSource::kNtpMicros;
    case TimeUnit::kNanoseconds:
        return FieldSource::kNtpNanos;
    }
    return FieldSource::kTime;
}

std::uint64_t read_unsigned(const RowView& row, const Column& column)
{
    switch (Schema::width_of(column.type)) {
    case 1:
        return row.get<std::uint8_t>(column);
    case 2:
        return row.get<std::uint16_t>(column);
    case 4:
        return row.get<std::uint32_t>(column);
    default:
        return row.get<std::uint64_t>(column);
    }
}

// Does a column fit a source? A plugin may have a column of the wanted name with another type, which is then left out.
bool readable(const Column& column, FieldSource source)
{
    switch (source) {
    case FieldSource::kTime:
    case FieldSource::kNtpMicros:
    case FieldSource::kNtpNanos:
        return column.type == FX_TIME && !column.list;
    case FieldSource::kIpv4:
    case FieldSource::kIpv6:
        return column.type == FX_IP && !column.list;
    case FieldSource::kFirstMac:
        return column.type == FX_MAC;
    case FieldSource::kDirection:
        return column.type == FX_CHAR;
    case FieldSource::kInnermostVlan:
        return column.type == FX_U16;
    case FieldSource::kIcmp:
        return column.type == FX_U8 && !column.list;
    case FieldSource::kSigned:
        return column.type == FX_I64 && !column.list;
    case FieldSource::kFloat:
        return column.type == FX_FLOAT && !column.list;
    case FieldSource::kText:
        return (column.type == FX_STRING || column.type == FX_WORD) && !column.list;
    case FieldSource::kOctets:
        return column.type == FX_PAYLOAD && !column.list;
    case FieldSource::kMac:
        return column.type == FX_MAC && !column.list;
    case FieldSource::kUnsigned:
    case FieldSource::kTcpFlags:
        switch (column.type) {
        case FX_U8:
        case FX_U16:
        case FX_U32:
        case FX_U64:
        case FX_H8:
        case FX_H16:
        case FX_H32:
        case FX_H64:
            return !column.list;
        default:
            return false;
        }
    default:
        return true;
    }
}

// Encoding of a column that has its own element. Empty for lists, times, addresses and durations, which have no field
// yet.
std::optional<FieldSource> source_of(const Column& column)
{
    for (const FieldSource source : {FieldSource::kUnsigned, FieldSource::kSigned, FieldSource::kFloat,
                                     FieldSource::kText, FieldSource::kOctets, FieldSource::kMac})
        if (readable(column, source))
            return source;
    return std::nullopt;
}

// Octets of such a field in the template.
std::uint16_t field_octets(FieldSource source, const Column& column)
{
    const std::uint32_t asked = column.element.octets ? column.element.octets : Schema::width_of(column.type);
    switch (source) {
    case FieldSource::kText:
    case FieldSource::kOctets:
        return kVariableLength;
    case FieldSource::kFloat:
        return column.element.octets == 4 ? 4 : 8;
    case FieldSource::kMac:
        return 6;
    default:
        return static_cast<std::uint16_t>(std::min<std::uint32_t>(asked, 8));
    }
}

// The beginning of a text: at most so many octets, without a partial character.
std::string_view cut_text(std::string_view text, std::size_t octets, bool characters)
{
    if (text.size() <= octets)
        return text;
    while (characters && octets > 0 && (static_cast<unsigned char>(text[octets]) & 0xc0) == 0x80)
        octets--;
    return text.substr(0, octets);
}

// Copies a text. Bytes that are not UTF-8 become '.', as in the flow file.
void copy_utf8(std::string_view text, std::uint8_t* at)
{
    while (!text.empty()) {
        const std::size_t n = utf8_length(text);
        if (n == 0)
            *at++ = '.';
        for (std::size_t i = 0; i < n; i++)
            *at++ = static_cast<std::uint8_t>(text[i]);
        text.remove_prefix(n == 0 ? 1 : n);
    }
}

std::int64_t saturate_signed(std::int64_t value, std::uint16_t length)
{
    if (length >= 8)
        return value;
    const std::int64_t most = (std::int64_t{1} << (8 * length - 1)) - 1;
    return std::clamp(value, -most - 1, most);
}

std::uint64_t saturate(std::uint64_t value, std::uint16_t length)
{
    if (length >= 8)
        return value;
    return std::min(value, (std::uint64_t{1} << (8 * length)) - 1);
}

void put_number(std::uint64_t value, std::size_t length, std::uint8_t* at)
{
    for (std::size_t i = length; i-- > 0; value >>= 8)
        at[i] = static_cast<std::uint8_t>(value);
}

// Octets of the first or last element of a list cell; the cell itself when the column is no list. Null when there are
// none.
const std::uint8_t* element_of(const RowView& row, const Column& column, bool last)
{
    if (!column.list)
        return row.bytes(column);
    const fx_span span = row.list(column);
    if (span.count == 0)
        return nullptr;
    const std::uint32_t index = last ? span.count - 1 : 0;
    return row.tail(span.offset) + static_cast<std::size_t>(index) * Schema::width_of(column.type);
}

} // namespace

std::uint64_t ntp_nanoseconds(std::int64_t ns)
{
    const auto since_epoch = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0)); // before 1970: 1970
    const std::uint64_t seconds = since_epoch / kNsPerSecond + kSeconds1900To1970;
    const std::uint64_t rest = since_epoch % kNsPerSecond;
    // Rounded up even where 2^-32 s is exact: otherwise tshark's floating point makes 499999999 ns of half a second.
    const std::uint64_t fraction = rest == 0 ? 0 : (rest << 32) / kNsPerSecond + 1;
    return seconds << 32 | fraction;
}

std::uint64_t ntp_microseconds(std::int64_t ns)
{
    constexpr std::uint64_t kStep = 2048; // the low 11 bits are below a microsecond, RFC 7011 6.1.9
    const auto since_epoch = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
    const std::uint64_t stamp = ntp_nanoseconds(static_cast<std::int64_t>(since_epoch / 1000 * 1000));
    return (stamp + kStep - 1) & ~(kStep - 1);
}

constinit const std::array<const char*, kMostFlowRecordColumns> kFlowRecordColumns = [] {
    std::array<const char*, kMostFlowRecordColumns> names = {"icmpCode"};
    std::size_t count = 1;
    for (const FieldRule& rule : kRules) {
        bool known = rule.column == nullptr;
        for (std::size_t i = 0; i < count && !known; i++)
            known = std::string_view(names[i]) == rule.column;
        if (!known)
            names.at(count++) = rule.column;
    }
    names.at(count) = nullptr;
    return names;
}();

FlowLayout::FlowLayout(FlowKind kind, bool biflow, std::uint16_t template_id, const Schema& schema,
                       const FlowLayoutSettings& settings)
    : kind_(kind)
{
    shape_.id = template_id;
    for (const FieldRule& rule : kRules) {
        std::uint8_t length = settings.protocol == Protocol::kNetflow9 ? rule.length_v9 : rule.length_ipfix;
        if (rule.source == FieldSource::kTcpFlags && settings.one_octet_flags)
            length = 1;
        if (rule.source == FieldSource::kFlowId && settings.v9_flow_id)
            length = rule.length_ipfix;
        if (length == 0 || (rule.kinds & mask_of(kind)) == 0 || rule.reverse == (biflow ? kUniflowOnly : kBiflowOnly))
            continue;
        FieldSource source = rule.source;
        std::uint16_t element = rule.element;
        if (source == FieldSource::kTime) {
            source = time_source(settings.time_unit);
            element = time_element(element, settings.time_unit);
        }
        const Column* column = nullptr;
        if (rule.column != nullptr) {
            const auto index = schema.find(rule.column);
            if (!index || !readable(schema.columns()[*index], source))
                continue;
            column = &schema.columns()[*index];
        }
        const Column* second = nullptr;
        if (source == FieldSource::kIcmp) {
            const auto index = schema.find("icmpCode");
            if (!index || !readable(schema.columns()[*index], source))
                continue;
            second = &schema.columns()[*index];
        }
        // The reverse element comes before the forward one: nfdump (1.7.1 to 1.7.8) writes both into one field, unless
        // they are counts, and the last one remains.
        if (biflow && rule.reverse == kBothWays) {
            shape_.fields.push_back({element, length, kReversePen});
            fields_.push_back({source, true, length, column, second});
        }
        shape_.fields.push_back({element, length, 0});
        fields_.push_back({source, false, length, column, second});
    }
    if (settings.protocol == Protocol::kIpfix && kind != FlowKind::kLayer2)
        add_elements_of_columns(biflow, schema, settings);
    record_octets_ = shape_.record_length();
    const auto texts = std::ranges::count(fields_, kVariableLength, &Field::length);
    has_texts_ = texts > 0;
    // Each text gets an equal share of the octets that fixed fields leave; two octets more for a length above 254.
    if (has_texts_ && settings.largest_record > record_octets_) {
        const std::size_t share = (settings.largest_record - record_octets_) / static_cast<std::size_t>(texts);
        text_room_ = share > 2 ? share - 2 : 0;
    }
}

// Elements of the columns that have one, in the columns' order.
void FlowLayout::add_elements_of_columns(bool biflow, const Schema& schema, const FlowLayoutSettings& settings)
{
    for (const Column& column : schema.columns()) {
        const fx_element& element = column.element;
        const std::optional<FieldSource> source = source_of(column);
        if (element.id == 0 || element.id >= kEnterpriseReverseBit || !source)
            continue;
        const bool own = element.enterprise == FX_ELEMENT_OWN;
        const std::uint32_t pen = own ? settings.pen : element.enterprise;
        const auto is_there = [&](const auto& field) { return field.element == element.id && field.pen == pen; };
        if (std::ranges::any_of(shape_.fields, is_there)) // another field has this element
            continue;
        const std::uint16_t octets = field_octets(*source, column);
        // No RFC gives a number to the reverse of another enterprise's element.
        if (biflow && element.reversible && (own || pen == 0)) {
            if (own)
                shape_.fields.push_back({static_cast<std::uint16_t>(element.id | kEnterpriseReverseBit), octets, pen});
            else
                shape_.fields.push_back({element.id, octets, kReversePen});
            fields_.push_back({*source, true, octets, &column, nullptr});
        }
        shape_.fields.push_back({element.id, octets, pen});
        fields_.push_back({*source, false, octets, &column, nullptr});
    }
}

void FlowLayout::append(const RowView& row, const RowView* reverse, std::vector<std::uint8_t>* out,
                        InexactValues* inexact) const
{
    if (has_texts_) {
        append_with_texts(row, reverse, out, inexact);
        return;
    }
    const std::size_t start = out->size();
    out->resize(start + record_octets_); // a field without a value is sent as zeros
    std::uint8_t* at = out->data() + start;
    const RowHeader header = row.header();
    const RowHeader reverse_header = reverse != nullptr ? reverse->header() : RowHeader{};
    for (const Field& field : fields_) {
        if (!field.reverse)
            write_field(field, row, header, at, inexact);
        else if (reverse != nullptr)
            write_field(field, *reverse, reverse_header, at, inexact);
        at += field.length;
    }
}

std::string_view FlowLayout::text_of(const Field& field, const RowView& row, InexactValues* inexact) const
{
    if (!row.present(*field.column))
        return {};
    const std::string_view whole = row.text(*field.column);
    const std::string_view text = cut_text(whole, text_room_, field.source == FieldSource::kText);
    inexact->cut_texts += text.size() != whole.size();
    return text;
}

// Each text follows its length: one octet, or 255 and two octets (RFC 7011 7).
void FlowLayout::append_with_texts(const RowView& row, const RowView* reverse, std::vector<std::uint8_t>* out,
                                   InexactValues* inexact) const
{
    constexpr std::size_t kLongLength = 255;
    const RowHeader header = row.header();
    const RowHeader reverse_header = reverse != nullptr ? reverse->header() : RowHeader{};
    for (const Field& field : fields_) {
        const RowView* from = field.reverse ? reverse : &row;
        const std::size_t at = out->size();
        if (field.length != kVariableLength) {
            out->resize(at + field.length); // a field without a value is sent as zeros
            if (from != nullptr)
                write_field(field, *from, field.reverse ? reverse_header : header, out->data() + at, inexact);
            continue;
        }
        const std::string_view text = from != nullptr ? text_of(field, *from, inexact) : std::string_view();
        const std::size_t lead = text.size() < kLongLength ? 1 : 3;
        out->resize(at + lead + text.size());
        std::uint8_t* to = out->data() + at;
        if (lead == 1) {
            put_number(text.size(), 1, to);
        } else {
            put_number(kLongLength, 1, to);
            put_number(text.size(), 2, to + 1);
        }
        if (field.source == FieldSource::kText)
            copy_utf8(text, to + lead);
        else if (!text.empty())
            std::memcpy(to + lead, text.data(), text.size());
    }
}

void FlowLayout::write_field(const Field& field, const RowView& row, const RowHeader& header, std::uint8_t* at,
                             InexactValues* inexact) const
{
    switch (field.source) { // values of the row's header
    case FieldSource::kIpVersion:
        put_number(kind_ == FlowKind::kIpv4 ? 4 : 6, 1, at);
        return;
    case FieldSource::kBiflowInitiator:
        put_number(1, 1, at);
        return;
    case FieldSource::kEndReason:
        put_number(header.reason, 1, at);
        return;
    case FieldSource::kInterface:
        put_number(header.if_id, 4, at);
        return;
    case FieldSource::kFlowId:
        put_number(header.flow_id, 8, at);
        return;
    default:
        break;
    }
    if (!row.present(*field.column))
        return;
    switch (field.source) {
    case FieldSource::kUnsigned: {
        const std::uint64_t value = read_unsigned(row, *field.column), held = saturate(value, field.length);
        inexact->large_values += held != value;
        put_number(held, field.length, at);
        return;
    }
    case FieldSource::kSigned: {
        const auto value = row.get<std::int64_t>(*field.column), held = saturate_signed(value, field.length);
        inexact->large_values += held != value;
        put_number(static_cast<std::uint64_t>(held), field.length, at);
        return;
    }
    case FieldSource::kFloat: {
        const auto value = row.get<double>(*field.column);
        if (field.length == 4)
            put_number(std::bit_cast<std::uint32_t>(static_cast<float>(value)), 4, at);
        else
            put_number(std::bit_cast<std::uint64_t>(value), 8, at);
        return;
    }
    case FieldSource::kMac:
        std::memcpy(at, row.bytes(*field.column), 6);
        return;
    case FieldSource::kTime:
    case FieldSource::kNtpMicros:
    case FieldSource::kNtpNanos: {
        const auto ns = row.get<std::int64_t>(*field.column);
        inexact->early_times += ns < 0;
        if (field.source == FieldSource::kTime) {
            put_number(static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0)) / 1'000'000, 8, at);
            return;
        }
        inexact->late_times += ns >= kNtpEraEnd * kNsPerSecond;
        put_number(field.source == FieldSource::kNtpMicros ? ntp_microseconds(ns) : ntp_nanoseconds(ns), 8, at);
        return;
    }
    case FieldSource::kIpv4:
        std::memcpy(at, row.bytes(*field.column) + 12, 4);
        return;
    case FieldSource::kIpv6:
        std::memcpy(at, row.bytes(*field.column), 16);
        return;
    case FieldSource::kFirstMac:
        if (const std::uint8_t* mac = element_of(row, *field.column, false))
            std::memcpy(at, mac, 6);
        return;
    case FieldSource::kInnermostVlan:
        if (const std::uint8_t* last = element_of(row, *field.column, true)) {
            std::uint16_t vlan = 0;
            std::memcpy(&vlan, last, sizeof vlan);
            put_number(vlan, 2, at);
        }
        return;
    case FieldSource::kTcpFlags: {
        const std::uint64_t flags = read_unsigned(row, *field.column);
        inexact->cut_flags += flags != saturate(flags, field.length);
        put_number(flags, field.length, at); // one octet: the low bits
        return;
    }
    case FieldSource::kIcmp:
        at[0] = row.get<std::uint8_t>(*field.column);
        at[1] = row.present(*field.second) ? row.get<std::uint8_t>(*field.second) : 0;
        return;
    case FieldSource::kDirection:
        *at = row.get<char>(*field.column) == 'B';
        return;
    case FieldSource::kText:
    case FieldSource::kOctets:
    case FieldSource::kIpVersion:
    case FieldSource::kBiflowInitiator:
    case FieldSource::kEndReason:
    case FieldSource::kInterface:
    case FieldSource::kFlowId:
        return;
    }
}

} // namespace flowxdp::ipfix
