// SPDX-License-Identifier: BSD-2-Clause
// smtp, user half: the envelopes of mails: hosts, users, senders, receivers, replies.
#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "smtp_message.h"

namespace {

using namespace flowxdp::smtp;

constexpr fx_bit kStatBits[] = {
    {kSmtp, "SMTP flow"},
    {kAuthPending, "Authentication began and did not end"},
    {kInMail, "The bytes end within a mail"},
    {kNotSmtp, "Lines that are no command or reply"},
    {kGap, "Bytes were not captured, or the connection's start was not: reading went on with the next line"},
    {kHeadEnded, "The connection goes on behind the bytes that are looked at"},
    {kEncrypted, "Encrypted from here on (STARTTLS)"},
    {kOverflow, "A list is full or a text is cut"},
};

// A bit of smtpCBF for each command of T2's.
struct CommandBits {
    fx_bit bits[kCommandBits] = {};
    constexpr CommandBits()
    {
        for (std::size_t i = 0; i < kCommandBits; i++)
            bits[i] = {1ULL << i, kCommands[i].data()};
    }
};
constexpr CommandBits kCommandNames;

struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "smtpStat", .help = "SMTP status", .bits = kStatBits}};
    Column<H16> commands{this, {.name = "smtpCBF", .help = "SMTP commands", .bits = kCommandNames.bits}};
    List<Word> command_codes{this, {.name = "smtpCC", .help = "Distinct commands in the order of their first use"}};
    List<U16> codes{this, {.name = "smtpRC", .help = "Distinct reply codes in the order of their first use"}};
    List<String> users{this, {.name = "smtpUsr", .help = "Distinct users of AUTH PLAIN and LOGIN"}};
    List<String> passwords{this, {.name = "smtpPW", .help = "Their passwords; empty without pass=1"}};
    Column<U8> server_count{this, {.name = "smtpSANum", .help = "Distinct host names", .unit = "names"}};
    Column<U8> sender_count{this, {.name = "smtpESANum", .help = "Distinct senders", .unit = "addresses"}};
    Column<U8> receiver_count{this, {.name = "smtpERANum", .help = "Distinct receivers", .unit = "addresses"}};
    List<String> servers{this,
                         {.name = "smtpSA", .help = "Distinct host names: of HELO and EHLO, of the server's greeting"}};
    List<String> senders{this, {.name = "smtpESA", .help = "Distinct senders (MAIL FROM)"}};
    List<String> receivers{this, {.name = "smtpERA", .help = "Distinct receivers (RCPT TO)"}};
};
constexpr FlowColumns kColumns;

struct Options : flowxdp::OptionSet {
    Switch pass{this, "pass", "0", "1: passwords in clear text in smtpPW"};
};
constexpr Options kOptions;

struct Memory {
    Side side[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

// Submission over TLS (465) is encrypted from its first byte.
constexpr std::uint16_t kRelay = 25, kSubmission = 587;
constexpr fx_packet_need kNeeds[] = {{.ip_proto = 6,
                                      .port_first = kRelay,
                                      .port_last = kRelay,
                                      .payload_bytes = PACKET_MAX_PAYLOAD,
                                      .flags = FX_NEED_STREAM},
                                     {.ip_proto = 6,
                                      .port_first = kSubmission,
                                      .port_last = kSubmission,
                                      .payload_bytes = PACKET_MAX_PAYLOAD,
                                      .flags = FX_NEED_STREAM}};
struct Figures : flowxdp::FigureSet {
    Counter flows{this, {.name = "flow_directions", .help = "Flow directions with SMTP"}};
};
constexpr Figures kFigures;

constexpr flowxdp::PluginDescription kDescription = {.number = 303,
                                                     .name = "smtp",
                                                     .version = "0.1.0",
                                                     .help = "Envelopes of SMTP (ports 25 and 587)",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .stream_bytes = kHeadBytes,
                                                     .figures = kFigures.all()};

class Smtp final : public flowxdp::Plugin {
  public:
    Smtp(flowxdp::OptionValues options, void*, flowxdp::Host) : keep_passwords_(options[kOptions.pass]) {}

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return kNeeds; }

    bool on_stream(const fx_stream& stream) override
    {
        return read(flowxdp::stream_view(stream, kHeadBytes), keep_passwords_,
                    &FlowMemory::of(stream).side[stream.direction & 1]);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr Side kNothing{};
        const Memory* memory = FlowMemory::of(flow);
        const Side& side = memory ? memory->side[flow.direction & 1] : kNothing;
        row.put(kColumns.stat, side.stat);
        row.put(kColumns.commands, side.commands);
        std::string_view commands[std::size(side.order.values)];
        for (unsigned i = 0; i < side.order.count; i++)
            commands[i] = kCommands[side.order.values[i]];
        row.list(kColumns.command_codes, std::span<const std::string_view>(commands, side.order.count));
        row.list(kColumns.codes, std::span(side.codes.values, side.codes.count));
        row.list(kColumns.users, flowxdp::TextList(side.texts, kUser).all());
        row.list(kColumns.passwords, flowxdp::TextList(side.texts, kPassword).all());
        row.put(kColumns.server_count, side.servers);
        row.put(kColumns.sender_count, side.senders);
        row.put(kColumns.receiver_count, side.receivers);
        row.list(kColumns.servers, flowxdp::TextList(side.texts, kServer).all());
        row.list(kColumns.senders, flowxdp::TextList(side.texts, kFrom).all());
        row.list(kColumns.receivers, flowxdp::TextList(side.texts, kTo).all());
        stat_ |= side.stat;
        figures_.add(kFigures.flows, side.stat != 0);
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!figures_[kFigures.flows])
            return;
        out.line(fmt::format("smtp: Aggregated smtpStat=0x{:02x}", stat_));
        out.line(
            fmt::format("smtp: Number of SMTP flow directions: {}", flowxdp::count_text(figures_[kFigures.flows])));
    }

  private:
    const bool keep_passwords_;
    std::uint8_t stat_ = 0;
    flowxdp::FigureValues figures_{kFigures};
};

} // namespace

FLOWXDP_PLUGIN(Smtp, kDescription)
