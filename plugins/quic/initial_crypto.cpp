// SPDX-License-Identifier: BSD-2-Clause
#include "quic/initial_crypto.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

namespace flowxdp::quic {
namespace {

constexpr std::size_t kTagSize = 16, kSampleSize = 16, kSecretSize = 32;

using Salt = std::array<std::uint8_t, 20>;
// RFC 9001 5.2, RFC 9369 3.3.1, and the drafts of QUIC-TLS.
constexpr Salt kSaltV1 = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                          0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
constexpr Salt kSaltV2 = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                          0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
constexpr Salt kSaltDraft23 = {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
                               0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02};
constexpr Salt kSaltDraft29 = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                               0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};

constexpr unsigned draft_of(std::uint32_t version)
{
    return version >> 8 == 0xff0000 ? version & 0xff : 0;
}

const Salt* salt_of(std::uint32_t version)
{
    if (version == kVersion1)
        return &kSaltV1;
    if (version == kVersion2)
        return &kSaltV2;
    const unsigned draft = draft_of(version);
    if (draft >= 23 && draft <= 28)
        return &kSaltDraft23;
    if (draft >= 29 && draft <= 32)
        return &kSaltDraft29;
    return draft == 33 || draft == 34 ? &kSaltV1 : nullptr;
}

// RFC 9001 5.8, RFC 9369 3.3.3, and the drafts.
struct RetryKey {
    std::array<std::uint8_t, 16> key;
    std::array<std::uint8_t, 12> nonce;
};
constexpr RetryKey kRetryV1 = {
    {0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e},
    {0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb}};
constexpr RetryKey kRetryV2 = {
    {0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c, 0xcc, 0x92},
    {0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a}};
constexpr RetryKey kRetryDraft25 = {
    {0x4d, 0x32, 0xec, 0xdb, 0x2a, 0x21, 0x33, 0xc8, 0x41, 0xe4, 0x04, 0x3d, 0xf2, 0x7d, 0x44, 0x30},
    {0x4d, 0x16, 0x11, 0xd0, 0x55, 0x13, 0xa5, 0x52, 0xc5, 0x87, 0xd5, 0x75}};
constexpr RetryKey kRetryDraft29 = {
    {0xcc, 0xce, 0x18, 0x7e, 0xd0, 0x9a, 0x09, 0xd0, 0x57, 0x28, 0x15, 0x5a, 0x6c, 0xb9, 0x6b, 0xe1},
    {0xe5, 0x49, 0x30, 0xf9, 0x7f, 0x21, 0x36, 0xf0, 0x53, 0x0a, 0x8c, 0x1c}};

const RetryKey* retry_key_of(std::uint32_t version)
{
    if (version == kVersion1)
        return &kRetryV1;
    if (version == kVersion2)
        return &kRetryV2;
    const unsigned draft = draft_of(version);
    if (draft >= 25 && draft <= 28)
        return &kRetryDraft25;
    if (draft >= 29 && draft <= 32)
        return &kRetryDraft29;
    return draft == 33 || draft == 34 ? &kRetryV1 : nullptr;
}

OSSL_PARAM octets(const char* name, Bytes bytes)
{
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()), bytes.size());
}

// HKDF-Extract, or HKDF-Expand with info (RFC 5869), with SHA-256.
bool derive(EVP_KDF* hkdf, int mode, Bytes key, Bytes salt_or_info, std::span<std::uint8_t> out)
{
    EVP_KDF_CTX* context = EVP_KDF_CTX_new(hkdf);
    if (!context)
        return false;
    char digest[] = "SHA256";
    const char* name = mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY ? OSSL_KDF_PARAM_SALT : OSSL_KDF_PARAM_INFO;
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                                     OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                     octets(OSSL_KDF_PARAM_KEY, key), octets(name, salt_or_info),
                                     OSSL_PARAM_construct_end()};
    const bool done = EVP_KDF_derive(context, out.data(), out.size(), parameters) == 1;
    EVP_KDF_CTX_free(context);
    return done;
}

} // namespace

void InitialCrypto::free_kdf(evp_kdf_st* kdf)
{
    EVP_KDF_free(kdf);
}
void InitialCrypto::free_cipher(evp_cipher_st* cipher)
{
    EVP_CIPHER_free(cipher);
}
void InitialCrypto::free_context(evp_cipher_ctx_st* context)
{
    EVP_CIPHER_CTX_free(context);
}

InitialCrypto::InitialCrypto()
    : hkdf_(EVP_KDF_fetch(nullptr, "HKDF", nullptr)), gcm_(EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr)),
      ecb_(EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr)), context_(EVP_CIPHER_CTX_new())
{
    if (!hkdf_ || !gcm_ || !ecb_ || !context_)
        throw std::runtime_error("libcrypto has no HKDF or AES-128-GCM, which QUIC's Initial packets are protected by");
}
InitialCrypto::~InitialCrypto() = default;

