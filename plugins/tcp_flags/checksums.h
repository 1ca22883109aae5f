// SPDX-License-Identifier: BSD-2-Clause
// checksums.h - are the checksums of a captured packet right? IPv4 header (RFC 791), TCP, UDP, ICMP, ICMPv6, IGMP (RFC
// 1071, 8200 8.1).
#pragma once

#include <cstdint>
#include <span>

#include "flowxdp/record_stream.h"

namespace flowxdp {

struct ChecksumVerdict {
    bool ip_wrong = false;
    bool l4_judged = false; // all bytes are there, and the packet has a checksum
    bool l4_wrong = false;
};

// packet: the captured bytes from the innermost IP header on. with_l4: the sum over the payload, too.
ChecksumVerdict judge_checksums(const packet_record& record, std::span<const std::uint8_t> packet, bool with_l4);

} // namespace flowxdp
