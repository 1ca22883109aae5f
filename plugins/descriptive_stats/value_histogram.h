// SPDX-License-Identifier: BSD-2-Clause
// value_histogram.h - how often each value came, in a fixed number of entries, all zero when empty: it lives in a
// flow's memory.
//
// Values keep their leading kMostBits bits; those below 2^24 are exact. When there are more different values than
// entries, all of them lose one leading bit, and the equal ones join, until they fit. How many bits are left depends on
// the set of values and not on their order, because a larger set never needs fewer entries.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace flowxdp {

template <std::uint16_t Entries>
class ValueHistogram {
  public:
    static constexpr unsigned kMostBits = 24;
    // One bit is kept at least: one entry for 0 and for each power of two.
    static constexpr std::uint64_t kMost = (std::uint64_t{1} << std::min(Entries - 1, 62)) - 1;

    struct Bin {
        double value; // the middle of what the bin holds
        std::uint32_t count;
    };

    void add(std::uint64_t value)
    {
        value = std::min(value, kMost);
        for (;;) {
            const std::uint32_t code = encode(rounded(value));
            std::uint32_t* const end = codes_ + used_;
            std::uint32_t* const at = std::lower_bound(codes_, end, code);
            const auto i = static_cast<std::size_t>(at - codes_);
            if (at != end && *at == code) {
                counts_[i] += counts_[i] != UINT32_MAX;
                return;
            }
            if (used_ < Entries) {
                std::memmove(at + 1, at, (used_ - i) * sizeof *codes_);
                std::memmove(counts_ + i + 1, counts_ + i, (used_ - i) * sizeof *counts_);
                codes_[i] = code;
                counts_[i] = 1;
                used_++;
                return;
            }
            lose_a_bit();
        }
    }

    [[nodiscard]] std::size_t size() const { return used_; }
    // By value.
    [[nodiscard]] Bin operator[](std::size_t i) const
    {
        const std::uint64_t low = decode(codes_[i]);
        const unsigned width = static_cast<unsigned>(std::bit_width(low)), kept = bits();
        const std::uint64_t values = width > kept ? std::uint64_t{1} << (width - kept) : 1;
        return {static_cast<double>(low) + static_cast<double>(values - 1) / 2, counts_[i]};
    }
    // Leading bits that values still have.
    [[nodiscard]] unsigned bits() const { return kMostBits - lost_; }
    // Values lost bits because of their number.
    [[nodiscard]] bool is_rounded() const { return lost_ != 0; }

  private:
    [[nodiscard]] std::uint64_t rounded(std::uint64_t value) const
    {
        const unsigned width = static_cast<unsigned>(std::bit_width(value)), kept = bits();
        return width > kept ? value >> (width - kept) << (width - kept) : value;
    }
    // The leading 24 bits, and above them by how many places they were moved: in the order of the values.
    static std::uint32_t encode(std::uint64_t value)
    {
        const unsigned width = static_cast<unsigned>(std::bit_width(value));
        const unsigned moved = width > kMostBits ? width - kMostBits : 0;
        return moved << kMostBits | static_cast<std::uint32_t>(value >> moved);
    }
    static std::uint64_t decode(std::uint32_t code)
    {
        return std::uint64_t{code & ((1u << kMostBits) - 1)} << (code >> kMostBits);
    }
    void lose_a_bit()
    {
        lost_++;
        std::uint16_t kept = 0;
        for (std::uint16_t i = 0; i < used_; i++) {
            const std::uint32_t code = encode(rounded(decode(codes_[i])));
            if (kept && codes_[kept - 1] == code) {
                const std::uint32_t room = UINT32_MAX - counts_[kept - 1];
                counts_[kept - 1] += std::min(room, counts_[i]);
                continue;
            }
            codes_[kept] = code;
            counts_[kept++] = counts_[i];
        }
        used_ = kept;
    }

    std::uint32_t codes_[Entries];
    std::uint32_t counts_[Entries];
    std::uint16_t used_;
    std::uint16_t lost_;
    std::uint32_t pad_;
};

} // namespace flowxdp
