// SPDX-License-Identifier: BSD-2-Clause
#include "support/ebpf_interpreter.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>
#include <vector>

#include "flowxdp/packet.h"

namespace flowxdp::test {
namespace {

// Addresses no sum of 32-bit numbers leads from one to another.
constexpr std::uint64_t kContext = 1ull << 40, kFrame = 2ull << 40, kStackTop = 3ull << 40;
constexpr std::uint64_t kStackBytes = 512;
constexpr std::ptrdiff_t kHeadBytes = LEAVING_HEAD_BYTES;

class Machine {
  public:
    Machine(std::span<const bpf_insn> program, const FilterInput& input, FilterContext context)
        : program_(program), input_(input), leaving_(context == FilterContext::kLeaving)
    {
        // What stands in the head behind the frame is of no meaning.
        direct_.assign(input.frame.begin(),
                       input.frame.begin() +
                           (leaving_ ? std::min<std::ptrdiff_t>(std::ssize(input.frame), kHeadBytes) : input.direct));
        if (leaving_)
            direct_.resize(kHeadBytes, 0xee);
        r_[1] = kContext;
        r_[2] = kFrame;
        r_[3] = leaving_ ? static_cast<std::uint32_t>(input.shift) : kFrame + input.direct;
        r_[4] = input.wire_len;
        r_[5] = input.cap_len;
        r_[10] = kStackTop;
        for (const int n : {1, 2, 3, 4, 5, 10})
            known_[static_cast<std::size_t>(n)] = true;
    }

    FilterRun run()
    {
        while (run_.fault.empty() && run_.answer < 0)
            step();
        return run_;
    }

  private:
    void fault(const std::string& what)
    {
        if (run_.fault.empty())
            run_.fault = "instruction " + std::to_string(at_) + ": " + what;
    }
    std::uint64_t get(unsigned n)
    {
        if (!known_[n])
            fault("reads r" + std::to_string(n) + ", which holds nothing");
        return r_[n];
    }
    void set(unsigned n, std::uint64_t value)
    {
        if (n > 9)
            fault("writes the frame pointer");
        else
            r_[n] = value, known_[n] = true;
    }

    // Bytes of the stack at an address; null with a fault when they are not there.
    std::uint8_t* stack(std::uint64_t address, std::uint64_t bytes)
    {
        if (address < kStackTop - kStackBytes || address + bytes > kStackTop) {
            fault("leaves the stack");
            return nullptr;
        }
        return &stack_[address - (kStackTop - kStackBytes)];
    }
    void mark_written(std::uint64_t address, std::uint64_t bytes)
    {
        for (std::uint64_t i = 0; i < bytes; i++)
            written_[address - (kStackTop - kStackBytes) + i] = true;
    }

    std::uint64_t load(std::uint64_t address, unsigned bytes)
    {
        std::uint64_t value = 0;
        if (address >= kFrame && address + bytes <= kFrame + direct_.size()) {
            std::memcpy(&value, direct_.data() + (address - kFrame), bytes);
        } else if (const std::uint8_t* p = stack(address, bytes)) {
            for (unsigned i = 0; i < bytes; i++)
                if (!written_[address - (kStackTop - kStackBytes) + i])
                    fault("reads stack that nobody wrote");
            std::memcpy(&value, p, bytes);
        }
        return value;
    }
    void store(std::uint64_t address, std::uint64_t value, unsigned bytes)
    {
        if (address % bytes)
            fault("misaligned store");
        else if (std::uint8_t* p = stack(address, bytes)) {
            std::memcpy(p, &value, bytes);
            mark_written(address, bytes);
        }
    }

    void call(int function)
    {
        if (function != (leaving_ ? BPF_FUNC_skb_load_bytes : BPF_FUNC_xdp_load_bytes))
            return fault("calls helper " + std::to_string(function));
        if (get(1) != kContext)
            return fault("calls the helper without the context");
        run_.helper_calls++;
        const std::uint64_t offset = get(2), to = get(3), bytes = get(4);
        if (bytes > 4 || !stack(to, bytes))
            return fault("asks the helper for too much");
        const auto from = static_cast<std::uint32_t>(offset) - // the helper's argument has 32 bits
                          (leaving_ ? static_cast<std::uint32_t>(input_.shift) : 0);
        const bool there = std::uint64_t{from} + bytes <= input_.frame.size();
        if (there)
            std::memcpy(stack(to, bytes), input_.frame.data() + from, bytes);
        mark_written(to, bytes);
        for (std::size_t n = 1; n <= 5; n++)
            known_[n] = false;
        set(0, there ? 0 : static_cast<std::uint64_t>(-14)); // EFAULT
    }

    static unsigned size_of(std::uint8_t code)
    {
        switch (code & 0x18) {
        case BPF_W:
            return 4;
        case BPF_H:
            return 2;
        case BPF_B:
            return 1;
        default:
            return 8;
        }
    }

