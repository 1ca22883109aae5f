// SPDX-License-Identifier: BSD-2-Clause
#include "kernel/filter_program.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "capture/filter_memory.h"
#include "flowxdp/packet.h"

namespace flowxdp {
namespace {

// Registers. Those from 6 on survive a helper call.
constexpr std::uint8_t kAnswer = 0, kTemp = 1, kOffset = 2, kScratchAt = 3, kSize = 4, kCaptured = 5;
constexpr std::uint8_t kData = 6, kEnd = 7, kA = 8, kX = 9, kFrame = 10;
constexpr std::uint8_t kShift = kEnd; // in the place of kEnd for a sent frame, whose head has a fixed length
// Stack, from the frame pointer down.
constexpr std::int16_t kContextSlot = -8, kWireSlot = -12, kCapturedSlot = -16, kLoadSlot = -20;
constexpr std::int16_t memory_slot(std::uint32_t index)
{
    return static_cast<std::int16_t>(kLoadSlot - 4 - 4 * static_cast<int>(index));
}

// Packet pointers take offsets of 16 bits; the helper reads bytes at larger ones.
constexpr std::uint64_t kDirectMax = 0x7fff;
constexpr std::uint32_t kHeadBytes = LEAVING_HEAD_BYTES;
constexpr std::uint64_t kReachMax = 0x7fffffff;
constexpr std::size_t kInstructionsMax = 32767; // jumps have 16 bits
constexpr std::uint64_t kUnreached = std::numeric_limits<std::uint64_t>::max();

constexpr const char* kWayOut = "use the expression with replay, or a simpler one here";

Error refusal(std::size_t at, const std::string& reason)
{
    return Error{
        fmt::format("the filter cannot run in the kernel: instruction {} {}; {} ('tcpdump -d EXPRESSION' shows "
                    "the instructions)",
                    at, reason, kWayOut)};
}

std::uint32_t load_bytes(std::uint16_t code)
{
    return BPF_SIZE(code) == BPF_W ? 4 : BPF_SIZE(code) == BPF_H ? 2 : 1;
}

bool is_load(const sock_filter& i)
{
    return BPF_CLASS(i.code) == BPF_LD || BPF_CLASS(i.code) == BPF_LDX;
}

bool is_packet_load(const sock_filter& i)
{
    return is_load(i) && (BPF_MODE(i.code) == BPF_ABS || BPF_MODE(i.code) == BPF_IND || BPF_MODE(i.code) == BPF_MSH);
}

// Translates one program. Classic jumps go forward, so one pass knows all paths to an instruction before it reaches it.
class Translation {
  public:
    Translation(std::span<const sock_filter> program, FilterContext context)
        : program_(program), context_(context), captured_(program.size() + 1, kUnreached), start_(program.size(), 0)
    {
    }

    Result<std::vector<bpf_insn>> run()
    {
        if (program_.empty())
            return Error{"the filter cannot run in the kernel: it has no instruction"};
        // The verifier also refuses to read a stack slot that was not written.
        if (const auto read = unwritten_memory_read(program_))
            return Error{"the filter cannot run in the kernel: " + unwritten_memory_reason(*read)};
        prologue();
        captured_[0] = 0;
        for (std::size_t i = 0; i < program_.size(); i++) {
            start_[i] = out_.size();
            if (captured_[i] == kUnreached) // the verifier refuses unreachable instructions
                continue;
            if (auto error = instruction(i); !error.ok())
                return error.error();
            if (out_.size() > kInstructionsMax)
                break;
        }
        for (std::size_t n = 0; n < slow_.size(); n++)
            slow_load(slow_[n]);
        exits();
        if (out_.size() > kInstructionsMax)
            return Error{fmt::format("the filter cannot run in the kernel: it becomes more than {} instructions; {}",
                                     kInstructionsMax, kWayOut)};
        for (const Jump& jump : jumps_)
            out_[jump.at].off = static_cast<std::int16_t>(address(jump) - jump.at - 1);
        return std::move(out_);
    }

