// SPDX-License-Identifier: BSD-2-Clause
// seen_sensor.h - a sensor of the run as its pages see it (run_monitor.h).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "live/live_sensor.h"
#include "live/pinned_sensor.h"

namespace flowxdp {

// The maps are open: once attached the daemon may lack the rights to open them.
struct SeenSensor {
    PinnedSensor sensor; // as it was when it was attached
    std::string filter;
    std::shared_ptr<SensorState> state;
    std::shared_ptr<const SensorView> view;
};

// The last part of a sensor's pin folder: a rename of the interface does not change it.
std::string pin_id(const LiveSensor& sensor);
// Call before rights are given up. Throws StartupError.
std::vector<SeenSensor> see_sensors(const std::vector<std::unique_ptr<LiveSensor>>& sensors);

} // namespace flowxdp
