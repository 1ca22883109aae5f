// SPDX-License-Identifier: BSD-2-Clause
// round_times.h - how long the daemon's rounds took: a histogram that the daemon fills and any thread reads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace flowxdp {

class RoundTimes {
  public:
    // Upper limits of the buckets, ns. A round is due four times a second, so most of them end in the first buckets;
    // one that takes seconds waits for a sink.
    static constexpr std::array<std::int64_t, 8> kLimitsNs = {1000000,   5000000,    25000000,    100000000,
                                                              250000000, 1000000000, 10000000000, 60000000000};

    struct Figures {
        std::array<std::uint64_t, kLimitsNs.size() + 1> rounds{}; // by bucket; the last one is above every limit
        std::uint64_t count = 0;                                  // their sum
        std::int64_t sum_ns = 0;
    };

    // One thread at a time.
    void add(std::int64_t duration_ns)
    {
        std::size_t bucket = 0;
        while (bucket < kLimitsNs.size() && duration_ns > kLimitsNs[bucket])
            bucket++;
        rounds_[bucket].fetch_add(1, std::memory_order_relaxed);
        sum_ns_.fetch_add(duration_ns, std::memory_order_relaxed);
    }
    // A round that ends meanwhile may be in the buckets and not yet in the sum.
    [[nodiscard]] Figures figures() const
    {
        Figures figures;
        figures.sum_ns = sum_ns_.load(std::memory_order_relaxed);
        for (std::size_t i = 0; i < rounds_.size(); i++)
            figures.count += figures.rounds[i] = rounds_[i].load(std::memory_order_relaxed);
        return figures;
    }

  private:
    std::array<std::atomic<std::uint64_t>, kLimitsNs.size() + 1> rounds_{};
    std::atomic<std::int64_t> sum_ns_{0};
};

} // namespace flowxdp
