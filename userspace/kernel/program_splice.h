// SPDX-License-Identifier: BSD-2-Clause
// program_splice.h - one function of a relocated BPF program replaced by another body, of any length.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"

namespace flowxdp {

// A program as bpf_prog_load() takes it: a main program and the functions it calls, one behind the other, with the BTF
// records that say where each begins (ascending) and what each source line became.
struct ProgramCode {
    std::vector<bpf_insn> instructions;
    std::vector<bpf_func_info> functions;
    std::vector<bpf_line_info> lines; // may be empty
};

// Puts `body` in the place of the function whose BTF type is `type_id`: what lies behind moves, calls and references to
// functions over that place and the BTF records are corrected. The function's first line record stays, its others go.
// Returns false, the program unchanged, when it has no such function. Error: the records contradict the instructions.
Result<bool> replace_function(ProgramCode* code, std::uint32_t type_id, std::span<const bpf_insn> body);

} // namespace flowxdp
