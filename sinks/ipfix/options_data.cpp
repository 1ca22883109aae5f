// SPDX-License-Identifier: BSD-2-Clause
#include "options_data.h"

#include <algorithm>

#include "octet_writer.h"

namespace flowxdp::ipfix {

namespace {

constexpr std::uint16_t kStatisticsId = 262;
constexpr std::uint16_t kSamplingId = 263;
constexpr std::uint16_t kInterfacesId = 264;
constexpr std::uint16_t kSensorId = 265;
constexpr std::int64_t kNsPerMillisecond = 1'000'000;
constexpr std::uint16_t kNetflow9NameOctets = 32;
constexpr std::size_t kMaxName = 254; // one length octet, RFC 7011 7

void append_name(const std::string& name, std::size_t most, OctetWriter* writer)
{
    const std::size_t length = std::min(name.size(), most);
    writer->bytes({reinterpret_cast<const std::uint8_t*>(name.data()), length});
}

} // namespace

OptionsData::OptionsData(Protocol protocol, std::uint32_t domain, std::uint32_t pen)
    : protocol_(protocol), domain_(domain)
{
    sensor_ = {kSensorId, 1, {{kObservationDomainId, 4}, {kSystemInitTimeMilliseconds, 8}, {kBoot, 8, pen}}};
    if (protocol == Protocol::kNetflow9) {
        statistics_ = {kStatisticsId,
                       1,
                       {{kScopeSystem, 4},
                        {kExportedMessageTotalCount, 8},
                        {kExportedFlowRecordTotalCount, 8},
                        {kExportedOctetTotalCount, 8}}};
        sampling_ = {kSamplingId, 1, {{kScopeSystem, 4}, {kSamplingInterval, 4}, {kSamplingAlgorithm, 1}}};
        sensor_ = {kSensorId, 1, {{kScopeSystem, 4}, {kSystemInitTimeMilliseconds, 8}}};
        interfaces_ = {kInterfacesId, 1, {{kScopeInterface, 4}, {kInterfaceName, kNetflow9NameOctets}}};
    } else {
        // RFC 7011 4.1 and, for what was not sent, 4.3.
        statistics_ = {kStatisticsId,
                       1,
                       {{kObservationDomainId, 4},
                        {kExportedMessageTotalCount, 8},
                        {kExportedFlowRecordTotalCount, 8},
                        {kExportedOctetTotalCount, 8},
                        {kNotSentFlowTotalCount, 8}}};
        // RFC 5477 8.2: systematic count-based.
        sampling_ = {kSamplingId,
                     1,
                     {{kObservationDomainId, 4},
                      {kSelectorAlgorithm, 2},
                      {kSamplingPacketInterval, 4},
                      {kSamplingPacketSpace, 4}}};
        interfaces_ = {
            kInterfacesId, 2, {{kObservationDomainId, 4}, {kIngressInterface, 4}, {kInterfaceName, kVariableLength}}};
    }
}

std::uint32_t OptionsData::message_domain() const
{
    return protocol_ == Protocol::kNetflow9 ? domain_ : 0;
}

std::vector<std::uint8_t> OptionsData::statistics_record(const ExportTotals& totals) const
{
    std::vector<std::uint8_t> record;
    OctetWriter writer(&record);
    writer.u32(domain_);
    writer.u64(totals.messages);
    writer.u64(totals.flow_records);
    writer.u64(totals.octets);
    if (protocol_ == Protocol::kIpfix)
        writer.u64(totals.not_sent_flows);
    return record;
}

std::vector<std::uint8_t> OptionsData::sampling_record() const
{
    std::vector<std::uint8_t> record;
    OctetWriter writer(&record);
    writer.u32(domain_);
    if (protocol_ == Protocol::kNetflow9) {
        writer.u32(1); // one in one
        writer.u8(1);  // deterministic
    } else {
        writer.u16(1); // systematic count-based
        writer.u32(1);
        writer.u32(0);
    }
    return record;
}

bool OptionsData::cuts_name(const std::string& name) const
{
    return name.size() > (protocol_ == Protocol::kNetflow9 ? kNetflow9NameOctets : kMaxName);
}

std::vector<std::uint8_t> OptionsData::sensor_record(const SensorOrigin& origin) const
{
    std::vector<std::uint8_t> record;
    OctetWriter writer(&record);
    writer.u32(domain_);
    writer.u64(static_cast<std::uint64_t>(origin.attached_ns / kNsPerMillisecond));
    if (protocol_ == Protocol::kIpfix)
        writer.u64(origin.boot);
    return record;
}

std::vector<std::uint8_t> OptionsData::interface_record(std::uint32_t id, const std::string& name) const
{
    std::vector<std::uint8_t> record;
    OctetWriter writer(&record);
    if (protocol_ == Protocol::kNetflow9) {
        writer.u32(id);
        append_name(name, kNetflow9NameOctets, &writer);
        writer.zeros(4 + kNetflow9NameOctets - record.size());
    } else {
        writer.u32(domain_);
        writer.u32(id);
        writer.u8(std::min(name.size(), kMaxName));
        append_name(name, kMaxName, &writer);
    }
    return record;
}

} // namespace flowxdp::ipfix
