// SPDX-License-Identifier: BSD-2-Clause
// ftp, user half: commands, replies, and where data connections were announced.
#include <fmt/format.h>

#include "flowxdp/plugin.hpp"
#include "ftp_message.h"

namespace {

using namespace flowxdp::ftp;

constexpr fx_bit kStatBits[] = {
    {kFtp, "FTP control connection"},
    {kPassive, "Passive data connection announced"},
    {kNotFtp, "Lines that are no command or reply"},
    {kActive, "Active data connection announced"},
    {kGap, "Bytes were not captured, or the connection's start was not: reading went on with the next line"},
    {kHeadEnded, "The connection goes on behind the bytes that are looked at"},
    {kEncrypted, "Encrypted from here on (AUTH)"},
    {kOverflow, "A list is full or a text is cut"},
};

// A bit of ftpCBF for each command.
struct CommandBits {
    fx_bit bits[std::size(kCommands)] = {};
    constexpr CommandBits()
    {
        for (std::size_t i = 0; i < std::size(kCommands); i++)
            bits[i] = {1ULL << i, kCommands[i].data()};
    }
};
constexpr CommandBits kCommandBits;

struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "ftpStat", .help = "FTP status", .bits = kStatBits}};
    Column<H64> commands{this, {.name = "ftpCBF", .help = "FTP commands", .bits = kCommandBits.bits}};
    List<Word> command_codes{this, {.name = "ftpCC", .help = "Distinct commands in the order of their first use"}};
    List<U16> codes{this, {.name = "ftpRC", .help = "Distinct reply codes in the order of their first use"}};
    Column<U8> user_count{this, {.name = "ftpNumUser", .help = "Distinct users", .unit = "users"}};
    List<String> users{this, {.name = "ftpUser", .help = "Distinct users"}};
    Column<U8> password_count{
        this, {.name = "ftpNumPass", .help = "Passwords: distinct ones with pass=1, else all", .unit = "passwords"}};
    List<String> passwords{this, {.name = "ftpPass", .help = "Distinct passwords; empty without pass=1"}};
    Column<U8> parameter_count{
        this, {.name = "ftpNumCP", .help = "Distinct parameters of other commands", .unit = "parameters"}};
    List<String> parameters{
        this, {.name = "ftpCP", .help = "Distinct parameters of other commands: file names, addresses, modes"}};
    List<Ip> data_ips{this,
                      {.name = "ftpDataIP", .help = "Addresses of data connections that this direction announced"}};
    List<U16> data_ports{this, {.name = "ftpDataPort", .help = "Their ports, in the same order"}};
};
constexpr FlowColumns kColumns;

struct Options : flowxdp::OptionSet {
    Switch pass{this, "pass", "0", "1: passwords in clear text in ftpPass"};
};
constexpr Options kOptions;

struct Memory {
    Side side[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr std::uint16_t kPort = 21;
constexpr fx_packet_need kNeeds[] = {{.ip_proto = 6,
                                      .port_first = kPort,
                                      .port_last = kPort,
                                      .payload_bytes = PACKET_MAX_PAYLOAD,
                                      .flags = FX_NEED_STREAM}};
struct Figures : flowxdp::FigureSet {
    Counter flows{this, {.name = "flow_directions", .help = "Flow directions of FTP control connections"}};
};
constexpr Figures kFigures;

constexpr flowxdp::PluginDescription kDescription = {.number = 301,
                                                     .name = "ftp",
                                                     .version = "0.1.0",
                                                     .help = "FTP control connections (port 21)",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .stream_bytes = kHeadBytes,
                                                     .figures = kFigures.all()};

struct IpCell {
    std::uint8_t address[16], version;
};

class Ftp final : public flowxdp::Plugin {
  public:
    Ftp(flowxdp::OptionValues options, void*, flowxdp::Host) : keep_passwords_(options[kOptions.pass]) {}

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
        row.put(kColumns.user_count, side.users);
        row.list(kColumns.users, flowxdp::TextList(side.texts, kUser).all());
        row.put(kColumns.password_count, side.passwords);
        row.list(kColumns.passwords, flowxdp::TextList(side.texts, kPassword).all());
        row.put(kColumns.parameter_count, side.parameters);
        row.list(kColumns.parameters, flowxdp::TextList(side.texts, kParameter).all());
        IpCell ips[kMostEndpoints];
        std::uint16_t ports[kMostEndpoints];
        for (unsigned i = 0; i < side.endpoint_count; i++) {
            const Endpoint& endpoint = side.endpoints[i];
            const bool own = endpoint.ip_version == 0;
            std::memcpy(ips[i].address, own ? flow.src_address : endpoint.address, sizeof ips[i].address);
            ips[i].version = own ? flow.ip_version : endpoint.ip_version;
            ports[i] = endpoint.port;
        }
        row.list(kColumns.data_ips, std::span<const IpCell>(ips, side.endpoint_count));
        row.list(kColumns.data_ports, std::span<const std::uint16_t>(ports, side.endpoint_count));
        stat_ |= side.stat;
        figures_.add(kFigures.flows, side.stat != 0);
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!figures_[kFigures.flows])
            return;
        out.line(fmt::format("ftp: Aggregated ftpStat=0x{:02x}", stat_));
        out.line(fmt::format("ftp: Number of FTP control flow directions: {}",
                             flowxdp::count_text(figures_[kFigures.flows])));
    }

  private:
    const bool keep_passwords_;
    std::uint8_t stat_ = 0;
    flowxdp::FigureValues figures_{kFigures};
};

} // namespace

FLOWXDP_PLUGIN(Ftp, kDescription)
