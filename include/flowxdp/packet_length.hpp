// SPDX-License-Identifier: BSD-2-Clause
// packet_length.hpp - how long a packet is, counted from one of its layers on: what T2's PACKETLENGTH chooses.
#pragma once

#include <cstdint>

#include "flowxdp/record_stream.h"

namespace flowxdp {

// In the order of kLengthLayers, the words of an option.
enum class LengthLayer : std::uint8_t { kL7, kL4, kL3, kL2 };
inline constexpr const char* kLengthLayers = "l7|l4|l3|l2";

// Bytes. L2: on the wire, without the checksum of the frame. L3, L4, L7: from that layer's header on, as the IP header
// claims; 0 without an IP header.
inline std::uint32_t packet_length(const packet_record& packet, LengthLayer layer)
{
    if (layer == LengthLayer::kL2)
        return packet.wire_len;
    if (!packet.ip_version)
        return 0;
    if (layer == LengthLayer::kL7)
        return packet.payload_len;
    const std::uint32_t from = layer == LengthLayer::kL3 ? packet.l3_offset : packet.l4_offset;
    return packet.l3_end > from ? packet.l3_end - from : 0;
}

} // namespace flowxdp
