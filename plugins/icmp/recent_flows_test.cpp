// SPDX-License-Identifier: BSD-2-Clause
#include <gtest/gtest.h>

#include <array>

#include "icmp/recent_flows.h"

namespace flowxdp {
namespace {

using Map = RecentMap<std::uint32_t, std::uint32_t>;

TEST(RecentMap, AFullSetForgetsWhatWasPutLongestAgo)
{
    Map map(1); // one set
    for (std::uint32_t key = 0; key < Map::kWays; key++)
        EXPECT_FALSE(map.put(key, key + 100));
    EXPECT_FALSE(map.put(0, 200)) << "the same key again";
    EXPECT_TRUE(map.put(8, 108));
    EXPECT_EQ(map.find(1), nullptr) << "0 was put again, so 1 was the oldest";
    ASSERT_NE(map.find(0), nullptr);
    EXPECT_EQ(*map.find(0), 200u);
    EXPECT_EQ(*map.find(8), 108u);
    EXPECT_EQ(map.forgotten(), 1u);
}

TEST(RecentMap, HoldsNoMoreThanItsPlacesHoweverMuchIsPut)
{
    constexpr std::uint32_t kPlaces = 1024, kKeys = 100000;
    Map map(kPlaces);
    for (std::uint32_t key = 0; key < kKeys; key++)
        map.put(key, key);
    std::uint32_t there = 0;
    for (std::uint32_t key = 0; key < kKeys; key++)
        if (const std::uint32_t* value = map.find(key)) {
            EXPECT_EQ(*value, key);
            there++;
        }
    EXPECT_EQ(there, kPlaces);
    EXPECT_EQ(map.forgotten(), kKeys - kPlaces);
}

class RecentFlowsTest : public testing::Test {
  protected:
    using Address = std::array<std::uint8_t, 16>;
    const Address a_ = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    const Address b_ = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 7};
    RecentFlows flows_;
};

TEST_F(RecentFlowsTest, ATupleIsFoundFromBothEnds)
{
    flows_.add({a_.data(), b_.data(), 40000, 53, 4, 17, 0}, 7);
    EXPECT_EQ(flows_.find({a_.data(), b_.data(), 40000, 53, 4, 17, 0}), 7u);
    EXPECT_EQ(flows_.find({b_.data(), a_.data(), 53, 40000, 4, 17, 0}), 7u);
    EXPECT_EQ(flows_.find({a_.data(), b_.data(), 53, 40000, 4, 17, 0}), 0u);
    EXPECT_EQ(flows_.find({a_.data(), b_.data(), 40000, 53, 4, 6, 0}), 0u);
    EXPECT_EQ(flows_.find({a_.data(), b_.data(), 40000, 53, 4, 17, 1}), 0u) << "another sensor's flow";
    flows_.add({b_.data(), a_.data(), 53, 40000, 4, 17, 0}, 9);
    EXPECT_EQ(flows_.find({a_.data(), b_.data(), 40000, 53, 4, 17, 0}), 9u) << "the newest counts";
}

TEST_F(RecentFlowsTest, EqualAddressesAreTwoEndsByTheirPorts)
{
    flows_.add({a_.data(), a_.data(), 2000, 1000, 4, 6, 0}, 3);
    EXPECT_EQ(flows_.find({a_.data(), a_.data(), 1000, 2000, 4, 6, 0}), 3u);
}

} // namespace
} // namespace flowxdp
