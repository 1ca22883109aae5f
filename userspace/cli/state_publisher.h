// SPDX-License-Identifier: BSD-2-Clause
// state_publisher.h - a thread of the daemon that writes its state and its sinks' where status reads it
// (sensor_state.h), twice a second: also while a dead sink makes the daemon itself wait, which is when somebody will
// ask. It tells the service manager that the daemon is alive, too.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "cli/daemon_health.h"
#include "cli/service_manager.h"
#include "live/sensor_state.h"
#include "sink/sink_runner.h"

namespace flowxdp {

class StatePublisher {
  public:
    struct Target {
        std::shared_ptr<SensorState> state;
        SensorStateRecord record; // what does not change is filled in
    };
    // sinks, health and manager must outlive this object. manager: who started a daemon as a service; may be null.
    StatePublisher(std::vector<Target> targets, const std::vector<std::unique_ptr<SinkRunner>>& sinks,
                   const DaemonHealth& health, const ServiceManager* manager = nullptr);
    // Writes once more and stops.
    ~StatePublisher();
    StatePublisher(const StatePublisher&) = delete;
    StatePublisher& operator=(const StatePublisher&) = delete;

  private:
    void publish();

    std::vector<Target> targets_;
    const std::vector<std::unique_ptr<SinkRunner>>& sinks_;
    const DaemonHealth& health_;
    const ServiceManager* manager_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace flowxdp
