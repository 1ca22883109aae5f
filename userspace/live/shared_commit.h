// SPDX-License-Identifier: BSD-2-Clause
// shared_commit.h - commits that cover several sensors. One daemon may serve several interfaces and write their rows to
// one file, so the journals of all of them name the same position in it. A daemon that takes over after a kill must
// find them equal, and must not cut off rows of a sensor that it does not adopt.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "live/left_files.h"
#include "live/live_sensor.h"

namespace flowxdp {

// Writes a commit to the journals of all sensors. entries: in the sensors' order; stamped here.
void commit_together(const std::vector<std::unique_ptr<LiveSensor>>& sensors, std::vector<journal_slot> entries);

// What killed daemons left.
struct LeftOutputs {
    ResumePoints resume;         // position after which each can be resumed
    std::vector<LeftFile> files; // to cut back before anything is written, resumed or not
};

// Completes commits that a killed daemon had written to some journals only. Returns what the adopted sensors have
// written; nothing when all sensors are new. outputs: ids (output_id()) of what this run will write. Throws
// StartupError when one of them is a file that the journal of another pinned sensor names: its rows in the file would
// be cut off.
LeftOutputs take_over_outputs(const std::vector<std::unique_ptr<LiveSensor>>& sensors,
                              const std::vector<std::uint64_t>& outputs);

} // namespace flowxdp
