// SPDX-License-Identifier: BSD-2-Clause
// hello_facts.h - what is kept of a hello when its bytes are gone: plain bytes of a fixed size, lists and texts capped,
// and a bit of status for each cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tls/fingerprint.h"
#include "tls/hello.h"
#include "tls/status.h"

namespace flowxdp::tls {

// The first Most values of a list, and how many there were.
template <typename T, std::size_t Most>
struct CappedList {
    static constexpr std::size_t kMost = Most;
    std::uint16_t offered;
    T values[Most];

    void add(T value)
    {
        if (offered < Most)
            values[offered] = value;
        if (offered < 0xffff)
            offered++;
    }
    [[nodiscard]] std::size_t size() const { return offered < Most ? offered : Most; }
    [[nodiscard]] bool cut() const { return offered > Most; }
    [[nodiscard]] bool has(T value) const
    {
        for (std::size_t i = 0; i < size(); i++)
            if (values[i] == value)
                return true;
        return false;
    }
};

// Names of protocols behind one another, each with its length in front.
struct ProtocolNames {
    static constexpr std::size_t kMost = 8, kMostBytes = 56;
    std::uint16_t offered;
    std::uint8_t kept, used;
    char bytes[kMostBytes];

    // Puts the kept names into names, which has room for kMost; returns how many.
    std::size_t views(std::string_view* names) const
    {
        std::size_t at = 0;
        for (std::size_t i = 0; i < kept; i++) {
            const auto size = static_cast<std::uint8_t>(bytes[at]);
            names[i] = {bytes + at + 1, size};
            at += 1u + size;
        }
        return kept;
    }
};

// What a hello said. Plain bytes: a flow's memory holds it. All zero: no hello.
struct HelloFacts {
    static constexpr std::size_t kMostServerName = 253; // of the DNS: RFC 1035 2.3.4

    std::uint32_t stat;      // enum Stat
    std::uint32_t protocols; // enum Protocol
    std::uint32_t gmt_time;  // the first four bytes of the random
    std::uint16_t legacy_version;
    std::uint16_t version; // the highest one offered; the chosen one
    std::uint16_t cipher;  // the first one offered; the chosen one
    std::uint8_t session_id_length;
    std::uint8_t flags; // enum Flag
    std::uint8_t session_id[32];
    CappedList<std::uint16_t, 64> ciphers;
    CappedList<std::uint16_t, 32> extensions;
    CappedList<std::uint16_t, 8> versions;
    CappedList<std::uint16_t, 32> signature_algorithms;
    CappedList<std::uint16_t, 16> groups;
    CappedList<std::uint8_t, 4> point_formats;
    ProtocolNames protocol_names;
    std::uint8_t has_server_name, server_name_length;
    char server_name[kMostServerName];
    std::uint8_t has_ja3, has_ja4;
    Md5 ja3;
    Ja4 ja4;
};

// transport: JA4's first letter. time: of the packet, seconds since the epoch.
void take_client_hello(const ClientHello& hello, char transport, std::int64_t time, HelloFacts* facts);
void take_server_hello(const ServerHello& hello, std::int64_t time, HelloFacts* facts);

} // namespace flowxdp::tls
