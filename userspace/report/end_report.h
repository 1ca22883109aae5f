// SPDX-License-Identifier: BSD-2-Clause
// end_report.h - the report at the end of a run, in Tranalyzer2's words, order and formulas, then flowxdp's ledger. The
// same facts as JSON for --json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "capture/capture.h"
#include "capture/input_digest.h"
#include "engine.h"
#include "extract/capture_writer.h"
#include "pipeline/flow_tally.h"
#include "plugin/plugin_host.h"
#include "sink/sink_runner.h"

namespace flowxdp {

// What was read.
struct InputCounts {
    std::uint64_t frames = 0; // every frame
    std::uint64_t captured_bytes = 0, wire_bytes = 0;
    std::uint64_t snapped_frames = 0; // captured shorter than they were
    // Frames the engine never saw, by cause.
    std::uint64_t filtered = 0;
    std::uint64_t short_frame = 0; // inside the link header
    std::uint64_t link_unsupported = 0;
    bool has_time = false; // of the smallest and the largest time stamp
    std::int64_t first_ns = 0, last_ns = 0;
    InputDigest digest; // replay: of every frame, as it is in the input
};

struct RunSummary;

// Where the packets are during a run.
struct RunningBooks {
    std::uint64_t seen = 0, without_flow = 0;
    std::uint64_t exported = 0;    // in flows that were written
    std::uint64_t alive = 0;       // in flows that go on
    std::uint64_t waiting = 0;     // in ended flows on their way to the sinks
    std::uint64_t flows_alive = 0; // biflows
    bool at_rest = true;           // nothing moved while it was read: difference() must be 0
    [[nodiscard]] std::int64_t difference() const
    {
        return static_cast<std::int64_t>(seen - exported - alive - waiting - without_flow);
    }
    // From the engine's counts so far and the flows that became rows.
    static RunningBooks of_replay(const RunSummary& run, const FlowTally& rows);
};

// The results of a run at its end.
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
    std::vector<std::string> hints;    // nothing was lost, but the user may have meant something else
    InputCounts input;
    std::uint64_t input_bytes_read = 0, input_bytes_total = 0;
    double elapsed_s = 0, unloading_s = 0;
    engine_counts counts{};
    FlowTally tally;
    std::uint64_t packet_rows = 0;
    std::uint64_t records_damaged = 0; // of ring and outbox, passed over (live)
    std::uint64_t packets_before = 0;  // exported by daemons before this one (live, taken over)
    std::uint64_t memory_bytes = 0;    // peak resident
    std::vector<std::string> plugin_lines;
    std::vector<PluginHost::Active> plugins;
    std::vector<PluginHost::Figure> plugin_figures; // for monitoring lines
    std::vector<SinkState> sinks;
    std::optional<RunningBooks> running; // set in a report during the run
    bool unread = false;                 // ended because nobody reads standard output
    std::vector<CaptureState> captures;  // extraction: a file for each sensor

    // Frames with a flow by the records themselves + frames without one by cause - frames read: 0 when the ledger adds
    // up.
    [[nodiscard]] std::int64_t ledger_difference() const;
    // True when something was lost or the input was damaged: exit code 3.
    [[nodiscard]] bool incomplete() const;
};

// Lines before the first packet: banner, configuration, plugins.
std::vector<std::string> start_lines(const RunSummary& run);
// The report itself.
std::vector<std::string> end_lines(const RunSummary& run);
// The run's counts with what the engine never saw: frames that were refused before it.
engine_counts reported_counts(const RunSummary& run);
// One JSON object.
std::string summary_json(const RunSummary& run);

// "Thu 23 May 2002 16:35:01 GMT"; ns since the epoch.
std::string utc_date(std::int64_t ns);
// "13h 57m 56s" from one minute on, else empty.
std::string human_duration(std::int64_t ns);

} // namespace flowxdp