// HKDF-Expand-Label with an empty context (RFC 8446 7.1).
bool InitialCrypto::expand(Bytes secret, const char* label, std::span<std::uint8_t> out) const
{
    static constexpr std::string_view kPrefix = "tls13 ";
    const std::string_view text = label;
    std::uint8_t info[40];
    std::size_t size = 0;
    info[size++] = 0;
    info[size++] = static_cast<std::uint8_t>(out.size());
    info[size++] = static_cast<std::uint8_t>(kPrefix.size() + text.size());
    for (const std::string_view part : {kPrefix, text}) {
        std::memcpy(info + size, part.data(), part.size());
        size += part.size();
    }
    info[size++] = 0;
    return derive(hkdf_.get(), EVP_KDF_HKDF_MODE_EXPAND_ONLY, secret, {info, size}, out);
}

std::optional<InitialKeys> InitialCrypto::keys(std::uint32_t version, Bytes client_destination) const
{
    const Salt* salt = salt_of(version);
    if (!salt || client_destination.empty())
        return std::nullopt;
    std::array<std::uint8_t, kSecretSize> initial, side;
    if (!derive(hkdf_.get(), EVP_KDF_HKDF_MODE_EXTRACT_ONLY, client_destination, *salt, initial))
        return std::nullopt;
    const bool second = version == kVersion2;
    InitialKeys keys;
    for (const bool client : {true, false}) {
        PacketKeys& out = client ? keys.client : keys.server;
        if (!expand(initial, client ? "client in" : "server in", side) ||
            !expand(side, second ? "quicv2 key" : "quic key", out.key) ||
            !expand(side, second ? "quicv2 iv" : "quic iv", out.iv) ||
            !expand(side, second ? "quicv2 hp" : "quic hp", out.header_key))
            return std::nullopt;
    }
    return keys;
}

bool InitialCrypto::mask(const PacketKeys& keys, Bytes sample, std::array<std::uint8_t, 16>* out)
{
    int size = 0;
    return EVP_EncryptInit_ex2(context_.get(), ecb_.get(), keys.header_key.data(), nullptr, nullptr) == 1 &&
           EVP_CIPHER_CTX_set_padding(context_.get(), 0) == 1 &&
           EVP_EncryptUpdate(context_.get(), out->data(), &size, sample.data(), static_cast<int>(sample.size())) == 1 &&
           size == 16;
}

// Into payload_. sealed: ciphertext and tag.
bool InitialCrypto::decrypt(Bytes key, Bytes iv, Bytes associated, Bytes sealed)
{
    if (sealed.size() < kTagSize)
        return false;
    const Bytes ciphertext = sealed.first(sealed.size() - kTagSize), tag = sealed.last(kTagSize);
    payload_.resize(ciphertext.size());
    int size = 0;
    std::uint8_t nothing[16];
    return EVP_DecryptInit_ex2(context_.get(), gcm_.get(), key.data(), iv.data(), nullptr) == 1 &&
           EVP_DecryptUpdate(context_.get(), nullptr, &size, associated.data(), static_cast<int>(associated.size())) ==
               1 &&
           (ciphertext.empty() || EVP_DecryptUpdate(context_.get(), payload_.data(), &size, ciphertext.data(),
                                                    static_cast<int>(ciphertext.size())) == 1) &&
           EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagSize),
                               const_cast<std::uint8_t*>(tag.data())) == 1 &&
           EVP_DecryptFinal_ex(context_.get(), nothing, &size) == 1;
}

std::optional<InitialCrypto::Opened> InitialCrypto::open(const PacketKeys& keys, const LongHeader& header, Bytes packet)
{
    // RFC 9001 5.4.2: the sample begins where a packet number of four bytes would end.
    const std::size_t number_at = header.number_offset;
    if (header.cut || !number_at || header.length < number_at + 4 + kSampleSize)
        return std::nullopt;
    std::array<std::uint8_t, 16> mask;
    if (!this->mask(keys, packet.subspan(number_at + 4, kSampleSize), &mask))
        return std::nullopt;
    Opened opened{};
    opened.first_byte = static_cast<std::uint8_t>(packet[0] ^ (mask[0] & 0x0f));
    const std::size_t number_size = (opened.first_byte & 3u) + 1u;
    header_.assign(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(number_at + number_size));
    header_[0] = opened.first_byte;
    for (std::size_t i = 0; i < number_size; i++) {
        header_[number_at + i] ^= mask[1 + i];
        opened.number = opened.number << 8 | header_[number_at + i];
    }
    // The number is not widened: nobody sends more Initial packets than four bytes count, and one byte wraps after 256.
    std::array<std::uint8_t, 12> iv = keys.iv;
    for (std::size_t i = 0; i < 4; i++)
        iv[8 + i] ^= static_cast<std::uint8_t>(opened.number >> (24 - 8 * i));
    if (!decrypt(keys.key, iv, header_, packet.subspan(header_.size(), header.length - header_.size())))
        return std::nullopt;
    opened.payload = payload_;
    return opened;
}

bool InitialCrypto::retry_is_proved(Bytes client_destination, const LongHeader& header, Bytes packet)
{
    const RetryKey* retry = retry_key_of(header.version);
    if (!retry || header.rest.size() < kTagSize || client_destination.size() > kMostConnectionId)
        return false;
    header_.assign(1, static_cast<std::uint8_t>(client_destination.size()));
    header_.insert(header_.end(), client_destination.begin(), client_destination.end());
    header_.insert(header_.end(), packet.begin(), packet.end() - kTagSize);
    return decrypt(retry->key, retry->nonce, header_, packet.last(kTagSize));
}

} // namespace flowxdp::quic
