// SPDX-License-Identifier: BSD-2-Clause
// nfrst_pkts: lengths and times of a direction's first packets (T2 nFrstPkts). README.md defines every column.
#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "flowxdp/packet_length.hpp"
#include "flowxdp/plugin.hpp"

namespace {

constexpr unsigned kMostPackets = 64; // a bit each in Memory; at most RowWriter::kMostTexts

enum Status : std::uint8_t {
    kCut = 0x01,
    kMissing = 0x02,
    kNoIp = 0x04,
};
constexpr fx_bit kStatBits[] = {
    {kCut, "The direction had more packets than the list"},
    {kMissing, "Packets of the list are missing: they were lost on the way to the daemon"},
    {kNoIp, "No IP header: not looked at"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "nFpStat", .help = "Status of the list of first packets", .bits = kStatBits}};
    Column<U32> count{this, {.name = "nFpCnt", .help = "Packets in L2L3L4Pl_Iat", .unit = "packets"}};
    List<Word> packets{this,
                       {.name = "L2L3L4Pl_Iat",
                        .help = "Length and time of each of the first packets: bytes_seconds, as the options layer and "
                                "time say"}};
};
constexpr FlowColumns kColumns;

enum class Time : std::uint8_t { kInterval, kDirection, kFlow, kAbsolute };
struct Options : flowxdp::OptionSet {
    Number<std::uint16_t> n{this, "n", "20", "packets of each direction in the list", 1, kMostPackets};
    Word<flowxdp::LengthLayer> layer{this, "layer", "l7", "the lengths count from this layer on",
                                     flowxdp::kLengthLayers};
    Word<Time> time{this, "time", "interval",
                    "since the direction's previous packet; since the direction's or the flow's first one; since 1970",
                    "interval|direction|flow|absolute"};
};
constexpr Options kOptions;

struct Memory {
    struct Direction {
        std::uint64_t kept; // bit n: packet n + 1
        std::int64_t time_ns[kMostPackets];
        std::uint32_t length[kMostPackets];
    };
    Direction dir[2];
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr flowxdp::PluginDescription kDescription = {.number = 700,
                                                     .name = "nfrst_pkts",
                                                     .version = "0.1.0",
                                                     .help = "Lengths and times of the first packets",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size};

class NfrstPkts final : public flowxdp::Plugin {
  public:
    NfrstPkts(flowxdp::OptionValues options, void*, flowxdp::Host)
        : n_(options[kOptions.n]), layer_(options[kOptions.layer]), time_(options[kOptions.time])
    {
        need_.first_packets = n_;
        text_.reserve(kMostPackets * kLongestCell);
    }

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return {&need_, 1}; }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& p = *packet.record;
        const std::uint64_t at = p.direction_packet_no - 1;
        if (at >= n_)
            return; // no place for it; none comes that was not asked for
        Memory::Direction& d = FlowMemory::of(packet).dir[p.direction & 1];
        d.kept |= std::uint64_t{1} << at;
        d.length[at] = flowxdp::packet_length(p, layer_);
        d.time_ns[at] = time_ == Time::kInterval ? p.interval_ns : p.ts_ns + p.wall_offset_ns;
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr Memory::Direction kNone{};
        const Memory* memory = FlowMemory::of(flow);
        const Memory::Direction& d = memory ? memory->dir[flow.direction] : kNone;
        const auto count = static_cast<std::uint32_t>(std::popcount(d.kept));
        std::uint8_t stat = 0;
        if (!flow.ip_version)
            stat |= kNoIp;
        else if (count < std::min<std::uint64_t>(flow.dir->packets, n_))
            stat |= kMissing;
        if (flow.ip_version && flow.dir->packets > n_)
            stat |= kCut;
        row.put(kColumns.stat, stat);
        row.put(kColumns.count, count);

        std::array<std::string_view, kMostPackets> cells;
        std::size_t used = 0;
        text_.clear();
        const std::int64_t start_ns = start_of(flow);
        for (unsigned i = 0; i < n_; i++) {
            if (!(d.kept >> i & 1))
                continue;
            const std::int64_t ns = d.time_ns[i] - start_ns;
            const std::size_t begin = text_.size();
            fmt::format_to(std::back_inserter(text_), "{}_{}{}.{:09}", d.length[i], ns < 0 ? "-" : "",
                           (ns < 0 ? -ns : ns) / 1'000'000'000, (ns < 0 ? -ns : ns) % 1'000'000'000);
            cells[used++] = {text_.data() + begin, text_.size() - begin};
        }
        row.list(kColumns.packets, std::span<const std::string_view>(cells.data(), used));
        return 0;
    }

  private:
    // What the times of the list count from.
    [[nodiscard]] std::int64_t start_of(const fx_flow& flow) const
    {
        const std::int64_t offset = flow.ended->wall_offset_ns;
        switch (time_) {
        case Time::kDirection:
            return flow.first_ns;
        case Time::kFlow:
            return flow.has_opposite ? std::min(flow.dir->first_ns, flow.opposite->first_ns) + offset : flow.first_ns;
        case Time::kInterval:
        case Time::kAbsolute:
            break;
        }
        return 0;
    }

    std::uint16_t n_;
    flowxdp::LengthLayer layer_;
    Time time_;
    fx_packet_need need_ = {};
    static constexpr std::size_t kLongestCell = 40; // two numbers of 32 and 64 bits with sign, point and _
    std::string text_;                              // never longer than reserved: views of it stay valid
};

} // namespace

FLOWXDP_PLUGIN(NfrstPkts, kDescription)
