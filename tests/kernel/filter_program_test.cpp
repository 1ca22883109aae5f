// SPDX-License-Identifier: BSD-2-Clause
// The translator by itself: its output is interpreted here, libpcap's interpreter says what is right. The real kernel's
// turn is tests/bpf/frame_filter_test.cpp.
#include "kernel/filter_program.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "capture/filter.h"
#include "capture/filter_memory.h"
#include "flowxdp/packet.h"
#include "support/classic_filter.h"
#include "support/ebpf_interpreter.h"
#include "support/encapsulations.h"
#include "support/filter_expressions.h"

namespace flowxdp::test {
namespace {

constexpr FilterContext kXdp = FilterContext::kXdp, kLeaving = FilterContext::kLeaving;

std::vector<sock_filter> compile(const std::string& expression)
{
    auto program = compile_filter_program(expression, kLinkTypeEthernet);
    EXPECT_TRUE(program.ok()) << program.error().message;
    return program.ok() ? program.take() : std::vector<sock_filter>{};
}

std::vector<bpf_insn> translate(std::span<const sock_filter> program, FilterContext context = kXdp)
{
    auto body = translate_filter(program, context);
    EXPECT_TRUE(body.ok()) << body.error().message;
    return body.ok() ? body.take() : std::vector<bpf_insn>{};
}

std::string refusal_of(const std::vector<sock_filter>& program)
{
    auto body = translate_filter(program, kXdp);
    return body.ok() ? "" : body.error().message;
}

// Frames of every encapsulation, whole and cut.
std::vector<Bytes> frames()
{
    std::vector<Bytes> out;
    for (const Encapsulation& e : ethernet_encapsulations())
        out.push_back(e.packet.bytes());
    out.push_back(Packet().eth().ipv4().udp(1234, 53).payload(60).bytes());
    out.push_back(Packet().eth().ipv4("192.0.2.10", "198.51.100.20").icmp().payload(20).bytes());
    out.push_back(Packet().eth().ipv6("2001:db8::10", "2001:db8::20").icmpv6().bytes());
    out.push_back(Packet().eth().ipv4().tcp(80, 4000, 1).payload(4100).bytes());
    return out;
}

// One program over one frame, with every way of having the bytes.
void expect_same(std::span<const sock_filter> program, std::span<const bpf_insn> xdp, std::span<const bpf_insn> leaving,
                 const Bytes& frame)
{
    const auto size = static_cast<std::uint32_t>(frame.size());
    for (const std::uint32_t cap_len : {size, size / 2, 13u, 0u}) {
        if (cap_len > size)
            continue;
        const std::uint32_t wire_len = size + 7;
        const bool expected = classic_matches(program, frame.data(), cap_len, wire_len);
        for (const std::uint32_t direct : {size, size / 3, 0u}) {
            const FilterInput input = {frame, direct, wire_len, cap_len};
            const FilterRun run = run_frame_filter(xdp, input, kXdp);
            ASSERT_EQ(run.fault, "");
            ASSERT_EQ(run.answer, expected) << "captured " << cap_len << ", direct " << direct << " of " << size;
        }
        // Untagged, tagged, a segment.
        for (const std::int32_t shift : {0, -4, 1448, 65536 - 4}) {
            const FilterRun run = run_frame_filter(leaving, {frame, 0, wire_len, cap_len, shift}, kLeaving);
            ASSERT_EQ(run.fault, "");
            ASSERT_EQ(run.answer, expected) << "captured " << cap_len << " of " << size << ", shift " << shift;
        }
    }
}

TEST(FilterProgram, MatchesWhatLibpcapMatches)
{
    const std::vector<Bytes> all = frames();
    for (const std::string& expression : filter_expressions()) {
        SCOPED_TRACE(expression.substr(0, 100));
        const auto program = compile(expression);
        const auto xdp = translate(program), leaving = translate(program, kLeaving);
        for (const Bytes& frame : all)
            ASSERT_NO_FATAL_FAILURE(expect_same(program, xdp, leaving, frame));
    }
}

TEST(FilterProgram, MatchesWhatLibpcapMatchesForAnyExpression)
{
    const std::uint64_t seed = std::random_device()();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::vector<Bytes> all = frames();
    unsigned compared = 0;
    for (unsigned n = 0; n < 400; n++) {
        const std::string expression =
            random_expression([&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); });
        SCOPED_TRACE(expression);
        auto program = compile_filter_program(expression, kLinkTypeEthernet);
        if (!program.ok())
            continue; // libpcap does not want it either, or leaves its answer to chance
        auto xdp = translate_filter(program.value(), kXdp);
        auto leaving = translate_filter(program.value(), kLeaving);
        ASSERT_EQ(xdp.ok(), leaving.ok());
        if (!xdp.ok()) {
            // ether[(2 - 3)] and the like, an offset that libpcap computed and that is no place in a frame.
            const std::string& why = xdp.error().message;
            ASSERT_NE(why.find("reads at offset"), std::string::npos) << why;
            continue;
        }
        compared++;
        for (const Bytes& frame : all)
            ASSERT_NO_FATAL_FAILURE(expect_same(program.value(), xdp.value(), leaving.value(), frame));
    }
    EXPECT_GT(compared, 100u);
}

// Loads behind the first buffer go through the helper, and only those.
TEST(FilterProgram, TheHelperReadsOnlyWhatIsNotDirectlyThere)
{
    const auto program = compile("tcp port 80");
    const auto body = translate(program);
    const Bytes frame = Packet().eth().ipv4().tcp(1234, 80, 5).bytes();
    const auto size = static_cast<std::uint32_t>(frame.size());
    EXPECT_EQ(run_frame_filter(body, {frame, size, size, size}, kXdp).helper_calls, 0u);
    const FilterRun split = run_frame_filter(body, {frame, 34, size, size}, kXdp);
    EXPECT_EQ(split.answer, 1);
    EXPECT_EQ(split.helper_calls, 2u); // source port, destination port
}

// A leaving frame's head is read where it was put together, and only what stands behind it in the buffer.
TEST(FilterProgram, TheHelperReadsOnlyWhatIsBehindTheHead)
{
    Bytes frame(2000);
    for (std::uint32_t k = 0; k < 1000; k++)
        frame[k] = static_cast<std::uint8_t>(k);
    const auto size = static_cast<std::uint32_t>(frame.size());
    for (const std::uint32_t k : {0u, LEAVING_HEAD_BYTES - 4, LEAVING_HEAD_BYTES - 3, LEAVING_HEAD_BYTES, 900u})
        for (const bool indirect : {false, true}) {
            // A = frame[k:4], accept when it is what stands there
            const std::uint32_t wanted =
                (k & 255) << 24 | ((k + 1) & 255) << 16 | ((k + 2) & 255) << 8 | ((k + 3) & 255);
            const std::vector<sock_filter> program = {
                {BPF_LDX | BPF_W | BPF_IMM, 0, 0, k},
                {static_cast<__u16>(BPF_LD | BPF_W | (indirect ? BPF_IND : BPF_ABS)), 0, 0, indirect ? 0 : k},
                {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, wanted},
                {BPF_RET | BPF_K, 0, 0, 1},
                {BPF_RET | BPF_K, 0, 0, 0}};
            for (const std::int32_t shift : {0, -4, 1448}) {
                const FilterRun run =
                    run_frame_filter(translate(program, kLeaving), {frame, 0, size, size, shift}, kLeaving);
                EXPECT_EQ(run.fault, "");
                EXPECT_EQ(run.answer, 1) << k << ", shift " << shift;
                EXPECT_EQ(run.helper_calls, k > LEAVING_HEAD_BYTES - 4 ? 1u : 0u) << k;
            }
        }
}

TEST(FilterProgram, LengthIsTheLengthOnTheWire)
{
    const auto body = translate(compile("greater 900"));
    const Bytes frame(60);
    EXPECT_EQ(run_frame_filter(body, {frame, 60, 900, 60}, kXdp).answer, 1);
    EXPECT_EQ(run_frame_filter(body, {frame, 60, 899, 60}, kXdp).answer, 0);
}

TEST(FilterProgram, ALoadBehindTheCapturedBytesRefusesTheFrame)
{
    // A = frame[k:4], accept whatever it is
    for (const std::uint32_t k : {0u, 56u, 57u, 60u, 0x7ffcu, 0xffffu, 0x7ffffffbu}) {
        const std::vector<sock_filter> program = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, k}, {BPF_RET | BPF_K, 0, 0, 1}};
        const Bytes frame(60);
        EXPECT_EQ(run_frame_filter(translate(program), {frame, 60, 60, 60}, kXdp).answer, k <= 56) << k;
        EXPECT_EQ(run_frame_filter(translate(program), {frame, 60, 60, 58}, kXdp).answer, k <= 54) << k;
    }
}

