// SPDX-License-Identifier: BSD-2-Clause
#include "flow_layout.h"

#include <algorithm>

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
    bool enterprise;
};

constexpr FieldRule kRules[] = {
    {kFlowStartMilliseconds, "timeFirst", FieldSource::kTime, 8, 8, kOnAll, kBothWays, false},
    {kFlowEndMilliseconds, "timeLast", FieldSource::kTime, 8, 8, kOnAll, kBothWays, false},
    {kPacketDeltaCount, "pktsSnt", FieldSource::kUnsigned, 8, 8, kOnAll, kBothWays, false},
    {kOctetDeltaCount, "ipOctets", FieldSource::kUnsigned, 8, 8, kOnIp, kBothWays, false},
    {kLayer2OctetDeltaCount, "ipOctets", FieldSource::kUnsigned, 8, 8, kOnL2, kBothWays, false},
    {kSourceIpv4Address, "srcIP", FieldSource::kIpv4, 4, 4, kOn4, kForward, false},
    {kDestinationIpv4Address, "dstIP", FieldSource::kIpv4, 4, 4, kOn4, kForward, false},
    {kSourceIpv6Address, "srcIP", FieldSource::kIpv6, 16, 16, kOn6, kForward, false},
    {kDestinationIpv6Address, "dstIP", FieldSource::kIpv6, 16, 16, kOn6, kForward, false},
    {kSourceTransportPort, "srcPort", FieldSource::kUnsigned, 2, 2, kOnIp, kForward, false},
    {kDestinationTransportPort, "dstPort", FieldSource::kUnsigned, 2, 2, kOnIp, kForward, false},
    // unsigned64 by the registry; two octets hold every IP length but a super-packet's
    // (reduced size, RFC 7011 6.2).
    {kMinimumIpTotalLength, "minIpLen", FieldSource::kUnsigned, 2, 2, kOnIp, kBothWays, false},
    {kMaximumIpTotalLength, "maxIpLen", FieldSource::kUnsigned, 2, 2, kOnIp, kBothWays, false},
    {kVlanId, "vlanID", FieldSource::kInnermostVlan, 2, 2, kOnAll, kForward, false},
    // unsigned16; one octet says that only the low one was observed (RFC 7125 3), and nfacctd reads only the first.
    {kTcpControlBits, "tcpControlBits", FieldSource::kTcpFlags, 1, 1, kOnIp, kBothWays, false},
    {kIpVersion, nullptr, FieldSource::kIpVersion, 1, 1, kOnIp, kForward, false},
    {kFlowDirection, "dir", FieldSource::kDirection, 1, 1, kOnAll, kUniflowOnly, false},
    {kBiflowDirection, nullptr, FieldSource::kBiflowInitiator, 0, 1, kOnAll, kBiflowOnly, false},
    {kProtocolIdentifier, "l4Proto", FieldSource::kUnsigned, 1, 1, kOnIp, kForward, false},
    {kIpClassOfService, "ipClass", FieldSource::kUnsigned, 1, 1, kOnIp, kBothWays, false},
    {kMinimumTtl, "ttlMin", FieldSource::kUnsigned, 1, 1, kOnIp, kBothWays, false},
    {kMaximumTtl, "ttlMax", FieldSource::kUnsigned, 1, 1, kOnIp, kBothWays, false},
    {kEthernetType, "ethType", FieldSource::kUnsigned, 2, 2, kOnL2, kForward, false},
    {kDestinationMacAddress, "dstMac", FieldSource::kFirstMac, 6, 6, kOnAll, kForward, false},
    {kSourceMacAddress, "srcMac", FieldSource::kFirstMac, 6, 6, kOnAll, kForward, false},
    {kIngressInterface, nullptr, FieldSource::kInterface, 4, 4, kOnAll, kBothWays, false},
    {kFlowEndReason, nullptr, FieldSource::kEndReason, 1, 1, kOnAll, kForward, false},
    // v9 collectors take 148 for the connection id of a firewall's event and the record for such an event (nfdump).
    {kFlowId, nullptr, FieldSource::kFlowId, 0, 8, kOnAll, kForward, false},
    {kTcpWinStat, "tcpWinStat", FieldSource::kUnsigned, 0, 1, kOnIp, kBothWays, true},
    {kTcpWinThCnt, "tcpWinThCnt", FieldSource::kUnsigned, 0, 4, kOnIp, kBothWays, true},
};

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::uint64_t kSeconds1900To1970 = 2'208'988'800;

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

