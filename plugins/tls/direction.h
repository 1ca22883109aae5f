// SPDX-License-Identifier: BSD-2-Clause
// direction.h - one direction of a TLS connection (SSL 3.0 to TLS 1.3), read from the head of its byte stream: records
// (RFC 8446 5.1), the handshake messages in them, the first certificate, alerts. Reading ends with the first record
// that is encrypted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tls/byte_reader.h"
#include "tls/certificate.h"
#include "tls/hello_facts.h"

namespace flowxdp::tls {

// One direction. All zero: it is not TLS, or nothing is known yet.
struct DirectionFacts {
    std::uint64_t alerts; // a bit for each description, as in Tranalyzer2
    std::uint32_t stat;
    std::uint16_t change_cipher_records, alert_records, handshake_records, application_records, heartbeat_records;
    std::uint8_t certificate_taken; // 1: looked at, readable or not
    std::uint8_t hello_is_retry;    // 1: hello is a HelloRetryRequest's until the ServerHello comes
    std::uint8_t read_to_end;       // 1: the first encrypted record was there, or what is no TLS
    CappedList<std::uint16_t, 4> record_versions;
    HelloFacts hello;
    CertificateFacts certificate;
};

enum class Begin { kTls, kOther, kUnknown };

// Whether a stream can be TLS. kUnknown: too few bytes to say. from_start: its first byte is the connection's.
Begin looks_like_tls(Bytes stream, bool from_start);

// Reads directions of any number of flows. It keeps a buffer and certificates, and nothing of a flow.
class DirectionReader {
  public:
    // stream: the head from its first byte, up to the first missing one. ended: no more of it will come. time: of the
    // newest packet, seconds since the epoch. Returns whether more bytes can add something.
    bool read(Bytes stream, bool ended, std::int64_t time, DirectionFacts* facts);

  private:
    bool walk_records(Bytes stream, DirectionFacts* facts);
    void take_messages(bool ended, std::int64_t time, DirectionFacts* facts);

    std::vector<std::uint8_t> handshake_; // what the handshake records of this call hold, put together
    CertificateReader certificates_;
    bool cut_ = false; // the stream ends within a record or a message
};

} // namespace flowxdp::tls
