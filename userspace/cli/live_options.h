// SPDX-License-Identifier: BSD-2-Clause
// live_options.h - what the options of a run mean to live sensors, and back: attach records them beside the sensor, so
// that detach --export needs none of them.
#pragma once

#include <string>
#include <vector>

#include "bundle_loader.h"
#include "cli/options.h"
#include "cli/run_setup.h"
#include "live/daemon.h"
#include "live/live_sensor.h"
#include "report/end_report.h"

namespace flowxdp {

// The expressions in the program, each empty when there is none.
struct SensorFilters {
    FrameFilter counted;
    FrameFilter extracted; // of -e matching
};

// The options of the kernel's half, and what is recorded beside it; the caller sets mode, interface and offloads.
// Throws StartupError (usage) when the plugins' options are too long to be recorded.
LiveSensorOptions live_sensor_options(const RunOptions& run, const SensorFilters& filters, const RunPlan& plan);

// A filter for the program on interfaces of a link type (LINKTYPE_*), empty without an expression. last_interface: the
// word before the filter, for messages. Throws StartupError (usage) with libpcap's words, or with the reason why a
// right expression cannot run in the kernel.
FrameFilter compile_frame_filter(const std::string& expression, std::uint32_t link_type,
                                 const std::string& last_interface);
// Likewise that of --extract-filter.
FrameFilter compile_extract_filter(const std::string& expression, std::uint32_t link_type);

// The state of a sensor to publish once the outputs are open.
SensorStateRecord describe_with_files(LiveSensor& sensor, const RunSetup& setup, Log* log);

// Call before anything is written: cuts files back with this process's rights and takes them out of the list. The
// daemon gets those that cannot be cut back, because it knows how many rows that concerns.
void cut_left_files(std::vector<LeftFile>& files, DaemonOptions* daemon, Log* log);

// Puts the options recorded by attach into an export that names no plugins itself. Throws StartupError when no attach
// can have recorded them.
void recall_options(const SensorStateRecord& state, RunOptions* run);

} // namespace flowxdp
