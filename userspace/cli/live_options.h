// SPDX-License-Identifier: BSD-2-Clause
// live_options.h - what the options of a run mean to live sensors, and back: attach records them beside the sensor, so
// that detach --export needs none of them.
#pragma once

#include <string>
#include <vector>

#include "bundle_loader.h"
#include "cli/options.h"
#include "cli/run_setup.h"
#include "live/live_sensor.h"
#include "report/end_report.h"

namespace flowxdp {

// What the kernel's half is told, and what is recorded beside it; mode, interface and offloads are the caller's. Throws
// StartupError (usage) when the plugins' options are too long to be recorded.
LiveSensorOptions live_sensor_options(const RunOptions& run, const FrameFilter& filter, const RunPlan& plan);

// A filter for the program on interfaces of a link type (LINKTYPE_*), empty without an expression. last_interface: the
// word before the filter, for messages. Throws StartupError (usage) with libpcap's words, or with the reason why a
// right expression cannot run in the kernel.
FrameFilter compile_frame_filter(const std::string& expression, std::uint32_t link_type,
                                 const std::string& last_interface);

// Puts what attach was given into options of an export that names no plugins itself.
void recall_options(const SensorStateRecord& state, RunOptions* run);

} // namespace flowxdp
