// SPDX-License-Identifier: BSD-2-Clause
// Ids of any size cost the same, and no more of them are remembered than can be named.
#include "replay/seen_interfaces.h"

#include <gtest/gtest.h>

namespace flowxdp::test {
namespace {

TEST(SeenInterfaces, EachIdIsNewOnce)
{
    SeenInterfaces seen;
    for (const std::uint32_t id : {0u, 7u, 65535u, 65536u, 4000000000u, 0xffffffffu}) {
        EXPECT_TRUE(seen.first_time(id)) << id;
        EXPECT_FALSE(seen.first_time(id)) << id;
    }
    EXPECT_TRUE(seen.first_time(6));
}

TEST(SeenInterfaces, BeyondWhatCanBeNamedNoIdIsNew)
{
    SeenInterfaces seen;
    std::size_t named = 0;
    for (std::uint32_t i = 0; i < 200000; i++)
        named += seen.first_time(1000000 + i * 3);
    EXPECT_EQ(named, 65536U);
    EXPECT_TRUE(seen.first_time(5)); // small ones have room of their own
}

TEST(InterfaceDirectory, KeepsTheFirstNameOfAnIdAndABoundedNumberOfThem)
{
    InterfaceDirectory directory;
    for (std::uint32_t i = 0; i < 100000; i++)
        directory.name(i * 40000, "if" + std::to_string(i));
    directory.name(0, "other");
    EXPECT_EQ(directory.find(0), "if0");
    EXPECT_EQ(directory.find(65535u * 40000u), "if65535");
    EXPECT_EQ(directory.find(65536u * 40000u), std::nullopt);
}

} // namespace
} // namespace flowxdp::test
