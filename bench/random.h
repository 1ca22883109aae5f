// SPDX-License-Identifier: BSD-2-Clause
// random.h - numbers from a fixed seed: the same made-up traffic on every machine.
#pragma once

#include <cstdint>

namespace flowxdp::bench {

// splitmix64: the standard library's distributions differ from one implementation to the next.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next()
    {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    // In [0, n).
    std::uint64_t below(std::uint64_t n) { return n ? next() % n : 0; }
    // In [0, 1).
    double fraction() { return static_cast<double>(next() >> 11) * 0x1p-53; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }

  private:
    std::uint64_t state_;
};

} // namespace flowxdp::bench
