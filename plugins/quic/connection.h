// SPDX-License-Identifier: BSD-2-Clause
// connection.h - what the first datagrams of a QUIC connection say (RFC 9000, RFC 9001, RFC 9369): versions, connection
// ids, Retry, Version Negotiation, and the hellos in its Initial packets.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quic/crypto_stream.h"
#include "quic/initial_crypto.h"
#include "quic/quic_packet.h"
#include "tls/hello_facts.h"

namespace flowxdp::quic {

// quicStat. Bits below 0x80 have Tranalyzer2's values.
enum Stat : std::uint16_t {
    kQuic = 0x0001,
    kHandshakePacket = 0x0002,
    kVersionNegotiation = 0x0004,
    kVersionChanged = 0x0008,
    kDestinationChanged = 0x0010,
    kSourceChanged = 0x0020,
    kSnapped = 0x0080,
    kOpened = 0x0100,
    kNotOpened = 0x0200,
    kRetry = 0x0400,
    kRetryProved = 0x0800,
    kHelloCut = 0x1000,
    kListCut = 0x2000,
    kMalformed = 0x4000,
    kClosed = 0x8000,
};

struct ConnectionId {
    std::uint8_t length;
    std::uint8_t bytes[kMostConnectionId];

    [[nodiscard]] Bytes view() const { return {bytes, length}; }
    void set(Bytes id);
    [[nodiscard]] bool is(Bytes id) const;
};

// What one side sent.
struct SideFacts {
    std::uint32_t version; // of its last packet with a long header; 0 = none
    std::uint16_t stat;
    std::uint8_t flags;                         // first bytes or-ed; of Initial packets that open, without protection
    std::uint8_t packet_types;                  // 1 << PacketType
    std::uint8_t has_ids;                       // 1: there was a long header
    ConnectionId destination, source;           // of its first packet
    ConnectionId original_destination;          // sender of a proved Retry: the id that it answers
    tls::CappedList<std::uint32_t, 8> versions; // of its Version Negotiation packet
};

// Plain bytes: a flow's memory holds it. All zero: it is not QUIC, or nothing is known yet.
struct ConnectionFacts {
    SideFacts side[2];   // by direction of the flow
    ConnectionId key_id; // what the keys are made of: the client's first destination id, after a Retry the server's
    std::uint8_t client; // 0 = not known, else its direction + 1
    std::uint8_t client_hello_done, server_hello_done;
    std::uint16_t message_at; // in stream: of the message that is waited for
    // The ServerHello.
    std::uint16_t server_version, server_cipher;
    std::uint8_t has_ja3s;
    tls::Md5 ja3s;
    tls::HelloFacts client_hello;
    CryptoStream stream; // of the client until its hello is whole, then of the server
};

// Reads datagrams of any number of flows. It keeps keys and buffers for the time of a call, and nothing of a flow.
class ConnectionReader {
  public:
    // Throws std::runtime_error when libcrypto lacks what it needs.
    ConnectionReader() = default;

    // datagram: what was captured of claimed bytes. time: seconds since the epoch. What cannot be QUIC leaves the facts
    // as they are.
    void read(unsigned direction, Bytes datagram, std::size_t claimed, std::int64_t time, ConnectionFacts* facts);

  private:
    void read_initial(unsigned direction, const LongHeader& header, Bytes packet, std::int64_t time,
                      ConnectionFacts* facts);
    void read_retry(unsigned direction, const LongHeader& header, Bytes packet, ConnectionFacts* facts);
    std::optional<InitialCrypto::Opened> open(unsigned direction, const LongHeader& header, Bytes packet,
                                              ConnectionFacts* facts);

    InitialCrypto crypto_;
};

// The flow is over: what came of a ClientHello that is not whole.
void take_unfinished_hello(std::int64_t time, ConnectionFacts* facts);

} // namespace flowxdp::quic
