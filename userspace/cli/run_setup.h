// SPDX-License-Identifier: BSD-2-Clause
// run_setup.h - from options to a run that is ready: bundle, plugins, sinks, geo data, output names. Shared by replay
// and attach, so that both write the same rows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bundle_loader.h"
#include "cli/options.h"
#include "core/interface_directory.h"
#include "core/log.h"
#include "geo/geo.h"
#include "pipeline/pipeline.h"
#include "report/end_report.h"
#include "sink/sink.h"

namespace flowxdp {

// The path from the root; the same text when there is no working folder. Empty stays empty.
std::string absolute_path(const std::string& path);

// What a run will write, known before anything is opened.
struct RunOutputs {
    std::string prefix;  // of -w, resolved; empty = rows to standard output
    std::string capture; // of -e, resolved; empty = no extraction
};

// What is settled before anything is opened or attached.
struct RunPlan {
    const Bundle& bundle;
    const flow_config& flow;
    RunOutputs outputs;
    std::vector<PluginHost::Active> plugins;
};

// Everything behind the engine. Built once; members in order of construction.
class RunSetup {
  public:
    // input_name: what output files are named after when -w names a folder. attach: live only; called once records are
    // laid out and before sinks open, returns where a crashed predecessor's outputs can be gone on behind (journal.h),
    // empty for a fresh start. Throws StartupError.
    using Attach = std::function<ResumePoints(const RunPlan& plan)>;
    RunSetup(const RunOptions& options, const std::string& input_name, const std::string& command_line,
             const Attach& attach, Log* log);
    ~RunSetup();
    RunSetup(const RunSetup&) = delete;
    RunSetup& operator=(const RunSetup&) = delete;

    [[nodiscard]] const Bundle& bundle() const { return bundle_; }
    [[nodiscard]] const flow_config& flow() const { return flow_; }
    [[nodiscard]] std::uint32_t max_flows() const { return options_.max_flows; }
    Pipeline& pipeline() { return *pipeline_; }
    RunSummary& run() { return run_; }
    // Names of interfaces, for sinks. Whoever reads packets fills it.
    InterfaceDirectory& interfaces() { return interfaces_; }
    [[nodiscard]] const std::vector<std::unique_ptr<SinkRunner>>& sinks() const { return sinks_; }
    [[nodiscard]] RunOutputs outputs() const { return {prefix_, capture_}; }

    // Banner and plugins, where reports go.
    void say_start();
    // The report as it stands (SIGUSR1), to standard error.
    void say_monitoring();
    // Joins pipeline and sinks, collects what they say, prints the report; returns the exit code. started: steady
    // clock seconds at the first packet, processed: after the last one.
    ExitCode finish(double started_s, double processed_s);

  private:
    class Geo;
    void choose_extraction(bool live);
    void choose_output(const std::string& input_name);
    void make_sinks(const std::string& command_line, const Attach& attach);
    void say(const std::vector<std::string>& lines);

    RunOptions options_;
    Log* log_;
    Bundle bundle_;
    flow_config flow_{};
    std::unique_ptr<Geo> geo_;
    std::vector<PluginLibrary> libraries_;
    std::unique_ptr<PluginHost> plugins_;
    InterfaceDirectory interfaces_;
    std::vector<std::unique_ptr<SinkRunner>> sinks_;
    std::unique_ptr<Pipeline> pipeline_;
    RunSummary run_;
    std::string prefix_;  // of -w, resolved; empty = rows to stdout
    std::string capture_; // of -e, resolved
    std::string split_;   // SIZE[,start=START] of -W
    bool rows_to_stdout_ = false, report_lost_ = false;
    std::FILE* report_file_ = nullptr; // owned with -l
};

double steady_seconds();

} // namespace flowxdp
