// SPDX-License-Identifier: BSD-2-Clause
// ip_packet.h - an IP packet as nDPI reads it, made from what is known of a packet.
//
// Packet records have no TCP and UDP headers, because a buffer that the host sends becomes several frames whose headers
// are not there to be read. nDPI looks at addresses, ports, lengths, sequence and acknowledgment numbers, TCP flags and
// payload; all of these are known, so its headers are written anew, without options. Encapsulations and IPv6 extension
// headers are gone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "flowxdp/packet.h"

namespace flowxdp {

struct IpPacketFacts {
    const std::uint8_t *src = nullptr, *dst = nullptr; // 16 bytes, network order, IPv4 mapped into IPv6
    std::uint8_t ip_version = 0, ip_proto = 0;         // 4 or 6
    std::uint16_t src_port = 0, dst_port = 0;          // TCP and UDP
    std::uint8_t tcp_flags = 0;
    std::uint32_t tcp_seq = 0, tcp_ack = 0;
    std::span<const std::uint8_t> header = {};  // of layer 4, when it is neither TCP nor UDP: as captured
    std::span<const std::uint8_t> payload = {}; // of layer 7: as captured
};

class IpPacket {
  public:
    static constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpV6 = 58;

    // Header and payload together have at most PACKET_MAX_PAYLOAD bytes each. Valid until the next call.
    std::span<const std::uint8_t> write(const IpPacketFacts& facts);

  private:
    static constexpr std::size_t kHeadersMax = 40 + 20;

    std::array<std::uint8_t, kHeadersMax + 2 * PACKET_MAX_PAYLOAD> bytes_;
};

} // namespace flowxdp
