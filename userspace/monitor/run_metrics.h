// SPDX-License-Identifier: BSD-2-Clause
// run_metrics.h - the figures of a run as metrics. README.md lists the families.
#pragma once

#include <string>

#include "monitor/run_figures.h"

namespace flowxdp {

// Prometheus' text format. Labels are interfaces, sinks, plugins and captures of the run: never a flow or an address.
std::string run_metrics(const RunFigures& run);

// The metric of a counter of counters.h: "packets_seen" -> "flowxdp_packets_seen_total". Octets are bytes there.
std::string counter_metric(const std::string& counter);

} // namespace flowxdp
