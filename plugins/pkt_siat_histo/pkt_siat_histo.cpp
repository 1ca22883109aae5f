// SPDX-License-Identifier: BSD-2-Clause
// pkt_siat_histo: a histogram of packet lengths and inter-arrival times (T2 pktSIATHisto). README.md defines every
// column.
#include <array>
#include <iterator>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "flowxdp/packet_length.hpp"
#include "flowxdp/plugin.hpp"
#include "packet_histogram.h"

namespace {

using flowxdp::PacketHistogram;

enum Status : std::uint8_t {
    kFull = 0x01,
    kMissing = 0x02,
    kNoIp = 0x04,
};
constexpr fx_bit kStatBits[] = {
    {kFull, "No room for all entries: packets of later ones are left out"},
    {kMissing, "Packets are missing: they were lost on the way to the daemon"},
    {kNoIp, "No IP header: not looked at"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "psiStat", .help = "Status of the histogram", .bits = kStatBits}};
    Column<U32> count{this, {.name = "tCnt", .help = "Entries of the histogram"}};
    List<Word> entries{this,
                       {.name = "Ps_Iat_Cnt_PsCnt_IatCnt",
                        .help = "Length, B; least inter-arrival time of the bin, ms; packets with both; with this "
                                "length; in this bin"}};
};
constexpr FlowColumns kColumns;

struct Options : flowxdp::OptionSet {
    Word<flowxdp::LengthLayer> layer{this, "layer", "l7", "the lengths count from this layer on",
                                     flowxdp::kLengthLayers};
    Number<std::uint32_t> min_length{this, "min_length", "0", "shorter packets are not counted, bytes", 0, 65535};
};
constexpr Options kOptions;

struct Memory {
    PacketHistogram histogram;
    std::uint64_t packets[2]; // that came, counted or not
};
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr flowxdp::PluginDescription kDescription = {.number = 701,
                                                     .name = "pkt_siat_histo",
                                                     .version = "0.1.0",
                                                     .help = "Histogram of packet lengths and inter-arrival times",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size};

class PktSiatHisto final : public flowxdp::Plugin {
  public:
    PktSiatHisto(flowxdp::OptionValues options, void*, flowxdp::Host)
        : layer_(options[kOptions.layer]), min_length_(options[kOptions.min_length])
    {
        text_.reserve(PacketHistogram::kMostEntries * kLongestCell);
    }

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return {&need_, 1}; }

    void on_packet(const fx_packet& packet) override
    {
        const packet_record& p = *packet.record;
        Memory& memory = FlowMemory::of(packet);
        memory.packets[p.direction & 1]++;
        const std::uint32_t length = flowxdp::packet_length(p, layer_);
        if (length >= min_length_)
            memory.histogram.add(p.direction, length, flowxdp::interval_bin(p.interval_ns));
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr Memory kNone{};
        const Memory* const found = FlowMemory::of(flow);
        const Memory& memory = found ? *found : kNone;
        std::uint8_t stat = 0;
        if (!flow.ip_version)
            stat |= kNoIp;
        else if (memory.packets[flow.direction] < flow.dir->packets)
            stat |= kMissing;
        if (memory.histogram.left_out(flow.direction))
            stat |= kFull;
        const auto entries = memory.histogram.entries(flow.direction);
        row.put(kColumns.stat, stat);
        row.put(kColumns.count, static_cast<std::uint32_t>(entries.size()));
        put(entries, row);
        return 0;
    }

  private:
    void put(std::span<const PacketHistogram::Entry> entries, flowxdp::RowWriter& row)
    {
        std::array<std::uint64_t, flowxdp::kIntervalBins> in_bin{};
        for (const auto& entry : entries)
            in_bin[entry.bin()] += entry.packets;
        std::array<std::string_view, PacketHistogram::kMostEntries> cells;
        std::size_t used = 0;
        std::uint64_t of_length = 0;
        text_.clear();
        for (std::size_t i = 0; i < entries.size(); i++) {
            const auto& entry = entries[i];
            if (i == 0 || entries[i - 1].length() != entry.length()) {
                of_length = 0;
                for (std::size_t k = i; k < entries.size() && entries[k].length() == entry.length(); k++)
                    of_length += entries[k].packets;
            }
            const std::size_t begin = text_.size();
            fmt::format_to(std::back_inserter(text_), "{}_{}_{}_{}_{}", entry.length(),
                           flowxdp::interval_bin_ms(entry.bin()), entry.packets, of_length, in_bin[entry.bin()]);
            cells[used++] = {text_.data() + begin, text_.size() - begin};
        }
        row.list(kColumns.entries, std::span<const std::string_view>(cells.data(), used));
    }

    static constexpr std::size_t kLongestCell = 72; // five numbers
    flowxdp::LengthLayer layer_;
    std::uint32_t min_length_;
    fx_packet_need need_ = {};
    std::string text_; // never longer than reserved: views of it stay valid
};

} // namespace

FLOWXDP_PLUGIN(PktSiatHisto, kDescription)
