// SPDX-License-Identifier: BSD-2-Clause
// peer_object.h - another flow meter's BPF object, which keeps its flows in a hash map.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "flow_meter.h"
#include "kernel/sensor_object.h"

namespace flowxdp::bench {

class PeerObject final : public FlowMeter {
  public:
    // spec: OBJECT:PROGRAM, a file and the name of its XDP or TC program. Its constants keep the values of the file; a
    // larger hash map gets max_flows entries. Throws std::runtime_error.
    PeerObject(const std::string& spec, std::uint32_t max_flows);

    [[nodiscard]] int program() const override;
    [[nodiscard]] ProgramKind kind() const override { return kind_; }
    // Entries of its fullest hash map.
    [[nodiscard]] std::uint64_t flows() const override;
    [[nodiscard]] std::uint64_t memory_bytes() const override;
    // Deletes them.
    void evict_all(Random* order) override;

  private:
    std::unique_ptr<bpf_object, BpfObjectDeleter> object_;
    bpf_program* program_ = nullptr;
    ProgramKind kind_;
};

} // namespace flowxdp::bench
