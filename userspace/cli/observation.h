// SPDX-License-Identifier: BSD-2-Clause
// observation.h - the sensors that one attach command runs: attached by the plan of the run, released when the start
// fails.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.h"
#include "cli/run_setup.h"
#include "cli/seen_sensor.h"
#include "kernel/privileges.h"
#include "live/daemon.h"
#include "live/live_sensor.h"

namespace flowxdp {

class Observation {
  public:
    // user: who the daemon becomes once the sensors are attached; nothing = it stays who it is.
    Observation(const AttachOptions& options, std::optional<UserIdentity> user, Log* log);
    // Unless it began: detaches the sensors that it attached. Those that it took over go on counting.
    ~Observation();
    Observation(const Observation&) = delete;
    Observation& operator=(const Observation&) = delete;

    // Attaches or takes over a sensor for each interface, or one for all with --merge. Cuts back what a killed daemon
    // wrote after its last commit, becomes the user, opens the captures of -e. Throws StartupError.
    RunOrigin attach(const RunPlan& plan);
    // What attach() would do with each sensor, a line each; nothing of it is done. Throws StartupError where it would.
    [[nodiscard]] std::vector<std::string> foresee(const RunPlan& plan) const;
    // The start succeeded: from here on a sensor ends by the daemon alone.
    void begin() { began_ = true; }

    // The daemon removes those whose interface is gone.
    [[nodiscard]] std::vector<std::unique_ptr<LiveSensor>>& sensors() { return sensors_; }
    [[nodiscard]] bool in_dispatcher() const; // any of them
    // For the pages of --listen; empty without. Once: maps that nobody looks at any more are closed.
    [[nodiscard]] std::vector<SeenSensor> take_seen() { return std::move(seen_); }
    [[nodiscard]] const DaemonOptions& daemon_options() const { return daemon_options_; }

  private:
    [[nodiscard]] LiveSensorOptions sensor_options(const std::string& interface, const RunPlan& plan) const;
    std::vector<std::string> name_captures(const RunPlan& plan) const;
    void become_the_user();

    const AttachOptions& options_;
    const std::optional<UserIdentity> user_;
    Log* log_;
    std::vector<std::unique_ptr<LiveSensor>> sensors_;
    std::vector<SeenSensor> seen_;
    DaemonOptions daemon_options_;
    bool began_ = false;
};

} // namespace flowxdp
