// SPDX-License-Identifier: BSD-2-Clause
// rotation.h - calls a BPF program by test-run with one frame whose source address changes each time (rotate.bpf.c).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include <bpf/libbpf.h>

#include "flows/visits.h"
#include "kernel/sensor_object.h"

namespace flowxdp::bench {

// A tail call needs both programs to be of one kind.
struct ProgramKind {
    bpf_prog_type type = BPF_PROG_TYPE_XDP;
    bool frags = true; // XDP: takes frames of several buffers
    bpf_attach_type attach = BPF_XDP;

    static ProgramKind of(const bpf_program* program);
    bool operator==(const ProgramKind&) const = default;
};

class Rotation {
  public:
    // kind: of the programs that it calls. payload: bytes of payload of the TCP segment, at most 6: it has 60 bytes,
    // the shortest frame on a wire.
    Rotation(ProgramKind kind, std::uint8_t payload);
    Rotation(const Rotation&) = delete;
    Rotation& operator=(const Rotation&) = delete;

    [[nodiscard]] const ProgramKind& kind() const { return kind_; }
    [[nodiscard]] int empty() const { return program("empty"); }
    // Whose packets run_known() sends.
    void set_order(const std::function<void(std::span<std::uint32_t>)>& fill) { visits_->set_order(fill); }
    // Nanoseconds a packet, mean of so many. Known flows come in their order, which goes on where it was.
    double run_known(int program_fd, std::uint32_t packets) { return run("rotate_known", program_fd, packets); }
    // Packets of flows first, first + 1, ...
    double run_new(int program_fd, std::uint32_t first, std::uint32_t packets);

  private:
    [[nodiscard]] int program(const std::string& name) const;
    double run(const char* turn, int program_fd, std::uint32_t packets);

    std::unique_ptr<bpf_object, BpfObjectDeleter> object_;
    ProgramKind kind_;
    std::uint8_t payload_;
    std::unique_ptr<Visits> visits_;
};

} // namespace flowxdp::bench
