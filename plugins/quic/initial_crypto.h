// SPDX-License-Identifier: BSD-2-Clause
// initial_crypto.h - the protection of Initial packets (RFC 9001 section 5, RFC 9369 section 3.3). Their keys are made
// of the client's first destination connection id, so whoever sees the packets can read them; that a packet opens
// proves that its sender knew this id.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "quic/quic_packet.h"

struct evp_cipher_st;
struct evp_cipher_ctx_st;
struct evp_kdf_st;

namespace flowxdp::quic {

struct PacketKeys {
    std::array<std::uint8_t, 16> key, header_key;
    std::array<std::uint8_t, 12> iv;
};
struct InitialKeys {
    PacketKeys client, server;
};

class InitialCrypto {
  public:
    // Throws std::runtime_error when libcrypto lacks HKDF or AES-128-GCM.
    InitialCrypto();
    ~InitialCrypto();
    InitialCrypto(const InitialCrypto&) = delete;
    InitialCrypto& operator=(const InitialCrypto&) = delete;

    // Nothing for a version without known keys, and for an empty id: a client's first one has 8 bytes or more.
    [[nodiscard]] std::optional<InitialKeys> keys(std::uint32_t version, Bytes client_destination) const;

    struct Opened {
        std::uint8_t first_byte; // without protection
        std::uint32_t number;    // the packet number's bytes that were sent
        Bytes payload;           // frames; valid until the next call
    };
    // packet: of header.length bytes. Nothing when it is no whole packet under these keys.
    std::optional<Opened> open(const PacketKeys& keys, const LongHeader& header, Bytes packet);

    // Whether a Retry packet answers a client that chose this id (RFC 9001 5.8): versions 1 and 2, and drafts 25 to 32.
    bool retry_is_proved(Bytes client_destination, const LongHeader& header, Bytes packet);

  private:
    bool expand(Bytes secret, const char* label, std::span<std::uint8_t> out) const;
    bool mask(const PacketKeys& keys, Bytes sample, std::array<std::uint8_t, 16>* out);
    bool decrypt(Bytes key, Bytes iv, Bytes associated, Bytes sealed);

    template <typename T, void (*Free)(T*)>
    struct Freed {
        void operator()(T* object) const { Free(object); }
    };
    static void free_kdf(evp_kdf_st* kdf);
    static void free_cipher(evp_cipher_st* cipher);
    static void free_context(evp_cipher_ctx_st* context);

    std::unique_ptr<evp_kdf_st, Freed<evp_kdf_st, free_kdf>> hkdf_;
    std::unique_ptr<evp_cipher_st, Freed<evp_cipher_st, free_cipher>> gcm_, ecb_;
    std::unique_ptr<evp_cipher_ctx_st, Freed<evp_cipher_ctx_st, free_context>> context_;
    std::vector<std::uint8_t> header_, payload_;
};

} // namespace flowxdp::quic
