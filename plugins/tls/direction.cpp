// SPDX-License-Identifier: BSD-2-Clause
#include "tls/direction.h"

#include <algorithm>

namespace flowxdp::tls {
namespace {

enum RecordType : std::uint8_t {
    kChangeCipherSpec = 20,
    kAlert = 21,
    kHandshake = 22,
    kApplicationData = 23,
    kHeartbeat = 24,
};

constexpr std::size_t kRecordHeader = 5, kMessageHeader = 4;
constexpr std::size_t kMostRecord = 16384 + 2048; // RFC 5246 6.2.3
constexpr std::uint8_t kFatal = 2;

// SSL 2.0's ClientHello, which clients of old also began a TLS connection with (RFC 5246 appendix E.2): length with its
// high bit set, type 1, version, then lengths of ciphers (3 bytes each), session id and challenge.
constexpr std::size_t kSsl2Header = 11;

bool is_ssl2_hello(Bytes stream)
{
    ByteReader reader(stream);
    const std::uint16_t length = reader.u16();
    if (!(length & 0x8000) || reader.u8() != kClientHello)
        return false;
    const std::uint16_t version = reader.u16();
    const std::size_t ciphers = reader.u16(), session = reader.u16(), challenge = reader.u16();
    return reader.ok() && (version == kSsl2 || (version >= kSsl3 && version <= kTls12)) && ciphers &&
           ciphers % 3 == 0 && (session == 0 || session == 16) && challenge >= 16 && challenge <= 32 &&
           (length & 0x7fffu) == kSsl2Header - 2 + ciphers + session + challenge;
}

void take_ssl2_hello(Bytes stream, DirectionFacts* facts)
{
    ByteReader reader(stream.subspan(3));
    HelloFacts& hello = facts->hello;
    hello.legacy_version = hello.version = reader.u16();
    const std::size_t ciphers = reader.u16();
    hello.session_id_length = static_cast<std::uint8_t>(reader.u16());
    reader.u16();
    hello.flags |= kFlagSsl2;
    ByteReader suites(reader.take(std::min(ciphers, reader.left())));
    while (suites.left() >= 3)
        if (const std::uint32_t suite = suites.u24(); suite <= 0xffff) // others are of SSL 2.0 alone
            hello.ciphers.add(static_cast<std::uint16_t>(suite));
    hello.cipher = hello.ciphers.values[0];
    hello.stat =
        kClientSide | (hello.ciphers.cut() ? kCipherListCut : 0u) | (hello.version <= kSsl3 ? kWeakProtocol : 0u);
}

// The bit of an alert's description in sslAlert: Tranalyzer2's order. 0 for a description that it does not know.
std::uint64_t alert_bit(std::uint8_t description)
{
    static constexpr std::uint8_t kOrder[] = {0,  10, 20, 21, 22, 30, 40, 41,  42,  43, 44,  45,  46,  47,  48,  49,
                                              50, 51, 60, 70, 71, 80, 90, 100, 110, 86, 111, 112, 113, 114, 115, 120};
    const auto* found = std::find(std::begin(kOrder), std::end(kOrder), description);
    return found == std::end(kOrder) ? 0 : std::uint64_t{1} << (found - std::begin(kOrder));
}

// Whether the messages so far are one HelloRetryRequest. A change_cipher_spec behind it is a message for middleboxes
// (RFC 8446 appendix D.4), and the ServerHello comes in clear.
bool is_only_retry(const std::vector<std::uint8_t>& handshake)
{
    ByteReader reader(handshake);
    if (reader.u8() != kServerHello)
        return false;
    const Bytes body = reader.vector24();
    if (!reader.ok() || reader.left())
        return false;
    const auto hello = parse_server_hello(body);
    return hello && hello->is_retry;
}

} // namespace

Begin looks_like_tls(Bytes stream, bool from_start)
{
    if (stream.empty())
        return Begin::kUnknown;
    const std::uint8_t type = stream[0];
    if (type & 0x80) {
        // The first five bytes of the hello that follow the length decide; the rest of its header comes along.
        if (stream.size() >= 3 && stream[2] != kClientHello)
            return Begin::kOther;
        if (stream.size() >= kSsl2Header)
            return from_start && is_ssl2_hello(stream) ? Begin::kTls : Begin::kOther;
        return from_start ? Begin::kUnknown : Begin::kOther;
    }
    if (type < kChangeCipherSpec || type > kApplicationData)
        return Begin::kOther;
    if (stream.size() >= 2 && stream[1] != 3)
        return Begin::kOther;
    if (stream.size() >= 3 && stream[2] > 4)
        return Begin::kOther;
    if (stream.size() < kRecordHeader)
        return Begin::kUnknown;
    const std::size_t length = static_cast<std::size_t>(stream[3]) << 8 | stream[4];
    if (!length || length > kMostRecord)
        return Begin::kOther;
    if (type == kAlert && from_start)
        return length == 2 ? Begin::kTls : Begin::kOther;
    if (type != kHandshake)
        return from_start ? Begin::kOther : Begin::kTls;
    if (!from_start)
        return Begin::kTls;
    if (length < kMessageHeader)
        return Begin::kTls; // a hello in very small records
    if (stream.size() < kRecordHeader + 2)
        return Begin::kUnknown;
    // No hello has 64 KiB.
    return stream[5] <= kServerHello && stream[6] == 0 ? Begin::kTls : Begin::kOther;
}

bool DirectionReader::read(Bytes stream, bool ended, std::int64_t time, DirectionFacts* facts)
{
    if (!stream.empty() && stream[0] & 0x80) {
        const bool whole = stream.size() >= 2u + (ByteReader(stream).u16() & 0x7fffu);
        if (!whole && !ended)
            return true;
        if (!whole)
            facts->stat |= kHandshakeCut;
        take_ssl2_hello(stream, facts);
        return false;
    }
    const bool more = walk_records(stream, facts);
    facts->read_to_end = !more;
    take_messages(ended || !more, time, facts);
    if (ended && cut_ && more)
        facts->stat |= kHandshakeCut;
    return more && !ended;
}

// Returns whether more records can add something.
bool DirectionReader::walk_records(Bytes stream, DirectionFacts* facts)
{
    handshake_.clear();
    facts->change_cipher_records = facts->alert_records = facts->handshake_records = 0;
    facts->application_records = facts->heartbeat_records = 0;
    bool encrypted = false;
    cut_ = false;
    while (!stream.empty()) {
        ByteReader reader(stream);
        const std::uint8_t type = reader.u8();
        const std::uint16_t version = reader.u16();
        const std::size_t length = reader.u16();
        if (!reader.ok()) {
            cut_ = true;
            return true;
        }
        if (type < kChangeCipherSpec || type > kHeartbeat || version >> 8 != 3) {
            facts->stat |= kMalformed; // out of step, or another protocol went on
            return false;
        }
        if (length > kMostRecord) {
            facts->stat |= kRecordTooLong;
            return false;
        }
        if (!facts->record_versions.has(version))
            facts->record_versions.add(version);
        const Bytes content = reader.take(std::min(length, reader.left()));
        const bool whole = content.size() == length;
        switch (type) {
        case kChangeCipherSpec:
            facts->change_cipher_records++;
            encrypted = encrypted || !is_only_retry(handshake_);
            break;
        case kAlert:
            facts->alert_records++;
            if (encrypted || length != 2)
                return false;
            if (whole) {
                facts->alerts |= alert_bit(content[1]);
                if (content[0] == kFatal)
                    facts->stat |= kFatalAlert;
            }
            break;
        case kHandshake:
            facts->handshake_records++;
            if (encrypted)
                return false;
            handshake_.insert(handshake_.end(), content.begin(), content.end());
            break;
        case kApplicationData:
            facts->application_records++;
            return false;
        default:
            facts->heartbeat_records++;
            if (encrypted)
                return false;
        }
        if (!whole) {
            cut_ = true;
            return true;
        }
        stream = stream.subspan(kRecordHeader + length);
    }
    return true;
}

// ended: no more of a message that is cut will come, and its front is taken.
void DirectionReader::take_messages(bool ended, std::int64_t time, DirectionFacts* facts)
{
    ByteReader reader(handshake_);
    while (reader.left()) {
        const std::uint8_t type = reader.u8();
        const std::size_t length = reader.u24();
        if (!reader.ok()) {
            cut_ = true;
            return;
        }
        const Bytes body = reader.take(std::min(length, reader.left()));
        const bool whole = body.size() == length;
        cut_ = cut_ || !whole;
        const bool has_hello = facts->hello.stat & (kClientSide | kServerSide);
        if (type == kCertificate && !facts->certificate_taken) {
            // The leaf comes first, and the rest of the chain may be longer than the head of a stream.
            ByteReader list(body);
            list.u24();
            const Bytes leaf = list.vector24();
            if (list.ok() && !leaf.empty()) {
                facts->certificate_taken = 1;
                if (!certificates_.read(leaf, &facts->certificate))
                    facts->stat |= kCertificateBroken;
                else if (!facts->certificate.no_validity &&
                         (time < facts->certificate.not_before || time > facts->certificate.not_after))
                    facts->stat |= kCertificateExpired;
                if (facts->certificate.self_issued)
                    facts->stat |= kSelfIssued;
                if (facts->certificate.text_cut)
                    facts->stat |= kTextCut;
            }
        } else if (type == kClientHello && !has_hello && (whole || ended)) {
            if (auto hello = parse_client_hello(body)) {
                hello->malformed |= !whole; // what ends where extensions may begin seems whole
                take_client_hello(*hello, kOverTcp, time, &facts->hello);
                if (!whole)
                    facts->hello.stat &= ~static_cast<std::uint32_t>(kMalformed); // it is cut
            } else if (whole) {
                facts->stat |= kMalformed;
            }
        } else if (type == kServerHello && (!has_hello || facts->hello_is_retry) && (whole || ended)) {
            if (auto hello = parse_server_hello(body)) {
                hello->malformed |= !whole;
                // The answer to a HelloRetryRequest is another ServerHello, which says what was agreed.
                if (facts->hello_is_retry && hello->is_retry)
                    continue;
                facts->stat |= facts->hello.stat & kHelloRetry;
                facts->hello = {};
                take_server_hello(*hello, time, &facts->hello);
                facts->hello_is_retry = hello->is_retry;
                if (!whole)
                    facts->hello.stat &= ~static_cast<std::uint32_t>(kMalformed);
            } else if (whole) {
                facts->stat |= kMalformed;
            }
        }
    }
}

} // namespace flowxdp::tls
