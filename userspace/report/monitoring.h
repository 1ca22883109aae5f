// SPDX-License-Identifier: BSD-2-Clause
// monitoring.h - one line of figures of a run every few seconds (-M; Tranalyzer2's machine report). Flows are counted
// when they end, as everywhere in the report; packets when they are counted in a flow.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/end_report.h"

namespace flowxdp {

enum class MonitoringMode {
    kAbsolute,   // since the start
    kDifference, // since the line before
};

class Monitoring {
  public:
    // figures: of the run's plugins, whose cells come last.
    Monitoring(MonitoringMode mode, std::uint32_t sensor_id, const std::vector<PluginHost::Figure>& figures);

    // "%repType", then the names, separated by tabs.
    [[nodiscard]] std::string header() const;
    // The next line. run: counts, input, tally, elapsed time and the figures of the plugins as they stand, the same
    // ones as before. now_ns: since the epoch. memory_bytes: resident now.
    std::string line(const RunSummary& run, std::int64_t now_ns, std::uint64_t memory_bytes);
    // The line that line() returned last, as a JSON object.
    [[nodiscard]] std::string json() const;

  private:
    MonitoringMode mode_;
    std::uint32_t sensor_id_;
    std::vector<std::string> names_;
    std::vector<std::uint64_t> before_; // counters and the plugins' figures of the line before
    double elapsed_before_s_ = 0;
    std::vector<std::string> cells_; // of the last line
};

} // namespace flowxdp