  private:
    enum class Target { kInstruction, kAccept, kReject, kSlow, kHere };
    struct Jump {
        std::size_t at;
        Target target;
        std::size_t index; // of the classic instruction, or in slow_; kHere: the address
    };
    struct SlowLoad {
        std::size_t address = 0; // of its instructions
        std::size_t back = 0;    // where the fast path continues
        bool indirect = false;   // the offset is in kOffset already
        std::uint32_t offset = 0;
        std::uint16_t size_code = 0;
        std::uint8_t to = kA;
    };

    std::size_t emit(std::uint8_t code, std::uint8_t to, std::uint8_t from, std::int16_t offset,
                     std::uint32_t immediate)
    {
        bpf_insn insn{};
        insn.code = code;
        insn.dst_reg = to & 15;
        insn.src_reg = from & 15;
        insn.off = offset;
        insn.imm = static_cast<std::int32_t>(immediate);
        out_.push_back(insn);
        return out_.size() - 1;
    }
    void move(std::uint8_t to, std::uint8_t from) { emit(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
    void set(std::uint8_t to, std::uint32_t value) { emit(BPF_ALU | BPF_MOV | BPF_K, to, 0, 0, value); }
    void add(std::uint8_t to, std::uint32_t value) { emit(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value); }
    void jump_if(std::uint8_t code, std::uint8_t a, std::uint8_t b, std::uint32_t immediate, Target target,
                 std::size_t index)
    {
        jumps_.push_back({emit(code, a, b, 0, immediate), target, index});
    }
    void jump(Target target, std::size_t index) { jump_if(BPF_JMP | BPF_JA, 0, 0, 0, target, index); }
    void reject_if(std::uint8_t code, std::uint8_t a, std::uint8_t b, std::uint32_t immediate)
    {
        rejects_ = true;
        jump_if(code, a, b, immediate, Target::kReject, 0);
    }

    [[nodiscard]] std::size_t address(const Jump& jump) const
    {
        switch (jump.target) {
        case Target::kInstruction:
            return start_[jump.index];
        case Target::kSlow:
            return slow_[jump.index].address;
        case Target::kAccept:
            return accept_at_;
        case Target::kReject:
            return reject_at_;
        case Target::kHere:
            break;
        }
        return jump.index;
    }

    void prologue()
    {
        emit(BPF_STX | BPF_MEM | BPF_DW, kFrame, 1, kContextSlot, 0);
        move(kData, 2);
        move(kEnd, 3);
        emit(BPF_STX | BPF_MEM | BPF_W, kFrame, 4, kWireSlot, 0);
        emit(BPF_STX | BPF_MEM | BPF_W, kFrame, kCaptured, kCapturedSlot, 0);
        emit(BPF_LDX | BPF_MEM | BPF_W, kCaptured, kFrame, kCapturedSlot, 0); // its upper half is zero now
        set(kA, 0);
        set(kX, 0);
    }

    void exits()
    {
        accept_at_ = out_.size();
        if (accepts_) {
            set(kAnswer, 1);
            emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
        }
        reject_at_ = out_.size();
        if (rejects_) {
            set(kAnswer, 0);
            emit(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
        }
    }

    // Adds a path from instruction i to target: only the bytes known as captured at both stay known there.
    Result<void> leads_to(std::size_t i, std::uint64_t target)
    {
        if (target <= i)
            return refusal(i, "jumps backward, to walk a chain of headers");
        if (target >= program_.size())
            return refusal(i, "leads out of the program");
        captured_[target] = std::min(captured_[target], captured_[i]);
        return {};
    }

    Result<void> instruction(std::size_t i)
    {
        const sock_filter& c = program_[i];
        bool known = true, falls_through = true;
        switch (BPF_CLASS(c.code)) {
        case BPF_LD:
        case BPF_LDX:
            if (is_packet_load(c)) {
                if (c.k > kReachMax - 4)
                    return refusal(i,
                                   fmt::format("reads at offset {:#x}, which is metadata of the kernel's or no place "
                                               "in a frame",
                                               c.k));
                known = packet_load(i, c);
            } else {
                known = other_load(c);
            }
            break;
        case BPF_ST:
        case BPF_STX:
            known = BPF_SIZE(c.code) == 0 && BPF_MODE(c.code) == 0 && c.k < BPF_MEMWORDS;
            if (known)
                emit(BPF_STX | BPF_MEM | BPF_W, kFrame, BPF_CLASS(c.code) == BPF_ST ? kA : kX, memory_slot(c.k), 0);
            break;
        case BPF_ALU:
            known = arithmetic(c);
            break;
        case BPF_JMP: {
            falls_through = false;
            auto error = classic_jump(i, c, &known);
            if (!error.ok())
                return error;
            break;
        }
        case BPF_RET:
            falls_through = false;
            known = answer(c);
            break;
        case BPF_MISC:
            known = c.code == (BPF_MISC | BPF_TAX) || c.code == (BPF_MISC | BPF_TXA);
            if (known)
                emit(BPF_ALU | BPF_MOV | BPF_X, BPF_MISCOP(c.code) == BPF_TAX ? kX : kA,
                     BPF_MISCOP(c.code) == BPF_TAX ? kA : kX, 0, 0);
            break;
        }
        if (!known)
            return refusal(i, fmt::format("is no valid classic BPF (code {:#x}, k {:#x})", c.code, c.k));
        return falls_through ? leads_to(i, i + 1) : Result<void>{};
    }

    bool packet_load(std::size_t i, const sock_filter& c)
    {
        const bool header_length = c.code == (BPF_LDX | BPF_MSH | BPF_B);
        if (!header_length &&
            (BPF_CLASS(c.code) != BPF_LD || BPF_SIZE(c.code) == BPF_DW || BPF_MODE(c.code) == BPF_MSH))
            return false;
        SlowLoad load;
        load.indirect = BPF_MODE(c.code) == BPF_IND;
        load.offset = c.k;
        load.size_code = BPF_SIZE(c.code);
        load.to = header_length ? kX : kA;
        const std::uint32_t bytes = load_bytes(c.code);
        if (load.indirect)
            direct_indirect_load(load, bytes);
        else
            direct_load(i, load, bytes);
        if (has_slow_way_) // it returns here
            slow_.back().back = out_.size();
        if (header_length) {
            emit(BPF_ALU | BPF_AND | BPF_K, kX, 0, 0, 15);
            emit(BPF_ALU | BPF_LSH | BPF_K, kX, 0, 0, 2);
        } else if (bytes > 1) {
            emit(BPF_ALU | BPF_END | BPF_TO_BE, kA, 0, 0, 8 * bytes);
        }
        return true;
    }

    void direct_load(std::size_t i, const SlowLoad& load, std::uint32_t bytes)
    {
        const std::uint32_t limit = load.offset + bytes; // below 2^31
        if (captured_[i] < limit) {
            reject_if(BPF_JMP32 | BPF_JLT | BPF_K, kCaptured, 0, limit);
            captured_[i] = limit;
        }
        has_slow_way_ = context_ == FilterContext::kXdp || limit > kHeadBytes;
        if (has_slow_way_)
            slow_.push_back(load);
        if (limit > (context_ == FilterContext::kXdp ? kDirectMax : kHeadBytes)) {
            jump(Target::kSlow, slow_.size() - 1);
        } else if (context_ == FilterContext::kXdp) {
            move(kTemp, kData);
            add(kTemp, limit);
            read_below_end(load, bytes);
        } else {
            read(load, kData, static_cast<std::int16_t>(load.offset));
        }
    }

    void direct_indirect_load(const SlowLoad& load, std::uint32_t bytes)
    {
        move(kOffset, kX);
        add(kOffset, load.offset); // 64 bits: nothing wraps
        move(kTemp, kOffset);
        add(kTemp, bytes);
        reject_if(BPF_JMP | BPF_JGT | BPF_X, kTemp, kCaptured, 0);
        has_slow_way_ = true;
        slow_.push_back(load);
        jump_if(BPF_JMP | BPF_JGT | BPF_K, kOffset, 0,
                context_ == FilterContext::kXdp ? static_cast<std::uint32_t>(kDirectMax) : kHeadBytes - bytes,
                Target::kSlow, slow_.size() - 1);
        move(kTemp, kData);
        emit(BPF_ALU64 | BPF_ADD | BPF_X, kTemp, kOffset, 0, 0);
        if (context_ == FilterContext::kXdp) {
            add(kTemp, bytes);
            read_below_end(load, bytes);
        } else {
            read(load, kTemp, 0);
        }
    }

    void read(const SlowLoad& load, std::uint8_t from, std::int16_t offset)
    {
        emit(static_cast<std::uint8_t>(BPF_LDX | BPF_MEM | load.size_code), load.to, from, offset, 0);
    }

    // kTemp points after the bytes.
    void read_below_end(const SlowLoad& load, std::uint32_t bytes)
    {
        jump_if(BPF_JMP | BPF_JGT | BPF_X, kTemp, kEnd, 0, Target::kSlow, slow_.size() - 1);
        read(load, kTemp, static_cast<std::int16_t>(-static_cast<int>(bytes)));
    }

    // Bytes that are captured but not in the first buffer, or not in the head.
    void slow_load(SlowLoad& load)
    {
        load.address = out_.size();
        emit(BPF_LDX | BPF_MEM | BPF_DW, 1, kFrame, kContextSlot, 0);
        if (!load.indirect)
            set(kOffset, load.offset);
        if (context_ == FilterContext::kLeaving)
            emit(BPF_ALU | BPF_ADD | BPF_X, kOffset, kShift, 0, 0);
        move(kScratchAt, kFrame);
        add(kScratchAt, static_cast<std::uint32_t>(static_cast<std::int32_t>(kLoadSlot)));
        set(kSize, load_bytes(load.size_code));
        emit(BPF_JMP | BPF_CALL, 0, 0, 0,
             context_ == FilterContext::kXdp ? BPF_FUNC_xdp_load_bytes : BPF_FUNC_skb_load_bytes);
        emit(BPF_LDX | BPF_MEM | BPF_W, kCaptured, kFrame, kCapturedSlot, 0);
        reject_if(BPF_JMP | BPF_JNE | BPF_K, kAnswer, 0, 0);
        read(load, kFrame, kLoadSlot);
        jump(Target::kHere, load.back);
    }

    bool other_load(const sock_filter& c)
    {
        const std::uint8_t to = BPF_CLASS(c.code) == BPF_LD ? kA : kX;
        if (BPF_SIZE(c.code) != BPF_W)
            return false;
        switch (BPF_MODE(c.code)) {
        case BPF_IMM:
            set(to, c.k);
            return true;
        case BPF_LEN:
            emit(BPF_LDX | BPF_MEM | BPF_W, to, kFrame, kWireSlot, 0);
            return true;
        case BPF_MEM:
            if (c.k >= BPF_MEMWORDS)
                return false;
            emit(BPF_LDX | BPF_MEM | BPF_W, to, kFrame, memory_slot(c.k), 0);
            return true;
        default:
            return false;
        }
    }

    bool arithmetic(const sock_filter& c)
    {
        const std::uint8_t operation = BPF_OP(c.code), source = BPF_SRC(c.code);
        switch (operation) {
        case BPF_NEG:
            emit(BPF_ALU | BPF_NEG, kA, 0, 0, 0);
            return source == BPF_K;
        case BPF_DIV:
        case BPF_MOD:
            if (source == BPF_X)
                reject_if(BPF_JMP32 | BPF_JEQ | BPF_K, kX, 0, 0);
            else if (c.k == 0)
                return false;
            break;
        case BPF_LSH:
        case BPF_RSH:
            if (source == BPF_X) {
                emit(BPF_JMP32 | BPF_JLE | BPF_K, kX, 0, 2, 31);
                set(kA, 0);
                emit(BPF_JMP | BPF_JA, 0, 0, 1, 0);
            } else if (c.k > 31) {
                set(kA, 0);
                return true;
            }
            break;
        case BPF_ADD:
        case BPF_SUB:
        case BPF_MUL:
        case BPF_AND:
        case BPF_OR:
        case BPF_XOR:
            break;
        default:
            return false;
        }
        emit(static_cast<std::uint8_t>(BPF_ALU | operation | source), kA, source == BPF_X ? kX : 0, 0,
             source == BPF_X ? 0 : c.k);
        return true;
    }

    Result<void> classic_jump(std::size_t i, const sock_filter& c, bool* known)
    {
        const std::uint8_t operation = BPF_OP(c.code), source = BPF_SRC(c.code);
        if (operation == BPF_JA) {
            // As in libpcap, a backward k is a signed distance.
            const auto target = static_cast<std::int64_t>(i) + 1 + static_cast<std::int32_t>(c.k);
            if (auto error = leads_to(i, target < 0 ? 0 : static_cast<std::uint64_t>(target)); !error.ok())
                return error;
            jump(Target::kInstruction, static_cast<std::size_t>(target));
            return {};
        }
        *known = operation == BPF_JEQ || operation == BPF_JGT || operation == BPF_JGE || operation == BPF_JSET;
        if (!*known)
            return {};
        for (const std::size_t distance : {c.jt, c.jf})
            if (auto error = leads_to(i, i + 1 + distance); !error.ok())
                return error;
        // A condition, or its opposite, is chosen so that the next instruction is reached by falling through.
        const std::uint8_t x = source == BPF_X ? kX : 0;
        const std::uint32_t k = source == BPF_X ? 0 : c.k;
        const std::uint8_t opposite = operation == BPF_JEQ ? BPF_JNE : operation == BPF_JGT ? BPF_JLE : BPF_JLT;
        if (c.jt == 0 && c.jf != 0 && operation != BPF_JSET) {
            jump_if(static_cast<std::uint8_t>(BPF_JMP32 | opposite | source), kA, x, k, Target::kInstruction,
                    i + 1 + c.jf);
            return {};
        }
        if (c.jt != c.jf)
            jump_if(static_cast<std::uint8_t>(BPF_JMP32 | operation | source), kA, x, k, Target::kInstruction,
                    i + 1 + c.jt);
        if (c.jf != 0)
            jump(Target::kInstruction, i + 1 + c.jf);
        return {};
    }

    bool answer(const sock_filter& c)
    {
        if (c.code != (BPF_RET | BPF_K) && c.code != (BPF_RET | BPF_A))
            return false;
        if (BPF_RVAL(c.code) == BPF_A)
            reject_if(BPF_JMP32 | BPF_JEQ | BPF_K, kA, 0, 0);
        const bool accepts = BPF_RVAL(c.code) == BPF_A || c.k != 0;
        (accepts ? accepts_ : rejects_) = true;
        jump(accepts ? Target::kAccept : Target::kReject, 0);
        return true;
    }

    std::span<const sock_filter> program_;
    FilterContext context_;
    std::vector<std::uint64_t> captured_; // before each instruction: bytes known to be captured, on every path to it
    std::vector<std::size_t> start_;      // address of each instruction's translation
    std::vector<bpf_insn> out_;
    std::vector<Jump> jumps_;
    std::vector<SlowLoad> slow_;
    bool has_slow_way_ = false; // of the last load
    std::size_t accept_at_ = 0, reject_at_ = 0;
    bool accepts_ = false, rejects_ = false;
};

} // namespace

Result<std::vector<bpf_insn>> translate_filter(std::span<const sock_filter> program, FilterContext context)
{
    return Translation(program, context).run();
}

} // namespace flowxdp
