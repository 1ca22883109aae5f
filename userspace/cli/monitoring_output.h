// SPDX-License-Identifier: BSD-2-Clause
// monitoring_output.h - where the lines of -M go: standard error, and PREFIX_monitoring.txt of a run with -w.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/options.h"
#include "core/log.h"
#include "report/monitoring.h"

namespace flowxdp {

class MonitoringOutput {
  public:
    // prefix: of -w; empty: no file. figures: of the run's plugins. Throws StartupError when the file cannot be made.
    // Without -M nothing is ever due.
    MonitoringOutput(const RunOptions& options, const std::string& prefix,
                     const std::vector<PluginHost::Figure>& figures, Log* log);
    MonitoringOutput(const MonitoringOutput&) = delete;
    MonitoringOutput& operator=(const MonitoringOutput&) = delete;

    // Whether the next line is due. now_s: steady clock, seconds; the first call is the start.
    bool due(double now_s);
    // Writes a line about the run as it stands.
    void write(const RunSummary& run);
    // The file's name leads elsewhere now (logrotate): it begins anew.
    void reopen();

    static std::string file_of(const std::string& prefix) { return prefix + "_monitoring.txt"; }

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };

    double interval_s_, due_s_ = 0;
    bool json_, on_screen_;
    std::string path_; // empty: no file
    std::unique_ptr<std::FILE, Close> file_;
    Log* log_;
    Monitoring monitoring_;
    bool has_header_ = false;
};

} // namespace flowxdp
