// SPDX-License-Identifier: BSD-2-Clause
// moments.h - mean and population variance of n integers from their exact sums.
//
// Only the last division uses floating point, so the result does not depend on the order of packets.
#pragma once

#include <cstdint>

namespace flowxdp {

__extension__ typedef unsigned __int128 Uint128; // -Wpedantic knows it only as an extension

inline double mean(std::uint64_t sum, std::uint64_t n)
{
    return n ? static_cast<double>(sum) / static_cast<double>(n) : 0.0;
}

// sum and square_sum: of n values below 2^63 whose squares add up to less than 2^126.
// n * square_sum - sum^2 would overflow 128 bits for intervals of minutes in ns: the values are shifted by the integer
// part q of their mean first. S = sum of (x - q)^2 is an integer, and the variance is S / n - (r / n)^2, r = sum mod n.
inline double population_variance(std::uint64_t sum, Uint128 square_sum, std::uint64_t n)
{
    if (n < 2)
        return 0.0;
    const std::uint64_t q = sum / n;
    const std::uint64_t r = sum % n;
    // n q^2 and q sum are below square_sum (Cauchy-Schwarz); 2 q sum may exceed 2^127, so it is subtracted in halves.
    const Uint128 s = square_sum + static_cast<Uint128>(q) * (static_cast<Uint128>(q) * n) -
                      static_cast<Uint128>(q) * sum - static_cast<Uint128>(q) * sum;
    const auto count = static_cast<double>(n);
    if (s >> 64) {
        const double rest = static_cast<double>(r) / count;
        return static_cast<double>(s) / count - rest * rest; // s / n exceeds (r / n)^2 < 1 by far
    }
    return static_cast<double>(s * n - static_cast<Uint128>(r) * r) / count / count;
}

} // namespace flowxdp
