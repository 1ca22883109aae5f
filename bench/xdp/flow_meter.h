// SPDX-License-Identifier: BSD-2-Clause
// flow_meter.h - a loaded BPF program that counts packets by flow, attached to nothing: the sensor's, or a peer's.
#pragma once

#include <cstdint>

#include "random.h"
#include "rotation.h"

namespace flowxdp::bench {

class FlowMeter {
  public:
    FlowMeter() = default;
    virtual ~FlowMeter() = default;
    FlowMeter(const FlowMeter&) = delete;
    FlowMeter& operator=(const FlowMeter&) = delete;

    [[nodiscard]] virtual int program() const = 0;
    // What may call it.
    [[nodiscard]] virtual ProgramKind kind() const = 0;
    // Flows that began since the table was empty.
    [[nodiscard]] virtual std::uint64_t flows() const = 0;
    // What the kernel counts as memory of its maps.
    [[nodiscard]] virtual std::uint64_t memory_bytes() const = 0;
    // Ends every flow; order: random, instead of the meter's own.
    virtual void evict_all(Random* order) = 0;
};

// Of one map.
std::uint64_t map_memory_bytes(int map_fd);

} // namespace flowxdp::bench
