// SPDX-License-Identifier: BSD-2-Clause
// entropy: entropy of a direction's payload bytes, and its parts of text and of small numbers (T2 entropy). README.md
// defines every column.
#include "byte_counts.h"
#include "flowxdp/plugin.hpp"

namespace {

enum Status : std::uint8_t {
    kTooFew = 0x01,
    kMostBytes = 0x02,
    kCut = 0x04,
    kMostPackets = 0x08,
    kNoIp = 0x10,
};
constexpr fx_bit kStatBits[] = {
    {kTooFew, "Too few payload bytes (option min_bytes)"},
    {kMostBytes, "There were more payload bytes than are looked at (option max_bytes)"},
    {kCut, "Payload of a packet was not captured, or is longer than 16,384 bytes"},
    {kMostPackets, "There were more packets than are looked at (option packets)"},
    {kNoIp, "No IP header: not looked at"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "pyldStat", .help = "Status of the payload's entropy", .bits = kStatBits}};
    Optional<Float> entropy{
        this, {.name = "PyldEntropy", .help = "Entropy of the payload's bytes, from 0 to 1 (of 8 bits a byte)"}};
    Optional<Float> characters{this,
                               {.name = "PyldChRatio", .help = "Part of the bytes that are text: LF, CR, 32 to 127"}};
    Optional<Float> binary{this, {.name = "PyldBinRatio", .help = "Part of the bytes that are below 10"}};
    Column<U32> length{this, {.name = "PyldLen", .help = "Payload bytes that were looked at", .unit = "B"}};
};
constexpr FlowColumns kColumns;

struct Options : flowxdp::OptionSet {
    Number<std::uint16_t> packets{this, "packets", "64", "first packets of a direction that are looked at; 0 = all",
                                  0,    65535};
    Number<std::uint32_t> max_bytes{
        this, "max_bytes", "8192", "payload bytes of a direction that are looked at", 1, flowxdp::ByteCounts::kMost};
    Number<std::uint32_t> min_bytes{this, "min_bytes", "9", "no values with fewer payload bytes", 1, 65535};
    Number<std::uint32_t> skip{
        this, "skip", "0", "bytes at each payload's start that are passed over", 0, PACKET_MAX_PAYLOAD - 1};
};
constexpr Options kOptions;

struct Memory {
    struct Direction {
        flowxdp::ByteCounts bytes;
        std::uint32_t stat;
    };
    Direction dir[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr flowxdp::PluginDescription kDescription = {.number = 710,
                                                     .name = "entropy",
                                                     .version = "0.1.0",
                                                     .help = "Entropy of the payload",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size};

class Entropy final : public flowxdp::Plugin {
  public:
    Entropy(flowxdp::OptionValues options, void*, flowxdp::Host)
        : packets_(options[kOptions.packets]), max_bytes_(options[kOptions.max_bytes]),
          min_bytes_(options[kOptions.min_bytes]), skip_(options[kOptions.skip])
    {
        need_.first_packets = packets_;
        need_.payload_bytes = PACKET_MAX_PAYLOAD;
        need_.flags = FX_NEED_PAYLOAD;
    }

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return {&need_, 1}; }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& p = *packet.record;
        Memory::Direction& d = FlowMemory::of(packet).dir[p.direction & 1];
        const std::span<const std::uint8_t> payload(packet.payload, p.payload_captured);
        if (p.payload_captured < p.payload_len)
            d.stat |= kCut;
        if (!d.bytes.add(payload.subspan(std::min<std::size_t>(skip_, payload.size())), max_bytes_))
            d.stat |= kMostBytes;
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr Memory::Direction kNone{};
        const Memory* memory = FlowMemory::of(flow);
        const Memory::Direction& d = memory ? memory->dir[flow.direction] : kNone;
        const std::uint32_t total = d.bytes.total();
        row.put(kColumns.stat, stat_of(flow, d));
        row.put(kColumns.length, total);
        if (total < min_bytes_) {
            row.leave_empty(kColumns.entropy, kColumns.characters, kColumns.binary);
            return 0;
        }
        const std::uint32_t text = d.bytes.between(10, 10) + d.bytes.between(13, 13) + d.bytes.between(32, 127);
        row.put(kColumns.entropy, d.bytes.entropy());
        row.put(kColumns.characters, static_cast<double>(text) / total);
        row.put(kColumns.binary, static_cast<double>(d.bytes.between(0, 9)) / total);
        return 0;
    }

  private:
    [[nodiscard]] std::uint8_t stat_of(const fx_flow& flow, const Memory::Direction& d) const
    {
        if (!flow.ip_version)
            return kNoIp;
        auto stat = static_cast<std::uint8_t>(d.stat);
        if (d.bytes.total() < min_bytes_)
            stat |= kTooFew;
        if (packets_ && flow.dir->packets > packets_)
            stat |= kMostPackets;
        return stat;
    }

    std::uint16_t packets_;
    std::uint32_t max_bytes_, min_bytes_, skip_;
    fx_packet_need need_ = {};
};

} // namespace

FLOWXDP_PLUGIN(Entropy, kDescription)
