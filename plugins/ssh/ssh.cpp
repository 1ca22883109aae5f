// SPDX-License-Identifier: BSD-2-Clause
// ssh, user half: banners, algorithms, host key and HASSH of SSH connections.
#include <fmt/format.h>

#include <string>

#include "flowxdp/plugin.hpp"
#include "ssh_message.h"

namespace {

using namespace flowxdp::ssh;

constexpr fx_bit kStatBits[] = {
    {kSsh, "SSH flow"},
    {kFirstBanner, "This direction sent its banner first"},
    {kOddBanner, "Banner does not end with CRLF, or has a zero byte"},
    {kKexInit, "Key Exchange Init seen"},
    {kDhInit, "Diffie-Hellman Key Exchange Init seen"},
    {kDhReply, "Diffie-Hellman Key Exchange Reply seen"},
    {kEcdhInit, "Elliptic curve (or hybrid) Key Exchange Init seen"},
    {kEcdhReply, "Elliptic curve (or hybrid) Key Exchange Reply seen"},
    {kGexGroup, "Diffie-Hellman Group Exchange Group seen"},
    {kGexInit, "Diffie-Hellman Group Exchange Init seen"},
    {kGexRequest, "Diffie-Hellman Group Exchange Request seen"},
    {kGexReply, "Diffie-Hellman Group Exchange Reply seen"},
    {kNewKeys, "New Keys seen"},
    {kTextCut, "Banner or host key type is cut"},
    {kListCut, "A list of algorithms is cut"},
    {kMalformed, "Malformed, or bytes were not captured"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H16> stat{this, {.name = "sshStat", .help = "SSH status", .bits = kStatBits}};
    List<String> version{this, {.name = "sshVersion", .help = "Banner that this direction sent"}};
    List<Word> key_type{this, {.name = "sshHostKeyType", .help = "Type of the host key that this direction sent"}};
    List<Word> fingerprint{this, {.name = "sshFingerprint", .help = "Fingerprint of that host key"}};
    List<String> kex{this, {.name = "sshKEX", .help = "Key exchange that both agree on"}};
    List<String> host_key{this, {.name = "sshSrvHKeyAlgo", .help = "Host key algorithm that both agree on"}};
    List<String> cipher_cs{this, {.name = "sshEncCS", .help = "Cipher that both agree on, client to server"}};
    List<String> cipher_sc{this, {.name = "sshEncSC", .help = "Cipher that both agree on, server to client"}};
    List<String> mac_cs{this, {.name = "sshMacCS", .help = "MAC that both agree on, client to server"}};
    List<String> mac_sc{this, {.name = "sshMacSC", .help = "MAC that both agree on, server to client"}};
    List<String> compression_cs{this,
                                {.name = "sshCompCS", .help = "Compression that both agree on, client to server"}};
    List<String> compression_sc{this,
                                {.name = "sshCompSC", .help = "Compression that both agree on, server to client"}};
    List<String> kex_list{this, {.name = "sshKEXList", .help = "Key exchanges that this direction offers"}};
    List<String> host_key_list{
        this, {.name = "sshSrvHKeyAlgoList", .help = "Host key algorithms that this direction offers"}};
    List<String> cipher_cs_list{
        this, {.name = "sshEncCSList", .help = "Ciphers that this direction offers, client to server"}};
    List<String> cipher_sc_list{
        this, {.name = "sshEncSCList", .help = "Ciphers that this direction offers, server to client"}};
    List<String> mac_cs_list{this,
                             {.name = "sshMacCSList", .help = "MACs that this direction offers, client to server"}};
    List<String> mac_sc_list{this,
                             {.name = "sshMacSCList", .help = "MACs that this direction offers, server to client"}};
    List<String> compression_cs_list{
        this, {.name = "sshCompCSList", .help = "Compressions that this direction offers, client to server"}};
    List<String> compression_sc_list{
        this, {.name = "sshCompSCList", .help = "Compressions that this direction offers, server to client"}};
    List<Word> hassh{this, {.name = "sshHassh", .help = "HASSH of a client, HASSHServer of a server (MD5)"}};
};
constexpr FlowColumns kColumns;

enum class Fingerprint : std::uint8_t { kMd5, kSha256 };
struct Options : flowxdp::OptionSet {
    flowxdp::WordOption<Fingerprint> fingerprint{this, "fingerprint", "md5", "what sshFingerprint is made with",
                                                 "md5|sha256"};
    Number<std::uint16_t> packets{
        this, "packets", "32", "packets of a direction that are looked at, those without payload included; 0 = all",
        0,    65535};
};
constexpr Options kOptions;

struct Memory {
    Side side[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

struct Figures : flowxdp::FigureSet {
    Counter flows{this, {.name = "flow_directions", .help = "Flow directions with SSH"}};
};
constexpr Figures kFigures;

constexpr flowxdp::PluginDescription kDescription = {.number = 309,
                                                     .name = "ssh",
                                                     .version = "0.1.0",
                                                     .help = "SSH banners, algorithms and HASSH",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .stream_bytes = kHeadBytes,
                                                     .figures = kFigures.all()};

std::string hexadecimal(std::span<const std::uint8_t> bytes, const char* separator)
{
    std::string text;
    for (const std::uint8_t byte : bytes)
        text += fmt::format("{}{:02x}", text.empty() ? "" : separator, byte);
    return text;
}

// RFC 4648, without padding, as ssh-keygen -l prints it.
std::string base64(std::span<const std::uint8_t> bytes)
{
    static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    unsigned bits = 0, held = 0;
    for (const std::uint8_t byte : bytes) {
        held = held << 8 | byte;
        for (bits += 8; bits >= 6; bits -= 6)
            text += kLetters[held >> (bits - 6) & 63];
    }
    if (bits)
        text += kLetters[held << (6 - bits) & 63];
    return text;
}

class Ssh final : public flowxdp::Plugin {
  public:
    Ssh(flowxdp::OptionValues options, void*, flowxdp::Host) : fingerprint_(options[kOptions.fingerprint])
    {
        need_.first_packets = options[kOptions.packets];
    }

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return {&need_, 1}; }

    bool on_stream(const fx_stream& stream) override
    {
        Memory& memory = FlowMemory::of(stream);
        const unsigned direction = stream.direction & 1;
        return read(flowxdp::stream_view(stream, kHeadBytes), memory.side[direction ^ 1], &memory.side[direction]);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr Memory kNothing{};
        const Memory* memory = FlowMemory::of(flow);
        if (!memory)
            memory = &kNothing;
        const unsigned direction = flow.direction & 1;
        const Side &side = memory->side[direction], &other = memory->side[direction ^ 1];
        constexpr std::uint16_t kPort = 22;
        const bool from_port = flow.src_port == kPort, to_port = flow.dst_port == kPort;
        const bool client = is_client(side, other, from_port == to_port ? direction == DIRECTION_A : to_port);
        const Side &of_client = client ? side : other, &of_server = client ? other : side;
        const std::uint16_t stat = stat_with_messages(side, chosen(of_client, of_server, kKex));
        row.put(kColumns.stat, stat);
        one(row, kColumns.version, side.banner_text());
        one(row, kColumns.key_type, side.key_type_text());
        std::string fingerprint;
        if (side.has_host_key)
            fingerprint = fingerprint_ == Fingerprint::kMd5 ? hexadecimal(side.key_md5, ":") : base64(side.key_sha256);
        one(row, kColumns.fingerprint, fingerprint);
        constexpr const flowxdp::ListColumnOf<flowxdp::ColumnSet::String>* kChosen[] = {
            &kColumns.kex,    &kColumns.host_key, &kColumns.cipher_cs,      &kColumns.cipher_sc,
            &kColumns.mac_cs, &kColumns.mac_sc,   &kColumns.compression_cs, &kColumns.compression_sc};
        constexpr const flowxdp::ListColumnOf<flowxdp::ColumnSet::String>* kOffered[] = {&kColumns.kex_list,
                                                                                         &kColumns.host_key_list,
                                                                                         &kColumns.cipher_cs_list,
                                                                                         &kColumns.cipher_sc_list,
                                                                                         &kColumns.mac_cs_list,
                                                                                         &kColumns.mac_sc_list,
                                                                                         &kColumns.compression_cs_list,
                                                                                         &kColumns.compression_sc_list};
        for (unsigned i = 0; i < kLists; i++) {
            one(row, *kChosen[i], chosen(of_client, of_server, static_cast<List>(i)));
            one(row, *kOffered[i], side.list(static_cast<List>(i)));
        }
        std::string hassh;
        if ((side.stat & kKexInit) && side.list_length[kKex])
            hassh = hexadecimal(client ? side.hassh : side.hassh_server, "");
        one(row, kColumns.hassh, hassh);
        stat_ |= stat;
        figures_.add(kFigures.flows, (stat & kSsh) != 0);
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!figures_[kFigures.flows])
            return;
        out.line(fmt::format("ssh: Aggregated sshStat=0x{:04x}", stat_));
        out.line(fmt::format("ssh: Number of SSH flow directions: {}", flowxdp::count_text(figures_[kFigures.flows])));
    }

  private:
    fx_packet_need need_{.ip_proto = 6, .payload_bytes = PACKET_MAX_PAYLOAD, .flags = FX_NEED_STREAM};
    // A list of one text, of none when it is empty.
    template <typename Column>
    static void one(flowxdp::RowWriter& row, const Column& column, std::string_view text)
    {
        row.list(column, std::span(&text, text.empty() ? 0 : 1));
    }

    Fingerprint fingerprint_;
    std::uint16_t stat_ = 0;
    flowxdp::FigureValues figures_{kFigures};
};

} // namespace

FLOWXDP_PLUGIN(Ssh, kDescription)
