// SPDX-License-Identifier: BSD-2-Clause
#include "report/monitoring.h"

#include <array>

#include <fmt/format.h>

namespace flowxdp {
namespace {

using Counter = std::uint64_t (*)(const RunSummary&);

std::uint64_t of(const RunSummary& run, counter c)
{
    return run.counts.counter[c];
}

struct Figure {
    const char* name;
    Counter value;
};

std::uint64_t protocol_packets(const RunSummary& run, unsigned protocol)
{
    return run.counts.totals.ip_proto[protocol].packets;
}
std::uint64_t protocol_bytes(const RunSummary& run, unsigned protocol)
{
    return run.counts.totals.ip_proto[protocol].bytes;
}

// Only ever grows: these are what a difference is made of. Tranalyzer2's names, then flowxdp's losses.
constexpr std::array kCounters = {
    Figure{"numFlows", [](const RunSummary& r) { return r.tally.directions(); }},
    Figure{"numAFlows", [](const RunSummary& r) { return r.tally.biflows; }},
    Figure{"numBFlows", [](const RunSummary& r) { return r.tally.two_sided; }},
    Figure{"numPkts",
           [](const RunSummary& r) {
               return std::uint64_t{r.counts.totals.direction[0].packets + r.counts.totals.direction[1].packets};
           }},
    Figure{"numAPkts", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.direction[0].packets}; }},
    Figure{"numBPkts", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.direction[1].packets}; }},
    Figure{"numL2Pkts", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.l2_packets}; }},
    Figure{"numV4Pkts", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.ipv4_packets}; }},
    Figure{"numV6Pkts", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.ipv6_packets}; }},
    Figure{"numBytes", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.wire_bytes}; }},
    Figure{"numABytes", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.direction[0].bytes}; }},
    Figure{"numBBytes", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.direction[1].bytes}; }},
    Figure{"numFrgV4Pkts", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.ipv4_fragments}; }},
    Figure{"numFrgV6Pkts", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.ipv6_fragments}; }},
    Figure{"numAlarms", [](const RunSummary& r) { return r.tally.alarms; }},
    Figure{"ARPPkts", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.arp.packets}; }},
    Figure{"ARPBytes", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.arp.bytes}; }},
    Figure{"RARPPkts", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.rarp.packets}; }},
    Figure{"RARPBytes", [](const RunSummary& r) { return std::uint64_t{r.counts.totals.rarp.bytes}; }},
    Figure{"TCPPkts", [](const RunSummary& r) { return protocol_packets(r, 6); }},
    Figure{"TCPBytes", [](const RunSummary& r) { return protocol_bytes(r, 6); }},
    Figure{"UDPPkts", [](const RunSummary& r) { return protocol_packets(r, 17); }},
    Figure{"UDPBytes", [](const RunSummary& r) { return protocol_bytes(r, 17); }},
    Figure{"ICMPPkts", [](const RunSummary& r) { return protocol_packets(r, 1); }},
    Figure{"ICMPBytes", [](const RunSummary& r) { return protocol_bytes(r, 1); }},
    Figure{"ICMPv6Pkts", [](const RunSummary& r) { return protocol_packets(r, 58); }},
    Figure{"ICMPv6Bytes", [](const RunSummary& r) { return protocol_bytes(r, 58); }},
    Figure{"SCTPPkts", [](const RunSummary& r) { return protocol_packets(r, 132); }},
    Figure{"SCTPBytes", [](const RunSummary& r) { return protocol_bytes(r, 132); }},
    Figure{"fxFlowsStarted", [](const RunSummary& r) { return of(r, COUNTER_FLOWS_STARTED); }},
    Figure{"fxFilteredPkts", [](const RunSummary& r) { return of(r, COUNTER_PACKETS_FILTERED) + r.input.filtered; }},
    Figure{"fxUnattributedPkts", [](const RunSummary& r) { return of(r, COUNTER_PACKETS_UNATTRIBUTED); }},
    Figure{"fxLeftOutPkts", [](const RunSummary& r) { return of(r, COUNTER_PACKETS_LEFT_OUT); }},
    Figure{"fxTableFull", [](const RunSummary& r) { return of(r, COUNTER_TABLE_FULL); }},
    Figure{"fxPacketRowsLost", [](const RunSummary& r) { return of(r, COUNTER_PACKET_ROWS_LOST); }},
    Figure{"fxWantedPktsLost", [](const RunSummary& r) { return of(r, COUNTER_WANTED_PACKETS_LOST); }},
};

