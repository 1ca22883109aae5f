// SPDX-License-Identifier: BSD-2-Clause
// tls: what both sides of a TLS connection say in clear: versions, ciphers, extensions, server name, protocols, the
// server's certificate, alerts, JA3, JA3S and JA4. It has only a user half; the heads of TCP streams come in order.
#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "tls/direction.h"

namespace {

using namespace flowxdp::tls;

constexpr fx_bit kStatBits[] = {
    {kRecordTooLong, "Record longer than TLS allows"},
    {kMalformed, "Malformed record or hello, or another protocol went on"},
    {kCertificateExpired, "Certificate was not valid at the time of its packet"},
    {kFatalAlert, "Fatal alert"},
    {kCipherListCut, "Cipher list cut"},
    {kExtensionListCut, "Extension list cut"},
    {kProtocolListCut, "Protocol list (ALPN) cut"},
    {kProtocolNameCut, "Protocol name (ALPN) cut"},
    {kGroupListCut, "Group or point format list cut"},
    {kWeakProtocol, "SSL 2.0 or SSL 3.0"},
    {kStartNotSeen, "Start of the connection was not seen"},
    {kHandshakeCut, "Handshake was not seen to its end"},
    {kCertificateEncrypted, "TLS 1.3: the certificate is encrypted"},
    {kSelfIssued, "Issuer and subject of the certificate are one name (signature not checked)"},
    {kCertificateBroken, "Certificate is not readable"},
    {kHelloRetry, "HelloRetryRequest"},
    {kResumptionOffered, "Client offers to resume a session"},
    {kResumed, "Server resumed a session: PSK chosen, or session id echoed before TLS 1.3"},
    {kEarlyDataOffered, "Client sends early data (0-RTT)"},
    {kEncryptedHello, "Encrypted ClientHello extension: the name may be the outer one"},
    {kOtherListCut, "Version or signature algorithm list cut"},
    {kTextCut, "Server name or a text of the certificate cut"},
    {kClientSide, "ClientHello"},
    {kServerSide, "ServerHello"},
};
constexpr fx_bit kProtocolBits[] = {
    {kHttp, "HTTP/0.9 to HTTP/1.1"},
    {kHttp2, "HTTP/2"},
    {kHttp3, "HTTP/3"},
    {kSpdy, "SPDY"},
    {kImap, "IMAP"},
    {kPop3, "POP3"},
    {kFtp, "FTP"},
    {kXmpp, "XMPP"},
    {kStun, "STUN"},
    {kWebRtc, "WebRTC"},
    {kCoap, "CoAP"},
    {kManageSieve, "ManageSieve"},
    {kRtp, "RTP (use_srtp)"},
    {kOtherProtocol, "Other protocol (ALPN)"},
};
constexpr fx_bit kFlagBits[] = {
    {kFlagSsl2, "ClientHello in SSL 2.0's format"},
    {kFlagVersionDiffers, "Version of record and hello differ"},
    {kFlagSmallTime, "Time in the random is less than a year"},
    {kFlagFarTime, "Time in the random is more than 5 years ahead"},
    {kFlagRandomIsNone, "Random bytes are all 0x00 or all 0xff"},
    {kFlagDeflate, "Compression (deflate)"},
};
constexpr fx_bit kAlertBits[] = {
    {1ull << 0, "close_notify"},
    {1ull << 1, "unexpected_message"},
    {1ull << 2, "bad_record_mac"},
    {1ull << 3, "decryption_failed"},
    {1ull << 4, "record_overflow"},
    {1ull << 5, "decompression_failure"},
    {1ull << 6, "handshake_failure"},
    {1ull << 7, "no_certificate"},
    {1ull << 8, "bad_certificate"},
    {1ull << 9, "unsupported_certificate"},
    {1ull << 10, "certificate_revoked"},
    {1ull << 11, "certificate_expired"},
    {1ull << 12, "certificate_unknown"},
    {1ull << 13, "illegal_parameter"},
    {1ull << 14, "unknown_ca"},
    {1ull << 15, "access_denied"},
    {1ull << 16, "decode_error"},
    {1ull << 17, "decrypt_error"},
    {1ull << 18, "export_restriction"},
    {1ull << 19, "protocol_version"},
    {1ull << 20, "insufficient_security"},
    {1ull << 21, "internal_error"},
    {1ull << 22, "user_canceled"},
    {1ull << 23, "no_renegotiation"},
    {1ull << 24, "unsupported_extension"},
    {1ull << 25, "inappropriate_fallback"},
    {1ull << 26, "certificate_unobtainable"},
    {1ull << 27, "unrecognized_name"},
    {1ull << 28, "bad_certificate_status_response"},
    {1ull << 29, "bad_certificate_hash_value"},
    {1ull << 30, "unknown_psk_identity"},
    {1ull << 31, "no_application_protocol"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H32> stat{this, {.name = "sslStat", .help = "TLS status", .bits = kStatBits}};
    Column<H32> proto{this, {.name = "sslProto", .help = "TLS protocols inside, by ALPN", .bits = kProtocolBits}};
    Column<H8> flags{this, {.name = "sslFlags", .help = "TLS flags of the hello", .bits = kFlagBits}};
    Column<H16> version{this, {.name = "sslVersion", .help = "TLS version: highest offered (client), chosen (server)"}};
    Column<U16> record_version_count{this, {.name = "sslNumRecVer", .help = "TLS record versions"}};
    List<H16> record_versions{this, {.name = "sslRecVer", .help = "TLS record versions"}};
    Column<U16> hello_version_count{this, {.name = "sslNumHandVer", .help = "TLS handshake versions: 1 with a hello"}};
    List<H16> hello_versions{this, {.name = "sslHandVer", .help = "Version field of the hello"}};
    Column<H64> alerts{this, {.name = "sslAlert", .help = "TLS alerts in clear", .bits = kAlertBits}};
    Column<H16> cipher{this, {.name = "sslCipher", .help = "TLS cipher: first offered (client), chosen (server)"}};
    Column<U16> extension_count{this, {.name = "sslNumExt", .help = "TLS extensions of the hello"}};
    List<H16> extensions{this, {.name = "sslExtList", .help = "TLS extensions, in their order"}};
    Column<U16> version_count{this, {.name = "sslNumSuppVer", .help = "TLS supported versions"}};
    List<H16> versions{this, {.name = "sslSuppVer", .help = "TLS supported versions (client), chosen one (server)"}};
    Column<U16> algorithm_count{this, {.name = "sslNumSigAlg", .help = "TLS signature algorithms"}};
    List<H16> algorithms{this, {.name = "sslSigAlg", .help = "TLS signature algorithms, in their order"}};
    Column<U16> group_count{this, {.name = "sslNumECPt", .help = "TLS supported groups"}};
    List<H16> groups{this, {.name = "sslECPt", .help = "TLS supported groups, in their order"}};
    Column<U8> format_count{this, {.name = "sslNumECFormats", .help = "TLS EC point formats"}};
    List<H8> formats{this, {.name = "sslECFormats", .help = "TLS EC point formats"}};
    Column<U16> protocol_count{this, {.name = "sslNumALPN", .help = "TLS protocols (ALPN)"}};
    List<String> protocols{this, {.name = "sslALPNList", .help = "TLS protocols (ALPN): offered, or the chosen one"}};
    Column<U16> cipher_count{this, {.name = "sslNumCipher", .help = "TLS ciphers offered; 1 from a server"}};
    List<H16> ciphers{this, {.name = "sslCipherList", .help = "TLS ciphers, in their order"}};
    Column<Word> record_counts{this,
                               {.name = "sslNumCC_A_H_AD_HB",
                                .help = "Records up to the first encrypted one: change_cipher_spec, alert, handshake, "
                                        "application data, heartbeat"}};
    Column<U8> session_id_length{this, {.name = "sslSessIdLen", .help = "Session id of the hello", .unit = "B"}};
    Optional<Time> hello_time{this, {.name = "sslGMTTime", .help = "First 4 bytes of the random, once a time"}};
    Optional<String> server_name{this, {.name = "sslServerName", .help = "TLS server name (SNI)"}};
    Optional<U8> certificate_version{this, {.name = "sslCertVersion", .help = "Version of the first certificate"}};
    Column<Word> serial{this, {.name = "sslCertSerial", .help = "Its serial number, hexadecimal"}};
    Column<Word> sha1{this, {.name = "sslCertSha1FP", .help = "Its SHA-1 fingerprint"}};
    Column<Word> sha256{this, {.name = "sslCertSha256FP", .help = "Its SHA-256 fingerprint"}};
    Column<Word> validity{this,
                          {.name = "sslCNotValidBefore_after_lifetime",
                           .help = "Its validity: first and last second since the epoch, seconds between"}};
    Optional<String> signature_algorithm{this, {.name = "sslCSigAlg", .help = "Its signature algorithm"}};
    Optional<String> key_algorithm{this, {.name = "sslCKeyAlg", .help = "Its public key algorithm"}};
    Optional<U16> key_bits{this, {.name = "sslCPKeySize", .help = "Its public key", .unit = "bits"}};
    Optional<String> subject_name{this, {.name = "sslCSubjectCommonName", .help = "Its subject: common name"}};
    Optional<String> subject_organisation{this, {.name = "sslCSubjectOrgName", .help = "Its subject: organization"}};
    Optional<String> subject_country{this, {.name = "sslCSubjectCountry", .help = "Its subject: country"}};
    Optional<String> issuer_name{this, {.name = "sslCIssuerCommonName", .help = "Its issuer: common name"}};
    Optional<String> issuer_organisation{this, {.name = "sslCIssuerOrgName", .help = "Its issuer: organization"}};
    Optional<String> issuer_country{this, {.name = "sslCIssuerCountry", .help = "Its issuer: country"}};
    Column<Word> ja3{this, {.name = "sslJA3Hash", .help = "JA3 of the client, JA3S of the server"}};
    Column<Word> ja4{this, {.name = "sslJA4", .help = "JA4 of the client"}};
};
constexpr FlowColumns kColumns;

// What is kept of a live flow.
struct Memory {
    DirectionFacts direction[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr std::uint16_t kStreamBytes = 8192;

// Hello, certificate and what an early end leaves are in a direction's first packets.
constexpr fx_packet_need kNeeds[] = {{.ethertype = 0,
                                      .ip_proto = 6,
                                      .first_layer = 7,
                                      .port_first = 0,
                                      .port_last = 0,
                                      .first_packets = 24,
                                      .payload_bytes = kStreamBytes,
                                      .flags = FX_NEED_STREAM}};

struct Figures : flowxdp::FigureSet {
    Counter clients{this, {.name = "client_hellos", .help = "Flow directions with a client hello"}};
    Counter servers{this, {.name = "server_hellos", .help = "Flow directions with a server hello"}};
    Counter certificates{this, {.name = "certificates", .help = "Flow directions with a certificate"}};
};
constexpr Figures kFigures;

constexpr flowxdp::PluginDescription kDescription = {.number = 315,
                                                     .default_on = false,
                                                     .name = "tls",
                                                     .version = "0.1.0",
                                                     .help = "TLS handshakes: names, versions, certificates, JA3, JA4",
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .stream_bytes = kStreamBytes,
                                                     .figures = kFigures.all()};

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

class Tls final : public flowxdp::Plugin {
  public:
    Tls(flowxdp::OptionValues, void*, flowxdp::Host) {}

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return kNeeds; }

    bool on_stream(const fx_stream& stream) override
    {
        const bool gap = stream.gap_count != 0;
        const std::size_t size = gap ? std::min(stream.length, stream.gaps[0].offset) : stream.length;
        const Bytes bytes(stream.bytes, size);
        const bool ended = gap || stream.complete;
        const Begin begin = looks_like_tls(bytes, stream.from_start != 0);
        if (begin != Begin::kTls)
            return begin == Begin::kUnknown && !ended;
        DirectionFacts& facts = FlowMemory::of(stream).direction[stream.direction & 1];
        if (!stream.from_start)
            facts.stat |= kStartNotSeen;
        const bool more = reader_.read(bytes, ended, stream.ts_ns / kNsPerSecond, &facts);
        return more && !ended;
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr DirectionFacts kNone{};
        const Memory* memory = FlowMemory::of(flow);
        const DirectionFacts& facts = memory ? memory->direction[flow.direction] : kNone;
        put_hello(facts.hello, row);
        put_certificate(facts.certificate, row);
        // Its other packets were not looked at: with small segments acknowledgments may use the number up.
        const bool is_beyond =
            facts.record_versions.offered && !facts.read_to_end && flow.dir->packets > kNeeds[0].first_packets;
        const std::uint32_t stat =
            facts.stat | facts.hello.stat | (is_beyond ? kHandshakeCut : 0u) |
            (memory && is_resumed_by_id(facts, memory->direction[1 - flow.direction]) ? kResumed : 0u);
        const bool differs = facts.record_versions.offered && facts.hello.legacy_version &&
                             facts.record_versions.values[0] != facts.hello.legacy_version;
        row.put(kColumns.stat, stat);
        row.put(kColumns.flags, static_cast<std::uint8_t>(facts.hello.flags | (differs ? kFlagVersionDiffers : 0)));
        const std::uint16_t record_version = facts.record_versions.values[0];
        row.put(kColumns.version, facts.hello.version ? facts.hello.version : record_version);
        put_list(kColumns.record_version_count, kColumns.record_versions, facts.record_versions, row);
        row.put(kColumns.alerts, facts.alerts);
        const std::string counts =
            fmt::format("{}_{}_{}_{}_{}", facts.change_cipher_records, facts.alert_records, facts.handshake_records,
                        facts.application_records, facts.heartbeat_records);
        row.text(kColumns.record_counts, counts);

        stat_ |= stat;
        figures_.add(kFigures.clients, stat & kClientSide ? 1 : 0);
        figures_.add(kFigures.servers, stat & kServerSide ? 1 : 0);
        figures_.add(kFigures.certificates, facts.certificate.version ? 1 : 0);
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!stat_ && !figures_[kFigures.clients] && !figures_[kFigures.servers])
            return;
        out.line(fmt::format("tls: Aggregated sslStat=0x{:08x}", stat_));
        out.line(fmt::format("tls: Number of client hellos, server hellos, certificates: {}, {}, {}",
                             flowxdp::count_text(figures_[kFigures.clients]),
                             flowxdp::count_text(figures_[kFigures.servers]),
                             flowxdp::count_text(figures_[kFigures.certificates])));
    }

  private:
    // The server sends the id back that the client wanted to resume (RFC 5246 7.4.1.3).
    static bool is_resumed_by_id(const DirectionFacts& server, const DirectionFacts& client)
    {
        const HelloFacts &answer = server.hello, &offer = client.hello;
        return answer.stat & kServerSide && offer.stat & kClientSide && answer.version < kTls13 &&
               answer.session_id_length && answer.session_id_length == offer.session_id_length &&
               std::equal(std::begin(answer.session_id), std::end(answer.session_id), std::begin(offer.session_id));
    }

    template <typename CountColumn, typename ListColumn, typename T, std::size_t Most>
    static void put_list(const CountColumn& count_column, const ListColumn& column, const CappedList<T, Most>& list,
                         flowxdp::RowWriter& row)
    {
        if constexpr (std::is_same_v<CountColumn, flowxdp::ColumnOf<flowxdp::ColumnSet::U8>>)
            row.put(count_column, static_cast<std::uint8_t>(std::min<std::uint16_t>(list.offered, 0xff)));
        else
            row.put(count_column, list.offered);
        row.list(column, std::span<const T>(list.values, list.size()));
    }

    static void put_hello(const HelloFacts& hello, flowxdp::RowWriter& row)
    {
        const bool any = hello.stat & (kClientSide | kServerSide);
        row.put(kColumns.proto, hello.protocols);
        row.put(kColumns.hello_version_count, static_cast<std::uint16_t>(any));
        row.list(kColumns.hello_versions, std::span<const std::uint16_t>(&hello.legacy_version, any));
        row.put(kColumns.cipher, hello.cipher);
        put_list(kColumns.extension_count, kColumns.extensions, hello.extensions, row);
        put_list(kColumns.version_count, kColumns.versions, hello.versions, row);
        put_list(kColumns.algorithm_count, kColumns.algorithms, hello.signature_algorithms, row);
        put_list(kColumns.group_count, kColumns.groups, hello.groups, row);
        put_list(kColumns.format_count, kColumns.formats, hello.point_formats, row);
        put_protocols(hello.protocol_names, row);
        if (hello.stat & kServerSide) {
            row.put(kColumns.cipher_count, std::uint16_t{1});
            row.list(kColumns.ciphers, std::span<const std::uint16_t>(&hello.cipher, 1));
        } else {
            put_list(kColumns.cipher_count, kColumns.ciphers, hello.ciphers, row);
        }
        row.put(kColumns.session_id_length, hello.session_id_length);
        if (any && !(hello.flags & kFlagSsl2))
            row.put(kColumns.hello_time, hello.gmt_time * kNsPerSecond);
        else
            row.leave_empty(kColumns.hello_time);
        if (hello.server_name_length)
            row.text(kColumns.server_name, {hello.server_name, hello.server_name_length});
        else
            row.leave_empty(kColumns.server_name);
        put_hex(kColumns.ja3, hello.ja3.data(), hello.has_ja3 ? hello.ja3.size() : 0, row);
        row.text(kColumns.ja4, {hello.ja4.data(), hello.has_ja4 ? hello.ja4.size() : 0});
    }

    static void put_protocols(const ProtocolNames& names, flowxdp::RowWriter& row)
    {
        std::string_view views[ProtocolNames::kMost];
        row.put(kColumns.protocol_count, names.offered);
        row.list(kColumns.protocols, std::span<const std::string_view>(views, names.views(views)));
    }

    static void put_certificate(const CertificateFacts& c, flowxdp::RowWriter& row)
    {
        put_hex(kColumns.serial, c.serial, c.serial_length, row);
        put_hex(kColumns.sha1, c.sha1, c.version ? sizeof c.sha1 : 0, row);
        put_hex(kColumns.sha256, c.sha256, c.version ? sizeof c.sha256 : 0, row);
        std::string validity;
        if (c.version && !c.no_validity)
            validity = fmt::format("{}_{}_{}", c.not_before, c.not_after, c.not_after - c.not_before);
        row.text(kColumns.validity, validity);
        if (c.version)
            row.put(kColumns.certificate_version, c.version);
        else
            row.leave_empty(kColumns.certificate_version);
        if (c.key_bits)
            row.put(kColumns.key_bits, c.key_bits);
        else
            row.leave_empty(kColumns.key_bits);
        put_text(kColumns.signature_algorithm, c.signature_algorithm, row);
        put_text(kColumns.key_algorithm, c.key_algorithm, row);
        put_text(kColumns.subject_name, c.subject_name, row);
        put_text(kColumns.subject_organisation, c.subject_organisation, row);
        put_text(kColumns.subject_country, c.subject_country, row);
        put_text(kColumns.issuer_name, c.issuer_name, row);
        put_text(kColumns.issuer_organisation, c.issuer_organisation, row);
        put_text(kColumns.issuer_country, c.issuer_country, row);
    }

    template <std::size_t Most>
    static void put_text(const flowxdp::OptionalColumnOf<flowxdp::ColumnSet::String>& column,
                         const CertificateText<Most>& text, flowxdp::RowWriter& row)
    {
        if (text.length)
            row.text(column, {text.bytes, text.length});
        else
            row.leave_empty(column);
    }

    static void put_hex(const flowxdp::ColumnOf<flowxdp::ColumnSet::Word>& column, const std::uint8_t* bytes,
                        std::size_t size, flowxdp::RowWriter& row)
    {
        char digits[64];
        size = std::min(size, sizeof digits / 2);
        for (std::size_t i = 0; i < size; i++) {
            static constexpr char kDigits[] = "0123456789abcdef";
            digits[2 * i] = kDigits[bytes[i] >> 4];
            digits[2 * i + 1] = kDigits[bytes[i] & 15];
        }
        row.text(column, {digits, 2 * size});
    }

    DirectionReader reader_;
    std::uint32_t stat_ = 0;
    flowxdp::FigureValues figures_{kFigures};
};

} // namespace

FLOWXDP_PLUGIN(Tls, kDescription)
