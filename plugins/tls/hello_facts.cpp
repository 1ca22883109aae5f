// SPDX-License-Identifier: BSD-2-Clause
#include "tls/hello_facts.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace flowxdp::tls {
namespace {

// Of a year, and of five, as Tranalyzer2 and p0f count them.
constexpr std::int64_t kSmallTime = 31'556'926, kFarTime = 157'784'630;

template <std::size_t Most>
bool keep(const U16View& from, CappedList<std::uint16_t, Most>* to)
{
    for (std::size_t i = 0; i < from.size(); i++)
        to->add(from[i]);
    return to->cut();
}

bool starts_with(std::string_view name, std::string_view start)
{
    return name.substr(0, start.size()) == start;
}

// RFC 7301's names, as Tranalyzer2 groups them.
std::uint32_t protocol_bit(std::string_view name)
{
    struct Start {
        const char* text;
        std::uint32_t bit;
    };
    static constexpr Start kStarts[] = {{"http/", kHttp},
                                        {"h2", kHttp2},
                                        {"h3", kHttp3},
                                        {"spdy/", kSpdy},
                                        {"imap", kImap},
                                        {"pop3", kPop3},
                                        {"ftp", kFtp},
                                        {"xmpp-", kXmpp},
                                        {"stun.", kStun},
                                        {"webrtc", kWebRtc},
                                        {"coap", kCoap},
                                        {"c-webrtc", kWebRtc},
                                        {"managesieve", kManageSieve}};
    for (const Start& start : kStarts)
        if (starts_with(name, start.text))
            return start.bit;
    return kOtherProtocol;
}

void keep_protocol_names(Bytes list, HelloFacts* facts)
{
    ProtocolNames& kept = facts->protocol_names;
    each_protocol_name(list, [&](Bytes name) {
        facts->protocols |= protocol_bit({reinterpret_cast<const char*>(name.data()), name.size()});
        kept.offered++;
        if (kept.kept == ProtocolNames::kMost) {
            facts->stat |= kProtocolListCut;
            return;
        }
        if (kept.used == ProtocolNames::kMostBytes) {
            facts->stat |= kProtocolListCut;
            return;
        }
        const std::size_t room = ProtocolNames::kMostBytes - kept.used - 1u;
        const std::size_t size = std::min(name.size(), room);
        if (size < name.size())
            facts->stat |= kProtocolNameCut;
        kept.bytes[kept.used] = static_cast<char>(size);
        std::memcpy(kept.bytes + kept.used + 1, name.data(), size);
        kept.used = static_cast<std::uint8_t>(kept.used + 1 + size);
        kept.kept++;
    });
}

bool is_one_byte(Bytes bytes, std::uint8_t value)
{
    return std::all_of(bytes.begin(), bytes.end(), [value](std::uint8_t byte) { return byte == value; });
}

// What both hellos have.
void take_hello(const Hello& hello, std::int64_t time, HelloFacts* facts)
{
    facts->legacy_version = hello.legacy_version;
    facts->session_id_length = static_cast<std::uint8_t>(hello.session_id.size());
    if (!hello.session_id.empty())
        std::memcpy(facts->session_id, hello.session_id.data(),
                    std::min(hello.session_id.size(), sizeof facts->session_id));
    facts->gmt_time = ByteReader(hello.random).u32();
    if (facts->gmt_time < kSmallTime)
        facts->flags |= kFlagSmallTime;
    else if (facts->gmt_time > time + kFarTime)
        facts->flags |= kFlagFarTime;
    const Bytes random = hello.random.subspan(4);
    if (is_one_byte(random, 0) || is_one_byte(random, 0xff))
        facts->flags |= kFlagRandomIsNone;
    if (hello.deflate)
        facts->flags |= kFlagDeflate;
    if (hello.malformed)
        facts->stat |= kMalformed;
    if (hello.use_srtp)
        facts->protocols |= kRtp;
    hello.extensions.each(
        [facts](const ExtensionList::Extension& extension) { facts->extensions.add(extension.type); });
    if (facts->extensions.cut())
        facts->stat |= kExtensionListCut;
    keep_protocol_names(hello.protocol_names, facts);
}

void take_ja3(const std::optional<Md5>& hash, HelloFacts* facts)
{
    facts->has_ja3 = hash.has_value();
    if (hash)
        facts->ja3 = *hash;
}

} // namespace

void take_client_hello(const ClientHello& hello, char transport, std::int64_t time, HelloFacts* facts)
{
    take_hello(hello, time, facts);
    facts->stat |= kClientSide;
    facts->version = hello.version();
    if (facts->version == kSsl3)
        facts->stat |= kWeakProtocol;
    if (hello.cipher_suites.size())
        facts->cipher = hello.cipher_suites[0];
    if (keep(hello.cipher_suites, &facts->ciphers))
        facts->stat |= kCipherListCut;
    if (keep(hello.versions, &facts->versions) || keep(hello.signature_algorithms, &facts->signature_algorithms))
        facts->stat |= kOtherListCut;
    if (keep(hello.groups, &facts->groups))
        facts->stat |= kGroupListCut;
    for (const std::uint8_t format : hello.point_formats)
        facts->point_formats.add(format);
    if (facts->point_formats.cut())
        facts->stat |= kGroupListCut;
    // In TLS 1.3 a session id resumes nothing: it is sent for middleboxes.
    if (hello.offers_ticket || hello.pre_shared_key || (facts->session_id_length && facts->version < kTls13))
        facts->stat |= kResumptionOffered;
    if (hello.early_data)
        facts->stat |= kEarlyDataOffered;
    if (hello.encrypted_hello)
        facts->stat |= kEncryptedHello;
    facts->has_server_name = hello.has_server_name;
    const std::size_t name_size = std::min(hello.server_name.size(), sizeof facts->server_name);
    if (name_size < hello.server_name.size())
        facts->stat |= kTextCut;
    if (name_size)
        std::memcpy(facts->server_name, hello.server_name.data(), name_size);
    facts->server_name_length = static_cast<std::uint8_t>(name_size);
    take_ja3(ja3(hello), facts);
    if (const auto fingerprint = ja4(hello, transport)) {
        facts->has_ja4 = 1;
        facts->ja4 = *fingerprint;
    }
}

void take_server_hello(const ServerHello& hello, std::int64_t time, HelloFacts* facts)
{
    take_hello(hello, time, facts);
    facts->stat |= kServerSide;
    facts->version = hello.version();
    facts->cipher = hello.cipher_suite;
    if (hello.selected_version)
        facts->versions.add(hello.selected_version);
    if (hello.is_retry)
        facts->stat |= kHelloRetry;
    else if (facts->version == kTls13)
        facts->stat |= kCertificateEncrypted;
    if (facts->version == kSsl3)
        facts->stat |= kWeakProtocol;
    if (hello.pre_shared_key)
        facts->stat |= kResumed;
    take_ja3(ja3s(hello), facts);
}

} // namespace flowxdp::tls
