// SPDX-License-Identifier: BSD-2-Clause
// sensor_status.h - a pinned sensor with its counters, books, daemon and sinks, as `status` and /status.json show it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "live/dispatcher.h"
#include "live/pinned_sensor.h"

namespace flowxdp {

struct SensorStatus {
    const PinnedSensor& sensor;
    engine_counts counts;
    SensorView::Books books;
    std::uint32_t capacity;
    std::string mode;
    std::optional<Dispatcher> dispatcher; // in which it runs
    std::string filter;                   // the expression; empty = none
    double last_round_s;                  // seconds since the daemon's last round; negative = unknown
    double last_word_s;                   // seconds since the daemon last said something of itself, likewise

    [[nodiscard]] std::uint64_t alive() const { return flows_alive(counts); }
    [[nodiscard]] std::uint64_t ended() const { return counts.counter[COUNTER_FLOWS_STARTED] - alive(); }
    // The daemon writes its state twice a second, whatever its sinks do.
    [[nodiscard]] bool answers() const { return last_word_s >= 0 && last_word_s < 3; }
    [[nodiscard]] double occupancy() const
    {
        return capacity ? static_cast<double>(alive()) / static_cast<double>(capacity) : 0;
    }
};

// Reads the pins; neither kernel half nor daemon notices. The sensor must outlive the status. Throws StartupError.
SensorStatus read_sensor_status(const PinnedSensor& sensor);
// The same by a view that was opened before. filter: the sensor's expression.
SensorStatus read_sensor_status(const PinnedSensor& sensor, const SensorView& view, const std::string& filter);

// One object.
std::string sensor_status_json(const SensorStatus& status);
// The same of a sensor that could not be read, and why.
std::string unreadable_sensor_json(const PinnedSensor& sensor, const std::string& reason);

} // namespace flowxdp
