// SPDX-License-Identifier: BSD-2-Clause
// What user halves keep of live flows: there from the first packet to the end, never more than there is room for.
#include "plugin/flow_memory.h"

#include <gtest/gtest.h>

namespace flowxdp {
namespace {

std::uint64_t number(const std::uint8_t* memory)
{
    std::uint64_t n = 0;
    std::memcpy(&n, memory, sizeof n);
    return n;
}

TEST(FlowMemory, IsZeroAtFirstAndKeptUntilTheEnd)
{
    FlowMemory memory(24, 1000);
    EXPECT_EQ(memory.find(7), nullptr);
    for (std::uint64_t flow = 1; flow <= 1000; flow++) {
        std::uint8_t* at = memory.of(flow);
        EXPECT_EQ(number(at), 0U);
        EXPECT_EQ(number(at + 16), 0U);
        std::memcpy(at, &flow, sizeof flow);
        std::memcpy(at + 16, &flow, sizeof flow);
    }
    for (std::uint64_t flow = 1; flow <= 1000; flow++) {
        EXPECT_EQ(number(memory.of(flow)), flow);
        EXPECT_EQ(number(memory.find(flow) + 16), flow);
    }
    memory.forget(500);
    EXPECT_EQ(memory.find(500), nullptr);
    EXPECT_EQ(number(memory.of(500)), 0U) << "a flow that ended left its bytes to another one";
    EXPECT_EQ(memory.dropped(), 0U);
    EXPECT_EQ(memory.flows(), 1000U);
}

// The oldest is dropped, however often it was asked for since; each loss is counted.
TEST(FlowMemory, LetsTheOldestGoWhenThereIsNoRoom)
{
    FlowMemory memory(8, 3);
    for (std::uint64_t flow = 1; flow <= 3; flow++)
        memory.of(flow)[0] = 1;
    memory.of(1);
    memory.of(4);
    EXPECT_EQ(memory.dropped(), 1U);
    EXPECT_EQ(memory.find(1), nullptr);
    EXPECT_NE(memory.find(2), nullptr);
    memory.forget(3);
    memory.of(5); // in 3's place
    EXPECT_EQ(memory.dropped(), 1U);
    memory.of(6);
    EXPECT_EQ(memory.dropped(), 2U);
    EXPECT_EQ(memory.find(2), nullptr);
    EXPECT_EQ(number(memory.find(4)), 0U);
    EXPECT_EQ(memory.flows(), 3U);
    memory.forget(77); // never had one
    EXPECT_EQ(memory.flows(), 3U);
}

TEST(FlowMemory, IsBoundedInBytesAndInFlows)
{
    EXPECT_EQ(FlowMemory::within(64u << 20, 8).most_flows(), 262144U);
    EXPECT_EQ(FlowMemory::within(64u << 20, 64u << 10).most_flows(), 1024U);
    EXPECT_EQ(FlowMemory::within(1000, 4096).most_flows(), 1U);
}

// Each of a daemon's sensors numbers its flows from 1.
TEST(FlowMemory, KnowsTheFlowsOfTwoSensorsApart)
{
    const stream_header first{8, STREAM_PACKET, 1}, second{8, STREAM_PACKET, 2};
    EXPECT_NE(FlowMemory::key(first, 1), FlowMemory::key(second, 1));
    EXPECT_NE(FlowMemory::key(first, 1), FlowMemory::key(first, 2));
}

} // namespace
} // namespace flowxdp
