// SPDX-License-Identifier: BSD-2-Clause
// LazyOrder gives what std::sort gives, whatever was sorted before.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "lazy_order.h"

namespace flowxdp {
namespace {

std::vector<unsigned> numbers(std::size_t n, unsigned distinct)
{
    std::mt19937 random(static_cast<unsigned>(n));
    std::vector<unsigned> all(n);
    for (unsigned& v : all)
        v = static_cast<unsigned>(random()) % distinct;
    return all;
}

TEST(LazyOrder, IsTheOrderOfASort)
{
    for (const std::size_t n : {0u, 1u, 1023u, 1024u, 1025u, 5000u, 100000u})
        for (const unsigned distinct : {1u, 3u, 1000000u}) {
            SCOPED_TRACE(testing::Message() << n << " numbers of " << distinct);
            std::vector<unsigned> expected = numbers(n, distinct);
            LazyOrder<unsigned> order(expected);
            std::ranges::sort(expected);
            ASSERT_EQ(order.size(), n);
            for (std::size_t i = 0; i < n; i++)
                ASSERT_EQ(order[i], expected[i]) << i;
        }
}

TEST(LazyOrder, SortsUpToWhatIsAskedFor)
{
    std::vector<unsigned> expected = numbers(50000, 1000000);
    LazyOrder<unsigned> order(expected);
    std::ranges::sort(expected);
    for (const std::size_t i : {49999u, 0u, 20000u})
        EXPECT_EQ(order[i], expected[i]);
}

} // namespace
} // namespace flowxdp
