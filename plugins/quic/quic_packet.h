// SPDX-License-Identifier: BSD-2-Clause
// quic_packet.h - what a QUIC packet with a long header says in clear (RFC 8999, RFC 9000 section 17.2, RFC 9369).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace flowxdp::quic {

using Bytes = std::span<const std::uint8_t>;

inline constexpr std::uint32_t kVersion1 = 0x00000001, kVersion2 = 0x6b3343cf;
inline constexpr std::size_t kMostConnectionId = 20; // RFC 9000 17.2

// Bits of the column quicPktTypes are 1 << type.
enum class PacketType : std::uint8_t { kInitial, kZeroRtt, kHandshake, kRetry, kVersionNegotiation, kUnknown };

// RFC 9000 16. Reads off the front of bytes; nothing when they are too few.
std::optional<std::uint64_t> take_varint(Bytes* bytes);

struct LongHeader {
    PacketType type = PacketType::kUnknown;
    std::uint8_t first_byte = 0; // its low half is protected, except in Retry and Version Negotiation
    std::uint32_t version = 0;
    Bytes destination, source; // connection ids
    // Initial, 0-RTT, Handshake:
    std::size_t number_offset = 0; // where the protected packet number begins in the packet
    // Retry: token and integrity tag. Version Negotiation: versions of 4 bytes.
    Bytes rest;
    std::size_t length = 0; // of the packet; another one may follow in the datagram
    bool cut = false;       // it claims more bytes than there are
};

// Draft versions that deployed software spoke count: their Initial packets differ in the salt alone.
bool is_known_version(std::uint32_t version);
// RFC 9000 15: values that nobody speaks, and that make a server answer with Version Negotiation.
constexpr bool is_reserved_version(std::uint32_t version)
{
    return (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

// datagram: from the packet's first byte. Nothing for a short header and for what cannot be a long one.
std::optional<LongHeader> parse_long_header(Bytes datagram);

} // namespace flowxdp::quic
