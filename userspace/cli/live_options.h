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

// What the kernel's half is told; mode, interface and offloads are the caller's.
LiveSensorOptions live_sensor_options(const RunOptions& run, const FrameFilter& filter, const Bundle& bundle,
                                      const flow_config& flow);

// A filter for the program on interfaces of a link type (LINKTYPE_*), empty without an expression. last_interface: the
// word before the filter, for messages. Throws StartupError (usage) with libpcap's words, or with the reason why a
// right expression cannot run in the kernel.
FrameFilter compile_frame_filter(const std::string& expression, std::uint32_t link_type,
                                 const std::string& last_interface);

// What status and detach --export will read of a sensor that begins, or is taken over. outputs: of the run.
// Throws StartupError (usage) when the plugins' options are too long to be recorded.
SensorStateRecord describe_sensor(const LiveSensor& sensor, const RunOptions& run, const RunSummary& summary,
                                  std::uint64_t layout_id, const RunOutputs& outputs);
// Puts what attach was given into options of an export that names no plugins itself.
void recall_options(const SensorStateRecord& state, RunOptions* run);

} // namespace flowxdp
