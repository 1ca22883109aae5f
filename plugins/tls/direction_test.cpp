// SPDX-License-Identifier: BSD-2-Clause
#include "tls/direction.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "tls/hello_builder.h"
#include "tls/test_certificates.h"

namespace flowxdp::tls {
namespace {

using namespace flowxdp::tls::test;

constexpr std::int64_t kIn2026 = 1'772'582'400;
const ByteVector kChangeCipher = record(20, {1});
const ByteVector kFinished = record(22, ByteVector(40, 0x99)), kData = record(23, ByteVector(50, 0x77));

// The facts of a stream that comes in parts of this many bytes and then ends.
DirectionFacts read_in_parts(const ByteVector& stream, std::size_t part, bool* ended_early = nullptr)
{
    DirectionFacts facts{};
    DirectionReader reader;
    for (std::size_t size = std::min(part, stream.size()); size < stream.size(); size += part)
        if (looks_like_tls(Bytes(stream).first(size), true) == Begin::kTls &&
            !reader.read(ByteVector(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size)), false, kIn2026,
                         &facts)) {
            if (ended_early)
                *ended_early = true;
            return facts;
        }
    reader.read(stream, true, kIn2026, &facts);
    return facts;
}

std::string name_of(const DirectionFacts& facts)
{
    return {facts.hello.server_name, facts.hello.server_name_length};
}
template <std::size_t Most>
std::string text_of(const CertificateText<Most>& text)
{
    return {text.bytes, text.length};
}

const ByteVector kHello =
    message(kClientHello, client_hello(0x0303, {0xc02f, 0x009c}, server_name("www.example.com") + alpn({"http/1.1"})));

ByteVector certificate_message(const ByteVector& leaf, const ByteVector& rest = {})
{
    return message(kCertificate, vector_of(3, vector_of(3, leaf) + rest));
}

TEST(Direction, ClientHelloInOneRecordThenKeysThenData)
{
    const ByteVector stream =
        record(22, kHello, 0x0301) + record(22, message(16, ByteVector(66))) + kChangeCipher + kFinished + kData;
    for (const std::size_t part : {std::size_t{1}, std::size_t{5}, std::size_t{100}, stream.size()}) {
        bool early = false;
        const DirectionFacts facts = read_in_parts(stream, part, &early);
        EXPECT_EQ(facts.stat, 0u);
        EXPECT_EQ(facts.hello.stat, kClientSide);
        EXPECT_EQ(name_of(facts), "www.example.com");
        EXPECT_EQ(facts.hello.cipher, 0xc02f);
        EXPECT_EQ(facts.hello.version, 0x0303);
        EXPECT_EQ(facts.record_versions.offered, 2);
        EXPECT_EQ(facts.record_versions.values[0], 0x0301);
        EXPECT_EQ(facts.change_cipher_records, 1);
        EXPECT_EQ(facts.handshake_records, 3) << "the third one is encrypted, and ends the reading";
        EXPECT_EQ(facts.application_records, 0);
        EXPECT_EQ(early, part < stream.size()) << "nothing is wanted behind the first encrypted record";
    }
}

TEST(Direction, ClientHelloOverManyRecords)
{
    for (const std::size_t size : {std::size_t{1}, std::size_t{3}, std::size_t{7}, std::size_t{64}}) {
        ByteVector stream;
        for (std::size_t at = 0; at < kHello.size(); at += size)
            stream = stream + record(22, ByteVector(kHello.begin() + static_cast<std::ptrdiff_t>(at),
                                                    kHello.begin() + static_cast<std::ptrdiff_t>(
                                                                         std::min(at + size, kHello.size()))));
        ASSERT_EQ(looks_like_tls(stream, true), Begin::kTls);
        const DirectionFacts facts = read_in_parts(stream, 11);
        EXPECT_EQ(name_of(facts), "www.example.com") << size;
        EXPECT_EQ(facts.handshake_records, (kHello.size() + size - 1) / size);
        EXPECT_EQ(facts.stat, 0u);
    }
}

TEST(Direction, ServersCertificateOfTls12)
{
    const ByteVector stream = record(
        22, message(kServerHello, server_hello(0x0303, 0xc02f, alpn({"h2"}))) +
                certificate_message(from_hex(kLeafCertificate), vector_of(3, ByteVector(700, 0x30))) + message(14, {}));
    for (const std::size_t part : {std::size_t{1}, std::size_t{400}, stream.size()}) {
        const DirectionFacts facts = read_in_parts(stream, part);
        EXPECT_EQ(facts.stat, 0u);
        EXPECT_EQ(facts.hello.stat, kServerSide);
        EXPECT_EQ(facts.hello.protocols, kHttp2);
        const CertificateFacts& c = facts.certificate;
        EXPECT_EQ(c.version, 3);
        EXPECT_EQ(to_hex(c.serial, c.serial_length), "0123456789abcdef");
        EXPECT_EQ(to_hex(c.sha1, 20), "c5103d7465bf336950b7aaa4b35c7ceb416a444c");
        EXPECT_EQ(to_hex(c.sha256, 32), "eb4abe0fc118734fc8fa9bcaebc0706227b9234187698e48b7ada11199e3aacc");
        EXPECT_EQ(c.not_before, 1'767'225'600);
        EXPECT_EQ(c.not_after, 1'798'761'600);
        EXPECT_EQ(text_of(c.subject_name), "www.example.com");
        EXPECT_EQ(text_of(c.subject_organisation), "Example Shop");
        EXPECT_EQ(text_of(c.subject_country), "CH");
        EXPECT_EQ(text_of(c.issuer_name), "Example CA");
        EXPECT_EQ(text_of(c.issuer_organisation), "Example Trust");
        EXPECT_EQ(text_of(c.issuer_country), "US");
        EXPECT_EQ(text_of(c.signature_algorithm), "ecdsa-with-SHA256");
        EXPECT_EQ(text_of(c.key_algorithm), "id-ecPublicKey");
        EXPECT_EQ(c.key_bits, 256);
        EXPECT_EQ(c.self_issued, 0);
    }
}

TEST(Direction, LeafIsTakenWhenTheChainIsLongerThanTheHead)
{
    ByteVector stream =
        record(22, message(kServerHello, server_hello(0x0303, 0xc02f, {})) +
                       certificate_message(from_hex(kLeafCertificate), vector_of(3, ByteVector(9000, 0x30))));
    stream.resize(4096);
    const DirectionFacts facts = read_in_parts(stream, 1460);
    EXPECT_EQ(text_of(facts.certificate.subject_name), "www.example.com");
    EXPECT_EQ(facts.stat, kHandshakeCut);
}

TEST(Direction, SelfIssuedCertificateWithALongName)
{
    const ByteVector stream = record(22, certificate_message(from_hex(kOwnCertificate)));
    const DirectionFacts facts = read_in_parts(stream, stream.size());
    EXPECT_EQ(facts.stat, kSelfIssued | kTextCut);
    EXPECT_EQ(facts.certificate.not_after, 253'402'300'799);
    EXPECT_EQ(to_hex(facts.certificate.serial, facts.certificate.serial_length), "ff01");
    // 66 bytes of UTF-8: the 64th would be the first half of a letter, so 64 hold "Example Ü" and 54 x.
    EXPECT_EQ(text_of(facts.certificate.subject_organisation), "Example \xc3\x9c" + std::string(54, 'x'));
}

TEST(Direction, CertificateOutsideItsTime)
{
    const ByteVector stream = record(22, certificate_message(from_hex(kLeafCertificate)));
    for (const auto& [time, stat] : {std::pair<std::int64_t, std::uint32_t>{1'767'225'599, kCertificateExpired},
                                     {1'767'225'600, 0},
                                     {1'798'761'600, 0},
                                     {1'798'761'601, kCertificateExpired}}) {
        DirectionFacts facts{};
        DirectionReader().read(stream, true, time, &facts);
        EXPECT_EQ(facts.stat, stat) << time;
    }
}

TEST(Direction, BrokenCertificates)
{
    const ByteVector leaf = from_hex(kLeafCertificate);
    for (std::size_t size = 1; size < leaf.size(); size += 3) {
        const DirectionFacts facts = read_in_parts(
            record(22, certificate_message(ByteVector(leaf.begin(), leaf.begin() + static_cast<std::ptrdiff_t>(size)))),
            1u << 14);
        EXPECT_EQ(facts.stat, kCertificateBroken) << size;
        EXPECT_EQ(facts.certificate.version, 0);
    }
    EXPECT_EQ(read_in_parts(record(22, certificate_message(leaf + ByteVector{0})), 1u << 14).stat, kCertificateBroken);
    // Every byte turned over once: whatever it says then, nothing is read outside.
    for (std::size_t i = 0; i < leaf.size(); i++) {
        ByteVector changed = leaf;
        changed[i] = static_cast<std::uint8_t>(~changed[i]);
        CertificateFacts facts{};
        const bool is_certificate = read_certificate(changed, &facts);
        EXPECT_EQ(is_certificate, facts.version != 0) << i;
    }
}

TEST(CertificateReader, DecodesACertificateOnce)
{
    CertificateReader reader;
    const ByteVector leaf = from_hex(kLeafCertificate), own = from_hex(kOwnCertificate);
    CertificateFacts first{}, again{}, other{};
    EXPECT_TRUE(reader.read(leaf, &first));
    EXPECT_TRUE(reader.read(own, &other));
    EXPECT_TRUE(reader.read(leaf, &again));
    EXPECT_EQ(reader.decoded(), 2u);
    EXPECT_EQ(std::memcmp(&first, &again, sizeof first), 0);
    EXPECT_EQ(text_of(other.subject_name), "device.example");
    EXPECT_FALSE(reader.read(Bytes(leaf).first(100), &other));
    EXPECT_EQ(text_of(other.subject_name), "device.example") << "facts stay as they were";
    EXPECT_TRUE(reader.read(leaf, &again));
    EXPECT_EQ(to_hex(again.serial, again.serial_length), "0123456789abcdef");
}

TEST(Direction, Tls13HidesTheCertificate)
{
    const ByteVector selected = extension(43, number(0x0304, 2));
    DirectionFacts facts = read_in_parts(
        record(22, message(kServerHello, server_hello(0x0303, 0x1301, selected))) + kChangeCipher + kData, 1u << 14);
    EXPECT_EQ(facts.hello.stat, kServerSide | kCertificateEncrypted);
    EXPECT_EQ(facts.hello.version, 0x0304);
    EXPECT_EQ(facts.application_records, 1);
    facts = read_in_parts(
        record(22, message(kServerHello, server_hello(0x0303, 0x1301, selected + extension(41, {0, 0})))), 1u << 14);
    EXPECT_EQ(facts.hello.stat, kServerSide | kCertificateEncrypted | kResumed);
}

TEST(Direction, ServerHelloBehindAHelloRetryRequest)
{
    const ByteVector retry_random = from_hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c");
    const ByteVector selected = extension(43, number(0x0304, 2));
    const ByteVector retry =
        record(22, message(kServerHello, server_hello(0x0303, 0x1302, selected, {}, retry_random)));
    DirectionFacts facts = read_in_parts(retry + kChangeCipher, 9);
    EXPECT_EQ(facts.hello.stat, kServerSide | kHelloRetry);
    EXPECT_EQ(facts.hello.cipher, 0x1302);
    facts = read_in_parts(
        retry + kChangeCipher +
            record(22, message(kServerHello, server_hello(0x0303, 0x1301, selected + extension(51, {0, 0})))) + kData,
        9);
    EXPECT_EQ(facts.stat, kHelloRetry);
    EXPECT_EQ(facts.hello.stat, kServerSide | kCertificateEncrypted);
    EXPECT_EQ(facts.hello.cipher, 0x1301);
    EXPECT_EQ(facts.hello.extensions.offered, 2) << "of the second message alone";
}

TEST(Direction, AlertsInClearAndEncrypted)
{
    // handshake_failure 40 is bit 6 in Tranalyzer2, close_notify bit 0.
    DirectionFacts facts = read_in_parts(record(21, {2, 40}) + record(21, {1, 0}), 3);
    EXPECT_EQ(facts.alerts, 0x41u);
    EXPECT_EQ(facts.stat, kFatalAlert);
    EXPECT_EQ(facts.alert_records, 2);
    facts = read_in_parts(record(22, kHello) + kChangeCipher + record(21, {2, 40}), 1u << 14);
    EXPECT_EQ(facts.alerts, 0u) << "behind change_cipher_spec the two bytes are not what they seem";
    EXPECT_EQ(facts.alert_records, 1);
    EXPECT_EQ(looks_like_tls(record(21, {2, 40}), true), Begin::kTls);
}

TEST(Direction, ResumptionIsOfferedBySessionIdOnlyBeforeTls13)
{
    const auto stat = [](const ByteVector& extensions, const ByteVector& session_id) {
        return read_in_parts(record(22, message(kClientHello, client_hello(0x0303, {1}, extensions, session_id))),
                             1u << 14)
            .hello.stat;
    };
    const ByteVector tls13 = extension(43, vector_of(1, u16_list({0x0304})));
    EXPECT_EQ(stat({}, {}), kClientSide);
    EXPECT_EQ(stat({}, ByteVector(32, 1)), kClientSide | kResumptionOffered);
    EXPECT_EQ(stat(tls13, ByteVector(32, 1)), kClientSide);
    EXPECT_EQ(stat(extension(35, {}), {}), kClientSide) << "an empty ticket asks for one";
    EXPECT_EQ(stat(extension(35, {1, 2}), {}), kClientSide | kResumptionOffered);
    EXPECT_EQ(stat(tls13 + extension(42, {}) + extension(41, {0}), {}),
              kClientSide | kResumptionOffered | kEarlyDataOffered);
    EXPECT_EQ(stat(extension(0xfe0d, {0}), {}), kClientSide | kEncryptedHello);
}

TEST(Direction, Ssl2HelloOfAnOldClient)
{
    const ByteVector body = ByteVector{1} + number(0x0301, 2) + number(9, 2) + number(0, 2) + number(16, 2) +
                            from_hex("00002f010080000035") + ByteVector(16, 5);
    const ByteVector stream = number(0x8000 | body.size(), 2) + body;
    for (std::size_t size = 1; size < 11; size++)
        EXPECT_EQ(looks_like_tls(Bytes(stream).first(size), true), Begin::kUnknown) << size;
    ASSERT_EQ(looks_like_tls(stream, true), Begin::kTls);
    EXPECT_EQ(looks_like_tls(stream, false), Begin::kOther);
    DirectionFacts facts{};
    EXPECT_TRUE(DirectionReader().read(Bytes(stream).first(20), false, kIn2026, &facts)) << "its ciphers are cut";
    EXPECT_EQ(facts.hello.stat, 0u);
    EXPECT_FALSE(DirectionReader().read(stream, false, kIn2026, &facts));
    EXPECT_EQ(facts.stat, 0u);
    EXPECT_EQ(facts.hello.flags, kFlagSsl2);
    EXPECT_EQ(facts.hello.version, 0x0301);
    EXPECT_EQ(facts.hello.ciphers.offered, 2);
    EXPECT_EQ(facts.hello.cipher, 0x002f);
}

TEST(Direction, OtherProtocolsAreRefusedByTheirFirstBytes)
{
    for (const char* begin : {"GET / HTTP/1.1\r\n", "SSH-2.0-x", "220 ready", "\x16\x04\x01", "\x16\x03\x05",
                              "\x17\x03\x03\x01\x02", "\x80\x2e\x02"})
        EXPECT_EQ(looks_like_tls(text(begin), true), Begin::kOther) << begin;
    EXPECT_EQ(looks_like_tls({}, true), Begin::kUnknown);
    EXPECT_EQ(looks_like_tls(from_hex("160303"), true), Begin::kUnknown);
    EXPECT_EQ(looks_like_tls(from_hex("160303000001"), true), Begin::kOther) << "an empty record";
    EXPECT_EQ(looks_like_tls(from_hex("160303500001"), true), Begin::kOther) << "longer than a record may be";
    EXPECT_EQ(looks_like_tls(from_hex("16030300500b00"), true), Begin::kOther) << "a certificate is no first message";
    EXPECT_EQ(looks_like_tls(from_hex("16030300500100"), true), Begin::kTls);
    EXPECT_EQ(looks_like_tls(from_hex("17030300500100"), false), Begin::kTls) << "the start was not seen";
}

TEST(Direction, OutOfStepEndsTheReading)
{
    DirectionFacts facts = read_in_parts(record(22, kHello) + text("GET / HTTP/1.1\r\n"), 1u << 14);
    EXPECT_EQ(facts.stat, kMalformed);
    EXPECT_EQ(name_of(facts), "www.example.com");
    facts = read_in_parts(record(22, kHello) + from_hex("1603034801") + ByteVector(10), 1u << 14);
    EXPECT_EQ(facts.stat, kRecordTooLong);
}

TEST(Direction, EveryCutOfAHelloIsMarked)
{
    const ByteVector stream = record(22, kHello, 0x0301);
    for (std::size_t size = 1; size < stream.size(); size++) {
        DirectionFacts facts{};
        const ByteVector cut(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
        DirectionReader().read(cut, true, kIn2026, &facts);
        EXPECT_EQ(facts.stat, kHandshakeCut) << size;
        EXPECT_EQ(facts.hello.has_ja4, 0) << size;
        EXPECT_FALSE(facts.hello.stat & kMalformed) << size;
    }
    // The name is known as soon as its extension is there.
    DirectionFacts facts{};
    DirectionReader().read(Bytes(stream).first(stream.size() - 10), true, kIn2026, &facts);
    EXPECT_EQ(name_of(facts), "www.example.com");
}

} // namespace
} // namespace flowxdp::tls
