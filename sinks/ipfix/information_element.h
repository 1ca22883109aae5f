// SPDX-License-Identifier: BSD-2-Clause
// information_element.h - the numbers of the Information Elements the exporters send (IANA "IPFIX Information
// Elements", RFC 7012). NetFlow v9 field types are the same numbers up to 127 and, by practice, beyond.
#pragma once

#include <cstdint>

namespace flowxdp::ipfix {

enum class Protocol : std::uint8_t {
    kNetflow9, // RFC 3954
    kIpfix,    // RFC 7011
};

// Precision of the start and end elements.
enum class TimeUnit : std::uint8_t {
    kMilliseconds, // 152, 153: ms since 1970, unsigned 64 bit
    kMicroseconds, // 154, 155: NTP format, RFC 7011 6.1.9
    kNanoseconds,  // 156, 157: NTP format, RFC 7011 6.1.10
};

enum Element : std::uint16_t {
    kOctetDeltaCount = 1,
    kPacketDeltaCount = 2,
    kProtocolIdentifier = 4,
    kIpClassOfService = 5,
    kTcpControlBits = 6,
    kSourceTransportPort = 7,
    kSourceIpv4Address = 8,
    kIngressInterface = 10,
    kDestinationTransportPort = 11,
    kDestinationIpv4Address = 12,
    kMinimumIpTotalLength = 25,
    kMaximumIpTotalLength = 26,
    kSourceIpv6Address = 27,
    kDestinationIpv6Address = 28,
    kIcmpTypeCodeIpv4 = 32, // v9: ICMP_TYPE, of both families
    kSamplingInterval = 34,
    kSamplingAlgorithm = 35,
    kExportedOctetTotalCount = 40,
    kExportedMessageTotalCount = 41,
    kExportedFlowRecordTotalCount = 42,
    kMinimumTtl = 52,
    kMaximumTtl = 53,
    kSourceMacAddress = 56,
    kVlanId = 58,
    kIpVersion = 60,
    kFlowDirection = 61,
    kDestinationMacAddress = 80,
    kInterfaceName = 82,
    kFlowEndReason = 136,
    kIcmpTypeCodeIpv6 = 139,
    kExportingProcessId = 144,
    kFlowId = 148,
    kObservationDomainId = 149,
    kFlowStartMilliseconds = 152,
    kFlowEndMilliseconds = 153,
    kFlowStartMicroseconds = 154,
    kFlowEndMicroseconds = 155,
    kFlowStartNanoseconds = 156,
    kFlowEndNanoseconds = 157,
    kSystemInitTimeMilliseconds = 160,
    kNotSentFlowTotalCount = 166,
    kBiflowDirection = 239,
    kEthernetType = 256,
    kSelectorAlgorithm = 304,
    kSamplingPacketInterval = 305,
    kSamplingPacketSpace = 306,
    kLayer2OctetDeltaCount = 352,
};

// Enterprise-specific elements of flowxdp, under the PEN of option pen=. Columns have their own numbers (fx_element);
// these are not of columns. Reverse counterparts in a biflow record set bit 14 of the number: the reverse PEN covers
// IANA's elements only (RFC 5103 6.2).
enum EnterpriseElement : std::uint16_t {
    kBoot = 3, // unsigned64: who numbers the flows (SinkContext::boot)
    kEnterpriseReverseBit = 0x4000,
};

constexpr std::uint32_t kReversePen = 29305;       // RFC 5103 6.1
constexpr std::uint32_t kDocumentationPen = 32473; // RFC 5612: for examples; a site sets its own

// Scope field types of NetFlow v9 (RFC 3954 6.1); IPFIX scopes are elements.
enum Netflow9Scope : std::uint16_t {
    kScopeSystem = 1,
    kScopeInterface = 2,
};

} // namespace flowxdp::ipfix
