// SPDX-License-Identifier: BSD-2-Clause
// The layout id: what a reader of records would notice changes it, nothing else does.
#include <gtest/gtest.h>

#include <set>

#include "record_layout.h"

namespace flowxdp {
namespace {

std::string object(const std::string& name)
{
    return std::string(FLOWXDP_BUILD) + "/lib/tests/" + name + ".bpf.o";
}

std::uint64_t id(const std::string& name)
{
    const auto found = record_layout_id_of(object(name));
    EXPECT_TRUE(found.ok()) << (found.ok() ? "" : found.error().message);
    return found.ok() ? found.value() : 0;
}

TEST(RecordLayout, FieldsOfOneSizeInAnotherOrderAreAnotherLayout)
{
    EXPECT_NE(id("layout"), id("layout_swapped"));
}

TEST(RecordLayout, ANameAFieldOfAFieldAndTheOrderOfCountersCount)
{
    const std::set<std::uint64_t> ids = {id("layout"), id("layout_swapped"), id("layout_renamed"), id("layout_nested"),
                                         id("layout_counters")};
    EXPECT_EQ(ids.size(), 5U);
}

TEST(RecordLayout, WhatDoesNotLeaveTheProgramDoesNotCount)
{
    EXPECT_EQ(id("layout"), id("layout_unrelated"));
}

TEST(RecordLayout, AnObjectOfAnotherKindIsRefused)
{
    const auto found = record_layout_id_of(object("drop_port"));
    ASSERT_FALSE(found.ok());
    EXPECT_NE(found.error().message.find("drop_port.bpf.o' is not the BPF object of a bundle"), std::string::npos)
        << found.error().message;
    EXPECT_FALSE(record_layout_id_of("/nonexistent.bpf.o").ok());
    EXPECT_FALSE(record_layout_id(nullptr).ok());
}

} // namespace
} // namespace flowxdp
