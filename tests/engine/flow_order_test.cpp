// SPDX-License-Identifier: BSD-2-Clause
// Ended records wait for their watermark and leave by (era, end clock, flowInd).
#include "pipeline/flow_order.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <tuple>

namespace flowxdp {
namespace {

using Key = std::tuple<std::uint32_t, std::int64_t, std::uint64_t>;

ended_record record_of(std::uint32_t era, std::int64_t end_clock_ns, std::uint64_t flow_id)
{
    ended_record r{};
    r.header = {sizeof r, STREAM_ENDED, 0};
    r.era = era;
    r.end_clock_ns = end_clock_ns;
    r.record.flow_id = flow_id;
    return r;
}

// As the pipeline does when the chunk that a record stands in goes.
void hold_kept(FlowOrder& order, const ended_record& record)
{
    order.hold(record);
    order.copy_borrowed();
}

std::vector<Key> keys_until(FlowOrder& order, std::uint32_t era, std::int64_t clock_ns)
{
    std::vector<Key> keys;
    order.release(era, clock_ns,
                  [&keys](const ended_record& r) { keys.emplace_back(r.era, r.end_clock_ns, r.record.flow_id); });
    return keys;
}

TEST(FlowOrder, AWatermarkLetsGoWhatIsBelowItAndNothingElse)
{
    FlowOrder order;
    for (const auto& r : {record_of(0, 30, 1), record_of(0, 10, 2), record_of(0, 20, 3)})
        hold_kept(order, r);
    EXPECT_EQ(keys_until(order, 0, 20), (std::vector<Key>{{0, 10, 2}}));
    EXPECT_EQ(order.held(), 2U);
    EXPECT_EQ(keys_until(order, 0, 31), (std::vector<Key>{{0, 20, 3}, {0, 30, 1}}));
    EXPECT_EQ(order.held(), 0U);
}

TEST(FlowOrder, EqualClocksLeaveByFlowInd)
{
    FlowOrder order;
    for (const std::uint64_t id : {3, 1, 2})
        hold_kept(order, record_of(0, 5, id));
    EXPECT_EQ(keys_until(order, 0, 6), (std::vector<Key>{{0, 5, 1}, {0, 5, 2}, {0, 5, 3}}));
}

TEST(FlowOrder, AnEarlierEraComesFirstWhateverItsClocks)
{
    FlowOrder order;
    hold_kept(order, record_of(1, -50, 2));
    hold_kept(order, record_of(0, 1000, 1));
    EXPECT_EQ(keys_until(order, 1, -50), (std::vector<Key>{{0, 1000, 1}}));
    std::vector<std::uint64_t> rest;
    EXPECT_EQ(order.release_all([&rest](const ended_record& r) { rest.push_back(r.record.flow_id); }), 1U);
    EXPECT_EQ(rest, std::vector<std::uint64_t>{2});
}

TEST(FlowOrder, AReleaseWithNothingBelowTheMarkChangesNothing)
{
    FlowOrder order;
    EXPECT_TRUE(keys_until(order, 9, 9).empty());
    hold_kept(order, record_of(0, 100, 1));
    EXPECT_TRUE(keys_until(order, 0, 100).empty());
    EXPECT_EQ(order.held(), 1U);
}

// What waits is copied once, when its chunk goes, and given back when it leaves.
TEST(FlowOrder, HoldsTheBytesOfWhatWaitsAndNoMore)
{
    FlowOrder order;
    std::vector<ended_record> chunk_of_them;
    for (std::uint64_t id = 1; id <= 1000; id++)
        chunk_of_them.push_back(record_of(0, static_cast<std::int64_t>(id), id));
    for (const ended_record& record : chunk_of_them)
        order.hold(record);
    EXPECT_EQ(order.held_bytes(), 0U); // they stand in the chunk
    keys_until(order, 0, 401);
    order.copy_borrowed();
    EXPECT_EQ(order.held_bytes(), 600 * sizeof(ended_record));
    for (int i = 0; i < 10; i++)
        order.copy_borrowed();
    EXPECT_EQ(order.held_bytes(), 600 * sizeof(ended_record));
    hold_kept(order, record_of(0, 500, 2000));
    EXPECT_EQ(keys_until(order, 0, 501).back(), Key(0, 500, 2000));
    EXPECT_EQ(order.held_bytes(), 500 * sizeof(ended_record));
    order.release_all([](const ended_record&) {});
    EXPECT_EQ(order.held_bytes(), 0U);
}

// However records and watermarks are mixed, what leaves is the sorted list.
TEST(FlowOrder, OutputDoesNotDependOnWhenRecordsWereFound)
{
    std::mt19937_64 random(7);
    std::vector<Key> out, all;
    std::deque<ended_record> records;
    FlowOrder order;
    std::int64_t mark = 0;
    std::uint64_t id = 0;
    for (int step = 0; step < 2000; step++) {
        for (std::uint64_t n = random() % 5; n; n--) {
            const auto clock = mark + static_cast<std::int64_t>(random() % 50);
            // Some stand in the chunk until it goes, which may be after they left.
            records.push_back(record_of(0, clock, ++id));
            order.hold(records.back());
            if (random() % 3 == 0)
                order.copy_borrowed();
            all.emplace_back(0, clock, id);
        }
        mark += static_cast<std::int64_t>(random() % 20);
        for (const Key& key : keys_until(order, 0, mark))
            out.push_back(key);
    }
    order.release_all([&out](const ended_record& r) { out.emplace_back(r.era, r.end_clock_ns, r.record.flow_id); });
    std::ranges::sort(all);
    EXPECT_EQ(out, all);
}

} // namespace
} // namespace flowxdp
