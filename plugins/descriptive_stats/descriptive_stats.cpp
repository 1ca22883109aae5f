// SPDX-License-Identifier: BSD-2-Clause
// descriptive_stats: quartiles, mode, deviations and shape of a direction's packet lengths and inter-arrival times (T2
// descriptiveStats). README.md defines every column.
#include "flowxdp/packet_length.hpp"
#include "flowxdp/plugin.hpp"
#include "value_statistics.h"

namespace {

enum Status : std::uint8_t {
    kLengthsRounded = 0x01,
    kIntervalsRounded = 0x02,
    kMissing = 0x04,
    kNoIp = 0x08,
};
constexpr fx_bit kStatBits[] = {
    {kLengthsRounded, "Too many different lengths: quartiles, mode, skewness and excess are of rounded ones"},
    {kIntervalsRounded, "Too many different intervals: quartiles, mode, skewness and excess are of rounded ones"},
    {kMissing, "Packets are missing: they were lost on the way to the daemon"},
    {kNoIp, "No IP header: not looked at"},
};

struct FlowColumns : flowxdp::ColumnSet {
    Column<H8> stat{this, {.name = "dsStat", .help = "Status of the statistics", .bits = kStatBits}};
    Column<Float> length_min{this, {.name = "dsMinPl", .help = "Least packet length", .unit = "B"}};
    Column<Float> length_max{this, {.name = "dsMaxPl", .help = "Largest packet length", .unit = "B"}};
    Column<Float> length_mean{this, {.name = "dsMeanPl", .help = "Mean packet length", .unit = "B"}};
    Column<Float> length_low{this, {.name = "dsLowQuartilePl", .help = "Lower quartile of lengths", .unit = "B"}};
    Column<Float> length_median{this, {.name = "dsMedianPl", .help = "Median of lengths", .unit = "B"}};
    Column<Float> length_upper{this, {.name = "dsUppQuartilePl", .help = "Upper quartile of lengths", .unit = "B"}};
    Column<Float> length_iqd{this, {.name = "dsIqdPl", .help = "Distance of the quartiles of lengths", .unit = "B"}};
    Column<Float> length_mode{this, {.name = "dsModePl", .help = "Most frequent length", .unit = "B"}};
    Column<Float> length_range{this, {.name = "dsRangePl", .help = "Largest less least length", .unit = "B"}};
    Column<Float> length_std{this, {.name = "dsStdPl", .help = "Standard deviation of lengths", .unit = "B"}};
    Column<Float> length_robust{this,
                                {.name = "dsRobStdPl", .help = "Robust standard deviation of lengths", .unit = "B"}};
    Column<Float> length_skew{this, {.name = "dsSkewPl", .help = "Skewness of lengths"}};
    Column<Float> length_excess{this, {.name = "dsExcPl", .help = "Excess of lengths"}};
    Column<Float> interval_min{this, {.name = "dsMinIat", .help = "Least inter-arrival time, s", .unit = "s"}};
    Column<Float> interval_max{this, {.name = "dsMaxIat", .help = "Largest inter-arrival time, s", .unit = "s"}};
    Column<Float> interval_mean{this, {.name = "dsMeanIat", .help = "Mean inter-arrival time, s", .unit = "s"}};
    Column<Float> interval_low{
        this, {.name = "dsLowQuartileIat", .help = "Lower quartile of inter-arrival times, s", .unit = "s"}};
    Column<Float> interval_median{this,
                                  {.name = "dsMedianIat", .help = "Median of inter-arrival times, s", .unit = "s"}};
    Column<Float> interval_upper{
        this, {.name = "dsUppQuartileIat", .help = "Upper quartile of inter-arrival times, s", .unit = "s"}};
    Column<Float> interval_iqd{
        this, {.name = "dsIqdIat", .help = "Distance of the quartiles of inter-arrival times, s", .unit = "s"}};
    Column<Float> interval_mode{this,
                                {.name = "dsModeIat", .help = "Most frequent inter-arrival time, s", .unit = "s"}};
    Column<Float> interval_range{
        this, {.name = "dsRangeIat", .help = "Largest less least inter-arrival time, s", .unit = "s"}};
    Column<Float> interval_std{
        this, {.name = "dsStdIat", .help = "Standard deviation of inter-arrival times, s", .unit = "s"}};
    Column<Float> interval_robust{
        this, {.name = "dsRobStdIat", .help = "Robust standard deviation of inter-arrival times, s", .unit = "s"}};
    Column<Float> interval_skew{this, {.name = "dsSkewIat", .help = "Skewness of inter-arrival times"}};
    Column<Float> interval_excess{this, {.name = "dsExcIat", .help = "Excess of inter-arrival times"}};
};
constexpr FlowColumns kColumns;

struct Options : flowxdp::OptionSet {
    Word<flowxdp::LengthLayer> layer{this, "layer", "l7", "the lengths count from this layer on",
                                     flowxdp::kLengthLayers};
};
constexpr Options kOptions;

struct Memory {
    struct Direction {
        std::uint64_t packets; // that came
        flowxdp::ValueStatistics<40> lengths;
        flowxdp::ValueStatistics<70> intervals; // ns
    };
    Direction dir[2];
};
static_assert(sizeof(Memory) <= 2048, "one flow's memory");
using FlowMemory = flowxdp::FlowMemoryOf<Memory>;

constexpr flowxdp::PluginDescription kDescription = {.number = 702,
                                                     .name = "descriptive_stats",
                                                     .version = "0.1.0",
                                                     .help = "Statistics of packet lengths and inter-arrival times",
                                                     .options = kOptions.all(),
                                                     .columns = kColumns.all(),
                                                     .flow_memory_size = FlowMemory::size};

class DescriptiveStats final : public flowxdp::Plugin {
  public:
    DescriptiveStats(flowxdp::OptionValues options, void*, flowxdp::Host) : layer_(options[kOptions.layer]) {}

