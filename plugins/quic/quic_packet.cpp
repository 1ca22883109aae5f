// SPDX-License-Identifier: BSD-2-Clause
#include "quic/quic_packet.h"

#include <algorithm>

namespace flowxdp::quic {
namespace {

constexpr std::uint8_t kLongHeader = 0x80;

std::optional<Bytes> take(Bytes* bytes, std::uint64_t size)
{
    if (size > bytes->size())
        return std::nullopt;
    const Bytes front = bytes->first(static_cast<std::size_t>(size));
    *bytes = bytes->subspan(static_cast<std::size_t>(size));
    return front;
}

std::optional<Bytes> take_connection_id(Bytes* bytes)
{
    const auto length = take(bytes, 1);
    if (!length || (*length)[0] > kMostConnectionId)
        return std::nullopt;
    return take(bytes, (*length)[0]);
}

PacketType type_of(std::uint8_t first_byte, std::uint32_t version)
{
    static constexpr PacketType kTypes[] = {PacketType::kInitial, PacketType::kZeroRtt, PacketType::kHandshake,
                                            PacketType::kRetry};
    const unsigned bits = first_byte >> 4 & 3u;
    // RFC 9369 3.2 turns the four values by one.
    return kTypes[version == kVersion2 ? (bits + 3) & 3u : bits];
}

} // namespace

std::optional<std::uint64_t> take_varint(Bytes* bytes)
{
    if (bytes->empty())
        return std::nullopt;
    const auto encoded = take(bytes, std::uint64_t{1} << (bytes->front() >> 6));
    if (!encoded)
        return std::nullopt;
    std::uint64_t value = (*encoded)[0] & 0x3f;
    for (std::size_t i = 1; i < encoded->size(); i++)
        value = value << 8 | (*encoded)[i];
    return value;
}

bool is_known_version(std::uint32_t version)
{
    return version == kVersion1 || version == kVersion2 || (version >= 0xff000017 && version <= 0xff000022);
}

std::optional<LongHeader> parse_long_header(Bytes datagram)
{
    Bytes left = datagram;
    const auto start = take(&left, 5);
    if (!start || !((*start)[0] & kLongHeader))
        return std::nullopt;
    LongHeader header;
    header.first_byte = (*start)[0];
    for (const std::uint8_t byte : start->subspan(1))
        header.version = header.version << 8 | byte;
    const auto destination = take_connection_id(&left);
    const auto source = destination ? take_connection_id(&left) : std::nullopt;
    if (!source)
        return std::nullopt;
    header.destination = *destination;
    header.source = *source;
    header.length = datagram.size();
    if (!header.version) {
        header.type = PacketType::kVersionNegotiation;
        header.rest = left;
        return header;
    }
    if (!is_known_version(header.version))
        return header;
    header.type = type_of(header.first_byte, header.version);
    if (header.type == PacketType::kRetry) {
        header.rest = left;
        return header;
    }
    header.cut = true;
    if (header.type == PacketType::kInitial) {
        const auto token_length = take_varint(&left);
        if (!token_length || !take(&left, *token_length))
            return header;
    }
    const auto length = take_varint(&left);
    if (!length)
        return header;
    header.number_offset = datagram.size() - left.size();
    header.cut = *length > left.size();
    header.length = header.number_offset + static_cast<std::size_t>(std::min<std::uint64_t>(*length, left.size()));
    return header;
}

} // namespace flowxdp::quic
