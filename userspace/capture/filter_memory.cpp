// SPDX-License-Identifier: BSD-2-Clause
#include "capture/filter_memory.h"

#include <fmt/format.h>

#include <cstdint>
#include <vector>

namespace flowxdp {

namespace {

// Before each instruction: the memory words written on every path to it, as bits.
class WrittenWords {
  public:
    explicit WrittenWords(std::span<const sock_filter> program)
        : program_(program), written_(program.size(), 0xffff), reached_(program.size(), 0)
    {
        if (program.empty())
            return;
        written_[0] = 0;
        reached_[0] = 1;
        // One pass is enough when all jumps go forward; a loop needs more. Bits are only cleared, so this ends.
        do {
            changed_ = false;
            for (std::size_t i = 0; i < program_.size(); i++)
                if (reached_[i])
                    step(i);
        } while (changed_);
    }

    [[nodiscard]] bool read_too_early(std::size_t i) const
    {
        const sock_filter& c = program_[i];
        const bool load = BPF_CLASS(c.code) == BPF_LD || BPF_CLASS(c.code) == BPF_LDX;
        return reached_[i] && load && BPF_MODE(c.code) == BPF_MEM && c.k < BPF_MEMWORDS &&
               (written_[i] >> c.k & 1) == 0;
    }

  private:
    void step(std::size_t i)
    {
        const sock_filter& c = program_[i];
        std::uint16_t after = written_[i];
        switch (BPF_CLASS(c.code)) {
        case BPF_RET:
            return;
        case BPF_JMP:
            if (BPF_OP(c.code) == BPF_JA) {
                leads_to(static_cast<std::int64_t>(i) + 1 + static_cast<std::int32_t>(c.k), after);
                return;
            }
            leads_to(static_cast<std::int64_t>(i) + 1 + c.jt, after);
            leads_to(static_cast<std::int64_t>(i) + 1 + c.jf, after);
            return;
        case BPF_ST:
        case BPF_STX:
            if (c.k < BPF_MEMWORDS)
                after |= static_cast<std::uint16_t>(1U << c.k);
            break;
        default:
            break;
        }
        leads_to(static_cast<std::int64_t>(i) + 1, after);
    }

    void leads_to(std::int64_t target, std::uint16_t written)
    {
        if (target < 0 || target >= static_cast<std::int64_t>(program_.size()))
            return;
        const auto t = static_cast<std::size_t>(target);
        if (reached_[t] && (written_[t] & written) == written_[t])
            return;
        reached_[t] = 1;
        written_[t] &= written;
        changed_ = true;
    }

    std::span<const sock_filter> program_;
    std::vector<std::uint16_t> written_;
    std::vector<std::uint8_t> reached_;
    bool changed_ = false;
};

} // namespace

std::optional<std::size_t> unwritten_memory_read(std::span<const sock_filter> program)
{
    const WrittenWords words(program);
    for (std::size_t i = 0; i < program.size(); i++)
        if (words.read_too_early(i))
            return i;
    return std::nullopt;
}

std::string unwritten_memory_reason(std::size_t instruction)
{
    return fmt::format("instruction {} uses a value that not every way to it has computed, so that the answer would be "
                       "random (libpcap does that to what follows 'geneve or'); put 'geneve' last",
                       instruction);
}

} // namespace flowxdp
