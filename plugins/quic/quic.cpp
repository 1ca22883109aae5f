// SPDX-License-Identifier: BSD-2-Clause
// quic: what the first datagrams of a QUIC connection say: version, connection ids, Retry and Version Negotiation, and
// from its Initial packets server name, protocols, cipher, JA3, JA3S and JA4. It has only a user half.
#include <algorithm>
#include <memory>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "quic/connection.h"

namespace {

using namespace flowxdp::quic;
namespace tls = flowxdp::tls;

constexpr fx_bit kStatBits[] = {
    {kQuic, "Packet with a long header of QUIC"},
    {kHandshakePacket, "Handshake packet"},
    {kVersionNegotiation, "Version Negotiation"},
    {kVersionChanged, "Version changed"},
    {kDestinationChanged, "Destination connection id changed"},
    {kSourceChanged, "Source connection id changed"},
    {kSnapped, "Packet was not captured whole"},
    {kOpened, "Initial packet opened: its sender knew the connection id"},
    {kNotOpened, "Packet of an unknown version, or Initial packet that does not open"},
    {kRetry, "Retry"},
    {kRetryProved, "Retry answers the client's packet (integrity tag)"},
    {kHelloCut, "Hello is not whole: packets are missing, or it is longer than what is kept"},
    {kListCut, "A list or text of the hello was cut"},
    {kMalformed, "Malformed packet, frame or hello"},
    {kClosed, "Connection closed in an Initial packet"},
};
constexpr fx_bit kTypeBits[] = {
    {1, "Initial"}, {2, "0-RTT"}, {4, "Handshake"}, {8, "Retry"}, {32, "Unknown version"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H16> stat{this, {.name = "quicStat", .help = "QUIC status", .bits = kStatBits}};
    Column<H32> version{this, {.name = "quicVersion", .help = "QUIC version of the last long header"}};
    Column<H8> flags{this, {.name = "quicFlags", .help = "QUIC first bytes or-ed, without what is protected"}};
    Column<H8> packet_types{this, {.name = "quicPktTypes", .help = "QUIC packet types", .bits = kTypeBits}};
    Column<Word> destination{this, {.name = "quicDCID", .help = "QUIC destination connection id, the first one"}};
    Column<Word> source{this, {.name = "quicSCID", .help = "QUIC source connection id, the first one"}};
    Column<Word> original{this, {.name = "quicODCID", .help = "QUIC connection id that a proved Retry answers"}};
    List<H32> versions{this, {.name = "quicSuppVer", .help = "QUIC versions of Version Negotiation"}};
    Column<H16> tls_version{this, {.name = "quicTLSVersion", .help = "TLS version: highest offered, chosen (server)"}};
    Column<H16> cipher{this, {.name = "quicCipher", .help = "TLS cipher: first offered, chosen (server)"}};
    Optional<String> server_name{this, {.name = "quicSNI", .help = "Server name"}};
    Column<U16> protocol_count{this, {.name = "quicNumALPN", .help = "Protocols offered (ALPN)"}};
    List<String> protocols{this, {.name = "quicALPNList", .help = "Protocols offered (ALPN)"}};
    Column<Word> ja3{this, {.name = "quicJA3Hash", .help = "JA3 of the client, JA3S of the server"}};
    Column<Word> ja4{this, {.name = "quicJA4", .help = "JA4 of the client"}};
};
constexpr FlowColumns kColumns;

// What is kept of a live flow.
struct alignas(8) Memory {
    ConnectionFacts connection;
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr fx_packet_need kNeeds[] = {{.ethertype = 0,
                                      .ip_proto = 17,
                                      .first_layer = 7,
                                      .port_first = 0,
                                      .port_last = 0,
                                      .first_packets = 8,
                                      .payload_bytes = 2048,
                                      .flags = FX_NEED_PAYLOAD}};

struct Figures : flowxdp::FigureSet {
    Counter connections{this, {.name = "flows", .help = "Flows with QUIC"}};
    Counter hellos{this, {.name = "client_hellos", .help = "Flow directions with a client hello that was opened"}};
};
constexpr Figures kFigures;

constexpr flowxdp::PluginDescription kDescription = {.number = 313,
                                                     .default_on = false,
                                                     .name = "quic",
                                                     .version = "0.1.0",
                                                     .help = "QUIC: versions, connection ids, names, JA4",
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .figures = kFigures.all()};

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

class Quic final : public flowxdp::Plugin {
  public:
    Quic(flowxdp::OptionValues, void*, flowxdp::Host) {}

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return kNeeds; }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& record = *packet.record;
        reader_.read(record.direction & 1, {packet.payload, record.payload_captured}, record.payload_len,
                     (record.ts_ns + record.wall_offset_ns) / kNsPerSecond, &FlowMemory::of(packet).connection);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        if (const Memory* memory = FlowMemory::of(flow)) {
            *ended_ = memory->connection;
            take_unfinished_hello(flow.last_ns / kNsPerSecond, ended_.get());
        } else {
            *ended_ = {};
        }
        const SideFacts& side = ended_->side[flow.direction];
        const bool is_client = ended_->client == flow.direction + 1;
        const bool is_server = ended_->client && !is_client;
        static constexpr tls::HelloFacts kNoHello{};
        const tls::HelloFacts& hello = is_client ? ended_->client_hello : kNoHello;
        row.put(kColumns.stat, side.stat);
        row.put(kColumns.version, side.version);
        row.put(kColumns.flags, side.flags);
        row.put(kColumns.packet_types, side.packet_types);
        put_hex(kColumns.destination, side.destination.view(), row);
        put_hex(kColumns.source, side.source.view(), row);
        put_hex(kColumns.original, side.original_destination.view(), row);
        row.list(kColumns.versions, std::span<const std::uint32_t>(side.versions.values, side.versions.size()));
        row.put(kColumns.tls_version, is_server ? ended_->server_version : hello.version);
        row.put(kColumns.cipher, is_server ? ended_->server_cipher : hello.cipher);
        if (hello.server_name_length)
            row.text(kColumns.server_name, {hello.server_name, hello.server_name_length});
        else
            row.leave_empty(kColumns.server_name);
        put_protocols(hello.protocol_names, row);
        const bool has_ja3 = is_server ? ended_->has_ja3s : hello.has_ja3;
        const tls::Md5& ja3 = is_server ? ended_->ja3s : hello.ja3;
        put_hex(kColumns.ja3, {ja3.data(), has_ja3 ? ja3.size() : 0}, row);
        row.text(kColumns.ja4, {hello.ja4.data(), hello.has_ja4 ? hello.ja4.size() : 0});

        stat_ |= side.stat;
        figures_.add(kFigures.hellos, hello.stat & tls::kClientSide ? 1 : 0);
        figures_.add(kFigures.connections, flow.direction == 0 && (side.stat | ended_->side[1].stat) & kQuic ? 1 : 0);
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!stat_)
            return;
        out.line(fmt::format("quic: Aggregated quicStat=0x{:04x}", stat_));
        out.line(fmt::format("quic: Number of QUIC flows, client hellos: {}, {}",
                             flowxdp::count_text(figures_[kFigures.connections]),
                             flowxdp::count_text(figures_[kFigures.hellos])));
    }

  private:
    static void put_protocols(const tls::ProtocolNames& names, flowxdp::RowWriter& row)
    {
        std::string_view views[tls::ProtocolNames::kMost];
        row.put(kColumns.protocol_count, names.offered);
        row.list(kColumns.protocols, std::span<const std::string_view>(views, names.views(views)));
    }

    static void put_hex(const flowxdp::ColumnOf<flowxdp::ColumnSet::Word>& column, Bytes bytes, flowxdp::RowWriter& row)
    {
        char digits[64];
        const std::size_t size = std::min(bytes.size(), sizeof digits / 2);
        for (std::size_t i = 0; i < size; i++) {
            static constexpr char kDigits[] = "0123456789abcdef";
            digits[2 * i] = kDigits[bytes[i] >> 4];
            digits[2 * i + 1] = kDigits[bytes[i] & 15];
        }
        row.text(column, {digits, 2 * size});
    }

    ConnectionReader reader_;
    std::unique_ptr<ConnectionFacts> ended_ = std::make_unique<ConnectionFacts>(); // of the flow whose rows are made
    std::uint16_t stat_ = 0;
    flowxdp::FigureValues figures_{kFigures};
};

} // namespace

FLOWXDP_PLUGIN(Quic, kDescription)
