// SPDX-License-Identifier: BSD-2-Clause
// sip, user half: who calls whom, and where the media of a call go.
#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "sip_message.h"

namespace {

using namespace flowxdp::sip;

constexpr fx_bit kStatBits[] = {
    {kSip, "SIP flow"},
    {kSdp, "SDP seen"},
    {kAudio, "Audio announced"},
    {kVideo, "Video announced"},
    {kMediaCut, "More media addresses or ports than are kept"},
    {kListCut, "A list or the memory for texts is full: later values are left out"},
    {kTextCut, "A text or a datagram is cut"},
    {kGap, "Bytes were not captured: reading went on with the next line"},
    {kHeadEnded, "The bytes that are looked at end within a message, or the connection goes on behind them"},
    {kMalformed, "Malformed lines"},
    {kNoStart, "The start of the connection was not seen"},
};
constexpr std::string_view kOtherMethod = "UNKNOWN";

// A bit of sipMethods for each method.
struct MethodBits {
    fx_bit bits[std::size(kMethods) + 1] = {{1, "Unknown method"}};
    constexpr MethodBits()
    {
        for (std::size_t i = 0; i < std::size(kMethods); i++)
            bits[i + 1] = {2ULL << i, kMethods[i].data()};
    }
};
constexpr MethodBits kMethodBits;

struct FlowColumns : flowxdp::ColumnSet {
    Column<H32> stat{this, {.name = "voipStat", .help = "SIP and SDP status", .bits = kStatBits}};
    Column<H16> methods{this, {.name = "sipMethods", .help = "SIP methods", .bits = kMethodBits.bits}};
    Column<U8> responses{this, {.name = "sipStatCnt", .help = "SIP responses", .unit = "responses"}};
    Column<U8> requests{this, {.name = "sipReqCnt", .help = "SIP requests", .unit = "requests"}};
    Column<String> agent{this, {.name = "sipUsrAgnt", .help = "First User-Agent field"}};
    Column<String> real_ip{this, {.name = "sipRealIP", .help = "First X-Real-IP field"}};
    List<String> from{this, {.name = "sipFrom", .help = "Distinct URIs of From fields"}};
    List<String> to{this, {.name = "sipTo", .help = "Distinct URIs of To fields"}};
    List<String> call_id{this, {.name = "sipCallID", .help = "Distinct Call-ID fields"}};
    List<String> contact{this, {.name = "sipContact", .help = "Distinct URIs of Contact fields"}};
    List<U16> codes{this, {.name = "sipStat", .help = "Distinct status codes of responses"}};
    List<Word> request_codes{this, {.name = "sipReq", .help = "Distinct methods in the order of their first use"}};
    List<String> session{this, {.name = "sdpSessID", .help = "Distinct session ids of SDP"}};
    List<Ip> addresses{this, {.name = "sdpRFAdd", .help = "Distinct addresses where this direction takes media"}};
    List<U16> audio{this, {.name = "sdpRAFPrt", .help = "Distinct ports where it takes audio"}};
    List<U16> video{this, {.name = "sdpRVFPrt", .help = "Distinct ports where it takes video"}};
    List<Word> codecs{this, {.name = "sdpRTPMap", .help = "Distinct encodings that it offers, as NAME/RATE"}};
};
constexpr FlowColumns kColumns;

struct Memory {
    Side side[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr std::uint16_t kPort = 5060;
constexpr fx_packet_need kNeeds[] = {{.ip_proto = 6,
                                      .port_first = kPort,
                                      .port_last = kPort,
                                      .payload_bytes = PACKET_MAX_PAYLOAD,
                                      .flags = FX_NEED_STREAM},
                                     {.ip_proto = 17,
                                      .port_first = kPort,
                                      .port_last = kPort,
                                      .payload_bytes = PACKET_MAX_PAYLOAD,
                                      .flags = FX_NEED_PAYLOAD}};
struct Figures : flowxdp::FigureSet {
    Counter requests{this, {.name = "requests", .help = "SIP requests, in flows that ended"}};
    Counter responses{this, {.name = "responses", .help = "SIP responses, in flows that ended"}};
};
constexpr Figures kFigures;

constexpr flowxdp::PluginDescription kDescription = {.number = 410,
                                                     .name = "sip",
                                                     .version = "0.1.0",
                                                     .help = "SIP and its SDP over UDP and TCP (port 5060)",
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .stream_bytes = kHeadBytes,
                                                     .figures = kFigures.all()};

class Sip final : public flowxdp::Plugin {
  public:
    Sip(flowxdp::OptionValues, void*, flowxdp::Host) {}

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return kNeeds; }

    void on_packet(const fx_packet& packet) override
    {
        if (packet.record->ip_proto != 17)
            return;
        const std::uint16_t captured = packet.record->payload_captured;
        read_datagram({packet.payload, captured}, packet.record->payload_len == captured,
                      &FlowMemory::of(packet).side[packet.record->direction & 1]);
    }

    bool on_stream(const fx_stream& stream) override
    {
        return read(flowxdp::stream_view(stream, kHeadBytes), &FlowMemory::of(stream).side[stream.direction & 1]);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr Side kNothing{};
        const Memory* memory = FlowMemory::of(flow);
        const Side& side = memory ? memory->side[flow.direction & 1] : kNothing;
        row.put(kColumns.stat, side.stat);
        row.put(kColumns.methods, side.methods);
        row.put(kColumns.responses, side.responses);
        row.put(kColumns.requests, side.requests);
        row.text(kColumns.agent, flowxdp::TextList(side.texts, kUserAgent).first());
        row.text(kColumns.real_ip, flowxdp::TextList(side.texts, kRealIp).first());
        texts(row, kColumns.from, side, kFrom);
        texts(row, kColumns.to, side, kTo);
        texts(row, kColumns.call_id, side, kCallId);
        texts(row, kColumns.contact, side, kContact);
        row.list(kColumns.codes, std::span(side.codes.values, side.codes.count));
        std::string_view methods[std::size(side.request_order.values)];
        for (unsigned i = 0; i < side.request_order.count; i++) {
            const std::uint8_t bit = side.request_order.values[i];
            methods[i] = bit ? kMethods[bit - 1] : kOtherMethod;
        }
        row.list(kColumns.request_codes, std::span<const std::string_view>(methods, side.request_order.count));
        texts(row, kColumns.session, side, kSession);
        row.list(kColumns.addresses, std::span(side.addresses, side.address_count));
        row.list(kColumns.audio, std::span(side.audio_ports.values, side.audio_ports.count));
        row.list(kColumns.video, std::span(side.video_ports.values, side.video_ports.count));
        texts(row, kColumns.codecs, side, kCodec);
        stat_ |= side.stat;
        methods_ |= side.methods;
        figures_.add(kFigures.requests, side.requests);
        figures_.add(kFigures.responses, side.responses);
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!stat_)
            return;
        out.line(fmt::format("sip: Aggregated voipStat=0x{:08x}, sipMethods=0x{:04x}", stat_, methods_));
        out.line(fmt::format("sip: Number of SIP requests, responses: {}, {}",
                             flowxdp::count_text(figures_[kFigures.requests]),
                             flowxdp::count_text(figures_[kFigures.responses])));
    }

  private:
    template <typename Column>
    static void texts(flowxdp::RowWriter& row, const Column& column, const Side& side, Text kind)
    {
        row.list(column, flowxdp::TextList(side.texts, kind).all());
    }

    std::uint32_t stat_ = 0;
    std::uint16_t methods_ = 0;
    flowxdp::FigureValues figures_{kFigures};
};

} // namespace

FLOWXDP_PLUGIN(Sip, kDescription)
