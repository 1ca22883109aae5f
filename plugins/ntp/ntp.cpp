// SPDX-License-Identifier: BSD-2-Clause
// ntp: who synchronises with whom, and how good the clock is (T2 ntpDecode). It has only a user half; README.md has the
// columns.
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "flowxdp/packet.h"
#include "flowxdp/plugin.hpp"
#include "ntp_message.h"

namespace {

namespace ntp = flowxdp::ntp;

constexpr fx_bit kStatBits[] = {
    {ntp::kStatNtp, "NTP message"},
    {ntp::kStatControl, "Control or private message (modes 6 and 7)"},
    {ntp::kStatMore, "Extension fields or a message authentication code"},
    {ntp::kStatKiss, "Kiss of death: stratum 0 from a server"},
    {ntp::kStatChanged, "Leap indicator, version or mode differ between messages"},
    {ntp::kStatCut, "A header is not whole in what was captured"},
    {ntp::kStatMalformed, "No NTP message on the NTP port"},
};
constexpr fx_bit kModeBits[] = {{0x01, "Reserved (0)"}, {0x02, "Symmetric active (1)"}, {0x04, "Symmetric passive (2)"},
                                {0x08, "Client (3)"},   {0x10, "Server (4)"},           {0x20, "Broadcast (5)"},
                                {0x40, "Control (6)"},  {0x80, "Private (7)"}};
struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "ntpStat", .help = "NTP status, warnings and errors", .bits = kStatBits}};
    Column<Word> leap_version_mode{
        this, {.name = "ntpLi_V_M", .help = "Leap indicator, version and mode of the first message"}};
    Column<H8> stratum{this, {.name = "ntpStrat", .help = "Stratum"}};
    Column<Ip> clock{this, {.name = "ntpRefClkId", .help = "Reference clock ID as an address (stratum 2 and above)"}};
    Column<String> clock_text{
        this, {.name = "ntpRefStrId", .help = "Reference clock ID as text (stratum 0 and 1): clock or kiss code"}};
    Column<U32> poll{this, {.name = "ntpPollInt", .help = "Poll interval; 0 = below a second", .unit = "s"}};
    Column<Float> precision{this, {.name = "ntpPrec", .help = "Precision of the clock", .unit = "s"}};
    Column<Float> delay_min{this, {.name = "ntpRtDelMin", .help = "Smallest root delay", .unit = "s"}};
    Column<Float> delay_max{this, {.name = "ntpRtDelMax", .help = "Largest root delay", .unit = "s"}};
    Column<Float> dispersion_min{this, {.name = "ntpRtDispMin", .help = "Smallest root dispersion", .unit = "s"}};
    Column<Float> dispersion_max{this, {.name = "ntpRtDispMax", .help = "Largest root dispersion", .unit = "s"}};
    Column<Time> reference{this, {.name = "ntpRefTS", .help = "Reference time stamp of the last message"}};
    Column<Time> originate{this, {.name = "ntpOrigTS", .help = "Originate time stamp of the last message"}};
    Column<Time> receive{this, {.name = "ntpRecTS", .help = "Receive time stamp of the last message"}};
    Column<Time> transmit{this, {.name = "ntpTranTS", .help = "Transmit time stamp of the last message"}};
    Column<H8> modes{this, {.name = "ntpModes", .help = "Set of modes", .bits = kModeBits}};
    Column<U32> messages{this, {.name = "ntpNumMsg", .help = "NTP messages", .unit = "messages"}};
};
constexpr FlowColumns kColumns;
struct Memory {
    ntp::Direction direction[2];
};
struct Figures : flowxdp::FigureSet {
    Counter messages{this, {.name = "messages", .help = "NTP messages, in flows that ended"}};
};
constexpr Figures kFigures;

