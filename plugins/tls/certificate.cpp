// SPDX-License-Identifier: BSD-2-Clause
#include "tls/certificate.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

namespace flowxdp::tls {
namespace {

struct FreeX509 {
    void operator()(X509* certificate) const { X509_free(certificate); }
};

// A text that does not fit ends before the character that would be cut.
template <std::size_t Most>
void put_text(const unsigned char* text, std::size_t size, CertificateText<Most>* out, std::uint8_t* cut)
{
    if (size > Most) {
        *cut = 1;
        size = Most;
        while (size && (text[size] & 0xc0) == 0x80)
            size--;
    }
    std::memcpy(out->bytes, text, size);
    out->length = static_cast<std::uint8_t>(size);
}

// The first value of this attribute.
template <std::size_t Most>
void put_attribute(const X509_NAME* name, int nid, CertificateText<Most>* out, std::uint8_t* cut)
{
    const int index = X509_NAME_get_index_by_NID(name, nid, -1);
    if (index < 0)
        return;
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
    if (size >= 0)
        put_text(text, static_cast<std::size_t>(size), out, cut);
    OPENSSL_free(text);
}

// The name that libcrypto knows the algorithm by, else its numbers.
void put_algorithm(const ASN1_OBJECT* object, CertificateText<CertificateFacts::kMostAlgorithm>* out, std::uint8_t* cut)
{
    char text[80];
    const int size = OBJ_obj2txt(text, sizeof text, object, 0);
    if (size > 0)
        put_text(reinterpret_cast<const unsigned char*>(text),
                 std::min(static_cast<std::size_t>(size), sizeof text - 1), out, cut);
}

bool seconds_of(const ASN1_TIME* time, std::int64_t* seconds)
{
    std::tm parts{};
    // NULL would be the time of now.
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1)
        return false;
    *seconds = timegm(&parts);
    return true;
}

// libcrypto keeps a queue of errors for each thread. What hostile certificates put into it is nobody's business later.
struct ForgetErrors {
    ForgetErrors() = default;
    ForgetErrors(const ForgetErrors&) = delete;
    ForgetErrors& operator=(const ForgetErrors&) = delete;
    ~ForgetErrors() { ERR_clear_error(); }
};

} // namespace

bool read_certificate(Bytes der, CertificateFacts* facts)
{
    const ForgetErrors forget;
    const unsigned char* at = der.data();
    const std::unique_ptr<X509, FreeX509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (!certificate || at != der.data() + der.size())
        return false;
    CertificateFacts out{};
    const long version = X509_get_version(certificate.get());
    out.version = static_cast<std::uint8_t>(version < 0 || version > 2 ? 3 : version + 1);
    const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate.get());
    const auto serial_size = static_cast<std::size_t>(ASN1_STRING_length(serial));
    out.text_cut = serial_size > sizeof out.serial;
    out.serial_length = static_cast<std::uint8_t>(std::min(serial_size, sizeof out.serial));
    std::memcpy(out.serial, ASN1_STRING_get0_data(serial), out.serial_length);
    unsigned size = 0;
    EVP_Digest(der.data(), der.size(), out.sha1, &size, EVP_sha1(), nullptr);
    EVP_Digest(der.data(), der.size(), out.sha256, &size, EVP_sha256(), nullptr);
    out.no_validity = !seconds_of(X509_get0_notBefore(certificate.get()), &out.not_before) ||
                      !seconds_of(X509_get0_notAfter(certificate.get()), &out.not_after);

    const X509_NAME* subject = X509_get_subject_name(certificate.get());
    const X509_NAME* issuer = X509_get_issuer_name(certificate.get());
    out.self_issued = X509_NAME_entry_count(subject) > 0 && X509_NAME_cmp(subject, issuer) == 0;
    put_attribute(subject, NID_commonName, &out.subject_name, &out.text_cut);
    put_attribute(subject, NID_organizationName, &out.subject_organisation, &out.text_cut);
    put_attribute(subject, NID_countryName, &out.subject_country, &out.text_cut);
    put_attribute(issuer, NID_commonName, &out.issuer_name, &out.text_cut);
    put_attribute(issuer, NID_organizationName, &out.issuer_organisation, &out.text_cut);
    put_attribute(issuer, NID_countryName, &out.issuer_country, &out.text_cut);

    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, X509_get0_tbs_sigalg(certificate.get()));
    put_algorithm(object, &out.signature_algorithm, &out.text_cut);
    ASN1_OBJECT* key_object = nullptr;
    X509_PUBKEY_get0_param(&key_object, nullptr, nullptr, nullptr, X509_get_X509_PUBKEY(certificate.get()));
    if (key_object)
        put_algorithm(key_object, &out.key_algorithm, &out.text_cut);
    if (const EVP_PKEY* key = X509_get0_pubkey(certificate.get()))
        out.key_bits = static_cast<std::uint16_t>(std::clamp(EVP_PKEY_get_bits(key), 0, 0xffff));
    *facts = out;
    return true;
}

bool CertificateReader::read(Bytes der, CertificateFacts* facts)
{
    std::uint8_t hash[sizeof facts->sha256];
    unsigned size = 0;
    if (EVP_Digest(der.data(), der.size(), hash, &size, EVP_sha256(), nullptr) != 1)
        return false;
    CertificateFacts& kept = kept_[hash[0] % kKept];
    if (!kept.version || !std::equal(std::begin(hash), std::end(hash), kept.sha256)) {
        decoded_++;
        if (!read_certificate(der, &kept))
            return false;
    }
    *facts = kept;
    return true;
}

} // namespace flowxdp::tls
