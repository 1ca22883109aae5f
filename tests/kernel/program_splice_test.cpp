// SPDX-License-Identifier: BSD-2-Clause
// A function replaced inside a relocated program: where everything else comes to lie, by arithmetic.
#include "kernel/program_splice.h"

#include <gtest/gtest.h>

namespace flowxdp::test {
namespace {

constexpr bpf_insn kExit = {BPF_JMP | BPF_EXIT, 0, 0, 0, 0};
bpf_insn call(int distance)
{
    return {BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, distance};
}
bpf_insn set_r0(int value)
{
    return {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, value};
}

// main at 0 (type 10) calls 5 and 8 and refers to 8; the place at 5 (type 11), 3 long, calls nothing; another at 8
// (type 12) calls the place.
ProgramCode program()
{
    ProgramCode code;
    code.instructions = {call(4),   call(6), {BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_FUNC, 0, 5},
                         {},        kExit,   set_r0(1),
                         set_r0(2), kExit,   call(-4),
                         kExit};
    code.functions = {{0, 10}, {5, 11}, {8, 12}};
    code.lines = {{0, 1, 1, 100}, {4, 1, 1, 104}, {5, 1, 1, 105}, {6, 1, 1, 106}, {8, 1, 1, 108}, {9, 1, 1, 109}};
    return code;
}

// What instruction `at` calls or refers to.
std::int64_t target(const ProgramCode& code, std::size_t at)
{
    return static_cast<std::int64_t>(at) + 1 + code.instructions[at].imm;
}

TEST(ProgramSplice, CallsStillReachTheirFunctionsWhateverTheBodysLength)
{
    for (const std::size_t length : {1u, 2u, 3u, 4u, 1000u}) {
        SCOPED_TRACE(length);
        ProgramCode code = program();
        std::vector<bpf_insn> body(length, set_r0(77));
        body.back() = kExit;
        auto replaced = replace_function(&code, 11, body);
        ASSERT_TRUE(replaced.ok() && replaced.value());
        ASSERT_EQ(code.instructions.size(), 7 + length);
        EXPECT_EQ(target(code, 0), 5);
        EXPECT_EQ(target(code, 1), static_cast<std::int64_t>(5 + length));
        EXPECT_EQ(target(code, 2), static_cast<std::int64_t>(5 + length));
        EXPECT_EQ(target(code, 5 + length), 5);
        EXPECT_EQ(code.instructions[5 + length - 1].code, kExit.code);
        EXPECT_EQ(code.functions[1].insn_off, 5u);
        EXPECT_EQ(code.functions[2].insn_off, 5 + length);
        ASSERT_EQ(code.lines.size(), 5u); // the place's second line is gone
        EXPECT_EQ(code.lines[2].insn_off, 5u);
        EXPECT_EQ(code.lines[2].line_col, 105u);
        EXPECT_EQ(code.lines[3].insn_off, 5 + length);
        EXPECT_EQ(code.lines[4].insn_off, 6 + length);
    }
}

TEST(ProgramSplice, TheLastFunctionReachesToTheEnd)
{
    ProgramCode code = program();
    auto replaced = replace_function(&code, 12, std::vector<bpf_insn>{set_r0(1), set_r0(2), kExit});
    ASSERT_TRUE(replaced.ok() && replaced.value());
    ASSERT_EQ(code.instructions.size(), 11u);
    EXPECT_EQ(target(code, 0), 5);
    EXPECT_EQ(target(code, 1), 8);
    EXPECT_EQ(code.instructions[8].imm, 1);
}

TEST(ProgramSplice, AProgramWithoutTheFunctionIsLeftAlone)
{
    ProgramCode code = program();
    auto replaced = replace_function(&code, 99, std::vector<bpf_insn>{kExit});
    ASSERT_TRUE(replaced.ok());
    EXPECT_FALSE(replaced.value());
    EXPECT_EQ(code.instructions.size(), 10u);
    EXPECT_EQ(target(code, 1), 8);
}

TEST(ProgramSplice, RecordsThatContradictTheInstructionsAreAnError)
{
    ProgramCode code = program();
    code.functions[2].insn_off = 500;
    EXPECT_FALSE(replace_function(&code, 11, std::vector<bpf_insn>{kExit}).ok());
    code = program();
    code.instructions[0].imm = 6; // into the middle of the place
    EXPECT_FALSE(replace_function(&code, 11, std::vector<bpf_insn>{kExit}).ok());
    code = program();
    EXPECT_FALSE(replace_function(&code, 11, {}).ok());
}

} // namespace
} // namespace flowxdp::test
