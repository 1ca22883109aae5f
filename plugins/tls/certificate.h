// SPDX-License-Identifier: BSD-2-Clause
// certificate.h - what an X.509 certificate says (RFC 5280), decoded by libcrypto. Nothing is verified: no signature,
// no chain, no revocation. A certificate is what a host sent, and anybody can write one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tls/byte_reader.h"

namespace flowxdp::tls {

// Text of a certificate, in UTF-8, cut at a character when it is longer.
template <std::size_t Most>
struct CertificateText {
    std::uint8_t length;
    char bytes[Most];
};

// Plain bytes, so that a flow's memory can hold it. All zero: no certificate.
struct CertificateFacts {
    static constexpr std::size_t kMostSerial = 20, kMostName = 64, kMostAlgorithm = 31;

    std::int64_t not_before, not_after; // seconds since the epoch
    std::uint8_t sha1[20], sha256[32];
    std::uint8_t serial[kMostSerial]; // of the number, without sign
    std::uint8_t serial_length;
    std::uint8_t version;     // 1 to 3; 0 = no certificate
    std::uint8_t self_issued; // 1: issuer and subject are the same name
    std::uint8_t text_cut;    // 1: a text or the serial number was longer
    std::uint8_t no_validity; // 1: a time of it is none
    std::uint8_t reserved;
    std::uint16_t key_bits; // 0 = libcrypto does not know the key
    CertificateText<kMostAlgorithm> signature_algorithm, key_algorithm;
    CertificateText<kMostName> subject_name, subject_organisation, issuer_name, issuer_organisation;
    CertificateText<2> subject_country, issuer_country;
};

// Returns false for what is no certificate, with facts unchanged. Bytes behind the certificate make it none.
bool read_certificate(Bytes der, CertificateFacts* facts);

// The same, with the facts of up to 256 certificates at hand: libcrypto needs a third of a millisecond for one, and a
// network sees few servers often. What has the SHA-256 of a certificate that was read is this certificate.
class CertificateReader {
  public:
    CertificateReader() : kept_(kKept) {}
    bool read(Bytes der, CertificateFacts* facts);
    // Certificates that libcrypto decoded, or tried to.
    [[nodiscard]] std::uint64_t decoded() const { return decoded_; }

  private:
    static constexpr std::size_t kKept = 256; // places; a certificate has one, by its hash

    std::vector<CertificateFacts> kept_;
    std::uint64_t decoded_ = 0;
};

} // namespace flowxdp::tls
