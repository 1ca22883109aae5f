// SPDX-License-Identifier: BSD-2-Clause
// ebpf_interpreter.h - runs the body of frame_filter() or leaving_filter() without a kernel, and refuses what a kernel
// must not run: a read outside frame and stack, a stack byte that nobody wrote, a register that a helper call
// destroyed, a jump backward.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <string>

#include "kernel/filter_program.h"

namespace flowxdp::test {

struct FilterInput {
    std::span<const std::uint8_t> frame; // all that is there
    std::uint32_t direct = 0;            // kXdp: of it, readable between data and end; the rest by the helper
    std::uint32_t wire_len = 0;
    std::uint32_t cap_len = 0; // at most frame.size()
    std::int32_t shift = 0;    // kLeaving: from an offset in the frame to the buffer's that the helper reads
};

struct FilterRun {
    int answer = -1;           // what the function returned
    std::string fault;         // why it could not be run, empty when it could
    unsigned helper_calls = 0; // reads behind `direct`, or behind the head
    unsigned steps = 0;        // instructions executed
};

FilterRun run_frame_filter(std::span<const bpf_insn> program, const FilterInput& input, FilterContext context);

} // namespace flowxdp::test