// In front of the counters and behind them: as they are at this moment.
constexpr std::array kFirst = {"%repType", "sensorID", "time", "duration", "memUsageKB", "fillSzHashMap"};
constexpr std::array kLast = {"rawBandwidth", "globalWarn"};
constexpr std::size_t kBandwidthOf = 9; // numBytes
static_assert(std::string_view(kCounters[kBandwidthOf].name) == "numBytes");

// As Tranalyzer2 writes names of columns: plugin dns, figure no_data: dnsNoData.
std::string column_name(const PluginHost::Figure& figure)
{
    std::string name;
    bool is_word_start = false;
    for (const char c : figure.plugin + "_" + figure.name) {
        if (c != '_')
            name += is_word_start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        is_word_start = c == '_';
    }
    return name;
}

} // namespace

Monitoring::Monitoring(MonitoringMode mode, std::uint32_t sensor_id, const std::vector<PluginHost::Figure>& figures)
    : mode_(mode), sensor_id_(sensor_id), names_(kFirst.begin(), kFirst.end())
{
    for (const Figure& figure : kCounters)
        names_.emplace_back(figure.name);
    names_.insert(names_.end(), kLast.begin(), kLast.end());
    for (const PluginHost::Figure& figure : figures)
        names_.push_back(column_name(figure));
}

std::string Monitoring::header() const
{
    return fmt::format("{}", fmt::join(names_, "\t"));
}

std::string Monitoring::line(const RunSummary& run, std::int64_t now_ns, std::uint64_t memory_bytes)
{
    const bool difference = mode_ == MonitoringMode::kDifference;
    std::vector<std::uint64_t> counters;
    for (const Figure& figure : kCounters)
        counters.push_back(figure.value(run));
    for (const PluginHost::Figure& figure : run.plugin_figures)
        counters.push_back(figure.value);
    std::vector<std::uint64_t> shown = counters;
    const auto is_gauge = [&run](std::size_t i) {
        return i >= kCounters.size() && run.plugin_figures[i - kCounters.size()].is_gauge;
    };
    if (difference && !before_.empty())
        for (std::size_t i = 0; i < shown.size(); i++) // two counters of one moment may be read apart
            if (!is_gauge(i))
                shown[i] = shown[i] > before_[i] ? shown[i] - before_[i] : 0;
    const double seconds = difference ? run.elapsed_s - elapsed_before_s_ : run.elapsed_s;

    cells_ = {difference ? "USR1MR_D" : "USR1MR_A",
              fmt::format("{}", sensor_id_),
              fmt::format("{}.{:09}", now_ns / 1000000000, now_ns % 1000000000),
              fmt::format("{:.6f}", seconds),
              fmt::format("{}", memory_bytes / 1024),
              fmt::format("{}", run.running ? run.running->flows_alive : run.counts.live_flows)};
    for (std::size_t i = 0; i < kCounters.size(); i++)
        cells_.push_back(fmt::format("{}", shown[i]));
    cells_.push_back(fmt::format("{:.3f}", seconds > 0 ? static_cast<double>(shown[kBandwidthOf]) * 8 / seconds : 0));
    cells_.push_back(fmt::format("0x{:016x}", run.counts.totals.status | run.tally.status));
    for (std::size_t i = kCounters.size(); i < shown.size(); i++)
        cells_.push_back(fmt::format("{}", shown[i]));
    before_ = std::move(counters);
    elapsed_before_s_ = run.elapsed_s;
    return fmt::format("{}", fmt::join(cells_, "\t"));
}

std::string Monitoring::json() const
{
    constexpr std::size_t kStatus = kFirst.size() + kCounters.size() + kLast.size() - 1; // globalWarn
    std::string text = "{";
    for (std::size_t i = 0; i < names_.size(); i++) {
        const bool is_text = i == 0 || i == kStatus;
        text += fmt::format("{}\"{}\":{}{}{}", i ? "," : "", names_[i].substr(names_[i].starts_with('%')),
                            is_text ? "\"" : "", cells_[i], is_text ? "\"" : "");
    }
    return text + "}";
}

} // namespace flowxdp
