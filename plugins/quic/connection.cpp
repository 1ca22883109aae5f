// SPDX-License-Identifier: BSD-2-Clause
#include "quic/connection.h"

#include <algorithm>
#include <cstring>

#include "quic/frames.h"

namespace flowxdp::quic {
namespace {

constexpr std::size_t kLeastClientDatagram = 1200, kLeastClientId = 8; // RFC 9000 14.1, 7.2
constexpr std::uint8_t kUnprotectedBits = 0xf0;

bool is_quic(const ConnectionFacts& facts)
{
    return facts.side[0].has_ids || facts.side[1].has_ids;
}

// The packet's version and ids in its sender's facts.
void take_header(const LongHeader& header, SideFacts* side)
{
    side->stat |= kQuic;
    if (side->version && side->version != header.version)
        side->stat |= kVersionChanged;
    side->version = header.version;
    side->flags |= header.first_byte & kUnprotectedBits;
    side->packet_types |= static_cast<std::uint8_t>(1u << static_cast<unsigned>(header.type));
    if (header.type == PacketType::kHandshake)
        side->stat |= kHandshakePacket;
    if (!side->has_ids) {
        side->has_ids = 1;
        side->destination.set(header.destination);
        side->source.set(header.source);
        return;
    }
    if (!side->destination.is(header.destination))
        side->stat |= kDestinationChanged;
    if (!side->source.is(header.source))
        side->stat |= kSourceChanged;
}

// A client that makes up a version wants to see Version Negotiation. No field proves that it is QUIC: the whole shape
// of a first datagram has to be there.
bool is_reserved_first_packet(const LongHeader& header, std::size_t claimed, const ConnectionFacts& facts)
{
    return !is_quic(facts) && is_reserved_version(header.version) && header.destination.size() >= kLeastClientId &&
           claimed >= kLeastClientDatagram;
}

// Every long header with a version has the QUIC bit, but where the peer allowed to clear it (RFC 9287). That is said in
// the hello: what is sent to the id that the peer chose comes from one who may have read it.
bool may_be_quic(const LongHeader& header, const SideFacts& peer)
{
    constexpr std::uint8_t kQuicBit = 0x40;
    return !header.version || header.first_byte & kQuicBit ||
           (header.type != PacketType::kUnknown && peer.has_ids && peer.source.is(header.destination));
}

// RFC 8999 6: it answers a packet and has its ids, turned around. Without that a zero version is no proof.
bool is_version_negotiation(const LongHeader& header, const SideFacts& peer)
{
    return peer.has_ids && peer.source.is(header.destination) && peer.destination.is(header.source) &&
           header.rest.size() >= 4;
}

void take_versions(Bytes list, SideFacts* side)
{
    side->stat |= kQuic | kVersionNegotiation;
    if (side->versions.offered)
        return;
    tls::ByteReader reader(list);
    while (reader.left() >= 4)
        side->versions.add(reader.u32());
    if (reader.left())
        side->stat |= kMalformed;
    if (side->versions.cut())
        side->stat |= kListCut;
}

std::uint16_t stat_of_hello(std::uint32_t hello)
{
    constexpr std::uint32_t kCuts = tls::kCipherListCut | tls::kExtensionListCut | tls::kProtocolListCut |
                                    tls::kProtocolNameCut | tls::kGroupListCut | tls::kOtherListCut | tls::kTextCut;
    return static_cast<std::uint16_t>((hello & tls::kMalformed ? kMalformed : 0) | (hello & kCuts ? kListCut : 0));
}

// Takes the client's hello from the front of the stream. whole: false when no more of it will come.
void take_client_hello(Bytes body, bool whole, std::int64_t time, ConnectionFacts* facts)
{
    SideFacts& side = facts->side[facts->client - 1];
    facts->client_hello_done = 1;
    if (!whole)
        side.stat |= kHelloCut;
    auto hello = tls::parse_client_hello(body);
    if (!hello) {
        if (whole)
            side.stat |= kMalformed;
        return;
    }
    hello->malformed |= !whole; // what ends where extensions may begin seems whole
    tls::take_client_hello(*hello, tls::kOverQuic, time, &facts->client_hello);
    if (!whole)
        facts->client_hello.stat &= ~static_cast<std::uint32_t>(tls::kMalformed);
    side.stat |= stat_of_hello(facts->client_hello.stat);
}

void take_server_hello(Bytes body, ConnectionFacts* facts)
{
    SideFacts& side = facts->side[2 - facts->client];
    const auto hello = tls::parse_server_hello(body);
    if (!hello) {
        facts->server_hello_done = 1;
        side.stat |= kMalformed;
        return;
    }
    // A HelloRetryRequest is followed by the ServerHello.
    facts->server_hello_done = !hello->is_retry;
    facts->server_version = hello->version();
    facts->server_cipher = hello->cipher_suite;
    if (hello->malformed)
        side.stat |= kMalformed;
    if (const auto fingerprint = tls::ja3s(*hello)) {
        facts->has_ja3s = 1;
        facts->ja3s = *fingerprint;
    }
}

// Takes the hellos that are whole from the stream that now fills.
void take_hellos(std::int64_t time, ConnectionFacts* facts)
{
    const bool from_client = !facts->client_hello_done;
    std::uint16_t& stat = facts->side[from_client ? facts->client - 1 : 2 - facts->client].stat;
    while (from_client ? !facts->client_hello_done : !facts->server_hello_done) {
        const Bytes front = facts->stream.front().subspan(facts->message_at);
        tls::ByteReader reader(front);
        const std::uint8_t type = reader.u8();
        const std::size_t length = reader.u24();
        if (!reader.ok())
            return;
        if (type != (from_client ? tls::kClientHello : tls::kServerHello)) {
            stat |= kMalformed;
            (from_client ? facts->client_hello_done : facts->server_hello_done) = 1;
            return;
        }
        const bool whole = length <= reader.left();
        // Nothing more fits: its front is all that there will be.
        if (!whole && facts->stream.in_order < CryptoStream::kMost)
            return;
        const Bytes body = reader.take(std::min(length, reader.left()));
        if (from_client) {
            take_client_hello(body, whole, time, facts);
            facts->stream.forget();
            return;
        }
        if (!whole) {
            stat |= kHelloCut;
            facts->server_hello_done = 1;
            return;
        }
        facts->message_at = static_cast<std::uint16_t>(facts->message_at + 4 + length);
        take_server_hello(body, facts);
    }
}

} // namespace

void ConnectionId::set(Bytes id)
{
    length = static_cast<std::uint8_t>(std::min(id.size(), sizeof bytes));
    if (length)
        std::memcpy(bytes, id.data(), length);
}

bool ConnectionId::is(Bytes id) const
{
    return id.size() == length && std::equal(id.begin(), id.end(), bytes);
}

void ConnectionReader::read(unsigned direction, Bytes datagram, std::size_t claimed, std::int64_t time,
                            ConnectionFacts* facts)
{
    SideFacts& side = facts->side[direction];
    const bool snapped = datagram.size() < claimed;
    // Several packets may share a datagram (RFC 9000 12.2). Each has six bytes or more, so this ends.
    while (!datagram.empty()) {
        const auto header = parse_long_header(datagram);
        if (!header || !may_be_quic(*header, facts->side[1 - direction]))
            return; // a short header, whose end nobody but the peer knows, or padding
        if (header->type == PacketType::kVersionNegotiation) {
            if (is_version_negotiation(*header, facts->side[1 - direction]))
                take_versions(header->rest, &side);
            return;
        }
        if (header->type == PacketType::kUnknown) {
            if (is_quic(*facts) ? side.has_ids && is_reserved_version(header->version)
                                : is_reserved_first_packet(*header, claimed, *facts)) {
                take_header(*header, &side);
                side.stat |= kNotOpened;
            }
            return;
        }
        take_header(*header, &side);
        const Bytes packet = datagram.first(header->length);
        if (header->cut)
            side.stat |= snapped ? kSnapped : kMalformed;
        else if (header->type == PacketType::kInitial)
            read_initial(direction, *header, packet, time, facts);
        else if (header->type == PacketType::kRetry)
            read_retry(direction, *header, packet, facts);
        datagram = datagram.subspan(header->length);
    }
}

std::optional<InitialCrypto::Opened> ConnectionReader::open(unsigned direction, const LongHeader& header, Bytes packet,
                                                            ConnectionFacts* facts)
{
    const bool from_server = facts->client && facts->client != direction + 1;
    if (facts->client) {
        const auto keys = crypto_.keys(header.version, facts->key_id.view());
        if (keys)
            if (auto opened = crypto_.open(from_server ? keys->server : keys->client, header, packet))
                return opened;
    }
    // Who chose the id that the packet is sent to, and the keys are made of, is the client.
    if (from_server)
        return std::nullopt;
    const auto keys = crypto_.keys(header.version, header.destination);
    if (!keys)
        return std::nullopt;
    auto opened = crypto_.open(keys->client, header, packet);
    if (opened) {
        // A Retry that was not seen, or that nothing proves (before draft 25), begins the hello anew.
        if (facts->client)
            facts->stream.forget();
        facts->client = static_cast<std::uint8_t>(direction + 1);
        facts->key_id.set(header.destination);
    }
    return opened;
}

void ConnectionReader::read_initial(unsigned direction, const LongHeader& header, Bytes packet, std::int64_t time,
                                    ConnectionFacts* facts)
{
    SideFacts& side = facts->side[direction];
    const auto opened = open(direction, header, packet, facts);
    if (!opened) {
        side.stat |= kNotOpened;
        return;
    }
    side.stat |= kOpened;
    side.flags |= opened->first_byte;
    const bool from_client = facts->client == direction + 1;
    const bool wanted = from_client ? !facts->client_hello_done : facts->client_hello_done && !facts->server_hello_done;
    bool closed = false;
    if (read_frames(opened->payload, wanted ? &facts->stream : nullptr, &closed) == FrameResult::kMalformed)
        side.stat |= kMalformed;
    if (closed)
        side.stat |= kClosed;
    if (wanted)
        take_hellos(time, facts);
}

void ConnectionReader::read_retry(unsigned direction, const LongHeader& header, Bytes packet, ConnectionFacts* facts)
{
    SideFacts& side = facts->side[direction];
    side.stat |= kRetry;
    if (!facts->client || facts->client == direction + 1 ||
        !crypto_.retry_is_proved(facts->key_id.view(), header, packet))
        return;
    side.stat |= kRetryProved;
    side.original_destination = facts->key_id;
    // The client begins anew with the id that the server chose (RFC 9000 17.2.5.2). Its hello is the same one.
    facts->key_id.set(header.source);
}

void take_unfinished_hello(std::int64_t time, ConnectionFacts* facts)
{
    if (!facts->client || facts->client_hello_done || !facts->stream.in_order)
        return;
    tls::ByteReader reader(facts->stream.front());
    const std::uint8_t type = reader.u8();
    reader.u24();
    if (reader.ok() && type == tls::kClientHello)
        take_client_hello(reader.take(reader.left()), false, time, facts);
}

} // namespace flowxdp::quic
