// SPDX-License-Identifier: BSD-2-Clause
#include "monitor/run_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "monitor/metrics_text.h"

namespace flowxdp {
namespace {

constexpr MetricType kCounter = MetricType::kCounter, kGauge = MetricType::kGauge;

struct CounterText {
    const char* name;
    const char* help;
};
constexpr CounterText kCounters[] = {
#define X(name, text, help) {text, help},
    FX_COUNTERS(X)
#undef X
};

std::string plain(std::string_view help)
{
    std::string text;
    for (const char c : help)
        text += c == '\\' || c == '\n' ? ' ' : c;
    return text;
}

// A figure of a plugin has a metric of its own: names are those of the plugins, so there are no more than they declare.
void add_plugins(const RunFigures& run, MetricsText* out)
{
    for (const PluginHost::Figure& figure : run.plugin_figures) {
        out->family(fmt::format("flowxdp_plugin_{}_{}{}", figure.plugin, figure.name, figure.is_gauge ? "" : "_total"),
                    figure.is_gauge ? kGauge : kCounter, plain(figure.help));
        out->add({}, figure.value);
    }
}

void add_sensors(const RunFigures& run, MetricsText* out)
{
    out->family("flowxdp_sensor_info", kGauge, "1 for each flow table: its interface, and where its program runs");
    for (const SensorFigures& s : run.sensors)
        out->add({{"interface", s.interface}, {"mode", s.mode}}, std::uint64_t{1});
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        out->family(counter_metric(kCounters[i].name), kCounter, plain(kCounters[i].help));
        for (const SensorFigures& s : run.sensors)
            out->add({{"interface", s.interface}}, static_cast<std::uint64_t>(s.counts.counter[i]));
    }
    out->family("flowxdp_wire_bytes_total", kCounter, "bytes of the frames that the sensor was given");
    for (const SensorFigures& s : run.sensors)
        out->add({{"interface", s.interface}}, static_cast<std::uint64_t>(s.counts.totals.wire_bytes));
    out->family("flowxdp_safe_packets_total", kCounter, "packets in flows whose rows every sink has committed");
    for (const SensorFigures& s : run.sensors)
        if (s.exported_packets)
            out->add({{"interface", s.interface}}, *s.exported_packets);
    out->family("flowxdp_table_flows", kGauge, "biflows alive in the flow table");
    for (const SensorFigures& s : run.sensors)
        out->add({{"interface", s.interface}}, s.flows_alive);
    out->family("flowxdp_table_flows_limit", kGauge, "biflows that the flow table has room for");
    for (const SensorFigures& s : run.sensors)
        out->add({{"interface", s.interface}}, s.flows_limit);
    out->family("flowxdp_ring_bytes", kGauge, "bytes of the ring whose records are not safe in the sinks yet");
    for (const SensorFigures& s : run.sensors)
        if (s.ring_bytes)
            out->add({{"interface", s.interface}}, *s.ring_bytes);
    out->family("flowxdp_ring_limit_bytes", kGauge, "size of the ring between kernel and daemon");
    for (const SensorFigures& s : run.sensors)
        if (s.ring_limit)
            out->add({{"interface", s.interface}}, *s.ring_limit);
    out->family("flowxdp_sensors_unreadable", kGauge, "sensors of this run whose figures could not be read just now");
    out->add({}, run.unreadable_sensors);
}

void add_rows(const RunFigures& run, MetricsText* out)
{
    const FlowTally& t = run.tally;
    const auto one = [out](const char* name, const char* help, std::uint64_t value) {
        out->family(name, kCounter, help);
        out->add({}, value);
    };
    one("flowxdp_exported_flows_total", "biflows that became rows", t.biflows);
    one("flowxdp_exported_packets_total", "packets in flows that became rows", t.packets);
    one("flowxdp_exported_bytes_total", "bytes, as flow records count them, in flows that became rows", t.octets);
    one("flowxdp_alarm_flows_total", "directions of flows in which a plugin raised an alarm", t.alarm_flows);
    one("flowxdp_alarms_total", "alarms of all plugins", t.alarms);
    one("flowxdp_forced_flows_total", "directions of flows that force mode ended", t.forced);
    one("flowxdp_packet_rows_total", "packets that became rows of packet mode", run.packet_rows);
    one("flowxdp_flow_memories_dropped_total", "flows whose plugin memory was dropped before they ended",
        t.memories_dropped);
    one("flowxdp_stream_heads_dropped_total", "flows whose TCP streams were dropped before plugins had read them",
        t.streams_dropped);
    one("flowxdp_records_damaged_total", "records of the sensor that were damaged and passed over",
        run.feeder.records_damaged);
    one("flowxdp_interfaces_lost_total", "interfaces that went away during the run", run.feeder.lost_interfaces);
}

template <typename Value>
void add_sink_family(const RunFigures& run, const char* name, MetricType type, const char* help, Value value,
                     MetricsText* out)
{
    out->family(name, type, help);
    for (std::size_t i = 0; i < run.sinks.size(); i++)
        out->add({{"sink", run.sinks[i].label}, {"index", std::to_string(i)}},
                 static_cast<std::uint64_t>(value(run.sinks[i])));
}

// Two sinks may have one name: the index tells them apart.
void add_sinks(const RunFigures& run, MetricsText* out)
{
    const auto add = [&](const char* name, MetricType type, const char* help, auto value) {
        add_sink_family(run, name, type, help, value, out);
    };
    using S = SinkState;
    add("flowxdp_sink_rows_total", kCounter, "rows that the sink's queue accepted", [](const S& s) { return s.rows; });
    add("flowxdp_sink_sent_rows_total", kCounter, "rows written or sent", [](const S& s) { return s.sent; });
    add("flowxdp_sink_skipped_rows_total", kCounter, "rows that the sink's format cannot hold",
        [](const S& s) { return s.skipped; });
    add("flowxdp_sink_unread_rows_total", kCounter, "rows for a standard output whose reader closed it",
        [](const S& s) { return s.unread; });
    out->family("flowxdp_sink_dropped_rows_total", kCounter, "rows given up, by reason");
    for (std::size_t i = 0; i < run.sinks.size(); i++) {
        const SinkState& s = run.sinks[i];
        const std::string index = std::to_string(i);
        const std::uint64_t full = std::min(s.dropped, s.dropped_queue_full);
        out->add({{"sink", s.label}, {"index", index}, {"reason", "queue_full"}}, full);
        out->add({{"sink", s.label}, {"index", index}, {"reason", "not_delivered"}}, s.dropped - full);
    }
    add("flowxdp_sink_retries_total", kCounter, "attempts to connect or to send that were repeated",
        [](const S& s) { return s.retried; });
    add("flowxdp_sink_errors_total", kCounter, "calls of the sink that failed", [](const S& s) { return s.errors; });
    add("flowxdp_sink_queue_bytes", kGauge, "bytes of rows in the sink's queue",
        [](const S& s) { return s.queued_bytes; });
    add("flowxdp_sink_queue_peak_bytes", kGauge, "the most that the sink's queue has held",
        [](const S& s) { return s.queue_peak_bytes; });
    add("flowxdp_sink_queue_limit_bytes", kGauge, "room of the sink's queue",
        [](const S& s) { return s.queue_limit_bytes; });
    add("flowxdp_sink_queue_drops", kGauge, "1: a full queue drops rows, 0: it makes the run wait",
        [](const S& s) { return s.policy == SinkPolicy::kDrop; });
}

void add_captures(const RunFigures& run, MetricsText* out)
{
    out->family("flowxdp_capture_frames_total", kCounter, "frames that extraction took");
    for (const CaptureState& c : run.feeder.captures)
        out->add({{"file", c.path}}, c.frames);
    out->family("flowxdp_capture_dropped_frames_total", kCounter, "frames that extraction took and could not write");
    for (const CaptureState& c : run.feeder.captures)
        out->add({{"file", c.path}}, c.dropped);
}

void add_rounds(const RunFigures& run, MetricsText* out)
{
    if (!run.rounds)
        return;
    out->family("flowxdp_round_duration_seconds", MetricType::kHistogram,
                "rounds of the daemon: evict, drain, write, commit");
    out->add_histogram({}, run.rounds->limits_s, run.rounds->rounds, run.rounds->sum_s);
    out->family("flowxdp_last_round_age_seconds", kGauge, "seconds since the daemon's last round ended");
    out->add({}, run.rounds->last_age_s);
}

// Names and meaning as in Prometheus' client libraries.
void add_process(const RunFigures& run, MetricsText* out)
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    out->family("process_cpu_seconds_total", kCounter, "user and system CPU time of the daemon");
    out->add({}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
    std::ifstream pages("/proc/self/statm");
    std::uint64_t size = 0, resident = 0;
    if (pages >> size >> resident) {
        const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
        out->family("process_virtual_memory_bytes", kGauge, "virtual memory");
        out->add({}, size * page);
        out->family("process_resident_memory_bytes", kGauge, "resident memory, without the kernel's maps");
        out->add({}, resident * page);
    }
    std::error_code error;
    std::uint64_t descriptors = 0;
    for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
         !error && it != std::filesystem::directory_iterator(); it.increment(error))
        descriptors++;
    if (!error) {
        out->family("process_open_fds", kGauge, "open file descriptors");
        out->add({}, descriptors);
    }
    out->family("process_start_time_seconds", kGauge, "start of the run, seconds since the epoch");
    out->add({}, run.start_time_s);
}

} // namespace

std::string counter_metric(const std::string& counter)
{
    constexpr std::string_view kOctets = "octets";
    const std::string bytes = counter.starts_with(kOctets) ? "bytes" + counter.substr(kOctets.size()) : counter;
    return "flowxdp_" + bytes + "_total";
}

std::string run_metrics(const RunFigures& run)
{
    MetricsText out;
    out.family("flowxdp_build_info", kGauge, "1; the version of flowxdp, and which engine runs");
    out.add({{"version", run.version}, {"engine", run.engine}}, std::uint64_t{1});
    out.family("flowxdp_plugin_info", kGauge, "1 for each plugin of the run");
    for (const PluginHost::Active& plugin : run.plugins)
        out.add({{"plugin", plugin.name}, {"version", plugin.version}}, std::uint64_t{1});
    add_plugins(run, &out);
    add_sensors(run, &out);
    add_rows(run, &out);
    add_sinks(run, &out);
    add_captures(run, &out);
    add_rounds(run, &out);
    out.family("flowxdp_http_refused_connections_total", kCounter, "connections that this server had no room for");
    out.add({}, run.scrapes_refused);
    add_process(run, &out);
    return out.text();
}

} // namespace flowxdp
