// SPDX-License-Identifier: BSD-2-Clause
// snmp_message.h - the head of one SNMP message, versions 1, 2c and 3 (RFC 1157, 3416, 3412, 3414), in BER.
//
// Nothing allocates; texts are views into the message. Lengths are checked before they are used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace flowxdp::snmp {

using Bytes = std::span<const std::uint8_t>;

enum Version : std::uint8_t { kV1 = 0, kV2c = 1, kV3 = 3 }; // as in the message

// PDUs by their tag, less 0xa0.
enum Pdu : std::uint8_t {
    kGetRequest,
    kGetNextRequest,
    kResponse,
    kSetRequest,
    kTrapV1,
    kGetBulkRequest,
    kInformRequest,
    kTrapV2,
    kReport,
    kPduKinds,
};

enum class Fault : std::uint8_t {
    kNone,
    kEnd,    // a value goes on behind the message
    kSyntax, // a value of another type or form than the standard's, or a version that is none
};

struct Message {
    Fault fault = Fault::kSyntax;
    bool has_version = false, has_pdu = false;
    bool encrypted = false; // version 3: what the PDU is cannot be seen
    std::uint8_t version = 0;
    std::uint8_t security = 0; // msgFlags: 1 authenticated, 2 encrypted, 4 wants a report
    Pdu pdu = kPduKinds;
    bool has_error = false;  // of a response
    std::uint32_t error = 0; // error-status
    Bytes community;         // versions 1 and 2c
    Bytes user, engine_id;   // version 3 with the user-based security model
};

// With a fault, what stands before it is set.
Message read_message(Bytes bytes);

} // namespace flowxdp::snmp
