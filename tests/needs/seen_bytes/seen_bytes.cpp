// SPDX-License-Identifier: BSD-2-Clause
// seen_bytes: a plugin without a kernel half that declares what it wants. Its columns are what it got, hexadecimal: the
// stream of a TCP direction, packets of ICMP from their header on, and frames of ARP.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "flowxdp/plugin.hpp"

namespace {

constexpr std::size_t kStreamBytes = 4096; // of which the first ones are printed

struct FlowColumns : flowxdp::ColumnSet {
    Column<U32> packets{this, {.name = "seenPkts", .help = "Packets that on_packet() got"}};
    Column<Word> headers{this, {.name = "seenHeaders", .help = "Header bytes of the last one"}};
    Column<Word> payload{this, {.name = "seenPayload", .help = "Payload bytes of the last one"}};
    Column<Word> stream{this, {.name = "seenStream", .help = "Bytes of the stream's head"}};
    Column<U32> gaps{this, {.name = "seenGaps", .help = "Bytes of it that nobody captured"}};
    Column<U8> end{this, {.name = "seenEnd", .help = "1: from the SYN on; 2: the last call came"}};
};
constexpr FlowColumns kColumns;
struct Options : flowxdp::OptionSet {
    Number<std::uint32_t> port{this, "port", "0", "TCP streams of this port alone; 0 = any", 0, 65535};
    Number<std::uint32_t> packets{this, "packets", "0", "the first packets of a direction; 0 = all", 0, 65535};
};
constexpr Options kOptions;

struct Memory {
    struct Direction {
        std::uint32_t packets, gaps;
        std::uint8_t header_bytes, payload_bytes, stream_bytes, end;
        std::array<std::uint8_t, 64> headers, payload, stream;
        std::array<std::uint8_t, 4> pad;
    };
    std::array<Direction, 2> directions;
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr flowxdp::PluginDescription kDescription = {.number = 899,
                                                     .name = "seen_bytes",
                                                     .version = "0.1.0",
                                                     .help = "What a plugin sees of packets and streams",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size,
                                                     .stream_bytes = kStreamBytes};

std::string hex(const std::uint8_t* bytes, std::size_t n)
{
    std::string text;
    for (std::size_t i = 0; i < n; i++)
        text += fmt::format("{:02x}", bytes[i]);
    return text.empty() ? "-" : text;
}

class SeenBytes final : public flowxdp::Plugin {
  public:
    SeenBytes(flowxdp::OptionValues options, void*, flowxdp::Host)
    {
        const auto port = static_cast<std::uint16_t>(options[kOptions.port]);
        const auto packets = static_cast<std::uint16_t>(options[kOptions.packets]);
        needs_[0] = {.ip_proto = 6,
                     .port_first = port,
                     .port_last = port,
                     .first_packets = packets,
                     .payload_bytes = PACKET_MAX_PAYLOAD,
                     .flags = FX_NEED_STREAM};
        needs_[1] = {.ip_proto = 1, .first_layer = 4, .first_packets = packets, .payload_bytes = 16};
        needs_[2] = {.ethertype = 0x0806, .first_layer = 3, .first_packets = packets};
        needs_[3] = {.ip_proto = 17, .port_first = 53, .port_last = 54, .payload_bytes = 9, .flags = FX_NEED_PAYLOAD};
    }

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return needs_; }

    void on_packet(const fx_packet& packet) override
    {
        Memory::Direction& d = FlowMemory::of(packet).directions[packet.record->direction & 1];
        d.packets++;
        d.header_bytes = copy(packet.header, packet.record->header_captured, &d.headers);
        d.payload_bytes = copy(packet.payload, packet.record->payload_captured, &d.payload);
    }

    bool on_stream(const fx_stream& stream) override
    {
        Memory::Direction& d = FlowMemory::of(stream).directions[stream.direction & 1];
        d.stream_bytes = copy(stream.bytes, stream.length, &d.stream);
        d.gaps = 0;
        for (std::size_t i = 0; i < stream.gap_count; i++)
            d.gaps +=
                static_cast<std::uint32_t>(std::min(stream.gaps[i].length, stream.length - stream.gaps[i].offset));
        d.end = static_cast<std::uint8_t>((stream.from_start ? 1 : 0) + (stream.complete ? 2 : 0));
        return true;
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr Memory kNothing{};
        const Memory* memory = FlowMemory::of(flow);
        const Memory::Direction& d = (memory ? *memory : kNothing).directions[flow.direction];
        row.put(kColumns.packets, d.packets);
        row.text(kColumns.headers, hex(d.headers.data(), d.header_bytes));
        row.text(kColumns.payload, hex(d.payload.data(), d.payload_bytes));
        row.text(kColumns.stream, hex(d.stream.data(), d.stream_bytes));
        row.put(kColumns.gaps, d.gaps);
        row.put(kColumns.end, d.end);
        return 0;
    }

  private:
    static std::uint8_t copy(const std::uint8_t* from, std::size_t n, std::array<std::uint8_t, 64>* to)
    {
        n = std::min(n, to->size());
        std::memcpy(to->data(), from, n);
        return static_cast<std::uint8_t>(n);
    }

    std::array<fx_packet_need, 4> needs_{};
};

} // namespace

FLOWXDP_PLUGIN(SeenBytes, kDescription)
