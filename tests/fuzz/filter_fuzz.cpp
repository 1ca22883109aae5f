// SPDX-License-Identifier: BSD-2-Clause
// Any classic BPF program, and any filter expression, over any frame: what the translator writes is interpreted and
// must give libpcap's verdict, read nothing outside frame and stack, and refuse nothing that libpcap runs without a
// loop.
//
// Input: kind (even: a program, odd: an expression), direct bytes, wire bytes beyond the captured ones, captured share,
// then count and 6 bytes for each instruction (operation, jt, jf, size and shape of k, k), or 64 bytes of choices; the
// rest is the frame.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "capture/filter.h"
#include "kernel/filter_program.h"
#include "support/classic_filter.h"
#include "support/ebpf_interpreter.h"
#include "support/filter_expressions.h"

namespace {

using namespace flowxdp;

void require(bool holds, const std::string& what)
{
    if (holds)
        return;
    std::fprintf(stderr, "filter_fuzz: %s\n", what.c_str());
    std::abort();
}

// Takes bytes off the front of the input; zeros when it is used up.
class Input {
  public:
    explicit Input(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
    std::uint8_t byte()
    {
        if (bytes_.empty())
            return 0;
        const std::uint8_t b = bytes_.front();
        bytes_ = bytes_.subspan(1);
        return b;
    }
    std::uint32_t number(unsigned bytes)
    {
        std::uint32_t n = 0;
        for (unsigned i = 0; i < bytes; i++)
            n = n << 8 | byte();
        return n;
    }
    [[nodiscard]] std::span<const std::uint8_t> rest() const { return bytes_; }

  private:
    std::span<const std::uint8_t> bytes_;
};

// Every operation of classic BPF, and two that do not exist.
constexpr std::uint16_t kOperations[] = {
    BPF_LD | BPF_W | BPF_ABS,
    BPF_LD | BPF_H | BPF_ABS,
    BPF_LD | BPF_B | BPF_ABS,
    BPF_LD | BPF_W | BPF_IND,
    BPF_LD | BPF_H | BPF_IND,
    BPF_LD | BPF_B | BPF_IND,
    BPF_LD | BPF_W | BPF_LEN,
    BPF_LD | BPF_IMM,
    BPF_LD | BPF_MEM,
    BPF_LDX | BPF_IMM,
    BPF_LDX | BPF_MEM,
    BPF_LDX | BPF_W | BPF_LEN,
    BPF_LDX | BPF_B | BPF_MSH,
    BPF_ST,
    BPF_STX,
    BPF_ALU | BPF_ADD | BPF_K,
    BPF_ALU | BPF_SUB | BPF_K,
    BPF_ALU | BPF_MUL | BPF_K,
    BPF_ALU | BPF_DIV | BPF_K,
    BPF_ALU | BPF_MOD | BPF_K,
    BPF_ALU | BPF_AND | BPF_K,
    BPF_ALU | BPF_OR | BPF_K,
    BPF_ALU | BPF_XOR | BPF_K,
    BPF_ALU | BPF_LSH | BPF_K,
    BPF_ALU | BPF_RSH | BPF_K,
    BPF_ALU | BPF_ADD | BPF_X,
    BPF_ALU | BPF_SUB | BPF_X,
    BPF_ALU | BPF_MUL | BPF_X,
    BPF_ALU | BPF_DIV | BPF_X,
    BPF_ALU | BPF_MOD | BPF_X,
    BPF_ALU | BPF_AND | BPF_X,
    BPF_ALU | BPF_OR | BPF_X,
    BPF_ALU | BPF_XOR | BPF_X,
    BPF_ALU | BPF_LSH | BPF_X,
    BPF_ALU | BPF_RSH | BPF_X,
    BPF_ALU | BPF_NEG,
    BPF_JMP | BPF_JA,
    BPF_JMP | BPF_JEQ | BPF_K,
    BPF_JMP | BPF_JGT | BPF_K,
    BPF_JMP | BPF_JGE | BPF_K,
    BPF_JMP | BPF_JSET | BPF_K,
    BPF_JMP | BPF_JEQ | BPF_X,
    BPF_JMP | BPF_JGT | BPF_X,
    BPF_JMP | BPF_JGE | BPF_X,
    BPF_JMP | BPF_JSET | BPF_X,
    BPF_RET | BPF_K,
    BPF_RET | BPF_A,
    BPF_MISC | BPF_TAX,
    BPF_MISC | BPF_TXA,
    BPF_ALU | 0xe0,
    BPF_JMP | 0x60,
};

std::vector<sock_filter> program_from(Input& input)
{
    std::vector<sock_filter> program;
    const unsigned count = input.byte() % 64 + 1u;
    for (unsigned n = 0; n < count; n++) {
        sock_filter i{};
        i.code = kOperations[input.byte() % std::size(kOperations)];
        i.jt = input.byte();
        i.jf = input.byte();
        const std::uint8_t shape = input.byte();
        i.k = input.number(shape % 5);
        if (shape & 0x80) // near the end of the program or of the numbers
            i.k = 0u - i.k;
        if (BPF_CLASS(i.code) == BPF_JMP && (shape & 0x40)) { // mostly within the program
            i.jt %= 4;
            i.jf %= 4;
        }
        // libpcap's interpreter shifts by K with C's operator, which says nothing of 32 and more.
        if (i.code == (BPF_ALU | BPF_LSH | BPF_K) || i.code == (BPF_ALU | BPF_RSH | BPF_K))
            i.k &= 31;
        program.push_back(i);
    }
    program.push_back({BPF_RET | BPF_A, 0, 0, 0});
    return program;
}

bool has(const std::string& text, const char* part)
{
    return text.find(part) != std::string::npos;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    Input input({data, size});
    const bool expression = input.byte() & 1;
    const std::uint8_t direct_share = input.byte(), beyond = input.byte(), captured_share = input.byte();
    std::vector<sock_filter> program;
    if (expression) {
        unsigned choices = 64;
        const std::string text = flowxdp::test::random_expression([&](std::uint32_t below) {
            if (!choices)
                return 0u;
            choices--;
            return input.number(below > 255 ? 4 : 1) % below;
        });
        auto compiled = compile_filter_program(text, kLinkTypeEthernet);
        if (!compiled.ok())
            return 0;
        program = compiled.take();
    } else {
        program = program_from(input);
    }
    const std::span<const std::uint8_t> frame = input.rest();
    const auto bytes = static_cast<std::uint32_t>(std::min<std::size_t>(frame.size(), 4096));
    flowxdp::test::FilterInput run;
    run.frame = frame.first(bytes);
    run.cap_len = captured_share ? bytes * captured_share / 255 : bytes;
    run.direct = direct_share ? bytes * direct_share / 255 : bytes;
    run.wire_len = bytes + beyond;
    run.shift = beyond & 1 ? -4 : beyond;

    const bool valid = flowxdp::test::classic_is_valid(program);
    for (const FilterContext context : {FilterContext::kXdp, FilterContext::kLeaving}) {
        auto body = translate_filter(program, context);
        if (!body.ok()) {
            const std::string& why = body.error().message;
            require(!valid || has(why, "jumps backward") || has(why, "reads at offset") || has(why, "random"),
                    "refused a valid program: " + why);
            continue;
        }
        // An instruction that nothing leads to is not looked at, so a program may be translated that libpcap refuses.
        if (!valid)
            continue;
        const auto result = flowxdp::test::run_frame_filter(body.value(), run, context);
        require(result.fault.empty(), result.fault);
        const bool expected = flowxdp::test::classic_matches(program, frame.data(), run.cap_len, run.wire_len);
        require(result.answer == static_cast<int>(expected),
                expected ? "refused a frame that libpcap takes" : "took a frame that libpcap refuses");
    }
    return 0;
}
