// SPDX-License-Identifier: BSD-2-Clause
// ebpf_interpreter.h - runs the body of frame_filter() without a kernel, and refuses what a kernel must not run: a read
// outside frame and stack, a stack byte that nobody wrote, a register that a helper call destroyed, a jump backward.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <string>

namespace flowxdp::test {

struct FilterInput {
    std::span<const std::uint8_t> frame; // all that is there
    std::uint32_t direct = 0;            // of it, readable between data and end; the rest by the helper
    std::uint32_t wire_len = 0;
    std::uint32_t cap_len = 0; // at most frame.size()
};

struct FilterRun {
    int answer = -1;           // what the function returned
    std::string fault;         // why it could not be run, empty when it could
    unsigned helper_calls = 0; // reads behind `direct`
    unsigned steps = 0;        // instructions executed
};

// helper: the only helper that may be called (BPF_FUNC_xdp_load_bytes, BPF_FUNC_skb_load_bytes).
FilterRun run_frame_filter(std::span<const bpf_insn> program, const FilterInput& input, int helper);

} // namespace flowxdp::test
