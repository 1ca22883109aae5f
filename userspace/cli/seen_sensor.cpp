// SPDX-License-Identifier: BSD-2-Clause
#include "cli/seen_sensor.h"

#include <filesystem>

namespace flowxdp {

std::string pin_id(const LiveSensor& sensor)
{
    return std::filesystem::path(sensor.pin_path()).filename();
}

std::vector<SeenSensor> see_sensors(const std::vector<std::unique_ptr<LiveSensor>>& sensors)
{
    std::vector<SeenSensor> seen;
    for (PinnedSensor& pinned : find_pinned_sensors("read the sensors' figures"))
        for (const auto& sensor : sensors)
            if (pinned.id == pin_id(*sensor)) {
                auto view = std::make_shared<const SensorView>(pinned);
                seen.push_back(
                    {std::move(pinned), read_filter_text(sensor->pin_path()), sensor->state(), std::move(view)});
                break;
            }
    return seen;
}

} // namespace flowxdp
