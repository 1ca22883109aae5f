// SPDX-License-Identifier: BSD-2-Clause
// run_figures.h - what a run says of itself at one moment: the figures behind /metrics.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine.h"
#include "extract/capture_writer.h"
#include "pipeline/flow_tally.h"
#include "plugin/plugin_host.h"
#include "sink/sink_runner.h"

namespace flowxdp {

// One flow table: of an interface, or of a replay.
struct SensorFigures {
    std::string interface; // of merged ones the first; "replay"
    std::string mode;      // native, generic; the engine of a replay
    engine_counts counts{};
    std::uint64_t flows_alive = 0, flows_limit = 0;      // biflows
    std::optional<std::uint64_t> ring_bytes, ring_limit; // live
    std::optional<std::uint64_t> exported_packets = {};  // live: in flows that are safe in the sinks
};

// Rounds of the daemon.
struct RoundFigures {
    std::vector<double> limits_s;
    std::vector<std::uint64_t> rounds; // by bucket; the last one is above every limit
    double sum_s = 0;
    double last_age_s = 0; // since the last round ended
};

// What only the thread that feeds the pipeline may read.
struct FeederFigures {
    std::uint64_t records_damaged = 0;
    std::uint64_t lost_interfaces = 0;
    std::vector<CaptureState> captures;
};

struct RunFigures {
    std::string version, engine;
    std::vector<SensorFigures> sensors;
    std::uint64_t unreadable_sensors = 0; // whose figures could not be read
    std::vector<PluginHost::Active> plugins;
    std::vector<PluginHost::Figure> plugin_figures;
    std::vector<SinkState> sinks;
    FlowTally tally;
    std::uint64_t packet_rows = 0;
    FeederFigures feeder;
    std::optional<RoundFigures> rounds; // live
    double start_time_s = 0;            // of the run, seconds since the epoch
    std::uint64_t scrapes_refused = 0;  // connections that the server had no room for
};

} // namespace flowxdp