TEST(FilterProgram, AnOffsetThatIsComputedDoesNotWrap)
{
    // X = 0xfffffff0, A = frame[X + 16]: with 32 bits that would be the first byte
    const std::vector<sock_filter> program = {{BPF_LDX | BPF_W | BPF_IMM, 0, 0, 0xfffffff0},
                                              {BPF_LD | BPF_B | BPF_IND, 0, 0, 16},
                                              {BPF_RET | BPF_K, 0, 0, 1}};
    const Bytes frame(60);
    EXPECT_FALSE(classic_matches(program, frame.data(), 60, 60));
    EXPECT_EQ(run_frame_filter(translate(program), {frame, 60, 60, 60}, kXdp).answer, 0);
}

TEST(FilterProgram, DivisionByZeroRefusesTheFrameAndAShiftBy32GivesZero)
{
    const Bytes frame(60);
    auto answer = [&](std::uint16_t operation, std::uint32_t x) {
        // A = 8, X = x, A = A op X, accept when A is 0
        const std::vector<sock_filter> program = {{BPF_LD | BPF_W | BPF_IMM, 0, 0, 8},
                                                  {BPF_LDX | BPF_W | BPF_IMM, 0, 0, x},
                                                  {static_cast<__u16>(BPF_ALU | operation | BPF_X), 0, 0, 0},
                                                  {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0},
                                                  {BPF_RET | BPF_K, 0, 0, 1},
                                                  {BPF_RET | BPF_K, 0, 0, 0}};
        const int result = run_frame_filter(translate(program), {frame, 60, 60, 60}, kXdp).answer;
        EXPECT_EQ(result, classic_matches(program, frame.data(), 60, 60)) << operation << " by " << x;
        return result;
    };
    EXPECT_EQ(answer(BPF_DIV, 0), 0);
    EXPECT_EQ(answer(BPF_DIV, 9), 1);
    EXPECT_EQ(answer(BPF_MOD, 0), 0);
    EXPECT_EQ(answer(BPF_MOD, 8), 1);
    EXPECT_EQ(answer(BPF_LSH, 32), 1);
    EXPECT_EQ(answer(BPF_LSH, 28), 0);
    EXPECT_EQ(answer(BPF_LSH, 29), 1);
    EXPECT_EQ(answer(BPF_RSH, 0xffffffff), 1);
}

