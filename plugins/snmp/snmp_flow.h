// SPDX-License-Identifier: BSD-2-Clause
// snmp_flow.h - what is kept of the SNMP messages of one direction: plain bytes, zero at first.
//
// Communities and user names are passwords or lead to one. Without the option they are not even kept: their length is,
// and a hash that tells whether another one came.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "snmp_message.h"

namespace flowxdp::snmp {

// snmpStat; 0x01, 0x40 and 0x80 are T2's.
enum Status : std::uint8_t {
    kStatSnmp = 0x01,
    kStatNames = 0x02,     // more than one community or user name; the first one is shown
    kStatVersions = 0x04,  // more than one version
    kStatEncrypted = 0x08, // version 3: an encrypted PDU, its type cannot be seen
    kStatCut = 0x10,       // a message is not whole in what was captured
    kStatText = 0x40,      // a community, user name or engine ID was cut
    kStatMalformed = 0x80,
};

// The first name of its kind.
struct SecretText {
    static constexpr std::size_t kMost = 64;
    std::uint32_t hash;
    std::uint16_t length;
    std::uint8_t seen, kept; // kept: bytes of text
    char text[kMost];
};

struct Direction {
    static constexpr std::size_t kMostEngineId = 32; // RFC 3411 5: 5 to 32 bytes

    std::uint8_t status, version, security, engine_id_length;
    std::uint16_t kinds; // a bit for each kind of PDU
    std::uint16_t padding;
    std::uint32_t counts[kPduKinds];
    std::uint32_t messages;
    std::uint32_t errors; // a bit for each error-status of responses, the last one for all from 31 on
    SecretText community, user;
    std::uint8_t engine_id[kMostEngineId];
    std::uint32_t padding2;

    // Takes in a message. whole: its end was captured; in_clear: names are kept.
    void add(Bytes bytes, bool whole, bool in_clear);

  private:
    void keep(Bytes name, bool in_clear, SecretText* text);
};
static_assert(std::is_trivially_copyable_v<Direction> && sizeof(Direction) == 232, "bytes a direction");

} // namespace flowxdp::snmp
