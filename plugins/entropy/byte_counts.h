// SPDX-License-Identifier: BSD-2-Clause
// byte_counts.h - how often each byte value came, and what follows from it. Bytes of fixed size, all zero when empty.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

namespace flowxdp {

class ByteCounts {
  public:
    static constexpr std::uint32_t kMost = 65535; // bytes: 16 bits count them

    // Counts bytes until most of them are counted in all. Returns whether there was room for all.
    bool add(std::span<const std::uint8_t> bytes, std::uint32_t most)
    {
        const std::size_t room = std::min(most, kMost) - std::min(most, total_);
        for (const std::uint8_t byte : bytes.first(std::min(room, bytes.size())))
            counts_[byte]++;
        total_ += static_cast<std::uint32_t>(std::min(room, bytes.size()));
        return bytes.size() <= room;
    }
    [[nodiscard]] std::uint32_t total() const { return total_; }
    // Shannon's entropy of a byte as a part of its 8 bits, from 0 to 1; 0 without bytes.
    [[nodiscard]] double entropy() const
    {
        double bits = 0;
        for (const std::uint16_t count : counts_)
            if (count) {
                const double p = static_cast<double>(count) / total_;
                bits -= p * std::log2(p);
            }
        return std::max(bits, 0.0) / 8;
    }
    // Bytes from first to last.
    [[nodiscard]] std::uint32_t between(std::uint8_t first, std::uint8_t last) const
    {
        std::uint32_t sum = 0;
        for (unsigned byte = first; byte <= last; byte++)
            sum += counts_[byte];
        return sum;
    }

  private:
    std::uint16_t counts_[256];
    std::uint32_t total_;
};

} // namespace flowxdp