TEST(FilterProgram, RefusesLoopsWithTheReason)
{
    const auto program = compile("ip6 protochain 6");
    const std::string message = refusal_of(program);
    EXPECT_NE(message.find("jumps backward"), std::string::npos) << message;
    EXPECT_NE(message.find("use the expression with replay"), std::string::npos) << message;
}

// libpcap 1.10.3 keeps the offset behind a Geneve header in a memory word, and what stands behind `or` reads that word
// also when there was no Geneve header. Replay says so in the same words.
TEST(FilterProgram, WhatLibpcapLeavesToChanceIsRefusedLiveAndInReplay)
{
    const std::string expression = "geneve or dst net 10.0.0.0/8";
    const auto live = compile_filter_program(expression, kLinkTypeEthernet);
    ASSERT_FALSE(live.ok());
    EXPECT_NE(live.error().message.find("random"), std::string::npos) << live.error().message;
    EXPECT_NE(live.error().message.find("put 'geneve' last"), std::string::npos) << live.error().message;
    const auto replay = PacketFilter::compile(expression);
    ASSERT_FALSE(replay.ok());
    EXPECT_EQ(replay.error().message, live.error().message);
    for (const char* good : {"geneve and dst net 10.0.0.0/8", "dst net 10.0.0.0/8 or geneve"}) {
        EXPECT_EQ(refusal_of(compile(good)), "");
        EXPECT_TRUE(PacketFilter::compile(good).ok());
    }
    // Loops over IPv6 headers write before they read.
    EXPECT_TRUE(PacketFilter::compile("ip6 protochain 6").ok());
}