    [[nodiscard]] std::span<const fx_packet_need> packet_needs() const override { return {&need_, 1}; }

    // A direction's first packet has no interval.
    void on_packet(const fx_packet& packet) override
    {
        const packet_record& p = *packet.record;
        Memory::Direction& d = FlowMemory::of(packet).dir[p.direction & 1];
        d.packets++;
        d.lengths.add(flowxdp::packet_length(p, layer_));
        if (p.direction_packet_no > 1)
            d.intervals.add(p.interval_ns > 0 ? static_cast<std::uint64_t>(p.interval_ns) : 0);
    }

    std::uint64_t on_flow_end(const fx_flow& flow, flowxdp::RowWriter& row) override
    {
        static constexpr Memory::Direction kNone{};
        const Memory* memory = FlowMemory::of(flow);
        const Memory::Direction& d = memory ? memory->dir[flow.direction] : kNone;
        std::uint8_t stat = 0;
        if (!flow.ip_version)
            stat |= kNoIp;
        else if (d.packets < flow.dir->packets)
            stat |= kMissing;
        if (d.lengths.histogram.is_rounded())
            stat |= kLengthsRounded;
        if (d.intervals.histogram.is_rounded())
            stat |= kIntervalsRounded;
        row.put(kColumns.stat, stat);
        put_lengths(d.lengths.statistics(), row);
        put_intervals(d.intervals.statistics(), row);
        return 0;
    }

  private:
    static void put_lengths(const flowxdp::Statistics& s, flowxdp::RowWriter& row)
    {
        row.put(kColumns.length_min, s.min);
        row.put(kColumns.length_max, s.max);
        row.put(kColumns.length_mean, s.mean);
        row.put(kColumns.length_low, s.low_quartile);
        row.put(kColumns.length_median, s.median);
        row.put(kColumns.length_upper, s.upper_quartile);
        row.put(kColumns.length_iqd, s.quartile_distance());
        row.put(kColumns.length_mode, s.mode);
        row.put(kColumns.length_range, s.range());
        row.put(kColumns.length_std, s.deviation);
        row.put(kColumns.length_robust, s.robust_deviation());
        row.put(kColumns.length_skew, s.skewness);
        row.put(kColumns.length_excess, s.excess);
    }
    static void put_intervals(const flowxdp::Statistics& s, flowxdp::RowWriter& row)
    {
        constexpr double kNs = 1e-9;
        row.put(kColumns.interval_min, s.min * kNs);
        row.put(kColumns.interval_max, s.max * kNs);
        row.put(kColumns.interval_mean, s.mean * kNs);
        row.put(kColumns.interval_low, s.low_quartile * kNs);
        row.put(kColumns.interval_median, s.median * kNs);
        row.put(kColumns.interval_upper, s.upper_quartile * kNs);
        row.put(kColumns.interval_iqd, s.quartile_distance() * kNs);
        row.put(kColumns.interval_mode, s.mode * kNs);
        row.put(kColumns.interval_range, s.range() * kNs);
        row.put(kColumns.interval_std, s.deviation * kNs);
        row.put(kColumns.interval_robust, s.robust_deviation() * kNs);
        row.put(kColumns.interval_skew, s.skewness);
        row.put(kColumns.interval_excess, s.excess);
    }

    flowxdp::LengthLayer layer_;
    fx_packet_need need_ = {};
};

} // namespace

FLOWXDP_PLUGIN(DescriptiveStats, kDescription)
