// SPDX-License-Identifier: BSD-2-Clause
// run_setup.h - from options to a run that is ready: bundle, plugins, sinks, geo data, output names. Shared by replay
// and attach, so that both write the same rows.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bundle_loader.h"
#include "cli/monitoring_output.h"
#include "cli/options.h"
#include "cli/output_claims.h"
#include "cli/run_signals.h"
#include "core/interface_directory.h"
#include "core/log.h"
#include "flowxdp/sink.hpp"
#include "geo/geo.h"
#include "pipeline/pipeline.h"
#include "query/flow_numbering.h"
#include "report/end_report.h"
#include "sink/sink_spec.h"

namespace flowxdp {

double steady_seconds();

// The path from the root; the same text when there is no working folder. Empty stays empty.
std::string absolute_path(const std::string& path);

// The path by which an open file is found again, without a link on the way. Empty: there is none. Of pieces: without
// their number.
std::string lasting_path(const SinkFile& file);

// What a run will write, known before anything is opened.
struct RunOutputs {
    std::string prefix;  // of -w, resolved; empty = rows to standard output
    std::string capture; // of -e, resolved; empty = no extraction
};

// What a run reads.
struct RunInput {
    std::string name;               // what output files are named after when -w names a folder
    std::vector<std::string> files; // captures, "-" = standard input: no output may be one of them
    std::string bundle = {};        // folder of the bundle that made a sensor; empty: the one that the options choose
};

// What is settled before anything is opened or attached.
struct RunPlan {
    const Bundle& bundle;
    const flow_config& flow;
    std::span<const std::uint8_t> plugin_options;
    RunOutputs outputs;
    std::vector<std::uint64_t> output_ids; // output_id() of every sink; a capture's is capture_id() of its file
    std::vector<PluginHost::Active> plugins;
    OutputClaims& claims; // add every further output here before it is opened
};

// What the outputs of a live run must know of its sensors. As it is made: a replay.
struct RunOrigin {
    ResumePoints resume;          // where a killed daemon's outputs go on (journal.h); empty = a fresh start
    std::uint64_t boot = 0;       // LiveSensor::boot()
    std::int64_t attached_ns = 0; // when the sensor was made
};

enum class RunKind {
    kReplay,
    kLive,
    kFrames, // a replay for its frames alone: it has no sinks
};

// Everything after the engine. Three steps in this order: the constructor plans the run and opens nothing for writing;
// live, the caller then attaches sensors by plan(); open_outputs() opens sinks and makes the pipeline.
class RunSetup {
  public:
    // Throws StartupError.
    RunSetup(const RunOptions& options, const RunInput& input, const std::string& command_line, RunKind kind, Log* log);
    ~RunSetup();
    RunSetup(const RunSetup&) = delete;
    RunSetup& operator=(const RunSetup&) = delete;

    // Valid as long as this object.
    [[nodiscard]] RunPlan plan();
    // signals: what may ask for the run's end while the run waits for a sink; they must outlive this object.
    void listen_to(const RunSignals& signals);
    // Call once. Throws StartupError.
    void open_outputs(const RunOrigin& origin);

    [[nodiscard]] const Bundle& bundle() const { return bundle_; }
    [[nodiscard]] const flow_config& flow() const { return flow_; }
    [[nodiscard]] std::span<const std::uint8_t> plugin_options() const { return plugins_->plugin_options(); }
    [[nodiscard]] std::uint32_t max_flows() const { return options_.max_flows; }
    [[nodiscard]] const PluginHost& plugins() const { return *plugins_; }
    Pipeline& pipeline() { return *pipeline_; } // after open_outputs(), as what follows
    RunSummary& run() { return run_; }
    // Names of interfaces, for sinks. The reader of the packets fills it.
    InterfaceDirectory& interfaces() { return interfaces_; }
    [[nodiscard]] const std::vector<std::unique_ptr<SinkRunner>>& sinks() const { return sinks_; }
    [[nodiscard]] RunOutputs outputs() const { return {prefix_, capture_}; }
    // Files of the sinks that a daemon could go on in, as they were opened.
    [[nodiscard]] const std::vector<ResumableFile>& resumable_files() const { return resumable_files_; }

    // What flowInd depends on in this run: its options and, once run().input is whole, its packets.
    [[nodiscard]] query::FlowNumbering numbering() const;

    // Banner and plugins, where reports go.
    void say_start();
    // The report as it stands (SIGUSR1), to standard error; where live packets are, run().running says.
    void say_monitoring(double started_s);
    // Whether a line of -M is due. Then the caller brings run().counts and run().input up to date and calls monitor().
    [[nodiscard]] bool monitoring_due() { return monitoring_ && monitoring_->due(steady_seconds()); }
    void monitor(double started_s);
    // SIGHUP: output files whose names lead elsewhere now (logrotate) begin anew.
    void reopen_files();
    // Every sink writes to a standard output that its reader closed: no further row reaches a reader.
    [[nodiscard]] bool nobody_reads() const;
    // Joins pipeline and sinks, collects what they say, prints the report; returns the exit code. started: steady
    // clock seconds at the first packet, processed: after the last one.
    ExitCode finish(double started_s, double processed_s);

  private:
    class Geo;
    struct PlannedSink {
        SinkSpec spec;
        std::unique_ptr<Sink> sink; // not open yet
        SinkRunner::Limits limits;
        std::uint64_t id; // output_id()
    };
    void load_modules();
    void need_plugins_named() const;
    void choose_extraction();
    void choose_output(const std::string& input_name);
    void claim_files(const RunInput& input);
    void claim_outputs();
    void check_alarms() const;
    void open_report_file();
    void plan_sinks();
    void plan_sink(const SinkSpec& spec);
    void lay_out_records();
    void open_sink(PlannedSink planned, const ResumePoints& resume);
    void list_resumable(const std::vector<SinkFile>& files, std::uint64_t id);
    void say(const std::vector<std::string>& lines);
    void write_numbering() const;

    RunOptions options_;
    RunKind kind_;
    Log* log_;
    ModuleFolders folders_;
    std::vector<BrokenModule> broken_; // named, unless the options ask for them
    Bundle bundle_;
    flow_config flow_{};
    std::unique_ptr<Geo> geo_;
    std::vector<PluginLibrary> libraries_;
    std::unique_ptr<PluginHost> plugins_;
    InterfaceDirectory interfaces_;
    OutputClaims claims_;
    PluginChoice choice_;
    std::vector<PlannedSink> planned_;
    SinkContext context_;
    RunEnd end_;
    std::vector<std::unique_ptr<SinkRunner>> sinks_;
    std::vector<ResumableFile> resumable_files_;
    std::unique_ptr<Pipeline> pipeline_;
    RunSummary run_;
    std::string prefix_;  // of -w, resolved; empty = rows to stdout
    std::string capture_; // of -e, resolved
    bool rows_to_stdout_ = false, report_lost_ = false;
    bool report_to_stderr_ = false;    // standard output belongs to rows, of whatever sink
    std::FILE* report_file_ = nullptr; // owned with -l
    std::unique_ptr<MonitoringOutput> monitoring_;
};

} // namespace flowxdp