TEST(FilterProgram, RefusesAReadOfMemoryThatSomeWayDidNotWrite)
{
    const sock_filter read = {BPF_LD | BPF_W | BPF_MEM, 0, 0, 3}, write = {BPF_ST, 0, 0, 3},
                      answer = {BPF_RET | BPF_A, 0, 0, 0};
    EXPECT_EQ(refusal_of({write, read, answer}), "");
    EXPECT_NE(refusal_of({read, answer}).find("instruction 0 "), std::string::npos);
    EXPECT_NE(refusal_of({{BPF_STX, 0, 0, 2}, read, answer}).find("instruction 1 "), std::string::npos);
    EXPECT_NE(refusal_of({{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0}, write, read, answer}).find("instruction 2 "),
              std::string::npos);
    EXPECT_EQ(refusal_of({{BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0}, write, read, answer}), "");
    // Nothing leads to the read.
    EXPECT_EQ(refusal_of({{BPF_JMP | BPF_JA, 0, 0, 1}, read, answer}), "");
    // A loop whose way back has forgotten nothing, and one that is entered behind the write.
    EXPECT_EQ(unwritten_memory_read(std::vector<sock_filter>{
                  write, read, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0}, {BPF_JMP | BPF_JA, 0, 0, 0xfffffffd}, answer}),
              std::nullopt);
    EXPECT_EQ(unwritten_memory_read(std::vector<sock_filter>{{BPF_JMP | BPF_JA, 0, 0, 1},
                                                             write,
                                                             {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0},
                                                             {BPF_JMP | BPF_JA, 0, 0, 0xfffffffd},
                                                             read,
                                                             answer}),
              std::optional<std::size_t>(4));
}

TEST(FilterProgram, RefusesMetadataOfTheKernel)
{
    // SKF_AD_VLAN_TAG, as a live libpcap handle compiles `vlan`
    const std::string message =
        refusal_of({{BPF_LD | BPF_H | BPF_ABS, 0, 0, static_cast<__u32>(SKF_AD_OFF + SKF_AD_VLAN_TAG)},
                    {BPF_RET | BPF_K, 0, 0, 1}});
    EXPECT_NE(message.find("metadata of the kernel"), std::string::npos) << message;
    EXPECT_NE(message.find("0xfffff02c"), std::string::npos) << message;
}

TEST(FilterProgram, RefusesWhatIsNoProgram)
{
    const sock_filter ret = {BPF_RET | BPF_K, 0, 0, 1};
    EXPECT_NE(refusal_of({}), "");
    EXPECT_NE(refusal_of({{BPF_LD | BPF_W | BPF_IMM, 0, 0, 1}}), "") << "no return";
    EXPECT_NE(refusal_of({{BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1}, ret}), "") << "a jump behind the end";
    EXPECT_NE(refusal_of({{BPF_JMP | BPF_JA, 0, 0, 0x7fffffff}, ret}), "");
    EXPECT_NE(refusal_of({{BPF_JMP | BPF_JA, 0, 0, 0xffffffff}, ret}), "") << "a jump to itself";
    EXPECT_NE(refusal_of({{BPF_JMP | BPF_JA, 0, 0, 0x80000000}, ret}), "");
    EXPECT_NE(refusal_of({{BPF_ST, 0, 0, 16}, ret}), "") << "no such memory word";
    EXPECT_NE(refusal_of({{BPF_LD | BPF_W | BPF_MEM, 0, 0, 16}, ret}), "");
    EXPECT_NE(refusal_of({{BPF_ALU | BPF_DIV | BPF_K, 0, 0, 0}, ret}), "");
    EXPECT_NE(refusal_of({{BPF_ALU | BPF_MOD | BPF_K, 0, 0, 0}, ret}), "");
    EXPECT_NE(refusal_of({{BPF_ALU | 0xe0, 0, 0, 0}, ret}), "") << "an operation that does not exist";
    EXPECT_NE(refusal_of({{BPF_JMP | 0x50, 0, 0, 0}, ret}), "");
    EXPECT_NE(refusal_of({{BPF_LD | BPF_W | BPF_MSH, 0, 0, 0}, ret}), "");
    EXPECT_NE(refusal_of({{BPF_LDX | BPF_W | BPF_ABS, 0, 0, 0}, ret}), "");
    EXPECT_NE(refusal_of({{0xffff, 0, 0, 0}, ret}), "");
    EXPECT_EQ(refusal_of({ret}), "");
}

TEST(FilterProgram, SaysWhenItGrowsTooLarge)
{
    std::vector<sock_filter> program(8000, {BPF_LD | BPF_W | BPF_IND, 0, 0, 4});
    program.push_back({BPF_RET | BPF_K, 0, 0, 1});
    const std::string message = refusal_of(program);
    EXPECT_NE(message.find("more than 32767 instructions"), std::string::npos) << message;
}

} // namespace
} // namespace flowxdp::test