using FlowMemory = flowxdp::FlowMemoryOf<Memory>;
constexpr flowxdp::PluginDescription kDescription = {.number = 205,
                                                     .name = "ntp",
                                                     .version = "0.1.0",
                                                     .help = "NTP: stratum, reference clock, delay, time stamps",
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .figures = kFigures.all()};
constexpr std::uint8_t kUdp = 17;
constexpr std::uint16_t kPort = 123;
constexpr fx_packet_need kNeeds[] = {{.ip_proto = kUdp,
                                      .port_first = kPort,
                                      .port_last = kPort,
                                      .payload_bytes = ntp::kHeaderBytes + 1,
                                      .flags = FX_NEED_PAYLOAD}};

class Ntp final : public flowxdp::Plugin {
  public:
    Ntp(flowxdp::OptionValues, void*, flowxdp::Host) {}

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return kNeeds; }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& record = *packet.record;
        if (record.flags & PACKET_LATER_FRAGMENT || !record.payload_len)
            return;
        const std::size_t size = std::min<std::size_t>(record.payload_captured, record.payload_len);
        FlowMemory::of(packet).direction[record.direction & 1u].add({packet.payload, size}, size == record.payload_len);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static const ntp::Direction kNothing{};
        const Memory* memory = FlowMemory::of(flow);
        const ntp::Direction& d = memory ? memory->direction[flow.direction] : kNothing;
        row.put(kColumns.stat, d.status);
        row.text(kColumns.leap_version_mode, fmt::format("{}_{}_{}", d.leap_version_mode >> 6,
                                                         d.leap_version_mode >> 3 & 7, d.leap_version_mode & 7));
        row.put(kColumns.stratum, d.stratum);
        put_clock(d, row);
        row.put(kColumns.poll, d.headers_seen ? ntp::whole_seconds(d.poll) : 0u);
        row.put(kColumns.precision, d.headers_seen ? ntp::power_of_two(d.precision) : 0.0);
        row.put(kColumns.delay_min, ntp::seconds(d.delay_min));
        row.put(kColumns.delay_max, ntp::seconds(d.delay_max));
        row.put(kColumns.dispersion_min, ntp::seconds(d.dispersion_min));
        row.put(kColumns.dispersion_max, ntp::seconds(d.dispersion_max));
        row.put(kColumns.reference, ntp::unix_ns(d.reference));
        row.put(kColumns.originate, ntp::unix_ns(d.originate));
        row.put(kColumns.receive, ntp::unix_ns(d.receive));
        row.put(kColumns.transmit, ntp::unix_ns(d.transmit));
        row.put(kColumns.modes, d.modes);
        row.put(kColumns.messages, d.messages);
        status_ |= d.status;
        figures_.add(kFigures.messages, d.messages);
        return 0;
    }

    [[nodiscard]] const std::uint64_t* figure_values() const override { return figures_.all(); }

    void report(flowxdp::ReportWriter& out) override
    {
        if (!status_)
            return;
        out.line(fmt::format("ntp: Aggregated ntpStat=0x{:02x}", status_));
        out.line(fmt::format("ntp: Number of NTP messages: {}", flowxdp::count_text(figures_[kFigures.messages])));
    }

  private:
    static void put_clock(const ntp::Direction& d, flowxdp::RowWriter& row)
    {
        std::uint8_t address[16] = {};
        std::string_view text;
        std::uint8_t version = 0;
        if (d.headers_seen && d.stratum >= 2) {
            address[10] = address[11] = 0xff;
            std::memcpy(address + 12, d.reference_id, 4);
            version = 4;
        } else if (d.headers_seen) {
            // Left justified, filled with zeros (RFC 5905 7.3).
            text = {reinterpret_cast<const char*>(d.reference_id), 4};
            text = text.substr(0, text.find('\0'));
        }
        row.ip(kColumns.clock, address, version);
        row.text(kColumns.clock_text, text);
    }

    std::uint8_t status_ = 0;
    flowxdp::FigureValues figures_{kFigures};
};

} // namespace

FLOWXDP_PLUGIN(Ntp, kDescription)
