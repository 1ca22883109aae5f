// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/program_splice.h"

#include <algorithm>

#include <fmt/format.h>

namespace flowxdp {
namespace {

bool refers_to_a_function(const bpf_insn& insn)
{
    return (insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL) ||
           (insn.code == (BPF_LD | BPF_IMM | BPF_DW) && insn.src_reg == BPF_PSEUDO_FUNC);
}

} // namespace

Result<bool> replace_function(ProgramCode* code, std::uint32_t type_id, std::span<const bpf_insn> body)
{
    const auto found =
        std::ranges::find_if(code->functions, [&](const bpf_func_info& f) { return f.type_id == type_id; });
    if (found == code->functions.end())
        return false;
    const auto total = static_cast<std::int64_t>(code->instructions.size());
    const auto begin = static_cast<std::int64_t>(found->insn_off);
    const auto next = std::next(found);
    const std::int64_t end = next == code->functions.end() ? total : static_cast<std::int64_t>(next->insn_off);
    if (begin >= end || end > total || body.empty())
        return Error{fmt::format("a function of the BPF program is said to be at {} to {} of {} instructions", begin,
                                 end, total)};
    const std::int64_t growth = static_cast<std::int64_t>(body.size()) - (end - begin);
    auto moved = [&](std::int64_t at) { return at >= end ? at + growth : at; };

    for (std::int64_t i = 0; i < total; i++) {
        bpf_insn& insn = code->instructions[static_cast<std::size_t>(i)];
        if (!refers_to_a_function(insn) || (i >= begin && i < end))
            continue;
        const std::int64_t target = i + 1 + insn.imm;
        if (target < 0 || target >= total || (target > begin && target < end))
            return Error{fmt::format("instruction {} of the BPF program calls {} of {}", i, target, total)};
        insn.imm = static_cast<std::int32_t>(moved(target) - moved(i) - 1);
    }
    const auto first = code->instructions.begin();
    const auto place = code->instructions.erase(first + begin, first + end);
    code->instructions.insert(place, body.begin(), body.end());
    for (bpf_func_info& function : code->functions)
        function.insn_off = static_cast<std::uint32_t>(moved(function.insn_off));
    std::erase_if(code->lines, [&](const bpf_line_info& line) { return line.insn_off > begin && line.insn_off < end; });
    for (bpf_line_info& line : code->lines)
        line.insn_off = static_cast<std::uint32_t>(moved(line.insn_off));
    return true;
}

} // namespace flowxdp
