// SPDX-License-Identifier: BSD-2-Clause
// end_report.h - the report at the end of a run, in Tranalyzer2's words, order and formulas (reference D, D2), with
// flowxdp's ledger behind it. The same facts as JSON for --json.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "engine.h"
#include "extract/capture_writer.h"
#include "pipeline/flow_tally.h"
#include "plugin/plugin_host.h"
#include "sink/sink_runner.h"

namespace flowxdp {

// Frames the engine never saw, by cause.
struct InputCounts {
    std::uint64_t filtered = 0;
    std::uint64_t short_frame = 0; // inside the link header
    std::uint64_t link_unsupported = 0;
};

// Everything a run knows at its end.
struct RunSummary {
    std::string version;
    std::string command_line;
    std::string engine; // native, bpf, live
    std::uint32_t sensor_id = 666;
    std::uint32_t max_flows = 0;
    bool alarm_mode = false, force_mode = false, live = false, interrupted = false;
    std::vector<CaptureFileInfo> files;
    std::vector<CaptureDamage> damages;
    std::vector<std::string> problems; // further reasons why the exit code is 3
    InputCounts input;
    std::uint64_t frames = 0; // every frame read
    std::uint64_t captured_bytes = 0, wire_bytes = 0;
    std::uint64_t snapped_frames = 0;
    bool has_time = false;
    std::int64_t first_ns = 0, last_ns = 0;
    std::uint64_t input_bytes_read = 0, input_bytes_total = 0;
    double elapsed_s = 0, unloading_s = 0;
    engine_counts counts{};
    FlowTally tally;
    std::uint64_t packet_rows = 0;
    std::uint64_t packets_before = 0; // exported by daemons before this one (live, taken over)
    std::uint64_t memory_bytes = 0;   // peak resident
    std::vector<std::string> plugin_lines;
    std::vector<PluginHost::Active> plugins;
    std::vector<SinkState> sinks;
    std::vector<CaptureState> captures; // extraction: a file for each sensor

    // Frames with a flow by the records themselves + frames without one by cause - frames read: 0 when books balance.
    [[nodiscard]] std::int64_t ledger_difference() const;
    // True when something was lost or the input was damaged: exit code 3.
    [[nodiscard]] bool incomplete() const;
};

// Lines before the first packet: banner, configuration, plugins.
std::vector<std::string> start_lines(const RunSummary& run);
// The report itself.
std::vector<std::string> end_lines(const RunSummary& run);
// One JSON object.
std::string summary_json(const RunSummary& run);

// "Thu 23 May 2002 16:35:01 GMT"; ns since the epoch.
std::string utc_date(std::int64_t ns);
// "13h 57m 56s" from one minute on, else empty.
std::string human_duration(std::int64_t ns);

} // namespace flowxdp
