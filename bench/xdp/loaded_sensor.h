// SPDX-License-Identifier: BSD-2-Clause
// loaded_sensor.h - the sensor's XDP program as `flowxdp attach` loads it, attached to nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bundle_loader.h"
#include "flow_meter.h"
#include "kernel/evictor.h"
#include "kernel/sensor_object.h"
#include "plugin/plugin_host.h"

namespace flowxdp::bench {

class LoadedSensor final : public FlowMeter {
  public:
    // plugins: names separated by commas; `default` among them is the default set.
    LoadedSensor(const std::string& plugins, std::uint32_t max_flows);

    [[nodiscard]] int program() const override { return object_->ingress_fd(); }
    [[nodiscard]] ProgramKind kind() const override { return {}; }
    [[nodiscard]] std::uint64_t flows() const override { return started() - started_before_; }
    [[nodiscard]] std::uint64_t memory_bytes() const override;
    // By the daemon's evictor, whose own order is that of last packets.
    void evict_all(Random* order) override;

  private:
    [[nodiscard]] std::uint64_t started() const;

    Bundle bundle_;
    std::vector<PluginLibrary> libraries_;
    std::unique_ptr<PluginHost> host_;
    std::unique_ptr<SensorObject> object_;
    std::unique_ptr<Evictor> evictor_;
    std::uint64_t started_before_ = 0; // flows, when the table was empty
};

} // namespace flowxdp::bench
