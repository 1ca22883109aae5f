// SPDX-License-Identifier: BSD-2-Clause
// loaded_sensor.h - the sensor's XDP program as `flowxdp attach` loads it, attached to nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bundle_loader.h"
#include "kernel/evictor.h"
#include "kernel/sensor_object.h"
#include "plugin/plugin_host.h"
#include "random.h"

namespace flowxdp::bench {

class LoadedSensor {
  public:
    // plugins: names separated by commas; `default` among them is the default set.
    LoadedSensor(const std::string& plugins, std::uint32_t max_flows);

    [[nodiscard]] int program() const { return object_->ingress_fd(); }
    [[nodiscard]] std::uint64_t flows_started() const;
    // Ends every flow by the daemon's evictor; order: random instead of that of their last packets.
    void evict_all(Random* order = nullptr);

  private:
    Bundle bundle_;
    std::vector<PluginLibrary> libraries_;
    std::unique_ptr<PluginHost> host_;
    std::unique_ptr<SensorObject> object_;
    std::unique_ptr<Evictor> evictor_;
};

} // namespace flowxdp::bench
