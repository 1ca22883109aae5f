// SPDX-License-Identifier: BSD-2-Clause
// hello.h - ClientHello and ServerHello (RFC 8446 4.1, RFC 5246 7.4.1, RFC 6101) as views into the message: what both
// sides of a TLS or QUIC handshake say in clear. Nothing is copied or allocated.
#pragma once

#include <cstdint>
#include <optional>

#include "tls/byte_reader.h"

namespace flowxdp::tls {

enum HandshakeType : std::uint8_t {
    kHelloRequest = 0,
    kClientHello = 1,
    kServerHello = 2,
    kCertificate = 11,
};

enum ExtensionType : std::uint16_t {
    kServerName = 0,
    kSupportedGroups = 10,
    kPointFormats = 11,
    kSignatureAlgorithms = 13,
    kUseSrtp = 14,
    kAlpn = 16,
    kSessionTicket = 35,
    kPreSharedKey = 41,
    kEarlyData = 42,
    kSupportedVersions = 43,
    kEncryptedClientHello = 0xfe0d,
};

inline constexpr std::uint16_t kSsl2 = 0x0002, kSsl3 = 0x0300, kTls10 = 0x0301, kTls12 = 0x0303, kTls13 = 0x0304;

// RFC 8701: values that a client makes up so that peers stay tolerant.
constexpr bool is_grease(std::uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

// Extensions in the order in which they were sent.
class ExtensionList {
  public:
    struct Extension {
        std::uint16_t type;
        Bytes data;
    };

    ExtensionList() = default;
    explicit ExtensionList(Bytes bytes) : bytes_(bytes) {}

    // Calls take(Extension) for each. Returns false when the last one is cut.
    template <typename Take>
    bool each(Take take) const
    {
        ByteReader reader(bytes_);
        while (reader.left()) {
            const std::uint16_t type = reader.u16();
            const Bytes data = reader.vector16();
            if (!reader.ok())
                return false;
            take(Extension{type, data});
        }
        return true;
    }

  private:
    Bytes bytes_;
};

// Names of an ALPN extension (RFC 7301), each behind its length. Calls take(Bytes) for each; stops at a cut one.
template <typename Take>
void each_protocol_name(Bytes list, Take take)
{
    ByteReader reader(list);
    while (reader.left()) {
        const Bytes name = reader.vector8();
        if (!reader.ok())
            return;
        take(name);
    }
}

struct Hello {
    std::uint16_t legacy_version = 0; // the field at the start of the message
    Bytes random;                     // 32 bytes, the first four once were a time
    Bytes session_id;
    bool deflate = false; // compression is offered or chosen
    // The message breaks the rules somewhere: what stands here was read before that.
    bool malformed = false;
    ExtensionList extensions;

    // Contents of extensions, without their outer lengths. Empty when they are absent.
    Bytes protocol_names;         // ALPN: offered, or the chosen one
    bool offers_ticket = false;   // a session ticket that is not empty
    bool pre_shared_key = false;  // offered; the server's choice
    bool early_data = false;      // 0-RTT data follow the ClientHello
    bool encrypted_hello = false; // another ClientHello may be inside: server_name is then the outer one's
    bool use_srtp = false;
};

struct ClientHello : Hello {
    U16View cipher_suites;
    bool has_server_name = false; // the extension, with or without a name
    Bytes server_name;            // the first one of type host_name
    U16View versions, signature_algorithms, groups;
    Bytes point_formats;

    // The highest version that is offered; GREASE does not count.
    [[nodiscard]] std::uint16_t version() const;
};

struct ServerHello : Hello {
    std::uint16_t cipher_suite = 0;
    std::uint16_t selected_version = 0; // supported_versions; 0 without it
    bool is_retry = false;              // HelloRetryRequest: RFC 8446 4.1.4

    [[nodiscard]] std::uint16_t version() const { return selected_version ? selected_version : legacy_version; }
};

// body: the message behind its type and length, or the front of it. Nothing comes back when not even the cipher suites
// are there.
std::optional<ClientHello> parse_client_hello(Bytes body);
std::optional<ServerHello> parse_server_hello(Bytes body);

} // namespace flowxdp::tls