    void alu(const bpf_insn& i, bool wide)
    {
        const bool from_register = i.code & BPF_X;
        if (BPF_OP(i.code) == BPF_END) {
            const std::uint64_t v = get(i.dst_reg);
            return set(i.dst_reg, i.imm == 16   ? __builtin_bswap16(static_cast<std::uint16_t>(v))
                                  : i.imm == 32 ? __builtin_bswap32(static_cast<std::uint32_t>(v))
                                                : (fault("swaps an odd width"), 0));
        }
        std::uint64_t b = BPF_OP(i.code) == BPF_NEG ? 0
                          : from_register           ? get(i.src_reg)
                                                    : static_cast<std::uint64_t>(static_cast<std::int64_t>(i.imm));
        std::uint64_t a = BPF_OP(i.code) == BPF_MOV ? 0 : get(i.dst_reg);
        if (!wide)
            a = static_cast<std::uint32_t>(a), b = static_cast<std::uint32_t>(b);
        std::uint64_t v = 0;
        switch (BPF_OP(i.code)) {
        case BPF_MOV:
            v = b;
            break;
        case BPF_ADD:
            v = a + b;
            break;
        case BPF_SUB:
            v = a - b;
            break;
        case BPF_MUL:
            v = a * b;
            break;
        case BPF_AND:
            v = a & b;
            break;
        case BPF_OR:
            v = a | b;
            break;
        case BPF_XOR:
            v = a ^ b;
            break;
        case BPF_NEG:
            v = 0 - a;
            break;
        case BPF_DIV:
            v = b ? a / b : 0;
            break;
        case BPF_MOD:
            v = b ? a % b : a;
            break;
        case BPF_LSH:
            v = a << (b & (wide ? 63 : 31));
            break;
        case BPF_RSH:
            v = a >> (b & (wide ? 63 : 31));
            break;
        default:
            fault("an operation unknown to this interpreter");
        }
        set(i.dst_reg, wide ? v : static_cast<std::uint32_t>(v));
    }

    void jump(const bpf_insn& i, bool wide)
    {
        const std::uint8_t operation = BPF_OP(i.code);
        if (wide && operation == BPF_CALL)
            return call(i.imm);
        if (wide && operation == BPF_EXIT) {
            const std::uint64_t answer = get(0);
            if (answer > 1)
                return fault("answers neither yes nor no");
            run_.answer = static_cast<int>(answer);
            return;
        }
        bool taken = operation == BPF_JA;
        if (!taken) {
            std::uint64_t a = get(i.dst_reg);
            std::uint64_t b =
                i.code & BPF_X ? get(i.src_reg) : static_cast<std::uint64_t>(static_cast<std::int64_t>(i.imm));
            if (!wide)
                a = static_cast<std::uint32_t>(a), b = static_cast<std::uint32_t>(b);
            switch (operation) {
            case BPF_JEQ:
                taken = a == b;
                break;
            case BPF_JNE:
                taken = a != b;
                break;
            case BPF_JGT:
                taken = a > b;
                break;
            case BPF_JGE:
                taken = a >= b;
                break;
            case BPF_JLT:
                taken = a < b;
                break;
            case BPF_JLE:
                taken = a <= b;
                break;
            case BPF_JSET:
                taken = a & b;
                break;
            default:
                return fault("a jump unknown to this interpreter");
            }
        }
        if (taken)
            next_ = at_ + 1 + static_cast<std::size_t>(static_cast<std::ptrdiff_t>(i.off));
    }

    void step()
    {
        if (at_ >= program_.size())
            return fault("behind the end of the program");
        if (++run_.steps > program_.size()) // a program without loops cannot
            return fault("runs in a circle");
        const bpf_insn& i = program_[at_];
        next_ = at_ + 1;
        const auto offset = static_cast<std::uint64_t>(static_cast<std::int64_t>(i.off));
        switch (BPF_CLASS(i.code)) {
        case BPF_ALU64:
            alu(i, true);
            break;
        case BPF_ALU:
            alu(i, false);
            break;
        case BPF_JMP:
            jump(i, true);
            break;
        case BPF_JMP32:
            jump(i, false);
            break;
        case BPF_LDX:
            set(i.dst_reg, load(get(i.src_reg) + offset, size_of(i.code)));
            break;
        case BPF_STX:
            store(get(i.dst_reg) + offset, get(i.src_reg), size_of(i.code));
            break;
        case BPF_ST:
            store(get(i.dst_reg) + offset, static_cast<std::uint64_t>(static_cast<std::int64_t>(i.imm)),
                  size_of(i.code));
            break;
        default:
            fault("an instruction unknown to this interpreter");
        }
        at_ = next_;
    }

    std::span<const bpf_insn> program_;
    FilterInput input_;
    bool leaving_;
    std::vector<std::uint8_t> direct_;
    std::array<std::uint64_t, 11> r_{};
    std::array<bool, 11> known_{};
    std::array<std::uint8_t, kStackBytes> stack_{};
    std::bitset<kStackBytes> written_;
    std::size_t at_ = 0, next_ = 0;
    FilterRun run_;
};

} // namespace

FilterRun run_frame_filter(std::span<const bpf_insn> program, const FilterInput& input, FilterContext context)
{
    return Machine(program, input, context).run();
}

} // namespace flowxdp::test