// A column fits a source: a plugin may bring a column of a wanted name and another type; it is then left out.
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
    // Above the nanosecond even where 2^-32 s would hit it: half a second comes out of tshark's floating point as
    // 499999999 ns otherwise.
    const std::uint64_t fraction = rest == 0 ? 0 : (rest << 32) / kNsPerSecond + 1;
    return seconds << 32 | fraction;
}

std::uint64_t ntp_microseconds(std::int64_t ns)
{
    constexpr std::uint64_t kStep = 2048; // the low 11 bits are no microseconds, RFC 7011 6.1.9
    const auto since_epoch = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
    const std::uint64_t stamp = ntp_nanoseconds(static_cast<std::int64_t>(since_epoch / 1000 * 1000));
    return (stamp + kStep - 1) & ~(kStep - 1);
}

std::vector<std::string> flow_record_columns()
{
    std::vector<std::string> names;
    for (const FieldRule& rule : kRules)
        if (rule.column != nullptr && !rule.enterprise &&
            std::find(names.begin(), names.end(), rule.column) == names.end())
            names.emplace_back(rule.column);
    return names;
}

FlowLayout::FlowLayout(FlowKind kind, bool biflow, std::uint16_t template_id, const Schema& schema,
                       const FlowLayoutSettings& settings)
    : kind_(kind)
{
    shape_.id = template_id;
    for (const FieldRule& rule : kRules) {
        const std::uint8_t length = settings.protocol == Protocol::kNetflow9 ? rule.length_v9 : rule.length_ipfix;
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
        // The reverse element stands before its forward one: nfdump (1.7.1 to 1.7.8) writes both into one field, unless
        // they are counts, and what comes last stays.
        if (biflow && rule.reverse == kBothWays) {
            if (rule.enterprise)
                shape_.fields.push_back(
                    {static_cast<std::uint16_t>(element | kEnterpriseReverseBit), length, settings.pen});
            else
                shape_.fields.push_back({element, length, kReversePen});
            fields_.push_back({source, true, length, column});
        }
        shape_.fields.push_back({element, length, rule.enterprise ? settings.pen : 0});
        fields_.push_back({source, false, length, column});
    }
    record_octets_ = shape_.record_length();
}

void FlowLayout::append(const RowView& row, const RowView* reverse, std::vector<std::uint8_t>* out) const
{
    const std::size_t start = out->size();
    out->resize(start + record_octets_); // zeros: what a field without a value is sent as
    std::uint8_t* at = out->data() + start;
    const RowHeader header = row.header();
    const RowHeader reverse_header = reverse != nullptr ? reverse->header() : RowHeader{};
    for (const Field& field : fields_) {
        if (!field.reverse)
            write_field(field, row, header, at);
        else if (reverse != nullptr)
            write_field(field, *reverse, reverse_header, at);
        at += field.length;
    }
}

void FlowLayout::write_field(const Field& field, const RowView& row, const RowHeader& header, std::uint8_t* at) const
{
    switch (field.source) { // what stands in the row's header
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
    case FieldSource::kUnsigned:
        put_number(saturate(read_unsigned(row, *field.column), field.length), field.length, at);
        return;
    case FieldSource::kTime: {
        const auto ns = std::max<std::int64_t>(row.get<std::int64_t>(*field.column), 0);
        put_number(static_cast<std::uint64_t>(ns) / 1'000'000, 8, at);
        return;
    }
    case FieldSource::kNtpMicros:
        put_number(ntp_microseconds(row.get<std::int64_t>(*field.column)), 8, at);
        return;
    case FieldSource::kNtpNanos:
        put_number(ntp_nanoseconds(row.get<std::int64_t>(*field.column)), 8, at);
        return;
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
    case FieldSource::kTcpFlags:
        put_number(read_unsigned(row, *field.column) & 0xff, field.length, at);
        return;
    case FieldSource::kDirection:
        *at = row.get<char>(*field.column) == 'B';
        return;
    case FieldSource::kIpVersion:
    case FieldSource::kBiflowInitiator:
    case FieldSource::kEndReason:
    case FieldSource::kInterface:
    case FieldSource::kFlowId:
        return;
    }
}

} // namespace flowxdp::ipfix
