// SPDX-License-Identifier: BSD-2-Clause
// program_splice.h - replaces one function of a relocated BPF program by another body, of any length.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"

namespace flowxdp {

// A program as bpf_prog_load() takes it: a main program, then the functions it calls, with the BTF records that say
// where each begins (ascending) and the source line of the instructions.
struct ProgramCode {
    std::vector<bpf_insn> instructions;
    std::vector<bpf_func_info> functions;
    std::vector<bpf_line_info> lines; // may be empty
};

// Puts `body` in the place of the function whose BTF type is `type_id`. Later functions move; calls and references to
// functions across that place and the BTF records are corrected. The function's first line record stays, its others go.
// Returns false, the program unchanged, when it has no such function. Error: the records contradict the instructions.
Result<bool> replace_function(ProgramCode* code, std::uint32_t type_id, std::span<const bpf_insn> body);

} // namespace flowxdp
